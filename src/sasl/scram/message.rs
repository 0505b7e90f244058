//! The messages (RFC 5802 §7), parsed with every attribute where the grammar has it, once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::MAX_FIELD;

/// Octets of a nonce of either side.
const MAX_NONCE: usize = 256;

/// Octets of a salt that a client takes.
const MAX_SALT: usize = 1_024;

/// It is not a message of SCRAM, or has a mandatory extension (`m=`), which nobody here knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct NotScram;

/// `gs2-cbind-flag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag<'a> {
    /// `n`: the client does no channel binding.
    Unsupported,
    /// `y`: it would, and believes that the server does none.
    NotOffered,
    /// `p=`: it binds to this.
    Bound(&'a [u8]),
}

/// `client-first-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'a> {
    pub(super) flag: Flag<'a>,
    pub(super) authzid: String,
    /// `gs2-header`, as it stands.
    pub(super) header: &'a [u8],
    pub(super) user: String,
    pub(super) nonce: &'a str,
    /// `client-first-message-bare`, as it stands.
    pub(super) bare: &'a [u8],
}

/// `client-final-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
    /// `client-final-message-without-proof`, as it stands.
    pub(super) without_proof: &'a [u8],
}

/// `server-first-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

/// `server-final-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerFinal {
    /// `v=`
    Signature(Vec<u8>),
    /// `e=`
    Error(String),
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<ClientFirst<'a>, NotScram> {
        let (flag, rest) = cut(message)?;
        let (authzid, bare) = cut(rest)?;
        let flag = match flag {
            b"n" => Flag::Unsupported,
            b"y" => Flag::NotOffered,
            _ => match flag.strip_prefix(b"p=") {
                Some(name) if is_cb_name(name) => Flag::Bound(name),
                _ => return Err(NotScram),
            },
        };
        let authzid = match authzid {
            b"" => String::new(),
            given => parse_name(given.strip_prefix(b"a=").ok_or(NotScram)?)?,
        };
        let mut fields = bare.split(|&octet| octet == b',');
        // A reserved extension would stand first: it starts with "m=".
        let user = parse_name(value(fields.next(), b'n')?)?;
        let nonce = parse_nonce(value(fields.next(), b'r')?)?;
        extensions(fields, b"nr")?;
        Ok(ClientFirst {
            flag,
            authzid,
            header: &message[..message.len() - bare.len()],
            user,
            nonce,
            bare,
        })
    }
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<ClientFinal<'a>, NotScram> {
        let comma = message.iter().rposition(|&octet| octet == b',');
        let comma = comma.ok_or(NotScram)?;
        let without_proof = &message[..comma];
        let proof = decode(value(Some(&message[comma + 1..]), b'p')?)?;
        let mut fields = without_proof.split(|&octet| octet == b',');
        let binding = decode(value(fields.next(), b'c')?)?;
        let nonce = parse_nonce(value(fields.next(), b'r')?)?;
        extensions(fields, b"crp")?;
        Ok(ClientFinal {
            binding,
            nonce,
            proof,
            without_proof,
        })
    }
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<ServerFirst<'a>, NotScram> {
        let mut fields = message.split(|&octet| octet == b',');
        let nonce = parse_nonce(value(fields.next(), b'r')?)?;
        let salt = decode(value(fields.next(), b's')?)?;
        let iterations = parse_number(value(fields.next(), b'i')?)?;
        extensions(fields, b"rsi")?;
        if salt.is_empty() || salt.len() > MAX_SALT {
            return Err(NotScram);
        }
        Ok(ServerFirst {
            nonce,
            salt,
            iterations,
        })
    }
}

impl ServerFinal {
    pub(super) fn parse(message: &[u8]) -> Result<ServerFinal, NotScram> {
        let mut fields = message.split(|&octet| octet == b',');
        let first = fields.next();
        let parsed = match value(first, b'v') {
            Ok(signature) => ServerFinal::Signature(decode(signature)?),
            Err(NotScram) => {
                let error = std::str::from_utf8(value(first, b'e')?).map_err(|_| NotScram)?;
                ServerFinal::Error(error.to_owned())
            }
        };
        extensions(fields, b"ve")?;
        Ok(parsed)
    }
}

/// `saslname`: comma and equals sign escaped.
pub(super) fn encode_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn parse_name(octets: &[u8]) -> Result<String, NotScram> {
    if octets.is_empty() || octets.len() > MAX_FIELD {
        return Err(NotScram);
    }
    let text = std::str::from_utf8(octets).map_err(|_| NotScram)?;
    let mut name = String::with_capacity(text.len());
    let mut pieces = text.split('=');
    name.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (sign, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(NotScram),
        };
        name.push(sign);
        name.push_str(rest);
    }
    if name.contains('\0') {
        return Err(NotScram);
    }
    Ok(name)
}

fn parse_nonce(octets: &[u8]) -> Result<&str, NotScram> {
    // Both sides' nonces stand in one.
    let fits = (1..=2 * MAX_NONCE).contains(&octets.len());
    if !fits || !octets.iter().all(u8::is_ascii_graphic) {
        return Err(NotScram);
    }
    std::str::from_utf8(octets).map_err(|_| NotScram)
}

/// `posit-number`: digits, the first not zero.
fn parse_number(octets: &[u8]) -> Result<u32, NotScram> {
    if !octets
        .first()
        .is_some_and(|first| (b'1'..=b'9').contains(first))
        || !octets.iter().all(u8::is_ascii_digit)
    {
        return Err(NotScram);
    }
    let text = std::str::from_utf8(octets).map_err(|_| NotScram)?;
    text.parse().map_err(|_| NotScram)
}

fn is_cb_name(name: &[u8]) -> bool {
    let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-');
    !name.is_empty() && name.iter().all(allowed)
}

/// Up to the comma, and what follows it.
fn cut(octets: &[u8]) -> Result<(&[u8], &[u8]), NotScram> {
    let comma = octets.iter().position(|&octet| octet == b',');
    let comma = comma.ok_or(NotScram)?;
    Ok((&octets[..comma], &octets[comma + 1..]))
}

/// The value of the attribute with this name.
fn value(field: Option<&[u8]>, name: u8) -> Result<&[u8], NotScram> {
    match field {
        Some([first, b'=', value @ ..]) if *first == name => Ok(value),
        _ => Err(NotScram),
    }
}

/// Optional extensions are passed over. What has a meaning of its own is none: a second user name,
/// say, could be read by somebody else as the one that counts.
fn extensions<'a>(fields: impl Iterator<Item = &'a [u8]>, taken: &[u8]) -> Result<(), NotScram> {
    for field in fields {
        match field {
            [name, b'=', value @ ..]
                if name.is_ascii_alphabetic()
                    && *name != b'm'
                    && !taken.contains(name)
                    && !value.is_empty()
                    && !value.contains(&0)
                    && std::str::from_utf8(value).is_ok() => {}
            _ => return Err(NotScram),
        }
    }
    Ok(())
}

fn decode(octets: &[u8]) -> Result<Vec<u8>, NotScram> {
    STANDARD.decode(octets).map_err(|_| NotScram)
}
