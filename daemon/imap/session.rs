//! A session from greeting to goodbye: reads commands, runs one after the other, answers in order.
//!
//! Answers are gathered while more input is buffered and sent when there is none (pipelining), so a
//! client that sends a hundred commands at once gets the answers in few pieces. Between commands a
//! session holds no buffers, and the future of the command under way has a box of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use mox::imap::command::{Command, CommandBody};
use mox::imap::frame::{Frame, Framer, Limits, Literal};
use mox::imap::parse::{self, ParseError};
use mox::store::View;
use tokio::time::timeout;

use super::capability;
use super::news::News;
use super::selected::{Own, Selected, Telling};
use super::state::{Enabled, Guard, User};
use super::wire::{BATCH, Wire};
use super::words::{self, Answer, End, Failure};
use crate::conn::{Conn, ConnInfo};
use crate::context::Context;
use crate::handover::hand_over;
use crate::penalty::Penalty;

/// So many commands in a row that are none, and the client is shown the door.
const BAD_STRANGER: u32 = 10;
const BAD_CLIENT: u32 = 50;

/// What a command gives back.
pub(super) type Done = Result<Answer, Failure>;

/// One client.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) framer: Framer,
    pub(super) context: Arc<Context>,
    pub(super) info: ConnInfo,
    pub(super) guard: Guard,
    pub(super) enabled: Enabled,
    pub(super) user: Option<User>,
    pub(super) selected: Option<Box<Selected>>,
    /// A STORE of the command under way, whose flags the client need not be told again.
    pub(super) own: Option<Own>,
    /// For logins that failed on this connection.
    pub(super) penalty: Penalty,
    /// What the client says it is (ID).
    pub(super) agent: String,
    /// Bad commands in a row.
    bad: u32,
    /// How long the client may be silent.
    pub(super) patience: Duration,
}

/// A command, and the message it brings if it is an APPEND.
struct Request {
    command: Command,
    literal: Option<Literal>,
}

impl Session {
    pub(super) fn new(conn: Conn, context: Arc<Context>) -> Session {
        Session {
            wire: Wire::new(conn.stream),
            framer: Framer::new(Limits::STRANGER),
            guard: Guard::new(context.live.watch(), context.shutdown.clone()),
            info: conn.info,
            enabled: Enabled::default(),
            user: None,
            selected: None,
            own: None,
            penalty: Penalty::default(),
            agent: String::new(),
            bad: 0,
            patience: context.live.now().config.limits.login_idle,
            context,
        }
    }

    /// Serves the client to the end.
    pub(super) async fn run(mut self) {
        let greeting = match Box::pin(self.preauthenticate()).await {
            true => "PREAUTH",
            false => "OK",
        };
        let capabilities = capability::list(&self);
        super::reply::line(
            format_args!(
                "* {greeting} [CAPABILITY {capabilities}] {} IMAP4 mox",
                self.info.hostname
            ),
            &mut self.wire.out,
        );
        let end = loop {
            let request = match self.next_request().await {
                Ok(request) => request,
                Err(end) => break end,
            };
            if let Err(end) = self.serve(request).await {
                break end;
            }
        };
        self.goodbye(end).await;
    }

    async fn goodbye(&mut self, end: End) {
        let bye = match &end {
            End::Gone | End::Logout(_) => None,
            End::Bye(code, text) => Some((*code, text)),
            // The answer was given where the tag was known.
            End::After(_, text) => Some(("", text)),
        };
        if self.wire.within || matches!(end, End::Gone) {
            return self.wire.close().await;
        }
        if let Some((code, text)) = bye {
            let out = &mut self.wire.out;
            out.extend_from_slice(b"* BYE ");
            if !code.is_empty() {
                out.extend_from_slice(format!("[{code}] ").as_bytes());
            }
            words::text(text, code.is_empty(), out);
            out.extend_from_slice(b"\r\n");
        }
        // Who does not read does not get it.
        let _ = timeout(Duration::from_secs(1), self.wire.flush()).await;
        self.wire.close().await;
    }

