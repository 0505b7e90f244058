use std::net::IpAddr;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use zeroize::Zeroizing;

use super::*;
use crate::config::{Unchecked, parse};
use crate::sasl::ChannelBindings;
use crate::state::Credentials;

const TEXT: &str = r#"
[server]
hostname = "mail.example.org"
postmaster = { account = "alice" }

[listeners.local]
ips = ["127.0.0.1"]
smtp = { port = 2525 }

[domains."example.org"]
localpart_catchall_separators = ["+"]
[domains."example.org".aliases.team]
addresses = ["alice@example.org"]
[domains."example.net"]
disabled = true
[domains."bücher.example"]

[accounts.alice]
domain = "example.org"
[accounts.alice.destinations]
"alice@example.org" = {}
"caf\u00e9@b\u00fccher.example" = {}
"@example.net" = {}

[accounts.closed]
domain = "example.org"
login_disabled = "moved to https://new.example"
[accounts.closed.destinations]
"closed@example.org" = {}

[accounts.without]
domain = "example.org"
[accounts.without.destinations]
"without@example.org" = {}
"#;

const PASSWORD: &str = "correct h\u{f6}rse";

/// Made once: it costs what a login costs.
static MADE: LazyLock<Credential> =
    LazyLock::new(|| password::credential(1, PASSWORD, true).expect("a credential"));

static PHC: LazyLock<String> = LazyLock::new(|| MADE.argon2.to_string());

fn name(text: &str) -> AccountName {
    AccountName::parse(text).expect("an account name")
}

fn snapshot(serial: u64, phc: &str) -> Snapshot {
    let config = parse(TEXT, Path::new("mox.toml"), &Unchecked).expect("valid");
    let credentials: Credentials = ["alice", "closed"]
        .map(|account| {
            let made = MADE.clone();
            let credential = Credential {
                serial,
                argon2: phc.into(),
                ..made
            };
            (name(account), Arc::new(credential))
        })
        .into();
    Snapshot::compile(1, Arc::new(config), Arc::new(credentials))
}

fn origin() -> Origin {
    Origin {
        protocol: Protocol::Imap,
        remote: IpAddr::from([192, 0, 2, 1]),
        local: IpAddr::from([192, 0, 2, 200]),
        tls: "version=TLSv1.3 ciphersuite=X sni= resumed=false alpn=".to_owned(),
        fingerprint: None,
        agent: String::new(),
        plaintext_logins: false,
        bindings: ChannelBindings::new(Some(vec![1; 32]), Some(vec![2; 32])),
        hostname: "mail.example.org".to_owned(),
    }
}

fn login(user: &str, password: &str) -> PasswordLogin {
    PasswordLogin {
        origin: Arc::new(origin()),
        mechanism: Mechanism::Plain,
        authzid: String::new(),
        user: user.to_owned(),
        password: Zeroizing::new(password.to_owned()),
    }
}

fn logins() -> Logins {
    Logins::new([7; 32], Arc::new(TracedAttempts))
}

fn account(result: Result<LoggedIn, LoginRefusal>) -> String {
    result
        .map(|logged_in| logged_in.account.to_string())
        .expect("a login")
}

#[test]
fn every_address_of_an_account_logs_in() {
    let logins = logins();
    let snapshot = snapshot(7, &PHC);
    for user in [
        "alice@example.org",
        "ALICE@Example.ORG",
        "alice+lists@example.org",
        "anything@example.net",
        "caf\u{e9}@b\u{fc}cher.example",
        "cafe\u{301}@xn--bcher-kva.example",
    ] {
        let result = logins.password(&snapshot, &login(user, PASSWORD));
        assert_eq!(account(result), "alice", "{user}");
        let result = logins.remembered(&snapshot, &login(user, PASSWORD));
        assert_eq!(account(result.expect("remembered")), "alice", "{user}");
    }
    let logged_in = logins
        .password(&snapshot, &login("alice+lists@example.org", PASSWORD))
        .expect("a login");
    assert_eq!(logged_in.by, Proof::Password { serial: 7 });
    assert_eq!(logged_in.address.to_string(), "alice+lists@example.org");
}

#[test]
fn passwords_are_the_same_in_every_unicode_form() {
    let logins = logins();
    let snapshot = snapshot(1, &PHC);
    let other_form = "correct\u{a0}ho\u{308}rse";
    let result = logins.password(&snapshot, &login("alice@example.org", other_form));
    assert_eq!(account(result), "alice");
}

