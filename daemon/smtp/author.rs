//! Whether the From field of a submitted message can be read in one way only (RFC 5322 §3.4). Readers of
//! mail make sense of anything, each in its own way: what is checked here must be what they show.

/// As many authors as the envelope of a message certainly keeps.
const MAX_AUTHORS: usize = 100;

/// Whether every address of the field's value is `local@domain`, bare or in one pair of angle brackets
/// behind a name, with nothing but comments after it. An obsolete route may stand before it, and a name
/// may have an `@` in it.
pub(super) fn is_clear(value: &[u8]) -> bool {
    let Some(tokens) = tokens(value) else {
        return false;
    };
    let mut elements = 0;
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        let end = end_of_element(rest);
        let (element, after) = rest.split_at(end);
        let is_group_name = after.first() == Some(&Token::Special(b':'));
        if !is_group_name && !is_author(element) {
            return false;
        }
        elements += 1;
        rest = after.get(1..).unwrap_or_default();
    }
    elements <= MAX_AUTHORS
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Atom,
    Quoted,
    Special(u8),
}

/// Commas, and what begins and ends a group, but for those of a route.
fn end_of_element(tokens: &[Token]) -> usize {
    let mut in_brackets = false;
    tokens
        .iter()
        .position(|token| {
            match token {
                Token::Special(b'<') => in_brackets = true,
                Token::Special(b'>') => in_brackets = false,
                Token::Special(b',' | b';' | b':') => return !in_brackets,
                _ => {}
            }
            false
        })
        .unwrap_or(tokens.len())
}

fn is_author(element: &[Token]) -> bool {
    let open = Token::Special(b'<');
    let Some(at) = element.iter().position(|token| *token == open) else {
        return element.is_empty() || is_address(element);
    };
    let [inside @ .., Token::Special(b'>')] = &element[at + 1..] else {
        return false;
    };
    let route = inside.iter().rposition(|t| *t == Token::Special(b':'));
    is_address(&inside[route.map_or(0, |colon| colon + 1)..])
}

fn is_address(tokens: &[Token]) -> bool {
    matches!(
        tokens,
        [
            Token::Atom | Token::Quoted,
            Token::Special(b'@'),
            Token::Atom
        ]
    )
}

/// None where a comment or a quoted string does not end.
fn tokens(value: &[u8]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => after,
            b'(' => after_comment(after)?,
            b'"' => {
                tokens.push(Token::Quoted);
                after_quoted(after)?
            }
            byte if is_special(byte) => {
                tokens.push(Token::Special(byte));
                after
            }
            _ => {
                tokens.push(Token::Atom);
                let end = after
                    .iter()
                    .position(|&byte| is_special(byte) || b" \t\r\n(\"".contains(&byte));
                &after[end.unwrap_or(after.len())..]
            }
        };
    }
    Some(tokens)
}

fn is_special(byte: u8) -> bool {
    b"<>@,;:)\\".contains(&byte)
}

fn after_quoted(text: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return text.get(at + 1..),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn after_comment(text: &[u8]) -> Option<&[u8]> {
    let (mut at, mut depth) = (0, 1);
    loop {
        match text.get(at)? {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return text.get(at..);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_in_one_way_is_clear() {
        for clear in [
            "a@b.example",
            " Alice <a@b.example>\r\n",
            "\"x@y, z\" <a@b.example>,\r\n\tb@c.example (B, of <c>)",
            "x@y.example <a@b.example>",
            "\"a b\"@c.example",
            "(c(d)\\))a@b.example",
            "Friends: a@b.example, <c@d.example>;",
            "<@x.example,@y.example:a@b.example>",
            "D. Duck <d@duck.example>,",
            "=?utf-8?q?x=40y?= <a@b.example>",
        ] {
            assert!(is_clear(clear.as_bytes()), "{clear}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not() {
        for unclear in [
            "a@b.example x@y.example",
            "<a@b.example> x@y.example",
            "<a@b.example> <x@y.example>",
            "a@b.example \"x@y.example\"",
            "a@b@y.example",
            "<a@b@y.example>",
            "a@b.example>",
            "<a@b.example",
            "<<a@b.example>>",
            "x a@b.example",
            "a@b.example (x",
            "\"x, a@b.example",
            "a@b.example)",
            "alice",
        ] {
            assert!(!is_clear(unclear.as_bytes()), "{unclear}");
        }
        assert!(!is_clear("a@b.example,".repeat(1_000).as_bytes()));
    }
}
