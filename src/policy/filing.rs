//! Which mailbox a message goes to, once its header is known: rulesets of destinations.

use super::Delivery;
use crate::addr::{Address, Domain, Localpart};
use crate::config::model::{Pattern, Ruleset};
use crate::mail::MailAddress;
use crate::mail::header::fields;
use crate::mail::words::decode_words;

/// What rulesets look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// MAIL FROM, empty for `<>`.
    mail_from: String,
    /// Addresses in the From field.
    authors: Vec<String>,
    /// Name and decoded value of each field.
    fields: Vec<(String, String)>,
}

impl Header {
    /// As many bytes of a header are looked at; real ones have a tenth of it.
    pub const LOOKED_AT: usize = 256 << 10;

    /// Of a message: the address that it came from, the authors that its envelope has, and its first
    /// bytes. Folds are taken out of the fields and encoded words decoded (RFC 2047); what stands
    /// behind [`LOOKED_AT`](Header::LOOKED_AT) does not count.
    pub fn new(mail_from: Option<&Address>, authors: &[MailAddress], bytes: &[u8]) -> Header {
        let bytes = &bytes[..bytes.len().min(Header::LOOKED_AT)];
        let named = fields(bytes).filter(|field| !field.name.is_empty());
        Header {
            mail_from: mail_from.map(Address::to_string).unwrap_or_default(),
            authors: authors.iter().filter_map(author).collect(),
            fields: named
                .map(|field| {
                    let name = String::from_utf8_lossy(field.name).into_owned();
                    (name, decode_words(&field.unfolded()))
                })
                .collect(),
        }
    }
}

/// As people write it; the start or end of a group names nobody.
fn author(author: &MailAddress) -> Option<String> {
    let localpart = String::from_utf8_lossy(author.mailbox.as_deref()?);
    let host = String::from_utf8_lossy(author.host.as_deref()?);
    match (Localpart::parse(&localpart), Domain::parse(&host)) {
        (Ok(localpart), Ok(domain)) => Some(Address { localpart, domain }.to_string()),
        _ => Some(format!("{localpart}@{host}")),
    }
}

/// The mailbox for a message: that of the first ruleset that matches, else the destination's own.
pub fn decide_mailbox<'d>(delivery: &'d Delivery, header: &Header) -> &'d str {
    let mut rulesets = delivery.rulesets.iter();
    match rulesets.find(|ruleset| matches(ruleset, header)) {
        Some(ruleset) => &ruleset.mailbox,
        None => &delivery.mailbox,
    }
}

/// Where the copies of a message go: each account and mailbox once.
pub fn file(deliveries: &[Delivery], header: &Header) -> Vec<Delivery> {
    let mut filed: Vec<Delivery> = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let mailbox = decide_mailbox(delivery, header);
        let same = |known: &Delivery| known.account == delivery.account && known.mailbox == mailbox;
        if !filed.iter().any(same) {
            filed.push(Delivery {
                mailbox: mailbox.to_owned(),
                rulesets: [].into(),
                ..delivery.clone()
            });
        }
    }
    filed
}

