//! Without a daemon: the files themselves, under the lock that a daemon would hold.

use std::path::Path;
use std::sync::Arc;

use mox::admin::{Actor, Admin, AdminError, Change, Committed};
use mox::ctl::{self, Answer, Planned, Query};
use mox::fsio::Lock;
use mox::snapshot::Snapshot;
use mox_daemon::privileges;
use mox_daemon::serve::LOCK;

use crate::error::Error;

/// An editor that writes the file at the very moment of a change is given way so often.
const RACES: usize = 20;

/// The open files of one server.
pub(super) struct Files {
    /// Always there until the end.
    admin: Option<Admin>,
    /// Goes last.
    _lock: Lock,
}

impl Files {
    /// Opens them, as the server's user where we are root; none while another process has them.
    pub(super) fn open(file: &Path, data_dir: &Path) -> Result<Option<Files>, Error> {
        if !file.exists() {
            return Err(Error::NoConfig(file.to_owned()));
        }
        privileges::assume_server_user(file, data_dir).map_err(|e| Error::failed(e.to_string()))?;
        let Some(lock) = Lock::try_acquire(&data_dir.join(LOCK))? else {
            return Ok(None);
        };
        Ok(Some(Files {
            admin: Some(Admin::open(file)?),
            _lock: lock,
        }))
    }

    fn admin(&self) -> Result<&Admin, AdminError> {
        let closed = || AdminError::Local("the files are closed".to_owned());
        self.admin.as_ref().ok_or_else(closed)
    }

    /// The facts as they are on disk.
    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>, AdminError> {
        self.admin()?.load()
    }

    /// What a change would do.
    pub(super) fn plan(&self, change: &Change) -> Result<Planned, AdminError> {
        Ok(self.admin()?.prepare(change)?.into())
    }

    /// Makes a change, again where somebody edited the file in between.
    pub(super) fn change(&self, change: &Change, actor: &Actor) -> Result<Committed, AdminError> {
        let mut races = 0;
        let mut removes_accounts;
        let committed = loop {
            let prepared = self.admin()?.prepare(change)?;
            removes_accounts = prepared.removes_accounts();
            match self.admin()?.commit(prepared, actor) {
                Err(AdminError::Raced) if races < RACES => races += 1,
                done => break done?,
            }
        };
        if removes_accounts {
            self.admin()?.finish_removals()?;
        }
        Ok(committed)
    }

    /// Reads facts. The history and its texts need no valid mox.toml.
    pub(super) fn query(&self, query: &Query) -> Result<Answer, AdminError> {
        match query {
            Query::History => Ok(Answer::History(ctl::history(self.admin()?)?)),
            Query::Diff { from, to } => Ok(Answer::Diff(self.admin()?.difference(*from, *to)?)),
            Query::Made { request } => Ok(Answer::Made(self.admin()?.made(request)?)),
            Query::Removal { account } => {
                let snapshot = self.snapshot()?;
                if self.admin()?.removal(account)?.pending {
                    self.admin()?.finish_removals()?;
                }
                ctl::answer(&snapshot, self.admin()?, query)
            }
            _ => ctl::answer(&*self.snapshot()?, self.admin()?, query),
        }
    }
}

impl Drop for Files {
    /// The databases close before the lock goes.
    fn drop(&mut self) {
        if let Some(admin) = self.admin.take() {
            admin.close();
        }
    }
}
