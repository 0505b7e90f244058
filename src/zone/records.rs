//! The records to set.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use super::authority::authority;
use super::facts::{DomainDns, MailHost};
use crate::dns;

/// How long others may keep a record, in seconds.
const TTL: u32 = 3600;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Where, with the final dot.
    pub name: String,
    /// `MX`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// As in a zone file; a text without quotes, in one piece.
    pub value: String,
    /// Seconds that others may keep it.
    pub ttl: u32,
    /// What it is for.
    pub purpose: String,
    /// Whether mail suffers without it.
    pub required: bool,
    /// Whether it belongs into the domain's own zone as it stands: false for the reverse zone, for a
    /// host in another domain, and for what only makes sense under a condition (`purpose` says which).
    pub paste: bool,
}

/// The policy that is advised: what neither SPF nor DKIM vouches for is treated as suspicious.
pub(super) const DMARC: &str = "v=DMARC1; p=quarantine";

/// All records of a domain, in the order in which to think about them. Nothing is among them that
/// the server would not keep: no MTA-STS policy, no report addresses, no web pages.
pub fn records(facts: &DomainDns) -> Vec<Record> {
    let mut all = Records {
        facts,
        list: Vec::new(),
    };
    for host in &facts.hosts {
        all.host(host);
    }
    all.mail();
    all.signatures();
    all.clients();
    all.list
}

struct Records<'a> {
    facts: &'a DomainDns,
    list: Vec<Record>,
}

impl Records<'_> {
    fn add(&mut self, name: &str, kind: &'static str, value: String, purpose: &str, paste: bool) {
        self.list.push(Record {
            name: format!("{name}."),
            kind,
            value,
            ttl: TTL,
            purpose: purpose.to_owned(),
            required: true,
            paste,
        });
    }

    fn optional(
        &mut self,
        name: &str,
        kind: &'static str,
        value: String,
        purpose: &str,
        paste: bool,
    ) {
        self.add(name, kind, value, purpose, paste);
        if let Some(last) = self.list.last_mut() {
            last.required = false;
        }
    }

    fn addresses(&mut self, name: &str, ips: &[IpAddr], purpose: &str) {
        let paste = self.is_within(name);
        for ip in ips {
            let kind = if ip.is_ipv4() { "A" } else { "AAAA" };
            self.add(name, kind, ip.to_string(), purpose, paste);
        }
    }

    fn is_within(&self, name: &str) -> bool {
        let rest = name.strip_suffix(self.facts.domain.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    fn host(&mut self, host: &MailHost) {
        let name = host.name.as_str();
        let paste = self.is_within(name);
        self.addresses(name, &host.ips, "the mail server's address");
        for ip in &host.ips {
            let purpose = "the address's name: set where the address comes from, at the provider";
            self.add(
                &dns::reverse_name(*ip),
                "PTR",
                format!("{name}."),
                purpose,
                false,
            );
        }
        // A host that is the domain itself has the domain's record.
        if name != self.facts.domain {
            let purpose = "who may greet as the mail server (SPF)";
            self.optional(name, "TXT", "v=spf1 a -all".to_owned(), purpose, paste);
        }
        // Without a known one there is nothing to advise: the wrong name keeps the right one out.
        let known: BTreeSet<&str> = host.certificates.iter().filter_map(authority).collect();
        for domain in known {
            let purpose = "who alone may issue certificates for the mail server (CAA): the authority \
                           of the present one";
            let value = format!("0 issue \"{domain}\"");
            self.optional(name, "CAA", value, purpose, false);
        }
        for certificate in &host.certificates {
            let Some(key) = certificate.association(1, 1) else {
                continue;
            };
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            let purpose = "the mail server's key, only if the zone is signed (DNSSEC): a new key \
                           needs a new record first";
            self.optional(
                &format!("_25._tcp.{name}"),
                "TLSA",
                format!("3 1 1 {digits}"),
                purpose,
                false,
            );
        }
    }

    fn mail(&mut self) {
        let domain = &self.facts.domain;
        for host in &self.facts.hosts {
            let value = format!("10 {}.", host.name);
            self.add(domain, "MX", value, "where mail for the domain goes", true);
        }
        let purpose = "who may send mail of the domain (SPF): its mail servers";
        self.add(domain, "TXT", "v=spf1 mx ~all".to_owned(), purpose, true);
    }

    fn signatures(&mut self) {
        let domain = &self.facts.domain;
        for key in &self.facts.dkim {
            let name = format!("{}._domainkey.{domain}", key.selector);
            let value = key.record.clone();
            match key.signs {
                true => self.add(&name, "TXT", value, "a key that signs mail (DKIM)", true),
                false => {
                    let purpose = "a key that does not sign now (DKIM)";
                    self.optional(&name, "TXT", value, purpose, true);
                }
            }
        }
        let purpose = "what others do with mail that neither SPF nor DKIM vouches for (DMARC)";
        self.optional(
            &format!("_dmarc.{domain}"),
            "TXT",
            DMARC.to_owned(),
            purpose,
            true,
        );
    }

    fn clients(&mut self) {
        let facts = self.facts;
        let host = facts.settings_host.as_str();
        if !facts.hosts.iter().any(|mail| mail.name == host) {
            self.addresses(host, &facts.settings_ips, "the host for mail programs");
        }
        let (offered, others): (Vec<_>, Vec<_>) =
            facts.services.iter().partition(|(_, port)| port.is_some());
        for (service, port) in offered.into_iter().chain(others) {
            let name = format!("_{service}._tcp.{}", facts.domain);
            match port {
                Some(port) => {
                    let purpose = "where mail programs find the service";
                    self.optional(&name, "SRV", format!("0 1 {port} {host}."), purpose, true);
                }
                None => {
                    let purpose = "not offered";
                    self.optional(&name, "SRV", "0 0 0 .".to_owned(), purpose, true);
                }
            }
        }
    }
}
