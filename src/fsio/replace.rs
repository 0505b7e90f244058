//! Whole files, replaced or created in one step: a reader, and a crash, finds the old content or the
//! new, never a part.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::{FsError, count_sync, fault, folder_of, sync_dir};

/// Puts new content into a file, durably. Owner, group and mode stay as they were, `new_mode` is for
/// a file that was not there. A symbolic link stays one: what it points to is replaced.
pub fn replace(path: &Path, content: &[u8], new_mode: u32) -> Result<(), FsError> {
    let target = follow(path)?;
    let old = match fs::metadata(&target) {
        Ok(meta) => Some(meta),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(FsError::at("look at", &target)(e)),
    };
    let temp = Temp::write(&target, content)?;
    let mode = old.as_ref().map_or(new_mode, |meta| meta.mode() & 0o7777);
    if let Some(old) = &old {
        temp.give_to(old.uid(), old.gid())?;
    }
    temp.set_mode(mode)?;
    temp.sync()?;
    fault::point("fsio.replace.written").map_err(FsError::at("write", &target))?;
    fs::rename(&temp.path, &target).map_err(FsError::at("replace", &target))?;
    temp.keep();
    fault::point("fsio.replace.renamed").map_err(FsError::at("replace", &target))?;
    sync_dir(folder_of(&target))
}

/// Makes a file with this content, durably. Fails with `AlreadyExists`, changing nothing, when there
/// is anything of that name.
pub fn create(path: &Path, content: &[u8], mode: u32) -> Result<(), FsError> {
    let temp = Temp::write(path, content)?;
    temp.set_mode(mode)?;
    temp.sync()?;
    fault::point("fsio.create.written").map_err(FsError::at("write", path))?;
    match rustix::fs::renameat_with(CWD, &temp.path, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => temp.keep(),
        // Not every file system has it; a hard link refuses an existing name just the same, and
        // the temporary name goes when `temp` is dropped.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            fs::hard_link(&temp.path, path).map_err(FsError::at("create", path))?;
            drop(temp);
        }
        Err(e) => return Err(FsError::at("create", path)(e.into())),
    }
    fault::point("fsio.create.renamed").map_err(FsError::at("create", path))?;
    sync_dir(folder_of(path))
}

/// The file that a path leads to through symbolic links, whether or not it is there.
fn follow(path: &Path) -> Result<PathBuf, FsError> {
    let mut at = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        match rustix::fs::readlink(&at, Vec::new()) {
            Ok(next) => at = folder_of(&at).join(OsStr::from_bytes(next.as_bytes())),
            // No link, or nothing there.
            Err(Errno::INVAL | Errno::NOENT) => return Ok(at),
            Err(e) => return Err(FsError::at("look at", &at)(e.into())),
        }
    }
    Err(FsError::at("look at", path)(Errno::LOOP.into()))
}

/// A file under a temporary name beside its target, locked while it is in use, removed when dropped.
struct Temp {
    path: PathBuf,
    file: File,
    kept: Cell<bool>,
}

impl Temp {
    fn write(target: &Path, content: &[u8]) -> Result<Temp, FsError> {
        let name = target.file_name().ok_or_else(|| {
            FsError::at("write", target)(io::Error::from(io::ErrorKind::InvalidInput))
        })?;
        let mut prefix = OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        sweep(folder_of(target), &prefix);
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|e| FsError::at("write", target)(io::Error::other(e)))?;
        prefix.push(format!("{:016x}{SUFFIX}", u64::from_le_bytes(random)));
        let path = folder_of(target).join(prefix);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(FsError::at("create", &path))?;
        let mut temp = Temp {
            path,
            file,
            kept: false.into(),
        };
        // The lock tells `sweep` of another process that this one is no leftover. A file system
        // without locks has no sweeping then, and loses nothing else.
        drop(temp.file.try_lock());
        let written = temp.file.write_all(content);
        written.map_err(FsError::at("write", &temp.path))?;
        Ok(temp)
    }

    fn give_to(&self, uid: u32, gid: u32) -> Result<(), FsError> {
        let own = self.file.metadata().map_err(self.at("look at"))?;
        if (own.uid(), own.gid()) == (uid, gid) {
            return Ok(());
        }
        std::os::unix::fs::fchown(&self.file, Some(uid), Some(gid))
            .map_err(self.at("change the owner of"))
    }

    fn set_mode(&self, mode: u32) -> Result<(), FsError> {
        let mode = Permissions::from_mode(mode);
        self.file
            .set_permissions(mode)
            .map_err(self.at("change the mode of"))
    }

    fn sync(&self) -> Result<(), FsError> {
        count_sync();
        self.file.sync_all().map_err(self.at("sync"))
    }

    fn keep(&self) {
        self.kept.set(true);
    }

    fn at(&self, verb: &'static str) -> impl FnOnce(io::Error) -> FsError {
        FsError::at(verb, &self.path)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.kept.get() {
            // Nothing else to be done about it: the next `sweep` will try again.
            drop(fs::remove_file(&self.path));
        }
    }
}

const SUFFIX: &str = ".mox-tmp";

/// Removes temporary files that a crash has left beside a target. Best effort: a leftover does no harm.
fn sweep(folder: &Path, prefix: &OsString) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(prefix.as_encoded_bytes())
            && bytes.ends_with(SUFFIX.as_bytes())
            && bytes.len() == prefix.len() + 16 + SUFFIX.len()
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        {
            drop(fs::remove_file(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_and_keeps_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mox.toml");
        replace(&path, b"one", 0o640).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o604);
        assert_eq!(names(dir.path()), ["mox.toml"]);
    }

    #[test]
    fn a_symlink_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        let link = dir.path().join("mox.toml");
        std::os::unix::fs::symlink("second", &link).unwrap();
        std::os::unix::fs::symlink("real/mox.toml", dir.path().join("second")).unwrap();
        for text in [b"one", b"two"] {
            replace(&link, text, 0o600).unwrap();
            assert_eq!(fs::read(dir.path().join("real/mox.toml")).unwrap(), text);
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        std::os::unix::fs::symlink("round", dir.path().join("round")).unwrap();
        assert!(replace(&dir.path().join("round"), b"x", 0o600).is_err());
    }

    #[test]
    fn create_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        create(&path, b"one", 0o600).unwrap();
        let again = create(&path, b"two", 0o600).unwrap_err();
        assert_eq!(again.source.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(dir.path()), ["key.pem"]);
    }

    #[test]
    fn leftovers_go_and_files_in_use_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(dir.path().join(".f.0123456789abcdef.mox-tmp"), b"half").unwrap();
        fs::write(dir.path().join(".f.kept.mox-tmp"), b"not ours").unwrap();
        let in_use = Temp::write(&path, b"in use").unwrap();
        replace(&path, b"new", 0o600).unwrap();
        assert!(in_use.path.exists());
        drop(in_use);
        assert_eq!(names(dir.path()), [".f.kept.mox-tmp", "f"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = replace(&dir.path().join("no/f"), b"", 0o600).unwrap_err();
        assert!(error.is_not_found());
        assert!(error.to_string().contains("no/"), "{error}");
    }
}
