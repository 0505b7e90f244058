//! Where a command ends and which literals it waits for (RFC 9051 §4.3, RFC 7888), without I/O.
//!
//! A session keeps the bytes it has read and not yet used in one buffer, and asks [`Framer::next`]
//! what they are. It gives the *same* buffer, longer, after [`Frame::More`]; where a frame has a
//! `len`, the session takes so many bytes off the front before it asks again.
//!
//! | frame | what the session does |
//! |---|---|
//! | [`Frame::More`] | reads more bytes behind the others |
//! | [`Frame::Continue`] | sends `+ ` and a line break (nothing is taken off the buffer) |
//! | [`Frame::Command`] | hands `buf[..len]`, all literals inline, to [`super::parse::command`] |
//! | [`Frame::Message`] | see below |
//! | [`Frame::Discard`] | takes `len` bytes off: they belong to a command that will be refused |
//! | [`Frame::Refused`] | answers `BAD` with [`Refusal`]'s text under the tag; if `fatal`, with BYE, and closes |
//!
//! # APPEND
//!
//! A message is never buffered. At `tag APPEND mailbox [flags] [date] {n}` and
//! `… UTF8 (~{n}` (RFC 9051 §6.3.12, RFC 3516 §4.4, RFC 6855 §4) comes [`Frame::Message`]:
//! `buf[..len]` is the command up to and with the announcement's line break, and
//! [`super::parse::command`] gives [`super::command::CommandBody::Append`] for it. Then the session either
//!
//! - takes the message: sends a continuation if `literal.sync`, reads exactly `literal.size` bytes
//!   (those left in its buffer first), and asks `next` again, which gives for what follows a
//!   [`Frame::Command`] (`\r\n` or `)\r\n`: the command is at its end) or, with MULTIAPPEND,
//!   another [`Frame::Message`] (` [flags] [date] {n}`); both are for [`super::parse::append_next`]; or
//! - refuses it: if `literal.sync`, answers NO and calls [`Framer::reset`] (the client will not
//!   send the message); if not, reads the message off and goes on as above, to answer at the end,
//!   or says BYE and closes.
//!
//! # Bounds
//!
//! A command may have [`Limits::command`] bytes, its literals included, and a literal
//! [`Limits::literal`]. Too large a synchronising literal is refused on the spot and harms nothing;
//! a non-synchronising one, or too long a line, is read off up to [`Limits::discard`] bytes and then
//! refused; beyond that the refusal is fatal (RFC 7888 §4). Lines may end with LF alone.
//!
//! Continuation lines that are no commands (SASL, `DONE`) are [`line`]'s.

use memchr::memchr;

/// Bounds on what is buffered of a command, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A whole command, line breaks and literals included (but not an APPEND's message).
    pub command: usize,
    /// One literal that is an argument.
    pub literal: usize,
    /// How much of a refused command is read off before the connection is given up.
    pub discard: u64,
}

impl Limits {
    /// For clients who have not logged in.
    pub const STRANGER: Limits = Limits {
        command: 16 << 10,
        literal: 8 << 10,
        discard: 64 << 10,
    };
    /// For clients who have.
    pub const CLIENT: Limits = Limits {
        command: 128 << 10,
        literal: 64 << 10,
        discard: 4 << 20,
    };
}

/// A literal as announced: `{5}`, `{5+}`, `~{5}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal {
    /// Its bytes.
    pub size: u64,
    /// Whether the client waits for a continuation before it sends it (no `+`).
    pub sync: bool,
    /// `literal8`: the bytes may have NULs.
    pub binary: bool,
}

/// What the buffered bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Not yet known.
    More,
    /// The client waits for a continuation before it goes on with its command.
    Continue,
    /// A whole command, or what follows an APPEND's message.
    Command {
        /// Its bytes, the last line break included.
        len: usize,
    },
    /// An APPEND up to its message.
    Message {
        /// Bytes of the command so far, the line break behind the announcement included.
        len: usize,
        /// What was announced.
        literal: Literal,
    },
    /// Bytes of a command that will be refused.
    Discard {
        /// How many.
        len: usize,
    },
    /// A command that is not to be parsed.
    Refused {
        /// Bytes to take off.
        len: usize,
        /// The command's tag if it could be made out.
        tag: Option<String>,
        /// Why.
        why: Refusal,
        /// The stream can't be followed any more: say BYE and close.
        fatal: bool,
    },
}

/// Why a command is not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The command has more than [`Limits::command`] bytes.
    #[error("command too long")]
    CommandTooLong,
    /// A literal is larger than [`Limits::literal`], or its size is no number (`[TOOBIG]`,
    /// RFC 7888 §4).
    #[error("literal too big")]
    LiteralTooBig,
}

