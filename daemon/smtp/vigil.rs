//! Why a session ends before its client wants it to: time, shutdown, a login that is no longer good.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use mox::login::LoggedIn;
use mox::snapshot::Snapshot;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::live::Live;
use crate::sessions::{KICKED, Registered};

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The client has gone, or cannot be spoken to.
    Closed,
    /// QUIT.
    Quit,
    /// No word for too long.
    Idle,
    /// A message that took too long as a whole.
    Deadline,
    /// The daemon stops.
    Shutdown,
    /// The login is no longer good; the words for the client.
    Revoked(String),
    /// Too many failed logins, here or from this network.
    TooManyFailures,
    /// Too many bad commands.
    TooManyErrors,
    /// The first line was no SMTP at all (a browser, say, made to speak to us).
    NotSmtp,
}

/// Who is logged in, and what may end that.
struct Login {
    login: Arc<LoggedIn>,
    session: Registered,
    facts: watch::Receiver<Arc<Snapshot>>,
}

/// Watches over a session.
pub(super) struct Vigil {
    /// A child of the daemon's: waiting on it takes no lock that others share.
    shutdown: CancellationToken,
    live: Live,
    login: Option<Login>,
    /// When the message that is coming in must be here.
    pub(super) deadline: Option<Instant>,
    /// How long the client may be silent.
    pub(super) idle: Duration,
}

impl Vigil {
    /// Over a session in which nobody has logged in.
    pub(super) fn new(shutdown: &CancellationToken, live: &Live) -> Vigil {
        Vigil {
            shutdown: shutdown.child_token(),
            live: live.clone(),
            login: None,
            deadline: None,
            idle: Duration::from_secs(300),
        }
    }

    /// From now on the session is somebody's.
    pub(super) fn logged_in(&mut self, login: Arc<LoggedIn>, session: Registered) {
        let mut facts = self.live.watch();
        // What changed between the decision and now is seen by the next check.
        facts.mark_changed();
        self.login = Some(Login {
            login,
            session,
            facts,
        });
    }

    /// The login no longer counts.
    pub(super) fn forget_login(&mut self) {
        self.login = None;
    }

    /// Whose session it is.
    pub(super) fn login(&self) -> Option<&LoggedIn> {
        self.login.as_ref().map(|login| &*login.login)
    }

    /// The facts as they are now.
    pub(super) fn now(&self) -> Arc<Snapshot> {
        self.live.now()
    }

    /// Whether the session may go on; cheap.
    pub(super) fn check(&mut self) -> Result<(), End> {
        if self.shutdown.is_cancelled() {
            return Err(End::Shutdown);
        }
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(End::Deadline);
        }
        match &mut self.login {
            Some(login) => login.check(),
            None => Ok(()),
        }
    }

    /// Waits until the session must end, at the latest when the client was silent for `patience`.
    pub(super) async fn broken(&mut self, patience: Duration) -> End {
        let silent = Instant::now() + patience;
        let (until, late) = match self.deadline {
            Some(deadline) if deadline < silent => (deadline, End::Deadline),
            _ => (silent, End::Idle),
        };
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => End::Shutdown,
            end = revoked(&mut self.login) => end,
            () = tokio::time::sleep_until(until) => late,
        }
    }
}

async fn revoked(login: &mut Option<Login>) -> End {
    match login {
        Some(login) => login.revoked().await,
        None => pending().await,
    }
}

impl Login {
    /// Whether it holds; cheap.
    fn check(&mut self) -> Result<(), End> {
        if self.session.kicked().is_cancelled() {
            return Err(End::Revoked(KICKED.to_owned()));
        }
        match self.facts.has_changed() {
            Ok(true) => self.still_good(),
            _ => Ok(()),
        }
    }

    /// Waits until it holds no more.
    async fn revoked(&mut self) -> End {
        let kicked = self.session.kicked().clone();
        let revoked = async {
            while self.facts.changed().await.is_ok() {
                if let Err(end) = self.still_good() {
                    return end;
                }
            }
            pending().await
        };
        tokio::select! {
            () = kicked.cancelled() => End::Revoked(KICKED.to_owned()),
            end = revoked => end,
        }
    }

    /// `spec/auth.md`, "Revocation reaches open sessions".
    fn still_good(&mut self) -> Result<(), End> {
        let snapshot = self.facts.borrow_and_update();
        let good = self.login.still_good(&snapshot);
        good.map_err(|revoked| End::Revoked(revoked.to_string()))
    }
}
