//! Files that must survive a crash: durable replacing and creating of whole files, locks, syncs that
//! are counted, and fault points for tests.
//!
//! What is durable here is so by the rules of POSIX file systems as ext4, xfs and btrfs keep them: a
//! file's bytes are on disk after fsync or fdatasync of it, its name after fsync of its folder.

pub mod durable;
pub mod fault;
pub mod lock;
pub mod replace;

pub use durable::DurableFile;
pub use lock::Lock;
pub use replace::{create, replace};

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Something on disk went wrong (blame: Local): what was tried, on which path, and why not.
#[derive(Debug, thiserror::Error)]
#[error("{verb} {}: {source}", path.display())]
pub struct FsError {
    /// What was tried, as a verb: `read`, `write`, `sync`.
    pub verb: &'static str,
    /// On what.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl FsError {
    /// For `map_err`: puts verb and path in front of an I/O error.
    pub fn at(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FsError {
        move |source| FsError {
            verb,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether there was no such file or folder.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

static SYNCS: AtomicU64 = AtomicU64::new(0);

/// How often this process has synced a file or a folder (for benchmarks and metrics).
pub fn sync_count() -> u64 {
    SYNCS.load(Ordering::Relaxed)
}

fn count_sync() {
    SYNCS.fetch_add(1, Ordering::Relaxed);
}

/// Makes the names in a folder durable: files created in, renamed into and removed from it.
pub fn sync_dir(path: &Path) -> Result<(), FsError> {
    fault::point("fsio.dir.sync").map_err(FsError::at("sync", path))?;
    let folder = File::open(path).map_err(FsError::at("open", path))?;
    count_sync();
    folder.sync_all().map_err(FsError::at("sync", path))
}

/// The folder a path's last name stands in; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
