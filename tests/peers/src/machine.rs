//! The machine on which it runs, and what is compared.

use std::{fs, process::Command, thread, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// Packets that any interface of this network namespace has sent or received; none where the system does not tell.
pub fn packets() -> u64 {
    let text = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    // After the name: eight numbers of what came in, eight of what went out; bytes, then packets, then losses.
    let of_line = |line: &str| {
        let numbers: Vec<u64> = line.split_once(':')?.1.split_whitespace().flat_map(str::parse).collect();
        Some(numbers.get(1)? + numbers.get(9)?)
    };
    text.lines().filter_map(of_line).sum()
}

/// The time that processors have spent on this program: what else the machine does is not in it.
pub fn spent() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Bytes of memory that this program occupies, and the most that it has occupied since the start.
pub fn resident() -> u64 {
    of_status("VmRSS:")
}

/// See [`resident`].
pub fn peak() -> u64 {
    of_status("VmHWM:")
}

fn of_status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10
}

/// Where it was measured, and how busy that was otherwise.
pub fn facts() -> String {
    let first = |path: &str, prefix: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(prefix)).unwrap_or("?");
        line.rsplit_once(": ").map_or(line, |(_, value)| value).to_owned()
    };
    let rustc = Command::new("rustc").arg("--version").output().map(|output| output.stdout);
    let rustc = String::from_utf8(rustc.unwrap_or_default()).unwrap_or_default();
    let load = first("/proc/loadavg", "");
    format!(
        "Measured on {} cores ({}), {} {}, {}; load average over the minute of the run {}.\n",
        thread::available_parallelism().map_or(1, usize::from),
        first("/proc/cpuinfo", "model name"),
        std::env::consts::OS,
        first("/proc/sys/kernel/osrelease", ""),
        rustc.trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}

/// The version of a package that this program was built with.
pub fn version(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")));
    let version = entry.and_then(|entry| entry.split("version = \"").nth(1));
    version.and_then(|version| version.split('"').next()).unwrap_or("?")
}
