//! A certificate as people hand it over: in a PEM file or in DER.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use super::pem_block;
use super::public_key::{self, PublicKey, PublicKeyError};

/// Bytes of a certificate that is kept: one with an RSA key of 8192 bits and a signature of the same
/// has under 3,000.
const LONGEST: usize = 32 << 10;

/// Characters of a name that is taken from a certificate.
const LONGEST_NAME: usize = 100;

/// A certificate whose key can log in here, in DER; as text it is base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Certificate(Vec<u8>);

/// Why it is no certificate for logging in. The blame is the peer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Nothing at all.
    #[error("there is no certificate: it is empty")]
    Empty,
    /// PEM without one.
    #[error("there is no certificate in it")]
    Absent,
    /// A private key where a certificate should be.
    #[error("that is a private key, which stays with its owner: give the certificate")]
    PrivateKey,
    /// PEM that cannot be read.
    #[error("not a PEM file: {0}")]
    Pem(String),
    /// Too large to be kept.
    #[error("the certificate has {0} bytes: 32768 are allowed")]
    TooLarge(usize),
    /// Its key.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
}

impl Certificate {
    /// Reads PEM, where the first certificate is taken, or DER; refuses a key that could not log in.
    pub fn read(bytes: &[u8]) -> Result<Certificate, CertificateError> {
        const BEGIN: &[u8] = b"-----BEGIN ";
        if bytes.trim_ascii().is_empty() {
            return Err(CertificateError::Empty);
        }
        match bytes.windows(BEGIN.len()).any(|part| part == BEGIN) {
            true => Certificate::from_der(first_in_pem(bytes)?),
            false => Certificate::from_der(bytes.to_vec()),
        }
    }

    fn from_der(der: Vec<u8>) -> Result<Certificate, CertificateError> {
        if der.len() > LONGEST {
            return Err(CertificateError::TooLarge(der.len()));
        }
        PublicKey::of_certificate(&der)?.check()?;
        Ok(Certificate(der))
    }

    /// The key in it.
    pub fn public_key(&self) -> Result<PublicKey<'_>, PublicKeyError> {
        PublicKey::of_certificate(&self.0)
    }

    /// What to call it: the common name of its subject, else `serial ` and its number in hex.
    pub fn name(&self) -> String {
        let by_subject = || {
            let (_, parsed) = x509_parser::parse_x509_certificate(&self.0).ok()?;
            let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
            let name = name.replace(char::is_control, " ");
            let name: String = name.trim().chars().take(LONGEST_NAME).collect();
            (!name.is_empty()).then_some(name)
        };
        by_subject().unwrap_or_else(|| {
            let serial = public_key::find(&self.0).map_or(&[][..], |(serial, _)| serial);
            let octets = serial.iter().take(20);
            let hex: String = octets.map(|octet| format!("{octet:02x}")).collect();
            format!("serial {hex}")
        })
    }

    /// In DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// As one PEM block, with its line ends.
    pub fn pem(&self) -> String {
        pem_block("CERTIFICATE", &self.0)
    }
}

fn first_in_pem(bytes: &[u8]) -> Result<Vec<u8>, CertificateError> {
    match CertificateDer::from_pem_slice(bytes) {
        Ok(der) => Ok(der.to_vec()),
        Err(pem::Error::NoItemsFound) => Err(match PrivateKeyDer::from_pem_slice(bytes) {
            Ok(_) => CertificateError::PrivateKey,
            Err(_) => CertificateError::Absent,
        }),
        Err(error) => Err(CertificateError::Pem(error.to_string())),
    }
}

impl TryFrom<String> for Certificate {
    type Error = String;

    fn try_from(text: String) -> Result<Certificate, String> {
        let der = STANDARD.decode(text).map_err(|error| error.to_string())?;
        Certificate::from_der(der).map_err(|error| error.to_string())
    }
}

impl From<Certificate> for String {
    fn from(certificate: Certificate) -> String {
        STANDARD.encode(certificate.0)
    }
}
