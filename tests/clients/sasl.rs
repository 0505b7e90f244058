//! Logins with SCRAM and CRAM-MD5 by programs that know nothing of this server.

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
        let wrong = msmtp(&instance, mechanism, "wrong-password");
        assert_ne!(wrong.code(), 0, "{mechanism}");
    }
}
