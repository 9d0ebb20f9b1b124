//! Any bytes are read as a DNS message, or as none.

use chat_core::DnsCounts;

/// Items read of one message.
const ITEMS_MAX: usize = 512;
/// The shortest question: the root, a type and a class.
const QUESTION_MIN: usize = 5;
/// The shortest record: the root, a type, a class, a TTL and the length of nothing.
const RECORD_MIN: usize = 11;

/// Reads `bytes`; panics when more comes out than is in them.
pub(crate) fn codec(bytes: &[u8]) {
    let Some(counts) = DnsCounts::of(bytes) else {
        assert!(bytes.len() < 12, "a header is a message");
        return;
    };
    assert!(counts.questions + counts.records() <= ITEMS_MAX);
    assert!(12 + counts.questions * QUESTION_MIN + counts.records() * RECORD_MIN <= bytes.len());
    assert_eq!(DnsCounts::of(bytes), Some(counts));
    // What is cut off can only be less, and is missed.
    if let Some((_, shorter)) = bytes.split_last()
        && let Some(less) = DnsCounts::of(shorter)
    {
        assert!(less.questions <= counts.questions && less.records() <= counts.records());
    }
}
