//! Search keys, resolved against the selected mailbox and ordered so that the cheap ones decide first.

use mox::imap::command::SearchKey;
use mox::mail::{Parsed, date};
use mox::mailbox::SystemFlag;
use mox::store::{Body, StoreError, View};

use super::super::selected::Selected;
use super::super::set::{self, Ranges};
use super::header;
use super::text::{self, Needle, Scratch};

/// What a test has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// The message's row.
    Row,
    /// Its header.
    Header,
    /// All of it.
    Body,
}

/// A compiled search key.
#[derive(Debug)]
pub(super) enum Test {
    All,
    /// Message numbers.
    Numbers(Ranges),
    /// UIDs (\Recent).
    Uids(Vec<(u32, u32)>),
    Flag(SystemFlag, bool),
    Keyword(String, bool),
    /// Days since 1970: from, and below.
    Received(i64, i64),
    Sent(i64, i64),
    /// Bytes: from, and below.
    Size(u64, u64),
    ModSeq(u64),
    /// Fields of one of these names with that text.
    Header(Vec<u8>, Needle),
    Body(Needle),
    Text(Needle),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

/// A message being tested, with what was read of it so far.
pub(super) struct Message<'a> {
    view: &'a View,
    row: mox::store::Message,
    seq: u32,
    header: Option<Vec<u8>>,
    parsed: Option<Parsed>,
    body: Option<Body>,
    scratch: &'a mut Scratch,
}

const ALWAYS: i64 = i64::MAX;

impl Test {
    /// All of the keys.
    pub(super) fn compile(keys: &[SearchKey], selected: &Selected) -> Test {
        let all = keys.iter().map(|key| Test::of(key, selected)).collect();
        Test::and(all)
    }

    fn of(key: &SearchKey, selected: &Selected) -> Test {
        let header =
            |name: &str, text: &[u8]| Test::Header(name.as_bytes().to_vec(), Needle::new(text));
        match key {
            SearchKey::All => Test::All,
            SearchKey::Sequence(set) => Test::Numbers(set::search(set, false, selected)),
            SearchKey::Uid(set) => Test::Numbers(set::search(set, true, selected)),
            SearchKey::Flag(flag, set) => Test::Flag(*flag, *set),
            SearchKey::Keyword(keyword, set) => Test::Keyword(keyword.clone(), *set),
            SearchKey::Recent => Test::Uids(selected.recent().to_vec()),
            SearchKey::Old => Test::Not(Box::new(Test::Uids(selected.recent().to_vec()))),
            SearchKey::New => Test::And(vec![
                Test::Uids(selected.recent().to_vec()),
                Test::Flag(SystemFlag::Seen, false),
            ]),
            SearchKey::Bcc(text) => header("Bcc", text),
            SearchKey::Cc(text) => header("Cc", text),
            SearchKey::From(text) => header("From", text),
            SearchKey::To(text) => header("To", text),
            SearchKey::Subject(text) => header("Subject", text),
            SearchKey::Header(name, text) => Test::Header(name.clone(), Needle::new(text)),
            SearchKey::Body(text) => Test::Body(Needle::new(text)),
            SearchKey::Text(text) => Test::Text(Needle::new(text)),
            SearchKey::Before(day) => Test::Received(i64::MIN, *day),
            SearchKey::On(day) => Test::Received(*day, day + 1),
            SearchKey::Since(day) => Test::Received(*day, ALWAYS),
            SearchKey::SentBefore(day) => Test::Sent(i64::MIN, *day),
            SearchKey::SentOn(day) => Test::Sent(*day, day + 1),
            SearchKey::SentSince(day) => Test::Sent(*day, ALWAYS),
            SearchKey::Larger(size) => Test::Size(size.saturating_add(1), u64::MAX),
            SearchKey::Smaller(size) => Test::Size(0, *size),
            SearchKey::ModSeq(modseq) => Test::ModSeq(*modseq),
            SearchKey::Not(key) => Test::Not(Box::new(Test::of(key, selected))),
            SearchKey::Or(a, b) => {
                let mut either = vec![Test::of(a, selected), Test::of(b, selected)];
                either.sort_by_key(Test::cost);
                Test::Or(either)
            }
            SearchKey::And(keys) => Test::compile(keys, selected),
        }
    }

