//! A connection as a client: bytes out, lines in, TLS at once or later, any certificate accepted.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// How long an answer may take; generous, for machines that do ten things at a time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a server.
pub struct Client {
    stream: Option<Stream>,
    unread: Vec<u8>,
    /// Where in `unread` the next byte is.
    start: usize,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// Why no line came.
#[derive(Debug)]
pub enum NoLine {
    /// The server closed the connection; these bytes came without a line's end.
    Closed(Vec<u8>),
    /// Nothing within the time; these bytes came without a line's end.
    Silent(Vec<u8>),
}

impl fmt::Display for NoLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, bytes) = match self {
            NoLine::Closed(bytes) => ("the connection was closed", bytes),
            NoLine::Silent(bytes) => ("nothing came", bytes),
        };
        write!(f, "{what}")?;
        if !bytes.is_empty() {
            write!(f, " after the beginning of a line: {}", shown(bytes))?;
        }
        Ok(())
    }
}

impl Client {
    /// Connects, with TLS at once if asked to, with the certificate and key of a PEM file if given.
    pub fn connect(
        address: SocketAddr,
        tls: bool,
        identity: Option<&Path>,
    ) -> Result<Client, String> {
        let tcp = TcpStream::connect(address).map_err(|e| format!("connect {address}: {e}"))?;
        let mut client = Client::over(tcp)?;
        if tls {
            client.start_tls(identity)?;
        }
        Ok(client)
    }

    /// Connects from this address of ours.
    pub fn connect_from(from: IpAddr, address: SocketAddr) -> Result<Client, String> {
        let failed = |e: rustix::io::Errno| format!("connect {address} from {from}: {e}");
        let family = match from {
            IpAddr::V4(_) => AddressFamily::INET,
            IpAddr::V6(_) => AddressFamily::INET6,
        };
        let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(failed)?;
        net::bind(&socket, &SocketAddr::new(from, 0)).map_err(failed)?;
        net::connect(&socket, &address).map_err(failed)?;
        Client::over(socket.into())
    }

    fn over(tcp: TcpStream) -> Result<Client, String> {
        let set = tcp
            .set_nodelay(true)
            .and_then(|()| tcp.set_read_timeout(Some(PATIENCE)))
            .and_then(|()| tcp.set_write_timeout(Some(PATIENCE)));
        set.map_err(|e| format!("set up the connection: {e}"))?;
        Ok(Client {
            stream: Some(Stream::Plain(tcp)),
            unread: Vec::new(),
            start: 0,
        })
    }

    /// Makes the TLS handshake.
    pub fn start_tls(&mut self, identity: Option<&Path>) -> Result<(), String> {
        self.start_tls_with(tls_config(identity)?)
    }

