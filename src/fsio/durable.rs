//! A file whose syncs matter: read and written at offsets, from several threads at once.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
#[cfg(feature = "faults")]
use std::sync::{Arc, Mutex, PoisonError};

use super::{count_sync, fault};

/// A file that is written and then synced. In builds with the feature `faults` it can lose what was
/// not synced ([`fault`]), so that tests see a power loss.
#[derive(Debug)]
pub struct DurableFile {
    file: File,
    kind: &'static str,
    #[cfg(feature = "faults")]
    held: Option<HeldFile>,
}

impl DurableFile {
    /// Opens a file for reading and writing; `kind` names it in fault points.
    pub fn open(path: &Path, kind: &'static str) -> io::Result<DurableFile> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        DurableFile::new(file, kind)
    }

    /// Makes a file (mode 0600) that must not be there yet. Its name is durable only after
    /// [`super::sync_dir`].
    pub fn create(path: &Path, kind: &'static str) -> io::Result<DurableFile> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        DurableFile::new(file, kind)
    }

    fn new(file: File, kind: &'static str) -> io::Result<DurableFile> {
        Ok(DurableFile {
            #[cfg(feature = "faults")]
            held: fault::held(&file)?.map(HeldFile),
            file,
            kind,
        })
    }

    /// Takes an exclusive lock (flock) that ends with the file; false when another one holds it.
    pub fn try_lock(&self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    /// Gives the lock back.
    pub fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }

    /// Its length in bytes.
    pub fn len(&self) -> io::Result<u64> {
        #[cfg(feature = "faults")]
        if let Some(held) = &self.held {
            return held.lock().len();
        }
        Ok(self.file.metadata()?.len())
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads up to the buffer's length; 0 at the end of the file.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        #[cfg(feature = "faults")]
        if let Some(held) = &self.held {
            return held.lock().read(buf, offset);
        }
        loop {
            match self.file.read_at(buf, offset) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    /// Fills the buffer or fails with `UnexpectedEof`.
    pub fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            let n = self.read_at(buf, offset)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buf = &mut buf[n..];
            offset += n as u64;
        }
        Ok(())
    }

    /// Writes all bytes at an offset; after an error any part of them may be there.
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(e) = self.point(".write") {
            self.put(&bytes[..bytes.len() / 2], offset)?;
            return Err(e);
        }
        self.put(bytes, offset)
    }

    fn put(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(feature = "faults")]
        if let Some(held) = &self.held {
            held.lock().write(bytes, offset);
            return Ok(());
        }
        self.file.write_all_at(bytes, offset)
    }

    /// Cuts it or grows it with zeros.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        #[cfg(feature = "faults")]
        if let Some(held) = &self.held {
            held.lock().set_len(len);
            return Ok(());
        }
        self.file.set_len(len)
    }

    /// Makes what was written durable (fdatasync). After an error nothing is known of what was
    /// written since the last sync: the system may have dropped it (it will not be tried again).
    pub fn sync(&self) -> io::Result<()> {
        self.point(".sync")?;
        count_sync();
        #[cfg(feature = "faults")]
        {
            let skipped = fault::skips_sync(self.kind);
            match &self.held {
                _ if skipped => {}
                Some(held) => held.lock().release()?,
                None => self.file.sync_data()?,
            }
            self.point(".synced")
        }
        #[cfg(not(feature = "faults"))]
        self.file.sync_data()
    }

    #[cfg(feature = "faults")]
    fn point(&self, step: &str) -> io::Result<()> {
        fault::point(&format!("fsio.{}{step}", self.kind))
    }

    #[cfg(not(feature = "faults"))]
    #[inline(always)]
    fn point(&self, _step: &str) -> io::Result<()> {
        fault::point(self.kind)
    }
}

#[cfg(feature = "faults")]
struct HeldFile(Arc<Mutex<fault::Held>>);

#[cfg(feature = "faults")]
impl HeldFile {
    fn lock(&self) -> std::sync::MutexGuard<'_, fault::Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "faults")]
impl std::fmt::Debug for HeldFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("held")
    }
}
