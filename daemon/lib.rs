//! The daemon of mox: listeners, sessions, hot reload, the control socket.
//!
//! [`serve::serve`] starts all of it and runs until it is told to stop.

pub mod conn;
pub mod context;
pub mod imap;
pub mod live;
pub mod smtp;
