//! Jobs gathered into the cells of a grid over two axes of their bundle.

use model::{Axis, JobStatus};
use serde::Serialize;
use serde_json::Value;
use store::JobPoint;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::params::invalid;
use crate::problem::Problem;
use crate::rows::job_id;
use crate::seqs::find_axis;

/// Metrics of which less is better.
const LESS_IS_BETTER: [&str; 11] = [
    "volatility",
    "drawdownDurationDays",
    "timeUnderWater",
    "ulcerIndex",
    "feesPaid",
    "fundingPaid",
    "longestLossStreak",
    "topTradeProfitShare",
    "top5ProfitShare",
    "minTrl",
    "turnover",
];

/// One side of a grid.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Side {
    /// Name of the axis.
    #[schema(example = "parameters.fast")]
    name: String,
    /// Its values, in the order of the cells.
    values: Vec<Value>,
    /// The axis among those of the bundle, and its place here for each of its values.
    #[serde(skip)]
    axis: Option<(usize, Vec<usize>)>,
}

impl Side {
    /// The axis `name` of a bundle. Explicit points have a side for each of their parameters.
    pub(crate) fn of(axes: &[Axis], name: &str) -> Result<Side, Problem> {
        let (index, key) = find_axis(axes, name)?;
        let axis = &axes[index];
        let Some(key) = key else {
            let places = (0..axis.values.len()).collect();
            return Ok(Side {
                name: name.to_owned(),
                values: axis.values.clone(),
                axis: Some((index, places)),
            });
        };
        let at = |point: &Value| point.get(key).cloned().unwrap_or_default();
        let mut values: Vec<Value> = axis.values.iter().map(at).collect();
        if values.iter().all(Value::is_null) {
            return Err(invalid(format!("no point of the bundle has the parameter \"{key}\"")));
        }
        let order = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
        values.sort_by(|a, b| order(a).total_cmp(&order(b)));
        values.dedup();
        let place = |point| values.iter().position(|value| *value == at(point)).unwrap_or(0);
        let places = axis.values.iter().map(place).collect();
        Ok(Side { name: name.to_owned(), values, axis: Some((index, places)) })
    }

    /// A side of one place, where only the other one is asked for.
    pub(crate) fn single() -> Side {
        Side { name: String::new(), values: vec![Value::Null], axis: None }
    }

    /// How many places it has.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    fn place(&self, digits: &[u32]) -> usize {
        self.axis.as_ref().map_or(0, |(index, places)| places[digits[*index] as usize])
    }
}

/// How the jobs of a cell become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gather {
    Mean,
    Median,
    Max,
    Min,
    Best,
    Worst,
}

impl Gather {
    pub(crate) const ALL: [Gather; 6] =
        [Self::Mean, Self::Median, Self::Max, Self::Min, Self::Best, Self::Worst];
}

impl std::fmt::Display for Gather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Max => "max",
            Self::Min => "min",
            Self::Best => "best",
            Self::Worst => "worst",
        })
    }
}

/// One cell: what its jobs say, and how many of them stand where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cell {
    /// The metric, gathered over the completed jobs that have it; null where none has.
    value: Option<f64>,
    /// The job that has this value, or the only job of the cell.
    job_id: Option<String>,
    /// Jobs completed.
    done: u32,
    /// Jobs running.
    running: u32,
    /// Jobs that wait for a worker.
    pending: u32,
    /// Jobs failed.
    failed: u32,
    /// Jobs cancelled.
    cancelled: u32,
}

/// The cells as one list for each of their fields: a tenth of the bytes where there are many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct CellColumns {
    /// The metric, gathered over the completed jobs that have it; null where none has.
    value: Vec<Option<f64>>,
    /// Number of the job that has this value, or of the only job of the cell.
    seq: Vec<Option<u32>>,
    /// Jobs completed. All counts are 0 where the bundle has no such job.
    done: Vec<u32>,
    /// Jobs running.
    running: Vec<u32>,
    /// Jobs that wait for a worker.
    pending: Vec<u32>,
    /// Jobs failed.
    failed: Vec<u32>,
    /// Jobs cancelled.
    cancelled: Vec<u32>,
}

/// What a grid is made of.
pub(crate) struct Plan {
    pub(crate) bundle: Uuid,
    pub(crate) axes: Vec<Axis>,
    pub(crate) columns: Side,
    pub(crate) rows: Side,
    /// What splits the grid into one for each combination, the first slowest.
    pub(crate) facets: Vec<Side>,
    pub(crate) metric: &'static str,
    pub(crate) gather: Gather,
    /// The places wanted on each axis; `None` where all are.
    pub(crate) wanted: Vec<Option<Vec<u32>>>,
}

