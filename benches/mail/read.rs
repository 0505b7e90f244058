//! Messages out: FETCH, STORE, SEARCH, logins.

use std::time::{Duration, Instant};

use crate::deliver::append_one;
use crate::meter::{Load, grouped, line, median, processor_time};
use crate::server::{PASSWORD, fresh, imap, message};
use crate::support::client::Client;
use crate::support::instance::{Instance, Service};
use crate::support::reader::USER;

/// How often a command is given at least; the middle time counts.
const TIMES: usize = 11;

/// Puts so many messages of that size into Archive.
fn fill(instance: &Instance, count: usize, size: usize) {
    let mut client = imap(instance, Service::Imap, USER);
    for number in 0..count {
        append_one(&mut client, "Archive", &message(number, size));
    }
}

fn select(instance: &Instance, service: Service) -> Client {
    let mut client = imap(instance, service, USER);
    client.imap("s SELECT Archive");
    client
}

/// Sends a command and reads all of its answer; how many bytes that had.
fn ask(client: &mut Client, command: &str) -> usize {
    client.send(format!("x {command}\r\n").as_bytes()).unwrap();
    let mut bytes = 0;
    loop {
        let line = client.line().unwrap();
        bytes += line.len() + 2;
        if line.starts_with(b"x ") {
            assert!(line.starts_with(b"x OK"), "{}", line.escape_ascii());
            return bytes;
        }
    }
}

/// The middle time of a command, the server's processor time for one, and the bytes of its answer. It
/// is given often enough for the processor time, which is counted in steps of 10 ms.
fn time(instance: &Instance, client: &mut Client, command: &str) -> (Duration, Duration, usize) {
    let bytes = ask(client, command);
    let processor = processor_time(instance);
    let all = Instant::now();
    let mut times = Vec::new();
    while times.len() < TIMES || all.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        ask(client, command);
        times.push(start.elapsed());
    }
    let count = u32::try_from(times.len()).unwrap();
    let processor = (processor_time(instance) - processor) / count;
    (median(&times), processor, bytes)
}

pub(crate) fn fetch() {
    let small = fresh();
    fill(&small, 2000, 2048);
    let large = fresh();
    fill(&large, 300, 50 << 10);
    for (instance, count, what, items, aim) in [
        (
            &small,
            2000.0,
            "FETCH flags, size, envelope of 2,000",
            "(FLAGS RFC822.SIZE ENVELOPE)",
            "200,000 msg/s",
        ),
        (
            &small,
            2000.0,
            "FETCH bodies of 2,000 of 2 KiB",
            "(BODY.PEEK[])",
            "100,000 msg/s",
        ),
        (
            &large,
            300.0,
            "FETCH bodies of 300 of 50 KiB",
            "(BODY.PEEK[])",
            "600 MB/s",
        ),
    ] {
        for (service, tls) in [(Service::Imap, "no TLS"), (Service::Imaps, "TLS")] {
            let mut client = select(instance, service);
            let (middle, processor, bytes) =
                time(instance, &mut client, &format!("FETCH 1:* {items}"));
            let figure = format!(
                "{} msg/s · {:.0} MB/s · {:.2} ms · server {:.1} ms",
                grouped(count / middle.as_secs_f64()),
                bytes as f64 / 1e6 / middle.as_secs_f64(),
                middle.as_secs_f64() * 1e3,
                processor.as_secs_f64() * 1e3
            );
            line(&format!("{what}, {tls}"), &figure, "", aim);
        }
    }
}

pub(crate) fn store() {
    let instance = fresh();
    fill(&instance, 2000, 2048);
    let mut client = select(&instance, Service::Imap);
    let mut on = false;
    let times: Vec<Duration> = (0..TIMES)
        .map(|_| {
            on = !on;
            let sign = if on { '+' } else { '-' };
            let start = Instant::now();
            ask(&mut client, &format!("STORE 1:* {sign}FLAGS (\\Seen)"));
            start.elapsed()
        })
        .collect();
    let figure = format!("{:.2} ms", median(&times).as_secs_f64() * 1e3);
    line("STORE 1:* flags of 2,000, p50", &figure, "", "10 ms");
}

pub(crate) fn search() {
    let instance = fresh();
    fill(&instance, 2000, 2048);
    let mut client = select(&instance, Service::Imap);
    for (what, aim) in [
        ("TEXT nowhere", "1 ms"),
        ("HEADER Message-Id 1999.2048", "0.5 ms"),
        ("SUBJECT \"message 1999\"", "0.5 ms"),
        ("FLAGGED", "0.1 ms"),
    ] {
        let (middle, processor, _) = time(&instance, &mut client, &format!("SEARCH {what}"));
        let figure = format!(
            "{:.2} ms · server {:.2} ms",
            middle.as_secs_f64() * 1e3,
            processor.as_secs_f64() * 1e3
        );
        line(&format!("SEARCH {what} in 2,000, p50"), &figure, "", aim);
    }
}

/// Connect over TLS, log in, select, log out.
pub(crate) fn login() {
    let instance = fresh();
    let jobs = (0..4)
        .map(|_| {
            let instance = &instance;
            move || {
                move || {
                    let mut client = instance.connect(Service::Imaps);
                    client.hear();
                    client.imap(&format!("1 LOGIN {USER} {PASSWORD}"));
                    client.imap("2 SELECT Inbox");
                    client.imap("3 LOGOUT");
                }
            }
        })
        .collect();
    let load = Load::run(&instance, jobs);
    // After the first one the password is remembered, as it is for programs that come again.
    let what = "IMAP login, select, logout over TLS, 4 connections";
    line(what, &load.text("logins/s"), "", "1,200 logins/s");
}
