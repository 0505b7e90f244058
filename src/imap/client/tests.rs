//! Against servers that follow a script, good ones and others.

use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream, DuplexStream, duplex};

use super::*;
use crate::imap::command::MailboxArg;
use crate::mailbox::Flags;
use crate::x509::client_tls::{Trust, client_config};

/// Sends `S:` lines and expects `C:` lines in this order; what came behind the script is returned.
async fn serve(stream: DuplexStream, script: &str, hang: bool) -> Vec<u8> {
    let mut stream = BufStream::new(stream);
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (who, text) = line.split_at(2);
        let text = text.strip_prefix(' ').unwrap_or(text);
        if who == "S:" {
            let sent = stream.write_all(format!("{text}\r\n").as_bytes()).await;
            if sent.is_err() || stream.flush().await.is_err() {
                return Vec::new();
            }
        } else {
            let mut came = String::new();
            let _ = stream.read_line(&mut came).await;
            assert_eq!(came.trim_end(), text, "the client said something else");
        }
    }
    let mut rest = Vec::new();
    if hang {
        let _ = stream.read_to_end(&mut rest).await;
    }
    rest
}

async fn with<T>(script: &str, client: impl AsyncFnOnce(DuplexStream) -> T) -> T {
    let (ours, theirs) = duplex(1 << 16);
    let (result, rest) = tokio::join!(client(ours), serve(theirs, script, true));
    assert_eq!(String::from_utf8_lossy(&rest), "", "behind the script");
    result
}

async fn begin(stream: DuplexStream) -> Result<Client<DuplexStream>, ClientError> {
    Client::begin(stream, Bounds::default(), None).await
}

fn password() -> Proof {
    Proof::Password {
        user: "tim".to_owned(),
        password: Zeroizing::new("tanstaaftanstaaf".to_owned()),
    }
}

fn append(size: u64) -> CommandBody {
    CommandBody::Append {
        mailbox: MailboxArg(b"Sent".to_vec()),
        flags: Flags::default(),
        date: None,
        size,
        binary: false,
        utf8: false,
    }
}

const SESSION: &str = "S: * OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] ready
    C: a1 AUTHENTICATE CRAM-MD5
    S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+
    C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
    S: a1 OK [CAPABILITY IMAP4rev1 UIDPLUS] in
    C: a2 SELECT INBOX
    S: * 1 EXISTS
    S: * 1 FETCH (BODY[] {8}
    S: a2 {3}
    S:  FLAGS ())
    S: * OK [UIDVALIDITY 1] text {9}
    S: a2 OK [READ-WRITE] done
    C: a3 APPEND Sent {4}
    S: + go on
    C: abcd
    S: a3 OK [APPENDUID 1 2] stored";

async fn whole_session(stream: DuplexStream) -> Result<(Completed, Completed), ClientError> {
    let mut client = begin(stream).await?;
    client.authenticate(&password()).await?;
    let select = CommandBody::Select {
        mailbox: MailboxArg(b"INBOX".to_vec()),
        condstore: false,
        examine: false,
    };
    let selected = client.run(select).await?;
    let stored = client.append(append(4), &mut &b"abcd"[..]).await?;
    Ok((selected, stored))
}

#[tokio::test(start_paused = true)]
async fn a_session() {
    let (selected, stored) = with(SESSION, whole_session).await.expect("a session");
    assert_eq!(selected.code.as_deref(), Some("READ-WRITE"));
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let data: Vec<String> = selected.data.iter().map(text).collect();
    assert_eq!(data[0], "1 EXISTS");
    assert_eq!(data[1], "1 FETCH (BODY[] {8}\r\na2 {3}\r\n FLAGS ())");
    assert_eq!(stored.code.as_deref(), Some("APPENDUID 1 2"));
}

#[tokio::test(start_paused = true)]
async fn login_is_for_servers_that_have_nothing_else() {
    // Readable, and there is no TLS: not sent.
    let script = "S: * OK hello
        C: a1 CAPABILITY
        S: * CAPABILITY IMAP4rev1
        S: a1 OK done";
    let refused = with(script, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        client.authenticate(&password()).await
    });
    assert!(matches!(refused.await, Err(ClientError::Choice(_))));
}

