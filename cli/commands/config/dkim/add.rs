//! `mox config dkim add`

use clap::ValueEnum;
use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::admin::{Change, KeyKind};
use mox::ctl::{Answer, Query};

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Make another DKIM key for a domain
///
/// It does not sign yet: publish its record first, which `mox config dkim list` shows, then let it
/// sign with `mox config dkim sign`. The file of an earlier key is never written over.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config dkim add example.org 2027a
  mox config dkim add --type ed25519 example.org 2027b")]
pub(crate) struct Args {
    /// The kind of key: rsa, which every receiver knows, or ed25519
    #[arg(long = "type", value_name = "TYPE", default_value = "rsa")]
    kind: Kind,

    /// Do nothing if the domain has a key of that name
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,

    /// The name of the key
    selector: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Rsa,
    Ed25519,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let tolerate = match args.if_not_exists {
        true => Tolerate::Presence(
            Query::Dkim {
                domain: args.domain.to_string(),
            },
            has_it,
            format!(
                "domain {} has the DKIM key already: {}",
                args.domain, args.selector
            ),
        ),
        false => Tolerate::Nothing,
    };
    let change = Change::DkimAdd {
        domain: args.domain,
        selector: args.selector,
        kind: match args.kind {
            Kind::Rsa => KeyKind::Rsa,
            Kind::Ed25519 => KeyKind::Ed25519,
        },
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}

fn has_it(answer: &Answer, change: &Change) -> bool {
    match (answer, change) {
        (Answer::Dkim(keys), Change::DkimAdd { selector, .. }) => {
            keys.iter().any(|key| key.selector == *selector)
        }
        _ => false,
    }
}
