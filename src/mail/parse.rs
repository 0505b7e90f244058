//! The parser of messages: bytes in pieces in, [`Parsed`] out.
//!
//! It knows two states. In a *header* it collects lines up to the empty one. In a *body* it only looks
//! for lines that begin with `--` while a multipart is open, and counts line breaks on the way; the
//! part being read and those around it stand on a stack. A line that may be a delimiter and is not
//! whole yet is kept; nothing else of a body is.

use memchr::{memchr, memchr_iter, memmem};

use super::build::{self, Budget, Class};
use super::structure::{Part, PartKind};
use super::{Envelope, Parsed};

/// Bounds on what is looked at. What lies behind them is still stored and served; it only shows up
/// as one undivided part.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How deep parts may nest.
    pub depth: usize,
    /// How many parts a message may have.
    pub parts: usize,
    /// How many bytes of a part's header are looked at.
    pub header_bytes: usize,
    /// How many addresses of one header field are kept.
    pub addresses: usize,
    /// How many bytes of memory the whole result may take, about.
    pub kept_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth: 50,
            parts: 1_000,
            header_bytes: 256 << 10,
            addresses: 500,
            kept_bytes: 1 << 20,
        }
    }
}

/// A message being looked at while it comes in.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    budget: Budget,
    /// Parts so far.
    parts: usize,
    /// Where the next byte belongs.
    at: Mark,
    /// The message's own part, and below it, inwards, those that are being read.
    open: Vec<Open>,
    /// How many multiparts of them wait for a delimiter.
    waiting: usize,
    state: State,
    /// The header being read, whole lines.
    header: Vec<u8>,
    /// The beginning of the line being read: in a header, of any; in a body, of one that may be a delimiter.
    line: Vec<u8>,
    /// In a header, where that line began.
    line_start: Mark,
    /// In a header, bytes of that line.
    line_len: usize,
    find_dashes: memmem::Finder<'static>,
    done: Option<Parsed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Body,
}

/// A place in the message.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// Bytes before it.
    offset: u64,
    /// LFs before it.
    breaks: u64,
    /// The three bytes before it.
    last: [u8; 3],
}

impl Mark {
    fn advance(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.breaks += memchr_iter(b'\n', bytes).count() as u64;
        match bytes {
            [.., a, b, c] => self.last = [*a, *b, *c],
            _ => {
                for byte in bytes {
                    self.last = [self.last[1], self.last[2], *byte];
                }
            }
        }
    }

    fn at_line_start(&self) -> bool {
        self.offset == 0 || self.last[2] == b'\n'
    }

    /// The place before the line break that ends here (it belongs to the delimiter behind it,
    /// RFC 2046 §5.1.1).
    fn before_break(&self) -> Mark {
        let [a, b, c] = self.last;
        let (len, last) = match (b, c) {
            (b'\r', b'\n') => (2, a),
            (_, b'\n') => (1, b),
            _ => return *self,
        };
        Mark {
            offset: self.offset.saturating_sub(len),
            breaks: self.breaks.saturating_sub(1),
            // Only the last byte is asked for.
            last: [0, 0, last],
        }
    }
}

/// A part whose end is not known.
#[derive(Debug)]
struct Open {
    part: Part,
    /// Where the body begins.
    body: Mark,
    /// Set for the root of a message.
    envelope: Option<Envelope>,
    /// The type without a Content-Type is message/rfc822 (RFC 2046 §5.1.5).
    in_digest: bool,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Leaf,
    Multipart {
        boundary: Vec<u8>,
        digest: bool,
        /// The closing delimiter was seen.
        closed: bool,
        parts: Vec<Part>,
    },
    Message(Option<Box<(Envelope, Part)>>),
}

impl Open {
    fn new(at: u64, message: bool, in_digest: bool) -> Open {
        Open {
            part: build::empty_part(at),
            body: Mark::default(),
            envelope: message.then(Envelope::default),
            in_digest,
            inside: Inside::Leaf,
        }
    }

    /// The part, with its body ending at `end`, which is not before its beginning.
    fn close(self, end: Mark) -> (Option<Envelope>, Part) {
        let mut part = self.part;
        part.body_end = end.offset;
        if part.body_end > part.body_start {
            let breaks = end.breaks.saturating_sub(self.body.breaks);
            part.lines = breaks + u64::from(end.last[2] != b'\n');
        }
        part.kind = match self.inside {
            Inside::Leaf => PartKind::Leaf,
            Inside::Multipart { parts, .. } if parts.is_empty() => {
                build::undivided(&mut part);
                PartKind::Leaf
            }
            Inside::Multipart { parts, .. } => PartKind::Multipart(parts),
            Inside::Message(Some(inner)) => PartKind::Message(inner),
            Inside::Message(None) => PartKind::Leaf,
        };
        (self.envelope, part)
    }
}

