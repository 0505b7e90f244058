use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::super::binding::{BindingKind, ChannelBinding, ChannelBindings};
use super::super::client::{Binding, ClientError};
use super::super::{Exchange, Mechanism, SaslError, Setting, Step};
use super::client::ScramClient;
use super::message::{ClientFinal, ClientFirst, Flag, ServerFinal, ServerFirst, encode_name};
use super::*;

/// An exchange that a standard prints.
struct Vector {
    hash: Hash,
    client_nonce: &'static str,
    server_nonce: &'static str,
    salt: &'static str,
    iterations: u32,
    messages: [&'static str; 4],
}

const VECTORS: [Vector; 2] = [
    // RFC 5802 §5.
    Vector {
        hash: Hash::Sha1,
        client_nonce: "fyko+d2lbbFgONRv9qkxdawL",
        server_nonce: "3rfcNHYJY1ZVvWVs7j",
        salt: "QSXCR+Q6sek8bf92",
        iterations: 4096,
        messages: [
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ],
    },
    // RFC 7677 §3.
    Vector {
        hash: Hash::Sha256,
        client_nonce: "rOprNGfwEbeRWgbNEkqO",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        iterations: 4096,
        messages: [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ],
    },
];

fn client(hash: Hash, binding: Binding<'_>, nonce: &str) -> ScramClient {
    let password = Zeroizing::new("pencil".to_owned());
    ScramClient::with_nonce(hash, "user", password, binding, nonce.to_owned())
}

#[test]
fn the_examples_of_the_rfcs() {
    for vector in VECTORS {
        let [first, server_first, last, server_last] = vector.messages;
        let mut client = client(vector.hash, Binding::Unsupported, vector.client_nonce);
        assert_eq!(
            client.respond(b"").expect("one").as_slice(),
            first.as_bytes()
        );
        let answer = client.respond(server_first.as_bytes()).expect("one");
        assert_eq!(answer.as_slice(), last.as_bytes());
        client.respond(server_last.as_bytes()).expect("nothing");
        assert!(client.is_proven());

        let mut server = Served::begin(&vector, "pencil", first);
        assert_eq!(server.challenge, server_first);
        let step = server.say(last);
        assert_eq!(step, Ok(Step::Proven(STANDARD.encode(server_last))));
        assert_eq!(server.exchange.line(b""), Ok(Step::Over));
    }
}

/// A server after its first message.
struct Served {
    exchange: Exchange,
    challenge: String,
}

fn bindings() -> ChannelBindings {
    ChannelBindings::new(Some(vec![1; 32]), Some(vec![2; 32]))
}

fn begin(vector: &Vector, plus: bool, first: &str) -> Result<(Exchange, Step), SaslError> {
    let mechanism = Mechanism::Scram {
        hash: vector.hash,
        plus,
    };
    let setting = Setting {
        bindings: bindings(),
        plus_offered: true,
        hostname: String::new(),
    };
    let nonce = vector.server_nonce.to_owned();
    let initial = STANDARD.encode(first);
    Exchange::begin_with(mechanism, Some(initial.as_bytes()), setting, nonce)
}

impl Served {
    fn begin(vector: &Vector, password: &str, first: &str) -> Served {
        let (mut exchange, step) = begin(vector, first.starts_with('p'), first).expect("begins");
        assert!(matches!(step, Step::Scram { .. }), "{step:?}");
        let salt = STANDARD.decode(vector.salt).expect("base64");
        let verifier = ScramVerifier::derive(vector.hash, password, &salt, vector.iterations);
        let Ok(Step::Challenge(challenge)) = exchange.verifier(verifier) else {
            panic!("no challenge");
        };
        let challenge = STANDARD.decode(challenge).expect("base64");
        Served {
            exchange,
            challenge: String::from_utf8(challenge).expect("text"),
        }
    }

