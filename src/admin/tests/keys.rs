//! RSA keys made before they are needed.

use super::support::{World, domain, make};
use super::*;

fn adds(names: &[&str]) -> Change {
    let tables = names.iter().map(|name| format!("[domains.\"{name}\"]\n"));
    Change::Apply {
        text: tables.collect(),
        name: "mail.toml".to_owned(),
        prune: false,
    }
}

#[test]
fn keys_are_made_for_whom_they_are_promised() {
    let world = World::new();
    let admin = Arc::new(world.loaded());
    let prepared = admin
        .prepare(&adds(&["a.example", "b.example"]))
        .expect("a plan");
    assert_eq!(admin.keys_missing(&prepared, 0), 2);
    let mut mine = admin.promise_keys();
    mine.add(2);
    let mut other = admin.promise_keys();
    other.add(1);
    admin.make_keys_ahead(0);
    // All are there, and nobody takes another's.
    assert_eq!(admin.keys_missing(&prepared, mine.count()), 0);
    assert_eq!(admin.keys_missing(&prepared, other.count()), 1);
    assert_eq!(admin.keys_missing(&prepared, 0), 2);
    drop(other);
    assert_eq!(admin.keys_missing(&prepared, 0), 1);
    admin
        .commit(prepared, &support::actor())
        .expect("committed");
    drop(mine);
    let one = admin.prepare(&adds(&["c.example"])).expect("a plan");
    assert_eq!(
        admin.keys_missing(&one, 0),
        0,
        "the other's key is left over"
    );
    make(&admin, &adds(&["c.example"])).expect("committed");
    let two = admin.prepare(&adds(&["d.example"])).expect("a plan");
    assert_eq!(admin.keys_missing(&two, 0), 1);
    // Who waits for nobody makes them with the change.
    make(&admin, &adds(&["d.example", "e.example", "f.example"])).expect("committed");
    let keys = world.keys();
    assert_eq!(keys.len(), 12, "{keys:?}");
    let texts: std::collections::BTreeSet<_> = keys
        .iter()
        .map(|name| std::fs::read(world.path("config/dkim").join(name)).expect("it reads"))
        .collect();
    assert_eq!(texts.len(), 12, "no key is used twice");
}

#[test]
fn keys_that_nobody_took_do_not_pile_up() {
    let world = World::new();
    let admin = Arc::new(world.loaded());
    let mut promise = admin.promise_keys();
    promise.add(6);
    admin.make_keys_ahead(0);
    drop(promise);
    let names = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name}.example"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let prepared = admin.prepare(&adds(&names)).expect("a plan");
    assert_eq!(admin.keys_missing(&prepared, 0), 2, "four lie ready");
    // An Ed25519 key is made at once.
    let ed25519 = Change::DkimAdd {
        domain: domain("example.org"),
        selector: "k1".to_owned(),
        kind: KeyKind::Ed25519,
    };
    let prepared = admin.prepare(&ed25519).expect("a plan");
    assert_eq!(admin.keys_missing(&prepared, 0), 0);
}
