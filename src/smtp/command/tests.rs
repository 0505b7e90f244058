use proptest::prelude::*;

use super::super::{BodyType, DsnReturn, Host, Notify, Xtext};
use super::*;

fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).expect("a mailbox")
}

#[test]
fn commands_are_read() {
    for (line, command) in [
        (
            "ehlo client.example",
            Command::Ehlo("client.example".into()),
        ),
        ("HELO [127.0.0.1]", Command::Helo("[127.0.0.1]".into())),
        ("EHLO my_pc", Command::Ehlo("my_pc".into())),
        ("DATA", Command::Data),
        ("data  ", Command::Data),
        (
            "BDAT 10",
            Command::Bdat {
                size: 10,
                last: false,
            },
        ),
        (
            "BDAT 0 last",
            Command::Bdat {
                size: 0,
                last: true,
            },
        ),
        ("NOOP anything <at> all", Command::Noop),
        ("StartTLS", Command::StartTls),
        ("vrfy x", Command::Vrfy),
        ("HELP", Command::Help),
    ] {
        assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
    }
}

#[test]
fn paths_and_parameters_are_read() {
    let Ok(Command::Mail(mail)) = Command::parse(
        b"mail from:<@relay.example:\"a b\"@Example.ORG> size=12 BODY=8bitmime SMTPUTF8 RET=HDRS ENVID=a+2Bb AUTH=<>",
    ) else {
        panic!("not MAIL");
    };
    assert_eq!(
        mail.from,
        ReversePath::Mailbox(mailbox("\"a b\"@example.org"))
    );
    assert_eq!(
        mail.params,
        MailParams {
            size: Some(12),
            body: Some(BodyType::EightBitMime),
            utf8: true,
            auth: Xtext::from_text(String::new()),
            ret: Some(DsnReturn::Headers),
            envid: Xtext::from_text("a+b".into()),
        }
    );
    let Ok(Command::Mail(null)) = Command::parse(b"MAIL FROM: <>") else {
        panic!("not MAIL");
    };
    assert_eq!(null.from, ReversePath::Null);
    let Ok(Command::Rcpt(rcpt)) =
        Command::parse(b"RCPT TO:<a@[IPv6:::1]> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y")
    else {
        panic!("not RCPT");
    };
    let notify = Notify {
        success: true,
        failure: false,
        delay: true,
    };
    assert_eq!(rcpt.to, ForwardPath::Mailbox(mailbox("a@[IPv6:::1]")));
    assert_eq!(rcpt.params.notify, Some(notify));
    let Ok(Command::Rcpt(rcpt)) = Command::parse(b"RCPT TO:<POSTmaster>") else {
        panic!("not RCPT");
    };
    assert_eq!(rcpt.to, ForwardPath::Postmaster);
    let Ok(Command::Rcpt(rcpt)) = Command::parse("RCPT TO:<bücher@bücher.example>".as_bytes())
    else {
        panic!("not RCPT");
    };
    assert!(rcpt.utf8_path);
    assert_eq!(rcpt.to.to_string(), "<bücher@xn--bcher-kva.example>");
}

#[test]
fn bad_lines_are_told_apart() {
    use CommandError::{Arguments, NotText, Parameter, Recipient, Sender, Unknown};
    let kind = |line: &[u8]| match Command::parse(line) {
        Ok(command) => panic!("{command:?} was taken"),
        Err(Arguments(_)) => Arguments(""),
        Err(Sender(_)) => Sender(""),
        Err(Recipient(_)) => Recipient(""),
        Err(other) => other,
    };
    for (line, expected) in [
        (&b""[..], Unknown),
        (b"GET / HTTP/1.1", Unknown),
        (b"MAILFROM:<a@b>", Unknown),
        (b"\xff", NotText),
        (b"MAIL FROM:<\xe9@b>", NotText),
        (b"EHLO", Arguments("")),
        (b"EHLO a b", Arguments("")),
        (b"EHLO a\tb", Arguments("")),
        (b"EHLO (evil)", Arguments("")),
        (b"DATA now", Arguments("")),
        (b"BDAT", Arguments("")),
        (b"BDAT +1", Arguments("")),
        (b"BDAT 1 LAST x", Arguments("")),
        (b"BDAT 99999999999999999999999", Arguments("")),
        (b"AUTH", Arguments("")),
        (b"AUTH PLAIN a b", Arguments("")),
        (b"MAIL TO:<a@b>", Arguments("")),
        (b"MAIL FROM:a@b", Sender("")),
        (b"MAIL FROM:<a>", Sender("")),
        (b"MAIL FROM:<a b@c>", Sender("")),
        (b"MAIL FROM:<a@b>SIZE=1", Arguments("")),
        (b"MAIL FROM:<a@b> SIZE=x", Arguments("")),
        (b"MAIL FROM:<a@b> SIZE=1 SIZE=2", Arguments("")),
        (b"MAIL FROM:<a@b> XYZ=2", Parameter("XYZ".into())),
        (b"MAIL FROM:<a@b> SMTPUTF8=1", Parameter("SMTPUTF8".into())),
        (b"RCPT TO:<>", Recipient("")),
        (b"RCPT TO:<a@b> NOTIFY=NEVER,DELAY", Arguments("")),
        (b"RCPT TO:<a@[1.2.3]>", Recipient("")),
        (b"RCPT TO:<a@b> SIZE=1", Parameter("SIZE".into())),
    ] {
        assert_eq!(kind(line), expected, "{}", line.escape_ascii());
    }
}

