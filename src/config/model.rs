//! The typed model of mox.toml: what each key means, its default and its bounds. The doc comment of a
//! field is the text that `mox config describe` and the schema show; `config::keys` has the rest of
//! what they tell.
//!
//! Sizes are bytes or text with a unit ("100MB": B, KB, MB, GB, TB, steps of 1,024); durations are
//! seconds or text with units ("1h30m": ms, s, m, h, d). Relative paths are resolved against the
//! file's folder.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::addr::{AccountName, AddrError, Address, Domain, Localpart};

pub use self::limits::{Auth, Limits};
pub use self::ruleset::{Pattern, Ruleset};
pub use self::submission::{Submission, SubmissionTls};

/// Defines a table of mox.toml, and keeps the doc comments of its fields as text: `DOCS`, by the
/// field's name.
macro_rules! documented {
    ($(#[$about:meta])* pub struct $Table:ident {
        $($(#[doc = $line:literal])+ pub $field:ident: $type:ty,)+
    }) => {
        $(#[$about])*
        pub struct $Table {
            $($(#[doc = $line])+ pub $field: $type,)+
        }

        impl $Table {
            pub(in crate::config) const DOCS: &[(&'static str, &'static str)] =
                &[$((stringify!($field), concat!($($line, "\n"),+)),)+];
        }
    };
}

mod limits;
mod ruleset;
mod submission;

documented! {
/// All of mox.toml.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The server as a whole.
    pub server: Server,
    /// Bounds for everybody.
    pub limits: Limits,
    /// Failed logins.
    pub auth: Auth,
    /// Addresses that are listened on, and the services on them, by a name of your choice. At least
    /// one. A service is on if its key is there, `smtp = {}`.
    pub listeners: BTreeMap<String, Listener>,
    /// The domains that are hosted here, by name.
    pub domains: BTreeMap<Domain, Arc<DomainConfig>>,
    /// The accounts, by name. At least one.
    pub accounts: BTreeMap<AccountName, Arc<Account>>,
    /// How submitted mail to other servers leaves, after the routes of the account and of the sender's
    /// domain. The first that matches counts.
    pub routes: Vec<Route>,
}
}

documented! {
/// `[server]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// The host name in greetings, Received and message ids. Required.
    pub hostname: Domain,
    /// Folder of the mail and of the control database (`../data`). A change needs a restart.
    pub data_dir: PathBuf,
    /// Unix user that the server becomes once its listeners are bound; empty: no change. A change
    /// needs a restart.
    pub user: String,
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace` (`info`).
    pub log_level: LogLevel,
    /// Who gets the mail to `postmaster` without a domain, at the host names of this machine, and at
    /// each domain where nothing else takes it.
    pub postmaster: Option<Postmaster>,
    /// DNS servers to ask, `["127.0.0.1:5353"]`; empty: the system's.
    pub resolver: Vec<SocketAddr>,
    /// Whether the DNS servers' word that an answer is secure (the AD bit) counts although they are
    /// not on loopback (false).
    pub resolver_trusted: bool,
}
}

/// `server.log_level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// All of them by name.
    pub const NAMES: [(&'static str, LogLevel); 5] = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];

    /// The name in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

documented! {
/// `server.postmaster`.
#[derive(Debug, Clone, PartialEq)]
pub struct Postmaster {
    /// The account that gets it. Required.
    pub account: AccountName,
    /// Its mailbox (`Inbox`).
    pub mailbox: String,
}
}

documented! {
/// `[listeners.NAME]`: addresses, and the services on them. A service is on if its key is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Addresses to bind, `["0.0.0.0", "::"]`. Required.
    pub ips: Vec<IpAddr>,
    /// The host name in greetings here (`server.hostname`).
    pub hostname: Option<Domain>,
    /// Certificates and what goes with them. Without it there is no TLS, and no STARTTLS.
    pub tls: Option<Tls>,
    /// Mail from other servers: port 25, STARTTLS where there is `tls`.
    pub smtp: Option<Service>,
    /// Submission with STARTTLS: port 587.
    pub submission: Option<Service>,
    /// Submission over TLS: port 465.
    pub submissions: Option<Service>,
    /// IMAP with STARTTLS: port 143.
    pub imap: Option<Service>,
    /// IMAP over TLS: port 993.
    pub imaps: Option<Service>,
    /// Web pages without TLS: port 80. Read and checked, not served yet.
    pub http: Option<Web>,
    /// Web pages over TLS: port 443. Read and checked, not served yet.
    pub https: Option<Web>,
}
}

impl Listener {
    /// The mail services that are on, by their names in the file.
    pub fn services(&self) -> impl Iterator<Item = (ServiceKind, &Service)> {
        [
            (ServiceKind::Smtp, &self.smtp),
            (ServiceKind::Submission, &self.submission),
            (ServiceKind::Submissions, &self.submissions),
            (ServiceKind::Imap, &self.imap),
            (ServiceKind::Imaps, &self.imaps),
        ]
        .into_iter()
        .filter_map(|(kind, service)| Some((kind, service.as_ref()?)))
    }
}

/// Which mail service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum ServiceKind {
    Smtp,
    Submission,
    Submissions,
    Imap,
    Imaps,
}

impl ServiceKind {
    /// The key in the file, `submissions`.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceKind::Smtp => "smtp",
            ServiceKind::Submission => "submission",
            ServiceKind::Submissions => "submissions",
            ServiceKind::Imap => "imap",
            ServiceKind::Imaps => "imaps",
        }
    }

    /// The port unless the file says otherwise.
    pub fn default_port(self) -> u16 {
        match self {
            ServiceKind::Smtp => 25,
            ServiceKind::Submission => 587,
            ServiceKind::Submissions => 465,
            ServiceKind::Imap => 143,
            ServiceKind::Imaps => 993,
        }
    }

    /// Whether a connection starts with the TLS handshake.
    pub fn implicit_tls(self) -> bool {
        matches!(self, ServiceKind::Submissions | ServiceKind::Imaps)
    }
}

documented! {
/// A mail service of a listener.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// TCP port, by default the service's own.
    pub port: u16,
    /// Only for `submission` and `imap`: whether a login needs TLS (true). Without it passwords
    /// cross the network readable.
    pub tls_required: bool,
}
}

documented! {
/// `http` or `https` of a listener.
#[derive(Debug, Clone, PartialEq)]
pub struct Web {
    /// TCP port (80 or 443).
    pub port: u16,
    /// Path of the account pages, `/account/`; empty: not here.
    pub account: String,
    /// Path of the admin pages, `/admin/`; empty: not here.
    pub admin: String,
    /// Path of the metrics, `/metrics`; empty: not here.
    pub metrics: String,
    /// Whether mail programs find their settings here (false; `https` only).
    pub autoconfig: bool,
    /// Whether MTA-STS policies are served here (false; `https` only).
    pub mta_sts: bool,
    /// Whether a proxy stands in front, whose X-Forwarded-For is to be believed (false).
    pub forwarded: bool,
}
}

documented! {
/// `[listeners.NAME.tls]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tls {
    /// Certificates with their keys. A client gets the one that has the name it asks for, else the
    /// first. At least one.
    pub certificates: Vec<Certificate>,
    /// The oldest version spoken, `1.2` or `1.3` (`1.2`).
    pub min_version: TlsVersion,
    /// Whether clients of IMAP and submission may log in with a certificate (true).
    pub client_auth: bool,
}
}

documented! {
/// One of `certificates`.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// PEM file of the certificate, followed by those that lead to its root. Required.
    pub cert: PathBuf,
    /// PEM file of its private key. Required.
    pub key: PathBuf,
}
}

