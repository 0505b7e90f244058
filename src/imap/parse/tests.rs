//! Commands as people write them.

mod round_trip;

use super::*;
use crate::imap::command::{FetchItem, SearchKey, Section, SectionText, StatusItem};
use crate::imap::compose;
use crate::imap::sequence::{SeqNumber, SequenceSet};
use crate::mailbox::SystemFlag;

fn parse(text: &str) -> CommandBody {
    let line = format!("a1 {text}\r\n");
    match command(line.as_bytes()) {
        Ok(Command { tag, body }) => {
            assert_eq!(tag, "a1");
            body
        }
        Err(e) => panic!("{text:?}: {e}"),
    }
}

/// How a command is refused.
fn refuse(text: &str) -> (Answer, &'static str) {
    let line = format!("a1 {text}\r\n");
    match command(line.as_bytes()) {
        Ok(command) => panic!("{text:?} is {command:?}"),
        Err(e) => {
            assert_eq!(e.tag.as_deref(), Some("a1"));
            (e.answer, e.text)
        }
    }
}

fn set(ranges: &[(u32, u32)]) -> SequenceSet {
    let number = |n: u32| match n {
        u32::MAX => SeqNumber::Last,
        n => SeqNumber::Number(n),
    };
    SequenceSet::Ranges(
        ranges
            .iter()
            .map(|(a, b)| (number(*a), number(*b)))
            .collect(),
    )
}

/// Commands of RFC 9051, RFC 3501, RFC 7162 and RFC 5258, and what clients send: each is written again
/// and taken apart again.
#[test]
fn transcripts() {
    for line in include_str!("tests/commands.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.replace("\\r\\n", "\r\n") + "\r\n";
        let parsed = match command(line.as_bytes()) {
            Ok(parsed) => parsed,
            Err(e) => panic!("{line:?}: {e}"),
        };
        let mut written = Vec::new();
        compose::command(&parsed, &mut written);
        assert_eq!(command(&written), Ok(parsed), "{}", written.escape_ascii());
    }
}

#[test]
fn strings_come_in_three_forms() {
    let login = |user: &str, password: &str| CommandBody::Login {
        user: user.as_bytes().to_vec(),
        password: password.as_bytes().to_vec(),
    };
    assert_eq!(parse("LOGIN joe pass]word"), login("joe", "pass]word"));
    assert_eq!(parse("login \"a \\\"b\" \"\\\\\""), login("a \"b", "\\"));
    assert_eq!(parse("LOGIN {5}\r\na\r\n b {0+}\r\n"), login("a\r\n b", ""));
    assert_eq!(parse("LOGIN a \"\u{e9}\""), login("a", "\u{e9}"));
    for bad in [
        "LOGIN",
        "LOGIN ",
        "LOGIN a",
        "LOGIN a ",
        "LOGIN a b c",
        "LOGIN a \"b",
        "LOGIN a \"\\b\"",
        "LOGIN a  b",
        "LOGIN a (b)",
        "LOGIN a b\u{e9}",
        "LOGIN a {4}\r\nbb",
        "LOGIN a {x}\r\nb",
        "LOGIN a {1}b",
        "LOGIN a ~{1}\r\nb",
        "LOGIN a \"b\"c",
        "LOGIN a \"b\rc\"",
    ] {
        assert_eq!(refuse(bad).0, Answer::Bad, "{bad:?}");
    }
    assert!(!format!("{:?}", parse("LOGIN joe secret")).contains("secret"));
    assert!(!format!("{:?}", parse("AUTHENTICATE PLAIN c2VjcmV0")).contains("c2Vj"));
}

#[test]
fn tags_are_kept_for_the_answer() {
    let tag = |line: &str| command(line.as_bytes()).unwrap_err().tag;
    assert_eq!(tag("x.1 NONSENSE\r\n").as_deref(), Some("x.1"));
    assert_eq!(tag("x\r\n").as_deref(), Some("x"));
    for line in ["\r\n", " NOOP\r\n", "+ NOOP\r\n", "\"a\" NOOP\r\n"] {
        assert_eq!(tag(line), None, "{line:?}");
    }
    assert_eq!(refuse("XYZZY").0, Answer::Unknown);
    assert_eq!(refuse("UID NOOP").0, Answer::Unknown);
    assert_eq!(refuse("NOOP x").0, Answer::Bad);
    assert_eq!(parse("noop  "), CommandBody::Noop);
    assert_eq!(command(b"a NOOP\n").unwrap().body, CommandBody::Noop);
    assert_eq!(command(b"a NOOP").unwrap().body, CommandBody::Noop);
}

