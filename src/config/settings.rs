//! The plain keys of domains and accounts that commands set one by one: `mox config account set` takes
//! them, completes them and is refused others from this one list.

use super::edit::Value;
use super::model::{Account, DomainConfig};
use super::units::{format_size, parse_size};
use crate::addr::Domain;
use crate::diag::did_you_mean;

/// A key of a table.
#[derive(Debug)]
pub struct Setting<T: 'static> {
    /// As in the file.
    pub key: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// The value that holds, empty where there is none.
    now: fn(&T) -> String,
}

/// What values of a key are, and how they are written on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// The name of a domain.
    Domain,
    /// `true` or `false`.
    Boolean,
    /// `100MB`, or bytes.
    Size,
    /// Texts with spaces between them.
    Texts,
}

/// Those of `[accounts.NAME]`.
pub const ACCOUNT: &[Setting<Account>] = &[
    Setting {
        key: "domain",
        kind: Kind::Domain,
        about: "domain of its addresses by default",
        now: |account| account.domain.unicode(),
    },
    Setting {
        key: "full_name",
        kind: Kind::Text,
        about: "name of its owner",
        now: |account| account.full_name.clone(),
    },
    Setting {
        key: "login_disabled",
        kind: Kind::Text,
        about: "message that stops logins",
        now: |account| account.login_disabled.clone(),
    },
    Setting {
        key: "quota",
        kind: Kind::Size,
        about: "most mail that it may hold",
        now: |account| match account.quota {
            0 => String::new(),
            bytes => format_size(bytes),
        },
    },
];

/// Those of `[domains."NAME"]`.
pub const DOMAIN: &[Setting<DomainConfig>] = &[
    Setting {
        key: "client_settings_domain",
        kind: Kind::Domain,
        about: "host name given to mail programs",
        now: |domain| {
            let name = domain.client_settings_domain.as_ref();
            name.map(Domain::unicode).unwrap_or_default()
        },
    },
    Setting {
        key: "disabled",
        kind: Kind::Boolean,
        about: "whether its mail is refused for now",
        now: |domain| flag(domain.disabled),
    },
    Setting {
        key: "localpart_case_sensitive",
        kind: Kind::Boolean,
        about: "whether Alice and alice are different",
        now: |domain| flag(domain.localpart_case_sensitive),
    },
    Setting {
        key: "localpart_catchall_separators",
        kind: Kind::Texts,
        about: "texts behind which an address does not count",
        now: |domain| domain.localpart_catchall_separators.join(" "),
    },
];

fn flag(value: bool) -> String {
    match value {
        true => "true".to_owned(),
        false => String::new(),
    }
}

impl<T> Setting<T> {
    /// The key of that name; else a likely next step.
    pub fn find(all: &'static [Setting<T>], key: &str) -> Result<&'static Setting<T>, String> {
        all.iter()
            .find(|setting| setting.key == key)
            .ok_or_else(|| {
                let names = all.iter().map(|setting| setting.key);
                match did_you_mean(key, names.clone()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("known: {}", names.collect::<Vec<_>>().join(", ")),
                }
            })
    }

    /// The value that holds, as it would be written on a command line; empty where there is none.
    pub fn now(&self, table: &T) -> String {
        (self.now)(table)
    }

    /// A value from a command line: what it comes to in the form of [`now`](Setting::now), and what
    /// is to stand in the file.
    pub fn parse(&self, text: &str) -> Result<(String, Value), String> {
        match self.kind {
            Kind::Text => Ok((text.to_owned(), Value::Text(text.to_owned()))),
            Kind::Domain => {
                let domain = Domain::parse(text).map_err(|error| error.to_string())?;
                Ok((domain.unicode(), Value::Text(domain.unicode())))
            }
            Kind::Boolean => match text {
                "true" => Ok((flag(true), Value::Boolean(true))),
                "false" => Ok((flag(false), Value::Boolean(false))),
                _ => Err(format!("{} is true or false, not {text:?}", self.key)),
            },
            Kind::Size => match parse_size(text).map(|bytes| (bytes, i64::try_from(bytes))) {
                Some((0, _)) => Ok((String::new(), Value::Number(0))),
                Some((bytes, Ok(number))) => {
                    let shown = format_size(bytes);
                    let value = match shown.bytes().all(|byte| byte.is_ascii_digit()) {
                        true => Value::Number(number),
                        false => Value::Text(shown.clone()),
                    };
                    Ok((shown, value))
                }
                _ => Err(format!(
                    "{text:?} is not a size: write bytes, or 100KB, 100MB, 10GB, 1TB"
                )),
            },
            Kind::Texts => {
                let items: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                Ok((items.join(" "), Value::Texts(items)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_in_one_form() {
        let quota = Setting::find(ACCOUNT, "quota").expect("known");
        for (text, shown) in [
            ("1024MB", "1GB"),
            ("1 GiB", "1GB"),
            ("0", ""),
            ("1000", "1000"),
        ] {
            assert_eq!(quota.parse(text).expect("a size").0, shown);
        }
        assert!(quota.parse("much").is_err());
        assert!(quota.parse("-1").is_err());
        assert!(quota.parse("9999999TB").is_err());
        let disabled = Setting::find(DOMAIN, "disabled").expect("known");
        assert!(disabled.parse("yes").is_err());
        let separators = Setting::find(DOMAIN, "localpart_catchall_separators").expect("known");
        let (_, value) = separators.parse(" +  -- ").expect("texts");
        assert_eq!(value, Value::Texts(vec!["+".to_owned(), "--".to_owned()]));
    }

    #[test]
    fn other_keys_are_refused_with_the_nearest() {
        let hint = |key| Setting::find(ACCOUNT, key).expect_err("unknown");
        assert_eq!(hint("qouta"), "did you mean quota?");
        assert!(hint("xyzzy").starts_with("known: domain, full_name"));
    }
}
