//! The threads that verify passwords by their hash, and who comes first.
//!
//! A flood of wrong passwords must not keep others waiting: addresses from which somebody logged in
//! lately have threads of their own; the hashes of all others are computed at a low priority of the
//! system, on half of the processors, those from networks with failures last. While few of the others
//! fail, as when everybody comes back after a restart, the first threads help with them, and who came
//! first is served first. While most of them fail, the newest is: those who guess on many connections
//! wait for their own guesses then, and somebody new does not.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use mox::login::{AttemptResult, LoggedIn, LoginRefusal, Logins, PasswordLogin, Standing};
use tokio::sync::oneshot;

use crate::live::Live;

/// Passwords that wait at most; beyond it a login fails for now.
const MOST: usize = 10_000;

/// How much less the system runs the hashes of strangers, of 19.
const NICE: i32 = 10;

/// Verifies passwords.
pub(crate) struct Hashing {
    queue: Arc<Queue>,
}

struct Queue {
    lanes: Mutex<Lanes<Job>>,
    changed: Condvar,
    live: Live,
    logins: Arc<Logins>,
}

struct Job {
    login: PasswordLogin,
    answer: oneshot::Sender<Result<LoggedIn, LoginRefusal>>,
    /// The connection's, for the record of the attempt.
    span: tracing::Span,
}

/// Whom a thread works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thread {
    /// Those who are vouched for, and others while they mean well.
    First,
    /// All others, at a low priority.
    Others,
}

impl Hashing {
    /// Starts the threads.
    pub(crate) fn new(live: Live, logins: Arc<Logins>) -> Hashing {
        let queue = Arc::new(Queue {
            lanes: Mutex::new(Lanes::new()),
            changed: Condvar::new(),
            live,
            logins,
        });
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let others = (processors / 2).max(1);
        let kinds = [(Thread::First, processors), (Thread::Others, others)];
        for (kind, count) in kinds {
            for _ in 0..count {
                let queue = Arc::clone(&queue);
                let named = thread::Builder::new().name("password".to_owned());
                if let Err(error) = named.spawn(move || queue.work(kind)) {
                    tracing::error!(%error, "start a thread for passwords");
                }
            }
        }
        Hashing { queue }
    }

