//! The public key in a client's certificate, and nothing else of it: names, dates, extensions and the
//! certificate's own signature are not looked at (`spec/auth.md`, "TLS public keys"), so neither is
//! what a stricter parser would refuse them for (X.509 version 1, say).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
    ParsedPublicKey, RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use rustls::pki_types::{AlgorithmIdentifier, alg_id};

use super::Fingerprint;

/// Bits of an RSA key that is accepted.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What a key is, as `mox config tlspubkey list` says it: `ed25519`, `ecdsa-p256`, `ecdsa-p384`,
/// `ecdsa-p521`, `rsa-2048` to `rsa-8192`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum KeyType {
    Ed25519,
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    /// Bits of the modulus.
    Rsa(u16),
}

/// Why a key cannot log anybody in. The blame is the peer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not a certificate.
    #[error("not an X.509 certificate")]
    Malformed,
    /// RSA of another size.
    #[error("an RSA key of {0} bits is not accepted: it must have 2048 to 8192")]
    RsaSize(usize),
    /// Another algorithm or curve.
    #[error(
        "a key of kind {0} is not accepted: RSA, ECDSA on P-256, P-384 or P-521, and Ed25519 are"
    )]
    Kind(String),
    /// Of an accepted kind, but no key: a point that is not on the curve, say.
    #[error("the {0} key in it is not valid")]
    Invalid(KeyType),
}

/// The key of a certificate, of a kind that can log in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey<'a> {
    key_type: KeyType,
    /// SubjectPublicKeyInfo, in DER.
    spki: &'a [u8],
    /// The bits of its subjectPublicKey.
    bits: &'a [u8],
}

impl<'a> PublicKey<'a> {
    /// Reads the key of a certificate in DER. The work is bounded by the certificate's length, and no
    /// arithmetic is done on the key.
    pub fn of_certificate(der: &'a [u8]) -> Result<PublicKey<'a>, PublicKeyError> {
        let (_, spki) = find(der).ok_or(PublicKeyError::Malformed)?;
        let (algorithm, bits) = split_spki(spki).ok_or(PublicKeyError::Malformed)?;
        Ok(PublicKey {
            key_type: KeyType::of(algorithm, bits)?,
            spki,
            bits,
        })
    }

    /// What identifies it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_spki(self.spki)
    }

    /// What it is.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// Refuses a key that no signature could ever be verified with.
    pub fn check(&self) -> Result<(), PublicKeyError> {
        let algorithm: &'static dyn VerificationAlgorithm = match self.key_type {
            KeyType::Ed25519 => &ED25519,
            KeyType::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
            KeyType::EcdsaP384 => &ECDSA_P384_SHA384_ASN1,
            KeyType::EcdsaP521 => &ECDSA_P521_SHA512_ASN1,
            KeyType::Rsa(_) => &RSA_PSS_2048_8192_SHA256,
        };
        match ParsedPublicKey::new(algorithm, self.bits) {
            Ok(_) => Ok(()),
            Err(_) => Err(PublicKeyError::Invalid(self.key_type)),
        }
    }

    /// The algorithm as signatures name it (RFC 5280 §4.1.1.2).
    pub(super) fn algorithm(&self) -> AlgorithmIdentifier {
        match self.key_type {
            KeyType::Ed25519 => alg_id::ED25519,
            KeyType::EcdsaP256 => alg_id::ECDSA_P256,
            KeyType::EcdsaP384 => alg_id::ECDSA_P384,
            KeyType::EcdsaP521 => alg_id::ECDSA_P521,
            KeyType::Rsa(_) => alg_id::RSA_ENCRYPTION,
        }
    }

    /// The key's bits, as verification takes them.
    pub(super) fn bits(&self) -> &'a [u8] {
        self.bits
    }
}

impl KeyType {
    /// From the contents of an AlgorithmIdentifier and the bits of the key.
    fn of(algorithm: &[u8], bits: &[u8]) -> Result<KeyType, PublicKeyError> {
        let mut parts = Der(algorithm);
        let oid = parts.take(OID).ok_or(PublicKeyError::Malformed)?;
        let curve = parts.take(OID).unwrap_or_default();
        let (key_type, coordinate) = match (oid, curve) {
            (RSA, _) => return KeyType::rsa(bits),
            (ED25519_OID, _) => {
                return match bits.len() {
                    32 => Ok(KeyType::Ed25519),
                    _ => Err(PublicKeyError::Invalid(KeyType::Ed25519)),
                };
            }
            (EC, P256) => (KeyType::EcdsaP256, 32),
            (EC, P384) => (KeyType::EcdsaP384, 48),
            (EC, P521) => (KeyType::EcdsaP521, 66),
            _ => return Err(PublicKeyError::Kind(kind(oid, curve))),
        };
        // SEC 1 §2.3.3: a point is written out, or compressed.
        match (bits.first(), bits.len()) {
            (Some(4), length) if length == 1 + 2 * coordinate => Ok(key_type),
            (Some(2 | 3), length) if length == 1 + coordinate => Ok(key_type),
            _ => Err(PublicKeyError::Invalid(key_type)),
        }
    }

