//! Against servers that follow a script, good ones and others.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream, DuplexStream, duplex};
use tokio::time::Instant;
use zeroize::Zeroizing;

mod batches;

use super::*;
use crate::smtp::{
    BodyType, DsnReturn, Mail, MailParams, Mailbox, Notify, Rcpt, RcptParams, ReversePath, Xtext,
};
use crate::x509::client_tls::{Trust, client_config};
use crate::x509::tls::{Clients, server_config};
use crate::x509::{provider, self_signed};

/// The server's side: `S:` lines are sent, `C:` lines have to come, in this order; then it closes, or
/// with `hang` waits for the client to do so. What came behind the script is returned.
async fn serve(stream: DuplexStream, script: &str, hang: bool) -> Vec<u8> {
    let mut stream = BufStream::new(stream);
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (who, text) = line.split_at(2);
        let text = text.strip_prefix(' ').unwrap_or(text);
        match who {
            "S:" => {
                let sent = stream.write_all(format!("{text}\r\n").as_bytes()).await;
                if sent.is_err() || stream.flush().await.is_err() {
                    return Vec::new();
                }
            }
            "C:" => {
                let mut came = String::new();
                let _ = stream.read_line(&mut came).await;
                assert_eq!(came.trim_end(), text, "the client said something else");
            }
            _ => panic!("neither S: nor C:, {line}"),
        }
    }
    let mut rest = Vec::new();
    if hang {
        let _ = stream.read_to_end(&mut rest).await;
    }
    rest
}

fn name() -> Host {
    Host::parse("client.example").expect("a name")
}

async fn begin(stream: DuplexStream) -> Result<Client<DuplexStream>, ClientError> {
    Client::begin(stream, &name(), Times::default(), None).await
}

fn envelope(recipients: &[&str]) -> Envelope {
    let mailbox = |text: &str| Mailbox::parse(text).expect("a mailbox");
    Envelope {
        mail: Mail {
            from: ReversePath::Mailbox(mailbox("a@client.example")),
            utf8_path: false,
            params: MailParams::default(),
        },
        recipients: recipients
            .iter()
            .map(|text| Rcpt {
                to: crate::smtp::ForwardPath::Mailbox(mailbox(text)),
                utf8_path: false,
                params: RcptParams::default(),
            })
            .collect(),
    }
}

/// Runs the client's side against a script that must have been followed to its end.
async fn with<T>(script: &str, client: impl AsyncFnOnce(DuplexStream) -> T) -> T {
    let (ours, theirs) = duplex(1 << 16);
    let (result, rest) = tokio::join!(client(ours), serve(theirs, script, true));
    assert_eq!(String::from_utf8_lossy(&rest), "", "behind the script");
    result
}

const GREETING: &str = "S: 220 mail.example
    C: EHLO client.example
    S: 250-mail.example
    S: 250-PIPELINING
    S: 250-SIZE 1000
    S: 250-8BITMIME
    S: 250-DSN
    S: 250 AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\n";

#[tokio::test(start_paused = true)]
async fn each_recipient_has_a_result_of_its_own() {
    let script = format!(
        "{GREETING}
        C: MAIL FROM:<a@client.example> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=x+3Dy
        C: RCPT TO:<b@mail.example> NOTIFY=FAILURE
        C: RCPT TO:<c@mail.example>
        C: RCPT TO:<d@mail.example>
        S: 250 2.1.0 fine
        S: 250 2.1.5 fine
        S: 550-5.1.1 no such
        S: 550 5.1.1 user
        S: 452 4.5.3 too many
        C: DATA
        S: 354 go
        C: ..a
        C: x.
        C: .
        S: 250 2.0.0 kept
        C: QUIT
        S: 221 bye"
    );
    let outcome = with(&script, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        let mut envelope = envelope(&["b@mail.example", "c@mail.example", "d@mail.example"]);
        envelope.mail.params.body = Some(BodyType::EightBitMime);
        envelope.mail.params.ret = Some(DsnReturn::Headers);
        envelope.mail.params.envid = Xtext::from_text("x=y".to_owned());
        envelope.recipients[0].params.notify = Some(Notify {
            failure: true,
            ..Notify::default()
        });
        let mut message = &b".a\r\nx.\r\n"[..];
        let outcome = client.send(&envelope, 10, &mut message).await;
        client.quit().await;
        outcome.expect("sent")
    })
    .await;
    let codes: Vec<_> = (0..3).filter_map(|i| Some(outcome.of(i)?.code)).collect();
    assert_eq!(codes, [250, 550, 452]);
    let text = outcome.of(1).expect("a reply").to_string();
    assert_eq!(text, "550 5.1.1 no such user");
    assert_eq!(outcome.of(3), None);
}

