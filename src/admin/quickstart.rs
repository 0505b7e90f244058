//! The first run of `mox quickstart`: a server's files, all of them or none, nothing written over.
//!
//! What is going to be made is written down first, in a journal beside mox.toml that goes last. A failure
//! takes back what the journal lists; a run that was killed is taken back by the next one. A change of the
//! configuration keeps such a list in the control database; here that is among what is made.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::first_run::{commit_all, create, make_folder};
use super::{Actor, Admin, AdminError, Change, Secret};
use crate::config::generate;
use crate::fsio::{self, FsError, fault};
use crate::x509;

/// Name of the journal.
const JOURNAL: &str = ".quickstart";

/// What to make.
#[derive(Debug)]
pub struct Quickstart {
    /// mox.toml.
    pub config: PathBuf,
    /// The data directory.
    pub data_dir: PathBuf,
    /// Where the systemd unit goes, for the admin to install.
    pub service: PathBuf,
    /// Its text.
    pub service_text: String,
    /// The text of mox.toml, from these; relative files are beside it.
    pub settings: generate::Quickstart,
    /// Whether a self-signed certificate is to be made.
    pub self_signed: bool,
    /// Who the files are to belong to, user and group; none: who makes them.
    pub owner: Option<(u32, u32)>,
    /// The account's password.
    pub password: Secret,
    /// The admin password.
    pub admin_password: Secret,
}

/// What is going to be made: nothing of it was there before.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    files: Vec<PathBuf>,
    /// Removed with all that is in it.
    data_dir: Option<PathBuf>,
    /// Removed where empty, in this order.
    folders: Vec<PathBuf>,
}

/// Makes all of it durably, or nothing.
pub fn init_quickstart(make: &Quickstart) -> Result<(), AdminError> {
    let folder = fsio::folder_of(&make.config).to_owned();
    let journal = folder.join(JOURNAL);
    if journal.exists() {
        take_back(&journal)?;
    }
    let list = make.journal(&folder)?;
    for path in list.files.iter().chain(&list.data_dir) {
        if fs::symlink_metadata(path).is_ok() {
            return Err(AdminError::Conflict {
                message: format!("{} exists already", path.display()),
                hint: "quickstart writes over nothing: move it away, or use another --dir"
                    .to_owned(),
            });
        }
    }
    let text = serde_json::to_vec(&list).map_err(|e| AdminError::Local(e.to_string()))?;
    make_way(&folder)?;
    make_folder(&folder)?;
    let made = create(&journal, &text).and_then(|()| make.all(&folder, &list));
    let made = made.and_then(|()| {
        fs::remove_file(&journal).map_err(FsError::at("remove", &journal))?;
        Ok(fsio::sync_dir(&folder)?)
    });
    if made.is_err() {
        // The first failure is the one to tell.
        drop(take_back_list(&list, &journal));
    }
    made
}

impl Quickstart {
    fn journal(&self, folder: &Path) -> Result<Journal, AdminError> {
        let mut files = vec![self.config.clone(), self.service.clone()];
        let mut folders = Vec::new();
        let keys = self.settings.dkim.iter().map(|(_, file)| file);
        files.extend(keys.map(|file| folder.join(file)));
        if self.self_signed {
            let settings = &self.settings;
            let both = [&settings.cert_file, &settings.key_file];
            files.extend(both.map(|file| folder.join(file)));
        }
        let dkim = folder.join("dkim");
        // The deepest first. One above both is tried twice, as it is not empty the first time.
        for way in [
            dkim.ancestors(),
            fsio::folder_of(&self.data_dir).ancestors(),
        ] {
            let new = way.take_while(|above| !above.exists());
            folders.extend(new.map(Path::to_owned));
        }
        Ok(Journal {
            files,
            data_dir: Some(self.data_dir.clone()),
            folders,
        })
    }

