//! Commands: parsed by the server, encoded by the client (RFC 5321 §4.1, RFC 3030, RFC 3207,
//! RFC 4954).

use std::fmt;

use zeroize::Zeroizing;

use super::path::parse_path;
use super::{ForwardPath, MailParams, Mailbox, RcptParams, ReversePath};

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `EHLO`, with the client's name for itself.
    Ehlo(String),
    /// `HELO`, likewise.
    Helo(String),
    /// `MAIL FROM:`.
    Mail(Mail),
    /// `RCPT TO:`.
    Rcpt(Rcpt),
    /// `DATA`.
    Data,
    /// `BDAT`: so many bytes follow.
    Bdat {
        /// Bytes of the chunk.
        size: u64,
        /// Whether it is the last.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP`; its argument means nothing.
    Noop,
    /// `QUIT`.
    Quit,
    /// `VRFY`; what was asked for is not looked at.
    Vrfy,
    /// `EXPN`; likewise.
    Expn,
    /// `HELP`; likewise.
    Help,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH`.
    Auth {
        /// In upper case.
        mechanism: String,
        /// The initial response as base64; `=` stands for an empty one.
        initial: Option<AuthText>,
    },
}

/// `MAIL FROM:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who it is from.
    pub from: ReversePath,
    /// The path had other characters than ASCII in it: it needs SMTPUTF8.
    pub utf8_path: bool,
    /// What follows.
    pub params: MailParams,
}

/// `RCPT TO:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rcpt {
    /// Who it is for.
    pub to: ForwardPath,
    /// As in [`Mail`].
    pub utf8_path: bool,
    /// What follows.
    pub params: RcptParams,
}

/// Text of an AUTH exchange, which may hold a password: wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthText(Zeroizing<String>);

impl AuthText {
    /// Takes the text.
    pub fn new(text: &str) -> AuthText {
        AuthText(Zeroizing::new(text.to_owned()))
    }

    /// Shows it to whoever decodes it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthText(…)")
    }
}

/// Why a line is not a command that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Peer: no such command (500 5.5.1).
    #[error("unknown command")]
    Unknown,
    /// Peer: bytes no command has (500 5.5.2).
    #[error("the line is not text")]
    NotText,
    /// Peer: malformed arguments (501 5.5.4).
    #[error("{0}")]
    Arguments(&'static str),
    /// Peer: a parameter that is not known (555 5.5.4).
    #[error("unknown parameter {0}")]
    Parameter(String),
    /// Peer: a malformed reverse path (501 5.1.7).
    #[error("{0}")]
    Sender(&'static str),
    /// Peer: a malformed forward path (501 5.1.3).
    #[error("{0}")]
    Recipient(&'static str),
}

impl Command {
    /// Parses a line without its CRLF.
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::NotText)?;
        let line = line.trim_end_matches(' ');
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut upper = [0; 8];
        let upper = match upper.get_mut(..verb.len()) {
            Some(upper) => {
                upper.copy_from_slice(verb.as_bytes());
                upper.make_ascii_uppercase();
                &*upper
            }
            None => return Err(CommandError::Unknown),
        };
        match upper {
            b"EHLO" => parse_name(rest).map(Command::Ehlo),
            b"HELO" => parse_name(rest).map(Command::Helo),
            b"MAIL" => parse_mail(rest).map(Command::Mail),
            b"RCPT" => parse_rcpt(rest).map(Command::Rcpt),
            b"DATA" => alone(rest, Command::Data),
            b"BDAT" => parse_bdat(rest),
            b"RSET" => alone(rest, Command::Rset),
            b"NOOP" => Ok(Command::Noop),
            b"QUIT" => alone(rest, Command::Quit),
            b"VRFY" => Ok(Command::Vrfy),
            b"EXPN" => Ok(Command::Expn),
            b"HELP" => Ok(Command::Help),
            b"STARTTLS" => alone(rest, Command::StartTls),
            b"AUTH" => parse_auth(rest),
            _ => Err(CommandError::Unknown),
        }
    }
}

