//! Names that begin as somebody typed: what a shell offers. A part of all that is in order, found without
//! looking at the rest; addresses are looked at one by one, which takes microseconds each thousand.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::addr::{Domain, Localpart};
use crate::config::model::{Account, AddressPattern, Config};
use crate::config::{Sought, glimpse};
use crate::state::TlsKeys;

/// Whose names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// Hosted domains, U-labels.
    Domains,
    /// Accounts.
    Accounts,
    /// Destinations of accounts, `@domain` for catchalls.
    Addresses,
    /// Aliases.
    Aliases,
    /// DKIM keys of the domains among these words, or of all when none is.
    Selectors(Vec<String>),
    /// Fingerprints of TLS public keys.
    Fingerprints,
}

/// A name, and what helps to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRow {
    /// As it is written on a command line.
    pub name: String,
    /// What it is; may be empty.
    pub about: String,
}

/// The names of `config` and `keys` that begin with `start`, sorted, at most `limit`. Of more the last one is
/// among them, so that what all have in common at their beginning is what these have.
pub(super) fn names(
    config: &Config,
    keys: &TlsKeys,
    kind: &NameKind,
    start: &str,
    limit: usize,
) -> Vec<NameRow> {
    match kind {
        NameKind::Domains => domains(config, start, limit),
        NameKind::Accounts => {
            let named = range(&config.accounts, start, limit);
            let named = named.into_iter();
            named
                .map(|(name, account)| row(name, about_account(account)))
                .collect()
        }
        NameKind::Addresses => addresses(config, start, limit),
        NameKind::Aliases => aliases(config, start, limit),
        NameKind::Selectors(words) => selectors(config, words, start, limit),
        NameKind::Fingerprints => {
            let all = keys.iter().filter_map(|key| {
                let name = key.fingerprint.to_string();
                let about = || format!("{} {}", key.login_address, key.name);
                name.starts_with(start).then(|| row(name, about()))
            });
            bounded(all.collect(), limit)
        }
    }
}

/// The same without a server, from a file that may be invalid: nothing that is not in it.
pub fn names_in(
    text: &str,
    file: &std::path::Path,
    kind: &NameKind,
    start: &str,
    limit: usize,
) -> Vec<NameRow> {
    let sought = match kind {
        NameKind::Domains if start.is_ascii() => Sought::Domains(start),
        NameKind::Accounts => Sought::Accounts(start),
        NameKind::Addresses if !start.is_empty() => Sought::AccountsWith(start),
        NameKind::Fingerprints => return Vec::new(),
        _ => Sought::All,
    };
    match glimpse(text, file, sought) {
        Some(config) => names(&config, &TlsKeys::default(), kind, start, limit),
        None => Vec::new(),
    }
}

fn row(name: impl ToString, about: impl Into<String>) -> NameRow {
    NameRow {
        name: name.to_string(),
        about: about.into(),
    }
}

fn about_account(account: &Account) -> String {
    let first = account.destinations.keys().next();
    match account.login_disabled.is_empty() {
        true => first.map(ToString::to_string).unwrap_or_default(),
        false => "logins disabled".to_owned(),
    }
}

/// The entries whose keys begin so: the first ones, and the last.
fn range<'m, K: Ord + Borrow<str>, V>(
    all: &'m BTreeMap<K, V>,
    start: &str,
    limit: usize,
) -> Vec<(&'m K, &'m V)> {
    let end = last_after(start);
    some(
        all.range::<str, _>((Bound::Included(start), Bound::Included(end.as_str()))),
        limit,
    )
}

/// No text that begins so comes after this one.
fn last_after(start: &str) -> String {
    format!("{start}{}", char::MAX)
}

fn some<T>(mut all: impl DoubleEndedIterator<Item = T>, limit: usize) -> Vec<T> {
    let mut some: Vec<T> = all.by_ref().take(limit).collect();
    if let Some(last) = all.next_back() {
        some.pop();
        some.push(last);
    }
    some
}

