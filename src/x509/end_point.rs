//! `tls-server-end-point`: the hash of a server's certificate that a login is bound to (RFC 5929 §4).

use sha2::{Digest, Sha256, Sha384, Sha512};

/// The hash of a certificate in DER by the hash function of its signature, SHA-256 in place of MD5 and
/// SHA-1; none where the signature names no hash (Ed25519, RSASSA-PSS).
pub fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(
        match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
            // RSA and ECDSA with MD5, SHA-1 and SHA-256 (RFC 3279 §2.2, RFC 4055 §5, RFC 5758 §3.2).
            "1.2.840.113549.1.1.4"
            | "1.2.840.113549.1.1.5"
            | "1.2.840.113549.1.1.11"
            | "1.2.840.10045.4.1"
            | "1.2.840.10045.4.3.2" => Sha256::digest(certificate).to_vec(),
            "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
            "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
            _ => return None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::{ClientKey, ClientKeyType};
    use super::*;

    #[test]
    fn the_signature_says_which_hash() {
        let key = ClientKey::generate(ClientKeyType::EcdsaP256, "k").expect("made");
        let der = key.certificate_der();
        assert_eq!(server_end_point(der), Some(Sha256::digest(der).to_vec()));
        let key = ClientKey::generate(ClientKeyType::Ed25519, "k").expect("made");
        assert_eq!(server_end_point(key.certificate_der()), None);
        assert_eq!(server_end_point(b"no certificate"), None);
    }
}
