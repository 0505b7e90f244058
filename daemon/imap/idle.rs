//! IDLE (RFC 9051 §6.3.13, RFC 2177): tells of changes as they come.

use std::borrow::Cow;

use mox::imap::frame::{self, Line};

use super::session::{Done, Session};
use super::words::{Answer, End};

/// What an IDLE session wakes up for.
enum Woken {
    /// The client sent something.
    Input,
    /// The account's mail changed.
    Change,
    /// The session is over.
    End(End),
}

impl Session {
    pub(super) async fn idle(&mut self) -> Done {
        self.user()?;
        self.wire.out.extend_from_slice(b"+ idling\r\n");
        loop {
            match frame::line(&self.wire.input, 64) {
                Line::Found { text, len } => {
                    let done = self.wire.input[..text].eq_ignore_ascii_case(b"DONE");
                    self.wire.consume(len);
                    return Ok(match done {
                        true => Answer::ok("done"),
                        false => Answer::bad("DONE was expected"),
                    });
                }
                Line::TooLong => {
                    return Err(End::Bye("", "DONE was expected".into()).into());
                }
                Line::More => {}
            }
            Box::pin(self.tell(true, false)).await?;
            self.wire.rest().await?;
            match self.woken().await {
                Woken::Input | Woken::Change => {}
                Woken::End(end) => return Err(end.into()),
            }
        }
    }

    async fn woken(&mut self) -> Woken {
        let changed = async {
            let changed = match &mut self.selected {
                Some(selected) => selected.watch.changed().await,
                None => std::future::pending().await,
            };
            if changed.is_err() {
                // Nothing will come any more: a closed account is the guard's to tell.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            read = self.wire.fill() => match read {
                Ok(()) => Woken::Input,
                Err(_) => Woken::End(End::Gone),
            },
            end = self.guard.ended() => Woken::End(end),
            () = changed => Woken::Change,
            () = tokio::time::sleep(self.patience) => {
                Woken::End(End::Bye("", Cow::Borrowed("nothing heard for too long")))
            }
        }
    }
}
