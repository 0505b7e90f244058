//! The reference says what the reader does.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::super::model::Config;
use super::super::{Unchecked, effective, parse};
use super::*;

fn valid(text: &str) -> Config {
    parse(text, Path::new("/etc/mox/mox.toml"), &Unchecked)
        .unwrap_or_else(|e| panic!("{text}\n{e:#?}"))
}

/// With everything switched on.
fn all_on() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    describe().lines().map(|line| on(line) + "\n").collect()
}

#[test]
fn the_reference_is_valid_as_it_stands_and_switched_on() {
    let plain = valid(&describe());
    let on = valid(&all_on());
    assert_eq!(plain.limits, on.limits);
    assert_eq!(plain.auth, on.auth);
    let text = describe();
    let mut comments = text.lines().filter(|line| line.starts_with("# "));
    assert!(comments.all(|line| line.chars().count() <= 100));
}

/// Every value that stands there as the default is what holds without it.
#[test]
fn defaults_are_those_of_the_reader() {
    // Only what has no default of its own is left: take the commented defaults away one by one.
    let on = all_on();
    let whole = valid(&on);
    let rows = list();
    let mut checked = 0;
    for row in rows.iter().filter(|row| !row.default.is_empty()) {
        let name = row.key.rsplit('.').next().expect("a name");
        let line = format!("{name} = {}", row.default);
        let count = on.lines().filter(|found| *found == line).count();
        assert!(count > 0, "{line} is not in the reference");
        for nth in 0..count {
            let mut seen = 0;
            let without: String = on
                .lines()
                .filter(|found| {
                    seen += usize::from(*found == line);
                    !(*found == line && seen == nth + 1)
                })
                .map(|found| format!("{found}\n"))
                .collect();
            assert_eq!(valid(&without), whole, "without {line}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

/// `mox config show` has the keys of the reference, all of them and no others.
#[test]
fn what_is_shown_are_the_keys_of_the_reference() {
    let mut shown = BTreeSet::new();
    paths(&effective::to_json(&valid(&all_on())), "", &mut shown);
    let known: BTreeSet<String> = list().into_iter().map(|row| row.key).collect();
    // Not part of what holds: nothing uses it yet.
    let known: BTreeSet<String> = known
        .into_iter()
        .filter(|key| !key.starts_with("acme"))
        .collect();
    assert_eq!(shown, known);
}

const NAMED: [&str; 6] = [
    "accounts.NAME.destinations.NAME.rulesets[].headers_regexp",
    "listeners",
    "domains",
    "accounts",
    "domains.NAME.aliases",
    "domains.NAME.dkim.selectors",
];

fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let named = NAMED.contains(&path) || path == "accounts.NAME.destinations";
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if named { "NAME" } else { name };
                let inner = match path.is_empty() {
                    true => name.to_owned(),
                    false => format!("{path}.{name}"),
                };
                if !named {
                    found.insert(inner.clone());
                }
                paths(value, &inner, found);
            }
        }
        Value::Array(items) => {
            for item in items.iter().filter(|item| item.is_object()) {
                paths(item, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_key_says_what_it_means() {
    for row in list() {
        assert!(
            row.description.ends_with('.') || row.description.ends_with('…'),
            "{row:?}"
        );
        assert!(row.description.len() > 10, "{row:?}");
    }
}

/// Numbers, sizes and durations at their bounds are taken, and beyond them refused.
#[test]
fn bounds_hold() {
    let on = all_on();
    let mut tried = 0;
    bounds(ROOT, &mut |key, inside, outside| {
        let line = on
            .lines()
            .find(|line| line.starts_with(&format!("{} = ", key.name)))
            .expect("in the reference");
        for (value, good) in inside
            .iter()
            .map(|v| (v, true))
            .chain(outside.iter().map(|v| (v, false)))
        {
            let text = on.replacen(
                &format!("\n{line}\n"),
                &format!("\n{} = {value}\n", key.name),
                1,
            );
            let read = parse(&text, Path::new("mox.toml"), &Unchecked);
            // Ports can collide with others of the file.
            let taken = match &read {
                Ok(_) => true,
                Err(problems) => problems.iter().all(|p| p.code == "listener.port_in_use"),
            };
            assert_eq!(taken, good, "{} = {value}: {read:?}", key.name);
            tried += 1;
        }
    });
    assert!(tried > 40, "{tried}");
}

/// A key, values that it takes, values that it does not.
type Try<'t> = dyn FnMut(&Key, &[String], &[String]) + 't;

fn bounds(keys: &'static [Key], try_it: &mut Try<'_>) {
    for key in keys {
        match &key.kind {
            Kind::Number { least, most } => try_it(
                key,
                &[least.to_string(), most.to_string()],
                &[(least - 1).to_string(), (most + 1).to_string()],
            ),
            Kind::Size { least } => {
                let below = i64::try_from(*least).expect("small") - 1;
                try_it(key, &[least.to_string()], &[below.to_string()]);
            }
            Kind::Duration { zero } => {
                let none = ["0".to_owned(), "\"0s\"".to_owned()];
                let (inside, outside): (&[_], &[_]) = match zero {
                    true => (&none, &[]),
                    false => (&[], &none),
                };
                try_it(key, inside, outside);
            }
            Kind::Word(words) => {
                let all: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                try_it(key, &all, &["\"other\"".to_owned()]);
            }
            Kind::Table(keys) => bounds(keys, try_it),
            Kind::Named { of, .. } | Kind::Tables(of) => {
                if let Kind::Table(keys) = of {
                    bounds(keys, try_it);
                }
            }
            _ => {}
        }
    }
}
