//! After a crash: finishes a change that was recorded, undoes one that was not (see
//! [`super::commit`] for the steps), and takes out accounts whose removal was begun.

use std::fs;
use std::io;
use std::sync::Arc;

use crate::addr::AccountName;
use crate::fsio::FsError;
use crate::snapshot::Snapshot;
use crate::state::ContentHash;

use super::commit::unstage;
use super::folders::point;
use super::{Actor, Admin, AdminError, Change};

impl Admin {
    /// Brings mox.toml and the control database together again. A mox.toml that is not there or not
    /// valid is no obstacle: `load` will say so.
    pub(super) fn recover(&self) -> Result<(), AdminError> {
        if let Some(begun) = self.state.begun()? {
            tracing::info!(files = ?begun.files, accounts = ?begun.accounts, "undo a change that a crash cut off");
            self.undo(&begun)?;
            point("admin.recover.undone")?;
        }
        if fs::metadata(&self.file).is_err() {
            return Ok(());
        }
        let (staged, target) = self.staged_path()?;
        let last = self.state.last_generation();
        self.recover_swap(&staged, &target, last.as_ref())?;
        let text = match fs::read(&staged) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(FsError::at("read", &staged)(error).into()),
        };
        // Only the newest generation's own text, and only over the file that it was made from:
        // everything else is a change that was not recorded, or a hand edit since.
        let unfinished = last.filter(|last| {
            last.after == ContentHash::of(&text)
                && self
                    .read_file()
                    .is_ok_and(|bytes| ContentHash::of(&bytes) == last.before)
        });
        match unfinished.map(|last| self.put_in_place(&staged, last.before)) {
            Some(Ok(())) => tracing::info!("a change that a crash cut off is finished"),
            // A hand edit came first.
            Some(Err(AdminError::Raced)) => {}
            Some(Err(error)) => return Err(error),
            None => unstage(Some(&staged)),
        }
        point("admin.recover.done")
    }

    /// Takes an account out of a mox.toml that was edited by hand after its removal was recorded and
    /// before that reached the file. What stands in the way is logged: nobody can log in to it, and
    /// its mail stays until the file lets go of it.
    pub(super) fn remove_again(
        &self,
        account: AccountName,
        served: &Arc<Snapshot>,
    ) -> Result<Arc<Snapshot>, AdminError> {
        let actor = Actor {
            name: "mox".to_owned(),
            command: format!("finish the removal of account {account}"),
            request: String::new(),
        };
        let change = Change::AccountRemove {
            account: account.clone(),
        };
        match self.prepare(&change) {
            Ok(prepared) => {
                let snapshot = Arc::clone(&prepared.snapshot);
                self.commit(prepared, &actor)?;
                Ok(snapshot)
            }
            Err(error) => {
                tracing::error!(%account, %error, "finish the removal of an account");
                Ok(Arc::clone(served))
            }
        }
    }
}
