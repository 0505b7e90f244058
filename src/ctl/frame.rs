//! Frames: a header of eight bytes, then that many bytes of JSON.
//!
//! | bytes | what |
//! |---|---|
//! | 0..3 | `mox` |
//! | 3 | version of the protocol |
//! | 4..8 | length of the JSON, big endian |
//!
//! The version stands outside the JSON, so that either side can tell a newer one from nonsense.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::CtlError;

/// Version of the messages in this build.
pub const VERSION: u8 = 1;

/// Bytes of a header.
pub const HEADER: usize = 8;

/// The largest request: a change is small; a file of a hundred thousand accounts to apply is 10 MB, and
/// its quotes are escaped on the way.
pub const MAX_REQUEST: usize = 16 << 20;

/// The largest response: a list of some hundred thousand accounts fits.
pub const MAX_RESPONSE: usize = 256 << 20;

const MAGIC: &[u8; 3] = b"mox";

/// A message as bytes, header included.
pub fn encode<T: Serialize>(message: &T, max: usize) -> Result<Vec<u8>, CtlError> {
    let mut bytes = vec![0; HEADER];
    serde_json::to_writer(&mut bytes, message).map_err(|e| CtlError::Message(e.to_string()))?;
    let length = bytes.len() - HEADER;
    let short = u32::try_from(length).ok().filter(|_| length <= max);
    let Some(short) = short else {
        return Err(CtlError::Message(format!(
            "{length} bytes are more than {max}"
        )));
    };
    bytes[..3].copy_from_slice(MAGIC);
    bytes[3] = VERSION;
    bytes[4..HEADER].copy_from_slice(&short.to_be_bytes());
    Ok(bytes)
}

/// The length of what follows a header.
pub fn parse_header(header: [u8; HEADER], max: usize) -> Result<usize, CtlError> {
    let [m0, m1, m2, version, l0, l1, l2, l3] = header;
    if [m0, m1, m2] != *MAGIC {
        return Err(CtlError::Message("it does not begin with mox".to_owned()));
    }
    if version != VERSION {
        return Err(CtlError::Version {
            theirs: version,
            ours: VERSION,
        });
    }
    let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    if length > max {
        return Err(CtlError::Message(format!(
            "{length} bytes are more than {max}"
        )));
    }
    Ok(length)
}

/// The message in the bytes after a header.
pub fn parse_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, CtlError> {
    serde_json::from_slice(body).map_err(|e| CtlError::Message(e.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::addr::{AccountName, Domain};
    use crate::admin::{Actor, AdminError, Change, Secret};
    use crate::ctl::{LogLevelChoice, Query, Request, Response, SetLogLevel};

    fn decode<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, CtlError> {
        let header: [u8; HEADER] = bytes
            .get(..HEADER)
            .and_then(|h| h.try_into().ok())
            .ok_or(CtlError::Lost)?;
        let length = parse_header(header, max)?;
        parse_body(bytes.get(HEADER..HEADER + length).ok_or(CtlError::Lost)?)
    }

    fn requests() -> impl Strategy<Value = Request> {
        let actor = (".*", ".*", "[0-9a-f]{0,32}").prop_map(|(name, command, request)| Actor {
            name,
            command,
            request,
        });
        let domain = "[a-z]{1,10}\\.[a-z]{2,6}".prop_map(|d| Domain::parse(&d).unwrap());
        let account = "[a-z]{1,10}".prop_map(|a| AccountName::parse(&a).unwrap());
        let change = prop_oneof![
            (domain, any::<bool>())
                .prop_map(|(domain, disabled)| Change::DomainSetDisabled { domain, disabled }),
            (account.clone(), ".*").prop_map(|(account, message)| {
                Change::AccountSetLoginDisabled { account, message }
            }),
            (account, ".*").prop_map(|(account, password)| Change::PasswordSet {
                account,
                password: Secret(password),
            }),
            Just(Change::Adopt),
        ];
        prop_oneof![
            Just(Request::Status),
            Just(Request::Stop),
            (0..LogLevelChoice::ALL.len(), ".*").prop_map(|(n, target)| Request::LogLevels {
                set: Some(SetLogLevel {
                    level: LogLevelChoice::ALL[n],
                    target,
                }),
            }),
            ".*".prop_map(|account| Request::Query(Query::Account { account })),
            (change, actor, any::<bool>()).prop_map(|(change, actor, dry_run)| Request::Change {
                change,
                actor,
                dry_run,
            }),
        ]
    }

    proptest! {
        #[test]
        fn decode_of_encode_is_the_identity(request in requests()) {
            let bytes = encode(&request, MAX_REQUEST).unwrap();
            let back: Request = decode(&bytes, MAX_REQUEST).unwrap();
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), serde_json::to_string(&request).unwrap());
        }

        #[test]
        fn noise_is_refused_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode::<Request>(&bytes, MAX_REQUEST).is_err());
        }

        #[test]
        fn one_changed_byte_never_panics(request in requests(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = encode(&request, MAX_REQUEST).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode::<Request>(&bytes, MAX_REQUEST);
        }

        #[test]
        fn cut_short_is_refused(request in requests(), at in any::<prop::sample::Index>()) {
            let bytes = encode(&request, MAX_REQUEST).unwrap();
            let at = at.index(bytes.len());
            prop_assert!(decode::<Request>(&bytes[..at], MAX_REQUEST).is_err());
        }
    }

    #[test]
    fn an_error_of_the_daemon_arrives_as_it_left() {
        let error = AdminError::NotFound {
            message: "account \"alcie\" does not exist".to_owned(),
            hint: "did you mean \"alice\"?".to_owned(),
        };
        let bytes = encode(&Response::Refused(error), MAX_RESPONSE).unwrap();
        let Response::Refused(AdminError::NotFound { message, hint }) =
            decode(&bytes, MAX_RESPONSE).unwrap()
        else {
            panic!("another response");
        };
        assert_eq!(message, "account \"alcie\" does not exist");
        assert_eq!(hint, "did you mean \"alice\"?");
    }

    #[test]
    fn bounds_and_versions() {
        assert!(matches!(
            encode(&"x".repeat(100), 50),
            Err(CtlError::Message(_))
        ));
        assert!(matches!(
            parse_header(*b"mox\x01\0\0\x01\0", 255),
            Err(CtlError::Message(_))
        ));
        assert_eq!(parse_header(*b"mox\x01\0\0\x01\0", 256), Ok(256));
        assert_eq!(
            parse_header(*b"mox\x07\0\0\0\0", 1),
            Err(CtlError::Version { theirs: 7, ours: 1 })
        );
        assert!(matches!(
            parse_header(*b"GET / HT", 1),
            Err(CtlError::Message(_))
        ));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(parse_body::<serde_json::Value>(deep.as_bytes()).is_err());
    }
}
