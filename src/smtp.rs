//! SMTP without I/O: what is on the wire as values, both ways (RFC 5321).
//!
//! A server feeds [`Framer`] what it reads and gets command lines, parses them to [`Command`]s,
//! answers with [`Reply`]s and takes message content out of DATA and BDAT with [`Content`]. A
//! client encodes the same [`Command`]s, parses the same [`Reply`]s ([`parse_reply`]) and sends
//! content through [`Stuffer`]; [`client`] is one. [`Trace`] writes the lines that go on top of a message.
//!
//! Everything here takes bytes cut anywhere and needs memory bounded by its limits, whatever comes.

pub mod client;
mod command;
mod content;
mod framer;
mod param;
mod path;
mod reply;
mod trace;

pub use command::{AuthText, Command, CommandError, Mail, Rcpt};
pub use content::{Content, Step, Stuffer, Transfer};
pub use framer::{Frame, Framer, LineError};
pub use param::{BodyType, DsnReturn, MailParams, Notify, RcptParams, Xtext};
pub use path::{ForwardPath, Host, Mailbox, ReversePath};
pub use reply::{Enhanced, Reply, ReplyError, parse_reply};
pub use trace::{Trace, With, date, return_path};

/// Bytes of a command line with its CRLF: the 512 of RFC 5321 §4.5.3.1.4 and what the extensions
/// add to it, with room to spare.
pub const COMMAND_LINE: usize = 2048;

/// Bytes of a line of an AUTH exchange with its CRLF (RFC 4954 §4).
pub const AUTH_LINE: usize = 12_288;
