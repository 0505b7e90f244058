//! Internet messages: what is computed of each once, while it comes in (RFC 5322, RFC 2045).
//!
//! [`parse::Parser`] takes a message in pieces and never fails: what it cannot make sense of is
//! text/plain, as RFC 2045 §5.2 has it. Its work and memory are bounded whatever comes
//! ([`parse::Limits`]). The result, [`Parsed`], is what IMAP's ENVELOPE and BODYSTRUCTURE show and
//! where each part's bytes are.

pub mod address;
mod build;
pub mod content;
pub mod date;
pub mod decode;
pub mod envelope;
pub mod header;
pub mod outgoing;
pub mod parse;
pub mod section;
pub mod structure;
pub mod words;

pub use envelope::{Envelope, MailAddress};
pub use parse::{Limits, Parser};
pub use structure::{Part, PartKind};

use serde::{Deserialize, Serialize};

/// What is known of a message without reading it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// The header fields IMAP's ENVELOPE shows.
    pub envelope: Envelope,
    /// The message's own part, with all parts below it. Offsets count from the message's first
    /// byte as it was given to the parser.
    pub root: Part,
}
