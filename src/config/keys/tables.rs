//! The tables of mox.toml, the outermost last.

use super::Presence::{Default, Optional, Required, Usual};
use super::{Form, Key, Kind, names};
use crate::config::model::{
    Account, Alias, Auth, Certificate, Config, Destination, Dkim, DkimSelector, DomainConfig,
    Limits, Listener, LogLevel, Postmaster, Route, Ruleset, Server, Service, Tls, TlsVersion, Web,
};
use crate::sasl::Mechanism;

pub(super) const ANY: Kind = Kind::Text(&Form {
    what: "a text",
    pattern: "",
});
pub(super) const DOMAIN: Kind = Kind::Text(&Form {
    what: "a domain name",
    pattern: r"^[^\s@:/]+$",
});
const ACCOUNT: Kind = Kind::Text(&Form {
    what: "the name of an account",
    pattern: r"^[^./\\][^/\\]*$",
});
pub(super) const ADDRESS: Kind = Kind::Text(&Form {
    what: "an address",
    pattern: "^.+@[^@]+$",
});
const MAILBOX: Kind = Kind::Text(&Form {
    what: "a mailbox",
    pattern: "^.+$",
});
pub(super) const PATH: Kind = Kind::Text(&Form {
    what: "a path",
    pattern: "^.+$",
});
const URL_PATH: Kind = Kind::Text(&Form {
    what: "a path of a URL",
    pattern: "^(/[A-Za-z0-9/._~-]*)?$",
});
const IP: Kind = Kind::Text(&Form {
    what: "an IP address",
    pattern: r"^[0-9A-Fa-f:.]+$",
});
const RESOLVER: Kind = Kind::Text(&Form {
    what: "an IP address with or without a port",
    pattern: r"^(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+)(:[0-9]+)?$",
});
const LOGIN_MESSAGE: Kind = Kind::Text(&Form {
    what: "at most 256 printable ASCII characters",
    pattern: "^[ -~]{0,256}$",
});
const SEPARATOR: Kind = Kind::Text(&Form {
    what: "what can stand in the part of an address before the @",
    pattern: "^[^@\"]+$",
});
const DOMAINS: Kind = Kind::Text(&Form {
    what: "a domain, .domain with what is under it, or . for all",
    pattern: r"^(\.|\.?[^\s@:/.][^\s@:/]*)$",
});
const SELECTOR: Kind = Kind::Text(&Form {
    what: "a selector",
    pattern: "^[!-~]+$",
});
pub(super) const PORT: Kind = Kind::Number {
    least: 1,
    most: 65535,
};

/// Any number of them.
const fn list(of: &'static Kind) -> Kind {
    Kind::List {
        of,
        least: 0,
        most: usize::MAX,
    }
}

/// At least one of them.
const fn some(of: &'static Kind) -> Kind {
    Kind::List {
        of,
        least: 1,
        most: usize::MAX,
    }
}

const fn number(least: i64, most: i64) -> Kind {
    Kind::Number { least, most }
}

const POSTMASTER: &[Key] = &[
    Key::new(Postmaster::DOCS, "account", ACCOUNT, Required("\"alice\"")),
    Key::new(Postmaster::DOCS, "mailbox", MAILBOX, Default("\"Inbox\"")),
];

const LEVELS: [&str; 5] = names(&LogLevel::NAMES);

const SERVER: &[Key] = &[
    Key::new(
        Server::DOCS,
        "hostname",
        DOMAIN,
        Required("\"mail.example.org\""),
    ),
    Key::new(Server::DOCS, "data_dir", PATH, Default("\"../data\"")),
    Key::new(Server::DOCS, "user", ANY, Default("\"\"")),
    Key::new(
        Server::DOCS,
        "log_level",
        Kind::Word(&LEVELS),
        Default("\"info\""),
    ),
    Key::new(Server::DOCS, "resolver", list(&RESOLVER), Default("[]")),
    Key::new(
        Server::DOCS,
        "resolver_trusted",
        Kind::Boolean,
        Default("false"),
    ),
    Key::table(Server::DOCS, "postmaster", POSTMASTER),
];

