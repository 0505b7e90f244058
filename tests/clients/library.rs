//! The library's own clients against the server.

use std::sync::Arc;

use mox::imap::client::{Bounds, Client};
use mox::imap::command::{CommandBody, FetchItem, ListCommand, MailboxArg, Section, StatusItem};
use mox::imap::sequence::{SeqNumber, SequenceSet};
use mox::mailbox::Flags;
use mox::sasl::choice::Proof;
use mox::x509::client_tls::{Trust, client_config};
use mox::x509::load_certified_key;
use tokio::net::TcpStream;

use super::support::instance::{Instance, Service};
use super::support::reader::{PASSWORD, USER};
use super::{run, server};

fn password() -> Proof {
    Proof::Password {
        user: USER.to_owned(),
        password: PASSWORD.to_owned().into(),
    }
}

/// Waits for the end of a session.
fn wait(session: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(session);
}

fn inbox() -> MailboxArg {
    MailboxArg(b"INBOX".to_vec())
}

fn text(data: &[Vec<u8>]) -> String {
    let lines = data.iter().map(|line| String::from_utf8_lossy(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Stores a message, lists, selects and fetches.
async fn use_it(client: &mut Client<TcpStream>) {
    let message = b"Subject: by the library\r\n\r\n.text {5}\r\n";
    let append = CommandBody::Append {
        mailbox: inbox(),
        flags: Flags::default(),
        date: None,
        size: message.len() as u64,
        binary: false,
        utf8: false,
    };
    let stored = client.append(append, &mut &message[..]).await.unwrap();
    assert!(stored.code.unwrap().starts_with("APPENDUID "));
    let list = CommandBody::List(ListCommand {
        patterns: vec![b"*".to_vec()],
        ..ListCommand::default()
    });
    let listed = text(&client.run(list).await.unwrap().data);
    assert!(listed.contains("LIST (") && listed.contains("INBOX") || listed.contains("Inbox"));
    let select = CommandBody::Select {
        mailbox: inbox(),
        condstore: false,
        examine: true,
    };
    let selected = client.run(select).await.unwrap();
    assert_eq!(selected.code.as_deref(), Some("READ-ONLY"));
    assert!(text(&selected.data).contains(" EXISTS"));
    let all = SequenceSet::Ranges(vec![(SeqNumber::Last, SeqNumber::Last)]);
    let section = Section::default();
    let fetch = CommandBody::Fetch {
        uid: false,
        set: all,
        items: vec![FetchItem::Body {
            section,
            partial: None,
            peek: true,
        }],
        changed_since: None,
    };
    let fetched = text(&client.run(fetch).await.unwrap().data);
    assert!(
        fetched.contains("Subject: by the library\r\n\r\n.text {5}\r\n"),
        "{fetched}"
    );
    let status = CommandBody::Status {
        mailbox: MailboxArg(b"no such mailbox".to_vec()),
        items: vec![StatusItem::Messages],
    };
    let refused = client.run(status).await.unwrap_err().to_string();
    assert!(
        refused.starts_with("the server refused the command: "),
        "{refused}"
    );
}

async fn connect(instance: &Instance, service: Service) -> TcpStream {
    TcpStream::connect(instance.address(service)).await.unwrap()
}

#[test]
fn imap_with_a_password() {
    let instance = server();
    let tls = Arc::new(client_config(&Trust::Anyone, None).unwrap());
    wait(async {
        let stream = connect(&instance, Service::Imaps).await;
        let at_once = Some((tls.clone(), "localhost"));
        let mut client = Client::begin(stream, Bounds::default(), at_once)
            .await
            .unwrap();
        assert!(!client.is_logged_in());
        client.authenticate(&password()).await.unwrap();
        use_it(&mut client).await;
        client.logout().await;

        let stream = connect(&instance, Service::Imap).await;
        let mut client = Client::begin(stream, Bounds::default(), None)
            .await
            .unwrap();
        client.start_tls(tls, "localhost").await.unwrap();
        let wrong = Proof::Password {
            user: USER.to_owned(),
            password: "wrong wrong".to_owned().into(),
        };
        let refused = client.authenticate(&wrong).await.unwrap_err().to_string();
        assert_eq!(
            refused,
            "the server refused the login: wrong user or password"
        );
        client.authenticate(&password()).await.unwrap();
        use_it(&mut client).await;
        client.logout().await;
    });
}

#[test]
fn imap_with_a_certificate() {
    let instance = server();
    let mut command = instance.mox(["config", "tlspubkey", "gen", "--add", USER, "laptop"]);
    run(&mut command);
    let file = instance.root().join("laptop.combined.pem");
    let identity = load_certified_key(&file, &file).unwrap();
    let tls = Arc::new(client_config(&Trust::Anyone, Some(identity)).unwrap());
    let external = Proof::Certificate {
        authzid: String::new(),
    };
    wait(async {
        let stream = connect(&instance, Service::Imaps).await;
        let at_once = Some((tls.clone(), "localhost"));
        let mut client = Client::begin(stream, Bounds::default(), at_once)
            .await
            .unwrap();
        assert!(client.is_logged_in(), "PREAUTH");
        use_it(&mut client).await;
        client.logout().await;

        let stream = connect(&instance, Service::Imap).await;
        let mut client = Client::begin(stream, Bounds::default(), None)
            .await
            .unwrap();
        client.start_tls(tls, "localhost").await.unwrap();
        assert!(!client.is_logged_in());
        client.authenticate(&external).await.unwrap();
        use_it(&mut client).await;
        client.logout().await;
    });
}
