//! Greeting, STARTTLS, LOGIN, AUTHENTICATE, and what a session is before and after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mox::x509;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::world::{Client, PASSWORD, World, account};

#[tokio::test(flavor = "multi_thread")]
async fn logins_end_as_the_table_says() {
    let world = World::with(|config| {
        let bob = std::sync::Arc::make_mut(config.accounts.get_mut(&account("bob")).expect("bob"));
        bob.login_disabled = "moved to mail.example.net".into();
        config.limits.login_failures = 100;
    })
    .await;
    let mut client = world.connect().await;
    client.says("SELECT Inbox", "BAD ").await;
    client
        .says(
            "LOGIN alice@example.org wrong",
            "NO [AUTHENTICATIONFAILED] ",
        )
        .await;
    client
        .says("LOGIN alice wrong", "NO [AUTHENTICATIONFAILED] ")
        .await;
    client
        .says("LOGIN bob@example.org wrong", "NO [AUTHENTICATIONFAILED] ")
        .await;
    let right = format!("LOGIN bob@example.org \"{PASSWORD}\"");
    client.says(&right, "NO moved to mail.example.net").await;
    client.says("AUTHENTICATE FOO", "NO ").await;
    client.says("AUTHENTICATE PLAIN !", "BAD ").await;
    client.says("AUTHENTICATE PLAIN AA==", "BAD ").await;
    let tag = client.start("AUTHENTICATE PLAIN").await;
    client.expect("+ ").await;
    client.send("*\r\n").await;
    client.expect(&format!("{tag} BAD ")).await;
    let tag = client.start("AUTHENTICATE LOGIN").await;
    client.expect("+ VXNlcm5hbWU6").await;
    client.send("YWxpY2VAZXhhbXBsZS5vcmc=\r\n").await;
    client.expect("+ UGFzc3dvcmQ6").await;
    client.send("Y29ycmVjdCBob3JzZQ==\r\n").await;
    client
        .expect(&format!("{tag} OK [CAPABILITY IMAP4rev"))
        .await;
    client.says("AUTHENTICATE PLAIN", "NO ").await;
    client.says("LOGIN a b", "NO ").await;
    client.says("STARTTLS", "BAD ").await;
    client.says("FETCH 1 FLAGS", "BAD ").await;
    let lines = client.run("LOGOUT").await;
    assert!(lines[0].starts_with("* BYE "), "{lines:?}");
    assert!(lines[1].starts_with("OK "), "{lines:?}");
    client.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn initial_responses_and_literals_log_in() {
    let world = World::new().await;
    for command in [
        "AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=".to_owned(),
        format!("LOGIN {{17+}}\r\nalice@example.org {{13+}}\r\n{PASSWORD}"),
    ] {
        let mut client = world.connect().await;
        client.ok(&command).await;
        let id = client.ok("ID (\"name\" \"test\")").await;
        assert_eq!(
            id,
            [concat!(
                "* ID (\"name\" \"mox\" \"version\" \"",
                env!("CARGO_PKG_VERSION"),
                "\")"
            )]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_failures_wait_longer() {
    let world = World::with(|config| {
        config.limits.login_failures = 1;
        config.limits.login_failure_delay = Duration::from_millis(40);
    })
    .await;
    let mut client = world.connect().await;
    let wrong = "LOGIN alice@example.org wrong";
    client.says(wrong, "NO ").await;
    let start = Instant::now();
    client.says(wrong, "NO ").await;
    client.says(wrong, "NO ").await;
    assert!(start.elapsed() >= Duration::from_millis(120));
}

/// A world with STARTTLS, where passwords need it, and what its clients need for it.
pub(super) async fn with_tls() -> (World, TlsConnector) {
    let mut world = World::new().await;
    let made = x509::self_signed(&["mail.example.org"], &[]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    std::fs::write(&cert, &made.cert_pem).expect("written");
    std::fs::write(&key, &made.key_pem).expect("written");
    let certified = x509::load_certified_key(&cert, &key).expect("a pair");
    let clients = x509::tls::Clients::Programs { client_auth: true };
    let server =
        x509::tls::server_config(vec![certified], false, clients).expect("a configuration");
    world.starttls = Some(Arc::new(server));
    world.plaintext_logins = false;
    let mut roots = RootCertStore::empty();
    let cert = CertificateDer::from_pem_slice(made.cert_pem.as_bytes()).expect("a certificate");
    roots.add(cert).expect("a root");
    let config = ClientConfig::builder_with_provider(x509::provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (world, TlsConnector::from(Arc::new(config)))
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_need_tls_and_nothing_hides_before_it() {
    let (world, connector) = with_tls().await;
    let mut client = world.open().await;
    let greeting = client.line().await.expect("a greeting");
    assert!(
        greeting.contains(" STARTTLS") && greeting.contains(" LOGINDISABLED"),
        "{greeting}"
    );
    assert!(!greeting.contains("AUTH="), "{greeting}");
    client.says("LOGIN a b", "NO [PRIVACYREQUIRED] ").await;
    client
        .says("AUTHENTICATE PLAIN AA==", "NO [PRIVACYREQUIRED] ")
        .await;
    client.says("STARTTLS", "OK ").await;
    let name = ServerName::try_from("mail.example.org").expect("a name");
    let stream = connector
        .connect(name.clone(), client.stream)
        .await
        .expect("TLS");
    let mut client = Client::new(stream);
    let lines = client.ok("CAPABILITY").await;
    assert!(
        lines[0].contains("AUTH=PLAIN") && !lines[0].contains("STARTTLS"),
        "{lines:?}"
    );
    client.says("STARTTLS", "BAD ").await;
    client
        .ok(&format!("LOGIN alice@example.org \"{PASSWORD}\""))
        .await;

    let mut client = world.connect().await;
    client.send("1 STARTTLS\r\n2 NOOP\r\n").await;
    client.expect("1 OK ").await;
    assert!(connector.connect(name, client.stream).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_bad_until_there_is_too_much_of_it() {
    let world = World::new().await;
    let mut client = world.connect().await;
    client.send("\r\n").await;
    client.expect("* BAD ").await;
    client.says("NONSENSE", "BAD ").await;
    client.says("NOOP extra", "BAD ").await;
    client.ok("NOOP").await;
    client
        .send(format!("x NOOP {}\r\n", "y".repeat(20_000)))
        .await;
    client.expect("x BAD ").await;
    client.ok("CAPABILITY").await;
    for _ in 0..9 {
        client.says("NONSENSE", "BAD ").await;
    }
    client.send("z NONSENSE\r\n").await;
    client.expect("z BAD ").await;
    client.expect("* BYE ").await;
    client.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_commands_are_answered_in_order() {
    let world = World::new().await;
    let mut client = world.connect().await;
    let login = format!("a LOGIN alice@example.org \"{PASSWORD}\"\r\n");
    client
        .send(format!(
            "{login}b NOOP\r\nc SELECT Inbox\r\nd UID SEARCH ALL\r\ne LOGOUT\r\n"
        ))
        .await;
    let mut tags = Vec::new();
    while let Some(line) = client.line().await {
        let tag = line.split(' ').next().unwrap_or_default().to_owned();
        if tag != "*" {
            assert!(line[tag.len()..].starts_with(" OK "), "{line}");
            tags.push(tag);
        }
    }
    assert_eq!(tags, ["a", "b", "c", "d", "e"]);
}