impl Parser {
    /// A parser at the first byte of a message.
    pub fn new(limits: Limits) -> Parser {
        Parser {
            budget: Budget::new(limits.kept_bytes),
            limits,
            parts: 1,
            at: Mark::default(),
            open: vec![Open::new(0, true, false)],
            waiting: 0,
            state: State::Header,
            header: Vec::new(),
            line: Vec::new(),
            line_start: Mark::default(),
            line_len: 0,
            find_dashes: memmem::Finder::new(b"\n--"),
            done: None,
        }
    }

    /// The next bytes, cut anywhere.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = match self.state {
                State::Header => self.header_bytes(bytes),
                State::Body => self.body_bytes(bytes),
            };
            bytes = &bytes[used..];
        }
    }

    /// The end of the message.
    pub fn finish(mut self) -> Parsed {
        match self.state {
            State::Header => {
                if self.line_len > 0 {
                    self.header_line();
                }
                // A message inside, if that is what was to come, ends here too.
                while self.state == State::Header {
                    self.end_header(self.at);
                }
            }
            State::Body => {
                let line = std::mem::take(&mut self.line);
                self.body_line(&line);
            }
        }
        while !self.open.is_empty() {
            self.close_last(self.at);
        }
        self.done.unwrap_or_else(|| Parsed {
            envelope: Envelope::default(),
            root: build::empty_part(0),
        })
    }

    /// Reads at most one line of a header; how many bytes it used.
    fn header_bytes(&mut self, bytes: &[u8]) -> usize {
        if self.line_len == 0 {
            self.line_start = self.at;
        }
        let end = memchr(b'\n', bytes);
        let piece = &bytes[..end.map_or(bytes.len(), |at| at + 1)];
        let room = self.limits.header_bytes.saturating_sub(self.header.len());
        let room = room.max(MAX_DELIMITER).saturating_sub(self.line.len());
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
        self.line_len += piece.len();
        self.at.advance(piece);
        if end.is_some() {
            self.header_line();
        }
        piece.len()
    }

    /// A whole line of a header is in `line`.
    fn header_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let len = std::mem::take(&mut self.line_len);
        if matches!(line.as_slice(), b"\n" | b"\r\n") {
            self.end_header(self.at);
        } else if let Some((index, closing)) = self.delimiter(&line, len) {
            let start = self.line_start;
            self.end_header_early(start);
            self.reached(index, closing, start);
        } else {
            let room = self.limits.header_bytes.saturating_sub(self.header.len());
            self.header.extend_from_slice(&line[..line.len().min(room)]);
        }
        line.clear();
        self.line = line;
    }

    /// The header of the innermost part is whole; its body begins at `body`.
    fn end_header(&mut self, body: Mark) {
        let class = self.read_header(body);
        self.state = State::Body;
        let deeper = self.open.len() < self.limits.depth;
        let Some(open) = self.open.last_mut() else {
            return;
        };
        match class {
            Class::Leaf => {}
            Class::Multipart { boundary, digest } if deeper => {
                self.waiting += 1;
                open.inside = Inside::Multipart {
                    boundary,
                    digest,
                    closed: false,
                    parts: Vec::new(),
                };
            }
            Class::Message if deeper && self.parts < self.limits.parts => {
                open.inside = Inside::Message(None);
                self.begin(body, true, false);
            }
            Class::Multipart { .. } | Class::Message => build::opaque(&mut open.part),
        }
    }

    /// A delimiter stood where the header should have ended: the part has no body.
    fn end_header_early(&mut self, at: Mark) {
        self.read_header(at);
        self.state = State::Body;
        if let Some(open) = self.open.last_mut() {
            build::undivided(&mut open.part);
        }
    }

    /// Makes the innermost part of the header that was collected.
    fn read_header(&mut self, body: Mark) -> Class {
        let header = std::mem::take(&mut self.header);
        let Some(open) = self.open.last_mut() else {
            return Class::Leaf;
        };
        open.body = body;
        open.part.body_start = body.offset;
        open.part.body_end = body.offset;
        let class = build::read_fields(
            &header,
            &mut open.part,
            open.envelope.as_mut(),
            open.in_digest,
            &mut self.budget,
            self.limits.addresses,
        );
        self.header = header;
        self.header.clear();
        class
    }

    /// A new part begins inside the innermost.
    fn begin(&mut self, at: Mark, message: bool, in_digest: bool) {
        self.parts += 1;
        self.budget.take(std::mem::size_of::<Open>());
        self.open.push(Open::new(at.offset, message, in_digest));
        self.state = State::Header;
    }

    /// Reads at least one byte of a body; how many it used.
    fn body_bytes(&mut self, bytes: &[u8]) -> usize {
        if self.waiting == 0 {
            self.at.advance(bytes);
            return bytes.len();
        }
        if !self.line.is_empty() {
            return self.body_line_more(bytes);
        }
        if self.at.at_line_start() && may_be_delimiter(bytes) {
            // Looked at as a whole, kept if its end is not here.
            let look = &bytes[..bytes.len().min(MAX_DELIMITER)];
            match memchr(b'\n', look) {
                Some(end) => {
                    self.body_line(&bytes[..=end]);
                    return end + 1;
                }
                None if look.len() < MAX_DELIMITER => {
                    self.line.extend_from_slice(look);
                    return look.len();
                }
                None => {}
            }
        }
        let end = match self.find_dashes.find(bytes) {
            Some(at) => at + 1,
            // A dash at the end may be the first of two.
            None if bytes.ends_with(b"\n-") => bytes.len() - 1,
            None => bytes.len(),
        };
        self.at.advance(&bytes[..end]);
        end
    }

    /// More of a line that may be a delimiter.
    fn body_line_more(&mut self, bytes: &[u8]) -> usize {
        let end = memchr(b'\n', bytes);
        let piece = &bytes[..end.map_or(bytes.len(), |at| at + 1)];
        let room = MAX_DELIMITER.saturating_sub(self.line.len());
        let piece = &piece[..piece.len().min(room)];
        self.line.extend_from_slice(piece);
        let whole = self.line.ends_with(b"\n");
        if whole || self.line.len() >= MAX_DELIMITER || !may_be_delimiter(&self.line) {
            let mut line = std::mem::take(&mut self.line);
            if whole {
                self.body_line(&line);
            } else {
                self.at.advance(&line);
            }
            line.clear();
            self.line = line;
        }
        piece.len()
    }

    /// A whole line of a body, perhaps a delimiter.
    fn body_line(&mut self, line: &[u8]) {
        let start = self.at;
        self.at.advance(line);
        if let Some((index, closing)) = self.delimiter(line, line.len()) {
            self.reached(index, closing, start);
        }
    }

    /// Whose delimiter the line is, if it is one: the place in `open`, and whether it is the closing one
    /// (RFC 2046 §5.1.1).
    fn delimiter(&self, line: &[u8], len: usize) -> Option<(usize, bool)> {
        if self.waiting == 0 || len > MAX_DELIMITER {
            return None;
        }
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        let found = self.open.iter().enumerate().rev().find_map(|(i, open)| {
            let Inside::Multipart {
                boundary,
                closed: false,
                ..
            } = &open.inside
            else {
                return None;
            };
            match text.strip_prefix(boundary.as_slice())? {
                b"" => Some((i, false)),
                b"--" => Some((i, true)),
                _ => None,
            }
        });
        // With no parts left to give, the last one goes on.
        found.filter(|(_, closing)| *closing || self.parts < self.limits.parts)
    }

    /// The line before `at`, beginning at `line`, was a delimiter of the multipart `open[index]`.
    fn reached(&mut self, index: usize, closing: bool, line: Mark) {
        let mut end = line.before_break();
        while self.open.len() > index + 1 {
            end = self.close_last(end);
        }
        let Some(Open {
            inside: Inside::Multipart { closed, digest, .. },
            ..
        }) = self.open.last_mut()
        else {
            return;
        };
        if closing {
            *closed = true;
            self.waiting -= 1;
            self.state = State::Body;
        } else {
            let digest = *digest;
            self.begin(self.at, false, digest);
        }
    }

    /// Closes the innermost part and gives it to the one around it, which does not end before the
    /// place returned.
    fn close_last(&mut self, end: Mark) -> Mark {
        let Some(open) = self.open.pop() else {
            return end;
        };
        // The line break before a delimiter may be the one that ended the header.
        let end = if end.offset < open.body.offset {
            open.body
        } else {
            end
        };
        if matches!(open.inside, Inside::Multipart { closed: false, .. }) {
            self.waiting -= 1;
        }
        let (envelope, part) = open.close(end);
        match self.open.last_mut().map(|open| &mut open.inside) {
            Some(Inside::Multipart { parts, .. }) => parts.push(part),
            Some(Inside::Message(inner)) => {
                *inner = Some(Box::new((envelope.unwrap_or_default(), part)))
            }
            Some(Inside::Leaf) => {}
            None => {
                self.done = Some(Parsed {
                    envelope: envelope.unwrap_or_default(),
                    root: part,
                });
            }
        }
        end
    }
}

/// Whether a line that begins so may be a delimiter.
fn may_be_delimiter(line: &[u8]) -> bool {
    matches!(line, [] | [b'-'] | [b'-', b'-', ..])
}

/// Longer lines are no delimiters: a boundary has at most 70 bytes (RFC 2046 §5.1.1), white space may
/// follow, and people do not always keep to it.
const MAX_DELIMITER: usize = 1_024;

#[cfg(test)]
mod tests;
