//! What the machine does without a server, in one thread: the costly part of a login.

use std::process::Command;
use std::time::{Duration, Instant};

use mox::login::password;

use crate::meter::grouped;

/// `openssl speed`: signatures made and verified in a second, by its name for the kind of key.
pub(crate) fn signatures(kind: &str) -> String {
    let output = Command::new("openssl")
        .args(["speed", "-seconds", "1", "-mr", kind])
        .output()
        .expect("run openssl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // `+F4:3:256:71586.36:24021.95`: number, bits, perhaps a name, made, verified.
    let line = text.lines().find(|line| line.starts_with("+F"));
    let fields: Vec<f64> = line
        .expect("a figure of openssl")
        .split(':')
        .filter_map(|field| field.parse().ok())
        .collect();
    let [.., made, verified] = fields[..] else {
        panic!("openssl says {text}");
    };
    format!(
        "{kind}: {} signed, {} verified/s",
        grouped(made),
        grouped(verified)
    )
}

/// argon2id as passwords are kept, in a second.
pub(crate) fn hashes() -> String {
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < Duration::from_secs(1) {
        password::hash("correct horse").expect("a hash");
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    format!("argon2id: {}/s", grouped(rate))
}
