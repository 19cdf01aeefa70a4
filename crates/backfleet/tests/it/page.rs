//! The page in a real browser: `web/e2e/journey.ts` against the binary that embeds it.
//!
//! Once over the embedded store in one process, once over a fleet. The journey says when it wants the
//! server killed and when started again.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::process::Backfleet;
use testkit::{Signal, wait};

use crate::fleet::{Fleet, SHORT_LEASE};
use crate::support::{Dev, SOON, root};

/// Longest journey on a busy machine.
const LATE: Duration = Duration::from_mins(8);
/// Candles a second, so that a bundle can be watched.
const PACE: u32 = 150_000;

/// Walks the journey at `url`; `lose` ends the server, `regain` starts it again.
#[track_caller]
fn journey(url: &str, mut lose: impl FnMut(), mut regain: impl FnMut()) {
    let mut browser = Backfleet::spawn(node(&["e2e/journey.ts", url]));
    let (mut is_lost, mut is_back) = (false, false);
    let status = wait::some(LATE, "the journey to end", || {
        let said = browser.stdout();
        if !is_lost && said.contains("#lose\n") {
            is_lost = true;
            lose();
        }
        if !is_back && said.contains("#regain\n") {
            is_back = true;
            regain();
        }
        browser.try_wait()
    });
    let (said, errors) = (browser.stdout(), browser.stderr());
    assert!(status.success(), "{status}\n{said}\n{errors}");
    assert!(is_lost && is_back, "the server was not lost:\n{said}");
}

/// A TypeScript program of `web/`, by the Node that built the page.
fn node(arguments: &[&str]) -> Command {
    let web = root().join("web");
    let ready = ["dist/index.html", "node_modules/.package-lock.json"];
    let is_ready = ready.iter().all(|name| web.join(name).exists());
    assert!(is_ready, "the page was not built: run scripts/check-web.sh target, then build again");
    let target = Path::new(env!("CARGO_BIN_EXE_backfleet")).ancestors().nth(2).unwrap();
    let found = Command::new(root().join("scripts/find-node.sh")).arg(target).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let folder = String::from_utf8(found.stdout).unwrap();
    let mut command = Command::new(Path::new(folder.trim()).join("node"));
    command.arg("scripts/run.mjs").args(arguments).current_dir(web).env("E2E_CONTROL", "1");
    command.env("E2E_PICTURE", target.join("page-failure.png"));
    command
}

#[test]
fn the_page_works_over_the_embedded_store() {
    let pace = PACE.to_string();
    let mut arguments = vec!["--pace", &pace];
    arguments.extend(SHORT_LEASE);
    let dev = std::cell::RefCell::new(Dev::start(&arguments));
    let url = dev.borrow().url.clone();
    let lose = || {
        let mut dev = dev.borrow_mut();
        dev.process.signal(Signal::KILL);
        dev.process.wait(SOON);
    };
    journey(&url, lose, || dev.borrow_mut().start_again(&arguments));
}

#[test]
fn the_page_works_over_a_fleet() {
    let fleet = std::cell::RefCell::new(Fleet::start(SHORT_LEASE));
    let workers = [(); 2].map(|()| fleet.borrow().worker(PACE / 2));
    let url = fleet.borrow().node_a.url.clone();
    let lose = || fleet.borrow_mut().lose_node_a();
    journey(&url, lose, || fleet.borrow_mut().regain_node_a());
    fleet.into_inner().end(workers);
}
