//! The selected mailbox as this session's client knows it, and how it learns what changed since
//! (RFC 9051 §5.2, §7.5; RFC 7162 for MODSEQ).
//!
//! The view is pulled: it remembers up to which change the client knows everything, and asks the
//! store what came after. Message numbers stay as they are until an EXPUNGE response told otherwise;
//! expunges that may not be told yet ([`Telling::expunges`]) wait.

use std::sync::Arc;

use mox::store::{Mailbox, MailboxChanges, MailboxId, ModSeq, Uid};
use tokio::sync::watch;

use super::reply;
use super::uids::UidMap;
use crate::sessions::AtMailbox;

/// A mailbox that is selected.
#[derive(Debug)]
pub(super) struct Selected {
    /// Which.
    pub(super) mailbox: MailboxId,
    /// Shows it on the list of sessions; only tests have none.
    pub(super) at: Option<AtMailbox>,
    /// EXAMINE.
    pub(super) read_only: bool,
    /// The messages, as the client numbers them.
    pub(super) uids: Arc<UidMap>,
    /// Tells of changes to the account's mail.
    pub(super) watch: watch::Receiver<ModSeq>,
    /// Up to which change the client knows all.
    pub(super) modseq: ModSeq,
    /// The result of SEARCH RETURN (SAVE), as ranges of UIDs (RFC 9051 §6.4.4.1).
    pub(super) saved: Vec<(Uid, Uid)>,
    /// UIDs that are \Recent in this session (RFC 3501 §2.3.2), as ranges.
    recent: Vec<(Uid, Uid)>,
    /// How many messages were \Recent when the client was last told.
    recent_told: u32,
    /// Gone, but the client may not be told yet; ascending.
    pending: Vec<Uid>,
    /// The FLAGS response the client has.
    keywords: Vec<String>,
}

/// How to tell what changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Telling {
    /// EXPUNGE responses are allowed now (RFC 9051 §7.5.1).
    pub(super) expunges: bool,
    /// UIDs in FETCH responses.
    pub(super) uid: bool,
    /// MODSEQ in FETCH responses (the client knows of CONDSTORE).
    pub(super) modseq: bool,
    /// RECENT and \Recent (the client has not enabled IMAP4rev2).
    pub(super) recent: bool,
    /// The client's own change, whose flags it knows.
    pub(super) own: Option<Own>,
}

/// A STORE of this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Own {
    /// Its number.
    pub(super) modseq: ModSeq,
    /// The client needs to be told the new MODSEQ, though not the flags (.SILENT and CONDSTORE).
    pub(super) tell_modseq: bool,
}

impl Selected {
    /// A mailbox about to be selected, its messages not known yet.
    pub(super) fn new(
        mailbox: &Mailbox,
        read_only: bool,
        watch: watch::Receiver<ModSeq>,
    ) -> Selected {
        Selected {
            mailbox: mailbox.id,
            at: None,
            read_only,
            uids: Arc::default(),
            watch,
            modseq: 0,
            saved: Vec::new(),
            recent: Vec::new(),
            recent_told: 0,
            pending: Vec::new(),
            keywords: mailbox.keywords.clone(),
        }
    }

    /// The messages in it, and the keywords, at change `modseq`.
    pub(super) fn set_messages(&mut self, mailbox: &Mailbox, uids: Vec<Uid>, modseq: ModSeq) {
        self.keywords.clone_from(&mailbox.keywords);
        self.uids = Arc::new(UidMap::new(uids));
        self.modseq = modseq;
    }

    /// These are \Recent in this session.
    pub(super) fn add_recent(&mut self, first: Uid, last: Uid) {
        if first > last {
            return;
        }
        match self.recent.last_mut() {
            Some(range) if range.1 + 1 >= first => range.1 = range.1.max(last),
            _ => self.recent.push((first, last)),
        }
    }

    /// Whether a message is \Recent in this session.
    pub(super) fn is_recent(&self, uid: Uid) -> bool {
        let at = self.recent.partition_point(|range| range.0 <= uid);
        at > 0 && self.recent[at - 1].1 >= uid
    }

