//! The configuration as it holds, defaults filled in, paths resolved: as mox.toml and as JSON with the
//! same keys.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use serde_json::{Number, Value, json};

use super::model::{
    Account, Alias, Auth, Config, DomainConfig, DomainPattern, Limits, Listener, Route, Ruleset,
    Server, ServiceKind, TlsVersion, Transport, Web,
};
use super::reader::{quote, quote_key};
use super::units::{format_duration, format_size};
use crate::addr::{AccountName, Domain};

/// A value in both forms.
enum Shown {
    Text(String),
    Number(u64),
    Boolean(bool),
    /// JSON: bytes.
    Size(u64),
    /// JSON: seconds.
    Duration(Duration),
    List(Vec<Shown>),
    /// `{ … }` on one line.
    Inline(Fields),
    /// `[header]`.
    Table(Fields),
    /// `[[header]]`.
    Tables(Vec<Fields>),
}

type Fields = Vec<(String, Shown)>;

/// As a file that means the same.
pub fn to_toml(config: &Config) -> String {
    let mut out = String::new();
    sections(&fields(config), &mut Vec::new(), &mut out);
    out
}

/// As JSON: the keys of the file; sizes in bytes, durations in seconds.
pub fn to_json(config: &Config) -> Value {
    json_table(&fields(config))
}

/// `[domains]` as JSON, in the same form.
pub fn domains(domains: &BTreeMap<Domain, impl Borrow<DomainConfig>>, server: &Server) -> Value {
    json_value(&named(domains, |d| domain(d.borrow(), server)))
}

/// `[accounts]` as JSON, in the same form.
pub fn accounts(accounts: &BTreeMap<AccountName, impl Borrow<Account>>) -> Value {
    json_value(&named(accounts, |a| account(a.borrow())))
}

fn text(value: impl Display) -> Shown {
    Shown::Text(value.to_string())
}

fn path(path: &Path) -> Shown {
    text(path.display())
}

fn number(value: usize) -> Shown {
    Shown::Number(value as u64)
}

fn list<T>(items: impl IntoIterator<Item = T>, show: impl Fn(T) -> Shown) -> Shown {
    Shown::List(items.into_iter().map(show).collect())
}

/// Names the fields of a table.
fn table<const N: usize>(fields: [(&str, Shown); N]) -> Fields {
    let named = fields.into_iter();
    named.map(|(key, shown)| (key.to_owned(), shown)).collect()
}

fn named<K: Display, V>(
    all: impl IntoIterator<Item = (K, V)>,
    show: impl Fn(V) -> Fields,
) -> Shown {
    let all = all.into_iter();
    Shown::Table(
        all.map(|(key, value)| (key.to_string(), Shown::Table(show(value))))
            .collect(),
    )
}

fn fields(config: &Config) -> Fields {
    let mut all = table([
        ("server", Shown::Table(server(&config.server))),
        ("limits", Shown::Table(limits(&config.limits))),
        ("auth", Shown::Table(auth(&config.auth))),
        (
            "listeners",
            named(&config.listeners, |l| listener(l, &config.server)),
        ),
        (
            "domains",
            named(&config.domains, |d| domain(d, &config.server)),
        ),
        ("accounts", named(&config.accounts, |one| account(one))),
    ]);
    all.extend(routes(&config.routes));
    all
}

fn server(server: &Server) -> Fields {
    let mut all = table([
        ("hostname", text(&server.hostname)),
        ("data_dir", path(&server.data_dir)),
        ("user", text(&server.user)),
        ("log_level", text(server.log_level.as_str())),
        ("resolver", list(&server.resolver, text)),
        ("resolver_trusted", Shown::Boolean(server.resolver_trusted)),
    ]);
    if let Some(postmaster) = &server.postmaster {
        let postmaster = table([
            ("account", text(&postmaster.account)),
            ("mailbox", text(&postmaster.mailbox)),
        ]);
        all.push(("postmaster".to_owned(), Shown::Inline(postmaster)));
    }
    all
}

fn limits(limits: &Limits) -> Fields {
    // Named one by one: a new limit that is not shown does not compile.
    let Limits {
        message_size,
        recipients,
        header_size,
        received,
        connections_per_address,
        smtp_idle,
        smtp_message,
        imap_idle,
        login_idle,
        login_failures,
        login_failure_delay,
        limit_loopback,
    } = limits;
    table([
        ("message_size", Shown::Size(*message_size)),
        ("recipients", number(*recipients)),
        ("header_size", Shown::Size(*header_size)),
        ("received", number(*received)),
        ("connections_per_address", number(*connections_per_address)),
        ("smtp_idle", Shown::Duration(*smtp_idle)),
        ("smtp_message", Shown::Duration(*smtp_message)),
        ("imap_idle", Shown::Duration(*imap_idle)),
        ("login_idle", Shown::Duration(*login_idle)),
        ("login_failures", number(*login_failures)),
        ("login_failure_delay", Shown::Duration(*login_failure_delay)),
        ("limit_loopback", Shown::Boolean(*limit_loopback)),
    ])
}

