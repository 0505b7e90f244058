use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::client::{Binding, Client, ClientError};
use super::*;

fn begin(mechanism: Mechanism, initial: Option<&[u8]>) -> Result<(Exchange, Step), SaslError> {
    Exchange::begin(mechanism, initial, Setting::default())
}

fn challenge(text: &str) -> Step {
    Step::Challenge(text.to_owned())
}

fn encode(text: &str) -> Vec<u8> {
    STANDARD.encode(text).into_bytes()
}

fn credentials(authzid: &str, user: &str, password: &str) -> Credentials {
    Credentials {
        authzid: authzid.to_owned(),
        user: user.to_owned(),
        password: Zeroizing::new(password.to_owned()),
    }
}

#[test]
fn plain_with_and_without_an_initial_response() {
    // RFC 4616 §4: the examples.
    let (mut exchange, step) = begin(Mechanism::Plain, None).expect("begins");
    assert_eq!(step, challenge(""));
    let step = exchange
        .line(&encode("\0tim\0tanstaaftanstaaf"))
        .expect("is taken");
    assert_eq!(
        step,
        Step::Password(credentials("", "tim", "tanstaaftanstaaf"))
    );
    let (_, step) =
        begin(Mechanism::Plain, Some(&encode("Ursel\0Kurt\0xipj3plmq"))).expect("begins");
    assert_eq!(
        step,
        Step::Password(credentials("Ursel", "Kurt", "xipj3plmq"))
    );
}

#[test]
fn login_asks_for_what_is_missing() {
    let (mut exchange, step) = begin(Mechanism::Login, None).expect("begins");
    assert_eq!(step, challenge("VXNlcm5hbWU6"));
    let step = exchange.line(&encode("tim")).expect("a name");
    assert_eq!(step, challenge("UGFzc3dvcmQ6"));
    let step = exchange.line(&encode("secret")).expect("a password");
    assert_eq!(step, Step::Password(credentials("", "tim", "secret")));
    let (_, step) = begin(Mechanism::Login, Some(&encode("tim"))).expect("begins");
    assert_eq!(step, challenge("UGFzc3dvcmQ6"));
    let (mut exchange, _) = begin(Mechanism::Login, Some(b"=")).expect("begins");
    assert_eq!(
        exchange.line(b"").expect("a password"),
        Step::Password(credentials("", "", ""))
    );
}

#[test]
fn what_is_no_sasl_ends_the_exchange() {
    let refusals = [
        (&b"*"[..], SaslError::Aborted),
        (b"!", SaslError::Encoding),
        (b"dGlt=", SaslError::Encoding),
        (b"dGlt", SaslError::Malformed),
        (b"AAAA", SaslError::Malformed),
        (b"/////w==", SaslError::Malformed),
        (b"AABh/w==", SaslError::Malformed),
    ];
    for (line, refusal) in refusals {
        let (mut exchange, _) = begin(Mechanism::Plain, None).expect("begins");
        assert_eq!(exchange.line(line), Err(refusal), "{line:?}");
        assert_eq!(
            exchange.line(&encode("\0tim\0secret")),
            Err(SaslError::Malformed),
            "it is over after {line:?}"
        );
    }
    assert!(matches!(
        begin(Mechanism::Plain, Some(b"*")),
        Err(SaslError::Encoding)
    ));
}

#[test]
fn lengths_are_bounded() {
    let long = "x".repeat(MAX_FIELD + 1);
    for message in [
        format!("\0tim\0{long}"),
        format!("\0{long}\0secret"),
        format!("{long}\0tim\0secret"),
    ] {
        let (mut exchange, _) = begin(Mechanism::Plain, None).expect("begins");
        assert_eq!(exchange.line(&encode(&message)), Err(SaslError::TooLong));
    }
    let (mut exchange, _) = begin(Mechanism::Login, None).expect("begins");
    assert_eq!(
        exchange.line(&vec![b'A'; MAX_LINE + 4]),
        Err(SaslError::TooLong)
    );
}

