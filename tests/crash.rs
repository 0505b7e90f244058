//! kill -9, power loss and full disks: what was answered is kept, once and whole; what was not is
//! there whole or not at all. Each check is shown to fail where durability is taken away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a test"
)]

mod support;

#[path = "crash/delivery.rs"]
mod delivery;
#[cfg(feature = "faults")]
#[path = "crash/generations.rs"]
mod generations;
#[cfg(feature = "faults")]
#[path = "crash/points.rs"]
mod points;
#[path = "crash/postman.rs"]
mod postman;
