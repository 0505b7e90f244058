//! The only writer of configuration and state. A change is a value, [`Change`], whoever asks for it;
//! [`Admin::prepare`] plans it purely and compiles what would be served; [`Admin::commit`] writes.
//!
//! The caller holds the data directory's lock: the daemon for its life, an offline command for its run.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::diag::Diagnostic;
use crate::snapshot::Snapshot;

/// Everything that can be changed, as it travels over the control socket too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Change {
    DomainAdd {
        domain: Domain,
        account: AccountName,
        localpart: Option<Localpart>,
        disabled: bool,
    },
    DomainRemove {
        domain: Domain,
    },
    DomainSetDisabled {
        domain: Domain,
        disabled: bool,
    },
    AccountAdd {
        account: AccountName,
        address: Address,
    },
    AccountRemove {
        account: AccountName,
    },
    /// An empty message enables.
    AccountSetLoginDisabled {
        account: AccountName,
        message: String,
    },
    /// `@domain` for a catchall.
    AddressAdd {
        address: String,
        account: AccountName,
    },
    AddressRemove {
        address: String,
    },
    /// The password in clear, hashed by `prepare`.
    PasswordSet {
        account: AccountName,
        password: Secret,
    },
    AdminPasswordSet {
        password: Secret,
    },
    /// Take mox.toml as it is on disk now (reload, SIGHUP, file watch).
    Adopt,
}

/// A text that Debug does not show.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Who asks for a change, for the history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Actor {
    /// Unix user, by peer credentials; `file` for hand edits.
    pub name: String,
    /// The command line without secrets, `mox config domain add example.org alice`.
    pub command: String,
    /// Names the request: random, kept in the history, so that a client whose daemon died before
    /// answering finds out whether its change was made. Empty where nobody will ask.
    #[serde(default)]
    pub request: String,
}

/// A change that was planned, compiled and found good; nothing is written yet.
#[derive(Debug)]
pub struct Prepared {
    /// One line for people: `domain disabled: example.org`.
    pub summary: String,
    /// False: it is so already; commit does nothing.
    pub changed: bool,
    /// Unified diff of mox.toml; empty when only state changes.
    pub diff: String,
    /// What would be served.
    pub snapshot: Arc<Snapshot>,
    // The plan itself (new bytes of the file, state operations, files to make) goes here.
}

/// What a commit did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Committed {
    /// As in [`Prepared`].
    pub changed: bool,
    /// The generation that holds it.
    pub generation: u64,
    /// As in [`Prepared`].
    pub summary: String,
    /// As in [`Prepared`].
    pub diff: String,
}

/// Why a change is not made. Each variant has its exit code and its `code` in JSON (`spec/cli.md`).
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AdminError {
    /// Exit 3, `not_found`.
    #[error("{message}")]
    NotFound {
        /// Names the thing.
        message: String,
        /// "did you mean …?", or empty.
        hint: String,
    },
    /// Exit 4, `conflict`: it exists already, or others still refer to it.
    #[error("{message}")]
    Conflict {
        /// Names the thing and every reference.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// Exit 2, `usage`: the value cannot be right.
    #[error("{0}")]
    Usage(String),
    /// Exit 6, `config_invalid`: mox.toml on disk, or what it would become; nothing was written.
    #[error("the configuration is invalid")]
    Invalid(Vec<Diagnostic>),
    /// Exit 1, `failed`: disk, permissions.
    #[error("{0}")]
    Local(String),
}

/// Configuration and state of one mox.toml and its data directory.
pub struct Admin {}

impl Admin {
    /// Opens the control database of the data directory that `config` names, finishing what a crash
    /// cut off (a configuration commit, removals of accounts).
    pub fn open(_config: &Path) -> Result<Admin, AdminError> {
        todo!()
    }

    /// What is on disk now, compiled; adopts hand edits as a generation of their own.
    pub fn load(&self) -> Result<Arc<Snapshot>, AdminError> {
        todo!()
    }

    /// Plans and compiles. Starts from the file as it is on disk now.
    pub fn prepare(&self, _change: &Change) -> Result<Prepared, AdminError> {
        todo!()
    }

    /// Writes a prepared change: generation, file and state, crash-safe together. One at a time: the
    /// caller holds a lock of its own from `prepare` to `commit`.
    pub fn commit(&self, _prepared: Prepared, _actor: &Actor) -> Result<Committed, AdminError> {
        todo!()
    }
}