#[test]
fn a_password_is_not_shown() {
    let shown = format!("{:?}", credentials("", "tim", "tanstaaf"));
    assert!(
        shown.contains("tim") && !shown.contains("tanstaaf"),
        "{shown}"
    );
}

/// A server that knows one password.
struct Server {
    setting: Setting,
    password: &'static str,
}

const SALT: &[u8] = b"sixteen octets!!";

fn verifier(hash: Hash, password: &str) -> ScramVerifier {
    ScramVerifier::derive(hash, password, SALT, 4096)
}

impl Server {
    /// Runs a client to the end, its initial response sent at once or not: what it has said, and
    /// whether it proved its password.
    fn serve(&self, client: &mut Client, at_once: bool) -> Result<String, String> {
        let initial = if at_once { client.initial() } else { None };
        let mechanism = client.mechanism();
        let initial = initial.as_ref().map(|line| line.as_bytes());
        let (mut exchange, mut step) =
            Exchange::begin(mechanism, initial, self.setting.clone()).map_err(text)?;
        let mut who = String::new();
        for _ in 0..6 {
            let challenge = match step {
                Step::Password(Credentials {
                    authzid,
                    user,
                    password,
                }) => {
                    client.finish().map_err(text)?;
                    return Ok(format!("{authzid}|{user}|{}", *password));
                }
                Step::Identity(authzid) => {
                    client.finish().map_err(text)?;
                    return Ok(authzid);
                }
                Step::Cram(response) => {
                    let right = CramVerifier::derive(self.password).accepts(&response);
                    return match right {
                        true => Ok(response.user),
                        false => Err("wrong".to_owned()),
                    };
                }
                Step::Scram { authzid, user } => {
                    who = format!("{authzid}|{user}");
                    let Mechanism::Scram { hash, .. } = mechanism else {
                        panic!("not SCRAM");
                    };
                    step = exchange
                        .verifier(verifier(hash, self.password))
                        .map_err(text)?;
                    continue;
                }
                Step::Proven(last) => last,
                Step::Unproven(refusal) => return Err(format!("{refusal:?}")),
                Step::Over => return client.finish().map(|()| who).map_err(text),
                Step::Challenge(challenge) => challenge,
            };
            step = match client.respond(challenge.as_bytes()) {
                Ok(line) => exchange.line(line.as_bytes()).map_err(text)?,
                Err(_) => exchange.line(b"*").map_err(text)?,
            };
        }
        Err("it does not end".to_owned())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn bindings() -> ChannelBindings {
    ChannelBindings::new(Some(vec![1; 32]), Some(vec![2; 32]))
}

fn with_tls(password: &'static str) -> Server {
    Server {
        setting: Setting {
            bindings: bindings(),
            plus_offered: true,
            hostname: "mail.example.org".to_owned(),
        },
        password,
    }
}

const HASHES: [Hash; 2] = [Hash::Sha1, Hash::Sha256];

#[test]
fn scram_accepts_who_knows_the_password() {
    let server = with_tls("correct horse");
    let bindings = bindings();
    let exporter = bindings.get(BindingKind::TlsExporter).expect("one");
    let end_point = bindings.get(BindingKind::TlsServerEndPoint).expect("one");
    for hash in HASHES {
        for at_once in [true, false] {
            for binding in [
                Binding::Unsupported,
                Binding::To(exporter),
                Binding::To(end_point),
            ] {
                let scram =
                    |password| Client::scram(hash, "a,l=ice", password, binding).expect("sayable");
                // Spaces and composition are prepared on both sides.
                for password in ["correct horse", "correct\u{a0}horse"] {
                    let served = server.serve(&mut scram(password), at_once);
                    assert_eq!(served.as_deref(), Ok("|a,l=ice"));
                }
                let served = server.serve(&mut scram("correct house"), at_once);
                assert_eq!(served, Err("Proof".to_owned()));
            }
        }
    }
}

#[test]
fn scram_notices_who_stands_in_between() {
    let server = with_tls("correct horse");
    let other = ChannelBinding {
        kind: BindingKind::TlsExporter,
        data: vec![3; 32],
    };
    for hash in HASHES {
        let run = |server: &Server, binding| {
            let mut client =
                Client::scram(hash, "alice", "correct horse", binding).expect("sayable");
            server.serve(&mut client, true)
        };
        let served = run(&server, Binding::To(&other));
        assert_eq!(served, Err("Binding".to_owned()), "another channel");
        let served = run(&server, Binding::NotOffered);
        assert_eq!(served, Err("Downgrade".to_owned()), "it was offered");
        let without_tls = Server {
            setting: Setting::default(),
            ..with_tls("correct horse")
        };
        let served = run(&without_tls, Binding::NotOffered);
        assert_eq!(served.as_deref(), Ok("|alice"));
        let only_end_point = Server {
            setting: Setting {
                bindings: ChannelBindings::new(None, Some(vec![2; 32])),
                ..server.setting.clone()
            },
            ..with_tls("correct horse")
        };
        let served = run(&only_end_point, Binding::To(&other));
        assert_eq!(served, Err("Binding".to_owned()), "no such kind here");
    }
}

#[test]
fn a_server_without_the_password_is_not_believed() {
    let mut client =
        Client::scram(Hash::Sha256, "alice", "secret word", Binding::Unsupported).expect("sayable");
    let first = client.initial().expect("one");
    assert_eq!(client.finish(), Err(ClientError::NotTheServer));
    let setting = Setting::default();
    let mechanism = client.mechanism();
    let (mut exchange, _) =
        Exchange::begin(mechanism, Some(first.as_bytes()), setting).expect("begins");
    let step = exchange.verifier(verifier(Hash::Sha256, "secret word"));
    let Ok(Step::Challenge(challenge)) = step else {
        panic!("no challenge: {step:?}");
    };
    client.respond(challenge.as_bytes()).expect("a proof");
    assert_eq!(client.finish(), Err(ClientError::NotTheServer));
    let forged = STANDARD.encode(format!("v={}", STANDARD.encode([0; 32])));
    assert_eq!(
        client.respond(forged.as_bytes()),
        Err(ClientError::NotTheServer)
    );
    assert_eq!(client.finish(), Err(ClientError::NotTheServer));
}

#[test]
fn a_refusal_is_the_end_at_once() {
    for line in [&b""[..], b"*", b"!", b"AAAA"] {
        let first = encode("y,,n=alice,r=abc");
        let mechanism = Mechanism::Scram {
            hash: Hash::Sha256,
            plus: false,
        };
        let setting = with_tls("x").setting;
        let (mut exchange, step) =
            Exchange::begin(mechanism, Some(&first), setting).expect("begins");
        assert!(matches!(step, Step::Scram { .. }), "{step:?}");
        let step = exchange
            .verifier(verifier(Hash::Sha256, "x"))
            .expect("goes on");
        assert_eq!(step, Step::Unproven(ScramRefusal::Downgrade));
        assert!(exchange.line(line).is_err());
    }
}

#[test]
fn external_takes_an_identity_or_none() {
    let (mut exchange, step) = begin(Mechanism::External, None).expect("begins");
    assert_eq!(step, challenge(""));
    assert_eq!(exchange.line(b""), Ok(Step::Identity(String::new())));
    let (_, step) = begin(Mechanism::External, Some(b"=")).expect("begins");
    assert_eq!(step, Step::Identity(String::new()));
    let (_, step) = begin(Mechanism::External, Some(b"")).expect("begins");
    assert_eq!(step, Step::Identity(String::new()));
    let (_, step) = begin(Mechanism::External, Some(&encode("a@b"))).expect("begins");
    assert_eq!(step, Step::Identity("a@b".to_owned()));
    assert!(begin(Mechanism::External, Some(&encode("a\0b"))).is_err());
}

#[test]
fn cram_md5_names_the_server_and_never_the_same_challenge() {
    let server = with_tls("tanstaaftanstaaf");
    let mut client = Client::cram_md5("tim taylor", "tanstaaftanstaaf").expect("sayable");
    assert_eq!(
        server.serve(&mut client, false).as_deref(),
        Ok("tim taylor")
    );
    let mut client = Client::cram_md5("tim", "tanstaaftanstaag").expect("sayable");
    assert!(server.serve(&mut client, false).is_err());
    let ask = || {
        let begun = Exchange::begin(Mechanism::CramMd5, None, server.setting.clone());
        let Ok((_, Step::Challenge(challenge))) = begun else {
            panic!("no challenge");
        };
        String::from_utf8(STANDARD.decode(challenge).expect("base64")).expect("text")
    };
    let challenge = ask();
    assert!(challenge.starts_with('<') && challenge.ends_with("@mail.example.org>"));
    assert_ne!(challenge, ask());
    assert!(begin(Mechanism::CramMd5, Some(b"AAAA")).is_err());
}

proptest! {
    #[test]
    fn what_a_client_says_is_what_the_server_hears(
        authzid in "[^\0]{0,40}",
        user in "[^\0]{0,40}",
        password in "[^\0]{0,40}",
        at_once: bool,
    ) {
        let server = with_tls("x");
        let mut client = Client::plain(&authzid, &user, &password).expect("no NUL in it");
        prop_assert_eq!(
            server.serve(&mut client, at_once),
            Ok(format!("{authzid}|{user}|{password}"))
        );
        let mut client = Client::login(&user, &password).expect("no NUL in it");
        prop_assert_eq!(
            server.serve(&mut client, at_once),
            Ok(format!("|{user}|{password}"))
        );
        let mut client = Client::external(&authzid).expect("no NUL in it");
        prop_assert_eq!(server.serve(&mut client, at_once), Ok(authzid));
    }

    #[test]
    fn no_line_panics(
        lines in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "([nyp]|p=tls-exporter),(a=b)?,(m=x,)?n=[a-c=,23CD]{0,9},r=[!-~]{0,9}(,[a-z]=[a-z]?)?"
                    .prop_map(String::into_bytes),
                "c=[a-zA-Z=]{0,8},r=[!-~]{0,9}(,[a-z]=[a-z]?)?,p=[a-zA-Z=]{0,8}"
                    .prop_map(String::into_bytes),
            ],
            1..4,
        ),
        mechanism in proptest::sample::select(Mechanism::ALL.to_vec()),
        with_initial: bool,
    ) {
        let (initial, rest) = if with_initial {
            (lines.first().map(|line| STANDARD.encode(line).into_bytes()), &lines[1..])
        } else {
            (None, &lines[..])
        };
        let setting = with_tls("x").setting;
        if let Ok((mut exchange, step)) = Exchange::begin(mechanism, initial.as_deref(), setting) {
            if let Step::Scram { .. } = step {
                let _ = exchange.verifier(verifier(Hash::Sha1, "x"));
            }
            for line in rest {
                let _ = exchange.line(line);
                if let Ok(Step::Scram { .. }) = exchange.line(&STANDARD.encode(line).into_bytes()) {
                    let _ = exchange.verifier(verifier(Hash::Sha1, "x"));
                }
            }
        }
    }

    #[test]
    fn no_challenge_panics(
        challenges in proptest::collection::vec(
            prop_oneof![
                any::<Vec<u8>>(),
                "r=[!-~]{0,9},s=[a-zA-Z=]{0,8},i=[0-9]{0,4}".prop_map(String::into_bytes),
                "[ve]=[a-zA-Z=]{0,8}".prop_map(String::into_bytes),
            ],
            1..4,
        ),
    ) {
        for mut client in [
            Client::scram(Hash::Sha1, "u", "secret", Binding::NotOffered).expect("sayable"),
            Client::cram_md5("u", "secret").expect("sayable"),
            Client::login("u", "secret").expect("sayable"),
        ] {
            for challenge in &challenges {
                let _ = client.respond(challenge);
                let _ = client.respond(STANDARD.encode(challenge).as_bytes());
            }
        }
    }
}
