//! Filters by axis values, as lists of `seq`: `ticker=BTCUSDT&parameters.fast=12`.

use std::collections::BTreeMap;

use model::{Axis, fault};
use serde_json::Value;

use crate::params::{Params, invalid};
use crate::problem::Problem;

/// Prefix of the names of parameter axes.
const PARAMETERS: &str = "parameters.";
/// Values of an axis that a refusal names.
const SHOWN: usize = 10;

/// Which values are wanted on each axis; axes that are not named take part in full.
#[derive(Debug, Default)]
pub(crate) struct AxisFilter {
    wanted: BTreeMap<String, Vec<String>>,
}

impl AxisFilter {
    /// Takes the filters of a query: `ticker`, `timeframe`, `dateRange` and `moneyManagement`
    /// (both by index or by their JSON), `parameters.NAME`. Several values of one name are "or".
    pub(crate) fn take(params: &mut Params) -> AxisFilter {
        let mut wanted = BTreeMap::new();
        for name in ["ticker", "timeframe", "dateRange", "moneyManagement"] {
            let values = params.take_all(name);
            if !values.is_empty() {
                wanted.insert(name.to_owned(), values);
            }
        }
        for (name, values) in params.take_prefixed(PARAMETERS) {
            wanted.insert(format!("{PARAMETERS}{name}"), values);
        }
        AxisFilter { wanted }
    }

    /// The query text of the filters, for links.
    pub(crate) fn query(&self) -> Vec<String> {
        let pairs = self.wanted.iter().flat_map(|(name, values)| {
            let encoded = crate::bundles::encoded;
            values.iter().map(move |value| format!("{}={}", encoded(name), encoded(value)))
        });
        pairs.collect()
    }

    /// The places wanted on each axis, ascending; `None` where all are.
    pub(crate) fn digits(&self, axes: &[Axis]) -> Result<Vec<Option<Vec<u32>>>, Problem> {
        let mut digits: Vec<Option<Vec<u32>>> = vec![None; axes.len()];
        for (name, values) in &self.wanted {
            let (axis, key) = find_axis(axes, name)?;
            let chosen = chosen(&axes[axis], key, name, values)?;
            digits[axis] = Some(match digits[axis].take() {
                None => chosen,
                Some(before) => before.into_iter().filter(|at| chosen.contains(at)).collect(),
            });
        }
        Ok(digits)
    }

    /// The seqs of the points that have the values wanted, ascending; `None` where all have.
    ///
    /// Points that a constraint dropped are among them: no job answers to those.
    pub(crate) fn seqs(&self, axes: &[Axis]) -> Result<Option<Vec<u32>>, Problem> {
        if self.wanted.is_empty() {
            return Ok(None);
        }
        let digits = self.digits(axes)?;
        let mut seqs = vec![0_u32];
        for (axis, digits) in axes.iter().zip(&digits) {
            let all;
            let digits: &[u32] = if let Some(digits) = digits {
                digits
            } else {
                all = (0..axis.count).collect::<Vec<u32>>();
                &all
            };
            let next = |seq: &u32| {
                let base = seq * axis.count;
                digits.iter().map(move |digit| base + digit)
            };
            seqs = seqs.iter().flat_map(next).collect();
        }
        Ok(Some(seqs))
    }
}

/// The axis that `name` means, and the key in its values where they are explicit points.
pub(crate) fn find_axis<'a>(
    axes: &[Axis],
    name: &'a str,
) -> Result<(usize, Option<&'a str>), Problem> {
    if let Some(index) = axes.iter().position(|axis| axis.name == name) {
        return Ok((index, None));
    }
    let points = axes.iter().position(|axis| axis.name == "parameters");
    if let (Some(index), Some(key)) = (points, name.strip_prefix(PARAMETERS)) {
        return Ok((index, Some(key)));
    }
    let names = || axes.iter().map(|axis| axis.name.as_str());
    let hint = match fault::nearest(name, names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("its axes are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(invalid(format!("the bundle has no axis \"{name}\"; {hint}")))
}

