//! One message to more recipients than a server takes at once (RFC 5321 §4.5.3.1.10, RFC 9422).

use std::io;

use tokio::io::AsyncRead;

use super::{Client, ClientError, Envelope};
use crate::connection::ByteStream;
use crate::smtp::{Enhanced, Reply};

/// How a message fared that may have been sent more than once.
#[derive(Debug)]
pub struct Fates {
    /// The last that was said of each recipient, in the order of the envelope: 2xx if the server has the
    /// message for it, none if nobody knows because of `ended`.
    pub replies: Vec<Option<Reply>>,
    /// Whether the message was refused to those who would have been taken.
    pub message_refused: bool,
    /// Why the rest was not tried.
    pub ended: Option<ClientError>,
}

impl Fates {
    /// Whether the server has the message for this recipient.
    pub fn has(&self, recipient: usize) -> bool {
        let reply = self.replies.get(recipient).and_then(Option::as_ref);
        reply.is_some_and(Reply::is_success)
    }
}

impl<S: ByteStream> Client<S> {
    /// Sends a message of `size` bytes, lines ending with CRLF, to all recipients, in as many transactions
    /// as that takes: the server says how many recipients one can have, or refuses those that are too many
    /// for now. `open` gives the message from its beginning.
    pub async fn send_to_all<M>(
        &mut self,
        envelope: &Envelope,
        size: u64,
        mut open: impl FnMut() -> io::Result<M>,
    ) -> Fates
    where
        M: AsyncRead + Unpin + Send,
    {
        let most = self.extensions.most_recipients().unwrap_or(usize::MAX);
        let mut fates = Fates {
            replies: vec![None; envelope.recipients.len()],
            message_refused: false,
            ended: None,
        };
        let mut left: Vec<usize> = (0..envelope.recipients.len()).collect();
        while !left.is_empty() {
            let batch: Vec<usize> = left.drain(..most.min(left.len())).collect();
            let recipients = batch
                .iter()
                .filter_map(|at| envelope.recipients.get(*at).cloned());
            let part = Envelope {
                mail: envelope.mail.clone(),
                recipients: recipients.collect(),
            };
            let sent = match open() {
                Ok(mut message) => self.send(&part, size, &mut message).await,
                Err(error) => Err(ClientError::Message(error)),
            };
            let outcome = match sent {
                Ok(outcome) => outcome,
                Err(error) => {
                    fates.ended = Some(error);
                    break;
                }
            };
            // Where some have it, trying again with the others comes to an end.
            let taken = outcome.message.as_ref().map(Reply::is_success);
            fates.message_refused |= taken == Some(false);
            for (place, at) in batch.into_iter().enumerate() {
                let reply = outcome.of(place);
                if taken == Some(true) && reply.is_some_and(is_too_many) {
                    left.push(at);
                }
                if let Some(fate) = fates.replies.get_mut(at) {
                    *fate = reply.cloned();
                }
            }
        }
        fates
    }
}

/// Whether a recipient was refused only because there were others before it.
fn is_too_many(reply: &Reply) -> bool {
    reply.code == 452 && matches!(reply.enhanced, None | Some(Enhanced(4, 5, 3)))
}
