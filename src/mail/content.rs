//! Content-Type, Content-Disposition and their parameters (RFC 2045 §5.1, RFC 2183, RFC 2231).

/// A parameter: its name in lower case, and its value.
pub type Param = (String, Vec<u8>);

/// `type "/" subtype *(";" parameter)`: type and subtype in lower case, parameters with RFC 2231
/// continuations joined. None if there is no such thing (RFC 2045 §5.2 then says text/plain).
pub fn parse_type(value: &[u8]) -> Option<(String, String, Vec<Param>)> {
    let mut scan = Scan { text: value, at: 0 };
    let media_type = scan.token()?;
    scan.skip_white();
    if scan.peek() != Some(b'/') {
        return None;
    }
    scan.at += 1;
    let subtype = scan.token()?;
    Some((lower(media_type), lower(subtype), scan.params()))
}

/// `value *(";" parameter)`: the value in lower case, as Content-Disposition has it.
pub fn parse_disposition(value: &[u8]) -> Option<(String, Vec<Param>)> {
    let mut scan = Scan { text: value, at: 0 };
    let value = lower(scan.token()?);
    Some((value, scan.params()))
}

/// One token in lower case, as Content-Transfer-Encoding has it.
pub fn parse_token(value: &[u8]) -> Option<String> {
    Scan { text: value, at: 0 }.token().map(lower)
}

/// Tags divided by commas, as Content-Language has them.
pub fn parse_tags(value: &[u8]) -> Vec<Vec<u8>> {
    let mut scan = Scan { text: value, at: 0 };
    let mut tags = Vec::new();
    while tags.len() < MAX_PARAMS {
        if let Some(tag) = scan.token() {
            tags.push(tag.to_vec());
        } else if scan.at < scan.text.len() {
            scan.at += 1;
        } else {
            break;
        }
    }
    tags
}

/// The value of a parameter, looked up by its lower-case name.
pub fn param<'a>(params: &'a [Param], name: &str) -> Option<&'a [u8]> {
    params
        .iter()
        .find(|(have, _)| have == name)
        .map(|(_, value)| value.as_slice())
}

/// Parameters of one field that are looked at.
const MAX_PARAMS: usize = 128;

fn lower(token: &[u8]) -> String {
    String::from_utf8_lossy(token).to_ascii_lowercase()
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// White space and comments (RFC 822 allows them anywhere between tokens).
    fn skip_white(&mut self) {
        let mut depth = 0u32;
        while let Some(byte) = self.peek() {
            match byte {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b'\\' if depth > 0 => self.at += 1,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ if depth > 0 => {}
                _ => break,
            }
            self.at += 1;
        }
    }

    /// `token` (RFC 2045 §5.1), generously: anything up to white space or a special character.
    fn token(&mut self) -> Option<&'a [u8]> {
        self.skip_white();
        let start = self.at;
        while let Some(byte) = self.peek() {
            if byte <= b' ' || byte == 0x7f || b"()<>@,;:\\\"/[]?=".contains(&byte) {
                break;
            }
            self.at += 1;
        }
        (self.at > start).then(|| &self.text[start..self.at])
    }

    /// A quoted string, or whatever stands there up to white space or a semicolon.
    fn value(&mut self) -> Vec<u8> {
        self.skip_white();
        let mut out = Vec::new();
        if self.peek() == Some(b'"') {
            self.at += 1;
            while let Some(byte) = self.peek() {
                self.at += 1;
                match byte {
                    b'"' => break,
                    b'\\' => {
                        out.extend(self.peek());
                        self.at += 1;
                    }
                    byte => out.push(byte),
                }
            }
            return out;
        }
        while let Some(byte) = self.peek() {
            if byte <= b' ' || byte == b';' {
                break;
            }
            out.push(byte);
            self.at += 1;
        }
        out
    }

    fn params(&mut self) -> Vec<Param> {
        let mut pieces: Vec<Piece> = Vec::new();
        while pieces.len() < MAX_PARAMS {
            // To behind the next semicolon; what is in between is nothing we know.
            loop {
                match self.peek() {
                    None => return join(pieces),
                    Some(b';') => break,
                    Some(b'(') => self.skip_white(),
                    Some(b'"') => drop(self.value()),
                    Some(_) => self.at += 1,
                }
            }
            self.at += 1;
            let Some(name) = self.token() else { continue };
            self.skip_white();
            if self.peek() != Some(b'=') {
                continue;
            }
            self.at += 1;
            let value = self.value();
            pieces.push(Piece::new(name, value));
        }
        join(pieces)
    }
}

/// One parameter as written: `name`, `name*`, `name*0`, `name*0*`.
struct Piece {
    name: String,
    section: Option<u32>,
    extended: bool,
    value: Vec<u8>,
}

