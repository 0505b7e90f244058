//! Reading the log from a watermark on, after a crash, and cutting off what is torn.

use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use super::{Kind, RECORD_HEAD, RecordHead, SEGMENT_HEAD, SegmentHead, Segments, path};
use crate::fsio::{DurableFile, FsError, fault, sync_dir};
use crate::store::StoreError;
use crate::store::opened::random;
use crate::store::rows::Watermark;

/// Takes the operations of a record and where the log is after it.
type Each<'a> = dyn FnMut(&[u8], Watermark) -> Result<(), StoreError> + 'a;

/// What a replay found.
#[derive(Debug)]
pub(in crate::store) struct Replayed {
    /// Where the log ends.
    pub(in crate::store) mark: Watermark,
    /// How many records were read.
    pub(in crate::store) records: u64,
    /// Whether something behind the end was cut off.
    pub(in crate::store) cut: bool,
}

/// Gives the operations of each record after `mark`, in order, to `each`, with where the log is after
/// it, and cuts off what a crash left behind the last good record. `numbers` are the segments there are.
///
/// A record that is not good is taken for the one that was being written when the power went: it was not
/// acknowledged. When a later record proves that it was, the disk has lost it, and that is an error:
/// nothing is cut off then.
pub(in crate::store) fn replay(
    folder: &Path,
    segments: &Segments,
    numbers: &[u32],
    mark: Watermark,
    each: &mut Each<'_>,
) -> Result<Replayed, StoreError> {
    let mut replay = Replay {
        segments,
        folder,
        mark,
        records: 0,
    };
    let mut file = segments.get(mark.segment)?;
    loop {
        let end = replay.file_len(&file)?;
        if end < replay.mark.end {
            return Err(replay.damaged("it is shorter than the index says"));
        }
        while let Some((head, ops)) = replay.record(&file, end)? {
            replay.take(&head, &ops, each)?;
        }
        // The next segment was begun at the end of this one, if its head says so.
        let next = replay.mark.segment + 1;
        let Some(head) = replay.next_head(numbers, next)? else {
            break;
        };
        file = segments.get(next)?;
        let end = replay.file_len(&file)?;
        let at = Watermark {
            segment: next,
            end: SEGMENT_HEAD,
            ..replay.mark
        };
        let before = std::mem::replace(&mut replay.mark, at);
        if head.epoch != at.epoch
            || head.first_sequence != at.sequence + 1
            || replay.record(&file, end)?.is_none()
        {
            replay.mark = before;
            break;
        }
    }
    fault::point("store.recover.read").map_err(FsError::at("read", folder))?;
    let cut = replay.cut(numbers, each)?;
    Ok(Replayed {
        mark: replay.mark,
        records: replay.records,
        cut,
    })
}

struct Replay<'a> {
    segments: &'a Segments,
    folder: &'a Path,
    mark: Watermark,
    records: u64,
}

