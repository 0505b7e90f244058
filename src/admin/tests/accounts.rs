//! Accounts.

use std::sync::{Barrier, mpsc};
use std::time::Duration;

use super::support::{World, account, address, make};
use super::*;

fn add(name: &str, at: &str) -> Change {
    Change::AccountAdd {
        account: account(name),
        address: address(at),
    }
}

fn remove(name: &str) -> Change {
    Change::AccountRemove {
        account: account(name),
    }
}

fn set_login_disabled(name: &str, message: &str) -> Change {
    Change::AccountSetLoginDisabled {
        account: account(name),
        message: message.to_owned(),
    }
}

fn set_password(name: &str) -> Change {
    Change::PasswordSet {
        account: account(name),
        password: Secret("correct horse".to_owned()),
    }
}

/// Bob without what keeps him from being removed.
fn removable() -> World {
    let world = World::new();
    world.edit(
        "addresses = [\"bob2@example.org\"]",
        "addresses = [\"alice@example.org\"]",
    );
    world
}

#[test]
fn an_account_is_added_with_its_folder() {
    let world = World::new();
    let admin = world.loaded();
    let done = make(&admin, &add("carol", "carol@example.net")).expect("committed");
    assert_eq!(done.summary, "account added: carol");
    let snapshot = admin.load().expect("it loads");
    let carol = snapshot.account(&account("carol")).expect("there");
    assert_eq!(carol.domain.to_string(), "example.net");
    assert_eq!(world.folders(), ["alice", "bob", "carol"]);
    assert!(snapshot.credential(&account("carol")).is_none());
}

#[test]
fn an_account_that_cannot_be_added() {
    let world = World::new();
    let admin = world.loaded();
    std::fs::create_dir(world.path("data/accounts/old")).expect("a folder");
    for (change, said) in [
        (add("bob", "x@example.org"), "account bob exists already"),
        (
            add("old", "x@example.org"),
            "account old has a mail folder already",
        ),
        (
            add("carol", "bob@example.org"),
            "address bob@example.org belongs to account bob already",
        ),
        (
            add("carol", "team@example.org"),
            "address team@example.org leads to alias team@example.org already",
        ),
    ] {
        let Err(AdminError::Conflict { message, .. }) = admin.prepare(&change) else {
            panic!("not refused: {said}");
        };
        assert_eq!(message, said);
    }
    assert!(matches!(
        admin.prepare(&add("carol", "x@other.example")),
        Err(AdminError::NotFound { .. })
    ));
    assert_eq!(world.text(), support::TEXT);
}

#[test]
fn an_account_whose_folder_cannot_be_made_is_not_added() {
    let world = World::new();
    let admin = world.loaded();
    let change = Change::DomainAdd {
        domain: support::domain("new.example"),
        account: account("carol"),
        localpart: Some(Localpart::parse("carol").expect("a localpart")),
        disabled: false,
    };
    *world.mail.fails.lock().expect("not poisoned") = true;
    assert!(matches!(make(&admin, &change), Err(AdminError::Local(_))));
    assert_eq!(world.text(), support::TEXT);
    assert_eq!(world.keys(), [""; 0]);
    assert_eq!(admin.history().expect("it reads").len(), 1);
    assert_eq!(admin.state.begun().expect("it reads"), None);
    *world.mail.fails.lock().expect("not poisoned") = false;
    make(&admin, &change).expect("the next time it works");
    assert_eq!(world.folders(), ["alice", "bob", "carol"]);
}

#[test]
fn an_account_is_removed_in_steps() {
    let world = removable();
    let admin = world.loaded();
    make(&admin, &set_password("bob")).expect("committed");
    let prepared = admin.prepare(&remove("bob")).expect("a plan");
    assert!(prepared.snapshot.account(&account("bob")).is_none());
    assert!(prepared.snapshot.credential(&account("bob")).is_none());
    let done = admin
        .commit(prepared, &support::actor())
        .expect("committed");
    assert_eq!(done.summary, "account removed: bob");
    assert!(!world.text().contains("bob@"), "{}", world.text());
    assert_eq!(world.folders(), ["alice", "bob"], "until nobody uses it");

    let Err(AdminError::Conflict { message, .. }) = admin.prepare(&add("bob", "bob@example.org"))
    else {
        panic!("not refused");
    };
    assert_eq!(message, "account bob is being removed");
    assert_eq!(admin.finish_removals().expect("it ends"), [account("bob")]);
    assert_eq!(world.folders(), ["alice"]);
    assert_eq!(admin.finish_removals().expect("nothing to do"), []);

    make(&admin, &add("bob", "bob@example.org")).expect("another bob");
    let snapshot = admin.load().expect("it loads");
    assert!(snapshot.credential(&account("bob")).is_none());
}