/// Finds the commands in what a client sends.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    state: State,
    /// Bytes of the buffer that are known to belong to the command and need not be looked at again:
    /// finished lines and literals.
    done: usize,
    /// Bytes behind `done` known to be without a line break.
    seen: usize,
    /// This command goes on behind an APPEND's message.
    after_message: bool,
    /// Set while a refused command is read off.
    refusal: Option<(Option<String>, Refusal)>,
    /// How much of the refused command was read off.
    discarded: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Line,
    /// So many bytes of a literal are to come.
    Literal(u64),
}

impl Framer {
    /// At the first byte of a command.
    pub fn new(limits: Limits) -> Framer {
        Framer {
            limits,
            state: State::Line,
            done: 0,
            seen: 0,
            after_message: false,
            refusal: None,
            discarded: 0,
        }
    }

    /// Other bounds, from the next command on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Forgets the command under way: the next byte in the buffer is a command's first.
    pub fn reset(&mut self) {
        *self = Framer::new(self.limits);
    }

    /// What `buf`, all bytes that were read and not taken off, begins with.
    pub fn next(&mut self, buf: &[u8]) -> Frame {
        loop {
            let step = match self.state {
                State::Line => self.next_line(buf),
                State::Literal(left) => self.next_literal(buf, left),
            };
            if let Some(frame) = step {
                return frame;
            }
        }
    }

    fn next_line(&mut self, buf: &[u8]) -> Option<Frame> {
        let rest = buf.get(self.done..).unwrap_or_default();
        let found = memchr(b'\n', rest.get(self.seen..).unwrap_or_default());
        let Some(found) = found else {
            if self.refusal.is_some() {
                // Enough stays to see an announcement that is still being read.
                return Some(self.discard(rest.len().saturating_sub(ANNOUNCEMENT)));
            }
            self.seen = rest.len();
            if buf.len() > self.limits.command {
                return self.refuse(buf, Refusal::CommandTooLong);
            }
            return Some(Frame::More);
        };
        let end = self.done + self.seen + found + 1;
        self.seen = 0;
        if self.refusal.is_none() && end > self.limits.command {
            return self.refuse(buf, Refusal::CommandTooLong);
        }
        let line = &buf[self.done..end];
        match announced(line) {
            Announced::None if self.refusal.is_some() => Some(self.refused(end)),
            Announced::None => {
                self.reset();
                Some(Frame::Command { len: end })
            }
            Announced::Overflow => {
                let tag = self.take_tag(buf);
                self.reset();
                Some(Frame::Refused {
                    len: end,
                    tag,
                    why: Refusal::LiteralTooBig,
                    fatal: true,
                })
            }
            Announced::Literal(literal) => self.literal(buf, end, literal),
        }
    }

    /// The line up to `end` announces a literal.
    fn literal(&mut self, buf: &[u8], end: usize, literal: Literal) -> Option<Frame> {
        if self.refusal.is_some() {
            if literal.sync {
                // It will not be sent: the command is at its end.
                return Some(self.refused(end));
            }
            if self.discarded + end as u64 + literal.size > self.limits.discard {
                return Some(self.give_up(end));
            }
            self.state = State::Literal(literal.size);
            return Some(self.discard(end));
        }
        if self.after_message || is_message(buf, self.done, end) {
            self.reset();
            self.after_message = true;
            return Some(Frame::Message { len: end, literal });
        }
        let room = self.limits.command.saturating_sub(end) as u64;
        if literal.size > (self.limits.literal as u64).min(room) {
            if literal.sync {
                let tag = self.take_tag(buf);
                self.reset();
                return Some(Frame::Refused {
                    len: end,
                    tag,
                    why: Refusal::LiteralTooBig,
                    fatal: false,
                });
            }
            return self.refuse(buf, Refusal::LiteralTooBig);
        }
        self.done = end;
        self.state = State::Literal(literal.size);
        literal.sync.then_some(Frame::Continue)
    }

    fn next_literal(&mut self, buf: &[u8], left: u64) -> Option<Frame> {
        let have = buf.len().saturating_sub(self.done) as u64;
        if self.refusal.is_some() {
            let len = have.min(left);
            self.state = match left - len {
                0 => State::Line,
                left => State::Literal(left),
            };
            return match len {
                0 if left > 0 => Some(Frame::More),
                0 => None,
                _ => Some(self.discard(len as usize)),
            };
        }
        if have < left {
            return Some(Frame::More);
        }
        self.done += left as usize;
        self.seen = 0;
        self.state = State::Line;
        None
    }

