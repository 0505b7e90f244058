//! Random changes against a model that is as simple as can be, over restarts and crashes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 6] = ["Inbox", "a", "a/b", "a/b/c", "d", "Trash"];
const FLAGS: [&str; 5] = [
    "\\Seen",
    "\\Deleted",
    "$Work",
    "$work other",
    "\\Flagged \\Seen",
];

#[derive(Debug, Clone)]
enum Step {
    Add(usize, Vec<(usize, u16)>, bool),
    Flags(usize, BTreeSet<Uid>, usize, u8),
    Expunge(usize, Option<BTreeSet<Uid>>, bool),
    Copy(usize, BTreeSet<Uid>, usize),
    Move(usize, BTreeSet<Uid>, usize),
    Create(usize),
    Delete(usize),
    Rename(usize, usize),
    Reopen,
    Crash,
}

fn uids() -> impl Strategy<Value = BTreeSet<Uid>> {
    prop::collection::btree_set(1..12_u32, 0..6)
}

fn step() -> impl Strategy<Value = Step> {
    let mailbox = || 0..NAMES.len();
    let messages = prop::collection::vec((0..FLAGS.len() + 1, 0..3_000_u16), 1..4);
    prop_oneof![
        8 => (mailbox(), messages, any::<bool>()).prop_map(|(m, b, c)| Step::Add(m, b, c)),
        6 => (mailbox(), uids(), 0..FLAGS.len(), 0..3_u8).prop_map(|(m, u, f, h)| Step::Flags(m, u, f, h)),
        3 => (mailbox(), prop::option::of(uids()), any::<bool>()).prop_map(|(m, u, d)| Step::Expunge(m, u, d)),
        3 => (mailbox(), uids(), mailbox()).prop_map(|(m, u, t)| Step::Copy(m, u, t)),
        3 => (mailbox(), uids(), mailbox()).prop_map(|(m, u, t)| Step::Move(m, u, t)),
        2 => mailbox().prop_map(Step::Create),
        2 => mailbox().prop_map(Step::Delete),
        2 => (mailbox(), mailbox()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => Just(Step::Reopen),
        2 => Just(Step::Crash),
    ]
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Box_ {
    id: u32,
    uid_next: Uid,
    messages: BTreeMap<Uid, (Vec<u8>, Flags)>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    boxes: BTreeMap<String, Box_>,
    last_id: u32,
}

impl Model {
    fn make(&mut self, name: &str) {
        if let Some((parent, _)) = name.rsplit_once('/')
            && !self.boxes.contains_key(parent)
        {
            self.make(parent);
        }
        self.last_id += 1;
        let box_ = Box_ {
            id: self.last_id,
            uid_next: 1,
            ..Box_::default()
        };
        self.boxes.insert(name.to_owned(), box_);
    }

    fn append(&mut self, name: &str, message: (Vec<u8>, Flags)) -> Option<Uid> {
        let box_ = self.boxes.get_mut(name)?;
        box_.messages.insert(box_.uid_next, message);
        box_.uid_next += 1;
        Some(box_.uid_next - 1)
    }

    fn has_children(&self, name: &str) -> bool {
        self.boxes
            .keys()
            .any(|other| other.starts_with(&format!("{name}/")))
    }
}

struct Run {
    world: World,
    model: Model,
    /// States by the number of the change after which they were.
    history: Vec<(ModSeq, Model)>,
    bodies: usize,
}

impl Run {
    fn new() -> Run {
        let world = World::with(StoreOptions {
            segment_bytes: 8_000,
            checkpoint_bytes: 6_000,
            ..StoreOptions::default()
        });
        let mut model = Model::default();
        for name in ["Inbox", "Sent", "Archive", "Trash", "Drafts", "Junk"] {
            model.make(name);
        }
        Run {
            world,
            model,
            history: Vec::new(),
            bodies: 0,
        }
    }

    fn id(&self, mailbox: usize) -> MailboxId {
        // One that is not there: a number that never was.
        MailboxId(
            self.model
                .boxes
                .get(NAMES[mailbox])
                .map_or(999, |box_| box_.id),
        )
    }

    fn write(&self, change: Change) -> Result<Changed, StoreError> {
        self.world.account().write_blocking(change)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Add(mailbox, messages, create) => self.add(NAMES[*mailbox], messages, *create),
            Step::Flags(mailbox, uids, flags_, how) => {
                let id = self.id(*mailbox);
                let flags = flags(FLAGS[*flags_]);
                let change = match how {
                    0 => FlagChange::Add(flags),
                    1 => FlagChange::Remove(flags),
                    _ => FlagChange::Replace(flags),
                };
                let expected = self.model.boxes.get_mut(NAMES[*mailbox]).map(|box_| {
                    let mut changed = Vec::new();
                    for uid in uids {
                        if let Some((_, flags)) = box_.messages.get_mut(uid)
                            && flags.apply(&change)
                        {
                            changed.push(*uid);
                        }
                    }
                    changed
                });
                let done = self.write(Change::SetFlags {
                    mailbox: id,
                    uids: uids.iter().copied().collect(),
                    change,
                    unchanged_since: None,
                });
                match (done, expected) {
                    (Ok(Changed::Flags { changed, .. }), Some(expected)) => {
                        assert_eq!(changed, expected);
                    }
                    (Err(StoreError::NoMailbox), None) => {}
                    other => panic!("{other:?}"),
                }
            }
            Step::Expunge(mailbox, uids, only_deleted) => {
                let id = self.id(*mailbox);
                let expected = self.model.boxes.get_mut(NAMES[*mailbox]).map(|box_| {
                    let goes = |uid: &Uid, flags: &Flags| {
                        uids.as_ref().is_none_or(|uids| uids.contains(uid))
                            && (!only_deleted || flags.has(crate::mailbox::SystemFlag::Deleted))
                    };
                    let gone: Vec<Uid> = box_
                        .messages
                        .iter()
                        .filter(|(uid, (_, flags))| goes(uid, flags))
                        .map(|(uid, _)| *uid)
                        .collect();
                    gone.iter().for_each(|uid| drop(box_.messages.remove(uid)));
                    gone
                });
                let done = self.write(Change::Expunge {
                    mailbox: id,
                    uids: uids.as_ref().map(|uids| uids.iter().copied().collect()),
                    only_deleted: *only_deleted,
                });
                match (done, expected) {
                    (Ok(Changed::Expunged { uids, .. }), Some(expected)) => {
                        assert_eq!(uids, expected);
                    }
                    (Err(StoreError::NoMailbox), None) => {}
                    other => panic!("{other:?}"),
                }
            }
            Step::Copy(from, uids, to) => self.copy(*from, uids, *to, false),
            Step::Move(from, uids, to) => self.copy(*from, uids, *to, true),
            Step::Create(mailbox) => {
                let new = NAMES[*mailbox];
                let done = self.write(Change::CreateMailbox {
                    name: name(new),
                    special_use: None,
                });
                match done {
                    Ok(_) => {
                        assert!(!self.model.boxes.contains_key(new));
                        self.model.make(new);
                    }
                    Err(StoreError::MailboxExists) => assert!(self.model.boxes.contains_key(new)),
                    other => panic!("{other:?}"),
                }
            }
            Step::Delete(mailbox) => {
                let old = NAMES[*mailbox];
                let can = old != "Inbox"
                    && self.model.boxes.contains_key(old)
                    && !self.model.has_children(old);
                let done = self.write(Change::DeleteMailbox { name: name(old) });
                assert_eq!(done.is_ok(), can, "{done:?}");
                if can {
                    self.model.boxes.remove(old);
                }
            }
            Step::Rename(from, to) => self.rename(NAMES[*from], NAMES[*to]),
            Step::Reopen => self.world.reopen(),
            Step::Crash => self.world.crash(),
        }
    }

    fn add(&mut self, to: &str, messages: &[(usize, u16)], create: bool) {
        let mut new = Vec::new();
        for (flag, size) in messages {
            self.bodies += 1;
            let body = format!(
                "Subject: {}\r\n\r\n{}",
                self.bodies,
                "y".repeat(usize::from(*size))
            );
            let set = FLAGS.get(*flag).map(|text| flags(text)).unwrap_or_default();
            new.push((body.into_bytes(), set));
        }
        let change = Change::Add {
            mailbox: Err(name(to)),
            create,
            messages: new
                .iter()
                .map(|(body, flags)| NewMessage {
                    prefix: body[..3].to_vec(),
                    message: self.world.spooled(&body[3..]),
                    flags: flags.clone(),
                    received: (1, 2),
                })
                .collect(),
            quota: 0,
        };
        match self.write(change) {
            Ok(Changed::Added { uids, .. }) => {
                if !self.model.boxes.contains_key(to) {
                    assert!(create);
                    self.model.make(to);
                }
                for (uid, message) in uids.iter().zip(new) {
                    assert_eq!(self.model.append(to, message), Some(*uid));
                }
            }
            Err(StoreError::NoMailbox) => assert!(!create && !self.model.boxes.contains_key(to)),
            other => panic!("{other:?}"),
        }
    }

    fn copy(&mut self, from: usize, uids: &BTreeSet<Uid>, to: usize, away: bool) {
        let (mailbox, to) = (self.id(from), NAMES[to]);
        let list: Vec<Uid> = uids.iter().copied().collect();
        let change = match away {
            true => Change::Move {
                mailbox,
                uids: list,
                to: name(to),
            },
            false => Change::Copy {
                mailbox,
                uids: list,
                to: name(to),
                quota: 0,
            },
        };
        match self.write(change) {
            Ok(Changed::Copied { uids: pairs, .. }) => {
                let source = self.model.boxes.get_mut(NAMES[from]).unwrap();
                let mut found = Vec::new();
                for uid in uids {
                    if let Some(message) = source.messages.get(uid).cloned() {
                        found.push((*uid, message));
                        if away {
                            source.messages.remove(uid);
                        }
                    }
                }
                assert_eq!(pairs.len(), found.len());
                for ((old, new), (uid, message)) in pairs.into_iter().zip(found) {
                    assert_eq!(old, uid);
                    assert_eq!(self.model.append(to, message), Some(new));
                }
            }
            Err(StoreError::NoMailbox) => {
                let there = |name: &str| self.model.boxes.contains_key(name);
                assert!(!there(NAMES[from]) || !there(to));
            }
            other => panic!("{other:?}"),
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let done = self.write(Change::RenameMailbox {
            from: name(from),
            to: name(to),
        });
        let boxes = &self.model.boxes;
        let can = boxes.contains_key(from)
            && !boxes.contains_key(to)
            && (from == "Inbox" || !to.starts_with(&format!("{from}/")));
        assert_eq!(done.is_ok(), can, "{done:?}");
        if !can {
            return;
        }
        if from == "Inbox" {
            self.model.make(to);
            let inbox = self.model.boxes.get_mut("Inbox").unwrap();
            for (_, message) in std::mem::take(&mut inbox.messages) {
                self.model.append(to, message);
            }
            return;
        }
        if let Some((parent, _)) = to.rsplit_once('/')
            && !self.model.boxes.contains_key(parent)
        {
            self.model.make(parent);
        }
        let below = format!("{from}/");
        let moving: Vec<String> = self
            .model
            .boxes
            .keys()
            .filter(|name| *name == from || name.starts_with(&below))
            .cloned()
            .collect();
        for old in moving {
            let box_ = self.model.boxes.remove(&old).unwrap();
            self.model
                .boxes
                .insert(format!("{to}{}", &old[from.len()..]), box_);
        }
    }

    /// Compares all there is.
    fn check(&mut self) {
        let view = self.world.account().view().unwrap();
        let mailboxes = view.mailboxes().unwrap();
        let names: BTreeSet<&str> = mailboxes.iter().map(|m| m.name.as_str()).collect();
        let expected: BTreeSet<&str> = self.model.boxes.keys().map(String::as_str).collect();
        assert_eq!(names, expected);
        let mut total = 0;
        for mailbox in &mailboxes {
            let box_ = &self.model.boxes[mailbox.name.as_str()];
            assert_eq!((mailbox.id.0, mailbox.uid_next), (box_.id, box_.uid_next));
            let mut found = BTreeMap::new();
            let mut newest = 0;
            view.messages_with_parsed(mailbox.id, 1, Uid::MAX, &mut |message, parsed| {
                let body = read(&view.body(&message).unwrap());
                assert_eq!(parsed.root.body_end, body.len() as u64);
                assert_eq!(message.size, body.len() as u64);
                newest = newest.max(message.modseq);
                found.insert(message.uid, (body, message.flags));
                true
            })
            .unwrap();
            assert!(newest <= mailbox.highest_modseq);
            assert_eq!(found.len(), box_.messages.len());
            for ((uid, (body, flags)), (uid2, (body2, flags2))) in found.iter().zip(&box_.messages)
            {
                assert!(uid == uid2 && body == body2);
                assert!(flags.same(flags2), "{flags:?} {flags2:?}");
            }
            let count = |flag| {
                box_.messages
                    .values()
                    .filter(|(_, flags)| flags.has(flag))
                    .count()
            };
            let seen = count(crate::mailbox::SystemFlag::Seen);
            let deleted = count(crate::mailbox::SystemFlag::Deleted);
            let size: usize = box_.messages.values().map(|(body, _)| body.len()).sum();
            total += size as u64;
            assert_eq!(mailbox.messages as usize, found.len());
            assert_eq!(mailbox.unseen as usize, found.len() - seen);
            assert_eq!(mailbox.deleted as usize, deleted);
            assert_eq!(mailbox.size, size as u64);
            self.check_changes(&view, mailbox, box_);
        }
        assert_eq!(view.total_size().unwrap(), total);
        self.history
            .push((view.modseq().unwrap(), self.model.clone()));
    }

    /// What happened since each earlier state leads from it to now.
    fn check_changes(&self, view: &View, mailbox: &Mailbox, now: &Box_) {
        for (modseq, then) in self.history.iter().rev().take(4) {
            let changes = view.changes_since(mailbox.id, *modseq).unwrap();
            let mut then = then
                .boxes
                .values()
                .find(|box_| box_.id == mailbox.id.0)
                .cloned()
                .unwrap_or_default();
            assert!(changes.expunged.is_sorted());
            for uid in &changes.expunged {
                assert!(*uid < now.uid_next && !now.messages.contains_key(uid));
                then.messages.remove(uid);
            }
            for message in &changes.changed {
                assert!(message.modseq > *modseq);
                let body = now.messages[&message.uid].0.clone();
                then.messages
                    .insert(message.uid, (body, message.flags.clone()));
            }
            assert_eq!(then.messages.len(), now.messages.len());
            for (a, b) in then.messages.iter().zip(&now.messages) {
                assert!(
                    a.0 == b.0 && a.1.0 == b.1.0 && a.1.1.same(&b.1.1),
                    "{a:?} {b:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn does_what_the_model_does(steps in prop::collection::vec(step(), 1..40)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
            run.check();
        }
        run.world.crash();
        run.check();
    }
}