    fn and(tests: Vec<Test>) -> Test {
        let mut flat = Vec::with_capacity(tests.len());
        for test in tests {
            match test {
                Test::And(inner) => flat.extend(inner),
                Test::All => {}
                other => flat.push(other),
            }
        }
        flat.sort_by_key(Test::cost);
        Test::And(flat)
    }

    /// The dearest thing it may look at.
    pub(super) fn cost(&self) -> Cost {
        match self {
            Test::Header(..) | Test::Sent(..) => Cost::Header,
            Test::Body(_) | Test::Text(_) => Cost::Body,
            Test::Not(test) => test.cost(),
            Test::And(tests) | Test::Or(tests) => {
                tests.iter().map(Test::cost).max().unwrap_or(Cost::Row)
            }
            _ => Cost::Row,
        }
    }

    /// The answer must name a MODSEQ (RFC 7162 §3.1.5).
    pub(super) fn uses_modseq(&self) -> bool {
        match self {
            Test::ModSeq(_) => true,
            Test::Not(test) => test.uses_modseq(),
            Test::And(tests) | Test::Or(tests) => tests.iter().any(Test::uses_modseq),
            _ => false,
        }
    }

    /// The messages that may hold it at all, of those given.
    pub(super) fn narrow(&self, ranges: Ranges) -> Ranges {
        match self {
            Test::Numbers(numbers) => set::intersection(&ranges, numbers),
            Test::And(tests) => tests
                .iter()
                .fold(ranges, |ranges, test| test.narrow(ranges)),
            _ => ranges,
        }
    }

    /// Whether it is of use to have the messages' structures at hand.
    pub(super) fn uses_structure(&self) -> bool {
        match self {
            Test::Sent(..) | Test::Body(_) | Test::Text(_) => true,
            Test::Header(name, _) => header::in_envelope(name),
            Test::Not(test) => test.uses_structure(),
            Test::And(tests) | Test::Or(tests) => tests.iter().any(Test::uses_structure),
            _ => false,
        }
    }

    /// Whether it holds for a message, if its row alone tells.
    pub(super) fn quick(&self, row: &mox::store::Message, seq: u32) -> Option<bool> {
        Some(match self {
            Test::All => true,
            Test::Numbers(ranges) => set::contains(ranges, seq),
            Test::Uids(ranges) => set::contains(ranges, row.uid),
            Test::Flag(flag, set) => row.flags.has(*flag) == *set,
            Test::Keyword(keyword, set) => row.flags.has_keyword(keyword) == *set,
            Test::Received(from, below) => {
                let (seconds, zone) = row.received;
                let day = (seconds + i64::from(zone) * 60).div_euclid(86_400);
                (*from..*below).contains(&day)
            }
            Test::Size(from, below) => (*from..*below).contains(&row.size),
            Test::ModSeq(modseq) => row.modseq >= *modseq,
            Test::Sent(..) | Test::Header(..) | Test::Body(_) | Test::Text(_) => return None,
            Test::Not(test) => !test.quick(row, seq)?,
            Test::And(tests) => return all(tests.iter().map(|test| test.quick(row, seq))),
            Test::Or(tests) => {
                return all(tests
                    .iter()
                    .map(|test| test.quick(row, seq).map(|holds| !holds)))
                .map(|none| !none);
            }
        })
    }

