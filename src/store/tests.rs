//! What the store does, seen from outside.

use std::sync::Arc;

use super::*;
use crate::mailbox::{FlagChange, Flags, MailboxName, SpecialUse};

mod bodies;
mod compact;
mod mailboxes;
mod messages;
mod model;
mod recovery;

pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
    pub(super) store: Arc<Store>,
    options: StoreOptions,
}

impl World {
    pub(super) fn new() -> World {
        World::with(StoreOptions::default())
    }

    pub(super) fn with(options: StoreOptions) -> World {
        let dir = folder();
        let options = StoreOptions {
            committers: 2,
            ..options
        };
        let store = Store::open(dir.path(), options.clone()).unwrap();
        store.create_account(&account_name()).unwrap();
        World {
            dir,
            store,
            options,
        }
    }

    /// A store over a copy of a data directory.
    pub(super) fn from_copy(of: &std::path::Path) -> World {
        let dir = folder();
        copy_tree(of, dir.path());
        let options = StoreOptions {
            committers: 1,
            ..StoreOptions::default()
        };
        World {
            store: Store::open(dir.path(), options.clone()).unwrap(),
            dir,
            options,
        }
    }

    pub(super) fn account(&self) -> Account {
        self.store.account_blocking(&account_name()).unwrap()
    }

    /// Closes the store and opens it again.
    pub(super) fn reopen(&mut self) {
        self.store.close();
        self.store = Store::open(self.dir.path(), self.options.clone()).unwrap();
    }

    /// Goes on with what would be on disk had the process been killed now.
    pub(super) fn crash(&mut self) {
        let dir = folder();
        copy_tree(self.dir.path(), dir.path());
        self.store.close();
        self.store = Store::open(dir.path(), self.options.clone()).unwrap();
        self.dir = dir;
    }

    /// The account's folder.
    pub(super) fn folder(&self) -> std::path::PathBuf {
        self.dir.path().join("accounts/alice")
    }

    pub(super) fn spooled(&self, bytes: &[u8]) -> Arc<Spooled> {
        let mut spool = self.store.spool();
        spool.write(bytes).unwrap();
        Arc::new(spool.finish().unwrap())
    }

    pub(super) fn new_message(&self, bytes: &[u8]) -> NewMessage {
        NewMessage {
            prefix: Vec::new(),
            message: self.spooled(bytes),
            flags: Flags::default(),
            received: (1_700_000_000, 60),
        }
    }

    /// Adds messages to a mailbox; gives their UIDs.
    pub(super) fn add(&self, mailbox: &str, bodies: &[&[u8]]) -> Vec<Uid> {
        let change = Change::Add {
            mailbox: Err(name(mailbox)),
            create: true,
            messages: bodies.iter().map(|body| self.new_message(body)).collect(),
            quota: 0,
        };
        match self.account().write_blocking(change).unwrap() {
            Changed::Added { uids, .. } => uids,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn mailbox(&self, mailbox: &str) -> Mailbox {
        let view = self.account().view().unwrap();
        view.mailbox(&name(mailbox)).unwrap().unwrap()
    }

    pub(super) fn messages(&self, mailbox: &str) -> Vec<Message> {
        let view = self.account().view().unwrap();
        let id = view.mailbox(&name(mailbox)).unwrap().unwrap().id;
        let mut all = Vec::new();
        view.messages(id, 1, Uid::MAX, &mut |message| {
            all.push(message);
            true
        })
        .unwrap();
        all
    }

    pub(super) fn bodies(&self, mailbox: &str) -> Vec<Vec<u8>> {
        let view = self.account().view().unwrap();
        self.messages(mailbox)
            .iter()
            .map(|message| read(&view.body(message).unwrap()))
            .collect()
    }
}

/// A folder for a test, in memory if there is such a place: these tests sync thousands of times, and what
/// a sync is good for is tested by others, where not syncing loses what was written.
pub(super) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_tree(&entry.path(), &to);
        } else {
            match std::fs::copy(entry.path(), to) {
                // A segment that nothing needs any more may go meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            }
        }
    }
}

pub(super) fn account_name() -> AccountName {
    AccountName::parse("alice").unwrap()
}

pub(super) fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

pub(super) fn flags(text: &str) -> Flags {
    Flags::parse(text).unwrap()
}

pub(super) fn read(body: &Body) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = [0; 1000];
    loop {
        match body.read_at(all.len() as u64, &mut buf).unwrap() {
            0 => break,
            n => all.extend_from_slice(&buf[..n]),
        }
    }
    assert_eq!(all.len() as u64, body.len());
    assert!(body.verify().unwrap());
    all
}

#[test]
fn a_new_account_has_its_mailboxes() {
    let mut world = World::new();
    for _ in 0..2 {
        let mailboxes = world.account().view().unwrap().mailboxes().unwrap();
        let found: Vec<_> = mailboxes
            .iter()
            .map(|m| (m.name.as_str(), m.special_use, m.subscribed, m.uid_next))
            .collect();
        assert_eq!(
            found,
            [
                ("Inbox", None, true, 1),
                ("Archive", Some(SpecialUse::Archive), true, 1),
                ("Drafts", Some(SpecialUse::Drafts), true, 1),
                ("Junk", Some(SpecialUse::Junk), true, 1),
                ("Sent", Some(SpecialUse::Sent), true, 1),
                ("Trash", Some(SpecialUse::Trash), true, 1),
            ]
        );
        world.reopen();
    }
}