/// `min_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TlsVersion {
    /// `1.2`.
    #[default]
    V12,
    /// `1.3`.
    V13,
}

impl TlsVersion {
    /// All of them by name.
    pub const NAMES: [(&'static str, TlsVersion); 2] =
        [("1.2", TlsVersion::V12), ("1.3", TlsVersion::V13)];
}

documented! {
/// `[domains."NAME"]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DomainConfig {
    /// Mail that involves it is refused for now, so that the other side tries again later (false).
    pub disabled: bool,
    /// Texts that end the part of a localpart that counts: with `["+"]` mail to `alice+x` goes to
    /// `alice`.
    pub localpart_catchall_separators: Vec<String>,
    /// Whether `Alice` and `alice` are different addresses (false).
    pub localpart_case_sensitive: bool,
    /// Host name given to mail programs (`server.hostname`); may be any that points here.
    pub client_settings_domain: Option<Domain>,
    /// Keys that sign mail of the domain.
    pub dkim: Dkim,
    /// Addresses with several members, by the part before the @.
    pub aliases: BTreeMap<Localpart, Alias>,
    /// For senders at it, before the global ones.
    pub routes: Vec<Route>,
}
}

impl DomainConfig {
    /// A localpart as the domain compares it: in lower case unless it tells cases apart.
    pub fn folded(&self, localpart: &Localpart) -> Localpart {
        match self.localpart_case_sensitive {
            true => localpart.clone(),
            false => localpart.to_lowercase(),
        }
    }

