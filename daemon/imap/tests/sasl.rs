//! AUTHENTICATE with every mechanism, by the library's own client, bound to the connection or not.

use mox::sasl::client::{Binding, Client as Sasl};
use mox::sasl::{BindingKind, ChannelBinding, Hash};
use mox::x509::client_channel_bindings;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};

use super::login::with_tls;
use super::world::{Client, PASSWORD, World, account};

const USER: &str = "alice@example.org";

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// AUTHENTICATE to its tagged response, which must begin like this.
    async fn authenticates(&mut self, mut sasl: Sasl, at_once: bool, start: &str) -> Sasl {
        let name = sasl.mechanism().name();
        let initial = if at_once { sasl.initial() } else { None };
        let tag = match initial {
            Some(initial) => {
                self.start(&format!("AUTHENTICATE {name} {}", *initial))
                    .await
            }
            None => self.start(&format!("AUTHENTICATE {name}")).await,
        };
        loop {
            let line = self.line().await.expect("a response");
            let Some(challenge) = line.strip_prefix("+ ") else {
                let expected = format!("{tag} {start}");
                assert!(line.starts_with(&expected), "{line:?}, not {expected:?}");
                return sasl;
            };
            let answer = sasl.respond(challenge.as_bytes());
            let answer = answer.as_ref().map_or("*", |line| line.as_str());
            self.send(format!("{answer}\r\n")).await;
        }
    }
}

fn scram(hash: Hash, password: &str, binding: Binding<'_>) -> Sasl {
    Sasl::scram(hash, USER, password, binding).expect("sayable")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mechanism_logs_in() {
    let world = World::with(|config| config.auth.cram_md5 = true).await;
    let list = world.connect().await.ok("CAPABILITY").await;
    let offered = " AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5";
    assert!(list[0].ends_with(offered), "{list:?}");
    for make in [
        |password: &str| Sasl::plain("", USER, password).expect("sayable"),
        |password: &str| Sasl::login(USER, password).expect("sayable"),
        |password: &str| Sasl::cram_md5(USER, password).expect("sayable"),
        |password: &str| scram(Hash::Sha1, password, Binding::Unsupported),
        |password: &str| scram(Hash::Sha256, password, Binding::NotOffered),
    ] {
        for at_once in [true, false] {
            let mut client = world.connect().await;
            client
                .authenticates(make("wrong horse"), at_once, "NO [AUTHENTICATIONFAILED] ")
                .await;
            let sasl = client
                .authenticates(make(PASSWORD), at_once, "OK [CAPABILITY IMAP4rev2 ")
                .await;
            sasl.finish().expect("the server has proven itself");
            client.ok("SELECT Inbox").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scram_binds_to_the_connection() {
    let (world, connector) = with_tls().await;
    let mut client = world.connect().await;
    let unbound = scram(Hash::Sha256, PASSWORD, Binding::Unsupported);
    client
        .authenticates(unbound, true, "NO [PRIVACYREQUIRED] ")
        .await;
    client.ok("STARTTLS").await;
    let name = ServerName::try_from("mail.example.org").expect("a name");
    let stream = connector.connect(name, client.stream).await.expect("TLS");
    let mut client = Client::new(stream);
    let list = client.ok("CAPABILITY").await;
    assert!(
        list[0].ends_with(
            " AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1-PLUS \
             AUTH=SCRAM-SHA-1 AUTH=PLAIN AUTH=LOGIN"
        ),
        "{list:?}"
    );
    let bindings = client_channel_bindings(client.stream.get_ref().1);
    let real = bindings.get(BindingKind::TlsExporter).expect("one");
    let other = ChannelBinding {
        kind: BindingKind::TlsExporter,
        data: vec![0; 32],
    };
    for bent in [
        scram(Hash::Sha1, PASSWORD, Binding::To(&other)),
        scram(Hash::Sha1, PASSWORD, Binding::NotOffered),
        scram(Hash::Sha1, "wrong horse", Binding::To(real)),
    ] {
        client
            .authenticates(bent, true, "NO [AUTHENTICATIONFAILED] ")
            .await;
    }
    let right = scram(Hash::Sha1, PASSWORD, Binding::To(real));
    client.authenticates(right, true, "OK ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_are_none_and_accounts_that_are_closed() {
    let world = World::with(|config| {
        let alice =
            std::sync::Arc::make_mut(config.accounts.get_mut(&account("alice")).expect("alice"));
        alice.login_disabled = "moved".into();
        config.auth.mechanisms_off = vec![mox::sasl::Mechanism::Login];
    })
    .await;
    let mut client = world.connect().await;
    let list = client.ok("CAPABILITY").await;
    assert!(list[0].ends_with(" AUTH=PLAIN LOGINDISABLED"), "{list:?}");
    let right = scram(Hash::Sha1, PASSWORD, Binding::Unsupported);
    client.authenticates(right, true, "NO moved").await;
    client.says("LOGIN a b", "NO this mechanism is not").await;
    client
        .says("AUTHENTICATE EXTERNAL =", "NO [PRIVACYREQUIRED] ")
        .await;
    client.says("AUTHENTICATE CRAM-MD5", "NO ").await;
    client
        .says("AUTHENTICATE SCRAM-SHA-1 biwsbj1hLG09eA==", "BAD ")
        .await;
    client.says("AUTHENTICATE SCRAM-SHA-1 !", "BAD ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_guesses_is_shut_out_of_every_connection() {
    let world = World::with(|config| config.auth.failures_per_day = [2, 0, 0]).await;
    let mut client = world.connect().await;
    let mut other = world.connect().await;
    let failed = "NO [AUTHENTICATIONFAILED] ";
    client.says("LOGIN alice@example.org wrong", failed).await;
    let wrong = scram(Hash::Sha1, "wrong horse", Binding::Unsupported);
    client.authenticates(wrong, true, failed).await;
    for client in [&mut client, &mut other] {
        let right = format!("LOGIN {USER} \"{PASSWORD}\"");
        client.says(&right, "NO [UNAVAILABLE] ").await;
        client.expect("* BYE ").await;
        client.ended().await;
    }
}
