//! The rules that all commands share: words, strings, numbers, lists (RFC 9051 §9).

use super::Answer;
use crate::imap::command::MailboxArg;
use crate::imap::frame;
use crate::imap::sequence::{SeqNumber, SequenceSet};
use crate::mailbox::Flags;

/// Why a rule does not match.
#[derive(Debug)]
pub(super) struct Fail {
    pub(super) answer: Answer,
    pub(super) text: &'static str,
}

impl Fail {
    pub(super) fn bad(text: &'static str) -> Fail {
        Fail {
            answer: Answer::Bad,
            text,
        }
    }
}

pub(super) type Parsed<T> = Result<T, Fail>;

/// A place in a command.
pub(super) struct Scan<'a> {
    /// With its last line break, which an announcement at the end needs.
    whole: &'a [u8],
    /// Without.
    text: &'a [u8],
    at: usize,
}

/// A command without its last line break.
pub(super) fn without_break(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// `ATOM-CHAR = <any CHAR except atom-specials>`
pub(super) fn is_atom_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e)
        && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// `ASTRING-CHAR = ATOM-CHAR / resp-specials`
pub(super) fn is_astring_byte(byte: u8) -> bool {
    is_atom_byte(byte) || byte == b']'
}

impl<'a> Scan<'a> {
    pub(super) fn new(whole: &'a [u8], text: &'a [u8], at: usize) -> Scan<'a> {
        Scan { whole, text, at }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// What is left, without the line break.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Takes the byte if it is the next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    pub(super) fn expect(&mut self, byte: u8, otherwise: &'static str) -> Parsed<()> {
        match self.take(byte) {
            true => Ok(()),
            false => Err(Fail::bad(otherwise)),
        }
    }

    /// `SP`
    pub(super) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ', "a space is missing")
    }

    /// Whether another argument follows; its space is taken.
    pub(super) fn more(&mut self) -> Parsed<bool> {
        if self.rest().iter().all(|byte| *byte == b' ') {
            return Ok(false);
        }
        self.space().map(|()| true)
    }

    /// The command's end.
    pub(super) fn end(&self) -> Parsed<()> {
        match self.rest().iter().all(|byte| *byte == b' ') {
            true => Ok(()),
            false => Err(Fail::bad("more than the command takes")),
        }
    }

    /// A run of bytes of a kind; at least one.
    fn run(&mut self, kind: impl Fn(u8) -> bool, otherwise: &'static str) -> Parsed<&'a [u8]> {
        let rest = self.rest();
        let len = rest
            .iter()
            .position(|byte| !kind(*byte))
            .unwrap_or(rest.len());
        if len == 0 {
            return Err(Fail::bad(otherwise));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    /// `atom = 1*ATOM-CHAR`
    pub(super) fn atom(&mut self) -> Parsed<&'a str> {
        let bytes = self.run(is_atom_byte, "an atom is missing")?;
        std::str::from_utf8(bytes).map_err(|_| Fail::bad("an atom is ASCII"))
    }

    /// A word of the grammar in upper case, in the buffer; one that does not fit is none we know.
    /// Ends before brackets, so that `BODY[` is `BODY`.
    pub(super) fn keyword<'b>(&mut self, buf: &'b mut [u8]) -> Parsed<&'b str> {
        let word = self.run(
            |byte| is_atom_byte(byte) && !matches!(byte, b'[' | b'<'),
            "a word is missing",
        )?;
        let Some(buf) = buf.get_mut(..word.len()) else {
            return Ok("");
        };
        buf.copy_from_slice(word);
        buf.make_ascii_uppercase();
        std::str::from_utf8(buf).map_err(|_| Fail::bad("a word is ASCII"))
    }

    /// Takes this word, in any case, if it is the next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let Some((head, rest)) = self.rest().split_at_checked(word.len()) else {
            return false;
        };
        let whole = rest.first().is_none_or(|byte| !is_atom_byte(*byte));
        let there = whole && head.eq_ignore_ascii_case(word.as_bytes());
        self.at += if there { word.len() } else { 0 };
        there
    }

    /// `nil`
    pub(super) fn nil(&mut self) -> bool {
        self.take_word("NIL")
    }

    /// `astring = 1*ASTRING-CHAR / string`
    pub(super) fn astring(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => Ok(self.run(is_astring_byte, "a string is missing")?.to_vec()),
        }
    }

    /// `list-mailbox = 1*list-char / string`, `list-char = ATOM-CHAR / "%" / "*" / resp-specials`
    pub(super) fn list_mailbox(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => {
                let kind = |byte| is_astring_byte(byte) || matches!(byte, b'%' | b'*');
                Ok(self.run(kind, "a pattern is missing")?.to_vec())
            }
        }
    }

    /// `mailbox = "INBOX" / astring`
    pub(super) fn mailbox(&mut self) -> Parsed<MailboxArg> {
        self.astring().map(MailboxArg)
    }

    /// `string = quoted / literal`
    pub(super) fn string(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => Err(Fail::bad("a string is missing")),
        }
    }

    /// `quoted = DQUOTE *QUOTED-CHAR DQUOTE`
    fn quoted(&mut self) -> Parsed<Vec<u8>> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let Some(byte) = self.peek() else {
                return Err(Fail::bad("a quoted string has no end"));
            };
            self.at += 1;
            match byte {
                b'"' => return Ok(out),
                b'\\' => match self.peek() {
                    Some(byte @ (b'"' | b'\\')) => {
                        self.at += 1;
                        out.push(byte);
                    }
                    _ => return Err(Fail::bad("only \" and \\ are escaped in a quoted string")),
                },
                b'\r' | b'\n' | 0 => {
                    return Err(Fail::bad("a quoted string has no line breaks and no NUL"));
                }
                byte => out.push(byte),
            }
        }
    }

    /// `literal = "{" number64 ["+"] "}" CRLF *CHAR8`
    fn literal(&mut self) -> Parsed<Vec<u8>> {
        let bad = || Fail::bad("a literal is malformed");
        let rest = self.whole.get(self.at..).ok_or_else(bad)?;
        let line_end = memchr::memchr(b'\n', rest).ok_or_else(bad)? + 1;
        let (line, rest) = rest.split_at(line_end);
        let Some((0, Some(literal))) = frame::announcement(line) else {
            return Err(bad());
        };
        let size = usize::try_from(literal.size).map_err(|_| bad())?;
        let value = rest.get(..size).ok_or_else(bad)?;
        if value.contains(&0) {
            return Err(Fail::bad("a literal has no NUL"));
        }
        self.at += line_end + size;
        // The command's last line break is not this literal's.
        if self.at > self.text.len() && self.at == self.whole.len() {
            return Err(bad());
        }
        Ok(value.to_vec())
    }

    /// The announcement that ends an APPEND's first part: takes everything that is left.
    pub(super) fn announcement(&mut self) -> Parsed<frame::Literal> {
        let rest = self.whole.get(self.at..).unwrap_or_default();
        match frame::announcement(rest) {
            Some((0, Some(literal))) => {
                self.at = self.text.len();
                Ok(literal)
            }
            _ => Err(Fail::bad("the message is missing")),
        }
    }

    /// `number64 = 1*DIGIT`, below 2^63
    pub(super) fn number64(&mut self) -> Parsed<u64> {
        let digits = self.run(|byte| byte.is_ascii_digit(), "a number is missing")?;
        digits
            .iter()
            .try_fold(0u64, |number, digit| {
                number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
            })
            .filter(|number| *number < 1 << 63)
            .ok_or(Fail::bad("a number is too large"))
    }

    /// `mod-sequence-valzer = "0" / mod-sequence-value` (RFC 7162 §7)
    pub(super) fn mod_sequence(&mut self) -> Parsed<u64> {
        self.number64()
    }

    /// `nz-number = digit-nz *DIGIT`, below 2^32
    pub(super) fn nz_number(&mut self) -> Parsed<u32> {
        match u32::try_from(self.number64()?) {
            Ok(0) => Err(Fail::bad("numbers begin at 1")),
            Ok(number) => Ok(number),
            Err(_) => Err(Fail::bad("a number is too large")),
        }
    }

    /// `sequence-set = (seq-number / seq-range) ["," sequence-set]`, `sequence-set =/ "$"`
    pub(super) fn sequence_set(&mut self) -> Parsed<SequenceSet> {
        if self.take(b'$') {
            return Ok(SequenceSet::Saved);
        }
        let mut ranges = Vec::new();
        loop {
            let first = self.seq_number()?;
            let last = match self.take(b':') {
                true => self.seq_number()?,
                false => first,
            };
            ranges.push((first, last));
            if !self.take(b',') {
                return Ok(SequenceSet::Ranges(ranges));
            }
        }
    }

    /// `seq-number = nz-number / "*"`
    fn seq_number(&mut self) -> Parsed<SeqNumber> {
        match self.take(b'*') {
            true => Ok(SeqNumber::Last),
            false => self.nz_number().map(SeqNumber::Number),
        }
    }

    /// `"(" [item *(SP item)] ")"`
    pub(super) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.expect(b'(', "an opening parenthesis is missing")?;
        if self.take(b')') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(b')') {
                return Ok(());
            }
            self.expect(b' ', "a closing parenthesis is missing")?;
        }
    }

    /// `flag = "\" atom / flag-keyword`
    pub(super) fn flag(&mut self) -> Parsed<String> {
        let start = self.at;
        self.take(b'\\');
        self.atom()?;
        Ok(String::from_utf8_lossy(&self.text[start..self.at]).into_owned())
    }

    /// `flag-list = "(" [flag *(SP flag)] ")"`
    pub(super) fn flag_list(&mut self) -> Parsed<Flags> {
        let mut flags = Flags::default();
        self.list(|scan| flags.insert_text(&scan.flag()?).map_err(Fail::bad))?;
        Ok(flags)
    }

    /// `2DIGIT` and its like: exactly so many.
    pub(super) fn digits(&mut self, count: usize) -> Parsed<u32> {
        let bad = || Fail::bad("a date is malformed");
        let digits = self.rest().get(..count).ok_or_else(bad)?;
        let value = digits.iter().try_fold(0, |value: u32, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + u32::from(digit - b'0'))
        });
        self.at += count;
        value.ok_or_else(bad)
    }

    /// `"-" date-month "-" date-year`, behind a day: days since 1970-01-01.
    pub(super) fn month_and_year(&mut self, day: u32) -> Parsed<i64> {
        const MONTHS: &[u8] = b"janfebmaraprmayjunjulaugsepoctnovdec";
        let bad = || Fail::bad("a date is malformed");
        self.expect(b'-', "a date is malformed")?;
        let name = self.rest().get(..3).ok_or_else(bad)?.to_ascii_lowercase();
        let month = MONTHS
            .chunks(3)
            .position(|month| month == name)
            .ok_or_else(bad)? as u32
            + 1;
        self.at += 3;
        self.expect(b'-', "a date is malformed")?;
        let year = self.digits(4)?;
        days(year, month, day).ok_or(Fail::bad("there is no such day"))
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; none if there is no such day.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    let date = jiff::civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    );
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    let span = date.ok()?.since((jiff::Unit::Day, epoch)).ok()?;
    Some(i64::from(span.get_days()))
}
