//! Logins a second on new connections, by every way to log in, in how much of the server's processor;
//! what is left of that while others guess passwords; and whether the time of an answer says who has
//! an account.
//!
//! `cargo bench -p mox-cli --bench logins [-- WORD…]` runs those whose name has one of the words, `--
//! --list` names them. Clients are threads of this process, which make half of each handshake on the
//! same processors: on two of them the rate is about what the machine does for both ends. Beside the
//! figures stands what OpenSSL and argon2 alone do on this machine, in one thread.
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

#[path = "logins/alone.rs"]
mod alone;
#[path = "logins/flood.rs"]
mod flood;
#[path = "mail/meter.rs"]
#[allow(dead_code, reason = "the other benchmark uses all of it")]
mod meter;
#[path = "logins/rates.rs"]
mod rates;
#[path = "logins/scram.rs"]
mod scram;
#[path = "mail/server.rs"]
#[allow(dead_code, reason = "the other benchmark uses all of it")]
mod server;
#[path = "logins/telling.rs"]
mod telling;
#[path = "logins/visit.rs"]
mod visit;

const ALL: [meter::Bench; 7] = [
    ("handshake", rates::handshake),
    ("plain", rates::plain),
    ("first", rates::first),
    ("scram", rates::scram),
    ("certificate", rates::certificate),
    ("flood", flood::flood),
    ("telling", telling::telling),
];

fn main() {
    meter::show_load();
    meter::run_asked(&ALL);
}
