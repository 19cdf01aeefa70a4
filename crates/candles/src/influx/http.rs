//! The HTTP client of one InfluxDB: credentials, time-outs, answers as streams.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, InvalidHeaderValue,
};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::dialect::{Dialect, advise};
use super::settings::{Auth, InfluxSettings};
use crate::Error;
use crate::cache::blocking;
use crate::error::Cause;

/// Pieces of an answer that may wait for the decoder, and bytes from which on one is handed over.
const WAITING: usize = 4;
const PIECE: usize = 1 << 16;
/// Bytes of an error's text that are read, and characters of it that are kept.
const MAX_TEXT: usize = 64 * 1_024;
const MAX_CHARS: usize = 500;

pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    auth: Auth,
    timeout: Duration,
    source_id: Arc<str>,
}

/// What a request carries.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) content_type: &'static str,
    pub(super) gzip: bool,
}

impl Http {
    pub(super) fn new(settings: &InfluxSettings, source_id: Arc<str>) -> Result<Http, Error> {
        let reject = |reason: String| Error::Rejected {
            source_id: Arc::clone(&source_id),
            cause: Cause::Settings { reason },
        };
        let base = settings.url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|_| reject(format!("\"{base}\" is not a URL")))?;
        let wants_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(reject(format!("\"{base}\" does not begin with http:// or https://"))),
        };
        let limit = Duration::from_millis(settings.timeout_ms);
        let connector = connector(wants_tls, limit).map_err(reject)?;
        authorization(&settings.auth, Dialect::V1).map_err(|_| {
            reject("the credentials have a character that no header may have".into())
        })?;
        Ok(Http {
            client: Client::builder(TokioExecutor::new()).build(connector),
            base,
            auth: settings.auth.clone(),
            timeout: limit,
            source_id,
        })
    }

    /// Posts a request; a status that is no success is an error, with the server's words.
    pub(super) async fn send(
        &self,
        dialect: Dialect,
        path_and_query: &str,
        accept: &'static str,
        body: &Body,
    ) -> Result<Response<Incoming>, Error> {
        let mut request = self
            .request(Method::POST, path_and_query, dialect)
            .header(ACCEPT, accept)
            .header(CONTENT_TYPE, body.content_type);
        if body.gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let response = self.answer(request, body.bytes.clone()).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.failed(response).await) }
    }

    /// Gets what a path says, whatever its status.
    pub(super) async fn get(&self, path: &str) -> Result<(Response<()>, Vec<u8>), Error> {
        // What the server is may not be known yet, and all of them take `Token`.
        let request = self.request(Method::GET, path, Dialect::V2);
        let (head, body) = self.answer(request, Bytes::new()).await?.into_parts();
        let bytes = self.text(body).await;
        Ok((Response::from_parts(head, ()), bytes))
    }

    fn request(&self, method: Method, path_and_query: &str, dialect: Dialect) -> Builder {
        let request =
            Request::builder().method(method).uri(format!("{}{path_and_query}", self.base));
        match authorization(&self.auth, dialect) {
            Ok(Some(value)) => request.header(AUTHORIZATION, value),
            Ok(None) | Err(_) => request,
        }
    }

    async fn answer(&self, request: Builder, body: Bytes) -> Result<Response<Incoming>, Error> {
        let request = request.body(Full::new(body)).map_err(|_| {
            self.rejected(Cause::Settings { reason: format!("\"{}\" is not a URL", self.base) })
        })?;
        timeout(self.timeout, self.client.request(request))
            .await
            .map_err(|_| self.unavailable(Cause::Timeout { after: self.timeout }))?
            .map_err(|error| {
                let address = self.base.clone();
                self.unavailable(Cause::Connect { address, source: Arc::new(error) })
            })
    }

    async fn failed(&self, response: Response<Incoming>) -> Error {
        let status = response.status();
        let bytes = self.text(response.into_body()).await;
        let mut cause = Cause::Status { status: status.as_u16(), text: words(&bytes) };
        advise(&mut cause, None);
        let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        let may_pass = status.is_server_error() || busy;
        if may_pass && !matches!(cause, Cause::FileLimit { .. }) {
            self.unavailable(cause)
        } else {
            self.rejected(cause)
        }
    }

    /// The beginning of an answer that is shown to people.
    async fn text(&self, mut body: Incoming) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < MAX_TEXT
            && let Ok(Some(Ok(frame))) = timeout(self.timeout, body.frame()).await
        {
            if let Ok(data) = frame.into_data() {
                bytes.extend_from_slice(&data);
            }
        }
        bytes
    }

    /// Runs `decode` over the answer while it arrives.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        response: Response<Incoming>,
        decode: impl FnOnce(&mut Pieces) -> Result<T, Cause> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let id = Arc::clone(&self.source_id);
        let decoding = blocking(move || {
            let mut pieces = Pieces { receiver, current: Bytes::new(), failure: None };
            let result = decode(&mut pieces);
            result.map_err(|cause| classify(id, pieces.failure.unwrap_or(cause)))
        });
        let receiving = self.pump(response.into_body(), sender);
        let (decoded, ()) = tokio::join!(decoding, receiving);
        decoded
    }

    /// Hands the answer on in pieces of some size: InfluxDB sends it two kilobytes at a time, and
    /// waking the decoder for each would cost more than decoding.
    async fn pump(&self, mut body: Incoming, sender: mpsc::Sender<Result<Bytes, Cause>>) {
        let mut gathered = BytesMut::with_capacity(2 * PIECE);
        let end = loop {
            match timeout(self.timeout, body.frame()).await {
                Err(_) => break Some(Cause::Timeout { after: self.timeout }),
                Ok(None) => break None,
                Ok(Some(Err(error))) => break Some(Cause::Body(Arc::new(error))),
                Ok(Some(Ok(frame))) => {
                    // Trailers are no data.
                    if let Ok(data) = frame.into_data() {
                        gathered.extend_from_slice(&data);
                    }
                }
            }
            if gathered.len() >= PIECE {
                let piece = std::mem::replace(&mut gathered, BytesMut::with_capacity(2 * PIECE));
                if sender.send(Ok(piece.freeze())).await.is_err() {
                    return;
                }
            }
        };
        // Who no longer listens has failed already.
        if !gathered.is_empty() && sender.send(Ok(gathered.freeze())).await.is_err() {
            return;
        }
        if let Some(cause) = end {
            let _ = sender.send(Err(cause)).await;
        }
    }

    pub(super) fn unavailable(&self, cause: Cause) -> Error {
        Error::Unavailable { source_id: Arc::clone(&self.source_id), cause }
    }

    pub(super) fn rejected(&self, cause: Cause) -> Error {
        Error::Rejected { source_id: Arc::clone(&self.source_id), cause }
    }
}

