//! Text as people may see it.

use jiff::Timestamp;

/// Escapes control characters: what others wrote must not drive the terminal, nor break records.
pub(crate) fn clean(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_unsafe(c) {
            true => clean.extend(c.escape_default()),
            false => clean.push(c),
        }
    }
    clean
}

/// Controls, and marks that turn the direction of the text around them.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How long ago, in its largest unit: `now`, `45s ago`, `3m ago`, `5h ago`, `12d ago`.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(time).as_secs();
    match seconds {
        ..=0 => "now".to_owned(),
        _ => format!("{} ago", span(seconds.unsigned_abs())),
    }
}

/// A length of time in its largest unit.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_drive_the_terminal_is_escaped() {
        assert_eq!(clean("héllo wörld"), "héllo wörld");
        assert_eq!(clean("a\x1b[2Jb\tc\n"), "a\\u{1b}[2Jb\\tc\\n");
        assert_eq!(clean("\u{9b}31m\u{202e}"), "\\u{9b}31m\\u{202e}");
    }

    #[test]
    fn times_are_short() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let at = |text: &str| ago(text.parse().unwrap(), now);
        assert_eq!(at("2026-01-02T00:00:00Z"), "now");
        assert_eq!(at("2026-01-01T23:59:15Z"), "45s ago");
        assert_eq!(at("2026-01-01T23:56:30Z"), "3m ago");
        assert_eq!(at("2026-01-01T19:00:00Z"), "5h ago");
        assert_eq!(at("2025-12-21T00:00:00Z"), "12d ago");
        assert_eq!(at("2027-01-01T00:00:00Z"), "now");
    }
}
