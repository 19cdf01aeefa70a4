//! Candle series: where they come from, how they are checked, and how they reach the engine.
//!
//! A [`CandleSource`] (InfluxDB, Parquet files, memory) is read in fixed segments; the host's
//! [`Cache`] keeps them as mapped column files; a [`Market`] gives the engine one contiguous slice
//! per range. Importers fill the Parquet store, [`Push`] copies it to InfluxDB.
//! **Invariant:** nothing here knows of bundles, jobs or strategies.

mod arrow_file;
mod cache;
mod clock;
mod error;
mod export;
mod flight;
mod folder;
mod funding;
mod generate;
pub mod import;
mod influx;
mod market;
mod memory;
mod names;
mod parquet;
mod probe;
mod push;
mod segment;
mod series;
mod source;
mod temporary;
mod validate;
mod verify;

pub use cache::{Cache, CacheCheck, CacheSettings, CacheStats};
pub use clock::Clock;
pub use error::{Cause, Error, FileCause};
pub use export::{Format, Progress, export};
pub use funding::{Funding, FundingHole, FundingReport, import_funding, read_funding};
pub use generate::Generator;
pub use influx::{
    Auth, Dialect, Influx, InfluxSettings, Mapping, Policy, Secret, Server, Stamp, WriteReport,
};
pub use market::{Corrections, Fingerprint, History, Loaded, Market, SegmentState};
pub use memory::MemorySource;
pub use parquet::{Merged, ParquetStore};
pub use probe::Probe;
pub use push::{Push, PushReport};
pub use segment::Segment;
pub use series::SeriesInfo;
pub use source::CandleSource;
pub use validate::{Findings, Fix, FixError, Gap, Mended, Month, RowFault, Rule, months};
pub use verify::verify;
