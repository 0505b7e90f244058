//! Every outcome of a session and its words on the wire (RFC 5321 §4.2, RFC 3463, RFC 5248). Those of
//! decisions are in [`mox::verdict`], where `mox explain` finds them too.

use std::io;

use mox::login::LoginRefusal;
use mox::policy::{RcptRefusal, SenderRefusal};
use mox::smtp::{CommandError, LineError, Reply};
use mox::store::StoreError;
use mox::verdict;

use super::vigil::End;

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The greeting, with our name.
    Greeting(String),
    /// To EHLO and HELO: our name and the extensions.
    Hello(String),
    Noop,
    Reset,
    Help,
    /// To VRFY and EXPN, whatever they ask.
    NotVerified,
    StartTls,
    SenderOk,
    RecipientOk,
    /// After DATA.
    SendContent,
    ChunkOk(u64),
    /// The message is on disk, under this id.
    Kept(String),
    /// A line of base64 of an AUTH exchange.
    Challenge(String),
    LoggedIn,

    /// A line with what no command may have.
    BadLine(LineError),
    BadCommand(CommandError),
    /// EHLO or HELO has to come first.
    HelloFirst,
    /// Not now, with what is missing or too many.
    BadSequence(&'static str),
    NotHere(&'static str),
    LoginRefused(LoginRefusal),
    LoginRequired,

    BinaryMime,
    Parameter(&'static str),
    NeedsUtf8,
    /// `MAIL FROM:<>` in submission.
    NullSender,
    SenderRefused(SenderRefusal),
    /// The From field names somebody else, or nobody.
    FromRefused(SenderRefusal),
    RecipientRefused(RcptRefusal),
    /// A recipient elsewhere, in submission.
    NoRoute,
    TooManyRecipients,
    NoRecipients,
    OverQuota,
    TooLarge,
    HeaderTooLarge,
    Looping,
    BareLineEnds,
    DiskFull,
    /// Our own fault; what it is stands in the log.
    Local,
}

impl Answer {
    /// The words.
    pub(super) fn reply(&self) -> Reply {
        use Reply as R;
        match self {
            Answer::Greeting(host) => R::plain(220, format!("{host} ESMTP mox")),
            Answer::Hello(lines) => R::plain(250, lines.clone()),
            Answer::Noop | Answer::Reset => R::new(250, 0, 0, "ok"),
            Answer::Help => R::new(214, 0, 0, "this is an SMTP server, see RFC 5321"),
            Answer::NotVerified => R::new(252, 7, 0, "not verified, but try to deliver"),
            Answer::StartTls => R::new(220, 0, 0, "go ahead"),
            Answer::SenderOk => verdict::sender(&Ok(())),
            Answer::RecipientOk => verdict::recipient(&Ok(())),
            Answer::SendContent => {
                R::plain(354, "send the message, end with a dot on its own line")
            }
            Answer::ChunkOk(size) => R::new(250, 0, 0, format!("{size} octets taken")),
            Answer::Kept(id) => R::new(250, 0, 0, format!("message kept as {id}")),
            Answer::Challenge(line) => R::plain(334, line.clone()),
            Answer::LoggedIn => verdict::login(&Ok(())),

            Answer::BadLine(error) => R::new(500, 5, 2, error.to_string()),
            Answer::BadCommand(error) => verdict::bad_command(error),
            Answer::HelloFirst => R::new(503, 5, 1, "EHLO comes first"),
            Answer::BadSequence(why) => R::new(503, 5, 1, *why),
            Answer::NotHere(why) => R::new(502, 5, 1, *why),
            Answer::LoginRefused(refusal) => verdict::login::<()>(&Err(refusal.clone())),
            Answer::LoginRequired => R::new(530, 7, 0, "authentication required"),

            Answer::BinaryMime => R::new(501, 5, 4, "BODY=BINARYMIME is not offered"),
            Answer::Parameter(name) => R::new(555, 5, 4, format!("{name} is not offered")),
            Answer::NeedsUtf8 => R::new(553, 6, 7, "the address needs SMTPUTF8"),
            Answer::NullSender => verdict::null_sender(),
            Answer::SenderRefused(refusal) => verdict::sender(&Err(refusal.clone())),
            Answer::FromRefused(refusal) => verdict::from_refused(refusal),
            Answer::RecipientRefused(refusal) => verdict::recipient::<()>(&Err(refusal.clone())),
            Answer::NoRoute => R::new(550, 7, 1, "no route to the recipient's domain yet"),
            Answer::TooManyRecipients => R::new(452, 5, 3, "too many recipients"),
            Answer::NoRecipients => R::new(554, 5, 1, "no valid recipients"),
            Answer::OverQuota => R::new(452, 2, 2, "the mailbox is full"),
            Answer::TooLarge => R::new(552, 3, 4, "the message is too large"),
            Answer::HeaderTooLarge => R::new(552, 3, 4, "the message's header is too large"),
            Answer::Looping => R::new(554, 4, 6, "the message loops: too many Received fields"),
            Answer::BareLineEnds => {
                R::new(550, 6, 11, "the message has a bare CR, a bare LF or a NUL")
            }
            Answer::DiskFull => R::new(452, 3, 1, "no space left, try again later"),
            Answer::Local => R::new(451, 3, 0, "temporary failure, try again later"),
        }
    }

    /// Whether it is the client's fault and none of policy: so many of them end the session.
    pub(super) fn is_bad(&self) -> bool {
        matches!(
            self,
            Answer::BadLine(_)
                | Answer::BadCommand(_)
                | Answer::HelloFirst
                | Answer::BadSequence(_)
                | Answer::NotHere(_)
                | Answer::LoginRefused(
                    LoginRefusal::NoMechanism | LoginRefusal::NeedsTls | LoginRefusal::Exchange(_)
                )
                | Answer::LoginRequired
        )
    }
}

/// The last words of a session; none when nobody would hear them.
pub(super) fn farewell(end: &End) -> Option<Reply> {
    match end {
        End::Closed => None,
        End::Quit => Some(Reply::new(221, 0, 0, "bye")),
        End::Idle => Some(Reply::new(421, 4, 2, "no word for too long, bye")),
        End::Deadline => Some(Reply::new(421, 4, 2, "the message takes too long, bye")),
        End::Shutdown => Some(Reply::new(421, 3, 2, "shutting down, try again later")),
        End::Revoked(why) => Some(Reply::new(421, 7, 0, why.clone())),
        End::TooManyFailures => Some(Reply::new(421, 7, 0, "too many failed logins")),
        End::TooManyErrors => Some(Reply::new(421, 7, 0, "too many bad commands")),
        End::NotSmtp => Some(Reply::new(500, 5, 2, "please try again speaking smtp")),
    }
}

impl From<CommandError> for Answer {
    fn from(error: CommandError) -> Answer {
        Answer::BadCommand(error)
    }
}

impl From<StoreError> for Answer {
    fn from(error: StoreError) -> Answer {
        match error {
            StoreError::OverQuota => Answer::OverQuota,
            _ => Answer::Local,
        }
    }
}

impl From<io::Error> for Answer {
    fn from(error: io::Error) -> Answer {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Answer::DiskFull,
            _ => Answer::Local,
        }
    }
}

#[cfg(test)]
mod tests {
    use mox::sasl::SaslError;

    use super::*;

    /// The table of `spec/auth.md`, and the codes the other pages name.
    #[test]
    fn outcomes_have_the_codes_that_are_promised() {
        let cases = [
            (
                Answer::LoginRefused(LoginRefusal::BadCredentials),
                "535 5.7.8",
            ),
            (
                Answer::LoginRefused(LoginRefusal::LoginDisabled("moved away".into())),
                "525 5.7.13 moved away",
            ),
            (Answer::LoginRefused(LoginRefusal::RateLimited), "421 4.7.0"),
            (Answer::LoginRefused(LoginRefusal::NeedsTls), "538 5.7.11"),
            (Answer::LoginRequired, "530 5.7.0"),
            (
                Answer::LoginRefused(LoginRefusal::Exchange(SaslError::Encoding)),
                "501 5.5.2",
            ),
            (
                Answer::RecipientRefused(RcptRefusal::DomainDisabled),
                "450 4.2.1",
            ),
            (
                Answer::RecipientRefused(RcptRefusal::UnknownAddress),
                "550 5.1.1",
            ),
            (Answer::RecipientRefused(RcptRefusal::NotLocal), "550 5.7.1"),
            (Answer::SenderRefused(SenderRefusal::NotYours), "550 5.7.1"),
            (
                Answer::SenderRefused(SenderRefusal::DomainDisabled),
                "451 4.3.0",
            ),
            (Answer::from(StoreError::OverQuota), "452 4.2.2"),
            (Answer::TooManyRecipients, "452 4.5.3"),
            (Answer::TooLarge, "552 5.3.4"),
            (Answer::Looping, "554 5.4.6"),
            (Answer::BareLineEnds, "550 5.6.11"),
            (Answer::BadLine(LineError::BareLf), "500 5.5.2"),
        ];
        for (answer, words) in cases {
            let reply = answer.reply().to_string();
            assert!(reply.starts_with(words), "{answer:?}: {reply}");
        }
    }

    #[test]
    fn what_went_wrong_here_is_not_told() {
        let answer = Answer::from(StoreError::Local("open /var/lib/secret: denied".into()));
        assert!(!answer.reply().to_string().contains("secret"));
    }
}