/// The jobs of one cell.
#[derive(Default)]
struct Pile {
    counts: [u32; 5],
    last_seq: Option<u32>,
    values: Vec<(f64, u32)>,
}

/// Places of the counts in a pile.
const DONE: usize = 0;
const RUNNING: usize = 1;
const PENDING: usize = 2;
const FAILED: usize = 3;
const CANCELLED: usize = 4;

impl Plan {
    /// Cells of all grids.
    pub(crate) fn len(&self) -> usize {
        let facets: usize = self.facets.iter().map(Side::len).product();
        self.columns.len() * self.rows.len() * facets
    }

    /// The cells, grid by grid and row by row; `None` where the bundle has no such job.
    pub(crate) fn cells(&self, points: &[JobPoint]) -> Vec<Option<Cell>> {
        let cell = |pile: Pile| {
            let [done, running, pending, failed, cancelled] = pile.counts;
            let is_empty = pile.jobs() == 0;
            let (value, seq) = self.settle(pile);
            let job_id = seq.map(|seq| job_id(self.bundle, seq));
            let cell = Cell { value, job_id, done, running, pending, failed, cancelled };
            (!is_empty).then_some(cell)
        };
        self.piles(points).into_iter().map(cell).collect()
    }

    /// The same cells, field by field.
    pub(crate) fn columns(&self, points: &[JobPoint]) -> CellColumns {
        let mut columns = CellColumns::default();
        for pile in self.piles(points) {
            columns.done.push(pile.counts[DONE]);
            columns.running.push(pile.counts[RUNNING]);
            columns.pending.push(pile.counts[PENDING]);
            columns.failed.push(pile.counts[FAILED]);
            columns.cancelled.push(pile.counts[CANCELLED]);
            let (value, seq) = self.settle(pile);
            columns.value.push(value);
            columns.seq.push(seq);
        }
        columns
    }

    fn piles(&self, points: &[JobPoint]) -> Vec<Pile> {
        let mut piles: Vec<Pile> = Vec::new();
        piles.resize_with(self.len(), Pile::default);
        let mut digits = vec![0_u32; self.axes.len()];
        for point in points {
            let mut rest = point.seq;
            for (digit, axis) in digits.iter_mut().zip(&self.axes).rev() {
                *digit = rest % axis.count;
                rest /= axis.count;
            }
            let is_wanted = |(digit, wanted): (&u32, &Option<Vec<u32>>)| {
                wanted.as_ref().is_none_or(|wanted| wanted.contains(digit))
            };
            if digits.iter().zip(&self.wanted).all(is_wanted) {
                let sides = self.facets.iter().chain([&self.rows, &self.columns]);
                let place = sides.fold(0, |at, side| at * side.len() + side.place(&digits));
                piles[place].add(point);
            }
        }
        piles
    }

    /// The value of a cell and the job that stands for it.
    fn settle(&self, pile: Pile) -> (Option<f64>, Option<u32>) {
        let only = pile.last_seq.filter(|_| pile.jobs() == 1);
        let mut values = pile.values;
        values.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let less = LESS_IS_BETTER.contains(&self.metric);
        let least = values.first().copied();
        // Among equal ones the first job.
        let greatest = values.last().and_then(|last| {
            let first = values.partition_point(|value| value.0 < last.0);
            values.get(first).copied()
        });
        let (value, job) = match self.gather {
            Gather::Min => least.unzip(),
            Gather::Best if less => least.unzip(),
            Gather::Worst if !less => least.unzip(),
            Gather::Max | Gather::Best | Gather::Worst => greatest.unzip(),
            Gather::Mean => {
                let sum: f64 = values.iter().map(|value| value.0).sum();
                ((!values.is_empty()).then(|| sum / values.len() as f64), None)
            }
            Gather::Median => {
                let low = values.get(values.len().saturating_sub(1) / 2);
                let high = values.get(values.len() / 2);
                (low.zip(high).map(|(low, high)| f64::midpoint(low.0, high.0)), None)
            }
        };
        (value.map(|value| value + 0.0), job.or(only))
    }
}

impl Pile {
    fn add(&mut self, point: &JobPoint) {
        self.last_seq = Some(point.seq);
        self.values.extend(point.value.map(|value| (value, point.seq)));
        let place = match point.status {
            JobStatus::Completed => DONE,
            JobStatus::Running => RUNNING,
            JobStatus::Pending => PENDING,
            JobStatus::Failed => FAILED,
            JobStatus::Cancelled => CANCELLED,
        };
        self.counts[place] += 1;
    }

    fn jobs(&self) -> u32 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn axis(name: &str, values: &Value) -> Axis {
        let values = values.as_array().unwrap().clone();
        Axis { name: name.into(), count: u32::try_from(values.len()).unwrap(), values }
    }