impl fmt::Display for Command {
    /// The line without its CRLF; paths as A-labels. An AUTH command's secret is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Ehlo(name) => write!(f, "EHLO {name}"),
            Command::Helo(name) => write!(f, "HELO {name}"),
            Command::Mail(mail) => write!(f, "MAIL FROM:{}{}", mail.from, mail.params),
            Command::Rcpt(rcpt) => write!(f, "RCPT TO:{}{}", rcpt.to, rcpt.params),
            Command::Data => f.write_str("DATA"),
            Command::Bdat { size, last: false } => write!(f, "BDAT {size}"),
            Command::Bdat { size, last: true } => write!(f, "BDAT {size} LAST"),
            Command::Rset => f.write_str("RSET"),
            Command::Noop => f.write_str("NOOP"),
            Command::Quit => f.write_str("QUIT"),
            Command::Vrfy => f.write_str("VRFY"),
            Command::Expn => f.write_str("EXPN"),
            Command::Help => f.write_str("HELP"),
            Command::StartTls => f.write_str("STARTTLS"),
            Command::Auth { mechanism, initial } => match initial {
                None => write!(f, "AUTH {mechanism}"),
                Some(initial) => write!(f, "AUTH {mechanism} {}", initial.reveal()),
            },
        }
    }
}

/// `Domain / address-literal`, and what clients say instead that does no harm in a Received field:
/// underscores, trailing dots, bare IPv6 addresses.
fn parse_name(text: &str) -> Result<String, CommandError> {
    let plain = !text.is_empty()
        && text.len() <= 255
        && text.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || ".-_:[]".contains(c)
                || !c.is_ascii() && c.is_alphanumeric()
        });
    plain
        .then(|| text.to_owned())
        .ok_or(CommandError::Arguments("a host name is needed"))
}

/// `"FROM:" ("<>" / Reverse-path) [SP Mail-parameters]`.
fn parse_mail(text: &str) -> Result<Mail, CommandError> {
    let text = after_word(text, "FROM:").ok_or(CommandError::Arguments("MAIL needs FROM:"))?;
    let (path, rest) = parse_path(text).map_err(CommandError::Sender)?;
    let from = match path {
        "" => ReversePath::Null,
        path => ReversePath::Mailbox(Mailbox::parse(path).map_err(CommandError::Sender)?),
    };
    Ok(Mail {
        from,
        utf8_path: !path.is_ascii(),
        params: MailParams::parse(parameters(rest)?)?,
    })
}

/// `"TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters]`.
fn parse_rcpt(text: &str) -> Result<Rcpt, CommandError> {
    let text = after_word(text, "TO:").ok_or(CommandError::Arguments("RCPT needs TO:"))?;
    let (path, rest) = parse_path(text).map_err(CommandError::Recipient)?;
    let to = if path.eq_ignore_ascii_case("postmaster") {
        ForwardPath::Postmaster
    } else {
        ForwardPath::Mailbox(Mailbox::parse(path).map_err(CommandError::Recipient)?)
    };
    Ok(Rcpt {
        to,
        utf8_path: !path.is_ascii(),
        params: RcptParams::parse(parameters(rest)?)?,
    })
}

/// `chunk-size [SP "LAST"]`.
fn parse_bdat(text: &str) -> Result<Command, CommandError> {
    let (size, last) = match text.split_once(' ') {
        None => (text, false),
        Some((size, last)) if last.eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return Err(CommandError::Arguments("BDAT takes a size and LAST")),
    };
    let digits = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
    match size.parse() {
        Ok(size) if digits => Ok(Command::Bdat { size, last }),
        _ => Err(CommandError::Arguments("BDAT needs a size")),
    }
}

/// `mechanism [SP initial-response]`.
fn parse_auth(text: &str) -> Result<Command, CommandError> {
    let (mechanism, initial) = match text.split_once(' ') {
        None => (text, None),
        Some((mechanism, initial)) => (mechanism, Some(initial)),
    };
    let plain = (1..=20).contains(&mechanism.len())
        && mechanism
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !plain || initial.is_some_and(|initial| initial.contains(' ')) {
        return Err(CommandError::Arguments("AUTH needs a mechanism"));
    }
    Ok(Command::Auth {
        mechanism: mechanism.to_ascii_uppercase(),
        initial: initial.map(AuthText::new),
    })
}

fn alone(rest: &str, command: Command) -> Result<Command, CommandError> {
    match rest {
        "" => Ok(command),
        _ => Err(CommandError::Arguments("the command takes no arguments")),
    }
}

/// What follows a word in any case, and the spaces some clients put there.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start
        .eq_ignore_ascii_case(word)
        .then(|| rest.trim_start_matches(' '))
}

/// What follows a path: nothing, or a space and parameters.
fn parameters(rest: &str) -> Result<&str, CommandError> {
    match rest.strip_prefix(' ') {
        Some(params) => Ok(params),
        None if rest.is_empty() => Ok(rest),
        None => Err(CommandError::Arguments("a space is needed behind the path")),
    }
}

#[cfg(test)]
mod tests;
