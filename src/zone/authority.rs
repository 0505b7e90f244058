//! Which authority issued a certificate, as CAA records name it (RFC 8659 §4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::facts::HostCertificate;

/// Organisations as issuers of certificates have them, and the domains that their practice statements give
/// for CAA records.
const AUTHORITIES: [(&str, &str); 8] = [
    ("Let's Encrypt", "letsencrypt.org"),
    ("ZeroSSL", "sectigo.com"),
    ("Sectigo Limited", "sectigo.com"),
    ("Google Trust Services", "pki.goog"),
    ("Buypass AS-983163327", "buypass.com"),
    ("DigiCert Inc", "digicert.com"),
    ("GlobalSign nv-sa", "globalsign.com"),
    ("SSL Corporation", "ssl.com"),
];

/// The domain of the authority that issued it; none for one that is not known, and for a self-signed one.
pub(super) fn authority(certificate: &HostCertificate) -> Option<&'static str> {
    let der = STANDARD.decode(&certificate.certificate).ok()?;
    let (_, parsed) = X509Certificate::from_der(&der).ok()?;
    let mut names = parsed.issuer().iter_organization();
    let name = names.next()?.as_str().ok()?;
    let known = AUTHORITIES.iter().find(|(known, _)| *known == name);
    known.map(|(_, domain)| *domain)
}
