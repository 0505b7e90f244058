use proptest::prelude::*;

use super::super::certificate::{Certificate, CertificateError};
use super::*;

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!(
            "../../../tests/samples/certificates/",
            $name,
            ".pem"
        ))
    };
}

/// Made with openssl, and the fingerprints too.
#[test]
fn keys_that_log_in() {
    let p256 = "XjIQjE88bjTjcK6HWkaCdvauQngt4sodXb85O8lTCZ8";
    let ed25519 = "vEBqXRLA6gjS1QOI4_gUiObumRCDaiBKtAlDAZgXlZM";
    let samples: [(&[u8], &str, &str, &str); 9] = [
        (sample!("ed25519"), "ed25519", ed25519, "ed25519"),
        // X.509 version 1, with the same key.
        (sample!("version-1"), "ed25519", ed25519, "version1"),
        (sample!("ecdsa-p256"), "ecdsa-p256", p256, "ecdsa-p256"),
        (sample!("no-subject"), "ecdsa-p256", p256, "serial 1234abcd"),
        (
            sample!("compressed-point"),
            "ecdsa-p256",
            "vRQd7JUJUu5n0uTxd8MrU2azzLLvJJaDjIEmQnIPCSw",
            "compressed",
        ),
        (
            sample!("ecdsa-p384"),
            "ecdsa-p384",
            "u1Vckjw1M46PUmV7T16_xGK2-geuiPZLqC9DNWmEiwg",
            "ecdsa-p384",
        ),
        (
            sample!("ecdsa-p521"),
            "ecdsa-p521",
            "_tdC8D0CpgPd9aj8DK8z5RQMgwzJHj_kDN-iHB99TGk",
            "ecdsa-p521",
        ),
        (
            sample!("rsa-2048"),
            "rsa-2048",
            "_MAUER0ylsn_gkZA15ydZhXxgjJO7VvKjV66dUW1xLk",
            "rsa-2048",
        ),
        (
            sample!("rsa-3072"),
            "rsa-3072",
            "ecvC4Jnj8GZFlQvYbpYtZXyFhqTLv7_BRo3KQHVcNEo",
            "rsa-3072",
        ),
    ];
    for (pem, key_type, fingerprint, name) in samples {
        let certificate = Certificate::read(pem).expect(key_type);
        let key = certificate.public_key().expect(key_type);
        assert_eq!(key.key_type().to_string(), key_type);
        assert_eq!(key_type.parse(), Ok(key.key_type()));
        assert_eq!(key.fingerprint().to_string(), fingerprint);
        assert_eq!(certificate.name(), name);
        assert_eq!(
            Certificate::read(certificate.der()),
            Ok(certificate.clone())
        );
        assert_eq!(
            Certificate::read(certificate.pem().as_bytes()),
            Ok(certificate)
        );
    }
}

#[test]
fn keys_that_do_not_say_why() {
    let samples: [(&[u8], &str); 6] = [
        (
            sample!("rsa-1024"),
            "an RSA key of 1024 bits is not accepted",
        ),
        (sample!("ed448"), "a key of kind Ed448 is not accepted"),
        (sample!("ecdsa-p224"), "a key of kind ECDSA on P-224 is"),
        (sample!("explicit-curve"), "ECDSA on a curve without a name"),
        (sample!("rsa-pss"), "a key of kind RSA-PSS is"),
        (sample!("dsa"), "a key of kind DSA is"),
    ];
    for (pem, why) in samples {
        let error = Certificate::read(pem).expect_err(why).to_string();
        assert!(error.contains(why), "{error:?} does not say {why:?}");
    }
}

#[test]
fn what_is_no_certificate() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let private = key.serialize_pem();
    for (bytes, error) in [
        (&b" \n"[..], CertificateError::Empty),
        (private.as_bytes(), CertificateError::PrivateKey),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            CertificateError::Absent,
        ),
        (b"hello", PublicKeyError::Malformed.into()),
        (b"0\x80\0\0", PublicKeyError::Malformed.into()),
    ] {
        assert_eq!(Certificate::read(bytes), Err(error));
    }
    let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        Certificate::read(broken),
        Err(CertificateError::Pem(_))
    ));
    // A file of key and certificate, as mail programs have it.
    let both = [private.as_bytes(), sample!("ed25519")].concat();
    assert!(Certificate::read(&both).is_ok());
}

/// A SubjectPublicKeyInfo in the shortest certificate around it.
fn certificate(spki: &[u8]) -> Vec<u8> {
    let mut tbs = vec![INTEGER, 1, 7];
    for _ in 0..4 {
        tbs.extend([SEQUENCE, 0]);
    }
    tbs.extend(spki);
    let mut all = value(SEQUENCE, &tbs);
    all.extend([SEQUENCE, 0, BIT_STRING, 1, 0]);
    value(SEQUENCE, &all)
}

fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut all = vec![tag];
    match length {
        0..0x80 => all.push(length as u8),
        0x80..0x100 => all.extend([0x81, length as u8]),
        _ => {
            all.push(0x82);
            all.extend((length as u16).to_be_bytes());
        }
    }
    all.extend(contents);
    all
}

fn spki(algorithm: &[u8], bits: &[u8]) -> Vec<u8> {
    let bits = [&[0], bits].concat();
    let parts = [value(SEQUENCE, algorithm), value(BIT_STRING, &bits)].concat();
    value(SEQUENCE, &parts)
}

fn rsa(modulus: &[u8]) -> Vec<u8> {
    let key = [value(INTEGER, modulus), value(INTEGER, &[1, 0, 1])].concat();
    let algorithm = [value(OID, RSA), vec![5, 0]].concat();
    certificate(&spki(&algorithm, &value(SEQUENCE, &key)))
}

#[test]
fn the_size_of_an_rsa_key_is_that_of_its_modulus() {
    let of = |modulus: &[u8]| PublicKey::of_certificate(&rsa(modulus)).map(|key| key.key_type());
    let full = |octets: usize| [&[0][..], &vec![0xff; octets]].concat();
    assert_eq!(of(&full(256)), Ok(KeyType::Rsa(2048)));
    assert_eq!(of(&full(1024)), Ok(KeyType::Rsa(8192)));
    assert_eq!(of(&vec![0x7f; 256]), Err(PublicKeyError::RsaSize(2047)));
    let larger = [&[1][..], &vec![0; 1024]].concat();
    assert_eq!(of(&larger), Err(PublicKeyError::RsaSize(8193)));
    assert_eq!(of(&full(2048)), Err(PublicKeyError::RsaSize(16384)));
    assert_eq!(of(&[0]), Err(PublicKeyError::RsaSize(0)));
    assert_eq!(of(&[0xff; 256]), Err(PublicKeyError::Malformed));
    assert_eq!(of(&[]), Err(PublicKeyError::Malformed));
}

#[test]
fn a_point_that_is_not_on_the_curve_is_no_key() {
    let algorithm = [value(OID, EC), value(OID, P256)].concat();
    let of = |bits: &[u8]| {
        let der = certificate(&spki(&algorithm, bits));
        PublicKey::of_certificate(&der).and_then(|key| key.check())
    };
    let invalid = Err(PublicKeyError::Invalid(KeyType::EcdsaP256));
    assert_eq!(of(&[4; 65]), invalid);
    assert_eq!(of(&[0]), invalid, "the point at infinity");
    assert_eq!(of(&[4; 64]), invalid);
    let even = certificate(&rsa(&[&[0x7f][..], &[0xfe; 300]].concat()));
    assert!(Certificate::read(&even).is_err());
}

proptest! {
    /// Whatever stands around it: the key is found, and only it counts.
    #[test]
    fn the_key_is_found(bits in proptest::collection::vec(any::<u8>(), 32)) {
        let info = spki(&value(OID, ED25519_OID), &bits);
        let der = certificate(&info);
        let key = PublicKey::of_certificate(&der).expect("a key");
        prop_assert_eq!(key.bits(), bits.as_slice());
        prop_assert_eq!(key.fingerprint(), Fingerprint::of_spki(&info));
        for cut in 0..der.len() {
            prop_assert_eq!(
                PublicKey::of_certificate(&der[..cut]),
                Err(PublicKeyError::Malformed)
            );
        }
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::read(&bytes);
        let _ = PublicKey::of_certificate(&certificate(&bytes));
        let _ = PublicKey::of_certificate(&certificate(&spki(&bytes, &bytes)));
        let _ = PublicKey::of_certificate(&certificate(&spki(&value(OID, RSA), &bytes)));
    }

    /// Bytes of real certificates turned over.
    #[test]
    fn hostile_certificates_are_refused_or_read(
        which in 0..3usize,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let pem: [&[u8]; 3] = [sample!("ecdsa-p521"), sample!("rsa-2048"), sample!("version-1")];
        let mut der = Certificate::read(pem[which]).expect("a certificate").der().to_vec();
        for (at, octet) in changes {
            let at = at.index(der.len());
            der[at] = octet;
        }
        if let Ok(certificate) = Certificate::read(&der) {
            prop_assert!(!certificate.name().is_empty());
        }
    }
}
