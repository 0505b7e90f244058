//! `Date:` fields, for searches by the day a message was sent (RFC 5322 §3.3, §4.3).

use jiff::civil::Date;
use jiff::fmt::rfc2822::DateTimeParser;

/// The day a Date field names, in days since 1970-01-01, "disregarding time and timezone"
/// (RFC 9051 §6.4.4, SENTON). Takes what programs write against the rules, as long as day, month
/// and year can be found.
pub fn sent_day(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    if text.len() > 256 {
        return None;
    }
    let strict = DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_zoned(text);
    let date = strict
        .map(|sent| sent.date())
        .ok()
        .or_else(|| loose(text))?;
    let epoch = Date::constant(1970, 1, 1);
    Some(i64::from(epoch.until(date).ok()?.get_days()))
}

/// The first `day month year` among the words.
fn loose(text: &str) -> Option<Date> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(3).find_map(|window| {
        let [day, month, year] = window else {
            return None;
        };
        let month = month.get(..3)?.to_ascii_lowercase();
        let month = MONTHS.iter().position(|name| *name == month)? as i8 + 1;
        let year: i16 = match (year.len(), year.parse().ok()?) {
            (2, year @ 0..50) => 2000 + year,
            (2 | 3, year) => 1900 + year,
            (_, year) => year,
        };
        Date::new(year, month, day.parse().ok()?).ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_as_written() {
        for (text, day) in [
            ("Thu, 1 Jan 1970 23:59:59 -1200", Some(0)),
            ("Fri, 2 Jan 1970 00:00:00 +1400", Some(1)),
            ("Mon, 29 Feb 2000 10:00:00 GMT", Some(11_016)),
            ("29 feb 00 10:00 (noon)", Some(11_016)),
            ("Tue, 29-Feb-2000", Some(11_016)),
            ("30 Feb 2000 10:00:00 GMT", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(sent_day(text.as_bytes()), day, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            let _ = sent_day(text.as_bytes());
        }
    }
}
