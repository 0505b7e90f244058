//! `mox util man`

use std::fs;
use std::path::PathBuf;

use mox::config::reference;

use super::page;
use crate::args::Args as Grammar;
use crate::commands::Run;
use crate::error::Error;

/// The pages: the command that each is about, and the prose around what is generated.
const PAGES: &[(&str, &str)] = &[
    ("mox", include_str!("page/mox.mdoc")),
    ("mox-config", include_str!("page/mox-config.mdoc")),
    (
        "mox-config-account",
        include_str!("page/mox-config-account.mdoc"),
    ),
    (
        "mox-config-address",
        include_str!("page/mox-config-address.mdoc"),
    ),
    (
        "mox-config-alias",
        include_str!("page/mox-config-alias.mdoc"),
    ),
    ("mox-config-dkim", include_str!("page/mox-config-dkim.mdoc")),
    (
        "mox-config-domain",
        include_str!("page/mox-config-domain.mdoc"),
    ),
    ("mox-explain", include_str!("page/mox-explain.mdoc")),
    (
        "mox-config-tlspubkey",
        include_str!("page/mox-config-tlspubkey.mdoc"),
    ),
    ("mox-sendmail", include_str!("page/mox-sendmail.mdoc")),
];

/// Write the manual pages
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder to write to
    dir: PathBuf,
}

pub(crate) fn run(args: Args, _run: &Run) -> Result<(), Error> {
    let mut grammar = Grammar::grammar();
    grammar.build();
    let names: Vec<&str> = PAGES.iter().map(|(name, _)| *name).collect();
    let keys = page::keys(
        include_str!("page/mox.toml.mdoc"),
        &reference::list(),
        &names,
    );
    fs::write(args.dir.join("mox.toml.5"), keys).map_err(Error::io("write a manual page"))?;
    for (name, template) in PAGES {
        let page = page::fill(template, name, &grammar, &names);
        let file = args.dir.join(format!("{name}.1"));
        fs::write(file, page).map_err(Error::io("write a manual page"))?;
    }
    Ok(())
}
