//! AUTH with every mechanism, by the library's own client, bound to the connection or not.

use mox::sasl::client::{Binding, Client as Sasl};
use mox::sasl::{BindingKind, ChannelBinding, Hash};
use mox::smtp::Reply;
use mox::x509::client_channel_bindings;
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::Service::Submission;
use super::tls::{handshake, with_tls};
use super::world::{Client, PASSWORD, World, account};

const USER: &str = "alice@example.org";

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// AUTH to its end.
    async fn authenticate(&mut self, sasl: &mut Sasl) -> Reply {
        let name = sasl.mechanism().name();
        let command = match sasl.initial() {
            Some(initial) => format!("AUTH {name} {}\r\n", *initial),
            None => format!("AUTH {name}\r\n"),
        };
        self.send(command).await;
        loop {
            let reply = self.reply().await.expect("an answer");
            if reply.code != 334 {
                return reply;
            }
            let line = sasl.respond(reply.text.as_bytes());
            let line = line.as_ref().map_or("*", |line| line.as_str());
            self.send(format!("{line}\r\n")).await;
        }
    }

    async fn answers(&mut self, mut sasl: Sasl, start: &str) -> Sasl {
        let reply = self.authenticate(&mut sasl).await.to_string();
        assert!(reply.starts_with(start), "{reply:?}, not {start:?}");
        sasl
    }
}

fn scram(hash: Hash, password: &str, binding: Binding<'_>) -> Sasl {
    Sasl::scram(hash, USER, password, binding).expect("sayable")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mechanism_logs_in() {
    let world = World::with(|config| config.auth.cram_md5 = true).await;
    let hello = world.connect(Submission).await.say("EHLO c", "250").await;
    let list = "\nAUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5\n";
    assert!(hello.text.contains(list), "{}", hello.text);
    for make in [
        |password: &str| Sasl::plain("", USER, password).expect("sayable"),
        |password: &str| Sasl::login(USER, password).expect("sayable"),
        |password: &str| Sasl::cram_md5(USER, password).expect("sayable"),
        |password: &str| scram(Hash::Sha1, password, Binding::Unsupported),
        |password: &str| scram(Hash::Sha256, password, Binding::NotOffered),
    ] {
        let mut client = world.connect(Submission).await;
        client.answers(make("wrong horse"), "535 5.7.8").await;
        let sasl = client.answers(make(PASSWORD), "235 2.7.0").await;
        sasl.finish().expect("the server has proven itself");
        client
            .say("MAIL FROM:<alice@example.org>", "250 2.1.0")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scram_binds_to_the_connection() {
    let (world, connector) = with_tls().await;
    let mut client = world.connect(Submission).await;
    for binding in [Binding::Unsupported, Binding::NotOffered] {
        client
            .answers(scram(Hash::Sha256, PASSWORD, binding), "538 5.7.11")
            .await;
    }
    for kind in [BindingKind::TlsExporter, BindingKind::TlsServerEndPoint] {
        let mut client = world.connect(Submission).await;
        client.say("STARTTLS", "220").await;
        let mut client = handshake(client, &connector).await.expect("TLS");
        client.say("EHLO c", "250").await;
        let bindings = client_channel_bindings(client.stream.get_ref().1);
        let real = bindings.get(kind).expect("one");
        let other = ChannelBinding {
            kind,
            data: vec![0; 32],
        };
        let plus = |password, binding| scram(Hash::Sha256, password, Binding::To(binding));
        client.answers(plus(PASSWORD, &other), "535 5.7.7").await;
        client.answers(plus("wrong horse", real), "535 5.7.8").await;
        let downgraded = scram(Hash::Sha256, PASSWORD, Binding::NotOffered);
        client.answers(downgraded, "535 5.7.7").await;
        let sasl = client.answers(plus(PASSWORD, real), "235").await;
        sasl.finish().expect("the server has proven itself");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_are_none_and_accounts_that_are_closed() {
    let world = World::with(|config| {
        let alice =
            std::sync::Arc::make_mut(config.accounts.get_mut(&account("alice")).expect("alice"));
        alice.login_disabled = "moved".into();
        config.auth.mechanisms_off = vec![mox::sasl::Mechanism::Plain];
    })
    .await;
    let mut client = world.connect(Submission).await;
    let right = scram(Hash::Sha1, PASSWORD, Binding::Unsupported);
    client.answers(right, "525 5.7.13 moved").await;
    let wrong = scram(Hash::Sha1, "wrong horse", Binding::Unsupported);
    client.answers(wrong, "535 5.7.8").await;
    client.login(USER, PASSWORD).await;
    client.expect("504 5.5.4").await;
    client.say("AUTH CRAM-MD5", "504 5.5.4").await;
    client.say("AUTH EXTERNAL =", "538 5.7.11").await;
    client.say("AUTH SCRAM-SHA-1-PLUS", "538 5.7.11").await;
    client.say("AUTH SCRAM-SHA-1", "334").await;
    client.say("biwsbj1hLG09eA==", "501 5.5.4").await;
    client.say("AUTH SCRAM-SHA-1 !", "501 5.5.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_guesses_is_shut_out_of_every_connection() {
    let world = World::with(|config| config.auth.failures_per_day = [2, 0, 0]).await;
    let mut other = world.connect(Submission).await;
    for _ in 0..2 {
        let mut client = world.connect(Submission).await;
        let wrong = scram(Hash::Sha1, "wrong horse", Binding::Unsupported);
        client.answers(wrong, "535").await;
    }
    for client in [&mut world.connect(Submission).await, &mut other] {
        client.login(USER, PASSWORD).await;
        client.expect("421 4.7.0").await;
        client.ended().await;
    }
}
