//! A record of the log: its head and its operations, to bytes and back.

use crate::db::Op;

/// Length of a record's head, in bytes.
pub(in crate::store) const RECORD_HEAD: u64 = 48;

const MAGIC: [u8; 4] = *b"MXr1";

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    /// A batch of changes.
    Batch = 1,
    /// From here on the epoch is another one: the record's operations are its 8 bytes, little-endian.
    Epoch = 2,
}

/// What a record says of itself. On disk, little-endian: magic (4), kind (1), zeros (3), epoch (8), sequence (8),
/// length of the bodies (8), length of the operations (4), CRC-32 of the bodies (4), of the operations (4),
/// of the head up to here (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct RecordHead {
    pub(in crate::store) kind: Kind,
    pub(in crate::store) epoch: u64,
    pub(in crate::store) sequence: u64,
    pub(in crate::store) bodies_len: u64,
    pub(in crate::store) ops_len: u32,
    pub(in crate::store) bodies_crc: u32,
    pub(in crate::store) ops_crc: u32,
}

impl RecordHead {
    /// Length of the whole record.
    pub(in crate::store) fn len(&self) -> u64 {
        RECORD_HEAD + self.bodies_len + u64::from(self.ops_len)
    }

    pub(in crate::store) fn encode(&self) -> [u8; RECORD_HEAD as usize] {
        let mut bytes = [0; RECORD_HEAD as usize];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = self.kind as u8;
        bytes[8..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.bodies_len.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.ops_len.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.bodies_crc.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.ops_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..44]);
        bytes[44..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The head that these bytes are, if they are one.
    pub(in crate::store) fn parse(bytes: &[u8; RECORD_HEAD as usize]) -> Option<RecordHead> {
        let u32_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let good = bytes.starts_with(&MAGIC)
            && bytes[5..8] == [0, 0, 0]
            && crc32fast::hash(&bytes[..44]) == u32_at(44)?;
        let kind = match bytes[4] {
            1 => Kind::Batch,
            2 => Kind::Epoch,
            _ => return None,
        };
        good.then_some(RecordHead {
            kind,
            epoch: u64_at(8)?,
            sequence: u64_at(16)?,
            bodies_len: u64_at(24)?,
            ops_len: u32_at(32)?,
            bodies_crc: u32_at(36)?,
            ops_crc: u32_at(40)?,
        })
    }

    /// Where in these bytes the magic of a record stands first.
    pub(in crate::store) fn find(bytes: &[u8]) -> Option<usize> {
        memchr::memmem::find(bytes, &MAGIC)
    }
}

/// Operations as bytes: for each a tag (1 put, 2 delete), the key, and for a put the value, both with
/// their lengths (postcard).
#[derive(Debug, Default)]
pub(in crate::store) struct OpsBuf(pub(in crate::store) Vec<u8>);

impl OpsBuf {
    pub(in crate::store) fn push(&mut self, op: Op<'_>) {
        match op {
            Op::Put(key, value) => {
                self.0.push(1);
                self.bytes(key);
                self.bytes(value);
            }
            Op::Delete(key) => {
                self.0.push(2);
                self.bytes(key);
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let mut len = bytes.len();
        while len >= 0x80 {
            self.0.push(len as u8 | 0x80);
            len >>= 7;
        }
        self.0.push(len as u8);
        self.0.extend_from_slice(bytes);
    }
}

/// Gives the operations to `each`; false when the bytes are not operations, then some may have been given.
pub(in crate::store) fn decode_ops<E>(
    mut bytes: &[u8],
    each: &mut dyn FnMut(Op<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    while let Some((tag, rest)) = bytes.split_first() {
        let Some((key, rest)) = take(rest) else {
            return Ok(false);
        };
        bytes = match tag {
            1 => {
                let Some((value, rest)) = take(rest) else {
                    return Ok(false);
                };
                each(Op::Put(key, value))?;
                rest
            }
            2 => {
                each(Op::Delete(key))?;
                rest
            }
            _ => return Ok(false),
        };
    }
    Ok(true)
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = postcard::take_from_bytes::<u32>(bytes).ok()?;
    rest.split_at_checked(len as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn heads_come_back(epoch: u64, sequence: u64, bodies_len: u64, ops_len: u32, flip in 0..48_usize) {
            let head = RecordHead {
                kind: if epoch % 2 == 0 { Kind::Batch } else { Kind::Epoch },
                epoch,
                sequence,
                bodies_len,
                ops_len,
                bodies_crc: 7,
                ops_crc: 9,
            };
            let mut bytes = head.encode();
            prop_assert_eq!(RecordHead::parse(&bytes), Some(head));
            prop_assert_eq!(RecordHead::find(&bytes), Some(0));
            bytes[flip] ^= 0x10;
            prop_assert_eq!(RecordHead::parse(&bytes), None);
        }

        #[test]
        fn operations_come_back(ops in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..20), prop::option::of(prop::collection::vec(any::<u8>(), 0..300))),
            0..20,
        )) {
            let mut buf = OpsBuf::default();
            for (key, value) in &ops {
                match value {
                    Some(value) => buf.push(Op::Put(key, value)),
                    None => buf.push(Op::Delete(key)),
                }
            }
            let mut back = Vec::new();
            let whole = decode_ops::<()>(&buf.0, &mut |op| {
                back.push(match op {
                    Op::Put(key, value) => (key.to_vec(), Some(value.to_vec())),
                    Op::Delete(key) => (key.to_vec(), None),
                });
                Ok(())
            });
            prop_assert_eq!(whole, Ok(true));
            prop_assert_eq!(back, ops);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(decode_ops::<()>(&bytes, &mut |_| Ok(())).is_ok());
        }
    }
}
