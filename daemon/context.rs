//! What every session can reach.

use std::sync::Arc;

use mox::login::{LoggedIn, LoginRefusal, Logins, PasswordLogin};
use mox::snapshot::Snapshot;
use mox::store::Store;
use tokio_util::sync::CancellationToken;

use crate::hashing::Hashing;
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
    /// Where its hashes are computed.
    hashing: Hashing,
    /// The sessions in which somebody is logged in.
    pub(crate) sessions: Arc<Sessions>,
    /// What IMAP sessions tell each other.
    pub newsroom: crate::imap::Newsroom,
    /// Cancelled when the daemon stops: sessions say goodbye (421, BYE) and end; a transaction that
    /// is being written finishes first.
    pub shutdown: CancellationToken,
}

impl Context {
    /// Serves these facts from this store; nobody is logged in.
    pub fn new(snapshot: Arc<Snapshot>, store: Arc<Store>, logins: Logins) -> Context {
        let live = Live::new(snapshot);
        let logins = Arc::new(logins);
        Context {
            hashing: Hashing::new(live.clone(), Arc::clone(&logins)),
            live,
            store,
            logins,
            sessions: Arc::default(),
            newsroom: crate::imap::Newsroom::default(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Verifies a password on a thread for it.
    pub(crate) async fn verify(&self, login: PasswordLogin) -> Result<LoggedIn, LoginRefusal> {
        self.hashing.verify(login).await
    }
}
