//! Segment files: names, heads, and the few that are held open for reading.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::fsio::{DurableFile, FsError};
use crate::store::StoreError;

/// Length of a segment's head, in bytes.
pub(in crate::store) const SEGMENT_HEAD: u64 = 40;

const MAGIC: [u8; 8] = *b"mox mail";
/// The version of segments and records that is written here.
const VERSION: u32 = 1;

/// What a segment says of itself. On disk, little-endian: magic (8), format version (4), number (4), epoch (8),
/// sequence of its first record (8), CRC-32 of the head up to here (4), zeros (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct SegmentHead {
    pub(in crate::store) number: u32,
    /// The epoch of its first record.
    pub(in crate::store) epoch: u64,
    pub(in crate::store) first_sequence: u64,
}

impl SegmentHead {
    pub(in crate::store) fn encode(&self) -> [u8; SEGMENT_HEAD as usize] {
        let mut bytes = [0; SEGMENT_HEAD as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_sequence.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..32]);
        bytes[32..36].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a segment's head; `None` when it is not there whole, as after a crash while the segment
    /// was made. A version newer than this program's is an error.
    pub(in crate::store) fn read(
        file: &DurableFile,
        path: &Path,
    ) -> Result<Option<SegmentHead>, StoreError> {
        let mut bytes = [0; SEGMENT_HEAD as usize];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(FsError::at("read", path)(e).into()),
        }
        let u32_at = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        };
        let u64_at = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
        };
        if !bytes.starts_with(&MAGIC) || u32_at(32) != Some(crc32fast::hash(&bytes[..32])) {
            return Ok(None);
        }
        match u32_at(8) {
            Some(VERSION) => {}
            found => {
                return Err(StoreError::Local(format!(
                    "open {}: its format is version {}, newer than this program's ({VERSION})",
                    path.display(),
                    found.unwrap_or(0)
                )));
            }
        }
        let head = || {
            Some(SegmentHead {
                number: u32_at(12)?,
                epoch: u64_at(16)?,
                first_sequence: u64_at(24)?,
            })
        };
        Ok(head())
    }
}

/// The path of a segment in an account's folder.
pub(in crate::store) fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("segment-{number:08}.log"))
}

/// The numbers of the segments in an account's folder, ascending.
pub(in crate::store) fn list(folder: &Path) -> Result<Vec<u32>, StoreError> {
    let failed = |e| StoreError::from(FsError::at("list", folder)(e));
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number: Option<u32> = name
            .to_str()
            .and_then(|name| name.strip_prefix("segment-")?.strip_suffix(".log"))
            .filter(|digits| digits.len() >= 8)
            .and_then(|digits| digits.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How many segments of an account are held open for reading.
const OPEN: usize = 8;

/// The segments of an account that are open, the last used last.
#[derive(Debug)]
pub(in crate::store) struct Segments {
    folder: PathBuf,
    open: Mutex<VecDeque<(u32, Arc<DurableFile>)>>,
}

impl Segments {
    pub(in crate::store) fn new(folder: PathBuf) -> Segments {
        Segments {
            folder,
            open: Mutex::default(),
        }
    }

    /// A segment, open. It can be read for as long as it is held, even when it is removed meanwhile.
    pub(in crate::store) fn get(&self, number: u32) -> Result<Arc<DurableFile>, StoreError> {
        let find = |open: &mut VecDeque<(u32, Arc<DurableFile>)>| {
            let at = open.iter().position(|(n, _)| *n == number)?;
            let entry = open.remove(at)?;
            let file = entry.1.clone();
            open.push_back(entry);
            Some(file)
        };
        if let Some(file) = find(&mut self.lock()) {
            return Ok(file);
        }
        let path = path(&self.folder, number);
        let file = DurableFile::open(&path, "segment").map_err(FsError::at("open", &path))?;
        let file = Arc::new(file);
        self.put(number, file.clone());
        Ok(file)
    }

    pub(in crate::store) fn put(&self, number: u32, file: Arc<DurableFile>) {
        let mut open = self.lock();
        open.retain(|(n, _)| *n != number);
        if open.len() >= OPEN {
            open.pop_front();
        }
        open.push_back((number, file));
    }

    /// Lets go of a segment that is about to be removed.
    pub(in crate::store) fn forget(&self, number: u32) {
        self.lock().retain(|(n, _)| *n != number);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(u32, Arc<DurableFile>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