impl Piece {
    fn new(name: &[u8], value: Vec<u8>) -> Piece {
        let full = lower(name);
        let (rest, extended) = match full.strip_suffix('*') {
            Some(rest) => (rest, true),
            None => (full.as_str(), false),
        };
        let (name, section) = match rest.rsplit_once('*') {
            Some((name, digits)) => match digits.parse::<u32>() {
                Ok(section) if !name.is_empty() => (name, Some(section)),
                _ => (rest, None),
            },
            None => (rest, None),
        };
        Piece {
            name: name.to_owned(),
            section,
            extended,
            value,
        }
    }
}

/// Joins continuations (RFC 2231 §3). If any of the pieces is in a character set (§4), the whole is
/// named `name*` and stays percent-encoded; so is a single `name*`.
fn join(mut pieces: Vec<Piece>) -> Vec<Param> {
    let mut params: Vec<Param> = Vec::with_capacity(pieces.len());
    for i in 0..pieces.len() {
        let name = std::mem::take(&mut pieces[i].name);
        match pieces[i].section {
            None => {
                let value = std::mem::take(&mut pieces[i].value);
                let key = if pieces[i].extended { name + "*" } else { name };
                params.push((key, value));
            }
            Some(0) => {
                // Sections from 0 without a gap; those behind a gap or before the first are lost.
                let mut found = vec![i];
                while let Some(next) = pieces
                    .iter()
                    .position(|p| p.name == name && p.section == Some(found.len() as u32))
                {
                    found.push(next);
                }
                let extended = found.iter().any(|at| pieces[*at].extended);
                let mut value = Vec::new();
                if extended && !pieces[i].extended {
                    value.extend_from_slice(b"''");
                }
                for at in found {
                    if extended && !pieces[at].extended {
                        percent_encode(&pieces[at].value, &mut value);
                    } else {
                        value.extend_from_slice(&pieces[at].value);
                    }
                }
                params.push((if extended { name + "*" } else { name }, value));
            }
            Some(_) => pieces[i].name = name,
        }
    }
    params
}

fn percent_encode(value: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in value {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(value: &str) -> Option<String> {
        let (a, b, params) = parse_type(value.as_bytes())?;
        let mut out = format!("{a}/{b}");
        for (name, value) in params {
            out += &format!(" {name}={}", String::from_utf8_lossy(&value));
        }
        Some(out)
    }

    #[test]
    fn types() {
        assert_eq!(show("text/plain").unwrap(), "text/plain");
        assert_eq!(
            show("TEXT / HTML (x) ; Charset = \"utf-8\" (y); format=flowed").unwrap(),
            "text/html charset=utf-8 format=flowed"
        );
        assert_eq!(
            show("multipart/mixed; boundary=\"a \\\"b\"; x").unwrap(),
            "multipart/mixed boundary=a \"b"
        );
        assert_eq!(
            show("a/b; name=some thing; c=[d]/e").unwrap(),
            "a/b name=some c=[d]/e"
        );
        assert_eq!(show("a/b;;; =x; y=").unwrap(), "a/b y=");
        for bad in ["", "text", "/plain", "text/", ";x=y"] {
            assert_eq!(show(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn continuations() {
        assert_eq!(
            show("a/b; u*1=\"://y\"; u*0=http; z=1").unwrap(),
            "a/b u=http://y z=1"
        );
        assert_eq!(
            show("a/b; t*0*=us-ascii'en'This%20is; t*1*=%20more; t*2=\" fun!\"").unwrap(),
            "a/b t*=us-ascii'en'This%20is%20more%20fun!"
        );
        assert_eq!(
            show("a/b; t*=utf-8''%C3%A4").unwrap(),
            "a/b t*=utf-8''%C3%A4"
        );
        assert_eq!(show("a/b; t*1=x; t*0=y; t*3=z").unwrap(), "a/b t=yx");
    }

    #[test]
    fn other_values() {
        let (value, params) = parse_disposition(b"Attachment; filename=\"x y.txt\"").unwrap();
        assert_eq!((value.as_str(), params.len()), ("attachment", 1));
        assert_eq!(param(&params, "filename"), Some(&b"x y.txt"[..]));
        assert_eq!(parse_token(b" (c) Base64 "), Some("base64".to_owned()));
        assert_eq!(parse_tags(b"en, de (x),, fr"), [b"en", b"de", b"fr"]);
    }

    proptest! {
        #[test]
        fn any_bytes(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            parse_type(&value);
            parse_disposition(&value);
            parse_tags(&value);
        }

        #[test]
        fn any_params(value in "a/b(; ?[at*012]{1,4}=?[\"\\\\(a=]{0,4}){0,8}") {
            parse_type(value.as_bytes());
        }
    }
}
