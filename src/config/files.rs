//! The files that a configuration names: whether they are there and hold what they should.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::model::Certificate;
use crate::x509::{X509Error, dkim, load_certified_key};

/// Looks at files for the validation.
pub trait Files {
    /// Whether the certificate and its key can be loaded and belong together.
    fn certificate(&self, certificate: &Certificate) -> Result<(), X509Error>;

    /// Whether the file has a key that can sign with DKIM.
    fn dkim_key(&self, path: &Path) -> Result<(), X509Error>;
}

/// The files on disk. Keep one for long: a DKIM key that was good is looked at again only when its
/// file changed, so that thousands of domains are validated fast.
#[derive(Debug, Default)]
pub struct Disk {
    good: Mutex<HashMap<PathBuf, Stamp>>,
}

/// What changes when a file does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            len: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl Disk {
    /// With nothing looked at yet.
    pub fn new() -> Disk {
        Disk::default()
    }
}

impl Files for Disk {
    fn certificate(&self, certificate: &Certificate) -> Result<(), X509Error> {
        load_certified_key(&certificate.cert, &certificate.key).map(drop)
    }

    fn dkim_key(&self, path: &Path) -> Result<(), X509Error> {
        let stamp = Stamp::of(path);
        let good = || self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp.is_some() && good().get(path) == stamp.as_ref() {
            return Ok(());
        }
        dkim::look(path)?;
        if let Some(stamp) = stamp {
            good().insert(path.to_owned(), stamp);
        }
        Ok(())
    }
}

/// Other files, and some that a change is about to make: those count as there and good.
pub struct Expecting<'f> {
    /// The others.
    pub others: &'f dyn Files,
    /// About to be made, in the form that the configuration resolves to.
    pub made: Vec<PathBuf>,
}

impl Files for Expecting<'_> {
    fn certificate(&self, certificate: &Certificate) -> Result<(), X509Error> {
        if self.made.contains(&certificate.cert) && self.made.contains(&certificate.key) {
            return Ok(());
        }
        self.others.certificate(certificate)
    }

    fn dkim_key(&self, path: &Path) -> Result<(), X509Error> {
        if self.made.iter().any(|made| made == path) {
            return Ok(());
        }
        self.others.dkim_key(path)
    }
}

/// Takes every file for good: for looking at a text alone.
#[derive(Debug, Clone, Copy)]
pub struct Unchecked;

impl Files for Unchecked {
    fn certificate(&self, _certificate: &Certificate) -> Result<(), X509Error> {
        Ok(())
    }

    fn dkim_key(&self, _path: &Path) -> Result<(), X509Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::x509::self_signed;

    const TEXT: &str = r#"
[server]
hostname = "h.example"
[listeners.x]
ips = ["::1"]
tls = { certificates = [{ cert = "cert.pem", key = "key.pem" }] }
imaps = {}
[domains."h.example".dkim]
selectors.k.key_file = "dkim.pem"
[accounts.a]
domain = "h.example"
"#;

    fn told(folder: &Path, files: &dyn Files) -> Vec<String> {
        let found = parse(TEXT, &folder.join("mox.toml"), files);
        let found = found.err().unwrap_or_default();
        found
            .into_iter()
            .map(|d| format!("{} {}", d.path, d.message))
            .collect()
    }

    #[test]
    fn files_that_are_named_must_be_good() {
        let dir = tempfile::tempdir().expect("tempdir");
        let write =
            |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("write");
        let disk = Disk::new();
        let problems = told(dir.path(), &disk);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].contains("tls.certificates[0] read ") && problems[0].contains("cert.pem")
        );
        assert!(problems[1].contains("key_file read ") && problems[1].contains("dkim.pem"));

        let (one, other) = (
            self_signed(&["h.example"], &[]),
            self_signed(&["h.example"], &[]),
        );
        let (one, other) = (one.expect("made"), other.expect("made"));
        write("cert.pem", &one.cert_pem);
        write("key.pem", &other.key_pem);
        write("dkim.pem", &one.key_pem);
        let problems = told(dir.path(), &disk);
        assert!(problems[0].contains("does not belong"), "{problems:?}");
        assert!(problems[1].contains("Ed25519"), "{problems:?}");

        write("key.pem", &one.key_pem);
        write("dkim.pem", &dkim::generate_ed25519().expect("made"));
        assert_eq!(told(dir.path(), &disk), Vec::<String>::new());
        // A good key is looked at again when its file changes.
        write("dkim.pem", "no longer a key");
        assert_eq!(told(dir.path(), &disk).len(), 1);
    }

    #[test]
    fn files_that_will_be_made_count() {
        let dir = tempfile::tempdir().expect("tempdir");
        let disk = Disk::new();
        let made = ["cert.pem", "key.pem", "dkim.pem"].map(|name| dir.path().join(name));
        let expecting = Expecting {
            others: &disk,
            made: made.to_vec(),
        };
        assert_eq!(told(dir.path(), &expecting), Vec::<String>::new());
        assert_eq!(told(dir.path(), &disk).len(), 2);
    }
}
