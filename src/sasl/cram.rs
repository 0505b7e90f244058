//! CRAM-MD5 (RFC 2195): a keyed hash over the server's challenge. Old and weak; for the devices that
//! know nothing better, and only where the configuration asks for it.

use md5::block_api::compress;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// What a server keeps of a password: HMAC-MD5 (RFC 2104) after its key was fed in, inner and outer.
/// Worth the password for this mechanism, so it is kept only on demand.
#[derive(Clone, PartialEq, Eq)]
pub struct CramVerifier {
    inner: [u32; 4],
    outer: [u32; 4],
}

impl std::fmt::Debug for CramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CramVerifier")
    }
}

impl Drop for CramVerifier {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl CramVerifier {
    /// Of a prepared password.
    pub fn derive(password: &str) -> CramVerifier {
        let mut key = [0; 64];
        if password.len() > key.len() {
            key[..16].copy_from_slice(&finish(START, 0, password.as_bytes()));
        } else {
            key[..password.len()].copy_from_slice(password.as_bytes());
        }
        let keyed = |pad: u8| {
            let mut state = START;
            compress(&mut state, &[key.map(|octet| octet ^ pad)]);
            state
        };
        let verifier = CramVerifier {
            inner: keyed(0x36),
            outer: keyed(0x5c),
        };
        key.zeroize();
        verifier
    }

    /// To keep it.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let words = self.inner.iter().chain(&self.outer);
        for (four, word) in bytes.chunks_exact_mut(4).zip(words) {
            four.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// As it was kept, or made up.
    pub fn from_bytes(bytes: &[u8; 32]) -> CramVerifier {
        let mut words = [0; 8];
        for (word, four) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        }
        let [a, b, c, d, e, f, g, h] = words;
        CramVerifier {
            inner: [a, b, c, d],
            outer: [e, f, g, h],
        }
    }

    /// The answer to a challenge, 32 digits.
    pub(super) fn answer(&self, challenge: &str) -> String {
        let inner = finish(self.inner, 64, challenge.as_bytes());
        let outer = finish(self.outer, 64, &inner);
        outer.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the client that answered so knows the password.
    pub fn accepts(&self, response: &CramResponse) -> bool {
        let expected = self.answer(&response.challenge);
        let given = response.digest.to_ascii_lowercase();
        expected.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// What a client has answered to a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CramResponse {
    /// Who it says it is.
    pub user: String,
    challenge: String,
    digest: String,
}

impl CramResponse {
    /// `user SP digest`. None if it is no answer.
    pub(super) fn parse(challenge: String, message: &str) -> Option<CramResponse> {
        // A user name may have spaces.
        let (user, digest) = message.rsplit_once(' ')?;
        let is_digest = digest.len() == 32 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest.then(|| CramResponse {
            user: user.to_owned(),
            challenge,
            digest: digest.to_owned(),
        })
    }
}

/// RFC 1321 §3.3.
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The hash of `before` octets that are in the state already (whole blocks) and of the message.
fn finish(mut state: [u32; 4], before: u64, message: &[u8]) -> [u8; 16] {
    let mut rest = message.to_vec();
    rest.push(0x80);
    while rest.len() % 64 != 56 {
        rest.push(0);
    }
    let bits = (before + message.len() as u64).wrapping_mul(8);
    rest.extend_from_slice(&bits.to_le_bytes());
    for block in rest.chunks_exact(64) {
        let mut whole = [0; 64];
        whole.copy_from_slice(block);
        compress(&mut state, &[whole]);
        whole.zeroize();
    }
    rest.zeroize();
    let mut hash = [0; 16];
    for (four, word) in hash.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_le_bytes());
    }
    hash
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 2195 §2.
        let verifier = CramVerifier::derive("tanstaaftanstaaf");
        let challenge = "<1896.697170952@postoffice.reston.mci.net>";
        let answer = "tim b913a602c7eda7a495b4e6e7334d3890";
        assert_eq!(format!("tim {}", verifier.answer(challenge)), answer);
        let response = CramResponse::parse(challenge.to_owned(), answer).expect("an answer");
        assert_eq!(response.user, "tim");
        assert!(verifier.accepts(&response));
        assert!(!CramVerifier::derive("tanstaaftanstaag").accepts(&response));
        let upper = answer.to_uppercase();
        let response = CramResponse::parse(challenge.to_owned(), &upper).expect("an answer");
        assert!(verifier.accepts(&response));
        let other = CramResponse::parse("<1@b>".to_owned(), answer).expect("an answer");
        assert!(!verifier.accepts(&other));
    }

    #[test]
    fn what_is_no_answer() {
        for message in [
            "",
            "tim",
            "tim ",
            "tim b913",
            "b913a602c7eda7a495b4e6e7334d3890",
        ] {
            assert_eq!(CramResponse::parse("<1@b>".to_owned(), message), None);
        }
    }

    proptest! {
        #[test]
        fn it_is_hmac_md5(password in "\\PC{0,90}", challenge in "\\PC{0,200}") {
            let mut mac = Hmac::<md5::Md5>::new_from_slice(password.as_bytes()).expect("a key");
            mac.update(challenge.as_bytes());
            let expected: String =
                mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
            let verifier = CramVerifier::derive(&password);
            prop_assert_eq!(verifier.answer(&challenge), expected);
            prop_assert!(CramVerifier::from_bytes(&verifier.to_bytes()) == verifier);
        }
    }
}
