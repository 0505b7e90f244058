//! A sandbox: a folder of its own, an address of its own on the loopback net, and a server in it.
//!
//! Every instance has an address of its own in 127.0.0.0/8, so that all of them use the same
//! ports and none meets another. A server counts as started when it says READY=1 to the socket
//! that systemd would give it.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::process;

/// Added to the well-known ports, so that no test needs privileges.
const PORT_OFFSET: u16 = 10_000;

/// How long a server may take to start; generous, for machines that do ten things at a time.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What a client connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Smtp,
    Submission,
    Submissions,
    Imap,
    Imaps,
    Http,
    Https,
}

impl Service {
    pub const ALL: [Service; 7] = [
        Service::Smtp,
        Service::Submission,
        Service::Submissions,
        Service::Imap,
        Service::Imaps,
        Service::Http,
        Service::Https,
    ];

    pub fn parse(name: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|s| s.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Service::Smtp => "smtp",
            Service::Submission => "submission",
            Service::Submissions => "submissions",
            Service::Imap => "imap",
            Service::Imaps => "imaps",
            Service::Http => "http",
            Service::Https => "https",
        }
    }

    /// The well-known port.
    fn port(self) -> u16 {
        match self {
            Service::Smtp => 25,
            Service::Submission => 587,
            Service::Submissions => 465,
            Service::Imap => 143,
            Service::Imaps => 993,
            Service::Http => 80,
            Service::Https => 443,
        }
    }

    pub fn tls(self) -> bool {
        matches!(self, Service::Submissions | Service::Imaps | Service::Https)
    }
}

/// A sandbox with at most one server in it. Dropping it kills the server; if the test is failing
/// by then, the server's log is printed.
pub struct Instance {
    root: tempfile::TempDir,
    ip: IpAddr,
    offset: u16,
    mox: PathBuf,
    config: Option<PathBuf>,
    server: Option<Server>,
    /// Where services are if no server of ours offers them: fakes, in tests of these tests.
    fakes: BTreeMap<Service, SocketAddr>,
}

struct Server {
    child: Child,
    /// In a mutex only so that threads can share an instance.
    messages: Mutex<mpsc::Receiver<String>>,
}

impl Instance {
    /// An empty sandbox for this `mox` binary.
    pub fn new(mox: impl Into<PathBuf>) -> Instance {
        Instance::new_in(mox, &std::env::temp_dir())
    }

    /// The same below this folder.
    pub fn new_in(mox: impl Into<PathBuf>, folder: &Path) -> Instance {
        let root = tempfile::Builder::new()
            .prefix("mox-test-")
            .tempdir_in(folder)
            .expect("make the sandbox");
        let mox = mox.into();
        std::fs::create_dir(root.path().join(".bin")).expect("make the sandbox's .bin");
        for name in ["mox", "sendmail"] {
            std::os::unix::fs::symlink(&mox, root.path().join(".bin").join(name))
                .expect("link the binary into the sandbox");
        }
        Instance {
            root,
            ip: free_ip(),
            offset: PORT_OFFSET,
            mox,
            config: None,
            server: None,
            fakes: BTreeMap::new(),
        }
    }

    /// A fresh `mox localserve`, up and serving.
    #[track_caller]
    pub fn localserve(mox: impl Into<PathBuf>) -> Instance {
        let mut instance = Instance::new(mox);
        instance.init().expect("localserve --init-only");
        instance.serve().expect("serve");
        instance
    }

    /// From now on the server is to be at 127.0.0.1, on ports of its own: for programs that insist on
    /// the name `localhost`.
    pub fn use_localhost(&mut self) {
        self.ip = Ipv4Addr::LOCALHOST.into();
        let free = |offset: &u16| {
            let free = |service: Service| TcpListener::bind((self.ip, offset + service.port()));
            Service::ALL
                .into_iter()
                .all(|service| free(service).is_ok())
        };
        let first = (std::process::id() % 20) as u16;
        let mut offsets = (0..20).map(|n| 11_000 + (first + n) % 20 * 1000);
        self.offset = offsets.find(free).expect("free ports on localhost");
    }

