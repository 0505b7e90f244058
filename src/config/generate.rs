//! The mox.toml of `mox localserve`: a whole server on loopback, in nothing but configuration.

mod quickstart;
mod service;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use self::quickstart::Quickstart;
pub use self::service::Service;

use super::model::ServiceKind;
use super::reader::quote;

/// What a generated configuration depends on.
#[derive(Debug, Clone)]
pub struct Localserve {
    /// The one address to listen on; none: IPv4 and IPv6 loopback.
    pub ip: Option<IpAddr>,
    /// Added to the usual port of each service.
    pub port_offset: u16,
    /// PEM file of the certificate, as it is to stand in the file.
    pub cert_file: String,
    /// PEM file of its key, likewise.
    pub key_file: String,
}

/// A port that the offset moves beyond 65535.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("port {port} plus {offset} is no port")]
pub struct PortTooLarge {
    /// The service's usual port.
    pub port: u16,
    /// What was added.
    pub offset: u16,
}

impl Localserve {
    /// The addresses that it listens on; the certificate should have them.
    pub fn ips(&self) -> Vec<IpAddr> {
        match self.ip {
            Some(ip) => vec![ip],
            None => vec![
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ],
        }
    }

    /// Its port for a service.
    pub fn port(&self, kind: ServiceKind) -> Result<u16, PortTooLarge> {
        let port = kind.default_port();
        let offset = self.port_offset;
        port.checked_add(offset)
            .ok_or(PortTooLarge { port, offset })
    }

    /// The text of the file: standard headers, and only what differs from the defaults. Account `mox`
    /// has mox@localhost and everything else at localhost; what it sends to other domains comes back
    /// to it; limits do not hold for loopback.
    pub fn text(&self) -> Result<String, PortTooLarge> {
        let ips: Vec<String> = self.ips().iter().map(|ip| quote(&ip.to_string())).collect();
        Ok(format!(
            r#"# A whole mail server on this machine alone, made by "mox localserve".

[server]
hostname = "localhost"
postmaster = {{ account = "mox" }}

# Tests log in wrongly and connect often.
[limits]
limit_loopback = false

[listeners.local]
ips = [{ips}]
tls = {{ certificates = [{{ cert = {cert}, key = {key} }}] }}
smtp = {{ port = {smtp} }}
submission = {{ port = {submission}, tls_required = false }}
submissions = {{ port = {submissions} }}
imap = {{ port = {imap}, tls_required = false }}
imaps = {{ port = {imaps} }}

[domains."localhost"]
localpart_catchall_separators = ["+"]

[accounts.mox]
domain = "localhost"

[accounts.mox.destinations]
"mox@localhost" = {{}}
"@localhost" = {{}}

# Mail that is sent to other domains never leaves this machine, but goes to account mox.
# Without this entry it is a real server.
[[routes]]
transport = "loopback"
account = "mox"
"#,
            ips = ips.join(", "),
            cert = quote(&self.cert_file),
            key = quote(&self.key_file),
            smtp = self.port(ServiceKind::Smtp)?,
            submission = self.port(ServiceKind::Submission)?,
            submissions = self.port(ServiceKind::Submissions)?,
            imap = self.port(ServiceKind::Imap)?,
            imaps = self.port(ServiceKind::Imaps)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::model::{Limits, Transport};
    use crate::config::{Unchecked, parse};

    fn made(ip: Option<IpAddr>, port_offset: u16) -> Localserve {
        Localserve {
            ip,
            port_offset,
            cert_file: "localhost.crt.pem".into(),
            key_file: "localhost.key.pem".into(),
        }
    }

    #[test]
    fn what_is_made_is_valid() {
        let text = made(None, 1000).text().expect("made");
        let config = parse(&text, Path::new("/d/config/mox.toml"), &Unchecked).expect("valid");
        let local = &config.listeners["local"];
        assert_eq!(local.ips.len(), 2);
        let ports: Vec<u16> = local.services().map(|(_, service)| service.port).collect();
        assert_eq!(ports, [1025, 1587, 1465, 1143, 1993]);
        assert_eq!(config.server.data_dir, Path::new("/d/config/../data"));
        let limits = Limits {
            limit_loopback: false,
            ..Limits::default()
        };
        assert_eq!(config.limits, limits);
        let (name, account) = config.accounts.first_key_value().expect("an account");
        assert_eq!(account.destinations.len(), 2);
        assert_eq!(
            config.routes[0].transport,
            Transport::Loopback(name.clone())
        );
    }

    #[test]
    fn ports_have_an_end() {
        let error = made(None, 65000).text().expect_err("refused");
        assert_eq!((error.port, error.offset), (587, 65000));
        assert_eq!(made(Some(IpAddr::from([127, 0, 0, 2])), 0).ips().len(), 1);
    }
}
