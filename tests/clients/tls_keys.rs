//! Logging in with a TLS public key: every row of the table in `spec/auth.md`, by programs that people
//! use.

use std::process::Command;

use super::support::client::Client;
use super::support::instance::{Instance, Service};
use super::support::process;
use super::support::reader::{PASSWORD, Reader, USER};
use super::{add_account, port, python, run, server};

/// Makes a key and a certificate with openssl: `NAME.pem` has both.
#[track_caller]
pub(super) fn make(instance: &Instance, name: &str, openssl: &[&str]) {
    let (key, cert) = (format!("{name}.key"), format!("{name}.crt"));
    let mut command = instance.program("openssl");
    command.args(["req", "-x509", "-nodes", "-keyout", &key, "-out", &cert]);
    command.args(["-subj", &format!("/CN={name}"), "-days", "365"]);
    run(command.arg("-newkey").args(openssl));
    join(instance, name, &key, &cert);
}

fn join(instance: &Instance, name: &str, key: &str, cert: &str) {
    let read = |file: &str| std::fs::read_to_string(instance.root().join(file)).unwrap();
    let both = read(key) + &read(cert);
    std::fs::write(instance.root().join(format!("{name}.pem")), both).unwrap();
}

/// Registers the key; gives its fingerprint.
#[track_caller]
pub(super) fn add(instance: &Instance, name: &str, address: &str, options: &[&str]) -> String {
    let pem = std::fs::read(instance.root().join(format!("{name}.pem"))).unwrap();
    let mut command = instance.mox(["config", "tlspubkey", "add", address, name]);
    let said = process::run(command.args(options), &pem).unwrap().ok();
    said.split(' ').nth(4).unwrap().to_owned()
}

#[track_caller]
pub(super) fn mox(instance: &Instance, args: &[&str]) -> String {
    run(&mut instance.mox(args.iter().copied()))
}

/// What the server says to these lines, sent at once, on a connection of `openssl s_client`.
#[track_caller]
fn s_client(instance: &Instance, service: Service, options: &[&str], lines: &str) -> String {
    let mut command = instance.program("openssl");
    command.args(["s_client", "-quiet", "-connect"]);
    command.arg(instance.address(service).to_string());
    match service {
        Service::Imap => _ = command.args(["-starttls", "imap"]),
        Service::Submission | Service::Smtp => _ = command.args(["-starttls", "smtp"]),
        _ => {}
    }
    let lines = lines.replace('\n', "\r\n");
    let output = process::run(command.args(options), lines.as_bytes()).unwrap();
    output.out().replace("\r\n", "\n")
}

pub(super) fn with(name: &str) -> [String; 4] {
    let file = format!("{name}.pem");
    ["-cert".to_owned(), file.clone(), "-key".to_owned(), file]
}

