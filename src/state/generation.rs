//! Generations of the configuration: who made which, and the text of mox.toml in each.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::text::{PIECE, TextRow, apply};
use super::{KEPT_GENERATIONS, Last, StateError, decode, encode, keys};
use crate::db::{KeyRange, Order, Rows, Write};

/// SHA-256 of a text of mox.toml.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> ContentHash {
        ContentHash(Sha256::digest(bytes).into())
    }
}

impl std::fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in &self.0[..8] {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// One applied configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// From 1; they only grow.
    pub number: u64,
    /// When it was made, in milliseconds.
    pub time: Timestamp,
    /// Who made it; `file` for hand edits.
    pub actor: String,
    /// The command line, without secrets.
    pub command: String,
    /// Names the request that made it, or empty.
    pub request: String,
    /// One line for people.
    pub summary: String,
    /// The file that it was made from.
    pub before: ContentHash,
    /// The file that it is.
    pub after: ContentHash,
}

/// A generation that is to be made.
#[derive(Debug, Clone)]
pub struct NewGeneration {
    /// Who makes it.
    pub actor: String,
    /// The command line, without secrets.
    pub command: String,
    /// Names the request, or empty.
    pub request: String,
    /// One line for people.
    pub summary: String,
    /// The file that it is made from.
    pub before: ContentHash,
    /// The file that it is: the hash of `text`.
    pub after: ContentHash,
    /// The new text of mox.toml.
    pub text: Arc<str>,
}

#[derive(Serialize, Deserialize)]
enum GenerationRow {
    V1 {
        /// Milliseconds since 1970.
        time: i64,
        actor: String,
        command: String,
        request: String,
        summary: String,
        before: ContentHash,
        after: ContentHash,
    },
}

/// Adds a generation and drops those that are not kept any more.
pub(super) fn append(
    write: &mut Write,
    new: &NewGeneration,
    last: Option<&Last>,
) -> Result<Last, StateError> {
    let number = last.map_or(0, |last| last.generation.number) + 1;
    let now = crate::clock::now().as_millisecond();
    let generation = Generation {
        number,
        time: timestamp(now),
        actor: bounded(&new.actor),
        command: bounded(&new.command),
        request: bounded(&new.request),
        summary: bounded(&new.summary),
        before: new.before,
        after: new.after,
    };
    let row = GenerationRow::V1 {
        time: now,
        actor: generation.actor.clone(),
        command: generation.command.clone(),
        request: generation.request.clone(),
        summary: generation.summary.clone(),
        before: generation.before,
        after: generation.after,
    };
    write.put(&keys::numbered(keys::GENERATION, number), &encode(&row)?)?;

    let text = TextRow::plan(
        new.text.as_bytes(),
        last.map(|last| (last.text.as_bytes(), last.depth)),
    );
    write.put(&keys::numbered(keys::TEXT, number), &encode(&text)?)?;
    if let TextRow::Whole { .. } = text {
        for (piece, bytes) in (0..).zip(new.text.as_bytes().chunks(PIECE)) {
            write.put(&keys::piece(number, piece), bytes)?;
        }
    }
    prune(write, number)?;
    Ok(Last {
        generation,
        text: Arc::clone(&new.text),
        depth: text.depth(),
    })
}

/// Texts stay longer than their generations while younger ones build on them.
fn prune(write: &mut Write, newest: u64) -> Result<(), StateError> {
    let oldest = (newest + 1).saturating_sub(KEPT_GENERATIONS);
    if oldest <= 1 {
        return Ok(());
    }
    let start = keys::numbered(keys::GENERATION, 0);
    write.clear(KeyRange::from_to(
        &start,
        &keys::numbered(keys::GENERATION, oldest),
    ))?;
    let depth = match write.get(&keys::numbered(keys::TEXT, oldest))? {
        Some(row) => decode::<TextRow>(&row, "text")?.depth(),
        None => return Err(StateError::Damaged("text")),
    };
    let base = oldest.saturating_sub(depth);
    let start = keys::numbered(keys::TEXT, 0);
    write.clear(KeyRange::from_to(&start, &keys::numbered(keys::TEXT, base)))?;
    Ok(())
}

/// The newest generation with its text.
pub(super) fn load_last(rows: &impl Rows) -> Result<Option<Last>, StateError> {
    let range = KeyRange::prefix(keys::GENERATION);
    let Some((key, row)) = rows.first(range, Order::Descending)? else {
        return Ok(None);
    };
    let generation = parse(&key, &row)?;
    let text = load_text(rows, generation.number)?.ok_or(StateError::Damaged("text"))?;
    let depth = match rows.get(&keys::numbered(keys::TEXT, generation.number))? {
        Some(row) => decode::<TextRow>(&row, "text")?.depth(),
        None => return Err(StateError::Damaged("text")),
    };
    Ok(Some(Last {
        generation,
        text: text.into(),
        depth,
    }))
}

/// All that are kept, newest first.
pub(super) fn load_all(rows: &impl Rows) -> Result<Vec<Generation>, StateError> {
    let mut generations = Vec::new();
    let mut damaged = None;
    let range = KeyRange::prefix(keys::GENERATION);
    rows.scan(range, Order::Descending, &mut |key, row| {
        match parse(key, row) {
            Ok(generation) => generations.push(generation),
            Err(error) => damaged = Some(error),
        }
        damaged.is_none()
    })?;
    match damaged {
        Some(error) => Err(error),
        None => Ok(generations),
    }
}

/// The text of a generation.
pub(super) fn load_text(rows: &impl Rows, number: u64) -> Result<Option<String>, StateError> {
    const DAMAGED: StateError = StateError::Damaged("text");
    if rows
        .get(&keys::numbered(keys::GENERATION, number))?
        .is_none()
    {
        return Ok(None);
    }
    let mut deltas = Vec::new();
    let mut at = number;
    let mut text = loop {
        let row = rows.get(&keys::numbered(keys::TEXT, at))?.ok_or(DAMAGED)?;
        match decode(&row, "text")? {
            TextRow::Whole { pieces } => {
                let mut text = Vec::new();
                for piece in 0..pieces {
                    let piece = rows.get(&keys::piece(at, piece))?.ok_or(DAMAGED)?;
                    text.extend_from_slice(&piece);
                }
                break text;
            }
            TextRow::Delta {
                prefix,
                suffix,
                middle,
                ..
            } => {
                deltas.push((prefix, suffix, middle));
                at = at.checked_sub(1).ok_or(DAMAGED)?;
            }
        }
    };
    for (prefix, suffix, middle) in deltas.into_iter().rev() {
        text = apply(&text, prefix, suffix, &middle).ok_or(DAMAGED)?;
    }
    String::from_utf8(text).map(Some).map_err(|_| DAMAGED)
}

fn parse(key: &[u8], row: &[u8]) -> Result<Generation, StateError> {
    const DAMAGED: StateError = StateError::Damaged("generation");
    let number = key
        .get(1..)
        .and_then(|number| number.try_into().ok())
        .map(u64::from_be_bytes)
        .ok_or(DAMAGED)?;
    let GenerationRow::V1 {
        time,
        actor,
        command,
        request,
        summary,
        before,
        after,
    } = decode(row, "generation")?;
    Ok(Generation {
        number,
        time: timestamp(time),
        actor,
        command,
        request,
        summary,
        before,
        after,
    })
}

fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// What comes from outside must fit into a row, however long the command line was.
fn bounded(text: &str) -> String {
    const MAX: usize = 2_000;
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
