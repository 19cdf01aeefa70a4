//! What is wrong with a request: every fault at once, each with its place and a way out.

use std::fmt;

use serde::Serialize;

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON Pointer (RFC 6901) to the value at fault; empty for the whole document.
    pub pointer: String,
    /// Stable code, such as `unknown_field`, `out_of_range`, `wrong_type`, `missing_field`.
    pub code: &'static str,
    /// What is wrong, naming the value.
    pub message: String,
    /// What to write instead, where one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// All faults of one request, in document order; never empty inside an `Err`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<Fault>);

/// Faults kept per request: a hostile document cannot make a huge answer.
const MAX_FAULTS: usize = 100;

impl Faults {
    /// Adds a fault without a hint; beyond 100 further ones are dropped.
    pub fn add(&mut self, pointer: &str, code: &'static str, message: impl Into<String>) {
        self.push(Fault { pointer: pointer.to_owned(), code, message: message.into(), hint: None });
    }

    /// Adds a fault with a hint; beyond 100 further ones are dropped.
    pub fn add_with_hint(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let hint = Some(hint.into());
        self.push(Fault { pointer: pointer.to_owned(), code, message: message.into(), hint });
    }

    /// Adds `fault`; beyond 100 further ones are dropped.
    pub fn push(&mut self, fault: Fault) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(fault);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing is wrong, else the faults.
    pub fn into_result<T>(self, value: T) -> Result<T, Faults> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let place = if fault.pointer.is_empty() { "/" } else { &fault.pointer };
            write!(f, "{separator}{place}: {}", fault.message)?;
            if let Some(hint) = &fault.hint {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Appends one reference token to a JSON Pointer, escaped as RFC 6901 asks.
pub fn pointer(parent: &str, token: impl fmt::Display) -> String {
    let token = token.to_string().replace('~', "~0").replace('/', "~1");
    format!("{parent}/{token}")
}

/// The candidate nearest to `text` by edit distance, if it is near enough to be a slip.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text: Vec<char> = text.chars().take(MAX_NAME).collect();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = edit_distance(&text, candidate);
        let allowed = (candidate.chars().count().max(text.len()) / 3).max(1);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Characters of a name that are compared: longer ones are no slip.
const MAX_NAME: usize = 64;

/// Edits between two names, ignoring ASCII case; two neighbours swapped are one edit (optimal
/// string alignment).
fn edit_distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().take(MAX_NAME).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let change = above[j] + usize::from(!l.eq_ignore_ascii_case(r));
            let mut least = change.min(above[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0
                && j > 0
                && l.eq_ignore_ascii_case(&right[j - 1])
                && left[i - 1].eq_ignore_ascii_case(r);
            if swapped {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let names = ["stopLossPct", "takeProfitPct", "leverage"];
        assert_eq!(nearest("stoplosspct", names), Some("stopLossPct"));
        assert_eq!(nearest("stopLosPct", names), Some("stopLossPct"));
        assert_eq!(nearest("leverge", names), Some("leverage"));
        assert_eq!(nearest("fats", ["fast", "slow"]), Some("fast"));
        assert_eq!(nearest("banana", names), None);
    }

    #[test]
    fn pointers_escape_their_tokens() {
        assert_eq!(pointer("/a", "b/c~d"), "/a/b~1c~0d");
    }
}
