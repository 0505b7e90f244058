//! What comes in is what goes out, byte for byte, below the headers that the server puts on top.

use super::run;
use super::server;
use super::support::client::Client;
use super::support::instance::{Instance, Service};
use super::support::reader::{Reader, USER};

/// Messages that something on the way might be tempted to mend.
fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let header = "From: a@example.org\r\nTo: mox@localhost\r\nSubject: bytes\r\n\r\n";
    let with = |body: &[u8]| [header.as_bytes(), body].concat();
    let longest = [vec![b'x'; 998], b"\r\n".to_vec()].concat();
    let large: Vec<u8> = (0..90_000)
        .flat_map(|n: u32| {
            format!(
                "line {n} of a large message, {:08x}\r\n",
                n.wrapping_mul(2_654_435_761)
            )
            .into_bytes()
        })
        .collect();
    vec![
        ("plain", with(b"text\r\n")),
        ("empty body", header.as_bytes().to_vec()),
        ("no header", b"\r\nonly a body\r\n".to_vec()),
        ("body at once", b"no header, no empty line\r\n".to_vec()),
        ("8-bit", with("grüße, 日本\r\n".as_bytes())),
        ("not UTF-8", with(b"\xff\xfe\x80 latin \xe9\r\n")),
        (
            "dots",
            with(b".\r\n..\r\n...\r\n.x\r\nx.\r\n. \r\n\r\n.\r\n"),
        ),
        ("lines of 998 bytes", with(&longest.repeat(3))),
        ("white space", with(b"  \r\n\t\r\nend \r\n\r\n\r\n")),
        ("From line", with(b"From the beginning\r\n>From\r\n")),
        ("controls", with(b"a\x01\x07\x0b\x0c\x1b\x7fb\r\n")),
        (
            "header as written",
            [
                b"subject:x\r\nX-Odd :  y\r\nFolded: a\r\n\tb\r\n c\r\n\r\n".as_slice(),
                b"z\r\n",
            ]
            .concat(),
        ),
        ("4 MB", with(&large)),
    ]
}

/// Delivers on port 25; the test fails unless it is accepted.
#[track_caller]
fn deliver(client: &mut Client, message: &[u8]) {
    client.smtp("MAIL FROM:<a@example.org> BODY=8BITMIME", "250");
    client.smtp(&format!("RCPT TO:<{USER}>"), "250");
    client.smtp("DATA", "354");
    let mut data = Vec::new();
    for line in message.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            data.push(b'.');
        }
        data.extend_from_slice(line);
    }
    data.extend_from_slice(b".\r\n");
    client.send(&data).unwrap();
    client.expect_reply("250");
}

/// The server's own headers: whole header fields, the first of them Return-Path.
#[track_caller]
fn check_trace(what: &str, stored: &[u8], original: &[u8]) {
    let Some(top) = stored.strip_suffix(original) else {
        panic!(
            "{what}: stored otherwise than it came: {}",
            stored.escape_ascii()
        );
    };
    let top = std::str::from_utf8(top).unwrap();
    assert!(
        top.starts_with("Return-Path: <a@example.org>\r\n"),
        "{what}: {top}"
    );
    assert!(top.contains("\r\nReceived: from "), "{what}: {top}");
    assert!(
        top.ends_with("\r\n") && !top.contains("\r\n\r\n"),
        "{what}: {top}"
    );
}

#[test]
fn bytes_are_kept() {
    let instance = server();
    let mut client = instance.connect(Service::Smtp);
    client.expect_reply("220");
    client.smtp("EHLO client.example.org", "250");
    for (_, message) in messages() {
        deliver(&mut client, &message);
    }
    client.smtp("QUIT", "221");
    let mut reader = Reader::inbox(&instance);
    for (number, (what, original)) in (1..).zip(messages()) {
        check_trace(what, &reader.message(number), &original);
    }
}

#[test]
fn bdat_keeps_bytes() {
    let instance = server();
    let mut client = instance.connect(Service::Smtp);
    client.expect_reply("220");
    let extensions = client.smtp("EHLO client.example.org", "250");
    assert!(
        extensions.iter().any(|e| e.ends_with("CHUNKING")),
        "{extensions:?}"
    );
    for (_, message) in messages() {
        client.smtp("MAIL FROM:<a@example.org> BODY=8BITMIME", "250");
        client.smtp(&format!("RCPT TO:<{USER}>"), "250");
        let (first, second) = message.split_at(message.len() / 3);
        client
            .send(&[format!("BDAT {}\r\n", first.len()).as_bytes(), first].concat())
            .unwrap();
        client.expect_reply("250");
        let last = format!("BDAT {} LAST\r\n", second.len());
        client.send(&[last.as_bytes(), second].concat()).unwrap();
        client.expect_reply("250");
    }
    let mut reader = Reader::inbox(&instance);
    for (number, (what, original)) in (1..).zip(messages()) {
        check_trace(what, &reader.message(number), &original);
    }
}

/// The bytes over IMAP are what another program reads, too.
#[test]
fn curl_reads_the_same_bytes() {
    let instance: Instance = server();
    let mut client = instance.connect(Service::Smtp);
    client.expect_reply("220");
    client.smtp("EHLO client.example.org", "250");
    for (_, message) in messages() {
        deliver(&mut client, &message);
    }
    let mut reader = Reader::inbox(&instance);
    for (uid, (what, original)) in (1..).zip(messages()) {
        let url = format!(
            "imaps://{}/INBOX;UID={uid}",
            instance.address(Service::Imaps)
        );
        let mut curl = instance.program("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--insecure",
            "--user",
            "mox@localhost:moxmoxmox",
        ]);
        run(curl.args(["--output", "read", "--url", &url]));
        let read = std::fs::read(instance.root().join("read")).unwrap();
        check_trace(what, &read, &original);
        assert!(read == reader.message(uid), "{what}");
    }
}

/// What a client appends is kept with nothing added at all.
#[test]
fn append_keeps_bytes() {
    let instance = server();
    let mut client = instance.connect(Service::Imaps);
    client.hear();
    client.imap("1 LOGIN mox@localhost moxmoxmox");
    for (_, message) in messages() {
        client.say(&format!("2 APPEND Inbox {{{}}}", message.len()));
        let go = client.hear();
        assert!(go.starts_with('+'), "{go}");
        client
            .send(&[&message, b"\r\n".as_slice()].concat())
            .unwrap();
        let done = client.until_tag("2");
        assert!(
            done.last().unwrap().starts_with("2 OK [APPENDUID "),
            "{done:?}"
        );
    }
    let mut reader = Reader::inbox(&instance);
    for (number, (what, original)) in (1..).zip(messages()) {
        let stored = reader.message(number);
        assert!(stored == original, "{what}: {}", stored.escape_ascii());
    }
}
