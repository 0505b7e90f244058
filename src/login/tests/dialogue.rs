//! Whole authentications with the library's own client.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::sasl::client::{Binding, Client};
use crate::sasl::{BindingKind, ChannelBinding, Hash};

/// A service with its records, and the facts it decides on.
struct Place {
    logins: Arc<Logins>,
    noted: Arc<Noted>,
    snapshot: Snapshot,
    origin: Origin,
}

impl Place {
    fn new() -> Place {
        Place::with("")
    }

    /// With more lines in `[auth]` and `[limits]`.
    fn with(sections: &str) -> Place {
        let noted = Arc::new(Noted::default());
        let text = format!("{sections}\n{TEXT}");
        let config = parse(&text, Path::new("mox.toml"), &Unchecked).expect("valid");
        let credentials: Credentials = ["alice", "closed"]
            .map(|account| (name(account), Arc::new(MADE.clone())))
            .into();
        Place {
            logins: Arc::new(Logins::new([7; 32], noted.clone())),
            noted,
            snapshot: Snapshot::compile(1, Arc::new(config), Arc::new(credentials)),
            origin: origin(),
        }
    }

    fn begin(&self, mechanism: &str, initial: Option<&[u8]>) -> (Option<Dialogue>, Turn) {
        let origin = Arc::new(self.origin.clone());
        Dialogue::begin(&self.logins, &self.snapshot, origin, mechanism, initial)
    }

    /// All of it.
    fn run(&self, client: &mut Client) -> Result<LoggedIn, LoginRefusal> {
        let initial = client.initial();
        let mechanism = client.mechanism().name();
        let (mut dialogue, mut turn) =
            self.begin(mechanism, initial.as_ref().map(|line| line.as_bytes()));
        loop {
            turn = match turn {
                Turn::Over(result) => {
                    if result.is_ok() {
                        client.finish().expect("the server is the right one");
                    }
                    return result;
                }
                Turn::Password(login) => Turn::Over(self.logins.password(&self.snapshot, &login)),
                Turn::Challenge(challenge) => {
                    let line = client.respond(challenge.as_bytes());
                    let line = line.as_ref().map_or(&b"*"[..], |line| line.as_bytes());
                    let dialogue = dialogue.as_mut().expect("one that goes on");
                    dialogue.line(&self.snapshot, Ok(line))
                }
            };
        }
    }

    fn scram(&self, user: &str, password: &str) -> Result<LoggedIn, LoginRefusal> {
        let client = Client::scram(Hash::Sha256, user, password, Binding::Unsupported);
        self.run(&mut client.expect("sayable"))
    }

    /// The salt that a user is shown.
    fn salt(&self, hash: Hash, user: &str) -> String {
        self.salt_wanting("", hash, user)
    }

    /// The same when an identity is wanted (`a=…`).
    fn salt_wanting(&self, identity: &str, hash: Hash, user: &str) -> String {
        let first = STANDARD.encode(format!("n,{identity},n={user},r=abc"));
        let mechanism = Mechanism::Scram { hash, plus: false };
        let (_, turn) = self.begin(mechanism.name(), Some(first.as_bytes()));
        let Turn::Challenge(challenge) = turn else {
            panic!("no challenge: {turn:?}");
        };
        let challenge = String::from_utf8(STANDARD.decode(challenge).expect("base64"));
        let challenge = challenge.expect("text");
        let (_, rest) = challenge.split_once(",s=").expect("a salt");
        rest.to_owned()
    }

    fn noted(&self) -> Vec<String> {
        std::mem::take(&mut *self.noted.0.lock().expect("not poisoned"))
    }
}

fn end_point() -> ChannelBinding {
    ChannelBinding {
        kind: BindingKind::TlsServerEndPoint,
        data: vec![2; 32],
    }
}

