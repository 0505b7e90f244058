use super::*;

fn create(world: &World, mailbox: &str) -> Result<Changed, StoreError> {
    world.account().write_blocking(Change::CreateMailbox {
        name: name(mailbox),
        special_use: None,
    })
}

fn delete(world: &World, mailbox: &str) -> Result<Changed, StoreError> {
    world.account().write_blocking(Change::DeleteMailbox {
        name: name(mailbox),
    })
}

fn rename(world: &World, from: &str, to: &str) -> Result<Changed, StoreError> {
    world.account().write_blocking(Change::RenameMailbox {
        from: name(from),
        to: name(to),
    })
}

fn subscribe(world: &World, mailbox: &str, subscribed: bool) {
    let change = Change::Subscribe {
        name: name(mailbox),
        subscribed,
    };
    assert_eq!(
        world.account().write_blocking(change).unwrap(),
        Changed::Done
    );
}

/// All names but those of a new account.
fn names(world: &World) -> Vec<String> {
    let mailboxes = world.account().view().unwrap().mailboxes().unwrap();
    mailboxes
        .iter()
        .filter(|mailbox| mailbox.special_use.is_none() && !mailbox.name.is_inbox())
        .map(|mailbox| mailbox.name.as_str().to_owned())
        .collect()
}

#[test]
fn parents_are_made_and_kept() {
    let world = World::new();
    create(&world, "a/b/c").unwrap();
    assert_eq!(names(&world), ["a", "a/b", "a/b/c"]);
    assert!(matches!(
        create(&world, "a/b"),
        Err(StoreError::MailboxExists)
    ));
    assert!(matches!(
        create(&world, "inbox"),
        Err(StoreError::MailboxExists)
    ));
    assert!(matches!(
        delete(&world, "a/b"),
        Err(StoreError::HasChildren)
    ));
    assert!(matches!(
        delete(&world, "Inbox"),
        Err(StoreError::Cannot(_))
    ));
    assert!(matches!(delete(&world, "x"), Err(StoreError::NoMailbox)));
    delete(&world, "a/b/c").unwrap();
    delete(&world, "a/b").unwrap();
    assert_eq!(names(&world), ["a"]);
}

#[test]
fn a_deleted_mailbox_comes_back_as_another() {
    let mut world = World::new();
    world.add("a", &[b"x"]);
    let old = world.mailbox("a");
    let view = world.account().view().unwrap();
    delete(&world, "a").unwrap();
    assert!(
        view.changes_since(old.id, 0)
            .is_ok_and(|changes| !changes.deleted)
    );
    drop(view);
    create(&world, "a").unwrap();
    let new = world.mailbox("a");
    assert!(new.id != old.id && new.uid_validity > old.uid_validity);
    assert_eq!((new.messages, new.uid_next), (0, 1));
    world.reopen();
    let view = world.account().view().unwrap();
    assert!(view.changes_since(old.id, 0).unwrap().deleted);
    assert_eq!(view.total_size().unwrap(), 0);
    assert!(view.mailbox_by_id(old.id).unwrap().is_none());
}

#[test]
fn children_go_with_a_renamed_mailbox() {
    let mut world = World::new();
    world.add("a/b", &[b"in b"]);
    create(&world, "ab").unwrap();
    let id = world.mailbox("a/b").id;
    rename(&world, "a", "new/place").unwrap();
    assert_eq!(names(&world), ["ab", "new", "new/place", "new/place/b"]);
    world.reopen();
    assert_eq!(world.mailbox("new/place/b").id, id);
    assert_eq!(world.bodies("new/place/b"), [b"in b"]);
    assert!(matches!(
        rename(&world, "new", "new/place/x"),
        Err(StoreError::Cannot(_))
    ));
    assert!(matches!(
        rename(&world, "new", "ab"),
        Err(StoreError::MailboxExists)
    ));
    assert!(matches!(
        rename(&world, "no", "yes"),
        Err(StoreError::NoMailbox)
    ));
    let long = "x".repeat(995);
    assert!(matches!(
        rename(&world, "new", &long),
        Err(StoreError::Cannot(_))
    ));
    assert_eq!(names(&world), ["ab", "new", "new/place", "new/place/b"]);
}

/// RFC 9051 §6.3.6: its messages are moved, it stays itself.
#[test]
fn a_renamed_inbox_is_left_empty() {
    let world = World::new();
    world.add("Inbox", &[b"1", b"2"]);
    create(&world, "Inbox/below").unwrap();
    rename(&world, "Inbox", "old").unwrap();
    assert_eq!(world.bodies("old"), [b"1", b"2"]);
    let inbox = world.mailbox("Inbox");
    assert_eq!((inbox.messages, inbox.uid_next), (0, 3));
    assert_eq!(names(&world), ["Inbox/below", "old"]);
}

#[test]
fn names_stay_subscribed_to() {
    let mut world = World::new();
    subscribe(&world, "a", true);
    subscribe(&world, "b", true);
    subscribe(&world, "b", false);
    let waiting = |world: &World| {
        let view = world.account().view().unwrap();
        view.subscriptions_without_mailbox().unwrap()
    };
    assert_eq!(waiting(&world), [name("a")]);
    create(&world, "a").unwrap();
    create(&world, "c").unwrap();
    assert!(world.mailbox("a").subscribed && !world.mailbox("c").subscribed);
    assert_eq!(waiting(&world), []);
    delete(&world, "a").unwrap();
    world.reopen();
    assert_eq!(waiting(&world), [name("a")]);
    subscribe(&world, "Inbox", false);
    assert!(!world.mailbox("Inbox").subscribed);
}

#[test]
fn special_uses_are_kept() {
    let world = World::new();
    let change = Change::CreateMailbox {
        name: name("Old/Sent"),
        special_use: Some(SpecialUse::Sent),
    };
    world.account().write_blocking(change).unwrap();
    assert_eq!(
        world.mailbox("Old/Sent").special_use,
        Some(SpecialUse::Sent)
    );
    assert_eq!(world.mailbox("Old").special_use, None);
}

#[test]
fn keywords_are_bounded() {
    let world = World::new();
    world.add("Inbox", &[b"x"]);
    let id = world.mailbox("Inbox").id;
    let set = |text: String| {
        world.account().write_blocking(Change::SetFlags {
            mailbox: id,
            uids: vec![1],
            change: FlagChange::Add(flags(&text)),
            unchanged_since: None,
        })
    };
    let many: Vec<String> = (0..250).map(|n| format!("k{n}")).collect();
    set(many.join(" ")).unwrap();
    assert!(matches!(
        set("another".to_owned()),
        Err(StoreError::Limit(_))
    ));
    set("K7".to_owned()).unwrap();
    assert_eq!(world.messages("Inbox")[0].flags.keywords.len(), 250);
}
