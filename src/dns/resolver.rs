//! The questions, and how an answer is looked through.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError as Reply, NetError};
use hickory_resolver::proto::op::{
    DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode,
};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig, system_conf};

use super::DnsError;
use super::answer::{self, Answer, Caa, FromData, Mx, Srv, Tlsa, Txt};

/// What one try may take, all servers and TCP after UDP included.
const TIMEOUT: Duration = Duration::from_secs(4);

/// A SERVFAIL and its like are tried once more: a server that has just asked others in vain often has
/// the answer then.
const TRIES: usize = 2;

/// CNAMEs that are followed, as many as servers do.
const MAX_ALIASES: usize = 8;

/// Records of one answer; a message of 64 KiB could hold some thousands.
const MAX_RECORDS: usize = 256;

/// Asks DNS servers. Cloning is cheap. Connections belong to the runtime that first asks.
#[derive(Clone)]
pub struct Resolver {
    pool: NameServerPool<TokioRuntimeProvider>,
    servers: Arc<[SocketAddr]>,
    trusted: bool,
    timeout: Duration,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({:?})", self.servers)
    }
}

impl Resolver {
    /// For `server.resolver` and `server.resolver_trusted`; without servers those of /etc/resolv.conf.
    pub fn new(servers: &[SocketAddr], trusted: bool) -> Result<Resolver, DnsError> {
        Resolver::with_timeout(servers, trusted, TIMEOUT)
    }

    /// The same with another limit for one try; there are two.
    pub fn with_timeout(
        servers: &[SocketAddr],
        trusted: bool,
        timeout: Duration,
    ) -> Result<Resolver, DnsError> {
        let failed = |e: NetError| DnsError::NoServers(e.to_string());
        let configured = match servers.is_empty() {
            true => {
                let (system, _) = system_conf::read_system_conf().map_err(failed)?;
                system.name_servers
            }
            false => servers.iter().copied().map(name_server).collect(),
        };
        if configured.is_empty() {
            let why = "/etc/resolv.conf has none".to_owned();
            return Err(DnsError::NoServers(why));
        }
        let servers: Arc<[SocketAddr]> = configured.iter().map(address).collect();
        let mut options = ResolverOpts::default();
        options.timeout = timeout;
        let tls = TlsConfig::new().map_err(failed)?;
        let context = Arc::new(PoolContext::new(options, tls));
        let provider = TokioRuntimeProvider::default();
        Ok(Resolver {
            pool: NameServerPool::from_config(configured, context, provider),
            trusted: trusted || servers.iter().all(|server| server.ip().is_loopback()),
            servers,
            timeout,
        })
    }

    /// The servers that are asked.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// Whether their word that an answer is secure counts.
    pub fn trusts_servers(&self) -> bool {
        self.trusted
    }

    /// IPv4 addresses.
    pub async fn a(&self, name: &str) -> Result<Answer<IpAddr>, DnsError> {
        self.ask(name, RecordType::A, "A").await
    }

    /// IPv6 addresses.
    pub async fn aaaa(&self, name: &str) -> Result<Answer<IpAddr>, DnsError> {
        self.ask(name, RecordType::AAAA, "AAAA").await
    }

    /// Addresses of both kinds, IPv6 last; secure only if both answers are. One kind that cannot be
    /// looked up is an error: half of a host is worse than a host to try later.
    pub async fn addresses(&self, name: &str) -> Result<Answer<IpAddr>, DnsError> {
        let v4 = self.a(name).await;
        if let Err(DnsError::NotFound {
            no_such_name: true, ..
        }) = v4
        {
            return v4;
        }
        match (v4, self.aaaa(name).await) {
            (Ok(mut all), Ok(v6)) => {
                all.secure &= v6.secure;
                all.records.extend(v6.records);
                Ok(all)
            }
            (Ok(one), Err(e)) | (Err(e), Ok(one)) if e.is_not_found() => Ok(one),
            (Err(e), Err(other)) if e.is_not_found() => Err(other),
            (Err(e), _) | (_, Err(e)) => Err(e),
        }
    }

    /// Mail exchangers, as they come: unsorted.
    pub async fn mx(&self, name: &str) -> Result<Answer<Mx>, DnsError> {
        self.ask(name, RecordType::MX, "MX").await
    }

    /// Texts.
    pub async fn txt(&self, name: &str) -> Result<Answer<Txt>, DnsError> {
        self.ask(name, RecordType::TXT, "TXT").await
    }

    /// Services.
    pub async fn srv(&self, name: &str) -> Result<Answer<Srv>, DnsError> {
        self.ask(name, RecordType::SRV, "SRV").await
    }

    /// Certificates.
    pub async fn tlsa(&self, name: &str) -> Result<Answer<Tlsa>, DnsError> {
        self.ask(name, RecordType::TLSA, "TLSA").await
    }

    /// Who may issue certificates, at this very name.
    pub async fn caa(&self, name: &str) -> Result<Answer<Caa>, DnsError> {
        self.ask(name, RecordType::CAA, "CAA").await
    }