/// Indices of the values of `axis` that are wanted, ascending.
fn chosen(
    axis: &Axis,
    key: Option<&str>,
    name: &str,
    wanted: &[String],
) -> Result<Vec<u32>, Problem> {
    let is_wanted = |(index, value): (usize, &Value)| {
        let value = match key {
            Some(key) => value.get(key)?,
            None => value,
        };
        let by_index = value.is_object() && wanted.iter().any(|text| *text == index.to_string());
        let found = by_index || wanted.iter().any(|text| equals(value, text));
        found.then(|| u32::try_from(index).ok()).flatten()
    };
    let chosen: Vec<u32> = axis.values.iter().enumerate().filter_map(is_wanted).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let mut known: Vec<String> = axis
        .values
        .iter()
        .take(SHOWN)
        .map(|value| shown(key.map_or(value, |key| &value[key])))
        .collect();
    if axis.values.len() > SHOWN {
        known.push(format!("... ({} values)", axis.values.len()));
    }
    let wanted = wanted.join(", ");
    Err(invalid(format!(
        "the axis \"{name}\" has no value \"{wanted}\"; it has {}",
        known.join(", ")
    )))
}

/// Whether `text` writes `value`: a string as it is, a number as any decimal, else JSON.
fn equals(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Number(number) => {
            let wanted = text.parse::<f64>().ok();
            number.as_f64().zip(wanted).is_some_and(|(a, b)| a.to_bits() == b.to_bits())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            serde_json::from_str::<Value>(text).is_ok_and(|wanted| wanted == *value)
        }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn axis(name: &str, values: &Value) -> Axis {
        let values = values.as_array().unwrap().clone();
        Axis { name: name.into(), count: u32::try_from(values.len()).unwrap(), values }
    }

    fn filter(pairs: &[(&str, &str)]) -> AxisFilter {
        let mut filter = AxisFilter::default();
        for (name, value) in pairs {
            filter.wanted.entry((*name).into()).or_default().push((*value).into());
        }
        filter
    }

    #[track_caller]
    fn check(pairs: &[(&str, &str)], expected: Option<&[u32]>) {
        let axes = [
            axis("ticker", &json!(["BTC", "ETH"])),
            axis("moneyManagement", &json!([{"stopLossPct": 1}, {"stopLossPct": 2}])),
            axis("parameters.fast", &json!([5, 10.5, 20])),
        ];
        assert_eq!(filter(pairs).seqs(&axes).unwrap().as_deref(), expected);
    }

    #[test]
    fn values_choose_their_points_of_the_product() {
        check(&[], None);
        check(&[("ticker", "ETH")], Some(&[6, 7, 8, 9, 10, 11]));
        check(&[("parameters.fast", "10.5")], Some(&[1, 4, 7, 10]));
        check(
            &[("parameters.fast", "5.0"), ("parameters.fast", "20")],
            Some(&[0, 2, 3, 5, 6, 8, 9, 11]),
        );
        check(&[("moneyManagement", "1"), ("ticker", "BTC")], Some(&[3, 4, 5]));
        check(&[("moneyManagement", "{\"stopLossPct\":2}"), ("ticker", "BTC")], Some(&[3, 4, 5]));
    }

    #[test]
    fn explicit_points_are_chosen_by_the_values_of_a_name() {
        let axes = [axis("parameters", &json!([{"fast": 1, "slow": 2}, {"fast": 3, "slow": 2}]))];
        let seqs = |pairs| filter(pairs).seqs(&axes).unwrap();
        assert_eq!(seqs(&[("parameters.fast", "3")]), Some(vec![1]));
        assert_eq!(seqs(&[("parameters.slow", "2")]), Some(vec![0, 1]));
        assert_eq!(seqs(&[("parameters.fast", "3"), ("parameters.slow", "2")]), Some(vec![1]));
    }

    #[test]
    fn unknown_axes_and_values_are_refused_by_name() {
        let axes = [axis("ticker", &json!(["BTC", "ETH"])), axis("parameters.fast", &json!([5]))];
        let detail = |pairs| filter(pairs).seqs(&axes).unwrap_err().detail().to_owned();
        assert_eq!(
            detail(&[("parameters.fats", "5")]),
            "the bundle has no axis \"parameters.fats\"; did you mean \"parameters.fast\"?"
        );
        assert_eq!(
            detail(&[("ticker", "XRP")]),
            "the axis \"ticker\" has no value \"XRP\"; it has BTC, ETH"
        );
    }
}
