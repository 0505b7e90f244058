//! The TLS configuration of a listener: which certificate for which name, which versions.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;

use super::{X509Error, provider};

/// Makes the configuration of a server. The client gets the certificate that has the name it asks
/// for, exactly or by wildcard, else the first: also a client that asks for none.
///
/// Sessions are not resumed: a resumed one would carry the client certificate of an earlier
/// handshake, whose key may have been taken away since.
pub fn server_config(
    certificates: Vec<CertifiedKey>,
    only_tls13: bool,
) -> Result<ServerConfig, X509Error> {
    let versions: &[&rustls::SupportedProtocolVersion] = if only_tls13 {
        &[&rustls::version::TLS13]
    } else {
        rustls::DEFAULT_VERSIONS
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(|e| X509Error::Crypto(e.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName::new(certificates)?));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
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
        assert!(server_config(Vec::new(), false).is_err());
        let config = server_config(vec![certificate(&["localhost"])], true).expect("a config");
        assert!(!config.session_storage.can_cache());
    }
}