    /// The same, up to the first catchall separator if something stands before it.
    pub fn canonical(&self, localpart: &Localpart) -> Localpart {
        let folded = self.folded(localpart);
        let text = folded.as_str();
        let separators = self.localpart_catchall_separators.iter();
        let first = separators.filter_map(|s| text.find(s.as_str())).min();
        let cut = first.and_then(|bytes| folded.prefix(bytes));
        cut.unwrap_or(folded)
    }
}

documented! {
/// `[domains."NAME".dkim]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dkim {
    /// Keys by selector.
    pub selectors: BTreeMap<String, DkimSelector>,
    /// The selectors that sign.
    pub sign: Vec<String>,
}
}

documented! {
/// One of `selectors`.
#[derive(Debug, Clone, PartialEq)]
pub struct DkimSelector {
    /// PEM file of the private key, PKCS#8: RSA of 2,048 to 8,192
    /// bits, or Ed25519. Required.
    pub key_file: PathBuf,
}
}

documented! {
/// `[domains."NAME".aliases.LOCALPART]`: an address with several members.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// The members: addresses of accounts here, not catchalls, not aliases. At least one.
    pub addresses: Vec<Address>,
    /// Whether others than its members may send to it (false).
    pub post_public: bool,
    /// Whether members see who else is one (false).
    pub list_members: bool,
    /// Whether members may send as it (false).
    pub allow_msg_from: bool,
}
}

documented! {
/// `[accounts.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The domain its addresses are at by default. Required.
    pub domain: Domain,
    /// Name of its owner, for From headers and signatures (empty).
    pub full_name: String,
    /// A message here stops logins and is shown to who tries: at most 256 printable ASCII characters
    /// (empty).
    pub login_disabled: String,
    /// Bytes of mail it may hold; 0: no limit (0).
    pub quota: u64,
    /// Its addresses; `"@example.org"` takes what no other address of the domain does.
    pub destinations: BTreeMap<AddressPattern, Destination>,
    /// For its own mail, before those of domains and the global ones.
    pub routes: Vec<Route>,
}
}

documented! {
/// One of an account's destinations.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Mailbox to file into (`Inbox`).
    pub mailbox: String,
    /// What goes to other mailboxes: all conditions of a ruleset must hold, at least one, and the first
    /// that matches counts. Regular expressions are searched for, so `^` and `$` bind them to the
    /// ends, and case does not count.
    pub rulesets: Arc<[Ruleset]>,
}
}

/// What a destination takes: an address, or whatever else comes to a domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressPattern {
    /// `alice@example.org`.
    Address(Address),
    /// `@example.org`.
    Catchall(Domain),
}

impl AddressPattern {
    /// Parses an address, or `@` and a domain.
    pub fn parse(text: &str) -> Result<AddressPattern, AddrError> {
        match text.strip_prefix('@') {
            Some(domain) => Domain::parse(domain).map(AddressPattern::Catchall),
            None => Address::parse(text).map(AddressPattern::Address),
        }
    }

    /// Behind the `@`.
    pub fn domain(&self) -> &Domain {
        match self {
            AddressPattern::Address(address) => &address.domain,
            AddressPattern::Catchall(domain) => domain,
        }
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressPattern::Address(address) => address.fmt(f),
            AddressPattern::Catchall(domain) => write!(f, "@{domain}"),
        }
    }
}

documented! {
/// `[[routes]]`: how submitted mail to other servers leaves. The first that matches counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Domains of senders it is for; empty: all.
    pub from: Vec<DomainPattern>,
    /// Domains of recipients it is for; empty: all.
    pub to: Vec<DomainPattern>,
    /// How: `loopback` never leaves this machine, but goes to the Inbox of `account`. Required.
    pub transport: Transport,
}
}

/// The domains of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainPattern {
    /// `example.org`: it alone.
    Exact(Domain),
    /// `.example.org`: it and its subdomains.
    Under(Domain),
    /// `.`: all.
    Any,
}

impl DomainPattern {
    /// Whether the domain is one of them.
    pub fn matches(&self, domain: &Domain) -> bool {
        match self {
            DomainPattern::Exact(exact) => domain == exact,
            DomainPattern::Under(parent) => domain
                .ascii()
                .strip_suffix(parent.ascii())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            DomainPattern::Any => true,
        }
    }
}

/// `transport` of a route. Those of `[transports.NAME]` come with the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// `loopback`: never off this machine, but to the Inbox of the account named by `account`.
    Loopback(AccountName),
}
