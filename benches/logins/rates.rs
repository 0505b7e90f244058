//! Logins a second on a server that nobody attacks.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::alone;
use crate::meter::{Load, line};
use crate::scram::Scram;
use crate::server::{PASSWORD, add_accounts, fresh};
use crate::support::client::{Client, tls_config};
use crate::support::instance::Instance;
use crate::support::process;
use crate::support::reader::USER;
use crate::visit::{ANY, greeted, is_resumed, leave, never_resuming, plain as say_plain};

/// Connections at a time.
pub(crate) const AT_A_TIME: usize = 4;

/// Accounts whose passwords nobody has used yet.
const FRESH: usize = 120;

/// Visits the server at the same time in so many threads.
pub(crate) fn visit(instance: &Instance, visit: impl Fn(usize) + Sync) -> Load {
    let visit = &visit;
    let jobs = (0..AT_A_TIME).map(|n| move || move || visit(n)).collect();
    Load::run(instance, jobs)
}

/// Connections with a full handshake, and this done on them once they are greeted.
fn connected(instance: &Instance, log_in: impl Fn(&mut Client) + Sync) -> Load {
    let tls = never_resuming(None);
    visit(instance, |_| {
        let mut client = greeted(instance, ANY, &tls, "* OK");
        log_in(&mut client);
        leave(client);
    })
}

pub(crate) fn handshake() {
    let instance = fresh();
    let load = connected(&instance, |_| ());
    let what = "TLS handshake and LOGOUT, no login";
    line(
        what,
        &load.text("conn/s"),
        &alone::signatures("ecdsap256"),
        "–",
    );
}

pub(crate) fn plain() {
    let instance = fresh();
    let load = connected(&instance, |client| {
        assert!(say_plain(client, USER, PASSWORD).starts_with("a OK"));
    });
    let what = "PLAIN, the password remembered";
    line(what, &load.text("logins/s"), "", "1,200 logins/s");
}

/// Each account logs in once.
pub(crate) fn first() {
    let instance = fresh();
    let accounts = add_accounts(&instance, FRESH);
    let load = firsts(&instance, &accounts, |_, tls| {
        greeted(&instance, ANY, tls, "* OK")
    });
    let what = "PLAIN for the first time, a hash each";
    line(what, &load.text("logins/s"), &alone::hashes(), "–");
}

/// Logs in to each account once.
pub(crate) fn firsts(
    instance: &Instance,
    accounts: &[String],
    connect: impl Fn(usize, &std::sync::Arc<rustls::ClientConfig>) -> Client + Sync,
) -> Load {
    let next = AtomicUsize::new(0);
    let tls = never_resuming(None);
    let (next, tls, connect) = (&next, &tls, &connect);
    let jobs = (0..AT_A_TIME)
        .map(|n| {
            move || {
                move || {
                    let Some(account) = accounts.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        return false;
                    };
                    let mut client = connect(n, tls);
                    let answer = say_plain(&mut client, account, PASSWORD);
                    assert!(answer.starts_with("a OK"), "{answer}");
                    leave(client);
                    true
                }
            }
        })
        .collect();
    Load::run_while(instance, jobs)
}

pub(crate) fn scram() {
    let instance = fresh();
    let scram = Scram::new(USER, PASSWORD);
    for (what, plus) in [("SCRAM-SHA-256", false), ("SCRAM-SHA-256-PLUS", true)] {
        let load = connected(&instance, |client| {
            assert!(scram.log_in(client, plus).starts_with("a OK"));
        });
        line(what, &load.text("logins/s"), "", "1,200 logins/s");
    }
}

/// A key of this kind that logs in USER.
pub(crate) fn add_key(instance: &Instance, kind: &str) -> PathBuf {
    let root = instance.root();
    let pem = root.join(format!("{kind}.pem"));
    let (algorithm, option): (&str, &[&str]) = match kind {
        "ecdsap256" => ("ec", &["-pkeyopt", "ec_paramgen_curve:P-256"]),
        "rsa2048" => ("rsa:2048", &[]),
        kind => (kind, &[]),
    };
    let mut make = instance.program("openssl");
    make.args(["req", "-x509", "-nodes", "-subj", "/CN=bench", "-days", "9"])
        .args(["-newkey", algorithm])
        .args(option)
        .arg("-keyout")
        .arg(&pem)
        .arg("-out")
        .arg(root.join("certificate.pem"));
    process::run(&mut make, b"").unwrap().ok();
    let certificate = std::fs::read(root.join("certificate.pem")).unwrap();
    let mut add = instance.mox(["config", "tlspubkey", "add", USER, kind]);
    process::run(&mut add, &certificate).unwrap().ok();
    let key = std::fs::read(&pem).unwrap();
    std::fs::write(&pem, [key, certificate].concat()).unwrap();
    pem
}

pub(crate) fn certificate() {
    let instance = fresh();
    for kind in ["ecdsap256", "ed25519", "rsa2048"] {
        let identity = add_key(&instance, kind);
        let beside = alone::signatures(kind);
        certificate_of(&instance, kind, &identity, &beside);
    }
}

fn certificate_of(instance: &Instance, kind: &str, identity: &Path, beside: &str) {
    let full = never_resuming(Some(identity));
    let resumed = tls_config(Some(identity)).expect("a TLS configuration");
    for (what, tls, short) in [("full", &full, false), ("resumed", &resumed, true)] {
        let fulls = AtomicUsize::new(0);
        let load = visit(instance, |_| {
            let client = greeted(instance, ANY, tls, "* PREAUTH");
            let is_full = !is_resumed(&client);
            fulls.fetch_add(usize::from(is_full), Ordering::Relaxed);
            leave(client);
        });
        // Each thread's first one is not in the figures, and has no ticket yet.
        let expected = if short { 0 } else { load.times.len() } + AT_A_TIME;
        assert_eq!(fulls.into_inner(), expected);
        let what = format!("client certificate, {kind}, {what} handshake");
        line(&what, &load.text("logins/s"), beside, "1,500 logins/s");
    }
}
