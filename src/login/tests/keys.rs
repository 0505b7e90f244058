//! TLS public keys: whom they log in, and what is noted of it.

use jiff::Timestamp;

use super::*;
use crate::state::{TlsKey, TlsKeys};
use crate::x509::Fingerprint;

fn fingerprint(number: u8) -> Fingerprint {
    Fingerprint::from_bytes([number; 32])
}

fn key(number: u8, account: &str, address: &str) -> Arc<TlsKey> {
    Arc::new(TlsKey {
        fingerprint: fingerprint(number),
        key_type: "ed25519".parse().expect("a type"),
        name: "laptop".to_owned(),
        account: name(account),
        login_address: address.parse().expect("an address"),
        no_imap_preauth: number == 2,
        created: Timestamp::UNIX_EPOCH,
    })
}

/// Keys 1 and 2 of alice, 3 of the account that may not log in, 4 whose address is another's by now,
/// 5 of an account that is gone.
fn with_keys() -> Snapshot {
    let mut keys = TlsKeys::default();
    for made in [
        key(1, "alice", "alice@example.org"),
        key(2, "alice", "caf\u{e9}@b\u{fc}cher.example"),
        key(3, "closed", "closed@example.org"),
        key(4, "closed", "alice@example.org"),
        key(5, "gone", "gone@example.org"),
    ] {
        keys.insert(made);
    }
    snapshot(1, &PHC).with_tls_keys(Arc::new(keys))
}

fn from(number: u8) -> Origin {
    Origin {
        fingerprint: Some(fingerprint(number)),
        ..origin()
    }
}

#[test]
fn a_handshake_logs_in_and_is_noted() {
    let noted = Arc::new(Noted::default());
    let uses = Arc::new(KeyUses::default());
    let logins = Logins::new([7; 32], noted.clone()).with_key_uses(uses.clone());
    let snapshot = with_keys();
    assert_eq!(logins.handshake(&snapshot, &origin()), None);
    for (number, preauth) in [(1, true), (2, false)] {
        let by = logins
            .handshake(&snapshot, &from(number))
            .expect("a certificate")
            .expect("a login");
        assert_eq!(by.imap_preauth, preauth);
        assert_eq!(by.login.account, name("alice"));
        assert_eq!(by.login.still_good(&snapshot), Ok(()));
    }
    let moved = "moved to https://new.example".to_owned();
    for (number, refusal) in [
        (3, LoginRefusal::LoginDisabled(moved)),
        (4, LoginRefusal::BadCredentials),
        (5, LoginRefusal::BadCredentials),
        (6, LoginRefusal::BadCredentials),
    ] {
        let refused = logins.handshake(&snapshot, &from(number));
        assert_eq!(refused, Some(Err(refusal)), "{number}");
    }
    assert_eq!(
        *noted.0.lock().expect("not poisoned"),
        [
            "imap alice alice@example.org ok",
            "imap alice caf\u{e9}@b\u{fc}cher.example ok",
            "imap closed closed@example.org logindisabled",
            "imap closed alice@example.org badcreds",
            "imap gone gone@example.org badcreds",
            "imap -  badcreds",
        ]
    );
    assert_eq!(uses.unwritten().len(), 2);
    // Programs that show a certificate to everybody lock nobody out.
    for _ in 0..1000 {
        let _ = logins.handshake(&snapshot, &from(6));
    }
    assert!(!logins.is_limited(&snapshot, &origin()));
}

#[test]
fn external_is_offered_to_keys_that_stand_for_somebody() {
    let snapshot = with_keys();
    let offers = |origin: Origin| origin.offers(&snapshot).contains(&Mechanism::External);
    for (number, offered) in [(1, true), (2, true), (3, true), (4, false), (6, false)] {
        assert_eq!(offers(from(number)), offered, "{number}");
    }
    assert!(!offers(origin()));
}

#[test]
fn external_reaches_every_address_of_the_account() {
    let logins = logins();
    let snapshot = with_keys();
    let try_as = |number, authzid: &str| {
        let result = logins.external(&snapshot, &from(number), authzid);
        result.map(|login| login.address.to_string())
    };
    for (authzid, address) in [
        ("", "alice@example.org"),
        ("ALICE@example.org", "ALICE@example.org"),
        ("alice+x@example.org", "alice+x@example.org"),
        ("anything@example.net", "anything@example.net"),
    ] {
        assert_eq!(try_as(1, authzid).as_deref(), Ok(address));
    }
    for authzid in [
        "closed@example.org",
        "nobody@example.org",
        "team@example.org",
        "alice",
        "\u{202e}",
    ] {
        assert_eq!(
            try_as(1, authzid),
            Err(LoginRefusal::OtherAccount),
            "{authzid}"
        );
    }
    assert!(matches!(try_as(3, ""), Err(LoginRefusal::LoginDisabled(_))));
    for number in [4, 5, 6] {
        assert_eq!(try_as(number, ""), Err(LoginRefusal::BadCredentials));
    }
    let without = logins.external(&snapshot, &origin(), "");
    assert_eq!(without, Err(LoginRefusal::BadCredentials));
}

#[test]
fn a_password_beside_a_certificate_is_of_the_same_account() {
    let logins = logins();
    let snapshot = with_keys();
    let beside = |number| PasswordLogin {
        origin: Arc::new(from(number)),
        ..login("caf\u{e9}@b\u{fc}cher.example", PASSWORD)
    };
    // The first time by its hash, then remembered.
    for _ in 0..2 {
        for (number, refused) in [(1, false), (3, true), (4, false), (6, false)] {
            let login = beside(number);
            let result = match logins.remembered(&snapshot, &login) {
                Some(result) => result,
                None => logins.password(&snapshot, &login),
            };
            match refused {
                true => assert_eq!(result, Err(LoginRefusal::OtherAccount), "{number}"),
                false => assert_eq!(account(result), "alice", "{number}"),
            }
        }
    }
}

/// What is known now decides, not what was known at the handshake.
#[test]
fn a_key_is_worth_what_it_is_worth_now() {
    let logins = logins();
    let snapshot = with_keys();
    let by = logins.by_certificate(&snapshot, &from(1)).expect("a login");
    let without = snapshot.with_tls_keys(Arc::default());
    assert_eq!(by.login.still_good(&without), Err(Revoked::TlsKeyRemoved));
    let again = logins.by_certificate(&without, &from(1));
    assert_eq!(again, Err(LoginRefusal::BadCredentials));
    assert!(!from(1).offers(&without).contains(&Mechanism::External));
}
