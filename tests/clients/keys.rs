//! Keys made by `mox config tlspubkey gen`, imported by those who have to: OpenSSL, NSS (Thunderbird),
//! GnuTLS, Java, and Apple's profiles as far as Python reads them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::support::instance::Instance;
use super::support::process;
use super::{run, server};

const PASSWORD: &str = "pass word &<>";

/// A sandbox without a server.
fn sandbox() -> Instance {
    let instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    std::fs::write(
        instance.root().join("password"),
        format!("{PASSWORD}\nnot it\n"),
    )
    .unwrap();
    instance
}

/// Runs `mox config tlspubkey gen --json` with these arguments.
#[track_caller]
fn generate(instance: &Instance, arguments: &[&str]) -> Value {
    let mut command = instance.mox(["config", "tlspubkey", "gen", "--json"]);
    serde_json::from_str(&run(command.args(arguments))).unwrap()
}

/// A program in the sandbox, with its arguments in one line.
fn program(instance: &Instance, line: &str) -> Command {
    let mut words = line.split(' ');
    let mut command = instance.program(words.next().unwrap());
    command.args(words);
    command
}

#[track_caller]
fn works(instance: &Instance, line: &str) -> String {
    run(&mut program(instance, line))
}

/// What a program prints, on both ways out, when it fails.
#[track_caller]
fn fails(instance: &Instance, line: &str) -> String {
    let output = process::run(&mut program(instance, line), b"").unwrap();
    assert!(!output.status.success(), "{line}: {}", output.out());
    output.out() + &output.err()
}

#[test]
fn openssl_reads_the_files() {
    let instance = sandbox();
    for kind in ["ed25519", "ecdsa-p256"] {
        let made = generate(&instance, &["--type", kind, kind]);
        let names: Vec<&String> = made.as_object().unwrap().keys().collect();
        let documented = [
            "fingerprint",
            "private_key_file",
            "certificate_file",
            "combined_file",
            "p12_file",
            "p12_password",
            "ed25519_seed",
        ];
        assert_eq!(names.len(), documented.len());
        assert!(
            documented.iter().all(|name| made[name].is_string()),
            "{made}"
        );
        let file = |name: &str| made[name].as_str().unwrap();
        // Both files have the same key, and it is the one that the server will know.
        let script = "openssl pkey -in $1 -pubout -outform DER; \
            openssl x509 -in $2 -noout -pubkey | openssl pkey -pubin -outform DER; \
            openssl x509 -in $3 -noout -pubkey | openssl pkey -pubin -outform DER";
        let mut shell = instance.program("sh");
        shell.args(["-ec", script, "sh"]).args([
            file("private_key_file"),
            file("certificate_file"),
            file("combined_file"),
        ]);
        let keys = process::run(&mut shell, b"").unwrap();
        assert!(keys.status.success(), "{}", keys.err());
        let third = keys.stdout.len() / 3;
        let (first, rest) = keys.stdout.split_at(third);
        assert_eq!(rest, [first, first].concat());
        std::fs::write(instance.root().join("spki"), first).unwrap();
        let digest = works(&instance, "openssl dgst -sha256 -hex spki");
        let digest = digest.trim().rsplit(' ').next().unwrap().to_owned();
        assert_eq!(digest, hex_of(file("fingerprint")));

        let certificate = file("certificate_file");
        let verify = format!("openssl verify -CAfile {certificate} -purpose sslclient");
        works(&instance, &format!("{verify} {certificate}"));
        let text = works(
            &instance,
            &format!("openssl x509 -in {certificate} -noout -text"),
        );
        assert!(
            text.contains("Not After : Dec 31 23:59:59 9999 GMT"),
            "{text}"
        );
        assert_eq!(
            file("ed25519_seed").len(),
            if kind == "ed25519" { 43 } else { 0 }
        );
        assert_eq!(file("p12_password"), "");
    }
}