#[test]
fn sets() {
    let fetch = |text: &str| match parse(&format!("FETCH {text} UID")) {
        CommandBody::Fetch { set, .. } => set,
        other => panic!("{other:?}"),
    };
    let last = u32::MAX;
    assert_eq!(fetch("1"), set(&[(1, 1)]));
    assert_eq!(fetch("*:4,5:7,*"), set(&[(last, 4), (5, 7), (last, last)]));
    assert_eq!(fetch("$"), SequenceSet::Saved);
    assert_eq!(
        fetch("4294967295"),
        SequenceSet::Ranges(vec![(SeqNumber::Number(last), SeqNumber::Number(last))])
    );
    for bad in [
        "0",
        "1,",
        ",1",
        "1:",
        "1:2:3",
        "4294967296",
        "-1",
        "1:$",
        "a",
    ] {
        refuse(&format!("FETCH {bad} UID"));
    }
}

#[test]
fn fetch_items() {
    let items = |text: &str| match parse(&format!("FETCH 1 {text}")) {
        CommandBody::Fetch { items, .. } => items,
        other => panic!("{other:?}"),
    };
    assert_eq!(items("fast").len(), 3);
    assert_eq!(items("ALL").last(), Some(&FetchItem::Envelope));
    assert_eq!(items("FULL").last(), Some(&FetchItem::BodyStructureShort));
    let body = |part: &[u32], text, partial, peek| FetchItem::Body {
        section: Section {
            part: part.to_vec(),
            text,
        },
        partial,
        peek,
    };
    assert_eq!(items("BODY[]"), [body(&[], None, None, false)]);
    assert_eq!(
        items("BODY.PEEK[]<0.100>"),
        [body(&[], None, Some((0, 100)), true)]
    );
    assert_eq!(
        items("(BODY[1.2.HEADER] UID)")[0],
        body(&[1, 2], Some(SectionText::Header), None, false)
    );
    assert_eq!(
        items("body[header.fields (From \"To\")]"),
        [body(
            &[],
            Some(SectionText::HeaderFields(vec![
                b"From".to_vec(),
                b"To".to_vec()
            ])),
            None,
            false
        )]
    );
    assert_eq!(
        items("BODY[3.MIME]"),
        [body(&[3], Some(SectionText::Mime), None, false)]
    );
    for bad in [
        "BODY[",
        "BODY[MIME]",
        "BODY[1.]",
        "BODY[0]",
        "BODY[1..2]",
        "BODY[HEADER.FIELDS ()]",
        "BODY[HEADER.FIELDS]",
        "BODY[]<0.0>",
        "BODY[]<1>",
        "BODY.PEEK",
        "BINARY[1.MIME]",
        "BINARY",
        "()",
        "(ALL)",
        "(UID",
        "UID FLAGS",
        "X",
        "BODYSTRUCTURE[1]",
        "FLAGS (CHANGEDSINCE)",
        "FLAGS (X 1)",
    ] {
        refuse(&format!("FETCH 1 {bad}"));
    }
    let many = "BODY[1] ".repeat(1_000);
    refuse(&format!("FETCH 1 ({})", many.trim_end()));
    let deep = ".1".repeat(1_000);
    refuse(&format!("FETCH 1 BODY[1{deep}]"));
}

#[test]
fn search_keys() {
    let search = |text: &str| match parse(&format!("SEARCH {text}")) {
        CommandBody::Search(search) => search,
        other => panic!("{other:?}"),
    };
    let keys = |text: &str| search(text).keys;
    assert_eq!(
        keys("1:2 UNSEEN"),
        [
            SearchKey::Sequence(set(&[(1, 2)])),
            SearchKey::Flag(SystemFlag::Seen, false)
        ]
    );
    assert_eq!(
        keys("OR NOT (ALL) TEXT {3}\r\na b"),
        [SearchKey::Or(
            Box::new(SearchKey::Not(Box::new(SearchKey::And(vec![
                SearchKey::All
            ])))),
            Box::new(SearchKey::Text(b"a b".to_vec()))
        )]
    );
    assert_eq!(keys("SINCE 1-Feb-1994"), [SearchKey::Since(8_797)]);
    assert_eq!(keys("ON \"01-jan-1970\""), [SearchKey::On(0)]);
    assert_eq!(
        keys("MODSEQ \"/flags/\\\\draft\" all 620162338"),
        [SearchKey::ModSeq(620_162_338)]
    );
    assert_eq!(keys("$"), [SearchKey::Sequence(SequenceSet::Saved)]);
    assert_eq!(
        search("RETURN () CHARSET utf-8 ALL").charset.as_deref(),
        Some("UTF-8")
    );
    assert!(search("RETURN () ALL").options.unwrap().all);
    for bad in [
        "",
        " ",
        "NOT",
        "OR ALL",
        "()",
        "(ALL",
        "FROM",
        "SINCE 31-Feb-1994",
        "SINCE 1-Foo-1994",
        "SINCE \"1-Feb-1994",
        "SINCE 001-Feb-1994",
        "LARGER",
        "LARGER -1",
        "HEADER a",
        "KEYWORD \\Seen",
        "RETURN (X) ALL",
        "RETURN (ALL)",
        "CHARSET UTF-8",
        "XYZ",
        "ALL ALLX",
        "LARGER 99999999999999999999",
    ] {
        refuse(&format!("SEARCH {bad}"));
    }
    let deep = |depth: usize| format!("SEARCH {}ALL{}", "(".repeat(depth), ")".repeat(depth));
    parse(&deep(50));
    refuse(&deep(51));
    refuse(&deep(20_000));
    refuse(&format!("SEARCH {}ALL", "NOT ".repeat(20_000)));
    refuse(&format!("SEARCH {}ALL", "OR ALL ".repeat(20_000)));
}

