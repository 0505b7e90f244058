//! Which command is done where.

use mox::imap::command::{Command, CommandBody};
use mox::imap::frame::Literal;

use super::append::Part;
use super::session::{Done, Session};
use super::words::{Answer, End, Failure};

impl Session {
    /// Does a command. `literal` is what was announced of an APPEND's message.
    pub(super) async fn dispatch(&mut self, command: Command, literal: Option<Literal>) -> Done {
        let Command { tag, body } = command;
        match body {
            CommandBody::Capability => self.capability(),
            CommandBody::Noop => Ok(Answer::ok("done")),
            CommandBody::Logout => self.logout(),
            CommandBody::Id(fields) => self.id(&fields),
            CommandBody::StartTls => self.start_tls(&tag).await,
            CommandBody::Authenticate { mechanism, initial } => {
                self.authenticate(&mechanism, initial).await
            }
            CommandBody::Login { user, password } => self.login(user, password).await,
            CommandBody::Enable(names) => self.enable(&names),
            CommandBody::Select {
                mailbox,
                condstore,
                examine,
            } => self.select(&mailbox, condstore, examine).await,
            CommandBody::Create {
                mailbox,
                special_use,
            } => self.create(&mailbox, special_use).await,
            CommandBody::Delete(mailbox) => self.delete(&mailbox).await,
            CommandBody::Rename { from, to } => self.rename(&from, &to).await,
            CommandBody::Subscribe(mailbox) => self.subscribe(&mailbox, true).await,
            CommandBody::Unsubscribe(mailbox) => self.subscribe(&mailbox, false).await,
            CommandBody::List(list) => self.list(&list),
            CommandBody::Lsub { reference, pattern } => self.lsub(&reference.0, &pattern),
            CommandBody::Namespace => self.namespace(),
            CommandBody::Status { mailbox, items } => self.status(&mailbox, &items),
            CommandBody::Append {
                mailbox,
                flags,
                date,
                size,
                utf8,
                ..
            } => {
                let first = Part {
                    flags,
                    date,
                    size,
                    utf8,
                };
                match literal {
                    Some(literal) => self.append(&mailbox, first, literal).await,
                    None => Err(Answer::bad("the message is missing").into()),
                }
            }
            CommandBody::Idle => self.idle().await,
            CommandBody::Close => self.close().await,
            CommandBody::Unselect => self.unselect(),
            CommandBody::Expunge => self.expunge(None).await,
            CommandBody::UidExpunge(set) => self.expunge(Some(&set)).await,
            CommandBody::Search(search) => self.search(&tag, search).await,
            CommandBody::Fetch {
                uid,
                set,
                items,
                changed_since,
            } => self.fetch(uid, &set, items, changed_since).await,
            CommandBody::Store {
                uid,
                set,
                change,
                silent,
                unchanged_since,
            } => self.store(uid, &set, change, silent, unchanged_since).await,
            CommandBody::Copy { uid, set, mailbox } => self.copy(uid, &set, &mailbox).await,
            CommandBody::Move { uid, set, mailbox } => {
                self.move_messages(uid, &set, &mailbox).await
            }
            CommandBody::Check => self.check(),
        }
    }

    fn check(&mut self) -> Done {
        self.selected()?;
        Ok(Answer::ok("done"))
    }

    fn logout(&mut self) -> Done {
        self.wire.out.extend_from_slice(b"* BYE goodbye\r\n");
        Err(Failure::End(End::Logout(Answer::ok("done"))))
    }
}