    /// Makes the TLS handshake as this configuration says.
    pub fn start_tls_with(&mut self, config: Arc<ClientConfig>) -> Result<(), String> {
        let Some(Stream::Plain(mut tcp)) = self.stream.take() else {
            return Err("no plain connection to start TLS on".to_owned());
        };
        let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
        let mut tls = ClientConnection::new(config, name).map_err(|e| format!("TLS: {e}"))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)
                .map_err(|e| format!("TLS handshake: {e}"))?;
        }
        self.stream = Some(Stream::Tls(Box::new(StreamOwned::new(tls, tcp))));
        Ok(())
    }

    /// Sends bytes as they are. After an error, what the server had said can still be read.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Some(Stream::Plain(tcp)) => tcp.write_all(bytes),
            Some(Stream::Tls(tls)) => tls.write_all(bytes).and_then(|()| tls.flush()),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Sends a line with CRLF; the test fails if the connection is gone.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        let sent = self.send(format!("{line}\r\n").as_bytes());
        sent.unwrap_or_else(|e| panic!("send {line}: {e}"));
    }

    /// The next line, without its CRLF.
    pub fn line(&mut self) -> Result<Vec<u8>, NoLine> {
        let mut searched = 0;
        loop {
            let unread = &self.unread[self.start..];
            if let Some(at) = unread[searched..].iter().position(|b| *b == b'\n') {
                let end = searched + at;
                let line = unread[..end].strip_suffix(b"\r").unwrap_or(&unread[..end]);
                let line = line.to_vec();
                self.start += end + 1;
                return Ok(line);
            }
            searched = unread.len();
            match self.fill() {
                Ok(0) => return Err(NoLine::Closed(self.rest())),
                Ok(_) => {}
                Err(e) if timed_out(&e) => return Err(NoLine::Silent(self.rest())),
                Err(_) => return Err(NoLine::Closed(self.rest())),
            }
        }
    }

    /// The next line as text; the test fails if there is none.
    #[track_caller]
    pub fn hear(&mut self) -> String {
        match self.line() {
            Ok(line) => String::from_utf8_lossy(&line).into_owned(),
            Err(why) => panic!("expected a line: {why}"),
        }
    }

    /// Exactly this many bytes.
    pub fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() - self.start < count {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let bytes = self.unread[self.start..self.start + count].to_vec();
        self.start += count;
        Ok(bytes)
    }

    /// Reads SMTP reply lines to the last; the test fails unless the code is this.
    #[track_caller]
    pub fn expect_reply(&mut self, code: &str) -> Vec<String> {
        let lines = self.reply();
        let last = lines.last().map_or("", String::as_str);
        assert!(last.starts_with(code), "expected {code}, got: {lines:?}");
        lines
    }

    /// Reads SMTP reply lines to the last.
    #[track_caller]
    pub fn reply(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.hear();
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Sends an SMTP command and expects a reply with this code.
    #[track_caller]
    pub fn smtp(&mut self, command: &str, code: &str) -> Vec<String> {
        self.say(command);
        let lines = self.reply();
        let last = lines.last().map_or("", String::as_str);
        assert!(
            last.starts_with(code),
            "{command}: expected {code}, got: {lines:?}"
        );
        lines
    }

    /// Sends an IMAP command (with its tag) and reads to its tagged OK.
    #[track_caller]
    pub fn imap(&mut self, command: &str) -> Vec<String> {
        self.say(command);
        let tag = command.split(' ').next().unwrap_or_default().to_owned();
        let lines = self.until_tag(&tag);
        let last = lines.last().map_or("", String::as_str);
        assert!(
            last.starts_with(&format!("{tag} OK")),
            "{command}: {lines:?}"
        );
        lines
    }

    /// Reads IMAP lines up to the tagged one.
    #[track_caller]
    pub fn until_tag(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.hear();
            let last = line.split(' ').next() == Some(tag);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Whether something came that nobody has read yet.
    pub fn has_unread(&self) -> bool {
        self.start < self.unread.len()
    }

    /// How long `line` waits from now on.
    pub fn set_patience(&self, limit: Duration) {
        if let Some(tcp) = self.tcp() {
            let _ = tcp.set_read_timeout(Some(limit));
        }
    }

    /// Says that nothing more will be sent, and still reads.
    pub fn shutdown(&mut self) {
        if let Some(Stream::Tls(tls)) = &mut self.stream {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        if let Some(tcp) = self.tcp() {
            let _ = tcp.shutdown(Shutdown::Write);
        }
    }

    /// Leaves without a word.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// The TLS connection, if there is one.
    pub fn tls(&self) -> Option<&ClientConnection> {
        match self.stream.as_ref()? {
            Stream::Plain(_) => None,
            Stream::Tls(tls) => Some(&tls.conn),
        }
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self.stream.as_ref()? {
            Stream::Plain(tcp) => Some(tcp),
            Stream::Tls(tls) => Some(tls.get_ref()),
        }
    }

    fn rest(&mut self) -> Vec<u8> {
        let rest = self.unread[self.start..].to_vec();
        self.start = self.unread.len();
        rest
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.unread.drain(..self.start);
            self.start = 0;
        }
        let mut buffer = [0; 64 * 1024];
        let n = match &mut self.stream {
            Some(Stream::Plain(tcp)) => tcp.read(&mut buffer),
            Some(Stream::Tls(tls)) => match tls.read(&mut buffer) {
                // The end of the stream without TLS's own goodbye is an end as well.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                other => other,
            },
            None => Ok(0),
        }?;
        self.unread.extend_from_slice(&buffer[..n]);
        Ok(n)
    }
}

/// Bytes as text: what is neither printable nor UTF-8 is `\xHH`.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => text.push(c),
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

fn timed_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Any server is believed; with the certificate and key of a PEM file if given. Sessions are resumed
/// by those who use the same one.
pub fn tls_config(identity: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    static PLAIN: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let builder = || {
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|b| {
                b.dangerous()
                    .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            })
            .map_err(|e| format!("TLS: {e}"))
    };
    let Some(file) = identity else {
        if let Some(config) = PLAIN.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(builder()?.with_no_client_auth());
        return Ok(PLAIN.get_or_init(|| config).clone());
    };
    let unreadable = |e: rustls::pki_types::pem::Error| format!("{}: {e}", file.display());
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .map_err(unreadable)?
        .collect();
    let key = PrivateKeyDer::from_pem_file(file).map_err(unreadable)?;
    let config = builder()?
        .with_client_auth_cert(certificates.map_err(unreadable)?, key)
        .map_err(|e| format!("TLS: {e}"))?;
    Ok(Arc::new(config))
}

/// The servers of tests sign their own certificates.
#[derive(Debug)]
pub struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
