//! LIST, LSUB (RFC 9051 §6.3.9, RFC 3501 §6.3.9; RFC 5258, RFC 5819, RFC 6154, RFC 3348).

mod pattern;

use std::collections::{BTreeMap, HashSet};

use mox::imap::command::ListCommand;
use mox::store::{Mailbox, StoreError, View};

use self::pattern::Pattern;
use super::session::{Done, Session, heavy};
use super::state::Enabled;
use super::words::Answer;
use super::{names, status};

/// So many patterns in one command, …
const PATTERNS: usize = 100;

/// … and so many bytes in all of them.
const PATTERN_BYTES: usize = 10_000;

impl Session {
    pub(super) fn list(&mut self, command: &ListCommand) -> Done {
        let user = self.user()?;
        if command.select_recursive_match && !command.select_subscribed {
            return Err(Answer::bad("RECURSIVEMATCH needs SUBSCRIBED").into());
        }
        let bytes = command.patterns.len() * command.reference.len()
            + command.patterns.iter().map(Vec::len).sum::<usize>();
        if command.patterns.len() > PATTERNS || bytes > PATTERN_BYTES {
            return Err(Answer::no("LIMIT", "too many patterns").into());
        }
        if !command.extended && command.patterns.iter().all(Vec::is_empty) {
            self.wire
                .out
                .extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n");
            return Ok(Answer::ok("done"));
        }
        let patterns = self.patterns(&command.reference, &command.patterns);
        let view = user.account.view()?;
        let tree = Tree::load(&view)?;
        let candidates = tree.candidates(command.select_subscribed, command.select_recursive_match);
        let limit = self.context.live.now().config.limits.message_size;
        let enabled = self.enabled;
        let out = &mut self.wire.out;
        heavy(weight(candidates.len(), bytes), || {
            for (name, candidate) in candidates {
                if !patterns.iter().any(|pattern| pattern.matches(name)) {
                    continue;
                }
                let special = candidate.mailbox.and_then(|mailbox| mailbox.special_use);
                let wanted = (!command.select_subscribed || candidate.subscribed)
                    && (!command.select_special_use || special.is_some());
                let child_info =
                    command.select_recursive_match && tree.subscribed_above.contains(name);
                if !wanted && !child_info {
                    continue;
                }
                let mut attributes = Vec::new();
                if candidate.mailbox.is_none() {
                    attributes.push("\\NonExistent");
                }
                if candidate.subscribed && (command.select_subscribed || command.return_subscribed)
                {
                    attributes.push("\\Subscribed");
                }
                attributes.push(tree.children(name));
                attributes.extend(special.map(|special| special.attribute()));
                line("LIST", &attributes, name, enabled, child_info, out);
                if let (Some(items), Some(mailbox)) = (&command.return_status, candidate.mailbox) {
                    status::tell(&view, mailbox, items, limit, enabled, out)?;
                }
            }
            Ok::<(), StoreError>(())
        })?;
        Ok(Answer::ok("done"))
    }

    pub(super) fn lsub(&mut self, reference: &[u8], pattern: &[u8]) -> Done {
        let user = self.user()?;
        if reference.len() + pattern.len() > PATTERN_BYTES {
            return Err(Answer::no("LIMIT", "too long a pattern").into());
        }
        let patterns = self.patterns(reference, std::slice::from_ref(&pattern.to_vec()));
        let view = user.account.view()?;
        let tree = Tree::load(&view)?;
        // `%` shows the level above a subscribed name, though it is not subscribed itself.
        let above = pattern.contains(&b'%');
        let enabled = self.enabled;
        let out = &mut self.wire.out;
        for (name, candidate) in tree.candidates(true, above) {
            if !patterns.iter().any(|pattern| pattern.matches(name)) {
                continue;
            }
            let attributes: &[&str] = match (candidate.subscribed, candidate.mailbox) {
                (true, Some(_)) => &[],
                (true, None) => &["\\Noselect"],
                (false, _) if above && tree.subscribed_above.contains(name) => &["\\Noselect"],
                (false, _) => continue,
            };
            line("LSUB", attributes, name, enabled, false, out);
        }
        Ok(Answer::ok("done"))
    }

