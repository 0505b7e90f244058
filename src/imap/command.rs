//! The commands of a client, parsed.

use super::sequence::SequenceSet;
use crate::mailbox::{FlagChange, Flags, SpecialUse, SystemFlag};

/// A tagged command.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The client's tag, as it came.
    pub tag: String,
    /// What it wants.
    pub body: CommandBody,
}

/// What a client can ask for. `uid`: whether the command stood behind `UID` (RFC 9051 §6.4.9).
/// Its `Debug` is the command as written, without passwords.
#[derive(Clone, PartialEq)]
#[allow(missing_docs)]
pub enum CommandBody {
    // Any state (RFC 9051 §6.1).
    Capability,
    Noop,
    Logout,
    /// RFC 2971; values may be NIL.
    Id(Vec<(Vec<u8>, Option<Vec<u8>>)>),

    // Not authenticated (§6.2).
    StartTls,
    /// The initial response still in base64; `=` is an empty one (SASL-IR).
    Authenticate {
        mechanism: String,
        initial: Option<Vec<u8>>,
    },
    Login {
        user: Vec<u8>,
        password: Vec<u8>,
    },

    // Authenticated (§6.3).
    Enable(Vec<String>),
    Select {
        mailbox: MailboxArg,
        condstore: bool,
        examine: bool,
    },
    Create {
        mailbox: MailboxArg,
        special_use: Option<SpecialUse>,
    },
    Delete(MailboxArg),
    Rename {
        from: MailboxArg,
        to: MailboxArg,
    },
    Subscribe(MailboxArg),
    Unsubscribe(MailboxArg),
    List(ListCommand),
    Lsub {
        reference: MailboxArg,
        pattern: Vec<u8>,
    },
    Namespace,
    Status {
        mailbox: MailboxArg,
        items: Vec<StatusItem>,
    },
    /// The message itself was read aside (see [`super`]'s frame); `size` is what was announced.
    Append {
        mailbox: MailboxArg,
        flags: Flags,
        date: Option<(i64, i16)>,
        size: u64,
        binary: bool,
        utf8: bool,
    },
    Idle,

    // Selected (§6.4).
    Close,
    Unselect,
    Expunge,
    UidExpunge(SequenceSet),
    Search(SearchCommand),
    Fetch {
        uid: bool,
        set: SequenceSet,
        items: Vec<FetchItem>,
        changed_since: Option<u64>,
    },
    Store {
        uid: bool,
        set: SequenceSet,
        change: FlagChange,
        silent: bool,
        unchanged_since: Option<u64>,
    },
    Copy {
        uid: bool,
        set: SequenceSet,
        mailbox: MailboxArg,
    },
    Move {
        uid: bool,
        set: SequenceSet,
        mailbox: MailboxArg,
    },
    /// RFC 3501 §6.4.1, gone from rev2.
    Check,
}

/// A mailbox name as it came: modified UTF-7 or UTF-8 is the session's to decide (it depends on ENABLE).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxArg(pub Vec<u8>);

/// LIST with its extensions (RFC 9051 §6.3.9, RFC 5258, RFC 5819).
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs)]
pub struct ListCommand {
    pub reference: Vec<u8>,
    /// One or more; whether the extended syntax was used decides over some answers.
    pub patterns: Vec<Vec<u8>>,
    pub extended: bool,
    pub select_subscribed: bool,
    pub select_remote: bool,
    pub select_recursive_match: bool,
    pub select_special_use: bool,
    pub return_subscribed: bool,
    pub return_children: bool,
    pub return_special_use: bool,
    pub return_status: Option<Vec<StatusItem>>,
}

/// Items of STATUS (RFC 9051 §6.3.11; RFC 7162, RFC 8438, RFC 7889).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum StatusItem {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    Size,
    HighestModSeq,
    AppendLimit,
}

/// SEARCH (RFC 9051 §6.4.4).
#[derive(Debug, Clone, PartialEq)]
pub struct SearchCommand {
    /// UID SEARCH.
    pub uid: bool,
    /// `RETURN (…)`; none: the client did not say (rev1 gets a SEARCH response, rev2 ESEARCH ALL).
    pub options: Option<SearchOptions>,
    /// CHARSET, upper case.
    pub charset: Option<String>,
    /// All of these.
    pub keys: Vec<SearchKey>,
}

/// `RETURN (…)`; an empty list means ALL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SearchOptions {
    pub min: bool,
    pub max: bool,
    pub all: bool,
    pub count: bool,
    pub save: bool,
}

/// A search key. Dates are days since 1970-01-01. Texts are bytes as they came.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum SearchKey {
    All,
    Sequence(SequenceSet),
    Uid(SequenceSet),
    /// System flags; `false` for UNANSWERED and its like.
    Flag(SystemFlag, bool),
    Keyword(String, bool),
    New,
    Old,
    Recent,
    Bcc(Vec<u8>),
    Cc(Vec<u8>),
    From(Vec<u8>),
    To(Vec<u8>),
    Subject(Vec<u8>),
    Body(Vec<u8>),
    Text(Vec<u8>),
    Header(Vec<u8>, Vec<u8>),
    Before(i64),
    On(i64),
    Since(i64),
    SentBefore(i64),
    SentOn(i64),
    SentSince(i64),
    Larger(u64),
    Smaller(u64),
    /// RFC 7162 §3.1.5.
    ModSeq(u64),
    Not(Box<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    And(Vec<SearchKey>),
}

/// What FETCH shows (RFC 9051 §6.4.5); the macros ALL, FAST, FULL are already spelt out.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum FetchItem {
    Uid,
    Flags,
    InternalDate,
    Rfc822Size,
    Envelope,
    BodyStructure,
    /// `BODY` without a section.
    BodyStructureShort,
    ModSeq,
    /// `BODY[…]`, `BODY.PEEK[…]`.
    Body {
        section: Section,
        partial: Option<(u64, u64)>,
        peek: bool,
    },
    /// RFC 3501's own names.
    Rfc822,
    Rfc822Header,
    Rfc822Text,
    /// `BINARY[…]`, `BINARY.PEEK[…]` (RFC 3516).
    Binary {
        part: Vec<u32>,
        partial: Option<(u64, u64)>,
        peek: bool,
    },
    BinarySize {
        part: Vec<u32>,
    },
}

/// The section of a BODY item: a part by its numbers, and what of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Empty: the message itself.
    pub part: Vec<u32>,
    /// None: the whole part's body (or the whole message).
    pub text: Option<SectionText>,
}

/// What of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SectionText {
    Header,
    HeaderFields(Vec<Vec<u8>>),
    HeaderFieldsNot(Vec<Vec<u8>>),
    Text,
    Mime,
}
