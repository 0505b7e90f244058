//! TLS public keys: whose they can be, and what keeps their address.

use super::support::{World, account, address, domain, make};
use super::*;
use crate::login::{LoggedIn, Proof, Revoked};

const ED25519: &[u8] = include_bytes!("../../../tests/samples/certificates/ed25519.pem");
const P256: &[u8] = include_bytes!("../../../tests/samples/certificates/ecdsa-p256.pem");

fn certificate(pem: &[u8]) -> Certificate {
    Certificate::read(pem).expect("a certificate")
}

fn fingerprint(pem: &[u8]) -> Fingerprint {
    let certificate = certificate(pem);
    certificate.public_key().expect("a key").fingerprint()
}

fn add(pem: &[u8], at: &str, name: &str) -> Change {
    Change::TlsKeyAdd {
        address: address(at),
        name: name.to_owned(),
        no_imap_preauth: false,
        certificate: certificate(pem),
    }
}

fn remove(pem: &[u8]) -> Change {
    Change::TlsKeyRemove {
        fingerprint: fingerprint(pem),
    }
}

fn refusal(admin: &Admin, change: &Change) -> String {
    admin.prepare(change).expect_err("refused").to_string()
}

/// A session that the key of bob has opened.
fn session(pem: &[u8]) -> LoggedIn {
    LoggedIn {
        account: account("bob"),
        address: address("bob@example.org"),
        by: Proof::TlsKey {
            fingerprint: fingerprint(pem),
        },
    }
}

#[test]
fn a_key_is_added_with_the_address_as_it_is_written() {
    let world = World::new();
    let admin = world.loaded();
    let done = make(&admin, &add(ED25519, "BOB3+x@example.org", "")).expect("committed");
    let text = fingerprint(ED25519).to_string();
    assert_eq!(
        done.summary,
        format!("TLS public key added: {text} for Bob3@example.org")
    );
    assert_eq!(done.diff, "", "mox.toml knows nothing of it");
    assert_eq!(done.generation, 1, "it is no generation of mox.toml");
    let snapshot = admin.load().expect("it loads");
    let key = snapshot.tls_key(&fingerprint(ED25519)).expect("there");
    assert_eq!(key.account, account("bob"));
    assert_eq!(key.login_address.to_string(), "Bob3@example.org");
    assert_eq!(key.name, "ed25519", "the certificate's");
    assert_eq!(session(ED25519).still_good(&snapshot), Ok(()));
    drop(admin);
    let snapshot = world.loaded().load().expect("it loads");
    assert!(snapshot.tls_key(&fingerprint(ED25519)).is_some());
}

#[test]
fn a_key_that_cannot_be_added() {
    let world = World::new();
    let admin = world.loaded();
    make(&admin, &add(ED25519, "bob@example.org", "laptop")).expect("committed");
    for (at, said) in [
        (
            "team@example.org",
            "address team@example.org is the alias team@example.org, no account's address",
        ),
        (
            "nobody@example.org",
            "address nobody@example.org is no address of its own: only the catchall of account \
             alice matches it",
        ),
        (
            "bob@example.net",
            "address bob@example.net belongs to no account",
        ),
    ] {
        let error = admin.prepare(&add(P256, at, "x")).expect_err("refused");
        assert!(matches!(error, AdminError::NotFound { .. }), "{at}");
        assert_eq!(error.to_string(), said);
    }
    // Of the same account as well: there is one key with one name.
    for at in ["alice@example.org", "bob@example.org"] {
        let error = admin.prepare(&add(ED25519, at, "x")).expect_err("refused");
        assert!(matches!(error, AdminError::Conflict { .. }), "{at}");
        assert_eq!(
            error.to_string(),
            format!(
                "the TLS public key {} belongs to account bob already",
                fingerprint(ED25519)
            )
        );
    }
    for name in [" ", "two\nlines", &"x".repeat(129)] {
        let change = add(P256, "bob@example.org", name);
        assert!(matches!(admin.prepare(&change), Err(AdminError::Usage(_))));
    }
}

#[test]
fn a_key_is_updated_and_removed() {
    let world = World::new();
    let admin = world.loaded();
    make(&admin, &add(ED25519, "bob@example.org", "laptop")).expect("committed");
    let update = |name: Option<&str>, no_imap_preauth| Change::TlsKeyUpdate {
        fingerprint: fingerprint(ED25519),
        name: name.map(str::to_owned),
        no_imap_preauth,
    };
    assert!(
        make(&admin, &update(Some("phone"), None))
            .expect("made")
            .changed
    );
    assert!(
        make(&admin, &update(None, Some(true)))
            .expect("made")
            .changed
    );
    let again = make(&admin, &update(Some("phone"), Some(true))).expect("made");
    assert!(!again.changed);
    let snapshot = admin.load().expect("it loads");
    let key = snapshot.tls_key(&fingerprint(ED25519)).expect("there");
    assert_eq!((key.name.as_str(), key.no_imap_preauth), ("phone", true));
    assert_eq!(session(ED25519).still_good(&snapshot), Ok(()));
    make(&admin, &remove(ED25519)).expect("committed");
    let snapshot = admin.load().expect("it loads");
    assert_eq!(
        session(ED25519).still_good(&snapshot),
        Err(Revoked::TlsKeyRemoved)
    );
    for change in [remove(ED25519), update(None, None)] {
        assert!(matches!(
            admin.prepare(&change),
            Err(AdminError::NotFound { .. })
        ));
    }
    make(&admin, &add(ED25519, "alice@example.org", "")).expect("now it is free");
}

