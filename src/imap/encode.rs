//! Pieces of responses, written into a buffer (RFC 9051 §9). Nothing here allocates by itself: a
//! FETCH of many messages spends its time copying.
//!
//! `utf8` says whether the client takes UTF-8 in quoted strings (IMAP4rev2 or UTF8=ACCEPT enabled);
//! all else gets what ASCII cannot say as a literal.

mod envelope;
mod structure;

pub use envelope::envelope;
pub use structure::structure;

/// `string`: quoted where possible, else a literal. NUL, which neither may hold, becomes a space.
pub fn string(bytes: &[u8], utf8: bool, out: &mut Vec<u8>) {
    match form(bytes, utf8) {
        Form::Plain => {
            out.push(b'"');
            out.extend_from_slice(bytes);
            out.push(b'"');
        }
        Form::Escaped => {
            out.push(b'"');
            for byte in bytes {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(*byte);
            }
            out.push(b'"');
        }
        Form::Literal => {
            out.push(b'{');
            number(bytes.len() as u64, out);
            out.extend_from_slice(b"}\r\n");
            let start = out.len();
            out.extend_from_slice(bytes);
            for byte in &mut out[start..] {
                if *byte == 0 {
                    *byte = b' ';
                }
            }
        }
    }
}

/// `nstring`: NIL for nothing.
pub fn nstring(bytes: Option<&[u8]>, utf8: bool, out: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => string(bytes, utf8, out),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `number`, in decimal.
pub fn number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// `sequence-set` of ranges, ascending and apart; at least one.
pub fn sequence_set(ranges: &[(u32, u32)], out: &mut Vec<u8>) {
    for (i, (first, last)) in ranges.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        number(u64::from(*first), out);
        if last > first {
            out.push(b':');
            number(u64::from(*last), out);
        }
    }
}

/// `date-time`, quoted: seconds since 1970 in a zone some minutes east of Greenwich. Years outside
/// 1 to 9999 are shown as the nearest of those.
pub fn date_time(at: (i64, i16), out: &mut Vec<u8>) {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    // 0001-01-01 and 9999-12-31T23:59:59.
    let local = (at.0.saturating_add(i64::from(at.1) * 60)).clamp(-62_135_596_800, 253_402_300_799);
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let two = |value: i64, out: &mut Vec<u8>| {
        out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
    };
    out.push(b'"');
    let start = out.len();
    two(day, out);
    if out[start] == b'0' {
        out[start] = b' ';
    }
    out.push(b'-');
    out.extend_from_slice(&MONTHS[(month as usize - 1) * 3..][..3]);
    out.push(b'-');
    two(year / 100, out);
    two(year % 100, out);
    out.push(b' ');
    two(seconds / 3600, out);
    out.push(b':');
    two(seconds / 60 % 60, out);
    out.push(b':');
    two(seconds % 60, out);
    out.extend_from_slice(if at.1 < 0 { b" -" } else { b" +" });
    let zone = i64::from(at.1.unsigned_abs()).min(99 * 60 + 59);
    two(zone / 60, out);
    two(zone % 60, out);
    out.push(b'"');
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar. Years are
/// counted from March, so that the leap day is the last of one.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

enum Form {
    Plain,
    Escaped,
    Literal,
}

/// How a text can be written.
fn form(bytes: &[u8], utf8: bool) -> Form {
    let (mut special, mut control, mut high) = (false, false, false);
    for byte in bytes {
        special |= matches!(byte, b'"' | b'\\');
        control |= matches!(byte, 0..=0x1f | 0x7f);
        high |= *byte >= 0x80;
    }
    // Long strings as literals: many clients have fixed buffers for quoted ones.
    let long = bytes.len() > 4096;
    if control || long || (high && !(utf8 && std::str::from_utf8(bytes).is_ok())) {
        Form::Literal
    } else if special {
        Form::Escaped
    } else {
        Form::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn strings_take_the_form_they_need() {
        for (bytes, utf8, wire) in [
            (&b"plain"[..], false, "\"plain\""),
            (b"", false, "\"\""),
            (b"a\"b\\c", false, "\"a\\\"b\\\\c\""),
            ("é".as_bytes(), false, "{2}\r\né"),
            ("é".as_bytes(), true, "\"é\""),
            (b"a\r\nb", true, "{4}\r\na\r\nb"),
            (b"a\0b", true, "{3}\r\na b"),
            (b"\xff", true, "{1}\r\n\u{fffd}"),
        ] {
            assert_eq!(text(|out| string(bytes, utf8, out)), wire);
        }
        assert_eq!(text(|out| nstring(None, false, out)), "NIL");
    }

    #[test]
    fn dates() {
        for (at, wire) in [
            ((0, 0), "\" 1-Jan-1970 00:00:00 +0000\""),
            ((951_782_400, 60), "\"29-Feb-2000 01:00:00 +0100\""),
            ((951_782_400, -330), "\"28-Feb-2000 18:30:00 -0530\""),
            ((-1, 0), "\"31-Dec-1969 23:59:59 +0000\""),
            ((i64::MAX, i16::MIN), "\"31-Dec-9999 23:59:59 -9959\""),
            ((i64::MIN, 0), "\" 1-Jan-0001 00:00:00 +0000\""),
        ] {
            assert_eq!(text(|out| date_time(at, out)), wire);
        }
    }

    #[test]
    fn days_agree_with_a_calendar() {
        let mut date = jiff::civil::date(1899, 12, 31);
        let first = -25_568;
        for days in first..first + 366 * 300 {
            date = date.tomorrow().expect("in range");
            let expected = (
                i64::from(date.year()),
                i64::from(date.month()),
                i64::from(date.day()),
            );
            assert_eq!(civil(days + 1), expected, "{days}");
        }
    }

    #[test]
    fn sets_are_ranges() {
        let wire = text(|out| sequence_set(&[(1, 1), (3, 5), (7, 7)], out));
        assert_eq!(wire, "1,3:5,7");
    }
}