#[tokio::test(start_paused = true)]
async fn without_extensions_nothing_is_asked_for() {
    let script = "S: 220 old
        C: EHLO client.example
        S: 502 what
        C: HELO client.example
        S: 250 old
        C: MAIL FROM:<a@client.example>
        S: 250 fine
        C: RCPT TO:<b@mail.example>
        S: 551 no
        C: RSET
        S: 250 fine
        C: MAIL FROM:<a@client.example>
        S: 451 later";
    with(script, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        let mut envelope = envelope(&["b@mail.example"]);
        envelope.mail.params.ret = Some(DsnReturn::Full);
        let outcome = client.send(&envelope, 3, &mut &b"a\r\n"[..]).await;
        let outcome = outcome.expect("told");
        assert_eq!(outcome.message, None);
        assert_eq!(outcome.of(0).map(|reply| reply.code), Some(551));
        let later = client.send(&envelope, 3, &mut &b"a\r\n"[..]).await;
        assert!(later.expect_err("refused").is_transient());
        envelope.mail.params.utf8 = true;
        let needs = client.send(&envelope, 3, &mut &b"a\r\n"[..]).await;
        let needs = needs.expect_err("refused");
        assert_eq!(needs.to_string(), "the server has no SMTPUTF8");
        assert!(!needs.is_transient());
        let tls = client_config(&Trust::Anyone, None).expect("a configuration");
        let tls = client.start_tls(Arc::new(tls), "mail.example").await;
        assert_eq!(
            tls.expect_err("refused").to_string(),
            "the server has no STARTTLS"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_is_not_begun() {
    with(GREETING, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        let sent = client
            .send(&envelope(&["b@mail.example"]), 1001, &mut &b""[..])
            .await;
        assert!(matches!(
            sent,
            Err(ClientError::TooLarge {
                size: 1001,
                limit: 1000
            })
        ));
    })
    .await;
}

fn password(text: &str) -> Proof {
    Proof::Password {
        user: "tim".to_owned(),
        password: Zeroizing::new(text.to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_the_password_is_not_believed() {
    let greeting = GREETING.replace("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "SCRAM-SHA-256");
    let (ours, theirs) = duplex(1 << 16);
    let server = async move {
        let mut stream = BufStream::new(theirs);
        for line in greeting.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("S: ") {
                let text = format!("{text}\r\n");
                stream.write_all(text.as_bytes()).await.expect("written");
            }
        }
        stream.flush().await.expect("written");
        let mut line = String::new();
        while !line.starts_with("AUTH SCRAM-SHA-256 ") {
            line.clear();
            stream.read_line(&mut line).await.expect("read");
        }
        stream.write_all(b"235 welcome\r\n").await.expect("written");
        stream.flush().await.expect("written");
    };
    let client = async move {
        let mut client = begin(ours).await.expect("a session");
        client.authenticate(&password("secret")).await
    };
    let (result, ()) = tokio::join!(client, server);
    assert!(matches!(
        result,
        Err(ClientError::Sasl(
            crate::sasl::client::ClientError::NotTheServer
        ))
    ));
}

#[tokio::test(start_paused = true)]
async fn cram_md5_is_spoken_and_broken_off() {
    let greeting = GREETING.replace("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "PLAIN CRAM-MD5");
    let good = format!(
        "{greeting}
        C: AUTH CRAM-MD5
        S: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+
        C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
        S: 235 2.7.0 welcome"
    );
    with(&good, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        let proof = password("tanstaaftanstaaf");
        let mechanism = client.authenticate(&proof).await.expect("logged in");
        assert_eq!(mechanism.name(), "CRAM-MD5");
    })
    .await;
    let bad = format!(
        "{greeting}
        C: AUTH CRAM-MD5
        S: 334 not base64
        C: *
        S: 501 5.7.0 as you like"
    );
    with(&bad, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        let refused = client.authenticate(&password("x")).await;
        assert!(matches!(refused, Err(ClientError::Sasl(_))));
    })
    .await;
}

/// A server's TLS, and what a client needs to believe it.
fn tls() -> (tokio_rustls::TlsAcceptor, Arc<ClientConfig>) {
    let made = self_signed(&["mail.example"], &[]).expect("made");
    let chain = vec![CertificateDer::from_pem_slice(made.cert_pem.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(made.key_pem.as_bytes()).expect("PEM");
    let pair = CertifiedKey::from_der(chain, key, &provider()).expect("a pair");
    let server = server_config(vec![pair], false, Clients::Servers).expect("a configuration");
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, made.cert_pem).expect("written");
    let client = client_config(&Trust::File(path), None).expect("a configuration");
    (server.config.into(), Arc::new(client))
}

const STARTTLS: &str = "220 mail.example\r\n250-mail.example\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n";

#[tokio::test(start_paused = true)]
async fn what_came_before_tls_is_forgotten() {
    let (acceptor, config) = tls();
    let (ours, mut theirs) = duplex(1 << 16);
    let server = async move {
        theirs
            .write_all(STARTTLS.as_bytes())
            .await
            .expect("written");
        let mut line = [0; 31];
        theirs
            .read_exact(&mut line)
            .await
            .expect("EHLO and STARTTLS");
        theirs.write_all(b"220 go\r\n").await.expect("written");
        let mut stream = acceptor.accept(theirs).await.expect("a handshake");
        stream
            .write_all(b"250 mail.example\r\n")
            .await
            .expect("written");
        stream.flush().await.expect("written");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        String::from_utf8(rest).expect("text")
    };
    let client = async move {
        let mut client = begin(ours).await.expect("a session");
        assert_eq!(client.extensions().mechanisms(), ["PLAIN"]);
        client.start_tls(config, "mail.example").await.expect("TLS");
        assert!(client.is_tls());
        assert!(client.extensions().mechanisms().is_empty());
        let none = client.authenticate(&password("secret")).await;
        assert!(matches!(none, Err(ClientError::Choice(_))));
    };
    let (came, ()) = tokio::join!(server, client);
    assert_eq!(came, "EHLO client.example\r\n");
}

#[tokio::test(start_paused = true)]
async fn text_that_comes_with_the_answer_to_starttls_is_refused() {
    let (ours, mut theirs) = duplex(1 << 16);
    let text = format!("{STARTTLS}220 go\r\n250-mail.example\r\n250 AUTH PLAIN\r\n");
    theirs.write_all(text.as_bytes()).await.expect("written");
    let mut client = begin(ours).await.expect("a session");
    let (_, config) = tls();
    let refused = client.start_tls(config, "mail.example").await;
    let refused = refused.expect_err("refused").to_string();
    assert_eq!(refused, "the server sent text ahead of TLS");
    assert!(client.authenticate(&password("secret")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn another_server_is_not_believed() {
    let (acceptor, _) = tls();
    let (_, others) = tls();
    let (ours, theirs) = duplex(1 << 16);
    let server = async move { acceptor.accept(theirs).await.err() };
    let tls = Some((others, "mail.example"));
    let name = name();
    let client = Client::begin(ours, &name, Times::default(), tls);
    let (_, client) = tokio::join!(server, client);
    let error = client.err().expect("refused");
    assert!(error.to_string().starts_with("TLS: "), "{error}");
}

/// All that a client says in a session with a login and a message, whatever it is answered.
async fn whole_session(stream: DuplexStream) -> Result<Outcome, ClientError> {
    let mut client = begin(stream).await?;
    client.authenticate(&password("secret")).await?;
    let envelope = envelope(&["b@mail.example", "c@mail.example"]);
    let outcome = client.send(&envelope, 3, &mut &b"a\r\n"[..]).await?;
    client.quit().await;
    Ok(outcome)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_anywhere_is_an_error() {
    let session = format!(
        "{}
        C: AUTH CRAM-MD5
        S: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+
        C: dGltIDMwNzY4NDlkYzJiZmUwMjJlYTE5NDVlMzMzMjVmMTEx
        S: 235 2.7.0 welcome
        C: MAIL FROM:<a@client.example> SIZE=3
        C: RCPT TO:<b@mail.example>
        C: RCPT TO:<c@mail.example>
        S: 250 fine
        S: 250 fine
        S: 250 fine
        C: DATA
        S: 354 go
        C: a
        C: .
        S: 250 kept",
        GREETING.replace("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "CRAM-MD5")
    );
    let session = &session.replace("dGltIDMwNzY4NDlkYzJiZmUwMjJlYTE5NDVlMzMzMjVmMTEx", &{
        use base64::Engine;
        let mut client = crate::sasl::client::Client::cram_md5("tim", "secret").expect("one");
        let challenge = base64::engine::general_purpose::STANDARD
            .encode("<1896.697170952@postoffice.reston.mci.net>");
        client
            .respond(challenge.as_bytes())
            .expect("an answer")
            .to_string()
    });
    let lines: Vec<&str> = session
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    for end in 0..lines.len() {
        for hang in [false, true] {
            let script = lines[..end].join("\n");
            let (ours, theirs) = duplex(1 << 16);
            let (result, _) = tokio::join!(whole_session(ours), serve(theirs, &script, hang));
            let error = result.expect_err("the script is not whole");
            assert!(error.is_transient(), "behind {end} lines: {error}");
            let ended = matches!(
                &error,
                ClientError::Connection(ConnectionError::Closed | ConnectionError::Silent)
            );
            assert!(ended, "behind {end} lines: {error:?}");
        }
    }
    let (ours, theirs) = duplex(1 << 16);
    let (result, _) = tokio::join!(whole_session(ours), serve(theirs, session, false));
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_421_has_said_why() {
    let script = "S: 220 mail.example
        C: EHLO client.example
        S: 421 4.3.2 going down";
    let (ours, theirs) = duplex(1 << 16);
    let (client, _) = tokio::join!(begin(ours), serve(theirs, script, false));
    let error = client.err().expect("refused");
    assert!(error.is_transient());
    assert!(
        error.to_string().contains("421 4.3.2 going down"),
        "{error}"
    );
}

/// Sends the same for ever, until the client has enough.
async fn endless(mut stream: DuplexStream, head: &[u8], again: &[u8]) {
    let mut sent = stream.write_all(head).await;
    while sent.is_ok() {
        sent = stream.write_all(again).await;
    }
}

#[tokio::test(start_paused = true)]
async fn endless_answers_end() {
    let cases: [(&[u8], &[u8]); 6] = [
        (b"", b"2"),
        (b"220-", b"x"),
        (b"", b"220-x\r\n"),
        (b"220 x\r\n", b"250-SIZE\r\n"),
        (b"220 x\r\n250 AUTH CRAM-MD5\r\n", b"334 PDFAeD4=\r\n"),
        (b"", b"\r\n"),
    ];
    for (head, again) in cases {
        let (ours, theirs) = duplex(1 << 12);
        let server = tokio::spawn(async move { endless(theirs, head, again).await });
        let error = whole_session(ours).await.expect_err("no session");
        assert!(!error.to_string().is_empty());
        server.await.expect("the client has gone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_has_a_time_as_a_whole() {
    let (ours, mut theirs) = duplex(1 << 12);
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(60));
        loop {
            tick.tick().await;
            if theirs.write_all(b"220-x\r\n").await.is_err() {
                return;
            }
        }
    });
    let begun = Instant::now();
    assert!(begin(ours).await.is_err());
    assert_eq!(begun.elapsed(), Times::default().greeting);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_never_ends() {
    struct Failing(bool);
    impl tokio::io::AsyncRead for Failing {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buf: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Ready(Err(std::io::Error::other("the disk")));
            }
            buf.put_slice(b"half a line");
            std::task::Poll::Ready(Ok(()))
        }
    }
    let script = format!(
        "{GREETING}
        C: MAIL FROM:<a@client.example> SIZE=3
        C: RCPT TO:<b@mail.example>
        S: 250 fine
        S: 250 fine
        C: DATA
        S: 354 go"
    );
    let (ours, theirs) = duplex(1 << 16);
    let client = async move {
        let mut client = begin(ours).await.expect("a session");
        let envelope = envelope(&["b@mail.example"]);
        client.send(&envelope, 3, &mut Failing(false)).await
    };
    let (result, rest) = tokio::join!(client, serve(theirs, &script, true));
    assert!(matches!(result, Err(ClientError::Message(_))));
    assert_eq!(rest, b"half a line");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_a_server_sends_does_harm(
        pieces in proptest::collection::vec(
            prop_oneof![
                4 => "[2-5][0-9]{2}[- ][a-zA-Z0-9= ]{0,20}\r\n",
                2 => Just("250-AUTH PLAIN SCRAM-SHA-256 CRAM-MD5 LOGIN\r\n".to_owned()),
                2 => Just("220 x\r\n250 AUTH CRAM-MD5\r\n334 PDFAeD4=\r\n235 x\r\n".to_owned()),
                2 => "\\PC{0,20}",
                1 => Just("\r\n".to_owned()),
            ],
            0..20,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let (ours, mut theirs) = duplex(1 << 16);
            let text = pieces.concat();
            let server = tokio::spawn(async move {
                let _ = theirs.write_all(text.as_bytes()).await;
            });
            let _ = whole_session(ours).await;
            let _ = server.await;
        });
    }
}
