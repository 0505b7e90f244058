//! A client that does what the responses say always has the server's state.

use std::collections::BTreeMap;

use mox::mailbox::{Flags, MailboxName, SystemFlag};
use mox::store::{Mailbox, MailboxChanges, MailboxId, Message, ModSeq, Uid};
use proptest::prelude::*;

use super::*;

/// A mailbox as the store has it, with all that ever happened.
#[derive(Default)]
struct Server {
    messages: BTreeMap<Uid, (Flags, ModSeq)>,
    expunged: Vec<(Uid, ModSeq)>,
    keywords: Vec<String>,
    last_uid: Uid,
    modseq: ModSeq,
}

impl Server {
    fn mailbox(&self) -> Mailbox {
        Mailbox {
            id: MailboxId(1),
            name: MailboxName::inbox(),
            uid_validity: 1,
            uid_next: self.last_uid + 1,
            highest_modseq: self.modseq,
            messages: self.messages.len() as u32,
            unseen: 0,
            deleted: 0,
            size: 0,
            recent_below: self.last_uid + 1,
            subscribed: false,
            special_use: None,
            keywords: self.keywords.clone(),
        }
    }

    fn since(&self, modseq: ModSeq) -> MailboxChanges {
        let message = |uid: Uid, flags: &Flags, modseq: ModSeq| Message {
            uid,
            mailbox: MailboxId(1),
            modseq,
            flags: flags.clone(),
            received: (0, 0),
            saved: 0,
            size: 1,
            body: 1,
        };
        let mut expunged: Vec<Uid> = self
            .expunged
            .iter()
            .filter(|(_, at)| *at > modseq)
            .map(|(uid, _)| *uid)
            .collect();
        expunged.sort_unstable();
        MailboxChanges {
            changed: self
                .messages
                .iter()
                .filter(|(_, (_, at))| *at > modseq)
                .map(|(uid, (flags, at))| message(*uid, flags, *at))
                .collect(),
            expunged,
            modseq: self.modseq,
            deleted: false,
        }
    }

    fn step(&mut self, step: &Step) {
        self.modseq += 1;
        match *step {
            Step::Add(n) => {
                for _ in 0..n {
                    self.last_uid += 1;
                    let new = (Flags::default(), self.modseq);
                    self.messages.insert(self.last_uid, new);
                }
            }
            Step::Expunge(at) => {
                if let Some(uid) = self.nth(at) {
                    self.messages.remove(&uid);
                    self.expunged.push((uid, self.modseq));
                }
            }
            Step::Flag(at) => {
                if let Some(uid) = self.nth(at)
                    && let Some((flags, modseq)) = self.messages.get_mut(&uid)
                {
                    flags.system ^= SystemFlag::Seen as u8;
                    *modseq = self.modseq;
                }
            }
            Step::Keyword(at, keyword) => {
                if let Some(uid) = self.nth(at)
                    && let Some((flags, modseq)) = self.messages.get_mut(&uid)
                {
                    let keyword = format!("k{keyword}");
                    flags.insert_keyword(&keyword);
                    *modseq = self.modseq;
                    if let Err(at) = self.keywords.binary_search(&keyword) {
                        self.keywords.insert(at, keyword);
                    }
                }
            }
        }
    }

