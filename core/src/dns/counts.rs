//! What a message holds, for those outside who watch or measure.

use super::Message;

/// How much a DNS message holds (RFC 1035 section 4.1), as the decoder counts it that the node itself uses: every
/// name followed, every record's data read.
///
/// ```
/// use chat_core::DnsCounts;
///
/// // A question for the pointers of `local.`, with room for an answer that is not there.
/// let query = b"\0\0\0\0\0\x01\0\x01\0\0\0\0\x05local\0\0\x0c\0\x01";
/// let counts = DnsCounts::of(query).unwrap();
/// assert_eq!((counts.questions, counts.answers, counts.bad), (1, 0, 1));
/// assert_eq!(DnsCounts::of(b"short"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct DnsCounts {
    /// Questions.
    pub questions: usize,
    /// Records that answer.
    pub answers: usize,
    /// Records of the authority section: in multicast DNS what a probe proposes (RFC 6762 section 8.1).
    pub authority: usize,
    /// Records sent along.
    pub additional: usize,
    /// Questions and records that could not be read.
    pub bad: u64,
}

impl DnsCounts {
    /// Decodes all of `bytes`; `None` when not even a header is there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let message = Message::read(bytes)?;
        Some(Self {
            questions: message.questions.len(),
            answers: message.answers.len(),
            authority: message.authority.len(),
            additional: message.additional.len(),
            bad: message.bad,
        })
    }

    /// All records together.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.answers + self.authority + self.additional
    }
}
