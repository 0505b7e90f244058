//! The systemd unit of the server.

use std::path::{Path, PathBuf};

/// What the unit depends on.
#[derive(Debug, Clone)]
pub struct Service {
    /// The `mox` program.
    pub program: PathBuf,
    /// mox.toml.
    pub config: PathBuf,
    /// The data directory.
    pub data_dir: PathBuf,
    /// `server.user`; empty: root.
    pub user: String,
}

impl Service {
    /// The text of the unit. The process is `user` from the start and may bind low ports, nothing else:
    /// it never is root, so that nothing of root's has to be left to it until it drops it.
    pub fn text(&self) -> String {
        let folder = self.config.parent().unwrap_or(Path::new("/"));
        let writable: Vec<String> = [folder, &self.data_dir]
            .map(|path| quote(&path.to_string_lossy()))
            .into();
        let within = |places: &[&str]| {
            let paths = [folder, &self.data_dir, &self.program];
            paths
                .iter()
                .any(|path| places.iter().any(|place| path.starts_with(place)))
        };
        // What is hidden from the process cannot be given back to it.
        let home = if within(&["/home", "/root", "/run/user"]) {
            "no"
        } else {
            "yes"
        };
        let tmp = if within(&["/tmp", "/var/tmp"]) {
            "no"
        } else {
            "yes"
        };
        let user = match self.user.as_str() {
            "" => String::new(),
            user => format!("User={user}\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"),
        };
        format!(
            "[Unit]
Description=mox mail server
Documentation=man:mox(1)
Wants=network-online.target
After=network-online.target nss-lookup.target

[Service]
# systemd before 253 does not know the second and stays with the first.
Type=notify
Type=notify-reload
ExecStart={program} --config {config} serve
{user}CapabilityBoundingSet=CAP_NET_BIND_SERVICE
Restart=always
RestartSec=5
WatchdogSec=60
TimeoutStartSec=300
TimeoutStopSec=60
LimitNOFILE=65536
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome={home}
PrivateTmp={tmp}
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
# Netlink tells the addresses of this machine.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
",
            program = quote(&self.program.to_string_lossy()).replace('$', "$$"),
            config = quote(&self.config.to_string_lossy()).replace('$', "$$"),
            writable = writable.join(" "),
        )
    }
}

/// A word of a unit file (systemd.syntax(7)): quoted, and nothing in it a specifier.
fn quote(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('%', "%%");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(folder: &str, user: &str) -> String {
        Service {
            program: "/usr/local/bin/mox".into(),
            config: Path::new(folder).join("mox.toml"),
            data_dir: "/var/lib/mox".into(),
            user: user.to_owned(),
        }
        .text()
    }

    #[test]
    fn paths_are_quoted() {
        let text = service("/srv/a \"b\" 100%/$x", "mox");
        assert!(text.contains(r#"--config "/srv/a \"b\" 100%%/$$x/mox.toml" serve"#));
        assert!(text.contains(r#"ReadWritePaths="/srv/a \"b\" 100%%/$x" "/var/lib/mox""#));
        assert!(text.contains("ProtectHome=yes\nPrivateTmp=yes\n"));
    }

    #[test]
    fn what_is_needed_is_not_hidden() {
        assert!(service("/home/me/mox", "me").contains("ProtectHome=no\n"));
        assert!(service("/tmp/mox", "me").contains("PrivateTmp=no\n"));
    }
}
