//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8, RFC 6154 §3).

use mox::imap::command::MailboxArg;
use mox::mailbox::SpecialUse;
use mox::store::Change;

use super::names;
use super::session::{Done, Session};
use super::words::Answer;

impl Session {
    pub(super) async fn create(
        &mut self,
        mailbox: &MailboxArg,
        special_use: Option<SpecialUse>,
    ) -> Done {
        let user = self.user()?;
        let name = names::new(mailbox, self.enabled)?;
        user.account
            .write(Change::CreateMailbox { name, special_use })
            .await?;
        Ok(Answer::ok("created"))
    }

    pub(super) async fn delete(&mut self, mailbox: &MailboxArg) -> Done {
        let name = names::existing(mailbox, self.enabled)?;
        let account = self.user()?.account.clone();
        let doomed = account.view()?.mailbox(&name)?.map(|mailbox| mailbox.id);
        account.write(Change::DeleteMailbox { name }).await?;
        // Its own DELETE does not end a session.
        if let (Some(selected), Some(doomed)) = (&self.selected, doomed)
            && selected.mailbox == doomed
        {
            self.selected = None;
            self.wire
                .out
                .extend_from_slice(b"* OK [CLOSED] the selected mailbox is gone\r\n");
        }
        Ok(Answer::ok("deleted"))
    }

    pub(super) async fn rename(&mut self, from: &MailboxArg, to: &MailboxArg) -> Done {
        let user = self.user()?;
        let from = names::existing(from, self.enabled)?;
        let to = names::new(to, self.enabled)?;
        user.account
            .write(Change::RenameMailbox { from, to })
            .await?;
        Ok(Answer::ok("renamed"))
    }

    pub(super) async fn subscribe(&mut self, mailbox: &MailboxArg, subscribed: bool) -> Done {
        let user = self.user()?;
        let name = names::new(mailbox, self.enabled)?;
        user.account
            .write(Change::Subscribe { name, subscribed })
            .await?;
        Ok(Answer::ok("done"))
    }
}
