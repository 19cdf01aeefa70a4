//! What the machine is, and what a process has used of it; read from Linux's /proc.

use anyhow::Context;

/// Cores, CPU, memory, kernel and how busy the machine already was.
pub fn describe(cores: usize) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory, load) = (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/proc/loadavg"));
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let memory_kb = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let memory_kb = memory_kb.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
    format!(
        "machine: {cores} cores, {}, {:.0} GB, Linux {}; load before the run {}",
        model.unwrap_or("unknown CPU"),
        memory_kb.unwrap_or(0.0) / 1e6,
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or_default()
    )
}

/// User and system time of the process `pid` (or "self") so far, in seconds.
pub fn cpu_seconds(pid: &str) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold spaces; times are the 12th and 13th field behind it.
    let (_, fields) = stat.rsplit_once(") ").context("no process line")?;
    let ticks: Result<Vec<f64>, _> = fields.split(' ').skip(11).take(2).map(str::parse).collect();
    // Linux shows times to programs in hundredths of a second, whatever the machine.
    Ok(ticks?.iter().sum::<f64>() / 100.0)
}

/// A memory figure of the process `pid`, such as `VmRSS` (resident) or `VmHWM` (its peak), in MB;
/// 0 for a process that is gone.
pub fn memory_mb(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let figure = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kb = figure.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
    kb.unwrap_or(0.0) / 1e3
}
