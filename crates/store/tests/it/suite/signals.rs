//! Uploaded signal columns.

use model::SignalColumn;
use store::{Error, PackedSignals};

use crate::fixture::Fixture;

fn column(rows: i64) -> SignalColumn {
    let mut column = SignalColumn::default();
    for row in 0..rows {
        let value = [0.0, 1.0, -1.0][usize::try_from(row % 3).unwrap()];
        column.push(row * 60_000, value).unwrap();
    }
    column
}

pub(crate) async fn a_signal_column_is_kept_once_under_its_hash(fixture: &Fixture) {
    let (column, other) = (column(10_000), column(9_999));
    let packed = PackedSignals::pack(&column).unwrap();
    assert_eq!(packed.hash(), column.as_slice().hash());
    assert!(!fixture.store.has_signals(packed.hash()).await.unwrap());
    assert_eq!(fixture.store.signals(packed.hash()).await.unwrap(), None);

    assert!(fixture.store.put_signals("desk-1", &packed).await.unwrap());
    assert!(!fixture.store.put_signals("desk-1", &packed).await.unwrap());
    assert!(!fixture.store.put_signals("desk-2", &packed).await.unwrap());
    assert!(fixture.store.has_signals(packed.hash()).await.unwrap());
    let stored = fixture.store.signals(packed.hash()).await.unwrap().unwrap();
    assert_eq!(stored.unpack().unwrap(), column);
    assert_eq!(fixture.query("SELECT count(*) || ' ' || min(owner) FROM signal").await, "1 desk-1");
    assert!(!fixture.store.has_signals(other.as_slice().hash()).await.unwrap());
}

pub(crate) async fn a_damaged_signal_column_is_refused(fixture: &Fixture) {
    let columns = [column(3), column(40)].map(|it| PackedSignals::pack(&it).unwrap());
    for packed in &columns {
        fixture.store.put_signals("desk-1", packed).await.unwrap();
    }
    let longest = "(SELECT data FROM signal ORDER BY length(data) DESC LIMIT 1)";
    fixture.query(&format!("UPDATE signal SET data = {longest} RETURNING 'x'")).await;
    let [short, long] = columns.map(|packed| packed.hash());
    let unpacked = async |hash| fixture.store.signals(hash).await.unwrap().unwrap().unpack();
    assert!(matches!(unpacked(short).await, Err(Error::Refused { .. })));
    assert_eq!(unpacked(long).await.unwrap(), column(40));
}
