//! The one binary of Backfleet: roles, command line, configuration, logging.

mod candle_files;
mod cli;
mod client;
mod doctor;
mod explain;
mod failure;
mod funding_files;
mod indicator;
mod keys;
mod logging;
mod manual;
mod open;
mod output;
mod replay;
mod roles;
mod run_files;
mod settings;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use cli::{Cli, Color, Command, ConfigCommand};
use failure::Failure;
use settings::Files;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match start(&arguments).and_then(|()| output::written()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&failure.to_string());
            failure.exit.into()
        }
    }
}

fn start(arguments: &[OsString]) -> Result<(), Failure> {
    let files = settings::files(arguments)?;
    let matches = match files.apply(Cli::command()).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => error.exit(),
    };
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let quiet = !matches!(cli.command, Command::Dev(_) | Command::Serve(_) | Command::Worker(_));
    logging::start(&cli.global, quiet, colours(cli.global.color))?;
    if let Command::Config(ConfigCommand::Show { origin, json, .. }) = &cli.command {
        show_config(&files, &matches, *origin, *json);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(cli.command, &files))
}

async fn run(command: Command, files: &Files) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => Box::pin(roles::demo(&args)).await,
        Command::Dev(args) => Box::pin(roles::dev(&args, files)).await,
        Command::Serve(args) => Box::pin(roles::serve(&args, files)).await,
        Command::Worker(args) => Box::pin(roles::worker(&args, files)).await,
        Command::Migrate { database, json } => roles::migrate(&database, json).await,
        Command::Doctor(args) => Box::pin(doctor::run(&args, files)).await,
        Command::Run(args) => Box::pin(replay::run(&args, files)).await,
        Command::Indicator(args) => indicator::run(&args),
        Command::Candles(command) => Box::pin(candle_files::run(command, files)).await,
        Command::Signals(command) => Box::pin(client::signals(command)).await,
        Command::Bundle(command) => Box::pin(client::run(command)).await,
        Command::Job(command) => Box::pin(client::job(command)).await,
        Command::Workers(args) => client::workers(&args).await,
        Command::Key(command) => keys::run(command).await,
        Command::Explain(args) => explain::run(&args),
        Command::Openapi => {
            output::line(&api::openapi_json());
            Ok(())
        }
        Command::Config(ConfigCommand::Show { .. }) => Ok(()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "backfleet", &mut script);
            output::raw(&script)
        }
        Command::Man { out } => manual::write(out.as_deref()),
    }
}

fn show_config(files: &Files, matches: &clap::ArgMatches, origin: bool, json: bool) {
    let inner = matches.subcommand().and_then(|(_, config)| config.subcommand());
    let Some((_, inner)) = inner else { return };
    let listing = files.listing(inner);
    if json {
        output::line(&serde_json::json!({ "settings": listing }).to_string());
        return;
    }
    let columns: &[&str] =
        if origin { &["setting", "value", "origin"] } else { &["setting", "value"] };
    let mut table = output::Table::new(columns);
    for setting in listing {
        let mut row = vec![setting.name, setting.value.unwrap_or_default()];
        if origin {
            row.push(setting.origin);
        }
        table.row(row);
    }
    table.print();
}

fn colours(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    }
}
