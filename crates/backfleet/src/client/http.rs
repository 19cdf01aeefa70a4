//! A small HTTP client: one server, JSON in and out, problems turned into failures.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::failure::{Exit, Failure};

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_mins(1);

/// One Backfleet API.
pub(crate) struct Server {
    base: String,
    key: Option<HeaderValue>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What the server answered, if it did not refuse.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new(Exit::Failure, format!("the server's answer is no JSON: {error}"))
        })
    }
}

impl Server {
    /// A client for the server at `base`; the key file holds one API key.
    pub(crate) fn new(base: &str, key_file: Option<&Path>) -> Result<Server, Failure> {
        let uri: Uri = base
            .parse()
            .map_err(|_| Failure::usage(format!("\"{base}\" is not the address of a server")))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(Failure::usage(format!("\"{base}\" is not the address of a server"))
                .hint("write it as http://127.0.0.1:8787"));
        }
        let key = key_file.map(read_key).transpose()?;
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| Failure::new(Exit::Failure, format!("no root certificates: {error}")))?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Server { base: base.trim_end_matches('/').to_owned(), key, client })
    }

    /// Its address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// GET of a path; JSON is asked for.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, Bytes::new(), &[]).await
    }

    /// GET of a path in another form.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, Bytes::new(), &[("accept", accept)]).await
    }

    /// POST of a JSON body.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: Bytes,
        headers: &[(&'static str, &str)],
    ) -> Result<Answer, Failure> {
        self.send(Method::POST, path, body, headers).await
    }

    /// PUT of a body of the media type `content_type`.
    pub(crate) async fn put(
        &self,
        path: &str,
        body: Bytes,
        content_type: &str,
    ) -> Result<Answer, Failure> {
        self.send(Method::PUT, path, body, &[("content-type", content_type)]).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: &[(&'static str, &str)],
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if !headers.iter().any(|(name, _)| *name == "accept") {
            request = request.header(ACCEPT, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| Failure::usage(format!("the request cannot be written: {error}")))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| self.away(&error))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| self.away(&error))?.to_bytes();
            Ok::<_, Failure>(Answer { status: parts.status, body })
        };
        let answer = tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| {
            let text = format!("{} did not answer within {} s", self.base, TIMEOUT.as_secs());
            Failure::new(Exit::Unreachable, text)
        })??;
        if answer.status.is_client_error() || answer.status.is_server_error() {
            return Err(refused(&answer));
        }
        Ok(answer)
    }

    fn away(&self, error: &dyn std::error::Error) -> Failure {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            why = inner.to_string();
            source = inner.source();
        }
        Failure::new(Exit::Unreachable, format!("cannot reach {}: {why}", self.base))
            .hint("start a server with `backfleet dev`, or name one with --server")
    }
}

fn read_key(path: &Path) -> Result<HeaderValue, Failure> {
    let place = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read the key file {place}: {error}")))?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
        .map_err(|_| Failure::usage(format!("the key file {place} holds no API key")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A problem document as a failure that lists all its faults.
fn refused(answer: &Answer) -> Failure {
    let exit = match answer.status.as_u16() {
        401 | 403 => Exit::Auth,
        404 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        502..=504 => Exit::Unreachable,
        _ => Exit::Failure,
    };
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let text = |key: &str| problem.get(key).and_then(Value::as_str);
    // What became a query parameter was written on the command line.
    let exit = if text("code") == Some("invalid_query") { Exit::Usage } else { exit };
    let faults = problem.get("errors").and_then(Value::as_array).map_or(0, Vec::len);
    let mut message = match text("detail").or_else(|| text("title")) {
        _ if faults > 1 => format!("{faults} faults in the request"),
        Some(detail) => detail.to_owned(),
        None => format!("the server answered {}", answer.status),
    };
    for fault in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| fault.get(key).and_then(Value::as_str);
        message.push_str("\n  ");
        message.push_str(part("pointer").filter(|place| !place.is_empty()).unwrap_or("/"));
        message.push_str(": ");
        message.push_str(part("message").unwrap_or("is wrong"));
        if let Some(hint) = part("hint") {
            message.push_str(" (");
            message.push_str(hint);
            message.push(')');
        }
    }
    let failure = Failure::new(exit, message);
    // Of one fault alone its own code says more than that there are faults.
    let code = match problem.get("errors").and_then(Value::as_array).map(Vec::as_slice) {
        Some([fault]) => fault.get("code").and_then(Value::as_str),
        _ => None,
    };
    match code.or_else(|| text("code")) {
        Some(code) => failure.hint(format!("`backfleet explain {code}` tells more")),
        None => failure,
    }
}
