//! FETCH: sections, pieces, decoded parts, and many messages at once.

use super::world::World;

const MIXED: &str = "From: \"A. B.\" <a@example.org>\r\nTo: b@example.org\r\nSubject: two\r\n parts\r\n\
    Date: Mon, 1 Jun 2026 10:00:00 +0200\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n\
    --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\nc\r\n\
    --b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nin\r\n\
    --b\r\nContent-Type: text/x\r\nContent-Transfer-Encoding: x-odd\r\n\r\nodd\r\n--b--\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn sections_are_found() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    client.append("Inbox", "", MIXED).await;
    for (item, shown) in [
        ("BODY.PEEK[1]", "BODY[1] {9}\r\na=3Db=\r\nc"),
        ("BODY.PEEK[1]<1.3>", "BODY[1]<1> {3}\r\n=3D"),
        ("BODY.PEEK[1]<99.3>", "BODY[1]<99> {0}\r\n"),
        (
            "BODY.PEEK[2.MIME]",
            "BODY[2.MIME] {77}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        ),
        (
            "BODY.PEEK[3.HEADER]",
            "BODY[3.HEADER] {18}\r\nSubject: inner\r\n\r\n",
        ),
        ("BODY.PEEK[3.TEXT]", "BODY[3.TEXT] {2}\r\nin"),
        ("BODY.PEEK[3.1]", "BODY[3.1] {2}\r\nin"),
        ("BODY.PEEK[7]", "BODY[7] NIL"),
        ("BODY.PEEK[1.HEADER]", "BODY[1.HEADER] NIL"),
        (
            "BODY.PEEK[HEADER.FIELDS (subject x)]",
            "BODY[HEADER.FIELDS (subject x)] {24}\r\nSubject: two\r\n parts\r\n\r\n",
        ),
        (
            "BODY.PEEK[HEADER.FIELDS (Subject)]<0.7>",
            "BODY[HEADER.FIELDS (Subject)]<0> {7}\r\nSubject",
        ),
        ("BINARY.PEEK[1]", "BINARY[1] {4}\r\na=bc"),
        ("BINARY.PEEK[1]<1.2>", "BINARY[1]<1> {2}\r\n=b"),
        ("BINARY.PEEK[2]", "BINARY[2] ~{3}\r\n\0\u{1}\u{2}"),
        ("BINARY.SIZE[2]", "BINARY.SIZE[2] 3"),
        ("RFC822.SIZE", &format!("RFC822.SIZE {}", MIXED.len())),
    ] {
        assert_eq!(
            client.ok(&format!("FETCH 1 {item}")).await,
            [format!("* 1 FETCH ({shown})")],
            "{item}"
        );
    }
    let lines = client.ok("FETCH 1 (ENVELOPE UID)").await;
    assert!(
        lines[0].contains("\"two parts\" ((\"A. B.\" NIL \"a\" \"example.org\"))"),
        "{lines:?}"
    );
    assert!(lines[0].ends_with(" UID 1)"), "{lines:?}");
    let lines = client.run("FETCH 1 (BINARY.PEEK[4] UID)").await;
    assert_eq!(lines[0], "* 1 FETCH (UID 1)");
    assert!(lines[1].starts_with("NO [UNKNOWN-CTE] "), "{lines:?}");
    client.says("FETCH 1 NONSENSE", "BAD ").await;
    client.says("FETCH 2 FLAGS", "BAD ").await;
    let lines = client.ok("UID FETCH 5:* FLAGS").await;
    assert_eq!(lines, ["* 1 FETCH (UID 1 FLAGS (\\Recent))"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_set_seen_once_and_peeking_does_not() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    for _ in 0..3 {
        client.append("Inbox", "", "a: b\r\n\r\nx").await;
    }
    client.ok("EXAMINE Inbox").await;
    let lines = client.ok("FETCH 1 BODY[TEXT]").await;
    assert_eq!(lines, ["* 1 FETCH (BODY[TEXT] {1}\r\nx)"]);
    client.ok("ENABLE IMAP4rev2").await;
    client.ok("SELECT Inbox").await;
    client.ok("STORE 2 FLAGS.SILENT (\\Seen)").await;
    let before = world
        .account("alice")
        .await
        .view()
        .unwrap()
        .modseq()
        .unwrap();
    assert_eq!(
        client.ok("FETCH 1:3 BODY[TEXT]").await,
        [
            "* 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {1}\r\nx)",
            "* 2 FETCH (BODY[TEXT] {1}\r\nx)",
            "* 3 FETCH (FLAGS (\\Seen) BODY[TEXT] {1}\r\nx)",
        ]
    );
    let after = world
        .account("alice")
        .await
        .view()
        .unwrap()
        .modseq()
        .unwrap();
    assert_eq!(after, before + 1, "one change for all");
    assert!(client.ok("NOOP").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_come_whole_and_in_order() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    let mut append = "APPEND Inbox".to_owned();
    for n in 0..900 {
        let message = format!("Subject: {n}\r\n\r\n{}", "line\r\n".repeat(n % 40 * 20));
        append += &format!(" {{{}+}}\r\n{message}", message.len());
    }
    client.says(&append, "OK [APPENDUID ").await;
    client.ok("SELECT Inbox").await;
    let lines = client
        .ok("FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE BODY.PEEK[TEXT])")
        .await;
    assert_eq!(lines.len(), 900);
    for (n, line) in lines.iter().enumerate() {
        let body = "line\r\n".repeat(n % 40 * 20);
        assert!(
            line.starts_with(&format!("* {} FETCH (FLAGS (\\Recent) RFC822.SIZE ", n + 1)),
            "{line}"
        );
        assert!(
            line.contains(&format!(" ENVELOPE (NIL \"{n}\" NIL ")),
            "{line}"
        );
        assert!(
            line.ends_with(&format!(" BODY[TEXT] {{{}}}\r\n{body})", body.len())),
            "{line}"
        );
    }
}
