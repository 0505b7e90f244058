//! Whether `server.user` can reach the files that a configuration needs: seen by root or the owner before
//! the server is started. Owner, group and mode are what counts here; access lists are not looked at.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mox::config::locate::{KeyPath, locate, written};
use mox::config::model::Config;
use mox::diag::Diagnostic;
use nix::unistd::{User, getgrouplist};

const READ: u32 = 4;
const WRITE: u32 = 2;
const ENTER: u32 = 1;

/// A user as the file system sees one.
struct Ids {
    name: String,
    uid: u32,
    groups: Vec<u32>,
}

/// What `server.user` cannot do and has to; `text` is the file's, for places.
pub fn inaccessible(config: &Config, file: &Path, text: &str) -> Vec<Diagnostic> {
    let name = &config.server.user;
    if name.is_empty() || name == "root" {
        return Vec::new();
    }
    let user_key: KeyPath = vec!["server".to_owned(), "user".to_owned()];
    let Ok(Some(user)) = User::from_name(name) else {
        let message = format!("there is no unix user {name:?}");
        return vec![diagnostic("server.user", &user_key, message, file, text)];
    };
    let groups = std::ffi::CString::new(name.as_str())
        .ok()
        .and_then(|name| getgrouplist(&name, user.gid).ok())
        .unwrap_or_default();
    let ids = Ids {
        name: user.name,
        uid: user.uid.as_raw(),
        groups: groups.into_iter().map(|group| group.as_raw()).collect(),
    };
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut wanted = vec![
        (user_key.clone(), file.to_owned(), READ),
        (user_key, folder.to_owned(), READ | WRITE | ENTER),
    ];
    wanted.extend(named_files(config));
    let mut told = HashSet::new();
    let mut problems = Vec::new();
    for (key, path, bits) in wanted {
        if let Some((place, missing)) = ids.lacks(&path, bits)
            && told.insert(place.clone())
        {
            let user = &ids.name;
            let place = place.display();
            let message = match missing {
                ENTER => format!(
                    "user {user} cannot enter {place}, where {} is",
                    path.display()
                ),
                WRITE => format!("user {user} cannot write to {place}: changes are made there"),
                _ => format!("user {user} cannot read {place}"),
            };
            problems.push(diagnostic("file.inaccessible", &key, message, file, text));
        }
    }
    problems
}

/// Files that the configuration names, and by which key.
fn named_files(config: &Config) -> impl Iterator<Item = (KeyPath, PathBuf, u32)> {
    let key = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<KeyPath>()
    };
    let certificates = config.listeners.iter().flat_map(move |(name, listener)| {
        let all = listener.tls.iter().flat_map(|tls| &tls.certificates);
        let key = key(&["listeners", name, "tls", "certificates"]);
        all.flat_map(|certificate| [&certificate.cert, &certificate.key])
            .map(move |path| (key.clone(), path.clone(), READ))
    });
    let dkim = config.domains.iter().flat_map(move |(domain, settings)| {
        let domain = domain.unicode();
        settings.dkim.selectors.iter().map(move |(name, selector)| {
            let key = key(&["domains", &domain, "dkim", "selectors", name, "key_file"]);
            (key, selector.key_file.clone(), READ)
        })
    });
    certificates.chain(dkim)
}

fn diagnostic(code: &str, key: &KeyPath, message: String, file: &Path, text: &str) -> Diagnostic {
    Diagnostic {
        code: code.to_owned(),
        path: written(key),
        position: locate(text, file, key),
        message,
        hint: match code {
            "server.user" => "make it with useradd, or leave server.user empty".to_owned(),
            _ => "change its owner, group or mode".to_owned(),
        },
    }
}

impl Ids {
    /// The first part of the path where the user lacks a right, and which; none too where the path
    /// cannot be looked at.
    fn lacks(&self, path: &Path, bits: u32) -> Option<(PathBuf, u32)> {
        let path = fs::canonicalize(path).ok()?;
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        for folder in above {
            let meta = fs::metadata(folder).ok()?;
            if !self.has(meta.mode(), meta.uid(), meta.gid(), ENTER) {
                return Some((folder.to_owned(), ENTER));
            }
        }
        let meta = fs::metadata(&path).ok()?;
        [READ, ENTER, WRITE]
            .into_iter()
            .filter(|bit| bits & bit != 0)
            .find(|bit| !self.has(meta.mode(), meta.uid(), meta.gid(), *bit))
            .map(|bit| (path.clone(), bit))
    }

    /// Whether the mode gives the user this right (inode(7)): the owner's bits count for the owner alone.
    fn has(&self, mode: u32, uid: u32, gid: u32, bit: u32) -> bool {
        let shift = if uid == self.uid {
            6
        } else if self.groups.contains(&gid) {
            3
        } else {
            0
        };
        self.uid == 0 || mode >> shift & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_mode_of_the_nearest_class_counts() {
        let ids = Ids {
            name: "mox".into(),
            uid: 7,
            groups: vec![8],
        };
        assert!(ids.has(0o400, 7, 0, READ) && !ids.has(0o077, 7, 8, READ));
        assert!(ids.has(0o040, 0, 8, READ) && !ids.has(0o407, 0, 8, READ));
        assert!(ids.has(0o004, 0, 0, READ) && !ids.has(0o770, 0, 0, READ));
        let root = Ids { uid: 0, ..ids };
        assert!(root.has(0, 7, 7, WRITE));
    }

    #[test]
    fn the_part_that_keeps_out_is_named() {
        let dir = tempfile::tempdir().expect("tempdir");
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
        };
        let (inner, file) = (dir.path().join("inner"), dir.path().join("inner/key.pem"));
        fs::create_dir(&inner).expect("mkdir");
        fs::write(&file, "").expect("write");
        // Nobody's number: no file is its.
        let ids = Ids {
            name: "x".into(),
            uid: 4_000_000_000,
            groups: Vec::new(),
        };
        chmod(dir.path(), 0o755);
        chmod(&inner, 0o750);
        let real = |path: &Path| fs::canonicalize(path).expect("a path");
        assert_eq!(ids.lacks(&file, READ), Some((real(&inner), ENTER)));
        chmod(&inner, 0o755);
        chmod(&file, 0o640);
        assert_eq!(ids.lacks(&file, READ), Some((real(&file), READ)));
        chmod(&file, 0o644);
        assert_eq!(ids.lacks(&file, READ), None);
        assert_eq!(
            ids.lacks(&inner, READ | WRITE | ENTER),
            Some((real(&inner), WRITE))
        );
    }
}
