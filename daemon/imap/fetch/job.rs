//! Makes FETCH responses chunk by chunk: stops where a chunk is full, within a literal if need be, and
//! goes on from there. Needs no runtime; every chunk looks at the account afresh, so that a client
//! that reads slowly holds nothing up.

use std::sync::Arc;

use mox::mailbox::SystemFlag;
use mox::store::{Account, MailboxId, StoreError, Uid, View};

use super::current::{Current, is_recent};
use super::plan::Plan;
use crate::imap::reply::{Fetch, flags_response, permanent_flags};
use crate::imap::selected::{Own, Selected};
use crate::imap::set::Ranges;
use crate::imap::state::Enabled;
use crate::imap::uids::UidMap;

/// Whether a job is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Done,
    More,
}

/// Messages whose structures are read together.
const TOGETHER: u32 = 256;

/// How far a range was looked through.
struct Scan {
    /// The number of the next message.
    expected: u32,
    /// Of the last one: whether there is room for more.
    result: Result<bool, StoreError>,
}

/// A FETCH under way.
pub(super) struct Job {
    account: Account,
    mailbox: MailboxId,
    uids: Arc<UidMap>,
    recent: Vec<(Uid, Uid)>,
    enabled: Enabled,
    plan: Plan,
    own: Option<Own>,
    read_only: bool,
    /// The keywords that the client knows.
    keywords: Vec<String>,
    /// Message numbers still to be shown, the next last.
    ranges: Ranges,
    /// Messages that the client counts and that are not there.
    missing: u32,
    unknown_encoding: bool,
    /// Structures can't be read many at a time.
    one_by_one: bool,
    /// A message could not be read; the others were.
    failed: Option<StoreError>,
    current: Option<Current>,
}

impl Job {
    pub(super) fn new(
        account: Account,
        selected: &Selected,
        mut ranges: Ranges,
        plan: Plan,
        enabled: Enabled,
    ) -> Job {
        ranges.reverse();
        Job {
            account,
            mailbox: selected.mailbox,
            uids: selected.uids.clone(),
            recent: match enabled.rev2 {
                true => Vec::new(),
                false => selected.recent().to_vec(),
            },
            enabled,
            plan,
            own: None,
            read_only: selected.read_only,
            keywords: Vec::new(),
            ranges,
            missing: 0,
            unknown_encoding: false,
            one_by_one: false,
            failed: None,
            current: None,
        }
    }

    pub(super) fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// The change that set \Seen: its flags are shown with the messages.
    pub(super) fn set_own(&mut self, own: Option<Own>) {
        self.own = own;
    }

    /// The client was told of these.
    pub(super) fn set_keywords(&mut self, keywords: &[String]) {
        self.keywords = keywords.to_vec();
    }

    /// Messages that the client counts were gone.
    pub(super) fn some_gone(&self) -> bool {
        self.missing > 0
    }

    /// A part could not be decoded for BINARY.
    pub(super) fn unknown_encoding(&self) -> bool {
        self.unknown_encoding
    }

    /// Why a message could not be shown.
    pub(super) fn take_failure(&mut self) -> Option<StoreError> {
        self.failed.take()
    }

    /// What was made so far ends within a response.
    pub(super) fn within(&self) -> bool {
        self.current.is_some()
    }

    /// The messages that are to be shown and do not have \Seen.
    pub(super) fn unseen(&mut self) -> Result<Vec<Uid>, StoreError> {
        let view = self.account.view()?;
        let mut unseen = Vec::new();
        for &(first, last) in self.ranges.iter().rev() {
            let (Some(first), Some(last)) = (self.uids.uid_of(first), self.uids.uid_of(last))
            else {
                continue;
            };
            view.messages(self.mailbox, first, last, &mut |message| {
                if !message.flags.has(SystemFlag::Seen)
                    && self.plan.changed_since < Some(message.modseq)
                    && self.uids.seq_of(message.uid).is_some()
                {
                    unseen.push(message.uid);
                }
                true
            })?;
        }
        Ok(unseen)
    }

