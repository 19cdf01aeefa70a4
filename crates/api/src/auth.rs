//! Who sends a request, and whether it may: API keys, scopes, owners.
//!
//! One layer decides for every route, so that a new route cannot forget to: it reads the key, checks
//! the scope that the method and the route ask for, and answers 404 where the path names a bundle or
//! a job of another owner, in the words of an id that does not exist. Handlers get a [`Caller`].
//!
//! Without keys every request is that of `local`. The first key that is made ends this for ever:
//! revoking the last one opens nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::RequestExt;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::{KeyRow, KeyState, Scope, Scopes, Token};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::app::App;
use crate::code::Code;
use crate::flight::Flight;
use crate::job;
use crate::problem::Problem;
use crate::status::bundle_id;
use crate::status_cache::bundle_not_found;

/// Whose bundles are shown and stored where no API keys are used.
const LOCAL: &str = "local";
/// How old what is known of a key may be: so long a revoked one may still open.
const KEY_AGE: Duration = Duration::from_secs(2);
/// How old it may be that there are no keys.
const NO_KEYS_AGE: Duration = Duration::from_secs(1);
/// Most keys and most owners that are remembered at once.
const MAX_HELD: usize = 100_000;
/// Most keys that are looked up at once, so that guessing costs the database little.
const LOOKUPS: usize = 4;

/// Who sends a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    owner: Arc<str>,
    scopes: Scopes,
    /// Id of the key; `None` where none is needed.
    key: Option<Arc<str>>,
}

impl Caller {
    /// Whose bundles it submits.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Id of its key; `None` where none is needed.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The only owner whose bundles it sees; `None` where it sees all.
    pub(crate) fn sees_only(&self) -> Option<&str> {
        (!self.scopes.allow(Scope::Admin)).then_some(&*self.owner)
    }

    fn sees(&self, owner: &str) -> bool {
        self.sees_only().is_none_or(|only| only == owner)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Caller, Problem> {
        parts.extensions.get().cloned().ok_or_else(Problem::internal)
    }
}

/// What is known of one key; `None` where there is none.
type KeyFlight = Flight<Option<Arc<KeyRow>>>;

/// What is known of keys and owners.
pub(crate) struct Guard {
    any: Flight<bool>,
    /// Whether no key was needed when that was last known.
    was_open: AtomicBool,
    keys: Mutex<BTreeMap<String, Arc<KeyFlight>>>,
    owners: Mutex<BTreeMap<Uuid, Arc<str>>>,
    lookups: Semaphore,
    local: Caller,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard {
            any: Flight::default(),
            was_open: AtomicBool::new(false),
            keys: Mutex::default(),
            owners: Mutex::default(),
            lookups: Semaphore::new(LOOKUPS),
            local: Caller { owner: LOCAL.into(), scopes: Scopes::ALL, key: None },
        }
    }
}

