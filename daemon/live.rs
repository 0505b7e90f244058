//! The snapshot that is served now: one `Arc`, swapped at once; every session can wait for the next.

use std::sync::Arc;

use mox::snapshot::Snapshot;
use tokio::sync::watch;

/// The served snapshot. Clones see the same.
#[derive(Debug, Clone)]
pub struct Live {
    sender: Arc<watch::Sender<Arc<Snapshot>>>,
}

impl Live {
    /// Serves a first snapshot.
    pub fn new(snapshot: Arc<Snapshot>) -> Live {
        Live {
            sender: Arc::new(watch::Sender::new(snapshot)),
        }
    }

    /// The snapshot to make one decision on: one for a command or a mail transaction.
    pub fn now(&self) -> Arc<Snapshot> {
        self.sender.borrow().clone()
    }

    /// Serves another one.
    pub fn swap(&self, snapshot: Arc<Snapshot>) {
        self.sender.send_replace(snapshot);
    }

    /// Tells of every swap.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.sender.subscribe()
    }
}
