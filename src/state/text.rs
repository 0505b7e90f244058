//! Texts of generations: most differ from the one before in a line, so only that is kept, and every
//! so often all of a text, in pieces that the engine can hold.

use serde::{Deserialize, Serialize};

/// Bytes of a text in one row.
pub(super) const PIECE: usize = 60_000;

/// Texts that build on each other at most, so that one is found again without reading many.
const CHAIN: u64 = 32;

/// The first row of a text; for a whole one the pieces follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TextRow {
    /// All of it, in so many pieces.
    Whole {
        /// Rows that follow.
        pieces: u32,
    },
    /// What differs from the generation before.
    Delta {
        /// Bytes at the start that are the same.
        prefix: u64,
        /// Bytes at the end that are the same.
        suffix: u64,
        /// What stands between them.
        middle: Vec<u8>,
        /// Deltas since the last whole text, this one counted.
        depth: u64,
    },
}

impl TextRow {
    /// How to keep a text; `before` is the text of the generation before with its own depth.
    pub(super) fn plan(text: &[u8], before: Option<(&[u8], u64)>) -> TextRow {
        if let Some((before, depth)) = before
            && depth + 1 < CHAIN
        {
            let prefix = equal(before.iter(), text.iter());
            let suffix = equal(before[prefix..].iter().rev(), text[prefix..].iter().rev());
            let middle = &text[prefix..text.len() - suffix];
            if middle.len() < PIECE && middle.len() <= text.len() / 2 {
                return TextRow::Delta {
                    prefix: prefix as u64,
                    suffix: suffix as u64,
                    middle: middle.to_vec(),
                    depth: depth + 1,
                };
            }
        }
        TextRow::Whole {
            pieces: u32::try_from(text.len().div_ceil(PIECE)).unwrap_or(u32::MAX),
        }
    }

    /// The depth to go on from.
    pub(super) fn depth(&self) -> u64 {
        match self {
            TextRow::Whole { .. } => 0,
            TextRow::Delta { depth, .. } => *depth,
        }
    }
}

/// The text again from the one before; none if they do not fit together.
pub(super) fn apply(before: &[u8], prefix: u64, suffix: u64, middle: &[u8]) -> Option<Vec<u8>> {
    let prefix = usize::try_from(prefix).ok()?;
    let suffix = usize::try_from(suffix).ok()?;
    let end = before.len().checked_sub(suffix)?;
    if end < prefix {
        return None;
    }
    Some([before.get(..prefix)?, middle, before.get(end..)?].concat())
}

fn equal<'a>(a: impl Iterator<Item = &'a u8>, b: impl Iterator<Item = &'a u8>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delta_gives_the_text_again(
            before in proptest::collection::vec(0u8..3, 0..50),
            text in proptest::collection::vec(0u8..3, 0..50),
        ) {
            match TextRow::plan(&text, Some((&before, 0))) {
                TextRow::Delta { prefix, suffix, middle, depth } => {
                    prop_assert_eq!(depth, 1);
                    prop_assert_eq!(apply(&before, prefix, suffix, &middle), Some(text));
                }
                TextRow::Whole { pieces } => prop_assert_eq!(pieces, u32::from(!text.is_empty())),
            }
        }
    }

    #[test]
    fn chains_end() {
        let text = vec![b'a'; 100];
        let mut depth = 0;
        let mut seen = 0;
        while let TextRow::Delta { depth: next, .. } = TextRow::plan(&text, Some((&text, depth))) {
            depth = next;
            seen += 1;
        }
        assert_eq!(seen, CHAIN - 1);
    }

    #[test]
    fn what_does_not_fit_is_noticed() {
        assert_eq!(apply(b"abc", 2, 2, b""), None);
        assert_eq!(apply(b"abc", 4, 0, b""), None);
        assert_eq!(apply(b"abc", 1, 1, b"x"), Some(b"axc".to_vec()));
    }
}
