//! The store, killed at every fault point it passes, with all that was not synced lost as in a power loss;
//! killed again while it recovers; and on disks that fill up or fail.
//!
//! A child process (this program again, as [`child`]) does a script of changes and notes in a ledger
//! when it asks for each and when it is told that it is done. Whatever happens, what is found afterwards
//! must be the state after some number of changes, at least as many as were done and at most as many
//! as were asked for: all acknowledged, each once, nothing half. A clean run tells what those states are
//! and which points there are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "this is a test"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use mox::addr::AccountName;
use mox::fsio::fault;
use mox::mailbox::{FlagChange, Flags, MailboxName};
use mox::store::{Account, Change, NewMessage, Store, StoreError, StoreOptions, Uid};

const CHILD: &str = "MOX_STORE_CRASH";

fn options() -> StoreOptions {
    StoreOptions {
        committers: 1,
        // Everything happens in a short script: checkpoints, new segments, rewriting.
        checkpoint_bytes: 6_000,
        segment_bytes: 10_000,
        spool_memory: 4_000,
        // Nothing happens by the clock, so that each run passes the same points.
        checkpoint_interval: Duration::from_secs(3_600),
        idle_close: Duration::from_secs(3_600),
        open_accounts: 4,
    }
}

fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

fn alice() -> AccountName {
    AccountName::parse("alice").unwrap()
}

fn bob() -> AccountName {
    AccountName::parse("bob").unwrap()
}

