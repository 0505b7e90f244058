//! The store and its open accounts.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use tokio::sync::watch;

use super::committer::Pool;
use super::opened::{Opened, random};
use super::slot::{Request, Slot, State, task_reply, thread_reply};
use super::{Change, Changed, ModSeq, Spool, StoreError, View};
use crate::addr::AccountName;
use crate::fsio::{FsError, fault, folder_of, sync_dir};

/// How a store works; the defaults are for production.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Threads that write; accounts write side by side.
    pub committers: usize,
    /// An account unused for so long is closed.
    pub idle_close: Duration,
    /// With more accounts open, those that nobody uses at that moment are closed at once: each has two files
    /// open or more.
    pub open_accounts: usize,
    /// The index is hardened at least so often while there are changes.
    pub checkpoint_interval: Duration,
    /// And after so many bytes of segment.
    pub checkpoint_bytes: u64,
    /// A new segment is begun when one has so many bytes.
    pub segment_bytes: u64,
    /// Messages up to this size are held in memory while they come in.
    pub spool_memory: usize,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            committers: 8,
            idle_close: Duration::from_secs(60),
            open_accounts: 4_000,
            checkpoint_interval: Duration::from_secs(10),
            checkpoint_bytes: 8 << 20,
            segment_bytes: 128 << 20,
            spool_memory: 256 << 10,
        }
    }
}

/// The mail of all accounts under a data directory. Needs no async runtime: it has threads of its
/// own, and its futures run on any.
pub struct Store {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    accounts: PathBuf,
    tmp: Arc<Path>,
    options: StoreOptions,
    pool: Pool,
    /// `None` once closed.
    slots: Mutex<Option<HashMap<AccountName, Arc<Slot>>>>,
    /// Wakes the upkeep before its time: the store is closed, or many accounts are open.
    upkeep: Condvar,
}

impl Store {
    /// Opens `data_dir/accounts`, making it if need be, and clears leftovers in `data_dir/tmp`.
    /// Opens no account. The caller holds the data directory's lock.
    pub fn open(data_dir: &Path, options: StoreOptions) -> Result<Arc<Store>, StoreError> {
        let accounts = data_dir.join("accounts");
        let tmp = data_dir.join("tmp");
        for folder in [&accounts, &tmp] {
            make_folder(folder)?;
        }
        sync_dir(data_dir)?;
        clear(&tmp)?;
        let shared = Arc::new(Shared {
            accounts,
            tmp: tmp.into(),
            options,
            pool: Pool::default(),
            slots: Mutex::new(Some(HashMap::new())),
            upkeep: Condvar::new(),
        });
        let mut threads = Vec::new();
        let mut spawn = |name: String, work: fn(&Shared)| -> Result<(), StoreError> {
            let shared = shared.clone();
            let thread = thread::Builder::new()
                .name(name)
                .spawn(move || work(&shared))
                .map_err(|e| StoreError::Local(format!("start a thread: {e}")))?;
            threads.push(thread);
            Ok(())
        };
        for number in 0..shared.options.committers.max(1) {
            spawn(format!("commit-{number}"), |shared| {
                shared.pool.work(&shared.options, &shared.tmp);
            })?;
        }
        spawn("store".to_owned(), Shared::maintain)?;
        Ok(Arc::new(Store {
            shared,
            threads: Mutex::new(threads),
        }))
    }

    /// Makes an account's folder with Inbox, Sent, Archive, Trash, Drafts, Junk; durable on return.
    pub fn create_account(&self, name: &AccountName) -> Result<(), StoreError> {
        let folder = self.shared.folder(name);
        if folder.exists() {
            return Err(StoreError::AccountExists(name.clone()));
        }
        build(&self.shared.tmp, &folder, |new| {
            match rename_new(new, &folder) {
                Err(Errno::EXIST | Errno::NOTEMPTY) => Err(StoreError::AccountExists(name.clone())),
                done => Ok(done.map_err(|e| FsError::at("create", &folder)(e.into()))?),
            }
        })
    }