    fn patterns(&self, reference: &[u8], patterns: &[Vec<u8>]) -> Vec<Pattern> {
        let Some(reference) = names::decode(reference, self.enabled) else {
            return Vec::new();
        };
        patterns
            .iter()
            .filter_map(|pattern| names::decode(pattern, self.enabled))
            .filter_map(|pattern| Pattern::new(&reference, &pattern))
            .collect()
    }
}

/// How much it is to match names with so many bytes of patterns, as [`heavy`] counts.
fn weight(names: usize, bytes: usize) -> u32 {
    u32::try_from(names.saturating_mul(bytes / 64 + 1)).unwrap_or(u32::MAX)
}

/// The LIST response that SELECT gives (RFC 9051 §6.3.2).
pub(super) fn tell_selected(
    view: &View,
    mailbox: &Mailbox,
    enabled: Enabled,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let tree = Tree::load(view)?;
    let name = mailbox.name.as_str();
    let mut attributes = vec![tree.children(name)];
    if mailbox.subscribed {
        attributes.push("\\Subscribed");
    }
    attributes.extend(mailbox.special_use.map(|special| special.attribute()));
    line("LIST", &attributes, name, enabled, false, out);
    Ok(())
}

/// The account's mailboxes and subscriptions, and who is above whom.
struct Tree {
    mailboxes: Vec<Mailbox>,
    /// Names subscribed to that no mailbox has.
    missing: Vec<String>,
    /// Names that have mailboxes below them.
    parents: HashSet<String>,
    /// Names that have subscribed names below them.
    subscribed_above: HashSet<String>,
}

/// A name that LIST may show.
#[derive(Clone, Copy, Default)]
struct Candidate<'a> {
    mailbox: Option<&'a Mailbox>,
    subscribed: bool,
}

impl Tree {
    fn load(view: &View) -> Result<Tree, StoreError> {
        let mailboxes = view.mailboxes()?;
        let missing: Vec<String> = view
            .subscriptions_without_mailbox()?
            .into_iter()
            .map(|name| name.as_str().to_owned())
            .collect();
        let mut parents = HashSet::new();
        let mut subscribed_above = HashSet::new();
        for mailbox in &mailboxes {
            add_ancestors(mailbox.name.as_str(), &mut parents);
            if mailbox.subscribed {
                add_ancestors(mailbox.name.as_str(), &mut subscribed_above);
            }
        }
        for name in &missing {
            add_ancestors(name, &mut subscribed_above);
        }
        Ok(Tree {
            mailboxes,
            missing,
            parents,
            subscribed_above,
        })
    }

    /// All mailboxes, Inbox first, then by name; with `missing` also names that are subscribed to but
    /// not there, with `above` names that lead to them.
    fn candidates(&self, missing: bool, above: bool) -> Vec<(&str, Candidate<'_>)> {
        let mut extra: BTreeMap<&str, Candidate<'_>> = BTreeMap::new();
        if above {
            for name in &self.subscribed_above {
                extra.insert(name, Candidate::default());
            }
        }
        if missing {
            for name in &self.missing {
                let subscribed = true;
                extra.insert(
                    name,
                    Candidate {
                        mailbox: None,
                        subscribed,
                    },
                );
            }
        }
        let mut all = Vec::with_capacity(self.mailboxes.len() + extra.len());
        for mailbox in &self.mailboxes {
            let name = mailbox.name.as_str();
            extra.remove(name);
            all.push((
                name,
                Candidate {
                    mailbox: Some(mailbox),
                    subscribed: mailbox.subscribed,
                },
            ));
        }
        all.extend(extra);
        all
    }

    fn children(&self, name: &str) -> &'static str {
        match self.parents.contains(name) {
            true => "\\HasChildren",
            false => "\\HasNoChildren",
        }
    }
}

fn add_ancestors(name: &str, set: &mut HashSet<String>) {
    for (at, _) in name.match_indices('/').rev() {
        // Whoever is known has brought those above along.
        if !set.insert(name[..at].to_owned()) {
            break;
        }
    }
}

fn line(
    what: &str,
    attributes: &[&str],
    name: &str,
    enabled: Enabled,
    child_info: bool,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(what.as_bytes());
    out.extend_from_slice(b" (");
    out.extend_from_slice(attributes.join(" ").as_bytes());
    out.extend_from_slice(b") \"/\" ");
    names::encode(name, enabled, out);
    if child_info {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.extend_from_slice(b"\r\n");
}
