//! What an outcome is called on the wire: the one place that turns refusals and errors into words
//! (RFC 9051 §7.1, RFC 5530; `spec/auth.md`, "One login path").

use std::borrow::Cow;
use std::io;

use mox::login::LoginRefusal;
use mox::store::StoreError;

/// How a command ended: the tagged response without its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// OK, NO or BAD.
    pub(super) status: Status,
    /// The response code without its brackets; may be empty.
    pub(super) code: Cow<'static, str>,
    /// For people.
    pub(super) text: Cow<'static, str>,
}

/// RFC 9051 §7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
}

impl Answer {
    /// Done.
    pub(super) fn ok(text: impl Into<Cow<'static, str>>) -> Answer {
        Answer::coded(Status::Ok, "", text)
    }

    /// Refused; `code` may be empty.
    pub(super) fn no(
        code: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
    ) -> Answer {
        Answer::coded(Status::No, code, text)
    }

    /// Not understood, or not here.
    pub(super) fn bad(text: impl Into<Cow<'static, str>>) -> Answer {
        Answer::coded(Status::Bad, "", text)
    }

    /// Done, with a response code.
    pub(super) fn ok_with(
        code: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
    ) -> Answer {
        Answer::coded(Status::Ok, code, text)
    }

    fn coded(
        status: Status,
        code: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
    ) -> Answer {
        Answer {
            status,
            code: code.into(),
            text: text.into(),
        }
    }

    /// Writes it as the tagged response.
    pub(super) fn encode(&self, tag: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(tag.as_bytes());
        out.extend_from_slice(match self.status {
            Status::Ok => b" OK ",
            Status::No => b" NO ",
            Status::Bad => b" BAD ",
        });
        if !self.code.is_empty() {
            out.push(b'[');
            out.extend_from_slice(self.code.as_bytes());
            out.extend_from_slice(b"] ");
        }
        text(&self.text, self.code.is_empty(), out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes text for people: one line, and nothing that a client could take for a response code.
/// UTF-8 is kept: who reads RFC 3501 strictly sees it only where an administrator wrote it.
pub(super) fn text(text: &str, first: bool, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'.');
        return;
    }
    if first && text.starts_with('[') {
        out.push(b' ');
    }
    let mut utf8 = [0; 4];
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
    }
}

/// Why a command did not end with the answer it wanted to give.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another answer; the session goes on.
    Answer(Answer),
    /// The command was answered already.
    Answered,
    /// The session ends.
    End(End),
}

/// How a session ends before its time.
#[derive(Debug)]
pub(super) enum End {
    /// The client is gone, or does not take what is sent.
    Gone,
    /// `* BYE` with a code (may be empty) and text.
    Bye(&'static str, Cow<'static, str>),
    /// The command has its answer, then `* BYE` and the end.
    After(Answer, Cow<'static, str>),
    /// The client said LOGOUT and has its BYE: only the answer is left.
    Logout(Answer),
}

impl From<Answer> for Failure {
    fn from(answer: Answer) -> Failure {
        Failure::Answer(answer)
    }
}

impl From<End> for Failure {
    fn from(end: End) -> Failure {
        Failure::End(end)
    }
}

impl From<io::Error> for Failure {
    /// I/O with the client. Errors of files never come this way: see [`local`].
    fn from(_: io::Error) -> Failure {
        Failure::End(End::Gone)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        store(error)
    }
}

/// The words for what the store refused.
pub(super) fn store(error: StoreError) -> Failure {
    let answer = match error {
        StoreError::Closed | StoreError::NoAccount(_) => {
            return Failure::End(End::Bye("UNAVAILABLE", "the account is closed".into()));
        }
        StoreError::NoMailbox => Answer::no("NONEXISTENT", "no such mailbox"),
        StoreError::MailboxExists => Answer::no("ALREADYEXISTS", "the mailbox exists already"),
        StoreError::HasChildren => Answer::no("HASCHILDREN", "there are mailboxes below it"),
        StoreError::Cannot(why) => Answer::no("CANNOT", why),
        StoreError::OverQuota => Answer::no("OVERQUOTA", "the account is full"),
        StoreError::Limit(what) => Answer::no("LIMIT", format!("too many {what}")),
        error => return local("the store", &error),
    };
    Failure::Answer(answer)
}

/// Our own fault: the details go to the log, never to the client.
pub(super) fn local(doing: &str, error: &dyn std::fmt::Display) -> Failure {
    tracing::error!(%error, "imap: {doing}");
    Failure::Answer(Answer::no(
        "SERVERBUG",
        "an error on this server; try again later",
    ))
}

/// Where a message would go is not there (RFC 9051 §6.3.12: the client may CREATE it and try again).
pub(super) fn try_create(error: StoreError) -> Failure {
    match error {
        StoreError::NoMailbox => Answer::no("TRYCREATE", "no such mailbox").into(),
        other => store(other),
    }
}

/// The words for a login that was refused.
pub(super) fn login(refusal: &LoginRefusal) -> Failure {
    match refusal {
        LoginRefusal::BadCredentials => {
            Answer::no("AUTHENTICATIONFAILED", "wrong user or password").into()
        }
        LoginRefusal::OtherAccount => Answer::no(
            "AUTHENTICATIONFAILED",
            "the TLS client certificate belongs to another account",
        )
        .into(),
        LoginRefusal::ChannelBinding => Answer::no(
            "AUTHENTICATIONFAILED",
            "the login is not bound to this connection",
        )
        .into(),
        LoginRefusal::NoMechanism => Answer::no("", "this mechanism is not offered").into(),
        LoginRefusal::NeedsTls => Answer::no("PRIVACYREQUIRED", "use STARTTLS first").into(),
        LoginRefusal::Exchange(error) => Answer::bad(error.to_string()).into(),
        // Without a code: clients would ask for another password.
        LoginRefusal::LoginDisabled(message) => Answer::no("", message.clone()).into(),
        LoginRefusal::RateLimited => Failure::End(End::After(
            Answer::no("UNAVAILABLE", "too many failed logins; try again later"),
            "too many failed logins".into(),
        )),
        LoginRefusal::Local => Answer::no(
            "UNAVAILABLE",
            "logins are not possible now; try again later",
        )
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(answer: &Answer) -> String {
        let mut out = Vec::new();
        answer.encode("a1", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn login_words() {
        let words = |refusal| match login(&refusal) {
            Failure::Answer(answer) => line(&answer),
            Failure::End(End::After(answer, bye)) => line(&answer) + "* BYE " + &bye,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            words(LoginRefusal::BadCredentials),
            "a1 NO [AUTHENTICATIONFAILED] wrong user or password\r\n"
        );
        assert_eq!(
            words(LoginRefusal::LoginDisabled("moved to new.example".into())),
            "a1 NO moved to new.example\r\n"
        );
        assert_eq!(
            words(LoginRefusal::RateLimited),
            "a1 NO [UNAVAILABLE] too many failed logins; try again later\r\n* BYE too many failed logins"
        );
    }

    #[test]
    fn text_is_one_line_and_no_code() {
        assert_eq!(
            line(&Answer::no("", "[ALERT] a\r\nb OK")),
            "a1 NO  [ALERT] a  b OK\r\n"
        );
        assert_eq!(line(&Answer::no("CODE", "")), "a1 NO [CODE] .\r\n");
    }

    #[test]
    fn local_details_stay_here() {
        let Failure::Answer(answer) = store(StoreError::Local("/data/x: disk full".into())) else {
            panic!("ends the session");
        };
        assert_eq!(answer.code, "SERVERBUG");
        assert!(!answer.text.contains("disk"));
    }
}
