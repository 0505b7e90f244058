//! CAPABILITY, ENABLE, ID, NAMESPACE: what this server can do (RFC 9051 §6.1.1, §6.3.1; RFC 2971;
//! RFC 2342).

use mox::login::Mechanism;

use super::reply;
use super::session::{Done, Session};
use super::words::Answer;

/// What is always there. IMAP4rev2 comes first: clients that know both take the first.
const ALWAYS: &str = "IMAP4rev2 IMAP4rev1 LITERAL+ ENABLE ID IDLE NAMESPACE CHILDREN UIDPLUS \
    UNSELECT MOVE SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE ESEARCH \
    SEARCHRES CONDSTORE BINARY MULTIAPPEND UTF8=ACCEPT";

/// The capabilities as they stand for this session now.
pub(super) fn list(session: &Session) -> String {
    let mut list = ALWAYS.to_owned();
    let size = session.context.live.now().config.limits.message_size;
    list.push_str(&format!(" APPENDLIMIT={size}"));
    if session.user.is_none() {
        list.push_str(" SASL-IR");
        if session.may_start_tls() {
            list.push_str(" STARTTLS");
        }
        let mechanisms = session.mechanisms();
        for mechanism in &mechanisms {
            list.push_str(&format!(" AUTH={}", mechanism.name()));
        }
        // The command LOGIN is the mechanism of that name.
        if !mechanisms.contains(&Mechanism::Login) {
            list.push_str(" LOGINDISABLED");
        }
    }
    list
}

impl Session {
    pub(super) fn capability(&mut self) -> Done {
        let list = list(self);
        reply::line(format_args!("* CAPABILITY {list}"), &mut self.wire.out);
        Ok(Answer::ok("done"))
    }

    /// ENABLE answers with what it switched on; unknown names are passed over.
    pub(super) fn enable(&mut self, names: &[String]) -> Done {
        self.user()?;
        let mut enabled = String::new();
        for name in names {
            let (flag, canonical) = match name.to_ascii_uppercase().as_str() {
                "IMAP4REV2" => (&mut self.enabled.rev2, "IMAP4rev2"),
                "CONDSTORE" => (&mut self.enabled.condstore, "CONDSTORE"),
                "UTF8=ACCEPT" => (&mut self.enabled.utf8, "UTF8=ACCEPT"),
                _ => continue,
            };
            if !std::mem::replace(flag, true) {
                enabled.push(' ');
                enabled.push_str(canonical);
            }
        }
        reply::line(format_args!("* ENABLED{enabled}"), &mut self.wire.out);
        if enabled.contains("CONDSTORE") {
            self.tell_highest_modseq()?;
        }
        Ok(Answer::ok("done"))
    }

    /// The client has shown that it knows of MODSEQ (RFC 7162 §3.1).
    pub(super) fn enable_condstore(&mut self) -> Done {
        if !std::mem::replace(&mut self.enabled.condstore, true) {
            self.tell_highest_modseq()?;
        }
        Ok(Answer::ok("done"))
    }

    /// RFC 7162 §3.1: a client that switches CONDSTORE on within a mailbox is told where it stands.
    fn tell_highest_modseq(&mut self) -> Done {
        if let (Some(user), Some(selected)) = (&self.user, &self.selected)
            && let Some(mailbox) = user.account.view()?.mailbox_by_id(selected.mailbox)?
        {
            let highest = mailbox.highest_modseq.max(1);
            reply::line(
                format_args!("* OK [HIGHESTMODSEQ {highest}] changes are numbered"),
                &mut self.wire.out,
            );
        }
        Ok(Answer::ok("done"))
    }

    /// Strangers learn the name only.
    pub(super) fn id(&mut self, fields: &[(Vec<u8>, Option<Vec<u8>>)]) -> Done {
        let text = |wanted: &str| {
            let (_, value) = fields
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))?;
            let value = String::from_utf8_lossy(value.as_deref()?);
            Some(value.chars().take(100).collect::<String>())
        };
        tracing::debug!(
            conn = self.info.id,
            name = text("name"),
            version = text("version"),
            "imap client"
        );
        self.agent = agent(fields);
        let version = match self.user {
            Some(_) => concat!(" \"version\" \"", env!("CARGO_PKG_VERSION"), "\""),
            None => "",
        };
        reply::line(
            format_args!("* ID (\"name\" \"mox\"{version})"),
            &mut self.wire.out,
        );
        Ok(Answer::ok("done"))
    }

    pub(super) fn namespace(&mut self) -> Done {
        self.user()?;
        self.wire
            .out
            .extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
        Ok(Answer::ok("done"))
    }
}

/// `name="mutt" version="2.2"`, as login attempts have it; of bounded length.
fn agent(fields: &[(Vec<u8>, Option<Vec<u8>>)]) -> String {
    let mut agent = String::new();
    for (name, value) in fields {
        let text = |octets: &[u8]| -> String {
            let text = String::from_utf8_lossy(octets);
            text.chars().take(100).collect()
        };
        let Some(value) = value else { continue };
        let field = format!("{}={:?}", text(name), text(value));
        if agent.len() + field.len() > MAX_AGENT {
            break;
        }
        if !agent.is_empty() {
            agent.push(' ');
        }
        agent.push_str(&field);
    }
    agent
}

/// Octets of what a client says it is that are kept.
const MAX_AGENT: usize = 500;
