//! Domains and addresses.

use super::support::{World, account, actor, domain, make};
use super::*;

fn add(name: &str, owner: &str, localpart: Option<&str>) -> Change {
    Change::DomainAdd {
        domain: domain(name),
        account: account(owner),
        localpart: localpart.map(|text| Localpart::parse(text).expect("a localpart")),
        disabled: false,
    }
}

fn set_disabled(name: &str, disabled: bool) -> Change {
    Change::DomainSetDisabled {
        domain: domain(name),
        disabled,
    }
}

fn year() -> i16 {
    crate::clock::now().to_zoned(jiff::tz::TimeZone::UTC).year()
}

#[test]
fn a_domain_is_added_with_its_keys() {
    let world = World::new();
    let admin = world.loaded();
    let prepared = admin
        .prepare(&add("bücher.example", "alice", None))
        .expect("a plan");
    assert_eq!(prepared.summary, "domain added: bücher.example");
    assert_eq!(prepared.snapshot.generation, 2);
    assert!(
        prepared.diff.contains("+[domains.\"bücher.example\"]"),
        "{}",
        prepared.diff
    );
    assert_eq!(world.keys(), [""; 0], "a plan writes nothing");
    let committed = admin.commit(prepared, &actor()).expect("committed");
    assert_eq!(committed.generation, 2);
    let year = year();
    let keys = ["a", "b"].map(|letter| format!("{year}{letter}.xn--bcher-kva.example.pem"));
    assert_eq!(world.keys(), keys);
    let snapshot = admin.load().expect("what was written is valid");
    assert_eq!(snapshot.generation, 2);
    let added = snapshot.domain(&domain("bücher.example")).expect("there");
    assert_eq!(added.dkim.selectors.len(), 2);
    assert_eq!(added.dkim.sign.len(), 2);
    let kinds = ["a", "b"].map(|letter| {
        let key = &added.dkim.selectors[&format!("{year}{letter}")];
        crate::x509::dkim::load(&key.key_file)
            .expect("a key")
            .algorithm()
    });
    assert_eq!(kinds, ["rsa", "ed25519"]);
    for key in added.dkim.selectors.values() {
        use std::os::unix::fs::MetadataExt;
        let mode = std::fs::metadata(&key.key_file).expect("there").mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Only the account's address that was asked for, which is none.
    let alice = snapshot.account(&account("alice")).expect("there");
    assert_eq!(alice.destinations.len(), 2);
}

#[test]
fn a_domain_comes_with_an_address_or_an_account() {
    let world = World::new();
    let admin = world.loaded();
    make(&admin, &add("one.example", "alice", Some("info"))).expect("committed");
    make(&admin, &add("two.example", "carol", Some("carol"))).expect("committed");
    let snapshot = admin.load().expect("it loads");
    let owner = |text: &str| match snapshot.lookup(&support::address(text)) {
        Some(crate::snapshot::Lookup::Destination { account, .. }) => account.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(owner("info@one.example"), "alice");
    assert_eq!(owner("carol@two.example"), "carol");
    let carol = snapshot.account(&account("carol")).expect("there");
    assert_eq!(carol.domain, domain("two.example"));
    assert_eq!(world.folders(), ["alice", "bob", "carol"]);
}

#[test]
fn a_domain_that_cannot_be_added() {
    let world = World::new();
    let admin = world.loaded();
    let Err(AdminError::Conflict { message, .. }) =
        admin.prepare(&add("EXAMPLE.org", "alice", None))
    else {
        panic!("not refused");
    };
    assert_eq!(message, "domain example.org exists already");
    let Err(AdminError::NotFound { message, hint }) =
        admin.prepare(&add("new.example", "carol", None))
    else {
        panic!("not refused");
    };
    assert_eq!(message, "account carol does not exist");
    assert_eq!(hint, "a LOCALPART is needed to make it");
    std::fs::create_dir(world.path("data/accounts/carol")).expect("a folder");
    assert!(matches!(
        admin.prepare(&add("new.example", "carol", Some("carol"))),
        Err(AdminError::Conflict { .. })
    ));
    assert_eq!(world.text(), support::TEXT);
    assert_eq!(world.keys(), [""; 0]);
}

#[test]
fn a_domain_can_come_back() {
    let world = World::new();
    let admin = world.loaded();
    let change = add("new.example", "alice", None);
    make(&admin, &change).expect("committed");
    let remove = Change::DomainRemove {
        domain: domain("new.example"),
    };
    assert_eq!(
        make(&admin, &remove).expect("committed").summary,
        "domain removed: new.example"
    );
    assert_eq!(world.text(), support::TEXT, "byte for byte");
    make(&admin, &change).expect("with keys of other names");
    assert_eq!(world.keys().len(), 4);
    let text = world.text();
    assert!(text.contains(&format!("{}c", year())), "{text}");
}

#[test]
fn a_domain_that_is_referred_to_stays() {
    let world = World::new();
    let admin = world.loaded();
    let remove = |name: &str| Change::DomainRemove {
        domain: domain(name),
    };
    let Err(AdminError::Conflict { message, .. }) = admin.prepare(&remove("example.org")) else {
        panic!("not refused");
    };
    for reference in [
        "it is the domain of account alice",
        "alice@example.org is an address of account alice",
        "@example.org is an address of account alice",
        "bob2@example.org is an address of account bob",
    ] {
        assert!(message.contains(reference), "{message}");
    }
    let Err(AdminError::NotFound { hint, .. }) = admin.prepare(&remove("example.nett")) else {
        panic!("not refused");
    };
    assert_eq!(hint, "did you mean example.net?");
    make(&admin, &remove("example.net")).expect("nobody uses it");
}

#[test]
fn a_domain_is_disabled_and_enabled() {
    let world = World::new();
    let admin = world.loaded();
    let done = make(&admin, &set_disabled("example.org", true)).expect("committed");
    assert_eq!(done.summary, "domain disabled: example.org");
    assert!(done.changed);
    let again = make(&admin, &set_disabled("example.org", true)).expect("nothing to do");
    assert_eq!(again.summary, "domain is disabled already: example.org");
    assert_eq!((again.changed, again.generation), (false, 2));
    make(&admin, &set_disabled("example.org", false)).expect("committed");
    let done = make(&admin, &set_disabled("example.net", false)).expect("committed");
    assert_eq!(
        (done.generation, &*done.summary),
        (4, "domain enabled: example.net")
    );
    assert!(world.text().contains("disabled = false # not yet"));
    assert!(matches!(
        admin.prepare(&set_disabled("other.example", true)),
        Err(AdminError::NotFound { .. })
    ));
}

fn add_address(address: &str, owner: &str) -> Change {
    Change::AddressAdd {
        address: address.to_owned(),
        account: account(owner),
    }
}

fn remove_address(address: &str) -> Change {
    Change::AddressRemove {
        address: address.to_owned(),
    }
}

#[test]
fn addresses_come_and_go() {
    let world = World::new();
    let admin = world.loaded();
    for address in ["info@example.org", "@example.net", "bob+lists@example.org"] {
        make(&admin, &add_address(address, "bob")).expect("committed");
    }
    let snapshot = admin.load().expect("it loads");
    assert_eq!(
        snapshot
            .account(&account("bob"))
            .expect("there")
            .destinations
            .len(),
        6
    );
    for address in [
        "INFO@example.org",
        "@EXAMPLE.net",
        "bob+lists@example.org",
        "bob3@example.org",
    ] {
        make(&admin, &remove_address(address)).expect("committed");
    }
    let snapshot = admin.load().expect("it loads");
    assert_eq!(
        snapshot
            .account(&account("bob"))
            .expect("there")
            .destinations
            .len(),
        2
    );
}

#[test]
fn addresses_that_cannot_be_added() {
    let world = World::new();
    let admin = world.loaded();
    for (address, owner, message) in [
        (
            "Alice@example.org",
            "bob",
            "belongs to account alice already",
        ),
        ("bob@example.org", "bob", "belongs to account bob already"),
        (
            "alice+x@example.org",
            "bob",
            "leads to account alice already",
        ),
        (
            "team@example.org",
            "bob",
            "leads to alias team@example.org already",
        ),
        ("@example.org", "bob", "belongs to account alice already"),
    ] {
        let Err(AdminError::Conflict { message: said, .. }) =
            admin.prepare(&add_address(address, owner))
        else {
            panic!("{address} was not refused");
        };
        assert!(said.ends_with(message), "{said}");
    }
    for address in ["bob", "@", "a b@example.org", "bob@"] {
        assert!(matches!(
            admin.prepare(&add_address(address, "bob")),
            Err(AdminError::Usage(_))
        ));
    }
    for (address, owner) in [("x@other.example", "bob"), ("x@example.org", "bo")] {
        assert!(matches!(
            admin.prepare(&add_address(address, owner)),
            Err(AdminError::NotFound { .. })
        ));
    }
}

#[test]
fn addresses_that_cannot_go() {
    let world = World::new();
    let admin = world.loaded();
    let Err(AdminError::Conflict { message, .. }) =
        admin.prepare(&remove_address("bob2@example.org"))
    else {
        panic!("not refused");
    };
    assert!(
        message.contains("alias only-bob@example.org would have no member left"),
        "{message}"
    );
    for address in [
        "team@example.org",
        "anything@example.org",
        "@example.net",
        "bob+x@example.org",
    ] {
        assert!(
            matches!(
                admin.prepare(&remove_address(address)),
                Err(AdminError::NotFound { .. })
            ),
            "{address}"
        );
    }
    make(&admin, &remove_address("bob@example.org")).expect("committed");
    let text = world.text();
    assert!(
        text.contains("addresses = [\"alice@example.org\"]"),
        "{text}"
    );
}
