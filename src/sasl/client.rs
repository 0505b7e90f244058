//! The client's side: what to answer to a server's challenges.
//!
//! The protocol sends [`Client::mechanism`]'s name with [`Client::initial`], gives each challenge to
//! [`Client::respond`], and asks [`Client::finish`] once the server has said that it is done: with
//! SCRAM, a server that has not proven to know the password is not believed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::binding::ChannelBinding;
use super::cram::CramVerifier;
use super::prepare::prepare_password;
use super::scram::Hash;
use super::scram::client::ScramClient;
use super::{MAX_FIELD, MAX_LINE, Mechanism};

/// The client's side of one authentication.
pub struct Client {
    mechanism: Mechanism,
    side: Side,
}

enum Side {
    /// What is still to be said, the next last.
    Answers(Vec<Zeroizing<String>>),
    Cram {
        user: String,
        verifier: CramVerifier,
        answered: bool,
    },
    Scram(ScramClient),
}

/// What a client of SCRAM says about channel binding.
#[derive(Debug, Clone, Copy)]
pub enum Binding<'a> {
    /// It can bind to nothing here (no TLS, or no kind of binding that it knows): `n`.
    Unsupported,
    /// It could, but the server offers no `-PLUS` mechanism: `y`. The server refuses it if it does
    /// offer one, so that nobody in between can take it off the list.
    NotOffered,
    /// A `-PLUS` mechanism: `p=`.
    To(&'a ChannelBinding),
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.mechanism.name())
    }
}

/// Why an authentication cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Refused: the mechanism cannot carry the value.
    #[error("{0} is empty, too long, or has characters that cannot be sent")]
    Unsayable(&'static str),
    /// Peer: a challenge that is not base64, not of the mechanism, or one more than it has.
    #[error("the server sent a challenge out of place")]
    Challenge,
    /// Peer: SCRAM with too few rounds to be safe, or so many that they would take too long.
    #[error("the server asks for {0} rounds of hashing")]
    Iterations(u32),
    /// Peer: it says that we are logged in, but does not know the password.
    #[error("the server has not proven that it knows the password")]
    NotTheServer,
    /// Peer: the reason it gives, `invalid-proof`.
    #[error("the server refuses: {0}")]
    Refused(String),
    /// Local: the system has no randomness.
    #[error("no randomness")]
    Randomness,
}

impl Client {
    /// PLAIN; `authzid` is empty to act as the user itself.
    pub fn plain(authzid: &str, user: &str, password: &str) -> Result<Client, ClientError> {
        check("the authorization identity", authzid)?;
        check("the user name", user)?;
        check("the password", password)?;
        let message = Zeroizing::new(format!("{authzid}\0{user}\0{password}"));
        Ok(Client {
            mechanism: Mechanism::Plain,
            side: Side::Answers(vec![encode(message.as_bytes())]),
        })
    }

    /// LOGIN.
    pub fn login(user: &str, password: &str) -> Result<Client, ClientError> {
        check("the user name", user)?;
        check("the password", password)?;
        Ok(Client {
            mechanism: Mechanism::Login,
            side: Side::Answers(vec![encode(password.as_bytes()), encode(user.as_bytes())]),
        })
    }

    /// EXTERNAL; `authzid` is empty to be who the certificate says.
    pub fn external(authzid: &str) -> Result<Client, ClientError> {
        check("the authorization identity", authzid)?;
        Ok(Client {
            mechanism: Mechanism::External,
            side: Side::Answers(vec![encode(authzid.as_bytes())]),
        })
    }

    /// CRAM-MD5.
    pub fn cram_md5(user: &str, password: &str) -> Result<Client, ClientError> {
        check("the user name", user)?;
        let password = prepare_password(password).ok_or(ClientError::Unsayable("the password"))?;
        Ok(Client {
            mechanism: Mechanism::CramMd5,
            side: Side::Cram {
                user: user.to_owned(),
                verifier: CramVerifier::derive(&password),
                answered: false,
            },
        })
    }

    /// SCRAM; with [`Binding::To`] the `-PLUS` mechanism. [`Client::respond`] to the first challenge
    /// takes tens of milliseconds of processor, as many as the server asks for.
    pub fn scram(
        hash: Hash,
        user: &str,
        password: &str,
        binding: Binding<'_>,
    ) -> Result<Client, ClientError> {
        check("the user name", user)?;
        if user.is_empty() {
            return Err(ClientError::Unsayable("the user name"));
        }
        let password = prepare_password(password).ok_or(ClientError::Unsayable("the password"))?;
        let plus = matches!(binding, Binding::To(_));
        Ok(Client {
            mechanism: Mechanism::Scram { hash, plus },
            side: Side::Scram(ScramClient::new(hash, user, password, binding)?),
        })
    }

