//! `mox localserve`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mox::admin;
use mox::snapshot::Snapshot;
use mox_daemon::serve::{ServeOptions, serve};
use serde_json::json;

use super::Run;
use crate::backend::Server;
use crate::error::Error;
use crate::ui::Ui;

/// Run a whole mail server on loopback, for trying and testing
///
/// The first run writes DIR/config/mox.toml with a certificate beside it, and DIR/data; then, and on
/// every later run, it serves: SMTP on port 1025, submission on 1587 and 1465 (TLS), IMAP on 1143 and
/// 1993 (TLS). The account is mox, its address mox@localhost and any other at localhost, its password
/// moxmoxmox. Mail submitted for other domains never leaves the machine: account mox gets it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox localserve
  mox localserve --dir /tmp/mail --port-offset 20000
  mox --config ~/.config/mox-localserve/config/mox.toml config domain add example.org mox")]
pub(crate) struct Args {
    /// Folder of the server (by default mox-localserve in $XDG_CONFIG_HOME, or in ~/.config)
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,

    /// The one address to listen on, on the first run (by default 127.0.0.1 and ::1)
    #[arg(long, value_name = "IP")]
    ip: Option<IpAddr>,

    /// Added to the well-known ports, on the first run
    #[arg(long, value_name = "N", default_value_t = 1000)]
    port_offset: u16,

    /// Only write the files
    #[arg(long)]
    init_only: bool,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let dir = match args.dir {
        Some(dir) => dir,
        None => default_dir()?,
    };
    let dir = std::path::absolute(&dir).map_err(Error::io("find --dir"))?;
    let config = dir.join("config/mox.toml");
    let server = Server::find(Some(&config));
    if let Ok(status) = server.status() {
        return Err(Error::failed(format!(
            "a server is running there already, process {}",
            status.pid
        )));
    }
    let ip = args.ip.or_else(only_ipv4);
    admin::init_localserve(&dir, ip, args.port_offset)?;
    if args.init_only {
        let shown = config.display().to_string();
        return run.ui.result(
            &format!("{shown}\n"),
            &json!({"dir": dir, "config_file": shown}),
        );
    }
    let ui = run.ui;
    serve(ServeOptions {
        config: config.clone(),
        ready: Box::new(move |snapshot| welcome(&ui, &config, snapshot)),
    })?;
    Ok(())
}

/// The loopback address of machines that have no IPv6.
fn only_ipv4() -> Option<IpAddr> {
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => None,
        Err(_) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}

fn default_dir() -> Result<PathBuf, Error> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let config = folder("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| folder("HOME").map(|home| Path::new(&home).join(".config")));
    match config {
        Some(config) => Ok(config.join("mox-localserve")),
        None => Err(Error::Usage(
            "there is no $HOME: say where with --dir DIR".to_owned(),
        )),
    }
}

/// Tells what to connect to and how to log in.
fn welcome(ui: &Ui, config: &Path, snapshot: &Arc<Snapshot>) {
    let mut rows = Vec::new();
    let mut services = Vec::new();
    for listener in snapshot.config.listeners.values() {
        for (kind, service) in listener.services() {
            for ip in &listener.ips {
                let address = SocketAddr::new(*ip, service.port);
                rows.push(vec![kind.as_str().to_owned(), address.to_string()]);
                services.push(json!({"service": kind.as_str(), "address": address}));
            }
        }
    }
    let value = json!({
        "config_file": config,
        "services": services,
        "account": "mox",
        "address": "mox@localhost",
        "password": "moxmoxmox",
    });
    let text = format!(
        "account   mox, address mox@localhost or any other at localhost, password moxmoxmox\n\
         manage    mox --config {} config …\n\
         stop      Ctrl-C\n",
        config.display()
    );
    // The server serves whether or not anybody reads this.
    if ui.json() {
        let _ = ui.result("", &value);
        return;
    }
    let _ = ui.list(&["service", "address"], &rows, &value);
    if ui.for_people() {
        let _ = ui.result(&text, &value);
    }
}
