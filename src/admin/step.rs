//! What a plan of many changes does, one thing a line, as people and scripts are told of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::addr::Domain;
use crate::config::desired::Difference;

/// One thing that a plan does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What becomes of it.
    pub action: Action,
    /// `domain`, `account`, `address` or `alias`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The key that changes; empty where the whole thing comes or goes.
    pub key: String,
    /// The value as it is, defaults filled in; an empty text if there is none.
    pub old: Value,
    /// The value as it will be; an empty text if there is none.
    pub new: Value,
    /// What else there is to know, or empty.
    pub note: String,
}

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Add,
    /// A key of it changes.
    Change,
    /// It goes.
    Remove,
}

impl std::fmt::Display for Step {
    /// `+ account alice (it has no password)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self.action {
            Action::Add => '+',
            Action::Change => '~',
            Action::Remove => '-',
        };
        write!(f, "{sign} {} {}", self.kind, self.name)?;
        if !self.key.is_empty() {
            write!(f, ": {}: {} -> {}", self.key, self.old, self.new)?;
        }
        match self.note.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", self.note),
        }
    }
}

/// The steps of these differences. `keys_made`: whether DKIM keys are made for a new domain.
pub(super) fn steps(differences: &[Difference], keys_made: &dyn Fn(&Domain) -> bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for difference in differences {
        let path: Vec<&str> = difference.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["domains", domain] => {
                let made = Domain::parse(domain).is_ok_and(|domain| keys_made(&domain));
                let note = if made { "with new DKIM keys" } else { "" };
                steps.push(whole(difference, "domain", domain, note));
                inner(difference, "aliases", &mut |localpart, alias| {
                    let name = format!("{localpart}@{domain}");
                    steps.push(whole(alias, "alias", &name, ""));
                });
            }
            ["domains", domain, "aliases", localpart, rest @ ..] => {
                let name = format!("{localpart}@{domain}");
                steps.push(part(difference, "alias", &name, rest, ""));
            }
            ["domains", domain, rest @ ..] => {
                steps.push(part(difference, "domain", domain, rest, ""));
            }
            ["accounts", account] => {
                let note = match difference.new.is_null() {
                    true => "with all of its mail",
                    false => "it has no password",
                };
                steps.push(whole(difference, "account", account, note));
                inner(difference, "destinations", &mut |address, destination| {
                    let note = format!("of account {account}");
                    steps.push(whole(destination, "address", address, &note));
                });
            }
            ["accounts", account, "destinations", address, rest @ ..] => {
                let note = format!("of account {account}");
                steps.push(part(difference, "address", address, rest, &note));
            }
            ["accounts", account, rest @ ..] => {
                steps.push(part(difference, "account", account, rest, ""));
            }
            _ => {}
        }
    }
    steps
}

/// The things within a thing that comes or goes.
fn inner(difference: &Difference, key: &str, each: &mut dyn FnMut(&str, &Difference)) {
    let comes = !difference.new.is_null();
    let value = if comes {
        &difference.new
    } else {
        &difference.old
    };
    let all = value.get(key).and_then(Value::as_object);
    for (name, value) in all.into_iter().flatten() {
        let mut inner = difference.clone_of(value, comes);
        inner.path.extend([key.to_owned(), name.clone()]);
        each(name, &inner);
    }
}

fn whole(difference: &Difference, kind: &str, name: &str, note: &str) -> Step {
    part(difference, kind, name, &[], note)
}

fn part(difference: &Difference, kind: &str, name: &str, key: &[&str], note: &str) -> Step {
    let text = |value: &Value| match value {
        Value::Null => Value::from(""),
        value => value.clone(),
    };
    let action = match (key, difference.old.is_null(), difference.new.is_null()) {
        ([], true, _) => Action::Add,
        ([], _, true) => Action::Remove,
        _ => Action::Change,
    };
    Step {
        action,
        kind: kind.to_owned(),
        name: name.to_owned(),
        key: key.join("."),
        old: text(&difference.old),
        new: text(&difference.new),
        note: note.to_owned(),
    }
}
