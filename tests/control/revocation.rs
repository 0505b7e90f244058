//! What ends a login ends its open sessions, whatever they are doing, within 100 ms of being served,
//! whichever way the change came; nobody else's (`spec/auth.md`, "Revocation reaches open sessions").

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

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
    for by in [By::Password, By::Key] {
        at_once(by, "moved away", |instance| {
            let disable = ["config", "account", "disable", "alice", "moved away"];
            mox(instance, &disable).ok();
        });
    }
}

#[test]
fn a_disabled_account_loses_its_sessions_by_hand() {
    at_once(By::Password, "moved away", |instance| {
        by_hand(
            instance,
            "[accounts.alice]\n",
            "[accounts.alice]\nlogin_disabled = \"moved away\"\n",
        );
    });
}

#[test]
fn a_disabled_account_loses_its_sessions_by_rollback_and_by_a_file() {
    at_once(By::Key, "moved away", |instance| {
        mox(instance, &["config", "rollback", "3"]).ok();
    });
    at_once(By::Key, "moved away", |instance| {
        let file = "[accounts.alice]\ndomain = \"localhost\"\nlogin_disabled = \"moved away\"\n";
        fs::write(instance.root().join("apply.toml"), file).unwrap();
        mox(instance, &["config", "apply", "apply.toml"]).ok();
    });
}

#[test]
fn a_removed_account_loses_its_sessions() {
    for by in [By::Password, By::Key] {
        at_once(by, "the account was removed", |instance| {
            mox(instance, &["config", "account", "rm", "alice"]).ok();
        });
    }
}

#[test]
fn an_account_that_a_file_does_not_have_loses_its_sessions() {
    at_once(By::Key, "the account was removed", |instance| {
        let file = "[accounts.mox]\ndomain = \"localhost\"\n";
        fs::write(instance.root().join("apply.toml"), file).unwrap();
        mox(instance, &["config", "apply", "--prune", "apply.toml"]).ok();
    });
}

#[test]
fn a_new_password_ends_sessions_also_if_it_is_the_old_one() {
    at_once(By::Password, "the password was changed", |instance| {
        password(instance, "alice");
    });
}

#[test]
fn a_kicked_account_loses_its_sessions_and_may_come_back() {
    for by in [By::Password, By::Key] {
        let instance = at_once(by, "the administrator ended the session", |instance| {
            let kicked = mox(instance, &["sessions", "kick", "--account", "alice"]).ok();
            assert_eq!(kicked, "6 sessions ended\n");
        });
        imap(&instance, by);
    }
}

#[test]
fn a_removed_key_ends_the_sessions_that_it_opened_and_no_others() {
    let spared = |instance: &Instance| {
        let other = instance.root().join("other.combined.pem");
        vec![
            imap(instance, By::Password),
            by_key(instance, Service::Imaps, &other),
        ]
    };
    let words = "the TLS public key was removed";
    at_once_but(By::Key, words, spared, |instance| {
        let fingerprint = fs::read_to_string(instance.root().join("fingerprint")).unwrap();
        mox(instance, &["config", "tlspubkey", "rm", &fingerprint]).ok();
    });
}

/// A hand edit can do what commands refuse: the key is nobody's then.
#[test]
fn a_key_whose_address_goes_to_somebody_else_ends_its_sessions() {
    let spared = |instance: &Instance| vec![imap(instance, By::Password)];
    at_once_but(
        By::Key,
        "the TLS public key was removed",
        spared,
        |instance| {
            let text = fs::read_to_string(instance.config().unwrap()).unwrap();
            let moved = text
                .replace("\"alice@localhost\" = {}\n", "\"a@localhost\" = {}\n")
                .replace(
                    "\"mox@localhost\" = {}\n",
                    "\"mox@localhost\" = {}\n\"alice@localhost\" = {}\n",
                );
            by_hand(instance, &text, &moved);
        },
    );
}

#[test]
fn what_concerns_no_login_ends_no_session() {
    for by in [By::Password, By::Key] {
        let mut instance = world();
        let open = sessions(&instance, by);
        mox(&instance, &["config", "domain", "disable", "localhost"]).ok();
        mox(&instance, &["config", "domain", "enable", "localhost"]).ok();
        password(&instance, "mox");
        if by == By::Key {
            password(&instance, "alice");
        }
        by_hand(
            &mut instance,
            "[accounts.alice]\n",
            "[accounts.alice]\nfull_name = \"A\"\n",
        );
        for session in open {
            session.goes_on();
        }
    }
}

