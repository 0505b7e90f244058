//! Certificates and private keys, in and out, and the TLS configuration that listeners use.
//!
//! One provider everywhere, aws-lc-rs, always named explicitly: rustls panics when two are linked and
//! none was chosen.

pub mod apple_profile;
mod binding;
mod certificate;
mod client_auth;
mod client_key;
pub mod client_tls;
pub mod dkim;
mod fingerprint;
pub mod key_files;
pub mod pkcs12;
mod public_key;
pub mod tls;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

pub use binding::{client_channel_bindings, server_end_point};
pub use certificate::{Certificate, CertificateError};
pub use client_auth::proven_key;
pub use client_key::{ClientKey, ClientKeyType, NotAKeyType};
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use pkcs12::Pkcs12Form;
pub use public_key::{KeyType, PublicKey, PublicKeyError};

/// What is wrong with a certificate or a key. All are Local: files and settings of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum X509Error {
    /// The file cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not PEM, or lacks what is looked for.
    #[error("{}: {what}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is missing or broken.
        what: String,
    },
    /// A certificate and a key that are not a pair.
    #[error("the key in {} does not belong to the certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A key of a kind or size that is not used.
    #[error("{0}")]
    Key(String),
    /// The cryptographic library refused.
    #[error("{0}")]
    Crypto(String),
}

/// The one cryptography provider of the process.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A new certificate that vouches for itself, and its key, both PEM.
#[derive(Debug)]
pub struct SelfSigned {
    /// The certificate.
    pub cert_pem: String,
    /// The key, PKCS#8.
    pub key_pem: String,
}

/// Makes a P-256 key and a certificate for these host names and addresses, valid until 2099. P-256 is
/// what every mail program takes.
pub fn self_signed(names: &[&str], ips: &[IpAddr]) -> Result<SelfSigned, X509Error> {
    let refused = |e: rcgen::Error| X509Error::Crypto(format!("make a certificate: {e}"));
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(refused)?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let common_name = names.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names).map_err(refused)?;
    params
        .subject_alt_names
        .extend(ips.iter().map(|ip| SanType::IpAddress(*ip)));
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let cert = params.self_signed(&key).map_err(refused)?;
    Ok(SelfSigned {
        cert_pem: cert.pem(),
        key_pem: key.serialize_pem(),
    })
}

/// Loads a certificate chain and its key, and checks that they are a pair.
pub fn load_certified_key(cert: &Path, key: &Path) -> Result<CertifiedKey, X509Error> {
    PemPair::read(cert, key)?.certified_key()
}

/// The files of a certificate and its key, as they were read.
#[derive(PartialEq, Eq)]
pub struct PemPair {
    cert: (PathBuf, Vec<u8>),
    key: (PathBuf, Zeroizing<Vec<u8>>),
}

impl PemPair {
    /// Reads both, without looking into them.
    pub fn read(cert: &Path, key: &Path) -> Result<PemPair, X509Error> {
        Ok(PemPair {
            cert: (cert.to_owned(), read(cert)?),
            key: (key.to_owned(), Zeroizing::new(read(key)?)),
        })
    }

    /// The chain and its key, if they are a pair.
    pub fn certified_key(&self) -> Result<CertifiedKey, X509Error> {
        let ((cert, chain), (key, private)) = (&self.cert, &self.key);
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| broken(cert, e))?;
        if chain.is_empty() {
            let what = "no certificate in it".to_owned();
            return Err(X509Error::Pem {
                path: cert.clone(),
                what,
            });
        }
        let private = PrivateKeyDer::from_pem_slice(private).map_err(|e| broken(key, e))?;
        let loaded = CertifiedKey::from_der(chain, private, &provider());
        loaded.map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => X509Error::Mismatch {
                cert: cert.clone(),
                key: key.clone(),
            },
            other => X509Error::Pem {
                path: key.clone(),
                what: other.to_string(),
            },
        })
    }
}

impl std::fmt::Debug for PemPair {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (cert, key) = (&self.cert.0, &self.key.0);
        write!(f, "PemPair({}, {})", cert.display(), key.display())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, X509Error> {
    std::fs::read(path).map_err(|source| X509Error::Read {
        path: path.to_owned(),
        source,
    })
}

fn broken(path: &Path, e: pem::Error) -> X509Error {
    let what = match e {
        pem::Error::NoItemsFound => "no private key in it".to_owned(),
        other => other.to_string(),
    };
    X509Error::Pem {
        path: path.to_owned(),
        what,
    }
}

/// One PEM block (RFC 7468 §2).
pub(crate) fn pem_block(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut block = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        block.push_str(line);
        block.push('\n');
        rest = more;
    }
    block.push_str(&format!("-----END {label}-----\n"));
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("write");
        path
    }

    #[test]
    fn what_is_made_can_be_loaded() {
        let dir = tempfile::tempdir().expect("tempdir");
        let loopback = [IpAddr::from([127, 0, 0, 1])];
        let made = self_signed(&["localhost"], &loopback).expect("made");
        let cert = write(dir.path(), "cert.pem", &made.cert_pem);
        let key = write(dir.path(), "key.pem", &made.key_pem);
        let loaded = load_certified_key(&cert, &key).expect("loaded");
        let (_, parsed) =
            x509_parser::parse_x509_certificate(loaded.cert[0].as_ref()).expect("a certificate");
        let names = parsed
            .subject_alternative_name()
            .expect("no error")
            .expect("names");
        assert_eq!(names.value.general_names.len(), 2);
    }

    #[test]
    fn bad_files_are_named() {
        let dir = tempfile::tempdir().expect("tempdir");
        let one = self_signed(&["localhost"], &[]).expect("made");
        let other = self_signed(&["localhost"], &[]).expect("made");
        let cert = write(dir.path(), "cert.pem", &one.cert_pem);
        let key = write(dir.path(), "key.pem", &other.key_pem);
        let empty = write(dir.path(), "empty.pem", "");
        let absent = dir.path().join("absent.pem");
        for (cert, key, word) in [
            (&cert, &key, "does not belong"),
            (&empty, &key, "no certificate"),
            (&cert, &empty, "no private key"),
            (&absent, &key, "absent.pem: No such file"),
        ] {
            let error = load_certified_key(cert, key)
                .expect_err("refused")
                .to_string();
            assert!(error.contains(word), "{error:?} does not say {word:?}");
        }
    }
}