    /// Reads to the end of the next command that can be parsed.
    async fn next_request(&mut self) -> Result<Request, End> {
        loop {
            match self.framer.next(&self.wire.input) {
                Frame::More => self.more().await?,
                Frame::Continue => self.wire.out.extend_from_slice(b"+ go on\r\n"),
                Frame::Command { len } => {
                    let parsed = parse::command(&self.wire.input[..len]);
                    self.wire.consume(len);
                    match parsed {
                        Ok(command) => {
                            return Ok(Request {
                                command,
                                literal: None,
                            });
                        }
                        Err(error) => self.refuse(&error)?,
                    }
                }
                Frame::Message { len, literal } => {
                    let parsed = parse::command(&self.wire.input[..len]);
                    self.wire.consume(len);
                    match parsed {
                        Ok(command) => {
                            return Ok(Request {
                                command,
                                literal: Some(literal),
                            });
                        }
                        Err(error) => {
                            match literal.sync {
                                true => self.framer.reset(),
                                false => Box::pin(self.skip_append(literal.size)).await?,
                            }
                            self.refuse(&error)?;
                        }
                    }
                }
                Frame::Discard { len } => self.wire.consume(len),
                Frame::Refused {
                    len,
                    tag,
                    why,
                    fatal,
                } => {
                    self.wire.consume(len);
                    let answer = Answer::bad(why.to_string());
                    answer.encode(tag.as_deref().unwrap_or("*"), &mut self.wire.out);
                    if fatal {
                        return Err(End::Bye("", "what was sent can't be followed".into()));
                    }
                    self.count_bad()?;
                }
            }
        }
    }

    /// Answers what could not be parsed.
    fn refuse(&mut self, error: &ParseError) -> Result<(), End> {
        let answer = match error.answer {
            parse::Answer::Bad | parse::Answer::Unknown => Answer::bad(error.text),
            parse::Answer::UseAttr => Answer::no("USEATTR", error.text),
        };
        answer.encode(error.tag.as_deref().unwrap_or("*"), &mut self.wire.out);
        self.count_bad()
    }

    fn count_bad(&mut self) -> Result<(), End> {
        self.bad += 1;
        let limit = match self.user {
            None => BAD_STRANGER,
            Some(_) => BAD_CLIENT,
        };
        if self.bad < limit {
            return Ok(());
        }
        Err(End::Bye("", "too many bad commands".into()))
    }

    /// Sends what waits and reads more of what the client sends.
    pub(super) async fn more(&mut self) -> Result<(), End> {
        self.wire.rest().await.map_err(|_| End::Gone)?;
        tokio::select! {
            biased;
            read = self.wire.fill() => read.map_err(|_| End::Gone),
            end = self.guard.ended() => Err(end),
            () = tokio::time::sleep(self.patience) => {
                Err(End::Bye("", Cow::Borrowed("nothing heard for too long")))
            }
        }
    }

    /// Runs a command and answers it.
    async fn serve(&mut self, request: Request) -> Result<(), End> {
        if let Some(end) = self.guard.check() {
            return Err(end);
        }
        let mut guard = self.guard.clone();
        let tag = request.command.tag.clone();
        let done = {
            let mut work = Box::pin(self.execute(request));
            tokio::select! {
                biased;
                done = &mut work => done,
                end = guard.ended() => {
                    // What is being written when the server stops is finished; a session that must
                    // not go on gets a moment, so that the goodbye does not stand within a response.
                    let grace = if guard.stopping() { 5_000 } else { 20 };
                    match timeout(Duration::from_millis(grace), work).await {
                        Ok(done) => done,
                        Err(_) => Err(Failure::End(end)),
                    }
                }
            }
        };
        let answer = match done {
            Ok(answer) | Err(Failure::Answer(answer)) => answer,
            Err(Failure::End(End::After(answer, text))) => {
                answer.encode(&tag, &mut self.wire.out);
                return Err(End::After(answer, text));
            }
            Err(Failure::End(End::Logout(answer))) => {
                answer.encode(&tag, &mut self.wire.out);
                return Err(End::Logout(answer));
            }
            Err(Failure::End(end)) => return Err(end),
            Err(Failure::Answered) => {
                self.bad = 0;
                return Ok(());
            }
        };
        answer.encode(&tag, &mut self.wire.out);
        if answer.status == words::Status::Bad {
            self.count_bad()?;
        } else {
            self.bad = 0;
        }
        if self.wire.out.len() > BATCH {
            self.wire.flush().await.map_err(|_| End::Gone)?;
        }
        Ok(())
    }

    /// Does a command and tells what changed meanwhile.
    async fn execute(&mut self, request: Request) -> Done {
        let Request { command, literal } = request;
        self.own = None;
        let rules = Rules::of(&command.body);
        let done = match command.body {
            // Here, and without all the others' future around it: sessions spend their lives in IDLE.
            CommandBody::Idle => self.idle().await,
            _ => Box::pin(self.dispatch(command, literal)).await,
        };
        if let Err(Failure::End(_) | Failure::Answered) = done {
            return done;
        }
        match Box::pin(self.tell(rules.expunges, rules.uid)).await {
            Err(Failure::End(end)) => Err(Failure::End(end)),
            // A view that can't be read now does not undo the command.
            _ => done,
        }
    }

