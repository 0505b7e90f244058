//! Whether an SPF record lets our own addresses send (RFC 7208). Not for mail that comes in: macros,
//! which depend on the message, are not expanded here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;

use crate::dns::{DnsError, Resolver};

/// Mechanisms that ask DNS, in all (RFC 7208 §4.6.4).
const MAX_LOOKUPS: usize = 10;

/// What a record says of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    /// The record is wrong, and receivers treat it as none or worse.
    Broken(String),
    /// DNS does not say for now.
    Unknown(String),
}

/// A mechanism or a modifier that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    All(Verdict),
    Include(Verdict, String),
    A(Verdict, String, u8, u8),
    Mx(Verdict, String, u8, u8),
    Ip(Verdict, IpAddr, u8),
    /// `exists`, `ptr`, and names with macros: they need the message.
    Other,
    Redirect(String),
}

/// The record among the texts of a name; an error tells of several.
pub(super) fn find(texts: &[String]) -> Vec<&str> {
    let is_spf = |text: &&str| {
        let lower = text.to_ascii_lowercase();
        lower == "v=spf1" || lower.starts_with("v=spf1 ")
    };
    texts.iter().map(String::as_str).filter(is_spf).collect()
}

/// The qualifier of the `all` that ends a record: `-`, `~`, `?` or `+`; none: it has none. A record with
/// `redirect=` ends elsewhere: `Some('r')`.
pub(super) fn ending(record: &str) -> Option<char> {
    let terms = parse(record, "").ok()?;
    let all = terms.iter().find_map(|term| match term {
        Term::All(verdict) => Some(match verdict {
            Verdict::Pass => '+',
            Verdict::SoftFail => '~',
            Verdict::Neutral => '?',
            _ => '-',
        }),
        _ => None,
    });
    all.or_else(|| {
        let redirects = terms.iter().any(|term| matches!(term, Term::Redirect(_)));
        redirects.then_some('r')
    })
}

/// Whether a domain's record lets an address send.
pub(super) async fn evaluate(
    resolver: &Resolver,
    domain: &str,
    record: &str,
    ip: IpAddr,
) -> Verdict {
    let mut walk = Walk {
        resolver,
        ip,
        budget: MAX_LOOKUPS,
        unsure: false,
    };
    match walk.record(domain.to_owned(), record.to_owned()).await {
        Ok(Verdict::Pass) => Verdict::Pass,
        Ok(_) if walk.unsure => {
            Verdict::Unknown("parts of it depend on the single message".to_owned())
        }
        Ok(verdict) | Err(verdict) => verdict,
    }
}

/// One evaluation. Errors end all of it.
struct Walk<'a> {
    resolver: &'a Resolver,
    ip: IpAddr,
    budget: usize,
    /// Whether something was passed over that may let the address send.
    unsure: bool,
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<Verdict, Verdict>> + Send + 'a>>;

impl Walk<'_> {
    fn record(&mut self, domain: String, record: String) -> Step<'_> {
        Box::pin(async move {
            let mut redirect = None;
            for term in parse(&record, &domain).map_err(Verdict::Broken)? {
                let (verdict, matched) = match term {
                    Term::All(verdict) => (verdict, true),
                    Term::Ip(verdict, net, prefix) => (verdict, within(self.ip, net, prefix)),
                    Term::A(verdict, host, v4, v6) => {
                        self.spend()?;
                        (verdict, has(self.resolver, &host, self.ip, v4, v6).await?)
                    }
                    Term::Mx(verdict, host, v4, v6) => {
                        self.spend()?;
                        let found = any_mx(self.resolver, &host, self.ip, v4, v6);
                        (verdict, found.await?)
                    }
                    Term::Include(verdict, other) => {
                        self.spend()?;
                        let record = fetch(self.resolver, &other).await?;
                        let inner = self.record(other, record).await?;
                        (verdict, inner == Verdict::Pass)
                    }
                    Term::Other => {
                        self.spend()?;
                        self.unsure = true;
                        continue;
                    }
                    Term::Redirect(other) => {
                        redirect = Some(other);
                        continue;
                    }
                };
                if matched {
                    return Ok(verdict);
                }
            }
            let Some(other) = redirect else {
                return Ok(Verdict::Neutral);
            };
            self.spend()?;
            let record = fetch(self.resolver, &other).await?;
            self.record(other, record).await
        })
    }

    fn spend(&mut self) -> Result<(), Verdict> {
        let why = || Verdict::Broken(format!("it takes more than {MAX_LOOKUPS} DNS lookups"));
        self.budget = self.budget.checked_sub(1).ok_or_else(why)?;
        Ok(())
    }
}

