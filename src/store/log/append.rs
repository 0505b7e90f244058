//! The end of the log, where records are appended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32fast::Hasher;

use super::{Kind, OpsBuf, RECORD_HEAD, RecordHead, SEGMENT_HEAD, SegmentHead, Segments, path};
use crate::fsio::{DurableFile, FsError, fault, sync_dir};
use crate::store::rows::Watermark;
use crate::store::{Spooled, StoreError};

/// How much is collected in memory before it is written; smaller records are one write.
const CHUNK: usize = 1 << 20;

/// A body that comes with a record.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Bytes<'a> {
    /// A message with what is put in front of it.
    New(&'a [u8], &'a Spooled),
    /// A body that moves here from another segment.
    Moved(&'a DurableFile, u64, u64, u32),
}

impl Bytes<'_> {
    pub(in crate::store) fn len(&self) -> u64 {
        match self {
            Bytes::New(prefix, message) => prefix.len() as u64 + message.len(),
            Bytes::Moved(_, _, len, _) => *len,
        }
    }

    /// Its checksum, which for a message is known without reading it again.
    pub(in crate::store) fn crc(&self) -> u32 {
        match self {
            Bytes::New(prefix, message) => {
                let mut crc = Hasher::new();
                crc.update(prefix);
                crc.combine(&Hasher::new_with_initial_len(message.crc(), message.len()));
                crc.finalize()
            }
            Bytes::Moved(_, _, _, crc) => *crc,
        }
    }
}

/// Where a record will stand.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Place {
    pub(in crate::store) segment: u32,
    /// Offset of its first body.
    pub(in crate::store) bodies: u64,
}

/// The end of the log. After an error of [`Log::append`] with `is_broken` nothing is known of what is behind
/// the end, and the account must be opened anew.
#[derive(Debug)]
pub(in crate::store) struct Log {
    folder: PathBuf,
    segments: Arc<Segments>,
    mark: Watermark,
    file: Arc<DurableFile>,
    segment_bytes: u64,
    broken: bool,
    buf: Vec<u8>,
}

impl Log {
    /// The log that ends at `mark`; all that is behind it was cut. A new segment is begun when the current
    /// one has `segment_bytes`.
    pub(in crate::store) fn new(
        folder: &Path,
        segments: Arc<Segments>,
        mark: Watermark,
        segment_bytes: u64,
    ) -> Result<Log, StoreError> {
        let file = segments.get(mark.segment)?;
        Ok(Log {
            folder: folder.to_owned(),
            segments,
            mark,
            file,
            segment_bytes,
            broken: false,
            buf: Vec::new(),
        })
    }

    /// Where the log ends.
    pub(in crate::store) fn mark(&self) -> Watermark {
        self.mark
    }

    /// Whether the account must be opened anew before anything is written.
    pub(in crate::store) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Where the next record's bodies will stand; begins a new segment if it is time.
    pub(in crate::store) fn prepare(&mut self) -> Result<Place, StoreError> {
        if self.mark.end >= self.segment_bytes {
            self.begin_segment()?;
        }
        Ok(Place {
            segment: self.mark.segment,
            bodies: self.mark.end + RECORD_HEAD,
        })
    }

