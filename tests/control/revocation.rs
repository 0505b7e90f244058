//! What ends a login ends its open sessions, whatever they are doing, within 100 ms of being served,
//! whichever way the change came; nobody else's (`spec/auth.md`, "Revocation reaches open sessions").

use std::thread;
use std::time::{Duration, Instant};

use super::support::client::{Client, NoLine};
use super::support::instance::{Instance, Service};
use super::support::process;
use super::{ENOUGH, edit, generation, mox, serving};

/// From the moment that a change is served.
const AT_ONCE: Duration = Duration::from_millis(100);

/// A loaded machine may need several tries to show what an idle one does always.
const TRIES: usize = 10;

/// What is in the way of the client's last words, if anything.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    /// These come as a line of their own.
    Imap,
    /// These come as a reply.
    Smtp,
    /// A response is half sent to a client that reads nothing before the change: the connection ends.
    Nothing,
}

/// An open session of alice's, and how it will end.
struct Open {
    doing: &'static str,
    client: Client,
    says: Says,
}

#[test]
fn a_disabled_account_loses_its_sessions_by_command() {
    at_once("moved away", |instance| {
        mox(
            instance,
            &["config", "account", "disable", "alice", "moved away"],
        )
        .ok();
    });
}

#[test]
fn a_disabled_account_loses_its_sessions_by_hand() {
    at_once("moved away", |instance| {
        let next = generation(instance) + 1;
        edit(
            instance,
            "[accounts.alice]\n",
            "[accounts.alice]\nlogin_disabled = \"moved away\"\n",
        );
        instance
            .wait_for(&format!("STATUS=serving generation {next}"), ENOUGH)
            .unwrap();
    });
}

#[test]
fn a_removed_account_loses_its_sessions() {
    at_once("the account was removed", |instance| {
        mox(instance, &["config", "account", "rm", "alice"]).ok();
    });
}

#[test]
fn a_new_password_ends_sessions_also_if_it_is_the_old_one() {
    at_once("the password was changed", |instance| {
        password(instance, "alice");
    });
}

#[test]
fn a_kicked_account_loses_its_sessions_and_may_come_back() {
    let instance = at_once("the administrator ended the session", |instance| {
        let kicked = mox(instance, &["sessions", "kick", "--account", "alice"]).ok();
        assert_eq!(kicked, "6 sessions ended\n");
    });
    imap(&instance, "alice");
}

#[test]
fn what_concerns_no_login_ends_no_session() {
    let mut instance = world();
    let open = sessions(&instance);
    mox(&instance, &["config", "domain", "disable", "localhost"]).ok();
    mox(&instance, &["config", "domain", "enable", "localhost"]).ok();
    password(&instance, "mox");
    let next = generation(&instance) + 1;
    edit(
        &instance,
        "[accounts.alice]\n",
        "[accounts.alice]\nfull_name = \"A\"\n",
    );
    instance
        .wait_for(&format!("STATUS=serving generation {next}"), ENOUGH)
        .unwrap();
    for session in open {
        session.goes_on();
    }
}

/// Makes the change in a fresh world, several times if need be, until its sessions end in time.
fn at_once(words: &'static str, change: impl Fn(&mut Instance)) -> Instance {
    let mut slowest = Duration::ZERO;
    for _ in 0..TRIES {
        let mut instance = world();
        let mut other = imap(&instance, "mox");
        let (reading, stalled): (Vec<_>, Vec<_>) = sessions(&instance)
            .into_iter()
            .partition(|open| open.says != Says::Nothing);
        let wait = |open: Open| thread::spawn(move || open.ended(words));
        let mut ending: Vec<_> = reading.into_iter().map(wait).collect();
        change(&mut instance);
        let served = Instant::now();
        ending.extend(stalled.into_iter().map(wait));
        slowest = ending
            .into_iter()
            .map(|session| session.join().unwrap().saturating_duration_since(served))
            .max()
            .unwrap();
        other.imap("n NOOP");
        if slowest < AT_ONCE {
            return instance;
        }
    }
    panic!("sessions ended {slowest:?} after the change was served");
}

