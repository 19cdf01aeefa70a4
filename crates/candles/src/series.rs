//! What a source says about a series besides its candles.

use model::settings::{Instrument, InstrumentKind};
use model::{Calendar, SeriesId};
use serde::{Deserialize, Serialize};

/// One series of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesInfo {
    /// Exchange, ticker and timeframe.
    pub id: SeriesId,
    /// Which days it has.
    pub calendar: Calendar,
    /// Trading rules, where the source has them.
    pub instrument: Option<Instrument>,
    /// Open time of the first candle, ms.
    pub first_ms: i64,
    /// Open time of the last candle, ms; it may be unfinished.
    pub last_ms: i64,
    /// Number of candles.
    pub count: u64,
}

/// Calendar and instrument as JSON: the file beside Parquet files, and fields of a point.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) calendar: Calendar,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instrument: Option<InstrumentWire>,
}

/// [`Instrument`] as JSON: absent members have its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InstrumentWire {
    kind: KindWire,
    tick_size: f64,
    lot_step: f64,
    min_quantity: f64,
    min_notional: f64,
    contract_multiplier: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum KindWire {
    Spot,
    Perpetual,
}

impl Default for InstrumentWire {
    fn default() -> InstrumentWire {
        Instrument::default().into()
    }
}

impl From<Instrument> for InstrumentWire {
    fn from(instrument: Instrument) -> InstrumentWire {
        InstrumentWire {
            kind: match instrument.kind {
                InstrumentKind::Spot => KindWire::Spot,
                InstrumentKind::Perpetual => KindWire::Perpetual,
            },
            tick_size: instrument.tick_size,
            lot_step: instrument.lot_step,
            min_quantity: instrument.min_quantity,
            min_notional: instrument.min_notional,
            contract_multiplier: instrument.contract_multiplier,
        }
    }
}

impl From<InstrumentWire> for Instrument {
    fn from(wire: InstrumentWire) -> Instrument {
        Instrument {
            kind: match wire.kind {
                KindWire::Spot => InstrumentKind::Spot,
                KindWire::Perpetual => InstrumentKind::Perpetual,
            },
            tick_size: wire.tick_size,
            lot_step: wire.lot_step,
            min_quantity: wire.min_quantity,
            min_notional: wire.min_notional,
            contract_multiplier: wire.contract_multiplier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_json_and_absent_members_have_defaults() {
        let settings = Settings {
            calendar: "session:America/New_York".parse().unwrap(),
            instrument: Some(Instrument { tick_size: 0.01, ..Instrument::default() }.into()),
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        let tick = r#"{"instrument":{"tickSize":0.01}}"#;
        assert_eq!(serde_json::from_str::<Settings>(tick).unwrap().instrument, settings.instrument);
    }
}
