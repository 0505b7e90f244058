use std::fmt::Write;

use proptest::prelude::*;

use super::*;

fn parse_in(message: &[u8], step: usize, limits: Limits) -> Parsed {
    let mut parser = Parser::new(limits);
    for piece in message.chunks(step) {
        parser.push(piece);
    }
    parser.finish()
}

/// Parses in one piece, and checks that other pieces give the same.
fn parse(message: &str) -> Parsed {
    let bytes = message.as_bytes();
    let whole = parse_in(bytes, bytes.len().max(1), Limits::default());
    for step in [1, 2, 3, 7] {
        assert_eq!(parse_in(bytes, step, Limits::default()), whole);
    }
    whole
}

/// The structure, one part a line: type, lines, body.
fn show(message: &str) -> String {
    let parsed = parse(message);
    let mut out = String::new();
    show_part(message, &parsed.root, 0, &mut out);
    out
}

fn show_part(message: &str, part: &Part, depth: usize, out: &mut String) {
    let body = &message[part.body_start as usize..part.body_end as usize];
    let kind = format!("{}/{}", part.media_type, part.media_subtype);
    let indent = depth * 2;
    write!(out, "{:indent$}{kind} {}", "", part.lines).unwrap();
    match &part.kind {
        PartKind::Leaf => writeln!(out, " {body:?}").unwrap(),
        PartKind::Multipart(parts) => {
            writeln!(out).unwrap();
            for part in parts {
                show_part(message, part, depth + 1, out);
            }
        }
        PartKind::Message(inner) => {
            assert_eq!(inner.1.header_start, part.body_start);
            let subject = inner.0.subject.as_deref().map(String::from_utf8_lossy);
            writeln!(out, " {subject:?}").unwrap();
            show_part(message, &inner.1, depth + 1, out);
        }
    }
}

/// Written with LF, meant with CRLF; both must give the same structure.
fn check(message: &str, expected: &str) {
    let crlf = message.replace('\n', "\r\n");
    assert_eq!(show(&crlf).replace("\\r\\n", "\\n"), expected, "CRLF");
    assert_eq!(show(message), expected, "LF");
}

#[test]
fn plain() {
    check("Subject: x\n\nbody\n", "text/plain 1 \"body\\n\"\n");
    check("Subject: x\n\nbody\nmore", "text/plain 2 \"body\\nmore\"\n");
    check("Subject: x\n\n", "text/plain 0 \"\"\n");
    check("Subject: x", "text/plain 0 \"\"\n");
    check("\nbody", "text/plain 1 \"body\"\n");
    check("", "text/plain 0 \"\"\n");
    let parsed = parse("Subject: x\r\n\r\nbody");
    assert_eq!(
        parsed.root.params,
        [("charset".to_owned(), b"us-ascii".to_vec())]
    );
    assert_eq!(
        (
            parsed.root.header_start,
            parsed.root.body_start,
            parsed.root.body_end
        ),
        (0, 14, 18)
    );
}

#[test]
fn multiparts() {
    check(
        "Content-Type: multipart/mixed; boundary=\"b 1\"\n\npreamble\n--b 1 \t\n\none\n--b 1\n\
         Content-Type: text/html\n\n<two>\n\n--b 1--\nepilogue\n--b 1\n\nno part\n",
        "multipart/mixed 14\n  text/plain 1 \"one\"\n  text/html 1 \"<two>\\n\"\n",
    );
    // Empty parts, and parts without the empty line.
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b\nContent-Type: a/b\n--b--\n",
        "multipart/mixed 6\n  text/plain 0 \"\"\n  text/plain 0 \"\"\n  a/b 0 \"\"\n",
    );
    // No closing delimiter; the last line has no end.
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n",
        "multipart/mixed 6\n  text/plain 1 \"one\"\n  text/plain 1 \"two\\n\"\n",
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--",
        "multipart/mixed 4\n  text/plain 1 \"one\"\n",
    );
    // Lines that only look like it.
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bb\n--\n---b\n --b\n-\n--b--\n",
        "multipart/mixed 8\n  text/plain 5 \"--bb\\n--\\n---b\\n --b\\n-\"\n",
    );
    // No parts at all, no boundary.
    check(
        "Content-Type: multipart/mixed; boundary=b\n\nno parts\n",
        "text/plain 1 \"no parts\\n\"\n",
    );
    check(
        "Content-Type: multipart/mixed\n\n--b\n\none\n",
        "text/plain 3 \"--b\\n\\none\\n\"\n",
    );
}

