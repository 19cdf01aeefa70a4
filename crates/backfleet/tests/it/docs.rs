//! The documentation keeps its word: its commands run and print what it shows, its links lead to
//! files, the tests that it names exist.
//!
//! In `README.md` and `docs/guide/*.md` a fence ```` ```json NAME ```` is a file that the reader
//! saves, and ```` ```console ```` holds commands after `$ ` and what they print. Every line shown
//! must be printed, in this order; `...` stands for anything, within a line or for lines between.
//! ```` ```console fails ```` wants another exit code than 0. A command that ends in ` &` is a server
//! and is waited for. Commands other than `backfleet` are the reader's own and do not run here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::port;
use testkit::process::Backfleet;

use crate::support::{SOON, root};

/// A fenced block.
struct Block {
    info: String,
    lines: Vec<String>,
}

/// A command of a page.
struct Step {
    command: String,
    printed: Vec<String>,
    fails: bool,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(Block { info: info.to_owned(), lines: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    blocks
}

fn steps(block: &Block) -> Vec<Step> {
    let fails = block.info.ends_with(" fails");
    let mut steps: Vec<Step> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), printed: Vec::new(), fails });
            }
            (None, Some(step)) => step.printed.push(line.trim_end().to_owned()),
            (None, None) => panic!("a console block begins with a command, not with {line:?}"),
        }
    }
    steps.retain(|step| step.command.contains("backfleet ") && !step.command.starts_with("cargo "));
    steps
}

/// Whether `line` reads `shown`, in which `...` stands for anything; widths of columns do not
/// count.
fn reads(line: &str, shown: &str) -> bool {
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, shown) = (spaced(line), spaced(shown));
    let mut rest = line.as_str();
    for (index, piece) in shown.split("...").enumerate() {
        match rest.find(piece) {
            Some(0) => rest = &rest[piece.len()..],
            Some(at) if index > 0 => rest = &rest[at + piece.len()..],
            Some(_) | None => return false,
        }
    }
    shown.ends_with("...") || rest.is_empty()
}

/// The first line shown that was not printed after those before it.
fn not_printed<'a>(shown: &'a [String], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines();
    shown
        .iter()
        .map(String::as_str)
        .filter(|line| *line != "...")
        .find(|wanted| !lines.by_ref().any(|line| reads(line, wanted)))
}

/// One script of all commands, so that variables and servers last; each has a file for its output.
fn script(steps: &[Step]) -> String {
    let binaries = Path::new(env!("CARGO_BIN_EXE_backfleet")).parent().unwrap();
    let mut text = format!("export PATH='{}':$PATH\n", binaries.display());
    text += "trap 'kill $(jobs -p) 2> /dev/null; wait' EXIT\n";
    for (number, step) in steps.iter().enumerate() {
        let command = &step.command;
        if command.ends_with(" &") {
            let _ = writeln!(text, "{command}");
            text += "for _ in $(seq 600); do backfleet bundle list && break; sleep 0.05; done\n";
            let _ = writeln!(text, "echo $? > {number}.code");
        } else {
            // The output of a command whose text is taken is on stderr.
            let _ = writeln!(text, "{{ {command}\n}} > {number}.out 2>&1; echo $? > {number}.code");
        }
    }
    text
}