#[test]
fn every_mechanism_logs_in_with_the_right_password_only() {
    let place = Place::with("[auth]\ncram_md5 = true");
    let user = "alice@example.org";
    let end_point = end_point();
    type Make<'a> = Box<dyn Fn(&str) -> Client + 'a>;
    let scram = |hash, binding| -> Make<'_> {
        Box::new(move |password| Client::scram(hash, user, password, binding).expect("sayable"))
    };
    let clients: Vec<Make<'_>> = vec![
        Box::new(|password| Client::plain("", user, password).expect("sayable")),
        Box::new(|password| Client::login(user, password).expect("sayable")),
        Box::new(|password| Client::cram_md5(user, password).expect("sayable")),
        scram(Hash::Sha1, Binding::Unsupported),
        scram(Hash::Sha1, Binding::To(&end_point)),
        scram(Hash::Sha256, Binding::Unsupported),
        scram(Hash::Sha256, Binding::To(&end_point)),
    ];
    for make in clients {
        let mechanism = make("x x x x").mechanism().name();
        assert_eq!(
            place.run(&mut make("wrong password")),
            Err(LoginRefusal::BadCredentials),
            "{mechanism}"
        );
        assert_eq!(
            account(place.run(&mut make(PASSWORD))),
            "alice",
            "{mechanism}"
        );
        assert_eq!(
            place.noted(),
            [
                "imap alice alice@example.org badcreds",
                "imap alice alice@example.org ok"
            ],
            "{mechanism}"
        );
    }
    let hashes = place.logins.hashes();
    assert!(place.scram(user, PASSWORD).is_ok());
    assert_eq!(place.logins.hashes(), hashes, "SCRAM costs no hash");
}

#[test]
fn nobody_learns_from_scram_who_is_there() {
    let place = Place::new();
    for user in [
        "nobody@example.org",
        "without@example.org",
        "team@example.org",
        "x",
    ] {
        let mut client =
            Client::scram(Hash::Sha256, user, PASSWORD, Binding::Unsupported).expect("sayable");
        assert_eq!(place.run(&mut client), Err(LoginRefusal::BadCredentials));
        for hash in [Hash::Sha1, Hash::Sha256] {
            let salt = place.salt(hash, user);
            assert_eq!(salt, place.salt(hash, user), "{user}");
            let real = place.salt(hash, "alice@example.org");
            assert_eq!(salt.len(), real.len(), "{user}");
            assert_ne!(salt, real);
        }
    }
    // Spellings of nobody's address are the same, as those of somebody's are.
    let nobody = place.salt(Hash::Sha256, "nobody@example.org");
    for spelling in ["NOBODY@Example.ORG", "nobody+x@example.org"] {
        assert_eq!(place.salt(Hash::Sha256, spelling), nobody);
    }
    // Not before a login that was right, and not because of another identity.
    assert_eq!(
        place.scram("closed@example.org", "wrong password"),
        Err(LoginRefusal::BadCredentials)
    );
    assert_eq!(
        place.scram("closed@example.org", PASSWORD),
        Err(LoginRefusal::LoginDisabled(
            "moved to https://new.example".to_owned()
        ))
    );
    for user in ["alice@example.org", "nobody@example.org"] {
        for identity in ["a=closed@example.org", "a=x", "a=alice@example.org"] {
            let salt = place.salt_wanting(identity, Hash::Sha256, user);
            assert_eq!(salt, place.salt(Hash::Sha256, user), "{identity} {user}");
        }
    }
}

#[test]
fn a_binding_to_another_connection_is_refused() {
    let place = Place::new();
    let wrong = ChannelBinding {
        data: vec![9; 32],
        ..end_point()
    };
    for binding in [Binding::To(&wrong), Binding::NotOffered] {
        let client = Client::scram(Hash::Sha256, "alice@example.org", PASSWORD, binding);
        assert_eq!(
            place.run(&mut client.expect("sayable")),
            Err(LoginRefusal::ChannelBinding)
        );
    }
    assert_eq!(
        place.noted(),
        ["imap alice alice@example.org badchanbind"; 2]
    );
    let mut without_tls = Place::new();
    without_tls.origin.tls.clear();
    without_tls.origin.bindings = ChannelBindings::none();
    without_tls.origin.plaintext_logins = true;
    let client = Client::scram(
        Hash::Sha256,
        "alice@example.org",
        PASSWORD,
        Binding::NotOffered,
    );
    assert!(without_tls.run(&mut client.expect("sayable")).is_ok());
}

