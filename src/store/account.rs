//! The store and its open accounts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Change, Changed, ModSeq, Spool, StoreError, View};
use crate::addr::AccountName;

/// How a store works; the defaults are for production.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Threads that write; accounts write side by side.
    pub committers: usize,
    /// An account unused for so long is closed.
    pub idle_close: Duration,
    /// The index is hardened at least so often while there are changes.
    pub checkpoint_interval: Duration,
    /// And after so many bytes of segment.
    pub checkpoint_bytes: u64,
    /// Messages up to this size are held in memory while they come in.
    pub spool_memory: usize,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            committers: 8,
            idle_close: Duration::from_secs(60),
            checkpoint_interval: Duration::from_secs(10),
            checkpoint_bytes: 16 << 20,
            spool_memory: 256 << 10,
        }
    }
}

/// The mail of all accounts under a data directory. Needs no async runtime: it has threads of its
/// own, and its futures run on any.
pub struct Store {}

impl Store {
    /// Opens `data_dir/accounts`, making it if need be, and clears leftovers in `data_dir/tmp`.
    /// Opens no account. The caller holds the data directory's lock.
    pub fn open(_data_dir: &Path, _options: StoreOptions) -> Result<Arc<Store>, StoreError> {
        todo!()
    }

    /// Makes an account's folder with Inbox, Sent, Archive, Trash, Drafts, Junk; durable on return.
    pub fn create_account(&self, _name: &AccountName) -> Result<(), StoreError> {
        todo!()
    }

    /// Whether the account has a folder.
    pub fn has_account(&self, _name: &AccountName) -> bool {
        todo!()
    }

    /// Closes the account (handles get [`StoreError::Closed`] from then on), renames its folder into
    /// `tmp/` and deletes it in steps. No folder: nothing to do.
    pub fn remove_account(&self, _name: &AccountName) -> Result<(), StoreError> {
        todo!()
    }

    /// The account, opened if it was not; recovery after a crash happens here. Runs on any runtime.
    pub async fn account(self: &Arc<Self>, _name: &AccountName) -> Result<Account, StoreError> {
        todo!()
    }

    /// The same for who has no runtime (the offline command line).
    pub fn account_blocking(self: &Arc<Self>, _name: &AccountName) -> Result<Account, StoreError> {
        todo!()
    }

    /// A place for a message that is about to come in.
    pub fn spool(&self) -> Spool {
        todo!()
    }

    /// Writes what waits, hardens every index, closes. Later uses get [`StoreError::Closed`].
    pub fn close(&self) {
        todo!()
    }
}

/// An open account; clones are the same account. It stays open while one of them is held.
#[derive(Clone)]
pub struct Account {}

impl Account {
    /// Whose mail this is.
    pub fn name(&self) -> &AccountName {
        todo!()
    }

    /// The account as it is now.
    pub fn view(&self) -> Result<View, StoreError> {
        todo!()
    }

    /// Does the change; returns when it is durable and visible. Changes of an account are done in
    /// the order of the calls. Dropping the future does not undo it.
    pub fn write(
        &self,
        _change: Change,
    ) -> impl Future<Output = Result<Changed, StoreError>> + Send + 'static {
        async { todo!() }
    }

    /// The same for who has no runtime.
    pub fn write_blocking(&self, _change: Change) -> Result<Changed, StoreError> {
        todo!()
    }

    /// Tells of each new change's number, after it is visible.
    pub fn watch(&self) -> watch::Receiver<ModSeq> {
        todo!()
    }
}