    /// Whether it holds for a message.
    pub(super) fn holds(&self, message: &mut Message<'_>) -> Result<bool, StoreError> {
        if let Some(holds) = self.quick(&message.row, message.seq) {
            return Ok(holds);
        }
        Ok(match self {
            Test::Sent(from, below) => {
                let day = message.sent_day()?;
                day.is_some_and(|day| (*from..*below).contains(&day))
            }
            Test::Header(name, needle) => message.header_has(name, needle)?,
            Test::Body(needle) => message.body_has(needle, false)?,
            Test::Text(needle) => message.body_has(needle, true)?,
            Test::Not(test) => !test.holds(message)?,
            Test::And(tests) => {
                for test in tests {
                    if !test.holds(message)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::Or(tests) => {
                for test in tests {
                    if test.holds(message)? {
                        return Ok(true);
                    }
                }
                false
            }
            // The row told.
            _ => false,
        })
    }
}

/// The conjunction of what may be open: false if one is false, open if one is open.
fn all(tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut open = false;
    for test in tests {
        match test {
            Some(true) => {}
            Some(false) => return Some(false),
            None => open = true,
        }
    }
    (!open).then_some(true)
}

impl<'a> Message<'a> {
    pub(super) fn new(
        view: &'a View,
        row: mox::store::Message,
        seq: u32,
        parsed: Option<Parsed>,
        scratch: &'a mut Scratch,
    ) -> Message<'a> {
        Message {
            view,
            row,
            seq,
            header: None,
            parsed,
            body: None,
            scratch,
        }
    }

    /// The message's header, read once.
    fn header(&mut self) -> Result<&[u8], StoreError> {
        if self.header.is_none() {
            let mut header = Vec::new();
            let first = self.row.size.min(text::HEADER_GUESS);
            text::read(self.body()?, 0, first, &mut header)?;
            if text::header_end(&header).is_none() && first < self.row.size {
                // Longer than most are: its end is in the structure.
                let end = self.parsed()?.root.body_start.min(text::HEADER_MOST);
                header.clear();
                text::read(self.body()?, 0, end, &mut header)?;
            }
            self.header = Some(header);
        }
        Ok(self.header.as_deref().unwrap_or_default())
    }

    fn parsed(&mut self) -> Result<&Parsed, StoreError> {
        match &mut self.parsed {
            Some(parsed) => Ok(parsed),
            none => Ok(none.insert(self.view.parsed(&self.row)?)),
        }
    }

    fn body(&mut self) -> Result<&Body, StoreError> {
        match &mut self.body {
            Some(body) => Ok(body),
            none => Ok(none.insert(self.view.body(&self.row)?)),
        }
    }

    /// The day of the Date field.
    fn sent_day(&mut self) -> Result<Option<i64>, StoreError> {
        if let Some(parsed) = &self.parsed {
            return Ok(parsed.envelope.date.as_deref().and_then(date::sent_day));
        }
        Ok(mox::mail::header::find(self.header()?, b"Date")
            .and_then(|field| date::sent_day(&field.unfolded())))
    }

    /// Whether a field of that name has the text; any such field will do for an empty text.
    fn header_has(&mut self, name: &[u8], needle: &Needle) -> Result<bool, StoreError> {
        if let Some(parsed) = &self.parsed
            && let Some(has) = header::envelope_has(&parsed.envelope, name, needle, self.scratch)
        {
            return Ok(has);
        }
        self.header()?;
        let header = self.header.as_deref().unwrap_or_default();
        Ok(mox::mail::header::fields(header)
            .filter(|field| field.is(name))
            .any(|field| needle.in_field(&field.unfolded(), self.scratch)))
    }

    /// Whether the text parts have the text; with `headers` also the headers, of the parts too.
    fn body_has(&mut self, needle: &Needle, headers: bool) -> Result<bool, StoreError> {
        if headers {
            self.header()?;
            let header = self.header.as_deref().unwrap_or_default();
            let end = text::header_end(header).unwrap_or(header.len());
            if needle.in_header(&header[..end], self.scratch) {
                return Ok(true);
            }
        }
        self.parsed()?;
        self.body()?;
        let (Some(parsed), Some(body)) = (&self.parsed, &self.body) else {
            return Ok(false);
        };
        text::part_has(&parsed.root, body, needle, headers, self.scratch)
    }
}