/// Raw-url base64 as hexadecimal digits.
fn hex_of(text: &str) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text);
    bytes
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn programs_import_pkcs12() {
    let instance = sandbox();
    works(&instance, "mkdir nss");
    works(&instance, "certutil -N -d sql:nss --empty-password");
    let cases = [
        ("modern", &["--p12"][..]),
        ("legacy", &["--p12", "--legacy"]),
        ("ed", &["--p12", "--type", "ed25519"]),
        ("ed-legacy", &["--p12", "--legacy", "--type", "ed25519"]),
    ];
    for (name, arguments) in cases {
        let arguments = [arguments, &["--password-file", "password", name]].concat();
        let made = generate(&instance, &arguments);
        assert_eq!(made["p12_password"], "", "it is in the file");
        let file = made["p12_file"].as_str().unwrap();
        let certificate = std::fs::read(instance.root().join(format!("{name}.certificate.pem")));
        let certificate = String::from_utf8(certificate.unwrap()).unwrap();

        let old = if arguments.contains(&"--legacy") {
            "-legacy "
        } else {
            ""
        };
        let openssl = format!("openssl pkcs12 {old}-in {file} -passin file:password -nodes");
        let opened = works(&instance, &openssl);
        assert!(opened.contains(&certificate), "{opened}");
        assert!(opened.contains("BEGIN PRIVATE KEY"));
        fails(&instance, &openssl.replace("file:password", "pass:wrong"));
        // How it is encrypted is told on stderr.
        let form = process::run(&mut program(&instance, &format!("{openssl} -info")), b"");
        let cipher = if old.is_empty() {
            "AES-256-CBC"
        } else {
            "pbeWithSHA1And3-KeyTripleDES-CBC"
        };
        let form = form.unwrap().err();
        assert!(form.contains(cipher), "{form}");

        let mut certtool = program(
            &instance,
            &format!("certtool --p12-info --inder --infile {file}"),
        );
        let info = run(certtool.args(["--password", PASSWORD]));
        assert!(info.contains(&certificate), "{info}");

        let mut keytool = program(
            &instance,
            &format!("keytool -importkeystore -noprompt -srckeystore {file} -srcstoretype PKCS12"),
        );
        let store = format!("{name}.jks");
        run(keytool.args(["-srcstorepass", PASSWORD]).args([
            "-deststorepass",
            PASSWORD,
            "-destkeystore",
            &store,
        ]));
        let mut list = program(&instance, &format!("keytool -list -keystore {store}"));
        let list = run(list.args(["-storepass", PASSWORD]));
        assert!(list.contains("PrivateKeyEntry"), "{list}");

        if !name.starts_with("ed") {
            works(
                &instance,
                &format!("pk12util -i {file} -d sql:nss -w password"),
            );
            let key = works(&instance, "certutil -K -d sql:nss");
            assert!(key.contains(&format!("CN={name}")), "{key}");
        } else {
            // Why --p12 makes a P-256 key: Thunderbird and browsers take what NSS takes. When this fails,
            // NSS has learnt it.
            fails(
                &instance,
                &format!("pk12util -i {file} -d sql:nss -w password"),
            );
        }
    }
}

#[test]
fn a_made_up_password_opens_the_file() {
    let instance = sandbox();
    let made = generate(&instance, &["--p12", "made"]);
    let password = made["p12_password"].as_str().unwrap();
    assert!(password.len() > 20, "{password}");
    let line = format!("openssl pkcs12 -in made.p12 -passin pass:{password} -nokeys");
    assert!(works(&instance, &line).contains("BEGIN CERTIFICATE"));
    let other = generate(&instance, &["--p12", "other"]);
    assert_ne!(other["p12_password"], made["p12_password"]);
}

