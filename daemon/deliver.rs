//! One message into n accounts: all of them or none (`spec/mail.md`, "All or nothing").

use std::sync::Arc;

use mox::mailbox::{Flags, MailboxName};
use mox::policy::Delivery;
use mox::store::{
    Account, Change, Changed, MailboxId, NewMessage, Spooled, Store, StoreError, Uid,
};
use tokio::task::JoinSet;

/// A message that is about to be kept.
#[derive(Debug)]
pub struct Letter {
    /// The message.
    pub message: Arc<Spooled>,
    /// Header lines that go on top of each copy.
    pub prefix: Vec<u8>,
    /// INTERNALDATE: seconds since 1970, offset in minutes.
    pub received: (i64, i16),
}

/// Writes a copy to every place; returns when all are durable. If one fails, those that were written
/// are taken back and the first failure is returned.
pub async fn deliver(
    store: &Arc<Store>,
    letter: &Letter,
    deliveries: &[Delivery],
) -> Result<(), StoreError> {
    if let [delivery] = deliveries {
        return add(Arc::clone(store), delivery.clone(), new_message(letter))
            .await
            .map(drop);
    }
    let mut waiting = deliveries.iter();
    let mut adding = JoinSet::new();
    let mut kept: Vec<Copy> = Vec::with_capacity(deliveries.len());
    let mut failure = None;
    loop {
        while failure.is_none() && adding.len() < AT_ONCE {
            let Some(delivery) = waiting.next() else {
                break;
            };
            adding.spawn(add(
                Arc::clone(store),
                delivery.clone(),
                new_message(letter),
            ));
        }
        match adding.join_next().await {
            None => break,
            Some(Ok(Ok(copy))) => kept.push(copy),
            Some(Ok(Err(error))) => failure = failure.or(Some(error)),
            Some(Err(error)) => failure = failure.or(Some(StoreError::Local(error.to_string()))),
        }
    }
    let Some(failure) = failure else {
        return Ok(());
    };
    for copy in kept {
        copy.take_back().await;
    }
    Err(failure)
}

/// A copy that was written.
struct Copy {
    account: Account,
    mailbox: MailboxId,
    uids: Vec<Uid>,
}

impl Copy {
    /// Removes it again, since the client hears that nothing was kept.
    async fn take_back(self) {
        let change = Change::Expunge {
            mailbox: self.mailbox,
            uids: Some(self.uids),
            only_deleted: false,
        };
        if let Err(error) = self.account.write(change).await {
            let account = self.account.name();
            tracing::error!(%account, %error, "take a copy back after another failed");
        }
    }
}

async fn add(
    store: Arc<Store>,
    delivery: Delivery,
    message: NewMessage,
) -> Result<Copy, StoreError> {
    let Delivery {
        account: name,
        mailbox,
        quota,
        ..
    } = delivery;
    let written = async {
        let account = store.account(&name).await?;
        let mailbox = MailboxName::parse(&mailbox).unwrap_or_else(|error| {
            tracing::warn!(account = %name, mailbox, error, "delivered to Inbox instead");
            MailboxName::inbox()
        });
        let change = Change::Add {
            mailbox: Err(mailbox),
            create: true,
            messages: vec![message],
            quota,
        };
        match account.write(change).await? {
            Changed::Added { mailbox, uids, .. } => Ok(Copy {
                account,
                mailbox,
                uids,
            }),
            other => Err(StoreError::Local(format!("an addition gave {other:?}"))),
        }
    };
    let written: Result<Copy, StoreError> = written.await;
    if let Err(error) = &written {
        tracing::warn!(account = %name, %error, "deliver");
    }
    written
}

fn new_message(letter: &Letter) -> NewMessage {
    NewMessage {
        prefix: letter.prefix.clone(),
        message: Arc::clone(&letter.message),
        flags: Flags::default(),
        received: letter.received,
    }
}

/// Copies that are written at the same time.
const AT_ONCE: usize = 32;
