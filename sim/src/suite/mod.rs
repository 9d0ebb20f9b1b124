//! The cryptography of a simulation: the real one, or a cheap one of equal sizes.

mod cheap;
mod once;

pub use cheap::CHEAP;
pub(crate) use cheap::digest_word;
pub use once::ONCE;
