//! Changes on disk that nobody tells of: mox.toml by the ways of editors and tools, certificates by those
//! of the programs that renew them.

use std::fs;
use std::path::Path;

use super::support::instance::{Instance, Service};
use super::support::process;
use super::{ENOUGH, generation, mox, serving, status};

fn sh(instance: &Instance, script: &str) -> String {
    let mut shell = instance.program("sh");
    let folder = instance.root().join("server/config");
    process::run(shell.args(["-ec", script]).current_dir(folder), b"")
        .unwrap()
        .ok()
}

/// Waits until a change on disk is served.
fn wait_for_generation(instance: &mut Instance, number: u64) {
    let status = format!("STATUS=serving generation {number}");
    instance.wait_for(&status, ENOUGH).unwrap();
}

#[test]
fn a_file_is_served_however_it_came_to_be_changed() {
    let mut instance = serving();
    let mut generation = 1;
    for script in [
        "echo '# written in place' >> mox.toml",
        "sed -i 's/^# written.*/# sed/' mox.toml",
        "cp mox.toml new; echo '# renamed over' >> new; mv new mox.toml",
        "mv mox.toml mox.toml~; (cat mox.toml~; echo '# as vim does') > mox.toml; rm mox.toml~",
        "mkdir ../git; cp mox.toml ../git/a.toml; echo '# a link' >> ../git/a.toml; ln -sf ../git/a.toml mox.toml",
        "echo '# behind the link' >> ../git/a.toml",
        "sed 's/^# behind.*/# another/' ../git/a.toml > ../git/b.toml; ln -s ../git/b.toml new; mv -T new mox.toml",
        "rm mox.toml; (cat ../git/a.toml; echo '# gone and back') > mox.toml",
        // Without a moment in which it is not there.
        "cp -r . ../next; echo '# another folder' >> ../next/mox.toml; mv -T ../next ../new; mv ../config ../old; mv ../new ../config",
    ] {
        sh(&instance, script);
        generation += 1;
        wait_for_generation(&mut instance, generation);
        assert_eq!(status(&instance)["last_reload_error"], "", "{script}");
    }
    // A link stays one when mox writes.
    sh(
        &instance,
        "mv mox.toml ../git/mox.toml; ln -s ../git/mox.toml mox.toml",
    );
    mox(
        &instance,
        &["config", "domain", "add", "one.example", "mox"],
    )
    .ok();
    let file = instance.config().unwrap();
    assert!(fs::symlink_metadata(file).unwrap().is_symlink());
    assert!(fs::read_to_string(file).unwrap().contains("one.example"));
}

#[test]
fn a_file_that_is_gone_changes_nothing_and_is_told_of() {
    let mut instance = serving();
    sh(&instance, "mv mox.toml kept");
    let gone = loop {
        let told = instance.next_message(ENOUGH).unwrap();
        if told.starts_with("STATUS=") && told.contains("No such file") {
            break told;
        }
    };
    assert!(gone.starts_with("STATUS=serving generation 1; "), "{gone}");
    // The data directory is found beside the file all the same.
    let error = status(&instance)["last_reload_error"].to_string();
    assert!(error.contains("No such file"), "{error}");
    instance.connect(Service::Smtp).expect_reply("220");
    sh(&instance, "mv kept mox.toml");
    wait_for_generation(&mut instance, 1);
    assert_eq!(status(&instance)["last_reload_error"], "");
}

/// The certificate that a new connection gets.
fn served(instance: &Instance) -> String {
    let address = instance.address(Service::Imaps);
    let ask = format!(
        "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint"
    );
    sh(instance, &ask)
}

/// A new certificate and its key, `name.crt` and `name.key`.
fn make(instance: &Instance, folder: &str, name: &str) {
    fs::create_dir_all(instance.root().join("server/config").join(folder)).unwrap();
    let make = format!(
        "cd {folder}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 \
         -subj /CN={name} -addext subjectAltName=DNS:localhost -keyout {name}.key -out {name}.crt 2>/dev/null"
    );
    sh(instance, &make);
}

#[test]
fn renewed_certificates_are_served_without_a_reload() {
    let mut instance = serving();
    let mut old = instance.connect(Service::Imaps);
    old.hear();
    let first = served(&instance);
    // As certbot lays them out, and renews: link by link.
    let link = |file: &str, target: &str| {
        format!("ln -s ../archive/{target} live/new; mv -T live/new live/{file}")
    };
    sh(
        &instance,
        "mkdir live archive; cp localhost.crt.pem archive/1.crt; cp localhost.key.pem archive/1.key",
    );
    sh(
        &instance,
        &[link("crt", "1.crt"), link("key", "1.key")].join("; "),
    );
    sh(
        &instance,
        "ln -sf live/crt localhost.crt.pem; ln -sf live/key localhost.key.pem",
    );
    mox(&instance, &["config", "reload"]).ok();
    assert_eq!(served(&instance), first);
    make(&instance, "archive", "2");
    sh(&instance, &link("crt", "2.crt"));
    let told = loop {
        let told = instance.next_message(ENOUGH).unwrap();
        if told.contains("does not belong") {
            break told;
        }
    };
    assert!(told.starts_with("STATUS=serving generation 1; "), "{told}");
    assert!(
        status(&instance)["last_reload_error"]
            .as_str()
            .unwrap()
            .contains("does not belong")
    );
    assert_eq!(served(&instance), first);
    sh(&instance, &link("key", "2.key"));
    wait_for_generation(&mut instance, 1);
    let second = served(&instance);
    assert_ne!(second, first);
    assert_eq!(status(&instance)["last_reload_error"], "");
    // Written in place, behind the links; both pairs of STARTTLS and TLS have it.
    make(&instance, "archive", "3");
    sh(
        &instance,
        "cat archive/3.key > archive/2.key; cat archive/3.crt > archive/2.crt",
    );
    let third = loop {
        instance
            .wait_for("STATUS=serving generation 1", ENOUGH)
            .unwrap();
        let now = served(&instance);
        if now != second {
            break now;
        }
    };
    let starttls = format!(
        "openssl s_client -starttls smtp -connect {} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint",
        instance.address(Service::Smtp)
    );
    assert_eq!(sh(&instance, &starttls), third);
    // Not a certificate at all, and a reload that is asked for: nothing changes, and it is said.
    sh(&instance, "echo nonsense > archive/2.crt");
    assert_eq!(mox(&instance, &["config", "reload"]).code(), 6);
    assert_eq!(served(&instance), third);
    sh(&instance, "cat archive/3.crt > archive/2.crt");
    mox(&instance, &["config", "reload"]).ok();
    assert_eq!(served(&instance), third);
    old.imap("1 NOOP");
    assert_eq!(generation(&instance), 1);
    assert_eq!(
        mox(&instance, &["config", "history"]).ok().lines().count(),
        1
    );
}

#[test]
fn the_certificates_that_are_watched_follow_the_configuration() {
    let mut instance = serving();
    make(&instance, "other", "a");
    let first = served(&instance);
    sh(
        &instance,
        "sed -i 's/localhost.crt.pem/other\\/a.crt/; s/localhost.key.pem/other\\/a.key/' mox.toml",
    );
    wait_for_generation(&mut instance, 2);
    let second = served(&instance);
    assert_ne!(second, first);
    make(&instance, "other", "a");
    loop {
        instance
            .wait_for("STATUS=serving generation 2", ENOUGH)
            .unwrap();
        if served(&instance) != second {
            break;
        }
    }
    assert!(Path::new(&instance.root().join("server/config/localhost.crt.pem")).exists());
}
