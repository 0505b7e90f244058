//! The client's side: one connection, blocking, with a bound on every wait.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::frame::{self, HEADER, MAX_REQUEST, MAX_RESPONSE};
use super::{CtlError, Request, Response, SOCKET, with_socket_path};

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects to the daemon that serves this data directory.
    pub fn connect(data_dir: &Path) -> Result<Client, CtlError> {
        match with_socket_path(data_dir, |path| UnixStream::connect(path)) {
            Ok(stream) => Ok(Client { stream }),
            Err(e) => Err(match e.kind() {
                // A plain file or a stale socket of a daemon that was killed: nobody listens.
                io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotADirectory => CtlError::NotRunning,
                io::ErrorKind::PermissionDenied => {
                    CtlError::Denied(data_dir.join(SOCKET).display().to_string())
                }
                _ => CtlError::Local(format!(
                    "connect to {}: {e}",
                    data_dir.join(SOCKET).display()
                )),
            }),
        }
    }

    /// Asks and waits for the answer, `patience` at most for each of sending and receiving.
    ///
    /// After [`CtlError::Lost`] or [`CtlError::Timeout`] it is not known whether a change was made.
    pub fn ask(&mut self, request: &Request, patience: Duration) -> Result<Response, CtlError> {
        let bytes = frame::encode(request, MAX_REQUEST)?;
        let broken = |e: io::Error| match e.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                CtlError::Timeout(patience.as_secs())
            }
            _ => CtlError::Lost,
        };
        self.stream
            .set_read_timeout(Some(patience))
            .and_then(|()| self.stream.set_write_timeout(Some(patience)))
            .map_err(|e| CtlError::Local(format!("set timeouts of the control socket: {e}")))?;
        // A daemon that will not hear us may have said why before it closed: read on anyway.
        let sent = self.stream.write_all(&bytes);
        let mut header = [0; HEADER];
        self.stream
            .read_exact(&mut header)
            .map_err(|e| broken(sent.err().unwrap_or(e)))?;
        let length = frame::parse_header(header, MAX_RESPONSE)?;
        let mut body = Vec::new();
        let read = (&mut self.stream)
            .take(length as u64)
            .read_to_end(&mut body)
            .map_err(broken)?;
        if read < length {
            return Err(CtlError::Lost);
        }
        frame::parse_body(&body)
    }

    /// Waits until the daemon closes the connection. False: it has not in `patience`.
    pub fn wait_closed(mut self, patience: Duration) -> bool {
        if self.stream.set_read_timeout(Some(patience)).is_err() {
            return false;
        }
        match self.stream.read(&mut [0; 1]) {
            Ok(bytes) => bytes == 0,
            Err(e) => !matches!(
                e.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    fn answering(bytes: &'static [u8]) -> (tempfile::TempDir, thread::JoinHandle<()>) {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut header = [0; HEADER];
            stream.read_exact(&mut header).unwrap();
            let mut body = vec![0; frame::parse_header(header, MAX_REQUEST).unwrap()];
            stream.read_exact(&mut body).unwrap();
            stream.write_all(bytes).unwrap();
        });
        (dir, server)
    }

    fn ask(bytes: &'static [u8]) -> Result<Response, CtlError> {
        let (dir, server) = answering(bytes);
        let answer = Client::connect(dir.path())
            .unwrap()
            .ask(&Request::Stop, Duration::from_secs(10));
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_arrives() {
        let answer = ask(b"mox\x01\0\0\0\x1b{\"stopping\":{\"pid\":1234567}}");
        assert!(
            matches!(answer, Err(CtlError::Message(_))),
            "the length was wrong: {answer:?}"
        );
        let answer = ask(b"mox\x01\0\0\0\x1c{\"stopping\":{\"pid\":1234567}}");
        assert!(matches!(answer, Ok(Response::Stopping { pid: 1_234_567 })));
    }

    #[test]
    fn a_daemon_that_dies_is_lost_and_another_version_is_told() {
        assert_eq!(ask(b"").unwrap_err(), CtlError::Lost);
        assert_eq!(ask(b"mox\x01\0\0").unwrap_err(), CtlError::Lost);
        assert_eq!(ask(b"mox\x01\0\0\0\x1b{\"st").unwrap_err(), CtlError::Lost);
        assert!(matches!(
            ask(b"mox\x02\0\0\0\0"),
            Err(CtlError::Version { theirs: 2, .. })
        ));
    }

    #[test]
    fn no_socket_and_a_stale_socket_mean_not_running() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            Client::connect(dir.path()).unwrap_err(),
            CtlError::NotRunning
        );
        drop(UnixListener::bind(dir.path().join(SOCKET)).unwrap());
        assert_eq!(
            Client::connect(dir.path()).unwrap_err(),
            CtlError::NotRunning
        );
    }

    #[test]
    fn a_silent_daemon_times_out() {
        let dir = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let mut client = Client::connect(dir.path()).unwrap();
        assert_eq!(
            client
                .ask(&Request::Status, Duration::from_millis(20))
                .unwrap_err(),
            CtlError::Timeout(0)
        );
    }
}
