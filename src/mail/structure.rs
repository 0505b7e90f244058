//! The tree of a message's MIME parts (RFC 2045, RFC 2046), with where each one's bytes are.

use serde::{Deserialize, Serialize};

use super::content::Param;

/// One part: the message itself, a part of a multipart, or the message inside a message/rfc822.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Offset of the part's header.
    pub header_start: u64,
    /// Offset of the part's body: behind the empty line that ends the header.
    pub body_start: u64,
    /// Offset of the end of the body (without the line break that belongs to a boundary).
    pub body_end: u64,
    /// Lines of the body (CRLFs, and one more if the last line has none).
    pub lines: u64,
    /// The type in lower case, `text` when absent or malformed.
    pub media_type: String,
    /// The subtype in lower case.
    pub media_subtype: String,
    /// Parameters of Content-Type, names in lower case, RFC 2231 continuations joined.
    pub params: Vec<Param>,
    /// `Content-ID:`.
    pub id: Option<Vec<u8>>,
    /// `Content-Description:`.
    pub description: Option<Vec<u8>>,
    /// `Content-Transfer-Encoding:` in lower case, `7bit` when absent.
    pub encoding: String,
    /// `Content-MD5:`.
    pub md5: Option<Vec<u8>>,
    /// `Content-Disposition:`, its value in lower case, with parameters as above.
    pub disposition: Option<(String, Vec<Param>)>,
    /// `Content-Language:`, tags one by one.
    pub language: Vec<Vec<u8>>,
    /// `Content-Location:`.
    pub location: Option<Vec<u8>>,
    /// What is inside.
    pub kind: PartKind,
}

/// What a part holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartKind {
    /// Bytes: text, images, anything not divided further.
    Leaf,
    /// multipart/*: its parts, at least one.
    Multipart(Vec<Part>),
    /// message/rfc822 or message/global: the envelope and structure of the message inside, whose
    /// `header_start` is this part's `body_start`.
    Message(Box<(super::Envelope, Part)>),
}
