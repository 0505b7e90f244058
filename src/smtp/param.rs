//! Parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152, RFC 3030), SMTPUTF8 (RFC 6531),
//! AUTH (RFC 4954), RET, ENVID, NOTIFY and ORCPT (RFC 3461).

use std::fmt;

use super::CommandError;

/// Parameters of MAIL FROM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailParams {
    /// `SIZE=`: bytes the message will have.
    pub size: Option<u64>,
    /// `BODY=`.
    pub body: Option<BodyType>,
    /// `SMTPUTF8`.
    pub utf8: bool,
    /// `AUTH=`: who it was that submitted the message, as far as the client is believed; `<>` is
    /// the empty text.
    pub auth: Option<Xtext>,
    /// `RET=`.
    pub ret: Option<DsnReturn>,
    /// `ENVID=`.
    pub envid: Option<Xtext>,
}

/// Parameters of RCPT TO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RcptParams {
    /// `NOTIFY=`.
    pub notify: Option<Notify>,
    /// `ORCPT=`: address type and address.
    pub orcpt: Option<(String, Xtext)>,
}

/// `BODY=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyType {
    /// `7BIT`.
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
    /// `BINARYMIME`.
    BinaryMime,
}

/// `RET=`: what of the message a notification of failure has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DsnReturn {
    /// `FULL`.
    Full,
    /// `HDRS`.
    Headers,
}

/// `NOTIFY=`: when to notify the sender; none of them is `NEVER`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notify {
    /// `SUCCESS`.
    pub success: bool,
    /// `FAILURE`.
    pub failure: bool,
    /// `DELAY`.
    pub delay: bool,
}

/// Text that stands as xtext on the wire (RFC 3461 §4), decoded; printable ASCII and UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xtext(String);

impl Xtext {
    /// Decodes `*( xchar / hexchar )`, `hexchar = "+" 2(%x30-39 / %x41-46)`.
    pub fn parse(text: &str) -> Option<Xtext> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
                b'!'..=b'~' if byte != b'=' => byte,
                _ => return None,
            });
        }
        Xtext::from_text(String::from_utf8(bytes).ok()?)
    }

    /// Takes plain text; none if it has control characters.
    pub fn from_text(text: String) -> Option<Xtext> {
        (!text.chars().any(char::is_control)).then_some(Xtext(text))
    }

    /// The decoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Xtext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'!'..=b'~' if byte != b'+' && byte != b'=' => write!(f, "{}", byte as char)?,
                _ => write!(f, "+{byte:02X}")?,
            }
        }
        Ok(())
    }
}

impl MailParams {
    /// Parses what follows the path: ` KEY` or ` KEY=VALUE`, each at most once.
    pub(super) fn parse(text: &str) -> Result<MailParams, CommandError> {
        let mut params = MailParams::default();
        for param in text.split(' ').filter(|param| !param.is_empty()) {
            let (key, value) = divide(param);
            match (key.to_ascii_uppercase().as_str(), value) {
                ("SIZE", Some(value)) => once(&mut params.size, parse_size(value))?,
                ("BODY", Some(value)) => once(&mut params.body, parse_body(value))?,
                ("SMTPUTF8", None) => {
                    if std::mem::replace(&mut params.utf8, true) {
                        return Err(CommandError::Arguments("a parameter is there twice"));
                    }
                }
                ("AUTH", Some("<>")) => once(&mut params.auth, Some(Xtext(String::new())))?,
                ("AUTH", Some(value)) => once(&mut params.auth, bounded(value, 500))?,
                ("RET", Some(value)) => once(&mut params.ret, parse_return(value))?,
                ("ENVID", Some(value)) => once(&mut params.envid, bounded(value, 100))?,
                _ => return Err(unknown(key)),
            }
        }
        Ok(params)
    }
}