    fn say(&mut self, message: &str) -> Result<Step, SaslError> {
        self.exchange.line(STANDARD.encode(message).as_bytes())
    }
}

#[test]
fn first_messages_bent_every_way() {
    let good = "n,,n=user,r=abc";
    let message = ClientFirst::parse(b"p=tls-exporter,a=ot=2Cher,n=us=3Der,r=a!~,x=y");
    let message = message.expect("a message");
    assert_eq!(message.flag, Flag::Bound(b"tls-exporter"));
    assert_eq!(message.authzid, "ot,her");
    assert_eq!(message.user, "us=er");
    assert_eq!(message.nonce, "a!~");
    assert_eq!(message.header, b"p=tls-exporter,a=ot=2Cher,");
    assert_eq!(message.bare, b"n=us=3Der,r=a!~,x=y");
    assert!(ClientFirst::parse(good.as_bytes()).is_ok());
    let long = format!("n,,n={},r=abc", "x".repeat(1025));
    let nonce = format!("n,,n=user,r={}", "x".repeat(513));
    for bent in [
        "",
        ",",
        ",,",
        "n",
        "n,",
        "n,,",
        "n=user,r=abc",
        "x,,n=user,r=abc",
        "N,,n=user,r=abc",
        "nn,,n=user,r=abc",
        "p,,n=user,r=abc",
        "p=,,n=user,r=abc",
        "p=tls exporter,,n=user,r=abc",
        "n,b=other,n=user,r=abc",
        "n,a=,n=user,r=abc",
        "n,a=o=2c,n=user,r=abc",
        "n,,m=must,n=user,r=abc",
        "n,,n=user,m=must,r=abc",
        "n,,n=user,r=abc,m=must",
        "n,,n=,r=abc",
        "n,,n=us=er,r=abc",
        "n,,n=user=,r=abc",
        "n,,n=user=2,r=abc",
        "n,,n=us\0er,r=abc",
        "n,,r=abc,n=user",
        "n,,r=abc",
        "n,,n=user",
        "n,,n=user,r=",
        "n,,n=user,r=a b",
        "n,,n=user,r=\u{e9}",
        "n,,n=user,n=other,r=abc",
        "n,,n=user,r=abc,n=other",
        "n,,n=user,r=abc,r=def",
        "n,,n=user,r=abc,",
        "n,,n=user,r=abc,x",
        "n,,n=user,r=abc,x=",
        "n,,n=user,r=abc,1=x",
        long.as_str(),
        nonce.as_str(),
    ] {
        assert!(ClientFirst::parse(bent.as_bytes()).is_err(), "{bent:?}");
        assert_eq!(
            begin(&VECTORS[1], bent.starts_with('p'), bent).err(),
            Some(SaslError::Malformed),
            "{bent:?}"
        );
    }
    assert!(ClientFirst::parse(b"n,,n=us\xff,r=abc").is_err());
    // A mechanism with -PLUS binds, one without does not.
    assert!(begin(&VECTORS[1], true, good).is_err());
    assert!(begin(&VECTORS[1], true, "y,,n=user,r=abc").is_err());
    assert!(begin(&VECTORS[1], false, "p=tls-exporter,,n=user,r=abc").is_err());
    for (plus, first, refusal) in [
        (false, "y,,n=user,r=abc", ScramRefusal::Downgrade),
        (true, "p=tls-unique,,n=user,r=abc", ScramRefusal::Binding),
        (true, "p=TLS-exporter,,n=user,r=abc", ScramRefusal::Binding),
    ] {
        let (mut exchange, _) = begin(&VECTORS[1], plus, first).expect("begins");
        let verifier = ScramVerifier::derive(Hash::Sha256, "pencil", b"salt", 4096);
        let step = exchange.verifier(verifier).expect("goes on");
        assert_eq!(step, Step::Unproven(refusal), "{first}");
    }
}

#[test]
fn last_messages_bent_every_way() {
    for vector in &VECTORS {
        let [first, _, last, _] = vector.messages;
        let (start, proof) = last.split_once(",p=").expect("a proof");
        let (binding, nonce) = start.split_once(',').expect("a nonce");
        let malformed = [
            String::new(),
            start.to_owned(),
            format!("{binding},p={proof}"),
            format!("{nonce},p={proof}"),
            format!("{nonce},{binding},p={proof}"),
            format!("{binding},{binding},{nonce},p={proof}"),
            format!("{start},{nonce},p={proof}"),
            format!("{start},c=biws,p={proof}"),
            format!("{start},m=x,p={proof}"),
            format!("{start},p={proof},p={proof}"),
            format!("{start},p={proof},x=y"),
            format!("{start},p=!"),
            format!("{start},P={proof}"),
            format!("c=!,{nonce},p={proof}"),
            format!("{binding},r={},p={proof}", vector.client_nonce),
            format!("{binding},{nonce}x,p={proof}"),
            format!("{binding},r=x{},p={proof}", &nonce[3..]),
        ];
        for bent in malformed {
            let mut server = Served::begin(vector, "pencil", first);
            assert_eq!(server.say(&bent), Err(SaslError::Malformed), "{bent:?}");
            assert_eq!(server.say(last), Err(SaslError::Malformed), "it is over");
        }
        let zeros = STANDARD.encode(vec![0; vector.hash.len()]);
        let refused = [
            (format!("{start},p="), ScramRefusal::Proof),
            (format!("{start},p=AAAA"), ScramRefusal::Proof),
            (format!("{start},p={zeros}"), ScramRefusal::Proof),
            (format!("{start},x=y,p={proof}"), ScramRefusal::Proof),
            (format!("c=eSws,{nonce},p={proof}"), ScramRefusal::Binding),
            (format!("c=,{nonce},p={proof}"), ScramRefusal::Binding),
            (
                format!("c=biwsAAAA,{nonce},p={proof}"),
                ScramRefusal::Binding,
            ),
        ];
        for (bent, refusal) in refused {
            let mut server = Served::begin(vector, "pencil", first);
            assert_eq!(server.say(&bent), Ok(Step::Unproven(refusal)), "{bent:?}");
            assert_eq!(server.say(last), Err(SaslError::Malformed), "it is over");
        }
        let mut server = Served::begin(vector, "pencils", first);
        let step = server.say(last);
        assert_eq!(
            step,
            Ok(Step::Unproven(ScramRefusal::Proof)),
            "another password"
        );
    }
}

/// The stored key is no password, nor is what a thief of the verifier can make of it.
#[test]
fn the_verifier_is_no_password() {
    let vector = &VECTORS[1];
    let salt = STANDARD.decode(vector.salt).expect("base64");
    let verifier = ScramVerifier::derive(vector.hash, "pencil", &salt, vector.iterations);
    let mut server = Served::begin(vector, "pencil", vector.messages[0]);
    let (start, _) = vector.messages[2].split_once(",p=").expect("a proof");
    for stolen in [&verifier.stored_key, &verifier.server_key] {
        let mut server2 = Served::begin(vector, "pencil", vector.messages[0]);
        let step = server2.say(&format!("{start},p={}", STANDARD.encode(stolen)));
        assert_eq!(step, Ok(Step::Unproven(ScramRefusal::Proof)));
    }
    assert!(server.say(vector.messages[2]).is_ok());
    assert!(!format!("{verifier:?}").contains("stored"));
}

#[test]
fn servers_bent_every_way() {
    let vector = &VECTORS[1];
    let nonce = format!("{}{}", vector.client_nonce, vector.server_nonce);
    let mut first = client(vector.hash, Binding::Unsupported, vector.client_nonce);
    first.respond(b"").expect("the first message");
    for bent in [
        "".to_owned(),
        format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ=="),
        format!("r={nonce},i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ=="),
        format!("r={nonce},s=,i=4096"),
        format!("r={nonce},s=!,i=4096"),
        format!("m=x,r={nonce},s=AAAA,i=4096"),
        format!("r={nonce},s=AAAA,i=4096,m=x"),
        format!("r={nonce},s=AAAA,i=4096,i=4096"),
        format!("r={nonce},s=AAAA,i=04096"),
        format!("r={nonce},s=AAAA,i=+4096"),
        format!("r={nonce},s=AAAA,i=99999999999"),
        // Not an extension of our nonce.
        format!("r={},s=AAAA,i=4096", vector.client_nonce),
        format!("r=x{nonce},s=AAAA,i=4096"),
        "e=other-error".to_owned(),
    ] {
        let mut client = client(vector.hash, Binding::Unsupported, vector.client_nonce);
        client.respond(b"").expect("the first message");
        let said = client.respond(bent.as_bytes());
        assert_eq!(said, Err(ClientError::Challenge), "{bent:?}");
        assert!(client.respond(vector.messages[1].as_bytes()).is_err());
    }
    for rounds in [1, 4095, 5_000_001, 4_000_000_000] {
        let mut client = client(vector.hash, Binding::Unsupported, vector.client_nonce);
        client.respond(b"").expect("the first message");
        let said = client.respond(format!("r={nonce},s=AAAA,i={rounds}").as_bytes());
        assert_eq!(said, Err(ClientError::Iterations(rounds)));
    }
    let mut client = client(vector.hash, Binding::Unsupported, vector.client_nonce);
    client.respond(b"").expect("the first message");
    client
        .respond(vector.messages[1].as_bytes())
        .expect("the proof");
    assert_eq!(
        client.respond(b"e=invalid-proof"),
        Err(ClientError::Refused("invalid-proof".to_owned()))
    );
    assert!(!client.is_proven());
    assert_eq!(
        ServerFinal::parse(b"v=AAAA,x=y"),
        Ok(ServerFinal::Signature(vec![0, 0, 0]))
    );
    assert!(ServerFinal::parse(b"v=AAAA,m=y").is_err());
    assert!(ServerFinal::parse(b"x=y").is_err());
}

/// What the client binds to stands in its last message.
#[test]
fn the_binding_is_part_of_the_proof() {
    let binding = ChannelBinding {
        kind: BindingKind::TlsServerEndPoint,
        data: vec![2; 32],
    };
    let mut client = client(Hash::Sha256, Binding::To(&binding), "abc");
    let first = client.respond(b"").expect("the first message");
    assert_eq!(&**first, b"p=tls-server-end-point,,n=user,r=abc");
    let last = client.respond(b"r=abcdef,s=AAAA,i=4096").expect("a proof");
    let last = ClientFinal::parse(&last).expect("a message");
    assert_eq!(last.nonce, "abcdef");
    let expected = [b"p=tls-server-end-point,,".as_slice(), &[2; 32]].concat();
    assert_eq!(last.binding, expected);
}

proptest! {
    #[test]
    fn parsers_never_panic(message: Vec<u8>) {
        let _ = ClientFirst::parse(&message);
        let _ = ClientFinal::parse(&message);
        let _ = ServerFirst::parse(&message);
        let _ = ServerFinal::parse(&message);
    }

    #[test]
    fn names_come_back(user in "[^\0]{1,60}") {
        let message = format!("n,,n={},r=abc", encode_name(&user));
        let first = ClientFirst::parse(message.as_bytes()).expect("a message");
        prop_assert_eq!(first.user, user);
    }
}
