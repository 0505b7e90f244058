//! LIST's patterns (RFC 9051 §6.3.9): `*` is anything, `%` is anything within one level.

/// A pattern with its reference before it.
#[derive(Debug, Clone)]
pub(in super::super) struct Pattern {
    chars: Vec<char>,
}

impl Pattern {
    /// The reference goes before the pattern as it is: names here have no roots.
    pub(in super::super) fn new(reference: &str, pattern: &str) -> Pattern {
        let mut chars: Vec<char> = Vec::new();
        for c in reference.chars().chain(pattern.chars()) {
            // `**`, `*%`, `%*` and `%%` say no more than one of them; without them matching is quick.
            match (chars.last_mut(), c) {
                (Some('*'), '*' | '%') | (Some('%'), '%') => {}
                (Some(last @ '%'), '*') => *last = '*',
                _ => chars.push(c),
            }
        }
        Pattern { chars }
    }

    /// Whether a name is meant. `Inbox` as the first level is meant in any case.
    pub(in super::super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let inbox =
            name.starts_with(&['I', 'n', 'b', 'o', 'x']) && matches!(name.get(5), None | Some('/'));
        let same = |at: usize, c: char| match inbox && at < 5 {
            true => name[at].eq_ignore_ascii_case(&c),
            false => name[at] == c,
        };
        // What to go back to: the place behind a wildcard, and how far into the name it reaches.
        let mut star: Option<(usize, usize)> = None;
        let mut percent: Option<(usize, usize)> = None;
        let (mut p, mut n) = (0, 0);
        loop {
            match self.chars.get(p) {
                Some('*') => {
                    p += 1;
                    star = Some((p, n));
                    percent = None;
                    continue;
                }
                Some('%') => {
                    p += 1;
                    percent = Some((p, n));
                    continue;
                }
                Some(&c) if n < name.len() && same(n, c) => {
                    p += 1;
                    n += 1;
                    continue;
                }
                None if n == name.len() => return true,
                _ => {}
            }
            match (&mut percent, &mut star) {
                (Some((behind, reach)), _) if name.get(*reach).is_some_and(|c| *c != '/') => {
                    *reach += 1;
                    (p, n) = (*behind, *reach);
                }
                (_, Some((behind, reach))) if *reach < name.len() => {
                    *reach += 1;
                    (p, n) = (*behind, *reach);
                    percent = None;
                }
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new("", pattern).matches(name)
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
        assert!(Pattern::new("a/", "%").matches("a/b"));
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
        }
    }
}
