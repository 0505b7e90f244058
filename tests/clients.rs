//! Programs that people use, against a real server: swaks, curl, Python's imaplib and smtplib,
//! mbsync, mutt, msmtp, Thunderbird, with passwords and with certificates; programs that import keys:
//! openssl, NSS, GnuTLS, Java; programs that call sendmail: git, mutt. A program that is missing fails
//! its test; `tests/run` installs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a test"
)]

mod support;

#[path = "clients/bytes.rs"]
mod bytes;
#[path = "clients/forged_keys.rs"]
mod forged_keys;
#[path = "clients/keys.rs"]
mod keys;
#[path = "clients/library.rs"]
mod library;
#[path = "clients/readers.rs"]
mod readers;
#[path = "clients/sasl.rs"]
mod sasl;
#[path = "clients/senders.rs"]
mod senders;
#[path = "clients/thunderbird.rs"]
mod thunderbird;
#[path = "clients/tls_keys.rs"]
mod tls_keys;
#[path = "clients/sendmail.rs"]
mod sendmail;

use std::path::PathBuf;
use std::process::Command;

use support::instance::{Instance, Service};
use support::process;

/// A server with the account of `mox localserve`.
#[track_caller]
fn server() -> Instance {
    Instance::localserve(env!("CARGO_BIN_EXE_mox"))
}

/// Runs a program in the server's sandbox; what it prints if it ends well, else the test fails.
#[track_caller]
fn run(command: &mut Command) -> String {
    process::run(command, b"").unwrap().ok()
}

/// A Python script of `tests/clients`, with its arguments.
fn python(instance: &Instance, script: &str) -> Command {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients"));
    let mut command = instance.program("python3");
    command
        .arg(folder.join(script))
        .arg(instance.ip().to_string());
    command
}

fn port(instance: &Instance, service: Service) -> String {
    instance.port(service).to_string()
}

/// Adds a second account with the address `NAME@localhost`.
#[track_caller]
fn add_account(instance: &Instance, name: &str, password: &str) {
    let address = format!("{name}@localhost");
    run(&mut instance.mox(["config", "account", "add", name, &address]));
    let mut set = instance.mox(["setaccountpassword", name]);
    process::run(&mut set, password.as_bytes()).unwrap().ok();
}
