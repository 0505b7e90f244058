//! Requests whose changes made no generation: of a password, of a TLS public key. Whoever asked and got
//! no answer finds out here that the change was made; those that made a generation are named by it.

use serde::{Deserialize, Serialize};

use super::{StateError, decode, encode, keys};
use crate::db::{KeyRange, Order, Rows, Write};

/// Requests that are remembered: the newest. Who asks does so within seconds.
const KEPT: u64 = 100;

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilled {
    /// Its name: [`Actor::request`](crate::admin::Actor::request).
    pub request: String,
    /// What was done, one line for people.
    pub summary: String,
    /// The newest generation at the time.
    pub generation: u64,
}

#[derive(Serialize, Deserialize)]
enum RequestRow {
    V1 {
        request: String,
        summary: String,
        generation: u64,
    },
}

/// Adds one and forgets the oldest.
pub(super) fn append(write: &mut Write, new: &Fulfilled) -> Result<(), StateError> {
    let range = KeyRange::prefix(keys::REQUEST);
    let last = match write.first(range, Order::Descending)? {
        Some((key, _)) => keys::number(&key).ok_or(StateError::Damaged("request"))?,
        None => 0,
    };
    let number = last + 1;
    let row = RequestRow::V1 {
        request: new.request.clone(),
        summary: new.summary.clone(),
        generation: new.generation,
    };
    write.put(&keys::numbered(keys::REQUEST, number), &encode(&row)?)?;
    let start = keys::numbered(keys::REQUEST, 0);
    let end = keys::numbered(keys::REQUEST, (number + 1).saturating_sub(KEPT));
    Ok(write.clear(KeyRange::from_to(&start, &end))?)
}

/// One that is remembered.
pub(super) fn find(rows: &impl Rows, request: &str) -> Result<Option<Fulfilled>, StateError> {
    let (mut found, mut failed) = (None, None);
    let range = KeyRange::prefix(keys::REQUEST);
    rows.scan(range, Order::Descending, &mut |_, row| {
        match decode(row, "request") {
            Ok(RequestRow::V1 {
                request: name,
                summary,
                generation,
            }) if name == request => {
                found = Some(Fulfilled {
                    request: name,
                    summary,
                    generation,
                });
            }
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
        found.is_none() && failed.is_none()
    })?;
    failed.map_or(Ok(found), Err)
}
