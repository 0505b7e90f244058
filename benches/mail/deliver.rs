//! Messages in: by SMTP, by submission, by APPEND; all durable when they are acknowledged.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::meter::{Disk, Load, line};
use crate::server::{add_accounts, fresh, greeted, imap, message};
use crate::support::client::Client;
use crate::support::instance::{Instance, Service};
use crate::support::reader::USER;

static NEXT: AtomicUsize = AtomicUsize::new(0);

const SIZES: [(&str, usize); 2] = [("2 KiB", 2048), ("50 KiB", 50 << 10)];

/// MAIL, RCPT, DATA in one packet, then the message: three round trips, as senders do it.
fn deliver(client: &mut Client, sender: &str, recipient: &str, message: &[u8]) {
    let envelope = format!("MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
    client.send(envelope.as_bytes()).unwrap();
    for code in ["250", "250", "354"] {
        client.expect_reply(code);
    }
    client.send(&[message, b".\r\n"].concat()).unwrap();
    client.expect_reply("250");
}

pub(crate) fn smtp_in(
    instance: &Instance,
    accounts: &[String],
    size: usize,
    connections: usize,
) -> Load {
    let before = count(instance, accounts);
    let jobs = (0..connections)
        .map(|i| {
            let recipient = &accounts[i % accounts.len()];
            move || {
                let mut client = greeted(instance);
                move || {
                    let number = NEXT.fetch_add(1, Ordering::Relaxed);
                    deliver(
                        &mut client,
                        "a@example.org",
                        recipient,
                        &message(number, size),
                    );
                }
            }
        })
        .collect();
    let load = Load::run(instance, jobs);
    let kept = count(instance, accounts) - before;
    assert_eq!(
        kept,
        load.times.len() + connections,
        "all are in the mailboxes"
    );
    load
}

/// How many messages are in the Inboxes.
fn count(instance: &Instance, accounts: &[String]) -> usize {
    accounts
        .iter()
        .map(|address| {
            let mut client = imap(instance, Service::Imap, address);
            let lines = client.imap("s STATUS Inbox (MESSAGES)");
            let number = lines[0].trim_end_matches(')').rsplit(' ').next().unwrap();
            number.parse::<usize>().unwrap()
        })
        .sum()
}

pub(crate) fn smtp_aim(size: usize, connections: usize) -> &'static str {
    match (size <= 4096, connections) {
        (true, 1) => "1,500 msg/s, 0.5 ms",
        (true, _) => "3,000 msg/s, 0.5 ms",
        (false, _) => "2,000 msg/s, 0.7 ms",
    }
}

/// Port 25.
pub(crate) fn smtp() {
    let instance = fresh();
    let ten = add_accounts(&instance, 10);
    let one = [USER.to_owned()];
    for (name, size) in SIZES {
        for (accounts, whose) in [(&one[..], "one account"), (&ten[..], "ten accounts")] {
            for connections in [1, 10, 32] {
                let disk = Disk::before(size);
                let load = smtp_in(&instance, accounts, size, connections);
                let what = format!("SMTP in, {name}, {connections} connections, {whose}");
                let aim = smtp_aim(size, connections);
                line(&what, &load.text("msg/s"), &disk.after(), aim);
            }
        }
    }
}

/// A logged in submission session.
fn submit(instance: &Instance) -> Client {
    let mut client = instance.connect(Service::Submissions);
    client.expect_reply("220");
    client.smtp("EHLO client.example.org", "250");
    client.smtp("AUTH PLAIN AG1veEBsb2NhbGhvc3QAbW94bW94bW94", "235");
    client
}

/// Submission over TLS, to an account here.
pub(crate) fn submission() {
    let instance = fresh();
    let kept = (0..10)
        .map(|_| {
            let instance = &instance;
            move || {
                let mut client = submit(instance);
                move || {
                    let number = NEXT.fetch_add(1, Ordering::Relaxed);
                    deliver(&mut client, USER, USER, &own(number));
                }
            }
        })
        .collect();
    let disk = Disk::before(2048);
    let load = Load::run(&instance, kept);
    let what = "submission, 2 KiB, 10 connections";
    line(
        what,
        &load.text("msg/s"),
        &disk.after(),
        "2,000 msg/s, 0.7 ms",
    );
    let new = (0..10)
        .map(|_| {
            let instance = &instance;
            move || {
                move || {
                    let number = NEXT.fetch_add(1, Ordering::Relaxed);
                    deliver(&mut submit(instance), USER, USER, &own(number));
                }
            }
        })
        .collect();
    let disk = Disk::before(2048);
    let load = Load::run(&instance, new);
    let what = "submission, a new connection a message, 10 at a time";
    line(what, &load.text("msg/s"), &disk.after(), "700 msg/s");
}

/// A message whose From is the account's.
fn own(number: usize) -> Vec<u8> {
    let text = String::from_utf8(message(number, 2048)).unwrap();
    text.replacen("Alice Example <alice@example.org>", USER, 1)
        .into_bytes()
}

/// APPEND without TLS.
pub(crate) fn append() {
    let instance = fresh();
    for (connections, name, size, aim) in [
        (1, "2 KiB", 2048, "1,500 msg/s"),
        (8, "2 KiB", 2048, "4,000 msg/s"),
        (8, "50 KiB", 50 << 10, "2,000 msg/s"),
    ] {
        let jobs = (0..connections)
            .map(|_| {
                let instance = &instance;
                move || {
                    let mut client = imap(instance, Service::Imap, USER);
                    move || {
                        let number = NEXT.fetch_add(1, Ordering::Relaxed);
                        append_one(&mut client, "Inbox", &message(number, size));
                    }
                }
            })
            .collect();
        let disk = Disk::before(size);
        let load = Load::run(&instance, jobs);
        let what = format!("APPEND, {name}, {connections} connections");
        line(&what, &load.text("msg/s"), &disk.after(), aim);
    }
}

/// Appends a message, without waiting for the server's word to go on.
pub(crate) fn append_one(client: &mut Client, mailbox: &str, message: &[u8]) {
    let command = format!("a APPEND {mailbox} {{{}+}}\r\n", message.len());
    let all = [command.as_bytes(), message, b"\r\n"].concat();
    client.send(&all).unwrap();
    let lines = client.until_tag("a");
    assert!(lines.last().unwrap().starts_with("a OK"), "{lines:?}");
}
