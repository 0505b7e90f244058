//! What the records of a domain depend on: listeners, keys, certificates, addresses of the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::interfaces::{is_public, local_addresses};
use crate::addr::Domain;
use crate::config::model::{Config, DomainConfig, Listener, ServiceKind};
use crate::x509::{self, dkim};

/// The facts of one domain. Names are A-labels without the final dot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDns {
    /// The domain.
    pub domain: String,
    /// Hosts that take mail from other servers; the first is the one named in the configuration.
    pub hosts: Vec<MailHost>,
    /// The host that mail programs are told.
    pub settings_host: String,
    /// Its addresses.
    pub settings_ips: Vec<IpAddr>,
    /// Services for mail programs, as in SRV records (`imaps`), with their ports; none: not offered.
    pub services: Vec<(String, Option<u16>)>,
    /// Keys by selector.
    pub dkim: Vec<DkimRecord>,
    /// `server.resolver`.
    pub resolver: Vec<SocketAddr>,
    /// `server.resolver_trusted`.
    pub resolver_trusted: bool,
    /// What could not be found out, for people.
    pub notes: Vec<String>,
}

/// A host that takes mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailHost {
    /// Its name.
    pub name: String,
    /// Its addresses that others can reach; empty: not known from here.
    pub ips: Vec<IpAddr>,
    /// Certificates that it may show.
    pub certificates: Vec<HostCertificate>,
}

/// A certificate of the host itself, as TLSA records mean it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCertificate {
    /// All of it, DER in base64.
    pub certificate: String,
    /// Its public key, a SubjectPublicKeyInfo in base64.
    pub key: String,
}

impl HostCertificate {
    /// What a TLSA record with this selector and matching type has to hold (RFC 6698 §2.1); none for
    /// types that are not known.
    pub(super) fn association(&self, selector: u8, matching: u8) -> Option<Vec<u8>> {
        let text = match selector {
            0 => &self.certificate,
            1 => &self.key,
            _ => return None,
        };
        let bytes = STANDARD.decode(text).ok()?;
        match matching {
            0 => Some(bytes),
            1 => Some(Sha256::digest(&bytes).to_vec()),
            2 => Some(Sha512::digest(&bytes).to_vec()),
            _ => None,
        }
    }
}

/// A DKIM key (RFC 6376 §3.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimRecord {
    /// Its selector.
    pub selector: String,
    /// Whether mail is signed with it.
    pub signs: bool,
    /// The text of its record.
    pub record: String,
}

/// Services that RFC 6186 and RFC 8314 have SRV records for. POP3 is never offered.
const SERVICES: [(&str, Option<ServiceKind>); 6] = [
    ("submissions", Some(ServiceKind::Submissions)),
    ("submission", Some(ServiceKind::Submission)),
    ("imaps", Some(ServiceKind::Imaps)),
    ("imap", Some(ServiceKind::Imap)),
    ("pop3s", None),
    ("pop3", None),
];

impl DomainDns {
    /// Reads key and certificate files and asks the system for the machine's addresses; no DNS. What
    /// cannot be read is a note.
    pub fn gather(config: &Config, domain: &Domain, settings: &DomainConfig) -> DomainDns {
        let mut notes = Vec::new();
        let machine = local_addresses();
        let reachable = reachable(config, &machine, &mut notes);
        let server = &config.server;
        let settings_host = match &settings.client_settings_domain {
            Some(host) => host.clone(),
            None => server.hostname.clone(),
        };
        let services = SERVICES
            .iter()
            .map(|(name, kind)| (String::from(*name), port(&reachable, *kind)))
            .collect();
        let client_ips = reachable
            .iter()
            .filter(|(listener, _)| listener.imaps.is_some() || listener.imap.is_some())
            .flat_map(|(_, ips)| ips.iter().copied());
        let settings_ips: BTreeSet<IpAddr> = client_ips.collect();
        DomainDns {
            domain: domain.ascii().to_owned(),
            hosts: hosts(config, &reachable, &mut notes),
            settings_host: settings_host.ascii().to_owned(),
            settings_ips: settings_ips.into_iter().collect(),
            services,
            dkim: dkim_records(settings, &mut notes),
            resolver: server.resolver.clone(),
            resolver_trusted: server.resolver_trusted,
            notes,
        }
    }
}

