//! DKIM: the key in DNS is the one that signs.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Check, Status};
use crate::clock;
use crate::dns::Resolver;
use crate::zone::facts::{DkimRecord, DomainDns};
use crate::zone::tags;

/// Each key that is configured.
pub(super) async fn dkim(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let mut checks = Vec::new();
    if !facts.dkim.iter().any(|key| key.signs) {
        let none = Check::new("dkim", &facts.domain);
        checks.push(none.warning("no key signs mail of the domain"));
    }
    for key in &facts.dkim {
        checks.push(one(&facts, &resolver, key).await);
    }
    checks
}

async fn one(facts: &DomainDns, resolver: &Resolver, key: &DkimRecord) -> Check {
    let name = format!("{}._domainkey.{}", key.selector, facts.domain);
    let check = Check::new("dkim", &name).expected([&key.record]);
    let answer = match resolver.txt(&name).await {
        Ok(answer) => answer,
        Err(e) => {
            let (status, advice) = match key.signs {
                true => (
                    Status::Error,
                    "no record: signatures with this key are worth nothing",
                ),
                false => (Status::Ok, "no record, and the key does not sign"),
            };
            return check.none(&e, status, advice);
        }
    };
    let texts: Vec<String> = answer.records.iter().map(|txt| txt.text()).collect();
    let check = check.found(&texts);
    let [text] = &texts[..] else {
        return check.error("several records at one selector count as none: leave one");
    };
    let Some(tags) = tags::parse(text) else {
        return check.error("the text is no DKIM record");
    };
    let own = tags::parse(&key.record).unwrap_or_default();
    judge(check, &own, &tags)
}

/// RFC 6376 §3.6.1.
fn judge(check: Check, own: &[(String, String)], tags: &[(String, String)]) -> Check {
    let tag = |name: &str| tags::get(tags, name);
    let expected = |name: &str| tags::get(own, name).unwrap_or_default();
    if tag("v").is_some_and(|version| version != "DKIM1") {
        return check.error("the text is no DKIM record: v= has to be DKIM1");
    }
    let Some(public) = tag("p") else {
        return check.error("the record has no p=, the key");
    };
    let public: String = public.split_whitespace().collect();
    if public.is_empty() {
        return check.error("the record says that the key is revoked (p= is empty)");
    }
    let algorithm = tag("k").unwrap_or("rsa");
    if !algorithm.eq_ignore_ascii_case(expected("k")) {
        return check.error(format!(
            "the record has k={algorithm}, the key is {}",
            expected("k")
        ));
    }
    let (found, own) = (STANDARD.decode(&public), STANDARD.decode(expected("p")));
    match (found, own) {
        (Ok(found), Ok(own)) if found == own || inner(&own) == Some(&found[..]) => {}
        (Err(_), _) => return check.error("p= is not base64: a piece of the key got lost?"),
        _ => {
            return check.error(
                "another key is published than the one that signs: signatures fail; publish what \
                 is expected",
            );
        }
    }
    let lists = |name: &str, one: &str| {
        tag(name).is_none_or(|value| value.split(':').any(|word| word.trim() == one))
    };
    if !lists("h", "sha256") {
        return check.error("h= does not allow sha256, which signatures use");
    }
    if !lists("s", "email") && !lists("s", "*") {
        return check.error("s= does not allow mail");
    }
    match tag("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        true => check.warning("t=y: others treat signatures as a test only; remove it"),
        false => check,
    }
}

/// The RSAPublicKey inside a SubjectPublicKeyInfo, which some publish instead of it: the bit string
/// at the end is the rest of the bytes.
fn inner(key: &[u8]) -> Option<&[u8]> {
    use x509_parser::prelude::FromDer as _;
    use x509_parser::x509::SubjectPublicKeyInfo;
    let (_, parsed) = SubjectPublicKeyInfo::from_der(key).ok()?;
    let bytes: &[u8] = parsed.subject_public_key.data.as_ref();
    let start = key.len().checked_sub(bytes.len())?;
    key.get(start..)
}

/// Keys that are in DNS and not configured: names as `mox config domain add` gives them, of this year and
/// the two before. DNS does not list what there is.
pub(super) async fn stale(facts: Arc<DomainDns>, resolver: Resolver) -> Vec<Check> {
    let mut checks = Vec::new();
    let year = clock::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    for year in [year, year - 1, year - 2] {
        for letter in ['a', 'b', 'c', 'd'] {
            let selector = format!("{year}{letter}");
            if facts.dkim.iter().any(|key| key.selector == selector) {
                continue;
            }
            let name = format!("{selector}._domainkey.{}", facts.domain);
            let Ok(answer) = resolver.txt(&name).await else {
                continue;
            };
            let texts: Vec<String> = answer.records.iter().map(|txt| txt.text()).collect();
            let revoked = texts.iter().all(|text| {
                let tags = tags::parse(text).unwrap_or_default();
                tags::get(&tags, "p") == Some("")
            });
            if !revoked {
                checks.push(Check::new("dkim", &name).found(texts).warning(
                    "a key that is not configured: who has its private half can sign; if it is \
                     not another server's, remove the record, a week after the last mail with it",
                ));
            }
        }
    }
    checks
}