#[test]
fn nested_multiparts() {
    // The inner one is not closed; the outer delimiter ends both. One boundary begins with the other.
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n\
         --bb\n\none\n--bb\n\ntwo\n--b\n\nthree\n--b--\n",
        "multipart/mixed 13\n  multipart/alternative 6\n    text/plain 1 \"one\"\n    text/plain 1 \"two\"\n  \
         text/plain 1 \"three\"\n",
    );
}

#[test]
fn messages_inside() {
    check(
        "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n side\n\ntext\n--b\n\
         Content-Type: text/html\n\nx\n--b\nContent-Type: message/rfc822\n\nSubject: third\n--b--\n",
        "multipart/digest 15\n  message/rfc822 4 Some(\"in side\")\n    text/plain 1 \"text\"\n  text/html 1 \"x\"\n  \
         message/rfc822 1 Some(\"third\")\n    text/plain 0 \"\"\n",
    );
    check(
        "Content-Type: message/rfc822",
        "message/rfc822 0 None\n  text/plain 0 \"\"\n",
    );
}

#[test]
fn envelopes() {
    let parsed = parse(
        "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nFrom: Fred Foobar <foobar@Blurdybloop.example>\r\n\
         Subject: afternoon\r\n\tmeeting\r\nSubject: second\r\nTo: mooch@owatagu.siam.edu.example\r\n\
         To: b@c\r\nCC:\r\nMessage-Id: <B27397-0100000@Blurdybloop.example>\r\nIn-Reply-To:\r\n\
         Content-ID: <x>\r\nContent-Language: en, de\r\nContent-Transfer-Encoding: BASE64\r\n\
         Content-Disposition: INLINE; filename=x\r\n\r\n",
    );
    let text = |field: &Option<Vec<u8>>| {
        field
            .as_deref()
            .map(String::from_utf8_lossy)
            .map(String::from)
    };
    let envelope = &parsed.envelope;
    assert_eq!(
        text(&envelope.date).unwrap(),
        "Mon, 7 Feb 1994 21:52:25 -0800 (PST)"
    );
    assert_eq!(text(&envelope.subject).unwrap(), "afternoon\tmeeting");
    assert_eq!(
        text(&envelope.message_id).unwrap(),
        "<B27397-0100000@Blurdybloop.example>"
    );
    assert_eq!(text(&envelope.in_reply_to).unwrap(), "");
    assert_eq!(text(&envelope.from[0].name).unwrap(), "Fred Foobar");
    assert_eq!(
        (envelope.to.len(), envelope.cc.len(), envelope.sender.len()),
        (2, 0, 0)
    );
    let root = &parsed.root;
    assert_eq!(text(&root.id).unwrap(), "<x>");
    assert_eq!(root.encoding, "base64");
    assert_eq!(root.language, [b"en", b"de"]);
    assert_eq!(root.disposition.as_ref().unwrap().0, "inline");
}

#[test]
fn long_headers_are_cut() {
    let limits = Limits {
        header_bytes: 100,
        ..Limits::default()
    };
    let message = format!("Subject: {}\r\nTo: a@b\r\n\r\nbody", "x".repeat(1_000));
    for step in [1, 50, 5_000] {
        let parsed = parse_in(message.as_bytes(), step, limits.clone());
        assert_eq!(parsed.envelope.subject, Some(b"x".repeat(91)));
        assert_eq!(parsed.envelope.to, []);
        assert_eq!(parsed.root.body_end - parsed.root.body_start, 4);
    }
}

#[test]
fn nesting_is_bounded() {
    let count = |parsed: &Parsed| {
        fn walk(part: &Part, depth: usize) -> (usize, usize) {
            let below: Vec<_> = match &part.kind {
                PartKind::Leaf => vec![],
                PartKind::Multipart(parts) => parts.iter().map(|p| walk(p, depth + 1)).collect(),
                PartKind::Message(inner) => vec![walk(&inner.1, depth + 1)],
            };
            let parts = 1 + below.iter().map(|b| b.0).sum::<usize>();
            (parts, below.iter().map(|b| b.1).max().unwrap_or(depth))
        }
        walk(&parsed.root, 1)
    };
    let parse = |message: &str| parse_in(message.as_bytes(), 64 << 10, Limits::default());

    let rfc822 = "Content-Type: message/rfc822\r\n\r\n".repeat(1_000_000);
    let parsed = parse(&rfc822);
    assert_eq!(count(&parsed), (50, 50));

    let mut multipart = String::new();
    for i in 0..100_000 {
        write!(
            multipart,
            "Content-Type: multipart/x; boundary={i}\n\n--{i}\n"
        )
        .unwrap();
    }
    assert_eq!(count(&parse(&multipart)), (50, 50));

    let many =
        "Content-Type: multipart/mixed; boundary=b\n\n".to_owned() + &"--b\n\nx\n".repeat(100_000);
    let parsed = parse(&many);
    assert_eq!(count(&parsed), (1_000, 2));
    let PartKind::Multipart(parts) = &parsed.root.kind else {
        panic!("{:?}", parsed.root.kind);
    };
    assert_eq!(parts[998].body_end, many.len() as u64);
}

