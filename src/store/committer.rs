//! The threads that write. Each takes an account that has something to do, does it, and takes the next;
//! an account is with one of them at a time. What waits for an account at that moment is one batch.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::account::fill;
use super::opened::Opened;
use super::slot::{Reply, Request, Slot, State};
use super::{Change, Changed, StoreError, StoreOptions};
use crate::fsio::{FsError, folder_of, sync_dir};

/// So many changes are one batch at most, and so many bytes (one change may be more).
const BATCH_CHANGES: usize = 1_000;
const BATCH_BYTES: u64 = 16 << 20;

/// Accounts with something to do.
#[derive(Default)]
pub(super) struct Pool {
    inner: Mutex<Ready>,
    wake: Condvar,
}

#[derive(Default)]
struct Ready {
    slots: VecDeque<Arc<Slot>>,
    ended: bool,
}

impl Pool {
    /// Puts a request at the end of an account's queue. Once the account is gone, the request is dropped
    /// with the answer that it is closed.
    pub(super) fn ask(&self, slot: &Arc<Slot>, request: Request) {
        let mut inner = slot.lock();
        if matches!(inner.state, State::Gone) {
            drop(inner);
            return refuse(request, &StoreError::Closed);
        }
        inner.queue.push_back(request);
        let schedule = !std::mem::replace(&mut inner.scheduled, true);
        drop(inner);
        if schedule {
            self.schedule(slot.clone());
        }
    }

    fn schedule(&self, slot: Arc<Slot>) {
        self.lock().slots.push_back(slot);
        self.wake.notify_one();
    }

