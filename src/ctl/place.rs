//! Where the control socket is.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Name of the socket in the data directory.
pub const SOCKET: &str = "ctl";

/// `sun_path` holds 108 bytes with its final NUL (unix(7)).
const LONGEST: usize = 107;

/// Gives `use_path` a path of the socket that fits into a socket address: the plain one, or one
/// through an open handle of the folder where the data directory's own path is too long.
pub fn with_socket_path<T>(
    data_dir: &Path,
    use_path: impl FnOnce(&Path) -> io::Result<T>,
) -> io::Result<T> {
    let plain = data_dir.join(SOCKET);
    if plain.as_os_str().len() <= LONGEST {
        return use_path(&plain);
    }
    let folder = File::open(data_dir)?;
    let short: PathBuf = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()).into();
    use_path(&short)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_long_data_directory_can_be_bound_and_reached() {
        let top = tempfile::tempdir().unwrap();
        let long = top.path().join("d".repeat(120));
        std::fs::create_dir(&long).unwrap();
        let _listener = with_socket_path(&long, |path| UnixListener::bind(path)).unwrap();
        with_socket_path(&long, |path| UnixStream::connect(path)).unwrap();
        assert!(long.join(SOCKET).exists());
    }
}
