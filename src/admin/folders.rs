//! Folders of the data directory: its own, and the mail folders of accounts, made before an account is
//! served and removed after it is not.

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use crate::addr::AccountName;
use crate::config::model::Config;
use crate::fsio::{self, FsError};
use crate::store::{Store, StoreError, StoreOptions};

use super::{Admin, AdminError};

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> AdminError {
        match error {
            StoreError::AccountExists(_) => AdminError::Conflict {
                message: error.to_string(),
                hint: String::new(),
            },
            other => AdminError::Local(other.to_string()),
        }
    }
}

/// Mail is private: mode 0700.
pub(super) fn make_data_dir(data_dir: &Path) -> Result<(), AdminError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(FsError::at("create", data_dir))?;
    Ok(())
}

/// Where accounts have their mail, as far as changes of the configuration need it: the store.
pub trait MailFolders: Send + Sync {
    /// Makes an account's folder, durably; refused when there is one.
    fn create(&self, account: &AccountName) -> Result<(), StoreError>;
    /// Makes the folders of many accounts, durably; they are filled when they are used first.
    fn reserve(&self, accounts: &[AccountName]) -> Result<(), StoreError>;
    /// Closes the account and removes its folder; none is none to remove.
    fn remove(&self, account: &AccountName) -> Result<(), StoreError>;
    /// Ends it.
    fn close(&self);
}

impl MailFolders for Store {
    fn create(&self, account: &AccountName) -> Result<(), StoreError> {
        self.create_account(account)
    }

    fn reserve(&self, accounts: &[AccountName]) -> Result<(), StoreError> {
        self.reserve_accounts(accounts)
    }

    fn remove(&self, account: &AccountName) -> Result<(), StoreError> {
        self.remove_account(account)
    }

    fn close(&self) {
        Store::close(self);
    }
}

impl Admin {
    /// The store; opened now if nobody did before.
    pub(super) fn mail_folders(&self) -> Result<Arc<dyn MailFolders>, AdminError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        match &*store {
            Some(store) => Ok(Arc::clone(store)),
            None => {
                let opened = Store::open(&self.data_dir, StoreOptions::default())?;
                Ok(Arc::clone(store.insert(opened)))
            }
        }
    }

    /// Without opening the store: most commands need none.
    pub(super) fn has_folder(&self, account: &AccountName) -> bool {
        self.data_dir
            .join("accounts")
            .join(account.as_str())
            .symlink_metadata()
            .is_ok()
    }

    /// Accounts of a configuration that have no mail folder yet, in one look at the disk.
    pub(super) fn without_folder(&self, config: &Config) -> Result<Vec<AccountName>, AdminError> {
        let folder = self.data_dir.join("accounts");
        let at = |verb| FsError::at(verb, &folder);
        let mut there = HashSet::new();
        match std::fs::read_dir(&folder) {
            Ok(entries) => {
                for entry in entries {
                    there.insert(entry.map_err(at("read"))?.file_name());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at("read")(error).into()),
        }
        let names = config.accounts.keys();
        Ok(names
            .filter(|name| !there.contains(std::ffi::OsStr::new(name.as_str())))
            .cloned()
            .collect())
    }

    /// Removes the folders of accounts in which there is nothing, of thousands with one sync, and gives
    /// those that have more in theirs. None of them was ever served.
    pub(super) fn remove_empty_folders<'n>(
        &self,
        accounts: &'n [AccountName],
    ) -> Result<Vec<&'n AccountName>, AdminError> {
        let folder = self.data_dir.join("accounts");
        let mut full = Vec::new();
        let mut removed = false;
        for account in accounts {
            match std::fs::remove_dir(folder.join(account.as_str())) {
                Ok(()) => removed = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => full.push(account),
            }
        }
        if removed {
            fsio::sync_dir(&folder)?;
        }
        Ok(full)
    }
}

/// A fault point whose failure is one of ours.
pub(super) fn point(name: &str) -> Result<(), AdminError> {
    crate::fsio::fault::point(name).map_err(|error| AdminError::Local(error.to_string()))
}
