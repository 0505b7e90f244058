//! The program `mox`: arguments in, text or JSON out.

mod args;
mod backend;
mod commands;
mod complete;
mod error;
mod place;
mod ui;

use std::process::ExitCode;

use crate::args::Args;
use crate::commands::Run;
use crate::error::Error;
use crate::ui::Ui;

fn main() -> ExitCode {
    #[cfg(feature = "faults")]
    if let Some(Err(problem)) = std::env::var("MOX_FAULT")
        .ok()
        .map(|spec| mox::fsio::fault::arm(&spec))
    {
        return Ui::new(false, ui::Color::Auto)
            .fail(&Error::Usage(format!("MOX_FAULT: {problem}")));
    }
    #[cfg(feature = "faults")]
    if let Some(file) = std::env::var_os("MOX_CLOCK") {
        mox::clock::follow(file.into());
    }
    if commands::sendmail::is_called() {
        return commands::sendmail::main();
    }
    if complete::answered() {
        return ExitCode::SUCCESS;
    }
    let args = match Args::read() {
        Ok(args) => args,
        Err(wrong) => return ui::refuse_arguments(&wrong),
    };
    let ui = Ui::new(args.json, args.color);
    let run = Run {
        config: args.config,
        ui,
    };
    match args.command.run(&run) {
        Ok(()) => ExitCode::SUCCESS,
        // Who read our output has seen enough.
        Err(Error::ReaderGone) => ExitCode::SUCCESS,
        Err(error) => run.ui.fail(&error),
    }
}