    /// Ends the threads once nothing is left to do.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.wake.notify_all();
    }

    fn next(&self) -> Option<Arc<Slot>> {
        let mut ready = self.lock();
        loop {
            if let Some(slot) = ready.slots.pop_front() {
                return Some(slot);
            }
            if ready.ended {
                return None;
            }
            ready = self
                .wake
                .wait(ready)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each of the threads does.
    pub(super) fn work(&self, options: &StoreOptions, tmp: &Path) {
        while let Some(slot) = self.next() {
            let unit = next_unit(&slot);
            let done = catch_unwind(AssertUnwindSafe(|| run(self, &slot, unit, options, tmp)));
            if done.is_err() {
                // Whoever waits gets an error, since its reply is dropped; the account is read from disk anew.
                tracing::error!(account = %slot.name, "bug: a change panicked");
                set_closed(&slot);
            }
            let mut inner = slot.lock();
            inner.scheduled = !inner.queue.is_empty();
            let again = inner.scheduled;
            drop(inner);
            if again {
                self.schedule(slot);
            }
        }
    }
}

/// What a committer does before it looks at other accounts.
enum Unit {
    Writes(Vec<Change>, Vec<Reply<Changed>>),
    One(Request),
    Nothing,
}

fn next_unit(slot: &Slot) -> Unit {
    let mut inner = slot.lock();
    let (mut changes, mut replies, mut bytes) = (Vec::new(), Vec::new(), 0);
    while changes.len() < BATCH_CHANGES && bytes < BATCH_BYTES {
        match inner.queue.pop_front() {
            Some(Request::Write(change, reply)) => {
                bytes += change_bytes(&change);
                changes.push(change);
                replies.push(reply);
            }
            Some(other) if changes.is_empty() => return Unit::One(other),
            Some(other) => {
                inner.queue.push_front(other);
                break;
            }
            None => break,
        }
    }
    if changes.is_empty() {
        return Unit::Nothing;
    }
    Unit::Writes(changes, replies)
}

fn change_bytes(change: &Change) -> u64 {
    match change {
        Change::Add { messages, .. } => messages
            .iter()
            .map(|new| new.prefix.len() as u64 + new.message.len())
            .sum(),
        _ => 0,
    }
}

fn run(pool: &Pool, slot: &Arc<Slot>, unit: Unit, options: &StoreOptions, tmp: &Path) {
    match unit {
        Unit::Nothing => {}
        Unit::Writes(changes, replies) => {
            write(slot, options, tmp, &changes, replies);
            let Ok(Some(opened)) = slot.opened() else {
                return;
            };
            if opened.dirty().bytes >= options.checkpoint_bytes {
                checkpoint(pool, slot, &opened);
            }
        }
        Unit::One(Request::Write(change, reply)) => {
            write(slot, options, tmp, &[change], vec![reply])
        }
        Unit::One(Request::Open(reply)) => reply.send(ensure_open(slot, options, tmp).map(drop)),
        Unit::One(Request::Checkpoint) => {
            if let Ok(Some(opened)) = slot.opened() {
                checkpoint(pool, slot, &opened);
            }
        }
        Unit::One(Request::Compact) => {
            if let Ok(Some(opened)) = slot.opened() {
                compact(pool, slot, &opened);
            }
        }
        Unit::One(Request::CloseIdle(time)) => {
            let mut inner = slot.lock();
            if slot.is_idle(time) && inner.queue.is_empty() {
                let state = std::mem::replace(&mut inner.state, State::Closed);
                drop(inner);
                close(slot, state);
            }
        }
        Unit::One(Request::Close(reply)) => {
            end(slot);
            reply.send(Ok(()));
        }
        Unit::One(Request::Remove(to, reply)) => {
            end(slot);
            reply.send(move_away(slot, &to));
        }
    }
}

fn write(
    slot: &Slot,
    options: &StoreOptions,
    tmp: &Path,
    changes: &[Change],
    replies: Vec<Reply<Changed>>,
) {
    let written = ensure_open(slot, options, tmp).and_then(|opened| {
        let written = opened.write(changes);
        if opened.is_broken() {
            // Nothing in memory is believed any more: whoever comes next reads it from disk.
            set_closed(slot);
        }
        written
    });
    match written {
        Ok(written) => {
            announce(slot, written.modseq);
            for (reply, result) in replies.into_iter().zip(written.results) {
                reply.send(result);
            }
        }
        Err(e) => {
            tracing::error!(account = %slot.name, error = %e, "changes could not be written");
            replies
                .into_iter()
                .for_each(|reply| reply.send(Err(e.clone())));
        }
    }
}

fn announce(slot: &Slot, modseq: u64) {
    slot.watch.send_if_modified(|newest| {
        let newer = modseq > *newest;
        *newest = modseq.max(*newest);
        newer
    });
}

fn ensure_open(slot: &Slot, options: &StoreOptions, tmp: &Path) -> Result<Arc<Opened>, StoreError> {
    if let Some(opened) = slot.opened()? {
        return Ok(opened);
    }
    if !slot.folder.is_dir() {
        return Err(StoreError::NoAccount(slot.name.clone()));
    }
    if is_empty(&slot.folder)? {
        fill(tmp, &slot.folder)?;
    }
    let opened = Arc::new(
        Opened::open(&slot.folder, options.segment_bytes).inspect_err(|e| {
            tracing::error!(account = %slot.name, error = %e, "account could not be opened");
        })?,
    );
    announce(slot, opened.modseq()?);
    let mut inner = slot.lock();
    if matches!(inner.state, State::Gone) {
        return Err(StoreError::Closed);
    }
    inner.state = State::Open(opened.clone());
    Ok(opened)
}

/// Made among many others, and not yet used ([`super::Store::reserve_accounts`]).
fn is_empty(folder: &Path) -> Result<bool, StoreError> {
    let mut entries = std::fs::read_dir(folder).map_err(FsError::at("list", folder))?;
    Ok(entries.next().is_none())
}

fn checkpoint(pool: &Pool, slot: &Arc<Slot>, opened: &Opened) {
    let done = opened
        .checkpoint()
        .and_then(|()| opened.wants_compacting())
        .and_then(|wants| opened.sweep().map(|_| wants));
    match done {
        Ok(true) => pool.ask(slot, Request::Compact),
        Ok(false) => {}
        Err(e) => {
            tracing::error!(account = %slot.name, error = %e, "index could not be hardened");
            if opened.is_broken() {
                set_closed(slot);
            }
        }
    }
}

fn compact(pool: &Pool, slot: &Arc<Slot>, opened: &Opened) {
    match opened.compact_step() {
        Ok(true) => pool.ask(slot, Request::Compact),
        Ok(false) => {}
        Err(e) => {
            tracing::error!(account = %slot.name, error = %e, "segment could not be rewritten");
            if opened.is_broken() {
                set_closed(slot);
            }
        }
    }
}

fn set_closed(slot: &Slot) {
    let mut inner = slot.lock();
    if let State::Open(opened) = &inner.state {
        let opened = opened.clone();
        inner.state = State::Closed;
        drop(inner);
        // Lets go of the file's lock, for the next one to open it, whoever still has a snapshot.
        drop(opened.db.close());
    }
}

fn close(slot: &Slot, state: State) {
    if let State::Open(opened) = state {
        let closed = opened
            .checkpoint()
            .and_then(|()| opened.sweep())
            .and_then(|_| Ok(opened.db.close()?));
        if let Err(e) = closed {
            // What is not in the index is in the log.
            tracing::error!(account = %slot.name, error = %e, "account could not be closed cleanly");
        }
    }
}

/// Closes the account for good; what waits is refused.
fn end(slot: &Slot) {
    let mut inner = slot.lock();
    let state = std::mem::replace(&mut inner.state, State::Gone);
    let waiting = std::mem::take(&mut inner.queue);
    drop(inner);
    for request in waiting {
        refuse(request, &StoreError::Closed);
    }
    close(slot, state);
}

fn refuse(request: Request, why: &StoreError) {
    match request {
        Request::Open(reply) | Request::Remove(_, reply) => reply.send(Err(why.clone())),
        Request::Write(_, reply) => reply.send(Err(why.clone())),
        Request::Close(reply) => reply.send(Ok(())),
        Request::Checkpoint | Request::Compact | Request::CloseIdle(_) => {}
    }
}

fn move_away(slot: &Slot, to: &Path) -> Result<(), StoreError> {
    match std::fs::rename(&slot.folder, to) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(FsError::at("move away", &slot.folder)(e).into()),
    }
    crate::fsio::fault::point("store.remove.renamed").map_err(FsError::at("move away", to))?;
    sync_dir(folder_of(&slot.folder))?;
    Ok(sync_dir(folder_of(to))?)
}
