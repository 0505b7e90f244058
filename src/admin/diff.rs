//! The unified diff of two texts of mox.toml. Most changes touch a few lines of many thousands, so
//! what is the same before and after is cut off first.

use std::fmt::Write;
use std::ops::Range;
use std::time::Duration;

use similar::{Algorithm, ChangeTag, DiffOp, TextDiff};

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Lines from which on speed counts more than the shortest diff.
const MANY: usize = 4_000;

/// After so long the rest is one block.
const PATIENCE: Duration = Duration::from_millis(500);

/// Of mox.toml before and after a change; empty when there is no difference.
pub(super) fn unified(old: &str, new: &str) -> String {
    between(["mox.toml", "mox.toml"], old, new)
}

/// Of two texts with names.
pub(super) fn between(names: [&str; 2], old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (start, old_end, new_end) = window(old, new);
    let skipped = old[..start].matches('\n').count();
    let (head, tail) = (&old[..start], &old[old_end..]);
    let old: Vec<&str> = old[start..old_end].split_inclusive('\n').collect();
    let new: Vec<&str> = new[start..new_end].split_inclusive('\n').collect();

    // Where thousands of lines differ, the smallest diff would take minutes to find.
    let algorithm = match old.len() + new.len() > MANY {
        true => Algorithm::Patience,
        false => Algorithm::Myers,
    };
    let diff = TextDiff::configure()
        .algorithm(algorithm)
        .timeout(PATIENCE)
        .diff_slices(&old, &new);
    let mut text = format!("--- {}\n+++ {}\n", names[0], names[1]);
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        // Where a change was moved, the places of its operations are not those of what they hold: only
        // lengths count, from a start that is the window's or that of lines that stayed.
        let start = |of: fn(&DiffOp) -> Range<usize>| match context(first) {
            0 => 0,
            _ => of(first).start,
        };
        let length = |of: fn(&DiffOp) -> Range<usize>| group.iter().map(|op| of(op).len()).sum();
        let (from, to) = (start(DiffOp::old_range), start(DiffOp::new_range));
        let (from_length, to_length): (usize, usize) =
            (length(DiffOp::old_range), length(DiffOp::new_range));
        // It may have moved to the edge of the window: what is around it there is outside.
        let before = match from {
            0 => last_lines(head, CONTEXT.saturating_sub(context(first))),
            _ => Vec::new(),
        };
        let behind = if from + from_length == old.len() {
            tail
        } else {
            ""
        };
        let behind = behind.split_inclusive('\n');
        let after: Vec<&str> = behind.take(CONTEXT.saturating_sub(context(last))).collect();
        let more = before.len() + after.len();
        let from = range(skipped + from - before.len(), from_length + more);
        let to = range(skipped + to - before.len(), to_length + more);
        // Writing to a text does not fail.
        let _ = writeln!(text, "@@ -{from} +{to} @@");
        write_lines(&mut text, &before);
        for op in &group {
            write_op(&mut text, &diff, op);
        }
        write_lines(&mut text, &after);
    }
    text
}

/// How many lines are the same on both sides.
fn context(op: &DiffOp) -> usize {
    match op {
        DiffOp::Equal { len, .. } => *len,
        _ => 0,
    }
}

fn last_lines(text: &str, most: usize) -> Vec<&str> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').rev().take(most).collect();
    lines.reverse();
    lines
}

fn write_op(text: &mut String, diff: &TextDiff<'_, '_, '_, str>, op: &DiffOp) {
    for change in diff.iter_changes(op) {
        let sign = match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        write_line(text, sign, change.value());
    }
}

fn write_lines(text: &mut String, lines: &[&str]) {
    for line in lines {
        write_line(text, ' ', line);
    }
}

fn write_line(text: &mut String, sign: char, line: &str) {
    text.push(sign);
    text.push_str(line);
    if !line.ends_with('\n') {
        text.push_str("\n\\ No newline at end of file\n");
    }
}

/// Lines from 1 and their number; an empty range names the line before it.
fn range(before: usize, length: usize) -> String {
    match length {
        0 => format!("{before},0"),
        1 => format!("{}", before + 1),
        length => format!("{},{length}", before + 1),
    }
}

/// Where the lines that differ stand, with those around them: the start in both texts and the end in
/// each.
fn window(old: &str, new: &str) -> (usize, usize, usize) {
    let same = common(old.bytes(), new.bytes());
    let mut start = line_start(&old.as_bytes()[..same]);
    let (old_rest, new_rest) = (&old.as_bytes()[start..], &new.as_bytes()[start..]);
    let mut after = common(
        old_rest.iter().rev().copied(),
        new_rest.iter().rev().copied(),
    );
    let starts_line = |rest: &[u8]| match (rest.len() - after).checked_sub(1) {
        Some(before) => rest[before] == b'\n',
        None => true,
    };
    if !(starts_line(old_rest) && starts_line(new_rest)) {
        after -= line_length(&old.as_bytes()[old.len() - after..]);
    }
    for _ in 0..CONTEXT {
        start = line_start(&old.as_bytes()[..start.saturating_sub(1)]);
        after -= line_length(&old.as_bytes()[old.len() - after..]);
    }
    (start, old.len() - after, new.len() - after)
}

