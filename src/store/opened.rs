//! An account that is open: its index, its log, and how they are kept in step. Only one thread at a time
//! changes it (the committer that has the account); any number read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::apply::{Batch, first_rows};
use super::compact::Compaction;
use super::log::{self, Kind, Log, OpsBuf, RecordHead, SEGMENT_HEAD, SegmentHead, Segments};
use super::rows::{self, FORMAT, SegmentRow, Watermark};
use super::{Change, Changed, ModSeq, StoreError};
use crate::db::{Db, DbError, Op, Options, Read, Write};
use crate::fsio::{DurableFile, FsError, fault, sync_dir};

/// Operations of a replay are put into the index in portions of so many bytes.
const PORTION: usize = 32 << 20;

pub(super) struct Opened {
    pub(super) folder: PathBuf,
    pub(super) db: Db,
    pub(super) segments: Arc<Segments>,
    log: Mutex<Log>,
    dirty: Mutex<Dirty>,
    doomed: Mutex<Doomed>,
    pub(super) compaction: Mutex<Compaction>,
}

/// What is in the index and not yet hardened there.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Dirty {
    pub(super) since: Option<Instant>,
    pub(super) bytes: u64,
}

/// Segments that are to be removed once no view needs them.
#[derive(Debug, Default)]
pub(super) struct Doomed {
    /// Held by each view made since the last segment was doomed.
    pin: Arc<()>,
    /// With the pins of the views that may need them, the oldest first.
    waiting: Vec<(u32, Arc<()>)>,
}

impl Doomed {
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// What a batch did.
pub(super) struct Written {
    pub(super) results: Vec<Result<Changed, StoreError>>,
    /// The account's newest change.
    pub(super) modseq: ModSeq,
}

impl Opened {
    /// Makes the files of a new account in a folder, durable in all but the folder's own name. There is no
    /// index yet: opening makes it from the log, as it would after a crash.
    pub(super) fn create(folder: &Path) -> Result<(), StoreError> {
        let head = SegmentHead {
            number: 1,
            epoch: random()?,
            first_sequence: 1,
        };
        let mut ops = OpsBuf::default();
        let now = seconds_now();
        let scratch = Db::in_memory(FORMAT)?;
        scratch.write_logged(
            |w| first_rows(w, now),
            |(), w| {
                w.ops().for_each(|op| ops.push(op));
                Ok::<(), StoreError>(())
            },
        )?;
        let record = RecordHead {
            kind: Kind::Batch,
            epoch: head.epoch,
            sequence: 1,
            bodies_len: 0,
            ops_len: ops.0.len() as u32,
            bodies_crc: crc32fast::hash(b""),
            ops_crc: crc32fast::hash(&ops.0),
        };
        let bytes = [&head.encode()[..], &record.encode(), &ops.0].concat();
        let path = log::path(folder, 1);
        let written = DurableFile::create(&path, "segment")
            .and_then(|file| file.write_all_at(&bytes, 0).and_then(|()| file.sync()));
        written.map_err(FsError::at("create", &path))?;
        Ok(sync_dir(folder)?)
    }

    /// Opens an account's files; after a crash, brings the index up to the log's end.
    pub(super) fn open(folder: &Path, segment_bytes: u64) -> Result<Opened, StoreError> {
        let numbers = log::list(folder)?;
        let segments = Arc::new(Segments::new(folder.to_owned()));
        let db = open_index(folder, &numbers)?;
        let stored: Option<Watermark> = rows::load(&db.read()?, rows::WATERMARK)?;
        let start = match stored {
            Some(mark) => mark,
            None => beginning(folder, &segments)?,
        };
        let path = log::path(folder, start.segment);
        if !numbers.contains(&start.segment) {
            return Err(StoreError::Local(format!(
                "open {}: no such file, and the index needs it",
                path.display()
            )));
        }
        if SegmentHead::read(&*segments.get(start.segment)?, &path)?.is_none() {
            return Err(StoreError::Local(format!(
                "open {}: it is no mail segment",
                path.display()
            )));
        }
        let mut pending = Pending::default();
        let replayed = log::replay(folder, &segments, &numbers, start, &mut |ops, mark| {
            pending.add(ops, mark)?;
            if pending.bytes > PORTION {
                pending.flush(&db)?;
            }
            Ok(())
        })?;
        let mark = replayed.mark;
        if replayed.records > 0 {
            pending.finish(&db, mark)?;
            fault::point("store.recover.hardened").map_err(FsError::at("write", folder))?;
            tracing::info!(folder = %folder.display(), records = replayed.records, cut = replayed.cut, "account recovered from its log");
        }
        // Made sure of before anything is written behind it.
        rows::load_account(&db.read()?)?;
        let opened = Opened {
            folder: folder.to_owned(),
            log: Mutex::new(Log::new(folder, segments.clone(), mark, segment_bytes)?),
            db,
            segments,
            dirty: Mutex::default(),
            doomed: Mutex::default(),
            compaction: Mutex::default(),
        };
        opened.remove_leftovers(&numbers, mark.segment)?;
        Ok(opened)
    }

