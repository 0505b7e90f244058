//! Changes, each with what it makes of mox.toml and each way to be refused.

use std::sync::Mutex;

use super::*;
use crate::store::StoreError;

mod support;

use support::World;

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
