//! Logins that run into a change: what is served when the answer is given counts, whatever was true when
//! the login began.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use mox::sasl::Hash;
use mox::sasl::client::{Binding, Client as Sasl};
use serde_json::Value;

use super::support::client::{Client, NoLine};
use super::support::instance::{Instance, Service};
use super::support::process;
use super::{ENOUGH, mox, serving, status};

const ALICE: &str = "alice@localhost";

/// Alice has two addresses, a password and two keys, `key` and, without PREAUTH, `quiet`.
fn world() -> Instance {
    let instance = serving();
    mox(&instance, &["config", "account", "add", "alice", ALICE]).ok();
    mox(
        &instance,
        &["config", "address", "add", "sales@localhost", "alice"],
    )
    .ok();
    let mut set = instance.mox(["setaccountpassword", "alice"]);
    process::run(&mut set, b"moxmoxmox\n").unwrap().ok();
    for stem in ["key", "quiet"] {
        let made = mox(
            &instance,
            &["config", "tlspubkey", "gen", stem, "--add", ALICE, "--json"],
        );
        let made: Value = serde_json::from_str(&made.ok()).unwrap();
        let fingerprint = made["fingerprint"].as_str().unwrap();
        fs::write(
            instance.root().join(format!("{stem}.fingerprint")),
            fingerprint,
        )
        .unwrap();
        if stem == "quiet" {
            let update = [
                "config",
                "tlspubkey",
                "update",
                fingerprint,
                "--no-imap-preauth=true",
            ];
            mox(&instance, &update).ok();
        }
    }
    instance
}

fn connect(instance: &Instance, service: Service, stem: &str) -> Client {
    let pem = instance.root().join(format!("{stem}.combined.pem"));
    Client::connect(instance.address(service), true, Some(&pem)).unwrap()
}

