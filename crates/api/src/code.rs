//! The stable codes of everything that can go wrong; each has a page in `docs/errors/`.

use axum::http::StatusCode;

/// Why a request was refused. Its text is the `code` of a problem and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The body is not JSON or is nested too deeply.
    InvalidJson,
    /// A query parameter or header is unknown, malformed or out of range.
    InvalidQuery,
    /// The cursor is damaged or belongs to another query.
    InvalidCursor,
    /// The bundle request has faults; the answer lists them all.
    InvalidBundle,
    /// The uploaded file holds no signal column.
    InvalidSignals,
    /// The `Idempotency-Key` is empty, too long or not printable.
    InvalidIdempotencyKey,
    /// The `Idempotency-Key` was used before with another body.
    IdempotencyKeyReused,
    /// Another request with the same `Idempotency-Key` is still being stored.
    IdempotencyKeyBusy,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// The body ended early or its compression is damaged.
    BodyUnreadable,
    /// The body's media type is not JSON.
    UnsupportedMediaType,
    /// The body's content encoding is not one of those supported.
    UnsupportedEncoding,
    /// No format asked for can be made.
    NotAcceptable,
    /// The request shows no API key, or none that opens.
    Unauthorized,
    /// The API key does not allow this.
    Forbidden,
    /// The API key has submitted as many jobs as it may for now.
    RateLimited,
    /// A page of another site sent a request that changes something.
    CrossSiteRequest,
    /// There is no such address.
    NotFound,
    /// The address exists, but not with this method.
    MethodNotAllowed,
    /// There is no such bundle.
    BundleNotFound,
    /// There is no such job.
    JobNotFound,
    /// There is no such named signal.
    StrategyNotFound,
    /// There is no such candle series.
    SeriesNotFound,
    /// There is no such signal column.
    SignalsNotFound,
    /// There is no such worker.
    WorkerNotFound,
    /// The job has no result yet, or never will have one.
    JobNotCompleted,
    /// The bundle is final, so it cannot be changed in this way.
    BundleFinal,
    /// The bundle is being called off; its running jobs still end.
    BundleCancelling,
    /// The bundle changed since the version that `If-Match` names.
    PreconditionFailed,
    /// The candle source does not answer.
    SourceUnavailable,
    /// The database does not answer.
    StoreUnavailable,
    /// The database lost a race; the same request will pass.
    StoreConflict,
    /// The database schema does not fit this program.
    SchemaMismatch,
    /// The request took too long.
    Timeout,
    /// A defect of this program.
    Internal,
}

impl Code {
    /// Every code, in the order of the enum.
    pub const ALL: [Code; 35] = [
        Self::InvalidJson,
        Self::InvalidQuery,
        Self::InvalidCursor,
        Self::InvalidBundle,
        Self::InvalidSignals,
        Self::InvalidIdempotencyKey,
        Self::IdempotencyKeyReused,
        Self::IdempotencyKeyBusy,
        Self::BodyTooLarge,
        Self::BodyUnreadable,
        Self::UnsupportedMediaType,
        Self::UnsupportedEncoding,
        Self::NotAcceptable,
        Self::Unauthorized,
        Self::Forbidden,
        Self::RateLimited,
        Self::CrossSiteRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BundleNotFound,
        Self::JobNotFound,
        Self::StrategyNotFound,
        Self::SeriesNotFound,
        Self::SignalsNotFound,
        Self::WorkerNotFound,
        Self::JobNotCompleted,
        Self::BundleFinal,
        Self::BundleCancelling,
        Self::PreconditionFailed,
        Self::SourceUnavailable,
        Self::StoreUnavailable,
        Self::StoreConflict,
        Self::SchemaMismatch,
        Self::Timeout,
        Self::Internal,
    ];

    /// Its text.
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// The HTTP status it is answered with.
    pub fn status(self) -> StatusCode {
        self.entry().1
    }

