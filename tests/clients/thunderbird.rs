//! Thunderbird with the PKCS#12 file that `mox config tlspubkey gen` makes.

use super::support::instance::{Instance, Service};
use super::support::process;
use super::support::reader::{Reader, USER};
use super::tls_keys::mox;
use super::{port, python, run, server};

/// A key for mox@localhost in `thunderbird.p12`, registered.
fn key(instance: &Instance, options: &[&str]) -> String {
    std::fs::write(instance.root().join("password"), "correct horse\n").unwrap();
    let made = mox(
        instance,
        &[
            "config",
            "tlspubkey",
            "gen",
            "--p12",
            "--password-file",
            "password",
            "--json",
            "thunderbird",
        ],
    );
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let file = |name: &str| instance.root().join(made[name].as_str().unwrap());
    let pem = std::fs::read(file("certificate_file")).unwrap();
    let mut command = instance.mox(["config", "tlspubkey", "add", USER, "Thunderbird"]);
    process::run(command.args(options), &pem).unwrap().ok();
    made["fingerprint"].as_str().unwrap().to_owned()
}

fn thunderbird(instance: &Instance) -> String {
    let certificate = instance
        .config()
        .unwrap()
        .with_file_name("localhost.crt.pem");
    let mut command = python(instance, "thunderbird.py");
    run(command
        .arg(port(instance, Service::Imaps))
        .arg(port(instance, Service::Submissions))
        .args([USER, "thunderbird.p12", "password"])
        .arg(certificate))
}

#[test]
fn thunderbird_reads_and_sends_with_an_imported_key() {
    // With PREAUTH, and by AUTHENTICATE EXTERNAL.
    for options in [&[][..], &["--no-imap-preauth"]] {
        let instance = server();
        let fingerprint = key(&instance, options);
        run(instance
            .program("swaks")
            .args(["--server", &instance.address(Service::Smtp).to_string()])
            .args(["--from", "a@example.org", "--to", USER])
            .args(["--header", "Subject: to Thunderbird"]));
        let saw = thunderbird(&instance);
        assert_eq!(saw, "read: to Thunderbird\nsent: 0 null\n", "{options:?}");
        let mut inbox = Reader::inbox(&instance);
        inbox.wait_for(2);
        let message = String::from_utf8(inbox.message(2)).unwrap();
        assert!(message.contains("Subject: from Thunderbird"), "{message}");
        let log = instance.log();
        let by_key = |protocol: &str, mechanism: &str| {
            log.lines().any(|line| {
                line.contains("result=\"ok\"")
                    && line.contains(&format!("protocol=\"{protocol}\""))
                    && line.contains(&format!("mechanism=\"{mechanism}\""))
                    && line.contains(&fingerprint)
            })
        };
        let imap = if options.is_empty() {
            "tlsclientauth"
        } else {
            "external"
        };
        assert!(by_key("imap", imap), "{log}");
        assert!(by_key("submission", "tlsclientauth"), "{log}");
    }
}
