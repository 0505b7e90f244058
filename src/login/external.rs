//! A login by the certificate of the connection, by itself and by EXTERNAL (`spec/auth.md`, "TLS public
//! keys"). The handshake has proven that the client has the key; whose it is, is decided here, anew
//! each time.

use super::{
    Attempt, AttemptResult, LoggedIn, LoginRefusal, Logins, Means, Origin, key, user_address,
};
use crate::addr::AccountName;
use crate::snapshot::{Lookup, Snapshot};

/// A login by certificate alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByCertificate {
    /// To the key's account, with its login address.
    pub login: LoggedIn,
    /// Whether IMAP with implicit TLS greets with PREAUTH.
    pub imap_preauth: bool,
}

/// Whether EXTERNAL is offered on this connection: its key is somebody's, who may not be allowed in.
pub(super) fn is_offered(snapshot: &Snapshot, origin: &Origin) -> bool {
    known(snapshot, origin).is_some()
}

/// Whose account the connection's key stands for.
pub(super) fn account<'a>(snapshot: &'a Snapshot, origin: &Origin) -> Option<&'a AccountName> {
    Some(&known(snapshot, origin)?.account)
}

/// Refuses credentials of one account beside the key of another.
pub(super) fn check_beside(
    snapshot: &Snapshot,
    origin: &Origin,
    account: &AccountName,
) -> Result<(), LoginRefusal> {
    match known(snapshot, origin) {
        Some(key) if key.account != *account => Err(LoginRefusal::OtherAccount),
        _ => Ok(()),
    }
}

fn known<'a>(snapshot: &'a Snapshot, origin: &Origin) -> Option<&'a crate::state::TlsKey> {
    key::known(snapshot, origin.fingerprint.as_ref()?)
}

impl Logins {
    /// What the certificate of a handshake is worth, reported as an attempt of its own; none when the
    /// client showed none. A key that is nobody's is no guess: programs show certificates to everybody.
    pub fn handshake(
        &self,
        snapshot: &Snapshot,
        origin: &Origin,
    ) -> Option<Result<ByCertificate, LoginRefusal>> {
        let fingerprint = origin.fingerprint?;
        let result = self.by_certificate(snapshot, origin);
        if result.is_ok() {
            self.key_uses.note(fingerprint);
        }
        let key = snapshot.tls_key(&fingerprint);
        let user = key.map(|key| key.login_address.to_string());
        self.report(&Attempt {
            origin,
            means: Means::Certificate,
            account: key.map(|key| &key.account),
            user: user.as_deref().unwrap_or_default(),
            result: AttemptResult::of(&result),
        });
        Some(result)
    }

    /// The same without a report: for submission, where every MAIL is decided anew.
    pub fn by_certificate(
        &self,
        snapshot: &Snapshot,
        origin: &Origin,
    ) -> Result<ByCertificate, LoginRefusal> {
        let fingerprint = origin.fingerprint.ok_or(LoginRefusal::BadCredentials)?;
        let key = key::known(snapshot, &fingerprint).ok_or(LoginRefusal::BadCredentials)?;
        Ok(ByCertificate {
            login: key::admit(snapshot, key, key.login_address.clone())?,
            imap_preauth: !key.no_imap_preauth,
        })
    }

    /// Decides a login by certificate; `authzid` is empty for the key's own address, else any address
    /// of the same account. Reports nothing.
    pub(super) fn external(
        &self,
        snapshot: &Snapshot,
        origin: &Origin,
        authzid: &str,
    ) -> Result<LoggedIn, LoginRefusal> {
        let key = known(snapshot, origin).ok_or(LoginRefusal::BadCredentials)?;
        let address = match authzid {
            "" => key.login_address.clone(),
            // Whether another account has the address, or nobody, is not told.
            other => {
                let address = user_address(other).ok_or(LoginRefusal::OtherAccount)?;
                match snapshot.lookup(&address) {
                    Some(Lookup::Destination { account, .. }) if account == key.account => address,
                    _ => return Err(LoginRefusal::OtherAccount),
                }
            }
        };
        let login = key::admit(snapshot, key, address)?;
        self.key_uses.note(key.fingerprint);
        Ok(login)
    }
}
