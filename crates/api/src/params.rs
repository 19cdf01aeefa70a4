//! Query parameters and the few headers that handlers read: parsed strictly, refused by name.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use model::fault;

use crate::code::Code;
use crate::problem::Problem;

/// The query of one request. Each handler takes what it knows, then calls [`Params::finish`], so a
/// misspelt parameter is an error instead of a silently wider answer.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Params, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|error| {
            Problem::new(Code::InvalidQuery, format!("the query cannot be read: {error}"))
        })?;
        Ok(Params { pairs, known: Vec::new() })
    }
}

impl Params {
    /// The value of `name`; given twice, it is refused.
    pub(crate) fn take(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let mut values = self.take_all(name);
        if values.len() > 1 {
            return Err(invalid(format!("parameter \"{name}\" is given {} times", values.len())));
        }
        Ok(values.pop())
    }

    /// Every value of `name`, in order.
    pub(crate) fn take_all(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let taken = self.pairs.extract_if(.., |(key, _)| key == name);
        taken.map(|(_, value)| value).collect()
    }

    /// Every parameter whose name is `prefix` and more, keyed by the rest of its name.
    pub(crate) fn take_prefixed(&mut self, prefix: &'static str) -> BTreeMap<String, Vec<String>> {
        let mut values = BTreeMap::<String, Vec<String>>::new();
        for (key, value) in self.pairs.extract_if(.., |(key, _)| key.starts_with(prefix)) {
            values.entry(key[prefix.len()..].to_owned()).or_default().push(value);
        }
        values
    }

    /// The value of `name` parsed as `what`.
    pub(crate) fn parse<T: FromStr>(
        &mut self,
        name: &'static str,
        what: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let wrong = |_| invalid(format!("parameter \"{name}\" must be {what}, not \"{text}\""));
        text.parse().map(Some).map_err(wrong)
    }

    /// The value of `name` as a whole number from 1 to `max`, or `default`.
    pub(crate) fn count(
        &mut self,
        name: &'static str,
        default: u32,
        max: u32,
    ) -> Result<u32, Problem> {
        self.count_within(name, default, 1..=max)
    }

    /// The value of `name` as a whole number within `range`, or `default`.
    pub(crate) fn count_within(
        &mut self,
        name: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, Problem> {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(count) = self.parse::<u32>(name, &what)? else { return Ok(default) };
        if range.contains(&count) {
            return Ok(count);
        }
        Err(invalid(format!("parameter \"{name}\" must be {what}, not \"{count}\"")))
    }

    /// Refuses what no one has taken.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        let near = fault::nearest(name, self.known.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if self.known.is_empty() => "this address takes none".to_owned(),
            None => format!("known: {}", self.known.join(", ")),
        };
        Err(invalid(format!("unknown parameter \"{name}\"; {hint}")))
    }
}

/// A refusal of a query parameter or header.
pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidQuery, detail)
}

/// The word among `words` that `text` is, ignoring case.
pub(crate) fn one_of<T: Copy + ToString>(
    name: &str,
    text: &str,
    words: &[T],
) -> Result<T, Problem> {
    let found = words.iter().find(|word| word.to_string().eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        invalid(format!("parameter \"{name}\" must be one of {}, not \"{text}\"", words.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Params { pairs: pairs.collect(), known: Vec::new() }
    }

    #[test]
    fn a_misspelt_parameter_is_refused_with_its_neighbour() {
        let mut query = params(&[("limti", "3")]);
        assert_eq!(query.count("limit", 50, 200).unwrap(), 50);
        let problem = query.finish().unwrap_err();
        assert_eq!(problem.detail(), "unknown parameter \"limti\"; did you mean \"limit\"?");
    }

    #[test]
    fn counts_outside_their_range_and_repeats_are_refused() {
        let detail = |pairs| params(pairs).count("limit", 50, 200).unwrap_err().detail().to_owned();
        let range = "parameter \"limit\" must be a whole number from 1 to 200";
        assert_eq!(detail(&[("limit", "0")]), format!("{range}, not \"0\""));
        assert_eq!(detail(&[("limit", "-1")]), format!("{range}, not \"-1\""));
        assert_eq!(
            detail(&[("limit", "1"), ("limit", "2")]),
            "parameter \"limit\" is given 2 times"
        );
    }
}
