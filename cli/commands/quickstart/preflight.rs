//! What quickstart looks at before it makes anything: warnings, none of which stops it. The records
//! are to be set afterwards, so names that lead nowhere yet are expected.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;

use mox::dns::{DnsError, Resolver};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What one question to DNS may take. All are asked at the same time, and none is more than two in a row:
/// five seconds are the end of it.
pub(super) const QUESTION: Duration = Duration::from_secs(2);
const DNS: Duration = Duration::from_secs(5);

/// How long a mail server elsewhere may take to greet, looking for it included.
const DIAL: Duration = Duration::from_secs(10);

/// A domain whose mail servers are always there.
const ELSEWHERE: &str = "gmail.com";

/// A domain that is signed, as the root is: a server that validates says so.
const SIGNED: &str = "ietf.org";

/// What DNS and the network say of this machine.
pub(super) async fn network(
    resolver: &Resolver,
    hostname: &str,
    ips: &[IpAddr],
    dial: bool,
) -> Vec<String> {
    if let Err(e) = resolver.reach(SIGNED).await {
        return vec![silent(resolver, &e.to_string())];
    }
    let facts = async {
        let names = reverse_names(resolver, ips);
        tokio::join!(resolver.mx(SIGNED), resolver.addresses(hostname), names)
    };
    let dialled = async {
        match dial {
            true => timeout(DIAL, dial_out(resolver)).await,
            false => Ok(Ok(())),
        }
    };
    let (facts, dialled) = tokio::join!(timeout(DNS, facts), dialled);
    let Ok((signed, addresses, names)) = facts else {
        return vec![silent(resolver, "timeout")];
    };
    if let Err(
        e @ DnsError::Temporary {
            unreachable: true, ..
        },
    ) = &signed
    {
        return vec![silent(resolver, &e.to_string())];
    }
    let mut warnings = Vec::new();
    match addresses {
        Ok(answer) if !answer.records.iter().any(|ip| ips.contains(ip)) => warnings.push(format!(
            "{hostname} leads to another machine: set its A and AAAA records"
        )),
        Ok(_) => {}
        Err(e) if e.is_not_found() => warnings.push(format!(
            "{hostname} has no address yet: set its A and AAAA records"
        )),
        Err(e) => warnings.push(e.to_string()),
    }
    for (ip, names) in names {
        match names {
            Ok(names) if names.iter().any(|name| name == hostname) => {}
            Err(e) if !e.is_not_found() => warnings.push(e.to_string()),
            _ => warnings.push(format!(
                "the reverse name of {ip} is not {hostname}: set it at the provider of the address"
            )),
        }
    }
    if !signed.is_ok_and(|answer| answer.secure) {
        warnings.push(
            "the DNS servers do not validate (DNSSEC), or are not on this machine: a resolver such \
             as unbound on 127.0.0.1 does"
                .to_owned(),
        );
    }
    let why = match dialled {
        Ok(Ok(())) => return warnings,
        Ok(Err(why)) => why,
        Err(_) => "no answer".to_owned(),
    };
    warnings.push(format!(
        "port 25 of other mail servers cannot be reached ({why}): many providers block it until \
         asked"
    ));
    warnings
}

fn silent(resolver: &Resolver, why: &str) -> String {
    let servers: Vec<String> = resolver.servers().iter().map(ToString::to_string).collect();
    format!(
        "DNS ({}) does not answer, so nothing was looked at: {why}; the server needs one that does \
         (server.resolver, or else /etc/resolv.conf)",
        servers.join(", ")
    )
}

type Names = (IpAddr, Result<Vec<String>, DnsError>);

/// The names of the addresses, in their order.
async fn reverse_names(resolver: &Resolver, ips: &[IpAddr]) -> Vec<Names> {
    let mut asked = JoinSet::new();
    for ip in ips.iter().copied() {
        let resolver = resolver.clone();
        asked.spawn(async move { (ip, resolver.ptr(ip).await.map(|answer| answer.records)) });
    }
    let mut names = asked.join_all().await;
    names.sort_by_key(|(ip, _)| ips.iter().position(|own| own == ip));
    names
}

/// Whether a mail server elsewhere greets: a connection alone may be that of the provider's firewall.
async fn dial_out(resolver: &Resolver) -> Result<(), String> {
    let mx = resolver.mx(ELSEWHERE).await.map_err(|e| e.to_string())?;
    let first = mx.records.iter().min_by_key(|mx| mx.preference);
    let host = first.map(|mx| mx.host.clone()).unwrap_or_default();
    let addresses = resolver.addresses(&host).await.map_err(|e| e.to_string())?;
    let mut last = format!("{host} has no address");
    // Time for the second, should the first be IPv6 and this machine have none.
    let each = DIAL / 3;
    for ip in addresses.records {
        match timeout(each, greeting(ip)).await {
            Ok(Ok(code)) if code == *b"220" => return Ok(()),
            Ok(Ok(_)) => last = format!("{ip}: it does not greet"),
            Ok(Err(e)) => last = format!("{ip}: {e}"),
            Err(_) => last = format!("{ip}: no answer"),
        }
    }
    Err(last)
}

async fn greeting(ip: IpAddr) -> io::Result<[u8; 3]> {
    let mut code = [0; 3];
    let mut stream = TcpStream::connect((ip, 25)).await?;
    stream.read_exact(&mut code).await?;
    Ok(code)
}

/// Ports that another program has.
pub(super) fn ports(ips: &[IpAddr]) -> Vec<String> {
    let mut warnings = Vec::new();
    for ip in ips {
        for port in [25, 465, 993] {
            if let Err(e) = TcpListener::bind(SocketAddr::new(*ip, port)) {
                warnings.push(format!("port {port} of {ip} cannot be had: {e}"));
            }
        }
    }
    warnings
}