    /// The account's newest change.
    pub(super) fn modseq(&self) -> Result<ModSeq, StoreError> {
        Ok(rows::load_account(&self.db.read()?)?.modseq)
    }

    /// Does the changes as one batch: durable and visible when this returns. An error is of the whole
    /// batch, of which nothing is left then.
    pub(super) fn write(&self, changes: &[Change]) -> Result<Written, StoreError> {
        let now = seconds_now();
        self.commit(
            &mut |batch| changes.iter().map(|change| batch.run(change)).collect(),
            now,
        )
    }

    fn commit<'c>(
        &self,
        run: &mut dyn FnMut(&mut Batch<'_, 'c>) -> Vec<Result<Changed, StoreError>>,
        now: i64,
    ) -> Result<Written, StoreError> {
        let mut log = self.log();
        let place = log.prepare()?;
        let before = log.mark();
        let mut log_failed = false;
        let mut after = before;
        let done = self.db.write_logged(
            |w| {
                let old = rows::load_account(w)?.modseq;
                let mut batch = Batch::new(w, place, now);
                let results = run(&mut batch);
                let bodies = std::mem::take(&mut batch.bodies);
                let relocated = batch.has_relocated();
                let modseq = rows::load_account(w)?.modseq;
                // All but \Recent takes a number.
                let logged = modseq != old || relocated;
                Ok((Written { results, modseq }, bodies, logged))
            },
            |(_, bodies, logged), w| {
                if !*logged {
                    return Ok(());
                }
                let mut ops = OpsBuf::default();
                w.ops().for_each(|op| ops.push(op));
                match log.append(bodies, &ops) {
                    Ok(mark) => after = mark,
                    Err(e) => {
                        log_failed = true;
                        return Err(e);
                    }
                }
                fault::point("store.segment.synced").map_err(FsError::at("write", &self.folder))?;
                rows::save(w, rows::WATERMARK, &after)
            },
        );
        match done {
            Ok((written, _, _)) => {
                self.note_dirty(after.end.saturating_sub(place.bodies));
                fault::point("store.index.committed")
                    .map_err(FsError::at("write", &self.folder))?;
                Ok(written)
            }
            Err(e) => {
                if !log_failed {
                    // The index would not take it: what the log has of it must not come back later.
                    log.take_back(before);
                }
                Err(e)
            }
        }
    }

    /// Moves bodies to the log's end.
    pub(super) fn relocate<'c>(
        &self,
        run: &mut dyn FnMut(&mut Batch<'_, 'c>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let written = self.commit(
            &mut |batch| vec![run(batch).map(|()| Changed::Done)],
            seconds_now(),
        )?;
        written
            .results
            .into_iter()
            .try_for_each(|done| done.map(drop))
    }

