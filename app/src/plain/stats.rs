//! `/stats`: what the node has counted.

use chat_core::Stats;
use serde_json::Value;

/// One line for each part of the node, with whatever it counted at all: most counters are of what does not happen.
pub(super) fn lines(stats: &Stats) -> Vec<String> {
    let Ok(Value::Object(parts)) = serde_json::to_value(stats) else { return Vec::new() };
    let (inner, own): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(_, value)| value.is_object());
    let parts =
        inner.iter().filter_map(|(name, part)| Some((name.as_str(), part.as_object()?.iter().collect())));
    let own = own.iter().map(|(name, value)| (name, value)).collect();
    std::iter::once(("node", own)).chain(parts).filter_map(|(name, counters)| line(name, counters)).collect()
}

/// `session: forged 12, lost 3`; nothing where nothing was counted.
fn line(part: &str, counters: Vec<(&String, &Value)>) -> Option<String> {
    let counted = counters.into_iter().filter_map(|(name, value)| {
        let value = value.as_u64().filter(|value| *value != 0)?;
        Some(format!("{} {value}", name.replace('_', " ")))
    });
    let counted: Vec<String> = counted.collect();
    (!counted.is_empty()).then(|| format!("{part}: {}", counted.join(", ")))
}
