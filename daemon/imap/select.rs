//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2).

use mox::imap::command::MailboxArg;
use mox::mailbox::SystemFlag;
use mox::store::{Change, Mailbox, StoreError, View};

use super::selected::Selected;
use super::session::{Done, Session, heavy, take_recent};
use super::words::{Answer, Failure};
use super::{list, names, reply};

/// So many messages are looked at for the first unseen one (RFC 3501 §6.3.1); behind that the client
/// is not told, which it must bear.
const UNSEEN_WITHIN: u32 = 20_000;

impl Session {
    pub(super) async fn select(
        &mut self,
        mailbox: &MailboxArg,
        condstore: bool,
        read_only: bool,
    ) -> Done {
        self.user()?;
        // Even if this fails, the mailbox that was selected is no longer (RFC 9051 §6.3.2).
        if self.selected.take().is_some() {
            self.wire
                .out
                .extend_from_slice(b"* OK [CLOSED] the mailbox before is closed\r\n");
        }
        if condstore {
            self.enable_condstore()?;
        }
        let name = names::existing(mailbox, self.enabled)?;
        let enabled = self.enabled;
        let user = self.user()?;
        let mut view = user.account.view()?;
        let mut mailbox = view.mailbox(&name)?.ok_or(StoreError::NoMailbox)?;
        let mut selected = Selected::new(&mailbox, read_only, user.account.watch());
        selected.at = Some(user.session.at(name.as_str()));
        if !enabled.rev2 && mailbox.recent_below < mailbox.uid_next {
            if read_only {
                selected.add_recent(mailbox.recent_below, mailbox.uid_next - 1);
            } else {
                drop(view);
                (view, mailbox) = take_recent(user, &mut selected).await?;
            }
        }
        heavy(mailbox.messages, || {
            selected.set_messages(&mailbox, view.uids(selected.mailbox)?, view.modseq()?);
            self.tell_selected(&view, &mailbox, &mut selected)
        })?;
        self.selected = Some(Box::new(selected));
        Ok(if read_only {
            Answer::ok_with("READ-ONLY", "selected")
        } else {
            Answer::ok_with("READ-WRITE", "selected")
        })
    }

    fn tell_selected(
        &mut self,
        view: &View,
        mailbox: &Mailbox,
        selected: &mut Selected,
    ) -> Result<(), Failure> {
        let enabled = self.enabled;
        let out = &mut self.wire.out;
        reply::flags_response(&mailbox.keywords, out);
        if selected.read_only {
            out.extend_from_slice(b"* OK [PERMANENTFLAGS ()] nothing is kept\r\n");
        } else {
            reply::permanent_flags(&mailbox.keywords, out);
        }
        selected.tell_counts(!enabled.rev2, out);
        if !enabled.rev2
            && mailbox.unseen > 0
            && let Some(seq) = first_unseen(view, selected)?
        {
            reply::line(format_args!("* OK [UNSEEN {seq}] the first unseen"), out);
        }
        reply::line(
            format_args!("* OK [UIDVALIDITY {}] UIDs hold", mailbox.uid_validity),
            out,
        );
        reply::line(
            format_args!("* OK [UIDNEXT {}] the next UID", mailbox.uid_next),
            out,
        );
        let highest = mailbox.highest_modseq.max(1);
        reply::line(
            format_args!("* OK [HIGHESTMODSEQ {highest}] changes are numbered"),
            out,
        );
        if enabled.rev2 {
            list::tell_selected(view, mailbox, enabled, out)?;
        }
        Ok(())
    }

    pub(super) async fn close(&mut self) -> Done {
        let (user, selected) = self.selected()?;
        if !selected.read_only {
            let change = Change::Expunge {
                mailbox: selected.mailbox,
                uids: None,
                only_deleted: true,
            };
            match user.account.write(change).await {
                Ok(_) | Err(StoreError::NoMailbox) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.selected = None;
        Ok(Answer::ok("closed"))
    }

    pub(super) fn unselect(&mut self) -> Done {
        self.selected()?;
        self.selected = None;
        Ok(Answer::ok("closed"))
    }
}

fn first_unseen(view: &View, selected: &Selected) -> Result<Option<u32>, StoreError> {
    let mut found = None;
    let mut looked = 0;
    view.messages(selected.mailbox, 1, u32::MAX, &mut |message| {
        looked += 1;
        if !message.flags.has(SystemFlag::Seen) {
            found = selected.uids.seq_of(message.uid);
            return false;
        }
        looked < UNSEEN_WITHIN
    })?;
    Ok(found)
}