fn matches(ruleset: &Ruleset, header: &Header) -> bool {
    let holds = |pattern: &Option<Pattern>, is_so: &dyn Fn(&Pattern) -> bool| {
        pattern.as_ref().is_none_or(is_so)
    };
    let field = |(name, value): &(Pattern, Pattern)| {
        let mut fields = header.fields.iter();
        fields.any(|(n, v)| name.is_match(n) && value.is_match(v))
    };
    holds(&ruleset.smtp_mail_from_regexp, &|pattern| {
        pattern.is_match(&header.mail_from)
    }) && holds(&ruleset.msg_from_regexp, &|pattern| {
        header.authors.iter().any(|author| pattern.is_match(author))
    }) && ruleset.headers_regexp.iter().all(field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::addr::AccountName;
    use crate::mail::{Limits, Parser};

    fn ruleset(mail_from: &str, from: &str, fields: &[(&str, &str)], mailbox: &str) -> Ruleset {
        let pattern = |text: &str| Pattern::parse(text).expect("a pattern");
        let optional = |text: &str| (!text.is_empty()).then(|| pattern(text));
        Ruleset {
            smtp_mail_from_regexp: optional(mail_from),
            msg_from_regexp: optional(from),
            headers_regexp: fields
                .iter()
                .map(|(name, value)| (pattern(name), pattern(value)))
                .collect(),
            mailbox: mailbox.to_owned(),
            comment: String::new(),
        }
    }

    fn delivery(account: &str, mailbox: &str, rulesets: Vec<Ruleset>) -> Delivery {
        Delivery {
            account: AccountName::parse(account).expect("a name"),
            mailbox: mailbox.to_owned(),
            rulesets: rulesets.into(),
            quota: 0,
        }
    }

    fn header(mail_from: &str, message: &str) -> Header {
        let mut parser = Parser::new(Limits::default());
        parser.push(message.as_bytes());
        let parsed = parser.finish();
        let mail_from = Address::parse(mail_from).ok();
        Header::new(
            mail_from.as_ref(),
            &parsed.envelope.from,
            message.as_bytes(),
        )
    }

    #[test]
    fn the_first_that_matches_counts() {
        let delivery = delivery(
            "alice",
            "Inbox",
            vec![
                ruleset("^$", "", &[], "Bounces"),
                ruleset("", "@shop\\.example$", &[("^subject$", "order")], "Orders"),
                ruleset("", "@shop\\.example$", &[], "Shop"),
                ruleset("", "", &[("^list-id$", "<team\\.")], "Team"),
                ruleset("", "", &[("^subject$", "^grüße aus")], "Cards"),
                ruleset("", "^mail@bücher\\.example$", &[], "Books"),
            ],
        );
        for (from, message, mailbox) in [
            ("", "From: x@shop.example\r\n\r\n", "Bounces"),
            (
                "a@b.example",
                "From: X <X@Shop.example>\r\nSubject: your\r\n ORDER\r\n\r\n",
                "Orders",
            ),
            (
                "a@b.example",
                "From: x@shop.example\r\n\r\nSubject: order",
                "Shop",
            ),
            (
                "a@b.example",
                "List-Id: Us\r\n\t<team.example>\r\n\r\n",
                "Team",
            ),
            (
                "a@b.example",
                "Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?utf-8?b?IGF1cw==?= Rom\r\n\r\n",
                "Cards",
            ),
            (
                "a@b.example",
                "From: mail@xn--bcher-kva.example\r\n\r\n",
                "Books",
            ),
            ("a@b.example", "Subject: hello\r\n\r\n", "Inbox"),
            ("a@b.example", "", "Inbox"),
        ] {
            let header = header(from, message);
            assert_eq!(decide_mailbox(&delivery, &header), mailbox, "{message:?}");
        }
    }

    #[test]
    fn each_mailbox_gets_one_copy() {
        let team = || vec![ruleset("", "", &[("subject", "team")], "Team")];
        let deliveries = [
            delivery("alice", "Inbox", team()),
            delivery("alice", "Sales", team()),
            delivery("bob", "Inbox", Vec::new()),
        ];
        let filed = |subject: &str| -> Vec<String> {
            let header = header("", &format!("Subject: {subject}\r\n\r\n"));
            let filed = file(&deliveries, &header);
            let filed = filed.iter();
            filed
                .map(|to| format!("{}/{}", to.account, to.mailbox))
                .collect()
        };
        assert_eq!(filed("the team"), ["alice/Team", "bob/Inbox"]);
        assert_eq!(filed("else"), ["alice/Inbox", "alice/Sales", "bob/Inbox"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let header = Header::new(None, &[], &bytes);
            let rule = ruleset("x", "y", &[("a", "b")], "Z");
            let _ = file(&[delivery("a", "Inbox", vec![rule])], &header);
        }
    }
}