    /// Makes the folders of many accounts, durably, with nothing in them: each gets its mailboxes when
    /// it is opened first. Making ten thousand whole ones takes as many syncs, for which nobody waits.
    pub fn reserve_accounts(&self, names: &[AccountName]) -> Result<(), StoreError> {
        use std::os::unix::fs::DirBuilderExt;
        for name in names {
            let folder = self.shared.folder(name);
            match fs::DirBuilder::new().mode(0o700).create(&folder) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                    return Err(StoreError::AccountExists(name.clone()));
                }
                made => made.map_err(FsError::at("create", &folder))?,
            }
        }
        Ok(sync_dir(&self.shared.accounts)?)
    }

    /// Whether the account has a folder.
    pub fn has_account(&self, name: &AccountName) -> bool {
        self.shared.folder(name).is_dir()
    }

    /// Closes the account (handles get [`StoreError::Closed`] from then on), renames its folder into
    /// `tmp/` and deletes it in steps. No folder: nothing to do.
    pub fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        let slot = self.shared.slot(name)?;
        let to = self.shared.tmp.join(format!("removed-{:016x}", random()?));
        let (reply, wait) = thread_reply();
        self.shared
            .pool
            .ask(&slot, Request::Remove(to.clone(), reply));
        let moved = wait();
        if let Some(slots) = self.shared.lock().as_mut()
            && slots
                .get(name)
                .is_some_and(|known| Arc::ptr_eq(known, &slot))
        {
            slots.remove(name);
        }
        moved?;
        remove_tree(&to)
    }

    /// The account, opened if it was not; recovery after a crash happens here. Runs on any runtime.
    pub async fn account(self: &Arc<Self>, name: &AccountName) -> Result<Account, StoreError> {
        let account = self.shared.handle(name)?;
        if account.handle.slot.opened()?.is_none() {
            let (reply, wait) = task_reply();
            let slot = &account.handle.slot;
            self.shared.pool.ask(slot, Request::Open(reply));
            wait.await?;
        }
        Ok(account)
    }

    /// The same for who has no runtime.
    pub fn account_blocking(self: &Arc<Self>, name: &AccountName) -> Result<Account, StoreError> {
        let account = self.shared.handle(name)?;
        if account.handle.slot.opened()?.is_none() {
            account.handle.open()?;
        }
        Ok(account)
    }

    /// A place for a message that is about to come in.
    pub fn spool(&self) -> Spool {
        Spool::new(self.shared.tmp.clone(), self.shared.options.spool_memory)
    }

    /// Writes what waits, hardens every index, closes. Later uses get [`StoreError::Closed`].
    pub fn close(&self) {
        let Some(slots) = self.shared.lock().take() else {
            return;
        };
        self.shared.upkeep.notify_all();
        let waits: Vec<_> = slots
            .values()
            .map(|slot| {
                let (reply, wait) = thread_reply();
                self.shared.pool.ask(slot, Request::Close(reply));
                wait
            })
            .collect();
        for wait in waits {
            // Closing cannot fail: what could not be hardened is in the log.
            drop(wait());
        }
        self.shared.pool.end();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn folder(&self, name: &AccountName) -> PathBuf {
        self.accounts.join(name.as_str())
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<AccountName, Arc<Slot>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, name: &AccountName) -> Result<Arc<Slot>, StoreError> {
        let mut slots = self.lock();
        let slots = slots.as_mut().ok_or(StoreError::Closed)?;
        if let Some(slot) = slots.get(name) {
            return Ok(slot.clone());
        }
        let slot = Arc::new(Slot::new(name.clone(), self.folder(name)));
        slots.insert(name.clone(), slot.clone());
        if slots.len() > self.options.open_accounts {
            self.upkeep.notify_all();
        }
        Ok(slot)
    }

    fn handle(self: &Arc<Self>, name: &AccountName) -> Result<Account, StoreError> {
        let slot = self.slot(name)?;
        let inner = slot.lock();
        slot.take_handle();
        drop(inner);
        Ok(Account {
            handle: Arc::new(Handle {
                slot,
                shared: self.clone(),
            }),
        })
    }

    /// Asks for checkpoints when it is time, closes idle accounts, forgets those that are closed.
    fn maintain(&self) {
        let options = &self.options;
        let pause = options.checkpoint_interval.min(options.idle_close) / 4;
        let pause = pause.clamp(Duration::from_millis(10), Duration::from_secs(1));
        let mut slots = self.lock();
        while let Some(open) = slots.as_mut() {
            let all: Vec<Arc<Slot>> = open.values().cloned().collect();
            drop(slots);
            let idle = match all.len() > options.open_accounts {
                true => Duration::ZERO,
                false => options.idle_close,
            };
            for slot in &all {
                self.look_after(slot, idle);
            }
            drop(all);
            let mut again = self.lock();
            let mut many = options.open_accounts;
            if let Some(open) = again.as_mut() {
                // Who looks for a slot does so under this lock: one that only the map has is unused.
                open.retain(|_, slot| {
                    Arc::strong_count(slot) > 1 || !matches!(slot.lock().state, State::Closed)
                });
                // Those in use stay: it is worth another look when there are some more.
                many = many.max(open.len() + many / 8);
            }
            slots = match self.upkeep.wait_timeout_while(again, pause, |slots| {
                slots.as_ref().is_some_and(|open| open.len() <= many)
            }) {
                Ok((slots, _)) => slots,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn look_after(&self, slot: &Arc<Slot>, idle: Duration) {
        let Ok(Some(opened)) = slot.opened() else {
            return;
        };
        if slot.has_upkeep() {
            // The disk is slow: asking each time would only make the queue longer.
            return;
        }
        if slot.is_idle(idle) {
            self.pool.ask(slot, Request::CloseIdle(idle));
        } else if opened
            .dirty()
            .since
            .is_some_and(|since| since.elapsed() >= self.options.checkpoint_interval)
            || opened.has_doomed()
        {
            self.pool.ask(slot, Request::Checkpoint);
        }
    }
}

/// An open account; clones are the same account. It stays open while one of them is held.
#[derive(Clone)]
pub struct Account {
    handle: Arc<Handle>,
}

/// Keeps an account open.
pub(super) struct Handle {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
}

impl Handle {
    fn open(&self) -> Result<(), StoreError> {
        let (reply, wait) = thread_reply();
        self.shared.pool.ask(&self.slot, Request::Open(reply));
        wait()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.slot.drop_handle();
    }
}

impl Account {
    /// Whose mail this is.
    pub fn name(&self) -> &AccountName {
        &self.handle.slot.name
    }

    /// Tells accounts apart that had one name, one after the other: equal for handles of one account only.
    pub fn number(&self) -> u64 {
        self.handle.slot.number
    }

    /// The account as it is now.
    pub fn view(&self) -> Result<View, StoreError> {
        // Twice, since a disk error may close it for a moment, and it is opened anew then.
        for _ in 0..2 {
            if let Some(opened) = self.handle.slot.opened()? {
                match View::new(opened, self.handle.clone()) {
                    Err(StoreError::Closed) => {}
                    view => return view,
                }
            }
            self.handle.open()?;
        }
        let opened = self.handle.slot.opened()?.ok_or(StoreError::Closed)?;
        View::new(opened, self.handle.clone())
    }

    /// Does the change; returns when it is durable and visible. Changes of an account are done in
    /// the order of the calls. Dropping the future does not undo it.
    pub fn write(
        &self,
        change: Change,
    ) -> impl Future<Output = Result<Changed, StoreError>> + Send + 'static {
        let (reply, wait) = task_reply();
        self.ask(Request::Write(change, reply));
        wait
    }

    /// The same for who has no runtime.
    pub fn write_blocking(&self, change: Change) -> Result<Changed, StoreError> {
        let (reply, wait) = thread_reply();
        self.ask(Request::Write(change, reply));
        wait()
    }

    /// Tells of each new change's number, after it is visible.
    pub fn watch(&self) -> watch::Receiver<ModSeq> {
        self.handle.slot.watch.subscribe()
    }

    fn ask(&self, request: Request) {
        self.handle.shared.pool.ask(&self.handle.slot, request);
    }
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => {
            Err(FsError::at("create", path)(e).into())
        }
        _ => Ok(()),
    }
}

/// Puts what a new account has into its folder, which was made and left empty: durable on return.
pub(super) fn fill(tmp: &Path, folder: &Path) -> Result<(), StoreError> {
    // A rename replaces an empty folder, and none that has anything in it.
    build(tmp, folder, |new| {
        Ok(fs::rename(new, folder).map_err(FsError::at("create", folder))?)
    })
}

fn build(
    tmp: &Path,
    folder: &Path,
    put_in_place: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let new = tmp.join(format!("new-{:016x}", random()?));
    make_folder(&new)?;
    let made = Opened::create(&new).and_then(|()| {
        fault::point("store.create.built").map_err(FsError::at("create", &new))?;
        put_in_place(&new)
    });
    if made.is_err() {
        drop(fs::remove_dir_all(&new));
    }
    made?;
    fault::point("store.create.renamed").map_err(FsError::at("create", folder))?;
    Ok(sync_dir(folder_of(folder))?)
}

fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system has it. A rename then replaces an empty folder at most.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rustix::fs::rename(from, to),
        done => done,
    }
}

/// Removes what a crash left in the folder for temporary files.
fn clear(tmp: &Path) -> Result<(), StoreError> {
    let failed = |e| StoreError::from(FsError::at("list", tmp)(e));
    for entry in fs::read_dir(tmp).map_err(failed)? {
        remove_tree(&entry.map_err(failed)?.path())?;
    }
    Ok(())
}

/// Removes a file or a folder, file by file: a crash leaves a folder that the next start removes.
fn remove_tree(path: &Path) -> Result<(), StoreError> {
    fault::point("store.remove.step").map_err(FsError::at("remove", path))?;
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(FsError::at("remove", path)(e).into()),
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Ok(fs::remove_file(path).map_err(FsError::at("remove", path))?),
    }
    for entry in fs::read_dir(path).map_err(FsError::at("list", path))? {
        remove_tree(&entry.map_err(FsError::at("list", path))?.path())?;
    }
    Ok(fs::remove_dir(path).map_err(FsError::at("remove", path))?)
}
