//! The HTTP interface: submits, estimates, statuses, events, jobs, results, verdicts, commands, and
//! what is known.
//!
//! A request goes through the outermost layer (`edge`), its handler, then `model` for meaning and
//! `store` for everything kept. Any number of processes serve one database: this crate holds caches
//! and nothing else, so any process answers any request.
//! **Invariant:** no backtest runs here, no candle is loaded to answer a submit, and no SQL, path
//! or stack trace leaves: every refusal is a [`Problem`] with a [`Code`] of its own page.

mod app;
mod app_page;
mod auth;
mod body;
mod bundles;
mod candle_chart;
mod code;
mod columns;
mod commands;
mod config;
mod cursor;
mod demand;
mod derived;
mod edge;
mod equity_chart;
mod error_pages;
mod events;
mod facts;
mod flight;
mod grid;
mod health;
mod heatmap;
mod hints;
mod honesty;
mod job;
mod job_candles;
mod job_sizes;
mod jobs;
mod known;
mod labels;
mod limits;
mod live;
mod node;
mod openapi;
mod operators;
mod pages;
mod params;
mod points;
mod probes;
mod problem;
mod raw_query;
mod replica;
mod results;
mod router;
mod rows;
mod schema;
mod seqs;
mod series;
mod serve;
mod signals;
mod speed;
mod stall;
mod standing;
mod status;
mod status_cache;
mod strategies;
mod submit;
mod sweep;
mod table;
mod text;
mod verdict;
mod verify;
mod wheres;
mod workers;

pub use app::App;
pub use code::Code;
pub use config::Config;
pub use error_pages::{error_codes, error_page};
pub use openapi::openapi_json;
pub use probes::serve_probes;
pub use problem::{PROBLEM_JSON, Problem};
pub use router::router;
pub use serve::{Error, serve};
pub use strategies::strategy_words;