/// A client that never lets the server wait for it is not out of its reach.
#[test]
fn a_client_that_never_stops_talking_is_told_as_well() {
    let instance = serving();
    let add = ["config", "account", "add", "alice", "alice@localhost"];
    mox(&instance, &add).ok();
    password(&instance, "alice");
    let mut latest = Duration::MAX;
    for _ in 0..TRIES {
        let ended = never_silent(&instance);
        let disable = ["config", "account", "disable", "alice", "no"];
        mox(&instance, &disable).ok();
        let served = Instant::now();
        latest = ended.join().unwrap().saturating_duration_since(served);
        if latest < AT_ONCE {
            return;
        }
        mox(&instance, &["config", "account", "enable", "alice"]).ok();
    }
    panic!("the session ended {latest:?} after the change was served");
}

/// A client of alice's that sends commands as fast as it can; gives the time of its end.
fn never_silent(instance: &Instance) -> thread::JoinHandle<Instant> {
    let address = instance.address(Service::Imap);
    let mut reading = TcpStream::connect(address).unwrap();
    let mut writing = reading.try_clone().unwrap();
    writing
        .write_all(b"l LOGIN alice@localhost moxmoxmox\r\n")
        .unwrap();
    let (begun, has_begun) = mpsc::channel();
    let writer = thread::spawn(move || {
        let lines = b"n NOOP\r\n".repeat(5_000);
        while writing.write_all(&lines).is_ok() {}
    });
    let ended = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let mut read = 0;
        while let Ok(n) = reading.read(&mut buffer) {
            if n == 0 {
                break;
            }
            read += n;
            if read > 1 << 18 {
                let _ = begun.send(());
            }
        }
        let end = Instant::now();
        let _ = reading.shutdown(Shutdown::Both);
        writer.join().unwrap();
        end
    });
    has_begun.recv().unwrap();
    ended
}

/// What a session is opened with.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Password,
    Key,
}

/// Makes the change in a fresh world, several times if need be, until its sessions end in time.
fn at_once(by: By, words: &'static str, change: impl Fn(&mut Instance)) -> Instance {
    at_once_but(by, words, |_| Vec::new(), change)
}

/// The same, and these sessions of IMAP go on.
fn at_once_but(
    by: By,
    words: &'static str,
    spared: impl Fn(&Instance) -> Vec<Client>,
    change: impl Fn(&mut Instance),
) -> Instance {
    let mut slowest = (Duration::ZERO, "");
    for _ in 0..TRIES {
        let mut instance = world();
        let mut others = spared(&instance);
        others.push(with_password(&instance, "mox"));
        let (reading, stalled): (Vec<_>, Vec<_>) = sessions(&instance, by)
            .into_iter()
            .partition(|open| open.says != Says::Nothing);
        let wait = |open: Open| (open.doing, thread::spawn(move || open.ended(words)));
        let mut ending: Vec<_> = reading.into_iter().map(wait).collect();
        change(&mut instance);
        let served = Instant::now();
        ending.extend(stalled.into_iter().map(wait));
        slowest = ending
            .into_iter()
            .map(|(doing, session)| {
                let ended = session.join().unwrap();
                (ended.saturating_duration_since(served), doing)
            })
            .max()
            .unwrap();
        for other in &mut others {
            other.imap("n NOOP");
        }
        if slowest.0 < AT_ONCE {
            return instance;
        }
    }
    panic!("sessions ended {slowest:?} after the change was served");
}

/// Edits mox.toml, and waits until that is served.
fn by_hand(instance: &mut Instance, from: &str, to: &str) {
    let next = generation(instance) + 1;
    edit(instance, from, to);
    instance
        .wait_for(&format!("STATUS=serving generation {next}"), ENOUGH)
        .unwrap();
}

