//! Commands as a client writes them: what [`super::parse`] takes apart.

use std::fmt;

use super::command::{
    Command, CommandBody, FetchItem, ListCommand, SearchCommand, SearchKey, Section, SectionText,
    StatusItem,
};
use super::encode;
use super::sequence::{SeqNumber, SequenceSet};
use crate::mailbox::{FlagChange, SystemFlag};

/// Writes a command, its line break included. What no quoted string can hold becomes a
/// non-synchronising literal (RFC 7888). An APPEND ends with its announcement, synchronising; the
/// message and, behind `UTF8 (`, the parenthesis are the caller's.
pub fn command(command: &Command, out: &mut Vec<u8>) {
    out.extend_from_slice(command.tag.as_bytes());
    out.push(b' ');
    body(&command.body, true, out);
    out.extend_from_slice(b"\r\n");
}

impl fmt::Debug for CommandBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        body(self, false, &mut out);
        write!(f, "{}", out.escape_ascii())
    }
}

fn body(body: &CommandBody, secrets: bool, out: &mut Vec<u8>) {
    let mut line = Line { out };
    match body {
        CommandBody::Capability => line.word("CAPABILITY"),
        CommandBody::Noop => line.word("NOOP"),
        CommandBody::Logout => line.word("LOGOUT"),
        CommandBody::StartTls => line.word("STARTTLS"),
        CommandBody::Namespace => line.word("NAMESPACE"),
        CommandBody::Idle => line.word("IDLE"),
        CommandBody::Close => line.word("CLOSE"),
        CommandBody::Unselect => line.word("UNSELECT"),
        CommandBody::Expunge => line.word("EXPUNGE"),
        CommandBody::Check => line.word("CHECK"),
        CommandBody::Id(params) => line.id(params),
        CommandBody::Authenticate { mechanism, initial } => {
            line.word("AUTHENTICATE ").word(mechanism);
            match initial {
                Some(initial) if secrets => line.word(" ").bytes(initial),
                Some(_) => line.word(" ***"),
                None => &mut line,
            }
        }
        CommandBody::Login { user, password } => {
            line.word("LOGIN ").astring(user).word(" ");
            match secrets {
                true => line.astring(password),
                false => line.word("***"),
            }
        }
        CommandBody::Enable(names) => {
            line.word("ENABLE");
            names
                .iter()
                .fold(&mut line, |line, name| line.word(" ").word(name))
        }
        CommandBody::Select {
            mailbox,
            condstore,
            examine,
        } => {
            line.word(if *examine { "EXAMINE " } else { "SELECT " });
            line.astring(&mailbox.0);
            line.word(if *condstore { " (CONDSTORE)" } else { "" })
        }
        CommandBody::Create {
            mailbox,
            special_use,
        } => {
            line.word("CREATE ").astring(&mailbox.0);
            match special_use {
                Some(use_) => line.word(" (USE (").word(use_.attribute()).word("))"),
                None => &mut line,
            }
        }
        CommandBody::Delete(mailbox) => line.word("DELETE ").astring(&mailbox.0),
        CommandBody::Rename { from, to } => line
            .word("RENAME ")
            .astring(&from.0)
            .word(" ")
            .astring(&to.0),
        CommandBody::Subscribe(mailbox) => line.word("SUBSCRIBE ").astring(&mailbox.0),
        CommandBody::Unsubscribe(mailbox) => line.word("UNSUBSCRIBE ").astring(&mailbox.0),
        CommandBody::List(list) => line.list(list),
        CommandBody::Lsub { reference, pattern } => line
            .word("LSUB ")
            .astring(&reference.0)
            .word(" ")
            .pattern(pattern),
        CommandBody::Status { mailbox, items } => line
            .word("STATUS ")
            .astring(&mailbox.0)
            .word(" ")
            .status_items(items),
        CommandBody::Append { .. } => line.append(body),
        CommandBody::UidExpunge(set) => line.word("UID EXPUNGE ").set(set),
        CommandBody::Search(search) => line.search(search),
        CommandBody::Fetch { .. } => line.fetch(body),
        CommandBody::Store { .. } => line.store(body),
        CommandBody::Copy { uid, set, mailbox } => line
            .uid(*uid)
            .word("COPY ")
            .set(set)
            .word(" ")
            .astring(&mailbox.0),
        CommandBody::Move { uid, set, mailbox } => line
            .uid(*uid)
            .word("MOVE ")
            .set(set)
            .word(" ")
            .astring(&mailbox.0),
    };
}

