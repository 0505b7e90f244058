//! SMTP sessions: mail from other servers (port 25) and submission (587, 465).

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
pub async fn serve(_conn: Conn, _service: Service, _context: Arc<Context>) {
    todo!()
}
