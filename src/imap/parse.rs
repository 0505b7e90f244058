//! A command's bytes, literals inline, into a [`Command`] (RFC 9051 §9).
//!
//! Recursive descent by hand over bytes: each function is one rule of the grammar, which stands above
//! it. Keywords come in any case. Where clients are known to be sloppy and nothing is ambiguous, a
//! little more is taken than the grammar has (spaces at a line's end).

mod append;
mod fetch;
mod list;
mod scan;
mod search;
#[cfg(test)]
mod tests;

use super::command::{Command, CommandBody, MailboxArg};
use crate::mailbox::{FlagChange, Flags, SpecialUse};
use scan::{Fail, Parsed, Scan};

pub use append::{AppendNext, append_next};

/// Why bytes are no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ParseError {
    /// The tag the answer goes under; none if it could not be made out (then the answer is untagged).
    pub tag: Option<String>,
    /// How to answer: most are BAD; what is well-formed but not for this server is NO.
    pub answer: Answer,
    /// What for, for people.
    pub text: &'static str,
}

/// How a [`ParseError`] is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `BAD`.
    Bad,
    /// `BAD`, for a command whose name is not known.
    Unknown,
    /// `NO [USEATTR]`: a special use that is not kept here (RFC 6154 §3).
    UseAttr,
}

/// Parses what [`super::frame::Frame::Command`] and [`super::frame::Frame::Message`] delimit.
///
/// `command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF`
pub fn command(bytes: &[u8]) -> Result<Command, ParseError> {
    let text = scan::without_break(bytes);
    let Some(len) = tag_len(text) else {
        return Err(ParseError {
            tag: None,
            answer: Answer::Bad,
            text: "a command begins with a tag",
        });
    };
    let tag = String::from_utf8_lossy(&text[..len]).into_owned();
    let mut scan = Scan::new(bytes, text, len);
    match scan.space().and_then(|()| body(&mut scan)) {
        Ok(body) => Ok(Command { tag, body }),
        Err(Fail { answer, text }) => Err(ParseError {
            tag: Some(tag),
            answer,
            text,
        }),
    }
}

/// The tag a command begins with, if it is one.
pub fn tag(command: &[u8]) -> Option<String> {
    let len = tag_len(command)?;
    (command.get(len) == Some(&b' ')).then(|| String::from_utf8_lossy(&command[..len]).into_owned())
}

/// `tag = 1*<any ASTRING-CHAR except "+">`
fn tag_len(text: &[u8]) -> Option<usize> {
    let len = text
        .iter()
        .position(|byte| !scan::is_astring_byte(*byte) || *byte == b'+')
        .unwrap_or(text.len());
    (1..=MAX_TAG).contains(&len).then_some(len)
}

const MAX_TAG: usize = 255;

fn body(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mut name = [0u8; 16];
    let name = scan.keyword(&mut name)?;
    let body = match name {
        "CAPABILITY" => CommandBody::Capability,
        "NOOP" => CommandBody::Noop,
        "LOGOUT" => CommandBody::Logout,
        "STARTTLS" => CommandBody::StartTls,
        "NAMESPACE" => CommandBody::Namespace,
        "IDLE" => CommandBody::Idle,
        "CLOSE" => CommandBody::Close,
        "UNSELECT" => CommandBody::Unselect,
        "EXPUNGE" => CommandBody::Expunge,
        "CHECK" => CommandBody::Check,
        "UID" => uid(scan)?,
        name => {
            let parse = with_arguments(name).ok_or(Fail {
                answer: Answer::Unknown,
                text: "unknown command",
            })?;
            scan.space()?;
            parse(scan)?
        }
    };
    // An APPEND ends with its announcement, which took the line's end.
    if !matches!(body, CommandBody::Append { .. }) {
        scan.end()?;
    }
    Ok(body)
}

