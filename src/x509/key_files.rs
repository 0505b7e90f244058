//! Files with private keys in them: all that belong together or none, and never over a file that is
//! there.

use std::path::{Path, PathBuf};

use crate::fsio::{self, FsError};

/// A file to be made.
#[derive(Debug)]
pub struct NewFile<'a> {
    /// Where.
    pub path: PathBuf,
    /// What is in it.
    pub content: &'a [u8],
    /// Whether only its owner may read it.
    pub secret: bool,
}

/// Files that were made. Dropping it takes them away again, unless they are kept.
#[derive(Debug, Default)]
#[must_use]
pub struct Written {
    made: Vec<PathBuf>,
}

/// Makes the files, durably. Fails, and leaves nothing, when one of them cannot be made or is there
/// already ([`FsError::source`] is then `AlreadyExists`).
pub fn write(files: &[NewFile<'_>]) -> Result<Written, FsError> {
    let mut written = Written::default();
    for file in files {
        let mode = if file.secret { 0o600 } else { 0o644 };
        fsio::create(&file.path, file.content, mode)?;
        written.made.push(file.path.clone());
    }
    Ok(written)
}

impl Written {
    /// They stay.
    pub fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        for path in &self.made {
            // A file that cannot be removed stays; there is nobody left to tell.
            drop(std::fs::remove_file(path));
        }
        if let Some(first) = self.made.first() {
            drop(fsio::sync_dir(fsio::folder_of(first)));
        }
    }
}

/// A path with this behind its last name: `keys/laptop` and `.p12` are `keys/laptop.p12`.
pub fn beside(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn files(stem: &Path) -> Vec<NewFile<'static>> {
        let file = |ending, secret| NewFile {
            path: beside(stem, ending),
            content: b"x",
            secret,
        };
        vec![file(".key.pem", true), file(".certificate.pem", false)]
    }

    fn count(dir: &Path) -> usize {
        std::fs::read_dir(dir).expect("a folder").count()
    }

    #[test]
    fn all_or_nothing() {
        let dir = tempfile::tempdir().expect("tempdir");
        let stem = dir.path().join("a.b");
        let certificate = dir.path().join("a.b.certificate.pem");
        std::fs::write(&certificate, "there").expect("write");
        let refused = write(&files(&stem)).expect_err("refused");
        assert_eq!(refused.path, certificate);
        assert_eq!(refused.source.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(count(dir.path()), 1, "only what was there");
        assert_eq!(std::fs::read(&certificate).expect("read"), b"there");

        std::fs::remove_file(&certificate).expect("remove");
        drop(write(&files(&stem)).expect("written"));
        assert_eq!(count(dir.path()), 0, "not kept");
        write(&files(&stem)).expect("written").keep();
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&beside(&stem, ".key.pem")) & 0o777, 0o600);
        assert_eq!(mode(&certificate) & 0o777, 0o644);
    }
}
