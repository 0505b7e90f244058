//! What the process may do: descriptors, and the user it becomes once its ports are bound.
//!
//! As root with `server.user`, the process becomes that user before any thread starts and keeps
//! CAP_NET_BIND_SERVICE alone, so that a reload can bind low ports (capabilities(7)).

use std::ffi::CString;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use nix::unistd::{User, initgroups, setgid, setuid};
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities};

/// Why the process cannot become what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivilegesError {
    /// Refused: `server.user` names nobody.
    #[error("server.user: there is no unix user {0:?}")]
    NoUser(String),
    /// Local: the system says no.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
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

/// The user to become: none without `server.user`, without root, or where it is us already.
pub(crate) fn target(user: &str) -> Result<Option<User>, PrivilegesError> {
    if user.is_empty() {
        return Ok(None);
    }
    let found = User::from_name(user)
        .map_err(|e| PrivilegesError::System("look up server.user", e.into()))?
        .ok_or_else(|| PrivilegesError::NoUser(user.to_owned()))?;
    Ok((geteuid().is_root() && !found.uid.is_root()).then_some(found))
}

/// Gives the data directory and the files directly in it to the user where they are root's: a first
/// start has just made them. What is deeper down was made by the user.
pub(crate) fn hand_over(data_dir: &Path, user: &User) -> Result<(), PrivilegesError> {
    let give = |path: &Path| -> io::Result<()> {
        if std::fs::symlink_metadata(path)?.uid() == 0 {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        Ok(())
    };
    let all = || -> io::Result<()> {
        give(data_dir)?;
        for entry in std::fs::read_dir(data_dir)? {
            let entry = entry?;
            if !entry.file_type()?.is_symlink() {
                give(&entry.path())?;
            }
        }
        Ok(())
    };
    all().map_err(|e| PrivilegesError::System("give the data directory to server.user", e))
}

/// Becomes the user. The process has one thread: capabilities are a thread's, and threads started
/// later have those of this one.
pub(crate) fn become_user(user: &User) -> Result<(), PrivilegesError> {
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
        let error = target("no-such-user-here").unwrap_err();
        assert_eq!(
            error.to_string(),
            "server.user: there is no unix user \"no-such-user-here\""
        );
        assert!(target("").unwrap().is_none());
    }
}
