//! BINARY and BINARY.SIZE (RFC 3516, RFC 9051 §6.4.5): parts without their transfer encoding.
//!
//! A literal's size stands before its bytes, so a part is decoded twice: once to count, once to show.
//! Neither time is more than a piece of it in memory.

use mox::mail::decode::{Decoder, Encoding};
use mox::mail::{Parsed, section};
use mox::store::{Body, StoreError};

/// Encoded bytes looked at at a time.
const PIECE: usize = 32 << 10;

/// A part's decoded bytes, one after the other.
pub(super) struct Decoded {
    decoder: Option<Decoder>,
    at: u64,
    end: u64,
    /// Decoded bytes still to be passed over, and to be shown.
    skip: u64,
    left: u64,
    /// Decoded and not shown yet.
    ready: Vec<u8>,
    encoded: Vec<u8>,
}

/// A part that can be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct BinaryPart {
    start: u64,
    end: u64,
    encoding: Encoding,
}

/// Why a part can't be.
pub(super) enum Missing {
    /// There is none of that number.
    Part,
    /// Nobody knows its encoding.
    Encoding,
}

/// Finds a part by its numbers; without numbers, the whole message as it is.
pub(super) fn find(parsed: &Parsed, path: &[u32], size: u64) -> Result<BinaryPart, Missing> {
    if path.is_empty() {
        return Ok(BinaryPart {
            start: 0,
            end: size,
            encoding: Encoding::Identity,
        });
    }
    let part = section::part(&parsed.root, path).ok_or(Missing::Part)?;
    let range = section::body(part);
    let encoding = match part.kind {
        mox::mail::PartKind::Leaf => Encoding::of(&part.encoding).ok_or(Missing::Encoding)?,
        // RFC 2045 §6.4: what has parts has no encoding of its own.
        _ => Encoding::Identity,
    };
    Ok(BinaryPart {
        start: range.start,
        end: range.end,
        encoding,
    })
}

/// The decoded size, and whether there are NULs in what `partial` leaves of it.
pub(super) struct Measure {
    pub(super) size: u64,
    pub(super) shown: u64,
    pub(super) has_nul: bool,
}

impl BinaryPart {
    /// Goes through the part once.
    pub(super) fn measure(
        self,
        body: &Body,
        partial: Option<(u64, u64)>,
    ) -> Result<Measure, StoreError> {
        let mut all = self.read(None);
        let (origin, length) = partial.unwrap_or((0, u64::MAX));
        let last = origin.saturating_add(length);
        let mut measure = Measure {
            size: 0,
            shown: 0,
            has_nul: false,
        };
        let mut piece = Vec::new();
        loop {
            piece.clear();
            if !all.next(body, &mut piece, PIECE)? {
                return Ok(measure);
            }
            let start = measure.size;
            measure.size += piece.len() as u64;
            let clip = |at: u64| at.clamp(start, measure.size).saturating_sub(start) as usize;
            let shown = &piece[clip(origin)..clip(last)];
            measure.shown += shown.len() as u64;
            measure.has_nul |= memchr::memchr(0, shown).is_some();
        }
    }

    /// Its decoded bytes.
    pub(super) fn read(self, partial: Option<(u64, u64)>) -> Decoded {
        let (skip, left) = partial.unwrap_or((0, u64::MAX));
        Decoded {
            decoder: Some(Decoder::new(self.encoding)),
            at: self.start,
            end: self.end,
            skip,
            left,
            ready: Vec::new(),
            encoded: Vec::new(),
        }
    }
}

impl Decoded {
    /// Appends up to `room` bytes to `out`. False: there are no more.
    pub(super) fn next(
        &mut self,
        body: &Body,
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<bool, StoreError> {
        while self.ready.is_empty() {
            if self.left == 0 || !self.decode(body)? {
                return Ok(false);
            }
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let n = self.ready.len().min(room).min(left);
        out.extend(self.ready.drain(..n));
        self.left -= n as u64;
        if self.left == 0 {
            self.ready.clear();
        }
        Ok(true)
    }

    /// Decodes the next piece. False: there is none.
    fn decode(&mut self, body: &Body) -> Result<bool, StoreError> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(false);
        };
        let want = (self.end - self.at).min(PIECE as u64) as usize;
        self.encoded.resize(want, 0);
        let n = match want {
            0 => 0,
            _ => body.read_at(self.at, &mut self.encoded)?,
        };
        match n {
            0 => {
                if let Some(decoder) = self.decoder.take() {
                    decoder.finish(&mut self.ready);
                }
            }
            n => {
                decoder.push(&self.encoded[..n], &mut self.ready);
                self.at += n as u64;
            }
        }
        let skipped = (self.ready.len() as u64).min(self.skip);
        self.ready.drain(..skipped as usize);
        self.skip -= skipped;
        Ok(true)
    }
}
