//! Conditions on results: `where=trades>=100&where=parameters.fast<20`.
//!
//! An address may not hold `<` and `>` as they are (`raw_query` takes them all the same, a proxy may
//! not), so each operator is also a word: `where=trades+ge+100`.

use model::Variant;
use store::JobRow;

use crate::jobs::known_metric;
use crate::params::{Params, invalid};
use crate::problem::Problem;

/// Operators, the longer ones first; words stand between spaces.
const OPERATORS: [(&str, Operator); 13] = [
    (" ge ", Operator::Ge),
    (" le ", Operator::Le),
    (" ne ", Operator::Ne),
    (" eq ", Operator::Eq),
    (" gt ", Operator::Gt),
    (" lt ", Operator::Lt),
    (">=", Operator::Ge),
    ("<=", Operator::Le),
    ("!=", Operator::Ne),
    ("==", Operator::Eq),
    (">", Operator::Gt),
    ("<", Operator::Lt),
    ("=", Operator::Eq),
];
/// Conditions of one query.
const MAX_CONDITIONS: usize = 32;

/// Conditions that must all hold.
#[derive(Debug, Default)]
pub(crate) struct Where(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    left: Left,
    operator: Operator,
    right: f64,
}

#[derive(Debug)]
enum Left {
    Metric(&'static str),
    Parameter(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Ge,
    Le,
    Ne,
    Eq,
    Gt,
    Lt,
}

impl Where {
    /// Takes every `where`; one may hold several conditions, separated by commas.
    pub(crate) fn take(params: &mut Params) -> Result<Where, Problem> {
        let texts = params.take_all("where");
        let parts = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        let conditions: Vec<Condition> = parts.map(Condition::parse).collect::<Result<_, _>>()?;
        if conditions.len() > MAX_CONDITIONS {
            return Err(invalid(format!("there are more than {MAX_CONDITIONS} conditions")));
        }
        Ok(Where(conditions))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all hold for a job; an undefined number fulfils none.
    pub(crate) fn hold(&self, row: &JobRow, variant: &Variant) -> bool {
        self.0.iter().all(|condition| {
            let left = match &condition.left {
                Left::Metric(id) => {
                    row.result.as_ref().and_then(|result| result.metrics.get(*id)?.as_f64())
                }
                Left::Parameter(name) => variant.parameters.get(name).copied(),
            };
            left.is_some_and(|left| condition.holds(left))
        })
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Condition, Problem> {
        let found = OPERATORS.iter().find_map(|(sign, operator)| {
            let (left, right) = text.split_once(sign)?;
            Some((left.trim(), *operator, right.trim()))
        });
        let Some((left, operator, right)) = found else {
            let text: String = text.chars().take(100).collect();
            let detail = format!("\"{text}\" is no condition: write one such as trades>=100");
            return Err(invalid(detail));
        };
        let number = right.parse::<f64>().ok().filter(|number| number.is_finite());
        let right = number.ok_or_else(|| {
            let right: String = right.chars().take(100).collect();
            invalid(format!("\"{right}\" in a condition is not a number"))
        })?;
        let left = match left.strip_prefix("parameters.") {
            Some(name) => Left::Parameter(name.to_owned()),
            None => Left::Metric(known_metric("where", left)?),
        };
        Ok(Condition { left, operator, right })
    }

    #[expect(clippy::float_cmp, reason = "equality is what the user asks for")]
    fn holds(&self, left: f64) -> bool {
        match self.operator {
            Operator::Ge => left >= self.right,
            Operator::Le => left <= self.right,
            Operator::Ne => left != self.right,
            Operator::Eq => left == self.right,
            Operator::Gt => left > self.right,
            Operator::Lt => left < self.right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, holds: &[f64], not: &[f64]) {
        let condition = Condition::parse(text).unwrap();
        assert!(holds.iter().all(|left| condition.holds(*left)), "{text}");
        assert!(!not.iter().any(|left| condition.holds(*left)), "{text}");
    }

    #[test]
    fn conditions_compare_a_metric_with_a_number() {
        check("trades>=100", &[100.0, 101.0], &[99.0]);
        check("trades > 1e2", &[101.0], &[100.0]);
        check("maxDrawdown<=-0.1", &[-0.1, -0.2], &[0.0]);
        check("sharpe<1", &[0.0], &[1.0]);
        check("trades=3", &[3.0], &[4.0]);
        check("trades==3", &[3.0], &[4.0]);
        check("trades!=3", &[4.0], &[3.0]);
        check("trades ge 3", &[3.0], &[2.0]);
        check("parameters.ge lt 3", &[2.0], &[3.0]);
    }

    #[test]
    fn what_is_no_condition_is_refused_by_name() {
        let detail = |text| Condition::parse(text).unwrap_err().detail().to_owned();
        assert_eq!(detail("trades"), "\"trades\" is no condition: write one such as trades>=100");
        assert_eq!(detail("trades>=many"), "\"many\" in a condition is not a number");
        assert_eq!(
            detail("sharp>1"),
            "parameter \"where\" names no metric \"sharp\"; did you mean \"sharpe\"?"
        );
    }
}
