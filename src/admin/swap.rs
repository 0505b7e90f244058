//! The new text takes the place of mox.toml, and nothing that somebody wrote there at that very moment
//! is lost.
//!
//! Both files change their names in one step, so that what was mox.toml until then is at hand
//! afterwards. It is the text that the change was made from, or a hand edit that came in between: that
//! one goes back, and the change is made again on top of it. A file system that cannot exchange names
//! renames, and such an edit would have to come within the microseconds since the last look.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::fsio::{self, FsError};
use crate::state::{ContentHash, Generation};

use super::commit::unstage;
use super::folders::point;
use super::{Admin, AdminError};

/// So many edits may come while one is put back.
const MOST: usize = 100;

impl Admin {
    /// Makes the staged text mox.toml, durably. [`AdminError::Raced`] if that held anything but `before`:
    /// then it does so again.
    pub(super) fn put_in_place(
        &self,
        staged: &Path,
        before: ContentHash,
    ) -> Result<(), AdminError> {
        let (_, target) = self.staged_path()?;
        let swap = swap_path(&target);
        let after = hash_of(staged)?;
        // Under a name of its own: from here on it may be somebody else's text.
        fs::rename(staged, &swap).map_err(FsError::at("rename", staged))?;
        point("admin.commit.swapping")?;
        match exchange(&swap, &target) {
            Ok(true) => {}
            Ok(false) => {
                fs::rename(&swap, &target).map_err(FsError::at("replace", &target))?;
                point("admin.commit.unsynced")?;
                return Ok(fsio::sync_dir(fsio::folder_of(&target))?);
            }
            Err(error) => return Err(error.into()),
        }
        point("admin.commit.exchanged")?;
        let displaced = hash_of(&swap)?;
        if displaced != before {
            put_back(&swap, &target, after, displaced)?;
            unstage(Some(&swap));
            return Err(AdminError::Raced);
        }
        point("admin.commit.unsynced")?;
        fsio::sync_dir(fsio::folder_of(&target))?;
        // If this is not durable, the next start does it again.
        unstage(Some(&swap));
        Ok(())
    }

    /// What a crash left of an exchange. Gives the text that was not yet in its place its name back.
    pub(super) fn recover_swap(
        &self,
        staged: &Path,
        target: &Path,
        last: Option<&Generation>,
    ) -> Result<(), AdminError> {
        let swap = swap_path(target);
        let (Ok(found), Some(last)) = (fs::read(&swap), last) else {
            unstage(Some(&swap));
            return Ok(());
        };
        let found = ContentHash::of(&found);
        if found == last.after {
            fs::rename(&swap, staged).map_err(FsError::at("rename", &swap))?;
            return Ok(());
        }
        if found != last.before && hash_of(target)? == last.after {
            tracing::info!("a hand edit that a change displaced goes back to its place");
            exchange(&swap, target)?;
            point("admin.recover.swapped")?;
            fsio::sync_dir(fsio::folder_of(target))?;
        }
        unstage(Some(&swap));
        Ok(())
    }
}

/// Gives a hand edit its place back, and those that come meanwhile theirs: the newest stays.
fn put_back(
    swap: &Path,
    target: &Path,
    mut placed: ContentHash,
    mut displaced: ContentHash,
) -> Result<(), AdminError> {
    for _ in 0..MOST {
        exchange(swap, target)?;
        let found = hash_of(swap)?;
        if found == placed {
            return Ok(fsio::sync_dir(fsio::folder_of(target))?);
        }
        placed = displaced;
        displaced = found;
    }
    Ok(())
}

/// Where the two change names: beside mox.toml.
fn swap_path(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".swap");
    fsio::folder_of(target).join(name)
}

fn hash_of(file: &Path) -> Result<ContentHash, FsError> {
    let bytes = fs::read(file).map_err(FsError::at("read", file))?;
    Ok(ContentHash::of(&bytes))
}

/// Whether the file system can do it.
fn exchange(one: &Path, other: &Path) -> Result<bool, FsError> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(FsError::at("exchange", one)(error.into())),
    }
}
