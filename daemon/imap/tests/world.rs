//! A server without a frame around it: facts, a store, sessions, and clients of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mox::addr::{AccountName, Domain};
use mox::config::model::Config;
use mox::config::{Unchecked, parse};
use mox::login::{Logins, TracedAttempts, password};
use mox::snapshot::Snapshot;
use mox::state::Credential;
use mox::store::{Account, Store, StoreOptions};
use mox::x509::tls::ServerTls;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::super::serve;
use crate::conn::{Conn, ConnInfo, Stream};
use crate::context::Context;

const CONFIG: &str = r#"
[server]
hostname = "mail.example.org"
data_dir = "/nowhere"
postmaster = { account = "alice" }

[listeners.local]
ips = ["127.0.0.1"]
imap = { port = 143, tls_required = false }

[domains."example.org"]

[accounts.alice]
domain = "example.org"
destinations = { "alice@example.org" = {} }
[accounts.bob]
domain = "example.org"
destinations = { "bob@example.org" = {} }
"#;

pub(super) const PASSWORD: &str = "correct horse";

/// Made once: it costs what some logins cost.
static CREDENTIAL: LazyLock<Credential> =
    LazyLock::new(|| password::credential(1, PASSWORD, true).expect("a credential"));

/// The server.
pub(super) struct World {
    pub(super) context: Arc<Context>,
    config: Config,
    credentials: HashMap<AccountName, Arc<Credential>>,
    listener: TcpListener,
    pub(super) starttls: Option<Arc<ServerTls>>,
    pub(super) plaintext_logins: bool,
    _folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn new() -> World {
        World::with(|_| {}).await
    }

    /// With another configuration.
    pub(super) async fn with(change: impl FnOnce(&mut Config)) -> World {
        let mut config = parse(CONFIG, "/nowhere/mox.toml".as_ref(), &Unchecked)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        change(&mut config);
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), StoreOptions::default()).expect("a store");
        for name in config.accounts.keys() {
            store.create_account(name).expect("an account");
        }
        let credentials = config
            .accounts
            .keys()
            .map(|name| (name.clone(), Arc::new(CREDENTIAL.clone())));
        let credentials: HashMap<_, _> = credentials.collect();
        let snapshot =
            Snapshot::compile(1, Arc::new(config.clone()), Arc::new(credentials.clone()));
        let logins = Logins::new([7; 32], Arc::new(TracedAttempts));
        let context = Context::new(Arc::new(snapshot), store, logins);
        World {
            context: Arc::new(context),
            config,
            credentials,
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a port"),
            starttls: None,
            plaintext_logins: true,
            _folder: folder,
        }
    }

    /// Serves other facts from now on.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.swap();
    }

    /// Another password serial, as after setting a password.
    pub(super) fn new_password(&mut self, name: &str) {
        let credential = self
            .credentials
            .get_mut(&account(name))
            .expect("a password");
        *credential = Arc::new(Credential {
            serial: credential.serial + 1,
            ..Credential::clone(credential)
        });
        self.swap();
    }

    fn swap(&self) {
        let snapshot = Snapshot::compile(
            self.context.live.now().generation + 1,
            Arc::new(self.config.clone()),
            Arc::new(self.credentials.clone()),
        );
        self.context.live.swap(Arc::new(snapshot));
    }

    /// The account's mail, for looking past IMAP.
    pub(super) async fn account(&self, name: &str) -> Account {
        let account = self.context.store.account(&account(name)).await;
        account.expect("an account")
    }

    /// A connection before its greeting.
    pub(super) async fn open(&self) -> Client<TcpStream> {
        let (conn, client) = self.pair().await;
        tokio::spawn(serve(conn, Arc::clone(&self.context)));
        Client::new(client)
    }

    /// Both ends of a connection.
    pub(super) async fn pair(&self) -> (Conn, TcpStream) {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        let local = self.listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(local), self.listener.accept());
        let (stream, remote) = accepted.expect("a connection");
        let conn = Conn {
            stream: Stream::Plain(stream),
            info: ConnInfo {
                id: LAST_ID.fetch_add(1, Ordering::Relaxed),
                remote,
                local,
                listener: "local".into(),
                hostname: Domain::parse("mail.example.org").expect("a domain"),
                starttls: self.starttls.clone(),
                plaintext_logins: self.plaintext_logins,
            },
        };
        (conn, client.expect("a connection"))
    }

    /// A connection after its greeting.
    pub(super) async fn connect(&self) -> Client<TcpStream> {
        let mut client = self.open().await;
        let greeting = client.line().await.expect("a greeting");
        assert!(
            greeting.starts_with("* OK [CAPABILITY IMAP4rev"),
            "{greeting}"
        );
        client
    }

    /// A connection after LOGIN.
    pub(super) async fn logged_in(&self, user: &str) -> Client<TcpStream> {
        let mut client = self.connect().await;
        client
            .ok(&format!("LOGIN {user}@example.org \"{PASSWORD}\""))
            .await;
        client
    }

    /// A connection with a mailbox selected.
    pub(super) async fn selected(&self, user: &str, mailbox: &str) -> Client<TcpStream> {
        let mut client = self.logged_in(user).await;
        client.ok(&format!("SELECT {mailbox}")).await;
        client
    }
}

