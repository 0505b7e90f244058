//! Whether the records of a domain are there and say what they should.

mod authorities;
mod clients;
mod hosts;
mod mail;
mod signatures;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use tokio::task::JoinSet;

use super::facts::DomainDns;
use crate::dns::{DnsError, Resolver};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `host`, `reverse`, `mx`, `spf`, `dkim`, `dmarc`, `client`, `srv`, `tlsa`, `caa`,
    /// `mta-sts`, `dnssec`, `dns`.
    pub check: &'static str,
    /// The name that was asked for.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// What DNS says.
    pub found: Vec<String>,
    /// What it should say, where that is one thing.
    pub expected: Vec<String>,
    /// What is wrong and what to do; for what is good, what that means, or empty.
    pub advice: String,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Mail works, but worse than it could.
    Warning,
    /// Mail is lost, refused or taken for a forgery.
    Error,
}

impl Status {
    /// `ok`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Error => "error",
        }
    }
}

impl Check {
    fn new(check: &'static str, name: &str) -> Check {
        Check {
            check,
            name: name.to_owned(),
            status: Status::Ok,
            found: Vec::new(),
            expected: Vec::new(),
            advice: String::new(),
        }
    }

    fn found<T: ToString>(mut self, found: impl IntoIterator<Item = T>) -> Check {
        self.found = found.into_iter().map(|item| item.to_string()).collect();
        self
    }

    fn expected<T: ToString>(mut self, expected: impl IntoIterator<Item = T>) -> Check {
        self.expected = expected.into_iter().map(|item| item.to_string()).collect();
        self
    }

    fn note(mut self, advice: impl Into<String>) -> Check {
        self.advice = advice.into();
        self
    }

    fn warning(mut self, advice: impl Into<String>) -> Check {
        self.status = Status::Warning;
        self.advice = advice.into();
        self
    }

    fn error(mut self, advice: impl Into<String>) -> Check {
        self.status = Status::Error;
        self.advice = advice.into();
        self
    }

    /// A lookup that gave nothing: `status` and `advice` if there is no such record, else why DNS has
    /// no answer, which is an error.
    fn none(mut self, error: &DnsError, status: Status, advice: impl Into<String>) -> Check {
        match error.is_not_found() {
            true => {
                self.status = status;
                self.advice = advice.into();
                self
            }
            false => self.error(format!(
                "{error}: others that ask may get no answer either; try again, then look at the \
                 DNS servers of the zone"
            )),
        }
    }
}

type Checks = Pin<Box<dyn Future<Output = Vec<Check>> + Send>>;

/// Looks all of it up, at the same time, and says what is found; in the order in which to mend it. A
/// DNS server that does not answer ends it at once.
pub async fn check(facts: &DomainDns, resolver: &Resolver) -> Vec<Check> {
    let facts = Arc::new(facts.clone());
    let (alive, mut all) = first(&facts, resolver).await;
    if !alive {
        return all;
    }
    let mut parts: Vec<Checks> = Vec::new();
    for index in 0..facts.hosts.len() {
        parts.push(Box::pin(hosts::addresses(
            facts.clone(),
            resolver.clone(),
            index,
        )));
        parts.push(Box::pin(hosts::reverse(
            facts.clone(),
            resolver.clone(),
            index,
        )));
        parts.push(Box::pin(hosts::greeting(
            facts.clone(),
            resolver.clone(),
            index,
        )));
        parts.push(Box::pin(hosts::tlsa(
            facts.clone(),
            resolver.clone(),
            index,
        )));
    }
    for index in 0..facts.hosts.len() {
        parts.push(Box::pin(authorities::caa(
            facts.clone(),
            resolver.clone(),
            index,
        )));
    }
    parts.push(Box::pin(mail::mx(facts.clone(), resolver.clone())));
    parts.push(Box::pin(mail::spf(facts.clone(), resolver.clone())));
    parts.push(Box::pin(signatures::dkim(facts.clone(), resolver.clone())));
    parts.push(Box::pin(signatures::stale(facts.clone(), resolver.clone())));
    parts.push(Box::pin(mail::dmarc(facts.clone(), resolver.clone())));
    parts.push(Box::pin(mail::mta_sts(facts.clone(), resolver.clone())));
    parts.push(Box::pin(clients::host(facts.clone(), resolver.clone())));
    parts.push(Box::pin(clients::services(facts.clone(), resolver.clone())));
    let mut running = JoinSet::new();
    for (place, part) in parts.into_iter().enumerate() {
        running.spawn(async move { (place, part.await) });
    }
    let mut done: Vec<(usize, Vec<Check>)> = Vec::new();
    while let Some(ended) = running.join_next().await {
        done.extend(ended);
    }
    done.sort_by_key(|(place, _)| *place);
    all.extend(done.into_iter().flat_map(|(_, checks)| checks));
    all
}

/// Whether DNS servers answer at all, and whether they validate.
async fn first(facts: &DomainDns, resolver: &Resolver) -> (bool, Vec<Check>) {
    let servers = resolver.servers().iter().map(ToString::to_string);
    let servers = servers.collect::<Vec<_>>().join(", ");
    let answer = match resolver.reach(&facts.domain).await {
        Ok(()) => resolver.mx(&facts.domain).await,
        Err(e) => Err(e),
    };
    match answer {
        Err(
            e @ DnsError::Temporary {
                unreachable: true, ..
            },
        ) => {
            let check = Check::new("dns", &facts.domain).error(format!(
                "{e} (DNS servers: {servers}): look at /etc/resolv.conf or server.resolver"
            ));
            (false, vec![check])
        }
        Ok(answer) if answer.secure => {
            let check = Check::new("dnssec", &facts.domain);
            (
                true,
                vec![check.found(["secure"]).note("the zone is signed")],
            )
        }
        answer => {
            let why = match (resolver.trusts_servers(), answer) {
                (_, Err(_)) => "not known",
                (false, _) => {
                    "not known: the DNS servers are not on loopback and not said to be trusted"
                }
                (true, Ok(_)) => "the zone is not signed, or the DNS server does not validate",
            };
            let check = Check::new("dnssec", &facts.domain);
            (true, vec![check.found(["not secure"]).note(why)])
        }
    }
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}

/// Those of `ips` that are not in `others`.
fn without(ips: &[IpAddr], others: &[IpAddr]) -> Vec<IpAddr> {
    let all = ips.iter().filter(|ip| !others.contains(ip));
    all.copied().collect()
}
