//! What connections cost that do nothing, and how soon they hear.

use std::time::Instant;

use crate::meter::{self, line, percentiles};
use crate::server::{fresh, greeted, imap, message};
use crate::support::client::Client;
use crate::support::instance::{Instance, Service};
use crate::support::reader::USER;

const CONNECTIONS: usize = 1000;

/// So many sessions in IDLE on Inbox.
fn idlers(instance: &Instance) -> Vec<Client> {
    (0..CONNECTIONS)
        .map(|_| {
            let mut client = imap(instance, Service::Imap, USER);
            client.imap("s SELECT Inbox");
            client.say("i IDLE");
            assert!(client.hear().starts_with('+'));
            client
        })
        .collect()
}

pub(crate) fn memory() {
    let instance = fresh();
    let _first = imap(&instance, Service::Imap, USER);
    let empty = memory_of(&instance);
    line(
        "memory, nobody connected",
        &format!("{:.1} MiB", empty / 1024.0),
        "",
        "15 MiB",
    );
    let clients = idlers(&instance);
    let each = (memory_of(&instance) - empty) / clients.len() as f64;
    let what = format!("memory of a connection in IDLE, {CONNECTIONS} of them");
    line(&what, &format!("{each:.1} KiB"), "", "15 KiB");
}

fn memory_of(instance: &Instance) -> f64 {
    meter::memory(instance) as f64
}

pub(crate) fn notice() {
    let instance = fresh();
    let mut clients = idlers(&instance);
    let mut sender = greeted(&instance);
    let mut last = clients.pop().unwrap();
    let mut times = Vec::new();
    for number in 0..50 {
        for (command, code) in [
            ("MAIL FROM:<a@example.org>", "250"),
            ("RCPT TO:<mox@localhost>", "250"),
            ("DATA", "354"),
        ] {
            sender.smtp(command, code);
        }
        let start = Instant::now();
        sender
            .send(&[message(number, 2048), b".\r\n".to_vec()].concat())
            .unwrap();
        sender.expect_reply("250");
        while !last.hear().ends_with("EXISTS") {}
        times.push(start.elapsed());
        // All others hear it as well before the next one.
        for client in &mut clients {
            while !client.hear().ends_with("EXISTS") {}
        }
    }
    let what = format!("delivery to notice in IDLE, {CONNECTIONS} idle");
    line(&what, &percentiles(&times), "", "3/10 ms");
}