fn fingerprint(instance: &Instance, stem: &str) -> String {
    fs::read_to_string(instance.root().join(format!("{stem}.fingerprint"))).unwrap()
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn a_key_that_goes_between_the_challenge_and_the_answer_is_gone() {
    let instance = world();
    let mut imap = connect(&instance, Service::Imaps, "quiet");
    let greeting = imap.hear();
    assert!(greeting.starts_with("* OK ") && greeting.contains("AUTH=EXTERNAL"));
    imap.say("a AUTHENTICATE EXTERNAL");
    assert_eq!(imap.hear(), "+ ");
    let mut smtp = connect(&instance, Service::Submissions, "quiet");
    smtp.expect_reply("220");
    smtp.smtp("EHLO x", "250");
    smtp.smtp("AUTH EXTERNAL", "334");
    mox(
        &instance,
        &[
            "config",
            "tlspubkey",
            "rm",
            &fingerprint(&instance, "quiet"),
        ],
    )
    .ok();
    imap.say("");
    assert!(imap.hear().starts_with("a NO [AUTHENTICATIONFAILED]"));
    imap.say("b CAPABILITY");
    let capabilities = imap.until_tag("b");
    assert!(!capabilities[0].contains("EXTERNAL"), "{capabilities:?}");
    // This one was somebody's already.
    assert_eq!(smtp.reply(), ["421 4.7.0 the TLS public key was removed"]);
    assert!(matches!(smtp.line(), Err(NoLine::Closed(_))));
}

#[test]
fn logins_disabled_in_the_middle_of_an_exchange_are_disabled() {
    let instance = world();
    let plain = base64("\0alice@localhost\0moxmoxmox");
    let mut imap = instance.connect(Service::Imaps);
    imap.hear();
    imap.say("a AUTHENTICATE PLAIN");
    imap.hear();
    let mut smtp = instance.connect(Service::Submissions);
    smtp.expect_reply("220");
    smtp.smtp("EHLO x", "250");
    smtp.smtp("AUTH PLAIN", "334");
    let mut external = connect(&instance, Service::Imaps, "quiet");
    external.hear();
    external.say("a AUTHENTICATE EXTERNAL");
    external.hear();
    // SCRAM has proven the password; only the client's last word is missing.
    let mut scram = instance.connect(Service::Imaps);
    scram.hear();
    let binding = Binding::Unsupported;
    let mut sasl = Sasl::scram(Hash::Sha256, ALICE, "moxmoxmox", binding).unwrap();
    let first = sasl.initial().unwrap();
    scram.say(&format!("a AUTHENTICATE SCRAM-SHA-256 {}", first.as_str()));
    let challenge = scram.hear();
    let proof = sasl.respond(&challenge.as_bytes()[2..]).unwrap();
    scram.say(&proof);
    let last = scram.hear();
    assert!(last.starts_with("+ "), "{last}");
    mox(
        &instance,
        &["config", "account", "disable", "alice", "moved away"],
    )
    .ok();
    imap.say(&plain);
    assert_eq!(imap.hear(), "a NO moved away");
    smtp.smtp(&plain, "525 5.7.13 moved away");
    external.say("");
    assert_eq!(external.hear(), "a NO moved away");
    scram.say("");
    assert_eq!(scram.hear(), "a NO moved away");
    // All of them may try again.
    mox(&instance, &["config", "account", "enable", "alice"]).ok();
    for client in [&mut imap, &mut external, &mut scram] {
        client.imap("b LOGIN alice@localhost moxmoxmox");
    }
    smtp.smtp(&format!("AUTH PLAIN {plain}"), "235");
}

/// EXTERNAL in an exchange of its own, without the initial response.
#[test]
fn external_names_addresses_of_the_account_only() {
    let instance = world();
    mox(
        &instance,
        &["config", "alias", "add", "team@localhost", ALICE],
    )
    .ok();
    let authenticate = |who: &str| {
        let mut imap = connect(&instance, Service::Imaps, "quiet");
        imap.hear();
        imap.say("a AUTHENTICATE EXTERNAL");
        assert_eq!(imap.hear(), "+ ");
        imap.say(&base64(who));
        let said = imap.hear();
        let rows = mox(&instance, &["sessions", "list", "--json"]).ok();
        let rows: Value = serde_json::from_str(&rows).unwrap();
        (said, rows[0]["login_address"].as_str().map(str::to_owned))
    };
    for (who, address) in [
        ("", ALICE),
        ("sales@localhost", "sales@localhost"),
        ("alice+x@localhost", "alice+x@localhost"),
    ] {
        let (said, session) = authenticate(who);
        assert!(said.starts_with("a OK "), "{who}: {said}");
        assert_eq!(session.as_deref(), Some(address));
        // Gone with its connection.
        until(|| mox(&instance, &["sessions", "list"]).ok().is_empty());
    }
    // Of another account, an alias, what only another's catchall takes, nobody's: one answer.
    let answers = [
        "mox@localhost",
        "team@localhost",
        "else@localhost",
        "x@nowhere.example",
    ];
    for who in answers {
        let (said, session) = authenticate(who);
        let expected =
            "a NO [AUTHENTICATIONFAILED] the TLS client certificate belongs to another account";
        assert_eq!(said, expected, "{who}");
        assert_eq!(session, None);
    }
    // With a catchall of one's own, what it takes is one's own.
    mox(&instance, &["config", "address", "rm", "@localhost"]).ok();
    mox(
        &instance,
        &["config", "address", "add", "@localhost", "alice"],
    )
    .ok();
    assert!(authenticate("else@localhost").0.starts_with("a OK "));
}

#[test]
fn a_session_by_key_is_listed_as_others_are() {
    let instance = world();
    let mut imap = connect(&instance, Service::Imaps, "key");
    assert!(imap.hear().starts_with("* PREAUTH "));
    let mut smtp = connect(&instance, Service::Submissions, "key");
    smtp.expect_reply("220");
    let rows = mox(
        &instance,
        &["sessions", "list", "--account", "alice", "--json"],
    )
    .ok();
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, protocol) in rows.iter().zip(["imap", "submission"]) {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        let mut expected = [
            "id",
            "protocol",
            "account",
            "login_address",
            "remote_ip",
            "since",
            "tls",
            "mailbox",
        ];
        expected.sort_unstable();
        let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!(row["protocol"], protocol);
        assert_eq!(row["account"], "alice");
        assert_eq!(row["login_address"], ALICE);
        let tls = row["tls"].as_str().unwrap();
        assert!(tls.starts_with("version=TLSv1.3 ") && tls.contains(" resumed=false "));
    }
    // The number that is listed is the one to end it by.
    let id = rows[0]["id"].as_str().unwrap();
    mox(&instance, &["sessions", "kick", "--id", id]).ok();
    assert_eq!(imap.hear(), "* BYE the administrator ended the session");
    smtp.smtp("NOOP", "250");
}

