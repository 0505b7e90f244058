//! What every session can reach.

use std::sync::Arc;

use mox::login::{LoggedIn, LoginRefusal, Logins, PasswordLogin};
use mox::snapshot::Snapshot;
use mox::store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::live::Live;
use crate::sessions::Sessions;

/// Shared by all sessions of the daemon.
pub struct Context {
    /// The facts that are served.
    pub live: Live,
    /// The mail.
    pub store: Arc<Store>,
    /// The login service.
    pub logins: Arc<Logins>,
    /// How many password hashes may run at a time: as many as there are processors.
    pub hashing: Arc<Semaphore>,
    /// The sessions in which somebody is logged in.
    pub(crate) sessions: Arc<Sessions>,
    /// What IMAP sessions tell each other.
    pub newsroom: crate::imap::Newsroom,
    /// Cancelled when the daemon stops: sessions say goodbye (421, BYE) and end; a transaction that
    /// is being written finishes first.
    pub shutdown: CancellationToken,
}

/// A user name and a password that belong to the task that verifies them.
pub struct OwnedLogin {
    /// As in [`PasswordLogin`].
    pub protocol: mox::login::Protocol,
    /// As in [`PasswordLogin`].
    pub mechanism: mox::login::Mechanism,
    /// As in [`PasswordLogin`].
    pub authzid: String,
    /// As in [`PasswordLogin`].
    pub user: String,
    /// As in [`PasswordLogin`].
    pub password: String,
    /// As in [`PasswordLogin`].
    pub remote: std::net::IpAddr,
}

impl Context {
    /// Serves these facts from this store; nobody is logged in.
    pub fn new(snapshot: Arc<Snapshot>, store: Arc<Store>) -> Context {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Context {
            live: Live::new(snapshot),
            store,
            logins: Arc::new(Logins::new()),
            hashing: Arc::new(Semaphore::new(processors)),
            sessions: Arc::default(),
            newsroom: crate::imap::Newsroom::default(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Logs in with a password; the hash runs on a thread for blocking work.
    pub async fn login(&self, login: OwnedLogin) -> Result<LoggedIn, LoginRefusal> {
        let snapshot: Arc<Snapshot> = self.live.now();
        if let Some(answer) = self.logins.remembered(&snapshot, &login.borrow()) {
            return answer;
        }
        let _permit = self
            .hashing
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| LoginRefusal::Local)?;
        let logins = self.logins.clone();
        tokio::task::spawn_blocking(move || logins.password(&snapshot, &login.borrow()))
            .await
            .map_err(|_| LoginRefusal::Local)?
    }
}

impl OwnedLogin {
    fn borrow(&self) -> PasswordLogin<'_> {
        PasswordLogin {
            protocol: self.protocol,
            mechanism: self.mechanism,
            authzid: &self.authzid,
            user: &self.user,
            password: &self.password,
            remote: self.remote,
        }
    }
}