    fn all(&self, folder: &Path, list: &Journal) -> Result<(), AdminError> {
        let local = |e: x509::X509Error| AdminError::Local(e.to_string());
        let dkim = folder.join("dkim");
        make_folder(&dkim)?;
        make_way(&self.data_dir)?;
        let settings = &self.settings;
        if self.self_signed {
            let made = x509::self_signed(&[settings.hostname.ascii()], &[]).map_err(local)?;
            create(&folder.join(&settings.key_file), made.key_pem.as_bytes())?;
            create(&folder.join(&settings.cert_file), made.cert_pem.as_bytes())?;
        }
        // RSA for everybody, then Ed25519 (RFC 8463).
        for (index, (_, file)) in settings.dkim.iter().enumerate() {
            let key = match index {
                0 => x509::dkim::generate_rsa(),
                _ => x509::dkim::generate_ed25519(),
            };
            create(&folder.join(file), key.map_err(local)?.as_bytes())?;
        }
        create(&self.config, settings.text().as_bytes())?;
        create(&self.service, self.service_text.as_bytes())?;
        self.state()?;
        fault::point("admin.quickstart.made").map_err(FsError::at("make", folder))?;
        // The unit is root's to install.
        let owned = list.files.iter().filter(|file| **file != self.service);
        for path in owned {
            self.give(path)?;
        }
        self.give(folder)?;
        self.give(&dkim)?;
        self.give_all(&self.data_dir)
    }

    /// The control database and the account's folder, with both passwords.
    fn state(&self) -> Result<(), AdminError> {
        let admin = Admin::open(&self.config)?;
        admin.load()?;
        let actor = Actor {
            name: "root".to_owned(),
            command: "mox quickstart".to_owned(),
            request: String::new(),
        };
        let changes = [
            Change::PasswordSet {
                account: self.settings.account.clone(),
                password: self.password.clone(),
            },
            Change::AdminPasswordSet {
                password: self.admin_password.clone(),
            },
        ];
        commit_all(&admin, &changes, &actor)?;
        admin.close();
        Ok(())
    }

    fn give_all(&self, path: &Path) -> Result<(), AdminError> {
        self.give(path)?;
        let meta = fs::symlink_metadata(path).map_err(FsError::at("look at", path))?;
        if meta.is_dir() {
            for entry in fs::read_dir(path).map_err(FsError::at("list", path))? {
                let entry = entry.map_err(FsError::at("list", path))?;
                self.give_all(&entry.path())?;
            }
        }
        Ok(())
    }

    fn give(&self, path: &Path) -> Result<(), AdminError> {
        if let Some((user, group)) = self.owner {
            lchown(path, Some(user), Some(group)).map_err(FsError::at("give away", path))?;
        }
        Ok(())
    }
}

/// Makes the folders above a path, as far as they are not there: root's, and open for the server's user to
/// go through, whatever the umask.
fn make_way(path: &Path) -> Result<(), AdminError> {
    let above = path.ancestors().skip(1);
    let missing: Vec<&Path> = above
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    for folder in missing.into_iter().rev() {
        let made = DirBuilder::new().mode(0o755).create(folder);
        made.and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755)))
            .map_err(FsError::at("create", folder))?;
    }
    Ok(())
}

/// Undoes a run that was cut off.
fn take_back(journal: &Path) -> Result<(), AdminError> {
    let text = fs::read(journal).map_err(FsError::at("read", journal))?;
    let list: Journal = serde_json::from_slice(&text)
        .map_err(|e| AdminError::Local(format!("{}: {e}", journal.display())))?;
    take_back_list(&list, journal)
}

fn take_back_list(list: &Journal, journal: &Path) -> Result<(), AdminError> {
    for file in &list.files {
        gone(fs::remove_file(file), "remove", file)?;
    }
    if let Some(data_dir) = &list.data_dir {
        gone(fs::remove_dir_all(data_dir), "remove", data_dir)?;
    }
    gone(fs::remove_file(journal), "remove", journal)?;
    for folder in &list.folders {
        // Somebody else may have put something there.
        drop(fs::remove_dir(folder));
    }
    Ok(())
}

fn gone(done: io::Result<()>, verb: &'static str, path: &Path) -> Result<(), FsError> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FsError::at(verb, path)(error))
        }
        _ => Ok(()),
    }
}
