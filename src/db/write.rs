//! A write transaction: what it puts and deletes, laid over the snapshot it reads.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{DbError, KeyRange, MAX_KEY, MAX_VALUE, Order, Read, Rows};

/// One row's change as a transaction leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op<'a> {
    /// The key has this value.
    Put(&'a [u8], &'a [u8]),
    /// The key is not there.
    Delete(&'a [u8]),
}

/// A write transaction. Reads see what it has written.
pub struct Write {
    base: Read,
    changed: BTreeMap<Vec<u8>, Change>,
    /// What `changed` had for a key before, since the first mark.
    undo: Vec<(Vec<u8>, Option<Change>)>,
    marks: usize,
}

/// A key's new value; none: it is deleted.
type Change = Option<Vec<u8>>;

/// A place in a write transaction to go back to.
#[derive(Debug)]
#[must_use]
pub struct Mark(usize);

impl Write {
    pub(super) fn new(base: Read) -> Write {
        Write {
            base,
            changed: BTreeMap::new(),
            undo: Vec::new(),
            marks: 0,
        }
    }

    /// Sets a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), DbError> {
        if key.len() > MAX_KEY {
            return Err(DbError::TooLarge("key", key.len()));
        }
        if value.len() > MAX_VALUE {
            return Err(DbError::TooLarge("value", value.len()));
        }
        self.set(key.to_vec(), Some(value.to_vec()));
        Ok(())
    }

    /// Removes a key; nothing happens when it is not there.
    pub fn delete(&mut self, key: &[u8]) {
        self.set(key.to_vec(), None);
    }

    /// Removes all keys of a range. Memory grows with their number.
    pub fn clear(&mut self, range: KeyRange) -> Result<(), DbError> {
        let mut keys = Vec::new();
        self.scan(range, Order::Ascending, &mut |key, _| {
            keys.push(key.to_vec());
            true
        })?;
        for key in keys {
            self.set(key, None);
        }
        Ok(())
    }

    /// A mark to which [`Write::back_to`] can return, until [`Write::forget`].
    pub fn mark(&mut self) -> Mark {
        self.marks += 1;
        Mark(self.undo.len())
    }

    /// Undoes all since the mark, which is then gone.
    pub fn back_to(&mut self, mark: Mark) {
        while self.undo.len() > mark.0 {
            match self.undo.pop() {
                Some((key, Some(before))) => drop(self.changed.insert(key, before)),
                Some((key, None)) => drop(self.changed.remove(&key)),
                None => break,
            }
        }
        self.unmark();
    }

    /// Keeps all since the mark, which is then gone.
    pub fn forget(&mut self, _mark: Mark) {
        self.unmark();
    }

    fn unmark(&mut self) {
        self.marks -= 1;
        if self.marks == 0 {
            self.undo.clear();
        }
    }

    /// What it has changed so far, by key, each key once.
    pub fn ops(&self) -> impl Iterator<Item = Op<'_>> {
        self.changed.iter().map(|(key, value)| match value {
            Some(value) => Op::Put(key, value),
            None => Op::Delete(key),
        })
    }

    /// Whether it has changed nothing.
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if self.marks == 0 {
            self.changed.insert(key, value);
            return;
        }
        let before = self.changed.insert(key.clone(), value);
        self.undo.push((key, before));
    }
}

impl Rows for Write {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        match self.changed.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(key),
        }
    }

    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), DbError> {
        if range.is_void() {
            return Ok(());
        }
        let bounds = (as_slice(&range.from), as_slice(&range.to));
        let changed = self.changed.range::<[u8], _>(bounds);
        match order {
            Order::Ascending => merge(&self.base, range.clone(), order, changed, each),
            Order::Descending => merge(&self.base, range.clone(), order, changed.rev(), each),
        }
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// Goes through what is stored and what was changed at once, changes first where both have a key.
fn merge<'a>(
    base: &Read,
    range: KeyRange,
    order: Order,
    changed: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>,
    each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
) -> Result<(), DbError> {
    let mut changed = changed.peekable();
    let mut go_on = true;
    base.scan(range, order, &mut |key, value| {
        let mut replaced = false;
        while let Some((new, _)) = changed.peek() {
            let ahead = match order {
                Order::Ascending => new.as_slice() > key,
                Order::Descending => new.as_slice() < key,
            };
            if ahead {
                break;
            }
            replaced |= new.as_slice() == key;
            if let Some((new, Some(value))) = changed.next() {
                go_on = each(new, value);
                if !go_on {
                    return false;
                }
            }
        }
        if !replaced {
            go_on = each(key, value);
        }
        go_on
    })?;
    while go_on && let Some((key, value)) = changed.next() {
        if let Some(value) = value {
            go_on = each(key, value);
        }
    }
    Ok(())
}
