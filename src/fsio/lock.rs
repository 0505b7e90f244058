//! The lock of a folder: who holds it is the only process that writes there.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::FsError;

/// An exclusive lock (flock) on a file of its own; ends when dropped, and with the process however
/// that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock if nobody has it; `None` when somebody does. The file is made when absent and
    /// stays afterwards: removing a lock file would let two processes lock two files of one name.
    pub fn try_acquire(path: &Path) -> Result<Option<Lock>, FsError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(FsError::at("open", path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Lock { _file: file })),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(e)) => return Err(FsError::at("lock", path)(e)),
            }
        }
    }

    /// Takes the lock, waiting for it at most so long; `None` when the time ran out. flock has no
    /// timeout of its own, so this asks again every few milliseconds.
    pub fn acquire(path: &Path, wait: Duration) -> Result<Option<Lock>, FsError> {
        let start = Instant::now();
        loop {
            if let Some(lock) = Lock::try_acquire(path)? {
                return Ok(Some(lock));
            }
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            thread::sleep(left.min(Duration::from_millis(5)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excludes_others_until_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::try_acquire(&path).unwrap().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        let short = Duration::from_millis(1);
        assert!(Lock::acquire(&path, short).unwrap().is_none());
        let waiter = {
            let path = path.clone();
            thread::spawn(move || Lock::acquire(&path, Duration::from_secs(60)).unwrap())
        };
        drop(held);
        assert!(waiter.join().unwrap().is_some());
    }
}
