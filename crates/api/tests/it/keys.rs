//! API keys: who is let in, what scopes allow, and that owners do not see each other.

use std::time::Duration;

use api::Config;
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use store::{Keys, NewKey, Scope, Scopes, Token};
use testkit::wait::until_async;

use crate::harness::{Answer, Api, completed, sample};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);
const LIST: &str = "/api/backtest/bundle";

/// Makes a key; what a client sends in `Authorization`.
async fn key(api: &Api, owner: &str, scopes: &[Scope]) -> String {
    lasting(api, owner, scopes, None).await
}

async fn lasting(api: &Api, owner: &str, scopes: &[Scope], lasts: Option<Duration>) -> String {
    let scopes = Scopes::new(scopes.iter().copied()).unwrap();
    let token = Token::generate().unwrap();
    let new = NewKey { token, owner: owner.to_owned(), name: String::new(), scopes, lasts };
    api.store.create_key(&new).await.unwrap();
    format!("Bearer {}", new.token.expose())
}

async fn ask(api: &Api, method: &str, path: &str, key: &str, body: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", key);
    let request = request.header("content-type", "application/json");
    api.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn get(api: &Api, path: &str, key: &str) -> Answer {
    ask(api, "GET", path, key, "").await
}

async fn submit(api: &Api, key: &str) -> String {
    let answer = ask(api, "POST", LIST, key, &sample().to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.json()["bundleRequestId"].as_str().unwrap().to_owned()
}

/// The code of a refusal.
#[track_caller]
fn code(answer: &Answer) -> String {
    answer.problem().split([' ', ':']).nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn the_first_key_ends_the_time_without_keys_for_ever() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let stale = get(&api, &format!("{LIST}/{id}"), "Bearer of-another-server").await;
    assert_eq!(stale.status, 200, "a server without keys reads none");
    let shown = key(&api, "desk", &[Scope::Read]).await;
    let refused = || async { api.get(LIST).await.status == 401 };
    until_async(PATIENCE, "keys to be needed", refused).await;
    assert_eq!(get(&api, LIST, &shown).await.json()["items"], json!([]));
    api.store.revoke_key(&shown["Bearer bf_".len()..][..12]).await.unwrap();
    let revoked = || async { get(&api, LIST, &shown).await.status == 401 };
    until_async(PATIENCE, "the key to be refused", revoked).await;
    assert_eq!(api.get(LIST).await.status, 401, "revoking the last one opens nothing");
    let admin = key(&api, "root", &[Scope::Admin]).await;
    let items = get(&api, LIST, &admin).await.json()["items"].clone();
    assert_eq!(items[0]["bundleRequestId"], id, "what was local is an administrator's to see");
}

#[tokio::test]
async fn a_request_without_a_good_key_is_told_what_to_show() {
    let public = Config { require_keys: true, ..Config::new("test") };
    let api = Api::with_config(public).await;
    let answer = api.get(LIST).await;
    assert_eq!(
        answer.problem(),
        "401 unauthorized: the request shows no API key; send `Authorization: Bearer bf_...`, made \
         by `backfleet key create`"
    );
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"backfleet\"");
    let good = key(&api, "desk", &[Scope::Read]).await;
    assert_eq!(get(&api, LIST, &good).await.status, 200);
    assert_eq!(get(&api, LIST, &good.replace("Bearer ", "bearer  ")).await.status, 200);
    let other_secret = format!("{}{}", &good[..good.len() - 4], "ffff");
    for bad in ["", "Bearer", "Bearer x", &good[7..], &other_secret, "Basic Zm9vOmJhcg=="] {
        let answer = get(&api, LIST, bad).await;
        assert_eq!(code(&answer), "unauthorized", "{bad}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, "Bearer realm=\"backfleet\", error=\"invalid_token\"", "{bad}");
        assert!(!answer.body.contains(&other_secret[20..]));
    }
    let short = lasting(&api, "desk", &[Scope::Read], Some(Duration::from_millis(300))).await;
    let expired = || async { get(&api, LIST, &short).await.body.contains("is over") };
    until_async(PATIENCE, "the key to expire", expired).await;
    for path in ["/healthz", "/readyz", "/metrics", "/docs", "/", "/api/openapi.json"] {
        assert_eq!(api.get(path).await.status, 200, "{path} needs no key");
    }
    assert_eq!(api.get("/api/nothing").await.status, 404);
}

#[tokio::test]
async fn a_scope_allows_what_it_says_and_no_more() {
    let api = Api::new().await;
    let reader = key(&api, "desk", &[Scope::Read]).await;
    let sender = key(&api, "desk", &[Scope::Submit]).await;
    let admin = key(&api, "root", &[Scope::Admin]).await;
    let id = submit(&api, &sender).await;
    let forbidden = |answer: Answer, scope: &str| {
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert_eq!(code(&answer), "forbidden");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.ends_with(&format!("scope=\"{scope}\"")), "{challenge}");
    };
    let body = sample().to_string();
    forbidden(ask(&api, "POST", LIST, &reader, &body).await, "submit");
    for command in ["cancel", "pause", "resume", "retry"] {
        let path = format!("{LIST}/{id}/{command}");
        forbidden(ask(&api, "POST", &path, &reader, "").await, "submit");
    }
    forbidden(ask(&api, "PATCH", &format!("{LIST}/{id}"), &reader, "{}").await, "submit");
    forbidden(ask(&api, "PUT", "/api/signals", &reader, "x").await, "submit");
    forbidden(get(&api, &format!("{LIST}/{id}/status"), &sender).await, "read");
    forbidden(ask(&api, "POST", "/api/workers/1/drain", &reader, "").await, "admin");
    assert_eq!(ask(&api, "POST", &format!("{LIST}/estimate"), &reader, &body).await.status, 200);
    assert_eq!(ask(&api, "POST", &format!("{LIST}/{id}/pause"), &sender, "").await.status, 200);
    assert_eq!(get(&api, &format!("{LIST}/{id}/status"), &reader).await.status, 200);
    assert_eq!(ask(&api, "POST", &format!("{LIST}/{id}/cancel"), &admin, "").await.status, 202);
    assert_eq!(
        code(&ask(&api, "POST", "/api/workers/1/drain", &admin, "").await),
        "worker_not_found"
    );
}

