//! `[listeners.NAME]` with its TLS and services, and `[acme.NAME]`.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Context;
use super::value::{boolean, domain, ip, one_of, port, text};
use crate::config::model::{Certificate, Listener, Service, ServiceKind, Tls, TlsVersion, Web};
use crate::config::reader::At;

/// Addresses and ports that are taken, by whom.
#[derive(Default)]
pub(super) struct Bound(HashMap<(IpAddr, u16), String>);

pub(super) fn read(at: At<'_, '_>, context: &Context<'_>, bound: &mut Bound) -> Option<Listener> {
    let mut fields = at.fields()?;
    let ips = fields.required("ips", |at| {
        if at.array()?.items.is_empty() {
            return at.refuse("value", format!("{} needs at least one address", at.path));
        }
        at.list(ip)
    });
    let hostname = fields.optional("hostname", domain);
    let has_tls = fields.table.get("tls").is_some();
    let tls = fields.optional("tls", |at| read_tls(at, context));
    let ips = ips.unwrap_or_default();
    let mut service = |kind: ServiceKind| {
        fields.optional(kind.as_str(), |at| {
            read_service(at, kind, has_tls, &ips, bound)
        })
    };
    let smtp = service(ServiceKind::Smtp);
    let submission = service(ServiceKind::Submission);
    let submissions = service(ServiceKind::Submissions);
    let imap = service(ServiceKind::Imap);
    let imaps = service(ServiceKind::Imaps);
    let mut web = |key: &'static str, secure: bool| {
        fields.optional(key, |at| read_web(at, secure, has_tls, &ips, bound))
    };
    let http = web("http", false);
    let https = web("https", true);
    fields.finish();
    Some(Listener {
        ips,
        hostname,
        tls,
        smtp,
        submission,
        submissions,
        imap,
        imaps,
        http,
        https,
    })
}

fn read_service(
    at: At<'_, '_>,
    kind: ServiceKind,
    has_tls: bool,
    ips: &[IpAddr],
    bound: &mut Bound,
) -> Option<Service> {
    let mut fields = at.fields()?;
    let own_port = fields.or("port", kind.default_port(), port);
    let tls_required = match kind {
        ServiceKind::Submission | ServiceKind::Imap => fields.or("tls_required", true, boolean),
        _ => kind.implicit_tls(),
    };
    fields.finish();
    if tls_required && !has_tls {
        needs_tls(at, !kind.implicit_tls());
    }
    bind(at, ips, own_port, bound);
    Some(Service {
        port: own_port,
        tls_required,
    })
}

fn read_web(
    at: At<'_, '_>,
    secure: bool,
    has_tls: bool,
    ips: &[IpAddr],
    bound: &mut Bound,
) -> Option<Web> {
    let mut fields = at.fields()?;
    let mut web = Web {
        port: fields.or("port", if secure { 443 } else { 80 }, port),
        account: fields.or("account", String::new(), url_path),
        admin: fields.or("admin", String::new(), url_path),
        metrics: fields.or("metrics", String::new(), url_path),
        autoconfig: false,
        mta_sts: false,
        forwarded: fields.or("forwarded", false, boolean),
    };
    if secure {
        web.autoconfig = fields.or("autoconfig", false, boolean);
        web.mta_sts = fields.or("mta_sts", false, boolean);
    }
    fields.finish();
    if secure && !has_tls {
        needs_tls(at, false);
    }
    bind(at, ips, web.port, bound);
    Some(web)
}

fn needs_tls(at: At<'_, '_>, can_do_without: bool) {
    let hint = match can_do_without {
        true => "add tls to the listener, or tls_required = false to let passwords cross readable",
        false => "add tls to the listener",
    };
    let message = format!("{} needs TLS, and the listener has none", at.path);
    at.refuse_hint::<()>("listener.needs_tls", message, hint);
}

/// One address and port, one service. Addresses of all interfaces take those of each.
fn bind(at: At<'_, '_>, ips: &[IpAddr], port: u16, bound: &mut Bound) {
    let name = at.path.to_string();
    for &ip in ips {
        let taken = bound.0.iter().find(|((other, other_port), _)| {
            *other_port == port
                && (*other == ip
                    || (other.is_ipv4() == ip.is_ipv4()
                        && (other.is_unspecified() || ip.is_unspecified())))
        });
        if let Some(((other, _), owner)) = taken {
            let same = match owner == &name {
                true => "twice".to_owned(),
                false => format!("by {owner} too"),
            };
            let message = format!("{ip} port {port} is used {same} (as {other})");
            at.refuse_hint::<()>(
                "listener.port_in_use",
                message,
                "give one of them another port",
            );
            return;
        }
    }
    for &ip in ips {
        bound.0.insert((ip, port), name.clone());
    }
}

/// `/admin/`: starts and ends with a slash.
fn url_path(at: At<'_, '_>) -> Option<String> {
    let path = at.text()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if path.is_empty() || (path.starts_with('/') && path.chars().all(plain)) {
        return Some(path.to_owned());
    }
    at.refuse_hint(
        "value",
        format!("{path:?} is not a path of a URL"),
        "write /admin/ or the like",
    )
}

fn read_tls(at: At<'_, '_>, context: &Context<'_>) -> Option<Tls> {
    let mut fields = at.fields()?;
    fields.reserved("acme", "certificates by ACME are");
    let has_acme = fields.table.get("acme").is_some();
    let certificates = |at: At<'_, '_>| {
        if at.array()?.items.is_empty() {
            return at.refuse("value", format!("{} needs at least one", at.path));
        }
        at.list(|at| read_certificate(at, context))
    };
    let certificates = match has_acme {
        true => fields.optional("certificates", certificates),
        false => fields.required("certificates", certificates),
    };
    let min_version = fields.or("min_version", TlsVersion::V12, |at| {
        one_of(at, &TlsVersion::NAMES)
    });
    let client_auth = fields.or("client_auth", true, boolean);
    fields.finish();
    Some(Tls {
        certificates: certificates?,
        min_version,
        client_auth,
    })
}

fn read_certificate(at: At<'_, '_>, context: &Context<'_>) -> Option<Certificate> {
    let mut fields = at.fields()?;
    let cert = fields.required("cert", |at| context.path(at));
    let key = fields.required("key", |at| context.path(at));
    fields.finish();
    let certificate = Certificate {
        cert: cert?,
        key: key?,
    };
    match context.files.certificate(&certificate) {
        Ok(()) => Some(certificate),
        Err(e) => at.refuse("tls.certificate", e.to_string()),
    }
}

/// Only for its keys: nothing can use it yet.
pub(super) fn read_acme(at: At<'_, '_>) -> Option<()> {
    at.each(|_, at| {
        let Some(mut fields) = at.fields() else {
            return;
        };
        fields.required("directory_url", text);
        fields.optional("contact_email", text);
        fields.optional("ca_file", text);
        fields.finish();
    })
}
