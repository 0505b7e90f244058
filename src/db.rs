//! One small ordered key-value interface, with redb behind it: the only module that names the engine,
//! so that another one, shared by several machines, can stand behind it later.
//!
//! Keys and values are bytes, keys are ordered as bytes. [`Db::read`] gives a snapshot; [`Db::write`]
//! runs a closure on one and keeps what it puts and deletes beside it ([`Write`]), then gives all of it
//! to the engine in one transaction. A closure must give the same when run again: an engine with
//! optimistic transactions would do that.
//!
//! Keys of one account belong together, under one prefix, so that accounts can be spread over
//! machines. A file that holds one account only leaves the prefix out; an engine that holds many puts
//! `a/<account>\0` in front.
//!
//! Each file says in it what it is and in which version ([`Format`]): a newer one is refused, an
//! older one is migrated before anything else is done with it.

mod engine;
#[cfg(test)]
mod tests;
mod write;

pub use engine::{Db, Options, Read};
pub use write::{Mark, Op, Write};

use std::ops::Bound;
use std::path::PathBuf;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 8 << 10;
/// The longest value, in bytes.
pub const MAX_VALUE: usize = 64 << 10;

/// Why a database would not do it. The blame is Local, unless a variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// The file is not there.
    #[error("open {}: no such file", .0.display())]
    NotFound(PathBuf),
    /// Another process has it open.
    #[error("open {}: another process has it open", .0.display())]
    InUse(PathBuf),
    /// Written by a newer version of this program.
    #[error("open {}: its format is version {found}, newer than this program's ({known})", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version it says.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// Not a database, or one of another kind, or damaged.
    #[error("open {}: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Reading or writing failed; for instance the disk is full.
    #[error("{verb} {}: {why}", .path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's or the engine's reason.
        why: String,
    },
    /// Bug: a key longer than [`MAX_KEY`] or a value longer than [`MAX_VALUE`].
    #[error("a {0} of {1} bytes is too long for the database")]
    TooLarge(&'static str, usize),
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
}

/// What a file holds and in which version.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// The kind of content, such as `mox control`.
    pub name: &'static str,
    /// The version written by this program, from 1.
    pub version: u32,
    /// Brings rows of the older version given up to date; runs in the transaction that also writes the
    /// new version.
    pub migrate: fn(from: u32, &mut Write) -> Result<(), DbError>,
}

impl Format {
    /// A format that has only ever had one version.
    pub const fn first(name: &'static str) -> Format {
        Format {
            name,
            version: 1,
            migrate: |_, _| Ok(()),
        }
    }
}

/// Which way to go through a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the smallest key up.
    Ascending,
    /// From the largest key down.
    Descending,
}

/// A range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    pub(crate) from: Bound<Vec<u8>>,
    pub(crate) to: Bound<Vec<u8>>,
}

impl KeyRange {
    /// All keys.
    pub fn all() -> KeyRange {
        KeyRange {
            from: Bound::Unbounded,
            to: Bound::Unbounded,
        }
    }

    /// Keys that start with `prefix`.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        let mut end = prefix.to_vec();
        while end.last() == Some(&u8::MAX) {
            end.pop();
        }
        let to = match end.last_mut() {
            Some(last) => {
                *last += 1;
                Bound::Excluded(end)
            }
            None => Bound::Unbounded,
        };
        KeyRange {
            from: Bound::Included(prefix.to_vec()),
            to,
        }
    }

    /// Keys from `from` on, and before `to`.
    pub fn from_to(from: &[u8], to: &[u8]) -> KeyRange {
        KeyRange {
            from: Bound::Included(from.to_vec()),
            to: Bound::Excluded(to.to_vec()),
        }
    }

    /// Keys from `from` on, up to and with `last`.
    pub fn from_through(from: &[u8], last: &[u8]) -> KeyRange {
        KeyRange {
            from: Bound::Included(from.to_vec()),
            to: Bound::Included(last.to_vec()),
        }
    }

    /// The part of it with keys after this one.
    pub fn after(mut self, key: &[u8]) -> KeyRange {
        self.from = Bound::Excluded(key.to_vec());
        self
    }

    /// Whether no key can be in it (BTreeMap and redb would panic or fail on some such ranges).
    pub(crate) fn is_void(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (
                Bound::Included(from) | Bound::Excluded(from),
                Bound::Included(to) | Bound::Excluded(to),
            ) => from >= to,
        }
    }
}

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// What can be read, from a snapshot as from a write transaction.
pub trait Rows {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError>;

    /// Gives the keys and values of a range to `each`, one by one, until it answers false.
    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), DbError>;

    /// The first key of a range in an order, with its value.
    fn first(&self, range: KeyRange, order: Order) -> Result<Option<Row>, DbError> {
        let mut found = None;
        self.scan(range, order, &mut |key, value| {
            found = Some((key.to_vec(), value.to_vec()));
            false
        })?;
        Ok(found)
    }
}