/// Listeners that others can reach, with those addresses. Without any, all of them as they are: a
/// machine for testing.
fn reachable<'a>(
    config: &'a Config,
    machine: &[IpAddr],
    notes: &mut Vec<String>,
) -> Vec<(&'a Listener, Vec<IpAddr>)> {
    let mut outer = Vec::new();
    let mut private = BTreeSet::new();
    for listener in config.listeners.values() {
        let bound = |ip: &IpAddr| match ip {
            _ if !ip.is_unspecified() => vec![*ip],
            // [::] takes IPv4 as well only if the system says so; 0.0.0.0 stands beside it then.
            _ => machine
                .iter()
                .filter(|own| own.is_ipv4() == ip.is_ipv4() && !own.is_loopback())
                .copied()
                .collect(),
        };
        let ips: BTreeSet<IpAddr> = listener.ips.iter().flat_map(bound).collect();
        if listener.ips.iter().all(IpAddr::is_loopback) {
            continue;
        }
        let (public, other): (Vec<IpAddr>, Vec<IpAddr>) =
            ips.into_iter().partition(|ip| is_public(*ip));
        if public.is_empty() && listener.smtp.is_some() {
            private.extend(other);
        }
        outer.push((listener, public));
    }
    if !private.is_empty() {
        let known: Vec<String> = private.iter().map(ToString::to_string).collect();
        notes.push(format!(
            "this machine has only private addresses ({}): the host needs A and AAAA records with \
             the address that the Internet sees, whose ports lead here",
            known.join(", ")
        ));
    }
    if outer.iter().any(|(listener, _)| listener.smtp.is_some()) {
        return outer;
    }
    notes.push("no listener takes mail from other machines".to_owned());
    let all = config.listeners.values();
    all.map(|listener| (listener, listener.ips.clone()))
        .collect()
}

/// The port of a service, the default one first where there are several.
fn port(reachable: &[(&Listener, Vec<IpAddr>)], kind: Option<ServiceKind>) -> Option<u16> {
    let kind = kind?;
    let services = reachable
        .iter()
        .flat_map(|(listener, _)| listener.services());
    let ports = services.filter(|(found, _)| *found == kind);
    ports
        .map(|(_, service)| service.port)
        .min_by_key(|port| (*port != kind.default_port(), *port))
}

fn hosts(
    config: &Config,
    reachable: &[(&Listener, Vec<IpAddr>)],
    notes: &mut Vec<String>,
) -> Vec<MailHost> {
    let own = &config.server.hostname;
    let mut by_name: BTreeMap<&Domain, (BTreeSet<IpAddr>, Vec<HostCertificate>)> = BTreeMap::new();
    for (listener, ips) in reachable {
        let Some(smtp) = &listener.smtp else { continue };
        if smtp.port != ServiceKind::Smtp.default_port() {
            notes.push(format!(
                "a listener takes mail on port {}: other servers send to port 25 only",
                smtp.port
            ));
        }
        let name = listener.hostname.as_ref().unwrap_or(own);
        let (known, certificates) = by_name.entry(name).or_default();
        known.extend(ips);
        for pair in listener.tls.iter().flat_map(|tls| &tls.certificates) {
            match certificate(&pair.cert, &pair.key) {
                Ok(new) if !certificates.contains(&new) => certificates.push(new),
                Ok(_) => {}
                Err(e) => notes.push(e),
            }
        }
    }
    let mut hosts: Vec<MailHost> = by_name
        .into_iter()
        .map(|(name, (ips, certificates))| MailHost {
            name: name.ascii().to_owned(),
            ips: ips.into_iter().collect(),
            certificates,
        })
        .collect();
    hosts.sort_by_key(|host| host.name != own.ascii());
    hosts
}

fn certificate(cert: &std::path::Path, key: &std::path::Path) -> Result<HostCertificate, String> {
    let loaded = x509::load_certified_key(cert, key).map_err(|e| e.to_string())?;
    let broken = || format!("{}: not a certificate", cert.display());
    let der = loaded.cert.first().ok_or_else(broken)?;
    let (_, parsed) = X509Certificate::from_der(der).map_err(|_| broken())?;
    Ok(HostCertificate {
        key: STANDARD.encode(parsed.public_key().raw),
        certificate: STANDARD.encode(der),
    })
}

fn dkim_records(settings: &DomainConfig, notes: &mut Vec<String>) -> Vec<DkimRecord> {
    let mut records = Vec::new();
    for (selector, entry) in &settings.dkim.selectors {
        match dkim::load(&entry.key_file).and_then(|key| key.record()) {
            Ok(record) => records.push(DkimRecord {
                selector: selector.clone(),
                signs: settings.dkim.sign.contains(selector),
                record,
            }),
            Err(e) => notes.push(format!("DKIM selector {selector}: {e}")),
        }
    }
    records
}
