//! Paths: who a message is from and for (RFC 5321 §4.1.2, RFC 6531 §3.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::addr::{Address, Domain, Localpart};

/// What stands behind the `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain.
    Domain(Domain),
    /// An address literal such as `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
    Literal(IpAddr),
}

/// A mailbox as SMTP knows it: an address, or a localpart at an address literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// Before the `@`.
    pub localpart: Localpart,
    /// After it.
    pub host: Host,
}

/// Who a message is from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: nobody to send a notification to.
    Null,
    /// A mailbox.
    Mailbox(Mailbox),
}

/// Who a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain, in any case (RFC 5321 §4.5.1).
    Postmaster,
    /// A mailbox.
    Mailbox(Mailbox),
}

impl Host {
    /// Parses a domain or an address literal; the error is for people.
    pub fn parse(text: &str) -> Result<Host, &'static str> {
        let Some(literal) = text.strip_prefix('[') else {
            return Domain::parse(text)
                .map(Host::Domain)
                .map_err(|_| "malformed domain");
        };
        let literal = literal
            .strip_suffix(']')
            .ok_or("address literal without ]")?;
        let ip = match literal.get(..5) {
            Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => {
                literal[5..].parse::<Ipv6Addr>().map(IpAddr::V6)
            }
            _ => literal.parse::<Ipv4Addr>().map(IpAddr::V4),
        };
        ip.map(Host::Literal)
            .map_err(|_| "malformed address literal")
    }
}

impl fmt::Display for Host {
    /// As on the wire, domains as A-labels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Domain(domain) => f.write_str(domain.ascii()),
            Host::Literal(IpAddr::V4(ip)) => write!(f, "[{ip}]"),
            Host::Literal(IpAddr::V6(ip)) => write!(f, "[IPv6:{ip}]"),
        }
    }
}

impl Mailbox {
    /// Parses what stands between the brackets, without a source route; the error is for people.
    pub fn parse(text: &str) -> Result<Mailbox, &'static str> {
        let (local, host) = text.rsplit_once('@').ok_or("an address needs an @")?;
        Ok(Mailbox {
            localpart: Localpart::parse(local).map_err(|_| "malformed part before the @")?,
            host: Host::parse(host)?,
        })
    }

    /// The address, unless it is at an address literal.
    pub fn address(&self) -> Option<Address> {
        match &self.host {
            Host::Domain(domain) => Some(Address {
                localpart: self.localpart.clone(),
                domain: domain.clone(),
            }),
            Host::Literal(_) => None,
        }
    }
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Mailbox {
        Mailbox {
            localpart: address.localpart,
            host: Host::Domain(address.domain),
        }
    }
}

impl fmt::Display for Mailbox {
    /// As on the wire, without brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.localpart, self.host)
    }
}

impl ReversePath {
    /// The mailbox, unless it is `<>`.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            ReversePath::Null => None,
            ReversePath::Mailbox(mailbox) => Some(mailbox),
        }
    }
}

impl fmt::Display for ReversePath {
    /// As on the wire, with brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => f.write_str("<>"),
            ReversePath::Mailbox(mailbox) => write!(f, "<{mailbox}>"),
        }
    }
}

impl fmt::Display for ForwardPath {
    /// As on the wire, with brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster => f.write_str("<Postmaster>"),
            ForwardPath::Mailbox(mailbox) => write!(f, "<{mailbox}>"),
        }
    }
}

/// `Path = "<" [ A-d-l ":" ] Mailbox ">"`: what is between the brackets, without its source route,
/// which is to be ignored (RFC 5321 §4.1.1.3), and what follows the path.
pub(super) fn parse_path(text: &str) -> Result<(&str, &str), &'static str> {
    let inside = text.strip_prefix('<').ok_or("the path needs < and >")?;
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                return Ok((without_route(&inside[..at])?, &inside[at + 1..]));
            }
            _ => {}
        }
    }
    Err("the path needs < and >")
}

/// `A-d-l = At-domain *( "," At-domain )`, `At-domain = "@" Domain`.
fn without_route(path: &str) -> Result<&str, &'static str> {
    if !path.starts_with('@') {
        return Ok(path);
    }
    let (route, mailbox) = path.split_once(':').ok_or("source route without mailbox")?;
    for hop in route.split(',') {
        let host = hop.strip_prefix('@').ok_or("malformed source route")?;
        Domain::parse(host).map_err(|_| "malformed source route")?;
    }
    Ok(mailbox)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_where_their_bracket_does() {
        for (text, inside, rest) in [
            ("<>", "", ""),
            ("<a@b> SIZE=1", "a@b", " SIZE=1"),
            (r#"<"a>\"b"@c>x"#, r#""a>\"b"@c"#, "x"),
            ("<@a.example,@b.example:c@d>", "c@d", ""),
        ] {
            assert_eq!(parse_path(text), Ok((inside, rest)), "{text}");
        }
        for bad in ["", "a@b", "<a@b", "<\"a>@b", "<@a.example>", "<@a b:c@d>"] {
            assert!(parse_path(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn hosts_may_be_address_literals() {
        for (text, shown) in [
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[ipv6:2001:DB8::1]", "[IPv6:2001:db8::1]"),
            ("Bücher.example", "xn--bcher-kva.example"),
        ] {
            let host = Host::parse(text).expect("a host");
            assert_eq!(host.to_string(), shown);
            assert_eq!(Host::parse(shown), Ok(host));
        }
        for bad in [
            "",
            "[]",
            "[192.0.2.1",
            "[::1]",
            "[IPv6:192.0.2.1]",
            "[x:y]",
            "[é]",
        ] {
            assert!(Host::parse(bad).is_err(), "{bad:?} was taken");
        }
    }
}
