//! What DNS says, in types of our own. Names are A-labels in lower case without the final dot; the
//! root is empty.

use std::net::IpAddr;

use hickory_resolver::proto::rr::{Name, RData};

/// Records of one type at one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// At least one, in the order of the answer.
    pub records: Vec<T>,
    /// The name that has them: the one asked for, or where its CNAMEs lead.
    pub name: String,
    /// Whether a DNS server that is to be believed has validated all of it (DNSSEC).
    pub secure: bool,
}

/// A mail exchanger (RFC 5321 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mx {
    /// The lower, the earlier.
    pub preference: u16,
    /// Its host name; empty: no mail is taken (RFC 7505).
    pub host: String,
}

/// A service (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// The lower, the earlier.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// TCP port.
    pub port: u16,
    /// Its host name; empty: not offered.
    pub host: String,
}

/// A certificate (RFC 6698 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlsa {
    /// 2: one of the issuers, 3: the server's own; 0 and 1 are not for mail (RFC 7672 §3.1.3).
    pub usage: u8,
    /// 0: the whole certificate, 1: its public key.
    pub selector: u8,
    /// 0: the bytes themselves, 1: their SHA-256, 2: their SHA-512.
    pub matching: u8,
    /// What it is compared with.
    pub data: Vec<u8>,
}

/// Who may issue certificates (RFC 8659 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caa {
    /// `issue`, `issuewild`, `iodef`; in lower case.
    pub tag: String,
    /// `letsencrypt.org; validationmethods=dns-01`.
    pub value: String,
}

/// A text: the pieces of one record put together, as RFC 7208 §3.3 and RFC 6376 §3.6.2.2 want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txt(pub Vec<u8>);

impl Txt {
    /// As text; bytes that are not UTF-8 are shown as replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// A record type of ours, from the data of a record; none where it has another type.
pub(super) trait FromData: Sized {
    fn from_data(data: &RData) -> Option<Self>;
}

impl FromData for IpAddr {
    fn from_data(data: &RData) -> Option<IpAddr> {
        match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
            _ => None,
        }
    }
}

impl FromData for Mx {
    fn from_data(data: &RData) -> Option<Mx> {
        let RData::MX(mx) = data else { return None };
        Some(Mx {
            preference: mx.preference,
            host: text(&mx.exchange),
        })
    }
}

impl FromData for Srv {
    fn from_data(data: &RData) -> Option<Srv> {
        let RData::SRV(srv) = data else { return None };
        Some(Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            host: text(&srv.target),
        })
    }
}

impl FromData for Tlsa {
    fn from_data(data: &RData) -> Option<Tlsa> {
        let RData::TLSA(tlsa) = data else { return None };
        Some(Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        })
    }
}

impl FromData for Caa {
    fn from_data(data: &RData) -> Option<Caa> {
        let RData::CAA(caa) = data else { return None };
        Some(Caa {
            tag: caa.tag.to_ascii_lowercase(),
            value: String::from_utf8_lossy(&caa.value).into_owned(),
        })
    }
}

impl FromData for Txt {
    fn from_data(data: &RData) -> Option<Txt> {
        let RData::TXT(txt) = data else { return None };
        Some(Txt(txt.txt_data.concat()))
    }
}

/// The name that a CNAME or PTR record leads to.
impl FromData for String {
    fn from_data(data: &RData) -> Option<String> {
        match data {
            RData::CNAME(name) => Some(text(&name.0)),
            RData::PTR(name) => Some(text(&name.0)),
            _ => None,
        }
    }
}

/// A name as text.
pub(super) fn text(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}
