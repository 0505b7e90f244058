//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8; RFC 4315 COPYUID, RFC 6851).

use mox::imap::command::MailboxArg;
use mox::imap::sequence::SequenceSet;
use mox::store::{Change, Changed, Uid};

use super::session::{Done, Session};
use super::words::{self, Answer, Failure};
use super::{names, reply, set};

impl Session {
    pub(super) async fn copy(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        mailbox: &MailboxArg,
    ) -> Done {
        let uids = self.copied(uid, set, mailbox)?;
        if uids.is_empty() {
            return Ok(Answer::ok("no such messages"));
        }
        let to = target(mailbox, self)?;
        let quota = self.quota();
        let (user, selected) = self.selected()?;
        let change = Change::Copy {
            mailbox: selected.mailbox,
            uids,
            to,
            quota,
        };
        let changed = user
            .account
            .write(change)
            .await
            .map_err(words::try_create)?;
        Ok(match copy_uid(&changed) {
            Some(code) => Answer::ok_with(code, "copied"),
            None => Answer::ok("no such messages"),
        })
    }

    pub(super) async fn move_messages(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        mailbox: &MailboxArg,
    ) -> Done {
        self.writable()?;
        let uids = self.copied(uid, set, mailbox)?;
        if uids.is_empty() {
            return Ok(Answer::ok("no such messages"));
        }
        let to = target(mailbox, self)?;
        let (user, selected) = self.selected()?;
        let change = Change::Move {
            mailbox: selected.mailbox,
            uids,
            to,
        };
        let changed = user
            .account
            .write(change)
            .await
            .map_err(words::try_create)?;
        if let Some(code) = copy_uid(&changed) {
            // Before the EXPUNGE responses: RFC 6851 §4.3.
            reply::line(format_args!("* OK [{code}] moved"), &mut self.wire.out);
        }
        Ok(Answer::ok("moved"))
    }

    /// The messages to copy. All of them, or none: one that is gone already fails the command.
    fn copied(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        mailbox: &MailboxArg,
    ) -> Result<Vec<Uid>, Failure> {
        let enabled = self.enabled;
        let (_, selected) = self.selected()?;
        let ranges = set::resolve(set, uid, selected)?;
        let mut uids: Vec<Uid> = set::uids(&ranges, &selected.uids).collect();
        if selected.has_pending() {
            let before = uids.len();
            uids.retain(|uid| !selected.is_pending(*uid));
            if !uid && uids.len() < before {
                return Err(gone());
            }
        }
        names::existing(mailbox, enabled).map_err(|_| try_create())?;
        Ok(uids)
    }

    /// Bytes the account may hold; 0: no limit.
    pub(super) fn quota(&self) -> u64 {
        let snapshot = self.context.live.now();
        self.user
            .as_ref()
            .and_then(|user| snapshot.account(user.name()))
            .map_or(0, |account| account.quota)
    }
}

fn target(mailbox: &MailboxArg, session: &Session) -> Result<mox::mailbox::MailboxName, Failure> {
    names::existing(mailbox, session.enabled).map_err(|_| try_create())
}

fn try_create() -> Failure {
    Answer::no("TRYCREATE", "no such mailbox").into()
}

/// Some of the messages that the client counts are gone (RFC 5530).
pub(super) fn gone() -> Failure {
    Answer::no("EXPUNGEISSUED", "some of these messages are gone").into()
}

fn copy_uid(changed: &Changed) -> Option<String> {
    match changed {
        Changed::Copied {
            uid_validity, uids, ..
        } if !uids.is_empty() => Some(format!(
            "COPYUID {uid_validity} {} {}",
            reply::uid_set_text(uids.iter().map(|(from, _)| *from)),
            reply::uid_set_text(uids.iter().map(|(_, to)| *to)),
        )),
        _ => None,
    }
}
