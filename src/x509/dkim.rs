//! DKIM's private keys (RFC 6376 §3.3, RFC 8463): made and looked at, not yet used to sign.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::{X509Error, broken, pem_block, read};

/// A key that can sign for a domain.
#[derive(Debug)]
pub enum DkimKey {
    /// rsa-sha256.
    Rsa(Box<RsaKeyPair>),
    /// ed25519-sha256.
    Ed25519(Box<Ed25519KeyPair>),
}

impl DkimKey {
    /// `k=` of the DNS record.
    pub fn algorithm(&self) -> &'static str {
        match self {
            DkimKey::Rsa(_) => "rsa",
            DkimKey::Ed25519(_) => "ed25519",
        }
    }

    /// The public key: PKCS#1 for RSA, the 32 bytes for Ed25519 (RFC 8463 §4.2).
    pub fn public_key(&self) -> &[u8] {
        match self {
            DkimKey::Rsa(key) => key.public_key().as_ref(),
            DkimKey::Ed25519(key) => key.public_key().as_ref(),
        }
    }

    /// Its kind and size: `rsa-2048`, `ed25519`.
    pub fn name(&self) -> String {
        match self {
            DkimKey::Rsa(key) => format!("rsa-{}", key.public_modulus_len() * 8),
            DkimKey::Ed25519(_) => "ed25519".to_owned(),
        }
    }

    /// The text of the TXT record at `SELECTOR._domainkey.DOMAIN` (RFC 6376 §3.6.1, RFC 8463 §4.2),
    /// longer than the 255 bytes that one string of a record holds. An RSA key is there as
    /// SubjectPublicKeyInfo, as all verifiers take it.
    pub fn record(&self) -> Result<String, X509Error> {
        let failed = |_| X509Error::Crypto("encode a public key".to_owned());
        let public = match self {
            DkimKey::Rsa(key) => {
                let der: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(failed)?;
                BASE64.encode(der.as_ref())
            }
            DkimKey::Ed25519(_) => BASE64.encode(self.public_key()),
        };
        let algorithm = self.algorithm();
        Ok(format!("v=DKIM1; h=sha256; k={algorithm}; p={public}"))
    }
}

/// A new RSA key of 2,048 bits as PKCS#8 PEM. Takes 40 to 200 ms.
pub fn generate_rsa() -> Result<String, X509Error> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048)
        .map_err(|_| X509Error::Crypto("make an RSA key".to_owned()))?;
    let der: Pkcs8V1Der<'_> = key
        .as_der()
        .map_err(|_| X509Error::Crypto("encode an RSA key".to_owned()))?;
    Ok(pem_block("PRIVATE KEY", der.as_ref()))
}

/// A new Ed25519 key as PKCS#8 PEM, version 1: OpenSSL 3.0 reads no version 2.
pub fn generate_ed25519() -> Result<String, X509Error> {
    let failed = |_| X509Error::Crypto("make an Ed25519 key".to_owned());
    let key = Ed25519KeyPair::generate().map_err(failed)?;
    Ok(pem_block(
        "PRIVATE KEY",
        key.to_pkcs8v1().map_err(failed)?.as_ref(),
    ))
}

/// Loads a PKCS#8 PEM key: RSA of 2,048 to 8,192 bits, or Ed25519.
pub fn load(path: &Path) -> Result<DkimKey, X509Error> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(&read(path)?).map_err(|e| broken(path, e))?;
    if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()) {
        return Ok(DkimKey::Ed25519(Box::new(key)));
    }
    match RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()) {
        Ok(key) => Ok(DkimKey::Rsa(Box::new(key))),
        Err(_) => Err(other_kind(path)),
    }
}

/// Whether a file has a key of the kinds that [`load`] takes, by its structure alone: some hundred
/// times faster than loading, which proves the numbers of an RSA key. For thousands of domains.
pub fn look(path: &Path) -> Result<(), X509Error> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(&read(path)?).map_err(|e| broken(path, e))?;
    match is_taken(der.secret_pkcs8_der()) {
        Some(true) => Ok(()),
        _ => Err(other_kind(path)),
    }
}

