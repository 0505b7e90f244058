//! Address lists as ENVELOPE shows them (RFC 5322 §3.4, RFC 9051 §7.5.2).
//!
//! Anything is made sense of somehow: obsolete routes, comments anywhere, names with dots or even an
//! `@` that nobody quoted, missing domains. Encoded words stay encoded.

use super::MailAddress;

/// Parses the unfolded value of an address field, up to `limit` addresses, and appends them.
pub fn parse_list(value: &[u8], limit: usize, out: &mut Vec<MailAddress>) {
    let limit = limit.saturating_sub(out.len());
    let mut list = List {
        text: value,
        at: 0,
        out,
        limit,
        in_group: false,
    };
    list.parse();
}

struct List<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut Vec<MailAddress>,
    /// How many more may come.
    limit: usize,
    in_group: bool,
}

/// Words that may turn out to be a name or the part before an `@`.
#[derive(Default)]
struct Words {
    /// With single spaces where there was white space.
    phrase: Vec<u8>,
    /// Without.
    joined: Vec<u8>,
    /// White space stood behind the last word.
    space: bool,
    /// The last comment, for want of a name.
    comment: Option<Vec<u8>>,
    any: bool,
}

impl Words {
    fn push(&mut self, word: &[u8]) {
        if self.space && !self.phrase.is_empty() {
            self.phrase.push(b' ');
        }
        self.space = false;
        self.any = true;
        self.phrase.extend_from_slice(word);
        self.joined.extend_from_slice(word);
    }
}

