//! A command's bytes, literals inline, into a [`Command`] (RFC 9051 §9).

use super::command::Command;
use crate::mailbox::Flags;

/// Why bytes are no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ParseError {
    /// The tag the answer goes under; none if it could not be made out (then the answer is untagged).
    pub tag: Option<String>,
    /// How to answer: most are BAD; what is well-formed but not for this server is NO.
    pub answer: Answer,
    /// What for, for people.
    pub text: &'static str,
}

/// How a [`ParseError`] is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `BAD`.
    Bad,
    /// `BAD`, for a command whose name is not known.
    Unknown,
    /// `NO [USEATTR]`: a special use that is not kept here (RFC 6154 §3).
    UseAttr,
}

/// Parses what [`super::frame::Frame::Command`] and [`super::frame::Frame::Message`] delimit.
pub fn command(_bytes: &[u8]) -> Result<Command, ParseError> {
    todo!()
}

/// What follows an APPEND's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendNext {
    /// The command's end.
    End,
    /// Another message (MULTIAPPEND, RFC 3502): as in [`super::command::CommandBody::Append`].
    Message {
        /// Its flags.
        flags: Flags,
        /// Its INTERNALDATE: seconds since 1970, the zone's minutes.
        date: Option<(i64, i16)>,
        /// Its bytes.
        size: u64,
        /// Sent as `literal8`.
        binary: bool,
        /// Sent within `UTF8 (…)`.
        utf8: bool,
    },
}

/// Parses the frame behind an APPEND's message. `utf8`: that message came within `UTF8 (`, whose
/// parenthesis is closed here.
pub fn append_next(_bytes: &[u8], _utf8: bool) -> Result<AppendNext, ParseError> {
    todo!()
}

/// The tag a command begins with, if it is one.
pub fn tag(command: &[u8]) -> Option<String> {
    let len = command
        .iter()
        .position(|byte| !is_tag_byte(*byte))
        .unwrap_or(command.len());
    match len {
        1..=MAX_TAG if command.get(len) == Some(&b' ') => {
            String::from_utf8(command[..len].to_vec()).ok()
        }
        _ => None,
    }
}

const MAX_TAG: usize = 255;

/// `tag = 1*<any ASTRING-CHAR except "+">` (RFC 9051 §9).
fn is_tag_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e)
        && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+')
}
