//! The bytes of a stored message.

use std::sync::Arc;

use super::StoreError;
use crate::fsio::DurableFile;

/// A stored message's bytes; reads them without regard to the view's end. `Send + Sync`.
#[derive(Debug, Clone)]
pub struct Body {
    file: Arc<DurableFile>,
    offset: u64,
    len: u64,
    crc: u32,
}

impl Body {
    pub(super) fn new(file: Arc<DurableFile>, offset: u64, len: u64, crc: u32) -> Body {
        Body {
            file,
            offset,
            len,
            crc,
        }
    }

    /// Bytes, the prefix included.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads at an offset, up to the buffer's length; 0 at the end.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, StoreError> {
        let left = self.len.saturating_sub(offset);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        if want == 0 {
            return Ok(0);
        }
        let failed = |e| StoreError::Local(format!("read a message: {e}"));
        match self.file.read_at(&mut buf[..want], self.offset + offset) {
            Ok(0) => Err(failed(std::io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => Ok(n),
            Err(e) => Err(failed(e)),
        }
    }

    /// Whether the bytes are still those that came in, by their checksum. Reads all of them.
    pub fn verify(&self) -> Result<bool, StoreError> {
        let mut crc = crc32fast::Hasher::new();
        let mut buf = vec![0; 128 << 10];
        let mut at = 0;
        loop {
            match self.read_at(at, &mut buf)? {
                0 => return Ok(crc.finalize() == self.crc),
                n => {
                    crc.update(&buf[..n]);
                    at += n as u64;
                }
            }
        }
    }
}
