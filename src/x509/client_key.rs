//! Keys that a client proves who it is with: made here, with a minimal certificate around them, and
//! written as every program wants them (RFC 5280, RFC 5958, RFC 7292, RFC 8410).
//!
//! Only the key counts to the server ([`Fingerprint`]); the certificate is what TLS carries it in, and
//! says no more than programs insist on.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use zeroize::{Zeroize, Zeroizing};

use super::{Fingerprint, X509Error, pem_block, provider};

/// Which kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKeyType {
    /// `ed25519`: small and fast; no program that uses NSS (Thunderbird) or Apple's libraries takes it.
    Ed25519,
    /// `ecdsa-p256`: taken by all.
    EcdsaP256,
}

impl ClientKeyType {
    /// Its name, `ecdsa-p256`.
    pub fn as_str(self) -> &'static str {
        match self {
            ClientKeyType::Ed25519 => "ed25519",
            ClientKeyType::EcdsaP256 => "ecdsa-p256",
        }
    }
}

/// A name that is none of [`ClientKeyType`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is of type ed25519 or ecdsa-p256")]
pub struct NotAKeyType;

impl FromStr for ClientKeyType {
    type Err = NotAKeyType;

    fn from_str(name: &str) -> Result<ClientKeyType, NotAKeyType> {
        match name {
            "ed25519" => Ok(ClientKeyType::Ed25519),
            "ecdsa-p256" => Ok(ClientKeyType::EcdsaP256),
            _ => Err(NotAKeyType),
        }
    }
}

/// A private key and a certificate that vouches for itself. Debug shows no secret.
pub struct ClientKey {
    kind: ClientKeyType,
    /// PKCS#8, version 1: OpenSSL 3.0 reads no version 2.
    private: Zeroizing<Vec<u8>>,
    /// The 32 bytes that an Ed25519 key is made from; empty for others.
    seed: Zeroizing<Vec<u8>>,
    certificate: CertificateDer<'static>,
    fingerprint: Fingerprint,
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({}, {})", self.kind.as_str(), self.fingerprint)
    }
}

/// Characters of a common name (RFC 5280 §A.1, ub-common-name).
const MAX_NAME: usize = 64;

impl ClientKey {
    /// Makes one; the certificate's subject has this name.
    pub fn generate(kind: ClientKeyType, name: &str) -> Result<ClientKey, X509Error> {
        match kind {
            ClientKeyType::Ed25519 => {
                let key = Ed25519KeyPair::generate().map_err(|_| failed("make a key"))?;
                ClientKey::ed25519(&key, name)
            }
            ClientKeyType::EcdsaP256 => {
                let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(refused)?;
                ClientKey::around(kind, &key, Zeroizing::new(Vec::new()), name)
            }
        }
    }

    /// The key of a seed as [`ClientKey::ed25519_seed`] gives it.
    pub fn from_ed25519_seed(text: &str) -> Result<ClientKey, X509Error> {
        let wrong = || {
            X509Error::Key("a seed of an Ed25519 key is 43 characters of raw-url base64".to_owned())
        };
        let seed = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?);
        if seed.len() != 32 {
            return Err(wrong());
        }
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| wrong())?;
        ClientKey::ed25519(&key, "mox")
    }

    fn ed25519(key: &Ed25519KeyPair, name: &str) -> Result<ClientKey, X509Error> {
        let encode = |_| failed("encode a key");
        let seed = key.seed().map_err(encode)?;
        let seed = Zeroizing::new(seed.as_be_bytes().map_err(encode)?.as_ref().to_vec());
        let pkcs8 = key.to_pkcs8v1().map_err(encode)?;
        let der = PrivatePkcs8KeyDer::from(pkcs8.as_ref());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519);
        ClientKey::around(ClientKeyType::Ed25519, &key.map_err(refused)?, seed, name)
    }

    fn around(
        kind: ClientKeyType,
        key: &KeyPair,
        seed: Zeroizing<Vec<u8>>,
        name: &str,
    ) -> Result<ClientKey, X509Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let name: String = name
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_NAME)
            .collect();
        if !name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        // Nothing ends by a date (RFC 5280 §4.1.2.5): the key is taken off the server's list.
        params.not_after = rcgen::date_time_ymd(9999, 12, 31)
            .replace_hour(23)
            .and_then(|time| time.replace_minute(59))
            .and_then(|time| time.replace_second(59))
            .map_err(|e| X509Error::Crypto(format!("make a certificate: {e}")))?;
        let certificate = params.self_signed(key).map_err(refused)?;
        Ok(ClientKey {
            kind,
            private: Zeroizing::new(key.serialize_der()),
            seed,
            certificate: certificate.der().clone(),
            fingerprint: Fingerprint::of_spki(&key.subject_public_key_info()),
        })
    }

    /// Of which kind it is.
    pub fn kind(&self) -> ClientKeyType {
        self.kind
    }

    /// What the server knows it by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The private key, PKCS#8 in DER.
    pub fn private_key_der(&self) -> &[u8] {
        &self.private
    }

    /// The certificate in DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The private key as PEM.
    pub fn private_key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem_block("PRIVATE KEY", &self.private))
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        pem_block("CERTIFICATE", &self.certificate)
    }

    /// The key and then the certificate, as programs want them that take one file.
    pub fn combined_pem(&self) -> Zeroizing<String> {
        let mut text = self.private_key_pem();
        text.push_str(&self.certificate_pem());
        text
    }

    /// The seed that alone makes the key again, 43 characters of raw-url base64; empty unless Ed25519.
    pub fn ed25519_seed(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&*self.seed))
    }

    /// For TLS.
    pub fn certified(&self) -> Result<CertifiedKey, X509Error> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.private.to_vec()));
        CertifiedKey::from_der(vec![self.certificate.clone()], key, &provider())
            .map_err(|e| X509Error::Crypto(e.to_string()))
    }
}