/// A server with an account alice, who has mail that takes long to fetch, a password and two keys. In
/// generation 3 her logins are disabled.
fn world() -> Instance {
    let instance = serving();
    mox(
        &instance,
        &["config", "account", "add", "alice", "alice@localhost"],
    )
    .ok();
    mox(
        &instance,
        &["config", "account", "disable", "alice", "moved away"],
    )
    .ok();
    mox(&instance, &["config", "account", "enable", "alice"]).ok();
    password(&instance, "alice");
    for stem in ["key", "other"] {
        let add = ["--add", "alice@localhost", "--json"];
        let arguments = [&["config", "tlspubkey", "gen", stem][..], &add].concat();
        let made: Value = serde_json::from_str(&mox(&instance, &arguments).ok()).unwrap();
        if stem == "key" {
            let fingerprint = made["fingerprint"].as_str().unwrap();
            fs::write(instance.root().join("fingerprint"), fingerprint).unwrap();
        }
    }
    let mut client = imap(&instance, By::Password);
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

/// Alice's session.
fn imap(instance: &Instance, by: By) -> Client {
    match by {
        By::Password => with_password(instance, "alice"),
        By::Key => by_key(
            instance,
            Service::Imaps,
            &instance.root().join("key.combined.pem"),
        ),
    }
}

fn with_password(instance: &Instance, account: &str) -> Client {
    let mut client = instance.connect(Service::Imaps);
    client.hear();
    client.imap(&format!("l LOGIN {account}@localhost moxmoxmox"));
    client
}

/// Logged in by the handshake alone.
fn by_key(instance: &Instance, service: Service, pem: &Path) -> Client {
    let mut client = Client::connect(instance.address(service), true, Some(pem)).unwrap();
    let greeting = client.hear();
    assert!(
        greeting.starts_with("* PREAUTH ") || greeting.starts_with("220 "),
        "{greeting}"
    );
    client
}

fn submission(instance: &Instance, by: By) -> Client {
    if by == By::Key {
        let pem = instance.root().join("key.combined.pem");
        let mut client = by_key(instance, Service::Submissions, &pem);
        client.smtp("EHLO client.example.org", "250");
        return client;
    }
    let mut client = instance.connect(Service::Submissions);
    client.expect_reply("220");
    client.smtp("EHLO client.example.org", "250");
    client.smtp("AUTH PLAIN AGFsaWNlQGxvY2FsaG9zdABtb3htb3htb3g=", "235");
    client
}

/// One of each kind: silent, in IDLE, in a FETCH that the client does not read, in an APPEND, after a
/// login for submission, in the middle of DATA.
fn sessions(instance: &Instance, by: By) -> Vec<Open> {
    let open = |doing, client, says| Open {
        doing,
        client,
        says,
    };
    let silent = imap(instance, by);
    let mut idle = imap(instance, by);
    idle.imap("s SELECT Inbox");
    idle.say("i IDLE");
    assert!(idle.hear().starts_with("+ "));
    let mut fetch = imap(instance, by);
    fetch.imap("s SELECT Inbox");
    fetch.say("f FETCH 1:* BODY.PEEK[]");
    // The first bytes are here: the server is in the middle of it.
    fetch.hear();
    let mut append = imap(instance, by);
    append.say("a APPEND Inbox {1000}");
    assert!(append.hear().starts_with("+ "));
    append.send(b"From: a@example.org\r\n\r\nhalf").unwrap();
    let ready = submission(instance, by);
    let mut data = submission(instance, by);
    data.smtp("MAIL FROM:<alice@localhost>", "250");
    data.smtp("RCPT TO:<mox@localhost>", "250");
    data.smtp("DATA", "354");
    data.say("From: alice@localhost\r\n\r\nhalf");
    vec![
        open("silent", silent, Says::Imap),
        open("IDLE", idle, Says::Imap),
        open("FETCH", fetch, Says::Nothing),
        open("APPEND", append, Says::Imap),
        open("logged in for submission", ready, Says::Smtp),
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
            "logged in for submission" => drop(client.smtp("MAIL FROM:<alice@localhost>", "250")),
            _ => {
                client.say(".");
                client.expect_reply("250");
            }
        }
    }

    /// Waits for the end, which must come with these words, and says when it came.
    fn ended(mut self, words: &str) -> Instant {
        let expected = match self.says {
            Says::Imap => format!("* BYE {words}"),
            Says::Smtp => format!("421 4.7.0 {words}"),
            Says::Nothing => return self.torn(),
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
        assert_eq!(last, Some(expected), "{}", self.doing);
        now
    }

    /// The same in the middle of megabytes that are still on their way: looked at line by line, they
    /// would take longer than what is measured.
    fn torn(mut self) -> Instant {
        loop {
            match self.client.bytes(1 << 16) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("{}: the session goes on", self.doing);
                }
                Err(_) => return Instant::now(),
            }
        }
    }
}
