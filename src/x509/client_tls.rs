//! The TLS configuration of a client: whom it believes, and what it shows of itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{X509Error, broken, provider, read};

/// Which servers are believed to be who they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system's certificate authorities vouch for.
    System,
    /// Those that an authority in this PEM file vouches for, and those whose certificate itself is in
    /// it, whatever names and dates it has.
    File(PathBuf),
    /// All: for tests. Whoever is in between can read everything.
    Anyone,
}

/// Makes the configuration of a client. The certificate, if there is one, is shown to every server that
/// asks for any. Sessions are not resumed: each handshake proves the key.
pub fn client_config(
    trust: &Trust,
    identity: Option<CertifiedKey>,
) -> Result<ClientConfig, X509Error> {
    let failed = |e: rustls::Error| X509Error::Crypto(e.to_string());
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(trust)?));
    let mut config = match identity {
        Some(key) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::new(key))))
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Decides on a server's certificate.
struct Verifier {
    /// The authorities; none: anyone is believed.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are believed as they are.
    pinned: Vec<CertificateDer<'static>>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} pinned)", self.pinned.len())
    }
}

impl Verifier {
    fn new(trust: &Trust) -> Result<Verifier, X509Error> {
        let (roots, pinned) = match trust {
            Trust::Anyone => {
                return Ok(Verifier {
                    authorities: None,
                    pinned: Vec::new(),
                });
            }
            Trust::System => (system_roots()?, Vec::new()),
            Trust::File(path) => file_roots(path)?,
        };
        // There is none when every certificate of a file is no authority's.
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|e| X509Error::Crypto(format!("read the certificate authorities: {e}")))?;
        Ok(Verifier {
            authorities: Some(authorities),
            pinned,
        })
    }
}

fn system_roots() -> Result<RootCertStore, X509Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let why = found.errors.first().map(ToString::to_string);
    Err(X509Error::Crypto(format!(
        "the system has no certificate authorities{}",
        why.map(|why| format!(": {why}")).unwrap_or_default()
    )))
}

fn file_roots(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), X509Error> {
    let certificates = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| broken(path, e))?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
    if added == 0 {
        return Err(X509Error::Pem {
            path: path.to_owned(),
            what: "no certificate in it".to_owned(),
        });
    }
    Ok((roots, certificates))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authorities) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        if self.pinned.iter().any(|pinned| pinned == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        authorities.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::self_signed;
    use super::*;

    fn certificate(name: &str) -> (String, CertificateDer<'static>) {
        let made = self_signed(&[name], &[]).expect("made");
        let der = CertificateDer::from_pem_slice(made.cert_pem.as_bytes()).expect("PEM");
        (made.cert_pem, der)
    }

    fn verdict(verifier: &Verifier, certificate: &CertificateDer<'_>, name: &str) -> bool {
        let name = ServerName::try_from(name).expect("a name");
        verifier
            .verify_server_cert(certificate, &[], &name, &[], UnixTime::now())
            .is_ok()
    }

    #[test]
    fn a_certificate_in_the_file_is_believed_and_no_other() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("ca.pem");
        let (pem, ours) = certificate("mail.example");
        let (_, other) = certificate("mail.example");
        std::fs::write(&path, pem).expect("write");
        let pinned = Verifier::new(&Trust::File(path.clone())).expect("a verifier");
        assert!(verdict(&pinned, &ours, "mail.example"));
        assert!(verdict(&pinned, &ours, "elsewhere.example"));
        assert!(!verdict(&pinned, &other, "mail.example"));
        let anyone = Verifier::new(&Trust::Anyone).expect("a verifier");
        assert!(verdict(&anyone, &other, "elsewhere.example"));

        std::fs::write(&path, "nothing").expect("write");
        let empty = client_config(&Trust::File(path), None).expect_err("empty");
        assert!(empty.to_string().contains("no certificate"), "{empty}");
        let absent = Trust::File(dir.path().join("absent"));
        assert!(client_config(&absent, None).is_err());
    }
}
