//! The control socket `DATA_DIR/ctl`: what the command line and the daemon say to each other.
//!
//! A connection carries requests and their responses in turn, each a [`frame`]: eight bytes of
//! header (magic, version, length), then JSON. Everything that travels is a typed value that the
//! command line also makes for itself when no daemon runs, so both ways give the same answers.
//! Who may speak is decided by the socket's mode (0600) and by the peer's user, never by what it says.

pub mod client;
pub mod frame;
mod loglevels;
mod place;
mod query;
mod sessions;
mod status;

use serde::{Deserialize, Serialize};

pub use client::Client;
pub use loglevels::{LogLevelChoice, LogLevelRow, SetLogLevel};
pub use place::{SOCKET, with_socket_path};
pub use query::{
    AccountDetail, AccountRow, AddressOwner, AddressRow, AliasRow, Answer, DkimRow, DomainDetail,
    DomainRow, HistoryRow, NameKind, NameRow, Query, TlsKeyDetail, TlsKeyRow, answer, history,
    names_in,
};
pub use sessions::{SessionRow, time_text};
pub use status::{ListenerStatus, Status};

use crate::admin::{Actor, AdminError, Change, Committed, Prepared, Step};

/// What a client asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How the daemon is.
    Status,
    /// Make a change; the answer comes when it is served.
    Change {
        /// What to change.
        change: Change,
        /// Who asks. The daemon puts in the name of the peer's user itself.
        actor: Actor,
        /// Only plan it.
        dry_run: bool,
    },
    /// Read facts.
    Query(Query),
    /// The sessions in which somebody is logged in.
    Sessions {
        /// Only those of this account; one that is not known has none.
        account: Option<String>,
    },
    /// End sessions.
    Kick(Kick),
    /// What is logged.
    LogLevels {
        /// Set one first, until the daemon ends.
        set: Option<SetLogLevel>,
    },
    /// End cleanly. The connection closes when the daemon is gone.
    Stop,
}

/// Which sessions are to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kick {
    /// All of this account.
    Account(String),
    /// One, by [`SessionRow::id`].
    Id(String),
}

/// What the daemon answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Change`]: done and served.
    Committed {
        /// What was done.
        committed: Committed,
        /// What else people should know: settings that need a restart.
        notes: Vec<String>,
    },
    /// To [`Request::Change`] with `dry_run`: what would be done.
    Planned(Planned),
    /// To [`Request::Query`].
    Answer(Answer),
    /// To [`Request::Sessions`]: the oldest connection first.
    Sessions(Vec<SessionRow>),
    /// To [`Request::Kick`]: how many are ending.
    Kicked(usize),
    /// To [`Request::LogLevels`].
    LogLevels(Vec<LogLevelRow>),
    /// To [`Request::Stop`].
    Stopping {
        /// The process that is ending.
        pid: u32,
    },
    /// The request was understood and is not carried out.
    Refused(AdminError),
    /// The request was not understood, or the peer may not ask.
    Rejected(String),
}

/// A change that was only planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// False: it is so already.
    pub changed: bool,
    /// One line for people.
    pub summary: String,
    /// Unified diff of mox.toml; empty when only state changes.
    pub diff: String,
    /// What it does, one thing each, where it is many things.
    #[serde(default)]
    pub steps: Vec<Step>,
}

impl From<Prepared> for Planned {
    fn from(prepared: Prepared) -> Planned {
        Planned {
            changed: prepared.changed,
            summary: prepared.summary,
            diff: prepared.diff,
            steps: prepared.steps,
        }
    }
}

/// What can go wrong between the two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CtlError {
    /// Local: there is no socket, or nobody listens on it.
    #[error("the daemon is not running")]
    NotRunning,
    /// Refused: the socket's mode keeps us out.
    #[error("connect to {0}: permission denied")]
    Denied(String),
    /// Peer: another version of the protocol.
    #[error("it speaks version {theirs} of the control protocol, this is version {ours}")]
    Version {
        /// The other side's.
        theirs: u8,
        /// Ours.
        ours: u8,
    },
    /// Peer: not a frame, too large, or not the JSON of a message.
    #[error("bad message on the control socket: {0}")]
    Message(String),
    /// Peer: it went away in the middle; whether a change was made is not known.
    #[error("the daemon ended before answering")]
    Lost,
    /// Peer: it has not answered in time.
    #[error("the daemon did not answer within {0} s")]
    Timeout(u64),
    /// Local: another system error.
    #[error("{0}")]
    Local(String),
}
