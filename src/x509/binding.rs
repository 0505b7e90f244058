//! What a TLS connection can be bound to (RFC 5929 §4, RFC 9266): computed from either end of it.

use aws_lc_rs::digest::{self, Algorithm};
use rustls::{ClientConnection, ConnectionCommon, ProtocolVersion};
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use crate::sasl::ChannelBindings;

/// Of the client's end of a connection whose handshake is done.
pub fn client_channel_bindings(connection: &ClientConnection) -> ChannelBindings {
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    ChannelBindings::new(
        exporter(connection),
        certificate.and_then(|der| server_end_point(der)),
    )
}

/// `tls-exporter`: 32 octets of keying material. On TLS 1.3 only: on 1.2 it would be safe with
/// extended master secret alone.
pub(super) fn exporter<Data>(connection: &ConnectionCommon<Data>) -> Option<Vec<u8>> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    let material = vec![0; 32];
    connection
        .export_keying_material(material, b"EXPORTER-Channel-Binding", Some(b""))
        .ok()
}

/// `tls-server-end-point`: the server's certificate under the hash function of its signature, SHA-256
/// instead of MD5 and SHA-1. None where the signature names no hash, as Ed25519's.
pub fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let hash = hash_of(&parsed.signature_algorithm)?;
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

fn hash_of(signature: &AlgorithmIdentifier<'_>) -> Option<&'static Algorithm> {
    let oid = signature.algorithm.to_id_string();
    if oid != RSA_PSS {
        return named(&SIGNATURES, &oid);
    }
    // Its hash stands in the parameters, SHA-1 if not (RFC 4055 §3.1).
    let params = RsaSsaPssParams::try_from(signature.parameters.as_ref()?).ok()?;
    named(&HASHES, &params.hash_algorithm_oid().to_id_string())
}

type Named = (&'static str, &'static Algorithm);

fn named(all: &[Named], oid: &str) -> Option<&'static Algorithm> {
    all.iter()
        .find(|(name, _)| *name == oid)
        .map(|(_, hash)| *hash)
}

const RSA_PSS: &str = "1.2.840.113549.1.1.10";

/// RSA with MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512; ECDSA with the same from SHA-1 on.
const SIGNATURES: [Named; 11] = [
    ("1.2.840.113549.1.1.4", &digest::SHA256),
    ("1.2.840.113549.1.1.5", &digest::SHA256),
    ("1.2.840.113549.1.1.14", &digest::SHA224),
    ("1.2.840.113549.1.1.11", &digest::SHA256),
    ("1.2.840.113549.1.1.12", &digest::SHA384),
    ("1.2.840.113549.1.1.13", &digest::SHA512),
    ("1.2.840.10045.4.1", &digest::SHA256),
    ("1.2.840.10045.4.3.1", &digest::SHA224),
    ("1.2.840.10045.4.3.2", &digest::SHA256),
    ("1.2.840.10045.4.3.3", &digest::SHA384),
    ("1.2.840.10045.4.3.4", &digest::SHA512),
];

/// SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
const HASHES: [Named; 5] = [
    ("1.3.14.3.2.26", &digest::SHA256),
    ("2.16.840.1.101.3.4.2.4", &digest::SHA224),
    ("2.16.840.1.101.3.4.2.1", &digest::SHA256),
    ("2.16.840.1.101.3.4.2.2", &digest::SHA384),
    ("2.16.840.1.101.3.4.2.3", &digest::SHA512),
];

#[cfg(test)]
mod tests;
