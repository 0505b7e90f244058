//! SEARCH (RFC 9051 §6.4.4, RFC 7162 §3.1.5).

use super::scan::{Fail, Parsed, Scan};
use crate::imap::command::{CommandBody, SearchCommand, SearchKey, SearchOptions};
use crate::mailbox::SystemFlag;

/// `search = "SEARCH" [search-return-opts] SP search-program`,
/// `search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)`
pub(super) fn search(scan: &mut Scan<'_>, uid: bool) -> Parsed<CommandBody> {
    let mut options = None;
    if scan.take_word("RETURN") {
        scan.space()?;
        options = Some(return_options(scan)?);
        scan.space()?;
    }
    let mut charset = None;
    if scan.take_word("CHARSET") {
        scan.space()?;
        let name = scan.astring()?;
        charset = Some(String::from_utf8_lossy(&name).to_ascii_uppercase());
        scan.space()?;
    }
    let mut keys = vec![key(scan, 0)?];
    while scan.more()? {
        keys.push(key(scan, 0)?);
    }
    Ok(CommandBody::Search(SearchCommand {
        uid,
        options,
        charset,
        keys,
    }))
}

/// `search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"`,
/// `search-return-opt = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE"`; none is ALL
fn return_options(scan: &mut Scan<'_>) -> Parsed<SearchOptions> {
    let mut options = SearchOptions::default();
    scan.list(|scan| {
        let mut name = [0u8; 16];
        match scan.keyword(&mut name)? {
            "MIN" => options.min = true,
            "MAX" => options.max = true,
            "ALL" => options.all = true,
            "COUNT" => options.count = true,
            "SAVE" => options.save = true,
            _ => return Err(Fail::bad("unknown return option of SEARCH")),
        }
        Ok(())
    })?;
    if options == SearchOptions::default() {
        options.all = true;
    }
    Ok(options)
}

/// How deep NOT, OR and parentheses may nest.
const MAX_DEPTH: usize = 50;

/// `search-key = "ALL" / "ANSWERED" / "BCC" SP astring / … / "OR" SP search-key SP search-key / … /
/// sequence-set / "(" search-key *(SP search-key) ")"`
fn key(scan: &mut Scan<'_>, depth: usize) -> Parsed<SearchKey> {
    if depth > MAX_DEPTH {
        return Err(Fail::bad("search keys nest too deep"));
    }
    match scan.peek() {
        Some(b'(') => {
            let mut keys = Vec::new();
            scan.list(|scan| {
                keys.push(key(scan, depth + 1)?);
                Ok(())
            })?;
            return match keys.is_empty() {
                true => Err(Fail::bad("a search key is missing")),
                false => Ok(SearchKey::And(keys)),
            };
        }
        Some(b'0'..=b'9' | b'*' | b'$') => return Ok(SearchKey::Sequence(scan.sequence_set()?)),
        _ => {}
    }
    let mut name = [0u8; 16];
    let name = scan.keyword(&mut name)?;
    if let Some(key) = simple(name) {
        return Ok(key);
    }
    if !has_argument(name) {
        return Err(Fail::bad("unknown search key"));
    }
    scan.space()?;
    Ok(match name {
        "BCC" => SearchKey::Bcc(scan.astring()?),
        "BEFORE" => SearchKey::Before(date(scan)?),
        "BODY" => SearchKey::Body(scan.astring()?),
        "CC" => SearchKey::Cc(scan.astring()?),
        "FROM" => SearchKey::From(scan.astring()?),
        "HEADER" => {
            let field = scan.astring()?;
            scan.space()?;
            SearchKey::Header(field, scan.astring()?)
        }
        "KEYWORD" => SearchKey::Keyword(scan.atom()?.to_owned(), true),
        "LARGER" => SearchKey::Larger(scan.number64()?),
        "MODSEQ" => mod_seq(scan)?,
        "NOT" => SearchKey::Not(Box::new(key(scan, depth + 1)?)),
        "ON" => SearchKey::On(date(scan)?),
        "OR" => {
            let one = Box::new(key(scan, depth + 1)?);
            scan.space()?;
            SearchKey::Or(one, Box::new(key(scan, depth + 1)?))
        }
        "SENTBEFORE" => SearchKey::SentBefore(date(scan)?),
        "SENTON" => SearchKey::SentOn(date(scan)?),
        "SENTSINCE" => SearchKey::SentSince(date(scan)?),
        "SINCE" => SearchKey::Since(date(scan)?),
        "SMALLER" => SearchKey::Smaller(scan.number64()?),
        "SUBJECT" => SearchKey::Subject(scan.astring()?),
        "TEXT" => SearchKey::Text(scan.astring()?),
        "TO" => SearchKey::To(scan.astring()?),
        "UID" => SearchKey::Uid(scan.sequence_set()?),
        "UNKEYWORD" => SearchKey::Keyword(scan.atom()?.to_owned(), false),
        _ => return Err(Fail::bad("unknown search key")),
    })
}

