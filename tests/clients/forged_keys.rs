//! Clients that nobody should use: certificates with the keys of others, chains without an end, questions
//! at the wrong time; and who is asked for a certificate at all.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{ClientConfig, ClientConnection, SignatureAlgorithm, SignatureScheme, StreamOwned};

use super::server;
use super::support::client::AnyCertificate;
use super::support::instance::{Instance, Service};
use super::support::process;
use super::support::reader::USER;
use super::tls_keys::{add, imaps, make, mox, with};

/// A client that signs with whatever key it has, and tells whether it was asked.
#[derive(Debug)]
struct Forger {
    pair: Arc<CertifiedKey>,
    asked: Mutex<Option<usize>>,
}

impl ResolvesClientCert for Forger {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.asked.lock().unwrap() = Some(authorities.len());
        Some(self.pair.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Forger {
    /// The certificates of one file and the key of another.
    fn new(chain: &Path, key: &Path) -> Arc<Forger> {
        let chain = CertificateDer::pem_file_iter(chain).unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let pair = CertifiedKey::new(chain.map(Result::unwrap).collect(), key);
        Arc::new(Forger {
            pair: Arc::new(pair),
            asked: Mutex::default(),
        })
    }

    /// The first line that comes over TLS, or why none does.
    fn connect(
        self: &Arc<Forger>,
        instance: &Instance,
        service: Service,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Result<String, String> {
        let mut tcp = TcpStream::connect(instance.address(service)).unwrap();
        if service == Service::Smtp {
            tcp.write_all(b"EHLO x\r\nSTARTTLS\r\n").unwrap();
            let mut plain = BufReader::new(tcp.try_clone().unwrap());
            let mut line = String::new();
            while !line.contains("220 2.0.0") {
                line.clear();
                plain.read_line(&mut line).unwrap();
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_client_cert_resolver(self.clone());
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        if service == Service::Smtp {
            stream.write_all(b"NOOP\r\n").map_err(|e| e.to_string())?;
        }
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .map_err(|e| e.to_string())?;
        Ok(line)
    }
}

const VERSIONS: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn the_certificate_of_one_with_the_key_of_another() {
    let instance = server();
    let file = |name: &str| instance.root().join(name);
    for (name, openssl) in [
        ("ed25519", &["ed25519"][..]),
        ("p256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("rsa", &["rsa:2048"]),
    ] {
        make(&instance, name, openssl);
        add(&instance, name, USER, &[]);
        let thief = format!("thief-{name}");
        make(&instance, &thief, openssl);
        for version in VERSIONS {
            let own = Forger::new(&file(&format!("{name}.crt")), &file(&format!("{name}.key")));
            let said = own.connect(&instance, Service::Imaps, version).unwrap();
            assert!(said.starts_with("* PREAUTH "), "{name}: {said}");
            assert_eq!(*own.asked.lock().unwrap(), Some(0), "no authorities");
            let forged = Forger::new(
                &file(&format!("{name}.crt")),
                &file(&format!("{thief}.key")),
            );
            let error = forged.connect(&instance, Service::Imaps, version);
            let error = error.expect_err("the handshake fails");
            assert!(
                error.contains("DecryptError") || error.contains("BadCertificate"),
                "{error}"
            );
        }
    }
    // A key of another kind than the certificate says.
    for version in VERSIONS {
        let forged = Forger::new(&file("ed25519.crt"), &file("p256.key"));
        assert!(forged.connect(&instance, Service::Imaps, version).is_err());
    }
}

#[test]
fn only_mail_programs_are_asked() {
    let instance = server();
    make(&instance, "key", &["ed25519"]);
    add(&instance, "key", USER, &[]);
    let forger = |instance: &Instance| {
        let file = |name: &str| instance.root().join(name);
        Forger::new(&file("key.crt"), &file("key.key"))
    };
    for version in VERSIONS {
        for (service, asked) in [
            (Service::Smtp, None),
            (Service::Submissions, Some(0)),
            (Service::Imaps, Some(0)),
        ] {
            let client = forger(&instance);
            client.connect(&instance, service, version).unwrap();
            assert_eq!(*client.asked.lock().unwrap(), asked, "{service:?}");
        }
    }
    let config = instance.config().unwrap().to_owned();
    let text = std::fs::read_to_string(&config).unwrap();
    let without = text.replacen("tls = { ", "tls = { client_auth = false, ", 1);
    assert_ne!(without, text, "{text}");
    std::fs::write(&config, without).unwrap();
    mox(&instance, &["config", "reload"]);
    let client = forger(&instance);
    let said = client
        .connect(&instance, Service::Imaps, &rustls::version::TLS13)
        .unwrap();
    assert!(said.starts_with("* OK "), "{said}");
    assert_eq!(*client.asked.lock().unwrap(), None);
}

/// Only the first certificate is looked at, and what follows costs what TLS lets it cost.
#[test]
fn a_huge_chain_is_a_certificate_or_a_failed_handshake() {
    let instance = server();
    make(&instance, "key", &["ed25519"]);
    add(&instance, "key", USER, &[]);
    let one = std::fs::read_to_string(instance.root().join("key.crt")).unwrap();
    for (count, good) in [(2, true), (10, true), (100, true), (500, false)] {
        let chain = instance.root().join("chain.crt");
        std::fs::write(&chain, one.repeat(count)).unwrap();
        let client = Forger::new(&chain, &instance.root().join("key.key"));
        for version in VERSIONS {
            let said = client.connect(&instance, Service::Imaps, version);
            assert_eq!(
                said.as_ref()
                    .is_ok_and(|said| said.starts_with("* PREAUTH ")),
                good,
                "{count}: {said:?}"
            );
        }
    }
    assert!(imaps(&instance, "key", &[], "").starts_with("* PREAUTH "));
    // Somebody else's certificate behind one's own is worth nothing.
    make(&instance, "stranger", &["ed25519"]);
    let own = std::fs::read_to_string(instance.root().join("stranger.crt")).unwrap();
    let chain = instance.root().join("chain.crt");
    std::fs::write(&chain, own + &one).unwrap();
    let client = Forger::new(&chain, &instance.root().join("stranger.key"));
    for version in VERSIONS {
        let said = client.connect(&instance, Service::Imaps, version).unwrap();
        assert!(said.starts_with("* OK "), "{said}");
    }
}

/// Signs with SHA-1, which TLS 1.2 knows and nobody should take, or with SHA-256.
#[derive(Debug)]
struct Old {
    key: PathBuf,
    scheme: SignatureScheme,
}

impl SigningKey for Old {
    /// Whatever the server asks for.
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(Old {
            key: self.key.clone(),
            scheme: self.scheme,
        }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for Old {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let hash = match self.scheme {
            SignatureScheme::RSA_PKCS1_SHA1 => "-sha1",
            _ => "-sha256",
        };
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", hash, "-sign"]).arg(&self.key);
        let output = process::run(&mut openssl, message).unwrap();
        assert!(output.status.success(), "{}", output.err());
        Ok(output.stdout)
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

#[test]
fn a_signature_with_sha1_proves_nothing() {
    let instance = server();
    make(&instance, "key", &["rsa:2048"]);
    add(&instance, "key", USER, &[]);
    for (scheme, good) in [
        (SignatureScheme::RSA_PKCS1_SHA256, true),
        (SignatureScheme::RSA_PKCS1_SHA1, false),
    ] {
        let file = |name: &str| instance.root().join(name);
        let chain = CertificateDer::pem_file_iter(file("key.crt")).unwrap();
        let key = Old {
            key: file("key.key"),
            scheme,
        };
        let pair = CertifiedKey::new(chain.map(Result::unwrap).collect(), Arc::new(key));
        let client = Arc::new(Forger {
            pair: Arc::new(pair),
            asked: Mutex::default(),
        });
        let said = client.connect(&instance, Service::Imaps, &rustls::version::TLS12);
        match good {
            true => assert!(said.unwrap().starts_with("* PREAUTH ")),
            false => {
                let error = said.expect_err("the handshake fails");
                assert!(error.contains("alert"), "{error}");
            }
        }
    }
}

/// Nobody can change who it is on a connection that stands: the session goes on as it was, and with the
/// next thing that it hears the client is told that there is no renegotiation.
#[test]
fn renegotiation_is_refused() {
    let instance = server();
    make(&instance, "key", &["ed25519"]);
    add(&instance, "key", USER, &[]);
    // In s_client without -quiet, a line that starts with R asks for it.
    let mut command = instance.program("openssl");
    command.args(["s_client", "-tls1_2", "-state", "-connect"]);
    command.arg(instance.address(Service::Imaps).to_string());
    command.args(with("key"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // One after the other, in one pipe.
    command.stderr(Stdio::piped());
    let mut client = command.spawn().unwrap();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    let states = BufReader::new(client.stderr.take().unwrap());
    let wait_for = |output: &mut dyn BufRead, text: &str| {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = output.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "{text} never comes");
        }
    };
    wait_for(&mut output, "* PREAUTH ");
    let mut input = client.stdin.take().unwrap();
    input.write_all(b"R\n").unwrap();
    let mut states = states;
    wait_for(&mut states, "RENEGOTIATING");
    wait_for(&mut states, "write client hello");
    let sessions = mox(&instance, &["sessions", "list"]);
    assert_eq!(sessions.lines().count(), 1, "{sessions}");
    mox(&instance, &["sessions", "kick", "--account", "mox"]);
    wait_for(&mut states, "no renegotiation");
    drop(input);
    assert!(!client.wait().unwrap().success());
    let log = instance.log();
    let handshakes = log.lines().filter(|line| line.contains("tlsclientauth"));
    assert_eq!(handshakes.count(), 1, "{log}");
    assert!(imaps(&instance, "key", &[], "").starts_with("* PREAUTH "));
}
