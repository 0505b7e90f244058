use super::*;

#[test]
fn messages_come_back_byte_for_byte() {
    let mut world = World::new();
    let large = b"Subject: l\r\n\r\nx\0\xff\r\n".repeat(40_000);
    let uids = world.add("Inbox", &[b"Subject: a\r\n\r\nhello\r\n", b"", &large]);
    assert_eq!(uids, [1, 2, 3]);
    for _ in 0..2 {
        let bodies = world.bodies("Inbox");
        assert_eq!(bodies[0], b"Subject: a\r\n\r\nhello\r\n");
        assert_eq!(bodies[1], b"");
        assert!(bodies[2] == large);
        let inbox = world.mailbox("Inbox");
        assert_eq!((inbox.messages, inbox.unseen, inbox.uid_next), (3, 3, 4));
        assert_eq!(inbox.size, 21 + large.len() as u64);
        world.reopen();
    }
    let view = world.account().view().unwrap();
    assert_eq!(view.total_size().unwrap(), 21 + large.len() as u64);
    let message = view.message(world.mailbox("Inbox").id, 1).unwrap().unwrap();
    assert_eq!(message.received, (1_700_000_000, 60));
    assert_eq!(
        view.parsed(&message).unwrap().envelope.subject.unwrap(),
        b"a"
    );
}

#[test]
fn a_prefix_stands_in_front_and_shifts_the_structure() {
    let world = World::new();
    let message = b"Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntext\r\n--b--\r\n";
    let prefix = b"Return-Path: <>\r\nReceived: from x\r\n";
    let mut new = world.new_message(message);
    new.prefix = prefix.to_vec();
    let plain = new.message.parsed().clone();
    let account = world.account();
    account
        .write_blocking(Change::Add {
            mailbox: Err(MailboxName::inbox()),
            create: false,
            messages: vec![new],
            quota: 0,
        })
        .unwrap();
    let stored = [&prefix[..], message].concat();
    assert_eq!(world.bodies("Inbox"), std::slice::from_ref(&stored));
    let view = account.view().unwrap();
    let parsed = view.parsed(&world.messages("Inbox")[0]).unwrap();
    let by = prefix.len() as u64;
    assert_eq!(parsed.root.header_start, 0);
    assert_eq!(parsed.root.body_start, plain.root.body_start + by);
    assert_eq!(parsed.root.body_end, stored.len() as u64);
    let parts = |parsed: &crate::mail::Parsed| match &parsed.root.kind {
        crate::mail::PartKind::Multipart(parts) => parts.clone(),
        other => panic!("{other:?}"),
    };
    for (there, here) in parts(&plain).iter().zip(parts(&parsed)) {
        assert_eq!(here.header_start, there.header_start + by);
        assert_eq!(here.body_start, there.body_start + by);
        if let (crate::mail::PartKind::Message(a), crate::mail::PartKind::Message(b)) =
            (&there.kind, &here.kind)
        {
            assert_eq!(b.1.body_end, a.1.body_end + by);
        }
    }
}

#[test]
fn parsed_forms_of_any_size_come_back() {
    let world = World::new();
    let mut long = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for part in 0..900 {
        let id = format!(
            "--b\r\nContent-Id: <{part}{}>\r\n\r\nx\r\n",
            "y".repeat(300)
        );
        long.extend(id.as_bytes());
    }
    long.extend(b"--b--\r\n");
    world.add("Inbox", &[b"a: b\r\n\r\n", &long, b"c: d\r\n\r\n"]);
    let expected = world.spooled(&long);
    assert!(expected.encoded().len() > 200_000);
    let view = world.account().view().unwrap();
    let mut all = Vec::new();
    let id = world.mailbox("Inbox").id;
    view.messages_with_parsed(id, 1, 99, &mut |message, parsed| {
        all.push((message.uid, parsed));
        true
    })
    .unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(&all[1].1, expected.parsed());
    let messages = world.messages("Inbox");
    for (message, (uid, parsed)) in messages.iter().zip(&all) {
        assert_eq!(message.uid, *uid);
        assert_eq!(&view.parsed(message).unwrap(), parsed);
    }
}

#[test]
fn flags_change_and_only_changes_count() {
    let mut world = World::new();
    world.add("Inbox", &[b"1", b"2", b"3"]);
    let add = |text: &str| FlagChange::Add(flags(text));
    let done = set(&world, "Inbox", &[1, 2, 7], add("\\Seen $Work"));
    let Changed::Flags {
        changed, modseq, ..
    } = done
    else {
        panic!("{done:?}")
    };
    assert_eq!(changed, [1, 2]);
    assert_eq!(world.mailbox("Inbox").highest_modseq, modseq);
    let done = set(&world, "Inbox", &[1, 2], add("\\Seen $work"));
    let Changed::Flags {
        changed,
        modseq: none,
        ..
    } = done
    else {
        panic!("{done:?}")
    };
    assert_eq!((changed, none), (vec![], 0));
    set(
        &world,
        "Inbox",
        &[2],
        FlagChange::Replace(flags("\\Deleted other")),
    );
    world.reopen();
    let all: Vec<String> = world
        .messages("Inbox")
        .iter()
        .map(|message| message.flags.to_string())
        .collect();
    assert_eq!(all, ["\\Seen $Work", "\\Deleted other", ""]);
    let inbox = world.mailbox("Inbox");
    assert_eq!((inbox.unseen, inbox.deleted), (2, 1));
    assert_eq!(inbox.keywords, ["$Work", "other"]);
}

