//! EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9).

use mox::imap::sequence::SequenceSet;
use mox::store::{Change, Changed};

use super::session::{Done, Session};
use super::set;
use super::words::Answer;

impl Session {
    pub(super) async fn expunge(&mut self, set: Option<&SequenceSet>) -> Done {
        let condstore = self.enabled.condstore;
        let (user, selected) = self.writable()?;
        let uids = match set {
            None => None,
            Some(set) => {
                let ranges = set::resolve(set, true, selected)?;
                Some(set::uids(&ranges, &selected.uids).collect())
            }
        };
        let change = Change::Expunge {
            mailbox: selected.mailbox,
            uids,
            only_deleted: true,
        };
        let changed = user.account.write(change).await?;
        // The responses come with all else that changed.
        Ok(match changed {
            Changed::Expunged { modseq, .. } if condstore && modseq > 0 => {
                Answer::ok_with(format!("HIGHESTMODSEQ {modseq}"), "expunged")
            }
            _ => Answer::ok("expunged"),
        })
    }
}