#[tokio::test(start_paused = true)]
async fn preauth_is_a_login_and_no_way_to_tls() {
    let script = "S: * PREAUTH [CAPABILITY IMAP4rev2 STARTTLS] welcome";
    with(script, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        assert!(client.is_logged_in());
        client
            .authenticate(&password())
            .await
            .expect("done already");
        let config = client_config(&Trust::Anyone, None).expect("a configuration");
        let refused = client.start_tls(Arc::new(config), "mail.example").await;
        assert!(matches!(refused, Err(ClientError::Unsupported("STARTTLS"))));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn text_that_comes_with_the_answer_to_starttls_is_refused() {
    let (ours, mut theirs) = duplex(1 << 16);
    let text = "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\na1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n";
    theirs.write_all(text.as_bytes()).await.expect("written");
    let mut client = begin(ours).await.expect("a session");
    let config = client_config(&Trust::Anyone, None).expect("a configuration");
    let refused = client.start_tls(Arc::new(config), "mail.example").await;
    let refused = refused.expect_err("refused").to_string();
    assert_eq!(refused, "the server sent text ahead of TLS");
}

#[tokio::test(start_paused = true)]
async fn a_refused_command_leaves_the_session() {
    let script = "S: * PREAUTH hi
        C: a1 APPEND Sent {4}
        S: a1 NO [OVERQUOTA] full
        C: a2 NOOP
        S: * BYE going down";
    with(script, async |stream| {
        let mut client = begin(stream).await.expect("a session");
        let full = client.append(append(4), &mut &b"abcd"[..]).await;
        let full = full.expect_err("refused");
        assert_eq!(full.to_string(), "the server refused the message: full");
        let bye = client.run(CommandBody::Noop).await.expect_err("the end");
        assert_eq!(bye.to_string(), "the server ended the session: going down");
        assert!(client.run(CommandBody::Noop).await.is_err());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_anywhere_is_an_error() {
    let lines: Vec<&str> = SESSION.lines().collect();
    for end in 0..lines.len() {
        for hang in [false, true] {
            let script = lines[..end].join("\n");
            let (ours, theirs) = duplex(1 << 16);
            let (result, _) = tokio::join!(whole_session(ours), serve(theirs, &script, hang));
            let error = result.expect_err("the script is not whole");
            let ended = matches!(error, ClientError::Connection(_));
            assert!(ended, "behind {end} lines: {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn endless_answers_end() {
    let cases: [(&[u8], &[u8]); 7] = [
        (b"", b"x"),
        (b"* OK", b" x"),
        (b"* OK hi\r\n", b"* OK again\r\n"),
        (b"* OK hi\r\n", b"* 1 EXISTS\r\n"),
        (b"* PREAUTH hi\r\n* 1 FETCH {99999999999}\r\n", b"x"),
        (b"* PREAUTH hi\r\n", b"* 1 FETCH {1000000}\r\n"),
        (b"* OK [CAPABILITY AUTH=CRAM-MD5] hi\r\n", b"+ PDFAeD4=\r\n"),
    ];
    for (head, again) in cases {
        let (ours, mut theirs) = duplex(1 << 16);
        let server = tokio::spawn(async move {
            let mut sent = theirs.write_all(head).await;
            while sent.is_ok() {
                sent = theirs.write_all(again).await;
            }
        });
        let bounds = Bounds {
            response: 1 << 20,
            command: 1 << 20,
            ..Bounds::default()
        };
        let session = async {
            let mut client = Client::begin(ours, bounds, None).await?;
            client.authenticate(&password()).await?;
            client.run(CommandBody::Noop).await
        };
        assert!(session.await.is_err());
        server.await.expect("the client has gone");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_a_server_sends_does_harm(
        pieces in proptest::collection::vec(
            prop_oneof![
                3 => "\\* [A-Z0-9]{1,6} [a-zA-Z0-9\\[\\] {}]{0,20}\r\n",
                2 => "a[1-3] (OK|NO|BAD) x\r\n",
                2 => Just("* OK [CAPABILITY AUTH=CRAM-MD5 AUTH=SCRAM-SHA-256] x\r\n".to_owned()),
                1 => Just("+ PDFAeD4=\r\n".to_owned()),
                1 => "\\PC{0,20}",
                1 => Just("* PREAUTH x\r\n".to_owned()),
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