    /// RFC 8017 §A.1.1: a modulus and an exponent.
    fn rsa(bits: &[u8]) -> Result<KeyType, PublicKeyError> {
        let modulus = || {
            let mut whole = Der(bits);
            let mut key = Der(whole.take(SEQUENCE)?);
            let modulus = key.take(INTEGER)?;
            key.take(INTEGER)?;
            // A negative one is none.
            (whole.is_empty() && key.is_empty() && modulus.first()? & 0x80 == 0).then_some(modulus)
        };
        let modulus = modulus().ok_or(PublicKeyError::Malformed)?;
        let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
        let first = modulus.get(zeros).copied().unwrap_or_default();
        let size = (modulus.len() - zeros) * 8 - first.leading_zeros() as usize % 8;
        match u16::try_from(size) {
            Ok(bits) if RSA_BITS.contains(&size) => Ok(KeyType::Rsa(bits)),
            _ => Err(PublicKeyError::RsaSize(size)),
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyType::Ed25519 => f.write_str("ed25519"),
            KeyType::EcdsaP256 => f.write_str("ecdsa-p256"),
            KeyType::EcdsaP384 => f.write_str("ecdsa-p384"),
            KeyType::EcdsaP521 => f.write_str("ecdsa-p521"),
            KeyType::Rsa(bits) => write!(f, "rsa-{bits}"),
        }
    }
}

impl FromStr for KeyType {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<KeyType, PublicKeyError> {
        let unknown = || PublicKeyError::Kind(text.to_owned());
        Ok(match text {
            "ed25519" => KeyType::Ed25519,
            "ecdsa-p256" => KeyType::EcdsaP256,
            "ecdsa-p384" => KeyType::EcdsaP384,
            "ecdsa-p521" => KeyType::EcdsaP521,
            other => {
                let bits = other.strip_prefix("rsa-").ok_or_else(unknown)?;
                KeyType::Rsa(bits.parse().map_err(|_| unknown())?)
            }
        })
    }
}

/// The serial number of a certificate (RFC 5280 §4.1), and its SubjectPublicKeyInfo, whole.
pub(super) fn find(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Der(der);
    let mut certificate = Der(outer.take(SEQUENCE)?);
    let mut tbs = Der(certificate.take(SEQUENCE)?);
    // Only what comes before the key must have its form.
    let _version = tbs.take(VERSION);
    let serial = tbs.take(INTEGER)?;
    for _before in ["signature", "issuer", "validity", "subject"] {
        tbs.take(SEQUENCE)?;
    }
    let spki = tbs.whole(SEQUENCE)?;
    certificate.take(SEQUENCE)?;
    certificate.take(BIT_STRING)?;
    (outer.is_empty() && certificate.is_empty()).then_some((serial, spki))
}

/// The contents of its AlgorithmIdentifier and the bits of its key.
fn split_spki(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Der(Der(spki).take(SEQUENCE)?);
    let algorithm = parts.take(SEQUENCE)?;
    // No key has a number of bits that fills no octets.
    let bits = parts.take(BIT_STRING)?.strip_prefix(&[0])?;
    parts.is_empty().then_some((algorithm, bits))
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`
const VERSION: u8 = 0xa0;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];

/// What a kind that is not accepted is called.
fn kind(oid: &[u8], curve: &[u8]) -> String {
    match oid {
        EC => match curve {
            [0x2b, 0x81, 0x04, 0x00, 0x21] => "ECDSA on P-224".to_owned(),
            [0x2b, 0x81, 0x04, 0x00, 0x0a] => "ECDSA on secp256k1".to_owned(),
            [] => "ECDSA on a curve without a name".to_owned(),
            other => format!("ECDSA on the curve {}", dotted(other)),
        },
        [0x2b, 0x65, 0x71] => "Ed448".to_owned(),
        [0x2b, 0x65, 0x6e] => "X25519".to_owned(),
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => "DSA".to_owned(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a] => "RSA-PSS".to_owned(),
        other => dotted(other),
    }
}

/// An object identifier as people write it (X.690 §8.19); of a long one the start.
fn dotted(oid: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut number: u64 = 0;
    for octet in oid.iter().take(32) {
        number = number.wrapping_shl(7) | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first.to_string());
                number -= first * 40;
            }
            numbers.push(number.to_string());
            number = 0;
        }
    }
    numbers.join(".")
}

/// DER (X.690 §10), read value by value.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The contents of the next value, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (head, end) = extent(self.0, tag)?;
        let contents = &self.0[head..end];
        self.0 = &self.0[end..];
        Some(contents)
    }

    /// The same with its tag and length.
    fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (_, end) = extent(self.0, tag)?;
        let (whole, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(whole)
    }
}

/// Where the contents of the first value begin and end. Lengths are definite and as short as can be
/// (X.690 §10.1).
fn extent(bytes: &[u8], tag: u8) -> Option<(usize, usize)> {
    let [first, short, rest @ ..] = bytes else {
        return None;
    };
    if *first != tag {
        return None;
    }
    let (head, length) = match *short {
        length @ 0..=0x7f => (2, usize::from(length)),
        0x81 => (
            3,
            usize::from(*rest.first().filter(|length| **length > 0x7f)?),
        ),
        // Nothing larger is ever read: TLS has no room for it.
        0x82 => {
            let length = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
            (
                4,
                Some(usize::from(length)).filter(|length| *length > 0xff)?,
            )
        }
        _ => return None,
    };
    let end = head + length;
    (end <= bytes.len()).then_some((head, end))
}

#[cfg(test)]
mod tests;
