//! Where candles come from makes no difference: files, InfluxDB, and InfluxDB of another schema.

use std::fs;

use serde_json::Value;
use testkit::influx;

use crate::support::{backfleet, import_samples, json, root, transcript};

/// A schema with names of its own, a measurement a timeframe, and times of the close.
const MAPPING: &str = r#"
[influx.mapping]
measurement = "ohlcv_{timeframe}"
symbol_tag = "instrument"
symbol_format = "{symbol}@{exchange}"
open_field = "o"
high_field = "h"
low_field = "l"
close_field = "c"
volume_field = "v"
label = "close"
timeframes = { "4h" = "240", "1m" = "1" }
"#;

#[test]
fn files_influxdb_and_another_schema_give_equal_hashes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let files = path("files");
    import_samples(&folder.path().join("files"));
    let configs = ["", MAPPING].map(|mapping| {
        let database = influx::database();
        let config = path(&format!("{}.toml", database.name));
        let text = format!(
            "[influx]\nurl = \"{}\"\ndatabase = \"{}\"\n{mapping}",
            database.url, database.name
        );
        fs::write(&config, text).unwrap();
        let pushed = backfleet(&["--config", &config, "candles", "push", "--data", &files]);
        assert!(pushed.status.success(), "{}", transcript(&pushed));
        (config, path(&format!("cache of {}", database.name)))
    });
    let mut compared = 0;
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let example = entry.unwrap().path();
        if example.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let example = example.to_str().unwrap();
        let run = ["run", example, "--seq", "0", "--json", "--data"];
        let hashes = |document: Value| {
            ["dataHash", "outcomeHash", "candles"].map(|key| document[key].clone())
        };
        let expected = hashes(json(&backfleet(&[&run[..], &[&files]].concat())));
        assert!(expected.iter().all(|value| !value.is_null()), "{expected:?}");
        for (config, data) in &configs {
            let arguments = [&["--config", config], &run[..], &[data]].concat();
            assert_eq!(hashes(json(&backfleet(&arguments))), expected, "{example} {config}");
            compared += 1;
        }
    }
    assert!(compared >= 12);
    let (config, data) = &configs[1];
    let doctor = backfleet(&["--config", config, "doctor", "--json", "--data", data]);
    let document: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let found = |subject: &str| {
        let checks = document["checks"].as_array().unwrap().iter();
        let mut checks = checks.filter(|check| check["check"] == subject);
        checks.next().map(|check| check["found"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert!(found("influxdb").contains("spoken to as 1.x"), "{document}");
    assert!(found("retention").contains("autogen"), "{document}");
}
