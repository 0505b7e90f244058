//! What changed in a mailbox, looked up once for all sessions that ask at the same time.
//!
//! A delivery wakes every session that idles on the mailbox, and all of them know the same of it: the
//! first one asks the store, the others take its answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mox::store::{Account, Mailbox, MailboxChanges, MailboxId, ModSeq, StoreError, View};

/// So many answers are remembered, …
const REMEMBERED: usize = 32;

/// … each of so many messages at most: larger ones are rare, and not wanted by many at a time.
const SMALL: usize = 200;

/// Answers that were given lately. One a process.
#[derive(Debug, Default)]
pub struct Newsroom {
    lately: Mutex<VecDeque<Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// [`Account::number`]: another account of the name may come after this one.
    account: u64,
    mailbox: MailboxId,
    since: ModSeq,
    news: Arc<News>,
}

/// What happened in a mailbox after a change, and the mailbox as it is then.
#[derive(Debug)]
pub(super) struct News {
    pub(super) mailbox: Mailbox,
    pub(super) changes: MailboxChanges,
    /// Some session claims the messages that none has taken notice of.
    claimed: AtomicBool,
}

impl Newsroom {
    /// What happened after `since`; `newest` is a change that is visible already. None: the mailbox is
    /// gone.
    pub(super) fn news(
        &self,
        account: &Account,
        mailbox: MailboxId,
        since: ModSeq,
        newest: ModSeq,
    ) -> Result<Option<Arc<News>>, StoreError> {
        let asked = (account.number(), mailbox, since, newest);
        if let Some(news) = find(&self.lately(), asked) {
            return Ok(Some(news));
        }
        let Some(news) = News::load(&account.view()?, mailbox, since)? else {
            return Ok(None);
        };
        let news = Arc::new(news);
        if news.changes.changed.len() + news.changes.expunged.len() > SMALL {
            return Ok(Some(news));
        }
        let mut lately = self.lately();
        if let Some(news) = find(&lately, asked) {
            // Another thread was faster; one answer is enough, for only one may be claimed.
            return Ok(Some(news));
        }
        lately.truncate(REMEMBERED - 1);
        lately.push_front(Entry {
            account: account.number(),
            mailbox,
            since,
            news: news.clone(),
        });
        Ok(Some(news))
    }

    fn lately(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer to the same question that knows of the newest change.
fn find(
    lately: &VecDeque<Entry>,
    (account, mailbox, since, newest): (u64, MailboxId, ModSeq, ModSeq),
) -> Option<Arc<News>> {
    let known = lately.iter().find(|entry| {
        entry.since == since
            && entry.mailbox == mailbox
            && entry.news.changes.modseq >= newest
            && entry.account == account
    });
    known.map(|entry| entry.news.clone())
}

impl News {
    /// Asks the store.
    pub(super) fn load(
        view: &View,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Option<News>, StoreError> {
        let changes = view.changes_since(mailbox, since)?;
        let mailbox = view.mailbox_by_id(mailbox)?;
        Ok(mailbox.filter(|_| !changes.deleted).map(|mailbox| News {
            mailbox,
            changes,
            claimed: AtomicBool::new(false),
        }))
    }

    /// Whether there are messages that no session has taken notice of.
    pub(super) fn has_recent(&self) -> bool {
        self.mailbox.recent_below < self.mailbox.uid_next
    }

    /// Whether they are the caller's to claim.
    pub(super) fn claim(&self) -> bool {
        self.has_recent() && !self.claimed.swap(true, Ordering::Relaxed)
    }
}
