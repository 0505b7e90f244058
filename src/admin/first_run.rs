//! What the first runs of `mox localserve` and `mox quickstart` do alike: files and folders that are
//! their owner's alone, never over what is there, and changes before any server runs.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::{Actor, Admin, AdminError, Change};
use crate::fsio::{self, FsError};

/// Makes a file durably, mode 0600; refused where there is one.
pub(super) fn create(path: &Path, content: &[u8]) -> Result<(), AdminError> {
    Ok(fsio::create(path, content, 0o600)?)
}

/// Makes a folder, mode 0700, with those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), AdminError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(FsError::at("create", path))?;
    Ok(())
}

/// Makes changes, one after the other.
pub(super) fn commit_all(
    admin: &Admin,
    changes: &[Change],
    actor: &Actor,
) -> Result<(), AdminError> {
    for change in changes {
        admin.commit(admin.prepare(change)?, actor)?;
    }
    Ok(())
}
