//! The mail servers: addresses, the way back, SPF of their name, TLSA.

use std::sync::Arc;

use super::{Check, Status, list, without};
use crate::dns::{Resolver, Tlsa};
use crate::zone::facts::DomainDns;
use crate::zone::spf::{self, Verdict};

/// The name leads to this machine, and by address records: an MX must not lead to an alias
/// (RFC 5321 §5.1).
pub(super) async fn addresses(
    facts: Arc<DomainDns>,
    resolver: Resolver,
    index: usize,
) -> Vec<Check> {
    let host = &facts.hosts[index];
    let check = Check::new("host", &host.name).expected(&host.ips);
    let answer = match resolver.addresses(&host.name).await {
        Ok(answer) => answer,
        Err(e) => {
            let advice = "the mail server's name has no address: set A and AAAA records";
            return vec![check.none(&e, Status::Error, advice)];
        }
    };
    let check = check.found(&answer.records);
    if answer.name != host.name {
        return vec![check.error(format!(
            "it is an alias (CNAME) of {}, which a mail server's name must not be: set A and AAAA \
             records",
            answer.name
        ))];
    }
    if host.ips.is_empty() {
        return vec![check.note("not compared: this machine does not know its public addresses")];
    }
    let missing = without(&host.ips, &answer.records);
    let others = without(&answer.records, &host.ips);
    if missing.len() == host.ips.len() {
        return vec![
            check.error("it leads to other machines: none of its addresses is this one's"),
        ];
    }
    if !others.is_empty() {
        return vec![check.warning(format!(
            "{} is not an address of this machine's listeners: mail that goes there is lost, \
             unless another server takes it",
            list(others)
        ))];
    }
    match missing.is_empty() {
        true => vec![check],
        false => vec![check.warning(format!("no record leads to {}", list(missing)))],
    }
}

/// Each address has a name, which leads back to it.
pub(super) async fn reverse(facts: Arc<DomainDns>, resolver: Resolver, index: usize) -> Vec<Check> {
    let host = &facts.hosts[index];
    let ips = match host.ips.is_empty() {
        false => host.ips.clone(),
        // What the name leads to is as near as one gets from here.
        true => match resolver.addresses(&host.name).await {
            Ok(answer) => answer.records,
            Err(_) => Vec::new(),
        },
    };
    let mut checks = Vec::new();
    for ip in ips {
        let check = Check::new("reverse", &ip.to_string()).expected([&host.name]);
        let names = match resolver.ptr(ip).await {
            Ok(answer) => answer.records,
            Err(e) => {
                let advice = "the address has no name: many servers refuse mail from it; set it \
                              where the address comes from, at the provider";
                checks.push(check.none(&e, Status::Error, advice));
                continue;
            }
        };
        let check = check.found(&names);
        if names.contains(&host.name) {
            checks.push(check);
            continue;
        }
        let mut confirmed = false;
        // As many as anybody would look at.
        for name in names.iter().take(5) {
            let back = resolver.addresses(name).await;
            confirmed |= back.is_ok_and(|answer| answer.records.contains(&ip));
        }
        checks.push(match confirmed {
            true => check.warning("it has another name than the mail server greets with"),
            false => check.error(
                "its name does not lead back to it: servers take mail from it for spam; set it \
                 where the address comes from, at the provider",
            ),
        });
    }
    checks
}

/// SPF of the name in greetings, which counts where the sender is empty (RFC 7208 §2.3).
pub(super) async fn greeting(
    facts: Arc<DomainDns>,
    resolver: Resolver,
    index: usize,
) -> Vec<Check> {
    let host = &facts.hosts[index];
    if host.name == facts.domain {
        return Vec::new();
    }
    let check = Check::new("spf", &host.name).expected(["v=spf1 a -all"]);
    let texts: Vec<String> = match resolver.txt(&host.name).await {
        Ok(answer) => answer.records.iter().map(|txt| txt.text()).collect(),
        Err(e) if !e.is_not_found() => return vec![check.none(&e, Status::Error, "")],
        Err(_) => Vec::new(),
    };
    let found = spf::find(&texts);
    let check = check.found(&found);
    let record = match found[..] {
        [] => {
            let advice =
                "no SPF record: bounces, whose sender is empty, are vouched for by nothing";
            return vec![check.warning(advice)];
        }
        [one] => one,
        _ => return vec![check.error("several SPF records count as none: leave one")],
    };
    vec![judge(check, &facts, &resolver, &host.name, record).await]
}

/// Whether a record lets all of our addresses send.
pub(super) async fn judge(
    check: Check,
    facts: &DomainDns,
    resolver: &Resolver,
    domain: &str,
    record: &str,
) -> Check {
    let mut unknown = Vec::new();
    for ip in facts.hosts.iter().flat_map(|host| &host.ips) {
        match spf::evaluate(resolver, domain, record, *ip).await {
            Verdict::Pass => {}
            Verdict::Broken(why) => {
                return check.error(format!("the record is broken, and others ignore it: {why}"));
            }
            Verdict::Unknown(why) => unknown.push(format!("{ip}: {why}")),
            Verdict::Fail | Verdict::SoftFail | Verdict::Neutral => {
                return check.error(format!(
                    "it does not let {ip} send, which is an address of this server"
                ));
            }
        }
    }
    match unknown.is_empty() {
        true => check,
        false => check.warning(format!("cannot be told from here: {}", unknown.join("; "))),
    }
}

/// Who has TLSA records has the right ones, or servers that validate do not deliver (RFC 7672 §2.2).
pub(super) async fn tlsa(facts: Arc<DomainDns>, resolver: Resolver, index: usize) -> Vec<Check> {
    let host = &facts.hosts[index];
    let name = format!("_25._tcp.{}", host.name);
    let check = Check::new("tlsa", &name);
    let answer = match resolver.tlsa(&name).await {
        Ok(answer) => answer,
        Err(e) => return vec![check.none(&e, Status::Ok, "none: DANE is not used")],
    };
    let check = check.found(answer.records.iter().map(shown)).expected(
        host.certificates
            .iter()
            .filter_map(|certificate| certificate.association(1, 1))
            .map(|data| format!("3 1 1 {}", digits(&data))),
    );
    let fits = |record: &Tlsa| {
        let own = host.certificates.iter();
        record.usage == 3
            && own
                .filter_map(|certificate| certificate.association(record.selector, record.matching))
                .any(|data| data == record.data)
    };
    let every = !host.certificates.is_empty()
        && host.certificates.iter().all(|certificate| {
            answer.records.iter().any(|record| {
                certificate
                    .association(record.selector, record.matching)
                    .as_ref()
                    == Some(&record.data)
            })
        });
    let check = if every {
        check
    } else if answer.records.iter().any(fits) {
        check.warning("not every certificate that the server may show has a record")
    } else if answer.records.iter().any(|record| record.usage == 2) {
        check.warning("a record that names an issuer (usage 2) cannot be compared from here")
    } else {
        check.error(
            "no record fits the certificate: servers that validate do not deliver here; set what \
             is expected, or remove the records",
        )
    };
    match check.status == Status::Ok && !answer.secure {
        true => vec![check.note("they count only where the zone is signed (DNSSEC)")],
        false => vec![check],
    }
}

fn shown(record: &Tlsa) -> String {
    let Tlsa {
        usage,
        selector,
        matching,
        data,
    } = record;
    format!("{usage} {selector} {matching} {}", digits(data))
}

fn digits(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}
