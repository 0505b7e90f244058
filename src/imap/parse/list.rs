//! LIST with its extensions, LSUB and STATUS (RFC 9051 §6.3.9, §6.3.11, RFC 5258, RFC 5819).

use super::scan::{Fail, Parsed, Scan};
use crate::imap::command::{CommandBody, ListCommand, StatusItem};

/// `list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`,
/// `mbox-or-pat = list-mailbox / patterns`, `patterns = "(" list-mailbox *(SP list-mailbox) ")"`
pub(super) fn list(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mut list = ListCommand::default();
    if scan.peek() == Some(b'(') {
        list.extended = true;
        select_options(scan, &mut list)?;
        scan.space()?;
    }
    list.reference = scan.astring()?;
    scan.space()?;
    if scan.peek() == Some(b'(') {
        list.extended = true;
        scan.list(|scan| {
            list.patterns.push(scan.list_mailbox()?);
            Ok(())
        })?;
        if list.patterns.is_empty() {
            return Err(Fail::bad("a pattern is missing"));
        }
    } else {
        list.patterns.push(scan.list_mailbox()?);
    }
    if scan.more()? {
        if !scan.take_word("RETURN") {
            return Err(Fail::bad("more than LIST takes"));
        }
        scan.space()?;
        list.extended = true;
        return_options(scan, &mut list)?;
    }
    Ok(CommandBody::List(list))
}

/// `list-select-opts = "(" [*(list-select-opt SP) list-select-base-opt …] ")"`: SUBSCRIBED, REMOTE,
/// SPECIAL-USE, and RECURSIVEMATCH beside one of those (RFC 5258 §3.1)
fn select_options(scan: &mut Scan<'_>, list: &mut ListCommand) -> Parsed<()> {
    scan.list(|scan| {
        let mut name = [0u8; 16];
        match scan.keyword(&mut name)? {
            "SUBSCRIBED" => list.select_subscribed = true,
            "REMOTE" => list.select_remote = true,
            "RECURSIVEMATCH" => list.select_recursive_match = true,
            "SPECIAL-USE" => list.select_special_use = true,
            _ => return Err(Fail::bad("unknown selection option of LIST")),
        }
        Ok(())
    })?;
    if list.select_recursive_match && !list.select_subscribed && !list.select_special_use {
        return Err(Fail::bad("RECURSIVEMATCH needs another selection option"));
    }
    Ok(())
}

/// `list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"`: SUBSCRIBED, CHILDREN,
/// SPECIAL-USE, `STATUS SP "(" status-att *(SP status-att) ")"`
fn return_options(scan: &mut Scan<'_>, list: &mut ListCommand) -> Parsed<()> {
    scan.list(|scan| {
        let mut name = [0u8; 16];
        match scan.keyword(&mut name)? {
            "SUBSCRIBED" => list.return_subscribed = true,
            "CHILDREN" => list.return_children = true,
            "SPECIAL-USE" => list.return_special_use = true,
            "STATUS" => {
                scan.space()?;
                list.return_status = Some(status_items(scan)?);
            }
            _ => return Err(Fail::bad("unknown return option of LIST")),
        }
        Ok(())
    })
}

/// `lsub = "LSUB" SP mailbox SP list-mailbox` (RFC 3501 §9)
pub(super) fn lsub(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let reference = scan.mailbox()?;
    scan.space()?;
    let pattern = scan.list_mailbox()?;
    Ok(CommandBody::Lsub { reference, pattern })
}

/// `status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`
pub(super) fn status(scan: &mut Scan<'_>) -> Parsed<CommandBody> {
    let mailbox = scan.mailbox()?;
    scan.space()?;
    let items = status_items(scan)?;
    Ok(CommandBody::Status { mailbox, items })
}

/// `status-att = "MESSAGES" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN" / "DELETED" / "SIZE"`, with
/// `"RECENT"` (RFC 3501), `"HIGHESTMODSEQ"` (RFC 7162) and `"APPENDLIMIT"` (RFC 7889); each counts once
fn status_items(scan: &mut Scan<'_>) -> Parsed<Vec<StatusItem>> {
    let mut items = Vec::new();
    scan.list(|scan| {
        let mut name = [0u8; 16];
        let item = match scan.keyword(&mut name)? {
            "MESSAGES" => StatusItem::Messages,
            "RECENT" => StatusItem::Recent,
            "UIDNEXT" => StatusItem::UidNext,
            "UIDVALIDITY" => StatusItem::UidValidity,
            "UNSEEN" => StatusItem::Unseen,
            "DELETED" => StatusItem::Deleted,
            "SIZE" => StatusItem::Size,
            "HIGHESTMODSEQ" => StatusItem::HighestModSeq,
            "APPENDLIMIT" => StatusItem::AppendLimit,
            _ => return Err(Fail::bad("unknown item of STATUS")),
        };
        if !items.contains(&item) {
            items.push(item);
        }
        Ok(())
    })?;
    match items.is_empty() {
        true => Err(Fail::bad("STATUS needs an item")),
        false => Ok(items),
    }
}