/// Every operation of the document: method and path.
fn operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let of_path = |(path, item): (String, Value)| {
        let methods: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
        methods
            .into_iter()
            .map(move |method| (method.to_uppercase().parse().unwrap(), path.clone()))
    };
    paths.into_iter().flat_map(of_path).collect()
}

#[tokio::test]
async fn no_route_tells_of_another_owner_s_bundles_and_jobs() {
    let api = Api::new().await;
    let all = [Scope::Read, Scope::Submit];
    let (mine, theirs) = (key(&api, "me", &all).await, key(&api, "them", &all).await);
    let id = submit(&api, &mine).await;
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    // So that there is an answer to ask for.
    let verify = format!("/api/backtest/job/{id}-1/verify");
    assert_eq!(ask(&api, "POST", &verify, &mine, "").await.status, 202);
    let secret = "EMA cross";
    let mut with_ids = 0;
    for (method, path) in operations() {
        let path = path.replace("{name}", "EmaCross");
        let path = path.replace("{exchange}/{ticker}/{timeframe}", "binance/BTCUSDT/15m");
        let is_bundle = path.starts_with("/api/backtest/bundle/{id}");
        let is_job = path.starts_with("/api/backtest/job/{id}");
        if !is_bundle && !is_job {
            // What belongs to nobody: no word of the bundle is in it.
            if method == Method::GET {
                let answer = get(&api, &path.replace("{id}", "1"), &theirs).await;
                assert!(!answer.body.contains(&id), "{method} {path}: {}", answer.body);
                assert!(!answer.body.contains(secret) || path == "/api/strategies", "{path}");
            }
            continue;
        }
        with_ids += 1;
        let unknown = uuid::Uuid::now_v7().to_string();
        let of = |bundle: &str| {
            let id = if is_job { format!("{bundle}-1") } else { bundle.to_owned() };
            let query = if path.ends_with("/heatmap") { "?x=ticker" } else { "" };
            format!("{}{query}", path.replace("{id}", &id))
        };
        let theirs_answer = ask(&api, method.as_str(), &of(&id), &theirs, "{}").await;
        let unknown_answer = ask(&api, method.as_str(), &of(&unknown), &theirs, "{}").await;
        assert_eq!(theirs_answer.status, 404, "{method} {path}: {}", theirs_answer.body);
        let said = theirs_answer.problem().replace(&id, &unknown);
        assert_eq!(said, unknown_answer.problem(), "{method} {path} tells that it exists");
        let escaped = of(&id).replacen(&id[..1], &format!("%{:x}", id.as_bytes()[0]), 1);
        let escaped = ask(&api, method.as_str(), &escaped, &theirs, "{}").await;
        assert_eq!(escaped.status, 404, "{method} {path} is fooled by an escape");
        let mine_answer = ask(&api, method.as_str(), &of(&id), &mine, "{}").await;
        let status = mine_answer.status.as_u16();
        assert!(![401, 403, 404].contains(&status), "{method} {path}: {}", mine_answer.body);
    }
    assert!(with_ids >= 16, "{with_ids} operations name a bundle or a job");
}

