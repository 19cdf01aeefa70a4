//! Uploaded signal columns, as the store has them; the last few are kept.

use std::sync::Arc;

use model::{Digest, SignalColumn};
use store::{Error, Store};
use tokio::sync::Mutex;

/// Columns kept: those of the bundles that run at the same time.
const KEPT: usize = 4;

/// The signal columns that this worker used last.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    recent: Mutex<Vec<(Digest, Arc<SignalColumn>)>>,
}

impl Columns {
    /// The column of this hash; `None` if there is none. Loads of one worker take turns.
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        hash: Digest,
    ) -> Result<Option<Arc<SignalColumn>>, Error> {
        let mut recent = self.recent.lock().await;
        if let Some(at) = recent.iter().position(|(known, _)| *known == hash) {
            let found = recent.remove(at);
            let column = Arc::clone(&found.1);
            recent.push(found);
            return Ok(Some(column));
        }
        let Some(packed) = store.signals(hash).await? else { return Ok(None) };
        let unpacked = tokio::task::spawn_blocking(move || packed.unpack()).await;
        let fault = |_| Error::Refused { reason: "unpacking a signal column failed".to_owned() };
        let column = Arc::new(unpacked.map_err(fault)??);
        if recent.len() >= KEPT {
            recent.remove(0);
        }
        recent.push((hash, Arc::clone(&column)));
        Ok(Some(column))
    }
}