/// One change of the script.
#[derive(Debug, Clone)]
enum Step {
    Make(AccountName),
    Remove(AccountName),
    Add(&'static str, Vec<usize>),
    Flags(&'static str, Vec<Uid>, &'static str),
    Expunge(&'static str, Vec<Uid>),
    Copy(&'static str, Vec<Uid>, &'static str),
    Move(&'static str, Vec<Uid>, &'static str),
    Create(&'static str),
    Rename(&'static str, &'static str),
    Delete(&'static str),
    /// Not a change: the store is closed and opened again.
    Reopen,
}

fn script() -> Vec<Step> {
    use Step::*;
    let mut steps = vec![Make(alice()), Add("Inbox", vec![100, 2_000]), Make(bob())];
    for round in 0..4_u32 {
        let first = 1 + round * 8;
        steps.extend([
            Add("Inbox", vec![900]),
            Add("Inbox", vec![0, 3_000, 5_000]),
            Flags("Inbox", vec![first, first + 1], "\\Seen $Work"),
            Add("Inbox", vec![1_500]),
            Copy("Inbox", vec![first, first + 2], "Archive"),
            Move("Inbox", vec![first + 1], "Trash"),
            Create("a/b"),
            Add("a/b", vec![2_500, 10]),
            Rename("a", "c"),
            Expunge("Inbox", (first..first + 7).collect()),
            Delete("c/b"),
            Delete("c"),
        ]);
        if round == 1 {
            steps.extend([Reopen, Remove(bob()), Make(bob()), Remove(bob())]);
        }
    }
    steps.push(Reopen);
    steps.push(Expunge("Archive", (1..9).collect()));
    steps.push(Add("Inbox", vec![700]));
    steps
}

/// Where a run leaves its traces.
struct Files(PathBuf);

impl Files {
    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }
}

/// Does the script, noting `ask N`, `done N` and, when asked for, the states in between.
struct Runner {
    files: Files,
    store: Arc<Store>,
    ledger: File,
    states: bool,
}

impl Runner {
    fn new(files: Files, states: bool) -> Result<Runner, StoreError> {
        Ok(Runner {
            store: Store::open(&files.data(), options())?,
            ledger: File::create(files.ledger()).unwrap(),
            states,
            files,
        })
    }

    fn note(&mut self, line: &str) {
        // Not buffered: a killed process has written it.
        self.ledger
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    fn run(&mut self) {
        let mut number = 0;
        for step in script() {
            if let Step::Reopen = step {
                self.store.close();
                self.store = Store::open(&self.files.data(), options()).unwrap();
                continue;
            }
            if self.states {
                let state = state(&self.store);
                fs::write(self.files.0.join(format!("state-{number}")), state).unwrap();
            }
            self.note(&format!("ask {number}"));
            self.step(&step, number).unwrap();
            self.note(&format!("done {number}"));
            number += 1;
        }
        if self.states {
            let state = state(&self.store);
            fs::write(self.files.0.join(format!("state-{number}")), state).unwrap();
        }
        self.store.close();
    }

    fn step(&self, step: &Step, number: usize) -> Result<(), StoreError> {
        let write = |change| {
            let account = self.store.account_blocking(&alice())?;
            account.write_blocking(change).map(drop)
        };
        let id = |mailbox: &str| -> Result<_, StoreError> {
            let view = self.store.account_blocking(&alice())?.view()?;
            Ok(view
                .mailbox(&name(mailbox))?
                .ok_or(StoreError::NoMailbox)?
                .id)
        };
        match step {
            Step::Make(account) => self.store.create_account(account),
            Step::Remove(account) => self.store.remove_account(account),
            Step::Add(mailbox, sizes) => write(add(&self.store, mailbox, sizes, number)),
            Step::Flags(mailbox, uids, flags) => write(Change::SetFlags {
                mailbox: id(mailbox)?,
                uids: uids.clone(),
                change: FlagChange::Add(Flags::parse(flags).unwrap()),
                unchanged_since: None,
            }),
            Step::Expunge(mailbox, uids) => write(Change::Expunge {
                mailbox: id(mailbox)?,
                uids: Some(uids.clone()),
                only_deleted: false,
            }),
            Step::Copy(mailbox, uids, to) => write(Change::Copy {
                mailbox: id(mailbox)?,
                uids: uids.clone(),
                to: name(to),
                quota: 0,
            }),
            Step::Move(mailbox, uids, to) => write(Change::Move {
                mailbox: id(mailbox)?,
                uids: uids.clone(),
                to: name(to),
            }),
            Step::Create(mailbox) => write(Change::CreateMailbox {
                name: name(mailbox),
                special_use: None,
            }),
            Step::Rename(from, to) => write(Change::RenameMailbox {
                from: name(from),
                to: name(to),
            }),
            Step::Delete(mailbox) => write(Change::DeleteMailbox {
                name: name(mailbox),
            }),
            Step::Reopen => Ok(()),
        }
    }
}

fn add(store: &Store, mailbox: &str, sizes: &[usize], number: usize) -> Change {
    let messages = sizes.iter().map(|size| {
        let mut spool = store.spool();
        let text = format!("Subject: {number}\r\n\r\n{}", "z".repeat(*size));
        spool.write(text.as_bytes()).unwrap();
        NewMessage {
            prefix: b"Return-Path: <>\r\n".to_vec(),
            message: Arc::new(spool.finish().unwrap()),
            flags: Flags::default(),
            received: (5, 0),
        }
    });
    Change::Add {
        mailbox: Err(name(mailbox)),
        create: true,
        messages: messages.collect(),
        quota: 0,
    }
}

/// All that the accounts hold, as text, without what the clock gives. Every body is read and compared
/// with its checksum.
fn state(store: &Arc<Store>) -> String {
    try_state(store).unwrap_or_else(|e| format!("unreadable: {e}"))
}

fn try_state(store: &Arc<Store>) -> Result<String, StoreError> {
    let mut text = String::new();
    for account in [alice(), bob()] {
        if !store.has_account(&account) {
            continue;
        }
        text += &format!("account {account}\n");
        describe(&store.account_blocking(&account)?, &mut text)?;
    }
    Ok(text)
}

fn describe(account: &Account, text: &mut String) -> Result<(), StoreError> {
    let view = account.view()?;
    *text += &format!("modseq {} size {}\n", view.modseq()?, view.total_size()?);
    for mut mailbox in view.mailboxes()? {
        mailbox.uid_validity = 0;
        *text += &format!("{mailbox:?}\n");
        let mut failed = None;
        let all = view.messages_with_parsed(mailbox.id, 1, Uid::MAX, &mut |mut message, parsed| {
            message.saved = 0;
            match view.body(&message).and_then(|body| body.verify()) {
                Ok(good) => *text += &format!("{message:?} {good} {:?}\n", parsed.root.body_end),
                Err(e) => failed = Some(e),
            }
            failed.is_none()
        });
        all?;
        failed.map_or(Ok(()), Err)?;
        let changes = view.changes_since(mailbox.id, 0)?;
        *text += &format!("expunged {:?}\n", changes.expunged);
    }
    Ok(())
}

/// What is asked of a child, by the environment: mode, folder and faults.
fn spawn(mode: &str, files: &Path, faults: &str) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, format!("{mode}|{}|{faults}", files.display()));
    let output = command.output().unwrap();
    if output.status.code().is_some_and(|code| code != 0) {
        let text = String::from_utf8_lossy(&output.stderr);
        panic!("{mode} with {faults:?} failed:\n{text}");
    }
    output.status
}

/// Not a test: what a child process does. Without its variable there is nothing to do.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let mut words = task.splitn(3, '|');
    let mode = words.next().unwrap();
    let files = Files(words.next().unwrap().into());
    fault::arm(words.next().unwrap()).unwrap();
    match mode {
        "script" => Runner::new(files, false).unwrap().run(),
        "states" => {
            Runner::new(files, true).unwrap().run();
        }
        "points" => {
            let folder = files.0.clone();
            Runner::new(files, false).unwrap().run();
            note_points(&folder);
        }
        "recover" => {
            let store = Store::open(&files.data(), options()).unwrap();
            state(&store);
            note_points(&files.0);
            // Without closing it: what recovery has not made durable is lost.
            fault::arm("abort@end").unwrap();
            fault::point("end").unwrap();
        }
        "full" => fill(&files),
        other => panic!("{other}"),
    }
}

fn note_points(folder: &Path) {
    let points = fault::passes();
    let text: String = points
        .iter()
        .map(|(name, n)| format!("{name} {n}\n"))
        .collect();
    fs::write(folder.join("points"), text).unwrap();
}

fn points(folder: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(folder.join("points")).unwrap();
    text.lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, n)| (name.to_owned(), n.parse().unwrap()))
        .collect()
}