impl Guard {
    fn flight(&self, id: &str) -> Arc<KeyFlight> {
        let mut keys = lock(&self.keys);
        if keys.len() >= MAX_HELD && !keys.contains_key(id) {
            keys.clear();
        }
        Arc::clone(keys.entry(id.to_owned()).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The layer: lets a request through with its [`Caller`], or refuses it.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match admitted(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn admitted(app: &App, mut request: Request) -> Result<Request, Problem> {
    let Some(route) = request.extensions().get::<MatchedPath>().cloned() else {
        return Ok(request);
    };
    let route = route.as_str();
    let Some(scope) = scope(request.method(), route) else { return Ok(request) };
    let caller = app.caller(request.headers()).await?;
    if !caller.scopes.allow(scope) {
        return Err(forbidden(&caller, scope));
    }
    if caller.sees_only().is_some() {
        let params = request.extract_parts::<RawPathParams>().await.map_err(|_| unreadable())?;
        let id = params.iter().find(|(name, _)| *name == "id").map(|(_, value)| value);
        check_owner(app, &caller, route, id.unwrap_or_default()).await?;
    }
    request.extensions_mut().insert(caller);
    Ok(request)
}

/// The token of an `Authorization` header.
fn bearer(shown: &str) -> Option<Token> {
    let (scheme, token) = shown.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token::parse(token.trim())).flatten()
}

/// What a request must be allowed to do; `None` where anybody may ask.
fn scope(method: &Method, route: &str) -> Option<Scope> {
    if !route.starts_with("/api/") || route == "/api/openapi.json" {
        return None;
    }
    Some(match route {
        "/api/workers/{id}/drain" => Scope::Admin,
        "/api/backtest/bundle/estimate" => Scope::Read,
        _ if method.is_safe() => Scope::Read,
        _ => Scope::Submit,
    })
}

/// Refuses what another owner's bundle or job is asked for, as if there were none.
async fn check_owner(app: &App, caller: &Caller, route: &str, id: &str) -> Result<(), Problem> {
    if route.starts_with("/api/backtest/bundle/{id}") {
        let bundle = bundle_id(id)?;
        let owner = app.owner(bundle).await?;
        return if caller.sees(&owner) { Ok(()) } else { Err(bundle_not_found(bundle)) };
    }
    if route.starts_with("/api/backtest/job/{id}") {
        let (bundle, _) = job::parse_id(id)?;
        let owner = app.owner(bundle).await.map_err(|problem| job::job_missing(problem, id))?;
        return if caller.sees(&owner) { Ok(()) } else { Err(job::job_not_found(id)) };
    }
    Ok(())
}

impl App {
    /// Who sends a request with these headers.
    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let shown = headers.get(AUTHORIZATION);
        let token = shown.and_then(|shown| bearer(shown.to_str().ok()?));
        let row = match &token {
            Some(token) => self.key(token.id()).await?.filter(|row| row.opens(token)),
            None => None,
        };
        let refused = |why| unauthorized(why, Some("invalid_token"));
        let Some(row) = row else {
            if !self.needs_keys().await? {
                return Ok(self.guard().local.clone());
            }
            return Err(match (shown, token) {
                (None, _) => unauthorized("the request shows no API key", None),
                (Some(_), None) => refused("what the request shows is no API key"),
                (Some(_), Some(_)) => refused("there is no such API key"),
            });
        };
        match row.state {
            KeyState::Active => {}
            KeyState::Expired => return Err(refused("the time of the API key is over")),
            KeyState::Revoked => return Err(refused("the API key was revoked")),
        }
        let (owner, key) = (row.owner.as_str().into(), Some(row.id.as_str().into()));
        Ok(Caller { owner, scopes: row.scopes, key })
    }

    /// Whether a caller that was let in would be still.
    pub(crate) async fn still_admits(&self, caller: &Caller) -> bool {
        match caller.key() {
            None => !self.needs_keys().await.unwrap_or(false),
            Some(id) => match self.key(id).await {
                Ok(row) => row.is_some_and(|row| row.state == KeyState::Active),
                // A database that is away takes nobody's key.
                Err(_) => true,
            },
        }
    }

    async fn needs_keys(&self) -> Result<bool, Problem> {
        if self.config().require_keys {
            return Ok(true);
        }
        let guard = self.guard();
        let age = |any: &bool| if *any { Duration::MAX } else { NO_KEYS_AGE };
        match guard.any.get(age, || async { Ok(self.store().has_keys().await?) }).await {
            Ok(any) => {
                guard.was_open.store(!any, Ordering::Relaxed);
                Ok(any)
            }
            // There was no key before the database went away, and none can be made meanwhile.
            Err(_) if guard.was_open.load(Ordering::Relaxed) => Ok(false),
            Err(problem) => {
                guard.any.forget();
                Err(problem)
            }
        }
    }

    /// The key of an id, some seconds old at most and never past its end.
    async fn key(&self, id: &str) -> Result<Option<Arc<KeyRow>>, Problem> {
        let guard = self.guard();
        let age = |row: &Option<Arc<KeyRow>>| {
            let left = row.as_ref().filter(|row| row.state == KeyState::Active)?.left;
            left.map(|left| left.min(KEY_AGE))
        };
        let load = || async {
            let _turn = guard.lookups.acquire().await;
            Ok(self.store().find_key(id).await?.map(Arc::new))
        };
        guard.flight(id).get(|row| age(row).unwrap_or(KEY_AGE), load).await
    }

    /// Whose bundle it is; this never changes.
    async fn owner(&self, bundle: Uuid) -> Result<Arc<str>, Problem> {
        if let Some(owner) = lock(&self.guard().owners).get(&bundle) {
            return Ok(Arc::clone(owner));
        }
        let owner: Arc<str> = self.status(bundle).await?.row.owner.as_str().into();
        let mut owners = lock(&self.guard().owners);
        if owners.len() >= MAX_HELD {
            owners.clear();
        }
        owners.insert(bundle, Arc::clone(&owner));
        Ok(owner)
    }

    /// Forgets what can be asked for again.
    pub(crate) fn forget_keys(&self, idle: Duration) {
        lock(&self.guard().keys).retain(|_, flight| flight.age().is_none_or(|age| age < idle));
    }
}

fn unauthorized(why: &str, error: Option<&str>) -> Problem {
    let detail =
        format!("{why}; send `Authorization: Bearer bf_...`, made by `backfleet key create`");
    let error = error.map(|error| format!(", error=\"{error}\"")).unwrap_or_default();
    let challenge = format!("Bearer realm=\"backfleet\"{error}");
    Problem::new(Code::Unauthorized, detail).with_challenge(challenge)
}

fn forbidden(caller: &Caller, scope: Scope) -> Problem {
    let word = scope.as_str();
    let detail = format!("the API key allows {}; this needs {word}", caller.scopes);
    let challenge =
        format!("Bearer realm=\"backfleet\", error=\"insufficient_scope\", scope=\"{word}\"");
    Problem::new(Code::Forbidden, detail).with_challenge(challenge)
}

fn unreadable() -> Problem {
    let detail = "the address cannot be read: it is not UTF-8, percent-encoded";
    Problem::new(Code::InvalidQuery, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_asks_for_a_scope_but_pages_and_probes() {
        let check = |method: Method, route: &str, expected| {
            assert_eq!(scope(&method, route), expected, "{method} {route}");
        };
        for route in ["/", "/healthz", "/readyz", "/metrics", "/docs", "/api/openapi.json"] {
            check(Method::GET, route, None);
        }
        check(Method::GET, "/api/backtest/bundle/{id}/status", Some(Scope::Read));
        check(Method::HEAD, "/api/workers", Some(Scope::Read));
        check(Method::POST, "/api/backtest/bundle/estimate", Some(Scope::Read));
        check(Method::POST, "/api/backtest/bundle", Some(Scope::Submit));
        check(Method::PATCH, "/api/backtest/bundle/{id}", Some(Scope::Submit));
        check(Method::PUT, "/api/signals", Some(Scope::Submit));
        check(Method::POST, "/api/workers/{id}/drain", Some(Scope::Admin));
        check(Method::DELETE, "/api/of/tomorrow", Some(Scope::Submit));
    }
}
