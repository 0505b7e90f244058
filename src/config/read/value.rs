//! Values of one key: names, addresses, sizes, durations.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::addr::{AccountName, Domain};
use crate::config::document::Data;
use crate::config::keys::Kind;
use crate::config::model::AddressPattern;
use crate::config::reader::At;
use crate::config::units;
use crate::diag::did_you_mean;
use crate::mailbox::MailboxName;

pub(super) fn text(at: At<'_, '_>) -> Option<String> {
    at.text().map(str::to_owned)
}

pub(super) fn boolean(at: At<'_, '_>) -> Option<bool> {
    at.boolean()
}

/// A domain in the form that people read, U-labels in lower case.
pub(in crate::config) fn domain(at: At<'_, '_>) -> Option<Domain> {
    parse_domain(at.text()?, at)
}

/// The same for a key.
pub(super) fn parse_domain(text: &str, at: At<'_, '_>) -> Option<Domain> {
    let Ok(domain) = Domain::parse(text) else {
        let hint = match Domain::parse(text.trim_end_matches('.')) {
            Ok(domain) => format!("write {domain}"),
            Err(_) => String::new(),
        };
        return at.refuse_hint(
            "domain.invalid",
            format!("{text:?} is not a domain name"),
            hint,
        );
    };
    // Nearly all are, and the check is not cheap.
    if domain.ascii() != text || text.contains("xn--") {
        let canonical = domain.unicode();
        if canonical != text {
            // What it means is clear, so nothing else need be complained about.
            at.refuse_hint::<()>(
                "domain.form",
                format!("domain {text:?} is not in its canonical form"),
                format!("write {canonical}"),
            );
        }
    }
    Some(domain)
}

/// An address or `@domain` in canonical form.
pub(super) fn pattern(text: &str, at: At<'_, '_>) -> Option<AddressPattern> {
    let pattern = match AddressPattern::parse(text) {
        Ok(pattern) => pattern,
        Err(e) => return at.refuse("address.invalid", e.to_string()),
    };
    let canonical = pattern.to_string();
    if canonical != text {
        at.refuse_hint::<()>(
            "address.form",
            format!("address {text:?} is not in its canonical form"),
            format!("write {canonical}"),
        );
    }
    Some(pattern)
}

pub(super) fn account_name(at: At<'_, '_>) -> Option<AccountName> {
    parse_account(at.text()?, at)
}

pub(super) fn parse_account(text: &str, at: At<'_, '_>) -> Option<AccountName> {
    match AccountName::parse(text) {
        Ok(name) => Some(name),
        Err(e) => at.refuse("account.invalid", e.to_string()),
    }
}

pub(super) fn mailbox(at: At<'_, '_>) -> Option<String> {
    let name = at.text()?;
    match MailboxName::parse(name) {
        Ok(found) => Some(found.as_str().to_owned()),
        Err(why) => at.refuse(
            "mailbox.invalid",
            format!("{name:?} is not a mailbox: {why}"),
        ),
    }
}

pub(super) fn ip(at: At<'_, '_>) -> Option<IpAddr> {
    let text = at.text()?;
    match text.parse() {
        Ok(ip) => Some(ip),
        Err(_) => at.refuse("value", format!("{text:?} is not an IP address")),
    }
}

/// `127.0.0.1:5353`, `[::1]:53`; without a port it is DNS's.
pub(super) fn resolver(at: At<'_, '_>) -> Option<SocketAddr> {
    let text = at.text()?;
    let with_port = text.parse::<SocketAddr>();
    match with_port.or_else(|_| text.parse().map(|ip: IpAddr| SocketAddr::new(ip, 53))) {
        Ok(address) => Some(address),
        Err(_) => at.refuse_hint(
            "value",
            format!("{text:?} is not an address and port"),
            "write 127.0.0.1:53 or [::1]:53",
        ),
    }
}

/// A port that can be bound.
pub(super) fn port(at: At<'_, '_>) -> Option<u16> {
    at.number()
}

/// Bytes, as many as its key wants.
pub(super) fn size(at: At<'_, '_>) -> Option<u64> {
    let bytes = match &at.node.data {
        Data::String(text) => match units::parse_size(text) {
            Some(bytes) if i64::try_from(bytes).is_ok() => Some(bytes),
            _ => at.refuse_hint(
                "value",
                format!("{text:?} is not a size"),
                "write bytes, or 100KB, 100MB, 10GB, 1TB",
            ),
        },
        _ => at.number(),
    }?;
    match *at.kind {
        Kind::Size { least } if bytes < least => {
            at.refuse("value", format!("{} must be at least {least}", at.path))
        }
        _ => Some(bytes),
    }
}

/// Text with units, or seconds; more than no time, unless its key lets it be none.
pub(super) fn duration(at: At<'_, '_>) -> Option<Duration> {
    let duration = match &at.node.data {
        Data::String(text) => match units::parse_duration(text) {
            Some(duration) => Some(duration),
            None => at.refuse_hint(
                "value",
                format!("{text:?} is not a duration"),
                "write seconds, or 500ms, 30s, 5m, 1h, 7d",
            ),
        },
        _ => at.number().map(Duration::from_secs),
    }?;
    match at.kind {
        Kind::Duration { zero: false } if duration.is_zero() => {
            at.refuse("value", format!("{} must be more than no time", at.path))
        }
        _ => Some(duration),
    }
}

/// One of several words.
pub(in crate::config) fn one_of<T: Copy>(at: At<'_, '_>, all: &[(&str, T)]) -> Option<T> {
    let text = at.text()?;
    if let Some((_, value)) = all.iter().find(|(name, _)| *name == text) {
        return Some(*value);
    }
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let hint = match did_you_mean(text, names.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("one of: {}", names.join(", ")),
    };
    at.refuse_hint("value", format!("{} cannot be {text:?}", at.path), hint)
}
