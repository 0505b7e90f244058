//! Changes, each with what it makes of mox.toml and each way to be refused.

use std::sync::Mutex;

use super::*;
use crate::store::StoreError;

mod accounts;
mod apply;
#[cfg(feature = "faults")]
mod crash;
mod domains;
mod files;
mod keys;
mod random;
mod rollback;
mod support;
mod tls_keys;

use support::{World, account, actor, make};

#[test]
fn the_first_load_is_a_generation() {
    let world = World::new();
    let admin = world.admin();
    assert_eq!(admin.generation(), 0);
    let snapshot = admin.load().expect("it loads");
    assert_eq!(snapshot.generation, 1);
    assert_eq!(admin.load().expect("it loads").generation, 1, "equal bytes");
    let history = admin.history().expect("it reads");
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].number, &*history[0].actor), (1, "file"));
    assert_eq!(world.folders(), ["alice", "bob"], "made for accounts");
}

#[test]
fn one_admin_serves_several_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Admin>();
}

#[test]
fn a_password_is_hashed_and_makes_no_generation() {
    let world = World::new();
    let admin = world.loaded();
    let set = |password: &str| Change::PasswordSet {
        account: account("alice"),
        password: Secret(password.to_owned()),
    };
    let prepared = admin.prepare(&set("correct horse")).expect("a plan");
    assert!(prepared.changed && prepared.diff.is_empty());
    let snapshot = Arc::clone(&prepared.snapshot);
    let committed = admin.commit(prepared, &actor()).expect("committed");
    assert_eq!((committed.changed, committed.generation), (true, 1));
    let first = Arc::clone(snapshot.credential(&account("alice")).expect("one"));
    assert!(first.argon2.starts_with("$argon2id$"));
    drop(admin);
    let admin = world.admin();
    let loaded = admin.load().expect("it loads");
    let stored = loaded.credential(&account("alice")).expect("one");
    assert_eq!(
        (&stored.argon2, stored.serial),
        (&first.argon2, first.serial)
    );

    let prepared = admin.prepare(&set("correct horse")).expect("a plan");
    let again = prepared
        .snapshot
        .credential(&account("alice"))
        .expect("one");
    assert!(again.serial > first.serial, "also to the same password");

    for wrong in ["short", "12345678\n", ""] {
        assert!(matches!(
            admin.prepare(&set(wrong)),
            Err(AdminError::Usage(_))
        ));
    }
    let unknown = Change::PasswordSet {
        account: account("alise"),
        password: Secret("correct horse".to_owned()),
    };
    let Err(AdminError::NotFound { message, hint }) = admin.prepare(&unknown) else {
        panic!("not refused");
    };
    assert_eq!(message, "account alise does not exist");
    assert_eq!(hint, "did you mean alice?");
    assert_eq!(admin.history().expect("it reads").len(), 1);
}

#[test]
fn the_admin_password_is_kept() {
    let world = World::new();
    let admin = world.loaded();
    let set = Change::AdminPasswordSet {
        password: Secret("correct horse".to_owned()),
    };
    assert!(make(&admin, &set).expect("committed").changed);
    drop(admin);
    let admin = world.admin();
    let credential = admin.state.admin_password().expect("one");
    assert!(credential.argon2.starts_with("$argon2id$"));
    assert!(!format!("{set:?}").contains("horse"));
}