    /// Where a name that is an alias leads, one step.
    pub async fn cname(&self, name: &str) -> Result<Answer<String>, DnsError> {
        self.ask(name, RecordType::CNAME, "CNAME").await
    }

    /// Names of an address, from its reverse zone.
    pub async fn ptr(&self, ip: IpAddr) -> Result<Answer<String>, DnsError> {
        self.ask(&reverse_name(ip), RecordType::PTR, "PTR").await
    }

    async fn ask<T: FromData>(
        &self,
        text: &str,
        kind: RecordType,
        word: &'static str,
    ) -> Result<Answer<T>, DnsError> {
        let question = Question {
            name: text,
            kind: word,
        };
        let mut name = parse(text)?;
        let mut secure = self.trusted;
        let mut aliases = 0;
        loop {
            let response = self.exchange(&name, kind, &question).await?;
            secure &= response.metadata.authentic_data;
            if response.answers.len() > MAX_RECORDS {
                let why = format!("more than {MAX_RECORDS} records");
                return Err(question.unusable(why));
            }
            let before = name.clone();
            // What is said of other names than the one asked for and its aliases is no answer.
            while kind != RecordType::CNAME
                && let Some(next) = alias(&response, &name)
            {
                aliases += 1;
                if aliases > MAX_ALIASES {
                    return Err(question.unusable("too many aliases, or a circle of them".into()));
                }
                name = next;
            }
            let own = response.answers.iter().filter(|record| record.name == name);
            let records: Vec<T> = own
                .filter_map(|record| T::from_data(&record.data))
                .collect();
            if !records.is_empty() {
                return Ok(Answer {
                    records,
                    name: answer::text(&name),
                    secure,
                });
            }
            if name == before {
                return Err(question.not_found(false));
            }
        }
    }

    /// One question, again where the failure may be over.
    async fn exchange(
        &self,
        name: &Name,
        kind: RecordType,
        question: &Question<'_>,
    ) -> Result<DnsResponse, DnsError> {
        let mut last = None;
        for _ in 0..TRIES {
            let query = Query::query(name.clone(), kind);
            let mut request = DnsRequest::from_query(query, DnsRequestOptions::default());
            request.metadata.authentic_data = true;
            let answer = self.pool.send(request).first_answer();
            let error = match tokio::time::timeout(self.timeout, answer).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => question.failed(error),
                Err(_) => question.temporary("timeout".to_owned(), true),
            };
            // Silence was asked about again and again within the time already.
            match error {
                DnsError::Temporary {
                    unreachable: false, ..
                } => last = Some(error),
                other => return Err(other),
            }
        }
        Err(last.unwrap_or_else(|| question.temporary("not asked".to_owned(), true)))
    }
}

/// The name in the reverse zone: `4.3.2.1.in-addr.arpa`.
pub fn reverse_name(ip: IpAddr) -> String {
    answer::text(&Name::from(ip))
}

/// What was asked, for errors.
pub(super) struct Question<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'static str,
}

impl Question<'_> {
    fn failed(&self, error: NetError) -> DnsError {
        match error {
            NetError::Dns(Reply::NoRecordsFound(none)) => {
                self.not_found(none.response_code == ResponseCode::NXDomain)
            }
            NetError::Dns(Reply::ResponseCode(ResponseCode::ServFail)) => {
                self.temporary("SERVFAIL".to_owned(), false)
            }
            NetError::Dns(Reply::ResponseCode(ResponseCode::Refused)) => {
                self.temporary("the DNS server refuses to answer".to_owned(), false)
            }
            NetError::Timeout => self.temporary("timeout".to_owned(), true),
            NetError::Io(_) | NetError::NoConnections => {
                self.temporary(format!("the DNS server cannot be reached: {error}"), true)
            }
            NetError::Proto(_) | NetError::ForeignClassRecord { .. } => {
                self.unusable(format!("the answer is broken: {error}"))
            }
            other => self.temporary(other.to_string(), false),
        }
    }

    fn not_found(&self, no_such_name: bool) -> DnsError {
        DnsError::NotFound {
            name: self.name.to_owned(),
            kind: self.kind,
            no_such_name,
        }
    }

    pub(super) fn temporary(&self, why: String, unreachable: bool) -> DnsError {
        DnsError::Temporary {
            name: self.name.to_owned(),
            kind: self.kind,
            why,
            unreachable,
        }
    }

    pub(super) fn unusable(&self, why: String) -> DnsError {
        DnsError::Unusable {
            name: self.name.to_owned(),
            kind: self.kind,
            why,
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Name, DnsError> {
    let mut name = Name::from_ascii(text).map_err(|_| DnsError::BadName(text.to_owned()))?;
    name.set_fqdn(true);
    Ok(name)
}

fn alias(response: &DnsResponse, name: &Name) -> Option<Name> {
    let own = response
        .answers
        .iter()
        .filter(|record| record.name == *name);
    own.filter_map(|record| match &record.data {
        RData::CNAME(next) => Some(next.0.clone()),
        _ => None,
    })
    .next()
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

fn address(server: &NameServerConfig) -> SocketAddr {
    let port = server.connections.first().map_or(53, |first| first.port);
    SocketAddr::new(server.ip, port)
}
