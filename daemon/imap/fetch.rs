//! FETCH (RFC 9051 §6.4.5; RFC 3516 BINARY, RFC 7162 CHANGEDSINCE and MODSEQ).
//!
//! A [`job::Job`] makes the responses in chunks of bounded size, whatever the size of messages. The
//! first chunk is made here and now, which is all that most commands need; the others on a thread
//! for blocking work, the next one while this one is being sent.

mod binary;
mod current;
mod job;
mod plan;
mod section;

use mox::imap::command::FetchItem;
use mox::imap::sequence::SequenceSet;
use mox::mailbox::{FlagChange, Flags, SystemFlag};
use mox::store::{Change, Changed, StoreError, Uid};

use self::job::{Filled, Job};
use self::plan::Plan;
use super::copy::gone;
use super::selected::Own;
use super::session::{Done, Session};
use super::set;
use super::words::{self, Answer, End, Failure};

/// Bytes of the first chunk: little enough to be made without leaving the session's thread.
const FIRST: usize = 32 << 10;

/// Bytes of the others.
const CHUNK: usize = 128 << 10;

/// Messages looked at without leaving the session's thread.
const FEW: u32 = 200;

impl Session {
    pub(super) async fn fetch(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        items: Vec<FetchItem>,
        changed_since: Option<u64>,
    ) -> Done {
        self.selected()?;
        let plan = Plan::new(items, uid, changed_since);
        if plan.modseq || changed_since.is_some() {
            self.enable_condstore()?;
        }
        let enabled = self.enabled;
        let (user, selected) = self.selected()?;
        let ranges = set::resolve(set, uid, selected)?;
        if ranges.is_empty() {
            return Ok(Answer::ok("done"));
        }
        let account = user.account.clone();
        let few = ranges.iter().map(|&(a, b)| b - a + 1).sum::<u32>() <= FEW;
        let sets_seen = plan.sets_seen && !selected.read_only;
        let mut job = Job::new(account.clone(), selected, ranges, plan, enabled);
        if sets_seen {
            let uids = match few {
                true => job.unseen()?,
                false => {
                    let uids;
                    (job, uids) = blocking(job, |job| job.unseen()).await?;
                    uids
                }
            };
            self.own = self.set_seen(&account, uids).await?;
            job.set_own(self.own);
        }
        if let Some(mailbox) = account.view()?.mailbox_by_id(job.mailbox())?
            && let Some(selected) = &mut self.selected
        {
            selected.tell_keywords(&mailbox, &mut self.wire.out);
            job.set_keywords(selected.keywords());
        }
        let mut filled = Filled::More;
        if few {
            filled = job.fill(&mut self.wire.out, FIRST)?;
        }
        if filled == Filled::More {
            job = self.stream(job).await?;
        }
        if let Some(error) = job.take_failure() {
            return Err(error.into());
        }
        if job.unknown_encoding() {
            return Err(Answer::no("UNKNOWN-CTE", "some parts have an unknown encoding").into());
        }
        if job.some_gone() && !uid {
            return Err(gone());
        }
        Ok(Answer::ok("done"))
    }

    /// Makes and sends chunk after chunk.
    async fn stream(&mut self, mut job: Job) -> Result<Job, Failure> {
        self.wire.flush().await?;
        let mut ready = Vec::new();
        let mut spare = Vec::new();
        loop {
            let mut chunk = std::mem::take(&mut spare);
            let making = tokio::task::spawn_blocking(move || {
                let filled = job.fill(&mut chunk, CHUNK);
                (job, chunk, filled)
            });
            // From here on the connection may be within a response.
            self.wire.within = true;
            self.wire.send(&ready).await?;
            ready.clear();
            spare = ready;
            let filled;
            (job, ready, filled) = making
                .await
                .map_err(|error| words::local("making a FETCH response", &error))?;
            match filled {
                Ok(Filled::More) => {}
                Ok(Filled::Done) => {
                    self.wire.out = ready;
                    self.wire.within = false;
                    return Ok(job);
                }
                // An answer can't stand within a literal.
                Err(error) if job.within() => {
                    words::local("reading a message", &error);
                    return Err(End::Gone.into());
                }
                Err(error) => {
                    self.wire.out = ready;
                    self.wire.within = false;
                    return Err(error.into());
                }
            }
        }
    }

    /// Sets \Seen on all messages whose bodies are about to be sent: one change for all of them.
    async fn set_seen(
        &mut self,
        account: &mox::store::Account,
        uids: Vec<Uid>,
    ) -> Result<Option<Own>, Failure> {
        if uids.is_empty() {
            return Ok(None);
        }
        let mut flags = Flags::default();
        flags.insert(SystemFlag::Seen);
        let (_, selected) = self.selected()?;
        let change = Change::SetFlags {
            mailbox: selected.mailbox,
            uids,
            change: FlagChange::Add(flags),
            unchanged_since: None,
        };
        match account.write(change).await? {
            Changed::Flags { modseq, .. } if modseq > 0 => Ok(Some(Own {
                modseq,
                tell_modseq: false,
            })),
            _ => Ok(None),
        }
    }
}

/// Runs a step of a job on a thread for blocking work.
async fn blocking<T: Send + 'static>(
    mut job: Job,
    step: impl FnOnce(&mut Job) -> Result<T, StoreError> + Send + 'static,
) -> Result<(Job, T), Failure> {
    let (job, done) = tokio::task::spawn_blocking(move || {
        let done = step(&mut job);
        (job, done)
    })
    .await
    .map_err(|error| words::local("looking at messages", &error))?;
    Ok((job, done?))
}
