//! SMTP sessions: mail from other servers (port 25) and submission (587, 465).
//!
//! [`answer`] has every word that is said; [`wire`] waits, reads and writes; [`session`] is the
//! loop over commands, with [`auth`], [`transaction`] and [`incoming`] for what takes more than one
//! line; [`header`] looks at the header of a message while it comes in, [`filing`] once it is here.

mod answer;
mod auth;
mod author;
mod content;
mod filing;
mod header;
mod incoming;
mod session;
mod transaction;
mod vigil;
mod wire;

use std::sync::Arc;

use crate::conn::Conn;
use crate::context::Context;

/// Which of the two a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Port 25: mail for local recipients, no AUTH.
    Receive,
    /// 587 and 465: mail from logged-in accounts.
    Submission,
}

/// Serves one connection to its end.
pub async fn serve(conn: Conn, service: Service, context: Arc<Context>) {
    Box::new(session::Session::new(conn, service, context))
        .run()
        .await;
}

#[cfg(test)]
mod tests;
