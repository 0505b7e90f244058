//! Sets of message numbers and UIDs as clients write them (RFC 9051 §9 `sequence-set`).

/// A number or `*`, the largest in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeqNumber {
    /// From 1.
    Number(u32),
    /// `*`.
    Last,
}

/// `1,3:5,7:*`, or `$`, the saved search result (RFC 9051 §6.4.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceSet {
    /// Ranges as written, each in either order.
    Ranges(Vec<(SeqNumber, SeqNumber)>),
    /// `$`.
    Saved,
}