    /// The folder that all of it lives in; also the home and working folder of what it runs.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The mox.toml in use.
    pub fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// From now on this mox.toml, relative to the sandbox, is meant.
    pub fn set_config(&mut self, file: impl AsRef<Path>) {
        self.config = Some(self.root().join(file));
    }

    /// From now on the service is here.
    pub fn set_fake(&mut self, service: Service, address: SocketAddr) {
        self.fakes.insert(service, address);
    }

    pub fn is_serving(&self) -> bool {
        self.server.is_some()
    }

    pub fn has_fakes(&self) -> bool {
        !self.fakes.is_empty()
    }

    pub fn address(&self, service: Service) -> SocketAddr {
        self.fakes
            .get(&service)
            .copied()
            .unwrap_or_else(|| SocketAddr::new(self.ip, self.port(service)))
    }

    /// Where a service is if no fake took its place.
    pub fn port(&self, service: Service) -> u16 {
        self.offset + service.port()
    }

    /// The process id of the server.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(|server| server.child.id())
    }

    /// Sets the clock of the server and of commands, RFC 3339; builds with the feature `faults` have one.
    pub fn set_clock(&self, time: &str) -> Result<(), String> {
        // Over the old file in one step: a server that runs reads it at any time.
        let new = self.root().join(".clock.new");
        std::fs::write(&new, time)
            .and_then(|()| std::fs::rename(&new, self.clock()))
            .map_err(|e| format!("write .clock: {e}"))
    }

    fn clock(&self) -> PathBuf {
        self.root().join(".clock")
    }

    /// A program in the sandbox's clean environment, with `mox` on its path.
    pub fn program(&self, name: impl AsRef<Path>) -> Command {
        let mut command = process::clean(name, self.root(), &self.root().join(".bin"));
        command.env("IP", self.ip.to_string());
        command.env("ROOT", self.root());
        command.env("MOX_CLOCK", self.clock());
        if let Some(config) = &self.config {
            command.env("MOXCONF", config);
        }
        command
    }

    /// A `mox` command for the mox.toml in use.
    pub fn mox<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.program(&self.mox);
        command.args(arguments);
        command
    }

    /// Writes what `mox localserve` generates, in `server/` of the sandbox.
    pub fn init(&mut self) -> Result<(), String> {
        let ip = self.ip.to_string();
        let offset = self.offset.to_string();
        let mut command = self.mox(["localserve", "--dir", "server", "--ip"]);
        command.args([&ip, "--port-offset", &offset, "--init-only"]);
        let output = process::run(&mut command, b"")?;
        if !output.status.success() {
            return Err(format!(
                "mox localserve --init-only: {}\n{}{}",
                output.status,
                output.out(),
                output.err()
            ));
        }
        self.set_config("server/config/mox.toml");
        Ok(())
    }

    /// Starts `mox serve` and waits until it serves.
    pub fn serve(&mut self) -> Result<(), String> {
        self.serve_with(&["serve"], &[])
    }

    /// Starts this daemon command with these environment variables too, and waits until it serves.
    pub fn serve_with(
        &mut self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<(), String> {
        self.start(arguments, environment)?;
        self.ready()
    }

    /// Starts a daemon by a command of its own, and waits until it serves.
    pub fn serve_by(&mut self, command: Command) -> Result<(), String> {
        self.start_by(command)?;
        self.ready()
    }

    fn ready(&mut self) -> Result<(), String> {
        let error = match self.wait_for("READY=1", START_LIMIT) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        self.kill();
        Err(format!("{error}\n{}", self.log()))
    }

    /// Starts a daemon without waiting for it.
    pub fn start(
        &mut self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<(), String> {
        let mut command = self.mox(arguments.iter().copied());
        command.envs(environment.iter().copied());
        self.start_by(command)
    }

    /// Starts a daemon by a command of its own, without waiting for it.
    pub fn start_by(&mut self, mut command: Command) -> Result<(), String> {
        let path = self.root().join(".notify");
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).map_err(|e| format!("bind .notify: {e}"))?;
        // As systemd's: whoever the server becomes may tell.
        std::fs::set_permissions(&path, Permissions::from_mode(0o666))
            .map_err(|e| format!("open up .notify: {e}"))?;
        let (send, messages) = mpsc::channel();
        // Read for as long as anybody listens, so that a server never blocks on a full socket.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
                if text.lines().any(|line| send.send(line.to_owned()).is_err()) {
                    break;
                }
            }
        });
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.root().join(".log"))
            .map_err(|e| format!("open .log: {e}"))?;
        let errors = log.try_clone().map_err(|e| format!("open .log: {e}"))?;
        let child = command
            .env("NOTIFY_SOCKET", &path)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("start the server: {e}"))?;
        self.server = Some(Server {
            child,
            messages: Mutex::new(messages),
        });
        Ok(())
    }

    /// Waits until the server tells systemd this, or fails when it ends or the time is over.
    pub fn wait_for(&mut self, message: &str, limit: Duration) -> Result<(), String> {
        let server = self.server.as_mut().ok_or("no server was started")?;
        let deadline = Instant::now() + limit;
        loop {
            let messages = server.messages.get_mut().expect("nobody panicked with it");
            match messages.recv_timeout(Duration::from_millis(20)) {
                Ok(said) if said == message => return Ok(()),
                Ok(_) => {}
                Err(_) => {
                    let ended = server.child.try_wait().map_err(|e| e.to_string())?;
                    if let Some(status) = ended {
                        return Err(format!("the server ended: {status}"));
                    }
                    if Instant::now() > deadline {
                        return Err(format!("no {message} from the server within {limit:?}"));
                    }
                }
            }
        }
    }

    /// The next line that the server tells systemd, or why there is none.
    pub fn next_message(&mut self, limit: Duration) -> Result<String, String> {
        let server = self.server.as_mut().ok_or("no server was started")?;
        let messages = server.messages.get_mut().expect("nobody panicked with it");
        let next = messages.recv_timeout(limit);
        next.map_err(|e| format!("no message from the server: {e}"))
    }

    /// Waits until the server has ended by itself.
    pub fn wait(&mut self) -> Result<std::process::ExitStatus, String> {
        let mut server = self.server.take().ok_or("no server was started")?;
        server.child.wait().map_err(|e| format!("wait: {e}"))
    }

    /// Stops the server as an admin does, and waits for its end.
    pub fn stop(&mut self) -> Result<(), String> {
        let output = process::run(&mut self.mox(["stop"]), b"")?;
        if !output.status.success() {
            return Err(format!("mox stop: {}\n{}", output.status, output.err()));
        }
        let status = self.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("the server ended with {status}"))
    }

    /// Kills the server as kill -9 does.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            process::end(&mut server.child);
        }
    }

    /// What the servers in this sandbox have logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.root().join(".log")).unwrap_or_default();
        format!("--- server log\n{}", String::from_utf8_lossy(&bytes))
    }

    /// A connection; for services with TLS the handshake is done.
    #[track_caller]
    pub fn connect(&self, service: Service) -> Client {
        Client::connect(self.address(service), service.tls(), None)
            .unwrap_or_else(|e| panic!("connect to {}: {e}", service.name()))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// An address on the loopback net that this process has not used yet and on which all ports are
/// free.
fn free_ip() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id();
    for _ in 0..10_000 {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let [_, _, high, low] = (process.wrapping_add(n / 250 * 7919)).to_be_bytes();
        let ip = Ipv4Addr::new(127, 1 + high % 250, low, (2 + n % 250) as u8);
        let free = |service: Service| TcpListener::bind((ip, PORT_OFFSET + service.port())).is_ok();
        if Service::ALL.into_iter().all(free) {
            return ip.into();
        }
    }
    panic!("no free address on the loopback net");
}
