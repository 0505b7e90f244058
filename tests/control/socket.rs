//! What is said to the control socket: nothing of it can hurt more than its own connection.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::support::instance::Instance;
use super::{ENOUGH, generation, serving};

fn socket(instance: &Instance) -> PathBuf {
    instance.root().join("server/data/ctl")
}

/// Everything that the daemon says to these bytes.
fn answer(instance: &Instance, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket(instance)).unwrap();
    stream.set_read_timeout(Some(ENOUGH)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // It may close while more of ours is unread: what it said has come all the same.
    let end = stream.read_to_end(&mut answer);
    assert!(end.is_ok() || end.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset));
    answer
}

fn frame(version: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [b"mox".as_slice(), &[version], &length.to_be_bytes(), body].concat()
}

#[test]
fn nonsense_is_refused_and_harms_nobody() {
    let instance = serving();
    let whole = |body: &[u8]| frame(1, u32::try_from(body.len()).unwrap(), body);
    for (bytes, words) in [
        (
            b"GET / HTTP/1.0\r\n\r\n".to_vec(),
            "does not begin with mox",
        ),
        (frame(2, 2, b"{}"), "version"),
        (frame(1, u32::MAX, b""), "bytes are more than"),
        (whole(b"{}"), "bad message"),
        (whole(b"\"no such request\""), "bad message"),
        (whole(b"[[[[[[[["), "bad message"),
        (frame(1, 100, b"{\"query\""), "ended"),
    ] {
        let told = answer(&instance, &bytes);
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("\"rejected\""), "{bytes:?}: {told}");
        assert!(told.contains(words), "{bytes:?}: {told}");
    }
    assert!(answer(&instance, b"").is_empty());
    assert_eq!(generation(&instance), 1);
}

#[test]
fn a_connection_carries_many_requests() {
    let instance = serving();
    let status = frame(1, 8, b"\"status\"");
    let told = answer(&instance, &[status.clone(), status].concat());
    let told = String::from_utf8_lossy(&told);
    assert_eq!(told.matches("last_reload_error").count(), 2, "{told}");
}

#[test]
fn silent_connections_hold_nobody_up() {
    let instance = serving();
    let silent: Vec<UnixStream> = (0..32)
        .map(|_| UnixStream::connect(socket(&instance)).unwrap())
        .collect();
    assert_eq!(generation(&instance), 1);
    drop(silent);
}