#[test]
fn unchanged_since_leaves_out_what_changed() {
    let world = World::new();
    world.add("Inbox", &[b"1", b"2"]);
    let old = world.mailbox("Inbox").highest_modseq;
    set(&world, "Inbox", &[2], FlagChange::Add(flags("\\Seen")));
    let done = world.account().write_blocking(Change::SetFlags {
        mailbox: world.mailbox("Inbox").id,
        uids: vec![1, 2],
        change: FlagChange::Add(flags("\\Flagged")),
        unchanged_since: Some(old),
    });
    let Ok(Changed::Flags {
        changed, modified, ..
    }) = done
    else {
        panic!("{done:?}")
    };
    assert_eq!((changed, modified), (vec![1], vec![2]));
}

#[test]
fn expunged_messages_are_gone_and_their_uids_not_used_again() {
    let mut world = World::new();
    world.add("Inbox", &[b"1", b"2", b"3", b"4"]);
    set(
        &world,
        "Inbox",
        &[2, 3],
        FlagChange::Add(flags("\\Deleted")),
    );
    let id = world.mailbox("Inbox").id;
    let expunge = |uids: Option<Vec<Uid>>, only_deleted| match world.account().write_blocking(
        Change::Expunge {
            mailbox: id,
            uids,
            only_deleted,
        },
    ) {
        Ok(Changed::Expunged { uids, .. }) => uids,
        other => panic!("{other:?}"),
    };
    assert_eq!(expunge(Some(vec![1, 2, 9]), true), [2]);
    assert_eq!(expunge(None, true), [3]);
    assert!(expunge(None, true).is_empty());
    assert_eq!(expunge(Some(vec![4]), false), [4]);
    assert_eq!(world.bodies("Inbox"), [b"1"]);
    assert_eq!(expunge(None, false), [1]);
    world.reopen();
    let inbox = world.mailbox("Inbox");
    assert_eq!(
        (inbox.messages, inbox.unseen, inbox.deleted, inbox.size),
        (0, 0, 0, 0)
    );
    assert_eq!(world.add("Inbox", &[b"5"]), [5]);
}

#[test]
fn quotas_count_all_mailboxes_and_leave_nothing_behind() {
    let world = World::new();
    world.add("Inbox", &[b"12345"]);
    let account = world.account();
    let add = |bodies: &[&[u8]], quota| Change::Add {
        mailbox: Err(name("New/Box")),
        create: true,
        messages: bodies.iter().map(|body| world.new_message(body)).collect(),
        quota,
    };
    let before = account.view().unwrap().modseq().unwrap();
    let refused = account.write_blocking(add(&[b"123", b"123"], 10));
    assert!(matches!(refused, Err(StoreError::OverQuota)));
    let view = account.view().unwrap();
    assert!(view.mailbox(&name("New")).unwrap().is_none());
    assert_eq!(
        (view.modseq().unwrap(), view.total_size().unwrap()),
        (before, 5)
    );
    account.write_blocking(add(&[b"123", b"12"], 10)).unwrap();
    assert_eq!(world.bodies("New/Box"), [&b"123"[..], b"12"]);
    let copy = Change::Copy {
        mailbox: world.mailbox("Inbox").id,
        uids: vec![1],
        to: name("Trash"),
        quota: 10,
    };
    let refused = account.write_blocking(copy);
    assert!(matches!(refused, Err(StoreError::OverQuota)));
}

#[test]
fn copies_share_the_body_until_the_last_is_gone() {
    let mut world = World::new();
    world.add("Inbox", &[b"one", b"two"]);
    set(
        &world,
        "Inbox",
        &[1],
        FlagChange::Add(flags("$Work \\Seen")),
    );
    let inbox = world.mailbox("Inbox").id;
    let account = world.account();
    let done = account.write_blocking(Change::Copy {
        mailbox: inbox,
        uids: vec![1, 2, 5],
        to: name("Archive"),
        quota: 0,
    });
    let Ok(Changed::Copied { uids, .. }) = done else {
        panic!("{done:?}")
    };
    assert_eq!(uids, [(1, 1), (2, 2)]);
    let (here, there) = (world.messages("Inbox"), world.messages("Archive"));
    assert_eq!(here[0].body, there[0].body);
    assert_eq!(there[0].flags.to_string(), "\\Seen $Work");
    assert_eq!(account.view().unwrap().total_size().unwrap(), 12);
    for mailbox in ["Inbox", "Archive"] {
        drop(account.view());
        assert_eq!(world.bodies("Archive"), [b"one", b"two"]);
        account
            .write_blocking(Change::Expunge {
                mailbox: world.mailbox(mailbox).id,
                uids: None,
                only_deleted: false,
            })
            .unwrap();
    }
    assert_eq!(account.view().unwrap().total_size().unwrap(), 0);
    drop(account);
    world.reopen();
    assert_eq!(world.mailbox("Archive").messages, 0);
}

