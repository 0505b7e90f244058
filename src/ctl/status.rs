//! What `mox status` shows.

use serde::{Deserialize, Serialize};

/// The daemon as it is now; the JSON of `mox status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Seconds since it began to serve.
    pub uptime_seconds: u64,
    /// The generation that is served.
    pub generation: u64,
    /// What is listened on.
    pub listeners: Vec<ListenerStatus>,
    /// mox.toml, as it was named.
    pub config_file: String,
    /// The data directory.
    pub data_dir: String,
    /// Why the file on disk is not what is served; empty when it is.
    pub last_reload_error: String,
    /// How often it has waited for the disk to make something durable since it started.
    pub disk_syncs: u64,
}

/// One bound address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// The listener's name in mox.toml.
    pub name: String,
    /// `smtp`, `submission`, `submissions`, `imap`, `imaps`.
    pub service: String,
    /// Address and port.
    pub address: String,
    /// Whether TLS is on from the first byte.
    pub tls: bool,
    /// The generation whose settings it has.
    pub generation: u64,
    /// Open connections that came in here.
    pub connections: u64,
}
