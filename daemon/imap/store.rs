//! STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3 UNCHANGEDSINCE).

use mox::imap::sequence::SequenceSet;
use mox::mailbox::FlagChange;
use mox::store::{Account, Change, Changed, Uid};

use super::copy::gone;
use super::reply;
use super::selected::{Own, Selected};
use super::session::{Done, Session, heavy};
use super::set::{self, Ranges};
use super::words::{Answer, Failure};

/// How the flags are shown after a STORE.
#[derive(Clone, Copy)]
struct Shown {
    uid: bool,
    modseq: bool,
    recent: bool,
}

impl Session {
    pub(super) async fn store(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        change: FlagChange,
        silent: bool,
        unchanged_since: Option<u64>,
    ) -> Done {
        if unchanged_since.is_some() {
            self.selected()?;
            self.enable_condstore()?;
        }
        let enabled = self.enabled;
        let ranges = set::resolve(set, uid, self.writable()?.1)?;
        if silent {
            // What others did to these messages is told first: .SILENT keeps back only the own change
            // (RFC 9051 §6.4.6). The set means what the client knew when it sent it.
            Box::pin(self.tell(false, uid)).await?;
        }
        let (user, selected) = self.writable()?;
        let account = user.account.clone();
        let uids: Vec<Uid> = set::uids(&ranges, &selected.uids)
            .filter(|uid| !selected.is_pending(*uid))
            .collect();
        let some_gone = !uid && uids.len() < count(&ranges);
        let done = match some_gone {
            true => Err(gone()),
            false => Ok(Answer::ok("stored")),
        };
        if uids.is_empty() {
            return done;
        }
        let changed = account
            .write(Change::SetFlags {
                mailbox: selected.mailbox,
                uids,
                change,
                unchanged_since,
            })
            .await?;
        let Changed::Flags {
            modified, modseq, ..
        } = changed
        else {
            return done;
        };
        let shown = Shown {
            uid: uid || enabled.rev2 || enabled.condstore,
            modseq: enabled.condstore,
            recent: !enabled.rev2,
        };
        let code = (!modified.is_empty()).then(|| modified_code(&modified, uid, selected));
        // With another change in between, the client does not know all the flags.
        let alone = !silent || modseq <= selected.modseq + 1;
        let own = Own {
            modseq,
            tell_modseq: silent && enabled.condstore,
        };
        if !silent {
            let messages = u32::try_from(count(&ranges)).unwrap_or(u32::MAX);
            heavy(messages, || self.echo(&account, &ranges, &modified, shown))?;
        }
        if modseq > 0 && alone {
            self.own = Some(own);
        }
        match (code, done) {
            // The flags of some have changed in between: RFC 7162 §3.1.3.
            (Some(code), Ok(_)) => Ok(Answer::ok_with(code, "some have changed since")),
            (Some(code), Err(_)) => Err(Answer::no(code, "some have changed since").into()),
            (None, done) => done,
        }
    }

    /// Shows the flags of all the command named, also of those it did not change (RFC 9051 §6.4.6).
    fn echo(
        &mut self,
        account: &Account,
        ranges: &Ranges,
        modified: &[Uid],
        shown: Shown,
    ) -> Result<(), Failure> {
        let Some(selected) = &mut self.selected else {
            return Ok(());
        };
        let out = &mut self.wire.out;
        let view = account.view()?;
        let mailbox = selected.mailbox;
        if let Some(mailbox) = view.mailbox_by_id(mailbox)? {
            selected.tell_keywords(&mailbox, out);
        }
        for &(first, last) in ranges {
            let (Some(first), Some(last)) =
                (selected.uids.uid_of(first), selected.uids.uid_of(last))
            else {
                continue;
            };
            view.messages(mailbox, first, last, &mut |message| {
                let seq = selected.uids.seq_of(message.uid);
                let Some(seq) = seq.filter(|_| modified.binary_search(&message.uid).is_err())
                else {
                    return true;
                };
                let mut fetch = reply::Fetch::start(seq, out);
                if shown.uid {
                    fetch.uid(message.uid);
                }
                let recent = shown.recent && selected.is_recent(message.uid);
                fetch.flags(&message.flags, recent);
                if shown.modseq {
                    fetch.modseq(message.modseq);
                }
                fetch.end();
                true
            })?;
        }
        Ok(())
    }
}

fn count(ranges: &Ranges) -> usize {
    ranges
        .iter()
        .map(|&(first, last)| (last - first) as usize + 1)
        .sum()
}

/// `MODIFIED 7,9`: by message numbers, or UIDs if the command named those.
fn modified_code(modified: &[Uid], uid: bool, selected: &Selected) -> String {
    let numbers = modified.iter().filter_map(|&of| match uid {
        true => Some(of),
        false => selected.uids.seq_of(of),
    });
    format!("MODIFIED {}", reply::uid_set_text(numbers))
}