fn other_kind(path: &Path) -> X509Error {
    X509Error::Key(format!(
        "{}: neither an RSA key of 2,048 to 8,192 bits nor an Ed25519 key",
        path.display()
    ))
}

/// OneAsymmetricKey (RFC 5958 §2), as far as it says what kind of key it is.
fn is_taken(key: &[u8]) -> Option<bool> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const OID: u8 = 0x06;
    const OCTETS: u8 = 0x04;
    let (fields, _) = der(key, SEQUENCE)?;
    let (_version, fields) = der(fields, INTEGER)?;
    let (algorithm, fields) = der(fields, SEQUENCE)?;
    let (oid, _) = der(algorithm, OID)?;
    let (private, _) = der(fields, OCTETS)?;
    match oid {
        // rsaEncryption (RFC 8017 §A.1).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => {
            let (numbers, _) = der(private, SEQUENCE)?;
            let (_version, numbers) = der(numbers, INTEGER)?;
            let (modulus, _) = der(numbers, INTEGER)?;
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            let first = modulus.get(zeros)?;
            let bits = (modulus.len() - zeros) * 8 - first.leading_zeros() as usize;
            Some((2048..=8192).contains(&bits))
        }
        // id-Ed25519 (RFC 8410 §3).
        [0x2b, 0x65, 0x70] => der(private, OCTETS).map(|(seed, _)| seed.len() == 32),
        _ => Some(false),
    }
}

/// An element of this type: its contents, and what follows it (X.690 §8.1).
fn der(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = input.split_first()?;
    let (&length, mut rest) = rest.split_first()?;
    let mut len = usize::from(length & 0x7f);
    if length & 0x80 != 0 {
        if len > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(len)?;
        len = bytes
            .iter()
            .fold(0, |len, byte| len << 8 | usize::from(*byte));
        rest = after;
    }
    let (contents, rest) = rest.split_at_checked(len)?;
    (found == tag).then_some((contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_made_can_be_loaded() {
        let dir = tempfile::tempdir().expect("tempdir");
        for (made, algorithm) in [
            (generate_rsa().expect("rsa"), "rsa"),
            (generate_ed25519().expect("ed"), "ed25519"),
        ] {
            let path = dir.path().join("key.pem");
            std::fs::write(&path, made).expect("write");
            look(&path).expect("looked at");
            let key = load(&path).expect("loaded");
            assert_eq!(key.algorithm(), algorithm);
            assert!(!key.public_key().is_empty());
            let record = key.record().expect("a record");
            let (tags, public) = record.split_once("; p=").expect("a key");
            assert_eq!(tags, format!("v=DKIM1; h=sha256; k={algorithm}"));
            let public = BASE64.decode(public).expect("base64");
            assert!(public.ends_with(key.public_key()), "{record}");
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("key.pem");
        let p256 = super::super::self_signed(&["localhost"], &[])
            .expect("made")
            .key_pem;
        std::fs::write(&path, p256).expect("write");
        assert!(matches!(load(&path), Err(X509Error::Key(_))));
        assert!(matches!(look(&path), Err(X509Error::Key(_))));
        std::fs::write(&path, "nothing").expect("write");
        assert!(matches!(load(&path), Err(X509Error::Pem { .. })));
    }
    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = is_taken(&bytes);
            let _ = is_taken(&[&[0x30, 0x82, 0, 40][..], &bytes].concat());
        }
    }

    #[test]
    fn short_keys_are_seen() {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("made");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("encoded");
        assert_eq!(is_taken(der.as_ref()), Some(true));
        let mut short = der.as_ref().to_vec();
        // 00 and the 256 bytes of the modulus: with zeros in front it is a smaller number.
        let at = short
            .windows(5)
            .position(|w| w == [2, 0x82, 1, 1, 0])
            .expect("the modulus");
        short[at + 5..at + 15].fill(0);
        assert_eq!(is_taken(&short), Some(false));
    }
}
