//! LIST's patterns (RFC 9051 §6.3.9): `*` is anything, `%` is anything within one level.

use std::collections::HashMap;

/// Characters a name can have at most ([`mox::mailbox::MailboxName`]): who wants more matches none.
const NAME: usize = 1_000;

/// A pattern with its reference before it.
///
/// Names are run through it as through an automaton, all of its states in one bit each: whatever the
/// pattern, the time is the name's length times a 64th of the pattern's.
#[derive(Debug, Clone)]
pub(in super::super) struct Pattern {
    /// The state behind the last character.
    end: usize,
    /// The states that a character leads on from.
    chars: HashMap<char, Vec<u64>>,
    /// The states before a `*`, …
    stars: Vec<u64>,
    /// … and before a `%`.
    percents: Vec<u64>,
}

impl Pattern {
    /// The reference goes before the pattern as it is: names here have no roots. None: no name matches.
    pub(in super::super) fn new(reference: &str, pattern: &str) -> Option<Pattern> {
        let mut tokens: Vec<char> = Vec::new();
        let mut literals = 0;
        for c in reference.chars().chain(pattern.chars()) {
            // `**`, `*%`, `%*` and `%%` say no more than one of them; so no two of them are neighbours.
            match (tokens.last_mut(), c) {
                (Some('*'), '*' | '%') | (Some('%'), '%') => {}
                (Some(last @ '%'), '*') => *last = '*',
                _ => {
                    literals += usize::from(!matches!(c, '*' | '%'));
                    tokens.push(c);
                }
            }
            if literals > NAME {
                return None;
            }
        }
        let words = tokens.len() / 64 + 1;
        let mut made = Pattern {
            end: tokens.len(),
            chars: HashMap::new(),
            stars: vec![0; words],
            percents: vec![0; words],
        };
        for (at, token) in tokens.into_iter().enumerate() {
            let states = match token {
                '*' => &mut made.stars,
                '%' => &mut made.percents,
                c => made.chars.entry(c).or_insert_with(|| vec![0; words]),
            };
            states[at / 64] |= 1 << (at % 64);
        }
        Some(made)
    }

    /// Whether a name is meant. `Inbox` as the first level is meant in any case.
    pub(in super::super) fn matches(&self, name: &str) -> bool {
        let inbox = name
            .strip_prefix("Inbox")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let mut states = vec![0; self.stars.len()];
        states[0] = 1;
        self.pass_wildcards(&mut states);
        for (at, c) in name.chars().enumerate() {
            let (mut here, mut other) = (self.chars.get(&c), None);
            if inbox && at < 5 {
                here = self.chars.get(&c.to_ascii_lowercase());
                other = self.chars.get(&c.to_ascii_uppercase());
            }
            let (mut carry, mut alive) = (0, 0);
            for (word, state) in states.iter_mut().enumerate() {
                let mut on = 0;
                for chars in here.iter().chain(&other) {
                    on |= *state & chars[word];
                }
                let mut stay = self.stars[word];
                if c != '/' {
                    stay |= self.percents[word];
                }
                *state = (*state & stay) | (on << 1) | carry;
                carry = on >> 63;
                alive |= *state;
            }
            if alive == 0 {
                return false;
            }
            self.pass_wildcards(&mut states);
        }
        states[self.end / 64] & (1 << (self.end % 64)) != 0
    }

    /// A wildcard may also stand for nothing.
    fn pass_wildcards(&self, states: &mut [u64]) {
        let mut carry = 0;
        for (word, state) in states.iter_mut().enumerate() {
            let pass = *state & (self.stars[word] | self.percents[word]);
            *state |= (pass << 1) | carry;
            carry = pass >> 63;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new("", pattern).is_some_and(|pattern| pattern.matches(name))
    }

    #[test]
    fn wildcards() {
        for (pattern, name, want) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("%/%", "a/b", true),
            ("%/%", "a/b/c", false),
            ("a/%", "a", false),
            ("a%", "abc", true),
            ("*b", "a/ab", true),
            ("%b*d", "ab/c/d", true),
            ("*/%x", "a/b/cx", true),
            ("*/%x", "a/bx/c", false),
            ("INBOX", "Inbox", true),
            ("inb%/a", "Inbox/a", true),
            ("inbox/A", "Inbox/a", false),
            ("inbox", "Inboxes", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
        assert!(Pattern::new("a/", "%").unwrap().matches("a/b"));
    }

    #[test]
    fn long_patterns_take_no_longer() {
        // With going back and forth, these took minutes.
        let name = format!("Inbox/{}", "a".repeat(990));
        let start = std::time::Instant::now();
        for pattern in [
            format!("*a%{}b%", "a".repeat(400)),
            format!("*{}b", "%a".repeat(400)),
            format!("{}b", "*a%/".repeat(200)),
        ] {
            let pattern = Pattern::new("", &pattern).unwrap();
            assert!((0..200).all(|_| !pattern.matches(&name)));
        }
        assert!(start.elapsed().as_secs() < 20);
        assert!(matches(&format!("inBOX/*{}%", "%a".repeat(400)), &name));
        assert!(Pattern::new("", &"a".repeat(1_001)).is_none());
    }

    /// By the definition, without cleverness.
    fn slow(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((c @ ('*' | '%'), rest)) => (0..=name.len())
                .take_while(|&n| *c == '*' || !name[..n].contains(&'/'))
                .any(|n| slow(rest, &name[n..])),
            Some((c, rest)) => name.first() == Some(c) && slow(rest, &name[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn matches_what_the_definition_says(pattern in "[ab/*%]{0,7}", name in "[ab/]{0,7}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &name), slow(&chars(&pattern), &chars(&name)));
            // The same across the borders of words.
            for long in [58, 62, 124] {
                let (pattern, name) = ("b".repeat(long) + &pattern, "b".repeat(long) + &name);
                prop_assert_eq!(matches(&pattern, &name), slow(&chars(&pattern), &chars(&name)));
            }
        }
    }
}