#[test]
fn moves_into_the_same_mailbox_give_new_uids() {
    let world = World::new();
    world.add("Inbox", &[b"1", b"2", b"3"]);
    let account = world.account();
    let move_to = |uids: &[Uid], to: &str| {
        let change = Change::Move {
            mailbox: world.mailbox("Inbox").id,
            uids: uids.to_vec(),
            to: name(to),
        };
        match account.write_blocking(change) {
            Ok(Changed::Copied { uids, .. }) => Ok(uids),
            Ok(other) => panic!("{other:?}"),
            Err(e) => Err(e),
        }
    };
    assert_eq!(move_to(&[1, 3], "Inbox").unwrap(), [(1, 4), (3, 5)]);
    assert_eq!(world.bodies("Inbox"), [b"2", b"1", b"3"]);
    assert_eq!(move_to(&[4], "Trash").unwrap(), [(4, 1)]);
    assert_eq!(world.bodies("Inbox"), [b"2", b"3"]);
    assert_eq!(world.bodies("Trash"), [b"1"]);
    assert_eq!(account.view().unwrap().total_size().unwrap(), 3);
    assert!(matches!(
        move_to(&[2], "Nowhere"),
        Err(StoreError::NoMailbox)
    ));
    assert!(move_to(&[77], "Trash").unwrap().is_empty());
}

#[test]
fn changes_since_tells_the_end_of_it() {
    let mut world = World::new();
    world.add("Inbox", &[b"1", b"2", b"3", b"4"]);
    let id = world.mailbox("Inbox").id;
    let start = world.mailbox("Inbox").highest_modseq;
    set(&world, "Inbox", &[2], FlagChange::Add(flags("\\Seen")));
    set(&world, "Inbox", &[2], FlagChange::Add(flags("\\Flagged")));
    set(&world, "Inbox", &[3], FlagChange::Add(flags("\\Seen")));
    let middle = world.mailbox("Inbox").highest_modseq;
    let expunge = Change::Expunge {
        mailbox: id,
        uids: Some(vec![1, 3]),
        only_deleted: false,
    };
    world.account().write_blocking(expunge).unwrap();
    world.add("Inbox", &[b"5"]);
    world.reopen();
    let since = |modseq| {
        let view = world.account().view().unwrap();
        let changes = view.changes_since(id, modseq).unwrap();
        let uids: Vec<Uid> = changes.changed.iter().map(|message| message.uid).collect();
        (uids, changes.expunged)
    };
    assert_eq!(since(start), (vec![2, 5], vec![1, 3]));
    assert_eq!(since(middle), (vec![5], vec![1, 3]));
    assert_eq!(since(middle + 1), (vec![5], vec![]));
    assert_eq!(since(middle + 2), (vec![], vec![]));
    assert_eq!(since(0), (vec![2, 4, 5], vec![1, 3]));
    assert_eq!(since(ModSeq::MAX >> 1), (vec![], vec![]));
}

#[test]
fn the_oldest_expunges_are_forgotten() {
    let world = World::new();
    let account = world.account();
    let start = account.view().unwrap().modseq().unwrap();
    let id = world.mailbox("Inbox").id;
    // Each expunge is a change of its own, for its own row; not awaited, so that they are few batches.
    let mut last = None;
    for round in 0..10_002_u32 {
        drop(account.write(Change::Add {
            mailbox: Ok(id),
            create: false,
            messages: vec![world.new_message(b"x")],
            quota: 0,
        }));
        last = Some(account.write(Change::Expunge {
            mailbox: id,
            uids: Some(vec![round + 1]),
            only_deleted: false,
        }));
    }
    block_on(last.unwrap()).unwrap();
    world.add("Inbox", &[b"stays"]);
    let view = account.view().unwrap();
    let all: Vec<Uid> = (1..=10_002).collect();
    let since = |modseq| view.changes_since(id, modseq).unwrap().expunged;
    // The first two are forgotten: before them, all that is not there is named.
    assert!(since(start + 3) == all);
    assert!(since(start + 4) == all[2..]);
}

#[test]
fn recent_is_taken_once() {
    let mut world = World::new();
    world.add("Inbox", &[b"1", b"2"]);
    let take = |world: &World| {
        let id = world.mailbox("Inbox").id;
        match world
            .account()
            .write_blocking(Change::TakeRecent { mailbox: id })
        {
            Ok(Changed::Recent(from)) => from,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(take(&world), 1);
    assert_eq!(take(&world), 3);
    world.add("Inbox", &[b"3"]);
    world.reopen();
    assert_eq!(take(&world), 3);
    assert_eq!(take(&world), 4);
}
