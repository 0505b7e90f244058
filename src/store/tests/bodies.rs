use super::*;

#[test]
fn a_body_can_be_read_after_its_message_and_account_are_gone() {
    let world = World::new();
    world.add("Inbox", &[b"still here"]);
    let view = world.account().view().unwrap();
    let body = view.body(&world.messages("Inbox")[0]).unwrap();
    drop(view);
    world.store.remove_account(&account_name()).unwrap();
    assert_eq!(read(&body), b"still here");
}

#[test]
fn an_old_view_sees_what_was() {
    let world = World::new();
    world.add("Inbox", &[b"1", b"2"]);
    let id = world.mailbox("Inbox").id;
    let view = world.account().view().unwrap();
    let expunge = Change::Expunge {
        mailbox: id,
        uids: None,
        only_deleted: false,
    };
    world.account().write_blocking(expunge).unwrap();
    assert_eq!(world.mailbox("Inbox").messages, 0);
    assert_eq!(view.uids(id).unwrap(), [1, 2]);
    let message = view.message(id, 2).unwrap().unwrap();
    assert_eq!(read(&view.body(&message).unwrap()), b"2");
    assert!(view.parsed(&message).is_ok());
}

#[test]
fn messages_of_one_batch_stand_in_one_record() {
    let world = World::new();
    let account = world.account();
    let waits: Vec<_> = (0..200)
        .map(|_| {
            account.write(Change::Add {
                mailbox: Err(MailboxName::inbox()),
                create: false,
                messages: vec![world.new_message(b"x")],
                quota: 0,
            })
        })
        .collect();
    for wait in waits {
        block_on(wait).unwrap();
    }
    assert_eq!(world.mailbox("Inbox").messages, 200);
    let segment = world.dir.path().join("accounts/alice/segment-00000001.log");
    let bytes = std::fs::read(segment).unwrap();
    let records = bytes.windows(4).filter(|w| w == b"MXr1").count();
    assert!(records < 100, "{records} records");
}

#[test]
fn large_messages_take_no_memory_and_come_back() {
    let world = World::new();
    let mut spool = world.store.spool();
    let line = b"0123456789abcdef\r\n".repeat(1_000);
    for _ in 0..300 {
        spool.write(&line).unwrap();
    }
    let len = spool.len();
    let message = Arc::new(spool.finish().unwrap());
    assert!(message.in_memory().is_none());
    let account = world.account();
    account
        .write_blocking(Change::Add {
            mailbox: Err(MailboxName::inbox()),
            create: false,
            messages: vec![NewMessage {
                prefix: b"A: b\r\n\r\n".to_vec(),
                message,
                flags: Flags::default(),
                received: (0, 0),
            }],
            quota: 0,
        })
        .unwrap();
    let stored = &world.bodies("Inbox")[0];
    assert_eq!(stored.len() as u64, len + 8);
    assert!(stored[8..].chunks(line.len()).all(|chunk| chunk == line));
}
