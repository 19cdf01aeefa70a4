//! What an import found, for people and as JSON.

use std::fmt;
use std::path::PathBuf;

use model::{Calendar, SeriesId};
use serde::Serialize;

use crate::validate::Findings;

/// What was found in one file, and what it changed in the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// The file.
    pub file: PathBuf,
    /// What it was taken for.
    pub form: String,
    /// The series it belongs to.
    pub series: SeriesId,
    /// The calendar that gaps were counted by.
    pub calendar: Calendar,
    /// What is wrong with its candles, and what is remarkable.
    #[serde(flatten)]
    pub findings: Findings,
    /// Candles that the store did not have.
    pub added: u64,
    /// Candles that the store had with other values.
    pub replaced: u64,
    /// Candles that the store had as they are.
    pub unchanged: u64,
    /// SHA-256 of the file, where a `.CHECKSUM` beside it says and proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether a file of this name was imported before with another checksum.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reissued: bool,
    /// Whether warnings refuse the file too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

impl ImportReport {
    /// Whether the file may not be stored as it is.
    pub fn is_refused(&self) -> bool {
        self.findings.bad() > 0 || (self.strict && !self.findings.warnings().is_empty())
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings { rows, missing, .. } = &self.findings;
        write!(f, "\"{}\": {rows} rows of {}", self.file.display(), self.series)?;
        if self.findings.bad() > 0 {
            return write!(f, ", {}", self.findings);
        }
        if self.is_refused() {
            return write!(
                f,
                ", and --strict takes no warnings: {}",
                self.findings.warnings().join(", ")
            );
        }
        let ImportReport { added, replaced, unchanged, .. } = self;
        write!(f, ", {added} added, {replaced} replaced, {unchanged} unchanged, {missing} missing")
    }
}
