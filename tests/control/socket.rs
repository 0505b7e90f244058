//! What is said to the control socket: nothing of it can hurt more than its own connection.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::support::instance::Instance;
use super::support::process;
use super::{ENOUGH, generation, mox, serving};

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
fn a_hundred_clients_that_say_nothing_or_half_of_it_hold_nobody_up() {
    let instance = serving();
    let connect = || {
        let stream = UnixStream::connect(socket(&instance)).unwrap();
        stream.set_read_timeout(Some(ENOUGH)).unwrap();
        stream
    };
    // Some say nothing, some half of a header, some half of a body.
    let beginnings: [&[u8]; 3] = [b"", b"mox\x01\0", &frame(1, 1000, b"{\"change\":")];
    let mut waiting: Vec<UnixStream> = (0..100)
        .map(|n| {
            let mut stream = connect();
            stream.write_all(beginnings[n % 3]).unwrap();
            stream
        })
        .collect();
    assert_eq!(generation(&instance), 1);
    mox(
        &instance,
        &["config", "domain", "add", "one.example", "mox"],
    )
    .ok();
    // More than there are places for: those that came first had to give way.
    assert_eq!(waiting[0].read(&mut [0; 1]).unwrap_or(0), 0);
    // The last one is still listened to.
    let last = waiting.last_mut().unwrap();
    last.write_all(&frame(1, 8, b"\"status\"")).unwrap();
    let mut header = [0; 8];
    last.read_exact(&mut header).unwrap();
    drop(waiting);
    assert_eq!(generation(&instance), 2);
}

#[test]
fn a_client_that_takes_no_answer_holds_nobody_up() {
    let instance = serving();
    // Far more than a socket buffers, asked for without ever reading.
    let question = frame(1, 8, b"\"status\"").repeat(2000);
    let mut deaf: Vec<UnixStream> = (0..80)
        .map(|_| {
            let stream = UnixStream::connect(socket(&instance)).unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    for stream in &mut deaf {
        let _ = stream.write(&question);
    }
    assert_eq!(generation(&instance), 1);
    drop(deaf);
}

#[test]
fn a_client_that_goes_away_gets_its_change_made_once_and_whole() {
    let instance = serving();
    let change = |domain: &str| {
        let json = format!(
            "{{\"change\":{{\"change\":{{\"domain_add\":{{\"domain\":\"{domain}\",\"account\":\"mox\",\
             \"localpart\":null,\"disabled\":false}}}},\"actor\":{{\"name\":\"\",\"command\":\"test\"}},\
             \"dry_run\":false}}}}"
        );
        frame(1, u32::try_from(json.len()).unwrap(), json.as_bytes())
    };
    // In the middle of the request: nothing. After it, without waiting for the answer: made.
    let whole = change("whole.example");
    for bytes in [&change("half.example")[..60], &whole] {
        let mut stream = UnixStream::connect(socket(&instance)).unwrap();
        stream.write_all(bytes).unwrap();
        drop(stream);
    }
    let added = || mox(&instance, &["config", "domain", "list"]).ok();
    while !added().contains("whole.example") {
        assert!(generation(&instance) < 3);
    }
    assert!(!added().contains("half.example"));
    assert_eq!(generation(&instance), 2);
    // The keys of what was not made are not there either.
    let dkim = instance.root().join("server/config/dkim");
    assert_eq!(std::fs::read_dir(dkim).unwrap().count(), 2);
}

#[test]
fn deep_and_huge_messages_are_refused_at_bounded_cost() {
    let instance = serving();
    let deep = |open: &str| open.repeat(200_000).into_bytes();
    for body in [deep("["), deep("{\"change\":")] {
        let told = answer(
            &instance,
            &frame(1, u32::try_from(body.len()).unwrap(), &body),
        );
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(told.contains("\"rejected\""), "{told}");
    }
    // A name far too long is a plain refusal, not a crash of anything.
    let body = format!(
        "{{\"query\":{{\"account\":{{\"account\":\"{}\"}}}}}}",
        "a".repeat(1 << 20)
    );
    let told = answer(
        &instance,
        &frame(1, u32::try_from(body.len()).unwrap(), body.as_bytes()),
    );
    assert!(String::from_utf8_lossy(&told).contains("refused"));
    assert_eq!(generation(&instance), 1);
}

#[test]
fn other_users_are_refused_by_the_sockets_mode_and_by_the_kernels_word() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can become another user.
    }
    let instance = serving();
    let path = socket(&instance);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let ask = "import socket, sys\n\
        s = socket.socket(socket.AF_UNIX)\n\
        s.connect(sys.argv[1])\n\
        print(s.recv(1000))\n";
    let as_nobody = || {
        let mut ask_as = instance.program("setpriv");
        // Where that user may run programs.
        ask_as.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        ask_as.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "python3",
            "-c",
            ask,
        ]);
        process::run(ask_as.arg(&path).current_dir("/"), b"").unwrap()
    };
    // The way to the socket is open, the socket is not.
    for folder in path
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(instance.root()))
    {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert!(
        as_nobody().err().contains("Permission denied"),
        "{}",
        as_nobody().err()
    );
    // Even if somebody opens it, who is there is known.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let told = as_nobody().ok();
    assert!(
        told.contains("rejected") && told.contains("permission denied"),
        "{told}"
    );
    assert!(!told.contains("generation"), "{told}");
    assert_eq!(generation(&instance), 1);
}
