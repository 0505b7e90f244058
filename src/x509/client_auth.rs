//! Client certificates in the handshake (`spec/auth.md`, "TLS public keys"): everybody is asked for one
//! and nobody needs one; whoever shows one proves to have its private key. Whose key it is, is
//! nobody's business here: a verdict would outlive the key on resumed sessions.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
};

use super::public_key::PublicKey;
use super::{Fingerprint, provider};

/// The key that a client has proven to have, by the certificates of its connection; none if its kind
/// is never accepted. Only the first certificate is looked at, whatever follows.
pub fn proven_key(chain: &[CertificateDer<'_>]) -> Option<Fingerprint> {
    let key = PublicKey::of_certificate(chain.first()?).ok()?;
    Some(key.fingerprint())
}

/// Takes every certificate, and verifies the handshake's signature with the public key itself. A key
/// of a kind that is never accepted gets through unverified, since [`proven_key`] gives none for it.
#[derive(Debug)]
pub(super) struct AnyKey {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyKey {
    pub(super) fn new() -> AnyKey {
        AnyKey {
            algorithms: provider().signature_verification_algorithms,
        }
    }

    /// `exact`: the scheme alone says which curve, and PKCS #1 v1.5 is for certificates only (RFC 8446
    /// §4.2.3); before TLS 1.3 a scheme named a hash.
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        exact: bool,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Ok(key) = PublicKey::of_certificate(certificate) else {
            return Ok(HandshakeSignatureValid::assertion());
        };
        let pkcs1 = matches!(
            signed.scheme,
            SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
        );
        let unoffered = PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme;
        let of_scheme = self
            .algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == signed.scheme && !(exact && pkcs1))
            .map(|(_, algorithms)| *algorithms)
            .ok_or(unoffered)?;
        let possible = match exact {
            true => &of_scheme[..of_scheme.len().min(1)],
            false => of_scheme,
        };
        let wrong = || Error::InvalidCertificate(CertificateError::BadSignature);
        possible
            .iter()
            .find(|algorithm| algorithm.public_key_alg_id() == key.algorithm())
            .ok_or_else(wrong)?
            .verify_signature(key.bits(), message, signed.signature())
            .map_err(|_| wrong())?;
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ClientCertVerifier for AnyKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: programs would offer only certificates of those authorities.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signed, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signed, true)
    }

    /// Of the kinds of keys that can log in.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let keys = [
            SignatureScheme::ED25519,
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
        ];
        let known = |scheme: &SignatureScheme| {
            let mut mapping = self.algorithms.mapping.iter();
            mapping.any(|(known, _)| known == scheme)
        };
        keys.into_iter().filter(known).collect()
    }
}
