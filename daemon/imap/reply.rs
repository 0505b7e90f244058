//! Pieces of responses that several commands write (RFC 9051 §7).

use std::io::Write;

use mox::imap::encode;
use mox::mailbox::{Flags, SystemFlag};
use mox::store::{ModSeq, Uid};

/// `* 23 EXISTS` and its like.
pub(super) fn number(number: u32, what: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ");
    encode::number(u64::from(number), out);
    out.push(b' ');
    out.extend_from_slice(what.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// An untagged line, given whole.
pub(super) fn line(text: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = out.write_fmt(text);
    out.extend_from_slice(b"\r\n");
}

/// The flags as a list. \Recent stands first, as the old servers have it.
pub(super) fn flag_list(flags: &Flags, recent: bool, out: &mut Vec<u8>) {
    out.push(b'(');
    let start = out.len();
    let mut put = |name: &str| {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    };
    if recent {
        put("\\Recent");
    }
    for (flag, name) in SYSTEM_FLAGS {
        if flags.system & flag != 0 {
            put(name);
        }
    }
    for keyword in &flags.keywords {
        put(keyword);
    }
    out.push(b')');
}

/// `* FLAGS (…)` (RFC 9051 §7.3.5).
pub(super) fn flags_response(keywords: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft");
    for keyword in keywords {
        out.push(b' ');
        out.extend_from_slice(keyword.as_bytes());
    }
    out.extend_from_slice(b")\r\n");
}

/// `* OK [PERMANENTFLAGS (…)]` of a mailbox that can be written to.
pub(super) fn permanent_flags(keywords: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft ");
    for keyword in keywords {
        out.extend_from_slice(keyword.as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(b"\\*)] flags kept\r\n");
}

const SYSTEM_FLAGS: [(u8, &str); 5] = [
    (SystemFlag::Seen as u8, "\\Seen"),
    (SystemFlag::Answered as u8, "\\Answered"),
    (SystemFlag::Flagged as u8, "\\Flagged"),
    (SystemFlag::Deleted as u8, "\\Deleted"),
    (SystemFlag::Draft as u8, "\\Draft"),
];

/// A FETCH response being written (RFC 9051 §7.5.2).
pub(super) struct Fetch<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Fetch<'a> {
    /// `* 12 FETCH (`.
    pub(super) fn start(seq: u32, out: &'a mut Vec<u8>) -> Fetch<'a> {
        out.extend_from_slice(b"* ");
        encode::number(u64::from(seq), out);
        out.extend_from_slice(b" FETCH (");
        let start = out.len();
        Fetch { out, start }
    }

    /// The buffer, with a space written if something stands before.
    pub(super) fn item(&mut self) -> &mut Vec<u8> {
        if self.out.len() > self.start {
            self.out.push(b' ');
        }
        self.out
    }

    pub(super) fn uid(&mut self, uid: Uid) {
        let out = self.item();
        out.extend_from_slice(b"UID ");
        encode::number(u64::from(uid), out);
    }

    pub(super) fn flags(&mut self, flags: &Flags, recent: bool) {
        let out = self.item();
        out.extend_from_slice(b"FLAGS ");
        flag_list(flags, recent, out);
    }

    pub(super) fn modseq(&mut self, modseq: ModSeq) {
        let out = self.item();
        out.extend_from_slice(b"MODSEQ (");
        encode::number(modseq, out);
        out.push(b')');
    }

    /// `)`.
    pub(super) fn end(self) {
        self.out.extend_from_slice(b")\r\n");
    }
}

/// UIDs as a compact set, `1:3,7`; they are ascending.
pub(super) fn uid_set(uids: impl IntoIterator<Item = Uid>, out: &mut Vec<u8>) {
    let mut range: Option<(Uid, Uid)> = None;
    let mut first = true;
    let mut put = |(from, to): (Uid, Uid)| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        encode::number(u64::from(from), out);
        if to != from {
            out.push(b':');
            encode::number(u64::from(to), out);
        }
    };
    for uid in uids {
        match &mut range {
            Some(range) if range.1 + 1 == uid => range.1 = uid,
            _ => {
                if let Some(done) = range.replace((uid, uid)) {
                    put(done);
                }
            }
        }
    }
    if let Some(done) = range {
        put(done);
    }
}

/// The same as text, for response codes.
pub(super) fn uid_set_text(uids: impl IntoIterator<Item = Uid>) -> String {
    let mut out = Vec::new();
    uid_set(uids, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_compact() {
        let set = |uids: &[Uid]| uid_set_text(uids.iter().copied());
        assert_eq!(set(&[]), "");
        assert_eq!(set(&[5]), "5");
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
    }

    #[test]
    fn flags_stand_in_one_list() {
        let mut out = Vec::new();
        let flags = Flags {
            system: 9,
            keywords: vec!["$Junk".into()],
        };
        flag_list(&flags, true, &mut out);
        assert_eq!(out, b"(\\Recent \\Seen \\Deleted $Junk)");
        out.clear();
        flag_list(&Flags::default(), false, &mut out);
        assert_eq!(out, b"()");
    }
}
