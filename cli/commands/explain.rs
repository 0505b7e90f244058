//! `mox explain`

mod login;
mod rcpt;
mod sender;

use clap::Subcommand;
use mox::ctl::{Answer, Query};

use super::Run;
use crate::backend::wrong_answer;
use crate::error::Error;

/// Tell what the server would answer, and which line of mox.toml decides it
///
/// The answer is made as it is for mail and for logins; without a running server, as it would be if one
/// started now. Exits 0 whatever the answer, also to what is no address and of what is no account.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Rcpt(rcpt::Args),
    Sender(sender::Args),
    Login(login::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.what {
        What::Rcpt(args) => rcpt::run(args, run),
        What::Sender(args) => sender::run(args, run),
        What::Login(args) => login::run(args, run),
    }
}

/// Asks and prints.
fn explain(run: &Run, query: &Query) -> Result<(), Error> {
    let Answer::Explanation(explained) = run.server().query(query)? else {
        return Err(wrong_answer());
    };
    let answer = match explained.accept {
        true => "accepted",
        false => "refused",
    };
    let said = [&explained.code, &explained.enhanced, &explained.answer];
    let said = said.map(String::as_str).join(" ");
    let mut facts = vec![
        ("address", explained.address.clone()),
        ("answer", answer.to_owned()),
        ("smtp", said),
        ("reason", explained.reason.clone()),
    ];
    let mut add = |name, value: &str| {
        if !value.is_empty() {
            facts.push((name, value.to_owned()));
        }
    };
    add("account", &explained.account);
    add("mailbox", &explained.mailbox);
    add("via", &explained.via.join(", "));
    add("key", &explained.key);
    if explained.line > 0 {
        let (file, line, column) = (&explained.file, explained.line, explained.column);
        add(
            "decided by",
            &format!("{file}:{line}:{column}: {}", explained.text.trim()),
        );
    }
    run.ui.facts(&facts, &explained)
}