    /// Tells the client what changed in the selected mailbox.
    pub(super) async fn tell(&mut self, expunges: bool, uid: bool) -> Result<(), Failure> {
        let (Some(user), Some(selected)) = (&self.user, &mut self.selected) else {
            return Ok(());
        };
        let newest = *selected.watch.borrow_and_update();
        if newest <= selected.modseq {
            if expunges {
                selected.tell_pending(&mut self.wire.out);
            }
            return Ok(());
        }
        let newsroom = &self.context.newsroom;
        let (mailbox, since) = (selected.mailbox, selected.modseq);
        let mut news = newsroom
            .news(&user.account, mailbox, since, newest)?
            .ok_or_else(deleted)?;
        if !self.enabled.rev2 && news.has_recent() {
            if selected.read_only {
                let known = selected.uids.last() + 1;
                let recent_below = news.mailbox.recent_below;
                selected.add_recent(known.max(recent_below), news.mailbox.uid_next - 1);
            } else if news.claim() {
                let (view, _) = take_recent(user, selected).await?;
                let taken = News::load(&view, mailbox, since)?.ok_or_else(deleted)?;
                news = Arc::new(taken);
            }
        }
        let telling = Telling {
            expunges,
            uid: uid || self.enabled.rev2 || self.enabled.condstore,
            modseq: self.enabled.condstore,
            recent: !self.enabled.rev2,
            own: self.own,
        };
        selected.tell(&news.changes, &news.mailbox, telling, &mut self.wire.out);
        Ok(())
    }

    /// The client, logged in.
    pub(super) fn user(&self) -> Result<&User, Failure> {
        self.user
            .as_ref()
            .ok_or_else(|| Answer::bad("log in first").into())
    }

    /// The client and the mailbox it has selected.
    pub(super) fn selected(&mut self) -> Result<(&User, &mut Selected), Failure> {
        match (&self.user, &mut self.selected) {
            (Some(user), Some(selected)) => Ok((user, selected)),
            (None, _) => Err(Answer::bad("log in first").into()),
            (Some(_), None) => Err(Answer::bad("select a mailbox first").into()),
        }
    }

    /// The same, for what changes the mailbox.
    pub(super) fn writable(&mut self) -> Result<(&User, &mut Selected), Failure> {
        let (user, selected) = self.selected()?;
        if selected.read_only {
            return Err(Answer::no("READ-ONLY", "the mailbox was opened read-only").into());
        }
        Ok((user, selected))
    }
}

/// Does what takes as long as there are messages. Where there are many, the thread's other sessions
/// are handed to another one first.
pub(super) fn heavy<T>(messages: u32, work: impl FnOnce() -> T) -> T {
    const MANY: u32 = 5_000;
    hand_over(messages > MANY, work)
}

/// The mailbox went away under the session: of RFC 2180 §3.3's choices, the end of the session, which
/// clients know best.
fn deleted() -> Failure {
    End::Bye("", "the selected mailbox was deleted".into()).into()
}

/// Claims messages that no session has taken notice of, and gives the picture after that.
pub(super) async fn take_recent(
    user: &User,
    selected: &mut Selected,
) -> Result<(View, mox::store::Mailbox), Failure> {
    let change = mox::store::Change::TakeRecent {
        mailbox: selected.mailbox,
    };
    let changed = user.account.write(change).await?;
    let view = user.account.view()?;
    let mailbox = view.mailbox_by_id(selected.mailbox)?.ok_or_else(deleted)?;
    if let mox::store::Changed::Recent(from) = changed {
        selected.add_recent(from, mailbox.recent_below.saturating_sub(1));
    }
    Ok((view, mailbox))
}

/// What may be told at the end of a command.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// EXPUNGE responses (RFC 9051 §7.5.1): not within FETCH, STORE, SEARCH by message number.
    expunges: bool,
    /// FETCH responses name UIDs.
    uid: bool,
}

impl Rules {
    fn of(body: &CommandBody) -> Rules {
        let (expunges, uid) = match body {
            CommandBody::Fetch { uid, .. } | CommandBody::Store { uid, .. } => (*uid, *uid),
            CommandBody::Search(search) => (search.uid, search.uid),
            CommandBody::Copy { uid, .. } | CommandBody::Move { uid, .. } => (true, *uid),
            _ => (true, false),
        };
        Rules { expunges, uid }
    }
}