#[test]
fn accounts_are_made_once_and_removed_for_good() {
    let world = World::new();
    let name = account_name();
    let again = world.store.create_account(&name);
    assert!(matches!(again, Err(StoreError::AccountExists(_))));
    let account = world.account();
    world.add("Inbox", &[b"a"]);
    let validity = world.mailbox("Inbox").uid_validity;
    world.store.remove_account(&name).unwrap();
    assert!(!world.store.has_account(&name));
    assert!(matches!(account.view(), Err(StoreError::Closed)));
    let gone = account.write_blocking(Change::CreateMailbox {
        name: super::tests::name("x"),
        special_use: None,
    });
    assert!(matches!(gone, Err(StoreError::Closed)));
    let none = world.store.account_blocking(&name);
    assert!(matches!(none, Err(StoreError::NoAccount(_))));
    assert_eq!(
        std::fs::read_dir(world.dir.path().join("tmp"))
            .unwrap()
            .count(),
        0
    );
    world.store.remove_account(&name).unwrap();

    world.store.create_account(&name).unwrap();
    assert_eq!(world.mailbox("Inbox").messages, 0);
    assert!(world.mailbox("Inbox").uid_validity >= validity);
}

#[test]
fn a_reserved_account_is_filled_when_it_is_opened_and_not_after_it_is_removed() {
    let world = World::new();
    let names: Vec<_> = (0..100)
        .map(|number| AccountName::parse(&format!("new{number}")).unwrap())
        .collect();
    world.store.reserve_accounts(&names).unwrap();
    let again = world.store.reserve_accounts(&names[..1]);
    assert!(matches!(again, Err(StoreError::AccountExists(_))));
    let again = world.store.create_account(&names[1]);
    assert!(matches!(again, Err(StoreError::AccountExists(_))));
    let folder = |name: &AccountName| world.dir.path().join("accounts").join(name.as_str());
    let account = world.store.account_blocking(&names[2]).unwrap();
    assert_eq!(account.view().unwrap().mailboxes().unwrap().len(), 6);
    assert!(folder(&names[2]).join("segment-00000001.log").exists());
    assert_eq!(std::fs::read_dir(folder(&names[3])).unwrap().count(), 0);
    for name in &names[2..4] {
        world.store.remove_account(name).unwrap();
        let none = world.store.account_blocking(name);
        assert!(matches!(none, Err(StoreError::NoAccount(_))));
        assert!(!folder(name).exists());
    }
}

#[test]
fn a_closed_store_says_so() {
    let world = World::new();
    let account = world.account();
    world.store.close();
    assert!(matches!(account.view(), Err(StoreError::Closed)));
    let spent = world.store.account_blocking(&account_name());
    assert!(matches!(spent, Err(StoreError::Closed)));
}

#[test]
fn idle_accounts_are_closed_and_opened_again() {
    let world = World::with(StoreOptions {
        idle_close: std::time::Duration::ZERO,
        ..StoreOptions::default()
    });
    world.add("Inbox", &[b"one"]);
    // The index can be locked by this process a second time only when the store has let go of it.
    let index = world.dir.path().join("accounts/alice/index.redb");
    let file = loop {
        let file = crate::fsio::DurableFile::open(&index, "db").unwrap();
        if file.try_lock().unwrap() {
            break file;
        }
        std::thread::yield_now();
    };
    drop(file);
    assert_eq!(world.bodies("Inbox"), [b"one"]);
}

#[test]
fn unused_accounts_are_closed_when_many_are_open() {
    let world = World::with(StoreOptions {
        open_accounts: 4,
        ..StoreOptions::default()
    });
    let names: Vec<_> = (0..24).map(|n| format!("many{n}")).collect();
    for name in &names {
        let name = AccountName::parse(name).unwrap();
        world.store.create_account(&name).unwrap();
        drop(world.store.account_blocking(&name).unwrap());
    }
    let is_closed = |name: &&String| {
        let index = world.dir.path().join(format!("accounts/{name}/index.redb"));
        let file = crate::fsio::DurableFile::open(&index, "db").unwrap();
        file.try_lock().unwrap()
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while names.iter().filter(is_closed).count() < 16 {
        assert!(std::time::Instant::now() < deadline, "they stay open");
        std::thread::yield_now();
    }
}

#[test]
fn watchers_hear_of_changes_once_they_are_visible() {
    let world = World::new();
    let account = world.account();
    let watch = account.watch();
    let before = *watch.borrow();
    assert_eq!(before, account.view().unwrap().modseq().unwrap());
    world.add("Inbox", &[b"one"]);
    assert_eq!(*watch.borrow(), before + 1);
    assert_eq!(account.view().unwrap().modseq().unwrap(), before + 1);
}

#[test]
fn futures_run_anywhere_and_need_not_be_awaited() {
    let world = World::new();
    let account = world.account();
    let change = |body: &[u8]| Change::Add {
        mailbox: Err(MailboxName::inbox()),
        create: false,
        messages: vec![world.new_message(body)],
        quota: 0,
    };
    drop(account.write(change(b"one")));
    let two = account.write(change(b"two"));
    let opened = block_on(async {
        two.await.unwrap();
        world.store.account(&account_name()).await.unwrap()
    });
    assert_eq!(opened.name(), &account_name());
    assert_eq!(world.bodies("Inbox"), [b"one", b"two"]);
}

/// Flags as STORE names them.
pub(super) fn set(world: &World, mailbox: &str, uids: &[Uid], change: FlagChange) -> Changed {
    let id = world.mailbox(mailbox).id;
    world
        .account()
        .write_blocking(Change::SetFlags {
            mailbox: id,
            uids: uids.to_vec(),
            change,
            unchanged_since: None,
        })
        .unwrap()
}

/// A runtime that is a thread: futures of the store ask for no more.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