pub(super) fn account(name: &str) -> AccountName {
    AccountName::parse(name).expect("an account name")
}

/// A client that never waits for long.
pub(super) struct Client<S> {
    pub(super) stream: S,
    buffer: Vec<u8>,
    tags: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn new(stream: S) -> Client<S> {
        Client {
            stream,
            buffer: Vec::new(),
            tags: 0,
        }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("sent");
        self.stream.flush().await.expect("sent");
    }

    /// The next response without its line end, literals in it as `{n}` line break and bytes; none at
    /// the end of the connection.
    pub(super) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(len) = whole(&self.buffer) {
                let line: Vec<u8> = self.buffer.drain(..len).collect();
                let line = String::from_utf8_lossy(&line).into_owned();
                return Some(line.trim_end_matches("\r\n").to_owned());
            }
            let read = self.stream.read_buf(&mut self.buffer);
            let read = timeout(Duration::from_secs(20), read).await;
            if !matches!(read.expect("an answer in time"), Ok(1..)) {
                assert!(self.buffer.is_empty(), "half a response");
                return None;
            }
        }
    }

    /// The next response, which must begin like this.
    pub(super) async fn expect(&mut self, start: &str) -> String {
        let line = self.line().await.expect("a response, not the end");
        assert!(line.starts_with(start), "{line:?} came, not {start:?}");
        line
    }

    /// Sends a command; gives its tag.
    pub(super) async fn start(&mut self, command: &str) -> String {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.send(format!("{tag} {command}\r\n")).await;
        tag
    }

    /// The responses up to the tagged one, which is the last, without its tag.
    pub(super) async fn finish(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await.expect("a response, not the end");
            if let Some(rest) = line.strip_prefix(&format!("{tag} ")) {
                lines.push(rest.to_owned());
                return lines;
            }
            lines.push(line);
        }
    }

    /// Sends a command; gives all responses.
    pub(super) async fn run(&mut self, command: &str) -> Vec<String> {
        let tag = self.start(command).await;
        self.finish(&tag).await
    }

    /// Sends a command that must succeed; gives the untagged responses.
    pub(super) async fn ok(&mut self, command: &str) -> Vec<String> {
        let mut lines = self.run(command).await;
        let last = lines.pop().expect("the tagged response");
        assert!(last.starts_with("OK "), "to {command:?} came {last:?}");
        lines
    }

    /// Sends a command whose tagged response must begin like this; gives that response.
    pub(super) async fn says(&mut self, command: &str, start: &str) -> String {
        let last = self.run(command).await.pop().expect("the tagged response");
        assert!(
            last.starts_with(start),
            "to {command:?} came {last:?}, not {start:?}"
        );
        last
    }

    /// APPEND with a non-synchronising literal; `before` is what stands between.
    pub(super) async fn append(&mut self, mailbox: &str, before: &str, message: &str) -> String {
        let command = format!(
            "APPEND {mailbox} {before}{{{}+}}\r\n{message}",
            message.len()
        );
        self.says(&command, "OK [APPENDUID ").await
    }

    /// The server has nothing more to say and closes.
    pub(super) async fn ended(&mut self) {
        assert_eq!(self.line().await, None);
    }
}

/// Bytes of the first response, if it is whole.
fn whole(buffer: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + buffer.get(at..)?.windows(2).position(|w| w == b"\r\n")? + 2;
        let line = &buffer[at..end - 2];
        let literal = line.strip_suffix(b"}").and_then(|line| {
            let open = line.iter().rposition(|byte| *byte == b'{')?;
            std::str::from_utf8(&line[open + 1..])
                .ok()?
                .parse::<usize>()
                .ok()
        });
        match literal {
            Some(size) => at = end + size,
            None => return Some(end),
        }
        if buffer.len() < at {
            return None;
        }
    }
}
