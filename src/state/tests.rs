mod size;

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::sasl::{CramVerifier, Hash, ScramVerifier};

fn name(text: &str) -> AccountName {
    AccountName::parse(text).expect("an account name")
}

fn credential(serial: u64, argon2: &str) -> Arc<Credential> {
    Arc::new(Credential::of_hash(serial, argon2.into()))
}

fn new_generation(text: &str) -> NewGeneration {
    NewGeneration {
        actor: "root".to_owned(),
        command: "mox config reload".to_owned(),
        request: String::new(),
        summary: "changed".to_owned(),
        before: ContentHash::of(b"before"),
        after: ContentHash::of(text.as_bytes()),
        text: text.into(),
    }
}

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("control.redb");
        Place { _dir: dir, path }
    }

    fn open(&self) -> State {
        State::open(&self.path).expect("it opens")
    }
}

#[test]
fn credentials_live_until_they_are_dropped() {
    let place = Place::new();
    let state = place.open();
    assert_eq!(state.next_serial(), 1);
    state
        .commit(
            &[
                Op::SetCredential(name("alice"), credential(1, "$one")),
                Op::SetCredential(name("bob"), credential(2, "$two")),
                Op::SetAdminPassword(credential(3, "$admin")),
            ],
            None,
        )
        .expect("it commits");
    let check = |state: &State| {
        let credentials = state.credentials();
        assert_eq!(credentials.len(), 2);
        assert_eq!(&*credentials[&name("alice")].argon2, "$one");
        assert_eq!(credentials[&name("bob")].serial, 2);
        assert_eq!(&*state.admin_password().expect("one").argon2, "$admin");
        assert_eq!(state.next_serial(), 4);
    };
    check(&state);
    drop(state);
    let state = place.open();
    check(&state);
    state
        .commit(&[Op::DropCredential(name("alice"))], None)
        .expect("it commits");
    state
        .commit(&[Op::BeginRemoval(name("bob"))], None)
        .expect("it commits");
    assert!(state.credentials().is_empty());
    assert_eq!(state.removals().expect("it reads"), [name("bob")]);
    drop(state);
    let state = place.open();
    assert!(state.credentials().is_empty());
    assert_eq!(state.next_serial(), 4, "serials are not used again");
    assert_eq!(state.removals().expect("it reads"), [name("bob")]);
    state
        .commit(&[Op::EndRemoval(name("bob"))], None)
        .expect("it commits");
    assert_eq!(state.removals().expect("it reads"), []);
}

#[test]
fn requests_without_a_generation_are_remembered_for_a_while() {
    let place = Place::new();
    let state = place.open();
    let request = |number: u64| Fulfilled {
        request: format!("r{number}"),
        summary: format!("password set: a{number}"),
        generation: number / 2,
    };
    for number in 0..250 {
        let ops = [
            Op::SetCredential(name("alice"), credential(number + 1, "$one")),
            Op::Fulfill(request(number)),
        ];
        state.commit(&ops, None).expect("it commits");
    }
    drop(state);
    let state = place.open();
    let found = |number: u64| state.fulfilled(&format!("r{number}")).expect("it reads");
    for number in 150..250 {
        assert_eq!(found(number), Some(request(number)));
    }
    for number in (0..150).chain([250]) {
        assert_eq!(found(number), None, "{number}");
    }
}

const PEM: &[u8] = include_bytes!("../../tests/samples/certificates/ed25519.pem");

fn certificate() -> Certificate {
    Certificate::read(PEM).expect("a certificate")
}

fn tls_key(number: u8, account: &str) -> Arc<TlsKey> {
    Arc::new(TlsKey {
        fingerprint: Fingerprint::from_bytes([number; 32]),
        key_type: "ed25519".parse().expect("a type"),
        name: "laptop".to_owned(),
        account: name(account),
        login_address: format!("{account}@example.org").parse().expect("one"),
        no_imap_preauth: number == 2,
        created: Timestamp::from_millisecond(1_700_000_000_000).expect("a time"),
    })
}

