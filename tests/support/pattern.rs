//! Patterns of transcripts: one line of expected text with holes.
//!
//! `[..]` stands for any text, `[name]` (lower case) for any text that is the same wherever the
//! name stands again, `[ROOT]` and `[IP]` for the sandbox's folder and the server's address;
//! `\[` is a bracket.

use std::collections::BTreeMap;

/// What names stand for.
pub type Names = BTreeMap<String, String>;

enum Token<'a> {
    Text(&'a str),
    Any,
    Name(&'a str),
}

/// Whether the line fits the pattern; names that it binds are added to `names`.
pub fn fits(pattern: &str, line: &str, names: &mut Names) -> bool {
    let tokens = tokens(pattern);
    let mut bound = names.clone();
    if rest_fits(&tokens, line, &mut bound) {
        *names = bound;
        return true;
    }
    false
}

/// The pattern that fits exactly this line: what `UPDATE=1` writes.
pub fn of_line(line: &str, names: &Names) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('[') {
        text.push_str(&rest[..at]);
        if hole(&rest[at..]).is_some() {
            text.push('\\');
        }
        text.push('[');
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
    for fixed in ["ROOT", "IP"] {
        if let Some(value) = names.get(fixed).filter(|v| !v.is_empty()) {
            text = text.replace(value.as_str(), &format!("[{fixed}]"));
        }
    }
    text
}

/// Puts the values of `${name}` into text that is sent; unknown names are an error.
pub fn fill(text: &str, names: &Names) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        filled.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            break;
        };
        let name = &rest[at + 2..at + end];
        let value = names
            .get(name)
            .ok_or_else(|| format!("nothing is bound to ${{{name}}}"))?;
        filled.push_str(value);
        rest = &rest[at + end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn rest_fits(tokens: &[Token<'_>], line: &str, names: &mut Names) -> bool {
    let Some((first, others)) = tokens.split_first() else {
        return line.is_empty();
    };
    match first {
        Token::Text(text) => line
            .strip_prefix(text)
            .is_some_and(|rest| rest_fits(others, rest, names)),
        Token::Any => ends(line).any(|end| rest_fits(others, &line[end..], names)),
        Token::Name(name) => {
            if let Some(value) = names.get(*name).cloned() {
                return line
                    .strip_prefix(value.as_str())
                    .is_some_and(|rest| rest_fits(others, rest, names));
            }
            for end in ends(line).skip(1) {
                let mut bound = names.clone();
                bound.insert((*name).to_owned(), line[..end].to_owned());
                if rest_fits(others, &line[end..], &mut bound) {
                    *names = bound;
                    return true;
                }
            }
            false
        }
    }
}

/// The places where a piece of the line may end, the shortest piece first.
fn ends(line: &str) -> impl Iterator<Item = usize> + '_ {
    line.char_indices().map(|(at, _)| at).chain([line.len()])
}

fn tokens(pattern: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < pattern.len() {
        let rest = &pattern[at..];
        if rest.starts_with("\\[") {
            found.push(Token::Text(&pattern[start..at]));
            start = at + 1;
            at += 2;
        } else if let Some(inside) = hole(rest) {
            found.push(Token::Text(&pattern[start..at]));
            found.push(match inside {
                ".." => Token::Any,
                name => Token::Name(name),
            });
            at += inside.len() + 2;
            start = at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found.push(Token::Text(&pattern[start..]));
    found
}

/// What stands inside the brackets that the text begins with, if that is a hole.
fn hole(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?.split_once(']')?.0;
    let name = inside.starts_with(|c: char| c.is_ascii_lowercase())
        && inside
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (name || matches!(inside, ".." | "ROOT" | "IP")).then_some(inside)
}