#[test]
fn a_removal_is_finished_once() {
    let world = removable();
    let admin = world.loaded();
    make(&admin, &remove("bob")).expect("committed");
    let leave = Arc::new(Barrier::new(2));
    let (entered, entries) = mpsc::channel();
    *world.mail.gate.lock().expect("not poisoned") = Some((entered, leave.clone()));
    std::thread::scope(|scope| {
        let finish = || scope.spawn(|| admin.finish_removals().expect("it ends"));
        let one = finish();
        entries.recv().expect("it removes");
        let two = finish();
        // Long enough for it to be there, were it not to wait.
        let again = entries.recv_timeout(Duration::from_millis(100));
        leave.wait();
        if again.is_ok() {
            leave.wait();
        }
        let ended = [one.join().expect("no panic"), two.join().expect("no panic")];
        assert_eq!(ended, [vec![account("bob")], Vec::new()]);
        assert!(again.is_err(), "two removed it at the same time");
    });
}

#[test]
fn a_removal_goes_on_at_the_next_start() {
    let world = removable();
    let admin = world.loaded();
    make(&admin, &remove("bob")).expect("committed");
    drop(admin);
    let admin = world.loaded();
    std::fs::remove_dir(world.path("data/accounts/bob")).expect("a missing folder is no obstacle");
    assert_eq!(admin.finish_removals().expect("it ends"), [account("bob")]);
    assert_eq!(admin.state.removals().expect("it reads"), []);
}

#[test]
fn an_account_that_is_referred_to_stays() {
    let world = World::new();
    let routes = "\n[[routes]]\ntransport = \"loopback\"\naccount = \"bob\"\n";
    std::fs::write(world.file(), support::TEXT.to_owned() + routes).expect("written");
    let admin = world.loaded();
    for (name, references) in [
        (
            "alice",
            &["it gets the mail to postmaster (server.postmaster)"][..],
        ),
        (
            "bob",
            &[
                "a route leads to it",
                "alias only-bob@example.org would have no member left",
            ],
        ),
    ] {
        let Err(AdminError::Conflict { message, .. }) = admin.prepare(&remove(name)) else {
            panic!("not refused");
        };
        for reference in references {
            assert!(message.contains(reference), "{message}");
        }
    }
    assert_eq!(admin.state.removals().expect("it reads"), []);
    assert!(matches!(
        admin.prepare(&remove("carol")),
        Err(AdminError::NotFound { .. })
    ));
}

#[test]
fn the_only_account_stays() {
    let text = support::TEXT.replace("postmaster = { account = \"alice\" }\n", "");
    let world = World::with(&text[..text.find("[accounts.bob]").expect("there")]);
    world.edit(", \"bob@example.org\"", "");
    world.edit("[\"bob2@example.org\"]", "[\"alice@example.org\"]");
    let admin = world.loaded();
    let Err(AdminError::Conflict { message, .. }) = admin.prepare(&remove("alice")) else {
        panic!("not refused");
    };
    assert!(message.contains("it is the only account"), "{message}");
}

#[test]
fn logins_are_disabled_and_enabled() {
    let world = World::new();
    let admin = world.loaded();
    let done = make(&admin, &set_login_disabled("bob", "moved")).expect("committed");
    assert_eq!(done.summary, "account disabled: bob");
    let done = make(&admin, &set_login_disabled("bob", "moved")).expect("nothing to do");
    assert_eq!(
        (done.changed, &*done.summary),
        (false, "account is disabled already: bob")
    );
    let done = make(&admin, &set_login_disabled("bob", "moved away")).expect("committed");
    assert!(done.changed, "another message is a change");
    let snapshot = admin.load().expect("it loads");
    assert_eq!(
        snapshot
            .account(&account("bob"))
            .expect("there")
            .login_disabled,
        "moved away"
    );
    let done = make(&admin, &set_login_disabled("bob", "")).expect("committed");
    assert_eq!(done.summary, "account enabled: bob");
    let done = make(&admin, &set_login_disabled("bob", "")).expect("nothing to do");
    assert_eq!(
        (done.changed, &*done.summary),
        (false, "account is enabled already: bob")
    );
    for wrong in ["\u{e9}", "a\nb", &"x".repeat(257)] {
        assert!(matches!(
            admin.prepare(&set_login_disabled("bob", wrong)),
            Err(AdminError::Usage(_))
        ));
    }
    assert!(matches!(
        admin.prepare(&set_login_disabled("carol", "x")),
        Err(AdminError::NotFound { .. })
    ));
}
