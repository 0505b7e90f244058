//! Certificates of clients, as they come in a handshake and to `mox config tlspubkey add`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::x509::{Certificate, PublicKey, proven_key};

fuzz_target!(|data: &[u8]| {
    let chain = [data.to_vec().into()];
    let proven = proven_key(&chain);
    let read = PublicKey::of_certificate(data);
    assert_eq!(proven, read.as_ref().ok().map(|key| key.fingerprint()));
    if let Ok(certificate) = Certificate::read(data) {
        let key = certificate.public_key().expect("it was read");
        assert_eq!(key.key_type().to_string().parse(), Ok(key.key_type()));
        assert!(!certificate.name().is_empty());
        assert_eq!(Certificate::read(certificate.pem().as_bytes()), Ok(certificate));
    }
});
