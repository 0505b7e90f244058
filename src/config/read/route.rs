//! `[[routes]]`: global, of a domain, of an account.

use super::Names;
use super::value::parse_domain;
use crate::config::model::{DomainPattern, Route, Transport};
use crate::config::reader::At;

pub(super) fn read(at: At<'_, '_>, names: &Names<'_>) -> Option<Route> {
    let mut fields = at.fields()?;
    let from = fields.or("from", Vec::new(), |at| at.list(read_pattern));
    let to = fields.or("to", Vec::new(), |at| at.list(read_pattern));
    let account = fields.optional("account", |at| names.account(at));
    let has_account = fields.table.get("account").is_some();
    let transport = fields.required("transport", |at| match at.text()? {
        "loopback" if has_account => Some(()),
        "loopback" => at.refuse_hint(
            "route.account",
            "the transport loopback needs an account to deliver to",
            "add account = \"…\"",
        ),
        other => at.refuse_hint(
            "route.unknown_transport",
            format!("there is no transport {other:?}"),
            "only the built-in transport loopback is there yet",
        ),
    });
    fields.finish();
    transport?;
    Some(Route {
        from,
        to,
        transport: Transport::Loopback(account?),
    })
}

fn read_pattern(at: At<'_, '_>) -> Option<DomainPattern> {
    match at.text()? {
        "." => Some(DomainPattern::Any),
        text => match text.strip_prefix('.') {
            Some(parent) => parse_domain(parent, at).map(DomainPattern::Under),
            None => parse_domain(text, at).map(DomainPattern::Exact),
        },
    }
}
