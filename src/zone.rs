//! The DNS records that a hosted domain needs: what to set, and whether it is there.
//!
//! [`DomainDns`] are the facts, gathered where the key files can be read: by the daemon, or by a
//! command without one. [`records`] and [`check`] work on them alone, so a command can ask a daemon
//! for the facts and look things up itself; the daemon asks no DNS for that.

mod authority;
mod check;
mod facts;
mod interfaces;
mod line;
mod records;
mod spf;
mod tags;

pub use self::check::{Check, Status, check};
pub use self::facts::{DkimRecord, DomainDns, MailHost};
pub use self::interfaces::{is_public, local_addresses};
pub use self::line::{line, zone_text};
pub use self::records::{Record, records};

#[cfg(test)]
mod tests;
