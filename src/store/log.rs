//! The log of an account: segments `segment-NNNNNNNN.log`, which hold the bodies too.
//!
//! A segment is a head ([`segment::SegmentHead`]) and records without gaps. A record is a head
//! ([`record::RecordHead`]), the bodies that came with it, and what it does to the index: keys put and
//! deleted. One batch of changes is one record, synced once. Records are numbered without gaps, over
//! all segments, and carry the account's epoch, a random number that changes when something is cut off
//! the log's end: it can't become valid again, and no body can pass for a record.

mod append;
mod record;
mod replay;
mod segment;

pub(super) use append::{Bytes, Log, Place};
pub(super) use record::{Kind, OpsBuf, RECORD_HEAD, RecordHead, decode_ops};
pub(super) use replay::replay;
pub(super) use segment::{SEGMENT_HEAD, SegmentHead, Segments, list, path};