async fn fetch(resolver: &Resolver, domain: &str) -> Result<String, Verdict> {
    let answer = match resolver.txt(domain).await {
        Ok(answer) => answer,
        Err(e) if e.is_temporary() => return Err(Verdict::Unknown(e.to_string())),
        Err(e) => return Err(Verdict::Broken(format!("it refers to {domain}: {e}"))),
    };
    let texts: Vec<String> = answer.records.iter().map(|txt| txt.text()).collect();
    match find(&texts)[..] {
        [one] => Ok(one.to_owned()),
        [] => Err(Verdict::Broken(format!("{domain} has no SPF record"))),
        _ => Err(Verdict::Broken(format!("{domain} has several SPF records"))),
    }
}

async fn has(resolver: &Resolver, host: &str, ip: IpAddr, v4: u8, v6: u8) -> Result<bool, Verdict> {
    let found = match ip {
        IpAddr::V4(_) => resolver.a(host).await,
        IpAddr::V6(_) => resolver.aaaa(host).await,
    };
    let prefix = if ip.is_ipv4() { v4 } else { v6 };
    match found {
        Ok(answer) => Ok(answer.records.iter().any(|net| within(ip, *net, prefix))),
        Err(e) if e.is_temporary() => Err(Verdict::Unknown(e.to_string())),
        Err(_) => Ok(false),
    }
}

async fn any_mx(
    resolver: &Resolver,
    domain: &str,
    ip: IpAddr,
    v4: u8,
    v6: u8,
) -> Result<bool, Verdict> {
    let hosts = match resolver.mx(domain).await {
        Ok(answer) => answer.records,
        Err(DnsError::NotFound { .. }) => return Ok(false),
        Err(e) => return Err(Verdict::Unknown(e.to_string())),
    };
    if hosts.len() > MAX_LOOKUPS {
        return Err(Verdict::Broken(format!(
            "{domain} has more than {MAX_LOOKUPS} MX"
        )));
    }
    for mx in hosts {
        if has(resolver, &mx.host, ip, v4, v6).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the first `prefix` bits are the same.
fn within(ip: IpAddr, net: IpAddr, prefix: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            let shift = 32_u32.saturating_sub(prefix.into());
            u32::from(ip).checked_shr(shift) == u32::from(net).checked_shr(shift)
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let shift = 128_u32.saturating_sub(prefix.into());
            u128::from(ip).checked_shr(shift) == u128::from(net).checked_shr(shift)
        }
        _ => false,
    }
}

fn parse(record: &str, domain: &str) -> Result<Vec<Term>, String> {
    let mut terms = Vec::new();
    for word in record.split(' ').skip(1).filter(|word| !word.is_empty()) {
        let bad = || format!("{word:?} is not understood");
        let modifier = word.split_once('=').filter(|(name, _)| {
            let mut chars = name.chars();
            chars.next().is_some_and(|c| c.is_ascii_alphabetic())
                && chars.all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        });
        if let Some((name, value)) = modifier {
            match name.eq_ignore_ascii_case("redirect") {
                true if value.is_empty() => return Err(bad()),
                true if value.contains('%') => terms.push(Term::Other),
                true => terms.push(Term::Redirect(value.to_owned())),
                false => {}
            }
            continue;
        }
        let (verdict, rest) = match word.as_bytes().first() {
            Some(b'+') => (Verdict::Pass, &word[1..]),
            Some(b'-') => (Verdict::Fail, &word[1..]),
            Some(b'~') => (Verdict::SoftFail, &word[1..]),
            Some(b'?') => (Verdict::Neutral, &word[1..]),
            _ => (Verdict::Pass, word),
        };
        terms.push(mechanism(verdict, rest, domain).ok_or_else(bad)?);
    }
    Ok(terms)
}

