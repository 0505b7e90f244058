//! The end of a removal: the mail goes, then the intent to remove it (`spec/accounts.md`).

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::addr::AccountName;
use crate::state::Op;

use super::folders::point;
use super::{Admin, AdminError};

/// How far the removal of an account is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Whether something may be left of it.
    pub pending: bool,
    /// Files that are left, those of other accounts on their way out included.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why it could not be finished when that was last tried, or empty.
    pub error: String,
}

impl Admin {
    /// Removes what is left of accounts whose removal was begun and that are not served any more:
    /// call it after the snapshot without them is served, and at the start before listeners open.
    /// Gives the names of those that are gone. One that fails is tried again the next time.
    pub fn finish_removals(&self) -> Result<Vec<AccountName>, AdminError> {
        let _finishing = self
            .finishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut gone = Vec::new();
        let Some(current) = self.current() else {
            return Ok(gone);
        };
        for account in self.state.removals()? {
            if current.config().accounts.contains_key(&account) {
                continue;
            }
            if let Err(error) = self.mail_folders()?.remove(&account) {
                tracing::error!(%account, %error, "remove the mail of a removed account");
                self.unfinished().insert(account, error.to_string());
                continue;
            }
            point("admin.removal.folder")?;
            let ops = [
                Op::DropCredential(account.clone()),
                Op::EndRemoval(account.clone()),
            ];
            self.state.commit(&ops, None)?;
            self.unfinished().remove(&account);
            gone.push(account);
        }
        Ok(gone)
    }

    /// How far the removal of an account is; one that nobody asked for is not pending.
    pub fn removal(&self, account: &AccountName) -> Result<Removal, AdminError> {
        if !self.state.removals()?.contains(account) {
            return Ok(Removal::default());
        }
        let mut removal = Removal {
            pending: true,
            error: self.unfinished().get(account).cloned().unwrap_or_default(),
            ..Removal::default()
        };
        let mail = self.data_dir.join("accounts").join(account.as_str());
        count(&mail, &mut removal);
        let Ok(leaving) = fs::read_dir(self.data_dir.join("tmp")) else {
            return Ok(removal);
        };
        for entry in leaving.flatten() {
            if entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(b"removed-")
            {
                count(&entry.path(), &mut removal);
            }
        }
        Ok(removal)
    }

    fn unfinished(&self) -> MutexGuard<'_, HashMap<AccountName, String>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what is in a folder, which may be going away meanwhile.
fn count(folder: &Path, removal: &mut Removal) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => count(&entry.path(), removal),
            Ok(metadata) => {
                removal.files += 1;
                removal.bytes += metadata.len();
            }
            Err(_) => {}
        }
    }
}
