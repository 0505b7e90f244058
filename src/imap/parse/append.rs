//! APPEND up to its message, and what follows that (RFC 9051 §6.3.12, RFC 3502, RFC 6855 §4).

use super::scan::{self, Fail, Parsed, Scan};
use super::{Answer, ParseError};
use crate::imap::command::CommandBody;
use crate::mailbox::Flags;

/// What follows an APPEND's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendNext {
    /// The command's end.
    End,
    /// Another message (MULTIAPPEND, RFC 3502): as in [`CommandBody::Append`].
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
pub fn append_next(bytes: &[u8], utf8: bool) -> Result<AppendNext, ParseError> {
    let mut scan = Scan::new(bytes, scan::without_break(bytes), 0);
    next(&mut scan, utf8).map_err(|Fail { answer, text }| ParseError {
        tag: None,
        answer,
        text,
    })
}

fn next(scan: &mut Scan<'_>, utf8: bool) -> Parsed<AppendNext> {
    if utf8 {
        scan.expect(b')', "UTF8 ( is not closed")?;
    }
    if !scan.more()? {
        return Ok(AppendNext::End);
    }
    let Message {
        flags,
        date,
        size,
        binary,
        utf8,
    } = message(scan)?;
    Ok(AppendNext::Message {
        flags,
        date,
        size,
        binary,
        utf8,
    })
}

/// `append = "APPEND" SP mailbox 1*append-message`
pub(super) fn append(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mailbox = scan.mailbox()?;
    scan.space()?;
    let Message {
        flags,
        date,
        size,
        binary,
        utf8,
    } = message(scan)?;
    Ok(CommandBody::Append {
        mailbox,
        flags,
        date,
        size,
        binary,
        utf8,
    })
}

struct Message {
    flags: Flags,
    date: Option<(i64, i16)>,
    size: u64,
    binary: bool,
    utf8: bool,
}

/// `append-message = [flag-list SP] [date-time SP] append-data`,
/// `append-data = literal / literal8 / ("UTF8" SP "(" literal8 ")")`, up to the announcement
fn message(scan: &mut Scan<'_>) -> Parsed<Message> {
    let mut flags = Flags::default();
    if scan.peek() == Some(b'(') {
        flags = scan.flag_list()?;
        scan.space()?;
    }
    let mut date = None;
    if scan.peek() == Some(b'"') {
        date = Some(date_time(scan)?);
        scan.space()?;
    }
    let utf8 = scan.take_word("UTF8");
    if utf8 {
        scan.space()?;
        scan.expect(b'(', "an opening parenthesis is missing")?;
    }
    let literal = scan.announcement()?;
    if utf8 && !literal.binary {
        return Err(Fail {
            answer: Answer::Bad,
            text: "UTF8 takes a literal8",
        });
    }
    Ok(Message {
        flags,
        date,
        size: literal.size,
        binary: literal.binary,
        utf8,
    })
}

/// `date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE`,
/// `date-day-fixed = (SP DIGIT) / 2DIGIT`, `zone = ("+" / "-") 4DIGIT`
fn date_time(scan: &mut Scan<'_>) -> Parsed<(i64, i16)> {
    const BAD: &str = "a date is malformed";
    scan.expect(b'"', BAD)?;
    let day = match scan.take(b' ') {
        true => scan.digits(1)?,
        false => scan.digits(2)?,
    };
    let days = scan.month_and_year(day)?;
    scan.space()?;
    let hour = scan.digits(2)?;
    scan.expect(b':', BAD)?;
    let minute = scan.digits(2)?;
    scan.expect(b':', BAD)?;
    let second = scan.digits(2)?;
    scan.space()?;
    let west = match (scan.take(b'-'), scan.take(b'+')) {
        (false, false) => return Err(Fail::bad(BAD)),
        (west, _) => west,
    };
    let (zone_hours, zone_minutes) = (scan.digits(2)?, scan.digits(2)?);
    scan.expect(b'"', BAD)?;
    // A leap second is the second before it.
    if hour > 23 || minute > 59 || second > 60 || zone_hours > 23 || zone_minutes > 59 {
        return Err(Fail::bad("there is no such time"));
    }
    let zone = i64::from(zone_hours * 60 + zone_minutes) * if west { -1 } else { 1 };
    let local = days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second.min(59));
    Ok((local - zone * 60, zone as i16))
}