fn auth(auth: &Auth) -> Fields {
    let Auth {
        failures_per_minute,
        failures_per_day,
        mechanisms_off,
        cram_md5,
    } = auth;
    let three = |all: &[u32; 3]| list(all, |n| Shown::Number(u64::from(*n)));
    table([
        ("failures_per_minute", three(failures_per_minute)),
        ("failures_per_day", three(failures_per_day)),
        ("mechanisms_off", list(mechanisms_off, |m| text(m.name()))),
        ("cram_md5", Shown::Boolean(*cram_md5)),
    ])
}

fn listener(listener: &Listener, server: &Server) -> Fields {
    let hostname = listener.hostname.as_ref().unwrap_or(&server.hostname);
    let mut all = table([
        ("ips", list(&listener.ips, text)),
        ("hostname", text(hostname)),
    ]);
    if let Some(tls) = &listener.tls {
        let version = match tls.min_version {
            TlsVersion::V12 => "1.2",
            TlsVersion::V13 => "1.3",
        };
        let certificates = list(&tls.certificates, |c| {
            Shown::Inline(table([("cert", path(&c.cert)), ("key", path(&c.key))]))
        });
        let tls = table([
            ("certificates", certificates),
            ("min_version", text(version)),
            ("client_auth", Shown::Boolean(tls.client_auth)),
        ]);
        all.push(("tls".to_owned(), Shown::Inline(tls)));
    }
    for (kind, service) in listener.services() {
        let mut shown = table([("port", Shown::Number(u64::from(service.port)))]);
        if matches!(kind, ServiceKind::Submission | ServiceKind::Imap) {
            let required = Shown::Boolean(service.tls_required);
            shown.push(("tls_required".to_owned(), required));
        }
        all.push((kind.as_str().to_owned(), Shown::Inline(shown)));
    }
    if let Some(http) = &listener.http {
        all.push(("http".to_owned(), Shown::Inline(web(http))));
    }
    if let Some(https) = &listener.https {
        let mut shown = web(https);
        shown.extend(table([
            ("autoconfig", Shown::Boolean(https.autoconfig)),
            ("mta_sts", Shown::Boolean(https.mta_sts)),
        ]));
        all.push(("https".to_owned(), Shown::Inline(shown)));
    }
    all
}

fn web(web: &Web) -> Fields {
    table([
        ("port", Shown::Number(u64::from(web.port))),
        ("account", text(&web.account)),
        ("admin", text(&web.admin)),
        ("metrics", text(&web.metrics)),
        ("forwarded", Shown::Boolean(web.forwarded)),
    ])
}

fn domain(domain: &DomainConfig, server: &Server) -> Fields {
    let client_settings = domain.client_settings_domain.as_ref();
    let mut all = table([
        ("disabled", Shown::Boolean(domain.disabled)),
        (
            "localpart_catchall_separators",
            list(&domain.localpart_catchall_separators, text),
        ),
        (
            "localpart_case_sensitive",
            Shown::Boolean(domain.localpart_case_sensitive),
        ),
        (
            "client_settings_domain",
            text(client_settings.unwrap_or(&server.hostname)),
        ),
    ]);
    let dkim = table([
        ("sign", list(&domain.dkim.sign, text)),
        (
            "selectors",
            named(&domain.dkim.selectors, |s| {
                table([("key_file", path(&s.key_file))])
            }),
        ),
    ]);
    all.push(("dkim".to_owned(), Shown::Table(dkim)));
    all.push(("aliases".to_owned(), named(&domain.aliases, alias)));
    all.extend(routes(&domain.routes));
    all
}

fn alias(alias: &Alias) -> Fields {
    table([
        ("addresses", list(&alias.addresses, text)),
        ("post_public", Shown::Boolean(alias.post_public)),
        ("list_members", Shown::Boolean(alias.list_members)),
        ("allow_msg_from", Shown::Boolean(alias.allow_msg_from)),
    ])
}

fn account(account: &Account) -> Fields {
    let destinations = account.destinations.iter().map(|(pattern, destination)| {
        let rulesets = &destination.rulesets;
        let mut destination = table([("mailbox", text(&destination.mailbox))]);
        if !rulesets.is_empty() {
            destination.push(("rulesets".to_owned(), list(rulesets.iter(), ruleset)));
        }
        (pattern.to_string(), Shown::Inline(destination))
    });
    let mut all = table([
        ("domain", text(&account.domain)),
        ("full_name", text(&account.full_name)),
        ("login_disabled", text(&account.login_disabled)),
        ("quota", Shown::Size(account.quota)),
        ("destinations", Shown::Table(destinations.collect())),
    ]);
    all.extend(routes(&account.routes));
    all
}