#[test]
fn an_apple_profile_has_the_identity_and_the_settings() {
    let instance = server();
    let config = instance.config().unwrap();
    let text = std::fs::read_to_string(config).unwrap();
    let named = text.replace(
        "[accounts.mox]",
        "[accounts.mox]\nfull_name = \"A & <B> ü\"",
    );
    assert_ne!(named, text);
    std::fs::write(config, named).unwrap();
    run(&mut instance.mox(["config", "reload"]));
    let arguments = ["--mobileconfig", "mox@localhost", "phone"];
    let made = generate(&instance, &arguments);
    assert_eq!(made["p12_file"], "");

    let script = "import json, plistlib, sys\n\
        profile = plistlib.load(open('phone.mobileconfig', 'rb'))\n\
        identity, mail = profile.pop('PayloadContent')\n\
        open('identity.p12', 'wb').write(identity.pop('PayloadContent'))\n\
        json.dump([profile, identity, mail], sys.stdout)";
    let mut python = instance.program("python3");
    let read: Value = serde_json::from_str(&run(python.args(["-c", script]))).unwrap();
    let [profile, identity, mail] = read.as_array().unwrap().as_slice() else {
        panic!("{read}");
    };
    assert_eq!(profile["PayloadType"], "Configuration");
    assert_eq!(identity["PayloadType"], "com.apple.security.pkcs12");
    assert_eq!(mail["PayloadType"], "com.apple.mail.managed");
    assert_eq!(mail["EmailAccountName"], "A & <B> ü");
    let imaps = instance.port(super::support::instance::Service::Imaps);
    let submissions = instance.port(super::support::instance::Service::Submissions);
    for (direction, port) in [("Incoming", imaps), ("Outgoing", submissions)] {
        let key = |name: &str| &mail[format!("{direction}MailServer{name}")];
        assert_eq!(*key("HostName"), "localhost");
        assert_eq!(*key("PortNumber"), port);
        assert_eq!(*key("UseSSL"), true);
        assert_eq!(*key("Username"), "mox@localhost");
    }

    // Of Apple's reference, what a payload must have and may have.
    for (payload, required, optional) in [
        (
            mail,
            &[
                "EmailAccountType",
                "IncomingMailServerAuthentication",
                "IncomingMailServerHostName",
                "OutgoingMailServerAuthentication",
                "OutgoingMailServerHostName",
            ][..],
            &[
                "EmailAccountDescription",
                "EmailAccountName",
                "EmailAddress",
                "IncomingMailServerPortNumber",
                "IncomingMailServerUseSSL",
                "IncomingMailServerUsername",
                "OutgoingMailServerPortNumber",
                "OutgoingMailServerUseSSL",
                "OutgoingMailServerUsername",
                "OutgoingPasswordSameAsIncomingPassword",
            ][..],
        ),
        (identity, &[], &["PayloadCertificateFileName"]),
        (profile, &[], &[]),
    ] {
        let every = [
            "PayloadType",
            "PayloadVersion",
            "PayloadIdentifier",
            "PayloadUUID",
        ];
        let payload = payload.as_object().unwrap();
        for key in required.iter().chain(&every) {
            assert!(payload.contains_key(*key), "{key}");
        }
        for key in payload.keys().map(String::as_str) {
            let known = [required, optional, &every, &["PayloadDisplayName"]];
            assert!(known.concat().contains(&key), "{key}");
        }
    }

    let password = made["p12_password"].as_str().unwrap();
    let pkcs12 = "openssl pkcs12 -legacy -in identity.p12 -nodes -passin";
    let opened = works(&instance, &format!("{pkcs12} pass:{password}"));
    let key = std::fs::read_to_string(instance.root().join("phone.certificate.pem")).unwrap();
    assert!(opened.contains(&key), "{opened}");

    let nobody = fails(
        &instance,
        "mox config tlspubkey gen --mobileconfig mox@nowhere.example nobody",
    );
    assert!(nobody.contains("nowhere.example"), "{nobody}");
    assert!(!instance.root().join("nobody.key.pem").exists());
}

#[test]
fn keys_are_never_overwritten() {
    let instance = sandbox();
    std::fs::write(instance.root().join("laptop.p12"), "precious").unwrap();
    let mut command = instance.mox(["config", "tlspubkey", "gen", "--p12", "laptop"]);
    let refused = process::run(&mut command, b"").unwrap();
    assert_eq!(refused.code(), 4, "{}", refused.err());
    assert!(refused.err().contains("laptop.p12 exists already"));
    let left: Vec<_> = files(instance.root());
    assert_eq!(left, ["laptop.p12", "password"]);
    let kept = std::fs::read(instance.root().join("laptop.p12")).unwrap();
    assert_eq!(kept, b"precious");
}

#[test]
fn a_key_is_registered_at_once_or_not_made() {
    let instance = server();
    let arguments = ["--add", "mox@localhost", "--name", "my laptop", "laptop"];
    let made = generate(&instance, &arguments);
    let fingerprint = made["fingerprint"].as_str().unwrap();
    let listed = works(&instance, "mox config tlspubkey list");
    assert!(listed.contains(fingerprint), "{listed}");
    assert!(listed.contains("my laptop") && listed.contains("mox@localhost"));
    let before = files(instance.root());
    let refused = fails(
        &instance,
        "mox config tlspubkey gen --p12 --add nobody@nowhere.example other",
    );
    assert!(refused.contains("nowhere.example"), "{refused}");
    assert_eq!(files(instance.root()), before);
    let usage = fails(&instance, "mox config tlspubkey gen --name x other");
    assert!(usage.contains("--add"), "{usage}");
}