impl List<'_> {
    fn parse(&mut self) {
        while self.at < self.text.len() && self.limit > 0 {
            self.element();
        }
        if self.in_group {
            self.end_group();
        }
    }

    /// One mailbox, or the start or end of a group, with the comma behind it.
    fn element(&mut self) {
        let mut words = Words::default();
        let start = self.at;
        loop {
            let Some(&byte) = self.text.get(self.at) else {
                return self.bare(words);
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.at += 1;
                    words.space = true;
                }
                b'(' => {
                    words.comment = Some(self.comment());
                    words.space = true;
                }
                b'"' => {
                    let word = self.quoted();
                    words.push(&word);
                }
                b',' => {
                    self.at += 1;
                    return self.bare(words);
                }
                b';' => {
                    self.at += 1;
                    self.bare(words);
                    if self.in_group {
                        self.end_group();
                    }
                    return;
                }
                b':' if !self.in_group => {
                    self.at += 1;
                    self.in_group = true;
                    return self.push(MailAddress {
                        mailbox: Some(words.phrase),
                        ..MailAddress::default()
                    });
                }
                b'<' => return self.angle(words),
                b'@' if words.any => return self.addr_spec(words, start),
                _ => {
                    let word = self.atom();
                    words.push(word);
                }
            }
        }
    }

    /// Words alone: a mailbox without a domain.
    fn bare(&mut self, words: Words) {
        if words.any {
            self.push(MailAddress {
                name: words.comment,
                mailbox: Some(words.joined),
                host: Some(Vec::new()),
            });
        }
    }

    /// `[phrase] "<" [obs-route] addr-spec ">"`.
    fn angle(&mut self, words: Words) {
        self.at += 1;
        let mut local = Words::default();
        let mut host = None;
        loop {
            match self.text.get(self.at) {
                None => break,
                Some(b'>') => {
                    self.at += 1;
                    break;
                }
                Some(b'@') => {
                    self.at += 1;
                    host = Some(self.domain());
                }
                // `@a,@b:` is the obsolete route.
                Some(b',') => self.at += 1,
                Some(b':') => {
                    self.at += 1;
                    host = None;
                    local = Words::default();
                }
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'(') => drop(self.comment()),
                Some(b'"') => {
                    let word = self.quoted();
                    local.push(&word);
                }
                Some(b'<' | b';') => self.at += 1,
                Some(_) => {
                    let word = self.atom();
                    local.push(word);
                }
            }
        }
        let comment = self.skip_to_comma();
        self.push(MailAddress {
            name: match words.any {
                true => Some(words.phrase),
                false => words.comment.or(comment),
            },
            mailbox: Some(local.joined),
            host: Some(host.unwrap_or_default()),
        });
    }

    /// `local "@" domain`, at the `@`; `start`: where its words began.
    fn addr_spec(&mut self, words: Words, start: usize) {
        self.at += 1;
        let host = self.domain();
        let mut comment = words.comment;
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'(') => comment = Some(self.comment()),
                // `joe@example.org <joe@example.org>`: it was a name.
                Some(b'<') => {
                    let mut name = Words::default();
                    name.push(self.text[start..self.at].trim_ascii());
                    return self.angle(name);
                }
                _ => break,
            }
        }
        let comment = self.skip_to_comma().or(comment);
        self.push(MailAddress {
            name: comment,
            mailbox: Some(words.joined),
            host: Some(host),
        });
    }

    /// Skips what should not be there, up to and with a comma; stays before a `;` that ends a group.
    /// The last comment on the way.
    fn skip_to_comma(&mut self) -> Option<Vec<u8>> {
        let mut comment = None;
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b',' => {
                    self.at += 1;
                    break;
                }
                b';' if self.in_group => break,
                b';' => {
                    self.at += 1;
                    break;
                }
                b'(' => comment = Some(self.comment()),
                b'"' => drop(self.quoted()),
                _ => self.at += 1,
            }
        }
        comment
    }

    fn push(&mut self, address: MailAddress) {
        if self.limit > 0 {
            self.limit -= 1;
            self.out.push(address);
        }
    }

    /// A group that was begun is always ended, beyond the limit if need be.
    fn end_group(&mut self) {
        self.in_group = false;
        self.out.push(MailAddress::default());
    }

    /// Everything up to a special character or white space; at least one byte.
    fn atom(&mut self) -> &[u8] {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            if matches!(
                byte,
                b' ' | b'\t'
                    | b'\r'
                    | b'\n'
                    | b'('
                    | b'"'
                    | b','
                    | b';'
                    | b':'
                    | b'<'
                    | b'>'
                    | b'@'
            ) {
                break;
            }
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// A quoted string without its quotes, at the first of them.
    fn quoted(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut out = Vec::new();
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    if let Some(&escaped) = self.text.get(self.at) {
                        self.at += 1;
                        out.push(escaped);
                    }
                }
                byte => out.push(byte),
            }
        }
        out
    }

    /// A comment without its parentheses, at the first of them; those inside it stay.
    fn comment(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut out = Vec::new();
        let mut depth = 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    if let Some(&escaped) = self.text.get(self.at) {
                        self.at += 1;
                        out.push(escaped);
                    }
                    continue;
                }
                _ => {}
            }
            out.push(byte);
        }
        out.trim_ascii().to_vec()
    }

    /// `dot-atom / domain-literal`, comments and white space taken out.
    fn domain(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut literal = false;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'[' => literal = true,
                b']' => literal = false,
                b' ' | b'\t' | b'\r' | b'\n' if literal => {
                    self.at += 1;
                    continue;
                }
                b' ' | b'\t' | b'\r' | b'\n' | b'(' if !literal => {
                    // Only a dot at either side makes what follows part of the domain; a comment that
                    // is left may be the name of its owner.
                    let before = self.at;
                    let goes_on = out.is_empty() || out.ends_with(b".");
                    self.skip_white();
                    if goes_on || self.text.get(self.at) == Some(&b'.') {
                        continue;
                    }
                    self.at = before;
                    break;
                }
                b',' | b';' | b':' | b'<' | b'>' | b'"' | b'@' if !literal => break,
                _ => {}
            }
            out.push(byte);
            self.at += 1;
        }
        out
    }

    /// White space and comments.
    fn skip_white(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'(' => drop(self.comment()),
                _ => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `name|mailbox|host`, with `-` for none.
    fn list(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        parse_list(text.as_bytes(), 100, &mut out);
        let show = |field: &Option<Vec<u8>>| match field {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => "-".to_owned(),
        };
        out.iter()
            .map(|a| format!("{}|{}|{}", show(&a.name), show(&a.mailbox), show(&a.host)))
            .collect()
    }

    #[test]
    fn mailboxes() {
        assert_eq!(list("joe@example.org"), ["-|joe|example.org"]);
        assert_eq!(list("Joe Q. Public <joe@x.y>"), ["Joe Q. Public|joe|x.y"]);
        assert_eq!(list("\"Joe \\\"Q\\\"\" <joe@x.y>"), ["Joe \"Q\"|joe|x.y"]);
        assert_eq!(list("\"joe public\"@x.y"), ["-|joe public|x.y"]);
        assert_eq!(
            list("joe@x.y (Joe (the) Public)"),
            ["Joe (the) Public|joe|x.y"]
        );
        assert_eq!(list("joe@x.y(Joe)"), ["Joe|joe|x.y"]);
        assert_eq!(list("a@b, c@d ,, <e@f>"), ["-|a|b", "-|c|d", "-|e|f"]);
        assert_eq!(list("joe@[IPv6:::1]"), ["-|joe|[IPv6:::1]"]);
        assert_eq!(
            list("=?utf-8?q?J=C3=B6?= =?utf-8?q?rg?= <j@x>"),
            ["=?utf-8?q?J=C3=B6?= =?utf-8?q?rg?=|j|x"]
        );
    }

    #[test]
    fn obsolete_forms() {
        assert_eq!(list("Joe <@a,@b:joe@x.y>"), ["Joe|joe|x.y"]);
        assert_eq!(list("joe . q (c) @ x (d) . y"), ["c|joe.q|x.y"]);
        assert_eq!(list("<>"), ["-||"]);
    }

    #[test]
    fn groups() {
        assert_eq!(
            list("A Group:Ed Jones <joe@where.test>,john@one.test;, z@y"),
            [
                "-|A Group|-",
                "Ed Jones|joe|where.test",
                "-|john|one.test",
                "-|-|-",
                "-|z|y"
            ]
        );
        assert_eq!(
            list("Undisclosed recipients:;"),
            ["-|Undisclosed recipients|-", "-|-|-"]
        );
        assert_eq!(list("g: a@b"), ["-|g|-", "-|a|b", "-|-|-"]);
    }

    #[test]
    fn what_nobody_quoted() {
        assert_eq!(list("joe@x.y <joe@x.y>"), ["joe@x.y|joe|x.y"]);
        assert_eq!(list("root"), ["-|root|"]);
        assert_eq!(list("Joe Public <joe@x.y"), ["Joe Public|joe|x.y"]);
        assert_eq!(list("a@b c@d, e@f"), ["-|a|b", "-|e|f"]);
        assert_eq!(list(""), [""; 0]);
        assert_eq!(list("\"open"), ["-|open|"]);
    }

    #[test]
    fn many_are_cut() {
        let mut out = Vec::new();
        parse_list("a@b,".repeat(1_000).as_bytes(), 10, &mut out);
        assert_eq!(out.len(), 10);
    }

    proptest! {
        #[test]
        fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            parse_list(&text, 10, &mut Vec::new());
        }

        #[test]
        fn any_specials(text in "[a.@,;:<>()\"\\\\ \\[\\]]{0,60}") {
            parse_list(text.as_bytes(), 10, &mut Vec::new());
        }
    }
}
