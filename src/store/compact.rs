//! Rewriting segments that are mostly dead: bodies still in use move to the log's end, as a logged change,
//! and the file goes once the index is hardened and no view needs it.

use super::StoreError;
use super::opened::Opened;

impl Opened {
    /// Whether a segment is worth rewriting.
    pub(super) fn wants_compacting(&self) -> bool {
        false
    }

    /// Rewrites some of it; true when there is more to do.
    pub(super) fn compact_step(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Whether segments wait to be removed.
    pub(super) fn has_doomed(&self) -> bool {
        self.doomed().is_waiting()
    }
}