    fn nth(&self, at: usize) -> Option<Uid> {
        let len = self.messages.len();
        (len > 0).then(|| *self.messages.keys().nth(at % len).unwrap())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(u32),
    Expunge(usize),
    Flag(usize),
    Keyword(usize, u8),
}

fn selected(server: &Server) -> Selected {
    Selected::new(&server.mailbox(), false, watch::Sender::new(0).subscribe())
}

/// What a client makes of the responses.
#[derive(Default)]
struct Client {
    /// Flags by message number; none until the client learns them.
    messages: Vec<Option<String>>,
    known_keywords: String,
}

impl Client {
    fn hear(&mut self, responses: &[u8]) {
        for line in std::str::from_utf8(responses).unwrap().lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words[..] {
                ["*", n, "EXPUNGE"] => {
                    self.messages.remove(n.parse::<usize>().unwrap() - 1);
                }
                ["*", n, "EXISTS"] => {
                    let n = n.parse::<usize>().unwrap();
                    assert!(n >= self.messages.len(), "EXISTS never shrinks");
                    self.messages.resize(n, None);
                }
                ["*", n, "FETCH", items] => {
                    let flags = items.split_once("FLAGS (").unwrap().1;
                    let flags = flags.split_once(')').unwrap().0;
                    for keyword in flags.split(' ').filter(|flag| flag.starts_with('k')) {
                        assert!(
                            self.known_keywords.contains(keyword),
                            "{keyword} not announced"
                        );
                    }
                    let n = n.parse::<usize>().unwrap();
                    self.messages[n - 1] = Some(flags.to_owned());
                }
                ["*", "FLAGS", ..] => self.known_keywords = line.to_owned(),
                ["*", "OK", ..] => {}
                _ => panic!("{line}"),
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<(Vec<Step>, bool)>> {
    let step = prop_oneof![
        (1u32..4).prop_map(Step::Add),
        (0usize..20).prop_map(Step::Expunge),
        (0usize..20).prop_map(Step::Flag),
        (0usize..20, 0u8..4).prop_map(|(at, keyword)| Step::Keyword(at, keyword)),
    ];
    proptest::collection::vec(
        (proptest::collection::vec(step, 0..6), any::<bool>()),
        1..15,
    )
}

proptest! {
    #[test]
    fn the_client_has_the_servers_state(rounds in steps()) {
        let mut server = Server::default();
        server.step(&Step::Add(3));
        let mut selected = selected(&server);
        let uids = server.messages.keys().copied().collect();
        selected.set_messages(&server.mailbox(), uids, server.modseq);
        let mut client = Client::default();
        client.messages.resize(3, Some(String::new()));
        for (steps, expunges) in rounds {
            steps.iter().for_each(|step| server.step(step));
            let telling = Telling {
                expunges,
                uid: false,
                modseq: true,
                recent: false,
                own: None,
            };
            let before = client.messages.len();
            let mut out = Vec::new();
            selected.tell(&server.since(selected.modseq), &server.mailbox(), telling, &mut out);
            client.hear(&out);
            prop_assert_eq!(client.messages.len(), selected.uids.len() as usize);
            if !expunges {
                prop_assert!(client.messages.len() >= before);
                prop_assert!(!String::from_utf8_lossy(&out).contains("EXPUNGE"));
            }
            // Whoever is told of everything has everything.
            let known: Vec<Uid> = selected.uids.iter().filter(|uid| !selected.is_pending(*uid)).collect();
            prop_assert_eq!(&known, &server.messages.keys().copied().collect::<Vec<_>>());
            for (uid, (flags, _)) in &server.messages {
                let seq = selected.uids.seq_of(*uid).unwrap();
                // New messages' flags are the client's to fetch.
                if let Some(heard) = &client.messages[seq as usize - 1] {
                    let mut list = Vec::new();
                    crate::imap::reply::flag_list(flags, false, &mut list);
                    prop_assert_eq!(format!("({heard})").into_bytes(), list);
                }
            }
        }
    }
}

#[test]
fn own_changes_are_not_told_again() {
    let mut server = Server::default();
    server.step(&Step::Add(2));
    let mut selected = selected(&server);
    selected.set_messages(&server.mailbox(), vec![1, 2], server.modseq);
    server.step(&Step::Flag(0));
    let own = Own {
        modseq: server.modseq,
        tell_modseq: true,
    };
    server.step(&Step::Flag(1));
    let telling = Telling {
        expunges: true,
        uid: true,
        modseq: true,
        recent: true,
        own: Some(own),
    };
    let mut out = Vec::new();
    selected.tell(
        &server.since(selected.modseq),
        &server.mailbox(),
        telling,
        &mut out,
    );
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "* 1 FETCH (UID 1 MODSEQ (2))\r\n* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (3))\r\n"
    );
}

#[test]
fn recent_is_told_with_new_messages() {
    let mut server = Server::default();
    server.step(&Step::Add(2));
    let mut selected = selected(&server);
    selected.add_recent(2, 2);
    selected.set_messages(&server.mailbox(), vec![1, 2], server.modseq);
    let mut out = Vec::new();
    selected.tell_counts(true, &mut out);
    assert_eq!(out, b"* 2 EXISTS\r\n* 1 RECENT\r\n");
    server.step(&Step::Add(1));
    selected.add_recent(3, 3);
    let telling = Telling {
        expunges: true,
        uid: false,
        modseq: false,
        recent: true,
        own: None,
    };
    out.clear();
    selected.tell(
        &server.since(selected.modseq),
        &server.mailbox(),
        telling,
        &mut out,
    );
    assert_eq!(out, b"* 3 EXISTS\r\n* 2 RECENT\r\n");
    assert!(selected.is_recent(2) && selected.is_recent(3) && !selected.is_recent(1));
}
