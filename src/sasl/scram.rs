//! SCRAM (RFC 5802; with SHA-256 RFC 7677): both ends prove that they know the password, and neither
//! says it.
//!
//! The server keeps a [`ScramVerifier`], from which nobody can log in. [`message`] is the grammar,
//! [`server`] and [`client`] are the two sides.

pub(super) mod client;
pub(super) mod message;
pub(super) mod server;

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use server::ScramRefusal;

/// The hash function of a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1, for old clients: HMAC with it is not broken.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// Iterations that a client accepts: RFC 7677 §4 wants 4096 at least; more than the most would let a
/// server keep its clients busy for seconds.
pub const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=5_000_000;

/// Octets of a salt in a new verifier.
pub const SALT: usize = 16;

/// What a server keeps of a password: it can check a proof with it and prove itself, not log in.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    /// Random octets.
    pub salt: Vec<u8>,
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// H(ClientKey).
    pub stored_key: Vec<u8>,
    /// HMAC(SaltedPassword, "Server Key").
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScramVerifier({} iterations)", self.iterations)
    }
}

impl ScramVerifier {
    /// Of a prepared password. As slow as `iterations` say.
    pub fn derive(hash: Hash, password: &str, salt: &[u8], iterations: u32) -> ScramVerifier {
        let salted = hash.salted_password(password, salt, iterations);
        let client_key = hash.hmac(&salted, &[b"Client Key"]);
        ScramVerifier {
            salt: salt.to_vec(),
            iterations,
            stored_key: hash.digest(&client_key).to_vec(),
            server_key: hash.hmac(&salted, &[b"Server Key"]).to_vec(),
        }
    }

    /// Whether a proof over this AuthMessage is of who knows the password.
    fn accepts(&self, hash: Hash, auth_message: &[&[u8]], proof: &[u8]) -> bool {
        if self.stored_key.len() != hash.len() || proof.len() != hash.len() {
            return false;
        }
        let signature = hash.hmac(&self.stored_key, auth_message);
        let client_key: Octets = Zeroizing::new(xor(&signature, proof));
        hash.digest(&client_key).ct_eq(&self.stored_key).into()
    }
}

/// Secrets on their way.
type Octets = Zeroizing<Vec<u8>>;

impl Hash {
    /// Octets of a hash value.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
        }
    }

    fn hmac(self, key: &[u8], message: &[&[u8]]) -> Octets {
        let algorithm = match self {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
        };
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
        for piece in message {
            context.update(piece);
        }
        Zeroizing::new(context.sign().as_ref().to_vec())
    }

    fn digest(self, octets: &[u8]) -> Octets {
        let algorithm = match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
        };
        Zeroizing::new(digest::digest(algorithm, octets).as_ref().to_vec())
    }

    /// Hi(password, salt, i): PBKDF2.
    fn salted_password(self, password: &str, salt: &[u8], iterations: u32) -> Octets {
        let algorithm = match self {
            Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        };
        let mut salted = Zeroizing::new(vec![0; self.len()]);
        let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(
            algorithm,
            iterations,
            salt,
            password.as_bytes(),
            &mut salted,
        );
        salted
    }
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// A fresh nonce: printable, without a comma.
pub(super) fn nonce() -> Result<String, getrandom::Error> {
    use base64::Engine;
    let mut octets = [0; 18];
    getrandom::fill(&mut octets)?;
    Ok(base64::engine::general_purpose::STANDARD.encode(octets))
}

#[cfg(test)]
mod tests;
