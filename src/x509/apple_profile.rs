//! Configuration profiles of Apple's systems (`.mobileconfig`): a property list in XML with an identity
//! and a mail account.
//!
//! The profile names no password. The device asks for that of the identity when it is installed, and
//! which identity the mail account uses has to be chosen on the device: the format has no key for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Fingerprint, X509Error};

/// What is in a profile.
#[derive(Debug)]
pub struct AppleProfile<'a> {
    /// The address to log in with and to write from.
    pub address: &'a str,
    /// Its owner, for From fields; may be empty.
    pub full_name: &'a str,
    /// Where mail is read.
    pub imap: (&'a str, u16),
    /// Where mail is handed in.
    pub submission: (&'a str, u16),
    /// What people see the identity as.
    pub identity_name: &'a str,
    /// Which key it is.
    pub fingerprint: Fingerprint,
    /// The identity: PKCS#12 in the legacy form, which all of Apple's systems take.
    pub pkcs12: &'a [u8],
}

impl AppleProfile<'_> {
    /// The file. A profile for the same address replaces the one before it on the device.
    pub fn encode(&self) -> Result<Zeroizing<String>, X509Error> {
        let mut plist = Plist::new();
        let identifier = format!("mox.{}", self.address);
        let title = format!("Mail of {}", self.address);
        plist.open("dict");
        plist.head("Configuration", &identifier, &title)?;
        plist.key("PayloadContent").open("array");
        self.identity(&mut plist, &identifier)?;
        self.account(&mut plist, &identifier)?;
        plist.close("array");
        plist.close("dict");
        Ok(plist.finish())
    }

    fn identity(&self, plist: &mut Plist, identifier: &str) -> Result<(), X509Error> {
        let own = format!("{identifier}.identity.{}", self.fingerprint);
        plist.open("dict");
        plist.head("com.apple.security.pkcs12", &own, self.identity_name)?;
        plist.string("PayloadCertificateFileName", "identity.p12");
        plist.data("PayloadContent", self.pkcs12);
        plist.close("dict");
        Ok(())
    }

    fn account(&self, plist: &mut Plist, identifier: &str) -> Result<(), X509Error> {
        plist.open("dict");
        let own = format!("{identifier}.mail");
        plist.head("com.apple.mail.managed", &own, self.address)?;
        plist.string("EmailAccountType", "EmailTypeIMAP");
        plist.string("EmailAccountDescription", self.address);
        if !self.full_name.is_empty() {
            plist.string("EmailAccountName", self.full_name);
        }
        plist.string("EmailAddress", self.address);
        for (direction, (host, port)) in [("Incoming", self.imap), ("Outgoing", self.submission)] {
            let name = |what: &str| format!("{direction}MailServer{what}");
            plist.string(&name("HostName"), host);
            plist.key(&name("PortNumber")).integer(port);
            plist.key(&name("UseSSL")).truth(true);
            plist.string(&name("Username"), self.address);
            plist.string(&name("Authentication"), "EmailAuthPassword");
        }
        let same = "OutgoingPasswordSameAsIncomingPassword";
        plist.key(same).truth(true);
        plist.close("dict");
        Ok(())
    }
}

/// A property list being written.
struct Plist {
    text: Zeroizing<String>,
    depth: usize,
}

impl Plist {
    fn new() -> Plist {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
            \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
            <plist version=\"1.0\">\n";
        Plist {
            text: Zeroizing::new(head.to_owned()),
            depth: 0,
        }
    }

    fn finish(mut self) -> Zeroizing<String> {
        self.text.push_str("</plist>\n");
        self.text
    }

    /// What every payload has.
    fn head(&mut self, kind: &str, identifier: &str, title: &str) -> Result<(), X509Error> {
        self.string("PayloadType", kind);
        self.key("PayloadVersion").integer(1);
        self.string("PayloadIdentifier", identifier);
        self.string("PayloadUUID", &uuid()?);
        self.string("PayloadDisplayName", title);
        Ok(())
    }

    fn open(&mut self, element: &str) -> &mut Self {
        self.line(&format!("<{element}>"));
        self.depth += 1;
        self
    }

    fn close(&mut self, element: &str) {
        self.depth -= 1;
        self.line(&format!("</{element}>"));
    }

    fn key(&mut self, name: &str) -> &mut Self {
        self.line(&format!("<key>{name}</key>"));
        self
    }

    fn string(&mut self, key: &str, value: &str) {
        let value = escaped(value);
        self.key(key).line(&format!("<string>{value}</string>"));
    }

    fn integer(&mut self, value: u16) {
        self.line(&format!("<integer>{value}</integer>"));
    }

    fn truth(&mut self, value: bool) {
        self.line(&format!("<{value}/>"));
    }

    fn data(&mut self, key: &str, bytes: &[u8]) {
        self.key(key).open("data");
        let text = Zeroizing::new(STANDARD.encode(bytes));
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(64));
            self.line(line);
            rest = more;
        }
        self.close("data");
    }

    fn line(&mut self, line: &str) {
        for _ in 0..self.depth {
            self.text.push('\t');
        }
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Text between two tags: what XML 1.0 has no form for becomes `?`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

/// A random one (RFC 9562 §5.4).
fn uuid() -> Result<String, X509Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|e| X509Error::Crypto(format!("make a random number: {e}")))?;
    let version = u128::from_be_bytes(random) & !(0xf << 76) | 4 << 76;
    let variant = version & !(3 << 62) | 2 << 62;
    let hex = format!("{variant:032X}");
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    Ok(format!("{a}-{b}-{c}-{d}-{e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(full_name: &str) -> String {
        let profile = AppleProfile {
            address: "a&b@example.org",
            full_name,
            imap: ("mail.example.org", 993),
            submission: ("mail.example.org", 465),
            identity_name: "phone",
            fingerprint: Fingerprint::from_bytes([7; 32]),
            pkcs12: &[0xff; 100],
        };
        profile.encode().expect("encoded").to_string()
    }

    #[test]
    fn markup_is_escaped() {
        let text = profile("<key>x</key> \"&amp;\"\u{1}");
        assert!(text.contains("<string>&lt;key&gt;x&lt;/key&gt; \"&amp;amp;\"?</string>"));
        assert!(text.contains("<string>a&amp;b@example.org</string>"));
        assert_eq!(text.matches("<dict>").count(), 3);
        assert_eq!(text.matches("</dict>").count(), 3);
        assert!(!profile("").contains("EmailAccountName"));
    }

    #[test]
    fn uuids_are_random_ones() {
        let one = uuid().expect("made");
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(b"89AB".contains(&one.as_bytes()[19]), "{one}");
        assert_ne!(one, uuid().expect("made"));
    }
}