#[tokio::test]
async fn a_list_shows_one_s_own_and_an_administrator_s_all() {
    let api = Api::new().await;
    let all = [Scope::Read, Scope::Submit];
    let (a, b) = (key(&api, "a", &all).await, key(&api, "b", &all).await);
    let admin = key(&api, "root", &[Scope::Admin]).await;
    let (of_a, of_b) = (submit(&api, &a).await, submit(&api, &b).await);
    let ids = async |path: &str, shown: &str| {
        let answer = get(&api, path, shown).await.json();
        let items = answer["items"].as_array().unwrap().iter();
        items.map(|item| item["bundleRequestId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(LIST, &a).await, [&*of_a]);
    assert_eq!(ids(LIST, &b).await, [&*of_b]);
    assert_eq!(ids(&format!("{LIST}?owner=a"), &b).await, Vec::<String>::new());
    assert_eq!(ids(LIST, &admin).await, [&*of_b, &*of_a]);
    assert_eq!(ids(&format!("{LIST}?owner=a"), &admin).await, [&*of_a]);
    let page = get(&api, &format!("{LIST}?limit=1"), &admin).await;
    let cursor = page.json()["next"].as_str().unwrap().to_owned();
    let stolen = get(&api, &format!("{LIST}?limit=1&cursor={cursor}"), &a).await;
    assert_eq!(code(&stolen), "invalid_cursor");
    assert_eq!(ids(&format!("{LIST}?limit=1&cursor={cursor}"), &admin).await, [of_a]);
}

#[tokio::test]
async fn one_idempotency_key_is_two_in_the_hands_of_two_owners() {
    let api = Api::new().await;
    let all = [Scope::Read, Scope::Submit];
    let (a, b) = (key(&api, "a", &all).await, key(&api, "b", &all).await);
    let send = async |shown: &str| {
        let headers = [("authorization", shown), ("idempotency-key", "same")];
        let answer = api.post_with(LIST, &headers, sample().to_string()).await;
        answer.json()["bundleRequestId"].as_str().unwrap().to_owned()
    };
    let of_a = send(&a).await;
    assert_ne!(send(&b).await, of_a);
    assert_eq!(send(&a).await, of_a);
}

#[tokio::test]
async fn jobs_are_limited_by_key_and_repeats_and_refusals_cost_none() {
    let config = Config { jobs_per_minute: Some(20), ..Config::new("test") };
    let api = Api::with_config(config).await;
    let unlimited = api.post(LIST, sample().to_string()).await;
    assert_eq!(unlimited.header("ratelimit"), "", "without keys there is no limit");
    let all = [Scope::Read, Scope::Submit];
    let (a, b) = (key(&api, "a", &all).await, key(&api, "b", &all).await);
    let send = async |shown: &str, idempotency: &str| {
        let headers = [("authorization", shown), ("idempotency-key", idempotency)];
        api.post_with(LIST, &headers, sample().to_string()).await
    };
    let first = send(&a, "1").await;
    assert_eq!(first.status, 202);
    assert_eq!(first.header("ratelimit"), "\"jobs\";r=12;t=24");
    assert_eq!(first.header("ratelimit-policy"), "\"jobs\";q=20;w=60");
    assert_eq!(send(&a, "1").await.status, 202, "a repeat stores nothing");
    let invalid = ask(&api, "POST", LIST, &a, "{}").await;
    assert_eq!(invalid.status, 422);
    assert_eq!(send(&a, "2").await.status, 202);
    let refused = send(&a, "3").await;
    assert_eq!(code(&refused), "rate_limited");
    assert!(refused.header("ratelimit").starts_with("\"jobs\";r="), "{:?}", refused.headers);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=13).contains(&wait), "{wait}");
    assert_eq!(send(&b, "1").await.status, 202, "each key has its own");
    let uploaded = ask(&api, "PUT", "/api/signals", &b, "time,signal\n2024-01-01,1\n").await;
    assert_eq!(uploaded.status, 201, "{}", uploaded.body);
    assert!(uploaded.header("ratelimit").starts_with("\"jobs\";r="), "{:?}", uploaded.headers);
    let upload_refused = || async {
        let upload = ask(&api, "PUT", "/api/signals", &b, "time,signal\n2024-01-01,1\n").await;
        upload.status == 429
    };
    until_async(PATIENCE, "uploads to be limited too", upload_refused).await;
    let list = get(&api, LIST, &a).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "what was refused is not stored");
}

#[tokio::test]
async fn a_stream_of_events_ends_when_its_key_is_revoked() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    let config = Config { heartbeat: Duration::from_millis(50), ..Config::new("test") };
    let api = Api::with_config(config).await;
    let shown = key(&api, "a", &[Scope::Read, Scope::Submit]).await;
    let id = submit(&api, &shown).await;
    let request = Request::get(format!("{LIST}/{id}/events")).header("authorization", &shown);
    let request = request.body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    api.store.revoke_key(&shown["Bearer bf_".len()..][..12]).await.unwrap();
    let ended = async { while body.frame().await.is_some() {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the stream ends");
}

#[tokio::test]
async fn the_document_says_how_a_key_is_shown() {
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let scheme = &document["components"]["securitySchemes"]["apiKey"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_open = operation["security"].is_null();
            assert_eq!(is_open, !path.starts_with("/api/"), "{method} {path}");
        }
    }
}
