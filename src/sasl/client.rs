//! The client's side: what to answer to a server's challenges, for PLAIN (RFC 4616) and LOGIN.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{MAX_FIELD, Mechanism};

/// The client's side of one authentication.
pub struct Client {
    mechanism: Mechanism,
    /// What is still to be said, the next last.
    answers: Vec<Zeroizing<String>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.mechanism.name())
    }
}

/// Why an authentication cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Refused: the mechanism cannot carry the value.
    #[error("{0} has a NUL or is too long")]
    Unsayable(&'static str),
    /// Peer: a challenge that is not base64, or one more than the mechanism has.
    #[error("the server sent a challenge out of place")]
    Challenge,
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
            answers: vec![encode(&message)],
        })
    }

    /// LOGIN.
    pub fn login(user: &str, password: &str) -> Result<Client, ClientError> {
        check("the user name", user)?;
        check("the password", password)?;
        Ok(Client {
            mechanism: Mechanism::Login,
            answers: vec![encode(password), encode(user)],
        })
    }

    /// For the command's line, after [`Mechanism::name`].
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The initial response, where the protocol lets one be sent (SMTP always, IMAP with SASL-IR):
    /// base64, `=` when it is empty.
    pub fn initial(&mut self) -> Option<Zeroizing<String>> {
        let answer = self.answers.pop()?;
        Some(if answer.is_empty() {
            Zeroizing::new("=".to_owned())
        } else {
            answer
        })
    }

    /// The answer, base64, to a challenge as it stood on its line.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Zeroizing<String>, ClientError> {
        // What it says is for people and differs from server to server; only the order counts.
        STANDARD
            .decode(challenge)
            .map_err(|_| ClientError::Challenge)?;
        self.answers.pop().ok_or(ClientError::Challenge)
    }
}

fn check(what: &'static str, value: &str) -> Result<(), ClientError> {
    if value.len() > MAX_FIELD || value.contains('\0') {
        return Err(ClientError::Unsayable(what));
    }
    Ok(())
}

fn encode(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
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
    }

    #[test]
    fn an_empty_name_is_said_as_one() {
        let mut client = Client::login("", "secret").expect("no NUL in it");
        assert_eq!(client.initial().expect("one").as_str(), "=");
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        assert!(Client::plain("", "a\0b", "c").is_err());
        assert!(Client::login("a", &"x".repeat(MAX_FIELD + 1)).is_err());
        let mut client = Client::login("a", "b").expect("no NUL in it");
        assert_eq!(client.respond(b"!"), Err(ClientError::Challenge));
    }
}