#[test]
fn tls_keys_live_until_they_or_their_account_go() {
    let place = Place::new();
    let state = place.open();
    let keys = [tls_key(1, "alice"), tls_key(2, "alice"), tls_key(3, "bob")];
    let ops = keys.clone().map(|key| Op::AddTlsKey(key, certificate()));
    state.commit(&ops, None).expect("it commits");
    let time = Timestamp::from_millisecond(1_800_000_000_000).expect("a time");
    let used = keys.iter().map(|key| (key.fingerprint, time)).collect();
    state
        .commit(&[Op::UseTlsKeys(used)], None)
        .expect("it commits");
    let of = |state: &State, account: &str| {
        let all = state.tls_keys();
        let its = all.of(&name(account)).cloned();
        its.collect::<Vec<_>>()
    };
    let check = |state: &State| {
        assert_eq!(of(state, "alice"), keys[..2]);
        assert_eq!(of(state, "bob"), keys[2..]);
        assert_eq!(state.tls_keys().get(&keys[1].fingerprint), Some(&keys[1]));
        assert_eq!(state.tls_keys_used().expect("it reads").len(), 3);
        let der = state.tls_certificate(&keys[0].fingerprint);
        assert_eq!(der.expect("it reads").as_deref(), Some(certificate().der()));
    };
    check(&state);
    drop(state);
    let state = place.open();
    check(&state);
    let mut renamed = TlsKey::clone(&keys[0]);
    renamed.name = "phone".to_owned();
    let renamed = Arc::new(renamed);
    let ops = [
        Op::SetTlsKey(renamed.clone()),
        Op::DropTlsKey(keys[1].fingerprint),
        Op::BeginRemoval(name("bob")),
        // Of keys that are gone nothing is written any more.
        Op::UseTlsKeys(vec![
            (keys[1].fingerprint, time),
            (keys[2].fingerprint, time),
        ]),
    ];
    state.commit(&ops, None).expect("it commits");
    let check = |state: &State| {
        assert_eq!(of(state, "alice"), std::slice::from_ref(&renamed));
        assert_eq!(of(state, "bob"), []);
        let used = state.tls_keys_used().expect("it reads");
        assert_eq!(
            used.into_iter().collect::<Vec<_>>(),
            [(renamed.fingerprint, time)]
        );
        let der = |key: &TlsKey| state.tls_certificate(&key.fingerprint).expect("it reads");
        assert!(der(&renamed).is_some(), "the certificate stays");
        assert!(der(&keys[1]).is_none() && der(&keys[2]).is_none());
    };
    check(&state);
    drop(state);
    let state = place.open();
    check(&state);
    state
        .commit(&[Op::DropTlsKeys(name("alice"))], None)
        .expect("it commits");
    assert_eq!(state.tls_keys().iter().count(), 0);
    drop(state);
    assert_eq!(place.open().tls_keys().iter().count(), 0);
}

#[test]
fn all_that_is_kept_of_a_password_comes_back() {
    let place = Place::new();
    let state = place.open();
    let secret = state.login_secret().expect("one");
    let scram = |hash| ScramVerifier::derive(hash, "secret", b"salt", 4096);
    let kept = Credential {
        scram_sha1: Some(scram(Hash::Sha1)),
        scram_sha256: Some(scram(Hash::Sha256)),
        cram_md5: Some(CramVerifier::derive("secret")),
        ..Credential::of_hash(1, "$one".into())
    };
    let op = Op::SetCredential(name("alice"), Arc::new(kept));
    state.commit(&[op], None).expect("it commits");
    drop(state);
    let state = place.open();
    let credential = &state.credentials()[&name("alice")];
    assert_eq!((credential.serial, &*credential.argon2), (1, "$one"));
    for hash in [Hash::Sha1, Hash::Sha256] {
        assert_eq!(credential.scram(hash), Some(&scram(hash)));
    }
    assert_eq!(credential.cram_md5, Some(CramVerifier::derive("secret")));
    assert_eq!(state.login_secret().expect("one"), secret);
    assert_ne!(Place::new().open().login_secret().expect("one"), secret);
}

#[test]
fn ten_thousand_accounts_can_begin_at_once() {
    let place = Place::new();
    let state = place.open();
    let begun = Begun {
        files: vec!["dkim/x.pem".to_owned()],
        accounts: (0..10_000)
            .map(|number| name(&format!("{:0>64}", number)))
            .collect(),
    };
    state
        .commit(&[Op::Begin(begun.clone())], None)
        .expect("it commits");
    assert_eq!(state.begun().expect("it reads"), Some(begun));
    state.commit(&[Op::End], None).expect("it commits");
    assert_eq!(state.begun().expect("it reads"), None);
}

