//! IMAP sessions.

use std::sync::Arc;

use crate::conn::Conn;
use crate::context::Context;

/// Serves one connection to its end.
pub async fn serve(_conn: Conn, _context: Arc<Context>) {
    todo!()
}
