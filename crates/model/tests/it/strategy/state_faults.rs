//! Where the state of the account may not stand.

use serde_json::json;

use super::fault_lines;

#[test]
fn state_of_the_account_is_refused_elsewhere() {
    assert_eq!(
        fault_lines(&json!({"signals": {"long": "barsInTrade > 3"}})),
        [
            "/signals/long not_here: column 1: \"barsInTrade\" may be read in exitLong and exitShort only"
        ],
    );
    let exit = |text: &str, expected: &str| {
        let value = json!({"signals": {"long": true, "exitLong": text}});
        assert_eq!(fault_lines(&value), [format!("/signals/exitLong {expected}")]);
    };
    exit(
        "barsSinceExit > 3",
        "not_here: column 1: \"barsSinceExit\" may be read in long and short only",
    );
    exit(
        "lastExitReason == flip",
        "not_here: column 1: \"lastExitReason\" may be read in long and short only",
    );
    exit(
        "within(barsInTrade > 3, 2)",
        "not_here: column 8: \"barsInTrade\" is known of the current candle only (compare it directly, under all, any and not)",
    );
    exit(
        "ema(openR, 9) > 1",
        "not_here: column 5: \"openR\" is known of the current candle only (compare it directly, under all, any and not)",
    );
    exit(
        "close > open and openR * 2 > 1",
        "not_here: column 18: \"openR\" takes no part in arithmetic (compare it directly with a number of the candles)",
    );
    exit(
        "-openPnlPct > 1",
        "not_here: column 2: \"openPnlPct\" takes no part in arithmetic (compare it directly with a number of the candles)",
    );
    exit(
        "openPnlPct < maxFavourablePct",
        "not_here: column 14: \"maxFavourablePct\" is compared with other state (compare it with a number of the candles)",
    );
    let named = json!({
        "indicators": {"gain": "openPnlPct"},
        "signals": {"long": true, "exitLong": {"gt": [{"abs": "gain"}, 1]}},
    });
    assert_eq!(
        fault_lines(&named),
        [
            "/signals/exitLong/gt/0/abs not_here: column 1: \"gain\" takes no part in arithmetic (compare it directly with a number of the candles)"
        ],
    );
    exit(
        "scope(openR > 1, tf: 1h)",
        "not_here: column 7: \"openR\" is known of the current candle only (compare it directly, under all, any and not)",
    );
}
