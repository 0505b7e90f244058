//! Passwords: prepared with PRECIS OpaqueString (RFC 8265 §4.2), kept as argon2id (RFC 9106) in PHC
//! strings.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sasl::{CramVerifier, Hash, SALT, ScramVerifier, prepare_password};
use crate::state::Credential;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Characters that a new password must have at least.
pub const MIN_CHARACTERS: usize = 8;

/// Memory (KiB), passes and lanes of argon2id: what OWASP asks for, some 20 ms of one processor.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Rounds of PBKDF2 in the verifiers of SCRAM. The client computes them at each login, so they are as
/// many as old ones take: Cyrus SASL refuses more than 65,536.
pub const ITERATIONS: u32 = 50_000;

/// What is verified where nothing is to be found, so that it takes the same time. Its hash is made
/// up; what comes out is not looked at.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhvbWUh\
                     $iS8wzqYNqpN4OsR0bYqj4fLLbZcV8+nqKeyD8Yk2dYQ";

/// Why a password cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Refused.
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    Short,
    /// Refused: control characters and such, or too long.
    #[error("the password has characters that could not be typed again, or is too long")]
    Unusable,
    /// Local: no memory, no randomness, a hash that cannot be read.
    #[error("password hash: {0}")]
    Hash(String),
}

/// Hashes a new password, checked and prepared here: a PHC string. Costs what a login costs.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    // Counted as given: preparing refuses the empty one with less of a reason.
    if password.chars().count() < MIN_CHARACTERS {
        return Err(PasswordError::Short);
    }
    let prepared = prepare_password(password).ok_or(PasswordError::Unusable)?;
    let hash: PasswordHash = argon2()?
        .hash_password(prepared.as_bytes())
        .map_err(local)?;
    Ok(hash.to_string())
}

/// Everything that is kept of a new password: costs some three logins. `cram_md5`: also what that
/// mechanism needs, from which a thief could log in with it.
pub fn credential(
    serial: u64,
    password: &str,
    cram_md5: bool,
) -> Result<Credential, PasswordError> {
    let argon2 = hash(password)?;
    let prepared = prepare_password(password).ok_or(PasswordError::Unusable)?;
    let scram = |hash| {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(local)?;
        Ok(ScramVerifier::derive(hash, &prepared, &salt, ITERATIONS))
    };
    Ok(Credential {
        serial,
        argon2: argon2.into(),
        scram_sha1: Some(scram(Hash::Sha1)?),
        scram_sha256: Some(scram(Hash::Sha256)?),
        cram_md5: cram_md5.then(|| CramVerifier::derive(&prepared)),
    })
}

/// Verifies passwords by their hash.
pub(super) struct Verifier {
    hashes: AtomicU64,
}

impl Verifier {
    pub(super) fn new() -> Verifier {
        Verifier {
            hashes: AtomicU64::new(0),
        }
    }

    /// Whether a prepared password is the one that was hashed. Takes the same time for none of
    /// either, which is never right.
    pub(super) fn verify(
        &self,
        password: Option<&str>,
        phc: Option<&str>,
    ) -> Result<bool, PasswordError> {
        let hash = PasswordHash::new(phc.unwrap_or(DUMMY)).map_err(local)?;
        let verified = argon2()?.verify_password(password.unwrap_or_default().as_bytes(), &hash);
        self.hashes.fetch_add(1, Ordering::Relaxed);
        match verified {
            Ok(()) => Ok(password.is_some() && phc.is_some()),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(local(error)),
        }
    }

    /// How many there have been.
    pub(super) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(local)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn local(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Hash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_password_only() {
        let verifier = Verifier::new();
        let phc = hash("correct horse").expect("a hash");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_eq!(verifier.verify(Some("correct horse"), Some(&phc)), Ok(true));
        assert_eq!(
            verifier.verify(Some("battery staple"), Some(&phc)),
            Ok(false)
        );
        assert_eq!(verifier.verify(None, Some(&phc)), Ok(false));
        assert_eq!(verifier.verify(Some("correct horse"), None), Ok(false));
        assert!(verifier.verify(Some("correct horse"), Some("$x$")).is_err());
    }

    #[test]
    fn nobody_costs_what_somebody_costs() {
        let phc = hash("correct horse").expect("a hash");
        let kind = |phc: &str| phc.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(kind(DUMMY), kind(&phc));
    }

    #[test]
    fn equal_passwords_have_different_hashes() {
        assert_ne!(hash("correct horse"), hash("correct horse"));
    }

    #[test]
    fn unusable_passwords_are_refused() {
        assert_eq!(hash("1234567"), Err(PasswordError::Short));
        assert_eq!(hash("é23456é"), Err(PasswordError::Short));
        assert_eq!(hash("12345678\n"), Err(PasswordError::Unusable));
    }
}
