//! `mox sendmail`, called as cron, git, mutt and people call it, with a server and without.

use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::support::instance::{Instance, Service};
use super::support::process;
use super::support::reader::{PASSWORD, Reader, USER};
use super::{run, server};

/// Writes sendmail.toml for the server; `more` are lines behind host, port and tls.
fn configure(instance: &Instance, service: Service, more: &str) {
    let folder = instance.root().join(".config/mox");
    std::fs::create_dir_all(&folder).unwrap();
    let tls = if service.tls() { "tls" } else { "starttls" };
    let certificate = std::fs::read_dir(instance.root().join("server/config")).unwrap();
    let certificate = certificate
        .map(|entry| entry.unwrap().path())
        .find(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("CERTIFICATE")))
        .unwrap();
    let text = format!(
        "host = \"{}\"\nport = {}\ntls = \"{tls}\"\nca_file = {certificate:?}\n{more}\n",
        instance.ip(),
        instance.port(service),
    );
    std::fs::write(folder.join("sendmail.toml"), text).unwrap();
}

fn with_password(instance: &Instance, service: Service) {
    let more = format!("username = \"{USER}\"\npassword = \"{PASSWORD}\"\ndomain = \"localhost\"");
    configure(instance, service, &more);
}

/// The program under the name that others know.
fn sendmail(instance: &Instance, arguments: &[&str]) -> Command {
    let mut command = instance.program(instance.root().join(".bin/sendmail"));
    command.args(arguments);
    command
}

#[track_caller]
fn sent(command: &mut Command, input: &str) -> String {
    process::run(command, input.as_bytes()).unwrap().ok()
}

/// What it says, when it ends with this status.
#[track_caller]
fn refused(command: &mut Command, input: &str, code: i32) -> String {
    let output = process::run(command, input.as_bytes()).unwrap();
    assert_eq!(output.code(), code, "{}{}", output.out(), output.err());
    output.err()
}

