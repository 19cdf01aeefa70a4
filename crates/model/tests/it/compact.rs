//! The compact form of an outcome loses nothing, is short, and cannot be made to panic.

use std::collections::BTreeMap;

use model::{
    Counts, DailyMark, Fill, FillReason, FundingEvent, OpenPosition, Outcome, PositionSide, Side,
    SkipReason,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Numbers as outcomes have them, and any others.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => any::<u64>().prop_map(f64::from_bits),
        4 => (0_i64..10_000_000, 0..10).prop_map(|(units, places)| units as f64 / 10_f64.powi(places)),
        4 => (1_u32..2_000, 1_u32..2_000).prop_map(|(a, b)| f64::from(a) / f64::from(b)),
        2 => prop::sample::select(vec![
            0.0, -0.0, 1.0, -1.5, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NAN, 9_007_199_254_740_993.0,
        ]),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![8 => (0_i64..100_000).prop_map(|candle| candle * 900_000), 1 => any::<i64>()]
}

fn trade() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0_u32..20, 1 => any::<u32>()]
}

/// A fee, a price, a stop: a multiple of the one before it, as often as not.
fn fill() -> impl Strategy<Value = Fill> {
    let what = (any::<bool>(), prop::sample::select(FillReason::ALL.to_vec()));
    let fee = prop_oneof![Just(0.001), Just(0.000_2), number()];
    (time(), what, number(), number(), fee, trade()).prop_map(
        |(time_ms, what, quantity, price, fee, trade_id)| Fill {
            time_ms,
            side: if what.0 { Side::Buy } else { Side::Sell },
            quantity,
            price,
            fee: quantity * price * fee,
            reason: what.1,
            trade_id,
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let funding =
        (time(), number(), number(), trade()).prop_map(|(time_ms, rate, amount, trade_id)| {
            FundingEvent { time_ms, rate, amount, trade_id }
        });
    let mark = (time(), number()).prop_map(|(day_ms, equity)| DailyMark { day_ms, equity });
    let position = (any::<bool>(), (number(), number(), number()), any::<i64>(), any::<u32>())
        .prop_map(|(is_long, (quantity, entry_price, mark_price), entry_time_ms, trade_id)| {
            OpenPosition {
                side: if is_long { PositionSide::Long } else { PositionSide::Short },
                quantity,
                entry_price,
                entry_time_ms,
                mark_price,
                trade_id,
            }
        });
    let skipped = prop::collection::btree_map(
        prop::sample::select(SkipReason::ALL.to_vec()),
        any::<u64>(),
        0..5,
    );
    let counts = (any::<u64>(), any::<u64>(), any::<u64>(), skipped).prop_map(
        |(ambiguous, missing, conflicts, skipped)| Counts {
            ambiguous,
            missing,
            conflicts,
            skipped,
        },
    );
    (vec(fill(), 0..40), vec(funding, 0..10), vec(mark, 0..20), prop::option::of(position), counts)
        .prop_map(|(fills, funding, daily_marks, open_position, counts)| Outcome {
            fills,
            funding,
            daily_marks,
            open_position,
            counts,
        })
}

#[track_caller]
fn read_back(outcome: &Outcome) -> Outcome {
    let compact = outcome.to_compact();
    Outcome::from_compact(&compact.text, &compact.noise).unwrap()
}

proptest! {
    #[test]
    fn nothing_is_lost(outcome in outcome()) {
        prop_assert_eq!(read_back(&outcome).to_bytes(), outcome.to_bytes());
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(
        outcome in outcome(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut compact = outcome.to_compact();
        let index = at.index(compact.text.len());
        prop_assert!(Outcome::from_compact(&compact.text[..index], &compact.noise).is_err());
        compact.text[index] = byte;
        let _any = Outcome::from_compact(&compact.text, &compact.noise);
        compact.noise.push(0);
        prop_assert!(Outcome::from_compact(&compact.text, &compact.noise).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in vec(any::<u8>(), 0..200), noise in vec(any::<u8>(), 0..60)) {
        let mut framed = Outcome::default().to_compact().text[..4].to_vec();
        framed.extend_from_slice(&(noise.len() as u64 / 6).to_le_bytes());
        framed.extend_from_slice(&text);
        let _any = Outcome::from_compact(&framed, &noise);
        let _any = Outcome::from_compact(&text, &noise);
    }
}

#[test]
fn a_length_that_cannot_be_is_refused_before_anything_is_allocated() {
    let mut text = Outcome::default().to_compact().text;
    let at = 4 + 8;
    text.splice(at..=at, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert!(Outcome::from_compact(&text, &[]).is_err());
    text[4..12].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(Outcome::from_compact(&text, &[]).is_err());
}

/// A thousand trades at prices of two decimals with stops of 2 %, targets of 4 % and a fee of 0.1 %.
#[test]
fn what_follows_from_the_rest_is_no_noise() {
    let mut fills = Vec::new();
    for trade in 0..1_000_u32 {
        let entry = f64::from(4_000_000 + (trade * 7_919) % 90_000) / 100.0;
        let quantity = 10_000.0 / entry;
        let (factor, reason) = if trade % 3 == 0 {
            (1.04, FillReason::TakeProfit)
        } else {
            (0.98, FillReason::StopLoss)
        };
        for (side, price, reason) in
            [(Side::Buy, entry, FillReason::Entry), (Side::Sell, entry * factor, reason)]
        {
            let time_ms =
                i64::from(trade) * 90 * 900_000 + i64::from(side == Side::Sell) * 5 * 900_000;
            let fee = quantity * price * 0.001;
            fills.push(Fill { time_ms, side, quantity, price, fee, reason, trade_id: trade });
        }
    }
    let outcome = Outcome {
        fills,
        counts: Counts { skipped: BTreeMap::new(), ..Counts::default() },
        ..Outcome::default()
    };
    assert_eq!(read_back(&outcome), outcome);
    let compact = outcome.to_compact();
    // The quantity of an entry follows from nothing that an outcome has: six bytes of it are noise.
    assert!(compact.noise.len() <= 6 * (1_000 + 3), "{}", compact.noise.len());
    // The rest is short, and compresses.
    assert!(compact.text.len() <= 2_000 * 12, "{}", compact.text.len());
}