impl Replay<'_> {
    /// The record at the mark with its operations, if it is a good one.
    fn record(
        &self,
        file: &DurableFile,
        end: u64,
    ) -> Result<Option<(RecordHead, Vec<u8>)>, StoreError> {
        let Some(head) = self.head_at(file, self.mark.end, end)? else {
            self.check_torn(file, self.mark.end, end)?;
            return Ok(None);
        };
        let next = self.mark.end + head.len();
        let ops = self.read_at(file, next - u64::from(head.ops_len), head.ops_len as usize)?;
        let ops_good = crc32fast::hash(&ops) == head.ops_crc;
        let bodies_good = ops_good && self.bodies_crc(file, &head)? == head.bodies_crc;
        if bodies_good {
            return Ok(Some((head, ops)));
        }
        let later = Watermark {
            sequence: head.sequence,
            end: next,
            ..self.mark
        };
        let followed = Replay {
            mark: later,
            ..*self
        }
        .head_at(file, next, end)?
        .is_some();
        match (followed, ops_good) {
            (false, _) => {
                self.check_torn(file, next, end)?;
                Ok(None)
            }
            // A body alone is damaged: the message is shown, reading it fails.
            (true, true) => {
                tracing::error!(path = %self.path().display(), offset = self.mark.end, "a stored message is damaged");
                Ok(Some((head, ops)))
            }
            (true, false) => Err(self.damaged("a change that was kept cannot be read")),
        }
    }

    /// A head that may be the next record's, with its end within the file.
    fn head_at(
        &self,
        file: &DurableFile,
        at: u64,
        end: u64,
    ) -> Result<Option<RecordHead>, StoreError> {
        if end.saturating_sub(at) < RECORD_HEAD {
            return Ok(None);
        }
        let mut bytes = [0; RECORD_HEAD as usize];
        file.read_exact_at(&mut bytes, at)
            .map_err(FsError::at("read", &self.path()))?;
        Ok(RecordHead::parse(&bytes).filter(|head| {
            head.epoch == self.mark.epoch
                && head.sequence == self.mark.sequence + 1
                && at
                    .checked_add(RECORD_HEAD)
                    .and_then(|n| n.checked_add(head.bodies_len))
                    .and_then(|n| n.checked_add(u64::from(head.ops_len)))
                    .is_some_and(|next| next <= end)
        }))
    }

    /// Only one record is ever written without being synced. A later one behind a bad one therefore shows that
    /// the bad one had been kept, and the disk has damaged it.
    fn check_torn(&self, file: &DurableFile, from: u64, end: u64) -> Result<(), StoreError> {
        const WINDOW: usize = 1 << 20;
        let mut at = from;
        while at < end {
            let want = WINDOW.min(usize::try_from(end - at).unwrap_or(WINDOW));
            let bytes = self.read_at(file, at, want)?;
            let mut skip = 0;
            while let Some(found) = RecordHead::find(bytes.get(skip..).unwrap_or(&[])) {
                skip += found;
                let mut head = [0; RECORD_HEAD as usize];
                if at + skip as u64 + RECORD_HEAD <= end {
                    file.read_exact_at(&mut head, at + skip as u64)
                        .map_err(FsError::at("read", &self.path()))?;
                }
                let later = RecordHead::parse(&head).is_some_and(|head| {
                    head.epoch == self.mark.epoch && head.sequence > self.mark.sequence + 1
                });
                if later {
                    return Err(self.damaged("a change that was kept cannot be read"));
                }
                skip += 1;
            }
            // A magic may stand across the border of two windows.
            at += want as u64;
            if at < end {
                at -= 3;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        head: &RecordHead,
        ops: &[u8],
        each: &mut Each<'_>,
    ) -> Result<(), StoreError> {
        self.mark.sequence = head.sequence;
        self.mark.end += head.len();
        self.records += 1;
        match head.kind {
            Kind::Batch => each(ops, self.mark),
            Kind::Epoch => {
                let epoch = ops.try_into().map(u64::from_le_bytes);
                self.mark.epoch = epoch.map_err(|_| self.damaged("an epoch cannot be read"))?;
                each(&[], self.mark)
            }
        }
    }

    fn bodies_crc(&self, file: &DurableFile, head: &RecordHead) -> Result<u32, StoreError> {
        const WINDOW: u64 = 1 << 18;
        let mut crc = Hasher::new();
        let mut done = 0;
        while done < head.bodies_len {
            let want = WINDOW.min(head.bodies_len - done);
            crc.update(&self.read_at(file, self.mark.end + RECORD_HEAD + done, want as usize)?);
            done += want;
        }
        Ok(crc.finalize())
    }

    fn next_head(&self, numbers: &[u32], next: u32) -> Result<Option<SegmentHead>, StoreError> {
        if !numbers.contains(&next) {
            return Ok(None);
        }
        let file = self.segments.get(next)?;
        SegmentHead::read(&file, &path(self.folder, next))
    }

    /// Makes the mark the end of the log on disk. If there was anything behind it, the epoch changes:
    /// should the file system bring it back, it would not count.
    fn cut(&mut self, numbers: &[u32], each: &mut Each<'_>) -> Result<bool, StoreError> {
        let file = self.segments.get(self.mark.segment)?;
        let torn = self.file_len(&file)? > self.mark.end;
        let mut begun = numbers.iter().filter(|number| **number > self.mark.segment);
        for number in begun.clone() {
            let path = path(self.folder, *number);
            self.segments.forget(*number);
            std::fs::remove_file(&path).map_err(FsError::at("remove", &path))?;
        }
        if !torn && begun.next().is_none() {
            return Ok(false);
        }
        tracing::info!(path = %self.path().display(), offset = self.mark.end, "cutting off what a crash left half written");
        let epoch = random()?.to_le_bytes();
        let head = RecordHead {
            kind: Kind::Epoch,
            epoch: self.mark.epoch,
            sequence: self.mark.sequence + 1,
            bodies_len: 0,
            ops_len: epoch.len() as u32,
            bodies_crc: crc32fast::hash(b""),
            ops_crc: crc32fast::hash(&epoch),
        };
        let record = [&head.encode()[..], &epoch].concat();
        file.set_len(self.mark.end)
            .and_then(|()| file.write_all_at(&record, self.mark.end))
            .and_then(|()| fault::point("store.recover.cut"))
            .and_then(|()| file.sync())
            .map_err(FsError::at("cut", &self.path()))?;
        sync_dir(self.folder)?;
        self.take(&head, &epoch, each)?;
        Ok(true)
    }

    fn file_len(&self, file: &DurableFile) -> Result<u64, StoreError> {
        Ok(file.len().map_err(FsError::at("look at", &self.path()))?)
    }

    fn read_at(&self, file: &DurableFile, at: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at)
            .map_err(FsError::at("read", &self.path()))?;
        Ok(bytes)
    }

    fn path(&self) -> PathBuf {
        path(self.folder, self.mark.segment)
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::Local(format!(
            "read {} at {}: {why}",
            self.path().display(),
            self.mark.end
        ))
    }
}