#[test]
fn what_was_begun_is_there_until_it_ends() {
    let place = Place::new();
    let state = place.open();
    assert_eq!(state.begun().expect("it reads"), None);
    let begun = Begun {
        files: vec!["dkim/x.pem".to_owned()],
        accounts: vec![name("alice")],
    };
    state
        .commit(&[Op::Begin(begun.clone())], None)
        .expect("it commits");
    drop(state);
    let state = place.open();
    assert_eq!(state.begun().expect("it reads"), Some(begun));
    state
        .commit(&[Op::End], Some(&new_generation("x")))
        .expect("it commits");
    assert_eq!(state.begun().expect("it reads"), None);
}

#[test]
fn the_newest_hundred_generations_are_kept() {
    let place = Place::new();
    let state = place.open();
    let text = |n: u64| format!("{}n = {n}\n{}", "# a\n".repeat(50), "# b\n".repeat(50));
    for n in 1..=250 {
        assert_eq!(
            state
                .commit(&[], Some(&new_generation(&text(n))))
                .expect("it commits"),
            n
        );
    }
    drop(state);
    let state = place.open();
    let generations = state.generations().expect("it reads");
    let numbers: Vec<u64> = generations.iter().map(|g| g.number).collect();
    assert_eq!(numbers, (151..=250).rev().collect::<Vec<_>>());
    for generation in &generations {
        let kept = state.text(generation.number).expect("it reads");
        assert_eq!(kept.as_deref(), Some(text(generation.number).as_str()));
        assert_eq!(
            generation.after,
            ContentHash::of(text(generation.number).as_bytes())
        );
    }
    assert_eq!(state.text(150).expect("it reads"), None);
    assert_eq!(state.text(251).expect("it reads"), None);
    let mut rows = 0;
    let read = state.db.read().expect("it reads");
    read.scan(
        KeyRange::prefix(keys::TEXT),
        Order::Ascending,
        &mut |_, _| {
            rows += 1;
            true
        },
    )
    .expect("it reads");
    assert!(rows < 100 + 40 + 10, "{rows} rows of texts");
}

#[test]
fn long_texts_are_kept_in_pieces() {
    let place = Place::new();
    let state = place.open();
    let long: String = (0..40_000).map(|n| format!("# {n}\n")).collect();
    assert!(long.len() > 4 * 60_000);
    state
        .commit(&[], Some(&new_generation(&long)))
        .expect("it commits");
    let other = long.replace('1', "one");
    state
        .commit(&[], Some(&new_generation(&other)))
        .expect("it commits");
    drop(state);
    let state = place.open();
    assert_eq!(state.text(1).expect("it reads"), Some(long));
    assert_eq!(state.text(2).expect("it reads"), Some(other));
}

/// Rows as version 1 wrote them. Made once by [`write_sample`]; never to be made anew: that a newer
/// program reads them is what is tested.
const SAMPLE: &str = include_str!("../../tests/samples/control-v1.rows");

/// TLS public keys as version 1 wrote them. As above: never to be made anew.
const TLS_KEYS_SAMPLE: &str = include_str!("../../tests/samples/control-v1-tls-keys.rows");

#[test]
fn the_stored_tls_keys_are_read() {
    let place = Place::new();
    fill(&place, TLS_KEYS_SAMPLE);
    let state = place.open();
    let keys = state.tls_keys();
    let keys: Vec<_> = keys.of(&name("alice")).collect();
    assert_eq!(keys, [&tls_key(1, "alice"), &tls_key(2, "alice")]);
    let der = state.tls_certificate(&keys[0].fingerprint);
    assert_eq!(der.expect("it reads").as_deref(), Some(certificate().der()));
    let used = state.tls_keys_used().expect("it reads");
    assert_eq!(used.len(), 1);
    assert_eq!(
        used[&keys[1].fingerprint].as_millisecond(),
        1_800_000_000_000
    );
}

/// Prints those rows, for a new version of the format.
#[test]
#[ignore = "makes a sample for a new version of the format"]
fn write_tls_keys_sample() {
    let place = Place::new();
    let state = place.open();
    let time = Timestamp::from_millisecond(1_800_000_000_000).expect("a time");
    let ops = [
        Op::AddTlsKey(tls_key(1, "alice"), certificate()),
        Op::AddTlsKey(tls_key(2, "alice"), certificate()),
        Op::UseTlsKeys(vec![(tls_key(2, "alice").fingerprint, time)]),
    ];
    state.commit(&ops, None).expect("it commits");
    let read = state.db.read().expect("it reads");
    read.scan(KeyRange::all(), Order::Ascending, &mut |key, value| {
        println!("{} {}", hex(key), hex(value));
        true
    })
    .expect("it reads");
}

