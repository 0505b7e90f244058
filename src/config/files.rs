//! The files that a configuration names: whether they are there and hold what they should.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

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
    modified: Option<SystemTime>,
    len: u64,
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
        let stamp = std::fs::metadata(path).ok().map(|m| Stamp {
            modified: m.modified().ok(),
            len: m.len(),
        });
        let good = || self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp.is_some() && good().get(path) == stamp.as_ref() {
            return Ok(());
        }
        dkim::load(path)?;
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