#[test]
fn what_is_offered_depends_on_the_connection() {
    let offers = |place: &Place| {
        let offered = place.origin.offers(&place.snapshot);
        let names: Vec<&str> = offered.iter().map(|mechanism| mechanism.name()).collect();
        names.join(" ")
    };
    let mut place = Place::new();
    assert_eq!(
        offers(&place),
        "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN LOGIN"
    );
    place.origin.bindings = ChannelBindings::none();
    assert_eq!(offers(&place), "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN");
    place.origin.tls.clear();
    assert_eq!(offers(&place), "");
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL"] {
        let (_, turn) = place.begin(mechanism, None);
        assert!(
            matches!(turn, Turn::Over(Err(LoginRefusal::NeedsTls))),
            "{mechanism}"
        );
    }
    place.origin.plaintext_logins = true;
    assert_eq!(offers(&place), "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN");
    let (_, turn) = place.begin("SCRAM-SHA-256-PLUS", None);
    assert!(matches!(turn, Turn::Over(Err(LoginRefusal::NeedsTls))));

    let place = Place::with(
        "[auth]\ncram_md5 = true\nmechanisms_off = [\"PLAIN\", \"SCRAM-SHA-1\", \"SCRAM-SHA-1-PLUS\"]",
    );
    assert_eq!(
        offers(&place),
        "SCRAM-SHA-256-PLUS SCRAM-SHA-256 LOGIN CRAM-MD5"
    );
    for mechanism in ["PLAIN", "SCRAM-SHA-1-PLUS", "GSSAPI", ""] {
        let (_, turn) = place.begin(mechanism, None);
        assert!(
            matches!(turn, Turn::Over(Err(LoginRefusal::NoMechanism))),
            "{mechanism}"
        );
    }
    let (_, turn) = Place::new().begin("CRAM-MD5", None);
    assert!(matches!(turn, Turn::Over(Err(LoginRefusal::NoMechanism))));
}

#[test]
fn every_attempt_is_recorded_once_however_it_ends() {
    let place = Place::new();
    let (dialogue, _) = place.begin("PLAIN", None);
    drop(dialogue);
    assert_eq!(place.noted(), ["imap -  aborted"], "gone away");
    let (dialogue, _) = place.begin("PLAIN", None);
    let turn = dialogue.expect("one").line(&place.snapshot, Ok(b"*"));
    assert!(matches!(
        turn,
        Turn::Over(Err(LoginRefusal::Exchange(SaslError::Aborted)))
    ));
    assert_eq!(place.noted(), ["imap -  aborted"]);
    let _ = place.begin("PLAIN", Some(b"!"));
    assert_eq!(place.noted(), ["imap -  badprotocol"]);
    let _ = place.begin("KERBEROS", None);
    assert_eq!(place.noted(), ["imap -  error"]);
    let first = STANDARD.encode("n,,n=alice@example.org,r=abc");
    let (dialogue, _) = place.begin("SCRAM-SHA-1", Some(first.as_bytes()));
    let turn = dialogue
        .expect("one")
        .line(&place.snapshot, Err(SaslError::TooLong));
    assert!(matches!(turn, Turn::Over(Err(_))));
    assert_eq!(place.noted(), ["imap alice alice@example.org badprotocol"]);
    let _ = place.begin("EXTERNAL", Some(b"="));
    assert_eq!(place.noted(), ["imap -  badcreds"]);
}

/// A wrong proof is counted and answered by the protocol's own words, not by one more challenge.
#[test]
fn a_wrong_proof_is_the_end_at_once() {
    let place = Place::with("[auth]\nfailures_per_minute = [2, 0, 0]");
    for _ in 0..2 {
        let mut client = Client::scram(
            Hash::Sha256,
            "alice@example.org",
            "wrong password",
            Binding::Unsupported,
        )
        .expect("sayable");
        let first = client.initial().expect("one");
        let (dialogue, turn) = place.begin("SCRAM-SHA-256", Some(first.as_bytes()));
        let Turn::Challenge(challenge) = turn else {
            panic!("no challenge");
        };
        let proof = client.respond(challenge.as_bytes()).expect("a proof");
        let turn = dialogue
            .expect("one")
            .line(&place.snapshot, Ok(proof.as_bytes()));
        assert!(matches!(
            turn,
            Turn::Over(Err(LoginRefusal::BadCredentials))
        ));
    }
    assert_eq!(
        place.scram("alice@example.org", PASSWORD),
        Err(LoginRefusal::RateLimited)
    );
    let noted = place.noted();
    assert_eq!(noted[2], "imap -  ratelimited");
    assert_eq!(noted.len(), 3);
}

