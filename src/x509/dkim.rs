//! DKIM's private keys (RFC 6376 §3.3, RFC 8463): made and looked at, not yet used to sign.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
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
        Err(_) => Err(X509Error::Key(format!(
            "{}: neither an RSA key of 2,048 to 8,192 bits nor an Ed25519 key",
            path.display()
        ))),
    }
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
            let key = load(&path).expect("loaded");
            assert_eq!(key.algorithm(), algorithm);
            assert!(!key.public_key().is_empty());
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
        std::fs::write(&path, "nothing").expect("write");
        assert!(matches!(load(&path), Err(X509Error::Pem { .. })));
    }
}
