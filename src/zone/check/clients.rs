//! What mail programs look for: the host, and the services (RFC 6186, RFC 8314 §5.1).

use std::sync::Arc;

use super::{Check, Status, list, without};
use crate::dns::{Resolver, Srv};
use crate::zone::facts::DomainDns;

/// The host that mail programs are told leads here.
pub(super) async fn host(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let name = &facts.settings_host;
    if facts.hosts.iter().any(|host| host.name == *name) {
        return Vec::new();
    }
    let check = Check::new("client", name).expected(&facts.settings_ips);
    let answer = match resolver.addresses(name).await {
        Ok(answer) => answer.records,
        Err(e) => {
            let advice = "the host that mail programs are told has no address";
            return vec![check.none(&e, Status::Error, advice)];
        }
    };
    let check = check.found(&answer);
    let others = without(&answer, &facts.settings_ips);
    vec![if facts.settings_ips.is_empty() || others.is_empty() {
        check
    } else if others.len() == answer.len() {
        check.error("it leads to other machines: mail programs do not find this server")
    } else {
        check.warning(format!("{} is not this machine's", list(others)))
    }]
}

/// Services are where they are said to be.
pub(super) async fn services(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let mut checks = Vec::new();
    for (service, port) in &facts.services {
        let name = format!("_{service}._tcp.{}", facts.domain);
        let host = &facts.settings_host;
        let expected = match port {
            Some(port) => format!("0 1 {port} {host}"),
            None => "0 0 0 .".to_owned(),
        };
        let check = Check::new("srv", &name).expected([expected]);
        let answer = match resolver.srv(&name).await {
            Ok(answer) => answer.records,
            Err(e) => {
                checks.push(match port {
                    Some(_) => check.none(
                        &e,
                        Status::Warning,
                        "no record: mail programs have to be told host and port by hand",
                    ),
                    None => check.none(&e, Status::Ok, "none: not offered"),
                });
                continue;
            }
        };
        let check = check.found(answer.iter().map(shown));
        let right = |srv: &Srv| Some(srv.port) == *port && srv.host == *host;
        let absent = answer.iter().all(|srv| srv.host.is_empty());
        checks.push(match port {
            Some(_) if answer.iter().all(right) => check,
            Some(_) if answer.iter().any(right) => {
                check.warning("the service is said to be elsewhere as well")
            }
            Some(_) if absent => {
                check.warning("the record says that the service is not offered, but it is")
            }
            Some(_) => check.error("the record leads mail programs elsewhere than to this server"),
            None if absent => check,
            None => check.warning("the service is not offered here: remove the record"),
        });
    }
    checks
}

fn shown(srv: &Srv) -> String {
    let host = match srv.host.as_str() {
        "" => ".",
        host => host,
    };
    format!("{} {} {} {host}", srv.priority, srv.weight, srv.port)
}
