//! Messages that tell whether they are whole, many clients that deliver them at the same time, and
//! the reckoning with what is stored afterwards.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use super::support::client::Client;
use super::support::instance::{Instance, Service};
use super::support::reader::{Reader, USER};

/// What was sent so far and what the server said about it.
#[derive(Default)]
pub(crate) struct Ledger {
    next: AtomicU32,
    /// By number: whether the 250 after the data came.
    sent: Mutex<BTreeMap<u32, bool>>,
}

/// How a round of deliveries ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// All were answered.
    Done,
    /// The server went away.
    Lost,
}

impl Ledger {
    /// How many messages were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.sent.lock().unwrap().values().filter(|ok| **ok).count()
    }

    /// Delivers on so many connections at a time, `each` messages on each, until all is answered
    /// or the server is gone. `after` is called after each 250 with the number of those so far.
    pub(crate) fn deliver(
        &self,
        instance: &Instance,
        connections: usize,
        each: usize,
        after: &(dyn Fn(usize) + Sync),
    ) -> Round {
        let lost = AtomicBool::new(false);
        let count = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    let done = self.session(instance, each, &|| {
                        let n = count.fetch_add(1, Ordering::Relaxed) + 1;
                        after(n as usize);
                    });
                    if done.is_none() {
                        lost.store(true, Ordering::Relaxed);
                    }
                });
            }
        });
        match lost.into_inner() {
            true => Round::Lost,
            false => Round::Done,
        }
    }

    /// One connection; none when the server went away in the middle.
    fn session(&self, instance: &Instance, each: usize, after: &dyn Fn()) -> Option<()> {
        let mut client = Client::connect(instance.address(Service::Smtp), false, None).ok()?;
        answer(&mut client, "220")?;
        command(&mut client, "EHLO client.example.org", "250")?;
        for _ in 0..each {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            command(&mut client, "MAIL FROM:<a@example.org>", "250")?;
            command(&mut client, &format!("RCPT TO:<{USER}>"), "250")?;
            command(&mut client, "DATA", "354")?;
            self.sent.lock().unwrap().insert(number, false);
            let data = [text(number).as_bytes(), b".\r\n"].concat();
            client.send(&data).ok()?;
            answer(&mut client, "250")?;
            self.sent.lock().unwrap().insert(number, true);
            after();
        }
        Some(())
    }

    /// Compares with the Inbox: every acknowledged message is there, none is there twice, none is
    /// damaged, none is there that nobody sent. The errors, a few of each kind.
    pub(crate) fn problems(&self, reader: &mut Reader) -> Vec<String> {
        let mut stored: BTreeMap<u32, u32> = BTreeMap::new();
        let mut problems = Vec::new();
        for message in reader.all() {
            match number_of(&message) {
                Some(number) => *stored.entry(number).or_default() += 1,
                None => problems.push(format!("damaged: {}", message.escape_ascii())),
            }
        }
        let sent = self.sent.lock().unwrap();
        for (number, acknowledged) in sent.iter() {
            match stored.remove(number) {
                Some(1) => {}
                Some(n) => problems.push(format!("message {number} is there {n} times")),
                None if *acknowledged => problems.push(format!("message {number} is lost")),
                None => {}
            }
        }
        for number in stored.keys() {
            problems.push(format!("nobody sent message {number}"));
        }
        problems.truncate(10);
        problems
    }
}

/// The number of a stored message, if every byte below the server's headers is as it was sent.
fn number_of(stored: &[u8]) -> Option<u32> {
    let stored = std::str::from_utf8(stored).ok()?;
    let (_, rest) = stored.split_once("\r\nX-Number: ")?;
    let number = rest.split("\r\n").next()?.parse().ok()?;
    stored.ends_with(&text(number)).then_some(number)
}

/// The message with this number: 100 bytes to some 20 KiB, every line its own.
fn text(number: u32) -> String {
    let mut text = format!("X-Number: {number}\r\nSubject: one of many\r\n\r\n");
    let lines = 1 + number.wrapping_mul(2_654_435_761) % 400;
    for line in 0..lines {
        text.push_str(&format!("line {line} of {lines} in message {number}\r\n"));
    }
    text
}

fn command(client: &mut Client, line: &str, code: &str) -> Option<()> {
    client.send(format!("{line}\r\n").as_bytes()).ok()?;
    answer(client, code)
}

/// Reads a reply; none if the connection ends before it does, or if the server refuses (4xx: its
/// disk fails).
fn answer(client: &mut Client, code: &str) -> Option<()> {
    loop {
        let line = client.line().ok()?;
        if line.get(3) == Some(&b'-') {
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        assert!(
            text.starts_with(code) || text.starts_with('4'),
            "expected {code}, got: {text}"
        );
        return text.starts_with(code).then_some(());
    }
}
