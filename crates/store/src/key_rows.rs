//! Reading keys and nodes: the same columns in the same order from either database.

use std::time::Duration;

use crate::{Error, KeyRow, KeyState, Lease, LeaseKey, NodeId, NodeRow, Scopes};

/// id, hash, owner, name, scopes, created, expires, revoked, milliseconds left.
pub(crate) type KeyColumns =
    (String, Vec<u8>, String, String, i64, i64, Option<i64>, Option<i64>, Option<i64>);

/// A key of its columns.
pub(crate) fn key_row(columns: KeyColumns) -> Result<KeyRow, Error> {
    let (id, hash, owner, name, scopes, created_at, expires_at, revoked_at, left) = columns;
    let damaged = |what| Error::Refused { reason: format!("key \"{id}\" has no {what}") };
    let hash = hash.try_into().map_err(|_| damaged("hash"))?;
    let scopes = Scopes::from_code(scopes).ok_or_else(|| damaged("scopes"))?;
    let state = match (revoked_at, left) {
        (Some(_), _) => KeyState::Revoked,
        (None, Some(..=0)) => KeyState::Expired,
        (None, _) => KeyState::Active,
    };
    let left = left.map(|left| Duration::from_millis(u64::try_from(left).unwrap_or(0)));
    Ok(KeyRow { id, owner, name, scopes, state, created_at, expires_at, revoked_at, left, hash })
}

/// id, generation, url, version, lost, started, last seen, leases.
pub(crate) type NodeColumns = (String, i64, String, String, bool, i64, i64, i64);

/// A node of its columns.
pub(crate) fn node_row(columns: NodeColumns) -> NodeRow {
    let (id, generation, url, version, lost, started_at, last_seen, leases) = columns;
    NodeRow {
        node: NodeId { id, generation },
        url,
        version,
        lost,
        started_at,
        last_seen,
        leases: leases.unsigned_abs(),
    }
}

/// A lease of its kind, key and epoch.
pub(crate) fn lease((kind, key, epoch): (String, String, i64)) -> Lease {
    Lease { key: LeaseKey { kind, key }, epoch }
}
