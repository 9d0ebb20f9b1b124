//! What must hold, in words.

/// Every property: its name, and what must hold, with where its bound comes from. A pending one says what it waits
/// for.
pub const CHECKS: &[(&str, &str)] = &[
    ("S1", "x"),
];
