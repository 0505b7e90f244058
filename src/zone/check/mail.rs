//! The domain itself: where its mail goes, who may send for it, what others are to do.

use std::sync::Arc;

use super::{Check, Status, hosts, list};
use crate::dns::Resolver;
use crate::zone::facts::DomainDns;
use crate::zone::{records, spf, tags};

/// Mail for the domain comes here.
pub(super) async fn mx(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let ours: Vec<&str> = facts.hosts.iter().map(|host| host.name.as_str()).collect();
    let expected = ours.iter().map(|host| format!("10 {host}"));
    let check = Check::new("mx", &facts.domain).expected(expected);
    let mut answer = match resolver.mx(&facts.domain).await {
        Ok(answer) => answer.records,
        Err(e) => {
            let advice = "no MX record: set one, or mail goes to the domain's own address, if any";
            return vec![check.none(&e, Status::Error, advice)];
        }
    };
    answer.sort_by_key(|mx| mx.preference);
    let shown = |host: &str| if host.is_empty() { "." } else { host }.to_owned();
    let check = check.found(
        answer
            .iter()
            .map(|mx| format!("{} {}", mx.preference, shown(&mx.host))),
    );
    let is_ours = |host: &str| ours.contains(&host);
    if answer.iter().any(|mx| mx.host.is_empty()) {
        let advice = "the record says that the domain takes no mail (RFC 7505): replace it";
        return vec![check.error(advice)];
    }
    if !answer.iter().any(|mx| is_ours(&mx.host)) {
        return vec![check.error("mail for the domain goes to other servers, not here")];
    }
    let others: Vec<&str> = answer
        .iter()
        .map(|mx| mx.host.as_str())
        .filter(|host| !is_ours(host))
        .collect();
    match others.is_empty() {
        true => vec![check],
        false => vec![check.warning(format!(
            "mail for the domain goes to {} as well: it has to come here from there",
            list(others)
        ))],
    }
}

/// Our addresses may send, others may not.
pub(super) async fn spf(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let check = Check::new("spf", &facts.domain).expected(["v=spf1 mx ~all"]);
    let texts: Vec<String> = match resolver.txt(&facts.domain).await {
        Ok(answer) => answer.records.iter().map(|txt| txt.text()).collect(),
        Err(e) if !e.is_not_found() => return vec![check.none(&e, Status::Error, "")],
        Err(_) => Vec::new(),
    };
    let found = spf::find(&texts);
    let check = check.found(&found);
    let record = match found[..] {
        [] => return vec![check.error("no SPF record: anybody may send in the domain's name")],
        [one] => one,
        _ => return vec![check.error("several SPF records count as none: leave one")],
    };
    let judged = hosts::judge(check, &facts, &resolver, &facts.domain, record).await;
    if judged.status != Status::Ok {
        return vec![judged];
    }
    vec![match spf::ending(record) {
        Some('-' | '~' | 'r') => judged,
        Some('+') => judged.error("it ends with +all: anybody may send in the domain's name"),
        Some(_) => judged.warning("it ends with ?all, which says nothing of others: use ~all"),
        None => judged.warning("it has no all at its end and says nothing of others: add ~all"),
    }]
}

/// What others do with what is not vouched for (RFC 7489 §6.3).
pub(super) async fn dmarc(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let name = format!("_dmarc.{}", facts.domain);
    let check = Check::new("dmarc", &name).expected([records::DMARC]);
    let answer = match resolver.txt(&name).await {
        Ok(answer) => answer,
        Err(e) => {
            let advice = "no DMARC record: some servers take mail without one for spam";
            return vec![check.none(&e, Status::Warning, advice)];
        }
    };
    let texts: Vec<String> = answer.records.iter().map(|txt| txt.text()).collect();
    let check = check.found(&texts);
    let is_dmarc = |text: &&String| {
        let version = text.split(';').next().unwrap_or_default();
        let version: String = version.split_whitespace().collect();
        version == "v=DMARC1"
    };
    let policies: Vec<&String> = texts.iter().filter(is_dmarc).collect();
    let policy = match policies[..] {
        [one] => one,
        [] => return vec![check.error("the text is no DMARC record: it has to begin v=DMARC1")],
        _ => return vec![check.error("several DMARC records count as none: leave one")],
    };
    let tags = tags::parse(policy).unwrap_or_default();
    let policy = tags::get(&tags, "p").map(str::to_ascii_lowercase);
    vec![match policy.as_deref() {
        Some("reject" | "quarantine") => check,
        Some("none") => check.warning("p=none: others are asked to do nothing with forgeries"),
        _ => check.error("the record has no p= that is none, quarantine or reject"),
    }]
}

/// A policy that is promised is not served here, and servers that keep to it may stop delivering
/// (RFC 8461 §3.1).
pub(super) async fn mta_sts(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let name = format!("_mta-sts.{}", facts.domain);
    let check = Check::new("mta-sts", &name);
    match resolver.txt(&name).await {
        Ok(answer) => {
            let found = check.found(answer.records.iter().map(|txt| txt.text()));
            vec![found.warning(
                "the record promises an MTA-STS policy, which this server does not serve: if \
                 nothing else does, remove it",
            )]
        }
        Err(e) if e.is_not_found() => Vec::new(),
        Err(e) => vec![check.none(&e, Status::Ok, "")],
    }
}