    /// Begins to read a command off.
    fn refuse(&mut self, buf: &[u8], why: Refusal) -> Option<Frame> {
        let tag = self.take_tag(buf);
        self.refusal = Some((tag, why));
        // The lines and literals that were whole go first, so that the next look is at a line's start.
        self.seen = 0;
        let done = std::mem::take(&mut self.done);
        (done > 0).then(|| self.discard(done))
    }

    fn take_tag(&self, buf: &[u8]) -> Option<String> {
        if self.after_message {
            return None;
        }
        super::parse::tag(buf)
    }

    fn discard(&mut self, len: usize) -> Frame {
        self.seen = 0;
        self.discarded += len as u64;
        if self.discarded > self.limits.discard {
            return self.give_up(len);
        }
        match len {
            0 => Frame::More,
            _ => Frame::Discard { len },
        }
    }

    /// The refused command ends with these bytes.
    fn refused(&mut self, len: usize) -> Frame {
        let fatal = self.discarded + len as u64 > self.limits.discard;
        let (tag, why) = self
            .refusal
            .take()
            .unwrap_or((None, Refusal::CommandTooLong));
        self.reset();
        Frame::Refused {
            len,
            tag,
            why,
            fatal,
        }
    }

    fn give_up(&mut self, len: usize) -> Frame {
        match self.refused(len) {
            Frame::Refused { len, tag, why, .. } => Frame::Refused {
                len,
                tag,
                why,
                fatal: true,
            },
            other => other,
        }
    }
}

/// What a line that is no command's begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Its end is not there yet.
    More,
    /// A whole line.
    Found {
        /// Bytes without the line break.
        text: usize,
        /// Bytes with it.
        len: usize,
    },
    /// More than the limit without a line break.
    TooLong,
}

/// The first line of `buf`: an answer within AUTHENTICATE, or IDLE's `DONE`. `limit`: bytes, the
/// line break included.
pub fn line(buf: &[u8], limit: usize) -> Line {
    match memchr(b'\n', &buf[..buf.len().min(limit)]) {
        Some(at) => Line::Found {
            text: without_break(&buf[..=at]).len(),
            len: at + 1,
        },
        None if buf.len() >= limit => Line::TooLong,
        None => Line::More,
    }
}

enum Announced {
    None,
    Literal(Literal),
    /// `{99999999999999999999}`.
    Overflow,
}

/// `literal = "{" number64 ["+"] "}" CRLF`, `literal8 = "~{" number64 ["+"] "}" CRLF` at a line's end.
fn announced(line: &[u8]) -> Announced {
    match announcement(line) {
        None => Announced::None,
        Some((_, None)) => Announced::Overflow,
        Some((_, Some(literal))) => Announced::Literal(literal),
    }
}

/// The announcement at the end of a line: where it begins, and what it says; no literal if the
/// number is too large.
pub(super) fn announcement(line: &[u8]) -> Option<(usize, Option<Literal>)> {
    let text = without_break(line).strip_suffix(b"}")?;
    let (text, sync) = match text.strip_suffix(b"+") {
        Some(text) => (text, false),
        None => (text, true),
    };
    let digits = text
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (rest, digits) = text.split_at(text.len() - digits);
    let rest = rest.strip_suffix(b"{")?;
    if digits.is_empty() {
        return None;
    }
    let (start, binary) = match rest.strip_suffix(b"~") {
        Some(rest) => (rest.len(), true),
        None => (rest.len(), false),
    };
    let size = digits.iter().try_fold(0u64, |size, digit| {
        size.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    let literal = size
        .filter(|size| *size < 1 << 63)
        .map(|size| Literal { size, sync, binary });
    Some((start, literal))
}

/// Whether the literal that is announced at the end of the line `done..end` is an APPEND's message:
/// anything but its first argument, the mailbox.
fn is_message(buf: &[u8], done: usize, end: usize) -> bool {
    let Some(space) = memchr(b' ', &buf[..end]) else {
        return false;
    };
    let Some((name, arguments)) = buf[space + 1..end].split_at_checked(7) else {
        return false;
    };
    if !name.eq_ignore_ascii_case(b"append ") {
        return false;
    }
    let in_first_line = done == 0;
    !in_first_line || announcement(arguments).is_some_and(|(start, _)| start > 0)
}

/// The line without CRLF or LF.
fn without_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// At least the bytes of the longest announcement: `~{9223372036854775807+}` and a line break.
const ANNOUNCEMENT: usize = 32;

#[cfg(test)]
mod tests;
