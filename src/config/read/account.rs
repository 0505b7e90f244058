//! `[accounts.NAME]`, and who owns which address.

use std::collections::{BTreeMap, HashMap};

use super::value::{domain, mailbox, parse_account, pattern, size, text};
use super::{Names, route, ruleset};
use crate::addr::{AccountName, Address};
use crate::config::model::{Account, AddressPattern, Destination};
use crate::config::reader::At;
use crate::diag::did_you_mean;

/// A message for who tries to log in is no longer than this.
const MAX_LOGIN_DISABLED: usize = 256;

/// Whether a text can be the message of an account whose logins are disabled: at most 256 printable
/// ASCII characters.
pub fn is_login_message(text: &str) -> bool {
    text.len() <= MAX_LOGIN_DISABLED && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}

pub(super) fn read(
    name: &str,
    at: At<'_, '_>,
    names: &Names<'_>,
    owners: &mut Owners,
) -> Option<(AccountName, Account)> {
    let name = parse_account(name, at);
    let mut fields = at.fields()?;
    let domain = fields.required("domain", |at| {
        let domain = domain(at)?;
        names.hosted(&domain, at);
        Some(domain)
    });
    let full_name = fields.or("full_name", String::new(), text);
    let login_disabled = fields.or("login_disabled", String::new(), |at| {
        let message = at.text()?;
        if !is_login_message(message) {
            return at.refuse(
                "account.login_disabled",
                format!(
                    "{} must be at most {MAX_LOGIN_DISABLED} printable ASCII characters",
                    at.path
                ),
            );
        }
        Some(message.to_owned())
    });
    let quota = fields.or("quota", 0, size);
    let mut destinations = BTreeMap::new();
    fields.optional("destinations", |at| {
        at.each(|key, at| {
            let read = read_destination(key, at, names);
            if let (Some((pattern, destination)), Some(name)) = (read, &name)
                && owners.add(&pattern, name, at, names).is_some()
            {
                destinations.insert(pattern, destination);
            }
        })
    });
    let routes = fields.or("routes", Vec::new(), |at| {
        at.list(|at| route::read(at, names))
    });
    fields.finish();
    let account = Account {
        domain: domain?,
        full_name,
        login_disabled,
        quota,
        destinations,
        routes,
    };
    Some((name?, account))
}

fn read_destination(
    key: &str,
    at: At<'_, '_>,
    names: &Names<'_>,
) -> Option<(AddressPattern, Destination)> {
    let pattern = pattern(key, at);
    if let Some(pattern) = &pattern {
        names.hosted(pattern.domain(), at);
    }
    let mut fields = at.fields()?;
    let destination = Destination {
        mailbox: fields.or("mailbox", "Inbox".to_owned(), mailbox),
        rulesets: fields.or("rulesets", Vec::new(), ruleset::read_all).into(),
    };
    fields.finish();
    Some((pattern?, destination))
}

/// Who owns which address, as it is compared on the wire.
#[derive(Default)]
pub(super) struct Owners {
    /// Cut and folded: owned by one account only.
    canonical: HashMap<AddressPattern, Owner>,
    /// Folded, not cut: there once only.
    folded: HashMap<AddressPattern, AddressPattern>,
}

enum Owner {
    Account(AccountName),
    Alias,
}

impl Owners {
    fn add(
        &mut self,
        pattern: &AddressPattern,
        account: &AccountName,
        at: At<'_, '_>,
        names: &Names<'_>,
    ) -> Option<()> {
        match self.canonical.get(&names.canonical(pattern)) {
            Some(Owner::Account(owner)) if owner != account => {
                return at.refuse(
                    "address.owned_twice",
                    format!("{pattern} belongs to account {owner} already"),
                );
            }
            _ => {}
        }
        if let Some(other) = self.folded.get(&names.folded(pattern)) {
            return at.refuse(
                "address.twice",
                format!("{pattern} is the same address as {other}"),
            );
        }
        let owner = Owner::Account(account.clone());
        self.canonical.insert(names.canonical(pattern), owner);
        self.folded.insert(names.folded(pattern), pattern.clone());
        Some(())
    }

    /// An address that an account has and keeps, if nobody else was given it.
    pub(super) fn assume(
        &mut self,
        pattern: &AddressPattern,
        account: &AccountName,
        names: &Names<'_>,
    ) {
        let owner = || Owner::Account(account.clone());
        let canonical = self.canonical.entry(names.canonical(pattern));
        canonical.or_insert_with(owner);
        let folded = self.folded.entry(names.folded(pattern));
        folded.or_insert_with(|| pattern.clone());
    }

    pub(super) fn add_alias(
        &mut self,
        address: &AddressPattern,
        at: At<'_, '_>,
        names: &Names<'_>,
    ) {
        let key = names.canonical(address);
        match self.canonical.get(&key) {
            Some(Owner::Account(owner)) => at.refuse(
                "alias.collides",
                format!("alias {address} is an address of account {owner}"),
            ),
            Some(Owner::Alias) => {
                at.refuse("alias.twice", format!("alias {address} is defined twice"))
            }
            None => Some(()),
        };
        self.canonical.entry(key).or_insert(Owner::Alias);
    }

    /// Complains unless an account has exactly this address.
    pub(super) fn member(
        &self,
        address: &Address,
        at: At<'_, '_>,
        names: &Names<'_>,
    ) -> Option<()> {
        let pattern = AddressPattern::Address(address.clone());
        if self.folded.contains_key(&names.folded(&pattern)) {
            return Some(());
        }
        let all = self.folded.values().filter(|_| !at.problems.are_many());
        let same_domain = all.filter_map(|p| match p {
            AddressPattern::Address(a) if a.domain == address.domain => Some(a.to_string()),
            _ => None,
        });
        let all: Vec<String> = same_domain.collect();
        let near = did_you_mean(&address.to_string(), all.iter().map(String::as_str));
        let hint = near
            .map(|n| format!("did you mean {n}?"))
            .unwrap_or_default();
        at.refuse_hint(
            "alias.unknown_member",
            format!("no account has the address {address}"),
            hint,
        )
    }
}
