//! A configuration and a data directory of their own.
#![allow(dead_code)]

use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::mpsc::Sender;

use super::*;

/// mox.toml as the tests find it.
pub(super) const TEXT: &str = r#"# what a person wrote
[server]
hostname = "mail.example.org"
postmaster = { account = "alice" }

[listeners.local]
ips = ["127.0.0.1"]
smtp = { port = 2525 }

[domains."example.org"] # the first
localpart_catchall_separators = ["+"]

[domains."example.org".aliases.team]
addresses = ["alice@example.org", "bob@example.org"]

[domains."example.org".aliases.only-bob]
addresses = ["bob2@example.org"]

[domains."example.net"]
disabled = true # not yet

[accounts.alice]
domain = "example.org"
[accounts.alice.destinations]
"alice@example.org" = {}
"@example.org" = { mailbox = "Catchall" }

[accounts.bob]
domain = "example.org"
[accounts.bob.destinations]
"bob@example.org" = {}
"bob2@example.org" = {}
"Bob3@example.org" = {}
"#;

pub(super) struct World {
    dir: tempfile::TempDir,
    pub(super) mail: Arc<Folders>,
}

impl World {
    pub(super) fn new() -> World {
        World::with(TEXT)
    }

    pub(super) fn with(text: &str) -> World {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("config")).expect("a folder");
        let world = World {
            mail: Arc::new(Folders::of(dir.path())),
            dir,
        };
        fs::write(world.file(), text).expect("it is written");
        world
    }

    pub(super) fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path("config/mox.toml")
    }

    pub(super) fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("it reads")
    }

    pub(super) fn edit(&self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "{from:?} is not in {text}");
        fs::write(self.file(), text.replace(from, to)).expect("it is written");
    }

    /// Opened, nothing loaded.
    pub(super) fn admin(&self) -> Admin {
        Admin::open_with(&self.file(), Some(self.mail.clone())).expect("it opens")
    }

    /// Opened and loaded.
    pub(super) fn loaded(&self) -> Admin {
        let admin = self.admin();
        admin.load().expect("it loads");
        admin
    }

    /// Mail folders that are there.
    pub(super) fn folders(&self) -> Vec<String> {
        names(&self.mail.folder)
    }

    /// Key files that are there.
    pub(super) fn keys(&self) -> Vec<String> {
        names(&self.path("config/dkim"))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        // Left by a crash while it was written; it goes with the next file of that name.
        .filter(|name| !name.ends_with(".mox-tmp"))
        .collect();
    names.sort();
    names
}

/// Mail folders without mail.
pub(super) struct Folders {
    folder: PathBuf,
    /// Whether the next one cannot be made.
    pub(super) fails: Mutex<bool>,
    /// What a removal tells of itself, and waits for.
    pub(super) gate: Mutex<Option<(Sender<()>, Arc<Barrier>)>>,
    /// Done while the next one is made.
    pub(super) meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Folders {
    /// Of a world in this folder.
    pub(super) fn of(world: &Path) -> Folders {
        Folders {
            folder: world.join("data/accounts"),
            fails: Mutex::new(false),
            gate: Mutex::new(None),
            meanwhile: Mutex::new(None),
        }
    }
}

impl MailFolders for Folders {
    fn create(&self, account: &AccountName) -> Result<(), StoreError> {
        if *self.fails.lock().expect("not poisoned") {
            return Err(StoreError::Local("the disk is full".to_owned()));
        }
        if let Some(meanwhile) = self.meanwhile.lock().expect("not poisoned").take() {
            meanwhile();
        }
        fs::create_dir_all(&self.folder).expect("a folder");
        fs::create_dir(self.folder.join(account.as_str()))
            .map_err(|_| StoreError::AccountExists(account.clone()))
    }

    fn reserve(&self, accounts: &[AccountName]) -> Result<(), StoreError> {
        accounts.iter().try_for_each(|account| self.create(account))
    }

    fn remove(&self, account: &AccountName) -> Result<(), StoreError> {
        let gate = self.gate.lock().expect("not poisoned").clone();
        if let Some((entered, leave)) = gate {
            entered.send(()).expect("somebody listens");
            leave.wait();
        }
        let _ = fs::remove_dir(self.folder.join(account.as_str()));
        Ok(())
    }

    fn close(&self) {}
}

pub(super) fn account(name: &str) -> AccountName {
    AccountName::parse(name).expect("an account name")
}

pub(super) fn domain(name: &str) -> Domain {
    Domain::parse(name).expect("a domain")
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

pub(super) fn actor() -> Actor {
    Actor {
        name: "root".to_owned(),
        command: "mox test".to_owned(),
        request: "r1".to_owned(),
    }
}

/// Prepares and commits.
pub(super) fn make(admin: &Admin, change: &Change) -> Result<Committed, AdminError> {
    let prepared = admin.prepare(change)?;
    admin.commit(prepared, &actor())
}
