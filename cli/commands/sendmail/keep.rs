//! Messages on their way: in a file until a server has them.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mox::addr::Address;
use mox::fsio;

use super::options::Options;
use crate::error::Error;

/// A message in a file.
pub(super) struct Kept {
    path: PathBuf,
}

/// Writes a message, durably, as it came.
pub(super) fn write(folder: Option<PathBuf>, input: &[u8]) -> Result<Kept, Error> {
    let folder = folder
        .ok_or_else(|| Error::failed("there is no $HOME, and sendmail.toml has no keep_in"))?;
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder);
    made.map_err(Error::io(&format!("make {}", folder.display())))?;
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|e| Error::failed(e.to_string()))?;
    let now = mox::clock::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = format!("{now}-{:08x}.eml", u32::from_be_bytes(random));
    let path = folder.join(name);
    fsio::create(&path, input, 0o600).map_err(|e| Error::failed(e.to_string()))?;
    Ok(Kept { path })
}

impl Kept {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A server has it.
    pub(super) fn remove(self) {
        // A file that cannot be removed is a message twice at worst.
        drop(std::fs::remove_file(&self.path));
    }

    /// The command that tries again, for those who are without the message: all, if none are named.
    pub(super) fn again(&self, options: &Options, left: Option<&[Address]>) -> String {
        let mut words = vec!["mox sendmail -i".to_owned()];
        if let Some(file) = &options.config {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            words.push("--sendmail-config".to_owned());
            words.push(quoted(&file.display().to_string()));
        }
        if options.read_recipients && left.is_none() {
            words.push("-t".to_owned());
        }
        if let Some(sender) = &options.sender {
            words.push(format!("-f {}", quoted(sender)));
        }
        if let Some(name) = &options.name {
            words.push(format!("-F {}", quoted(name)));
        }
        let recipients = match left {
            Some(left) => left.iter().map(Address::to_string).collect(),
            None => options.recipients.clone(),
        };
        if !recipients.is_empty() {
            words.push("--".to_owned());
        }
        words.extend(recipients.iter().map(|text| quoted(text)));
        let file = quoted(&self.path.display().to_string());
        format!("try again with `{} < {file}`", words.join(" "))
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+/=:,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
