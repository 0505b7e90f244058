//! STARTTLS (RFC 3207).

use std::sync::Arc;

use mox::x509;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::Service::{Receive, Submission};
use super::world::{Client, PASSWORD, World};

/// A world with STARTTLS and what its clients need for it.
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
    let client = ClientConfig::builder_with_provider(x509::provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (world, TlsConnector::from(Arc::new(client)))
}

pub(super) async fn handshake(
    client: Client<TcpStream>,
    connector: &TlsConnector,
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let name = ServerName::try_from("mail.example.org").expect("a name");
    Ok(Client::new(connector.connect(name, client.stream).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_comes_in_over_tls() {
    let (world, connector) = with_tls().await;
    let mut client = world.open(Receive).await;
    client.expect("220").await;
    let hello = client.say("EHLO before", "250").await;
    assert!(hello.text.contains("\nSTARTTLS\n"));
    client.say("MAIL FROM:<a@b.example>", "250").await;
    client.say("STARTTLS", "220 2.0.0").await;
    let mut client = handshake(client, &connector).await.expect("TLS");
    client.say("MAIL FROM:<a@b.example>", "503 5.5.1").await;
    let hello = client.say("EHLO after", "250").await;
    assert!(!hello.text.contains("STARTTLS"));
    client.say("STARTTLS", "503 5.5.1").await;
    client.begin("a@b.example", &["alice@example.org"]).await;
    client.send("\r\n.\r\n").await;
    client.expect("250").await;
    let stored = world.messages("alice", "Inbox").await;
    assert!(stored[0].contains("from after ("), "{}", stored[0]);
    assert!(stored[0].contains(" with ESMTPS id "), "{}", stored[0]);
    assert!(stored[0].contains("\r\n\ttls TLS_"), "{}", stored[0]);
    assert!(stored[0].contains(" (TLSv1.3);"), "{}", stored[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_safe_over_tls() {
    let (world, connector) = with_tls().await;
    let mut client = world.connect(Submission).await;
    client.login("alice@example.org", PASSWORD).await;
    client.expect("538 5.7.11").await;
    client.say("STARTTLS", "220").await;
    let mut client = handshake(client, &connector).await.expect("TLS");
    let hello = client.say("EHLO c", "250").await;
    let list = "\nAUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN LOGIN\n";
    assert!(hello.text.contains(list), "{}", hello.text);
    client.login("alice@example.org", PASSWORD).await;
    client.expect("235").await;
    client.say("MAIL FROM:<alice@example.org>", "250").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_behind_starttls_is_no_command() {
    let (world, connector) = with_tls().await;
    let mut client = world.connect(Receive).await;
    client
        .send("STARTTLS\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\n")
        .await;
    client.expect("220").await;
    assert!(handshake(client, &connector).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_sent_ahead_is_one() {
    let (world, connector) = with_tls().await;
    let mut client = world.connect(Receive).await;
    let config = connector.config().clone();
    let name = ServerName::try_from("mail.example.org").expect("a name");
    let mut tls = rustls::ClientConnection::new(config, name).expect("a client");
    let mut all = b"STARTTLS\r\n".to_vec();
    tls.write_tls(&mut all).expect("a ClientHello");
    client.send(&all).await;
    client.expect("220").await;
    let mut stream = client.stream.into_std().expect("a stream");
    stream.set_nonblocking(false).expect("blocking");
    let done = tokio::task::spawn_blocking(move || {
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        std::io::Result::Ok(())
    });
    done.await.expect("no panic").expect("TLS");
}