/// Words in an `error` inside a 200 that mean "not now".
const BUSY: [&str; 6] =
    ["timeout", "timed out", "max-concurrent", "too many", "shutdown", "engine: closed"];

/// Whether a failed answer is worth another try: only if the request itself was understood.
fn classify(source_id: Arc<str>, mut cause: Cause) -> Error {
    advise(&mut cause, None);
    let rejected = match &cause {
        Cause::Query { text } => !BUSY.iter().any(|word| text.contains(word)),
        Cause::Malformed { .. }
        | Cause::Settings { .. }
        | Cause::Write { .. }
        | Cause::Disagrees { .. }
        | Cause::FileLimit { .. }
        | Cause::NotMapped { .. } => true,
        Cause::Connect { .. }
        | Cause::Body(_)
        | Cause::Timeout { .. }
        | Cause::Status { .. }
        | Cause::CutOff
        | Cause::Damaged
        | Cause::RowCount { .. } => false,
    };
    if rejected {
        Error::Rejected { source_id, cause }
    } else {
        Error::Unavailable { source_id, cause }
    }
}

fn connector(wants_tls: bool, limit: Duration) -> Result<HttpsConnector<HttpConnector>, String> {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(limit));
    http.set_nodelay(true);
    http.enforce_http(false);
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new();
    let builder = if wants_tls {
        builder
            .with_provider_and_native_roots(provider)
            .map_err(|error| format!("no root certificates: {error}"))?
    } else {
        // Reading the system's certificates is slow and may fail; plain HTTP needs none.
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("no TLS: {error}"))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder.with_tls_config(config)
    };
    Ok(builder.https_or_http().enable_http1().wrap_connector(http))
}

fn authorization(auth: &Auth, dialect: Dialect) -> Result<Option<HeaderValue>, InvalidHeaderValue> {
    let text = match auth {
        Auth::None => return Ok(None),
        Auth::Basic { user, password } => {
            format!("Basic {}", base64(format!("{user}:{}", password.reveal()).as_bytes()))
        }
        Auth::Token(token) => format!("{} {}", dialect.scheme(), token.reveal()),
    };
    let mut value = HeaderValue::from_str(&text)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Standard base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = 0_u32;
        for index in 0..3 {
            group = group << 8 | u32::from(chunk.get(index).copied().unwrap_or(0));
        }
        for index in 0..4 {
            if index <= chunk.len() {
                let digit = group >> (18 - 6 * index) & 63;
                text.push(char::from(DIGITS[digit as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// The server's words: the `error` or `message` of its JSON with the lines that InfluxDB 3 names,
/// else the text itself, shortened.
fn words(bytes: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let member = ["error", "message"].into_iter().find_map(|name| {
        json.as_ref().and_then(|json| json.get(name)?.as_str()).map(str::to_owned)
    });
    let mut text = member.unwrap_or_else(|| String::from_utf8_lossy(bytes).trim().to_owned());
    let lines = json.as_ref().and_then(|json| json.get("data")?.as_array());
    for line in lines.into_iter().flatten() {
        if let (Some(number), Some(reason)) =
            (line.get("line_number"), line.get("error_message").and_then(|text| text.as_str()))
        {
            let _ = write!(text, "; line {number}: {reason}");
        }
    }
    text.chars().take(MAX_CHARS).collect()
}

/// An answer as a blocking reader.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Result<Bytes, Cause>>,
    current: Bytes,
    failure: Option<Cause>,
}

impl Pieces {
    /// Whether the answer is over. Waits for the next piece.
    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                None => return Ok(true),
                Some(Ok(piece)) => self.current = piece,
                Some(Err(cause)) => {
                    self.failure = Some(cause);
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        Ok(false)
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_at_end()? {
            return Ok(0);
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }

    fn read_exact(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        if buffer.len() <= self.current.len() {
            self.current.copy_to_slice(buffer);
            return Ok(());
        }
        while !buffer.is_empty() {
            let count = self.read(buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer = &mut buffer[count..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (raw, expected) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("a:b?>", "YTpiPz4=")]
        {
            assert_eq!(base64(raw.as_bytes()), expected);
        }
    }

    #[test]
    fn the_words_of_the_server_are_found() {
        assert_eq!(words(br#"{"error":"database not found"}"#), "database not found");
        assert_eq!(words(br#"{"code":"x","message":"no"}"#), "no");
        assert_eq!(words(b" plain \n"), "plain");
    }
}