/// A folder in memory, if there is such a place: what a kill loses is decided by the faults, not by a
/// disk.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    folder
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

struct Clean {
    states: Vec<String>,
    points: BTreeMap<String, u64>,
}

fn clean() -> Clean {
    let run = folder();
    assert!(spawn("states", run.path(), "hold").success());
    let states = (0..)
        .map_while(|n| fs::read_to_string(run.path().join(format!("state-{n}"))).ok())
        .collect();
    let run = folder();
    assert!(spawn("points", run.path(), "hold").success());
    Clean {
        states,
        points: points(run.path()),
    }
}

/// Whether what is in the folder is what the ledger allows.
fn check(run: &Path, clean: &Clean) -> Result<(), String> {
    let ledger = fs::read_to_string(run.join("ledger")).unwrap_or_default();
    let count = |word| ledger.lines().filter(|line| line.starts_with(word)).count();
    let (asked, done) = (count("ask"), count("done"));
    let store = Store::open(&run.join("data"), options()).map_err(|e| e.to_string())?;
    let found = try_state(&store).map_err(|e| e.to_string())?;
    let leftovers = fs::read_dir(run.join("data/tmp")).unwrap().count();
    store.close();
    if leftovers > 0 {
        return Err(format!("{leftovers} files left in tmp"));
    }
    let allowed = clean.states.get(done..=asked).unwrap_or(&[]);
    if allowed.contains(&found) {
        return Ok(());
    }
    let nearest = clean.states.iter().position(|state| *state == found);
    Err(format!(
        "{done} changes done, {asked} asked for, found state {nearest:?}:\n{found}\nexpected:\n{}",
        allowed.join("\nor\n")
    ))
}

/// Passes of a point to be killed at: all if they are few, else some of them.
fn some(passes: u64, at_most: u64) -> impl Iterator<Item = u64> {
    let step = passes.div_ceil(at_most).max(1);
    (1..=passes)
        .step_by(step as usize)
        .chain((passes > 1).then_some(passes))
}

#[test]
fn what_was_acknowledged_survives_a_crash_at_every_point() {
    let clean = clean();
    let count = |point: &str| clean.points.get(point).copied().unwrap_or_default();
    // The script is worth it only if it passes them all.
    for point in [
        "store.create.built",
        "store.create.renamed",
        "store.remove.renamed",
        "store.remove.step",
        "store.segment.begun",
        "store.segment.written",
        "store.segment.synced",
        "store.segment.removed",
        "store.index.committed",
        "store.checkpoint.begun",
        "store.checkpoint.done",
        "store.compact.moved",
        "store.compact.forgotten",
    ] {
        assert!(
            count(point) > 0,
            "{point} is not passed: {:?}",
            clean.points
        );
    }
    let mut images = 0_u64;
    for (point, passes) in &clean.points {
        for at in some(*passes, 8) {
            images += 1;
            let tear = if images.is_multiple_of(2) {
                ",tear"
            } else {
                ""
            };
            let faults = match tear {
                "" => format!("hold,abort@{point}:{at}"),
                _ => format!("hold,tear:{images},abort@{point}:{at}"),
            };
            let run = folder();
            let status = spawn("script", run.path(), &faults);
            assert!(!status.success(), "{faults} did not end the child");
            recover_and_check(run.path(), &clean, &faults, images);
        }
    }
    assert!(images > 100, "{images} crashes only");
}