type Rule = fn(&mut Scan<'_>) -> Parsed<CommandBody>;

/// The rule for what stands behind a command's name and a space.
fn with_arguments(name: &str) -> Option<Rule> {
    Some(match name {
        "ID" => id,
        "AUTHENTICATE" => authenticate,
        "LOGIN" => login,
        "ENABLE" => enable,
        "SELECT" => |scan| select(scan, false),
        "EXAMINE" => |scan| select(scan, true),
        "CREATE" => create,
        "DELETE" => |scan| Ok(CommandBody::Delete(scan.mailbox()?)),
        "RENAME" => rename,
        "SUBSCRIBE" => |scan| Ok(CommandBody::Subscribe(scan.mailbox()?)),
        "UNSUBSCRIBE" => |scan| Ok(CommandBody::Unsubscribe(scan.mailbox()?)),
        "LIST" => list::list,
        "LSUB" => list::lsub,
        "STATUS" => list::status,
        "APPEND" => append::append,
        "SEARCH" => |scan| search::search(scan, false),
        "FETCH" => |scan| fetch::fetch(scan, false),
        "STORE" => |scan| store(scan, false),
        "COPY" => |scan| copy(scan, false),
        "MOVE" => |scan| move_(scan, false),
        _ => return None,
    })
}

/// `uid = "UID" SP (copy / move / fetch / search / store / uid-expunge)`
fn uid(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    scan.space()?;
    let mut name = [0u8; 16];
    let name = scan.keyword(&mut name)?;
    let rule: Rule = match name {
        "SEARCH" => |scan| search::search(scan, true),
        "FETCH" => |scan| fetch::fetch(scan, true),
        "STORE" => |scan| store(scan, true),
        "COPY" => |scan| copy(scan, true),
        "MOVE" => |scan| move_(scan, true),
        "EXPUNGE" => |scan| Ok(CommandBody::UidExpunge(scan.sequence_set()?)),
        _ => {
            return Err(Fail {
                answer: Answer::Unknown,
                text: "unknown command behind UID",
            });
        }
    };
    scan.space()?;
    rule(scan)
}

/// `id = "ID" SP id-params-list`,
/// `id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" / nil` (RFC 2971 §4)
fn id(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mut params = Vec::new();
    if scan.nil() {
        return Ok(CommandBody::Id(params));
    }
    scan.list(|scan| {
        let name = scan.string()?;
        scan.space()?;
        let value = if scan.nil() {
            None
        } else {
            Some(scan.string()?)
        };
        params.push((name, value));
        Ok(())
    })?;
    Ok(CommandBody::Id(params))
}

/// `authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]`, `initial-resp = base64 / "="`
fn authenticate(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mechanism = scan.atom()?.to_ascii_uppercase();
    let mut initial = None;
    if scan.space().is_ok() {
        let text = scan.rest().trim_ascii_end();
        let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        if text.is_empty() || !text.iter().all(base64) {
            return Err(Fail::bad("the initial response is not base64"));
        }
        initial = Some(text.to_vec());
        scan.skip(text.len());
    }
    Ok(CommandBody::Authenticate { mechanism, initial })
}

/// `login = "LOGIN" SP userid SP password`, both `astring`
fn login(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let user = scan.astring()?;
    scan.space()?;
    let password = scan.astring()?;
    Ok(CommandBody::Login { user, password })
}

/// `enable = "ENABLE" 1*(SP capability)`
fn enable(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mut capabilities = vec![scan.atom()?.to_ascii_uppercase()];
    while scan.more()? {
        capabilities.push(scan.atom()?.to_ascii_uppercase());
    }
    Ok(CommandBody::Enable(capabilities))
}

/// `select = "SELECT" SP mailbox [select-params]`,
/// `select-params = SP "(" select-param *(SP select-param) ")"`, `select-param = "CONDSTORE"`
/// (RFC 4466 §2.4, RFC 7162 §7)
fn select(scan: &mut Scan<'_>, examine: bool) -> Parsed<CommandBody> {
    let mailbox = scan.mailbox()?;
    let mut condstore = false;
    if scan.more()? {
        scan.list(|scan| {
            if !scan.take_word("CONDSTORE") {
                return Err(Fail::bad("unknown parameter of SELECT"));
            }
            condstore = true;
            Ok(())
        })?;
    }
    Ok(CommandBody::Select {
        mailbox,
        condstore,
        examine,
    })
}

/// `create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]`
/// (RFC 6154 §6)
fn create(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mailbox = scan.mailbox()?;
    let mut special_use = None;
    if scan.more()? {
        scan.list(|scan| {
            if !scan.take_word("USE") {
                return Err(Fail::bad("unknown parameter of CREATE"));
            }
            scan.space()?;
            scan.list(|scan| {
                let attribute = scan.flag()?;
                let not_here = Fail {
                    answer: Answer::UseAttr,
                    text: "this special use is not kept here",
                };
                let use_ = SpecialUse::parse(&attribute).ok_or(not_here)?;
                if special_use.replace(use_).is_some_and(|had| had != use_) {
                    return Err(Fail {
                        answer: Answer::UseAttr,
                        text: "a mailbox has one special use",
                    });
                }
                Ok(())
            })
        })?;
    }
    Ok(CommandBody::Create {
        mailbox,
        special_use,
    })
}

/// `rename = "RENAME" SP mailbox SP mailbox`
fn rename(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let from = scan.mailbox()?;
    scan.space()?;
    let to = scan.mailbox()?;
    Ok(CommandBody::Rename { from, to })
}

/// `store = "STORE" SP sequence-set [store-modifiers] SP store-att-flags`,
/// `store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))`,
/// `store-modifiers = SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"` (RFC 7162 §7)
fn store(scan: &mut Scan<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = scan.sequence_set()?;
    scan.space()?;
    let mut unchanged_since = None;
    if scan.peek() == Some(b'(') {
        scan.list(|scan| {
            if !scan.take_word("UNCHANGEDSINCE") {
                return Err(Fail::bad("unknown modifier of STORE"));
            }
            scan.space()?;
            unchanged_since = Some(scan.mod_sequence()?);
            Ok(())
        })?;
        scan.space()?;
    }
    let change: fn(Flags) -> FlagChange = if scan.take(b'+') {
        FlagChange::Add
    } else if scan.take(b'-') {
        FlagChange::Remove
    } else {
        FlagChange::Replace
    };
    let mut name = [0u8; 16];
    let silent = match scan.keyword(&mut name)? {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(Fail::bad("STORE changes FLAGS")),
    };
    scan.space()?;
    let flags = if scan.peek() == Some(b'(') {
        scan.flag_list()?
    } else {
        let mut flags = Flags::default();
        loop {
            flags.insert_text(&scan.flag()?).map_err(Fail::bad)?;
            if !scan.more()? {
                break flags;
            }
        }
    };
    Ok(CommandBody::Store {
        uid,
        set,
        change: change(flags),
        silent,
        unchanged_since,
    })
}

/// `copy = "COPY" SP sequence-set SP mailbox`
fn copy(scan: &mut Scan<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = scan.sequence_set()?;
    scan.space()?;
    let mailbox = scan.mailbox()?;
    Ok(CommandBody::Copy { uid, set, mailbox })
}

/// `move = "MOVE" SP sequence-set SP mailbox` (RFC 6851 §5)
fn move_(scan: &mut Scan<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = scan.sequence_set()?;
    scan.space()?;
    let mailbox: MailboxArg = scan.mailbox()?;
    Ok(CommandBody::Move { uid, set, mailbox })
}