    /// For the command's line, by [`Mechanism::name`].
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The initial response, where the protocol lets one be sent (SMTP always, IMAP with SASL-IR):
    /// base64, `=` when it is empty. None where the server speaks first.
    pub fn initial(&mut self) -> Option<Zeroizing<String>> {
        let answer = match &mut self.side {
            Side::Answers(answers) => answers.pop()?,
            Side::Cram { .. } => return None,
            Side::Scram(scram) => encode(&scram.respond(b"").ok()?),
        };
        Some(if answer.is_empty() {
            Zeroizing::new("=".to_owned())
        } else {
            answer
        })
    }

    /// The answer, base64, to a challenge as it stood on its line. After an error the client sends
    /// `*` and takes the server's refusal.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Zeroizing<String>, ClientError> {
        if challenge.len() > MAX_LINE {
            return Err(ClientError::Challenge);
        }
        let challenge = STANDARD
            .decode(challenge)
            .map_err(|_| ClientError::Challenge)?;
        match &mut self.side {
            // What it says is for people and differs from server to server; only the order counts.
            Side::Answers(answers) => answers.pop().ok_or(ClientError::Challenge),
            Side::Cram {
                user,
                verifier,
                answered,
            } => {
                if std::mem::replace(answered, true) {
                    return Err(ClientError::Challenge);
                }
                let challenge =
                    std::str::from_utf8(&challenge).map_err(|_| ClientError::Challenge)?;
                let answer = format!("{user} {}", verifier.answer(challenge));
                Ok(encode(answer.as_bytes()))
            }
            Side::Scram(scram) => scram.respond(&challenge).map(|answer| encode(&answer)),
        }
    }

    /// The server says that we are logged in: whether to believe it.
    pub fn finish(&self) -> Result<(), ClientError> {
        match &self.side {
            Side::Scram(scram) if !scram.is_proven() => Err(ClientError::NotTheServer),
            Side::Answers(_) | Side::Cram { .. } | Side::Scram(_) => Ok(()),
        }
    }
}

fn check(what: &'static str, value: &str) -> Result<(), ClientError> {
    if value.len() > MAX_FIELD || value.contains('\0') {
        return Err(ClientError::Unsayable(what));
    }
    Ok(())
}

fn encode(octets: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_says_all_at_once() {
        // RFC 4954 §4.1: the example of PLAIN.
        let mut client = Client::plain("", "test", "1234").expect("no NUL in it");
        let initial = client.initial().expect("one");
        assert_eq!(initial.as_str(), "AHRlc3QAMTIzNA==");
        assert_eq!(client.respond(b""), Err(ClientError::Challenge));
        assert_eq!(client.finish(), Ok(()));
    }

    #[test]
    fn an_empty_name_is_said_as_one() {
        let mut client = Client::login("", "secret").expect("no NUL in it");
        assert_eq!(client.initial().expect("one").as_str(), "=");
        let mut client = Client::external("").expect("no NUL in it");
        assert_eq!(client.initial().expect("one").as_str(), "=");
        let mut client = Client::external("").expect("no NUL in it");
        assert_eq!(client.respond(b"").expect("one").as_str(), "");
    }

    #[test]
    fn cram_md5_answers_the_challenge() {
        // RFC 2195 §2.
        let mut client = Client::cram_md5("tim", "tanstaaftanstaaf").expect("sayable");
        assert_eq!(client.initial(), None);
        let challenge = b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
        assert_eq!(
            client.respond(challenge).expect("an answer").as_str(),
            "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
        );
        assert_eq!(client.respond(challenge), Err(ClientError::Challenge));
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        assert!(Client::plain("", "a\0b", "c").is_err());
        assert!(Client::login("a", &"x".repeat(MAX_FIELD + 1)).is_err());
        assert!(Client::scram(Hash::Sha256, "", "secret", Binding::Unsupported).is_err());
        assert!(Client::scram(Hash::Sha256, "a", "\u{7}", Binding::Unsupported).is_err());
        let mut client = Client::login("a", "b").expect("no NUL in it");
        assert_eq!(client.respond(b"!"), Err(ClientError::Challenge));
    }
}