/// Checks what a crash left, and what is left when recovery crashes too, at one point for most and at
/// every one for some.
fn recover_and_check(run: &Path, clean: &Clean, faults: &str, image: u64) {
    let copy = folder();
    copy_tree(run, copy.path());
    spawn("recover", copy.path(), "hold");
    let passed = points(copy.path());
    check(copy.path(), clean).unwrap_or_else(|e| panic!("{faults}, recovered twice: {e}"));
    let passed: Vec<(&String, u64)> = passed.iter().map(|(name, n)| (name, *n)).collect();
    let all = image.is_multiple_of(20);
    for (number, (point, passes)) in passed.iter().enumerate() {
        if !all && number as u64 != image % passed.len() as u64 {
            continue;
        }
        let again = format!("hold,tear:{image},abort@{point}:{}", 1 + image % passes);
        let copy = folder();
        copy_tree(run, copy.path());
        spawn("recover", copy.path(), &again);
        check(copy.path(), clean).unwrap_or_else(|e| panic!("{faults}, then {again}: {e}"));
    }
    check(run, clean).unwrap_or_else(|e| panic!("{faults}: {e}"));
}

/// The negative control: with the segments' syncs left out, the same check must fail.
#[test]
fn the_check_sees_a_sync_that_is_left_out() {
    let clean = clean();
    let mut seen = 0;
    for at in [3, 9, 20] {
        let run = folder();
        let faults = format!("hold,nosync@segment,abort@store.index.committed:{at}");
        assert!(!spawn("script", run.path(), &faults).success());
        seen += u32::from(check(run.path(), &clean).is_err());
    }
    assert_eq!(seen, 3);
}

/// Messages on a disk that fails: those acknowledged are there, in order, and no others; when the disk
/// works again, so does the account.
#[test]
fn full_and_failing_disks_lose_nothing_and_heal() {
    for fault in ["full", "error"] {
        for point in [
            "fsio.segment.write",
            "fsio.segment.sync",
            "fsio.db.write",
            "fsio.db.sync",
            "fsio.dir.sync",
            "store.segment.begun",
            "store.segment.written",
            "store.segment.synced",
            "store.checkpoint.begun",
            "store.compact.moved",
        ] {
            for times in ["1", "2", "5", "1+", "4+"] {
                let run = folder();
                let faults = format!("{fault}@{point}:{times}");
                assert!(spawn("full", run.path(), &faults).success(), "{faults}");
            }
        }
    }
}

fn fill(files: &Files) {
    let faults = std::env::var(CHILD).unwrap();
    let faults = faults.rsplit('|').next().unwrap();
    fault::arm("").unwrap();
    let store = Store::open(&files.data(), options()).unwrap();
    store.create_account(&alice()).unwrap();
    let inbox = {
        let account = store.account_blocking(&alice()).unwrap();
        let view = account.view().unwrap();
        view.mailbox(&MailboxName::inbox()).unwrap().unwrap().id
    };
    let mut kept: Vec<usize> = Vec::new();
    let one = |store: &Arc<Store>, number: usize| -> Result<(), StoreError> {
        let account = store.account_blocking(&alice())?;
        let change = add(store, "Inbox", &[1_200], number);
        account.write_blocking(change).map(drop)
    };
    fault::arm(faults).unwrap();
    let mut refused = 0;
    for number in 0..40 {
        match one(&store, number) {
            Ok(()) => kept.push(number),
            Err(StoreError::Local(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        // Something for rewriting to do.
        if number % 10 == 9 {
            let change = Change::Expunge {
                mailbox: inbox,
                uids: None,
                only_deleted: false,
            };
            let account = store.account_blocking(&alice());
            match account.and_then(|account| account.write_blocking(change)) {
                Ok(_) => kept.clear(),
                Err(StoreError::Local(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    let passed = fault::passes();
    fault::arm("").unwrap();
    for number in 100..105 {
        one(&store, number).unwrap();
        kept.push(number);
    }
    let subjects = |store: &Arc<Store>| {
        let account = store.account_blocking(&alice()).unwrap();
        let view = account.view().unwrap();
        let mut subjects: Vec<usize> = Vec::new();
        view.messages_with_parsed(inbox, 1, Uid::MAX, &mut |message, parsed| {
            assert!(view.body(&message).unwrap().verify().unwrap());
            let subject = String::from_utf8(parsed.envelope.subject.unwrap()).unwrap();
            subjects.push(subject.parse().unwrap());
            true
        })
        .unwrap();
        subjects
    };
    assert_eq!(subjects(&store), kept, "{refused} refused, {passed:?}");
    store.close();
    let store = Store::open(&files.data(), options()).unwrap();
    assert_eq!(subjects(&store), kept);
}
