//! The source files, with comments, texts and unit tests blanked out where only code counts.

use std::fs;
use std::path::Path;

/// Folders that hold what the project wrote.
const FOLDERS: [&str; 6] = ["src", "daemon", "cli", "tests", "benches", "man"];

/// One file of the repository.
pub(crate) struct Source {
    /// From the top of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Rust files: the text with comments, string and character literals and `#[cfg(test)]`
    /// modules blanked out; lines stay where they are.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let code = match path.ends_with(".rs") {
            true => without_tests(&bare(text)),
            false => String::new(),
        };
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether all of it is a test.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
    }

    /// Code lines of a file that is not a test, numbered from 1.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let code = if self.is_test() { "" } else { &self.code };
        code.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// All lines, numbered from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    pub(crate) fn at(&self, line: usize, problem: &str) -> String {
        format!("{}:{line}: {problem}", self.path)
    }
}

/// The top of the repository.
pub(crate) fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All text files of the project.
pub(crate) fn tree() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        walk(&top().join(folder), &mut paths);
    }
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        paths.push(top().join(name));
    }
    let mut files = Vec::new();
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else {
            continue; // not text, or not there
        };
        let name = path.strip_prefix(top()).unwrap().display().to_string();
        files.push(Source::new(&name, &text));
    }
    assert!(files.len() > 20, "the tree was not found");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Blanks comments and literals. Enough of Rust's lexer for that: nested comments, raw strings,
/// lifetimes told from characters.
fn bare(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let after_word = at > 0 && is_word(bytes[at - 1]);
        let length = if rest.starts_with(b"//") {
            rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            block_comment(rest)
        } else if rest[0] == b'"' {
            string(rest)
        } else if !after_word && raw_prefix(rest).is_some() {
            raw_string(rest)
        } else if character(rest) > 0 {
            character(rest)
        } else {
            at += 1;
            continue;
        };
        for byte in &mut out[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// How many `#` a raw string begins with.
fn raw_prefix(rest: &[u8]) -> Option<(usize, usize)> {
    let start = match rest {
        [b'r', ..] => 1,
        [b'b' | b'c', b'r', ..] => 2,
        _ => return None,
    };
    let hashes = rest[start..].iter().take_while(|b| **b == b'#').count();
    (rest.get(start + hashes) == Some(&b'"')).then_some((start, hashes))
}

fn raw_string(rest: &[u8]) -> usize {
    let Some((start, hashes)) = raw_prefix(rest) else {
        return 1;
    };
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let from = start + hashes + 1;
    rest[from..]
        .windows(end.len())
        .position(|w| w == end)
        .map_or(rest.len(), |at| from + at + end.len())
}

/// How long the character literal is that stands here; 0: none does.
fn character(rest: &[u8]) -> usize {
    if rest[0] != b'\'' {
        return 0;
    }
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|b| *b == b'\'');
        return end.map_or(0, |at| at + 4);
    }
    // One character of up to four bytes, then the quote; else it is a lifetime.
    let text = &rest[1..rest.len().min(6)];
    let width = match text.first() {
        Some(b) if *b < 0x80 => 1,
        Some(b) if *b < 0xe0 => 2,
        Some(b) if *b < 0xf0 => 3,
        _ => 4,
    };
    match text.get(width) {
        Some(b'\'') => width + 2,
        _ => 0,
    }
}

/// Blanks `#[cfg(test)] mod … { … }`.
fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    let mark = "#[cfg(test)]";
    let mut from = 0;
    while let Some(found) = code[from..].find(mark) {
        let start = from + found;
        from = start + mark.len();
        let after = &code[from..];
        let item = after.find(['{', ';']).unwrap_or(after.len());
        if !after[..item].contains("mod ") || after.as_bytes().get(item) != Some(&b'{') {
            continue;
        }
        let mut depth = 0_i32;
        let mut end = code.len();
        for (i, byte) in code.bytes().enumerate().skip(from + item) {
            depth += i32::from(byte == b'{') - i32::from(byte == b'}');
            if depth == 0 {
                end = i + 1;
                break;
            }
        }
        for byte in &mut out[start..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        from = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn only_code_counts_as_code() {
    let text = r##"
use a; // crate::comment
/* crate::block /* nested */ crate::block */
let s = "crate::string \" crate::string";
let r = r#"crate::raw " crate::raw"#;
let c = '"'; let q = '\''; let l: &'static str = x; let e = 'é';
crate::kept();
#[cfg(test)]
mod tests { fn t() { crate::test(); } }
crate::kept_too();
"##;
    let source = Source::new("src/x.rs", text);
    let found: Vec<_> = source.code.match_indices("crate::").collect();
    assert_eq!(found.len(), 2, "{}", source.code);
    assert!(source.code.contains("&'static str"));
    assert_eq!(source.code.lines().count(), text.lines().count());
}
