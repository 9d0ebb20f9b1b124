//! What each property says, for whoever meets its name in a report.

/// Every property by name.
pub(crate) const CHECKS: &[(&str, &str)] = &[(
    "S14",
    "A node never panics, answers every input with a bounded number of outputs, and never wants to be called in the past.",
)];