    /// Appends a record and makes it durable; gives where the log ends then. After an error the log
    /// is as it was, or broken.
    pub(in crate::store) fn append(
        &mut self,
        bodies: &[Bytes<'_>],
        ops: &OpsBuf,
    ) -> Result<Watermark, StoreError> {
        let head = self.head(bodies, ops)?;
        let written = self.write(&head, bodies, &ops.0);
        if let Err(e) = written.map_err(FsError::at("write", &self.path())) {
            self.cut_back();
            return Err(e.into());
        }
        // When the sync fails, the system may have dropped the pages: they look written and are not.
        // The account is opened anew, so that nothing in memory is believed.
        let synced = fault::point("store.segment.written").and_then(|()| self.file.sync());
        if let Err(e) = synced.map_err(FsError::at("sync", &self.path())) {
            self.cut_back();
            self.broken = true;
            return Err(e.into());
        }
        self.mark.sequence = head.sequence;
        self.mark.end += head.len();
        Ok(self.mark)
    }

    /// The index has failed: nothing more is written.
    pub(in crate::store) fn break_off(&mut self) {
        self.broken = true;
    }

    /// Takes back the record appended last, which the index would not take.
    pub(in crate::store) fn take_back(&mut self, mark: Watermark) {
        self.mark = mark;
        self.cut_back();
        self.broken = true;
    }

    fn head(&self, bodies: &[Bytes<'_>], ops: &OpsBuf) -> Result<RecordHead, StoreError> {
        let mut crc = Hasher::new();
        let mut bodies_len = 0;
        for body in bodies {
            crc.combine(&Hasher::new_with_initial_len(body.crc(), body.len()));
            bodies_len += body.len();
        }
        let ops_len = u32::try_from(ops.0.len()).map_err(|_| StoreError::Limit("changes"))?;
        Ok(RecordHead {
            kind: Kind::Batch,
            epoch: self.mark.epoch,
            sequence: self.mark.sequence + 1,
            bodies_len,
            ops_len,
            bodies_crc: crc.finalize(),
            ops_crc: crc32fast::hash(&ops.0),
        })
    }

    fn write(&mut self, head: &RecordHead, bodies: &[Bytes<'_>], ops: &[u8]) -> io::Result<()> {
        let mut buf = std::mem::take(&mut self.buf);
        let mut out = Chunks {
            file: &self.file,
            at: self.mark.end,
            buf: &mut buf,
        };
        let written = out.record(head, bodies, ops);
        buf.clear();
        buf.shrink_to(CHUNK / 4);
        self.buf = buf;
        written
    }

    fn cut_back(&mut self) {
        let cut = self.file.set_len(self.mark.end);
        if cut.and_then(|()| self.file.sync()).is_err() {
            self.broken = true;
        }
    }

    fn begin_segment(&mut self) -> Result<(), StoreError> {
        let number = self.mark.segment + 1;
        let path = path(&self.folder, number);
        let head = SegmentHead {
            number,
            epoch: self.mark.epoch,
            first_sequence: self.mark.sequence + 1,
        };
        // One that is there already is what a failed try left: no record was ever acknowledged in it.
        drop(std::fs::remove_file(&path));
        let made = DurableFile::create(&path, "segment").and_then(|file| {
            file.write_all_at(&head.encode(), 0)?;
            fault::point("store.segment.begun")?;
            Ok(file)
        });
        // The head is synced with the first record; the name must be durable before that one is
        // acknowledged.
        let made = made.map_err(FsError::at("create", &path));
        let made = made.and_then(|file| sync_dir(&self.folder).map(|()| file));
        match made {
            Ok(file) => {
                self.file = Arc::new(file);
                self.segments.put(number, self.file.clone());
                self.mark.segment = number;
                self.mark.end = SEGMENT_HEAD;
                Ok(())
            }
            Err(e) => {
                drop(std::fs::remove_file(&path));
                Err(e.into())
            }
        }
    }

    fn path(&self) -> PathBuf {
        path(&self.folder, self.mark.segment)
    }
}

/// Writes in chunks, so that memory does not grow with the bodies.
struct Chunks<'a> {
    file: &'a DurableFile,
    at: u64,
    buf: &'a mut Vec<u8>,
}

impl Chunks<'_> {
    fn record(&mut self, head: &RecordHead, bodies: &[Bytes<'_>], ops: &[u8]) -> io::Result<()> {
        self.push(&head.encode())?;
        for body in bodies {
            match body {
                Bytes::New(prefix, message) => {
                    self.push(prefix)?;
                    match message.in_memory() {
                        Some(bytes) => self.push(bytes)?,
                        None => self.copy(message.len(), |buf, at| message.read_at(at, buf))?,
                    }
                }
                Bytes::Moved(file, offset, len, _) => {
                    self.copy(*len, |buf, at| file.read_at(buf, offset + at))?;
                }
            }
        }
        self.push(ops)?;
        self.flush()
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buf.len() + bytes.len() > CHUNK {
            self.flush()?;
        }
        if bytes.len() >= CHUNK {
            self.file.write_all_at(bytes, self.at)?;
            self.at += bytes.len() as u64;
        } else {
            self.buf.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn copy(
        &mut self,
        len: u64,
        read: impl Fn(&mut [u8], u64) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < len {
            if self.buf.len() >= CHUNK {
                self.flush()?;
            }
            let have = self.buf.len();
            let want = (CHUNK - have).min(usize::try_from(len - done).unwrap_or(CHUNK));
            self.buf.resize(have + want, 0);
            let n = read(&mut self.buf[have..], done)?;
            self.buf.truncate(have + n);
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            done += n as u64;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buf.is_empty() {
            self.file.write_all_at(self.buf, self.at)?;
            self.at += self.buf.len() as u64;
            self.buf.clear();
        }
        Ok(())
    }
}
