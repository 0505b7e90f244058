//! Reading an account over IMAP, as tests that deliver want it: wait until messages are there,
//! and take their bytes.

use std::time::Duration;

use super::client::Client;
use super::instance::{Instance, Service};

/// The account of `mox localserve`.
pub const USER: &str = "mox@localhost";
/// Its password.
pub const PASSWORD: &str = "moxmoxmox";

/// A logged in IMAP session with a mailbox selected.
pub struct Reader {
    client: Client,
    tag: u32,
    exists: u32,
}

impl Reader {
    /// Selects Inbox of this user.
    #[track_caller]
    pub fn open(instance: &Instance, user: &str, password: &str) -> Reader {
        let mut client = instance.connect(Service::Imaps);
        let greeting = client.hear();
        assert!(greeting.starts_with("* OK"), "{greeting}");
        client.imap(&format!("login LOGIN {user} {password}"));
        let mut reader = Reader {
            client,
            tag: 0,
            exists: 0,
        };
        reader.command("SELECT Inbox");
        reader
    }

    /// Inbox of the account of `mox localserve`.
    #[track_caller]
    pub fn inbox(instance: &Instance) -> Reader {
        Reader::open(instance, USER, PASSWORD)
    }

    /// Sends a command, expects OK, returns all lines up to that.
    #[track_caller]
    pub fn command(&mut self, command: &str) -> Vec<String> {
        self.tag += 1;
        let lines = self.client.imap(&format!("t{} {command}", self.tag));
        for line in &lines {
            self.note(line);
        }
        lines
    }

    /// How many messages there are, as far as the server has said.
    pub fn exists(&self) -> u32 {
        self.exists
    }

    /// Waits, with IDLE, until there are at least so many messages.
    #[track_caller]
    pub fn wait_for(&mut self, count: u32) {
        self.command("NOOP");
        if self.exists >= count {
            return;
        }
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.client.say(&format!("{tag} IDLE"));
        let answer = self.client.hear();
        assert!(answer.starts_with('+'), "{answer}");
        while self.exists < count {
            let line = self.client.hear();
            self.note(&line);
        }
        self.client.say("DONE");
        for line in self.client.until_tag(&tag) {
            self.note(&line);
        }
    }

    /// The bytes of a message, by its number.
    #[track_caller]
    pub fn message(&mut self, number: u32) -> Vec<u8> {
        let mut all = self.messages(&number.to_string());
        assert_eq!(all.len(), 1, "message {number}");
        all.remove(0)
    }

    /// The bytes of all messages, in order.
    #[track_caller]
    pub fn all(&mut self) -> Vec<Vec<u8>> {
        match self.exists {
            // No set of numbers is valid then.
            0 => Vec::new(),
            _ => self.messages("1:*"),
        }
    }

    /// The bytes of the messages with these numbers, in order.
    #[track_caller]
    pub fn messages(&mut self, numbers: &str) -> Vec<Vec<u8>> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.client
            .say(&format!("{tag} FETCH {numbers} (BODY.PEEK[])"));
        let mut found = Vec::new();
        loop {
            let line = self.client.hear();
            if line.starts_with(&format!("{tag} ")) {
                assert!(line.starts_with(&format!("{tag} OK")), "{line}");
                return found;
            }
            self.note(&line);
            let Some(size) = line.strip_suffix('}').and_then(|l| l.rsplit('{').next()) else {
                continue;
            };
            let size = size.parse().expect("the size of a literal");
            found.push(self.client.bytes(size).expect("the bytes of a message"));
            let rest = self.client.hear();
            assert!(rest.ends_with(')'), "{rest}");
        }
    }

    /// How long the server may take to answer from now on.
    pub fn set_patience(&self, limit: Duration) {
        self.client.set_patience(limit);
    }

    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["*", n, "EXISTS"] => self.exists = n.parse().unwrap_or(0),
            ["*", _, "EXPUNGE"] => self.exists = self.exists.saturating_sub(1),
            _ => {}
        }
    }
}