/// Messages that are kept.
fn kept(instance: &Instance) -> Vec<PathBuf> {
    let folder = instance.root().join(".local/state/mox/sendmail");
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The message of that number in the Inbox of localserve's account.
fn message(instance: &Instance, number: u32) -> String {
    let mut reader = Reader::inbox(instance);
    reader.wait_for(number);
    String::from_utf8(reader.message(number)).unwrap()
}

#[test]
fn as_cron_and_others_call_it() {
    let instance = server();
    with_password(&instance, Service::Submissions);
    let cron =
        "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> x\n\nfailed\n.\nend\n";
    let arguments = ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"];
    sent(&mut sendmail(&instance, &arguments), cron);
    let text = message(&instance, 1);
    assert!(
        text.contains("From: Cron Daemon <mox@localhost>\r\n"),
        "{text}"
    );
    assert!(text.ends_with("failed\r\n.\r\nend\r\n"), "{text}");
    assert!(
        text.contains("Message-ID: <") && text.contains("Date: "),
        "{text}"
    );

    with_password(&instance, Service::Submission);
    let php = "To: a@localhost\nBcc: b@localhost\nSubject: PHP\n\ngrüße\n";
    sent(
        &mut sendmail(&instance, &["-t", "-i", "-fmox@localhost"]),
        php,
    );
    let text = message(&instance, 2);
    assert!(
        text.contains("From: mox@localhost\r\n") && !text.contains("b@localhost"),
        "{text}"
    );
    assert!(text.ends_with("grüße\r\n"), "{text}");

    let mut command = instance.mox(["sendmail", "-v", "-F", "A Name", "friend@localhost"]);
    let output = process::run(&mut command, b"only text\n").unwrap();
    assert!(
        output.err().contains("friend@localhost: 250 2.0.0"),
        "{}",
        output.err()
    );
    output.ok();
    let text = message(&instance, 3);
    assert!(text.contains("From: A Name <mox@localhost>\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nonly text\r\n"), "{text}");
    assert_eq!(kept(&instance), Vec::<PathBuf>::new());
}

#[test]
fn git_and_mutt_send_by_it() {
    let instance = server();
    with_password(&instance, Service::Submissions);
    // git takes no address without a dot.
    run(&mut instance.mox(["config", "domain", "add", "example.org", "mox", "friend"]));
    let script = "git init -q r && cd r && git config user.email friend@example.org && \
        git config user.name Somebody && echo one > file && git add file && git commit -qm first && \
        git format-patch -q --root && \
        git send-email --quiet --from=friend@example.org --to=friend@example.org --confirm=never \
        --sendmail-cmd='sendmail -i' 0001-first.patch";
    run(instance.program("sh").args(["-ec", script]));
    let text = message(&instance, 1);
    assert!(
        text.contains("Subject: [PATCH] first\r\n") && text.contains("+one\r\n"),
        "{text}"
    );

    let muttrc = "set sendmail=\"sendmail -oem -oi\"\nset from=\"mox@localhost\"\nset realname=\"M\"\n\
        set use_from=yes\nset copy=no\n";
    std::fs::write(instance.root().join(".muttrc"), muttrc).unwrap();
    let mut mutt = instance.program("mutt");
    mutt.args([
        "-s",
        "by mutt",
        "-b",
        "hidden@localhost",
        "friend@localhost",
    ]);
    sent(&mut mutt, "hello\n");
    let text = message(&instance, 2);
    assert!(
        text.contains("Subject: by mutt\r\n") && !text.contains("hidden"),
        "{text}"
    );
}

#[test]
fn keys_log_in_without_a_password() {
    let instance = server();
    let generate = |more: &[&str], stem: &str| -> serde_json::Value {
        let mut command = instance.mox(["config", "tlspubkey", "gen", "--json"]);
        let text = run(command.args(["--add", USER]).args(more).arg(stem));
        serde_json::from_str(&text).unwrap()
    };
    let made = generate(&[], "seed");
    let seed = format!("ed25519_seed = {}", made["ed25519_seed"]);
    generate(&["--type", "ecdsa-p256"], "combined");
    let folder = instance.root().display();
    let combined = format!("certificate = \"{folder}/combined.combined.pem\"");
    let pair = format!(
        "username = \"{USER}\"\ncertificate = \"{folder}/seed.certificate.pem\"\n\
         key = \"{folder}/seed.key.pem\""
    );
    let mut count = 0;
    for service in [Service::Submissions, Service::Submission] {
        for more in [&seed, &combined, &pair] {
            let more = format!("{more}\nfrom = \"{USER}\"");
            configure(&instance, service, &more);
            count += 1;
            let text = format!("Subject: by key {count}\n\nx\n");
            sent(&mut sendmail(&instance, &["friend@localhost"]), &text);
            let got = message(&instance, count);
            assert!(
                got.contains(&format!("Subject: by key {count}\r\n")),
                "{got}"
            );
        }
    }
    let fingerprint = made["fingerprint"].as_str().unwrap();
    run(&mut instance.mox(["config", "tlspubkey", "rm", fingerprint]));
    configure(&instance, Service::Submissions, &seed);
    let said = refused(
        &mut sendmail(&instance, &["-f", USER, "friend@localhost"]),
        MESSAGE,
        77,
    );
    assert!(said.contains("530"), "{said}");
}

const MESSAGE: &str = "From: mox@localhost\nSubject: x\n\nprecious\n";

#[test]
fn what_is_refused_is_kept() {
    let instance = server();
    with_password(&instance, Service::Submissions);
    let said = refused(
        &mut sendmail(&instance, &["nobody@[192.0.2.1]"]),
        MESSAGE,
        65,
    );
    assert!(said.contains("192.0.2.1"), "{said}");
    let said = refused(&mut sendmail(&instance, &["-i", "-t"]), MESSAGE, 65);
    assert!(said.contains("no recipients"), "{said}");
    let foreign = MESSAGE.replace("mox@localhost", "boss@elsewhere.example");
    let said = refused(
        &mut sendmail(&instance, &["-i", "friend@localhost"]),
        &foreign,
        69,
    );
    assert!(
        said.contains("the server refused") || said.contains("refused for"),
        "{said}"
    );
    let said = refused(
        &mut sendmail(
            &instance,
            &["-f", "boss@elsewhere.example", "friend@localhost"],
        ),
        MESSAGE,
        69,
    );
    assert!(said.contains("MAIL FROM"), "{said}");

    let wrong = format!("username = \"{USER}\"\npassword = \"geheim-geheim\"");
    configure(&instance, Service::Submissions, &wrong);
    let said = refused(&mut sendmail(&instance, &["friend@localhost"]), MESSAGE, 77);
    assert!(
        said.contains("login: the server refuses: invalid-proof") && !said.contains("geheim"),
        "{said}"
    );
    let files = kept(&instance);
    assert_eq!(files.len(), 5, "{files:?}");
    let file = files
        .iter()
        .find(|file| said.contains(file.to_str().unwrap()))
        .unwrap_or_else(|| panic!("{said} names none of {files:?}"));
    assert_eq!(std::fs::read_to_string(file).unwrap(), MESSAGE);

    // As the hint has it.
    with_password(&instance, Service::Submissions);
    let hint = said.split('`').nth(1).unwrap();
    run(instance.program("sh").args(["-ec", hint]));
    assert!(message(&instance, 1).ends_with("precious\r\n"));
    assert!(refused(&mut sendmail(&instance, &["-bs"]), "", 64).contains("SMTP"));
}

#[test]
fn another_server_gets_nothing() {
    let instance = server();
    let other = server();
    with_password(&instance, Service::Submissions);
    with_password(&other, Service::Submissions);
    let theirs = other.root().join(".config/mox/sendmail.toml");
    let theirs = std::fs::read_to_string(theirs).unwrap();
    let address = instance.ip().to_string();
    // Our server, and the certificate of the other one.
    let mixed = theirs.replace(&other.ip().to_string(), &address);
    std::fs::write(instance.root().join("mixed.toml"), mixed).unwrap();
    let arguments = ["--sendmail-config", "mixed.toml", "friend@localhost"];
    let said = refused(&mut sendmail(&instance, &arguments), MESSAGE, 75);
    assert!(said.contains("TLS: "), "{said}");
    assert_eq!(kept(&instance).len(), 1);
    assert_eq!(Reader::inbox(&instance).exists(), 0);
}

#[test]
fn a_message_is_kept_when_nobody_can_be_reached() {
    let instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    let said = refused(&mut sendmail(&instance, &["a@b.example"]), MESSAGE, 78);
    assert!(said.contains("/etc/mox/sendmail.toml"), "{said}");
    let file = instance.root().join("mail.toml");
    std::fs::write(
        &file,
        "host = \"127.0.0.1\"\nport = 1\nfrom = \"a@b.example\"\nx = 1\n",
    )
    .unwrap();
    let configured = || {
        let mut command = sendmail(&instance, &["a@b.example"]);
        command.env("MOX_SENDMAIL_CONF", "mail.toml");
        command
    };
    let said = refused(&mut configured(), MESSAGE, 78);
    assert!(said.contains("mail.toml:4:1"), "{said}");
    std::fs::write(
        &file,
        "host = \"127.0.0.1\"\nport = 1\nfrom = \"a@b.example\"\n",
    )
    .unwrap();
    let said = refused(&mut configured(), MESSAGE, 75);
    assert!(said.contains("connect to 127.0.0.1 port 1"), "{said}");
    assert_eq!(kept(&instance).len(), 3);
    std::fs::write(
        &file,
        "host = \"127.0.0.1\"\nfrom = \"a@b.example\"\nkeep_in = \"/dev/null/x\"\nport = 1\n",
    )
    .unwrap();
    let said = refused(&mut configured(), MESSAGE, 75);
    assert!(said.contains("NOT kept"), "{said}");
}

#[test]
fn a_message_is_kept_when_it_is_interrupted() {
    let instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let text =
        format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"a@b.example\"\n");
    std::fs::write(instance.root().join("mail.toml"), text).unwrap();
    for (count, (signal, code)) in (1..).zip([("-TERM", Some(75)), ("-KILL", None)]) {
        std::fs::write(instance.root().join("message"), MESSAGE).unwrap();
        let mut command = sendmail(&instance, &["--sendmail-config=mail.toml", "a@b.example"]);
        let mut child = command
            .stdin(std::fs::File::open(instance.root().join("message")).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (connection, _) = silent.accept().unwrap();
        run(Command::new("kill").args([signal, &child.id().to_string()]));
        let status = child.wait().unwrap();
        assert_eq!(status.code(), code, "{signal}");
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(said.contains("ended by SIGTERM"), code.is_some(), "{said}");
        drop(connection);
        assert_eq!(kept(&instance).len(), count);
    }
    for file in kept(&instance) {
        assert_eq!(std::fs::read_to_string(file).unwrap(), MESSAGE);
    }
}