/// The first ones by name, and the last.
fn bounded(mut rows: Vec<NameRow>, limit: usize) -> Vec<NameRow> {
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows.dedup_by(|next, kept| next.name == kept.name);
    if rows.len() > limit {
        let last = rows.pop();
        rows.truncate(limit.saturating_sub(1));
        rows.extend(last);
    }
    rows
}

/// In the order of A-labels, names whose label that is not complete yet has other letters than ASCII stand by
/// themselves: all of those are looked at, of the others only as many as are wanted.
fn domains(config: &Config, start: &str, limit: usize) -> Vec<NameRow> {
    let (whole, last) = match start.rfind('.') {
        Some(dot) => start.split_at(dot + 1),
        None => ("", start),
    };
    let whole = match whole.strip_suffix('.').map(Domain::parse) {
        None => String::new(),
        Some(Ok(labels)) => format!("{}.", labels.ascii()),
        Some(Err(_)) => return Vec::new(),
    };
    let (first, end) = (
        format!("{whole}{last}"),
        last_after(&format!("{whole}{last}")),
    );
    let (other, other_end) = (format!("{whole}xn--"), last_after(&format!("{whole}xn--")));
    let between = |from: Bound<&str>, to: Bound<&str>| config.domains.range::<str, _>((from, to));
    let mut named: Vec<_> = between(Bound::Included(&other), Bound::Included(&other_end)).collect();
    if other.starts_with(&first) {
        let before = between(Bound::Included(&first), Bound::Excluded(&other));
        named.extend(some(before, limit));
        let after = between(Bound::Excluded(&other_end), Bound::Included(&end));
        named.extend(some(after, limit));
    } else {
        named.extend(range(&config.domains, &first, limit));
    }
    let rows = named.into_iter().filter_map(|(name, domain)| {
        let about = if domain.disabled { "disabled" } else { "" };
        let name = name.unicode();
        name.starts_with(start).then(|| row(name, about))
    });
    bounded(rows.collect(), limit)
}

fn addresses(config: &Config, start: &str, limit: usize) -> Vec<NameRow> {
    let all = config.accounts.iter().flat_map(|(name, account)| {
        let patterns = account.destinations.keys();
        patterns.filter_map(move |pattern| {
            let could = match pattern {
                AddressPattern::Address(address) => could_begin(&address.localpart, start),
                AddressPattern::Catchall(_) => start.is_empty() || start.starts_with('@'),
            };
            let address = could.then(|| pattern.to_string())?;
            address
                .starts_with(start)
                .then(|| row(address, name.as_str()))
        })
    });
    bounded(all.collect(), limit)
}

fn aliases(config: &Config, start: &str, limit: usize) -> Vec<NameRow> {
    let all = config.domains.iter().flat_map(|(domain, settings)| {
        settings
            .aliases
            .iter()
            .filter_map(move |(localpart, alias)| {
                let could = could_begin(localpart, start);
                let address = could.then(|| format!("{localpart}@{domain}"))?;
                let members = || {
                    let members = alias.addresses.iter().take(3).map(ToString::to_string);
                    members.collect::<Vec<_>>().join(" ")
                };
                address.starts_with(start).then(|| row(address, members()))
            })
    });
    bounded(all.collect(), limit)
}

/// Whether an address could be meant, before it is written out to see. In quotes localparts look otherwise.
fn could_begin(localpart: &Localpart, start: &str) -> bool {
    let localpart = localpart.as_str();
    start.starts_with('"') || localpart.starts_with(start) || start.starts_with(localpart)
}

