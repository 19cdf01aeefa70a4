//! Bundles: the list, one in full.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, LINK};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use model::BundleStatus;
use serde::Serialize;
use serde_json::Value;
use store::BundleFilter;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::cursor::{self, FilterHash};
use crate::demand::{self, LuckBody};
use crate::params::{Params, invalid, one_of};
use crate::problem::{Problem, ProblemBody};
use crate::status::{BundleStatusName, StatusBody, bundle_id, etag};
use crate::status_cache::bundle_not_found;

/// Bundles of a page where the query does not say.
const PAGE: u32 = 50;
/// Most bundles of a page.
const MAX_PAGE: u32 = 200;

/// One bundle of the list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundleItem {
    #[serde(flatten)]
    status: StatusBody,
    /// Tags given by the user.
    tags: BTreeMap<String, String>,
    /// -1000 to 1000, higher first.
    priority: i16,
    /// Points dropped by the strategy's constraints.
    dropped: u64,
}

/// A page of bundles, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct BundlePage {
    /// At most `limit` bundles.
    items: Vec<BundleItem>,
    /// The cursor of the next page; null on the last one.
    next: Option<String>,
}

/// One bundle in full.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundleBody {
    #[serde(flatten)]
    item: BundleItem,
    /// The request as stored.
    request: Value,
    /// The axes of the product, slowest first.
    axes: Vec<AxisBody>,
    /// Failed jobs by error code.
    failures: BTreeMap<String, u64>,
    /// The two luck lines of each date range.
    luck_bar: Vec<LuckBody>,
    /// Addresses of its parts.
    links: Links,
}

/// One axis of the product.
#[derive(Serialize, ToSchema)]
pub(crate) struct AxisBody {
    /// `dateRange`, `ticker`, `timeframe`, `moneyManagement`, `parameters` or `parameters.NAME`.
    #[schema(example = "parameters.fast")]
    name: String,
    /// How many values it has.
    count: u32,
    /// Its values in order.
    values: Vec<Value>,
}

/// Addresses of a bundle and its parts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Links {
    /// The bundle in full.
    #[serde(rename = "self")]
    this: String,
    /// Where it stands.
    status: String,
    /// Its jobs.
    jobs: String,
    /// Its results.
    results: String,
    /// Its changes as they happen.
    events: String,
    /// How much of its best result is luck.
    honesty: String,
    /// Calls it off.
    cancel: String,
}

impl Links {
    pub(crate) fn of(id: uuid::Uuid) -> Links {
        let this = format!("/api/backtest/bundle/{id}");
        Links {
            status: format!("{this}/status"),
            jobs: format!("{this}/jobs"),
            results: format!("{this}/results"),
            events: format!("{this}/events"),
            honesty: format!("{this}/honesty"),
            cancel: format!("{this}/cancel"),
            this,
        }
    }
}

impl From<store::BundleRow> for BundleItem {
    fn from(row: store::BundleRow) -> BundleItem {
        BundleItem {
            status: StatusBody::new(&row, None),
            tags: row.tags,
            priority: row.priority,
            dropped: row.dropped,
        }
    }
}

/// Bundles, newest first, in keyset pages.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle",
    tag = "bundles",
    params(
        ("status" = Option<BundleStatusName>, Query, description = "Only with this status"),
        ("name" = Option<String>, Query, description = "Only with this text in the name, ignoring case"),
        ("tag" = Option<String>, Query, description = "Only with this tag, written `key:value`"),
        ("owner" = Option<String>, Query, description = "Only of this owner; a key without the scope `admin` sees its own alone"),
        ("limit" = Option<u32>, Query, description = "Bundles of a page, 1 to 200; 50 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "A page", body = BundlePage,
        headers(("Link" = String, description = "`rel=next`, where there is one"))))
)]
pub(crate) async fn list_bundles(
    State(app): State<App>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    let status = params.take("status")?;
    let status = status.map(|text| one_of("status", &text, &BundleStatus::ALL)).transpose()?;
    let tag = params.take("tag")?.map(|text| match text.split_once(':') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(invalid(format!("parameter \"tag\" must be key:value, not \"{text}\""))),
    });
    let owner = params.take("owner")?;
    let mut filter = BundleFilter {
        owner: caller.sees_only().map(str::to_owned).or_else(|| owner.clone()),
        status,
        name: params.take("name")?.filter(|name| !name.is_empty()),
        tag: tag.transpose()?,
        before: None,
    };
    let limit = params.count("limit", PAGE, MAX_PAGE)?;
    let text = params.take("cursor")?;
    params.finish()?;
    let hash = FilterHash::of(&(&filter, &owner));
    filter.before = text.map(|text| cursor::read_bundle(&text, hash)).transpose()?;
    let visible = owner.as_ref().is_none_or(|owner| filter.owner.as_ref() == Some(owner));
    let mut rows = if visible { app.list_bundles(&filter, limit + 1).await? } else { Vec::new() };
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| cursor::after_bundle(row.id, hash));
    let link = next.as_ref().map(|next| {
        let mut query = vec![format!("cursor={next}"), format!("limit={limit}")];
        query.extend(filter.status.map(|status| format!("status={status}")));
        query.extend(owner.iter().map(|owner| format!("owner={}", encoded(owner))));
        query.extend(filter.name.iter().map(|name| format!("name={}", encoded(name))));
        let tag = filter.tag.iter();
        query.extend(tag.map(|(key, value)| format!("tag={}", encoded(&format!("{key}:{value}")))));
        next_link("/api/backtest/bundle", &query)
    });
    let items = rows.into_iter().map(BundleItem::from).collect();
    Ok((link.into_iter().collect::<HeaderMap>(), Json(BundlePage { items, next })).into_response())
}

/// A `Link` header to the next page.
pub(crate) fn next_link(path: &str, query: &[String]) -> (axum::http::HeaderName, HeaderValue) {
    let link = format!("<{path}?{}>; rel=\"next\"", query.join("&"));
    let link = HeaderValue::from_str(&link).expect("an encoded query is plain text");
    (LINK, link)
}

/// `text` as a part of a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// One bundle: the request as stored, its axes, counts, times and failures.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}",
    tag = "bundles",
    params(("id" = String, Path, description = "Id of the bundle")),
    responses(
        (status = 200, description = "The bundle", body = BundleBody,
            headers(("ETag" = String, description = "The version, quoted"))),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_bundle(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let id = bundle_id(&id)?;
    params.finish()?;
    let row = app.store().bundle(None, id).await?.ok_or_else(|| bundle_not_found(id))?;
    let facts = app.bundle_facts(id).await?;
    let request = app.store().request(id).await?.ok_or_else(|| bundle_not_found(id))?;
    let axes = facts.axes.iter().map(|axis| AxisBody {
        name: axis.name.clone(),
        count: axis.count,
        values: axis.values.clone(),
    });
    let failures = match row.failed {
        0 => BTreeMap::new(),
        _ => app.store().failures(id).await?,
    };
    let stored = app.series().await.unwrap_or_default();
    let tag = [(ETAG, etag(row.version))];
    let body = BundleBody {
        item: row.into(),
        request,
        axes: axes.collect(),
        failures,
        luck_bar: demand::luck(&facts, &stored),
        links: Links::of(id),
    };
    Ok((tag, Json(body)).into_response())
}
