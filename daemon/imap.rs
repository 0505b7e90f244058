//! IMAP sessions (RFC 9051, RFC 3501 and their extensions; ARCHITECTURE.md says which).
//!
//! [`session`] reads commands and answers them in order; a file for each family of commands does
//! them. [`selected`] is what the client knows of its mailbox, [`words`] is what outcomes are called.

mod append;
mod auth;
mod capability;
mod copy;
mod dispatch;
mod expunge;
mod fetch;
mod idle;
mod list;
mod mailboxes;
mod names;
mod news;
mod reply;
mod search;
mod select;
mod selected;
mod session;
mod set;
mod state;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod uids;
mod wire;
mod words;

use std::sync::Arc;

pub use news::Newsroom;

use crate::conn::Conn;
use crate::context::Context;

/// Serves one connection to its end.
pub async fn serve(conn: Conn, context: Arc<Context>) {
    session::Session::new(conn, context).run().await;
}
