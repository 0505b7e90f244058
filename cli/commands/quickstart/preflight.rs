//! What quickstart looks at before it makes anything: warnings, none of which stops it. The records
//! are to be set afterwards, so names that lead nowhere yet are expected.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use mox::dns::Resolver;
use tokio::net::TcpStream;

/// How long a mail server elsewhere may take to answer.
const DIAL: Duration = Duration::from_secs(10);

/// A domain whose mail servers are always there.
const ELSEWHERE: &str = "gmail.com";

/// What DNS and the network say of this machine.
pub(super) async fn network(
    resolver: &Resolver,
    hostname: &str,
    ips: &[IpAddr],
    dial: bool,
) -> Vec<String> {
    let mut warnings = Vec::new();
    match resolver.addresses(hostname).await {
        Ok(answer) if !answer.records.iter().any(|ip| ips.contains(ip)) => warnings.push(format!(
            "{hostname} leads to another machine: set its A and AAAA records"
        )),
        Ok(_) => {}
        Err(e) if e.is_not_found() => warnings.push(format!(
            "{hostname} has no address yet: set its A and AAAA records"
        )),
        Err(e) => warnings.push(e.to_string()),
    }
    for ip in ips {
        let names = resolver.ptr(*ip).await.map(|answer| answer.records);
        if !names.is_ok_and(|names| names.iter().any(|name| name == hostname)) {
            warnings.push(format!(
                "the reverse name of {ip} is not {hostname}: set it at the provider of the address"
            ));
        }
    }
    // The root is signed: a server that validates says so.
    let signed = resolver.mx("ietf.org").await;
    if !signed.is_ok_and(|answer| answer.secure) {
        warnings.push(
            "the DNS servers do not validate (DNSSEC), or are not on this machine: a resolver such \
             as unbound on 127.0.0.1 does"
                .to_owned(),
        );
    }
    if dial && let Err(why) = dial_out(resolver).await {
        warnings.push(format!(
            "port 25 of other mail servers cannot be reached ({why}): many providers block it \
             until asked"
        ));
    }
    warnings
}

async fn dial_out(resolver: &Resolver) -> Result<(), String> {
    let mx = resolver.mx(ELSEWHERE).await.map_err(|e| e.to_string())?;
    let first = mx.records.iter().min_by_key(|mx| mx.preference);
    let host = first.map(|mx| mx.host.clone()).unwrap_or_default();
    let addresses = resolver.addresses(&host).await.map_err(|e| e.to_string())?;
    let mut last = format!("{host} has no address");
    for ip in addresses.records {
        match tokio::time::timeout(DIAL, TcpStream::connect((ip, 25))).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(e)) => last = format!("{ip}: {e}"),
            Err(_) => last = format!("{ip}: no answer"),
        }
    }
    Err(last)
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

/// Whether a user can read a file, by the bits of it and of the folders above; groups beyond the first
/// are not looked at.
pub(super) fn can_read(path: &Path, user: u32, group: u32) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let allows = |path: &Path, bit: u32| {
        let Ok(meta) = path.metadata() else {
            return false;
        };
        let shift = match (meta.uid() == user, meta.gid() == group) {
            (true, _) => 6,
            (_, true) => 3,
            _ => 0,
        };
        meta.mode() >> shift & bit != 0
    };
    allows(&path, 4) && path.ancestors().skip(1).all(|folder| allows(folder, 1))
}
