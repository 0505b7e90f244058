//! kill -9 while 32 clients deliver.

use std::sync::Mutex;

use super::postman::{Ledger, Round};
use super::support::instance::Instance;
use super::support::reader::Reader;

#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let mut instance = Instance::localserve(env!("CARGO_BIN_EXE_mox"));
    let ledger = Ledger::default();
    // Each round starts from what the one before left behind, and is killed at another moment.
    for kill_after in [1, 40, 150, 333] {
        let pid = Mutex::new(instance.pid());
        let round = ledger.deliver(&instance, 32, 1000, &|count| {
            if count >= kill_after {
                // Only once: the number may by then be another process's.
                if let Some(pid) = pid.lock().unwrap().take() {
                    kill_9(pid);
                }
            }
        });
        assert_eq!(round, Round::Lost);
        instance.kill();
        instance.serve().unwrap();
        let problems = ledger.problems(&mut Reader::inbox(&instance));
        assert!(
            problems.is_empty(),
            "killed after {kill_after}: {problems:#?}"
        );
    }
    assert!(
        ledger.acknowledged() >= 500,
        "too few deliveries to prove anything"
    );
}

/// The numbers of messages go on where they were after a crash, and the mailbox is the same one.
#[test]
fn uids_live_through_a_crash() {
    let mut instance = Instance::localserve(env!("CARGO_BIN_EXE_mox"));
    let ledger = Ledger::default();
    ledger.deliver(&instance, 4, 5, &|_| ());
    let status = "STATUS Inbox (MESSAGES UIDNEXT UIDVALIDITY)";
    let before = Reader::inbox(&instance).command(status)[0].clone();
    instance.kill();
    instance.serve().unwrap();
    let mut reader = Reader::inbox(&instance);
    assert_eq!(reader.command(status)[0], before);
    // The last message is deleted: its number must not come again.
    reader.command("STORE 20 +FLAGS (\\Deleted)");
    reader.command("EXPUNGE");
    let before = reader.command(status)[0].clone();
    assert!(before.contains("UIDNEXT 21"), "{before}");
    instance.kill();
    instance.serve().unwrap();
    let mut reader = Reader::inbox(&instance);
    assert_eq!(reader.command(status)[0], before);
    ledger.deliver(&instance, 1, 1, &|_| ());
    reader.wait_for(20);
    let last = reader.command("FETCH 20 (UID)");
    assert_eq!(
        last.iter().filter(|l| l.contains("UID 21")).count(),
        1,
        "{last:?}"
    );
}

fn kill_9(pid: u32) {
    let pid = pid.to_string();
    let status = std::process::Command::new("kill")
        .args(["-9", &pid])
        .status();
    assert!(status.unwrap().success(), "kill -9 {pid}");
}