impl fmt::Display for MailParams {
    /// Each with a space before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        match self.body {
            None => {}
            Some(BodyType::SevenBit) => f.write_str(" BODY=7BIT")?,
            Some(BodyType::EightBitMime) => f.write_str(" BODY=8BITMIME")?,
            Some(BodyType::BinaryMime) => f.write_str(" BODY=BINARYMIME")?,
        }
        if self.utf8 {
            f.write_str(" SMTPUTF8")?;
        }
        match &self.auth {
            None => {}
            Some(auth) if auth.0.is_empty() => f.write_str(" AUTH=<>")?,
            Some(auth) => write!(f, " AUTH={auth}")?,
        }
        match self.ret {
            None => {}
            Some(DsnReturn::Full) => f.write_str(" RET=FULL")?,
            Some(DsnReturn::Headers) => f.write_str(" RET=HDRS")?,
        }
        if let Some(envid) = &self.envid {
            write!(f, " ENVID={envid}")?;
        }
        Ok(())
    }
}

impl RcptParams {
    /// Whether any is there.
    pub fn is_empty(&self) -> bool {
        self.notify.is_none() && self.orcpt.is_none()
    }

    /// As for MAIL.
    pub(super) fn parse(text: &str) -> Result<RcptParams, CommandError> {
        let mut params = RcptParams::default();
        for param in text.split(' ').filter(|param| !param.is_empty()) {
            let (key, value) = divide(param);
            match (key.to_ascii_uppercase().as_str(), value) {
                ("NOTIFY", Some(value)) => once(&mut params.notify, parse_notify(value))?,
                ("ORCPT", Some(value)) => once(&mut params.orcpt, parse_orcpt(value))?,
                _ => return Err(unknown(key)),
            }
        }
        Ok(params)
    }
}

impl fmt::Display for RcptParams {
    /// Each with a space before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(notify) = self.notify {
            let words = [
                (notify.success, "SUCCESS"),
                (notify.failure, "FAILURE"),
                (notify.delay, "DELAY"),
            ];
            let mut words = words.iter().filter(|word| word.0).map(|word| word.1);
            write!(f, " NOTIFY={}", words.next().unwrap_or("NEVER"))?;
            for word in words {
                write!(f, ",{word}")?;
            }
        }
        if let Some((kind, address)) = &self.orcpt {
            write!(f, " ORCPT={kind};{address}")?;
        }
        Ok(())
    }
}

fn divide(param: &str) -> (&str, Option<&str>) {
    match param.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (param, None),
    }
}

/// Sets a parameter that was absent and well-formed.
fn once<T>(slot: &mut Option<T>, value: Option<T>) -> Result<(), CommandError> {
    if slot.is_some() {
        return Err(CommandError::Arguments("a parameter is there twice"));
    }
    match value {
        None => Err(CommandError::Arguments("malformed value of a parameter")),
        value => {
            *slot = value;
            Ok(())
        }
    }
}

/// Names the parameter, if it is one that can be shown.
fn unknown(key: &str) -> CommandError {
    let plain = key.len() <= 32 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    CommandError::Parameter(if plain { key } else { "?" }.to_owned())
}

/// `1*20DIGIT`; what does not fit is too large for anybody.
fn parse_size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

fn parse_body(value: &str) -> Option<BodyType> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Some(BodyType::SevenBit),
        "8BITMIME" => Some(BodyType::EightBitMime),
        "BINARYMIME" => Some(BodyType::BinaryMime),
        _ => None,
    }
}

fn parse_return(value: &str) -> Option<DsnReturn> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Some(DsnReturn::Full),
        "HDRS" => Some(DsnReturn::Headers),
        _ => None,
    }
}

/// `"NEVER" / ( "SUCCESS" / "FAILURE" / "DELAY" ) *( "," … )`.
fn parse_notify(value: &str) -> Option<Notify> {
    let mut notify = Notify::default();
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for word in value.split(',') {
        let slot = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return None,
        };
        if std::mem::replace(slot, true) {
            return None;
        }
    }
    Some(notify)
}

/// `addr-type ";" xtext`; the type is an atom (`rfc822`, `utf-8`).
fn parse_orcpt(value: &str) -> Option<(String, Xtext)> {
    let (kind, address) = value.split_once(';')?;
    let atom = !kind.is_empty()
        && kind.len() <= 64
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !atom {
        return None;
    }
    Some((kind.to_owned(), bounded(address, 500)?))
}

/// Xtext with so many characters at most, and at least one.
fn bounded(value: &str, most: usize) -> Option<Xtext> {
    Xtext::parse(value).filter(|text| (1..=most).contains(&text.0.len()))
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
