//! The server's side: names the user, takes what is kept of the password, checks the proof.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::super::binding::ChannelBindings;
use super::message::{ClientFinal, ClientFirst, Flag, NotScram};
use super::{Hash, ScramVerifier};

/// Why a well-formed exchange is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramRefusal {
    /// The proof is of another password.
    Proof,
    /// The client bound to another channel, or to a kind of binding that this connection has not.
    Binding,
    /// The client says that no `-PLUS` mechanism was offered, although one was: somebody in between
    /// took it away.
    Downgrade,
}

/// An exchange whose client has said who it is.
#[derive(Debug)]
pub(in super::super) struct ScramServer {
    hash: Hash,
    /// What `c=` must decode to.
    binding: Vec<u8>,
    nonce: String,
    bare: Vec<u8>,
}

/// What the first message says.
pub(in super::super) struct Begun {
    pub(in super::super) server: ScramServer,
    pub(in super::super) authzid: String,
    pub(in super::super) user: String,
    /// It will fail already.
    pub(in super::super) refusal: Option<ScramRefusal>,
}

/// An exchange in which the client has to prove itself.
#[derive(Debug)]
pub(in super::super) struct ScramProof {
    server: ScramServer,
    verifier: ScramVerifier,
    server_first: String,
}

impl ScramServer {
    /// Reads the first message. `bindings` are those of the connection, `plus_offered` whether a
    /// `-PLUS` mechanism is offered on it, `nonce` fresh and random.
    pub(in super::super) fn begin(
        hash: Hash,
        plus: bool,
        message: &[u8],
        bindings: &ChannelBindings,
        plus_offered: bool,
        nonce: &str,
    ) -> Result<Begun, NotScram> {
        let first = ClientFirst::parse(message)?;
        let mut binding = first.header.to_vec();
        let mut refusal = None;
        match (first.flag, plus) {
            (Flag::Unsupported, false) => {}
            (Flag::NotOffered, false) if plus_offered => refusal = Some(ScramRefusal::Downgrade),
            (Flag::NotOffered, false) => {}
            (Flag::Bound(name), true) => match bindings.named(name) {
                Some(bound) => binding.extend_from_slice(&bound.data),
                None => refusal = Some(ScramRefusal::Binding),
            },
            (Flag::Bound(_), false) | (Flag::Unsupported | Flag::NotOffered, true) => {
                return Err(NotScram);
            }
        }
        let server = ScramServer {
            hash,
            binding,
            nonce: format!("{}{nonce}", first.nonce),
            bare: first.bare.to_vec(),
        };
        Ok(Begun {
            server,
            authzid: first.authzid,
            user: first.user,
            refusal,
        })
    }

    /// Goes on with what is kept of the user's password; gives the server's first message.
    pub(in super::super) fn challenge(self, verifier: ScramVerifier) -> (ScramProof, String) {
        let server_first = format!(
            "r={},s={},i={}",
            self.nonce,
            STANDARD.encode(&verifier.salt),
            verifier.iterations
        );
        let proof = ScramProof {
            server: self,
            verifier,
            server_first: server_first.clone(),
        };
        (proof, server_first)
    }
}

impl ScramProof {
    /// Checks the client's last message; gives the server's, which proves the server.
    pub(in super::super) fn check(
        &self,
        message: &[u8],
    ) -> Result<Result<String, ScramRefusal>, NotScram> {
        let last = ClientFinal::parse(message)?;
        let ScramServer {
            hash,
            binding,
            nonce,
            bare,
        } = &self.server;
        if last.nonce != nonce.as_str() {
            return Err(NotScram);
        }
        let bound: bool = last.binding.ct_eq(binding).into();
        if !bound {
            return Ok(Err(ScramRefusal::Binding));
        }
        let auth_message: [&[u8]; 5] = [
            bare,
            b",",
            self.server_first.as_bytes(),
            b",",
            last.without_proof,
        ];
        if !self.verifier.accepts(*hash, &auth_message, &last.proof) {
            return Ok(Err(ScramRefusal::Proof));
        }
        let signature = hash.hmac(&self.verifier.server_key, &auth_message);
        Ok(Ok(format!("v={}", STANDARD.encode(&*signature))))
    }
}