impl Drop for ClientKey {
    fn drop(&mut self) {
        self.private.zeroize();
        self.seed.zeroize();
    }
}

fn refused(e: rcgen::Error) -> X509Error {
    X509Error::Crypto(format!("make a certificate: {e}"))
}

fn failed(what: &str) -> X509Error {
    X509Error::Crypto(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ClientKeyType; 2] = [ClientKeyType::Ed25519, ClientKeyType::EcdsaP256];

    #[test]
    fn the_certificate_says_what_it_must_and_no_more() {
        for kind in KINDS {
            let key = ClientKey::generate(kind, "laptop").expect("made");
            let (rest, parsed) =
                x509_parser::parse_x509_certificate(key.certificate_der()).expect("a certificate");
            assert!(rest.is_empty());
            assert_eq!(parsed.version().0, 2, "v3");
            assert_eq!(parsed.subject().to_string(), "CN=laptop");
            assert_eq!(parsed.subject(), parsed.issuer());
            assert_eq!(
                parsed.validity().not_after.timestamp(),
                253_402_300_799,
                "9999-12-31 23:59:59"
            );
            let ca = parsed
                .basic_constraints()
                .expect("readable")
                .expect("there");
            assert!(!ca.value.ca);
            let usage = parsed.key_usage().expect("readable").expect("there");
            assert_eq!(usage.value.flags, 1, "digitalSignature alone");
            let extended = parsed.extended_key_usage().expect("readable");
            let extended = extended.expect("there").value;
            assert!(extended.client_auth && !extended.server_auth && !extended.any);
            assert_eq!(
                Fingerprint::of_spki(parsed.public_key().raw),
                key.fingerprint()
            );
            key.certified().expect("a pair");
        }
    }

    #[test]
    fn the_key_is_pkcs8_version_1() {
        let key = ClientKey::generate(ClientKeyType::Ed25519, "k").expect("made");
        // RFC 8410 §7: 48 bytes, the last 32 of them the seed.
        assert_eq!(key.private_key_der().len(), 48);
        assert_eq!(&key.private_key_der()[..5], &[0x30, 0x2e, 2, 1, 0]);
        assert_eq!(key.private_key_der()[16..], key.seed[..]);
        let combined = key.combined_pem();
        assert!(combined.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert!(combined.ends_with("-----END CERTIFICATE-----\n"));
    }

    #[test]
    fn a_seed_is_the_whole_key() {
        let key = ClientKey::generate(ClientKeyType::Ed25519, "k").expect("made");
        let seed = key.ed25519_seed();
        assert_eq!(seed.len(), 43);
        let again = ClientKey::from_ed25519_seed(&seed).expect("a seed");
        assert_eq!(again.fingerprint(), key.fingerprint());
        let other = ClientKey::generate(ClientKeyType::EcdsaP256, "k").expect("made");
        assert_eq!(other.ed25519_seed().as_str(), "");
        for wrong in ["", "abc", &seed[1..], &format!("{}=", *seed), "+"] {
            let error = ClientKey::from_ed25519_seed(wrong).expect_err("no seed");
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
    }

    #[test]
    fn names_of_any_kind_do() {
        for name in ["", "a\nb", "ü".repeat(200).as_str(), "\u{1f4bb}"] {
            ClientKey::generate(ClientKeyType::EcdsaP256, name).expect("made");
        }
    }

    #[test]
    fn debug_has_no_secret() {
        let key = ClientKey::generate(ClientKeyType::Ed25519, "k").expect("made");
        assert!(!format!("{key:?}").contains(key.ed25519_seed().as_str()));
    }
}