const CLIENTS: usize = 8;
const LOGINS: usize = 200;

/// While an account is disabled and enabled in turn: nobody whose login begins after a disable was
/// served, and before the next enable was asked for, gets in; and nothing is left of all that.
#[test]
fn nobody_gets_in_while_logins_are_disabled() {
    let instance = world();
    // Odd: disabled, and served.
    let epoch = AtomicUsize::new(0);
    let (left, over) = (AtomicUsize::new(LOGINS), AtomicBool::new(false));
    let (let_in, kept_out) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let log_in = |how: usize| {
        let before = epoch.load(Ordering::SeqCst);
        let good = match how % 3 {
            0 => {
                let mut client = connect(&instance, Service::Imaps, "key");
                client.hear().starts_with("* PREAUTH ")
            }
            1 => {
                let mut client = instance.connect(Service::Imaps);
                client.hear();
                client.say("a LOGIN alice@localhost moxmoxmox");
                client.hear().starts_with("a OK ")
            }
            _ => {
                // It may be ended before it says anything.
                let mut client = connect(&instance, Service::Submissions, "key");
                last_line(&mut client);
                let _ = client.send(b"EHLO x\r\n");
                last_line(&mut client);
                let _ = client.send(b"MAIL FROM:<alice@localhost>\r\n");
                last_line(&mut client).starts_with("250 ")
            }
        };
        let after = epoch.load(Ordering::SeqCst);
        let count = if good { &let_in } else { &kept_out };
        count.fetch_add(1, Ordering::SeqCst);
        assert!(
            !(good && before == after && before % 2 == 1),
            "{how}: let in while logins were disabled"
        );
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let less = |left: usize| left.checked_sub(1);
                    while let Ok(number) =
                        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                    {
                        log_in(number);
                    }
                })
            })
            .collect();
        let toggling = scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                mox(&instance, &["config", "account", "disable", "alice", "no"]).ok();
                epoch.fetch_add(1, Ordering::SeqCst);
                // Some logins fall into this.
                let target = kept_out.load(Ordering::SeqCst) + 4;
                while kept_out.load(Ordering::SeqCst) < target && left.load(Ordering::SeqCst) > 0 {
                    thread::yield_now();
                }
                epoch.fetch_add(1, Ordering::SeqCst);
                mox(&instance, &["config", "account", "enable", "alice"]).ok();
                let target = let_in.load(Ordering::SeqCst) + 4;
                while let_in.load(Ordering::SeqCst) < target && left.load(Ordering::SeqCst) > 0 {
                    thread::yield_now();
                }
            }
        });
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        over.store(true, Ordering::SeqCst);
        // Were a client to fail, the rest would wait for it.
        left.store(0, Ordering::SeqCst);
        toggling.join().unwrap();
        for client in ended {
            client.unwrap();
        }
    });
    let counts = (let_in.into_inner(), kept_out.into_inner());
    assert!(counts.0 > 20 && counts.1 > 20, "{counts:?}");
    until(|| mox(&instance, &["sessions", "list"]).ok().is_empty());
    until(|| {
        let status = status(&instance);
        let listeners = status["listeners"].as_array().unwrap();
        listeners
            .iter()
            .all(|listener| listener["connections"] == 0)
    });
    assert!(!instance.log().contains("panicked"), "{}", instance.log());
    let mut client = connect(&instance, Service::Imaps, "key");
    assert!(client.hear().starts_with("* PREAUTH "));
}

/// The last line of a reply; empty when there is none any more.
fn last_line(client: &mut Client) -> String {
    loop {
        match client.line() {
            Ok(line) if line.get(3) == Some(&b'-') => {}
            Ok(line) => return String::from_utf8_lossy(&line).into_owned(),
            Err(_) => return String::new(),
        }
    }
}

/// Asks until it is so.
#[track_caller]
fn until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < ENOUGH, "it never is so");
        thread::yield_now();
    }
}
