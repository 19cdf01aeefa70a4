//! A refusal: RFC 9457 problem details.
//!
//! Handlers return a [`Problem`]; the outermost layer writes its body, because only that layer
//! knows the request id. No SQL, path or stack trace is ever part of one: what a driver said goes
//! to the log.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use model::{Fault, Faults};
use serde::Serialize;
use utoipa::ToSchema;

use crate::code::Code;
use crate::limits::Exceeded;

/// Media type of every refusal.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused, ready to be answered.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<Fault>,
    extra: Option<Box<Extra>>,
}

/// What few refusals have.
#[derive(Clone, Debug, Default)]
struct Extra {
    /// The state that forbids the change.
    status: Option<String>,
    /// What `WWW-Authenticate` asks for.
    challenge: Option<String>,
    /// The limit that was exceeded.
    exceeded: Option<Exceeded>,
}

/// The body of a refusal, RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProblemBody<'a> {
    /// Relative address of the page that explains the code: `/errors/{code}`.
    #[serde(rename = "type")]
    #[schema(example = "/errors/invalid_bundle")]
    kind: String,
    /// The same for every occurrence of the code.
    title: &'a str,
    /// The HTTP status again.
    #[schema(example = 422)]
    status: u16,
    /// Stable code: programs compare this one.
    #[schema(example = "invalid_bundle")]
    code: &'a str,
    /// What is wrong this time and what to do about it.
    detail: &'a str,
    /// Id of the request, also in the header `x-request-id`; quote it in a report.
    request_id: &'a str,
    /// Every fault of a body, in document order.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(value_type = Vec<FaultBody>)]
    errors: &'a [Fault],
    /// The state that forbids the change, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_status: Option<&'a str>,
}

/// One fault of a body.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes `model::Fault` in the OpenAPI document")]
pub(crate) struct FaultBody {
    /// JSON Pointer (RFC 6901) to the value at fault; empty for the whole document.
    #[schema(example = "/universalConfig/moneyManagement/stopLossPct")]
    pointer: String,
    /// Stable code of the fault.
    #[schema(example = "out_of_range")]
    code: String,
    /// What is wrong, naming the value.
    message: String,
    /// What to write instead.
    hint: Option<String>,
}

impl Problem {
    /// A refusal with this code and this explanation.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem { code, detail: detail.into(), errors: Vec::new(), extra: None }
    }

    /// A refusal of a bundle request for `faults`.
    ///
    /// Faults of the JSON itself are 400 `invalid_json`; all others are 422 `invalid_bundle`.
    pub fn from_faults(faults: Faults) -> Problem {
        let errors = faults.0;
        let syntax = |fault: &Fault| {
            fault.pointer.is_empty() && matches!(fault.code, "invalid_json" | "too_deep")
        };
        let code = if errors.iter().any(syntax) { Code::InvalidJson } else { Code::InvalidBundle };
        let detail = match errors.as_slice() {
            [one] => match &one.hint {
                Some(hint) => format!("{}; {hint}", one.message),
                None => one.message.clone(),
            },
            several => format!("{} faults; errors lists each with its place", several.len()),
        };
        Problem { errors, ..Problem::new(code, detail) }
    }

    /// Adds the state that forbids the change.
    #[must_use]
    pub fn with_status(mut self, status: &impl ToString) -> Problem {
        self.extra.get_or_insert_default().status = Some(status.to_string());
        self
    }

    /// Adds what the client has to show.
    #[must_use]
    pub(crate) fn with_challenge(mut self, challenge: String) -> Problem {
        self.extra.get_or_insert_default().challenge = Some(challenge);
        self
    }

    /// Adds when the same request is let through.
    #[must_use]
    pub(crate) fn with_quota(mut self, exceeded: Exceeded) -> Problem {
        self.extra.get_or_insert_default().exceeded = Some(exceeded);
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is wrong this time.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The faults of the body.
    #[cfg(test)]
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.errors
    }

    /// The whole answer; keeps only the `Allow` header of `headers`.
    pub(crate) fn render(&self, request_id: &str, headers: &HeaderMap) -> Response {
        let extra = self.extra.as_deref();
        let exceeded = extra.and_then(|extra| extra.exceeded);
        let body = ProblemBody {
            kind: format!("/errors/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            request_id,
            errors: &self.errors,
            current_status: extra.and_then(|extra| extra.status.as_deref()),
        };
        let body = serde_json::to_vec(&body).expect("a problem has only text keys");
        let mut response = (self.code.status(), body).into_response();
        let answer = response.headers_mut();
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(exceeded) = exceeded {
            exceeded.quota.set(answer);
        }
        if let Some(challenge) = extra.and_then(|extra| extra.challenge.as_deref())
            && let Ok(challenge) = HeaderValue::from_str(challenge)
        {
            answer.insert(WWW_AUTHENTICATE, challenge);
        }
        let seconds = exceeded.map(|exceeded| exceeded.retry_after);
        let seconds = seconds.or_else(|| self.code.retry_after().map(u64::from));
        if let Some(seconds) = seconds {
            answer.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = headers.get(ALLOW) {
            answer.insert(ALLOW, allow.clone());
        }
        response
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem; the outermost layer writes the body.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<store::Error> for Problem {
    /// Says what the caller can do and logs what the driver said.
    fn from(error: store::Error) -> Problem {
        match error {
            store::Error::Unavailable { reason } => {
                tracing::warn!(reason, "the database does not answer");
                Problem::new(
                    Code::StoreUnavailable,
                    "the database does not answer; nothing is lost, try again",
                )
            }
            store::Error::Conflict { reason } => {
                tracing::info!(reason, "the database asks to try again");
                Problem::new(Code::StoreConflict, "two writers met; try again")
            }
            store::Error::WrongSchema { found, needed } => {
                tracing::error!(found, needed, "the database schema does not fit this program");
                Problem::new(
                    Code::SchemaMismatch,
                    format!(
                        "the database schema is at version {found}, this program needs \
                         {needed}: run `backfleet migrate`"
                    ),
                )
            }
            store::Error::Refused { reason } => {
                tracing::error!(reason, "the database refuses");
                Problem::internal()
            }
            _ => Problem::internal(),
        }
    }
}

impl Problem {
    /// A defect: the log says more.
    pub(crate) fn internal() -> Problem {
        Problem::new(
            Code::Internal,
            "the request met a defect; the log of this node says more under the request id",
        )
    }
}
