//! The TLS configuration of a listener: which certificate for which name, which versions, who is asked
//! for a certificate, and who may resume a session.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use x509_parser::extensions::GeneralName;

use super::binding::{exporter, server_end_point};
use super::client_auth::AnyKey;
use super::{X509Error, provider};
use crate::sasl::ChannelBindings;

/// Makes the configuration of a server. The client gets the certificate that has the name it asks
/// for, exactly or by wildcard, else the first: also a client that asks for none.
///
/// A session is resumed by a ticket, with which the client comes back as who it was: the certificate
/// that it has shown stands in the ticket, and what its key is worth is looked up anew on every
/// connection. The keys of tickets are the configuration's own, so none is taken where clients are
/// asked otherwise, and none made before the certificates were renewed.
pub fn server_config(
    certificates: Vec<CertifiedKey>,
    only_tls13: bool,
    clients: Clients,
) -> Result<ServerTls, X509Error> {
    let names = Arc::new(ByName::new(certificates)?);
    let versions: &[&rustls::SupportedProtocolVersion] = if only_tls13 {
        &[&rustls::version::TLS13]
    } else {
        rustls::DEFAULT_VERSIONS
    };
    let crypto = |e: rustls::Error| X509Error::Crypto(e.to_string());
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(crypto)?;
    let builder = match clients {
        Clients::Programs { client_auth: true } => {
            builder.with_client_cert_verifier(Arc::new(AnyKey::new()))
        }
        Clients::Programs { client_auth: false } | Clients::Servers => {
            builder.with_no_client_auth()
        }
    };
    let mut config = builder.with_cert_resolver(names.clone());
    config.session_storage = Arc::new(NoServerSessionStorage {});
    match clients {
        Clients::Servers => config.send_tls13_tickets = 0,
        Clients::Programs { .. } => {
            config.send_tls13_tickets = 1;
            config.ticketer = Arc::new(Tickets(Ticketer::new().map_err(crypto)?));
        }
    }
    Ok(ServerTls {
        config: Arc::new(config),
        names,
    })
}

/// TLS as a listener speaks it.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// For handshakes.
    pub config: Arc<ServerConfig>,
    names: Arc<ByName>,
}

impl ServerTls {
    /// What SCRAM can bind to on a connection whose handshake was done with this.
    pub fn channel_bindings(&self, connection: &ServerConnection) -> ChannelBindings {
        let certificate = match connection.server_name() {
            Some(name) => self.names.find(name),
            None => self.names.first.clone(),
        };
        let end_point = certificate.cert.first();
        let end_point = end_point.and_then(|der| server_end_point(der));
        ChannelBindings::new(exporter(connection), end_point)
    }
}

/// Who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Other servers, on port 25: never asked for a certificate, and they resume no sessions.
    Servers,
    /// Mail programs.
    Programs {
        /// Whether they are asked for a certificate.
        client_auth: bool,
    },
}

/// Tickets that stay small: a client can show 64 KB of certificates, and would get them back with
/// every ticket.
#[derive(Debug)]
struct Tickets(Arc<dyn ProducesTickets>);

/// Bytes of a session in a ticket: its secrets and a certificate with an RSA key of 8192 bits.
const LONGEST_SESSION: usize = 4 << 10;

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match plain.len() <= LONGEST_SESSION {
            true => self.0.encrypt(plain),
            false => None,
        }
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(cipher)
    }
}

/// Certificates by the names in them.
struct ByName {
    first: Arc<CertifiedKey>,
    /// Names in lower case; wildcards without their `*`, so that they start with a dot.
    names: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    fn new(certificates: Vec<CertifiedKey>) -> Result<ByName, X509Error> {
        let mut names = HashMap::new();
        let mut first = None;
        for certificate in certificates.into_iter().map(Arc::new) {
            for name in dns_names(&certificate) {
                names.entry(name).or_insert_with(|| certificate.clone());
            }
            first.get_or_insert(certificate);
        }
        let first = first.ok_or_else(|| X509Error::Key("no certificate".to_owned()))?;
        Ok(ByName { first, names })
    }

    fn find(&self, name: &str) -> Arc<CertifiedKey> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let exact = self.names.get(&name);
        let found = exact.or_else(|| self.names.get(&name[name.find('.')?..]));
        found.unwrap_or(&self.first).clone()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(match hello.server_name() {
            Some(name) => self.find(name),
            None => self.first.clone(),
        })
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names.keys()).finish()
    }
}

/// The host names of a certificate (RFC 6125 §6.4.4: alternative names only). None if it cannot be
/// read: then it can still be the first.
fn dns_names(certificate: &CertifiedKey) -> Vec<String> {
    let Some(Ok((_, parsed))) = certificate
        .cert
        .first()
        .map(|der| x509_parser::parse_x509_certificate(der))
    else {
        return Vec::new();
    };
    let Ok(Some(names)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => {
                Some(name.strip_prefix('*').unwrap_or(name).to_ascii_lowercase())
            }
            _ => None,
        });
    names.collect()
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    fn certificate(names: &[&str]) -> CertifiedKey {
        let made = super::super::self_signed(names, &[]).expect("made");
        let chain = vec![CertificateDer::from_pem_slice(made.cert_pem.as_bytes()).expect("cert")];
        let key = PrivateKeyDer::from_pem_slice(made.key_pem.as_bytes()).expect("key");
        CertifiedKey::from_der(chain, key, &provider()).expect("a pair")
    }

    #[test]
    fn the_name_chooses_and_the_first_is_for_the_rest() {
        let by_name = ByName::new(vec![
            certificate(&["mail.example.org"]),
            certificate(&["*.example.net", "example.net"]),
        ])
        .expect("a resolver");
        let second = by_name.find("example.net");
        assert!(!Arc::ptr_eq(&second, &by_name.first));
        for (asked, expected) in [
            ("mail.example.org", &by_name.first),
            ("MAIL.example.org.", &by_name.first),
            ("imap.example.net", &second),
            ("a.b.example.net", &by_name.first),
            ("elsewhere.example", &by_name.first),
            ("", &by_name.first),
        ] {
            assert!(Arc::ptr_eq(&by_name.find(asked), expected), "{asked:?}");
        }
    }

    #[test]
    fn a_configuration_needs_a_certificate() {
        let asked = Clients::Programs { client_auth: true };
        assert!(server_config(Vec::new(), false, asked).is_err());
        let of = |clients| {
            let certificates = vec![certificate(&["localhost"])];
            server_config(certificates, true, clients).expect("a config")
        };
        for config in [of(asked), of(Clients::Servers)] {
            assert!(!config.config.session_storage.can_cache());
        }
        assert!(of(asked).config.ticketer.enabled());
        assert!(!of(Clients::Servers).config.ticketer.enabled());
    }

    #[test]
    fn a_ticket_with_many_certificates_is_not_made() {
        let tickets = Tickets(Ticketer::new().expect("a ticketer"));
        assert!(tickets.encrypt(&[0; LONGEST_SESSION]).is_some());
        assert!(tickets.encrypt(&[0; LONGEST_SESSION + 1]).is_none());
    }
}
