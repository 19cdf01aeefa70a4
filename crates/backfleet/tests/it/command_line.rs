//! What a person sees: whole outputs as snapshots, exit codes, messages with a fix.

use std::process::Output;

use crate::support::{backfleet, command, root, transcript};

#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    assert_eq!(transcript(&backfleet(arguments)).trim_end(), expected.trim());
}

#[test]
fn help_names_every_command_and_exit_code() {
    let output = backfleet(&["--help"]);
    insta::assert_snapshot!("help", transcript(&output));
}

#[test]
fn a_mistyped_command_is_a_usage_error_with_a_suggestion() {
    let output = backfleet(&["bundel"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("'bundle'"));
}

#[test]
fn serve_without_a_database_says_what_to_pass() {
    check(
        &["serve"],
        "exit 2\n--- stdout\n--- stderr\n\
         error: serve shares its queue with workers and needs PostgreSQL\n\
         hint: pass --database-url, or run everything in one process with `backfleet dev`",
    );
}

#[test]
fn a_server_that_is_away_is_exit_code_5_with_a_fix() {
    let port = testkit::port::free();
    let server = format!("http://127.0.0.1:{port}");
    let output = backfleet(&["bundle", "list", "--server", &server]);
    assert_eq!(output.status.code(), Some(5), "{}", transcript(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.starts_with(&format!("error: cannot reach {server}: ")), "{errors}");
    assert!(
        errors.ends_with("hint: start a server with `backfleet dev`, or name one with --server\n")
    );
}

#[test]
fn every_error_code_is_explained_without_a_server() {
    let page = backfleet(&["explain", "no_candles"]);
    let text = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(text.starts_with("# no_candles\n") && text.contains("\n## Cure\n"), "{text}");
    let all = backfleet(&["explain"]);
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    for code in api::error_codes() {
        assert!(all.contains(&format!("\n {code} ")), "{code} in {all}");
    }
    let json = backfleet(&["explain", "worker_lost", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&json["code"], &json["metAs"]),
        (&"worker_lost".into(), &"The error of a failed job.".into())
    );
    for part in ["cause", "cure"] {
        assert!(json[part].as_str().is_some_and(|text| !text.is_empty()), "{json}");
    }
    check(
        &["explain", "no_candels"],
        "exit 6\n--- stdout\n--- stderr\n\
         error: there is no error code, metric, indicator, signal or operator \"no_candels\"\n\
         hint: did you mean \"no_candles\"?",
    );
}

#[test]
fn names_of_metrics_and_strategies_are_explained() {
    check(
        &["explain", "MACD"],
        "exit 0\n--- stdout\n\
         # macd\n\n\
         An indicator: MACD; each average starts from its own seed.\n\n\
         It reads a column: the argument `of`, `close` where it is left out.\n\n\
         ## Arguments\n\n\
         - `fast`: int, 1 to 10000; default 12\n\
         - `slow`: int, 1 to 10000; default 26\n\
         - `signal`: int, 1 to 10000; default 9\n\n\
         ## Outputs\n\n\
         - `.line`: a number\n\
         - `.signal`: a number\n\
         - `.histogram`: a number\n\
         --- stderr",
    );
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() {
    for arguments in [["run", "/none.json"], ["bundle", "submit"], ["signals", "hash"]] {
        let [command, file] = arguments;
        let arguments = match command {
            "run" => vec![command, file],
            _ => vec![command, file, "/none.json"],
        };
        check(
            &arguments,
            "exit 6\n--- stdout\n--- stderr\n\
             error: cannot read /none.json: No such file or directory (os error 2)\n\
             hint: check the name",
        );
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(&["openapi"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.starts_with("error: the output could not be written: "), "{errors}");
}

#[test]
fn credentials_in_the_address_of_influxdb_are_never_shown() {
    let output =
        backfleet(&["candles", "list", "--influx-url", "http://u:hunter2@127.0.0.1:1/?p=hunter2"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(!transcript(&output).contains("hunter2"), "{}", transcript(&output));
}

#[test]
fn a_lease_that_does_not_fit_its_beat_is_refused() {
    let output = backfleet(&[
        "worker",
        "--database-url",
        "postgres://localhost/x",
        "--beat",
        "5s",
        "--grace",
        "2s",
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("grace must be longer than a beat"));
}

#[test]
fn a_configuration_file_sets_defaults_and_its_slips_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backfleet.toml");
    let show = |text: &str| -> Output {
        std::fs::write(&path, text).unwrap();
        command(&["config", "show", "--origin", "--json"])
            .arg("--config")
            .arg(&path)
            .env("BACKFLEET_POLL", "9s")
            .output()
            .unwrap()
    };
    let shown = crate::support::json(&show("poll = \"2s\"\nslots = 3\n"));
    let setting = |name: &str| {
        let all = shown["settings"].as_array().unwrap();
        all.iter().find(|setting| setting["name"] == name).unwrap().clone()
    };
    assert_eq!(setting("poll")["value"], "9s");
    assert_eq!(setting("poll")["origin"], "environment BACKFLEET_POLL");
    assert_eq!(setting("slots")["value"], "3");
    let wrong = show("pol = \"2s\"\n");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("hint: did you mean \"poll\"?"));
}

#[test]
fn secrets_are_masked() {
    let output = backfleet(&[
        "config",
        "show",
        "--database-url",
        "postgres://someone:hunter2@127.0.0.1/market",
    ]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("postgres://someone:***@127.0.0.1/market"), "{text}");
    assert!(!text.contains("hunter2"));
}

#[test]
fn completions_are_generated_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = backfleet(&["completions", shell]);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("backfleet"));
    }
}

#[test]
fn an_import_that_breaks_a_rule_names_its_rows_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x_BAD-1m.csv");
    let rows = "timestamp,open,high,low,close,volume\n\
                1700000040000,10,11,9,10,1\n\
                1700000100000,10,9,11,10,1\n\
                1700000100000,10,11,9,10,1\n";
    std::fs::write(&file, rows).unwrap();
    let data = folder.path().join("data");
    let arguments = ["candles", "import", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let output = backfleet(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("row 3"), "{errors}");
    let listed = backfleet(&["candles", "list", "--data", data.to_str().unwrap(), "--json"]);
    assert_eq!(crate::support::json(&listed)["items"].as_array().unwrap().len(), 0);
}

#[test]
fn files_that_cannot_be_read_say_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let sample = root().join("examples/candles/us_GOOG-1d.csv.gz");
    let trailing = [std::fs::read(sample).unwrap(), b"garbage".to_vec()].concat();
    for (name, bytes, expected) in [
        (
            "x_A-1m.parquet",
            b"PAR1xxxxPAR1".to_vec(),
            "hint: the file is cut off, damaged or no Parquet",
        ),
        ("x_A-1d.csv.gz", trailing, "hint: the file is cut off or damaged, or something follows"),
        ("BTCUSDT-1m-2024-01.zip", b"PK\x03\x04".to_vec(), "`unzip -t` shows it"),
        ("x_A-1m.csv", vec![0xff, 0xfe, b't', 0], "it is UTF-16, save it as UTF-8"),
        ("x_B-1m.json", b"[[1704067200000,1,2,0.5,1,1]] x".to_vec(), "something follows the end"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (path, data) = (path.to_str().unwrap(), data.to_str().unwrap());
        let output = backfleet(&["candles", "import", path, "--data", data]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("error: ") && text.contains(expected), "{name}: {text}");
    }
    let lost = folder.path().join("lost.csv");
    let output = backfleet(&["candles", "import", lost.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("hint: check the name"), "{text}");
}