/// Where the last line of these bytes begins.
fn line_start(bytes: &[u8]) -> usize {
    memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1)
}

/// The length of the first line of these bytes, its end included.
fn line_length(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1)
}

fn common(a: impl Iterator<Item = u8>, b: impl Iterator<Item = u8>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn theirs(old: &str, new: &str) -> String {
        TextDiff::from_lines(old, new)
            .unified_diff()
            .context_radius(CONTEXT)
            .header("mox.toml", "mox.toml")
            .to_string()
    }

    #[test]
    fn lines_are_numbered_as_in_the_whole() {
        let old: String = (1..=100).map(|n| format!("line {n}\n")).collect();
        let new = old.replace("line 50\n", "line fifty\nand more\n");
        let diff = unified(&old, &new);
        assert!(diff.contains("@@ -47,7 +47,8 @@"), "{diff}");
        assert_eq!(diff, theirs(&old, &new));
        assert_eq!(unified(&old, &old), "");
        assert_eq!(unified("", "a\n"), theirs("", "a\n"));
        assert_eq!(unified("a", "a\n"), theirs("a", "a\n"));
    }

    #[test]
    fn what_moved_to_the_edge_keeps_its_context() {
        let old = "1\n2\n3\n\na\nb\nc\nd\ne\nx = {}\n\n# 1\n# 2\n# 3\n# 4\n";
        let new = old.replace("3\n\n", "3\n\nnew\n\n");
        let new = new.replace("x = {}\n\n", "x = {}\n\ny = {}\n\n");
        let diff = unified(old, &new);
        assert!(diff.ends_with(" # 1\n # 2\n # 3\n"), "{diff}");
        assert_eq!(patched(old, &diff), new);
    }

    proptest! {
        /// Applied to the old text, the diff gives the new one.
        #[test]
        fn a_diff_can_be_applied(
            old in proptest::collection::vec("[abc]", 0..40),
            new in proptest::collection::vec("[abc]", 0..40),
        ) {
            let old: String = old.iter().map(|line| format!("{line}\n")).collect();
            let new: String = new.iter().map(|line| format!("{line}\n")).collect();
            let diff = unified(&old, &new);
            prop_assert_eq!(patched(&old, &diff), new);
            prop_assert!(diff.is_empty() || has_context(&old, &diff), "{}", diff);
        }
    }

    /// Whether three lines stand before the first change and three behind the last, unless the text has
    /// fewer: patch(1) takes less for the end of the file.
    fn has_context(old: &str, diff: &str) -> bool {
        let hunks: Vec<&str> = diff.split("@@ -").skip(1).collect();
        let edge = |hunk: &str, from_end: bool| {
            let mut lines: Vec<&str> = hunk.lines().skip(1).collect();
            if from_end {
                lines.reverse();
            }
            lines
                .iter()
                .take_while(|line| line.starts_with(' '))
                .count()
        };
        let numbers = |hunk: &str| {
            let mut numbers = hunk.split(' ').next().unwrap().split(',');
            let start: usize = numbers.next().unwrap().parse().unwrap();
            let length = numbers.next().map_or(1, |length| length.parse().unwrap());
            (start - usize::from(length > 0), length)
        };
        let (first, last) = (hunks[0], hunks[hunks.len() - 1]);
        let begins = numbers(first).0 == 0;
        let ends = numbers(last).0 + numbers(last).1 == old.lines().count();
        (begins || edge(first, false) == CONTEXT) && (ends || edge(last, true) == CONTEXT)
    }

    fn patched(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.split_inclusive('\n').collect();
        let (mut at, mut left) = (0, 0);
        let mut new = String::new();
        for line in diff.split_inclusive('\n').skip(2) {
            if let Some(header) = line.strip_prefix("@@ -") {
                let (start, length) = match header.split(' ').next().unwrap().split_once(',') {
                    Some((start, length)) => (start, length),
                    None => (header.split(' ').next().unwrap(), "1"),
                };
                let start: usize = start.parse().unwrap();
                let start = if length == "0" { start } else { start - 1 };
                assert_eq!(left, 0, "the hunk before is as long as it says");
                left = length.parse::<usize>().unwrap();
                new.push_str(&old[at..start].concat());
                at = start;
            } else if let Some(added) = line.strip_prefix('+') {
                new.push_str(added);
            } else {
                assert_eq!(old[at], &line[1..]);
                left -= 1;
                if line.starts_with(' ') {
                    new.push_str(old[at]);
                }
                at += 1;
            }
        }
        assert_eq!(left, 0, "the last hunk is as long as it says");
        new.push_str(&old[at..].concat());
        new
    }
}
