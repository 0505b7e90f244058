//! Logins by clients that mean harm, over real sockets: nothing that they send logs them in, ends the
//! server or is kept in its memory.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::client::Client;
use super::support::instance::{Instance, Service};
use super::{initialised, serving};

const MECHANISMS: [&str; 7] = [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "EXTERNAL",
];

/// Lines that are no right answer to anything.
fn bent_lines() -> Vec<Vec<u8>> {
    let raw: [&[u8]; 13] = [
        b"",
        b"=",
        b"==",
        b"====",
        b"=*",
        b"* ",
        b"**",
        b"A",
        b"AAAA=",
        b"\0",
        b"AA\0AA==",
        b"\xff\xfe",
        b"bW94 bW94",
    ];
    let messages: [&[u8]; 22] = [
        b"\0",
        b"\0\0",
        b"\0\0\0",
        b"\0\0\0\0\0",
        b"mox@localhost",
        b"\0mox@localhost\0",
        b"\0mox@localhost\0moxmoxmox\0",
        b"nobody@localhost\0mox@localhost\0moxmoxmox",
        b"\0mox@localhost\0moxmoxmo\xff",
        b"\0mox@local\xc3host\0moxmoxmox",
        b"\xff\xff\xff\xff",
        // What PRECIS forbids in passwords: controls, the unassigned, half of what is joined.
        b"\0mox@localhost\0moxmoxmox\x07",
        "\0mox@localhost\0moxmox\u{fffe}mox".as_bytes(),
        "\0mox@localhost\0mox\u{e0001}moxmox".as_bytes(),
        "\0mox@localhost\u{0}\u{200d}".as_bytes(),
        b"mox@localhost 00000000000000000000000000000000",
        b"n,,n=,r=",
        b"n,,n=mox@localhost,r=",
        b"n,,n=mox=localhost,r=abc",
        b"p=tls-exporter,,n=mox@localhost,r=abc",
        b"y,a=mox@localhost,m=x,n=mox@localhost,r=abc",
        b"n,,n=mox@localhost,r=abc,,,,",
    ];
    let encoded = messages.map(|message| STANDARD.encode(message).into_bytes());
    let long = [12_288, 12_292, 70_000].map(|length| vec![b'A'; length]);
    let mut lines: Vec<Vec<u8>> = raw.iter().map(|line| line.to_vec()).collect();
    lines.extend(encoded);
    lines.extend(long);
    lines
}

/// One protocol as such a client speaks it.
struct Speaker {
    service: Service,
    command: &'static str,
}

const SPEAKERS: [Speaker; 2] = [
    Speaker {
        service: Service::Submission,
        command: "AUTH",
    },
    Speaker {
        service: Service::Imap,
        command: "a AUTHENTICATE",
    },
];

impl Speaker {
    fn connect(&self, instance: &Instance) -> Client {
        let mut client = instance.connect(self.service);
        client.hear();
        if self.service == Service::Submission {
            client.smtp("EHLO client.example.org", "250");
        }
        client
    }

    /// Gives the same line as an answer to every challenge. Whether the connection lives.
    fn insist(&self, client: &mut Client, start: &[u8], line: &[u8]) -> bool {
        let mut next = start;
        // No mechanism has as many challenges.
        for _ in 0..6 {
            if client.send(&[next, b"\r\n"].concat()).is_err() {
                return false;
            }
            let Ok(answer) = client.line() else {
                return false;
            };
            let answer = String::from_utf8(answer).expect("answers are text");
            if answer.starts_with("334 ") || answer.starts_with("+ ") {
                next = line;
                continue;
            }
            let refusals = ["4", "5", "a NO ", "a BAD ", "* BAD ", "* BYE "];
            assert!(
                refusals.iter().any(|refusal| answer.starts_with(refusal)),
                "{} … {}: {answer}",
                start.escape_ascii(),
                line.escape_ascii()
            );
            return !answer.starts_with("421") && !answer.starts_with("* ");
        }
        panic!("{} … does not end", start.escape_ascii());
    }

    fn logs_in(&self, instance: &Instance) {
        let mut client = self.connect(instance);
        let right = STANDARD.encode("\0mox@localhost\0moxmoxmox");
        client.say(&format!("{} PLAIN {right}", self.command));
        let answer = client.hear();
        assert!(
            answer.starts_with("235 ") || answer.starts_with("a OK "),
            "{answer}"
        );
    }
}