    /// Hardens the index: nothing written so far will have to be replayed.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        if self.dirty().since.is_some() {
            fault::point("store.checkpoint.begun").map_err(FsError::at("write", &self.folder))?;
            self.db.harden().inspect_err(|_| self.log().break_off())?;
            *self.lock_dirty() = Dirty::default();
            fault::point("store.checkpoint.done").map_err(FsError::at("write", &self.folder))?;
        }
        Ok(())
    }

    /// Whether the account must be opened anew before anything is written.
    pub(super) fn is_broken(&self) -> bool {
        self.log().is_broken()
    }

    pub(super) fn dirty(&self) -> Dirty {
        *self.lock_dirty()
    }

    /// A snapshot, and what keeps the segments it needs.
    pub(super) fn read(&self) -> Result<(Read, Arc<()>), StoreError> {
        // The pin first: a segment doomed in between is then kept for nothing, not removed too soon.
        let pin = self.doomed().pin.clone();
        Ok((self.db.read()?, pin))
    }

    fn note_dirty(&self, bytes: u64) {
        let mut dirty = self.lock_dirty();
        dirty.since.get_or_insert_with(Instant::now);
        dirty.bytes += bytes;
    }

    fn lock_dirty(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn doomed(&self) -> MutexGuard<'_, Doomed> {
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a segment that nothing in the hardened index needs, as soon as no view needs it.
    pub(super) fn doom(&self, segment: u32) {
        let mut doomed = self.doomed();
        if doomed.waiting.iter().any(|(known, _)| *known == segment) {
            return;
        }
        let pin = std::mem::take(&mut doomed.pin);
        doomed.waiting.push((segment, pin));
    }

    /// Removes doomed segments; true when some must wait for views.
    pub(super) fn sweep(&self) -> Result<bool, StoreError> {
        loop {
            let segment = match self.doomed().waiting.first() {
                None => return Ok(false),
                Some((_, pin)) if Arc::strong_count(pin) > 1 => return Ok(true),
                Some((segment, _)) => *segment,
            };
            // Readers do not wait for the disk: they take their pins meanwhile.
            self.remove_segment(segment)?;
            self.doomed().waiting.remove(0);
        }
    }

    fn remove_segment(&self, number: u32) -> Result<(), StoreError> {
        let path = log::path(&self.folder, number);
        self.segments.forget(number);
        std::fs::remove_file(&path).map_err(FsError::at("remove", &path))?;
        fault::point("store.segment.removed").map_err(FsError::at("remove", &path))?;
        Ok(())
    }

    /// Removes segments that a crash kept from being removed: before the log's end, without a body.
    fn remove_leftovers(&self, numbers: &[u32], current: u32) -> Result<(), StoreError> {
        let read = self.db.read()?;
        for number in numbers.iter().filter(|number| **number < current) {
            let row: Option<SegmentRow> = rows::load(&read, &rows::segment_key(*number))?;
            if row.is_none() {
                self.remove_segment(*number)?;
            }
        }
        Ok(())
    }
}

fn open_index(folder: &Path, numbers: &[u32]) -> Result<Db, StoreError> {
    let path = folder.join("index.redb");
    let options = Options {
        // Without the first segment an index cannot be made anew.
        create: numbers.first() == Some(&1),
        ..Options::new(FORMAT)
    };
    match Db::open(&path, options) {
        Err(DbError::NotFound(path)) => Err(StoreError::Local(format!(
            "open {}: no such file, and the log that is left cannot replace it",
            path.display()
        ))),
        done => Ok(done?),
    }
}

/// Where a log begins.
fn beginning(folder: &Path, segments: &Segments) -> Result<Watermark, StoreError> {
    let path = log::path(folder, 1);
    let head = SegmentHead::read(&*segments.get(1)?, &path)?
        .filter(|head| head.number == 1 && head.first_sequence == 1)
        .ok_or_else(|| {
            StoreError::Local(format!("open {}: it is no mail segment", path.display()))
        })?;
    Ok(Watermark {
        epoch: head.epoch,
        sequence: 0,
        segment: 1,
        end: SEGMENT_HEAD,
    })
}

/// Operations read from the log, to be put into the index.
#[derive(Default)]
struct Pending {
    records: Vec<Vec<u8>>,
    bytes: usize,
    mark: Option<Watermark>,
}

impl Pending {
    fn add(&mut self, ops: &[u8], mark: Watermark) -> Result<(), StoreError> {
        let whole = log::decode_ops(ops, &mut |_| Ok::<(), StoreError>(()))?;
        if !whole {
            return Err(rows::damaged("a change in the log cannot be read"));
        }
        self.bytes += ops.len();
        self.records.push(ops.to_vec());
        self.mark = Some(mark);
        Ok(())
    }

    fn flush(&mut self, db: &Db) -> Result<(), StoreError> {
        let mark = self.mark;
        db.write_logged(
            |w| {
                self.apply(w)?;
                mark.map_or(Ok(()), |mark| rows::save(w, rows::WATERMARK, &mark))
            },
            |(), _| Ok::<(), StoreError>(()),
        )?;
        *self = Pending::default();
        Ok(())
    }

    fn finish(self, db: &Db, mark: Watermark) -> Result<(), StoreError> {
        db.write(|w| {
            self.apply(w)?;
            rows::save(w, rows::WATERMARK, &mark)
        })
    }

    fn apply(&self, w: &mut Write) -> Result<(), StoreError> {
        for ops in &self.records {
            log::decode_ops(ops, &mut |op| match op {
                Op::Put(key, value) => w.put(key, value),
                Op::Delete(key) => {
                    w.delete(key);
                    Ok(())
                }
            })?;
        }
        Ok(())
    }
}

/// A number that nobody can guess.
pub(super) fn random() -> Result<u64, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::Local(format!("random numbers: {e}")))?;
    Ok(u64::from_le_bytes(bytes))
}

fn seconds_now() -> i64 {
    crate::clock::now().as_second()
}