#[test]
fn others_do_not() {
    let logins = logins();
    let snapshot = snapshot(1, &PHC);
    for (user, password) in [
        ("alice@example.org", "correct horse"),
        ("alice@example.org", ""),
        ("alice@example.org", "\u{0}"),
        ("alice", PASSWORD),
        ("", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("nobody@elsewhere.example", PASSWORD),
        ("team@example.org", PASSWORD),
        ("postmaster@mail.example.org", PASSWORD),
        ("without@example.org", PASSWORD),
    ] {
        let login = login(user, password);
        assert_eq!(
            logins.password(&snapshot, &login),
            Err(LoginRefusal::BadCredentials),
            "{user} {password:?}"
        );
        assert_eq!(logins.remembered(&snapshot, &login), None);
    }
}

#[test]
fn nobody_acts_as_somebody_else() {
    let logins = logins();
    let snapshot = snapshot(1, &PHC);
    let as_whom = |authzid: &str| PasswordLogin {
        authzid: authzid.to_owned(),
        ..login("alice@example.org", PASSWORD)
    };
    assert!(
        logins
            .password(&snapshot, &as_whom("Alice@example.ORG"))
            .is_err()
    );
    assert!(
        logins
            .password(&snapshot, &as_whom("alice@EXAMPLE.org"))
            .is_ok()
    );
    assert!(
        logins
            .remembered(&snapshot, &as_whom("alice@example.org"))
            .is_some()
    );
    for other in ["closed@example.org", "alice+x@example.org", "alice", "x"] {
        assert_eq!(
            logins.password(&snapshot, &as_whom(other)),
            Err(LoginRefusal::BadCredentials)
        );
        assert_eq!(logins.remembered(&snapshot, &as_whom(other)), None);
    }
}

#[test]
fn that_logins_are_disabled_is_told_to_who_has_the_password() {
    let logins = logins();
    let snapshot = snapshot(1, &PHC);
    let wrong = login("closed@example.org", "wrong password");
    assert_eq!(
        logins.password(&snapshot, &wrong),
        Err(LoginRefusal::BadCredentials)
    );
    let right = login("closed@example.org", PASSWORD);
    let refusal = LoginRefusal::LoginDisabled("moved to https://new.example".to_owned());
    assert_eq!(logins.password(&snapshot, &right), Err(refusal.clone()));
    assert_eq!(logins.remembered(&snapshot, &right), Some(Err(refusal)));
    assert_eq!(logins.remembered(&snapshot, &wrong), None);
}

#[test]
fn what_is_remembered_ends_with_the_password() {
    let logins = logins();
    let right = login("alice@example.org", PASSWORD);
    assert_eq!(logins.remembered(&snapshot(1, &PHC), &right), None);
    assert!(logins.password(&snapshot(1, &PHC), &right).is_ok());
    assert!(logins.remembered(&snapshot(1, &PHC), &right).is_some());
    assert_eq!(
        logins.remembered(&snapshot(2, &PHC), &right),
        None,
        "the same password, set again"
    );
}

#[test]
fn a_hash_that_cannot_be_read_is_our_fault() {
    let logins = logins();
    let right = login("alice@example.org", PASSWORD);
    assert_eq!(
        logins.password(&snapshot(1, "$bcrypt$"), &right),
        Err(LoginRefusal::Local)
    );
}

#[derive(Default)]
struct Noted(Mutex<Vec<String>>);

impl Attempts for Noted {
    fn report(&self, attempt: &Attempt<'_>) {
        self.0.lock().expect("not poisoned").push(format!(
            "{} {} {} {}",
            attempt.origin.protocol.name(),
            attempt.account.map_or("-", AccountName::as_str),
            attempt.user,
            attempt.result.name()
        ));
    }
}

#[test]
fn each_attempt_is_reported_once() {
    let noted = Arc::new(Noted::default());
    let logins = Logins::new([7; 32], noted.clone());
    let snapshot = snapshot(1, &PHC);
    let right = login("alice@example.org", PASSWORD);
    let both = |login: &PasswordLogin| {
        if logins.remembered(&snapshot, login).is_none() {
            let _ = logins.password(&snapshot, login);
        }
    };
    both(&right);
    both(&right);
    both(&login("alice@example.org", "wrong password"));
    both(&login("closed@example.org", PASSWORD));
    both(&login("nobody@example.org", PASSWORD));
    assert_eq!(
        *noted.0.lock().expect("not poisoned"),
        [
            "imap alice alice@example.org ok",
            "imap alice alice@example.org ok",
            "imap alice alice@example.org badcreds",
            "imap closed closed@example.org logindisabled",
            "imap - nobody@example.org badcreds",
        ]
    );
}

/// Counted, not timed: the hash is all of the cost, and always the same one.
#[test]
fn every_refusal_costs_one_hash() {
    let logins = logins();
    let snapshot = snapshot(1, &PHC);
    for (user, password) in [
        ("alice@example.org", "wrong password"),
        ("nobody@example.org", "wrong password"),
        ("without@example.org", "wrong password"),
        ("team@example.org", "wrong password"),
        ("no address", "wrong password"),
        ("alice@example.org", "\u{0}"),
        ("closed@example.org", "wrong password"),
    ] {
        let before = logins.hashes();
        let _ = logins.password(&snapshot, &login(user, password));
        assert_eq!(logins.hashes(), before + 1, "{user} {password:?}");
    }
    let before = logins.hashes();
    assert_eq!(
        logins.remembered(&snapshot, &login("alice@example.org", PASSWORD)),
        None
    );
    assert_eq!(logins.hashes(), before, "remembering costs none");
}

mod dialogue;
mod keys;
