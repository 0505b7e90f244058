//! The sessions in which somebody is logged in: listed for the admin, and ended when the admin says so.
//!
//! A session is on the list from its login to the drop of its [`Registered`]. What ends a session because
//! of a change of the facts is not here but in the sessions themselves (`mox::login::LoggedIn::still_good`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mox::ctl::{Kick, SessionRow, time_text};
use mox::login::{LoggedIn, Protocol};
use tokio_util::sync::CancellationToken;

/// What an ended session tells its client.
pub(crate) const KICKED: &str = "the administrator ended the session";

/// All of them, of all protocols.
#[derive(Default)]
pub(crate) struct Sessions {
    /// By the number of the connection. Held for a moment only, never while waiting.
    open: Mutex<BTreeMap<u64, Arc<Open>>>,
}

/// What is known of a session.
struct Open {
    protocol: Protocol,
    login: Arc<LoggedIn>,
    remote: IpAddr,
    tls: String,
    since: Timestamp,
    mailbox: Mutex<String>,
    kicked: CancellationToken,
}

/// A session's place on the list.
pub(crate) struct Registered {
    sessions: Arc<Sessions>,
    id: u64,
    open: Arc<Open>,
}

/// As long as it is there, the list shows a mailbox as selected.
pub(crate) struct AtMailbox(Arc<Open>);

impl std::fmt::Debug for AtMailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AtMailbox({})", self.0.mailbox())
    }
}

impl Sessions {
    /// Puts a session on the list: the number of its connection, and `tls` as login attempts have it.
    pub(crate) fn register(
        self: &Arc<Sessions>,
        id: u64,
        protocol: Protocol,
        login: Arc<LoggedIn>,
        remote: IpAddr,
        tls: String,
    ) -> Registered {
        let open = Arc::new(Open {
            protocol,
            login,
            remote,
            tls,
            since: mox::clock::now(),
            mailbox: Mutex::default(),
            kicked: CancellationToken::new(),
        });
        self.lock().insert(id, open.clone());
        Registered {
            sessions: self.clone(),
            id,
            open,
        }
    }

    /// Those of an account, or all; the oldest connection first.
    pub(crate) fn list(&self, account: Option<&str>) -> Vec<SessionRow> {
        let open: Vec<(u64, Arc<Open>)> = self
            .lock()
            .iter()
            .filter(|(_, open)| {
                account.is_none_or(|account| open.login.account.as_str() == account)
            })
            .map(|(id, open)| (*id, open.clone()))
            .collect();
        open.iter().map(|(id, open)| open.row(*id)).collect()
    }

    /// Ends sessions, and says how many.
    pub(crate) fn kick(&self, kick: &Kick) -> usize {
        let open = self.lock();
        let kicked: Vec<&Arc<Open>> = match kick {
            Kick::Id(id) => {
                let id = id.parse().ok();
                id.and_then(|id: u64| open.get(&id)).into_iter().collect()
            }
            Kick::Account(account) => open
                .values()
                .filter(|open| open.login.account.as_str() == account)
                .collect(),
        };
        for session in &kicked {
            session.kicked.cancel();
        }
        kicked.len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn row(&self, id: u64) -> SessionRow {
        SessionRow {
            id: id.to_string(),
            protocol: self.protocol.name().to_owned(),
            account: self.login.account.to_string(),
            login_address: self.login.address.to_string(),
            remote_ip: self.remote.to_string(),
            since: time_text(self.since),
            tls: self.tls.clone(),
            mailbox: self.mailbox().clone(),
        }
    }

    fn mailbox(&self) -> MutexGuard<'_, String> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    /// Cancelled when the session is to end.
    pub(crate) fn kicked(&self) -> &CancellationToken {
        &self.open.kicked
    }

    /// Shows a mailbox as selected.
    pub(crate) fn at(&self, mailbox: &str) -> AtMailbox {
        mailbox.clone_into(&mut self.open.mailbox());
        AtMailbox(self.open.clone())
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut open = self.sessions.lock();
        // A second login on the connection has its place by now.
        if open
            .get(&self.id)
            .is_some_and(|it| Arc::ptr_eq(it, &self.open))
        {
            open.remove(&self.id);
        }
    }
}

impl Drop for AtMailbox {
    fn drop(&mut self) {
        self.0.mailbox().clear();
    }
}

#[cfg(test)]
mod tests {
    use mox::addr::{AccountName, Address};
    use mox::login::Proof;

    use super::*;

    fn open(sessions: &Arc<Sessions>, id: u64, account: &str) -> Registered {
        let login = LoggedIn {
            account: AccountName::parse(account).expect("a name"),
            address: Address::parse(&format!("{account}@example.org")).expect("an address"),
            by: Proof::Password { serial: 1 },
        };
        let remote = IpAddr::from([192, 0, 2, 1]);
        sessions.register(id, Protocol::Imap, Arc::new(login), remote, String::new())
    }

    #[test]
    fn a_session_is_listed_while_it_lasts() {
        let sessions = Arc::new(Sessions::default());
        let first = open(&sessions, 7, "alice");
        let second = open(&sessions, 8, "bob");
        let ids = |account: Option<&str>| -> Vec<String> {
            let rows = sessions.list(account);
            rows.into_iter().map(|row| row.id).collect()
        };
        assert_eq!(ids(None), ["7", "8"]);
        assert_eq!(ids(Some("bob")), ["8"]);
        assert!(ids(Some("carol")).is_empty());
        drop(second);
        assert_eq!(ids(None), ["7"]);

        let at = first.at("Archive");
        assert_eq!(sessions.list(None)[0].mailbox, "Archive");
        drop(at);
        assert_eq!(sessions.list(None)[0].mailbox, "");
    }

    #[test]
    fn only_those_meant_are_ended() {
        let sessions = Arc::new(Sessions::default());
        let [first, second, other] =
            [(1, "alice"), (2, "alice"), (3, "bob")].map(|(id, name)| open(&sessions, id, name));
        let ended = |session: &Registered| session.kicked().is_cancelled();
        assert_eq!(sessions.kick(&Kick::Id("9".into())), 0);
        assert_eq!(sessions.kick(&Kick::Id("1".into())), 1);
        assert!(ended(&first) && !ended(&second) && !ended(&other));
        assert_eq!(sessions.kick(&Kick::Account("alice".into())), 2);
        assert!(ended(&second) && !ended(&other));
    }
}
