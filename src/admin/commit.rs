//! Writing a change: two files, mox.toml and the control database, that change together or not at all.
//!
//! 1. *Begun*: what is made outside of both (DKIM keys, mail folders) is noted, then made.
//! 2. *Staged*: the new text stands, durable, beside mox.toml.
//! 3. *Recorded*: one transaction has the operations and the generation. This is the commit.
//! 4. *Renamed*: the staged text is mox.toml.
//!
//! A crash before 3 leaves the old generation, what was begun is undone at the next start
//! ([`super::recover`]); a crash after 3 the new one: the next start finishes the rename, if the file is
//! still the one that the change was made from.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::fsio::{self, FsError};
use crate::state::{Begun, Fulfilled, NewGeneration, Op};

use super::folders::point;
use super::{Actor, Admin, AdminError, Committed, Prepared};

/// So many new accounts get their mailboxes with the change itself, so that a disk that will not have
/// them refuses it; of more, each does when it is used first.
const MADE_WHOLE: usize = 16;

impl Admin {
    /// Writes a prepared change: generation, file and state, crash-safe together. One at a time: the
    /// caller holds a lock of its own from `prepare` to `commit`.
    pub fn commit(&self, prepared: Prepared, actor: &Actor) -> Result<Committed, AdminError> {
        if prepared.changed {
            self.write(&prepared, actor)?;
            self.set_current(prepared.next);
        }
        Ok(Committed {
            changed: prepared.changed,
            generation: self.generation(),
            summary: prepared.summary,
            diff: prepared.diff,
            steps: prepared.steps,
        })
    }

    fn write(&self, prepared: &Prepared, actor: &Actor) -> Result<(), AdminError> {
        self.check_unchanged(prepared)?;
        // What undoing would remove must be ours.
        let mut keys = prepared.plan.keys.iter();
        if keys.any(|key| self.beside(&key.file).exists()) {
            return Err(AdminError::Raced);
        }
        if let Some(keep) = &prepared.keep {
            self.keep_found(prepared, keep)?;
        }
        let generation = self.new_generation(prepared, actor);
        let mut begun = Begun {
            files: prepared
                .plan
                .keys
                .iter()
                .map(|key| key.file.clone())
                .collect(),
            accounts: Vec::new(),
        };
        if generation.is_some() {
            begun.accounts = self.without_folder(prepared.next.config())?;
        }
        if !begun.is_empty() {
            self.state.commit(&[Op::Begin(begun.clone())], None)?;
            point("admin.commit.begun")?;
        }
        let recorded = self.make(prepared, &begun).and_then(|()| {
            let staged = self.stage(prepared)?;
            point("admin.commit.staged")?;
            if staged.is_some()
                && let Err(raced) = self.check_unchanged(prepared)
            {
                unstage(staged.as_deref());
                return Err(raced);
            }
            let mut ops = prepared.plan.ops.clone();
            if !begun.is_empty() {
                ops.push(Op::End);
            }
            if generation.is_none() && !actor.request.is_empty() {
                ops.push(Op::Fulfill(Fulfilled {
                    request: actor.request.clone(),
                    summary: prepared.summary.clone(),
                    generation: self.generation(),
                }));
            }
            match self.state.commit(&ops, generation.as_ref()) {
                Ok(_) => Ok(staged),
                Err(error) => {
                    unstage(staged.as_deref());
                    Err(error.into())
                }
            }
        });
        let staged = match recorded {
            Ok(staged) => staged,
            Err(error) => {
                if let Err(undo) = self.undo(&begun) {
                    tracing::error!(error = %undo, "undo a change that failed");
                }
                return Err(error);
            }
        };
        point("admin.commit.recorded")?;
        if let Some(staged) = staged {
            // A hand edit in these few milliseconds is not lost: it stays, and this change is made
            // again on top of it.
            let placed = self
                .check_unchanged(prepared)
                .and_then(|()| self.put_in_place(&staged, prepared.found.hash));
            if let Err(error) = placed {
                unstage(Some(&staged));
                // What was made for it is made again with it.
                if matches!(error, AdminError::Raced) && !begun.is_empty() {
                    self.state.commit(&[Op::Begin(begun.clone())], None)?;
                    self.undo(&begun)?;
                }
                return Err(error);
            }
        }
        point("admin.commit.renamed")
    }

    fn check_unchanged(&self, prepared: &Prepared) -> Result<(), AdminError> {
        match self.read_file()? == *prepared.found.bytes {
            true => Ok(()),
            false => Err(AdminError::Raced),
        }
    }

    /// What the file holds is in no generation: it is kept beside the file before it is replaced.
    fn keep_found(&self, prepared: &Prepared, keep: &Path) -> Result<(), AdminError> {
        let old = fs::metadata(&self.file).map_err(FsError::at("look at", &self.file))?;
        if keep.symlink_metadata().is_err() {
            fsio::create(keep, &prepared.found.bytes, old.mode() & 0o7777)?;
        }
        point("admin.commit.kept")
    }

