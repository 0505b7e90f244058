//! TLS configurations of listeners, kept while the files they come from stay the same: a reload
//! builds only what changed, and listeners with the same certificates have one between them.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use mox::config::model::{Certificate, Tls, TlsVersion};
use mox::x509::tls::{Clients, ServerTls};
use mox::x509::{self, PemPair, X509Error};

/// What a configuration is made of.
#[derive(PartialEq)]
struct Source {
    min_version: TlsVersion,
    clients: Clients,
    pairs: Vec<Arc<PemPair>>,
}

/// The configurations in use, one for each set of files.
#[derive(Default)]
pub(crate) struct TlsCache {
    entries: Vec<(Source, Arc<ServerTls>)>,
    /// What was last good of each certificate and key file.
    good: HashMap<(PathBuf, PathBuf), Arc<PemPair>>,
}

impl TlsCache {
    /// The configuration for `[listeners.NAME.tls]` of those who connect to a service, from the files as
    /// they are now.
    pub(crate) fn config(
        &mut self,
        tls: &Tls,
        clients: Clients,
    ) -> Result<Arc<ServerTls>, X509Error> {
        let pairs = tls.certificates.iter().map(|files| self.read(files));
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        self.build(tls, clients, pairs)
    }

    /// The same where files that are not good now count as they last were: one certificate whose key is
    /// still to come keeps no other from being renewed.
    pub(crate) fn renewed(
        &mut self,
        tls: &Tls,
        clients: Clients,
    ) -> Result<(Arc<ServerTls>, Vec<X509Error>), X509Error> {
        let (mut pairs, mut problems) = (Vec::new(), Vec::new());
        for files in &tls.certificates {
            match (self.read(files), self.good.get(&name(files))) {
                (Ok(pair), _) => pairs.push(pair),
                (Err(problem), Some(good)) => {
                    pairs.push(good.clone());
                    problems.push(problem);
                }
                (Err(problem), None) => return Err(problem),
            }
        }
        Ok((self.build(tls, clients, pairs)?, problems))
    }

    /// Forgets configurations that no listener and no connection has any more.
    pub(crate) fn prune(&mut self) {
        self.entries
            .retain(|(_, config)| Arc::strong_count(config) > 1);
        let entries = &self.entries;
        self.good.retain(|_, good| {
            let is_good = |pair: &Arc<PemPair>| Arc::ptr_eq(pair, good);
            entries
                .iter()
                .any(|(source, _)| source.pairs.iter().any(is_good))
        });
    }

    /// A certificate and its key as they are now, known to be a pair.
    fn read(&mut self, files: &Certificate) -> Result<Arc<PemPair>, X509Error> {
        let pair = PemPair::read(&files.cert, &files.key)?;
        match self.good.get(&name(files)) {
            Some(good) if **good == pair => Ok(good.clone()),
            _ => {
                pair.certified_key()?;
                let pair = Arc::new(pair);
                self.good.insert(name(files), pair.clone());
                Ok(pair)
            }
        }
    }

    fn build(
        &mut self,
        tls: &Tls,
        clients: Clients,
        pairs: Vec<Arc<PemPair>>,
    ) -> Result<Arc<ServerTls>, X509Error> {
        let source = Source {
            min_version: tls.min_version,
            clients,
            pairs,
        };
        if let Some((_, config)) = self.entries.iter().find(|(known, _)| *known == source) {
            return Ok(config.clone());
        }
        let certificates = source.pairs.iter().map(|pair| pair.certified_key());
        let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
        let only_tls13 = tls.min_version == TlsVersion::V13;
        let config = Arc::new(x509::tls::server_config(certificates, only_tls13, clients)?);
        self.entries.push((source, config.clone()));
        Ok(config)
    }
}

fn name(files: &Certificate) -> (PathBuf, PathBuf) {
    (files.cert.clone(), files.key.clone())
}

impl fmt::Debug for TlsCache {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsCache({})", self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const ASKED: Clients = Clients::Programs { client_auth: true };

    fn write(folder: &Path, name: &str) -> Certificate {
        let made = x509::self_signed(&[name], &[]).unwrap();
        let file = |kind| folder.join(format!("{name}.{kind}.pem"));
        let (cert, key) = (file("cert"), file("key"));
        fs::write(&cert, made.cert_pem).unwrap();
        fs::write(&key, made.key_pem).unwrap();
        Certificate { cert, key }
    }

    fn tls(certificates: Vec<Certificate>) -> Tls {
        Tls {
            certificates,
            min_version: TlsVersion::V12,
            client_auth: true,
        }
    }

    #[test]
    fn a_configuration_lasts_as_long_as_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let tls = tls(vec![write(dir.path(), "localhost")]);
        let mut cache = TlsCache::default();
        let first = cache.config(&tls, ASKED).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.config(&tls, ASKED).unwrap()));
        let servers = cache.config(&tls, Clients::Servers).unwrap();
        assert!(!Arc::ptr_eq(&first, &servers));
        write(dir.path(), "localhost");
        let second = cache.config(&tls, ASKED).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        drop((first, servers));
        cache.prune();
        assert_eq!((cache.entries.len(), cache.good.len()), (1, 1));
        fs::remove_file(&tls.certificates[0].key).unwrap();
        assert!(matches!(
            cache.config(&tls, ASKED),
            Err(X509Error::Read { .. })
        ));
    }

    #[test]
    fn a_pair_that_is_not_good_now_counts_as_it_was_and_keeps_no_other_back() {
        let dir = tempfile::tempdir().unwrap();
        let one = write(dir.path(), "one.example");
        let both = tls(vec![one.clone(), write(dir.path(), "two.example")]);
        let mut cache = TlsCache::default();
        let first = cache.config(&both, ASKED).unwrap();
        let (same, problems) = cache.renewed(&both, ASKED).unwrap();
        assert!(Arc::ptr_eq(&first, &same) && problems.is_empty());
        // The certificate is new, its key is not; the other pair is renewed meanwhile.
        let old_key = fs::read(&one.key).unwrap();
        write(dir.path(), "one.example");
        let new_key = fs::read(&one.key).unwrap();
        fs::write(&one.key, old_key).unwrap();
        write(dir.path(), "two.example");
        let (second, problems) = cache.renewed(&both, ASKED).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(matches!(problems[..], [X509Error::Mismatch { .. }]));
        assert!(matches!(
            cache.config(&both, ASKED),
            Err(X509Error::Mismatch { .. })
        ));
        fs::write(&one.key, new_key).unwrap();
        let (third, problems) = cache.renewed(&both, ASKED).unwrap();
        assert!(!Arc::ptr_eq(&second, &third) && problems.is_empty());
    }
}
