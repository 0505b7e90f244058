//! The mox.toml of `mox quickstart`: a server on the Internet.

use std::net::IpAddr;

use crate::addr::{AccountName, Address, Domain};
use crate::config::reader::{quote, quote_key};

/// What the configuration depends on. Files as they are to stand in it.
#[derive(Debug, Clone)]
pub struct Quickstart {
    /// The mail server's name.
    pub hostname: Domain,
    /// Unix user that the server runs as.
    pub user: String,
    /// The data directory.
    pub data_dir: String,
    /// Public addresses to listen on.
    pub ips: Vec<IpAddr>,
    /// DNS servers to ask; empty: the system's.
    pub resolver: Vec<String>,
    /// The first address.
    pub address: Address,
    /// Its account.
    pub account: AccountName,
    /// PEM file of the certificate.
    pub cert_file: String,
    /// PEM file of its key.
    pub key_file: String,
    /// Selectors with the files of their DKIM keys; all sign.
    pub dkim: Vec<(String, String)>,
    /// Whether another program has ports 80 and 443.
    pub existing_webserver: bool,
}

impl Quickstart {
    /// The text of the file.
    pub fn text(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        let ips = list(self.ips.iter().map(|ip| quote(&ip.to_string())).collect());
        let resolver = match self.resolver.is_empty() {
            true => String::new(),
            false => {
                let servers = self.resolver.iter().map(|server| quote(server)).collect();
                format!("resolver = [{}]\n", list(servers))
            }
        };
        let selectors = self.dkim.iter().map(|(selector, file)| {
            format!("{} = {{ key_file = {} }}", quote_key(selector), quote(file))
        });
        let sign = self.dkim.iter().map(|(selector, _)| quote(selector));
        let domain = quote(&self.address.domain.to_string());
        let account = quote_key(self.account.as_str());
        let web = match self.existing_webserver {
            true => {
                "http = { port = 1080, account = \"/account/\", admin = \"/admin/\", forwarded = true }"
            }
            false => "http = { port = 80, account = \"/account/\", admin = \"/admin/\" }",
        };
        format!(
            r#"# A mail server, made by "mox quickstart". Edit it at any time: a change is served at once, and
# "mox config test" checks it. "mox config describe" explains every key.

[server]
hostname = {hostname}
data_dir = {data_dir}
user = {user}
postmaster = {{ account = {postmaster} }}
{resolver}
[listeners.public]
ips = [{ips}]
tls = {{ certificates = [{{ cert = {cert}, key = {key} }}] }}
smtp = {{}}
submissions = {{}}
imaps = {{}}

# Web pages, for this machine alone; this version reads the keys and serves no pages yet.
[listeners.internal]
ips = ["127.0.0.1"]
hostname = "localhost"
{web}

[domains.{domain}]
localpart_catchall_separators = ["+"]
dkim = {{ selectors = {{ {selectors} }}, sign = [{sign}] }}

[accounts.{account}]
domain = {domain}

[accounts.{account}.destinations]
{address} = {{}}
"#,
            hostname = quote(&self.hostname.to_string()),
            data_dir = quote(&self.data_dir),
            user = quote(&self.user),
            postmaster = quote(self.account.as_str()),
            cert = quote(&self.cert_file),
            key = quote(&self.key_file),
            selectors = list(selectors.collect()),
            sign = list(sign.collect()),
            address = quote(&self.address.to_string()),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Unchecked, parse};

    #[test]
    fn what_is_made_is_valid() {
        for existing_webserver in [false, true] {
            let text = Quickstart {
                hostname: Domain::parse("mail.example.org").expect("a domain"),
                user: "mox".to_owned(),
                data_dir: "/var/lib/mox".to_owned(),
                ips: vec![IpAddr::from([192, 0, 2, 1])],
                resolver: vec!["127.0.0.1:53".to_owned()],
                address: Address::parse("\"a b\"@bücher.example").expect("an address"),
                account: AccountName::parse("a.b").expect("a name"),
                cert_file: "a \"b\".pem".to_owned(),
                key_file: "k.pem".to_owned(),
                dkim: vec![("2026a".to_owned(), "dkim/a.pem".to_owned())],
                existing_webserver,
            }
            .text();
            let config = parse(&text, Path::new("/etc/mox/mox.toml"), &Unchecked)
                .unwrap_or_else(|e| panic!("{e:?} in {text}"));
            assert_eq!(config.listeners["public"].services().count(), 3);
            assert_eq!(config.server.resolver.len(), 1);
        }
    }
}
