//! The only writer of configuration and state. A change is a value, [`Change`], whoever asks for it;
//! [`Admin::prepare`] plans it purely and compiles what would be served; [`Admin::commit`] writes.
//!
//! The caller holds the data directory's lock: the daemon for its life, an offline command for its run.

mod apply;
mod commit;
mod current;
mod diff;
mod first_run;
mod folders;
mod keys;
mod generations;
mod localserve;
mod patch;
mod quickstart;
mod plan;
mod recover;
mod removal;
mod rollback;
mod swap;
mod tls_key;
mod step;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::config::{self, ConfigError, Disk};
use crate::diag::Diagnostic;
use crate::fsio::FsError;
use crate::login::KeyUses;
use crate::snapshot::Snapshot;
use crate::state::{Op, State, StateError};
use crate::x509::{Certificate, Fingerprint};

use current::{Current, Found};
use plan::Plan;

pub use folders::MailFolders;
pub use generations::{Difference, Made, Side};
pub use keys::KeyPromise;
pub use localserve::{LocalServe, init_localserve};
pub use plan::KeyKind;
pub use quickstart::{Quickstart, init_quickstart};
pub use removal::Removal;
pub use step::{Action, Step};

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
    /// A plain key as the command line has it; no value takes it away.
    AccountSet {
        account: AccountName,
        key: String,
        value: Option<String>,
    },
    /// The same of a domain.
    DomainSet {
        domain: Domain,
        key: String,
        value: Option<String>,
    },
    AliasAdd {
        alias: Address,
        members: Vec<Address>,
    },
    /// What is none stays as it is.
    AliasUpdate {
        alias: Address,
        post_public: Option<bool>,
        list_members: Option<bool>,
        allow_msg_from: Option<bool>,
    },
    AliasRemove {
        alias: Address,
    },
    /// `if_not_exists`: those that are members already are no obstacle.
    AliasMembersAdd {
        alias: Address,
        members: Vec<Address>,
        if_not_exists: bool,
    },
    /// `if_exists`: those that are no members are no obstacle.
    AliasMembersRemove {
        alias: Address,
        members: Vec<Address>,
        if_exists: bool,
    },
    DkimAdd {
        domain: Domain,
        selector: String,
        kind: KeyKind,
    },
    DkimRemove {
        domain: Domain,
        selector: String,
    },
    /// Those that sign from now on.
    DkimSign {
        domain: Domain,
        selectors: Vec<String>,
    },
    /// The password in clear, hashed by `prepare`.
    PasswordSet {
        account: AccountName,
        password: Secret,
    },
    AdminPasswordSet {
        password: Secret,
    },
    /// Make domains, accounts, their addresses and aliases as in a file with the same keys.
    Apply {
        /// The file's text.
        text: String,
        /// Its name, for problems in it.
        name: String,
        /// Whether what the file does not name is removed.
        prune: bool,
    },
    /// Make mox.toml what it was in a generation that is kept, whatever it is now.
    Rollback {
        generation: u64,
    },
    /// The key in a certificate logs an address's account in. An empty name: the certificate's own.
    /// Refused when the key is here already, whoever has it.
    TlsKeyAdd {
        address: Address,
        name: String,
        no_imap_preauth: bool,
        certificate: Certificate,
    },
    /// None leaves it as it is.
    TlsKeyUpdate {
        fingerprint: Fingerprint,
        name: Option<String>,
        no_imap_preauth: Option<bool>,
    },
    TlsKeyRemove {
        fingerprint: Fingerprint,
    },
    /// Take mox.toml as it is on disk now (reload, SIGHUP, file watch).
    Adopt,
}

/// A text that Debug does not show, wiped from memory when dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

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
    /// Names the request: random, kept with what it made, so that a client whose daemon died before
    /// answering finds out whether its change was made. Empty where nobody will ask.
    #[serde(default)]
    pub request: String,
}

impl Actor {
    /// Whoever changed a file on disk; `how` we came to know.
    pub fn file(how: &str) -> Actor {
        Actor {
            name: "file".to_owned(),
            command: how.to_owned(),
            request: String::new(),
        }
    }
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
    /// What it does, one thing each, where it is many things.
    pub steps: Vec<Step>,
    /// What would be served.
    pub snapshot: Arc<Snapshot>,
    /// mox.toml as the plan found it.
    found: Found,
    /// Where what it found is kept: it is in no generation, and would be lost.
    keep: Option<PathBuf>,
    /// mox.toml as it will be; the same where only state changes.
    next: Arc<Current>,
    plan: Plan,
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
    /// As in [`Prepared`].
    #[serde(default)]
    pub steps: Vec<Step>,
}

impl Prepared {
    /// Whether accounts go: what they leave is to be removed after the commit.
    pub fn removes_accounts(&self) -> bool {
        let mut ops = self.plan.ops.iter();
        ops.any(|op| matches!(op, Op::BeginRemoval(_)))
    }

    /// How many RSA keys it makes.
    fn rsa_keys(&self) -> usize {
        let keys = self.plan.keys.iter();
        keys.filter(|key| key.kind == KeyKind::Rsa).count()
    }
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
    /// Exit 2, `usage`: there is no such key.
    #[error("{message}")]
    UnknownKey {
        /// Names the key.
        message: String,
        /// "did you mean …?", or all there are.
        hint: String,
    },
    /// Exit 6, `config_invalid`: mox.toml on disk, or what it would become; nothing was written.
    #[error("the configuration is invalid")]
    Invalid(Vec<Diagnostic>),
    /// Exit 1, `failed`: mox.toml changed on disk between [`Admin::prepare`] and [`Admin::commit`]. Its
    /// text was not touched: prepare again.
    #[error("mox.toml was changed by somebody else meanwhile")]
    Raced,
    /// Exit 1, `failed`: disk, permissions.
    #[error("{0}")]
    Local(String),
}

