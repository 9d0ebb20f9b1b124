//! What the person thinks of a key, and the digits by which two persons find out whether they have each other's.
//!
//! A nick proves nothing, and a hash of the keys short enough to be read aloud can be made to match by whoever tries
//! keys long enough. So both sides first commit themselves (protocol-review A2): the one who asks sends a hash of a
//! random number, the other one sends its own number, and only then the first number is shown. The digits follow from
//! both numbers, both keys and the session: whoever sits between the two has one try in 10^12.

use core::{fmt, str::FromStr};

use crate::{
    identity::PeerKey,
    suite::{Suite, kdf},
};

/// Groups of four digits.
const GROUPS: usize = 3;

/// What the person has decided about somebody's key. It is kept, whatever they are called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trust {
    /// The key was compared with its owner, and is the right one.
    pub verified: bool,
    /// Nothing of theirs is to be seen.
    pub blocked: bool,
    /// What they say is kept, and not told as it comes. The host sees to that.
    pub muted: bool,
}

impl Trust {
    /// The same, but for one thought.
    #[must_use]
    pub const fn with(mut self, thought: Thought) -> Self {
        match thought {
            Thought::Verified(verified) => self.verified = verified,
            Thought::Blocked(blocked) => self.blocked = blocked,
            Thought::Muted(muted) => self.muted = muted,
        }
        self
    }
}

/// One thing that the person decides about a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Thought {
    /// Whether it is the right one.
    Verified(bool),
    /// Whether nothing of theirs is to be seen.
    Blocked(bool),
    /// Whether what they say is not told as it comes.
    Muted(bool),
}

/// Three groups of four digits, the same for both who compare: `0471 9920 3318`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digits([u16; GROUPS]);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:04} {b:04} {c:04}")
    }
}

/// Not three groups of four digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not three groups of four digits")]
pub struct NotDigits;

impl FromStr for Digits {
    type Err = NotDigits;

    /// Reads twelve digits, with or without spaces.
    fn from_str(text: &str) -> Result<Self, NotDigits> {
        let mut groups = [0; GROUPS];
        let mut count = 0;
        for digit in text.chars().filter(|c| !c.is_whitespace()) {
            let digit = digit.to_digit(10).and_then(|digit| u16::try_from(digit).ok()).ok_or(NotDigits)?;
            let group = groups.get_mut(count / 4).ok_or(NotDigits)?;
            *group = *group * 10 + digit;
            count += 1;
        }
        if count == GROUPS * 4 { Ok(Self(groups)) } else { Err(NotDigits) }
    }
}

/// Whom a comparison is between, and in which session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Between {
    pub(crate) asker: PeerKey,
    pub(crate) asked: PeerKey,
    /// The hash of the session's handshake.
    pub(crate) binding: [u8; 32],
}

impl Between {
    /// What binds the asker to its number before it knows the other's.
    pub(crate) fn commitment(&self, suite: &'static dyn Suite, number: &[u8; 32]) -> [u8; 32] {
        let parts: [&[u8]; 4] = [number, &self.asker.0, &self.asked.0, &self.binding];
        kdf(suite, "p2p-chat/1 compare commit", &parts)
    }

    /// The digits of both numbers, the asker's first.
    pub(crate) fn digits(&self, suite: &'static dyn Suite, numbers: [&[u8; 32]; 2]) -> Digits {
        let [first, second] = numbers;
        let parts: [&[u8]; 5] = [&self.asker.0, &self.asked.0, first, second, &self.binding];
        let hash = kdf(suite, "p2p-chat/1 compare digits", &parts);
        // Of 128 bits, so that no digits come more often than others by more than one in 10^26.
        let mut number = u128::from_be_bytes(hash.first_chunk().copied().unwrap_or_default());
        let mut group = || {
            let digits = u16::try_from(number % 10_000).unwrap_or(0);
            number /= 10_000;
            digits
        };
        Digits([group(), group(), group()])
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::suite::REAL;

    const BETWEEN: Between = Between { asker: PeerKey([1; 32]), asked: PeerKey([2; 32]), binding: [3; 32] };

    #[test]
    fn digits_are_read_as_they_are_shown() {
        let digits = Digits([7, 9920, 0]);
        assert_eq!(digits.to_string(), "0007 9920 0000");
        for text in ["0007 9920 0000", "000799200000", " 0007  99200000 "] {
            assert_eq!(text.parse(), Ok(digits));
        }
        for text in ["", "0007 9920 000", "0007 9920 0000 1", "0007 9920 000x", "\u{663}007 9920 0000"] {
            assert_eq!(text.parse::<Digits>(), Err(NotDigits), "{text}");
        }
    }

    #[test]
    fn everything_counts_towards_digits_and_commitment() {
        let all = |between: Between, one: [u8; 32], two: [u8; 32]| {
            (between.digits(REAL, [&one, &two]), between.commitment(REAL, &one))
        };
        let before = all(BETWEEN, [4; 32], [5; 32]);
        for other in [
            Between { asker: PeerKey([9; 32]), ..BETWEEN },
            Between { asked: PeerKey([9; 32]), ..BETWEEN },
            Between { binding: [9; 32], ..BETWEEN },
        ] {
            let other = all(other, [4; 32], [5; 32]);
            assert!(other.0 != before.0 && other.1 != before.1);
        }
        assert_ne!(all(BETWEEN, [9; 32], [5; 32]), before);
        assert_ne!(all(BETWEEN, [4; 32], [9; 32]).0, before.0);
        assert_ne!(all(BETWEEN, [5; 32], [4; 32]).0, before.0, "who asks matters");
    }
}
