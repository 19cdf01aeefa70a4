//! New labels of a bundle: a merge patch with every fault named at once.

use std::collections::BTreeMap;

use model::{Faults, fault};
use serde_json::{Map, Value};
use store::Labels;
use utoipa::ToSchema;

use crate::problem::Problem;

/// Fields of a patch.
const FIELDS: [&str; 2] = ["priority", "tags"];
/// Characters of a tag's value, as in a bundle request.
const MAX_VALUE: usize = 200;
/// Characters of a tag's name, as in a bundle request.
const MAX_NAME: usize = 64;
/// Tags of one bundle, as in a bundle request.
const MAX_TAGS: usize = 32;

/// Labels to change; what is not named stays.
#[derive(ToSchema)]
#[schema(example = json!({"priority": 10, "tags": {"desk": "two", "draft": null}}))]
#[expect(dead_code, reason = "only describes the body in the OpenAPI document")]
pub(crate) struct LabelsBody {
    /// -1000 to 1000, higher first.
    #[schema(minimum = -1000, maximum = 1000)]
    priority: Option<i16>,
    /// Tags to set; null removes one.
    #[schema(value_type = Option<Object>)]
    tags: Option<BTreeMap<String, Option<String>>>,
}

/// Reads a merge patch of a bundle that has the tags `before`.
pub(crate) fn read(bytes: &[u8], before: &BTreeMap<String, String>) -> Result<Labels, Problem> {
    let mut faults = Faults::default();
    let labels = match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(patch)) => labels(&patch, before, &mut faults),
        Ok(_) => {
            faults.add("", "wrong_type", "the body must be an object");
            Labels::default()
        }
        Err(error) => {
            faults.add("", "invalid_json", format!("the body is not JSON: {error}"));
            Labels::default()
        }
    };
    faults.into_result(labels).map_err(Problem::from_faults)
}

fn labels(
    patch: &Map<String, Value>,
    before: &BTreeMap<String, String>,
    faults: &mut Faults,
) -> Labels {
    for name in patch.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        let hint = match fault::nearest(name, FIELDS) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "priority and tags can be changed".to_owned(),
        };
        let message = format!("there is no field \"{name}\"");
        faults.add_with_hint(&fault::pointer("", name), "unknown_field", message, hint);
    }
    let mut labels = Labels::default();
    if let Some(priority) = patch.get("priority") {
        let within = priority.as_i64().filter(|it| (-1_000..=1_000).contains(it));
        labels.priority = within.and_then(|priority| i16::try_from(priority).ok());
        if labels.priority.is_none() {
            let message = "a priority is a whole number from -1000 to 1000";
            faults.add("/priority", "out_of_range", message);
        }
    }
    match patch.get("tags") {
        None => {}
        Some(Value::Object(tags)) => {
            for (name, value) in tags {
                labels.tags.extend(tag(name, value, faults));
            }
            let mut after = before.clone();
            for (name, value) in &labels.tags {
                match value {
                    Some(value) => _ = after.insert(name.clone(), value.clone()),
                    None => _ = after.remove(name),
                }
            }
            if after.len() > MAX_TAGS {
                let message = format!("there would be {} tags, more than {MAX_TAGS}", after.len());
                faults.add("/tags", "too_long", message);
            }
        }
        Some(_) => faults.add("/tags", "wrong_type", "tags must be an object of texts"),
    }
    labels
}

/// A tag and its new value, `None` where it is to go.
fn tag(name: &str, value: &Value, faults: &mut Faults) -> Option<(String, Option<String>)> {
    let pointer = fault::pointer("/tags", name);
    if name.is_empty() {
        faults.add(&pointer, "invalid_text", "a tag has an empty name");
        return None;
    }
    let value = match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            faults.add(&pointer, "wrong_type", "a tag is a text, or null to remove it");
            return None;
        }
    };
    let limits = [("name", name, MAX_NAME), ("value", value.as_deref().unwrap_or(""), MAX_VALUE)];
    for (what, text, max) in limits {
        let length = text.chars().count();
        if length > max {
            let message = format!("the {what} of a tag has {length} characters, more than {max}");
            faults.add(&pointer, "too_long", message);
        }
    }
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with `patch` for a bundle of 32 tags `t0` .. `t31`.
    #[track_caller]
    fn check(patch: &str, expected: &[&str]) {
        let before = (0..32).map(|tag| (format!("t{tag}"), String::new())).collect();
        let found = read(patch.as_bytes(), &before).err();
        let found = found.map(|problem| problem.faults().to_vec()).unwrap_or_default();
        let found: Vec<_> =
            found.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect();
        assert_eq!(found, expected, "{patch}");
    }

    #[test]
    fn every_fault_of_a_patch_is_named() {
        check("{}", &[]);
        check(r#"{"priority": -1000, "tags": {"t1": "x", "t2": null, "new": "y"}}"#, &[]);
        check("[]", &[" wrong_type"]);
        check("{", &[" invalid_json"]);
        check(
            r#"{"name": "x", "priority": 1001}"#,
            &["/name unknown_field", "/priority out_of_range"],
        );
        check(r#"{"priority": 1.5, "tags": 7}"#, &["/priority out_of_range", "/tags wrong_type"]);
        check(r#"{"tags": {"new": "x"}}"#, &["/tags too_long"]);
        check(r#"{"tags": {"": "x", "t1": 7}}"#, &["/tags/ invalid_text", "/tags/t1 wrong_type"]);
        let long = format!(r#"{{"tags": {{"t1": "{}"}}}}"#, "x".repeat(201));
        check(&long, &["/tags/t1 too_long"]);
    }
}
