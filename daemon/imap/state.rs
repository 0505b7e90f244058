//! What a session knows of its client: who it is, what it enabled, and whether it may stay.

use std::borrow::Cow;
use std::sync::Arc;

use mox::addr::AccountName;
use mox::login::LoggedIn;
use mox::snapshot::Snapshot;
use mox::store::Account;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::words::End;
use crate::sessions::{KICKED, Registered};

/// A client that has logged in.
pub(super) struct User {
    /// How.
    pub(super) login: Arc<LoggedIn>,
    /// Its mail.
    pub(super) account: Account,
    /// Its place on the list of sessions.
    pub(super) session: Registered,
}

impl User {
    pub(super) fn name(&self) -> &AccountName {
        &self.login.account
    }
}

/// What the client switched on (RFC 9051 §6.3.1), or made known by using it (RFC 7162 §3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Enabled {
    /// IMAP4rev2: no RECENT, ESEARCH, UTF-8 everywhere.
    pub(super) rev2: bool,
    /// MODSEQ in FETCH responses.
    pub(super) condstore: bool,
    /// UTF8=ACCEPT (RFC 6855).
    pub(super) utf8: bool,
}

impl Enabled {
    /// Mailbox names and strings are UTF-8, not modified UTF-7 (RFC 9051 §5.1).
    pub(super) fn utf8_names(self) -> bool {
        self.rev2 || self.utf8
    }
}

/// Watches for reasons to end a session that its client has no part in. Clones watch the same.
#[derive(Clone)]
pub(super) struct Guard {
    live: watch::Receiver<Arc<Snapshot>>,
    shutdown: CancellationToken,
    login: Option<Arc<LoggedIn>>,
    /// The administrator ends this session.
    kicked: CancellationToken,
}

impl Guard {
    pub(super) fn new(live: watch::Receiver<Arc<Snapshot>>, shutdown: CancellationToken) -> Guard {
        Guard {
            live,
            shutdown,
            login: None,
            kicked: CancellationToken::new(),
        }
    }

    /// From now on the login must hold; whether it still does.
    pub(super) fn set_login(&mut self, login: Arc<LoggedIn>, session: &Registered) -> Option<End> {
        self.kicked = session.kicked().clone();
        let end = revoked(&self.live.borrow_and_update(), &login);
        self.login = Some(login);
        end
    }

    /// Whether the session must end; cheap. For sessions that are never idle: who is waited for
    /// asks [`Guard::ended`].
    pub(super) fn check(&mut self) -> Option<End> {
        let login = self.login.as_ref()?;
        if self.kicked.is_cancelled() {
            return Some(End::Bye("", Cow::Borrowed(KICKED)));
        }
        match self.live.has_changed() {
            Ok(true) => revoked(&self.live.borrow_and_update(), login),
            _ => None,
        }
    }

    /// Whether the server stops.
    pub(super) fn stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Waits until the session must end, and says how.
    pub(super) async fn ended(&mut self) -> End {
        loop {
            if let Some(login) = &self.login {
                let end = revoked(&self.live.borrow_and_update(), login);
                if let Some(end) = end {
                    return end;
                }
            }
            let changed = async {
                match (&self.login, self.live.changed().await) {
                    (Some(_), Ok(())) => {}
                    // Nothing to lose by a new snapshot, or no more of them.
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => {
                    return End::Bye("UNAVAILABLE", Cow::Borrowed("the server is stopping"));
                }
                () = self.kicked.cancelled() => return End::Bye("", Cow::Borrowed(KICKED)),
                () = changed => {}
            }
        }
    }
}

/// `spec/auth.md`, "Revocation reaches open sessions".
fn revoked(snapshot: &Snapshot, login: &LoggedIn) -> Option<End> {
    let revoked = login.still_good(snapshot).err()?;
    Some(End::Bye("", Cow::Owned(revoked.to_string())))
}
