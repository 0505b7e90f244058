//! The client's side: proves the password, and checks that the server knows it too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::super::client::{Binding, ClientError};
use super::message::{ServerFinal, ServerFirst, encode_name};
use super::{Hash, ITERATIONS, Octets, nonce, xor};

/// One authentication.
pub(in super::super) struct ScramClient {
    hash: Hash,
    password: Zeroizing<String>,
    /// `gs2-header`.
    header: String,
    /// What the header promises to be bound to.
    bound: Vec<u8>,
    bare: String,
    nonce: String,
    state: State,
}

enum State {
    Begin,
    /// The first message was sent.
    First,
    /// The proof was sent; what the server has to sign with.
    Proof(Octets),
    /// The server has proven itself.
    Proven,
    Failed,
}

impl ScramClient {
    /// `password` is prepared.
    pub(in super::super) fn new(
        hash: Hash,
        user: &str,
        password: Zeroizing<String>,
        binding: Binding<'_>,
    ) -> Result<ScramClient, ClientError> {
        let nonce = nonce().map_err(|_| ClientError::Randomness)?;
        Ok(ScramClient::with_nonce(
            hash, user, password, binding, nonce,
        ))
    }

    pub(super) fn with_nonce(
        hash: Hash,
        user: &str,
        password: Zeroizing<String>,
        binding: Binding<'_>,
        nonce: String,
    ) -> ScramClient {
        let (header, bound) = match binding {
            Binding::Unsupported => ("n,,".to_owned(), Vec::new()),
            Binding::NotOffered => ("y,,".to_owned(), Vec::new()),
            Binding::To(binding) => (format!("p={},,", binding.kind.name()), binding.data.clone()),
        };
        ScramClient {
            hash,
            password,
            header,
            bound,
            bare: format!("n={},r={nonce}", encode_name(user)),
            nonce,
            state: State::Begin,
        }
    }

    /// The next message, to what the server has said.
    pub(in super::super) fn respond(
        &mut self,
        challenge: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            // Whatever an empty challenge says.
            State::Begin => {
                self.state = State::First;
                let first = format!("{}{}", self.header, self.bare);
                Ok(Zeroizing::new(first.into_bytes()))
            }
            State::First => self.prove(challenge),
            State::Proof(signature) => {
                match ServerFinal::parse(challenge).map_err(|_| ClientError::Challenge)? {
                    ServerFinal::Signature(given) if given.ct_eq(&signature).into() => {}
                    ServerFinal::Signature(_) => return Err(ClientError::NotTheServer),
                    ServerFinal::Error(why) => return Err(ClientError::Refused(why)),
                }
                self.state = State::Proven;
                Ok(Zeroizing::default())
            }
            State::Proven | State::Failed => Err(ClientError::Challenge),
        }
    }

    /// Whether the server has proven that it knows the password.
    pub(in super::super) fn is_proven(&self) -> bool {
        matches!(self.state, State::Proven)
    }

    fn prove(&mut self, challenge: &[u8]) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let first = ServerFirst::parse(challenge).map_err(|_| ClientError::Challenge)?;
        let own = first.nonce.strip_prefix(self.nonce.as_str());
        if own.is_none_or(str::is_empty) {
            return Err(ClientError::Challenge);
        }
        if !ITERATIONS.contains(&first.iterations) {
            return Err(ClientError::Iterations(first.iterations));
        }
        let hash = self.hash;
        let salted = hash.salted_password(&self.password, &first.salt, first.iterations);
        let client_key = hash.hmac(&salted, &[b"Client Key"]);
        let stored_key = hash.digest(&client_key);
        let binding = [self.header.as_bytes(), &self.bound].concat();
        let without_proof = format!("c={},r={}", STANDARD.encode(binding), first.nonce);
        let auth_message: [&[u8]; 5] = [
            self.bare.as_bytes(),
            b",",
            challenge,
            b",",
            without_proof.as_bytes(),
        ];
        let proof = xor(&client_key, &hash.hmac(&stored_key, &auth_message));
        let server_key = hash.hmac(&salted, &[b"Server Key"]);
        self.state = State::Proof(hash.hmac(&server_key, &auth_message));
        let message = format!("{without_proof},p={}", STANDARD.encode(proof));
        Ok(Zeroizing::new(message.into_bytes()))
    }
}