/// Runs the commands of `page` in a folder with the examples; says what is not as the page has it.
fn run(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("examples"), folder.path().join("examples")).unwrap();
    let mut all = Vec::new();
    for block in blocks(&text) {
        let mut words = block.info.split(' ');
        match (words.next(), words.next()) {
            (Some("json" | "toml" | "csv"), Some(name)) => {
                fs::write(folder.path().join(name), block.lines.join("\n") + "\n").unwrap();
            }
            (Some("console"), _) => all.extend(steps(&block)),
            _ => {}
        }
    }
    let listen = format!("127.0.0.1:{}", port::free());
    let mut command = Backfleet::command("bash");
    command.args(["-c", &script(&all)]).current_dir(folder.path());
    command.env("NO_COLOR", "1").env("XDG_CONFIG_HOME", "/nonexistent");
    command.env("BACKFLEET_LISTEN", &listen).env("BACKFLEET_SERVER", format!("http://{listen}"));
    Backfleet::spawn(command).wait(SOON);
    let mut wrong = Vec::new();
    for (number, step) in all.iter().enumerate() {
        let output = |kind: &str| {
            fs::read_to_string(folder.path().join(format!("{number}.{kind}"))).unwrap_or_default()
        };
        let (printed, code) = (output("out"), output("code"));
        let place = format!("{}: {}", page.display(), step.command);
        if (code.trim() == "0") == step.fails || code.is_empty() {
            wrong.push(format!("{place}\nends with {code:?}\n{printed}"));
        } else if let Some(line) = not_printed(&step.printed, &printed) {
            wrong.push(format!("{place}\ndoes not print\n{line}\nbut\n{printed}"));
        }
    }
    wrong
}

/// Every page of ours, relative to the root.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root().join("docs"), root().join("examples")];
    let top = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(top.filter(|path| path.is_file()));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { pages.push(path) }
        }
    }
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages.sort();
    pages
}

/// Targets of `[text](target)` outside of fences.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut links = Vec::new();
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if !fenced {
            let parts = line.split("](").skip(1);
            links.extend(parts.filter_map(|part| Some(part.split_once(')')?.0.to_owned())));
        }
    }
    links
}

/// Texts between backticks that can only be the name of a test; metrics begin with `backfleet_`.
fn named_tests(text: &str) -> BTreeSet<&str> {
    let is_test = |word: &&str| {
        word.matches('_').count() >= 4
            && !word.starts_with("backfleet_")
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.split('`').filter(is_test).collect()
}

fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn the_commands_of_the_pages_run_and_print_what_is_shown() {
    let guides = root().join("docs/guide");
    let is_run = |page: &PathBuf| page.ends_with("README.md") && page.parent() == Some(&root());
    let pages: Vec<PathBuf> =
        pages().into_iter().filter(|page| page.starts_with(&guides) || is_run(page)).collect();
    assert!(pages.len() >= 4, "{pages:?}");
    let wrong: Vec<String> = pages.iter().flat_map(|page| run(page)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_link_leads_to_a_file() {
    let mut dead = Vec::new();
    for page in pages() {
        for link in links(&fs::read_to_string(&page).unwrap()) {
            let target = link.split('#').next().unwrap_or_default();
            let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !is_elsewhere && !page.with_file_name(target).exists() {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_test_that_a_page_names_exists() {
    let mut code = String::new();
    sources(&root().join("crates"), &mut code);
    let mut unknown = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let missing = |name: &&str| !code.contains(&format!("fn {name}("));
        let names = named_tests(&text).into_iter().filter(missing);
        unknown.extend(names.map(|name| format!("{}: {name}", page.display())));
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_word_of_an_outcome_is_explained() {
    let page = fs::read_to_string(root().join("docs/concepts/rules.md")).unwrap();
    let word = |reason: serde_json::Result<serde_json::Value>| {
        reason.unwrap().as_str().map(str::to_owned).unwrap()
    };
    let skipped = model::SkipReason::ALL.map(|reason| word(serde_json::to_value(reason)));
    let exits = model::FillReason::ALL.into_iter().filter(|it| *it != model::FillReason::Entry);
    let exits = exits.map(|reason| word(serde_json::to_value(reason)));
    let missing: Vec<String> = skipped
        .into_iter()
        .chain(exits)
        .filter(|it| !page.contains(&format!("\n| `{it}` |")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_shown_line_with_dots_reads_what_is_between() {
    assert!(reads("seconds 0.4 of all", "seconds ... of all"));
    assert!(reads("a    b   ", " a  b"));
    assert!(reads("win %  status", "win %..."));
    assert!(!reads("win %  status", "win %"));
    assert!(!reads("x win %", "win %"));
}