fn mechanism(verdict: Verdict, text: &str, domain: &str) -> Option<Term> {
    let (name, argument) = match text.find([':', '/']) {
        Some(at) if text[at..].starts_with(':') => (&text[..at], Some(&text[at + 1..])),
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let name = name.to_ascii_lowercase();
    if argument.is_some_and(|argument| argument.contains('%')) {
        let known = ["include", "a", "mx", "ptr", "exists"].contains(&name.as_str());
        return known.then_some(Term::Other);
    }
    match (name.as_str(), argument) {
        ("all", None) => Some(Term::All(verdict)),
        ("include", Some(other)) if !other.is_empty() => {
            Some(Term::Include(verdict, other.to_owned()))
        }
        ("a" | "mx", argument) => {
            let (host, v4, v6) = host_and_prefixes(argument.unwrap_or_default(), domain)?;
            Some(match name.as_str() {
                "a" => Term::A(verdict, host, v4, v6),
                _ => Term::Mx(verdict, host, v4, v6),
            })
        }
        ("ip4", Some(net)) => {
            let (address, prefix) = net_of::<Ipv4Addr>(net, 32)?;
            Some(Term::Ip(verdict, address.into(), prefix))
        }
        ("ip6", Some(net)) => {
            let (address, prefix) = net_of::<Ipv6Addr>(net, 128)?;
            Some(Term::Ip(verdict, address.into(), prefix))
        }
        ("exists", Some(_)) | ("ptr", _) => Some(Term::Other),
        _ => None,
    }
}

/// `host/24//64`, each of it optional.
fn host_and_prefixes(text: &str, domain: &str) -> Option<(String, u8, u8)> {
    let (rest, v6) = match text.split_once("//") {
        Some((rest, v6)) => (rest, prefix(v6, 128)?),
        None => (text, 128),
    };
    let (host, v4) = match rest.split_once('/') {
        Some((host, v4)) => (host, prefix(v4, 32)?),
        None => (rest, 32),
    };
    let host = if host.is_empty() { domain } else { host };
    Some((host.to_owned(), v4, v6))
}

fn net_of<T: std::str::FromStr>(text: &str, most: u8) -> Option<(T, u8)> {
    match text.split_once('/') {
        Some((address, bits)) => Some((address.parse().ok()?, prefix(bits, most)?)),
        None => Some((text.parse().ok()?, most)),
    }
}

fn prefix(text: &str, most: u8) -> Option<u8> {
    text.parse().ok().filter(|bits| *bits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_from_other_texts() {
        let texts = ["v=spf1", "V=SPF1 mx -all", "v=spf10 mx", "spf2.0/pra"].map(String::from);
        assert_eq!(find(&texts), ["v=spf1", "V=SPF1 mx -all"]);
    }

    #[test]
    fn terms_are_read() {
        let host = |name: &str| name.to_owned();
        let read = |text: &str| parse(&format!("v=spf1 {text}"), "example.org");
        assert_eq!(
            read("mx a:other.example/24//64 -all"),
            Ok(vec![
                Term::Mx(Verdict::Pass, host("example.org"), 32, 128),
                Term::A(Verdict::Pass, host("other.example"), 24, 64),
                Term::All(Verdict::Fail)
            ])
        );
        assert_eq!(
            read("~ip4:192.0.2.0/24 ip6:2001:db8::/32 redirect=x.example exp=y"),
            Ok(vec![
                Term::Ip(Verdict::SoftFail, IpAddr::from([192, 0, 2, 0]), 24),
                Term::Ip(Verdict::Pass, "2001:db8::".parse().expect("ip"), 32),
                Term::Redirect(host("x.example"))
            ])
        );
        assert_eq!(read("exists:%{i}.x.example"), Ok(vec![Term::Other]));
        for bad in [
            "ip4:192.0.2.0/33",
            "ip4:x",
            "al",
            "include:",
            "all:x",
            "redirect=",
            "a/x",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn how_records_end() {
        assert_eq!(ending("v=spf1 mx -all"), Some('-'));
        assert_eq!(ending("v=spf1 +all"), Some('+'));
        assert_eq!(ending("v=spf1 mx"), None);
        assert_eq!(ending("v=spf1 redirect=x.example"), Some('r'));
    }

    #[test]
    fn nets() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(within(ip("192.0.2.77"), ip("192.0.2.0"), 24));
        assert!(!within(ip("192.0.3.77"), ip("192.0.2.0"), 24));
        assert!(within(ip("192.0.2.77"), ip("10.0.0.0"), 0));
        assert!(within(ip("2001:db8::7"), ip("2001:db8::"), 32));
        assert!(!within(ip("2001:db8::7"), ip("192.0.2.0"), 0));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text: String) {
            let _ = parse(&text, "example.org");
            let _ = parse(&format!("v=spf1 {text}"), "example.org");
            let _ = ending(&text);
        }
    }
}
