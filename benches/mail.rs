//! What the server does in a second, in how much of the processor's time, with how many syncs; beside
//! it what the bare disk does right before and after, and the aim.
//!
//! `cargo bench -p mox-cli --bench mail [-- WORD…]` runs those whose name has one of the words, `--
//! --list` names them. The release build of the program is driven over loopback by threads of this
//! process, which share the processors with it: figures are those of the machine, ratios travel.
//! The data is in the target folder, which should be on a real disk. On a machine that does other
//! things meanwhile the figures mean little: the first line shows its load, and lines on which the
//! disk changed under the measurement say UNSTEADY.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot be made ends with a message"
)]

#[path = "../tests/support.rs"]
mod support;

#[path = "mail/control.rs"]
mod control;
#[path = "mail/deliver.rs"]
mod deliver;
#[path = "mail/idle.rs"]
mod idle;
#[path = "mail/meter.rs"]
mod meter;
#[path = "mail/read.rs"]
mod read;
#[path = "mail/server.rs"]
mod server;

const ALL: [meter::Bench; 14] = [
    ("disk", meter::bare_disk),
    ("smtp", deliver::smtp),
    ("submission", deliver::submission),
    ("append", deliver::append),
    ("fetch", read::fetch),
    ("store", read::store),
    ("search", read::search),
    ("login", read::login),
    ("memory", idle::memory),
    ("notice", idle::notice),
    ("start", control::start),
    ("change", control::change),
    ("change-1000", control::change_1000),
    ("change-10000", control::change_10000),
];

fn main() {
    meter::run_asked(&ALL);
}
