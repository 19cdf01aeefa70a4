//! The schema of a bundle request in the OpenAPI document.
//!
//! `model` decides what is valid; this is its description, with an example that a test parses.

use std::borrow::Cow;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// JSON Schema of a request.
const SCHEMA: &str = include_str!("bundle_request.schema.json");

/// A bundle request, read by [`model::Bundle`].
pub(crate) struct BundleRequest;

impl PartialSchema for BundleRequest {
    fn schema() -> RefOr<Schema> {
        RefOr::T(serde_json::from_str(SCHEMA).expect("the file is a schema, as a test shows"))
    }
}

impl ToSchema for BundleRequest {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("BundleRequest")
    }
}

#[cfg(test)]
mod tests {
    use model::{Bundle, Limits};
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_example_of_the_schema_is_a_valid_request() {
        let RefOr::T(Schema::Object(_)) = BundleRequest::schema() else { panic!("an object") };
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let bundle = Bundle::parse(&schema["example"], &Limits::default()).unwrap();
        assert_eq!((bundle.total_product(), bundle.dropped()), (216, 0));
    }
}