fn ruleset(ruleset: &Ruleset) -> Shown {
    let conditions = [
        ("smtp_mail_from_regexp", &ruleset.smtp_mail_from_regexp),
        ("msg_from_regexp", &ruleset.msg_from_regexp),
    ];
    let mut all: Fields = conditions
        .into_iter()
        .filter_map(|(key, pattern)| Some((key.to_owned(), text(pattern.as_ref()?))))
        .collect();
    if !ruleset.headers_regexp.is_empty() {
        let fields = ruleset.headers_regexp.iter();
        let fields = fields.map(|(name, value)| (name.to_string(), text(value)));
        all.push(("headers_regexp".to_owned(), Shown::Inline(fields.collect())));
    }
    all.extend(table([
        ("mailbox", text(&ruleset.mailbox)),
        ("comment", text(&ruleset.comment)),
    ]));
    Shown::Inline(all)
}

fn routes(routes: &[Route]) -> Option<(String, Shown)> {
    let pattern = |pattern: &DomainPattern| match pattern {
        DomainPattern::Exact(domain) => text(domain),
        DomainPattern::Under(domain) => text(format!(".{domain}")),
        DomainPattern::Any => text("."),
    };
    let shown = routes.iter().map(|route| {
        let (transport, account) = match &route.transport {
            Transport::Loopback(account) => ("loopback", account),
        };
        table([
            ("from", list(&route.from, pattern)),
            ("to", list(&route.to, pattern)),
            ("transport", text(transport)),
            ("account", text(account)),
        ])
    });
    let shown: Vec<Fields> = shown.collect();
    (!shown.is_empty()).then(|| ("routes".to_owned(), Shown::Tables(shown)))
}

fn sections(fields: &Fields, header: &mut Vec<String>, out: &mut String) {
    for (key, shown) in fields {
        if !matches!(shown, Shown::Table(_) | Shown::Tables(_)) {
            out.push_str(&format!("{} = {}\n", quote_key(key), inline(shown)));
        }
    }
    for (key, shown) in fields {
        header.push(quote_key(key));
        match shown {
            Shown::Table(inner) => {
                let only_tables = |(_, shown): &(String, Shown)| {
                    matches!(shown, Shown::Table(_) | Shown::Tables(_))
                };
                if !inner.iter().all(only_tables) {
                    section(&format!("[{}]", header.join(".")), out);
                }
                sections(inner, header, out);
            }
            Shown::Tables(all) => {
                for inner in all {
                    section(&format!("[[{}]]", header.join(".")), out);
                    sections(inner, header, out);
                }
            }
            _ => {}
        }
        header.pop();
    }
}

fn section(header: &str, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(header);
    out.push('\n');
}

fn inline(shown: &Shown) -> String {
    let braces = |fields: &Fields| {
        let fields = fields.iter();
        let fields: Vec<String> = fields
            .map(|(key, shown)| format!("{} = {}", quote_key(key), inline(shown)))
            .collect();
        match fields.is_empty() {
            true => "{}".to_owned(),
            false => format!("{{ {} }}", fields.join(", ")),
        }
    };
    match shown {
        Shown::Text(text) => quote(text),
        Shown::Number(number) => number.to_string(),
        Shown::Boolean(value) => value.to_string(),
        Shown::Size(0) => "0".to_owned(),
        Shown::Size(bytes) => quote(&format_size(*bytes)),
        Shown::Duration(duration) => quote(&format_duration(*duration)),
        Shown::List(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Shown::Inline(fields) | Shown::Table(fields) => braces(fields),
        Shown::Tables(all) => {
            let all: Vec<String> = all.iter().map(braces).collect();
            format!("[{}]", all.join(", "))
        }
    }
}

fn json_table(fields: &Fields) -> Value {
    let fields = fields.iter();
    Value::Object(
        fields
            .map(|(key, shown)| (key.clone(), json_value(shown)))
            .collect(),
    )
}

fn json_value(shown: &Shown) -> Value {
    match shown {
        Shown::Text(text) => json!(text),
        Shown::Number(number) | Shown::Size(number) => json!(number),
        Shown::Boolean(value) => json!(value),
        Shown::Duration(duration) if duration.subsec_nanos() == 0 => json!(duration.as_secs()),
        Shown::Duration(duration) => {
            Number::from_f64(duration.as_secs_f64()).map_or(Value::Null, Value::Number)
        }
        Shown::List(items) => Value::Array(items.iter().map(json_value).collect()),
        Shown::Inline(fields) | Shown::Table(fields) => json_table(fields),
        Shown::Tables(all) => Value::Array(all.iter().map(json_table).collect()),
    }
}
