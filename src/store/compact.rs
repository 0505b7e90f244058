//! Rewriting segments that are mostly dead: bodies still in use move to the log's end, as a logged
//! change, and the file goes once the index is hardened and no view needs it.
//!
//! Which bodies a segment holds is read from the segment itself: its records name them. So the index
//! needs no rows for it, and a pass that a crash ends is simply begun again: what has moved already
//! stands elsewhere.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::StoreError;
use super::body::Body;
use super::log::{self, Bytes, Kind, RECORD_HEAD, RecordHead, SEGMENT_HEAD};
use super::opened::Opened;
use super::rows::{self, BodyRow, SegmentRow, Watermark};
use crate::db::{Op, Rows};
use crate::fsio::{DurableFile, FsError, fault};

/// So many bytes of bodies are moved in one step, so that changes do not wait long.
const STEP: u64 = 4 << 20;

/// What the store knows of segments to be rewritten.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    /// The segment being rewritten, and how far.
    pass: Option<(u32, u64)>,
    /// Segments with a damaged body: they stay as they are.
    stuck: BTreeSet<u32>,
}

/// A body that is to move.
struct Move {
    body: u64,
    offset: u64,
    len: u64,
    crc: u32,
}

impl Opened {
    /// Looks for segments to be removed or rewritten; whether there is one to rewrite. Only right after a
    /// checkpoint: what the index no longer needs, the hardened one must not need either.
    pub(super) fn wants_compacting(&self) -> Result<bool, StoreError> {
        let read = self.db.read()?;
        let Some(mark) = rows::load::<Watermark>(&read, rows::WATERMARK)? else {
            return Ok(false);
        };
        let mut compaction = self.compaction();
        if compaction.pass.is_some() {
            // Its next step is asked for already.
            return Ok(false);
        }
        for number in log::list(&self.folder)? {
            if number >= mark.segment || compaction.stuck.contains(&number) {
                continue;
            }
            match rows::load::<SegmentRow>(&read, &rows::segment_key(number))? {
                None => self.doom(number),
                Some(row) if row.live * 2 <= row.bodies => {
                    compaction.pass = Some((number, SEGMENT_HEAD));
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        Ok(false)
    }

    /// Rewrites some of a segment; true when there is more to do.
    pub(super) fn compact_step(&self) -> Result<bool, StoreError> {
        let Some((segment, at)) = self.compaction().pass else {
            return Ok(false);
        };
        let next = self.rewrite(segment, at).inspect_err(|_| {
            self.compaction().pass = None;
        })?;
        self.compaction().pass = next.map(|at| (segment, at));
        if next.is_some() {
            return Ok(true);
        }
        let row: Option<SegmentRow> = rows::load(&self.db.read()?, &rows::segment_key(segment))?;
        if row.is_some_and(|row| row.live > 0) {
            tracing::warn!(path = %log::path(&self.folder, segment).display(), "segment cannot be rewritten: a message in it is damaged");
            self.compaction().stuck.insert(segment);
            return Ok(false);
        }
        self.relocate(&mut |batch| {
            batch.forget_segment(segment);
            Ok(())
        })?;
        self.point("store.compact.forgotten")?;
        self.checkpoint()?;
        self.doom(segment);
        self.sweep()?;
        // There may be another one.
        self.wants_compacting()
    }

    /// Moves the bodies of some records; gives where the next step begins, `None` at the end.
    fn rewrite(&self, segment: u32, from: u64) -> Result<Option<u64>, StoreError> {
        let file = self.segments.get(segment)?;
        let read = self.db.read()?;
        let (mut at, mut bytes, mut moves) = (from, 0, Vec::new());
        let mut more = true;
        while bytes < STEP {
            let Some(head) = self.head_at(&file, segment, at)? else {
                more = false;
                break;
            };
            let found = moves.len();
            self.moves_of(&file, segment, at, &head, &read, &mut moves)?;
            bytes += moves.iter().skip(found).map(|moved| moved.len).sum::<u64>();
            at += head.len();
        }
        let file: &DurableFile = &file;
        if !moves.is_empty() {
            self.relocate(&mut |batch| {
                for moved in &moves {
                    let bytes = Bytes::Moved(file, moved.offset, moved.len, moved.crc);
                    batch.relocate(moved.body, bytes)?;
                }
                Ok(())
            })?;
            self.point("store.compact.moved")?;
        }
        Ok(more.then_some(at))
    }

    fn head_at(
        &self,
        file: &DurableFile,
        segment: u32,
        at: u64,
    ) -> Result<Option<RecordHead>, StoreError> {
        let mut bytes = [0; RECORD_HEAD as usize];
        match file.read_exact_at(&mut bytes, at) {
            Ok(()) => Ok(RecordHead::parse(&bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(FsError::at("read", &log::path(&self.folder, segment))(e).into()),
        }
    }

    /// The bodies of a record that are still where it put them.
    fn moves_of(
        &self,
        file: &Arc<DurableFile>,
        segment: u32,
        at: u64,
        head: &RecordHead,
        rows: &impl Rows,
        moves: &mut Vec<Move>,
    ) -> Result<(), StoreError> {
        if head.kind != Kind::Batch {
            return Ok(());
        }
        let mut ops = vec![0; head.ops_len as usize];
        file.read_exact_at(&mut ops, at + RECORD_HEAD + head.bodies_len)
            .map_err(FsError::at("read", &log::path(&self.folder, segment)))?;
        let mut named = Vec::new();
        log::decode_ops(&ops, &mut |op| {
            if let Op::Put(key, _) = op {
                named.extend(rows::body_of(key));
            }
            Ok::<(), StoreError>(())
        })?;
        for body in named {
            let Some(value) = rows.get(&rows::body_key(body))? else {
                continue;
            };
            let row: BodyRow<'_> = rows::decode(&value)?;
            // With its end: an empty body may stand there.
            let bodies = at + RECORD_HEAD..=at + RECORD_HEAD + head.bodies_len;
            if row.segment != segment || !bodies.contains(&row.offset) {
                continue;
            }
            // A damaged body is not passed off as a good one by a new checksum.
            if Body::new(file.clone(), row.offset, row.len, row.crc).verify()? {
                moves.push(Move {
                    body,
                    offset: row.offset,
                    len: row.len,
                    crc: row.crc,
                });
            }
        }
        Ok(())
    }

    /// Whether segments wait to be removed.
    pub(super) fn has_doomed(&self) -> bool {
        self.doomed().is_waiting()
    }

    fn point(&self, name: &str) -> Result<(), StoreError> {
        Ok(fault::point(name).map_err(FsError::at("write", &self.folder))?)
    }

    fn compaction(&self) -> MutexGuard<'_, Compaction> {
        self.compaction
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
