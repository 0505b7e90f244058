//! The daemon as its admin meets it: starting and stopping, the control socket, reloads that must not
//! make anything worse, commands beside each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a test"
)]

mod support;

#[path = "control/disk.rs"]
mod disk;
#[path = "control/hostile.rs"]
mod hostile;
#[path = "control/keys.rs"]
mod keys;
#[path = "control/life.rs"]
mod life;
#[path = "control/listeners.rs"]
mod listeners;
#[path = "control/load.rs"]
mod load;
#[path = "control/login_races.rs"]
mod login_races;
#[path = "control/reload.rs"]
mod reload;
#[path = "control/revocation.rs"]
mod revocation;
#[path = "support/dns.rs"]
#[allow(dead_code, unreachable_pub)]
mod dns;
#[path = "control/quickstart.rs"]
mod quickstart;
#[path = "control/road.rs"]
mod road;
#[path = "control/service.rs"]
mod service;
#[path = "control/socket.rs"]
mod socket;
#[path = "control/supervisor.rs"]
mod supervisor;
#[cfg(feature = "faults")]
#[path = "control/unanswered.rs"]
mod unanswered;

use std::fs;
use std::time::Duration;

use serde_json::Value;
use support::instance::Instance;
use support::process::{self, Output};

/// What a slow machine may take.
const ENOUGH: Duration = Duration::from_secs(60);

fn serving() -> Instance {
    Instance::localserve(env!("CARGO_BIN_EXE_mox"))
}

fn initialised() -> Instance {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    instance
}

fn mox(instance: &Instance, arguments: &[&str]) -> Output {
    process::run(&mut instance.mox(arguments.iter().copied()), b"").unwrap()
}

fn status(instance: &Instance) -> Value {
    serde_json::from_str(&mox(instance, &["status", "--json"]).ok()).unwrap()
}

fn generation(instance: &Instance) -> u64 {
    status(instance)["generation"].as_u64().unwrap()
}

/// Writes mox.toml with this replaced in it.
#[track_caller]
fn edit(instance: &Instance, from: &str, to: &str) {
    let file = instance.config().unwrap();
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::write(file, text.replace(from, to)).unwrap();
}
