//! What SCRAM and CRAM-MD5 are shown for somebody who is not there: always the same for the same
//! name, so that asking twice tells nothing.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::password::ITERATIONS;
use crate::addr::Address;
use crate::sasl::{self, CramVerifier, SALT, ScramVerifier};
use crate::snapshot::Snapshot;

/// Makes up what nobody has.
pub(super) struct Decoy {
    secret: Zeroizing<[u8; 32]>,
}

impl Decoy {
    /// `secret` outlives the process, or a restart would tell who is made up.
    pub(super) fn new(secret: [u8; 32]) -> Decoy {
        Decoy {
            secret: Zeroizing::new(secret),
        }
    }

    /// A verifier that no proof fits.
    pub(super) fn scram(&self, hash: sasl::Hash, name: &str) -> ScramVerifier {
        let what = |of: &str| self.make_up(&format!("scram {hash:?} {of}"), name);
        ScramVerifier {
            salt: what("salt")[..SALT].to_vec(),
            iterations: ITERATIONS,
            stored_key: what("key")[..hash.len()].to_vec(),
            server_key: what("server")[..hash.len()].to_vec(),
        }
    }

    /// A verifier that no answer fits.
    pub(super) fn cram(&self, name: &str) -> CramVerifier {
        CramVerifier::from_bytes(&self.make_up("cram", name))
    }

    fn make_up(&self, what: &str, name: &str) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.as_slice()) else {
            return [0; 32]; // HMAC takes keys of any length.
        };
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(name.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// The name that all spellings of an address share: as many lead to one account, as many lead to
/// nobody.
pub(super) fn name_of(snapshot: &Snapshot, user: &str, address: Option<&Address>) -> String {
    match address {
        Some(address) => format!("{}@{}", snapshot.canonical(address), address.domain),
        None => user.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::Hash;

    #[test]
    fn the_same_name_gets_the_same_and_another_gets_another() {
        let decoy = Decoy::new([1; 32]);
        let of = |name| decoy.scram(Hash::Sha256, name);
        assert!(of("a@x") == of("a@x"));
        assert_ne!(of("a@x").salt, of("b@x").salt);
        assert_ne!(of("a@x").salt, decoy.scram(Hash::Sha1, "a@x").salt);
        assert_ne!(
            of("a@x").salt,
            Decoy::new([2; 32]).scram(Hash::Sha256, "a@x").salt
        );
        assert!(decoy.cram("a@x") == decoy.cram("a@x"));
    }

    #[test]
    fn it_has_the_shape_of_a_real_one() {
        let decoy = Decoy::new([1; 32]);
        for hash in [Hash::Sha1, Hash::Sha256] {
            let made_up = decoy.scram(hash, "a@x");
            let real = ScramVerifier::derive(hash, "secret", &[0; SALT], ITERATIONS);
            let shape = |v: &ScramVerifier| {
                (
                    v.salt.len(),
                    v.iterations,
                    v.stored_key.len(),
                    v.server_key.len(),
                )
            };
            assert_eq!(shape(&made_up), shape(&real));
        }
    }
}
