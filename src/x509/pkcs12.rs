//! PKCS#12 files: a key with its certificate under a password, as mail programs import them (RFC 7292).

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey,
    PrivateKeyChain,
};
use zeroize::Zeroizing;

use super::{ClientKey, X509Error};

/// How the file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkcs12Form {
    /// AES-256 with PBKDF2, SHA-256: what programs have written since about 2020.
    Modern,
    /// Triple DES, SHA-1: what macOS before 14, Android before 13 and Apple's profiles take. Its password
    /// has to be a strong one.
    Legacy,
}

/// Rounds from password to key: what Java writes, and no old program refuses.
const ROUNDS: u32 = 10_000;

/// Encodes the key and its certificate; programs show them under this name.
pub fn encode(
    key: &ClientKey,
    name: &str,
    password: &str,
    form: Pkcs12Form,
) -> Result<Zeroizing<Vec<u8>>, X509Error> {
    let failed =
        |e: p12_keystore::error::Error| X509Error::Crypto(format!("make a PKCS#12 file: {e}"));
    // A BMPString has no characters beyond U+FFFF (RFC 7292 §B.1).
    let basic = |c: char| if u32::from(c) > 0xffff { '?' } else { c };
    if let Some(c) = password.chars().find(|c| basic(*c) != *c) {
        return Err(X509Error::Key(format!(
            "the password of a PKCS#12 file cannot have {c:?} in it"
        )));
    }
    let name: String = name.chars().map(basic).collect();
    let private = PrivateKey::from_der(key.private_key_der()).map_err(failed)?;
    let certificate = Certificate::from_der(key.certificate_der()).map_err(failed)?;
    // What links the two bags; programs take any bytes.
    let id = key.fingerprint().as_bytes().to_vec();
    let chain = PrivateKeyChain::new(id, private, [certificate]);
    let mut store = KeyStore::new();
    store.add_entry(&name, KeyStoreEntry::PrivateKeyChain(chain));
    let writer = store
        .writer(password)
        .encryption_iterations(ROUNDS)
        .mac_iterations(ROUNDS);
    let writer = match form {
        Pkcs12Form::Modern => writer,
        Pkcs12Form::Legacy => writer
            .encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
            .mac_algorithm(MacAlgorithm::HmacSha1),
    };
    writer.write().map(Zeroizing::new).map_err(failed)
}

/// A password that nobody guesses: 24 of 32 characters that are not mistaken for each other, in groups.
pub fn new_password() -> Result<Zeroizing<String>, X509Error> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = Zeroizing::new([0; 24]);
    getrandom::fill(random.as_mut())
        .map_err(|e| X509Error::Crypto(format!("make a random number: {e}")))?;
    let mut password = Zeroizing::new(String::with_capacity(27));
    for (i, byte) in random.iter().enumerate() {
        if i > 0 && i % 6 == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use p12_keystore::Pkcs12ImportPolicy;

    use super::super::ClientKeyType;
    use super::*;

    #[test]
    fn what_is_written_can_be_read_with_the_password_alone() {
        for kind in [ClientKeyType::Ed25519, ClientKeyType::EcdsaP256] {
            let key = ClientKey::generate(kind, "laptop").expect("made");
            for form in [Pkcs12Form::Modern, Pkcs12Form::Legacy] {
                let file = encode(&key, "laptop \u{1f4bb}", "s3cret ü", form).expect("encoded");
                let read =
                    |password| KeyStore::from_pkcs12(&file, password, Pkcs12ImportPolicy::Strict);
                let store = read("s3cret ü").expect("read");
                let (name, chain) = store.private_key_chain().expect("a key");
                assert_eq!(name, "laptop ?");
                assert_eq!(chain.key().as_der(), key.private_key_der());
                assert_eq!(chain.certs()[0].as_der(), key.certificate_der());
                assert!(read("another").is_err(), "{form:?}");
            }
        }
    }

    #[test]
    fn a_password_that_cannot_be_written_is_refused() {
        let key = ClientKey::generate(ClientKeyType::EcdsaP256, "k").expect("made");
        let refused = encode(&key, "k", "\u{1f511}", Pkcs12Form::Modern);
        assert!(refused.is_err());
    }
}
