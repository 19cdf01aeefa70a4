//! vectorbt and backtesting.py on the same candles with the same signals, in the same run.
//!
//! Both get signals that are ready and compute no statistics; the engine computes its averages and
//! all metrics. Before times are compared, the closed trades of each variant must be as many as the
//! engine's under the peer's own rules (`fill.profile`).

use std::ffi::OsStr;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use model::CandleSlice;
use serde_json::Value;

use crate::load::{self, WARMUP};
use crate::reference::Reference;
use crate::{Options, interleaved, ours};

/// What pip installs.
const PACKAGES: [&str; 4] = ["vectorbt==1.2.0", "backtesting==0.6.6", "numpy", "pandas"];
/// The program that drives either.
const PROGRAM: &str = include_str!("peers.py");

/// A tool that does what the engine does.
struct Peer {
    name: &'static str,
    /// What [`PROGRAM`] calls it.
    argument: &'static str,
    /// Its rules.
    profile: &'static str,
}

const VECTORBT: Peer = Peer { name: "vectorbt", argument: "vectorbt", profile: "vectorbt" };
const BACKTESTING_PY: Peer =
    Peer { name: "backtesting.py", argument: "backtesting", profile: "backtestingPy" };

/// What both sides run: candles, and the pairs of averages that cross.
struct Load<'a> {
    candles: usize,
    fasts: &'a [usize],
    slows: &'a [usize],
}

/// Measures both peers and prints how much longer they take.
pub(crate) fn measure(options: &Options) -> anyhow::Result<()> {
    let python = install()?;
    let single = |candles| Load { candles, fasts: &[12], slows: &[26] };
    let fasts: Vec<usize> = (5..=44).step_by(5).collect();
    let slows: Vec<usize> = (50..=98).step_by(2).collect();
    let sweep = Load { candles: options.sweep, fasts: &fasts, slows: &slows };
    println!("\npeers, signals ready, no statistics, beside the engine with all metrics");
    compare(options, &python, &VECTORBT, &single(options.single))?;
    compare(options, &python, &BACKTESTING_PY, &single(options.peer_candles))?;
    compare(options, &python, &VECTORBT, &sweep)
}

/// A Python that has the peers: made once, kept beside the build.
fn install() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("the program lies in target/PROFILE")?;
    let folder = target.join("peers").join("speed");
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    if !complete.exists() {
        println!("\ninstalling {} into {}", PACKAGES.join(", "), folder.display());
        let arguments = [OsStr::new("-m"), OsStr::new("venv"), folder.as_os_str()];
        run("python3", &arguments).context("--peers needs python3 with its module venv")?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let arguments: Vec<&OsStr> = pip.iter().chain(&PACKAGES).map(OsStr::new).collect();
        run(&python, &arguments).context("--peers needs pip and a way to PyPI")?;
        std::fs::write(&complete, "")?;
    }
    Ok(python)
}

/// What `program` prints.
fn run(program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> anyhow::Result<String> {
    let name = program.as_ref().display().to_string();
    let output = Command::new(program).args(arguments).output().with_context(|| name.clone())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}\n{errors}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs `peer` between two halves of as many runs of the engine, and prints the ratio.
fn compare(options: &Options, python: &Path, peer: &Peer, load: &Load<'_>) -> anyhow::Result<()> {
    let pairs = (load.fasts, load.slows);
    let candles = load::candles(options.seed, load.candles);
    let input = ours::input(candles.as_slice());
    let mut expected = Vec::new();
    let specs = load::specs(load.candles, pairs, Some(peer.profile))?;
    ours::metrics(&input, &specs, |index, _, metrics| {
        expected.resize(specs.len(), 0.0);
        expected[index] = metrics.values.get("trades").copied().unwrap_or_default();
    })?;
    let specs = load::specs(load.candles, pairs, None)?;
    let half = options.runs.div_ceil(2);
    let mut engine =
        || drop(ours::metrics(&input, &specs, |_, run, all| drop(black_box((run, all)))));
    let mut times = interleaved(half, &mut [&mut engine]).remove(0);
    let folder = tempfile::tempdir()?;
    write(folder.path(), candles.as_slice(), load)?;
    std::fs::write(folder.path().join("peers.py"), PROGRAM)?;
    let runs = options.runs.min(3).to_string();
    let arguments = [
        folder.path().join("peers.py").into_os_string(),
        peer.argument.into(),
        folder.path().into(),
        runs.into(),
    ];
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let found: Value = serde_json::from_str(&run(python, &arguments)?)?;
    let trades: Vec<f64> = serde_json::from_value(found["trades"].clone())?;
    ensure!(
        trades == expected,
        "{} closed {trades:?} trades, the engine under its rules {expected:?}",
        peer.name
    );
    times.extend(interleaved(half, &mut [&mut engine]).remove(0));
    let seconds: Vec<f64> = serde_json::from_value(found["seconds"].clone())?;
    let units = (load.candles * specs.len()) as f64;
    let theirs = median(seconds.into_iter().map(Duration::from_secs_f64).collect());
    let ours = median(times);
    println!(
        "  {:<15} {:>8} candles x {:<4} {:>9.1} ns, the engine {:>6.2}: x {:.0} ({} trades on both sides)",
        peer.name,
        load.candles,
        specs.len(),
        theirs * 1e9 / units,
        ours * 1e9 / units,
        theirs / ours,
        trades.iter().sum::<f64>(),
    );
    Ok(())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// Writes what [`PROGRAM`] reads.
fn write(folder: &Path, candles: CandleSlice<'_>, load: &Load<'_>) -> anyhow::Result<()> {
    let CandleSlice { open, high, low, close, .. } = candles.rows(WARMUP..candles.len());
    for (name, column) in [("open", open), ("high", high), ("low", low), ("close", close)] {
        let bytes: Vec<u8> = column.iter().flat_map(|price| price.to_le_bytes()).collect();
        std::fs::write(folder.join(name), bytes)?;
    }
    let mut signals = std::io::BufWriter::new(std::fs::File::create(folder.join("signals"))?);
    let mut reference = Reference::default();
    for fast in load.fasts {
        for slow in load.slows {
            let rows = &reference.signals(candles, (*fast, *slow))[WARMUP..];
            let bytes: Vec<u8> = rows.iter().map(|signal| signal.to_le_bytes()[0]).collect();
            signals.write_all(&bytes)?;
        }
    }
    signals.flush()?;
    Ok(())
}