    /// None when only the state changes.
    fn new_generation(&self, prepared: &Prepared, actor: &Actor) -> Option<NewGeneration> {
        let last = self.state.last_generation();
        if last.is_some_and(|last| last.after == prepared.next.hash) {
            return None;
        }
        Some(NewGeneration {
            actor: actor.name.clone(),
            command: actor.command.clone(),
            request: actor.request.clone(),
            summary: prepared.summary.clone(),
            before: prepared.found.hash,
            after: prepared.next.hash,
            text: prepared.next.text.clone(),
        })
    }

    /// Makes what was noted.
    fn make(&self, prepared: &Prepared, begun: &Begun) -> Result<(), AdminError> {
        self.make_rsa_keys(prepared.rsa_keys())?;
        for key in &prepared.plan.keys {
            self.make_key(key.kind, &self.beside(&key.file))?;
            point("admin.commit.key")?;
        }
        match begun.accounts.as_slice() {
            [] => {}
            accounts if accounts.len() <= MADE_WHOLE => {
                let folders = self.mail_folders()?;
                for account in accounts {
                    folders.create(account)?;
                    point("admin.commit.folder")?;
                }
            }
            accounts => {
                self.mail_folders()?.reserve(accounts)?;
                point("admin.commit.folder")?;
            }
        }
        Ok(())
    }

    /// Takes away again what was noted, made or not.
    pub(super) fn undo(&self, begun: &Begun) -> Result<(), AdminError> {
        if begun.is_empty() {
            return Ok(());
        }
        for file in &begun.files {
            let file = self.beside(file);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(FsError::at("remove", &file)(error).into());
                }
                _ => {}
            }
        }
        for account in self.remove_empty_folders(&begun.accounts)? {
            self.mail_folders()?.remove(account)?;
        }
        self.state.commit(&[Op::End], None)?;
        Ok(())
    }

    /// A file whose name is relative to mox.toml.
    pub(super) fn beside(&self, file: &str) -> PathBuf {
        fsio::folder_of(&self.file).join(file)
    }

    /// Where the next text of mox.toml stands before it is mox.toml: beside the file itself, also
    /// where that is named by a symbolic link.
    pub(super) fn staged_path(&self) -> Result<(PathBuf, PathBuf), AdminError> {
        let target = fs::canonicalize(&self.file).map_err(FsError::at("find", &self.file))?;
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".next");
        Ok((fsio::folder_of(&target).join(name), target))
    }

    /// Writes the new text, if there is one, with the owner and mode of the old.
    fn stage(&self, prepared: &Prepared) -> Result<Option<PathBuf>, AdminError> {
        if prepared.next.hash == prepared.found.hash {
            return Ok(None);
        }
        let (staged, target) = self.staged_path()?;
        let old = fs::metadata(&target).map_err(FsError::at("look at", &target))?;
        // One that a crash has left would pass its owner and mode on.
        unstage(Some(&staged));
        let text = prepared.next.text.as_bytes();
        fsio::replace(&staged, text, old.mode() & 0o7777)?;
        match keep_owner(&staged, &old) {
            Ok(()) => Ok(Some(staged)),
            Err(error) => {
                unstage(Some(&staged));
                Err(error.into())
            }
        }
    }
}

/// Gives a staged text to the owner and group of the file that it will replace. Only root can give files
/// away, and the daemon may not be root: what it cannot keep is let go of, as long as it can still read
/// the file and nobody can who could not before.
fn keep_owner(staged: &Path, old: &fs::Metadata) -> Result<(), FsError> {
    let new = fs::metadata(staged).map_err(FsError::at("look at", staged))?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    match chown(staged, Some(old.uid()), Some(old.gid())) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        done => return done.map_err(FsError::at("change the owner of", staged)),
    }
    let keeps_group = new.gid() == old.gid() || chown(staged, None, Some(old.gid())).is_ok();
    if !keeps_group {
        let (mode, others) = (old.mode() & 0o7707, old.mode() & 0o7);
        fs::set_permissions(staged, fs::Permissions::from_mode(mode | others << 3))
            .map_err(FsError::at("change the mode of", staged))?;
    }
    fs::File::open(staged).map_err(FsError::at("read", staged))?;
    tracing::warn!(
        file = %staged.display(),
        "the owner or group of mox.toml could not be kept: this user may not set them"
    );
    Ok(())
}

/// Removes a staged text that will not be used. One that stays does no harm: it counts only while the
/// file is the one it was made from, and only for the newest generation.
pub(super) fn unstage(staged: Option<&Path>) {
    if let Some(staged) = staged {
        let _ = fs::remove_file(staged);
    }
}
