//! Rulesets of destinations, and the regular expressions in them.

use std::fmt;

use regex::{Regex, RegexBuilder};

documented! {
/// `[[accounts.NAME.destinations."ADDRESS".rulesets]]`: files messages of one kind elsewhere. Its
/// conditions, at least one, must all hold; of a destination's rulesets the first that matches
/// counts. Regular expressions are those of the Rust crate regex; they are searched for, so `^` and `$`
/// bind them to the ends, and case does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// Regular expression for the address in MAIL FROM, which is empty for bounces.
    pub smtp_mail_from_regexp: Option<Pattern>,
    /// Regular expression for an address in the From field: one of them must match.
    pub msg_from_regexp: Option<Pattern>,
    /// Header fields that must be there: regular expressions for their names, each with one for the
    /// decoded value, `{ "^list-id$" = "<team\\." }`.
    pub headers_regexp: Vec<(Pattern, Pattern)>,
    /// Mailbox to file into; it is made when there is none. Required.
    pub mailbox: String,
    /// A note for who reads the file (empty).
    pub comment: String,
}
}

/// A regular expression, compiled. Matching takes time linear in the text.
#[derive(Clone)]
pub struct Pattern(Regex);

/// A longest pattern: a longer one was not written by a person.
const MAX_PATTERN: usize = 4096;

/// Bytes of a compiled pattern.
const MAX_COMPILED: usize = 1 << 20;

/// Bytes that matching may keep at hand for the next time.
const MAX_CACHE: usize = 1 << 20;

impl Pattern {
    /// Compiles; says what is wrong otherwise, in one line.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.len() > MAX_PATTERN {
            return Err(format!("it is longer than {MAX_PATTERN} bytes"));
        }
        RegexBuilder::new(text)
            .case_insensitive(true)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_CACHE)
            .build()
            .map(Pattern)
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "it is too large when compiled".to_owned(),
                // The last of several lines says what is wrong, those before show where.
                other => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
            })
    }

    /// Whether it is somewhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// As it stands in the file.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for (text, why) in [
            ("a(b", "unclosed group"),
            (
                "[z-a]",
                "invalid character class range, the start must be <= the end",
            ),
            (r"(a)\1", "backreferences are not supported"),
            (r"\w{500}{500}", "it is too large when compiled"),
        ] {
            let error = Pattern::parse(text).expect_err("refused");
            assert_eq!(error, why, "{text}");
        }
        assert!(Pattern::parse(&"a".repeat(5000)).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(pattern in ".{0,40}", text in ".{0,80}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let _ = pattern.is_match(&text);
            }
        }
    }
}