#[test]
fn guesses_are_limited_over_all_mechanisms_and_right_passwords_wait_too() {
    let place = Place::with("[auth]\nfailures_per_minute = [3, 0, 0]");
    let wrong = |mechanism| PasswordLogin {
        mechanism,
        ..login("alice@example.org", "wrong password")
    };
    let _ = place
        .logins
        .password(&place.snapshot, &wrong(Mechanism::Plain));
    let _ = place
        .logins
        .password(&place.snapshot, &wrong(Mechanism::Login));
    assert!(place.scram("alice@example.org", "wrong password").is_err());
    let hashes = place.logins.hashes();
    assert_eq!(
        place
            .logins
            .password(&place.snapshot, &login("alice@example.org", PASSWORD)),
        Err(LoginRefusal::RateLimited)
    );
    assert_eq!(place.logins.hashes(), hashes, "refused without a hash");
    let elsewhere = Place {
        origin: Origin {
            remote: IpAddr::from([198, 51, 100, 1]),
            ..origin()
        },
        ..place
    };
    assert!(elsewhere.scram("alice@example.org", PASSWORD).is_ok());
}

/// Disabled accounts have clients that go on trying: they know the password and guess nothing.
#[test]
fn only_guesses_count() {
    let place = Place::with("[auth]\nfailures_per_minute = [1, 0, 0]");
    for _ in 0..3 {
        assert!(matches!(
            place.scram("closed@example.org", PASSWORD),
            Err(LoginRefusal::LoginDisabled(_))
        ));
        let _ = place.begin("PLAIN", Some(b"!"));
        let _ = place.begin("PLAIN", None);
    }
    assert!(place.scram("alice@example.org", PASSWORD).is_ok());
}

#[test]
fn loopback_can_be_let_off() {
    let mut place =
        Place::with("[auth]\nfailures_per_minute = [1, 1, 1]\n[limits]\nlimit_loopback = false");
    place.origin.remote = IpAddr::from([127, 0, 0, 1]);
    for _ in 0..3 {
        assert_eq!(
            place.scram("alice@example.org", "wrong password"),
            Err(LoginRefusal::BadCredentials)
        );
    }
}

/// The password was changed while the client proved the old one.
#[test]
fn a_proof_of_an_old_password_is_none() {
    let mut place = Place::new();
    let mut client = Client::scram(
        Hash::Sha256,
        "alice@example.org",
        PASSWORD,
        Binding::Unsupported,
    )
    .expect("sayable");
    let first = client.initial().expect("one");
    let (dialogue, turn) = place.begin("SCRAM-SHA-256", Some(first.as_bytes()));
    let Turn::Challenge(challenge) = turn else {
        panic!("no challenge");
    };
    let proof = client.respond(challenge.as_bytes()).expect("a proof");
    place.snapshot = snapshot(9, &PHC);
    let mut dialogue = dialogue.expect("one");
    let turn = dialogue.line(&place.snapshot, Ok(proof.as_bytes()));
    assert!(matches!(
        turn,
        Turn::Over(Err(LoginRefusal::BadCredentials))
    ));
}

/// The client has its time to answer the last line: what happened meanwhile counts.
#[test]
fn logins_disabled_before_the_last_line_are_disabled() {
    let place = Place::new();
    let user = "alice@example.org";
    let client = Client::scram(Hash::Sha256, user, PASSWORD, Binding::Unsupported);
    let mut client = client.expect("sayable");
    let first = client.initial().expect("one");
    let (dialogue, turn) = place.begin("SCRAM-SHA-256", Some(first.as_bytes()));
    let mut dialogue = dialogue.expect("one");
    let Turn::Challenge(challenge) = turn else {
        panic!("no challenge");
    };
    let proof = client.respond(challenge.as_bytes()).expect("a proof");
    let turn = dialogue.line(&place.snapshot, Ok(proof.as_bytes()));
    assert!(matches!(turn, Turn::Challenge(_)), "the proof is right");
    let alice = "[accounts.alice]\n";
    let text = TEXT.replace(
        alice,
        &format!("{alice}login_disabled = \"gone fishing\"\n"),
    );
    let config = parse(&text, Path::new("mox.toml"), &Unchecked).expect("valid");
    let credentials: Credentials = [(name("alice"), Arc::new(MADE.clone()))].into();
    let later = Snapshot::compile(2, Arc::new(config), Arc::new(credentials));
    match dialogue.line(&later, Ok(b"")) {
        Turn::Over(Err(refusal)) => {
            assert_eq!(refusal, LoginRefusal::LoginDisabled("gone fishing".into()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        place.noted(),
        ["imap alice alice@example.org logindisabled"]
    );
}
