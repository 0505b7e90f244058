//! A client of SCRAM-SHA-256 that keeps what it has derived of its password, as RFC 5802 §5 lets it:
//! else its rounds of PBKDF2 would be all that is measured.

use std::num::NonZeroU32;
use std::sync::OnceLock;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mox::x509::client_channel_bindings;

use crate::support::client::Client;

/// Somebody's client.
pub(crate) struct Scram {
    user: String,
    password: String,
    client_key: OnceLock<Vec<u8>>,
}

impl Scram {
    pub(crate) fn new(user: &str, password: &str) -> Scram {
        Scram {
            user: user.to_owned(),
            password: password.to_owned(),
            client_key: OnceLock::new(),
        }
    }

    /// AUTHENTICATE, bound to the connection or not; the tagged answer.
    pub(crate) fn log_in(&self, client: &mut Client, plus: bool) -> String {
        let (challenge, last) = self.ask(client, plus);
        self.prove(client, &challenge, last)
    }

    /// The first half: the server's challenge, and what the answer begins with.
    pub(crate) fn ask(&self, client: &mut Client, plus: bool) -> (String, Last) {
        let (name, header, data) = match plus {
            true => {
                let tls = client.tls().expect("TLS");
                let bindings = client_channel_bindings(tls);
                let bound = bindings.named(b"tls-exporter").expect("TLS 1.3");
                ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", bound.data.clone())
            }
            false => ("SCRAM-SHA-256", "n,,", Vec::new()),
        };
        // The nonce need not be new here.
        let bare = format!("n={},r=fyko+d2lbbFgONRv9qkxdawL", self.user);
        let first = STANDARD.encode(format!("{header}{bare}"));
        client.say(&format!("a AUTHENTICATE {name} {first}"));
        let heard = client.hear();
        let challenge = heard.strip_prefix("+ ").expect("a challenge");
        let challenge = STANDARD.decode(challenge).expect("base64");
        let bound = STANDARD.encode([header.as_bytes(), &data].concat());
        let challenge = String::from_utf8(challenge).expect("text");
        (challenge, Last { bare, bound })
    }

    /// The second.
    pub(crate) fn prove(&self, client: &mut Client, challenge: &str, last: Last) -> String {
        let field = |name: &str| {
            let mut fields = challenge.split(',');
            let found = fields.find_map(|field| field.strip_prefix(name));
            found.expect("a field of the challenge")
        };
        let client_key = self
            .client_key
            .get_or_init(|| client_key(&self.password, field("s="), field("i=")));
        let without_proof = format!("c={},r={}", last.bound, field("r="));
        let whole = format!("{},{challenge},{without_proof}", last.bare);
        let stored = digest::digest(&digest::SHA256, client_key);
        let signature = mac(stored.as_ref(), whole.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(a, b)| a ^ b)
            .collect();
        let line = format!("{without_proof},p={}", STANDARD.encode(proof));
        client.say(&STANDARD.encode(line));
        let answer = client.hear();
        if !answer.starts_with("+ ") {
            return answer;
        }
        client.say("");
        client.until_tag("a").pop().unwrap_or_default()
    }
}

/// What the client's last message is made of.
pub(crate) struct Last {
    bare: String,
    bound: String,
}

fn client_key(password: &str, salt: &str, rounds: &str) -> Vec<u8> {
    let salt = STANDARD.decode(salt).expect("base64");
    let rounds: NonZeroU32 = rounds.parse().expect("a number");
    let mut salted = [0; 32];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, rounds, &salt, password.as_bytes(), &mut salted);
    mac(&salted, b"Client Key")
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text).as_ref().to_vec()
}
