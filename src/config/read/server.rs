//! `[server]`, `[limits]`, `[auth]`.

use super::value::{boolean, domain, duration, mailbox, one_of, resolver, size, text};
use super::{Context, Names};
use crate::config::model::{Auth, Limits, LogLevel, Postmaster, Server};
use crate::config::reader::At;
use crate::sasl::Mechanism;

/// Where the data is unless `server.data_dir` says otherwise.
pub(in crate::config) const DEFAULT_DATA_DIR: &str = "../data";

pub(super) fn read(at: At<'_, '_>, context: &Context<'_>, names: &Names<'_>) -> Option<Server> {
    let mut fields = at.fields()?;
    let hostname = fields.required("hostname", domain);
    let server = Server {
        data_dir: fields.or("data_dir", context.folder.join(DEFAULT_DATA_DIR), |at| {
            context.path(at)
        }),
        user: fields.or("user", String::new(), text),
        log_level: fields.or("log_level", LogLevel::Info, |at| {
            one_of(at, &LogLevel::NAMES)
        }),
        postmaster: fields.optional("postmaster", |at| read_postmaster(at, names)),
        resolver: fields.or("resolver", Vec::new(), |at| at.list(resolver)),
        resolver_trusted: fields.or("resolver_trusted", false, boolean),
        hostname: match hostname {
            Some(hostname) => hostname,
            None => {
                fields.finish();
                return None;
            }
        },
    };
    fields.finish();
    Some(server)
}

fn read_postmaster(at: At<'_, '_>, names: &Names<'_>) -> Option<Postmaster> {
    let mut fields = at.fields()?;
    let account = fields.required("account", |at| names.account(at));
    let mailbox = fields.or("mailbox", "Inbox".to_owned(), mailbox);
    fields.finish();
    Some(Postmaster {
        account: account?,
        mailbox,
    })
}

pub(super) fn read_limits(at: At<'_, '_>) -> Option<Limits> {
    let mut fields = at.fields()?;
    let d = Limits::default();
    let limits = Limits {
        message_size: fields.or("message_size", d.message_size, size),
        recipients: fields.or("recipients", d.recipients, |at| at.number()),
        header_size: fields.or("header_size", d.header_size, size),
        received: fields.or("received", d.received, |at| at.number()),
        connections_per_address: fields.or(
            "connections_per_address",
            d.connections_per_address,
            |at| at.number(),
        ),
        smtp_idle: fields.or("smtp_idle", d.smtp_idle, duration),
        smtp_message: fields.or("smtp_message", d.smtp_message, duration),
        imap_idle: fields.or("imap_idle", d.imap_idle, duration),
        login_idle: fields.or("login_idle", d.login_idle, duration),
        login_failures: fields.or("login_failures", d.login_failures, |at| at.number()),
        login_failure_delay: fields.or("login_failure_delay", d.login_failure_delay, duration),
        limit_loopback: fields.or("limit_loopback", d.limit_loopback, boolean),
    };
    fields.finish();
    Some(limits)
}

pub(super) fn read_auth(at: At<'_, '_>) -> Option<Auth> {
    let mut fields = at.fields()?;
    let d = Auth::default();
    let auth = Auth {
        failures_per_minute: fields.or("failures_per_minute", d.failures_per_minute, three),
        failures_per_day: fields.or("failures_per_day", d.failures_per_day, three),
        mechanisms_off: fields.or("mechanisms_off", d.mechanisms_off, |at| {
            at.list(|at| one_of(at, &Mechanism::NAMES))
        }),
        cram_md5: fields.or("cram_md5", d.cram_md5, boolean),
    };
    fields.finish();
    Some(auth)
}

/// For an address, its network and the wider one.
fn three(at: At<'_, '_>) -> Option<[u32; 3]> {
    let found: Vec<u32> = at.list(|at| at.number())?;
    if at.array()?.items.len() != 3 {
        return at.refuse_hint(
            "value",
            format!("{} must have three numbers", at.path),
            "for an address, its network and the wider one: [10, 30, 90]",
        );
    }
    found.try_into().ok()
}