/// A command being written.
struct Line<'a> {
    out: &'a mut Vec<u8>,
}

impl Line<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.bytes(word.as_bytes())
    }

    fn number(&mut self, number: u64) -> &mut Self {
        encode::number(number, self.out);
        self
    }

    fn uid(&mut self, uid: bool) -> &mut Self {
        self.word(if uid { "UID " } else { "" })
    }

    fn string(&mut self, text: &[u8]) -> &mut Self {
        let quotable = |byte: &u8| *byte >= b' ' && byte.is_ascii();
        if !text.iter().all(quotable) {
            self.word("{").number(text.len() as u64).word("+}\r\n");
            return self.bytes(text);
        }
        self.word("\"");
        for &byte in text {
            if matches!(byte, b'"' | b'\\') {
                self.out.push(b'\\');
            }
            self.out.push(byte);
        }
        self.word("\"")
    }

    fn astring(&mut self, text: &[u8]) -> &mut Self {
        self.unquoted_if(text, |byte| byte == b']')
    }

    fn pattern(&mut self, text: &[u8]) -> &mut Self {
        self.unquoted_if(text, |byte| matches!(byte, b']' | b'%' | b'*'))
    }

    /// Bare if all bytes may stand in an atom or are `also` allowed.
    fn unquoted_if(&mut self, text: &[u8], also: impl Fn(u8) -> bool) -> &mut Self {
        let plain = |byte: &u8| {
            also(*byte) || (matches!(byte, 0x21..=0x7e) && !b"(){%*\"\\]".contains(byte))
        };
        match !text.is_empty() && text.iter().all(plain) {
            true => self.bytes(text),
            false => self.string(text),
        }
    }

    fn set(&mut self, set: &SequenceSet) -> &mut Self {
        let SequenceSet::Ranges(ranges) = set else {
            return self.word("$");
        };
        for (i, (first, last)) in ranges.iter().enumerate() {
            self.word(if i > 0 { "," } else { "" }).seq_number(*first);
            if first != last {
                self.word(":").seq_number(*last);
            }
        }
        self
    }

    fn seq_number(&mut self, number: SeqNumber) -> &mut Self {
        match number {
            SeqNumber::Number(number) => self.number(u64::from(number)),
            SeqNumber::Last => self.word("*"),
        }
    }

    /// Items divided by spaces, in parentheses.
    fn items<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) -> &mut Self {
        self.word("(");
        for (i, item) in items.iter().enumerate() {
            self.word(if i > 0 { " " } else { "" });
            each(self, item);
        }
        self.word(")")
    }

    fn words(&mut self, words: &[(bool, &str)]) -> &mut Self {
        let words: Vec<&str> = words
            .iter()
            .filter(|(there, _)| *there)
            .map(|(_, word)| *word)
            .collect();
        self.items(&words, |line, word| {
            line.word(word);
        })
    }

    fn id(&mut self, params: &[(Vec<u8>, Option<Vec<u8>>)]) -> &mut Self {
        self.word("ID ");
        if params.is_empty() {
            return self.word("NIL");
        }
        self.items(params, |line, (name, value)| {
            line.string(name).word(" ");
            match value {
                Some(value) => line.string(value),
                None => line.word("NIL"),
            };
        })
    }

    fn list(&mut self, list: &ListCommand) -> &mut Self {
        self.word("LIST ");
        if list.extended {
            self.words(&[
                (list.select_subscribed, "SUBSCRIBED"),
                (list.select_remote, "REMOTE"),
                (list.select_recursive_match, "RECURSIVEMATCH"),
                (list.select_special_use, "SPECIAL-USE"),
            ]);
            self.word(" ");
        }
        self.astring(&list.reference).word(" ");
        match list.patterns.as_slice() {
            [pattern] => self.pattern(pattern),
            patterns => self.items(patterns, |line, pattern| {
                line.pattern(pattern);
            }),
        };
        if !list.extended {
            return self;
        }
        let mut items = Vec::new();
        for (there, word) in [
            (list.return_subscribed, "SUBSCRIBED"),
            (list.return_children, "CHILDREN"),
            (list.return_special_use, "SPECIAL-USE"),
            (list.return_status.is_some(), "STATUS"),
        ] {
            if there {
                items.push(word);
            }
        }
        self.word(" RETURN ").items(&items, |line, word| {
            line.word(word);
            if let ("STATUS", Some(items)) = (*word, &list.return_status) {
                line.word(" ").status_items(items);
            }
        })
    }

    fn status_items(&mut self, items: &[StatusItem]) -> &mut Self {
        self.items(items, |line, item| {
            line.word(match item {
                StatusItem::Messages => "MESSAGES",
                StatusItem::Recent => "RECENT",
                StatusItem::UidNext => "UIDNEXT",
                StatusItem::UidValidity => "UIDVALIDITY",
                StatusItem::Unseen => "UNSEEN",
                StatusItem::Deleted => "DELETED",
                StatusItem::Size => "SIZE",
                StatusItem::HighestModSeq => "HIGHESTMODSEQ",
                StatusItem::AppendLimit => "APPENDLIMIT",
            });
        })
    }

    fn append(&mut self, body: &CommandBody) -> &mut Self {
        let CommandBody::Append {
            mailbox,
            flags,
            date,
            size,
            binary,
            utf8,
        } = body
        else {
            return self;
        };
        self.word("APPEND ").astring(&mailbox.0).word(" ");
        if !flags.is_empty() {
            self.word("(").word(&flags.to_string()).word(") ");
        }
        if let Some(date) = date {
            encode::date_time(*date, self.out);
            self.word(" ");
        }
        self.word(if *utf8 { "UTF8 (" } else { "" });
        self.word(if *binary { "~{" } else { "{" })
            .number(*size)
            .word("}")
    }

    fn search(&mut self, search: &SearchCommand) -> &mut Self {
        self.uid(search.uid).word("SEARCH");
        if let Some(options) = &search.options {
            self.word(" RETURN ").words(&[
                (options.min, "MIN"),
                (options.max, "MAX"),
                (options.all, "ALL"),
                (options.count, "COUNT"),
                (options.save, "SAVE"),
            ]);
        }
        if let Some(charset) = &search.charset {
            self.word(" CHARSET ").astring(charset.as_bytes());
        }
        for key in &search.keys {
            self.word(" ").key(key);
        }
        self
    }

    fn key(&mut self, key: &SearchKey) -> &mut Self {
        match key {
            SearchKey::All => self.word("ALL"),
            SearchKey::Sequence(set) => self.set(set),
            SearchKey::Uid(set) => self.word("UID ").set(set),
            SearchKey::Flag(flag, is) => self.word(if *is { "" } else { "UN" }).word(match flag {
                SystemFlag::Seen => "SEEN",
                SystemFlag::Answered => "ANSWERED",
                SystemFlag::Flagged => "FLAGGED",
                SystemFlag::Deleted => "DELETED",
                SystemFlag::Draft => "DRAFT",
            }),
            SearchKey::Keyword(word, is) => self
                .word(if *is { "KEYWORD " } else { "UNKEYWORD " })
                .word(word),
            SearchKey::New => self.word("NEW"),
            SearchKey::Old => self.word("OLD"),
            SearchKey::Recent => self.word("RECENT"),
            SearchKey::Bcc(text) => self.word("BCC ").astring(text),
            SearchKey::Cc(text) => self.word("CC ").astring(text),
            SearchKey::From(text) => self.word("FROM ").astring(text),
            SearchKey::To(text) => self.word("TO ").astring(text),
            SearchKey::Subject(text) => self.word("SUBJECT ").astring(text),
            SearchKey::Body(text) => self.word("BODY ").astring(text),
            SearchKey::Text(text) => self.word("TEXT ").astring(text),
            SearchKey::Header(name, text) => {
                self.word("HEADER ").astring(name).word(" ").astring(text)
            }
            SearchKey::Before(day) => self.word("BEFORE ").date(*day),
            SearchKey::On(day) => self.word("ON ").date(*day),
            SearchKey::Since(day) => self.word("SINCE ").date(*day),
            SearchKey::SentBefore(day) => self.word("SENTBEFORE ").date(*day),
            SearchKey::SentOn(day) => self.word("SENTON ").date(*day),
            SearchKey::SentSince(day) => self.word("SENTSINCE ").date(*day),
            SearchKey::Larger(size) => self.word("LARGER ").number(*size),
            SearchKey::Smaller(size) => self.word("SMALLER ").number(*size),
            SearchKey::ModSeq(modseq) => self.word("MODSEQ ").number(*modseq),
            SearchKey::Not(key) => self.word("NOT ").key(key),
            SearchKey::Or(one, other) => self.word("OR ").key(one).word(" ").key(other),
            SearchKey::And(keys) => self.items(keys, |line, key| {
                line.key(key);
            }),
        }
    }

    /// `"d-Mon-yyyy"`, from the days since 1970: cut out of a date-time.
    fn date(&mut self, days: i64) -> &mut Self {
        let mut text = Vec::new();
        encode::date_time((days.saturating_mul(86_400), 0), &mut text);
        let text = text.get(1..12).unwrap_or_default();
        self.bytes(text.trim_ascii_start())
    }

    fn fetch(&mut self, body: &CommandBody) -> &mut Self {
        let CommandBody::Fetch {
            uid,
            set,
            items,
            changed_since,
        } = body
        else {
            return self;
        };
        self.uid(*uid).word("FETCH ").set(set).word(" ");
        self.items(items, |line, item| {
            line.fetch_item(item);
        });
        if let Some(modseq) = changed_since {
            self.word(" (CHANGEDSINCE ").number(*modseq).word(")");
        }
        self
    }

    fn fetch_item(&mut self, item: &FetchItem) -> &mut Self {
        match item {
            FetchItem::Uid => self.word("UID"),
            FetchItem::Flags => self.word("FLAGS"),
            FetchItem::InternalDate => self.word("INTERNALDATE"),
            FetchItem::Rfc822Size => self.word("RFC822.SIZE"),
            FetchItem::Envelope => self.word("ENVELOPE"),
            FetchItem::BodyStructure => self.word("BODYSTRUCTURE"),
            FetchItem::BodyStructureShort => self.word("BODY"),
            FetchItem::ModSeq => self.word("MODSEQ"),
            FetchItem::Rfc822 => self.word("RFC822"),
            FetchItem::Rfc822Header => self.word("RFC822.HEADER"),
            FetchItem::Rfc822Text => self.word("RFC822.TEXT"),
            FetchItem::Body {
                section,
                partial,
                peek,
            } => self
                .word(if *peek { "BODY.PEEK" } else { "BODY" })
                .section(section)
                .partial(*partial),
            FetchItem::Binary {
                part,
                partial,
                peek,
            } => self
                .word(if *peek { "BINARY.PEEK[" } else { "BINARY[" })
                .part(part)
                .word("]")
                .partial(*partial),
            FetchItem::BinarySize { part } => self.word("BINARY.SIZE[").part(part).word("]"),
        }
    }

    fn part(&mut self, part: &[u32]) -> &mut Self {
        for (i, number) in part.iter().enumerate() {
            self.word(if i > 0 { "." } else { "" })
                .number(u64::from(*number));
        }
        self
    }

    fn section(&mut self, section: &Section) -> &mut Self {
        self.word("[").part(&section.part);
        let Some(text) = &section.text else {
            return self.word("]");
        };
        self.word(if section.part.is_empty() { "" } else { "." });
        let names = match text {
            SectionText::Header => return self.word("HEADER]"),
            SectionText::Text => return self.word("TEXT]"),
            SectionText::Mime => return self.word("MIME]"),
            SectionText::HeaderFields(names) => {
                self.word("HEADER.FIELDS ");
                names
            }
            SectionText::HeaderFieldsNot(names) => {
                self.word("HEADER.FIELDS.NOT ");
                names
            }
        };
        self.items(names, |line, name| {
            line.astring(name);
        })
        .word("]")
    }

    fn partial(&mut self, partial: Option<(u64, u64)>) -> &mut Self {
        match partial {
            Some((start, len)) => self.word("<").number(start).word(".").number(len).word(">"),
            None => self,
        }
    }

    fn store(&mut self, body: &CommandBody) -> &mut Self {
        let CommandBody::Store {
            uid,
            set,
            change,
            silent,
            unchanged_since,
        } = body
        else {
            return self;
        };
        self.uid(*uid).word("STORE ").set(set).word(" ");
        if let Some(modseq) = unchanged_since {
            self.word("(UNCHANGEDSINCE ").number(*modseq).word(") ");
        }
        let (sign, flags) = match change {
            FlagChange::Add(flags) => ("+FLAGS", flags),
            FlagChange::Remove(flags) => ("-FLAGS", flags),
            FlagChange::Replace(flags) => ("FLAGS", flags),
        };
        self.word(sign)
            .word(if *silent { ".SILENT (" } else { " (" });
        self.word(&flags.to_string()).word(")")
    }
}
