//! TLS configurations of listeners, kept while the files they come from stay the same: a reload
//! builds only what changed, and listeners with the same certificates have one between them.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use mox::config::model::{Tls, TlsVersion};
use mox::x509::{self, X509Error};
use rustls::ServerConfig;

/// What a configuration is made of.
#[derive(PartialEq)]
struct Source {
    min_version: TlsVersion,
    /// Bytes of certificate and key files.
    files: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The configurations in use, one for each set of files.
#[derive(Default)]
pub(crate) struct TlsCache {
    entries: Vec<(Source, Arc<ServerConfig>)>,
}

impl TlsCache {
    /// The configuration for `[listeners.NAME.tls]`, from the files as they are now.
    ///
    /// No client certificates are asked for, on no port: port 25 never will, the others not yet.
    pub(crate) fn config(&mut self, tls: &Tls) -> Result<Arc<ServerConfig>, X509Error> {
        let source = Source::read(tls)?;
        if let Some((_, config)) = self.entries.iter().find(|(known, _)| *known == source) {
            return Ok(config.clone());
        }
        let certificates = tls
            .certificates
            .iter()
            .map(|pair| x509::load_certified_key(&pair.cert, &pair.key))
            .collect::<Result<Vec<_>, _>>()?;
        let only_tls13 = tls.min_version == TlsVersion::V13;
        let config = Arc::new(x509::tls::server_config(certificates, only_tls13)?);
        self.entries.push((source, config.clone()));
        Ok(config)
    }

    /// Forgets configurations that no listener and no connection has any more.
    pub(crate) fn prune(&mut self) {
        self.entries
            .retain(|(_, config)| Arc::strong_count(config) > 1);
    }
}

impl Source {
    fn read(tls: &Tls) -> Result<Source, X509Error> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| X509Error::Read {
                path: path.to_owned(),
                source,
            })
        };
        let mut files = Vec::with_capacity(tls.certificates.len());
        for pair in &tls.certificates {
            files.push((read(&pair.cert)?, read(&pair.key)?));
        }
        Ok(Source {
            min_version: tls.min_version,
            files,
        })
    }
}

impl fmt::Debug for TlsCache {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsCache({})", self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use mox::config::model::Certificate;

    use super::*;

    fn write(folder: &Path) -> Tls {
        let made = x509::self_signed(&["localhost"], &[]).unwrap();
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        fs::write(&cert, made.cert_pem).unwrap();
        fs::write(&key, made.key_pem).unwrap();
        Tls {
            certificates: vec![Certificate { cert, key }],
            min_version: TlsVersion::V12,
            client_auth: true,
        }
    }

    #[test]
    fn a_configuration_lasts_as_long_as_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let tls = write(dir.path());
        let mut cache = TlsCache::default();
        let first = cache.config(&tls).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.config(&tls).unwrap()));
        write(dir.path());
        let second = cache.config(&tls).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        drop(first);
        cache.prune();
        assert_eq!(cache.entries.len(), 1);
        fs::remove_file(dir.path().join("key.pem")).unwrap();
        assert!(matches!(cache.config(&tls), Err(X509Error::Read { .. })));
    }
}
