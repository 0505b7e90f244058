use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::*;

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 20_000,
        // After each batch: what is dead is found at checkpoints.
        checkpoint_bytes: 1,
        ..StoreOptions::default()
    }
}

fn segments(world: &World) -> BTreeSet<String> {
    std::fs::read_dir(world.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("segment-"))
        .collect()
}

/// Lets the committers work on until it is so; on a loaded machine their turn may come late.
fn until(world: &World, what: impl Fn() -> bool) {
    let id = world.mailbox("Inbox").id;
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if what() {
            return;
        }
        let flags = FlagChange::Add(Flags::default());
        let change = Change::SetFlags {
            mailbox: id,
            uids: vec![],
            change: flags,
            unchanged_since: None,
        };
        world.account().write_blocking(change).unwrap();
        std::thread::yield_now();
    }
    panic!("it did not come about: {:?}", segments(world));
}

fn body(n: usize) -> Vec<u8> {
    format!("Subject: {n}\r\n\r\n{}", "x".repeat(1_000 + n)).into_bytes()
}

fn expunge(world: &World, uids: impl Iterator<Item = Uid>) {
    let change = Change::Expunge {
        mailbox: world.mailbox("Inbox").id,
        uids: Some(uids.collect()),
        only_deleted: false,
    };
    world.account().write_blocking(change).unwrap();
}

#[test]
fn dead_segments_go_and_the_living_move() {
    let mut world = World::with(options());
    for n in 1..=60 {
        world.add("Inbox", &[&body(n), b""]);
    }
    let before = segments(&world);
    assert!(before.len() > 3, "{before:?}");
    // Copies share bodies, which move once.
    let copy = Change::Copy {
        mailbox: world.mailbox("Inbox").id,
        uids: vec![1, 2],
        to: name("Archive"),
        quota: 0,
    };
    world.account().write_blocking(copy).unwrap();
    // Of two messages each the first: an odd UID has a body, an even one is empty.
    expunge(
        &world,
        (1..=120).filter(|uid| uid % 10 != 1 && uid % 10 != 2),
    );
    until(&world, || segments(&world).is_disjoint(&before));
    for round in 0..3 {
        let left: Vec<Vec<u8>> = (1..=60)
            .filter(|n| (n * 2 - 1) % 10 == 1)
            .flat_map(|n| [body(n), Vec::new()])
            .collect();
        assert!(world.bodies("Inbox") == left);
        assert!(world.bodies("Archive") == left[..2]);
        match round {
            0 => world.crash(),
            _ => world.reopen(),
        }
    }
    let view = world.account().view().unwrap();
    let message = &world.messages("Inbox")[0];
    let parsed = view.parsed(message).unwrap();
    assert_eq!(parsed.envelope.subject.unwrap(), b"1");
}

#[test]
fn a_view_keeps_the_segments_it_needs() {
    let world = World::with(options());
    for n in 1..=30 {
        world.add("Inbox", &[&body(n)]);
    }
    let first = world.folder().join("segment-00000001.log");
    let id = world.mailbox("Inbox").id;
    let view = world.account().view().unwrap();
    expunge(&world, 2..=30);
    world.add("Inbox", &[&body(31)]);
    let moved = || {
        let view = world.account().view().unwrap();
        let message = view.message(id, 1).unwrap().unwrap();
        // Moved when an old view and a new one differ on where the body is.
        format!("{:?}", view.body(&message).unwrap())
    };
    let old = {
        let message = view.message(id, 1).unwrap().unwrap();
        format!("{:?}", view.body(&message).unwrap())
    };
    until(&world, || moved() != old);
    for uid in 1..=30 {
        let message = view.message(id, uid).unwrap().unwrap();
        assert!(read(&view.body(&message).unwrap()) == body(uid as usize));
    }
    assert!(first.exists());
    drop(view);
    until(&world, || !first.exists());
    assert!(world.bodies("Inbox") == [body(1), body(31)]);
}

#[test]
fn a_damaged_body_stays_where_it_is() {
    let world = World::with(options());
    for n in 1..=30 {
        world.add("Inbox", &[&body(n)]);
    }
    let first = world.folder().join("segment-00000001.log");
    let bytes = std::fs::read(&first).unwrap();
    let at = bytes.windows(10).position(|w| w == b"Subject: 2").unwrap();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&first)
        .unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"s", at as u64).unwrap();
    let place = || {
        let view = world.account().view().unwrap();
        format!("{:?}", view.body(&world.messages("Inbox")[0]).unwrap())
    };
    let old = place();
    expunge(&world, 3..=29);
    until(&world, || place() != old);
    // Some more checkpoints: it is not removed, nor tried again and again.
    for keyword in ["a", "b", "c", "d"] {
        set(&world, "Inbox", &[30], FlagChange::Add(flags(keyword)));
    }
    assert!(first.exists());
    let view = world.account().view().unwrap();
    let messages = world.messages("Inbox");
    let verified: Vec<bool> = messages
        .iter()
        .map(|message| view.body(message).unwrap().verify().unwrap())
        .collect();
    assert_eq!(verified, [true, false, true]);
}
