//! What the process may do: descriptors, and the user it becomes.
//!
//! Started as root with `server.user`, a process becomes that user before it opens or makes any file
//! and before any thread starts, so that everything it leaves is that user's. CAP_NET_BIND_SERVICE
//! alone is kept: the daemon binds its low ports with it, at the start and in every reload
//! (capabilities(7)).

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use mox::config::{self, Unchecked};
use nix::unistd::{Uid, User, initgroups, setgid, setuid};
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities};

pub use access::{inaccessible, keeps_from_entering, keeps_from_reading};

mod access;

/// Why the process cannot become what it should be.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegesError {
    /// Refused: `server.user` names nobody.
    #[error("server.user: there is no unix user {0:?}")]
    NoUser(String),
    /// Local: the system says no.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
    /// Local: the user cannot work there.
    #[error("server.user {user} cannot open {}: {source}", path.display())]
    Inaccessible {
        /// Who.
        user: String,
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Local: the data directory.
    #[error("{what} {}: {source}", path.display())]
    Path {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl PrivilegesError {
    fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PrivilegesError + use<> {
        let path = path.to_owned();
        move |source| PrivilegesError::Path { what, path, source }
    }
}

/// Allows as many descriptors as the hard limit does; says how many.
pub(crate) fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_err() {
        return limit.current.unwrap_or(1024);
    }
    limit.maximum.unwrap_or(1 << 20)
}

/// Becomes the server's user where we are root and the configuration has one; makes the data directory
/// if there is none. A file that is invalid names nobody: then the data directory's owner counts.
///
/// The process has one thread, and has opened nothing yet.
pub fn assume_server_user(config_file: &Path, data_dir: &Path) -> Result<(), PrivilegesError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(PrivilegesError::at("make", data_dir))?;
    if !geteuid().is_root() {
        return Ok(());
    }
    let user = match config::load(config_file, &Unchecked) {
        Ok(loaded) => named(&loaded.config.server.user)?,
        Err(_) => owner(data_dir)?,
    };
    let Some(user) = user else { return Ok(()) };
    hand_over(data_dir, &user)?;
    become_user(&user)?;
    for path in [config_file, data_dir] {
        fs::File::open(path).map_err(|source| PrivilegesError::Inaccessible {
            user: user.name.clone(),
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// The unix user's name, or its number where it has none.
pub fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

/// User and group of a name, or of a number; none: there is no such user.
pub fn find_user(name: &str) -> Option<(String, u32, u32)> {
    let user = match name.parse::<u32>() {
        Ok(uid) => User::from_uid(Uid::from_raw(uid)),
        Err(_) => User::from_name(name),
    };
    let user = user.ok()??;
    Some((user.name, user.uid.as_raw(), user.gid.as_raw()))
}

/// The user of that name; none where it is empty or root.
fn named(name: &str) -> Result<Option<User>, PrivilegesError> {
    if name.is_empty() {
        return Ok(None);
    }
    let user = User::from_name(name)
        .map_err(|e| PrivilegesError::System("look up server.user", e.into()))?
        .ok_or_else(|| PrivilegesError::NoUser(name.to_owned()))?;
    Ok((!user.uid.is_root()).then_some(user))
}

/// The user whose folder it is; none where it is root's.
fn owner(folder: &Path) -> Result<Option<User>, PrivilegesError> {
    let uid = fs::metadata(folder)
        .map_err(PrivilegesError::at("look at", folder))?
        .uid();
    let user = User::from_uid(Uid::from_raw(uid))
        .map_err(|e| PrivilegesError::System("look up the data directory's owner", e.into()))?;
    Ok(user.filter(|user| !user.uid.is_root()))
}

/// Gives to the user what is root's of the data directory: an earlier start without `server.user` made
/// it. Looked at are the folder, what is directly in it, and the folders of accounts; what is in a
/// folder that was root's is given too.
fn hand_over(data_dir: &Path, user: &User) -> Result<(), PrivilegesError> {
    give(data_dir, user)?;
    let accounts = data_dir.join("accounts");
    for folder in [data_dir, &accounts] {
        for path in entries(folder)? {
            if give(&path, user)? && path != accounts {
                give_all(&path, user)?;
            }
        }
    }
    Ok(())
}

fn give_all(folder: &Path, user: &User) -> Result<(), PrivilegesError> {
    for path in entries(folder)? {
        if give(&path, user)? {
            give_all(&path, user)?;
        }
    }
    Ok(())
}

/// Gives one file; whether it is a folder that was root's.
fn give(path: &Path, user: &User) -> Result<bool, PrivilegesError> {
    let failed = || PrivilegesError::at("give to server.user", path);
    let meta = fs::symlink_metadata(path).map_err(failed())?;
    if meta.uid() != 0 || meta.is_symlink() {
        return Ok(false);
    }
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(failed())?;
    Ok(meta.is_dir())
}

/// What is in a folder; nothing where there is none, or it is a file.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, PrivilegesError> {
    let list = match fs::read_dir(folder) {
        Ok(list) => list,
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(e) => return Err(PrivilegesError::at("list", folder)(e)),
    };
    list.map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()
        .map_err(PrivilegesError::at("list", folder))
}

/// Becomes the user. The process has one thread: capabilities are a thread's, and threads started
/// later have those of this one.
fn become_user(user: &User) -> Result<(), PrivilegesError> {
    let step = |what: &'static str| move |e: io::Error| PrivilegesError::System(what, e);
    let name =
        CString::new(user.name.as_str()).map_err(|_| PrivilegesError::NoUser(user.name.clone()))?;
    set_keep_capabilities(true).map_err(|e| step("keep capabilities")(e.into()))?;
    initgroups(&name, user.gid).map_err(|e| step("take the groups of server.user")(e.into()))?;
    setgid(user.gid).map_err(|e| step("take the group of server.user")(e.into()))?;
    setuid(user.uid).map_err(|e| step("become server.user")(e.into()))?;
    let kept = CapabilitySets {
        effective: CapabilitySet::NET_BIND_SERVICE,
        permitted: CapabilitySet::NET_BIND_SERVICE,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, kept).map_err(|e| step("drop capabilities")(e.into()))?;
    set_keep_capabilities(false).map_err(|e| step("forget to keep capabilities")(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_reach_the_hard_limit() {
        let allowed = raise_descriptors();
        assert_eq!(
            getrlimit(Resource::Nofile).current.unwrap_or(1 << 20),
            allowed
        );
    }

    #[test]
    fn an_unknown_user_is_named() {
        let error = named("no-such-user-here").unwrap_err();
        assert_eq!(
            error.to_string(),
            "server.user: there is no unix user \"no-such-user-here\""
        );
        assert!(named("").unwrap().is_none());
        assert!(named("root").unwrap().is_none());
    }
}
