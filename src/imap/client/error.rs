//! Why a server did not do what it was asked to.

use std::io;

use crate::connection::ConnectionError;
use crate::sasl;
use crate::sasl::choice::ChoiceError;

/// Why a session cannot go on, or a command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Peer or the network: there is no connection any more.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// Peer: what it sends is no IMAP.
    #[error("the server does not speak IMAP: {0}")]
    NotImap(&'static str),
    /// Peer: more than [`super::Bounds`] allow.
    #[error("the server sends more than is taken")]
    TooMuch,
    /// Peer: it says NO or BAD.
    #[error("the server refused {what}: {text}")]
    Refused {
        /// What it was told.
        what: &'static str,
        /// The code of its answer, `AUTHENTICATIONFAILED`.
        code: Option<String>,
        /// The text of its answer.
        text: String,
    },
    /// Peer: it has ended the session.
    #[error("the server ended the session: {0}")]
    Bye(String),
    /// Peer: it lacks an extension that is needed.
    #[error("the server has no {0}")]
    Unsupported(&'static str),
    /// There is no way to log in.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// Peer: the exchange of the login went wrong.
    #[error("login: {0}")]
    Sasl(#[from] sasl::client::ClientError),
    /// Local: the message cannot be read.
    #[error("read the message: {0}")]
    Message(#[source] io::Error),
}