    /// Verifies a password when its turn comes. Dropped before, nothing is computed.
    pub(crate) async fn verify(&self, login: PasswordLogin) -> Result<LoggedIn, LoginRefusal> {
        let standing = {
            let snapshot = self.queue.live.now();
            self.queue.logins.standing(&snapshot, &login.origin)
        };
        let (answer, answered) = oneshot::channel();
        let job = Job {
            login,
            answer,
            span: tracing::Span::current(),
        };
        let left_out = self.queue.lock().push(standing, job);
        if let Some(job) = left_out {
            tracing::warn!("too many passwords wait to be verified");
            let logins = &self.queue.logins;
            logins.unverified(&job.login, AttemptResult::Error);
        }
        // Not all threads may take it.
        self.queue.changed.notify_all();
        answered.await.unwrap_or(Err(LoginRefusal::Local))
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn work(&self, kind: Thread) {
        if kind == Thread::Others {
            // Of this thread alone, on Linux. If it fails, the hashes are computed all the same.
            let _ = rustix::process::nice(NICE);
        }
        let mut lanes = self.lock();
        while !lanes.closed {
            let Some((standing, job)) = lanes.take(kind) else {
                lanes = self
                    .changed
                    .wait(lanes)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(lanes);
            let result = self.verify(job);
            lanes = self.lock();
            if let (Some(right), Standing::Unknown) = (result, standing) {
                lanes.learn(right);
            }
        }
    }

    /// Whether the password was right; none if nobody wants to know any more.
    fn verify(&self, job: Job) -> Option<bool> {
        let _entered = job.span.enter();
        if job.answer.is_closed() {
            self.logins.unverified(&job.login, AttemptResult::Aborted);
            return None;
        }
        let result = self.logins.password(&self.live.now(), &job.login);
        let right = !matches!(result, Err(LoginRefusal::BadCredentials));
        // Whoever asked may have gone meanwhile.
        let _ = job.answer.send(result);
        Some(right)
    }

    fn lock(&self) -> MutexGuard<'_, Lanes<Job>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits, by who asks.
struct Lanes<T> {
    vouched: VecDeque<T>,
    unknown: VecDeque<T>,
    suspect: VecDeque<T>,
    /// How many of the unknown failed lately, of [`ALL_FAIL`].
    failing: u32,
    closed: bool,
}

const ALL_FAIL: u32 = 1_024;

impl<T> Lanes<T> {
    fn new() -> Lanes<T> {
        Lanes {
            vouched: VecDeque::new(),
            unknown: VecDeque::new(),
            suspect: VecDeque::new(),
            failing: 0,
            closed: false,
        }
    }

    /// Gives what there is no room for: this one, or while strangers guess the oldest of them.
    fn push(&mut self, standing: Standing, job: T) -> Option<T> {
        let waiting = self.vouched.len() + self.unknown.len() + self.suspect.len();
        // Half of the room is kept for those who are vouched for.
        let (lane, most) = match standing {
            Standing::Vouched => (&mut self.vouched, MOST),
            Standing::Unknown => (&mut self.unknown, MOST / 2),
            Standing::Suspect => (&mut self.suspect, MOST / 2),
        };
        lane.push_back(job);
        if waiting < most {
            return None;
        }
        if standing == Standing::Vouched || !self.strangers_guess() {
            return match standing {
                Standing::Vouched => self.vouched.pop_back(),
                Standing::Unknown => self.unknown.pop_back(),
                Standing::Suspect => self.suspect.pop_back(),
            };
        }
        let oldest = self.suspect.pop_front();
        oldest.or_else(|| self.unknown.pop_front())
    }

    fn take(&mut self, kind: Thread) -> Option<(Standing, T)> {
        let guess = self.strangers_guess();
        let next = |lane: &mut VecDeque<T>| match guess {
            true => lane.pop_back(),
            false => lane.pop_front(),
        };
        match kind {
            Thread::First => match self.vouched.pop_front() {
                Some(job) => Some((Standing::Vouched, job)),
                None if guess => None,
                None => next(&mut self.unknown).map(|job| (Standing::Unknown, job)),
            },
            Thread::Others => match next(&mut self.unknown) {
                Some(job) => Some((Standing::Unknown, job)),
                None => next(&mut self.suspect).map(|job| (Standing::Suspect, job)),
            },
        }
    }

    /// Whether most of the unknown failed lately.
    fn strangers_guess(&self) -> bool {
        self.failing > ALL_FAIL / 2
    }

    /// A password of somebody unknown was right, or was not.
    fn learn(&mut self, right: bool) {
        match right {
            true => self.failing -= self.failing.div_ceil(32),
            false => self.failing += (ALL_FAIL - self.failing).div_ceil(32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(lanes: &mut Lanes<&'static str>, kind: Thread) -> String {
        let mut all = Vec::new();
        while let Some((_, job)) = lanes.take(kind) {
            all.push(job);
        }
        all.join(" ")
    }

    fn full() -> Lanes<&'static str> {
        let mut lanes = Lanes::new();
        for (standing, job) in [
            (Standing::Suspect, "guess"),
            (Standing::Unknown, "new"),
            (Standing::Vouched, "known"),
            (Standing::Unknown, "newer"),
        ] {
            assert_eq!(lanes.push(standing, job), None);
        }
        lanes
    }

    #[test]
    fn who_is_vouched_for_waits_for_nobody() {
        assert_eq!(drain(&mut full(), Thread::First), "known new newer");
        assert_eq!(drain(&mut full(), Thread::Others), "new newer guess");
    }

    #[test]
    fn when_strangers_guess_the_first_threads_leave_them_alone() {
        let mut lanes = full();
        for _ in 0..64 {
            lanes.learn(false);
        }
        assert!(lanes.failing <= ALL_FAIL);
        assert_eq!(drain(&mut lanes, Thread::First), "known");
        for _ in 0..200 {
            lanes.learn(true);
        }
        assert_eq!(lanes.failing, 0);
        assert_eq!(drain(&mut lanes, Thread::First), "new newer");
    }

    #[test]
    fn when_strangers_guess_the_newest_comes_first() {
        let mut lanes = full();
        lanes.failing = ALL_FAIL;
        assert_eq!(drain(&mut lanes, Thread::Others), "newer new guess");
    }

    #[test]
    fn what_waits_is_bounded_and_room_is_kept() {
        let mut lanes = Lanes::new();
        for _ in 0..MOST / 2 {
            assert_eq!(lanes.push(Standing::Suspect, "guess"), None);
        }
        assert_eq!(lanes.push(Standing::Suspect, "more"), Some("more"));
        assert_eq!(lanes.push(Standing::Unknown, "new"), Some("new"));
        assert_eq!(lanes.push(Standing::Vouched, "known"), None);
        lanes.failing = ALL_FAIL;
        assert_eq!(lanes.push(Standing::Unknown, "new"), Some("guess"));
        assert_eq!(lanes.push(Standing::Suspect, "more"), Some("guess"));
        lanes.suspect.clear();
        for _ in 1..MOST / 2 {
            assert_eq!(lanes.push(Standing::Vouched, "known"), None);
        }
        assert_eq!(lanes.push(Standing::Suspect, "more"), Some("more"));
        assert_eq!(lanes.push(Standing::Unknown, "newer"), Some("new"));
        for _ in lanes.vouched.len()..MOST - 1 {
            assert_eq!(lanes.push(Standing::Vouched, "known"), None);
        }
        assert_eq!(lanes.push(Standing::Vouched, "late"), Some("late"));
    }
}
