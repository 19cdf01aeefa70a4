//! `backfleet key` and clients that show a key.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use testkit::{http, port};

use crate::support::{Dev, backfleet, json, transcript};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn key(data: &Path, arguments: &[&str]) -> Output {
    let mut all = vec!["key"];
    all.extend(arguments);
    all.extend(["--data", text(data)]);
    backfleet(&all)
}

/// Makes a key; its text and the file that holds it.
fn create(data: &Path, arguments: &[&str]) -> (String, PathBuf) {
    let mut all = vec!["create"];
    all.extend(arguments);
    let output = key(data, &all);
    assert!(output.status.success(), "{}", transcript(&output));
    let made = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(made.starts_with("bf_") && made.len() == 80, "{made}");
    let file = data.join(format!("{}.key", &made[3..15]));
    std::fs::write(&file, format!("{made}\n")).unwrap();
    (made, file)
}

#[test]
fn keys_are_made_listed_and_revoked_and_a_secret_is_shown_once() {
    let data = tempfile::tempdir().unwrap();
    let (bot, _) = create(data.path(), &["--owner", "desk-1", "--name", "bot"]);
    let (_, _) = create(data.path(), &["--owner", "ops", "--scopes", "admin", "--expires", "90d"]);
    let listed = json(&key(data.path(), &["list", "--json"]));
    let keys = listed["keys"].as_array().unwrap();
    let find = |owner: &str| keys.iter().find(|key| key["owner"] == owner).unwrap();
    assert_eq!(find("desk-1")["scopes"], serde_json::json!(["read", "submit"]));
    assert_eq!(
        (&find("desk-1")["name"], &find("desk-1")["expiresAt"]),
        (&"bot".into(), &Value::Null)
    );
    assert!(find("ops")["expiresAt"].is_string());
    assert!(!listed.to_string().contains(&bot[16..]), "the secret is not kept");
    let revoked = key(data.path(), &["revoke", &bot]);
    assert!(revoked.status.success(), "{}", transcript(&revoked));
    assert!(!transcript(&revoked).contains(&bot[16..]));
    let table = transcript(&key(data.path(), &["list"]));
    assert!(table.contains("revoked") && table.contains("active"), "{table}");
    let unknown = key(data.path(), &["revoke", "000000000000"]);
    assert_eq!(unknown.status.code(), Some(6), "{}", transcript(&unknown));
    for wrong in [&["create", "--owner", "x", "--scopes", "write"][..], &["create", "--owner", " "]]
    {
        assert_eq!(key(data.path(), wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_client_without_a_good_key_ends_with_exit_code_4() {
    let data = tempfile::tempdir().unwrap();
    let (_, reader) = create(data.path(), &["--owner", "desk-1", "--scopes", "read"]);
    let (_, sender) = create(data.path(), &["--owner", "desk-1"]);
    let (_, other) = create(data.path(), &["--owner", "desk-2"]);
    crate::support::import_samples(data.path());
    let keys = tempfile::tempdir().unwrap();
    let moved = |file: &PathBuf| {
        let to = keys.path().join(file.file_name().unwrap());
        std::fs::copy(file, &to).unwrap();
        to
    };
    let [reader, sender, other] = [&reader, &sender, &other].map(moved);
    let dev = Dev::on(data, &[]);
    let run = |arguments: &[&str], key: Option<&Path>| {
        let mut all = vec!["bundle"];
        all.extend(arguments);
        all.extend(["--server", &dev.url]);
        all.extend(key.into_iter().flat_map(|key| ["--api-key-file", text(key)]));
        backfleet(&all)
    };
    let nobody = run(&["list"], None);
    assert_eq!(nobody.status.code(), Some(4), "{}", transcript(&nobody));
    let errors = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(errors.contains("the request shows no API key"), "{errors}");
    assert!(errors.contains("hint: `backfleet explain unauthorized` tells more"), "{errors}");
    let file = "examples/btc-dual-ema.json";
    assert_eq!(run(&["submit", file], Some(&reader)).status.code(), Some(4));
    let submitted = json(&run(&["submit", file, "--json"], Some(&sender)));
    let id = submitted["bundleRequestId"].as_str().unwrap();
    assert!(run(&["status", id], Some(&reader)).status.success());
    let hidden = run(&["status", id], Some(&other));
    assert_eq!(hidden.status.code(), Some(6), "{}", transcript(&hidden));
    let environment = crate::support::command(&["bundle", "status", id, "--server", &dev.url])
        .env("BACKFLEET_API_KEY_FILE", &sender)
        .output()
        .unwrap();
    assert!(environment.status.success(), "{}", transcript(&environment));
    assert_eq!(http::get(&format!("{}/readyz", dev.url)).unwrap().status, 200);
}

#[test]
fn a_public_address_is_refused_until_there_is_a_key() {
    let data = tempfile::tempdir().unwrap();
    let listen = format!("0.0.0.0:{}", port::free());
    let refused = backfleet(&["dev", "--listen", &listen, "--data", text(data.path())]);
    assert_eq!(
        transcript(&refused).trim_end(),
        format!(
            "exit 2\n--- stdout\n--- stderr\n\
             error: {listen} is reachable from outside, and there is no API key\n\
             hint: backfleet key create --owner NAME makes one; or listen on 127.0.0.1"
        )
    );
    create(data.path(), &["--owner", "desk-1"]);
    let mut process = testkit::process::Backfleet::spawn(crate::support::command(&[
        "dev",
        "--listen",
        &listen,
        "--data",
        text(data.path()),
    ]));
    let url = format!("http://{}", listen.replace("0.0.0.0", "127.0.0.1"));
    process.until_ready(&format!("{url}/readyz"), crate::support::SOON);
    assert_eq!(http::get(&format!("{url}/api/backtest/bundle")).unwrap().status, 401);
}
