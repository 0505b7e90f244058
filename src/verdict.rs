//! What SMTP says to a decision: code, enhanced code and words (RFC 5321 §4.2, RFC 3463). The sessions
//! answer with these, and `mox explain` shows them, so neither has words of its own.

use std::borrow::Cow;

use crate::login::LoginRefusal;
use crate::policy::{RcptRefusal, SenderRefusal};
use crate::sasl::SaslError;
use crate::smtp::{CommandError, Reply};

/// To RCPT TO.
pub fn recipient<T>(decided: &Result<T, RcptRefusal>) -> Reply {
    match decided {
        Ok(_) => Reply::new(250, 1, 5, "recipient ok"),
        Err(RcptRefusal::DomainDisabled) => {
            Reply::new(450, 2, 1, "recipient domain temporarily disabled")
        }
        Err(RcptRefusal::UnknownAddress) => Reply::new(550, 1, 1, "no such mailbox here"),
        Err(RcptRefusal::MembersOnly) => {
            Reply::new(550, 7, 1, "only members may send to this address")
        }
        Err(RcptRefusal::NotLocal) => {
            Reply::new(550, 7, 1, "no relay: the domain is not hosted here")
        }
    }
}

/// To MAIL FROM in submission.
pub fn sender(decided: &Result<(), SenderRefusal>) -> Reply {
    match decided {
        Ok(()) => Reply::new(250, 1, 0, "sender ok"),
        Err(refusal) => sender_refused(refusal, "sender"),
    }
}

/// To a message whose From field is refused.
pub fn from_refused(refusal: &SenderRefusal) -> Reply {
    sender_refused(refusal, "From field")
}

/// To `MAIL FROM:<>` in submission.
pub fn null_sender() -> Reply {
    Reply::new(550, 7, 1, "a submitted message needs a sender")
}

/// To a command that the grammar does not know, an address that it cannot read among them.
pub fn bad_command(error: &CommandError) -> Reply {
    let words: Cow<'static, str> = match error {
        CommandError::Unknown => "unknown command".into(),
        CommandError::NotText => "the line is not text".into(),
        CommandError::Arguments(why) | CommandError::Sender(why) | CommandError::Recipient(why) => {
            (*why).into()
        }
        CommandError::Parameter(name) => format!("unknown parameter {name}").into(),
    };
    match error {
        CommandError::Unknown => Reply::new(500, 5, 1, words),
        CommandError::NotText => Reply::new(500, 5, 2, words),
        CommandError::Arguments(_) => Reply::new(501, 5, 4, words),
        CommandError::Parameter(_) => Reply::new(555, 5, 4, words),
        CommandError::Sender(_) => Reply::new(501, 1, 7, words),
        CommandError::Recipient(_) => Reply::new(501, 1, 3, words),
    }
}

/// To AUTH.
pub fn login<T>(decided: &Result<T, LoginRefusal>) -> Reply {
    match decided {
        Ok(_) => Reply::new(235, 7, 0, "logged in"),
        Err(LoginRefusal::BadCredentials) => Reply::new(535, 7, 8, "bad user or password"),
        Err(LoginRefusal::OtherAccount) => Reply::new(
            535,
            7,
            8,
            "the TLS client certificate belongs to another account",
        ),
        Err(LoginRefusal::ChannelBinding) => {
            Reply::new(535, 7, 7, "the login is not bound to this connection")
        }
        Err(LoginRefusal::NoMechanism) => Reply::new(504, 5, 4, "no such mechanism"),
        Err(LoginRefusal::NeedsTls) => Reply::new(538, 7, 11, "logging in needs TLS"),
        Err(LoginRefusal::Exchange(error)) => bad_exchange(*error),
        Err(LoginRefusal::LoginDisabled(message)) => Reply::new(525, 7, 13, message.clone()),
        Err(LoginRefusal::RateLimited) => Reply::new(421, 7, 0, "too many failed logins"),
        Err(LoginRefusal::Local) => Reply::new(454, 7, 0, "temporary failure, try again later"),
    }
}

fn bad_exchange(error: SaslError) -> Reply {
    match error {
        SaslError::Aborted => Reply::new(501, 7, 0, "authentication aborted"),
        SaslError::Encoding => Reply::new(501, 5, 2, "that is not base64"),
        SaslError::TooLong => Reply::new(500, 5, 6, "the line is too long"),
        SaslError::Malformed => Reply::new(501, 5, 4, "malformed message of the mechanism"),
    }
}

fn sender_refused(refusal: &SenderRefusal, what: &str) -> Reply {
    match refusal {
        SenderRefusal::NotYours => Reply::new(
            550,
            7,
            1,
            format!("the {what} must be an address of the account"),
        ),
        SenderRefusal::DomainDisabled => Reply::new(
            451,
            3,
            0,
            format!("the {what}'s domain is temporarily disabled"),
        ),
    }
}
