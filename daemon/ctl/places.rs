//! How many connections the control socket has at a time. Whoever only waits (says nothing, half of a
//! request, or takes no answer) gives way when a place is wanted, the one that waits longest first: silent
//! clients keep nobody out, and what is being done is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// Somebody has begun to wait.
    begun: Notify,
}

/// Connections that give way if need be, in the order in which they began to wait.
#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    tokens: BTreeMap<u64, CancellationToken>,
}

/// One place; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// So many.
    pub(super) fn new(count: usize) -> Arc<Places> {
        Arc::new(Places {
            free: Arc::new(Semaphore::new(count)),
            waiting: Mutex::default(),
            begun: Notify::new(),
        })
    }

    /// A free place, or that of who waits longest.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Place> {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let mut free = std::pin::pin!(self.free.clone().acquire_owned());
                let mut asked = false;
                loop {
                    asked = asked || self.ask_longest();
                    tokio::select! {
                        permit = &mut free => break permit.ok()?,
                        () = self.begun.notified(), if !asked => {}
                    }
                }
            }
        };
        Some(Place {
            places: self.clone(),
            _permit: permit,
        })
    }

    /// Asks one connection to give way; false if none only waits.
    fn ask_longest(&self) -> bool {
        let longest = self.waiting().tokens.pop_first();
        longest.map(|(_, token)| token.cancel()).is_some()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits for the peer; none: the place is wanted by somebody else.
    pub(super) async fn wait<T>(&self, peer: impl Future<Output = T>) -> Option<T> {
        let token = CancellationToken::new();
        let number = {
            let mut waiting = self.places.waiting();
            waiting.last += 1;
            let number = waiting.last;
            waiting.tokens.insert(number, token.clone());
            number
        };
        let _ends = Ends {
            places: &self.places,
            number,
        };
        self.places.begun.notify_one();
        tokio::select! {
            biased;
            done = peer => Some(done),
            () = token.cancelled() => None,
        }
    }
}

/// The end of a wait, also of one that is dropped.
struct Ends<'p> {
    places: &'p Places,
    number: u64,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.places.waiting().tokens.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn who_waits_longest_gives_way_and_who_works_does_not() {
        let places = Places::new(3);
        let working = places.take().await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let place = places.take().await.unwrap();
            waiting.push(tokio::spawn(
                async move { place.wait(pending::<()>()).await },
            ));
            tokio::task::yield_now().await;
        }
        let fourth = places.take().await.unwrap();
        assert_eq!(waiting.remove(0).await.unwrap(), None);
        assert!(!waiting[0].is_finished());
        assert_eq!(working.wait(ready(7)).await, Some(7));
        let fifth = places.take().await.unwrap();
        assert_eq!(waiting.remove(0).await.unwrap(), None);
        // Now all work: the next has to wait until one of them does.
        let sixth = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!sixth.is_finished());
        assert_eq!(fifth.wait(pending::<()>()).await, None);
        drop(fifth);
        assert!(sixth.await.unwrap());
        drop((working, fourth));
        assert_eq!(places.free.available_permits(), 3);
        assert!(places.waiting().tokens.is_empty());
    }
}