#[test]
fn append() {
    let text = "APPEND saved-messages (\\Seen \\Recent x) \" 7-Feb-1994 21:52:25 -0800\" {310}";
    let CommandBody::Append {
        mailbox,
        flags,
        date,
        size,
        binary,
        utf8,
    } = parse(text)
    else {
        panic!("no append");
    };
    assert_eq!(mailbox.0, b"saved-messages");
    assert_eq!(flags.to_string(), "\\Seen x");
    assert_eq!(date, Some((760_686_745, -480)));
    assert_eq!((size, binary, utf8), (310, false, false));
    for good in [
        "APPEND a {1+}",
        "APPEND {1}\r\na () {1}",
        "APPEND a ~{1}",
        "APPEND a UTF8 (~{1+}",
    ] {
        parse(good);
    }
    for bad in [
        "APPEND",
        "APPEND a",
        "APPEND a (\\X) {1}",
        "APPEND a UTF8 ({1}",
        "APPEND a UTF8 ~{1}",
        "APPEND a {1} x",
        "APPEND a \"32-Feb-1994 21:52:25 -0800\" {1}",
        "APPEND a \"1-Feb-1994 21:52:25 -0800\" {1}",
        "APPEND a \"01-Feb-1994 24:52:25 -0800\" {1}",
        "APPEND a \"01-Feb-1994 21:52:25 0800\" {1}",
    ] {
        assert_eq!(refuse(bad).0, Answer::Bad, "{bad:?}");
    }
    assert_eq!(append_next(b"\r\n", false), Ok(AppendNext::End));
    assert_eq!(append_next(b")\r\n", true), Ok(AppendNext::End));
    assert!(append_next(b"\r\n", true).is_err());
    assert!(append_next(b"x\r\n", false).is_err());
    assert!(matches!(
        append_next(b" (\\Seen) {5+}\r\n", false),
        Ok(AppendNext::Message { size: 5, .. })
    ));
}

#[test]
fn special_uses_that_are_not_kept() {
    assert_eq!(refuse("CREATE x (USE (\\All))").0, Answer::UseAttr);
    assert_eq!(refuse("CREATE x (USE (\\Sent \\Junk))").0, Answer::UseAttr);
    assert_eq!(refuse("CREATE x (USES (\\Sent))").0, Answer::Bad);
}

#[test]
fn lists() {
    let list = |text: &str| match parse(&format!("LIST {text}")) {
        CommandBody::List(list) => list,
        other => panic!("{other:?}"),
    };
    let plain = list("\"\" %");
    assert_eq!(
        (plain.extended, plain.reference, plain.patterns),
        (false, vec![], vec![b"%".to_vec()])
    );
    let extended = list(
        "(SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX a/*) RETURN (CHILDREN STATUS (MESSAGES SIZE))",
    );
    assert!(extended.extended && extended.select_recursive_match && extended.return_children);
    assert_eq!(extended.patterns.len(), 2);
    assert_eq!(
        extended.return_status,
        Some(vec![StatusItem::Messages, StatusItem::Size])
    );
    assert!(list("() \"\" x").extended);
    for bad in [
        "(RECURSIVEMATCH) \"\" *",
        "(X) \"\" *",
        "\"\"",
        "\"\" ()",
        "\"\" * RETURN",
        "\"\" * RETURN (X)",
        "\"\" * X",
        "\"\" * RETURN (STATUS ())",
    ] {
        refuse(&format!("LIST {bad}"));
    }
}
