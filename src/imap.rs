//! The grammar of IMAP4rev1 and IMAP4rev2 (RFC 3501, RFC 9051), without I/O.
//!
//! [`parse`] turns one command's bytes, literals included, into a [`command::Command`]; [`frame`]
//! finds where a command ends and which literals it waits for; [`compose`] writes commands; [`encode`] writes the pieces of
//! responses; [`sequence`] are sets of numbers; [`utf7`] is the mailbox names of IMAP4rev1;
//! [`client`] speaks over any stream.

pub mod client;
pub mod command;
pub mod compose;
pub mod encode;
pub mod frame;
pub mod parse;
pub mod sequence;
pub mod utf7;
