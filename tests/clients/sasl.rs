//! Logins with SCRAM and CRAM-MD5 by programs that know nothing of this server.

use std::fs;

use super::support::instance::{Instance, Service};
use super::support::process;
use super::support::reader::{PASSWORD, USER};
use super::{port, python, run, server};

#[test]
fn python_proves_its_password_bound_to_the_connection() {
    let instance = server();
    let mut scram = python(&instance, "scram.py");
    scram.args([&port(&instance, Service::Imaps), USER, PASSWORD]);
    run(&mut scram);
}

fn msmtp(instance: &Instance, mechanism: &str, password: &str) -> process::Output {
    let mut msmtp = instance.program("msmtp");
    msmtp.args([
        "--tls=on",
        "--tls-starttls=off",
        "--tls-certcheck=off",
        &format!("--host={}", instance.ip()),
        &format!("--port={}", port(instance, Service::Submissions)),
        &format!("--auth={mechanism}"),
        &format!("--user={USER}"),
        &format!("--passwordeval=echo {password}"),
        &format!("--from={USER}"),
        USER,
    ]);
    process::run(&mut msmtp, b"Subject: by msmtp\n\ntext\n").unwrap()
}

#[test]
fn msmtp_submits_with_scram() {
    let instance = server();
    for mechanism in ["scram-sha-256", "scram-sha-1"] {
        msmtp(&instance, mechanism, PASSWORD).ok();
        has_seen(&instance, mechanism, "ok");
        let wrong = msmtp(&instance, mechanism, "wrong-password");
        assert_ne!(wrong.code(), 0, "{mechanism}");
        let told = wrong.err();
        assert!(told.contains("server message: 535 5.7.8 "), "{told}");
        has_seen(&instance, mechanism, "badcreds");
    }
}

/// That somebody came with this mechanism, and what came of it: many programs take another one when the
/// one that they were told to use does not work.
#[track_caller]
fn has_seen(instance: &Instance, mechanism: &str, result: &str) {
    let log = instance.log();
    let mut attempts = log.lines().filter(|line| line.contains("login attempt"));
    let is_it = |line: &str| {
        line.contains(&format!("mechanism=\"{mechanism}\""))
            && line.contains(&format!("result=\"{result}\""))
    };
    assert!(attempts.any(is_it), "no {mechanism} {result} in {log}");
}

#[test]
fn mbsync_lists_with_scram() {
    let instance = server();
    fs::create_dir(instance.root().join("near")).unwrap();
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-1"] {
        let settings = format!(
            "IMAPStore far\nHost {ip}\nPort {port}\nUser {USER}\nPass {PASSWORD}\nSSLType None\n\
             AuthMechs {mechanism}\n\nMaildirStore near\nPath near/\nInbox near/Inbox\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\n",
            ip = instance.ip(),
            port = port(&instance, Service::Imap),
        );
        fs::write(instance.root().join("mbsyncrc"), settings).unwrap();
        let mut mbsync = instance.program("mbsync");
        let listed = run(mbsync.args(["-c", "mbsyncrc", "-l", "all"]));
        assert!(listed.lines().any(|line| line == "Archive"), "{listed}");
        has_seen(&instance, &mechanism.to_lowercase(), "ok");
    }
}

#[test]
fn mutt_logs_in_with_scram() {
    let instance = server();
    for mechanism in ["scram-sha-256", "scram-sha-1"] {
        let settings = format!(
            "set folder=imap://{address}/\nset spoolfile=+INBOX\nset imap_user={USER}\n\
             set imap_pass={PASSWORD}\nset imap_authenticators={mechanism}\n\
             set ssl_starttls=no\nset ssl_force_tls=no\npush '<quit>'\n",
            address = instance.address(Service::Imap),
        );
        fs::write(instance.root().join("muttrc"), settings).unwrap();
        let mut script = instance.program("script");
        script.env("TERM", "xterm");
        let mutt = "stty rows 50 cols 120; mutt -F muttrc";
        run(script.args(["-qec", mutt, "/dev/null"]));
        has_seen(&instance, mechanism, "ok");
    }
}

#[test]
fn swaks_and_curl_answer_the_challenge_of_cram_md5() {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    let file = instance.config().unwrap().to_owned();
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{config}\n[auth]\ncram_md5 = true\n")).unwrap();
    instance.serve().unwrap();
    let swaks = |password: &str| {
        let mut swaks = instance.program("swaks");
        swaks.args(["--server", &instance.ip().to_string()]);
        swaks.args(["--port", &port(&instance, Service::Submission)]);
        swaks.args(["--auth", "CRAM-MD5", "--auth-user", USER]);
        swaks.args(["--auth-password", password, "--from", USER, "--to", USER]);
        process::run(&mut swaks, b"").unwrap()
    };
    // The password was set before the mechanism was turned on.
    assert_ne!(swaks(PASSWORD).code(), 0);
    has_seen(&instance, "cram-md5", "badcreds");
    let mut set = instance.mox(["setaccountpassword", "mox"]);
    process::run(&mut set, PASSWORD.as_bytes()).unwrap().ok();
    swaks(PASSWORD).ok();
    has_seen(&instance, "cram-md5", "ok");
    let refused = swaks("wrong password");
    assert!(refused.out().contains("535 5.7.8 "), "{}", refused.out());

    let mut curl = instance.program("curl");
    let url = format!("imap://{}/", instance.address(Service::Imap));
    let login = format!("{USER}:{PASSWORD}");
    let listed = run(curl.args([
        "-sS",
        "--login-options",
        "AUTH=CRAM-MD5",
        "-u",
        &login,
        &url,
    ]));
    assert!(listed.contains("Archive"), "{listed}");
    assert_eq!(instance.log().matches("mechanism=\"cram-md5\"").count(), 4);
}
