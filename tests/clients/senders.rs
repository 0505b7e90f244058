//! Programs that send.

use super::support::instance::{Instance, Service};
use super::support::process;
use super::support::reader::{PASSWORD, Reader, USER};
use super::{add_account, port, python, run, server};

fn swaks(instance: &Instance, service: Service) -> std::process::Command {
    let mut command = instance.program("swaks");
    command.args(["--server", &instance.ip().to_string()]);
    command.args([
        "--port",
        &port(instance, service),
        "--helo",
        "client.example.org",
    ]);
    command
}

#[track_caller]
fn arrives(instance: &Instance, count: u32, text: &str) {
    let mut reader = Reader::inbox(instance);
    reader.wait_for(count);
    let last = String::from_utf8(reader.message(count)).unwrap();
    assert!(last.contains(text), "{last}");
}

#[test]
fn swaks_delivers() {
    let instance = server();
    let mut plain = swaks(&instance, Service::Smtp);
    plain.args(["--from", "sender@example.org", "--to", USER]);
    let dialog = run(plain.args(["--body", "sent without TLS"]));
    assert!(dialog.contains("<-  250 2."), "{dialog}");
    arrives(&instance, 1, "sent without TLS");

    let mut starttls = swaks(&instance, Service::Smtp);
    starttls.args(["--from", "sender@example.org", "--to", USER, "--tls"]);
    run(starttls.args(["--body", "sent with STARTTLS"]));
    arrives(&instance, 2, "sent with STARTTLS");

    let mut null = swaks(&instance, Service::Smtp);
    null.args(["--from", "<>", "--to", "anything@localhost"]);
    run(null.args(["--body", "sent by nobody"]));
    arrives(&instance, 3, "sent by nobody");
}

#[test]
fn swaks_submits() {
    let instance = server();
    let login = [
        "--auth-user",
        USER,
        "--auth-password",
        PASSWORD,
        "--from",
        USER,
        "--to",
        USER,
    ];
    let ways = [
        (Service::Submission, "--tls", "PLAIN"),
        (Service::Submission, "--tls", "LOGIN"),
        (Service::Submissions, "--tls-on-connect", "PLAIN"),
    ];
    for (count, (service, tls, mechanism)) in (1..).zip(ways) {
        let mut command = swaks(&instance, service);
        command.args(login).args([tls, "--auth", mechanism]);
        let body = format!("submitted by {mechanism} {tls}");
        run(command.args(["--body", &body]));
        arrives(&instance, count, &body);
    }
}

#[test]
fn relaying_is_refused() {
    let instance = server();
    let mut foreign = swaks(&instance, Service::Smtp);
    foreign.args([
        "--from",
        "sender@example.org",
        "--to",
        "someone@elsewhere.example",
    ]);
    let output = process::run(&mut foreign, b"").unwrap();
    assert_eq!(output.code(), 24, "{}", output.out());
    assert!(output.out().contains("<** 550 5.7.1"), "{}", output.out());

    let mut unauthenticated = swaks(&instance, Service::Submissions);
    unauthenticated.args(["--tls-on-connect", "--from", USER, "--to", USER]);
    let output = process::run(&mut unauthenticated, b"").unwrap();
    assert!(output.out().contains("<** 530 5.7.0") || output.out().contains("<~* 530 5.7.0"));
    assert_ne!(output.code(), 0);
}

#[test]
fn smtplib_sends_on_all_ports() {
    let instance = server();
    let mut script = python(&instance, "smtp.py");
    script.args([
        port(&instance, Service::Smtp),
        port(&instance, Service::Submission),
        port(&instance, Service::Submissions),
    ]);
    run(script.args([USER, PASSWORD]));
    arrives(&instance, 4, ".a dot\r\n..two\r\ntext\r\n");
}

#[test]
fn curl_sends() {
    let instance = server();
    std::fs::write(
        instance.root().join("message"),
        "From: a@example.org\r\nTo: mox@localhost\r\nSubject: by curl\r\n\r\n.dot\r\nend\r\n",
    )
    .unwrap();
    let url = format!(
        "smtp://{}/client.example.org",
        instance.address(Service::Smtp)
    );
    let mut curl = instance.program("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--insecure",
        "--ssl-reqd",
        "--url",
        &url,
    ]);
    curl.args([
        "--mail-from",
        "a@example.org",
        "--mail-rcpt",
        USER,
        "--upload-file",
        "message",
    ]);
    run(&mut curl);
    arrives(&instance, 1, "Subject: by curl\r\n\r\n.dot\r\nend\r\n");
}

#[test]
fn one_account_writes_to_another() {
    let instance = server();
    add_account(&instance, "other", "another password");
    let mut command = swaks(&instance, Service::Submissions);
    command.args(["--tls-on-connect", "--auth", "PLAIN", "--auth-user", USER]);
    command.args([
        "--auth-password",
        PASSWORD,
        "--from",
        USER,
        "--to",
        "other@localhost",
    ]);
    run(command.args(["--body", "from account to account"]));
    let mut reader = Reader::open(&instance, "other@localhost", "\"another password\"");
    reader.wait_for(1);
    let text = String::from_utf8(reader.message(1)).unwrap();
    assert!(text.contains("from account to account"), "{text}");
    assert_eq!(
        Reader::inbox(&instance).exists(),
        0,
        "it is not the sender's mail"
    );
}