#[test]
fn nothing_but_the_password_logs_in() {
    let mut instance = initialised();
    let file = instance.config().unwrap().to_owned();
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{config}\n[auth]\ncram_md5 = true\n")).unwrap();
    instance.serve().unwrap();
    for speaker in &SPEAKERS {
        let mut client = speaker.connect(&instance);
        for mechanism in MECHANISMS {
            for line in bent_lines() {
                let alone = format!("{} {mechanism}", speaker.command).into_bytes();
                let with_initial = [&alone, &b" "[..], &line].concat();
                for start in [&alone, &with_initial] {
                    if !speaker.insist(&mut client, start, &line) {
                        client = speaker.connect(&instance);
                    }
                }
            }
        }
        speaker.logs_in(&instance);
    }
    let log = instance.log();
    assert!(!log.contains("panic"), "{log}");
}

#[test]
fn logins_in_a_pipeline_are_answered_one_by_one() {
    let instance = serving();
    let wrong = STANDARD.encode("\0mox@localhost\0not the password");
    let right = STANDARD.encode("\0mox@localhost\0moxmoxmox");
    let [submission, imap] = &SPEAKERS;

    let mut client = submission.connect(&instance);
    let pipeline = format!(
        "AUTH PLAIN {wrong}\r\nAUTH PLAIN\r\n*\r\nAUTH SCRAM-SHA-1\r\n{right}\r\n\
         AUTH PLAIN {right}\r\nAUTH PLAIN {right}\r\nMAIL FROM:<mox@localhost>\r\n"
    );
    client.send(pipeline.as_bytes()).unwrap();
    for code in ["535", "334", "501", "334", "501", "235", "503", "250"] {
        client.expect_reply(code);
    }

    let mut client = imap.connect(&instance);
    let pipeline = format!(
        "1 AUTHENTICATE PLAIN {wrong}\r\n2 AUTHENTICATE PLAIN\r\n*\r\n3 AUTHENTICATE SCRAM-SHA-1\r\n\
         {right}\r\n4 AUTHENTICATE PLAIN {right}\r\n5 AUTHENTICATE PLAIN {right}\r\n6 NOOP\r\n"
    );
    client.send(pipeline.as_bytes()).unwrap();
    for start in ["1 NO", "+ ", "2 BAD", "+ ", "3 BAD", "4 OK", "5 NO", "6 OK"] {
        let line = client.hear();
        assert!(line.starts_with(start), "{line}, not {start}");
    }
}

/// The memory of the server that is in use, in KiB.
fn memory(instance: &Instance) -> u64 {
    let file = format!("/proc/{}/status", instance.pid().unwrap());
    let status = fs::read_to_string(file).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Exchanges that were begun and left open: as many as a client likes, from many addresses.
#[test]
fn exchanges_left_open_cost_little_and_hold_up_nobody() {
    const COUNT: u64 = 1_000;
    let instance = serving();
    let first = STANDARD.encode(format!("n,,n=mox@localhost,r={}", "x".repeat(500)));
    let begin = |number: u64| {
        let from = Ipv4Addr::from_bits(0x7f80_0000 + u32::try_from(number).unwrap());
        let address = instance.address(Service::Imap);
        let mut client = Client::connect_from(IpAddr::V4(from), address).unwrap();
        client.hear();
        client.say(&format!("a AUTHENTICATE SCRAM-SHA-256 {first}"));
        let challenge = client.hear();
        assert!(challenge.starts_with("+ "), "{challenge}");
        client
    };
    let some: Vec<Client> = (0..100).map(begin).collect();
    let before = memory(&instance);
    let open: Vec<Client> = (100..100 + COUNT).map(begin).collect();
    let each = memory(&instance).saturating_sub(before) / COUNT;
    assert!(each < 64, "{each} KiB for each exchange that is open");
    for speaker in &SPEAKERS {
        speaker.logs_in(&instance);
    }
    drop((some, open));
    // The places of those that are gone are free for the next.
    let again: Vec<Client> = (0..COUNT).map(begin).collect();
    let grown = memory(&instance).saturating_sub(before) / COUNT;
    assert!(grown < 64, "{grown} KiB for each exchange, old or new");
    drop(again);
}

/// Guesses whose clients hang up at once are worth no wait to those who stay.
#[test]
fn guesses_that_nobody_waits_for_hold_up_nobody() {
    let instance = serving();
    let address = instance.address(Service::Imap);
    for number in 0..500 {
        let from = Ipv4Addr::from_bits(0x7f90_0000 + (number << 8));
        let mut client = Client::connect_from(IpAddr::V4(from), address).unwrap();
        client.say(&format!("a LOGIN mox@localhost guess{number}"));
    }
    for speaker in &SPEAKERS {
        speaker.logs_in(&instance);
    }
    let log = instance.log();
    assert!(!log.contains("panic"), "{log}");
}