const LIMITS: &[Key] = &[
    limit("message_size", Kind::Size { least: 64 << 10 }, "\"100MB\""),
    limit("recipients", number(100, 1_000_000), "1000"),
    limit("header_size", Kind::Size { least: 16 << 10 }, "\"1MB\""),
    limit("received", number(10, 10_000), "100"),
    limit("connections_per_address", number(0, 1_000_000), "100"),
    limit("smtp_idle", Kind::Duration { zero: false }, "\"5m\""),
    limit("smtp_message", Kind::Duration { zero: false }, "\"30m\""),
    limit("imap_idle", Kind::Duration { zero: false }, "\"30m\""),
    limit("login_idle", Kind::Duration { zero: false }, "\"1m\""),
    limit("login_failures", number(0, 1_000_000), "3"),
    limit(
        "login_failure_delay",
        Kind::Duration { zero: true },
        "\"1s\"",
    ),
    limit("limit_loopback", Kind::Boolean, "true"),
];

const fn limit(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key::new(Limits::DOCS, name, kind, Default(default))
}

const FAILURES: Kind = number(0, 1_000_000_000);

const THREE: Kind = Kind::List {
    of: &FAILURES,
    least: 3,
    most: 3,
};

const AUTH: &[Key] = &[
    Key::new(
        Auth::DOCS,
        "failures_per_minute",
        THREE,
        Default("[10, 30, 90]"),
    ),
    Key::new(
        Auth::DOCS,
        "failures_per_day",
        THREE,
        Default("[50, 150, 450]"),
    ),
    Key::new(
        Auth::DOCS,
        "mechanisms_off",
        Kind::List {
            of: &Kind::Word(&MECHANISMS),
            least: 0,
            most: MECHANISMS.len(),
        },
        Default("[]"),
    ),
    Key::new(Auth::DOCS, "cram_md5", Kind::Boolean, Default("false")),
];

const MECHANISMS: [&str; 8] = names(&Mechanism::NAMES);

const VERSIONS: [&str; 2] = names(&TlsVersion::NAMES);

const CERTIFICATE: Kind = Kind::Table(&[
    Key::new(
        Certificate::DOCS,
        "cert",
        PATH,
        Required("\"tls/mail.example.org.crt.pem\""),
    ),
    Key::new(
        Certificate::DOCS,
        "key",
        PATH,
        Required("\"tls/mail.example.org.key.pem\""),
    ),
]);

const TLS: &[Key] = &[
    Key::new(
        Tls::DOCS,
        "certificates",
        some(&CERTIFICATE),
        Required(
            "[{ cert = \"tls/mail.example.org.crt.pem\", key = \"tls/mail.example.org.key.pem\" }]",
        ),
    ),
    Key::new(
        Tls::DOCS,
        "min_version",
        Kind::Word(&VERSIONS),
        Default("\"1.2\""),
    ),
    Key::new(Tls::DOCS, "client_auth", Kind::Boolean, Default("true")),
    Key::reserved("acme"),
];

const fn port(default: &'static str) -> Key {
    Key::new(Service::DOCS, "port", PORT, Default(default))
}

const TLS_REQUIRED: Key = Key::new(
    Service::DOCS,
    "tls_required",
    Kind::Boolean,
    Default("true"),
);

const SMTP: &[Key] = &[port("25")];
const SUBMISSION: &[Key] = &[port("587"), TLS_REQUIRED];
const SUBMISSIONS: &[Key] = &[port("465")];
const IMAP: &[Key] = &[port("143"), TLS_REQUIRED];
const IMAPS: &[Key] = &[port("993")];

const HTTP: &[Key] = &[
    Key::new(Web::DOCS, "port", PORT, Default("80")),
    Key::new(Web::DOCS, "account", URL_PATH, Default("\"\"")),
    Key::new(Web::DOCS, "admin", URL_PATH, Default("\"\"")),
    Key::new(Web::DOCS, "metrics", URL_PATH, Default("\"\"")),
    Key::new(Web::DOCS, "forwarded", Kind::Boolean, Default("false")),
];

