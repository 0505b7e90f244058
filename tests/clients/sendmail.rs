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
    // To the byte what Debian's cron gives it.
    let cron = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> echo failed\n\
        MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\
        Content-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n\
        X-Cron-Env: <HOME=/root>\n\nfailed\n.\ngrüße\n";
    let arguments = ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"];
    sent(&mut sendmail(&instance, &arguments), cron);
    let text = message(&instance, 1);
    assert!(
        text.contains("From: Cron Daemon <mox@localhost>\r\n"),
        "{text}"
    );
    assert!(text.ends_with("\r\n\r\nfailed\r\n.\r\ngrüße\r\n"), "{text}");
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
fn php_and_mail_send_by_it() {
    let instance = server();
    with_password(&instance, Service::Submissions);
    let script = "exit(mail('friend@localhost', 'by PHP', \"one\\n.\\ngrüße\\n\", \
        ['From' => 'mox@localhost', 'Bcc' => 'hidden@localhost'], '-fmox@localhost') ? 0 : 1);";
    let path = "sendmail_path=sendmail -t -i";
    run(instance.program("php").args(["-d", path, "-r", script]));
    let text = message(&instance, 1);
    assert!(
        text.contains("Subject: by PHP\r\n") && !text.contains("hidden"),
        "{text}"
    );
    assert!(text.contains("\r\n\r\none\r\n.\r\ngrüße\r\n"), "{text}");
    let refused = script.replace("friend@localhost", "nobody@[192.0.2.1]");
    let mut php = instance.program("php");
    php.args(["-d", path, "-r", &refused]);
    assert_eq!(process::run(&mut php, b"").unwrap().code(), 1);
    assert_eq!(kept(&instance).len(), 1);

    let mut mail = instance.program("s-nail");
    // It goes by the home of the system's list of users.
    let config = instance.root().join(".config/mox/sendmail.toml");
    mail.env("MOX_SENDMAIL_CONF", config);
    let mta = format!("-Smta={}/.bin/sendmail", instance.root().display());
    mail.args([&mta, "-Snosave", "-s", "by mail"]);
    mail.args(["-r", "mox@localhost", "friend@localhost"]);
    sent(&mut mail, "two\n.\nthree\n");
    let text = message(&instance, 2);
    assert!(text.contains("Subject: by mail\r\n"), "{text}");
    assert!(text.contains("two\r\n.\r\nthree\r\n"), "{text}");

    // As logwatch and its like call it.
    let report = "To: root\nFrom: Logwatch <logwatch>\nSubject: by logwatch\n\nfine\n.\n";
    sent(&mut sendmail(&instance, &["-t", "-oi"]), report);
    let text = message(&instance, 3);
    assert!(
        text.contains("From: Logwatch <mox@localhost>\r\n"),
        "{text}"
    );
    assert!(text.ends_with("fine\r\n.\r\n"), "{text}");
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
        said.contains("the server refused the login: 535 5.7.8") && !said.contains("geheim"),
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
fn trying_again_reaches_only_those_who_are_without() {
    let instance = server();
    run(&mut instance.mox(["config", "domain", "add", "example.org", "mox", "other"]));
    with_password(&instance, Service::Submissions);
    let text = MESSAGE.replace(
        "Subject",
        "To: friend@localhost, nobody@example.org\nCc: late@example.org\nSubject",
    );
    let arguments = ["-t", "-i", "-F", "It's me", "-f", "mox@localhost"];
    let said = refused(&mut sendmail(&instance, &arguments), &text, 67);
    assert!(said.contains("(1 other has it)"), "{said}");
    message(&instance, 1);
    let hint = said.split('`').nth(1).unwrap();
    assert!(
        hint.starts_with(
            "mox sendmail -i -f mox@localhost -F 'It'\\''s me' -- nobody@example.org late@example.org < "
        ),
        "{hint}"
    );
    for name in ["nobody", "late"] {
        let address = format!("{name}@example.org");
        run(&mut instance.mox(["config", "address", "add", &address, "mox"]));
    }
    run(instance.program("sh").args(["-ec", hint]));
    // Once for the account, to which both lead, or once for each; friend has one and no other.
    let text = message(&instance, 2);
    assert!(text.contains("precious"), "{text}");
    let config = instance.root().join(".config/mox/sendmail.toml");
    std::fs::rename(config, instance.root().join("it.toml")).unwrap();
    let arguments = ["--sendmail-config", "it.toml", "gone@example.org"];
    let said = refused(&mut sendmail(&instance, &arguments), MESSAGE, 67);
    let place = format!("--sendmail-config {}/it.toml", instance.root().display());
    assert!(said.contains(&place), "{said}");
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
fn on_the_machine_of_the_server_the_hint_is_all_it_takes() {
    let instance = server();
    let said = refused(&mut sendmail(&instance, &["root"]), MESSAGE, 78);
    assert!(said.contains("/etc/mox/sendmail.toml"), "{said}");
    // As it stands there, but for the folder, ports and a certificate that nobody vouches for.
    let hint = said.split('`').nth(1).unwrap();
    let hint = hint.replace("/etc/mox/", "").replace("ADDRESS", USER);
    run(instance.program("sh").args(["-ec", &hint]));
    let written = std::fs::read_to_string(instance.root().join("sendmail.toml")).unwrap();
    let begun = "host = \"localhost\"\ncertificate = \"sendmail.combined.pem\"\n";
    assert!(written.starts_with(begun), "{written}");
    configure(&instance, Service::Submissions, "");
    let ours = instance.root().join(".config/mox/sendmail.toml");
    let ours = std::fs::read_to_string(ours).unwrap();
    let rest = written.split_once('\n').unwrap().1;
    std::fs::write(instance.root().join("sendmail.toml"), ours + rest).unwrap();
    let arguments = ["--sendmail-config", "sendmail.toml", "root"];
    sent(&mut sendmail(&instance, &arguments), MESSAGE);
    assert!(message(&instance, 1).ends_with("precious\r\n"));
}

/// Killed, or refused by the disk, wherever that can be: a file is there whole or not at all, and what
/// is not kept is said to be so.
#[cfg(feature = "faults")]
#[test]
fn a_message_is_whole_or_not_there_after_a_crash() {
    let instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    std::fs::write(
        instance.root().join("mail.toml"),
        "host = \"127.0.0.1\"\nport = 1\nfrom = \"a@b.example\"\n",
    )
    .unwrap();
    let with = |faults: &str| {
        let mut command = sendmail(&instance, &["--sendmail-config=mail.toml", "a@b.example"]);
        command.env("MOX_FAULT", faults);
        process::run(&mut command, MESSAGE.as_bytes()).unwrap()
    };
    let whole = || {
        let files = kept(&instance);
        let named = files
            .into_iter()
            .filter(|file| file.extension().is_some_and(|ending| ending == "eml"));
        let texts = named.map(|file| std::fs::read_to_string(file).unwrap());
        texts.inspect(|text| assert_eq!(text, MESSAGE)).count()
    };
    assert_eq!(with("trace:trace").code(), 75);
    let trace = std::fs::read_to_string(instance.root().join("trace")).unwrap();
    let points: Vec<&str> = trace.lines().collect();
    assert!(points.len() >= 3, "{points:?}");
    let mut before = whole();
    assert_eq!(before, 1);
    let named = points
        .iter()
        .position(|point| *point == "fsio.create.renamed")
        .unwrap();
    for (at, point) in points.iter().enumerate() {
        let killed = with(&format!("abort@{point}"));
        assert_eq!(killed.status.code(), None, "{point}: {}", killed.err());
        assert_eq!(whole() - before, usize::from(at >= named), "{point}");
        before = whole();
        for fault in ["error", "full"] {
            let refused = with(&format!("{fault}@{point}"));
            assert_eq!(refused.code(), 75, "{point}: {}", refused.err());
            assert!(refused.err().contains("NOT kept"), "{}", refused.err());
            before = whole();
        }
    }
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
