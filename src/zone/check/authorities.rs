//! Whether the authority of the certificate may issue the next one (CAA, RFC 8659).

use std::sync::Arc;

use super::{Check, Status, list};
use crate::dns::{Caa, DnsError, Resolver};
use crate::zone::authority::authority;
use crate::zone::facts::DomainDns;

/// The records that count for a host are those of the nearest name at or above it that has any
/// (RFC 8659 §3).
pub(super) async fn caa(facts: Arc<DomainDns>, resolver: Resolver, index: usize) -> Vec<Check> {
    let host = &facts.hosts[index];
    let check = Check::new("caa", &host.name);
    let records = match nearest(&resolver, &host.name).await {
        Ok(records) => records,
        Err(e) => return vec![check.none(&e, Status::Ok, "none: any authority may issue")],
    };
    let shown = |caa: &Caa| format!("{} \"{}\"", caa.tag, caa.value);
    let check = check.found(records.iter().map(shown));
    let own: Vec<&str> = host.certificates.iter().filter_map(authority).collect();
    let issue = records.iter().filter(|caa| caa.tag == "issue");
    let allowed: Vec<&str> = issue.map(|caa| issuer(&caa.value)).collect();
    if allowed.is_empty() {
        return vec![check.note("no issue among them: any authority may issue")];
    }
    let kept_out: Vec<&str> = own
        .iter()
        .filter(|own| !allowed.iter().any(|name| name.eq_ignore_ascii_case(own)))
        .copied()
        .collect();
    vec![match (own.is_empty(), kept_out.is_empty()) {
        (true, _) => check.note("not compared: the authority of the certificate is not known"),
        (_, true) => check,
        _ => check
            .expected(kept_out.iter().map(|name| format!("issue \"{name}\"")))
            .warning(format!(
                "{}, which issued the certificate, must not issue the next one: it will not be renewed",
                list(kept_out)
            )),
    }]
}

async fn nearest(resolver: &Resolver, host: &str) -> Result<Vec<Caa>, DnsError> {
    let mut name = host;
    loop {
        match resolver.caa(name).await {
            Ok(answer) => return Ok(answer.records),
            Err(e) if !e.is_not_found() => return Err(e),
            Err(e) => match name.split_once('.') {
                Some((_, above)) if !above.is_empty() => name = above,
                _ => return Err(e),
            },
        }
    }
}

/// What is before the parameters; empty: nobody.
fn issuer(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}
