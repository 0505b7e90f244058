//! A server without a frame around it: facts, a store, sessions, and clients of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mox::addr::{AccountName, Domain};
use mox::config::model::Config;
use mox::config::{Unchecked, parse};
use mox::login::{Logins, TracedAttempts, password};
use mox::mailbox::MailboxName;
use mox::smtp::{Reply, parse_reply};
use mox::snapshot::Snapshot;
use mox::state::Credential;
use mox::store::{Store, StoreOptions};
use mox::x509::tls::ServerTls;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::super::{Service, serve};
use crate::conn::{Conn, ConnInfo, Stream};
use crate::context::Context;

/// What every test has unless it changes it.
const CONFIG: &str = r#"
[server]
hostname = "mail.example.org"
data_dir = "/nowhere"
postmaster = { account = "alice", mailbox = "Postmaster" }

[listeners.local]
ips = ["127.0.0.1"]
smtp = { port = 25 }

[domains."example.org"]
localpart_catchall_separators = ["+"]
[domains."example.org".aliases.team]
addresses = ["alice@example.org", "bob@example.org"]
post_public = true
[domains."off.example"]
disabled = true
[domains."bücher.example"]

[accounts.alice]
domain = "example.org"
destinations = { "alice@example.org" = {}, "lists@example.org" = { mailbox = "Lists" }, "alice@off.example" = {}, "süß@bücher.example" = {} }
[accounts.bob]
domain = "example.org"
destinations = { "bob@example.org" = {} }

[[routes]]
to = ["loop.example"]
transport = "loopback"
account = "bob"
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

    /// A connection before its greeting.
    pub(super) async fn open(&self, service: Service) -> Client<TcpStream> {
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
        tokio::spawn(serve(conn, service, Arc::clone(&self.context)));
        Client::new(client.expect("a connection"))
    }

    /// A session that nobody polls.
    pub(super) async fn unserved(&self, service: Service) -> impl Future<Output = ()> {
        let local = self.listener.local_addr().expect("an address");
        let (_, accepted) = tokio::join!(TcpStream::connect(local), self.listener.accept());
        let (stream, remote) = accepted.expect("a connection");
        let info = ConnInfo {
            id: 0,
            remote,
            local,
            listener: "local".into(),
            hostname: Domain::parse("mail.example.org").expect("a domain"),
            starttls: None,
            plaintext_logins: true,
        };
        let stream = Stream::Plain(stream);
        serve(Conn { stream, info }, service, Arc::clone(&self.context))
    }

    /// A connection after EHLO.
    pub(super) async fn connect(&self, service: Service) -> Client<TcpStream> {
        let mut client = self.open(service).await;
        client.expect("220 mail.example.org ESMTP mox").await;
        client.send("EHLO client.example\r\n").await;
        client.expect("250 mail.example.org").await;
        client
    }

    /// A connection after AUTH.
    pub(super) async fn logged_in(&self, user: &str) -> Client<TcpStream> {
        let mut client = self.connect(Service::Submission).await;
        client.login(user, PASSWORD).await;
        client.expect("235 2.7.0").await;
        client
    }

    /// The messages of a mailbox, as they are stored; none when there is no such mailbox.
    pub(super) async fn messages(&self, name: &str, mailbox: &str) -> Vec<String> {
        let handle = self.context.store.account(&account(name)).await;
        let view = handle.expect("an account").view().expect("a view");
        let mailbox = MailboxName::parse(mailbox).expect("a name");
        let Some(mailbox) = view.mailbox(&mailbox).expect("a mailbox") else {
            return Vec::new();
        };
        let mut bodies = Vec::new();
        view.messages(mailbox.id, 1, u32::MAX, &mut |message| {
            let body = view.body(&message).expect("a body");
            let mut bytes = vec![0; usize::try_from(body.len()).expect("a size")];
            let mut at = 0;
            while at < bytes.len() {
                let len = body.read_at(at as u64, &mut bytes[at..]).expect("bytes");
                assert!(len > 0, "the body is shorter than its length");
                at += len;
            }
            bodies.push(String::from_utf8(bytes).expect("text"));
            true
        })
        .expect("messages");
        bodies
    }
}

pub(super) fn account(name: &str) -> AccountName {
    AccountName::parse(name).expect("an account name")
}

/// A stored message without the lines on top of it.
pub(super) fn content(stored: &str) -> &str {
    let date = stored.find(" +0000\r\n").expect("the end of Received");
    &stored[date + 8..]
}

/// A client that never waits for long.
pub(super) struct Client<S> {
    pub(super) stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn new(stream: S) -> Client<S> {
        Client {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("sent");
        self.stream.flush().await.expect("sent");
    }

    /// The next reply; none at the end.
    pub(super) async fn reply(&mut self) -> Option<Reply> {
        loop {
            if let Some((reply, used)) = parse_reply(&self.buffer).expect("a reply") {
                self.buffer.drain(..used);
                return Some(reply);
            }
            let read = self.stream.read_buf(&mut self.buffer);
            let read = timeout(Duration::from_secs(20), read).await;
            if !matches!(read.expect("an answer in time"), Ok(1..)) {
                assert!(self.buffer.is_empty(), "half a reply");
                return None;
            }
        }
    }

    /// The next reply, which must begin like this.
    pub(super) async fn expect(&mut self, start: &str) -> Reply {
        let reply = self.reply().await.expect("a reply, not the end");
        let shown = reply.to_string();
        assert!(shown.starts_with(start), "{shown:?} came, not {start:?}");
        reply
    }

    /// Sends and expects.
    pub(super) async fn say(&mut self, line: &str, start: &str) -> Reply {
        self.send(format!("{line}\r\n")).await;
        let reply = self.reply().await.expect("a reply, not the end");
        let shown = reply.to_string();
        assert!(
            shown.starts_with(start),
            "to {line:?} came {shown:?}, not {start:?}"
        );
        reply
    }

    /// The server has nothing more to say and closes.
    pub(super) async fn ended(&mut self) {
        assert_eq!(self.reply().await, None);
    }

    /// AUTH PLAIN; the answer is not read.
    pub(super) async fn login(&mut self, user: &str, password: &str) {
        use base64::Engine;
        let plain = base64::prelude::BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        self.send(format!("AUTH PLAIN {plain}\r\n")).await;
    }

    /// Up to the content.
    pub(super) async fn begin(&mut self, from: &str, to: &[&str]) {
        self.say(&format!("MAIL FROM:<{from}>"), "250 2.1.0").await;
        for to in to {
            self.say(&format!("RCPT TO:<{to}>"), "250 2.1.5").await;
        }
        self.say("DATA", "354").await;
    }
}
