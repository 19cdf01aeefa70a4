//! The committed OpenAPI document is the one that the code makes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::Api;

#[test]
fn the_committed_document_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let made = api::openapi_json();
    if committed.trim_end() != made {
        let fresh = std::env::temp_dir().join("backfleet-openapi.json");
        std::fs::write(&fresh, made + "\n").unwrap();
        panic!(
            "docs/reference/openapi.json is not what the code makes; run\n  \
             cargo run -p backfleet -- openapi > docs/reference/openapi.json\n\
             or copy {}",
            fresh.display()
        );
    }
}

#[tokio::test]
async fn the_document_is_served_and_whole() {
    let api = Api::new().await;
    let document = api.json("/api/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let schemas: BTreeSet<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut refs = Vec::new();
    collect_refs(&document, &mut refs);
    for name in refs {
        assert!(schemas.contains(name.as_str()), "{name}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            let refusal = &operation["responses"]["default"]["content"];
            assert!(refusal["application/problem+json"].is_object(), "{method} {path}");
        }
    }
}

fn collect_refs(value: &Value, refs: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key == "$ref" => {
                        refs.push(text.rsplit('/').next().unwrap().to_owned());
                    }
                    _ => collect_refs(value, refs),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_refs(item, refs)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
