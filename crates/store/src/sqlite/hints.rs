//! Hints that bundles have changed, within the one process that has the file open.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use super::{CALL_TIMEOUT, Sqlite};
use crate::noted::Noted;
use crate::{Error, HintFeed, Hints};

/// Changes that a listener may be behind.
const BACKLOG: usize = 4_096;

/// What the calls of this process have changed, and who hears of it.
#[derive(Debug)]
pub(super) struct Hinter {
    noted: Noted,
    news: broadcast::Sender<Uuid>,
}

impl Default for Hinter {
    fn default() -> Hinter {
        Hinter { noted: Noted::default(), news: broadcast::channel(BACKLOG).0 }
    }
}

impl Hinter {
    pub(super) fn noted(&self) -> &Noted {
        &self.noted
    }

    /// Tells of bundles that have changed.
    pub(super) fn note(&self, bundles: impl IntoIterator<Item = Uuid>) {
        for bundle in bundles {
            // Where nobody listens there is nobody to tell.
            let _listeners = self.news.send(bundle);
        }
    }
}

struct Feed(broadcast::Receiver<Uuid>);

#[async_trait]
impl HintFeed for Feed {
    async fn next(&mut self) -> Result<Vec<Uuid>, Error> {
        let lost = |error: RecvError| Error::Unavailable { reason: error.to_string() };
        let mut changed = BTreeSet::from([self.0.recv().await.map_err(lost)?]);
        while let Ok(more) = self.0.try_recv() {
            changed.insert(more);
        }
        Ok(changed.into_iter().collect())
    }
}

#[async_trait]
impl Hints for Sqlite {
    async fn listen(&self) -> Result<Box<dyn HintFeed>, Error> {
        Ok(Box::new(Feed(self.hints.news.subscribe())))
    }

    async fn versions(&self, bundles: &[Uuid]) -> Result<Vec<(Uuid, u64)>, Error> {
        let ids: Value = bundles.iter().map(|id| id.simple().to_string()).collect();
        let query = sqlx::query_as(include_str!("sql/list_versions.sql")).bind(ids.to_string());
        let rows = async { Ok(query.fetch_all(&self.reader).await?) };
        let rows: Vec<(Uuid, i64)> = self.call(CALL_TIMEOUT, rows).await?;
        Ok(rows.into_iter().map(|(id, version)| (id, version.unsigned_abs())).collect())
    }
}
