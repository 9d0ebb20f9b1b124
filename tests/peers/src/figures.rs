//! Figures as people read them.

use std::time::Duration;

/// The median, the shortest and the longest, in seconds; of an even number the later of the two in the middle.
pub fn spread(times: &[Duration]) -> [f64; 3] {
    middle(&times.iter().map(Duration::as_secs_f64).collect::<Vec<_>>())
}

/// The same of any figures.
pub fn middle(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [values[values.len() / 2], values[0], values[values.len() - 1]]
}

/// Three digits of it.
pub fn number(value: f64) -> String {
    let (value, unit) = match value {
        1e6.. => (value / 1e6, " M"),
        1e4.. => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

/// A time in milliseconds or seconds.
pub fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{} ms", number(seconds * 1e3)) } else { format!("{} s", number(seconds)) }
}
