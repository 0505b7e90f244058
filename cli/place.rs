//! Which configuration file: `--config` or `$MOXCONF`, else `config/mox.toml` here, else
//! `/etc/mox/mox.toml`.

use std::path::{Path, PathBuf};

/// Looked at first, in the folder where the command runs.
const HERE: &str = "config/mox.toml";

/// Where packages put it.
const SYSTEM: &str = "/etc/mox/mox.toml";

/// The file that the command is about, absolute.
pub(crate) fn config_file(named: Option<&Path>) -> PathBuf {
    let file = match named {
        Some(named) => named,
        None if Path::new(HERE).exists() => Path::new(HERE),
        None => Path::new(SYSTEM),
    };
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_counts_and_else_the_systems() {
        assert_eq!(config_file(Some(Path::new("/a/b"))), Path::new("/a/b"));
        assert!(config_file(Some(Path::new("b"))).is_absolute());
        assert_eq!(config_file(None), Path::new(SYSTEM));
    }
}
