//! Rules of the workspace that read its own files (CONTRIBUTING.md, ARCHITECTURE.md).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The only arrows between crates, in the order of ARCHITECTURE.md. `testkit` is for tests alone.
const ARROWS: [(&str, &[&str]); 9] = [
    ("model", &[]),
    ("stats", &["model"]),
    ("engine", &["model", "stats"]),
    ("store", &["model"]),
    ("candles", &["model"]),
    ("worker", &["model", "engine", "stats", "store", "candles"]),
    ("api", &["model", "stats", "store", "candles"]),
    ("testkit", &["model", "store", "candles"]),
    ("backfleet", &["model", "stats", "engine", "store", "candles", "worker", "api"]),
];

/// Lines that a source file may have.
const MAX_LINES: usize = 500;
/// Files that may be longer, each with its reason.
const LONG_FILES: [&str; 2] = [
    // One walk, to be read beside the rules from top to bottom.
    "scripts/reference/walk.py",
    // Generated from the OpenAPI document.
    "web/src/api/schema.ts",
];

/// Names that say nothing about their subject.
const VAGUE_NAMES: [&str; 7] = ["common", "util", "utils", "helper", "helpers", "types", "misc"];

/// Crates of which two versions would be two runtimes, two TLS stacks or a link error.
const SINGLE: [&str; 6] = ["rustls", "hyper", "axum", "tokio", "tower-http", "libsqlite3-sys"];

/// Folders that hold nothing of ours: git's, and those of `.gitignore`.
const FOREIGN: [&str; 5] = [".git", "target", "data", "web/node_modules", "web/dist"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All our files, relative to the root, sorted.
fn files() -> Vec<PathBuf> {
    let root = root();
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = path.strip_prefix(&root).unwrap();
            if kind.is_dir() && !FOREIGN.iter().any(|foreign| name == Path::new(foreign)) {
                folders.push(path);
            } else if kind.is_file() {
                files.push(name.to_owned());
            }
        }
    }
    files.sort();
    assert!(files.iter().any(|file| file == Path::new("crates/testkit/tests/it/workspace.rs")));
    files
}

fn is_source(file: &Path) -> bool {
    let extensions = ["rs", "sql", "sh", "ts", "tsx", "css", "py"];
    file.extension().is_some_and(|own| extensions.iter().any(|extension| own == *extension))
}

fn toml(path: &Path) -> toml::Table {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Names of the crates that a manifest's crate is built with, on any platform; not those of tests.
fn dependencies(manifest: &toml::Table) -> BTreeSet<&str> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms.into_iter().flat_map(toml::Table::values);
    let tables = platforms.filter_map(toml::Value::as_table).chain([manifest]);
    let tables =
        tables.flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")]);
    let entries = tables.flatten().filter_map(toml::Value::as_table).flatten();
    entries
        .map(|(name, entry)| entry.get("package").and_then(toml::Value::as_str).unwrap_or(name))
        .collect()
}

#[test]
fn crates_depend_on_each_other_only_as_in_the_design() {
    let allowed = BTreeMap::from(ARROWS);
    let mut crates: Vec<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    crates.sort();
    let known: Vec<&str> = allowed.keys().copied().collect();
    assert_eq!(crates, known, "the crates are those known here");

    let mut wrong = Vec::new();
    for (from, to) in &allowed {
        let manifest = toml(&root().join("crates").join(from).join("Cargo.toml"));
        assert_eq!(manifest["package"]["name"].as_str(), Some(*from));
        for name in dependencies(&manifest) {
            if allowed.contains_key(name) && !to.contains(&name) {
                wrong.push(format!("{from} -> {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the design does not have: {wrong:?}");
}

#[test]
fn a_renamed_or_platform_dependency_does_not_hide_an_arrow() {
    let manifest = r#"
        [dependencies]
        queue = { package = "store", path = "x" }
        [target.'cfg(unix)'.dependencies]
        worker = { workspace = true }
        [build-dependencies]
        api = "1"
        [dev-dependencies]
        testkit = "1"
    "#;
    let names = BTreeSet::from(["api", "store", "worker"]);
    assert_eq!(dependencies(&manifest.parse().unwrap()), names);
}

#[test]
fn source_files_are_not_too_long() {
    let mut long = Vec::new();
    for file in files().into_iter().filter(|file| is_source(file)) {
        let lines = fs::read_to_string(root().join(&file)).unwrap().lines().count();
        let excepted = LONG_FILES.iter().any(|name| file == Path::new(name));
        if excepted != (lines > MAX_LINES) {
            long.push(format!("{} ({lines})", file.display()));
        }
    }
    assert!(long.is_empty(), "over {MAX_LINES} lines, or excepted without need: {long:?}");
}

#[test]
fn crates_and_modules_are_named_by_their_subject() {
    let mut vague = Vec::new();
    for file in files().into_iter().filter(|file| is_source(file)) {
        let path_is_vague = file
            .with_extension("")
            .components()
            .any(|part| VAGUE_NAMES.iter().any(|name| part.as_os_str() == *name));
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let mut modules = text.lines().filter_map(|line| {
            let line = line.trim_start();
            let line =
                line.strip_prefix("pub ").or(line.strip_prefix("pub(crate) ")).unwrap_or(line);
            line.strip_prefix("mod ")?.split([' ', ';', '{']).next()
        });
        if path_is_vague || modules.any(|module| VAGUE_NAMES.contains(&module)) {
            vague.push(file);
        }
    }
    assert!(vague.is_empty(), "a module is called one of {VAGUE_NAMES:?} in {vague:?}");
}

#[test]
fn no_file_refers_to_the_folder_beside_the_checkout() {
    let outside = concat!("../", "shared").as_bytes();
    let refers = |file: &PathBuf| {
        let bytes = fs::read(root().join(file)).unwrap();
        bytes.windows(outside.len()).any(|window| window == outside)
    };
    let files: Vec<_> = files().into_iter().filter(refers).collect();
    assert!(files.is_empty(), "a clone has no folder beside it: {files:?}");
}

#[test]
fn the_lock_file_holds_one_version_of_what_must_be_single() {
    let lock = toml(&root().join("Cargo.lock"));
    let packages = lock["package"].as_array().unwrap();
    for name in SINGLE {
        let own = packages.iter().filter(|package| package["name"].as_str() == Some(name));
        let versions: Vec<_> = own.map(|package| &package["version"]).collect();
        assert_eq!(versions.len(), 1, "versions of {name}: {versions:?}");
    }
}
