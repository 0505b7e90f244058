//! What a server says to the SMTP client: a whole session with a login and a message, and single replies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::sasl::choice::Proof;
use mox::smtp::client::{Client, Envelope, Times};
use mox::smtp::{
    ForwardPath, Host, Mail, MailParams, Mailbox, Rcpt, RcptParams, ReversePath, parse_reply,
};

fn envelope() -> Envelope {
    let mailbox = |text: &str| Mailbox::parse(text).expect("a mailbox");
    let recipients = ["b@mail.example", "c@mail.example", "d@mail.example"];
    Envelope {
        mail: Mail {
            from: ReversePath::Mailbox(mailbox("a@client.example")),
            utf8_path: false,
            params: MailParams::default(),
        },
        recipients: recipients
            .iter()
            .map(|text| Rcpt {
                to: ForwardPath::Mailbox(mailbox(text)),
                utf8_path: false,
                params: RcptParams::default(),
            })
            .collect(),
    }
}

async fn session(data: &[u8]) {
    // What the client says goes nowhere.
    let stream = tokio::io::join(data, tokio::io::sink());
    let name = Host::parse("client.example").expect("a name");
    let Ok(mut client) = Client::begin(stream, &name, Times::default(), None).await else {
        return;
    };
    let proof = Proof::Password {
        user: "tim".to_owned(),
        password: "tanstaaftanstaaf".to_owned().into(),
    };
    let _ = client.authenticate(&proof).await;
    let envelope = envelope();
    let fates = client.send_to_all(&envelope, 3, || Ok(&b"a\r\n"[..])).await;
    assert_eq!(fates.replies.len(), envelope.recipients.len());
    // Nobody is forgotten without a reason.
    assert!(fates.ended.is_some() || fates.replies.iter().all(Option::is_some));
    client.quit().await;
}

fuzz_target!(|data: &[u8]| {
    if let Ok(Some((reply, length))) = parse_reply(data) {
        assert!(length <= data.len() && (200..600).contains(&reply.code));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(session(data));
});