impl From<StateError> for AdminError {
    fn from(error: StateError) -> AdminError {
        AdminError::Local(error.to_string())
    }
}

impl From<FsError> for AdminError {
    fn from(error: FsError) -> AdminError {
        AdminError::Local(error.to_string())
    }
}

impl From<ConfigError> for AdminError {
    fn from(error: ConfigError) -> AdminError {
        match error {
            ConfigError::Invalid(problems) => AdminError::Invalid(problems),
            other => AdminError::Local(other.to_string()),
        }
    }
}

/// The control database in the data directory.
const DATABASE: &str = "control.redb";

/// Configuration and state of one mox.toml and its data directory.
pub struct Admin {
    /// As it was named: a symbolic link stays one.
    file: PathBuf,
    data_dir: PathBuf,
    state: State,
    /// Remembers which key files were found good.
    disk: Disk,
    /// What the file on disk was when it was last looked at, read and compiled.
    current: Mutex<Option<Arc<Current>>>,
    /// Made before they are needed.
    keys: keys::KeyStock,
    /// Held while removals are finished: two at a time would end each other's.
    finishing: Mutex<()>,
    /// Why removals were not finished when that was last tried.
    unfinished: Mutex<HashMap<AccountName, String>>,
    /// Which TLS public keys have logged somebody in lately.
    key_uses: Arc<KeyUses>,
    /// Where the mail is; none until a change needs it.
    store: Mutex<Option<Arc<dyn MailFolders>>>,
}

impl Admin {
    /// Opens the control database of the data directory that `config` names, making both if need be,
    /// and finishes or undoes the change of the configuration that a crash cut off.
    pub fn open(config: &Path) -> Result<Admin, AdminError> {
        Admin::open_with(config, None)
    }

    fn open_with(config: &Path, store: Option<Arc<dyn MailFolders>>) -> Result<Admin, AdminError> {
        let data_dir = config::data_dir(config);
        // A name with a slip in it makes no folders.
        if !config.exists() && !data_dir.join(DATABASE).exists() {
            let missing = FsError::at("read", config)(std::io::ErrorKind::NotFound.into());
            return Err(missing.into());
        }
        folders::make_data_dir(&data_dir)?;
        let admin = Admin {
            file: config.to_owned(),
            state: State::open(&data_dir.join(DATABASE))?,
            data_dir,
            disk: Disk::new(),
            current: Mutex::new(None),
            keys: keys::KeyStock::default(),
            finishing: Mutex::new(()),
            unfinished: Mutex::new(HashMap::new()),
            key_uses: Arc::default(),
            store: Mutex::new(store),
        };
        admin.recover()?;
        Ok(admin)
    }

    /// What is on disk now, compiled; adopts hand edits as a generation of their own, and takes out
    /// accounts whose removal was begun.
    pub fn load(&self) -> Result<Arc<Snapshot>, AdminError> {
        let actor = Actor::file("");
        let prepared = self.prepare_adoption(true)?;
        let mut snapshot = Arc::clone(&prepared.snapshot);
        self.commit(prepared, &actor)?;
        for account in self.state.removals()? {
            if snapshot.account(&account).is_some() {
                snapshot = self.remove_again(account, &snapshot)?;
            }
        }
        Ok(snapshot)
    }

    /// Plans and compiles. Starts from the file as it is on disk now.
    pub fn prepare(&self, change: &Change) -> Result<Prepared, AdminError> {
        match change {
            Change::Adopt => return self.prepare_adoption(false),
            Change::Rollback { generation } => return self.prepare_rollback(*generation),
            Change::Apply { text, name, prune } => return self.prepare_apply(text, name, *prune),
            _ => {}
        }
        let base = self.read_current()?;
        let plan = self.plan(change, &base)?;
        match (self.compile(base, plan), change) {
            // The file was good before: it is the value that does not fit.
            (
                Err(AdminError::Invalid(problems)),
                Change::AccountSet { .. } | Change::DomainSet { .. },
            ) => Err(value_refused(&problems)),
            (prepared, _) => prepared,
        }
    }

    /// Uses the store that the process has opened for this data directory. Without it one is opened
    /// when a change needs it, for this alone.
    pub fn use_store(&self, store: Arc<dyn MailFolders>) {
        let mut known = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = known.replace(store) {
            own.close();
        }
    }

    /// Closes the database, and the store if it was opened here. Not for the daemon, whose store is
    /// its own.
    pub fn close(self) {
        if let Some(store) = self
            .store
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            store.close();
        }
    }

    /// The text that a snapshot's configuration was read from; empty if it is not kept.
    pub fn text_of(&self, snapshot: &Snapshot) -> Result<Arc<str>, AdminError> {
        match self.current() {
            Some(current) if Arc::ptr_eq(current.config(), &snapshot.config) => {
                Ok(Arc::clone(&current.text))
            }
            _ => Ok(self
                .state
                .text(snapshot.generation)?
                .unwrap_or_default()
                .into()),
        }
    }

    /// As [`State::login_secret`].
    pub fn login_secret(&self) -> Result<[u8; 32], AdminError> {
        Ok(self.state.login_secret()?)
    }

    /// mox.toml, as it was named.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// What the validation of the file has against a value.
fn value_refused(problems: &[Diagnostic]) -> AdminError {
    let all: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    AdminError::Usage(all.join("; "))
}

#[cfg(test)]
mod tests;
