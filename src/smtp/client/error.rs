//! Why a server did not take what it was given.

use std::io;

use crate::connection::ConnectionError;
use crate::sasl;
use crate::sasl::choice::ChoiceError;
use crate::smtp::{Reply, ReplyError};

/// Why a session cannot go on, or a message was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Peer or the network: there is no connection any more.
    #[error(transparent)]
    Connection(ConnectionError),
    /// Peer: what it sends is no SMTP.
    #[error("the server does not speak SMTP: {0}")]
    Reply(#[from] ReplyError),
    /// Peer: it says no.
    #[error("the server refused {what}: {reply}")]
    Refused {
        /// What it was told: `MAIL FROM`, `the login`.
        what: &'static str,
        /// What it said.
        reply: Reply,
    },
    /// Peer: it lacks an extension that is needed.
    #[error("the server has no {0}")]
    Unsupported(&'static str),
    /// Peer: it takes no message that large.
    #[error("the message has {size} bytes, and the server takes no more than {limit}")]
    TooLarge {
        /// Bytes of the message.
        size: u64,
        /// Bytes that are taken.
        limit: u64,
    },
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

impl ClientError {
    pub(super) fn refused(what: &'static str, reply: Reply) -> ClientError {
        ClientError::Refused { what, reply }
    }

    /// Whether the same may work later.
    pub fn is_transient(&self) -> bool {
        match self {
            // A certificate that is not believed will not be believed in an hour: but certificates are
            // renewed, and a message is no worse for waiting.
            ClientError::Connection(_) | ClientError::Message(_) => true,
            ClientError::Refused { reply, .. } => reply.is_transient(),
            ClientError::Reply(_)
            | ClientError::Unsupported(_)
            | ClientError::TooLarge { .. }
            | ClientError::Choice(_)
            | ClientError::Sasl(_) => false,
        }
    }
}