#[test]
fn everything_at_once_with_a_server_and_without() {
    let mut instance = server();
    for (stem, stopped) in [("online", false), ("offline", true)] {
        if stopped {
            instance.stop().unwrap();
        }
        let made = generate(
            &instance,
            &[
                "--p12",
                "--legacy",
                "--mobileconfig",
                "mox@localhost",
                "--add",
                "mox@localhost",
                stem,
            ],
        );
        assert_eq!(made["ed25519_seed"], "");
        let made_files = files(instance.root());
        let ours = made_files.iter().filter(|name| name.starts_with(stem));
        let endings: Vec<_> = ours.filter_map(|name| name.split_once('.')).collect();
        let expected = [
            "certificate.pem",
            "combined.pem",
            "key.pem",
            "mobileconfig",
            "p12",
        ];
        assert_eq!(endings, expected.map(|ending| (stem, ending)));
        // One password opens both.
        let password = made["p12_password"].as_str().unwrap();
        let open = "openssl pkcs12 -legacy -nokeys -passin";
        let p12 = works(&instance, &format!("{open} pass:{password} -in {stem}.p12"));
        assert!(p12.contains("BEGIN CERTIFICATE"));
        let listed = works(&instance, "mox config tlspubkey list");
        assert!(listed.contains(made["fingerprint"].as_str().unwrap()));
    }
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let instance = sandbox();
    for mask in ["000", "077"] {
        let script = format!("umask {mask}; mox config tlspubkey gen --p12 m{mask}");
        run(instance.program("sh").args(["-ec", &script]));
        for (ending, mode) in [
            ("key.pem", 0o600),
            ("combined.pem", 0o600),
            ("p12", 0o600),
            ("certificate.pem", 0o644),
        ] {
            let file = instance.root().join(format!("m{mask}.{ending}"));
            let found = std::fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{mask} {ending}");
        }
    }
}

#[test]
fn links_and_folders_that_take_nothing_are_refused() {
    let instance = sandbox();
    let root = instance.root();
    std::os::unix::fs::symlink(root.join("elsewhere"), root.join("link.combined.pem")).unwrap();
    let said = fails(&instance, "mox config tlspubkey gen link");
    assert!(said.contains("link.combined.pem exists already"), "{said}");
    assert_eq!(files(root), ["link.combined.pem", "password"]);
    for stem in ["no/such/laptop", "/proc/laptop", "password/laptop"] {
        let said = fails(&instance, &format!("mox config tlspubkey gen {stem}"));
        assert!(said.contains(stem.split_once('/').unwrap().0), "{said}");
    }
    assert_eq!(files(root), ["link.combined.pem", "password"]);
    let said = fails(&instance, "mox config tlspubkey gen folder/");
    assert!(said.contains("not the beginning of file names"), "{said}");
}

/// Killed between any two steps, what is there is whole, and the next run does not write over it.
#[cfg(feature = "faults")]
#[test]
fn a_kill_between_files_leaves_whole_files() {
    let instance = sandbox();
    let with = |faults: &str, stem: &str| {
        let mut command = instance.mox(["config", "tlspubkey", "gen", "--p12", stem]);
        command.env("MOX_FAULT", faults);
        process::run(&mut command, b"").unwrap()
    };
    for count in 1..=4 {
        for point in ["written", "renamed"] {
            let stem = format!("{point}{count}");
            let killed = with(&format!("abort@fsio.create.{point}:{count}"), &stem);
            assert_eq!(killed.status.code(), None, "{}", killed.err());
            let left: Vec<_> = files(instance.root())
                .into_iter()
                .filter(|name| name.starts_with(&stem))
                .map(|name| (std::fs::read(instance.root().join(&name)).unwrap(), name))
                .collect();
            let expected = if point == "written" { count - 1 } else { count };
            assert_eq!(left.len(), expected);
            for (content, name) in &left {
                let whole = content.ends_with(b"-----\n") || name.ends_with(".p12");
                assert!(whole, "{name}");
            }
            let again = with("", &stem);
            if left.is_empty() {
                again.ok();
                continue;
            }
            assert_eq!(again.code(), 4, "{}", again.err());
            for (content, name) in left {
                assert_eq!(std::fs::read(instance.root().join(&name)).unwrap(), content);
            }
        }
    }
    // What the disk refuses is taken back as a whole.
    let before = files(instance.root());
    let said = with("full@fsio.create.written:3", "full");
    assert!(!said.status.success(), "{}", said.out());
    assert_eq!(files(instance.root()), before);
}

/// Names in a folder, but for hidden ones.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}