    /// Appends responses to `out` until there are about `limit` bytes in it.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<Filled, StoreError> {
        let view = self.account.view()?;
        if let Some(current) = self.current.take()
            && !self.produce(&view, current, out, limit)?
        {
            return Ok(Filled::More);
        }
        self.tell_keywords(&view, out)?;
        while let Some((first, last)) = self.ranges.pop() {
            let last = self.bite(first, last);
            let (Some(first_uid), Some(last_uid)) =
                (self.uids.uid_of(first), self.uids.uid_of(last))
            else {
                continue;
            };
            let mut scan = Scan {
                expected: first,
                result: Ok(true),
            };
            let mailbox = self.mailbox;
            let scanned = if self.plan.structure && !self.one_by_one {
                view.messages_with_parsed(mailbox, first_uid, last_uid, &mut |message, parsed| {
                    let current = Current::new(message, Some(parsed));
                    self.found(&view, current, &mut scan, out, limit)
                })
            } else {
                view.messages(mailbox, first_uid, last_uid, &mut |message| {
                    let current = Current::new(message, None);
                    self.found(&view, current, &mut scan, out, limit)
                })
            };
            match scanned {
                Ok(()) => {}
                Err(_) if self.plan.structure && !self.one_by_one => {
                    // One of them is damaged: the others are not its prisoners.
                    self.one_by_one = true;
                    self.ranges.push((scan.expected, last));
                    continue;
                }
                Err(error) => return Err(error),
            }
            if scan.result? {
                self.missing += last + 1 - scan.expected;
            } else {
                if scan.expected <= last {
                    self.ranges.push((scan.expected, last));
                }
                return Ok(Filled::More);
            }
        }
        Ok(Filled::Done)
    }

    /// FLAGS goes before any response that uses a keyword (RFC 9051 §7.3.5), also when another session
    /// has made it meanwhile.
    fn tell_keywords(&mut self, view: &View, out: &mut Vec<u8>) -> Result<(), StoreError> {
        if let Some(mailbox) = view.mailbox_by_id(self.mailbox)?
            && mailbox.keywords != self.keywords
        {
            self.keywords = mailbox.keywords;
            flags_response(&self.keywords, out);
            if !self.read_only {
                permanent_flags(&self.keywords, out);
            }
        }
        Ok(())
    }

    /// Cuts a range to what is looked at together, and gives its end.
    fn bite(&mut self, first: u32, last: u32) -> u32 {
        let end = last.min(first + (TOGETHER - 1));
        if self.plan.structure && end < last {
            self.ranges.push((end + 1, last));
            return end;
        }
        last
    }

    /// Shows a message that was found. False: no more of them now.
    fn found(
        &mut self,
        view: &View,
        current: Current,
        scan: &mut Scan,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> bool {
        let Some(seq) = self.uids.seq_of(current.message.uid) else {
            return true;
        };
        self.missing += seq.saturating_sub(scan.expected);
        scan.expected = seq + 1;
        if self.plan.changed_since >= Some(current.message.modseq) {
            return true;
        }
        scan.result = self.produce(view, current, out, limit);
        matches!(scan.result, Ok(true))
    }

    /// Shows a message from where it was left. False: the chunk is full. An error: what was sent of it
    /// can't be finished; a message that can't be begun is left out.
    fn produce(
        &mut self,
        view: &View,
        mut current: Current,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let start = (!current.begun()).then_some(out.len());
        match (self.produce_items(view, &mut current, out, limit), start) {
            (Ok(true), _) => Ok(out.len() < limit),
            (Ok(false), _) => {
                self.current = Some(current);
                Ok(false)
            }
            (Err(error), Some(start)) => {
                out.truncate(start);
                self.failed = Some(error);
                Ok(true)
            }
            (Err(error), None) => {
                self.current = Some(current);
                Err(error)
            }
        }
    }

    fn produce_items(
        &mut self,
        view: &View,
        current: &mut Current,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, StoreError> {
        if !current.begun() {
            self.begin(current, out);
        }
        loop {
            if !current.pump(view, out, limit)? {
                return Ok(false);
            }
            let Some(item) = self.plan.items.get(current.item) else {
                out.extend_from_slice(b")\r\n");
                return Ok(true);
            };
            current.item += 1;
            let start = out.len();
            if current.shown {
                out.push(b' ');
            }
            if !current.show(item, view, &self.recent, self.enabled, out)? {
                // Left out: nothing of it may stand there.
                out.truncate(start);
                self.unknown_encoding = true;
            } else {
                current.shown = true;
            }
        }
    }

    fn begin(&self, current: &mut Current, out: &mut Vec<u8>) {
        let message = &current.message;
        let seq = self.uids.seq_of(message.uid).unwrap_or(0);
        let mut fetch = Fetch::start(seq, out);
        let seen_now = self.own.is_some_and(|own| own.modseq == message.modseq);
        if seen_now && !self.plan.flags {
            fetch.flags(&message.flags, is_recent(&self.recent, message.uid));
            current.shown = true;
        }
        if seen_now && self.enabled.condstore && !self.plan.modseq {
            fetch.modseq(message.modseq);
            current.shown = true;
        }
    }
}