#[test]
fn an_address_or_domain_that_a_key_uses_stays() {
    let world = World::new();
    let admin = world.loaded();
    make(&admin, &add(ED25519, "Bob3@example.org", "")).expect("committed");
    let why = format!(
        "the TLS public key {} of account bob logs in with Bob3@example.org",
        fingerprint(ED25519)
    );
    let gone = Change::AddressRemove {
        address: "bob3@example.org".to_owned(),
    };
    let said = refusal(&admin, &gone);
    assert_eq!(
        said,
        format!("address Bob3@example.org cannot be removed: {why}")
    );
    let said = refusal(
        &admin,
        &Change::DomainRemove {
            domain: domain("example.org"),
        },
    );
    assert!(said.ends_with(&why), "{said}");
    make(&admin, &remove(ED25519)).expect("committed");
    make(&admin, &gone).expect("nothing is in the way any more");
}

#[test]
fn keys_go_with_their_account() {
    let world = World::new();
    world.edit("\"bob2@example.org\"]", "\"alice@example.org\"]");
    let admin = world.loaded();
    make(&admin, &add(ED25519, "bob@example.org", "")).expect("committed");
    make(&admin, &add(P256, "alice@example.org", "")).expect("committed");
    let gone = Change::AccountRemove {
        account: account("bob"),
    };
    let prepared = admin.prepare(&gone).expect("a plan");
    assert!(prepared.snapshot.tls_key(&fingerprint(ED25519)).is_none());
    assert!(prepared.snapshot.tls_key(&fingerprint(P256)).is_some());
    make(&admin, &gone).expect("committed");
    let keys = admin.state.tls_keys();
    assert_eq!(keys.iter().count(), 1);
    assert!(keys.get(&fingerprint(P256)).is_some());
}

#[test]
fn a_hand_edit_that_moves_the_address_makes_the_key_worthless() {
    let world = World::new();
    let admin = world.loaded();
    make(&admin, &add(ED25519, "Bob3@example.org", "")).expect("committed");
    world.edit("\"Bob3@example.org\" = {}", "");
    // Now the catchall of alice takes it.
    let snapshot = admin.load().expect("it loads");
    assert_eq!(
        session(ED25519).still_good(&snapshot),
        Err(Revoked::TlsKeyRemoved)
    );
    world.edit(
        "\"alice@example.org\" = {}",
        "\"alice@example.org\" = {}\n\"bob3@example.org\" = {}",
    );
    let snapshot = admin.load().expect("it loads");
    assert_eq!(
        session(ED25519).still_good(&snapshot),
        Err(Revoked::TlsKeyRemoved)
    );
    // And the key of another account is what keeps alice.
    let gone = Change::AccountRemove {
        account: account("alice"),
    };
    let said = refusal(&admin, &gone);
    assert!(
        said.contains("of account bob logs in with Bob3@example.org"),
        "{said}"
    );
}

#[test]
fn an_account_that_comes_again_has_no_keys() {
    let world = World::new();
    world.edit("\"bob2@example.org\"]", "\"alice@example.org\"]");
    let admin = world.loaded();
    make(&admin, &add(ED25519, "bob@example.org", "")).expect("committed");
    // By hand, with all that names him.
    let text = world.text();
    let without = &text[..text.find("[accounts.bob]").expect("there")];
    let without = without.replace(", \"bob@example.org\"]", "]");
    std::fs::write(world.file(), without).expect("it is written");
    std::fs::remove_dir(world.path("data/accounts/bob")).expect("his folder");
    admin.load().expect("it loads");
    make(
        &admin,
        &Change::AccountAdd {
            account: account("bob"),
            address: address("bob@example.org"),
        },
    )
    .expect("committed");
    assert_eq!(admin.state.tls_keys().iter().count(), 0);
}

#[test]
fn uses_are_written_together() {
    let world = World::new();
    let admin = world.loaded();
    make(&admin, &add(ED25519, "bob@example.org", "")).expect("committed");
    make(&admin, &add(P256, "bob@example.org", "")).expect("committed");
    assert!(admin.tls_keys_used().expect("it reads").is_empty());
    admin.key_uses().note(fingerprint(ED25519));
    let used = admin.tls_keys_used().expect("it reads");
    assert!(
        used.contains_key(&fingerprint(ED25519)),
        "before it is written"
    );
    admin.key_uses().note(fingerprint(P256));
    make(&admin, &remove(P256)).expect("committed");
    admin.write_key_uses().expect("it writes");
    assert_eq!(admin.key_uses().unwritten(), []);
    drop(admin);
    let used = world.loaded().tls_keys_used().expect("it reads");
    assert_eq!(used.len(), 1, "of a key that is gone nothing is kept");
    assert!(used.contains_key(&fingerprint(ED25519)));
}