    /// The ranges of UIDs that are \Recent in this session.
    pub(super) fn recent(&self) -> &[(Uid, Uid)] {
        &self.recent
    }

    /// How many messages are \Recent.
    pub(super) fn recent_count(&self) -> u32 {
        self.recent
            .iter()
            .map(|&(first, last)| self.uids.count(first, last))
            .sum()
    }

    /// The counts of a mailbox just selected: EXISTS, and RECENT if asked for.
    pub(super) fn tell_counts(&mut self, recent: bool, out: &mut Vec<u8>) {
        reply::number(self.uids.len(), "EXISTS", out);
        if recent {
            self.recent_told = self.recent_count();
            reply::number(self.recent_told, "RECENT", out);
        }
    }

    /// Tells of keywords that the client does not know yet: FLAGS goes before any FETCH that uses
    /// them (RFC 9051 §7.3.5).
    pub(super) fn tell_keywords(&mut self, mailbox: &Mailbox, out: &mut Vec<u8>) {
        if mailbox.keywords == self.keywords {
            return;
        }
        self.keywords.clone_from(&mailbox.keywords);
        reply::flags_response(&self.keywords, out);
        if !self.read_only {
            reply::permanent_flags(&self.keywords, out);
        }
    }

    /// The keywords that the client knows.
    pub(super) fn keywords(&self) -> &[String] {
        &self.keywords
    }

    /// Whether some of the messages the client counts are gone.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes notice of what changed since, and tells the client: EXPUNGE, EXISTS, RECENT, FLAGS,
    /// FETCH, in this order. `mailbox` is from the same view as the changes.
    pub(super) fn tell(
        &mut self,
        changes: &MailboxChanges,
        mailbox: &Mailbox,
        telling: Telling,
        out: &mut Vec<u8>,
    ) {
        // What went is known even while it may not be told: number and UID of the others must not
        // move, and nothing more is told of them.
        self.pending.extend(
            changes
                .expunged
                .iter()
                .filter(|&&uid| self.uids.seq_of(uid).is_some()),
        );
        self.pending.sort_unstable();
        self.pending.dedup();
        if telling.expunges {
            self.tell_pending(out);
        }

        let last = self.uids.last();
        let fresh = changes.changed.partition_point(|m| m.uid <= last);
        let (known, new) = changes.changed.split_at(fresh);
        if !new.is_empty() {
            let uids = Arc::make_mut(&mut self.uids);
            new.iter().for_each(|m| uids.push(m.uid));
            reply::number(self.uids.len(), "EXISTS", out);
        }
        if telling.recent {
            // Fewer of them is not told: RECENT goes with the arrival of messages.
            let recent = self.recent_count();
            if recent != self.recent_told && !new.is_empty() {
                reply::number(recent, "RECENT", out);
            }
            self.recent_told = recent;
        }

        self.tell_keywords(mailbox, out);
        for message in known {
            let Some(seq) = self.uids.seq_of(message.uid) else {
                continue;
            };
            let own = telling.own.filter(|own| own.modseq == message.modseq);
            if own.is_some_and(|own| !own.tell_modseq) || self.is_pending(message.uid) {
                continue;
            }
            let mut fetch = reply::Fetch::start(seq, out);
            if telling.uid {
                fetch.uid(message.uid);
            }
            if own.is_none() {
                fetch.flags(
                    &message.flags,
                    telling.recent && self.is_recent(message.uid),
                );
            }
            if telling.modseq {
                fetch.modseq(message.modseq);
            }
            fetch.end();
        }
        self.modseq = self.modseq.max(changes.modseq);
    }

    /// Tells of messages that are gone, now that it may be told.
    pub(super) fn tell_pending(&mut self, out: &mut Vec<u8>) {
        if self.pending.is_empty() {
            return;
        }
        let gone = std::mem::take(&mut self.pending);
        for seq in Arc::make_mut(&mut self.uids).remove(&gone) {
            reply::number(seq, "EXPUNGE", out);
        }
    }

    /// Whether a message is gone without the client knowing.
    pub(super) fn is_pending(&self, uid: Uid) -> bool {
        self.pending.binary_search(&uid).is_ok()
    }
}

#[cfg(test)]
mod tests;
