//! Whether `server.user` can reach the files that a configuration needs: seen by root or the owner before
//! the server is started. Owner, group and mode are what counts here; access lists are not looked at.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
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
    let Some(ids) = Ids::of(name) else {
        let message = format!("there is no unix user {name:?}");
        return vec![diagnostic("server.user", &user_key, message, file, text)];
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

/// What keeps a user from reading a file: the first folder on the way that it cannot enter, or the file
/// itself; none where it can read it. A user that is not there can read nothing.
pub fn keeps_from_reading(user: &str, path: &Path) -> Option<PathBuf> {
    match Ids::of(user) {
        Some(ids) => ids.lacks(path, READ).map(|(place, _)| place),
        None => Some(path.to_owned()),
    }
}

/// The first folder on the way to a path, which need not be there yet, that a user cannot enter.
pub fn keeps_from_entering(user: &str, path: &Path) -> Option<PathBuf> {
    match Ids::of(user) {
        Some(ids) => ids.kept_out(&way(path).folders),
        None => Some(path.to_owned()),
    }
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
    /// A user by name; none: there is no such user.
    fn of(name: &str) -> Option<Ids> {
        let user = User::from_name(name).ok()??;
        let groups = std::ffi::CString::new(name)
            .ok()
            .and_then(|name| getgrouplist(&name, user.gid).ok())
            .unwrap_or_default();
        Some(Ids {
            name: user.name,
            uid: user.uid.as_raw(),
            groups: groups.into_iter().map(|group| group.as_raw()).collect(),
        })
    }

    /// The first part of the path where the user lacks a right, and which; none too where the path
    /// cannot be looked at.
    fn lacks(&self, path: &Path, bits: u32) -> Option<(PathBuf, u32)> {
        let way = way(path);
        if let Some(folder) = self.kept_out(&way.folders) {
            return Some((folder, ENTER));
        }
        let end = way.end?;
        let meta = fs::metadata(&end).ok()?;
        [READ, ENTER, WRITE]
            .into_iter()
            .filter(|bit| bits & bit != 0)
            .find(|bit| !self.has(meta.mode(), meta.uid(), meta.gid(), *bit))
            .map(|bit| (end.clone(), bit))
    }

    /// The first of these folders that the user cannot enter.
    fn kept_out(&self, folders: &[PathBuf]) -> Option<PathBuf> {
        let closed = folders.iter().find(|folder| {
            fs::metadata(folder)
                .is_ok_and(|meta| !self.has(meta.mode(), meta.uid(), meta.gid(), ENTER))
        });
        closed.cloned()
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

/// Links on a way, as many as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// What has to be gone through to get to a file: certbot's links are in a folder that is closed as well as
/// what they lead to.
struct Way {
    /// Folders that are there, in the order in which they are entered.
    folders: Vec<PathBuf>,
    /// Without links; none where it is not there.
    end: Option<PathBuf>,
}

fn way(path: &Path) -> Way {
    let mut way = Way {
        folders: Vec::new(),
        end: None,
    };
    let Ok(path) = std::path::absolute(path) else {
        return way;
    };
    let names = |path: &Path| path.iter().map(OsString::from).collect::<VecDeque<_>>();
    let mut rest = names(&path);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        match name.to_str() {
            Some("/") => at = PathBuf::from("/"),
            Some(".") => {}
            Some("..") => drop(at.pop()),
            _ => {
                way.folders.push(at.clone());
                let next = at.join(&name);
                let Ok(meta) = fs::symlink_metadata(&next) else {
                    return way;
                };
                if !meta.is_symlink() {
                    at = next;
                    continue;
                }
                links += 1;
                let Ok(target) = fs::read_link(&next) else {
                    return way;
                };
                if links > MAX_LINKS {
                    return way;
                }
                let mut target = names(&target);
                target.append(&mut rest);
                rest = target;
            }
        }
    }
    way.end = Some(at);
    way
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

    #[test]
    fn folders_of_links_count_too() {
        let dir = tempfile::tempdir().expect("tempdir");
        let real = fs::canonicalize(dir.path()).expect("a path");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
        };
        mode(&real, 0o755);
        for folder in ["live", "archive"] {
            fs::create_dir(real.join(folder)).expect("mkdir");
            mode(&real.join(folder), 0o755);
        }
        fs::write(real.join("archive/1.pem"), "").expect("write");
        mode(&real.join("archive/1.pem"), 0o644);
        let link = real.join("live/cert.pem");
        std::os::unix::fs::symlink("../archive/1.pem", &link).expect("a link");
        let ids = Ids {
            name: "x".into(),
            uid: 4_000_000_000,
            groups: Vec::new(),
        };
        assert_eq!(ids.lacks(&link, READ), None);
        for closed in ["live", "archive"] {
            mode(&real.join(closed), 0o700);
            let expected = Some((real.join(closed), ENTER));
            assert_eq!(ids.lacks(&link, READ), expected);
            mode(&real.join(closed), 0o755);
        }
        // A circle ends, and what is not there yet has a way as far as it goes.
        std::os::unix::fs::symlink("circle", real.join("circle")).expect("a link");
        assert!(way(&real.join("circle")).end.is_none());
        let folders = way(&real.join("live/not/yet")).folders;
        assert_eq!(folders.last(), Some(&real.join("live")));
    }
}
