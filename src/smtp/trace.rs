//! What goes on top of a message on its way in: Received and Return-Path (RFC 5321 §4.4).

use std::fmt::Write;
use std::net::IpAddr;

use super::{ForwardPath, ReversePath};
use crate::addr::Domain;

/// How a message came in, for its Received field.
#[derive(Debug)]
pub struct Trace<'a> {
    /// What the client called itself in EHLO or HELO.
    pub hello: &'a str,
    /// The client.
    pub remote: IpAddr,
    /// Us.
    pub hostname: &'a Domain,
    /// The protocol.
    pub with: With,
    /// The id it got here: an atom.
    pub id: &'a str,
    /// The recipient, when there is only one: nobody learns of another (RFC 5321 §7.2).
    pub recipient: Option<&'a ForwardPath>,
    /// Version and cipher suite of TLS (RFC 8314 §4.3).
    pub tls: Option<(&'a str, &'a str)>,
    /// When, seconds since 1970.
    pub time: i64,
}

/// The protocol, by its registered name (RFC 3848 §1, RFC 6531 §3.7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct With {
    /// EHLO was used.
    pub extended: bool,
    /// MAIL had SMTPUTF8.
    pub utf8: bool,
    /// Over TLS.
    pub tls: bool,
    /// Logged in.
    pub auth: bool,
}

impl With {
    /// `SMTP`, `ESMTPSA`, `UTF8SMTPS` and so on.
    pub fn name(self) -> &'static str {
        match (self.utf8, self.tls, self.auth) {
            (false, _, _) if !self.extended => "SMTP",
            (false, false, false) => "ESMTP",
            (false, false, true) => "ESMTPA",
            (false, true, false) => "ESMTPS",
            (false, true, true) => "ESMTPSA",
            (true, false, false) => "UTF8SMTP",
            (true, false, true) => "UTF8SMTPA",
            (true, true, false) => "UTF8SMTPS",
            (true, true, true) => "UTF8SMTPSA",
        }
    }
}

impl Trace<'_> {
    /// The Received field with its CRLF, folded.
    pub fn received(&self) -> String {
        let mut field = String::with_capacity(320);
        let ip = match self.remote.to_canonical() {
            IpAddr::V4(ip) => format!("[{ip}]"),
            IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            field,
            "Received: from {} ({ip})\r\n\tby {} with {} id {}",
            self.hello,
            self.hostname.ascii(),
            self.with.name(),
            self.id,
        );
        if let Some(recipient) = self.recipient {
            let _ = write!(field, "\r\n\tfor {recipient}");
        }
        if let Some((version, cipher)) = self.tls {
            let _ = write!(field, "\r\n\ttls {cipher} ({version})");
        }
        let _ = write!(field, ";\r\n\t{}\r\n", date(self.time));
        field
    }
}

/// The Return-Path field with its CRLF.
pub fn return_path(from: &ReversePath) -> String {
    format!("Return-Path: {from}\r\n")
}

/// A date in UTC as header fields have it (RFC 5322 §3.3).
pub fn date(time: i64) -> String {
    let utc = jiff::Timestamp::from_second(time)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC);
    utc.strftime("%a, %-d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Mailbox;

    #[test]
    fn received_names_all_there_is() {
        let hostname = Domain::parse("mail.example.org").expect("a domain");
        let recipient =
            ForwardPath::Mailbox(Mailbox::parse("bob@bücher.example").expect("a mailbox"));
        let trace = Trace {
            hello: "client.example",
            remote: "2001:db8::1".parse().expect("an address"),
            hostname: &hostname,
            with: With {
                extended: true,
                utf8: false,
                tls: true,
                auth: true,
            },
            id: "abc123",
            recipient: Some(&recipient),
            tls: Some(("TLSv1.3", "TLS_AES_128_GCM_SHA256")),
            time: 1_763_806_920,
        };
        assert_eq!(
            trace.received(),
            "Received: from client.example ([IPv6:2001:db8::1])\r\n\
             \tby mail.example.org with ESMTPSA id abc123\r\n\
             \tfor <bob@xn--bcher-kva.example>\r\n\
             \ttls TLS_AES_128_GCM_SHA256 (TLSv1.3);\r\n\
             \tSat, 22 Nov 2025 10:22:00 +0000\r\n"
        );
        assert_eq!(return_path(&ReversePath::Null), "Return-Path: <>\r\n");
    }

    #[test]
    fn every_field_parses_as_a_date() {
        for time in [0, 951_782_400, 1_763_806_920, 253_402_200_000] {
            let text = date(time);
            let parsed = jiff::fmt::rfc2822::parse(&text).expect("a date");
            assert_eq!(parsed.timestamp().as_second(), time);
        }
    }
}
