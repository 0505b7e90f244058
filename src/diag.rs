//! Diagnostics: what is wrong with a configuration, where, and what might be meant.
//!
//! They are data; who shows them (a terminal, JSON, a web page) renders them.

use serde::{Deserialize, Serialize};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable name of the kind of problem, `address.unknown_domain`.
    pub code: String,
    /// The key's path, `accounts.alice.destinations."alice@example.org"`.
    pub path: String,
    /// Where in the file; none when nothing of it is there.
    pub position: Option<Position>,
    /// A plain sentence, naming the thing and the value.
    pub message: String,
    /// A likely next step, or empty.
    pub hint: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters to underline, at least 1.
    pub width: usize,
    /// The line's text, to show with a caret.
    pub text: String,
}

/// Orders problems as a reader of the file meets them; those without a place come first.
pub fn sort(problems: &mut [Diagnostic]) {
    let key = |d: &Diagnostic| d.position.as_ref().map(|p| (p.line, p.column));
    problems.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path)));
}

/// The candidate nearest to what was written, if one is near enough to be meant: at most a third of
/// it is mistyped (swapped neighbours count once). Of equally near ones, the first.
pub fn did_you_mean<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written: Vec<char> = written.chars().take(MAX_CHARS + 1).collect();
    if written.is_empty() || written.len() > MAX_CHARS {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    let mut text = Vec::new();
    for candidate in candidates {
        text.clear();
        text.extend(candidate.chars().take(MAX_CHARS + 1));
        let allowed = (written.len().max(text.len()) / 3).max(1);
        let limit = best.map_or(allowed, |(d, _)| allowed.min(d - 1));
        if text.len() > MAX_CHARS || written.len().abs_diff(text.len()) > limit {
            continue;
        }
        let distance = distance(&written, &text);
        if distance == 0 {
            return Some(candidate);
        }
        // One letter for another says nothing about a name of one letter.
        if distance <= limit && distance < written.len() {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Longer names are not compared.
const MAX_CHARS: usize = 100;

/// Edit distance in which case counts nothing and two swapped neighbours count one (optimal string
/// alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let same = |x: char, y: char| x == y || x.to_lowercase().eq(y.to_lowercase());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let mut d = (last[j] + usize::from(!same(x, y)))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && same(x, b[j - 1]) && same(a[i - 1], y) {
                d = d.min(before[j - 1] + 1);
            }
            row.push(d);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn near_names_are_found() {
        let keys = ["hostname", "data_dir", "user", "log_level"];
        assert_eq!(did_you_mean("hostnmae", keys), Some("hostname"));
        assert_eq!(did_you_mean("datadir", keys), Some("data_dir"));
        assert_eq!(did_you_mean("User", keys), Some("user"));
        assert_eq!(did_you_mean("level", keys), None);
        assert_eq!(did_you_mean("", keys), None);
        assert_eq!(did_you_mean("x", ["y", "xy"]), None);
        assert_eq!(
            did_you_mean("exmaple.org", ["example.com", "example.org"]),
            Some("example.org")
        );
    }

    #[test]
    fn problems_are_in_the_order_of_the_file() {
        let at = |line, path: &str| Diagnostic {
            code: "x".into(),
            path: path.into(),
            position: (line > 0).then(|| Position {
                file: "mox.toml".into(),
                line,
                column: 1,
                width: 1,
                text: String::new(),
            }),
            message: String::new(),
            hint: String::new(),
        };
        let mut list = [at(3, "a"), at(0, "c"), at(1, "b"), at(0, "b")];
        sort(&mut list);
        let order: Vec<_> = list.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(order, ["b", "c", "b", "a"]);
    }

    proptest! {
        #[test]
        fn what_is_there_is_meant(mut all in proptest::collection::vec("\\PC{1,12}", 1..5), i in 0usize..5) {
            let written = all[i % all.len()].clone();
            all.dedup();
            let found = did_you_mean(&written, all.iter().map(String::as_str));
            prop_assert!(found.is_some_and(|f| f.to_lowercase() == written.to_lowercase()) );
        }

        #[test]
        fn nothing_panics(a in ".*", b in ".*") {
            let _ = did_you_mean(&a, [b.as_str()]);
        }
    }
}
