//! STATUS (RFC 9051 §6.3.11; RFC 8438 SIZE, RFC 7162 HIGHESTMODSEQ, RFC 7889 APPENDLIMIT).

use mox::imap::command::{MailboxArg, StatusItem};
use mox::store::{Mailbox, StoreError, View};

use super::names;
use super::session::{Done, Session};
use super::state::Enabled;
use super::words::Answer;

impl Session {
    pub(super) fn status(&mut self, mailbox: &MailboxArg, items: &[StatusItem]) -> Done {
        self.user()?;
        let name = names::existing(mailbox, self.enabled)?;
        if items.contains(&StatusItem::HighestModSeq) {
            self.enable_condstore()?;
        }
        let view = self.user()?.account.view()?;
        let mailbox = view.mailbox(&name)?.ok_or(StoreError::NoMailbox)?;
        let limit = self.context.live.now().config.limits.message_size;
        tell(
            &view,
            &mailbox,
            items,
            limit,
            self.enabled,
            &mut self.wire.out,
        )?;
        Ok(Answer::ok("done"))
    }
}

/// Writes the STATUS response. `limit`: bytes that APPEND takes.
pub(super) fn tell(
    view: &View,
    mailbox: &Mailbox,
    items: &[StatusItem],
    limit: u64,
    enabled: Enabled,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    out.extend_from_slice(b"* STATUS ");
    names::encode(mailbox.name.as_str(), enabled, out);
    out.extend_from_slice(b" (");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        let (name, value) = match item {
            StatusItem::Messages => ("MESSAGES", u64::from(mailbox.messages)),
            StatusItem::Recent => ("RECENT", recent(view, mailbox)?),
            StatusItem::UidNext => ("UIDNEXT", u64::from(mailbox.uid_next)),
            StatusItem::UidValidity => ("UIDVALIDITY", u64::from(mailbox.uid_validity)),
            StatusItem::Unseen => ("UNSEEN", u64::from(mailbox.unseen)),
            StatusItem::Deleted => ("DELETED", u64::from(mailbox.deleted)),
            StatusItem::Size => ("SIZE", mailbox.size),
            StatusItem::HighestModSeq => ("HIGHESTMODSEQ", mailbox.highest_modseq.max(1)),
            StatusItem::AppendLimit => ("APPENDLIMIT", limit),
        };
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        mox::imap::encode::number(value, out);
    }
    out.extend_from_slice(b")\r\n");
    Ok(())
}

/// Messages that no session has taken notice of.
fn recent(view: &View, mailbox: &Mailbox) -> Result<u64, StoreError> {
    let mut count = 0;
    if mailbox.recent_below < mailbox.uid_next {
        view.messages(mailbox.id, mailbox.recent_below, u32::MAX, &mut |_| {
            count += 1;
            true
        })?;
    }
    Ok(count)
}