/// Keys that are a word alone.
fn simple(name: &str) -> Option<SearchKey> {
    use SystemFlag::{Answered, Deleted, Draft, Flagged, Seen};
    Some(match name {
        "ALL" => SearchKey::All,
        "ANSWERED" => SearchKey::Flag(Answered, true),
        "DELETED" => SearchKey::Flag(Deleted, true),
        "DRAFT" => SearchKey::Flag(Draft, true),
        "FLAGGED" => SearchKey::Flag(Flagged, true),
        "SEEN" => SearchKey::Flag(Seen, true),
        "UNANSWERED" => SearchKey::Flag(Answered, false),
        "UNDELETED" => SearchKey::Flag(Deleted, false),
        "UNDRAFT" => SearchKey::Flag(Draft, false),
        "UNFLAGGED" => SearchKey::Flag(Flagged, false),
        "UNSEEN" => SearchKey::Flag(Seen, false),
        "NEW" => SearchKey::New,
        "OLD" => SearchKey::Old,
        "RECENT" => SearchKey::Recent,
        _ => return None,
    })
}

fn has_argument(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "BCC",
        "BEFORE",
        "BODY",
        "CC",
        "FROM",
        "HEADER",
        "KEYWORD",
        "LARGER",
        "MODSEQ",
        "NOT",
        "ON",
        "OR",
        "SENTBEFORE",
        "SENTON",
        "SENTSINCE",
        "SINCE",
        "SMALLER",
        "SUBJECT",
        "TEXT",
        "TO",
        "UID",
        "UNKEYWORD",
    ];
    NAMES.contains(&name)
}

/// `search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer`,
/// `search-modseq-ext = SP entry-name SP entry-type-req` (RFC 7162 §7); all flags have one
/// modification sequence, so that the entry says nothing (RFC 7162 §3.1.5)
fn mod_seq(scan: &mut Scan<'_>) -> Parsed<SearchKey> {
    if scan.peek() == Some(b'"') {
        let entry = scan.string()?.to_ascii_lowercase();
        let flag = entry.strip_prefix(b"/flags/");
        if flag.is_none_or(|flag| flag.is_empty()) {
            return Err(Fail::bad("unknown entry of MODSEQ"));
        }
        scan.space()?;
        if !(scan.take_word("PRIV") || scan.take_word("SHARED") || scan.take_word("ALL")) {
            return Err(Fail::bad("unknown entry type of MODSEQ"));
        }
        scan.space()?;
    }
    Ok(SearchKey::ModSeq(scan.mod_sequence()?))
}

/// `date = date-text / DQUOTE date-text DQUOTE`, `date-text = date-day "-" date-month "-" date-year`,
/// `date-day = 1*2DIGIT`
fn date(scan: &mut Scan<'_>) -> Parsed<i64> {
    let quoted = scan.take(b'"');
    let two = scan.rest().get(1).is_some_and(u8::is_ascii_digit);
    let day = scan.digits(if two { 2 } else { 1 })?;
    let days = scan.month_and_year(day)?;
    if quoted {
        scan.expect(b'"', "a date is malformed")?;
    }
    Ok(days)
}
