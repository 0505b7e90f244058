//! The keys of sendmail.toml.

use super::Presence::{Default, Optional, Required};
use super::tables::{ADDRESS, ANY, DOMAIN, PATH, PORT};
use super::{Key, Kind, names};
use crate::config::model::{Submission, SubmissionTls};

const TLS: [&str; 3] = names(&SubmissionTls::NAMES);

const fn key(name: &'static str, kind: Kind, presence: super::Presence) -> Key {
    Key::new(Submission::DOCS, name, kind, presence)
}

/// All of them.
pub const SUBMISSION: &[Key] = &[
    key("host", ANY, Required("\"mail.example.org\"")),
    key("port", PORT, Optional("465")),
    key("tls", Kind::Word(&TLS), Default("\"tls\"")),
    key("ca_file", PATH, Optional("\"ca.pem\"")),
    key("insecure", Kind::Boolean, Default("false")),
    key("username", ANY, Default("\"\"")),
    key("password", ANY, Optional("\"…\"")),
    key("certificate", PATH, Optional("\"laptop.combined.pem\"")),
    key("key", PATH, Optional("\"laptop.key.pem\"")),
    key("ed25519_seed", ANY, Optional("\"…\"")),
    key("from", ADDRESS, Optional("\"alice@example.org\"")),
    key("domain", DOMAIN, Optional("\"example.org\"")),
    key(
        "default_recipient",
        ADDRESS,
        Optional("\"alice@example.org\""),
    ),
    key("keep_in", PATH, Optional("\"/var/spool/mox-sendmail\"")),
];