const HTTPS: &[Key] = &[
    Key::new(Web::DOCS, "port", PORT, Default("443")),
    Key::new(Web::DOCS, "account", URL_PATH, Default("\"\"")),
    Key::new(Web::DOCS, "admin", URL_PATH, Default("\"\"")),
    Key::new(Web::DOCS, "metrics", URL_PATH, Default("\"\"")),
    Key::new(Web::DOCS, "autoconfig", Kind::Boolean, Default("false")),
    Key::new(Web::DOCS, "mta_sts", Kind::Boolean, Default("false")),
    Key::new(Web::DOCS, "forwarded", Kind::Boolean, Default("false")),
];

const LISTENER: Kind = Kind::Table(&[
    Key::new(
        Listener::DOCS,
        "ips",
        some(&IP),
        Required("[\"0.0.0.0\", \"::\"]"),
    ),
    Key::new(
        Listener::DOCS,
        "hostname",
        DOMAIN,
        Optional("\"mail.example.org\""),
    ),
    Key::table(Listener::DOCS, "tls", TLS),
    Key::table(Listener::DOCS, "smtp", SMTP),
    Key::table(Listener::DOCS, "submission", SUBMISSION),
    Key::table(Listener::DOCS, "submissions", SUBMISSIONS),
    Key::table(Listener::DOCS, "imap", IMAP),
    Key::table(Listener::DOCS, "imaps", IMAPS),
    Key::table(Listener::DOCS, "http", HTTP),
    Key::table(Listener::DOCS, "https", HTTPS),
]);

const ROUTE: Kind = Kind::Table(&[
    Key::new(Route::DOCS, "from", list(&DOMAINS), Default("[]")),
    Key::new(Route::DOCS, "to", list(&DOMAINS), Default("[]")),
    Key::new(
        Route::DOCS,
        "transport",
        Kind::Word(&["loopback"]),
        Required("\"loopback\""),
    ),
    Key {
        name: "account",
        doc: "The account that gets what `loopback` delivers; it needs one.",
        kind: ACCOUNT,
        presence: Optional("\"alice\""),
    },
]);

const DKIM_SELECTOR: Kind = Kind::Table(&[Key::new(
    DkimSelector::DOCS,
    "key_file",
    PATH,
    Required("\"dkim/2026a.example.org.pem\""),
)]);

const DKIM: &[Key] = &[
    Key::new(Dkim::DOCS, "sign", list(&SELECTOR), Default("[]")),
    Key::new(
        Dkim::DOCS,
        "selectors",
        Kind::Named {
            name: "2026a",
            least: 0,
            of: &DKIM_SELECTOR,
        },
        Optional(""),
    ),
];

const ALIAS: Kind = Kind::Table(&[
    Key::new(
        Alias::DOCS,
        "addresses",
        some(&ADDRESS),
        Required("[\"alice@example.org\"]"),
    ),
    Key::new(Alias::DOCS, "post_public", Kind::Boolean, Default("false")),
    Key::new(Alias::DOCS, "list_members", Kind::Boolean, Default("false")),
    Key::new(
        Alias::DOCS,
        "allow_msg_from",
        Kind::Boolean,
        Default("false"),
    ),
]);

const DOMAIN_TABLE: Kind = Kind::Table(&[
    Key::new(
        DomainConfig::DOCS,
        "disabled",
        Kind::Boolean,
        Default("false"),
    ),
    Key::new(
        DomainConfig::DOCS,
        "localpart_catchall_separators",
        list(&SEPARATOR),
        Default("[]"),
    ),
    Key::new(
        DomainConfig::DOCS,
        "localpart_case_sensitive",
        Kind::Boolean,
        Default("false"),
    ),
    Key::new(
        DomainConfig::DOCS,
        "client_settings_domain",
        DOMAIN,
        Optional("\"mail.example.org\""),
    ),
    Key::table(DomainConfig::DOCS, "dkim", DKIM),
    Key::new(
        DomainConfig::DOCS,
        "aliases",
        Kind::Named {
            name: "team",
            least: 0,
            of: &ALIAS,
        },
        Optional(""),
    ),
    Key::new(
        DomainConfig::DOCS,
        "routes",
        Kind::Tables(&ROUTE),
        Optional(""),
    ),
    Key::reserved("mta_sts"),
]);

