//! The cryptography of a simulation: the real one, or a cheap one of equal sizes.

mod cheap;
mod once;

pub(crate) use cheap::digest_word;
pub use cheap::CHEAP;
pub use once::ONCE;
