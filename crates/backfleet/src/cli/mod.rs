//! The command line: every command, flag and environment variable.

mod candles;
mod client;
mod funding;
mod job;
mod keys;
mod local;
mod roles;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use candles::{
    CacheCommand, CandlesCommand, ExportArgs, GenerateArgs, ImportArgs, ListArgs, Movement,
    PushArgs, VerifyArgs,
};
pub(crate) use client::{
    BundleCommand, BundleListArgs, ResultsForm, ServerArgs, WorkersArgs, WorkersCommand,
};
pub(crate) use funding::FundingArgs;
pub(crate) use job::JobCommand;
pub(crate) use keys::KeyCommand;
pub(crate) use local::{IndicatorArgs, IndicatorForm, RunArgs, SignalsCommand};
pub(crate) use roles::{
    DataArgs, DatabaseArgs, DemoArgs, DevArgs, DoctorArgs, InfluxArgs, LeaseArgs, ListenArgs,
    OrderingArg, QueueArgs, ServeArgs, WorkerArgs, WorkerTuning,
};

/// Runs bundles of trading-strategy backtests, on one machine or across a fleet.
#[derive(Debug, Parser)]
#[command(name = "backfleet", version, propagate_version = true, subcommand_required = true)]
#[command(
    after_help = "Exit codes: 0 ok, 1 failure, 2 usage, 3 finished with failed jobs, 4 auth, \
    5 unreachable, 6 not found, 7 conflict, 8 still running at --timeout, 9 verify mismatch, \
    130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command knows.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Configuration file, instead of ./backfleet.toml and the user's own.
    #[arg(long, global = true, env = "BACKFLEET_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Form of the log on stderr.
    #[arg(long, global = true, env = "BACKFLEET_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// What is logged, such as `info` or `store=debug`.
    #[arg(long, global = true, env = "BACKFLEET_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// When to colour.
    #[arg(long, global = true, env = "BACKFLEET_COLOR", value_enum, default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Real sample candles, a few bundles, one progress bar, a result table; nothing to install.
    Demo(DemoArgs),
    /// API, worker and store in one process on one machine.
    Dev(DevArgs),
    /// The HTTP API over PostgreSQL; run as many as you like.
    Serve(ServeArgs),
    /// A compute worker over PostgreSQL; run as many as you like.
    Worker(WorkerArgs),
    /// Brings the database schema to this version.
    Migrate {
        #[command(flatten)]
        database: DatabaseArgs,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Says what is wrong with a deployment, and how to mend it.
    Doctor(DoctorArgs),
    /// One backtest here, without a server.
    Run(RunArgs),
    /// Values of any indicator over a candle file, at full precision.
    Indicator(IndicatorArgs),
    /// Candles: import, list, verify, export, generate, push, cache.
    #[command(subcommand)]
    Candles(CandlesCommand),
    /// Signal columns of your own: put, hash.
    #[command(subcommand)]
    Signals(SignalsCommand),
    /// Bundles on a server: submit, watch, results, honesty, report, retry, diff and more.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// One job of a bundle: its outcome, its trades, a replay that verifies it.
    #[command(subcommand)]
    Job(JobCommand),
    /// The workers of a server; `drain ID` asks one to stop.
    Workers(WorkersArgs),
    /// API keys: create, list, revoke.
    #[command(subcommand)]
    Key(KeyCommand),
    /// What an error code, metric, indicator, signal or operator means; alone, all of them.
    Explain(ExplainArgs),
    /// The OpenAPI document of the HTTP API.
    Openapi,
    /// Settings in force.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Shell completions, for `source <(backfleet completions bash)`.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Manual pages, for `backfleet man | man -l -`.
    Man {
        /// Write a page for each command into this folder instead of the first one to stdout.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Such as `no_candles`, what follows `code` in an answer or what a failed job names; or `sharpe`,
    /// `ema`, `EmaCross`, `crossUp`.
    pub(crate) name: Option<String>,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints every setting; secrets are masked.
    Show {
        /// Also where each value comes from.
        #[arg(long)]
        origin: bool,
        #[arg(long)]
        /// One JSON document.
        json: bool,
        #[command(flatten)]
        serve: ServeArgs,
        #[command(flatten)]
        worker: WorkerTuning,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Commands without a document: they run until stopped, or print what is no data of ours.
    const WITHOUT_JSON: [&str; 6] = ["dev", "serve", "worker", "completions", "man", "openapi"];

    #[test]
    fn every_command_that_prints_data_has_json() {
        let mut open = vec![Cli::command()];
        let mut without = Vec::new();
        while let Some(command) = open.pop() {
            if command.has_subcommands() && command.get_name() != "workers" {
                open.extend(command.get_subcommands().cloned());
            } else if command.get_arguments().all(|flag| flag.get_long() != Some("json")) {
                without.push(command.get_name().to_owned());
            }
        }
        without.sort_unstable();
        let mut expected = WITHOUT_JSON;
        expected.sort_unstable();
        assert_eq!(without, expected);
    }
}
