//! Refusals that belong to no route, headers that belong to all.

use axum::body::Body;
use axum::http::Request;

use crate::harness::Api;

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let api = Api::new().await;
    assert_eq!(
        api.get("/api/backtest/bundles").await.problem(),
        "404 not_found: there is no \"/api/backtest/bundles\"; `/docs` lists every address"
    );
    let answer =
        api.send(Request::delete("/api/backtest/bundle").body(Body::empty()).unwrap()).await;
    assert_eq!(
        answer.problem(),
        "405 method_not_allowed: \"/api/backtest/bundle\" does not take DELETE; Allow says what it \
         takes"
    );
    for path in ["/api/backtest/bundle/%FF/status", "/api/backtest/job/%C0"] {
        assert_eq!(
            api.get(path).await.problem(),
            "400 invalid_query: the address cannot be read: it is not UTF-8, percent-encoded"
        );
    }
    let mut allow: Vec<&str> = answer.header("allow").split(',').collect();
    allow.sort_unstable();
    assert_eq!(allow, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn every_code_has_a_page_at_the_address_that_problems_name() {
    let api = Api::new().await;
    for code in api::error_codes() {
        let page = api.get(&format!("/errors/{code}")).await;
        assert_eq!(page.status, 200);
        assert!(page.body.starts_with(&format!("# {code}\n")));
    }
    assert!(api.get("/errors/nonsense").await.problem().starts_with("404 not_found"));
    let drawn = api.get_with("/errors/no_candles", "accept", "text/html,*/*;q=0.8").await;
    assert_eq!(drawn.header("content-type"), "text/html; charset=utf-8");
    assert!(drawn.body.contains("<h1>no_candles</h1>"), "{}", drawn.body);
}

#[tokio::test]
async fn a_request_keeps_its_plain_id_and_gets_one_otherwise() {
    let api = Api::new().await;
    let id = async |given: &str| {
        api.get_with("/healthz", "x-request-id", given).await.header("x-request-id").to_owned()
    };
    assert_eq!(id("abc-1.2_3").await, "abc-1.2_3");
    for given in ["", "a b", "a\"b", &"x".repeat(65)] {
        let fresh = id(given).await;
        assert!(uuid::Uuid::try_parse(&fresh).is_ok(), "{fresh}");
    }
}

#[tokio::test]
async fn answers_carry_the_security_headers_and_no_cors() {
    let api = Api::new().await;
    let answer = api.get_with("/api/backtest/bundle", "origin", "https://elsewhere").await;
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn long_answers_are_compressed_where_that_is_asked_for() {
    let api = Api::new().await;
    let request = Request::get("/api/strategies").header("accept-encoding", "gzip");
    let response =
        tower::ServiceExt::oneshot(api.router.clone(), request.body(Body::empty()).unwrap())
            .await
            .unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(api.get("/api/strategies").await.header("content-encoding"), "");
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let api = Api::new().await;
    let send = async |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/workers/1/drain");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        api.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    assert_eq!(send(&[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(send(&[("sec-fetch-site", "same-site")]).await, 403);
    assert_eq!(send(&[("origin", "http://elsewhere"), ("host", "here:8787")]).await, 403);
    assert_eq!(send(&[("origin", "null"), ("host", "here:8787")]).await, 403);
    assert_eq!(send(&[("origin", "http://here:8787"), ("host", "here:8787")]).await, 404);
    assert_eq!(send(&[("sec-fetch-site", "same-origin")]).await, 404);
    assert_eq!(send(&[]).await, 404, "no such worker");
    let answer = api.get_with("/healthz", "sec-fetch-site", "cross-site").await;
    assert_eq!(answer.status, 200);
}
