//! Rulesets of a destination.

use super::value::{mailbox, text};
use crate::config::model::{Pattern, Ruleset};
use crate::config::reader::At;

/// So many are looked at for each message.
const MAX_RULESETS: usize = 1000;

/// `rulesets` of a destination.
pub(super) fn read_all(at: At<'_, '_>) -> Option<Vec<Ruleset>> {
    if at.array()?.items.len() > MAX_RULESETS {
        return at.refuse(
            "ruleset.many",
            format!("{} has more than {MAX_RULESETS} rulesets", at.path),
        );
    }
    at.list(read)
}

fn read(at: At<'_, '_>) -> Option<Ruleset> {
    let mut fields = at.fields()?;
    let smtp_mail_from_regexp = fields.optional("smtp_mail_from_regexp", pattern);
    let msg_from_regexp = fields.optional("msg_from_regexp", pattern);
    let headers_regexp = fields.or("headers_regexp", Vec::new(), read_headers);
    let conditions = ["smtp_mail_from_regexp", "msg_from_regexp", "headers_regexp"];
    let any = conditions.iter().any(|key| fields.table.get(key).is_some());
    let mailbox = fields.required("mailbox", mailbox);
    let comment = fields.or("comment", String::new(), text);
    fields.reserved("verified_domain", "verified domains are");
    fields.reserved("is_forward", "rulesets for forwarded mail are");
    fields.reserved("list_allow_domain", "rulesets for mailing lists are");
    fields.reserved("accept_rejects_to_mailbox", "mailboxes for rejects are");
    fields.finish();
    if !any {
        return at.refuse_hint(
            "ruleset.empty",
            format!("{} has no condition", at.path),
            format!("it needs one of: {}", conditions.join(", ")),
        );
    }
    Some(Ruleset {
        smtp_mail_from_regexp,
        msg_from_regexp,
        headers_regexp,
        mailbox: mailbox?,
        comment,
    })
}

fn read_headers(at: At<'_, '_>) -> Option<Vec<(Pattern, Pattern)>> {
    if at.table()?.entries.is_empty() {
        return at.refuse("ruleset.empty", format!("{} has no field", at.path));
    }
    let mut all = Vec::new();
    at.each(|name, at| {
        let value = pattern(At {
            span: at.node.span.get(),
            ..at
        });
        if let (Some(name), Some(value)) = (compiled(name, at), value) {
            all.push((name, value));
        }
    })?;
    Some(all)
}

fn pattern(at: At<'_, '_>) -> Option<Pattern> {
    compiled(at.text()?, at)
}

fn compiled(text: &str, at: At<'_, '_>) -> Option<Pattern> {
    match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(why) => at.refuse(
            "ruleset.regexp",
            format!("{text:?} is not a regular expression: {why}"),
        ),
    }
}
