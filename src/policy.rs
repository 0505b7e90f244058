//! Pure decisions on one snapshot. `mox explain` asks the same functions.

mod filing;
mod mail_settings;

use std::sync::Arc;

use crate::addr::{AccountName, Address, Domain};
use crate::config::model::{Alias, DomainPattern, Route as RouteConfig, Ruleset, Transport};
use crate::snapshot::{Lookup, Snapshot};

pub use filing::{Header, decide_mailbox, file};
pub use mail_settings::{MailServer, MailSettings, NoMailSettings, mail_settings};

/// Where a message for an accepted recipient goes: one entry an account and mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whose mail.
    pub account: AccountName,
    /// Which mailbox.
    pub mailbox: String,
    /// What goes to other mailboxes, once the message is known ([`file`]).
    pub rulesets: Arc<[Ruleset]>,
    /// Bytes the account may hold, 0: no limit.
    pub quota: u64,
}

/// Who hands a message in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Another server, on port 25.
    Outside,
    /// An account, by submission.
    Account(AccountName),
}

/// Why a recipient is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RcptRefusal {
    /// 450 4.2.1.
    DomainDisabled,
    /// 550 5.1.1.
    UnknownAddress,
    /// 550 5.7.1: an alias that takes mail of its members only.
    MembersOnly,
    /// 550 5.7.1: the domain is not hosted here.
    NotLocal,
}

/// A recipient as SMTP knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// `<Postmaster>` without a domain.
    Postmaster,
    /// An address.
    Address(Address),
}

/// Who gets a message for this recipient: each account once, whatever leads to it.
pub fn decide_rcpt(
    snapshot: &Snapshot,
    origin: &Origin,
    recipient: &Recipient,
) -> Result<Vec<Delivery>, RcptRefusal> {
    let address = match recipient {
        Recipient::Postmaster => return postmaster(snapshot),
        Recipient::Address(address) => address,
    };
    let is_postmaster = address
        .localpart
        .as_str()
        .eq_ignore_ascii_case("postmaster");
    let Some(domain) = snapshot.domain(&address.domain) else {
        if is_postmaster && snapshot.is_hostname(&address.domain) {
            return postmaster(snapshot);
        }
        return Err(RcptRefusal::NotLocal);
    };
    if domain.disabled {
        return Err(RcptRefusal::DomainDisabled);
    }
    match snapshot.lookup(address) {
        Some(Lookup::Destination {
            account,
            mailbox,
            rulesets,
            ..
        }) => Ok(delivery(snapshot, account, mailbox, rulesets)
            .into_iter()
            .collect()),
        Some(Lookup::Alias(name)) => match domain.aliases.get(&name.localpart) {
            Some(alias) => expand(snapshot, origin, alias),
            None => Err(RcptRefusal::UnknownAddress),
        },
        None if is_postmaster => postmaster(snapshot),
        None => Err(RcptRefusal::UnknownAddress),
    }
}

/// The members of an alias. While one is at a disabled domain all of it waits at the sender's: nothing
/// here could keep that member's copy. On port 25 nothing proves that a sender is a member.
fn expand(
    snapshot: &Snapshot,
    origin: &Origin,
    alias: &Alias,
) -> Result<Vec<Delivery>, RcptRefusal> {
    let mut deliveries: Vec<Delivery> = Vec::with_capacity(alias.addresses.len());
    for member in &alias.addresses {
        let Some(Lookup::Destination {
            account,
            mailbox,
            rulesets,
            ..
        }) = snapshot.lookup(member)
        else {
            continue;
        };
        if deliveries.iter().all(|known| known.account != account) {
            deliveries.extend(delivery(snapshot, account, mailbox, rulesets));
        }
    }
    let from_member = match origin {
        Origin::Account(name) => deliveries.iter().any(|member| member.account == *name),
        Origin::Outside => false,
    };
    if !alias.post_public && !from_member {
        return Err(RcptRefusal::MembersOnly);
    }
    let mut members = alias.addresses.iter();
    if members.any(|member| is_disabled(snapshot, &member.domain)) {
        return Err(RcptRefusal::DomainDisabled);
    }
    if deliveries.is_empty() {
        Err(RcptRefusal::UnknownAddress)
    } else {
        Ok(deliveries)
    }
}

fn is_disabled(snapshot: &Snapshot, domain: &Domain) -> bool {
    snapshot
        .domain(domain)
        .is_some_and(|domain| domain.disabled)
}

fn postmaster(snapshot: &Snapshot) -> Result<Vec<Delivery>, RcptRefusal> {
    let (account, mailbox) = snapshot.postmaster().ok_or(RcptRefusal::UnknownAddress)?;
    Ok(delivery(snapshot, account, mailbox, [].into())
        .into_iter()
        .collect())
}

fn delivery(
    snapshot: &Snapshot,
    account: AccountName,
    mailbox: String,
    rulesets: Arc<[Ruleset]>,
) -> Option<Delivery> {
    let quota = snapshot.account(&account)?.quota;
    Some(Delivery {
        account,
        mailbox,
        rulesets,
        quota,
    })
}

/// Why an account may not send as an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderRefusal {
    /// 550 5.7.1.
    NotYours,
    /// 451 4.3.0.
    DomainDisabled,
}

/// Whether the account may use the address in MAIL FROM or From: its own, also by catchall or with a
/// separator, or an alias of which it is a member and that allows it.
pub fn decide_sender(
    snapshot: &Snapshot,
    account: &AccountName,
    sender: &Address,
) -> Result<(), SenderRefusal> {
    let domain = snapshot
        .domain(&sender.domain)
        .ok_or(SenderRefusal::NotYours)?;
    let owns = |address: &Address| matches!(snapshot.lookup(address), Some(Lookup::Destination { account: owner, .. }) if owner == *account);
    let allowed = match snapshot.lookup(sender) {
        Some(Lookup::Destination { account: owner, .. }) => owner == *account,
        Some(Lookup::Alias(name)) => domain
            .aliases
            .get(&name.localpart)
            .is_some_and(|alias| alias.allow_msg_from && alias.addresses.iter().any(owns)),
        None => false,
    };
    match (allowed, domain.disabled) {
        (false, _) => Err(SenderRefusal::NotYours),
        (true, true) => Err(SenderRefusal::DomainDisabled),
        (true, false) => Ok(()),
    }
}

/// What becomes of a submitted message's foreign recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The built-in transport `loopback`: to this account's Inbox, never off the machine.
    Loopback(AccountName),
    /// No transport takes it: refused at RCPT.
    None,
}

/// The route for a recipient at a domain that is not hosted here: the first that matches of the
/// account's, the sender's domain's and the global ones.
pub fn decide_route(
    snapshot: &Snapshot,
    account: &AccountName,
    from: &Address,
    to: &Address,
) -> Route {
    let of_account = snapshot.account(account).map(|account| &account.routes);
    let of_domain = snapshot.domain(&from.domain).map(|domain| &domain.routes);
    let routes = of_account
        .into_iter()
        .chain(of_domain)
        .chain([&snapshot.config.routes])
        .flatten();
    for route in routes {
        if matches(route, &from.domain, &to.domain) {
            return match &route.transport {
                Transport::Loopback(account) => Route::Loopback(account.clone()),
            };
        }
    }
    Route::None
}

fn matches(route: &RouteConfig, from: &Domain, to: &Domain) -> bool {
    let within = |patterns: &[DomainPattern], domain| {
        patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(domain))
    };
    within(&route.from, from) && within(&route.to, to)
}

#[cfg(test)]
mod tests;
