//! The server under measurement and its accounts.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::support::client::Client;
use crate::support::instance::{Instance, Service};
use crate::support::process;

/// The password of every account.
pub(crate) const PASSWORD: &str = "moxmoxmox";

/// A fresh server. `localserve` allows logins on the plain IMAP port, so TLS can be left out.
pub(crate) fn fresh() -> Instance {
    fresh_with(|config| config)
}

/// The same with its mox.toml changed before the start.
pub(crate) fn fresh_with(change: impl Fn(String) -> String) -> Instance {
    let mut instance = initialised();
    let path = instance.config().unwrap().to_owned();
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, change(config)).unwrap();
    instance.serve().unwrap();
    instance
}

/// The files of a fresh server that was not started.
pub(crate) fn initialised() -> Instance {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut instance = Instance::new_in(env!("CARGO_BIN_EXE_mox"), folder);
    instance.init().unwrap();
    instance
}

/// Adds accounts `a0`, `a1` …; the addresses of all.
pub(crate) fn add_accounts(instance: &Instance, count: usize) -> Vec<String> {
    let mut addresses = Vec::new();
    for i in 0..count {
        let (name, address) = (format!("a{i}"), format!("a{i}@localhost"));
        let mut add = instance.mox(["config", "account", "add", &name, &address]);
        process::run(&mut add, b"").unwrap().ok();
        let mut set = instance.mox(["setaccountpassword", &name]);
        process::run(&mut set, PASSWORD.as_bytes()).unwrap().ok();
        addresses.push(address);
    }
    addresses
}

/// A greeted SMTP session.
pub(crate) fn greeted(instance: &Instance) -> Client {
    let mut client = instance.connect(Service::Smtp);
    client.expect_reply("220");
    client.smtp("EHLO client.example.org", "250");
    client
}

/// A logged in IMAP session, nothing selected.
pub(crate) fn imap(instance: &Instance, service: Service, address: &str) -> Client {
    let mut client = instance.connect(service);
    client.hear();
    client.imap(&format!("l LOGIN {address} {PASSWORD}"));
    client
}

/// A message of about this size, each with its own number. Cheap, as it is made while time is taken:
/// the text is cut from one that is made once.
pub(crate) fn message(number: usize, size: usize) -> Vec<u8> {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    let text = TEXT.get_or_init(words);
    let mut message = format!(
        "From: Alice Example <alice@example.org>\r\nTo: Mox <mox@localhost>, Bob <bob@example.org>\r\n\
         Subject: message {number} of many, measured\r\nDate: Mon, 1 Jun 2026 10:00:00 +0000\r\n\
         Message-Id: <{number}.{size}@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    .into_bytes();
    let lines = size.saturating_sub(message.len()) / LINE;
    // Neighbours have different texts.
    let first = number % 100;
    message.extend_from_slice(&text[first * LINE..(first + lines) * LINE]);
    message
}

/// Bytes of a line of the text, with its end.
const LINE: usize = 74;

/// Lines that differ, so that nothing is won by compression; enough for the largest message.
fn words() -> Vec<u8> {
    let mut text = String::new();
    let mut seed: u64 = 1;
    while text.len() < 200 << 10 {
        for _ in 0..9 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(&format!("{:07x} ", seed >> 36));
        }
        text.push_str("\r\n");
    }
    text.into_bytes()
}