fn strs(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

const LOGOUT: &str = "z LOGOUT\n";

#[track_caller]
pub(super) fn imaps(instance: &Instance, name: &str, more: &[&str], lines: &str) -> String {
    let options = with(name);
    let options = [&strs(&options), more].concat();
    s_client(
        instance,
        Service::Imaps,
        &options,
        &format!("{lines}{LOGOUT}"),
    )
}

#[test]
fn every_kind_of_key_in_both_versions() {
    let instance = server();
    add_account(&instance, "alice", "correct horse battery");
    for (name, openssl) in [
        ("ed25519", &["ed25519"][..]),
        ("p256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("p384", &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("p521", &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        ("rsa", &["rsa:2048"]),
    ] {
        make(&instance, name, openssl);
        add(&instance, name, "alice@localhost", &[]);
        for version in ["-tls1_2", "-tls1_3"] {
            let said = imaps(&instance, name, &[version], "a LOGIN x y\nb NOOP\n");
            assert!(said.starts_with("* PREAUTH [CAPABILITY "), "{name}: {said}");
            assert!(said.contains("a NO "), "{name}: {said}");
            assert!(said.contains("b OK"), "the connection lives: {said}");
            // STARTTLS has no second greeting: EXTERNAL it is.
            let options = with(name);
            let options = [&strs(&options)[..], &[version]].concat();
            let lines = "a SELECT Inbox\nb CAPABILITY\nc AUTHENTICATE EXTERNAL =\nd SELECT Inbox\n";
            let said = s_client(
                &instance,
                Service::Imap,
                &options,
                &format!("{lines}{LOGOUT}"),
            );
            for part in ["a BAD", " AUTH=EXTERNAL", "c OK", "d OK"] {
                assert!(said.contains(part), "{name}: no {part:?} in {said}");
            }
            for service in [Service::Submissions, Service::Submission] {
                let lines = "EHLO x\nMAIL FROM:<alice@localhost>\nRCPT TO:<mox@localhost>\nDATA\n\
                    From: alice@localhost\n\nby key\n.\nQUIT\n";
                let said = s_client(&instance, service, &options, lines);
                assert!(said.contains("250 2.0.0 message kept"), "{name}: {said}");
            }
        }
    }
    let used = mox(&instance, &["config", "tlspubkey", "list", "alice"]);
    assert!(used.lines().count() == 5 && used.lines().all(|line| !line.ends_with('\t')));
    Reader::inbox(&instance).wait_for(20);
}

/// What a certificate says beside its key is not looked at.
#[test]
fn versions_dates_and_chains_do_not_matter() {
    let instance = server();
    make(&instance, "key", &["ed25519"]);
    let root = |args: &[&str]| run(instance.program("openssl").args(args));
    root(&[
        "req", "-new", "-key", "key.key", "-subj", "/", "-out", "csr",
    ]);
    root(&[
        "x509",
        "-req",
        "-in",
        "csr",
        "-key",
        "key.key",
        "-out",
        "version1.crt",
    ]);
    let shown = root(&["x509", "-in", "version1.crt", "-noout", "-text"]);
    assert!(shown.contains("Version: 1 "), "{shown}");
    join(&instance, "version1", "key.key", "version1.crt");
    // A day of the past, for another name, from an authority that nobody knows.
    make(&instance, "authority", &["ed25519"]);
    root(&[
        "x509",
        "-req",
        "-in",
        "csr",
        "-CA",
        "authority.crt",
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-days",
        "-1",
        "-out",
        "expired.crt",
    ]);
    join(&instance, "expired", "key.key", "expired.crt");
    add(&instance, "key", USER, &[]);
    for name in ["key", "version1", "expired"] {
        for version in ["-tls1_2", "-tls1_3"] {
            let said = imaps(&instance, name, &[version], "");
            assert!(said.starts_with("* PREAUTH "), "{name}: {said}");
        }
    }
}

/// A point of a curve can be written in two ways. The fingerprint is that of the certificate's.
#[test]
fn a_compressed_point_is_a_key_as_well() {
    let instance = server();
    let root = |args: &[&str]| run(instance.program("openssl").args(args));
    root(&[
        "ecparam",
        "-genkey",
        "-noout",
        "-name",
        "prime256v1",
        "-out",
        "long.key",
    ]);
    root(&[
        "ec",
        "-in",
        "long.key",
        "-conv_form",
        "compressed",
        "-out",
        "short.key",
    ]);
    for name in ["long", "short"] {
        let (key, cert) = (format!("{name}.key"), format!("{name}.crt"));
        root(&[
            "req", "-x509", "-key", &key, "-subj", "/", "-days", "9", "-out", &cert,
        ]);
        join(&instance, name, &key, &cert);
    }
    add(&instance, "short", USER, &[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let said = imaps(&instance, "short", &[version], "");
        assert!(said.starts_with("* PREAUTH "), "{said}");
        // The same secret, and another fingerprint: nobody's.
        let said = imaps(&instance, "long", &[version], "");
        assert!(said.starts_with("* OK "), "{said}");
    }
}

/// Programs show certificates to everybody: a key that is nobody's, or could never be anybody's, is in
/// nobody's way.
#[test]
fn other_keys_neither_log_in_nor_get_in_the_way() {
    let instance = server();
    for (name, openssl) in [
        ("unknown", &["ed25519"][..]),
        ("rsa1024", &["rsa:1024"]),
        ("p224", &["ec", "-pkeyopt", "ec_paramgen_curve:P-224"]),
        ("ed448", &["ed448"]),
        (
            "explicit",
            &[
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-pkeyopt",
                "ec_param_enc:explicit",
            ],
        ),
        // Made before: that takes a minute.
        ("rsa8200", &[]),
    ] {
        match openssl {
            [] => {
                let sample = include_bytes!("../samples/certificates/rsa8200.pem");
                std::fs::write(instance.root().join(format!("{name}.pem")), sample).unwrap();
            }
            _ => make(&instance, name, openssl),
        }
        if name != "unknown" {
            let pem = std::fs::read(instance.root().join(format!("{name}.pem"))).unwrap();
            let mut add = instance.mox(["config", "tlspubkey", "add", USER]);
            assert_eq!(process::run(&mut add, &pem).unwrap().code(), 2, "{name}");
        }
        for version in ["-tls1_2", "-tls1_3"] {
            let weak = [version, "-cipher", "DEFAULT@SECLEVEL=0"];
            let lines = format!("a AUTHENTICATE EXTERNAL =\nb LOGIN {USER} {PASSWORD}\n");
            let said = imaps(&instance, name, &weak, &lines);
            assert!(
                said.starts_with("* OK ") && !said.contains("EXTERNAL"),
                "{said}"
            );
            assert!(
                said.contains("a NO [AUTHENTICATIONFAILED]"),
                "{name}: {said}"
            );
            assert!(said.contains("b OK"), "{name}: {said}");
            let options = with(name);
            let options = [&strs(&options)[..], &weak].concat();
            let lines = format!("EHLO x\nMAIL FROM:<{USER}>\nAUTH EXTERNAL =\nQUIT\n");
            let said = s_client(&instance, Service::Submissions, &options, &lines);
            assert!(said.contains("\n530 5.7.0 "), "{name}: {said}");
            assert!(said.contains("\n535 5.7.8 "), "{name}: {said}");
        }
    }
}

#[test]
fn external_and_other_mechanisms_reach_one_account() {
    let instance = server();
    add_account(&instance, "alice", "correct horse battery");
    mox(
        &instance,
        &["config", "address", "add", "sales@localhost", "alice"],
    );
    make(&instance, "key", &["ed25519"]);
    add(&instance, "key", "alice@localhost", &["--no-imap-preauth"]);
    let base64 = |text: &str| {
        let mut command = Command::new("base64");
        let output = process::run(command.arg("-w0"), text.as_bytes()).unwrap();
        output.ok()
    };
    let external = |authzid: &str| {
        let line = format!("a AUTHENTICATE EXTERNAL {}\nb NOOP\n", base64(authzid));
        imaps(&instance, "key", &[], &line)
    };
    let said = imaps(&instance, "key", &[], "a AUTHENTICATE EXTERNAL =\n");
    assert!(
        said.starts_with("* OK ") && said.contains("AUTH=EXTERNAL"),
        "{said}"
    );
    assert!(said.contains("a OK"), "{said}");
    for good in ["alice@localhost", "SALES@localhost"] {
        assert!(external(good).contains("a OK"), "{good}");
    }
    for bad in [USER, "nobody@localhost", "alice", "alice@localhost\0"] {
        let said = external(bad);
        assert!(!said.contains("a OK"), "{bad}: {said}");
        assert!(said.contains("b OK"), "the connection lives: {said}");
    }
    // A password beside the certificate.
    let said = imaps(
        &instance,
        "key",
        &[],
        &format!("a LOGIN {USER} {PASSWORD}\n"),
    );
    assert!(said.contains("a NO [AUTHENTICATIONFAILED]"), "{said}");
    let said = imaps(
        &instance,
        "key",
        &[],
        "a LOGIN sales@localhost {21+}\ncorrect horse battery\n",
    );
    assert!(said.contains("a OK"), "{said}");
    let options = with("key");
    let options = strs(&options);
    let plain = |user: &str, password: &str| base64(&format!("\0{user}\0{password}"));
    let lines = format!(
        "EHLO x\nMAIL FROM:<alice@localhost>\nRSET\nAUTH PLAIN {}\nAUTH PLAIN {}\n\
         MAIL FROM:<alice@localhost>\nRSET\nAUTH EXTERNAL =\nQUIT\n",
        plain(USER, PASSWORD),
        plain("sales@localhost", "correct horse battery"),
    );
    let said = s_client(&instance, Service::Submissions, &options, &lines);
    let codes: Vec<&str> = said
        .lines()
        .filter(|line| line.as_bytes().get(3) == Some(&b' '))
        .map(|line| &line[..3])
        .collect();
    // 535: another account's; one AUTH, and no second.
    assert_eq!(
        codes,
        [
            "220", "250", "250", "250", "535", "235", "250", "250", "503", "221"
        ]
    );
}

#[test]
fn disabled_logins_say_so() {
    let instance = server();
    add_account(&instance, "alice", "correct horse battery");
    make(&instance, "key", &["ed25519"]);
    add(&instance, "key", "alice@localhost", &[]);
    mox(
        &instance,
        &["config", "account", "disable", "alice", "moved away"],
    );
    let said = imaps(&instance, "key", &[], "a AUTHENTICATE EXTERNAL =\n");
    assert!(
        said.starts_with("* OK ") && said.contains("AUTH=EXTERNAL"),
        "{said}"
    );
    assert!(said.contains("a NO moved away\n"), "{said}");
    let options = with("key");
    let lines = "EHLO x\nMAIL FROM:<alice@localhost>\nAUTH EXTERNAL =\nQUIT\n";
    let said = s_client(&instance, Service::Submissions, &strs(&options), lines);
    let answers = said.lines().filter(|line| *line == "525 5.7.13 moved away");
    assert_eq!(answers.count(), 2, "{said}");
    mox(&instance, &["config", "account", "enable", "alice"]);
    assert!(imaps(&instance, "key", &[], "").starts_with("* PREAUTH "));
}

#[test]
fn python_logs_in_and_resumes() {
    let instance = server();
    make(
        &instance,
        "key",
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    );
    let fingerprint = add(&instance, "key", USER, &[]);
    let mut script = python(&instance, "tls_keys.py");
    for service in [
        Service::Imaps,
        Service::Imap,
        Service::Submissions,
        Service::Submission,
    ] {
        script.arg(port(&instance, service));
    }
    let config = instance.config().unwrap().display().to_string();
    let mox = [env!("CARGO_BIN_EXE_mox"), "--config", &config].join("\n");
    script.args(["key.pem", &fingerprint, USER, &mox]);
    run(&mut script);
}

#[test]
fn openssl_resumes_where_clients_are_asked_the_same() {
    let instance = server();
    make(&instance, "key", &["ed25519"]);
    let fingerprint = add(&instance, "key", USER, &[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let said = imaps(&instance, "key", &[version, "-sess_out", "session"], "");
        assert!(said.starts_with("* PREAUTH "), "{said}");
        // No certificate, only the session.
        let resume = |service, lines: &str| {
            s_client(&instance, service, &[version, "-sess_in", "session"], lines)
        };
        let said = resume(Service::Imaps, LOGOUT);
        assert!(said.starts_with("* PREAUTH "), "{version}: {said}");
        // Port 25 takes no ticket: it never asks.
        let lines = format!("EHLO x\nMAIL FROM:<{USER}>\nQUIT\n");
        assert!(!resume(Service::Smtp, &lines).contains("AUTH"));
        let logged = instance.log();
        let resumed = logged
            .lines()
            .filter(|line| line.contains("tlsclientauth") && line.contains("resumed=true"));
        assert!(resumed.count() > 0, "{version}");
    }
    mox(&instance, &["config", "tlspubkey", "rm", &fingerprint]);
    let said = s_client(&instance, Service::Imaps, &["-sess_in", "session"], LOGOUT);
    assert!(said.starts_with("* OK "), "{said}");
}

#[test]
fn a_ticket_is_worth_what_its_key_is_worth_now() {
    let instance = server();
    add_account(&instance, "alice", "correct horse battery");
    make(&instance, "key", &["ed25519"]);
    let fingerprint = add(&instance, "key", "alice@localhost", &[]);
    // A listener with the same certificate that asks no client for one.
    let unasked = instance.port(Service::Imaps) + 1;
    let config = instance.config().unwrap().to_owned();
    let text = std::fs::read_to_string(&config).unwrap();
    let listener = format!(
        "[listeners.unasked]\nips = [\"{}\"]\nimaps = {{ port = {unasked} }}\n\
         tls = {{ client_auth = false, certificates = [{{ cert = \"localhost.crt.pem\", \
         key = \"localhost.key.pem\" }}] }}\n\n",
        instance.ip()
    );
    let before = "[domains.\"localhost\"]";
    std::fs::write(&config, text.replacen(before, &(listener + before), 1)).unwrap();
    mox(&instance, &["config", "reload"]);
    let mut script = python(&instance, "tickets.py");
    script.args([port(&instance, Service::Imaps), unasked.to_string()]);
    script.args([
        port(&instance, Service::Submissions),
        port(&instance, Service::Smtp),
    ]);
    let config = config.display().to_string();
    let mox = [env!("CARGO_BIN_EXE_mox"), "--config", &config].join("\n");
    run(script.args([config.as_str(), "key.pem", &fingerprint, &mox]));
}

#[test]
fn mail_programs_log_in_with_a_certificate() {
    let instance = server();
    make(
        &instance,
        "key",
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    );
    add(&instance, "key", USER, &[]);
    let mut swaks = instance.program("swaks");
    swaks.args(["--server", &instance.ip().to_string()]);
    swaks.args(["--port", &port(&instance, Service::Submission), "--tls"]);
    swaks.args(["--tls-cert", "key.crt", "--tls-key", "key.key"]);
    swaks.args(["--helo", "client.example.org", "--from", USER, "--to", USER]);
    run(swaks.args(["--body", "by swaks"]));

    std::fs::write(
        instance.root().join("msmtprc"),
        format!(
            "account default\nhost {}\nport {}\nfrom {USER}\nauth external\nuser {USER}\ntls on\n\
             tls_starttls off\ntls_certcheck off\ntls_cert_file key.crt\ntls_key_file key.key\n",
            instance.ip(),
            port(&instance, Service::Submissions),
        ),
    )
    .unwrap();
    let config = instance.root().join("msmtprc");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&config, mode).unwrap();
    let mut msmtp = instance.program("msmtp");
    msmtp.args(["-C", "msmtprc", USER]);
    let message = format!("From: {USER}\nSubject: by msmtp\n\nby msmtp\n");
    process::run(&mut msmtp, message.as_bytes()).unwrap().ok();

    let mut reader = Reader::inbox(&instance);
    reader.wait_for(2);
    let mut curl = instance.program("curl");
    curl.args(["-sSk", "--cert", "key.crt", "--key", "key.key"]);
    let url = format!(
        "imaps://{}/INBOX;MAILINDEX=2",
        instance.address(Service::Imaps)
    );
    let message = run(curl.arg(url));
    assert!(message.contains("by msmtp"), "{message}");

    let certificate = instance
        .config()
        .unwrap()
        .with_file_name("localhost.crt.pem");
    let settings = format!(
        "set folder=imaps://{}/\nset spoolfile=+INBOX\nset imap_user={USER}\nset ssl_client_cert=key.pem\n\
         set certificate_file={}\nset ssl_verify_host=no\nset ssl_verify_dates=no\nset wait_key=no\n\
         set move=no\nset sort=mailbox-order\nset pager_stop=yes\nset prompt_after=no\nset header_cache=\n",
        instance.address(Service::Imaps),
        certificate.display(),
    );
    std::fs::write(instance.root().join("muttrc"), settings).unwrap();
    for program in ["mutt", "neomutt"] {
        let keys = format!("<first-entry><pipe-message>cat > {program}.mail<enter><quit>");
        std::fs::write(instance.root().join("keys"), format!("push '{keys}'\n")).unwrap();
        let mut script = instance.program("script");
        let command = format!("stty rows 50 cols 120; {program} -F muttrc -e 'source keys'");
        let screen = run(script
            .env("TERM", "xterm")
            .args(["-qec", &command, "/dev/null"]));
        let file = instance.root().join(format!("{program}.mail"));
        let mail = std::fs::read_to_string(file).unwrap_or_default();
        assert!(mail.contains("by swaks"), "{program}: {mail}\n{screen}");
    }
}

#[test]
fn a_key_that_is_removed_ends_the_sessions_that_it_opened() {
    let instance = server();
    make(&instance, "key", &["ed25519"]);
    make(&instance, "other", &["ed25519"]);
    let fingerprint = add(&instance, "key", USER, &[]);
    add(&instance, "other", USER, &[]);
    let connect = |service, name: &str| {
        let pem = instance.root().join(format!("{name}.pem"));
        Client::connect(instance.address(service), true, Some(&pem)).unwrap()
    };
    let mut idle = connect(Service::Imaps, "key");
    assert!(idle.hear().starts_with("* PREAUTH "));
    idle.imap("a SELECT Inbox");
    idle.say("b IDLE");
    assert!(idle.hear().starts_with('+'));
    let mut sending = connect(Service::Submissions, "key");
    sending.expect_reply("220");
    sending.smtp("EHLO x", "250");
    sending.smtp(&format!("MAIL FROM:<{USER}>"), "250");
    // Another key, and a password beside the key, are proofs of their own.
    let mut other = connect(Service::Imaps, "other");
    assert!(other.hear().starts_with("* PREAUTH "));
    let mut password = connect(Service::Submissions, "key");
    password.expect_reply("220");
    password.smtp("EHLO x", "250");
    let plain = "AUTH PLAIN AG1veEBsb2NhbGhvc3QAbW94bW94bW94";
    password.smtp(plain, "235");
    mox(&instance, &["config", "tlspubkey", "rm", &fingerprint]);
    assert_eq!(idle.hear(), "* BYE the TLS public key was removed");
    let said = sending.reply();
    assert_eq!(said, ["421 4.7.0 the TLS public key was removed"]);
    other.imap("a NOOP");
    password.smtp(&format!("MAIL FROM:<{USER}>"), "250");
    // And one that was connected before the key was known can use it when it is.
    let mut early = connect(Service::Submissions, "key");
    early.expect_reply("220");
    early.smtp("EHLO x", "250");
    early.smtp(&format!("MAIL FROM:<{USER}>"), "530");
    add(&instance, "key", USER, &[]);
    early.smtp(&format!("MAIL FROM:<{USER}>"), "250");
}