    /// Cells over `fast` of a bundle of 2 tickers x 3 values: job `seq` is completed with `seq`, but
    /// for job 4, which failed, and job 5, which waits.
    #[track_caller]
    fn check(metric: &'static str, gather: Gather, expected: [(Option<f64>, Option<u32>); 3]) {
        let axes = vec![
            axis("ticker", &json!(["BTC", "ETH"])),
            axis("parameters.fast", &json!([5, 10, 20])),
        ];
        let plan = Plan {
            bundle: Uuid::nil(),
            columns: Side::of(&axes, "parameters.fast").unwrap(),
            rows: Side::single(),
            facets: Vec::new(),
            wanted: vec![None; axes.len()],
            axes,
            metric,
            gather,
        };
        let status = |seq| match seq {
            4 => JobStatus::Failed,
            5 => JobStatus::Pending,
            _ => JobStatus::Completed,
        };
        let value = |seq| (seq < 4).then(|| f64::from(seq));
        let point = |seq| JobPoint { seq, status: status(seq), value: value(seq) };
        let points: Vec<JobPoint> = (0..6).map(point).collect();
        let cells = plan.cells(&points);
        let found: Vec<_> = cells.into_iter().map(Option::unwrap).collect();
        for (cell, (value, job)) in found.iter().zip(expected) {
            assert_eq!(
                (cell.value, cell.job_id.clone()),
                (value, job.map(|seq| job_id(Uuid::nil(), seq)))
            );
        }
        assert_eq!((found[1].done, found[1].failed, found[2].pending), (1, 1, 1));
        let columns = plan.columns(&points);
        let (values, jobs): (Vec<_>, Vec<_>) = expected.into_iter().unzip();
        assert_eq!((columns.value, columns.seq), (values, jobs));
        assert_eq!((columns.done, columns.failed), (vec![2, 1, 1], vec![0, 1, 0]));
        assert_eq!(columns.pending, [0, 0, 1]);
    }

    #[test]
    fn jobs_of_a_cell_become_one_value() {
        let some = |value, job| (Some(value), job);
        check("sharpe", Gather::Best, [some(3.0, Some(3)), some(1.0, Some(1)), some(2.0, Some(2))]);
        check(
            "turnover",
            Gather::Best,
            [some(0.0, Some(0)), some(1.0, Some(1)), some(2.0, Some(2))],
        );
        check(
            "turnover",
            Gather::Worst,
            [some(3.0, Some(3)), some(1.0, Some(1)), some(2.0, Some(2))],
        );
        check("sharpe", Gather::Min, [some(0.0, Some(0)), some(1.0, Some(1)), some(2.0, Some(2))]);
        check("sharpe", Gather::Mean, [some(1.5, None), some(1.0, None), some(2.0, None)]);
        check("sharpe", Gather::Median, [some(1.5, None), some(1.0, None), some(2.0, None)]);
    }

    #[test]
    fn facets_split_the_grid_the_first_slowest() {
        let axes = vec![
            axis("ticker", &json!(["BTC", "ETH"])),
            axis("timeframe", &json!(["1h", "4h"])),
            axis("parameters.fast", &json!([5, 10, 20])),
        ];
        let plan = Plan {
            bundle: Uuid::nil(),
            columns: Side::of(&axes, "parameters.fast").unwrap(),
            rows: Side::single(),
            facets: vec![Side::of(&axes, "timeframe").unwrap(), Side::of(&axes, "ticker").unwrap()],
            wanted: vec![None; axes.len()],
            axes,
            metric: "sharpe",
            gather: Gather::Best,
        };
        let status = JobStatus::Completed;
        let points = (0..12).map(|seq| JobPoint { seq, status, value: Some(f64::from(seq)) });
        let cells = plan.cells(&points.collect::<Vec<_>>());
        let values: Vec<f64> =
            cells.iter().map(|cell| cell.as_ref().unwrap().value.unwrap()).collect();
        assert_eq!(values, [0.0, 1.0, 2.0, 6.0, 7.0, 8.0, 3.0, 4.0, 5.0, 9.0, 10.0, 11.0]);
    }

    #[test]
    fn explicit_points_have_a_side_for_each_parameter() {
        let points = json!([{"fast": 9, "slow": 2}, {"fast": 3, "slow": 2}, {"fast": 9}]);
        let axes = [axis("parameters", &points)];
        let side = Side::of(&axes, "parameters.fast").unwrap();
        assert_eq!(
            (side.values.clone(), side.axis),
            (vec![json!(3), json!(9)], Some((0, vec![1, 0, 1])))
        );
        assert_eq!(Side::of(&axes, "parameters.slow").unwrap().values, [json!(2), Value::Null]);
        assert_eq!(Side::of(&axes, "parameters").unwrap().len(), 3);
        assert!(Side::of(&axes, "parameters.fats").is_err());
    }
}
