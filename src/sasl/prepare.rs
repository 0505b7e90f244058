//! Names and passwords in the form in which they are compared, the same on both sides.

use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::MAX_FIELD;

/// A password with PRECIS OpaqueString (RFC 8265 §4.2): non-ASCII spaces to spaces, NFC. None for
/// what cannot be a password.
pub fn prepare_password(password: &str) -> Option<Zeroizing<String>> {
    if password.len() > MAX_FIELD {
        return None;
    }
    OpaqueString::enforce(password)
        .ok()
        .map(|prepared| Zeroizing::new(prepared.into_owned()))
}

/// A user name in NFC. None for one that is too long to be anybody's.
pub fn prepare_user(user: &str) -> Option<String> {
    (user.len() <= MAX_FIELD).then(|| user.nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_prepared() {
        // U+1680 and U+3000 are spaces; e and U+0301 compose.
        let prepared =
            prepare_password("correct\u{1680}hors\u{65}\u{301}\u{3000}").expect("a password");
        assert_eq!(prepared.as_str(), "correct hors\u{e9} ");
        assert!(prepare_password("tab\there").is_none());
        assert!(prepare_password("").is_none());
        assert!(prepare_password(&"x".repeat(MAX_FIELD + 1)).is_none());
    }

    #[test]
    fn user_names_are_composed() {
        assert_eq!(
            prepare_user("cafe\u{301}@x").as_deref(),
            Some("caf\u{e9}@x")
        );
        assert_eq!(prepare_user(&"x".repeat(MAX_FIELD + 1)), None);
    }
}
