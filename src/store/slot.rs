//! An account as the store knows it: its state and what waits to be done to it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::opened::Opened;
use super::{Change, Changed, ModSeq, StoreError};
use crate::addr::AccountName;

pub(super) struct Slot {
    /// No other slot of this process has it.
    pub(super) number: u64,
    pub(super) name: AccountName,
    pub(super) folder: PathBuf,
    inner: Mutex<Inner>,
    pub(super) watch: watch::Sender<ModSeq>,
    handles: AtomicUsize,
    /// Milliseconds since `born` at which a handle was dropped last.
    used: AtomicU64,
    born: Instant,
}

pub(super) struct Inner {
    pub(super) state: State,
    pub(super) queue: VecDeque<Request>,
    /// Whether a committer has the account or will have it.
    pub(super) scheduled: bool,
}

#[derive(Clone)]
pub(super) enum State {
    /// Its files are closed; whoever comes next opens them.
    Closed,
    Open(Arc<Opened>),
    /// Removed, or the store is closed: nothing opens it again.
    Gone,
}

/// What is asked of a committer.
pub(super) enum Request {
    Open(Reply<()>),
    Write(Change, Reply<Changed>),
    Checkpoint,
    /// One step of rewriting a segment.
    Compact,
    /// Close it, if it is still idle for so long.
    CloseIdle(Duration),
    /// Close it for good.
    Close(Reply<()>),
    /// Close it for good and move its folder there.
    Remove(PathBuf, Reply<()>),
}

/// Where an answer goes.
pub(super) enum Reply<T> {
    Task(oneshot::Sender<Result<T, StoreError>>),
    Thread(mpsc::SyncSender<Result<T, StoreError>>),
}

impl<T> Reply<T> {
    /// Who has gone away needs no answer.
    pub(super) fn send(self, answer: Result<T, StoreError>) {
        match self {
            Reply::Task(to) => drop(to.send(answer)),
            Reply::Thread(to) => drop(to.send(answer)),
        }
    }
}

/// A reply and what it is waited for with, by a thread.
pub(super) fn thread_reply<T>() -> (Reply<T>, impl FnOnce() -> Result<T, StoreError>) {
    let (to, from) = mpsc::sync_channel(1);
    (Reply::Thread(to), move || {
        from.recv().unwrap_or_else(|_| Err(unanswered()))
    })
}

/// The same, by a task.
pub(super) fn task_reply<T: Send + 'static>() -> (
    Reply<T>,
    impl Future<Output = Result<T, StoreError>> + Send + 'static,
) {
    let (to, from) = oneshot::channel();
    let wait = async { from.await.unwrap_or_else(|_| Err(unanswered())) };
    (Reply::Task(to), wait)
}

fn unanswered() -> StoreError {
    StoreError::Local("the store gave up on a change".to_owned())
}

impl Slot {
    pub(super) fn new(name: AccountName, folder: PathBuf) -> Slot {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Slot {
            number: LAST.fetch_add(1, Ordering::Relaxed),
            name,
            folder,
            inner: Mutex::new(Inner {
                state: State::Closed,
                queue: VecDeque::new(),
                scheduled: false,
            }),
            watch: watch::Sender::new(0),
            handles: AtomicUsize::new(0),
            used: AtomicU64::new(0),
            born: Instant::now(),
        }
    }

    /// Held for moments only, never while something is read or written.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request of the store's own upkeep waits already.
    pub(super) fn has_upkeep(&self) -> bool {
        let upkeep =
            |request: &Request| matches!(request, Request::Checkpoint | Request::CloseIdle(_));
        self.lock().queue.iter().any(upkeep)
    }

    /// The open account; `None` when it is closed.
    pub(super) fn opened(&self) -> Result<Option<Arc<Opened>>, StoreError> {
        match &self.lock().state {
            State::Open(opened) => Ok(Some(opened.clone())),
            State::Closed => Ok(None),
            State::Gone => Err(StoreError::Closed),
        }
    }

    pub(super) fn take_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_handle(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.used.store(now, Ordering::Relaxed);
        self.handles.fetch_sub(1, Ordering::Release);
    }

    /// Whether nobody has had a handle for so long. Handles are taken with `inner` locked.
    pub(super) fn is_idle(&self, for_: Duration) -> bool {
        let used = Duration::from_millis(self.used.load(Ordering::Relaxed));
        self.handles.load(Ordering::Acquire) == 0
            && self.born.elapsed().saturating_sub(used) >= for_
    }
}