const DESTINATION: Kind = Kind::Table(&[
    Key::new(Destination::DOCS, "mailbox", MAILBOX, Default("\"Inbox\"")),
    Key::new(
        Destination::DOCS,
        "rulesets",
        Kind::Tables(&RULESET),
        Optional(""),
    ),
]);

const REGEXP: Kind = Kind::Text(&Form {
    what: "a regular expression",
    pattern: "",
});

const RULESET: Kind = Kind::Table(&[
    Key::new(
        Ruleset::DOCS,
        "smtp_mail_from_regexp",
        REGEXP,
        Optional("\"^bounces@\""),
    ),
    Key::new(
        Ruleset::DOCS,
        "msg_from_regexp",
        REGEXP,
        Optional("'@example\\.net$'"),
    ),
    Key::new(
        Ruleset::DOCS,
        "headers_regexp",
        Kind::Map {
            least: 1,
            of: &REGEXP,
        },
        Optional("{ \"^list-id$\" = '<team\\.' }"),
    ),
    Key::new(
        Ruleset::DOCS,
        "mailbox",
        MAILBOX,
        Required("\"Lists/Team\""),
    ),
    Key::new(Ruleset::DOCS, "comment", ANY, Default("\"\"")),
    Key::reserved("verified_domain"),
    Key::reserved("is_forward"),
    Key::reserved("list_allow_domain"),
    Key::reserved("accept_rejects_to_mailbox"),
]);

const ACCOUNT_TABLE: Kind = Kind::Table(&[
    Key::new(Account::DOCS, "domain", DOMAIN, Required("\"example.org\"")),
    Key::new(Account::DOCS, "full_name", ANY, Default("\"\"")),
    Key::new(
        Account::DOCS,
        "login_disabled",
        LOGIN_MESSAGE,
        Default("\"\""),
    ),
    Key::new(
        Account::DOCS,
        "quota",
        Kind::Size { least: 0 },
        Default("0"),
    ),
    Key::new(
        Account::DOCS,
        "destinations",
        Kind::Named {
            name: "alice@example.org",
            least: 0,
            of: &DESTINATION,
        },
        Usual,
    ),
    Key::new(Account::DOCS, "routes", Kind::Tables(&ROUTE), Optional("")),
]);

const ACME: Kind = Kind::Table(&[
    Key {
        name: "directory_url",
        doc: "Where its directory is.",
        kind: ANY,
        presence: Required("\"https://acme-v02.api.letsencrypt.org/directory\""),
    },
    Key {
        name: "contact_email",
        doc: "Whom it writes to when something is wrong.",
        kind: ANY,
        presence: Optional("\"postmaster@example.org\""),
    },
    Key {
        name: "ca_file",
        doc: "PEM file with the roots to trust for the directory itself.",
        kind: PATH,
        presence: Optional("\"acme-ca.pem\""),
    },
]);

/// All of mox.toml.
pub const ROOT: &[Key] = &[
    Key::new(Config::DOCS, "server", Kind::Table(SERVER), Required("")),
    Key::new(
        Config::DOCS,
        "listeners",
        Kind::Named {
            name: "public",
            least: 1,
            of: &LISTENER,
        },
        Required(""),
    ),
    Key::new(
        Config::DOCS,
        "domains",
        Kind::Named {
            name: "example.org",
            least: 0,
            of: &DOMAIN_TABLE,
        },
        Usual,
    ),
    Key::new(
        Config::DOCS,
        "accounts",
        Kind::Named {
            name: "alice",
            least: 1,
            of: &ACCOUNT_TABLE,
        },
        Required(""),
    ),
    Key::table(Config::DOCS, "limits", LIMITS),
    Key::table(Config::DOCS, "auth", AUTH),
    Key::new(Config::DOCS, "routes", Kind::Tables(&ROUTE), Optional("")),
    Key {
        name: "acme",
        doc: "Authorities that give certificates by ACME, by a name of your choice. Read and checked, not\n\
              used yet.",
        kind: Kind::Named {
            name: "letsencrypt",
            least: 0,
            of: &ACME,
        },
        presence: Optional(""),
    },
    Key::reserved("transports"),
    Key::reserved("loginattempts"),
];
