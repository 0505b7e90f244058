//! What is asked about as people write it. It is read as a session reads it, and what a session cannot
//! read is refused in the session's words.

use crate::addr::{AccountName, Address};
use crate::login::{user_address, with_right_password};
use crate::policy::{RcptRefusal, Recipient, SenderRefusal};
use crate::smtp::{Command, CommandError, ForwardPath, MailParams, Mailbox, Reply, ReversePath};
use crate::verdict;

use super::{Because, Explainer, Explanation, KeyPath};

impl Explainer<'_> {
    /// RCPT TO on port 25, with what stands between the brackets.
    pub fn rcpt_to(&self, path: &str) -> Explanation {
        match forward_path(path) {
            Ok(ForwardPath::Postmaster) => self.recipient(&Recipient::Postmaster),
            Ok(ForwardPath::Mailbox(mailbox)) => match mailbox.address() {
                Some(address) => self.recipient(&Recipient::Address(address)),
                None => self.refused(
                    path,
                    &verdict::recipient::<()>(&Err(RcptRefusal::NotLocal)),
                    "at an address literal only the postmaster gets mail, and only at the server's"
                        .to_owned(),
                ),
            },
            Err(error) => self.unreadable(path, &error),
        }
    }

    /// MAIL FROM in submission, with what stands between the brackets, by the account of that name; by
    /// default the one whose address it is.
    pub fn mail_from(&self, path: &str, account: Option<&str>) -> Explanation {
        let sender = match reverse_path(path) {
            Ok(ReversePath::Mailbox(mailbox)) => mailbox.address(),
            Ok(ReversePath::Null) => {
                let reason = "the empty sender is for servers, on port 25".to_owned();
                return self.refused(path, &verdict::null_sender(), reason);
            }
            Err(error) => return self.unreadable(path, &error),
        };
        let not_yours = verdict::sender(&Err(SenderRefusal::NotYours));
        let Some(sender) = sender else {
            let reason = "no account has an address at an address literal".to_owned();
            return self.refused(path, &not_yours, reason);
        };
        let Some(name) = account else {
            return self.sender(&sender, None);
        };
        match AccountName::parse(name) {
            Ok(known) if self.snapshot.account(&known).is_some() => {
                self.sender(&sender, Some(&known))
            }
            _ => self.refused(&sender.to_string(), &not_yours, self.no_account(name)),
        }
    }

    /// AUTH with the user name and the right password.
    pub fn auth(&self, user: &str) -> Explanation {
        if let Some(address) = user_address(user) {
            return self.login(&address);
        }
        let decided = with_right_password(self.snapshot, user);
        let reason = match Address::parse(user) {
            Err(error) => error.to_string(),
            Ok(_) => "the user name is too long".to_owned(),
        };
        self.refused(user, &verdict::login(&decided), reason)
    }

    fn unreadable(&self, path: &str, error: &CommandError) -> Explanation {
        let reason = match Address::parse(path) {
            Err(error) => error.to_string(),
            Ok(_) => error.to_string(),
        };
        self.refused(path, &verdict::bad_command(error), reason)
    }

    fn no_account(&self, name: &str) -> String {
        let known = self.snapshot.config.accounts.keys();
        let known: Vec<String> = known.map(ToString::to_string).collect();
        let near = crate::diag::did_you_mean(name, known.iter().map(String::as_str));
        let hint = near.map(|near| format!("; {near} does"));
        format!(
            "account {name:?} does not exist{}",
            hint.unwrap_or_default()
        )
    }

    /// No key decides.
    fn refused(&self, asked: &str, reply: &Reply, reason: String) -> Explanation {
        let because = Because {
            reason,
            via: Vec::new(),
            key: KeyPath::new(),
        };
        self.explanation(asked.to_owned(), reply, because)
    }
}

/// What looks like parameters belongs to the path here: there are none to ask about.
fn forward_path(path: &str) -> Result<ForwardPath, CommandError> {
    match Command::parse(format!("RCPT TO:<{path}>").as_bytes())? {
        Command::Rcpt(rcpt) if rcpt.params.is_empty() => Ok(rcpt.to),
        _ => Mailbox::parse(path)
            .map(ForwardPath::Mailbox)
            .map_err(CommandError::Recipient),
    }
}

fn reverse_path(path: &str) -> Result<ReversePath, CommandError> {
    match Command::parse(format!("MAIL FROM:<{path}>").as_bytes())? {
        Command::Mail(mail) if mail.params == MailParams::default() => Ok(mail.from),
        _ => Mailbox::parse(path)
            .map(ReversePath::Mailbox)
            .map_err(CommandError::Sender),
    }
}