#[test]
fn memory_is_bounded() {
    let size = |parsed: &Parsed| format!("{parsed:?}").len();
    let part = format!("--b\nContent-Type: a/b; x={}\n\n", "x".repeat(200_000));
    let message = "Content-Type: multipart/mixed; boundary=b\n\n".to_owned() + &part.repeat(100);
    let parsed = parse_in(message.as_bytes(), 64 << 10, Limits::default());
    assert!(size(&parsed) < 16 << 20, "{}", size(&parsed));
    let addresses = "To: ".to_owned() + &"a@b,".repeat(60_000) + "\n\n";
    let parsed = parse_in(addresses.as_bytes(), 64 << 10, Limits::default());
    assert_eq!(parsed.envelope.to.len(), 500);
}

/// Pieces that make multiparts likely.
fn messages() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("Content-Type: multipart/mixed; boundary=b\r\n\r\n"),
        Just("Content-Type: multipart/digest; boundary=\"b b\"\n\n"),
        Just("Content-Type: message/rfc822\r\n\r\n"),
        Just("Subject: x\r\n y\r\n"),
        Just("\r\n--b\r\n"),
        Just("\n--b b\n"),
        Just("--b--"),
        Just("\r\n--b b--\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("\r"),
        Just("-"),
        Just("--"),
        Just("text"),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Parts lie inside those around them, one behind the other.
fn check_places(part: &Part, from: u64, to: u64) {
    assert!(from <= part.header_start && part.header_start <= part.body_start);
    assert!(part.body_start <= part.body_end && part.body_end <= to);
    match &part.kind {
        PartKind::Leaf => {}
        PartKind::Multipart(parts) => {
            let mut at = part.body_start;
            for inner in parts {
                check_places(inner, at, part.body_end);
                at = inner.body_end;
            }
        }
        PartKind::Message(inner) => {
            assert_eq!(inner.1.header_start, part.body_start);
            check_places(&inner.1, part.body_start, part.body_end);
            assert_eq!(inner.1.body_end, part.body_end);
        }
    }
}

fn check_lines(message: &[u8], part: &Part) {
    let body = &message[part.body_start as usize..part.body_end as usize];
    let breaks = body.iter().filter(|b| **b == b'\n').count() as u64;
    let open = u64::from(!body.is_empty() && !body.ends_with(b"\n"));
    assert_eq!(part.lines, breaks + open);
    match &part.kind {
        PartKind::Leaf => {}
        PartKind::Multipart(parts) => parts.iter().for_each(|p| check_lines(message, p)),
        PartKind::Message(inner) => check_lines(message, &inner.1),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn pieces_do_not_matter(message in messages(), step in 1usize..30) {
        let bytes = message.as_bytes();
        let whole = parse_in(bytes, bytes.len().max(1), Limits::default());
        check_places(&whole.root, 0, bytes.len() as u64);
        check_lines(bytes, &whole.root);
        prop_assert_eq!(parse_in(bytes, step, Limits::default()), whole);
    }

    #[test]
    fn small_limits_hold(message in messages(), step in 1usize..30) {
        let limits = Limits { depth: 2, parts: 3, header_bytes: 60, addresses: 1, kept_bytes: 300 };
        let bytes = message.as_bytes();
        let whole = parse_in(bytes, bytes.len().max(1), limits.clone());
        check_places(&whole.root, 0, bytes.len() as u64);
        check_lines(bytes, &whole.root);
        prop_assert_eq!(parse_in(bytes, step, limits), whole);
    }

    #[test]
    fn any_bytes(message in proptest::collection::vec(any::<u8>(), 0..400), step in 1usize..30) {
        let whole = parse_in(&message, 1_000, Limits::default());
        prop_assert_eq!(parse_in(&message, step, Limits::default()), whole);
    }
}