/// A server with an account alice, who has mail that takes long to fetch.
fn world() -> Instance {
    let instance = serving();
    mox(
        &instance,
        &["config", "account", "add", "alice", "alice@localhost"],
    )
    .ok();
    password(&instance, "alice");
    let mut client = imap(&instance, "alice");
    let body = "A line of a letter that is long enough to be sent in pieces.\r\n".repeat(16_000);
    let message = format!("From: a@example.org\r\n\r\n{body}");
    for _ in 0..20 {
        client.say(&format!("a APPEND Inbox {{{}+}}", message.len()));
        client.send(message.as_bytes()).unwrap();
        client.say("");
        client.until_tag("a");
    }
    client.imap("l LOGOUT");
    instance
}

fn password(instance: &Instance, account: &str) {
    let mut command = instance.mox(["setaccountpassword", account]);
    process::run(&mut command, b"moxmoxmox\n").unwrap().ok();
}

fn imap(instance: &Instance, account: &str) -> Client {
    let mut client = instance.connect(Service::Imaps);
    client.hear();
    client.imap(&format!("l LOGIN {account}@localhost moxmoxmox"));
    client
}

fn submission(instance: &Instance) -> Client {
    let mut client = instance.connect(Service::Submissions);
    client.expect_reply("220");
    client.smtp("EHLO client.example.org", "250");
    client.smtp("AUTH PLAIN AGFsaWNlQGxvY2FsaG9zdABtb3htb3htb3g=", "235");
    client
}

/// One of each kind: silent, in IDLE, in a FETCH that the client does not read, in an APPEND, after a
/// login for submission, in the middle of DATA.
fn sessions(instance: &Instance) -> Vec<Open> {
    let open = |doing, client, says| Open {
        doing,
        client,
        says,
    };
    let silent = imap(instance, "alice");
    let mut idle = imap(instance, "alice");
    idle.imap("s SELECT Inbox");
    idle.say("i IDLE");
    assert!(idle.hear().starts_with("+ "));
    let mut fetch = imap(instance, "alice");
    fetch.imap("s SELECT Inbox");
    fetch.say("f FETCH 1:* BODY.PEEK[]");
    // The first bytes are here: the server is in the middle of it.
    fetch.hear();
    let mut append = imap(instance, "alice");
    append.say("a APPEND Inbox {1000}");
    assert!(append.hear().starts_with("+ "));
    append.send(b"From: a@example.org\r\n\r\nhalf").unwrap();
    let ready = submission(instance);
    let mut data = submission(instance);
    data.smtp("MAIL FROM:<alice@localhost>", "250");
    data.smtp("RCPT TO:<mox@localhost>", "250");
    data.smtp("DATA", "354");
    data.say("From: alice@localhost\r\n\r\nhalf");
    vec![
        open("silent", silent, Says::Imap),
        open("IDLE", idle, Says::Imap),
        open("FETCH", fetch, Says::Nothing),
        open("APPEND", append, Says::Imap),
        open("after AUTH", ready, Says::Smtp),
        open("DATA", data, Says::Smtp),
    ]
}

impl Open {
    /// What the client was doing can be finished.
    fn goes_on(mut self) {
        let client = &mut self.client;
        match self.doing {
            "silent" => drop(client.imap("n NOOP")),
            "IDLE" => {
                client.say("DONE");
                client.until_tag("i");
            }
            "FETCH" => drop(client.until_tag("f")),
            "APPEND" => {
                client.say(&"x".repeat(973));
                let last = client.until_tag("a");
                assert!(last.last().unwrap().starts_with("a OK"), "{last:?}");
            }
            "after AUTH" => drop(client.smtp("MAIL FROM:<alice@localhost>", "250")),
            _ => {
                client.say(".");
                client.expect_reply("250");
            }
        }
    }

    /// Waits for the end, which must come with these words, and says when it came.
    fn ended(mut self, words: &str) -> Instant {
        let expected = match self.says {
            Says::Imap => Some(format!("* BYE {words}")),
            Says::Smtp => Some(format!("421 4.7.0 {words}")),
            Says::Nothing => None,
        };
        let mut last = None;
        loop {
            match self.client.line() {
                Ok(line) => last = Some(String::from_utf8_lossy(&line).into_owned()),
                Err(NoLine::Closed(_)) => break,
                Err(NoLine::Silent(_)) => panic!("{}: the session goes on", self.doing),
            }
        }
        let now = Instant::now();
        if expected.is_some() {
            assert_eq!(last, expected, "{}", self.doing);
        }
        now
    }
}
