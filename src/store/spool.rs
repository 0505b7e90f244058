//! A message while it comes in: parsed and summed on the way, small ones in memory, large ones in a
//! file in `tmp/`, so that memory does not grow with size.

use crate::mail::Parsed;

/// A message being received. Dropping it leaves nothing behind.
pub struct Spool {}

impl Spool {
    /// The next bytes. Large messages go to the page cache here, never to the disk itself.
    pub fn write(&mut self, _bytes: &[u8]) -> std::io::Result<()> {
        todo!()
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// The end of the message.
    pub fn finish(self) -> std::io::Result<Spooled> {
        todo!()
    }
}

/// A whole message, not yet in any mailbox.
#[derive(Debug)]
pub struct Spooled {}

impl Spooled {
    /// Bytes.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Its envelope and structure.
    pub fn parsed(&self) -> &Parsed {
        todo!()
    }

    /// Reads all or part of it (submission looks at the header; a queue sends it).
    pub fn read_at(&self, _offset: u64, _buf: &mut [u8]) -> std::io::Result<usize> {
        todo!()
    }
}
