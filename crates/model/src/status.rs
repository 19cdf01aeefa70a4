//! Where a job and a bundle stand.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where one job stands; the last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum JobStatus {
    /// Waits for a worker.
    Pending,
    /// A worker holds it.
    Running,
    /// Its outcome is stored.
    Completed,
    /// It cannot be run; the error says why.
    Failed,
    /// It was called off before it ended.
    Cancelled,
}

impl JobStatus {
    /// Every status, in the order of its number.
    pub const ALL: [JobStatus; 5] =
        [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The number stored in SQL (0 to 4).
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The status of a stored number.
    pub fn from_code(code: i16) -> Option<JobStatus> {
        usize::try_from(code).ok().and_then(|index| Self::ALL.get(index)).copied()
    }

    /// Whether it can never change again, short of a retry by hand.
    pub fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Running => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// Where a bundle stands: Queued -> Running <-> Paused -> one of the last three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum BundleStatus {
    /// Nothing was claimed yet.
    Queued,
    /// At least one job was claimed.
    Running,
    /// No job is claimed until it is resumed.
    Paused,
    /// All jobs are final and at least one completed.
    Completed,
    /// All jobs are final and none completed.
    Failed,
    /// A cancel was accepted before all jobs were final.
    Cancelled,
}

impl BundleStatus {
    /// Every status, in the order of its number.
    pub const ALL: [BundleStatus; 6] =
        [Self::Queued, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// The number stored in SQL (0 to 5).
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The status of a stored number.
    pub fn from_code(code: i16) -> Option<BundleStatus> {
        usize::try_from(code).ok().and_then(|index| Self::ALL.get(index)).copied()
    }

    /// Whether it can never change again, short of a retry by hand.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Paused => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for BundleStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_survives_its_number() {
        for status in JobStatus::ALL {
            assert_eq!(JobStatus::from_code(status.code()), Some(status));
        }
        for status in BundleStatus::ALL {
            assert_eq!(BundleStatus::from_code(status.code()), Some(status));
        }
        assert_eq!(JobStatus::from_code(5), None);
        assert_eq!(BundleStatus::from_code(-1), None);
    }
}