    /// One short sentence that is the same for every occurrence.
    pub fn title(self) -> &'static str {
        self.entry().2
    }

    /// Seconds after which a repeat is worth a try, for codes that pass by themselves.
    pub fn retry_after(self) -> Option<u32> {
        match self {
            Self::StoreConflict | Self::IdempotencyKeyBusy => Some(1),
            Self::StoreUnavailable
            | Self::SourceUnavailable
            | Self::BundleCancelling
            | Self::Timeout => Some(5),
            Self::SchemaMismatch => Some(30),
            Self::RateLimited => Some(60),
            Self::InvalidJson
            | Self::InvalidQuery
            | Self::InvalidCursor
            | Self::InvalidBundle
            | Self::InvalidSignals
            | Self::InvalidIdempotencyKey
            | Self::IdempotencyKeyReused
            | Self::BodyTooLarge
            | Self::BodyUnreadable
            | Self::UnsupportedMediaType
            | Self::UnsupportedEncoding
            | Self::NotAcceptable
            | Self::Unauthorized
            | Self::Forbidden
            | Self::CrossSiteRequest
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::BundleNotFound
            | Self::JobNotFound
            | Self::StrategyNotFound
            | Self::SeriesNotFound
            | Self::SignalsNotFound
            | Self::WorkerNotFound
            | Self::JobNotCompleted
            | Self::BundleFinal
            | Self::PreconditionFailed
            | Self::Internal => None,
        }
    }

    fn entry(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidJson => ("invalid_json", S::BAD_REQUEST, "The body is not valid JSON"),
            Self::InvalidQuery => {
                ("invalid_query", S::BAD_REQUEST, "A parameter or header is not valid")
            }
            Self::InvalidCursor => ("invalid_cursor", S::BAD_REQUEST, "The cursor is not valid"),
            Self::InvalidBundle => {
                ("invalid_bundle", S::UNPROCESSABLE_ENTITY, "The bundle request is not valid")
            }
            Self::InvalidSignals => {
                ("invalid_signals", S::UNPROCESSABLE_ENTITY, "The file holds no signal column")
            }
            Self::InvalidIdempotencyKey => {
                ("invalid_idempotency_key", S::BAD_REQUEST, "The Idempotency-Key is not valid")
            }
            Self::IdempotencyKeyReused => (
                "idempotency_key_reused",
                S::UNPROCESSABLE_ENTITY,
                "The Idempotency-Key was used with another body",
            ),
            Self::IdempotencyKeyBusy => (
                "idempotency_key_busy",
                S::CONFLICT,
                "A request with this Idempotency-Key is being stored",
            ),
            Self::BodyTooLarge => {
                ("body_too_large", S::PAYLOAD_TOO_LARGE, "The body is longer than the limit")
            }
            Self::BodyUnreadable => ("body_unreadable", S::BAD_REQUEST, "The body is unreadable"),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "The body's media type is not supported",
            ),
            Self::UnsupportedEncoding => (
                "unsupported_encoding",
                S::UNSUPPORTED_MEDIA_TYPE,
                "The body's content encoding is not supported",
            ),
            Self::NotAcceptable => {
                ("not_acceptable", S::NOT_ACCEPTABLE, "The format asked for cannot be made")
            }
            Self::Unauthorized => {
                ("unauthorized", S::UNAUTHORIZED, "The request shows no good API key")
            }
            Self::Forbidden => ("forbidden", S::FORBIDDEN, "The API key does not allow this"),
            Self::RateLimited => {
                ("rate_limited", S::TOO_MANY_REQUESTS, "The API key has submitted too many jobs")
            }
            Self::CrossSiteRequest => {
                ("cross_site_request", S::FORBIDDEN, "Another site's page sent the request")
            }
            Self::NotFound => ("not_found", S::NOT_FOUND, "There is no such address"),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                S::METHOD_NOT_ALLOWED,
                "The address does not take this method",
            ),
            Self::BundleNotFound => ("bundle_not_found", S::NOT_FOUND, "There is no such bundle"),
            Self::JobNotFound => ("job_not_found", S::NOT_FOUND, "There is no such job"),
            Self::StrategyNotFound => {
                ("strategy_not_found", S::NOT_FOUND, "There is no such strategy")
            }
            Self::SeriesNotFound => {
                ("series_not_found", S::NOT_FOUND, "There is no such candle series")
            }
            Self::SignalsNotFound => {
                ("signals_not_found", S::NOT_FOUND, "There is no such signal column")
            }
            Self::WorkerNotFound => ("worker_not_found", S::NOT_FOUND, "There is no such worker"),
            Self::JobNotCompleted => ("job_not_completed", S::CONFLICT, "The job has no result"),
            Self::BundleFinal => ("bundle_final", S::CONFLICT, "The bundle is final"),
            Self::BundleCancelling => {
                ("bundle_cancelling", S::CONFLICT, "The bundle is being called off")
            }
            Self::PreconditionFailed => (
                "precondition_failed",
                S::PRECONDITION_FAILED,
                "The bundle changed since the version named",
            ),
            Self::SourceUnavailable => {
                ("source_unavailable", S::SERVICE_UNAVAILABLE, "The candle source does not answer")
            }
            Self::StoreUnavailable => {
                ("store_unavailable", S::SERVICE_UNAVAILABLE, "The database does not answer")
            }
            Self::StoreConflict => {
                ("store_conflict", S::SERVICE_UNAVAILABLE, "The database asks to try again")
            }
            Self::SchemaMismatch => (
                "schema_mismatch",
                S::SERVICE_UNAVAILABLE,
                "The database schema does not fit this program",
            ),
            Self::Timeout => ("timeout", S::SERVICE_UNAVAILABLE, "The request took too long"),
            Self::Internal => {
                ("internal", S::INTERNAL_SERVER_ERROR, "Something is wrong on our side")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_in_the_order_of_the_enum() {
        for (index, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, index);
        }
        let mut texts: Vec<_> = Code::ALL.map(Code::as_str).to_vec();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
    }

    #[test]
    fn what_passes_by_itself_says_when_to_try_again() {
        for code in Code::ALL {
            let unavailable = code.status() == StatusCode::SERVICE_UNAVAILABLE;
            assert!(!unavailable || code.retry_after().is_some(), "{code:?}");
        }
    }
}