fn fill(place: &Place, rows: &str) {
    let db = Db::open(&place.path, Options::new(Format::first("mox control"))).expect("it opens");
    db.write(|write| {
        for line in rows.lines().filter(|line| !line.starts_with('#')) {
            let (key, value) = line.split_once(' ').expect("a key and a value");
            write.put(&unhex(key), &unhex(value))?;
        }
        Ok::<_, DbError>(())
    })
    .expect("it writes");
}

#[test]
fn the_stored_sample_is_read() {
    let place = Place::new();
    fill(&place, SAMPLE);
    let state = place.open();
    let alice = &state.credentials()[&name("alice")];
    assert_eq!((alice.serial, &*alice.argon2), (1, "$argon2id$alice"));
    assert_eq!(alice.scram(Hash::Sha256), None, "of a time before SCRAM");
    let admin = state.admin_password().expect("one");
    assert_eq!((admin.serial, &*admin.argon2), (2, "$argon2id$admin"));
    assert_eq!(state.next_serial(), 3);
    assert_eq!(state.removals().expect("it reads"), [name("bob")]);
    let begun = state.begun().expect("it reads").expect("something");
    assert_eq!(begun.files, ["/etc/mox/dkim/2026a.example.org.pem"]);
    assert_eq!(begun.accounts, [name("carol")]);
    let generations = state.generations().expect("it reads");
    assert_eq!(generations.len(), 2);
    assert_eq!(generations[0].summary, "changed");
    assert_eq!(generations[0].command, "mox config reload");
    assert_eq!(generations[0].before, ContentHash::of(b"before"));
    assert_eq!(generations[0].after, ContentHash::of(b"# one\nn = 2\n"));
    assert_eq!(
        state.text(2).expect("it reads").as_deref(),
        Some("# one\nn = 2\n")
    );
    assert_eq!(
        state.text(1).expect("it reads").as_deref(),
        Some("# one\nn = 1\n")
    );
}

/// Prints the rows of the sample, for a new version of the format: `cargo test … -- --ignored`.
#[test]
#[ignore = "makes a sample for a new version of the format"]
fn write_sample() {
    let place = Place::new();
    let state = place.open();
    let ops = [
        Op::SetCredential(name("alice"), credential(1, "$argon2id$alice")),
        Op::SetAdminPassword(credential(2, "$argon2id$admin")),
        Op::BeginRemoval(name("bob")),
        Op::Begin(Begun {
            files: vec!["/etc/mox/dkim/2026a.example.org.pem".to_owned()],
            accounts: vec![name("carol")],
        }),
    ];
    state
        .commit(&ops, Some(&new_generation("# one\nn = 1\n")))
        .expect("it commits");
    state
        .commit(&[], Some(&new_generation("# one\nn = 2\n")))
        .expect("it commits");
    let read = state.db.read().expect("it reads");
    read.scan(KeyRange::all(), Order::Ascending, &mut |key, value| {
        println!("{} {}", hex(key), hex(value));
        true
    })
    .expect("it reads");
}

#[test]
fn a_newer_format_is_refused() {
    let place = Place::new();
    let newer = Format {
        version: FORMAT.version + 1,
        ..FORMAT
    };
    drop(Db::open(&place.path, Options::new(newer)).expect("it opens"));
    assert!(matches!(
        State::open(&place.path),
        Err(StateError::Db(DbError::Newer { .. }))
    ));
}

#[test]
fn damaged_rows_are_reported() {
    let place = Place::new();
    let state = place.open();
    state
        .db
        .write(|write| write.put(&keys::of(keys::CREDENTIAL, &name("alice")), b"\xff"))
        .expect("it writes");
    drop(state);
    assert!(matches!(
        State::open(&place.path),
        Err(StateError::Damaged("credential"))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn every_kept_text_is_found_again(
        texts in proptest::collection::vec(
            proptest::collection::vec(prop_oneof!["[ab]{0,4}\n", "x{200}\n"], 0..30),
            1..60,
        )
    ) {
        let place = Place::new();
        let state = place.open();
        let texts: Vec<String> = texts.iter().map(|lines| lines.concat()).collect();
        for text in &texts {
            state.commit(&[], Some(&new_generation(text))).expect("it commits");
        }
        for (number, text) in (1..).zip(&texts) {
            let kept = state.text(number).expect("it reads");
            prop_assert_eq!(kept.as_ref(), Some(text));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
        .collect()
}