fn selectors(config: &Config, words: &[String], start: &str, limit: usize) -> Vec<NameRow> {
    let words = words.iter().filter_map(|word| Domain::parse(word).ok());
    let named: Vec<_> = words
        .filter_map(|word| config.domains.get_key_value(&word))
        .collect();
    let all = config.domains.iter().filter(|_| named.is_empty());
    let rows = named.iter().copied().chain(all).flat_map(|(name, domain)| {
        let selectors = domain.dkim.selectors.keys();
        let beginning = selectors.filter(|selector| selector.starts_with(start));
        beginning.map(|selector| row(selector, name.unicode()))
    });
    bounded(rows.collect(), limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Unchecked};
    use std::path::Path;

    const CONFIG: &str = r#"
[server]
hostname = "mail.example.org"
[listeners.x]
ips = ["::1"]
[domains."example.org"]
[domains."example.net"]
disabled = true
[domains."www.bücher.example"]
[domains."bücher.example"]
[domains."example.org".aliases.team]
addresses = ["alice@example.org"]
[domains."example.org".dkim]
[domains."example.org".dkim.selectors.one]
key_file = "one.pem"
[domains."example.net".dkim.selectors.two]
key_file = "two.pem"
[accounts.alice]
domain = "example.org"
[accounts.alice.destinations]
"alice@example.org" = {}
"alice@www.bücher.example" = {}
"@example.net" = {}
[accounts.al]
domain = "example.org"
login_disabled = "moved"
destinations = { "al@example.org" = {} }
[accounts.bob]
domain = "example.net"
[accounts.bob.destinations]
'"b b"@example.net' = {}
"#;

    /// Both ways, which must agree.
    fn named(kind: NameKind, start: &str, limit: usize) -> Vec<String> {
        let file = Path::new("/x/mox.toml");
        let config = config::parse(CONFIG, file, &Unchecked).unwrap();
        let served = names(&config, &TlsKeys::default(), &kind, start, limit);
        let read = names_in(CONFIG, file, &kind, start, limit);
        assert_eq!(served, read, "{kind:?} {start}");
        served.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn names_begin_as_typed() {
        use NameKind::{Accounts, Addresses, Aliases, Domains};
        for (kind, start, found) in [
            (
                Domains,
                "",
                &[
                    "bücher.example",
                    "example.net",
                    "example.org",
                    "www.bücher.example",
                ][..],
            ),
            (Domains, "example.o", &["example.org"]),
            (Domains, "bü", &["bücher.example"]),
            (Domains, "b", &["bücher.example"]),
            (Domains, "www.b", &["www.bücher.example"]),
            (Domains, "www.bücher.e", &["www.bücher.example"]),
            (Domains, "xn--", &[]),
            (Domains, ".", &[]),
            (Accounts, "al", &["al", "alice"]),
            (Accounts, "ali", &["alice"]),
            (Accounts, "z", &[]),
            (
                Addresses,
                "al",
                &[
                    "al@example.org",
                    "alice@example.org",
                    "alice@www.bücher.example",
                ],
            ),
            (Addresses, "alice@w", &["alice@www.bücher.example"]),
            (Addresses, "@", &["@example.net"]),
            (Addresses, "\"b", &["\"b b\"@example.net"]),
            (Aliases, "te", &["team@example.org"]),
            (Aliases, "team@example.net", &[]),
        ] {
            assert_eq!(named(kind.clone(), start, 100), found, "{kind:?} {start}");
        }
    }

    #[test]
    fn selectors_are_those_of_the_domain_on_the_line() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let of = |line: &[&str]| named(NameKind::Selectors(words(line)), "", 100);
        assert_eq!(of(&["mox", "example.net"]), ["two"]);
        assert_eq!(of(&["mox"]), ["one", "two"]);
    }

    #[test]
    fn of_many_the_last_is_there_too() {
        for kind in [NameKind::Domains, NameKind::Accounts, NameKind::Addresses] {
            let all = named(kind.clone(), "", 100);
            let some = named(kind, "", 2);
            assert_eq!([&some[0], &some[1]], [&all[0], &all[all.len() - 1]]);
        }
    }

    #[test]
    fn a_file_that_is_invalid_still_has_names() {
        let broken = format!("{CONFIG}\n[nonsense]\nx = \n");
        let found = names_in(&broken, Path::new("/x"), &NameKind::Accounts, "b", 9);
        assert_eq!(found, [row("bob", "\"b b\"@example.net")]);
    }
}