#[test]
fn secrets_are_not_shown() {
    let command = Command::parse(b"AUTH plain c2VjcmV0").expect("AUTH");
    assert!(!format!("{command:?}").contains("c2VjcmV0"));
    assert_eq!(command.to_string(), "AUTH PLAIN c2VjcmV0");
}

fn any_mailbox() -> impl Strategy<Value = Mailbox> {
    let localpart =
        prop_oneof!["[a-zA-Z0-9.+\"\\\\ >@é]{1,12}"].prop_filter_map("not a localpart", |text| {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            crate::addr::Localpart::parse(&format!("\"{quoted}\"")).ok()
        });
    let host = prop_oneof![
        "[a-z]{1,5}\\.[a-zé]{2,5}".prop_filter_map("not a host", |text| Host::parse(&text).ok()),
        any::<std::net::IpAddr>().prop_map(Host::Literal),
    ];
    (localpart, host).prop_map(|(localpart, host)| Mailbox { localpart, host })
}

fn any_xtext() -> impl Strategy<Value = Xtext> {
    "[ -~é]{1,20}".prop_filter_map("control characters", Xtext::from_text)
}

fn any_command() -> impl Strategy<Value = Command> {
    let body = prop_oneof![
        Just(BodyType::SevenBit),
        Just(BodyType::EightBitMime),
        Just(BodyType::BinaryMime)
    ];
    let ret = prop_oneof![Just(DsnReturn::Full), Just(DsnReturn::Headers)];
    let mail_params = (
        proptest::option::of(any::<u64>()),
        proptest::option::of(body),
        any::<bool>(),
        proptest::option::of(any_xtext()),
        proptest::option::of(ret),
        proptest::option::of(any_xtext()),
    )
        .prop_map(|(size, body, utf8, auth, ret, envid)| MailParams {
            size,
            body,
            utf8,
            auth,
            ret,
            envid,
        });
    let notify = any::<(bool, bool, bool)>().prop_map(|(success, failure, delay)| Notify {
        success,
        failure,
        delay,
    });
    let rcpt_params = (
        proptest::option::of(notify),
        proptest::option::of(("[a-z0-9-]{1,8}", any_xtext())),
    )
        .prop_map(|(notify, orcpt)| RcptParams { notify, orcpt });
    let from = prop_oneof![
        1 => Just(ReversePath::Null),
        4 => any_mailbox().prop_map(ReversePath::Mailbox)
    ];
    let to = prop_oneof![
        1 => Just(ForwardPath::Postmaster),
        4 => any_mailbox().prop_map(ForwardPath::Mailbox)
    ];
    prop_oneof![
        "[a-z0-9.-]{1,20}".prop_map(Command::Ehlo),
        "[a-z0-9.-]{1,20}".prop_map(Command::Helo),
        (from, mail_params).prop_map(|(from, params)| Command::Mail(Mail {
            utf8_path: !from.to_string().is_ascii(),
            from,
            params
        })),
        (to, rcpt_params).prop_map(|(to, params)| Command::Rcpt(Rcpt {
            utf8_path: !to.to_string().is_ascii(),
            to,
            params
        })),
        (any::<u64>(), any::<bool>()).prop_map(|(size, last)| Command::Bdat { size, last }),
        (
            "[A-Z0-9-]{1,20}",
            proptest::option::of("[a-zA-Z0-9+/=]{1,20}")
        )
            .prop_map(|(mechanism, initial)| Command::Auth {
                mechanism,
                initial: initial.as_deref().map(AuthText::new)
            }),
        Just(Command::Data),
        Just(Command::Rset),
        Just(Command::Noop),
        Just(Command::Quit),
        Just(Command::Vrfy),
        Just(Command::Expn),
        Just(Command::Help),
        Just(Command::StartTls),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_parses_to_the_same(command in any_command()) {
        prop_assert_eq!(Command::parse(command.to_string().as_bytes()), Ok(command));
    }

    #[test]
    fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = Command::parse(&line);
    }

    #[test]
    fn nothing_like_a_command_panics(
        verb in "(MAIL FROM:|RCPT TO:|EHLO |AUTH |BDAT )",
        rest in "[<>@\"\\\\,:;=+ a-zA-Z0-9é\\[\\].]{0,40}",
    ) {
        if let Ok(command) = Command::parse(format!("{verb}{rest}").as_bytes()) {
            prop_assert_eq!(Command::parse(command.to_string().as_bytes()).is_ok(), true);
        }
    }
}
