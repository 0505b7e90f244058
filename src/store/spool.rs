//! A message while it comes in: parsed and summed on the way, small ones in memory, large ones in a
//! file in `tmp/`, so that memory does not grow with size.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crc32fast::Hasher;

use super::parsed::{self, Parser};
use crate::mail::Parsed;

/// A message being received. Dropping it leaves nothing behind.
pub struct Spool {
    folder: Arc<Path>,
    memory: usize,
    len: u64,
    crc: Hasher,
    parser: Parser,
    bytes: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    pub(super) fn new(folder: Arc<Path>, memory: usize) -> Spool {
        Spool {
            folder,
            memory,
            len: 0,
            crc: Hasher::new(),
            parser: parsed::parser(),
            bytes: Vec::new(),
            file: None,
        }
    }

    /// The next bytes. Large messages go to the page cache here, never to the disk itself.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.parser.push(bytes);
        self.crc.update(bytes);
        self.len += bytes.len() as u64;
        if !self.spills(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(nameless(&self.folder)?),
        };
        file.write_all(&self.bytes)?;
        self.bytes.clear();
        if bytes.len() < self.memory {
            self.bytes.extend_from_slice(bytes);
            return Ok(());
        }
        file.write_all(bytes)
    }

    /// Whether writing so many bytes now goes to the file and may wait for the disk.
    pub fn spills(&self, bytes: usize) -> bool {
        self.bytes.len() + bytes > self.memory
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing has come in.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The end of the message.
    pub fn finish(mut self) -> io::Result<Spooled> {
        let parsed = self.parser.finish();
        let encoded = parsed::encode(&parsed).map_err(io::Error::other)?;
        let bytes = match self.file {
            Some(mut file) => {
                file.write_all(&self.bytes)?;
                Bytes::File(file)
            }
            None => {
                self.bytes.shrink_to_fit();
                Bytes::Memory(self.bytes)
            }
        };
        Ok(Spooled {
            len: self.len,
            crc: self.crc.finalize(),
            parsed,
            encoded,
            bytes,
        })
    }
}

/// A file without a name: it is gone when it is closed, however that comes about.
fn nameless(folder: &Path) -> io::Result<File> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let path = folder.join(format!("spool-{:016x}", u64::from_le_bytes(random)));
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A whole message, not yet in any mailbox.
#[derive(Debug)]
pub struct Spooled {
    len: u64,
    crc: u32,
    parsed: Parsed,
    encoded: Vec<u8>,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Memory(Vec<u8>),
    File(File),
}

impl Spooled {
    /// Bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its envelope and structure.
    pub fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    /// Reads all or part of it (submission looks at the header; a queue sends it); 0 at the end.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Memory(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..));
                let rest = rest.unwrap_or(&[]);
                let n = rest.len().min(buf.len());
                buf[..n].copy_from_slice(&rest[..n]);
                Ok(n)
            }
            Bytes::File(file) => file.read_at(buf, offset),
        }
    }

    pub(super) fn in_memory(&self) -> Option<&[u8]> {
        match &self.bytes {
            Bytes::Memory(bytes) => Some(bytes),
            Bytes::File(_) => None,
        }
    }

    pub(super) fn crc(&self) -> u32 {
        self.crc
    }

    /// The parsed form as it is stored.
    pub(super) fn encoded(&self) -> &[u8] {
        &self.encoded
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gives_back_what_came_in(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
            memory in 0..200_usize,
            at in 0..300_u64,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut spool = Spool::new(dir.path().into(), memory);
            let in_file = |spool: &Spool| spool.file.as_ref().map_or(0, |f| f.metadata().unwrap().len());
            for piece in &pieces {
                let (before, spills) = (in_file(&spool), spool.spills(piece.len()));
                spool.write(piece).unwrap();
                prop_assert_eq!(in_file(&spool) > before, spills);
            }
            prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
            let whole = pieces.concat();
            let spooled = spool.finish().unwrap();
            prop_assert_eq!(spooled.len(), whole.len() as u64);
            prop_assert_eq!(spooled.crc(), crc32fast::hash(&whole));
            let mut buf = vec![0; 400];
            let n = spooled.read_at(at, &mut buf).unwrap();
            prop_assert_eq!(&buf[..n], whole.get(at as usize..).unwrap_or(&[]));
        }
    }
}
