//! `backfleet man`: manual pages, made from the command line's own description.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::failure::{Exit, Failure};
use crate::output;

/// The first page to stdout, or a page for each command into `folder`.
pub(crate) fn write(folder: Option<&Path>) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = folder else { return output::raw(&page(&command)?) };
    let unwritten = |error: std::io::Error| {
        let text = format!("cannot write the pages to {}: {error}", folder.display());
        Failure::new(Exit::Failure, text)
    };
    std::fs::create_dir_all(folder).map_err(unwritten)?;
    let mut pages = vec![("backfleet".to_owned(), command)];
    while let Some((name, command)) = pages.pop() {
        std::fs::write(folder.join(format!("{name}.1")), page(&command)?).map_err(unwritten)?;
        let parts = command.get_subcommands().filter(|part| part.get_name() != "help");
        pages.extend(parts.map(|part| (format!("{name}-{}", part.get_name()), part.clone())));
    }
    Ok(())
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}
