//! The certificate to begin with: one that is given, or one of certbot's.

use std::path::{Path, PathBuf};

use mox::addr::Domain;
use mox::x509;
use mox_daemon::privileges;

use crate::error::Error;

/// Files of a certificate and its key.
pub(super) type Pair = (PathBuf, PathBuf);

/// The pair that is given; refused if it is none, or the user cannot read it.
pub(super) fn given(cert: &Path, key: &Path, user: &str) -> Result<Pair, Error> {
    let pair = (absolute(cert)?, absolute(key)?);
    x509::load_certified_key(&pair.0, &pair.1).map_err(|e| Error::failed(e.to_string()))?;
    match kept_from(&pair, user) {
        None => Ok(pair),
        Some(place) => Err(Error::Failed {
            message: format!("user {user} cannot get at {}", place.display()),
            hint: "the server runs as that user and reads certificate and key when they are \
                   renewed, too: change owner, group or mode of what keeps it out"
                .to_owned(),
        }),
    }
}

/// What certbot has for the host, in `FOLDER/live/HOST`; or why it cannot be used, or nothing.
pub(super) fn of_certbot(folder: &Path, host: &Domain, user: &str) -> Result<Option<Pair>, String> {
    let folder = absolute(folder).map_err(|e| e.to_string())?;
    let live = folder.join("live").join(host.ascii());
    let pair = (live.join("fullchain.pem"), live.join("privkey.pem"));
    if !pair.0.exists() {
        return Ok(None);
    }
    let why = match (
        x509::load_certified_key(&pair.0, &pair.1),
        kept_from(&pair, user),
    ) {
        (Ok(_), None) => return Ok(Some(pair)),
        (Err(e), _) => e.to_string(),
        (Ok(_), Some(place)) => format!("user {user} cannot get at {}", place.display()),
    };
    Err(format!(
        "the certificate in {} is not used, and a self-signed one is made: {why}",
        live.display()
    ))
}

/// What stands in mox.toml is relative to it.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(Error::io("find a file"))
}

fn kept_from(pair: &Pair, user: &str) -> Option<PathBuf> {
    let closed = |path| privileges::keeps_from_reading(user, path);
    closed(&pair.0).or_else(|| closed(&pair.1))
}
