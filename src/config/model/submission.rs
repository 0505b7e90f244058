//! The file of `mox sendmail`: where to hand messages in, and how to log in there.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::addr::{Address, Domain};

documented! {
/// All of sendmail.toml.
#[derive(Clone, PartialEq)]
pub struct Submission {
    /// The host name of the server that messages are handed to. Required.
    pub host: String,
    /// Its TCP port; by default 465, or with `tls = "starttls"` or `"none"` 587.
    pub port: Option<u16>,
    /// How the connection is encrypted: from its first byte, by STARTTLS, or not at all, where a
    /// password that would be readable is not sent.
    pub tls: SubmissionTls,
    /// PEM file of certificates: of the authorities that vouch for the server, or the server's own. By default the
    /// system's authorities count.
    pub ca_file: Option<PathBuf>,
    /// Whether any server is believed to be the right one (false): for tests only.
    pub insecure: bool,
    /// Who logs in. With a certificate it may be left out: the certificate says it.
    pub username: String,
    /// The password. One of `password`, `certificate` and `ed25519_seed`; without any of them nobody logs in.
    pub password: Option<Zeroizing<String>>,
    /// PEM file of the certificate to log in with, and of its private key unless `key` says otherwise.
    pub certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key.
    pub key: Option<PathBuf>,
    /// Ed25519 key to log in with, as `mox config tlspubkey gen` shows it: 43 characters.
    pub ed25519_seed: Option<Zeroizing<String>>,
    /// The address that messages are from, unless -f or their From field has one. By default `username`, if it
    /// is an address.
    pub from: Option<Address>,
    /// What a recipient without a domain gets: root becomes root@example.org.
    pub domain: Option<Domain>,
    /// Who gets what is for a recipient without a domain, in its place.
    pub default_recipient: Option<Address>,
    /// Folder that keeps messages that cannot be handed in; by default .local/state/mox/sendmail in
    /// the home folder.
    pub keep_in: Option<PathBuf>,
}
}

/// `tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmissionTls {
    /// `tls`: from the first byte.
    Implicit,
    /// `starttls`.
    StartTls,
    /// `none`.
    None,
}

impl SubmissionTls {
    /// The values in the file.
    pub const NAMES: [(&'static str, SubmissionTls); 3] = [
        ("tls", SubmissionTls::Implicit),
        ("starttls", SubmissionTls::StartTls),
        ("none", SubmissionTls::None),
    ];
}

impl Submission {
    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SubmissionTls::Implicit => 465,
            SubmissionTls::StartTls | SubmissionTls::None => 587,
        })
    }

    /// The address of messages that do not say: `from`, else `username` if it is one.
    pub fn author(&self) -> Option<Address> {
        let user = || Address::parse(&self.username).ok();
        self.from.clone().or_else(user)
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission")
            .field("host", &self.host)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
