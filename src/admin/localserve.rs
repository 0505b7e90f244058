//! The first run of `mox localserve`: a whole server in one folder, nothing of it written over.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::addr::AccountName;
use crate::config::generate;
use crate::fsio::FsError;
use crate::x509;

use super::first_run::{commit_all, create, make_folder};
use super::{Actor, Admin, AdminError, Change, Secret};

/// The account that a local server has.
const ACCOUNT: &str = "mox";
const PASSWORD: &str = "moxmoxmox";
const ADMIN_PASSWORD: &str = "moxadmin";

/// A local server's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalServe {
    /// `DIR/config/mox.toml`.
    pub config: PathBuf,
    /// False: it was there already and `ip` and `port_offset` were not looked at.
    pub created: bool,
}

/// Writes `DIR/config/mox.toml` with a self-signed certificate beside it, `DIR/data` with the mail
/// folder of account `mox`, its password and the admin password; each only if it is not there yet, so
/// that a run that was cut off is finished by the next. `ip`: the one address to listen on, none for
/// both of loopback; `port_offset` is added to the usual ports. Nobody else has `DIR` yet: it takes no
/// lock but that of the control database.
pub fn init_localserve(
    dir: &Path,
    ip: Option<IpAddr>,
    port_offset: u16,
) -> Result<LocalServe, AdminError> {
    let folder = dir.join("config");
    let config = folder.join("mox.toml");
    let created = !config.exists();
    if created {
        make_folder(dir)?;
        make_folder(&folder)?;
        let settings = generate::Localserve {
            ip,
            port_offset,
            cert_file: "localhost.crt.pem".to_owned(),
            key_file: "localhost.key.pem".to_owned(),
        };
        let text = settings
            .text()
            .map_err(|error| AdminError::Usage(error.to_string()))?;
        make_certificate(&folder, &settings)?;
        create(&config, text.as_bytes())?;
    }
    let admin = Admin::open(&config)?;
    let snapshot = admin.load()?;
    let actor = Actor {
        name: "mox".to_owned(),
        command: "mox localserve".to_owned(),
        request: String::new(),
    };
    let account = AccountName::parse(ACCOUNT).map_err(|e| AdminError::Usage(e.to_string()))?;
    let mut changes = Vec::new();
    // An account that somebody took out, or gave another password, stays as it is.
    if snapshot.account(&account).is_some() && snapshot.credential(&account).is_none() {
        let password = Secret(PASSWORD.to_owned());
        changes.push(Change::PasswordSet { account, password });
    }
    if admin.state.admin_password().is_none() {
        let password = Secret(ADMIN_PASSWORD.to_owned());
        changes.push(Change::AdminPasswordSet { password });
    }
    commit_all(&admin, &changes, &actor)?;
    admin.close();
    Ok(LocalServe { config, created })
}

/// A certificate without its key, or the other way round, is what a run that was cut off has left: it
/// is of no use to anybody.
fn make_certificate(folder: &Path, settings: &generate::Localserve) -> Result<(), AdminError> {
    let cert = folder.join(&settings.cert_file);
    let key = folder.join(&settings.key_file);
    if cert.exists() && key.exists() {
        return Ok(());
    }
    for half in [&cert, &key] {
        match fs::remove_file(half) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(FsError::at("remove", half)(error).into());
            }
            _ => {}
        }
    }
    let made = x509::self_signed(&["localhost"], &settings.ips())
        .map_err(|error| AdminError::Local(error.to_string()))?;
    create(&key, made.key_pem.as_bytes())?;
    create(&cert, made.cert_pem.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::with_password;

    fn log_in(config: &Path, password: &str) -> bool {
        let admin = Admin::open(config).expect("it opens");
        let snapshot = admin.load().expect("it loads");
        with_password(&snapshot, "mox@localhost", password).is_ok()
    }

    #[test]
    fn the_first_run_makes_a_server() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = dir.path().join("local");
        let made = init_localserve(&dir, None, 1000).expect("made");
        assert!(made.created);
        assert_eq!(made.config, dir.join("config/mox.toml"));
        assert!(dir.join("data/accounts/mox").is_dir());
        assert!(log_in(&made.config, "moxmoxmox"));
        for private in ["localhost.key.pem", "mox.toml"] {
            use std::os::unix::fs::MetadataExt;
            let file = dir.join("config").join(private);
            assert_eq!(fs::metadata(file).expect("there").mode() & 0o777, 0o600);
        }
        let admin = Admin::open(&made.config).expect("it opens");
        assert!(admin.state.admin_password().is_some());
        assert_eq!(admin.generation(), 1);
    }

    #[test]
    fn a_later_run_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let made = init_localserve(dir.path(), None, 1000).expect("made");
        {
            let admin = Admin::open(&made.config).expect("it opens");
            let set = Change::PasswordSet {
                account: AccountName::parse("mox").expect("a name"),
                password: Secret("correct horse".to_owned()),
            };
            let actor = Actor {
                name: "root".to_owned(),
                command: String::new(),
                request: String::new(),
            };
            admin
                .commit(admin.prepare(&set).expect("a plan"), &actor)
                .expect("committed");
        }
        let text = fs::read(&made.config).expect("read");
        let again = init_localserve(dir.path(), None, 2000).expect("nothing to do");
        assert!(!again.created);
        assert_eq!(fs::read(&made.config).expect("read"), text);
        assert!(log_in(&made.config, "correct horse"));
    }

    #[test]
    fn a_run_that_was_cut_off_is_finished() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("config");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("localhost.key.pem"), "half").expect("written");
        init_localserve(dir.path(), None, 1000).expect("made");
        fs::remove_dir_all(dir.path().join("data")).expect("removed");
        let made = init_localserve(dir.path(), None, 1000).expect("made");
        assert!(!made.created);
        assert!(log_in(&made.config, "moxmoxmox"));
    }

    #[test]
    fn ports_end_somewhere() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(matches!(
            init_localserve(dir.path(), None, 65_000),
            Err(AdminError::Usage(_))
        ));
        assert!(!dir.path().join("config/mox.toml").exists());
    }
}
