//! The parser of messages: bytes in pieces in, [`Parsed`] out.

use super::Parsed;

/// Bounds on what is looked at. What lies behind them is still stored and served; it only shows up
/// as one undivided part.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How deep parts may nest.
    pub depth: usize,
    /// How many parts a message may have.
    pub parts: usize,
    /// How many bytes of a part's header are looked at.
    pub header_bytes: usize,
    /// How many addresses of one header field are kept.
    pub addresses: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth: 50,
            parts: 1_000,
            header_bytes: 256 << 10,
            addresses: 500,
        }
    }
}

/// A message being looked at while it comes in.
pub struct Parser {}

impl Parser {
    /// A parser at the first byte of a message.
    pub fn new(_limits: Limits) -> Parser {
        todo!()
    }

    /// The next bytes, cut anywhere.
    pub fn push(&mut self, _bytes: &[u8]) {
        todo!()
    }

    /// The end of the message.
    pub fn finish(self) -> Parsed {
        todo!()
    }
}
