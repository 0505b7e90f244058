//! The daemon of mox: listeners, sessions, hot reload, the control socket.
//!
//! [`serve::serve`] starts all of it and runs until it is told to stop.

mod accept;
mod admission;
pub mod conn;
pub mod context;
mod ctl;
pub mod deliver;
mod handover;
mod hashing;
pub mod imap;
mod key_uses;
mod keys;
mod listeners;
pub mod live;
pub mod log;
mod penalty;
pub mod privileges;
mod reload;
pub mod serve;
mod sessions;
pub mod smtp;
mod supervisor;
mod tls;
mod watch;
