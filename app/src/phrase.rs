//! The phrase of a private room: six words drawn at random, and a seventh that shows a typing error.
//!
//! Without the check a typing error would silently open another, empty room. The words make the room's secret by a hash
//! that is slow and needs 64 MiB (Argon2id, RFC 9106), with the room's name as salt: whoever records a session must
//! pay that for every guess.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use blake2::{Blake2s256, Digest as _};
use chat_core::{RoomName, RoomRoot};
use diceware_wordlists::EFF_LONG_WORDLIST;
use zeroize::Zeroizing;

/// Words that are drawn: of 7,776 each, which makes 77 bits.
const DRAWN: usize = 6;
const WORDS: usize = DRAWN + 1;
/// Argon2's cost: KiB of memory, passes over it, lanes.
const COST: (u32, u32, u32) = (64 << 10, 3, 1);
/// What stands before a secret that is written out, where a phrase could be.
const KEY: &str = "key:";
/// The shortest phrase that is taken from a person who insists on it.
const WEAK_MIN: usize = 8;

/// A phrase in its one spelling: words with a space between.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Phrase(Zeroizing<String>);

/// Why something is no phrase to enter a room with.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum PhraseError {
    #[error("a phrase has seven words; this has {0}")]
    Count(usize),
    #[error("{0} is not a word of the list")]
    Word(String),
    #[error("a word is wrong or in the wrong place: the last one does not fit the others")]
    Check,
    #[error("a key is `key:` and 64 hex digits")]
    Key,
    #[error("a phrase of one's own has at least {WEAK_MIN} characters")]
    Short,
}

impl Phrase {
    /// A new one, out of the system's randomness.
    pub(crate) fn generate() -> std::io::Result<Self> {
        let random = Zeroizing::new(chat_net::entropy()?);
        let count = list().len() as u64;
        // Each word from 40 bits: none comes more often than another by more than one in 10^8.
        let words = random.chunks_exact(5).take(DRAWN).map(|bytes| {
            let number = bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
            list()[usize::try_from(number % count).unwrap_or(0)]
        });
        Ok(Self::with_check(&words.collect::<Vec<_>>()))
    }

    /// Reads a generated one, in any case, with spaces, dashes or commas between its words.
    pub(crate) fn read(text: &str) -> Result<Self, PhraseError> {
        let text = Zeroizing::new(text.to_lowercase());
        let between = |c: char| c.is_whitespace() || matches!(c, '-' | ',' | '.');
        // Some words of the list have a dash themselves.
        let mut words: Vec<&str> =
            text.split(|c: char| c.is_whitespace() || c == ',').filter(|it| !it.is_empty()).collect();
        if words.len() != WORDS {
            words = text.split(between).filter(|word| !word.is_empty()).collect();
        }
        if words.len() != WORDS {
            return Err(PhraseError::Count(words.len()));
        }
        if let Some(unknown) = words.iter().find(|word| list().binary_search(word).is_err()) {
            return Err(PhraseError::Word((*unknown).to_string()));
        }
        let phrase = Self::with_check(&words[..DRAWN]);
        if phrase.0.split(' ').next_back() == words.last().copied() {
            Ok(phrase)
        } else {
            Err(PhraseError::Check)
        }
    }

    /// Takes whatever a person has thought of, in any case as they may say it aloud. What is thought of can be guessed.
    pub(crate) fn weak(text: &str) -> Result<Self, PhraseError> {
        let text = Zeroizing::new(text.to_lowercase());
        let words: Vec<&str> = text.split_whitespace().collect();
        let phrase = Zeroizing::new(words.join(" "));
        if phrase.chars().count() < WEAK_MIN { Err(PhraseError::Short) } else { Ok(Self(phrase)) }
    }

    fn with_check(drawn: &[&str]) -> Self {
        let mut phrase = Zeroizing::new(drawn.join(" "));
        let hash = Blake2s256::new().chain_update("p2p-chat/1 phrase check").chain_update(phrase.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let number = hash.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte));
        let check = list()[usize::try_from(number % list().len() as u64).unwrap_or(0)];
        phrase.push(' ');
        phrase.push_str(check);
        Self(phrase)
    }

    /// The secret of the room of this name: about 0.2 s and 64 MiB.
    pub(crate) fn root(&self, room: &RoomName) -> RoomRoot {
        let mut root = [0; 32];
        let salt = Blake2s256::new().chain_update("p2p-chat/1 room salt").chain_update(room.as_str());
        let salt: [u8; 32] = salt.finalize().into();
        let mut memory = vec![Block::new(); COST.0 as usize];
        let made = Params::new(COST.0, COST.1, COST.2, Some(root.len())).and_then(|params| {
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            argon.hash_password_into_with_memory(self.0.as_bytes(), &salt, &mut root, &mut memory)
        });
        // Without it the secret would be zeros, which everybody knows.
        assert!(made.is_ok(), "the cost is one that Argon2 takes, and so are the lengths");
        RoomRoot::new(root)
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase(..)")
    }
}

/// The secret of `room` from what a person was given: a phrase, or `key:` and the secret itself. With `weak` any phrase
/// will do.
pub(crate) fn root(room: &RoomName, given: &str, weak: bool) -> Result<RoomRoot, PhraseError> {
    if let Some(hex) = given.trim().strip_prefix(KEY) {
        return chat_core::read_hex(hex).map(RoomRoot::new).map_err(|_| PhraseError::Key);
    }
    let phrase = if weak { Phrase::weak(given)? } else { Phrase::read(given)? };
    Ok(phrase.root(room))
}

/// The secret itself, as [`root`] reads it.
pub(crate) fn key(root: &RoomRoot) -> Zeroizing<String> {
    Zeroizing::new(format!("{KEY}{}", chat_core::hex(root.bytes())))
}

fn list() -> &'static [&'static str] {
    &EFF_LONG_WORDLIST
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    fn ops() -> RoomName {
        RoomName::new("#ops").unwrap()
    }

    #[test]
    fn the_list_is_the_one_that_phrases_are_made_of() {
        assert_eq!(list().len(), 7776);
        assert!(list().is_sorted() && list().iter().all(|word| !word.contains(char::is_whitespace)));
        let phrase = Phrase::with_check(&["abacus"; 6]).to_string();
        assert_eq!(phrase, "abacus abacus abacus abacus abacus abacus lurk");
    }

    #[test]
    fn a_phrase_is_read_however_it_is_written() {
        let phrase = Phrase::generate().unwrap();
        let text = phrase.to_string();
        assert_eq!(text.split(' ').count(), WORDS);
        assert_ne!(Phrase::generate().unwrap(), phrase);
        for text in [
            text.clone(),
            text.to_uppercase(),
            text.replace(' ', ", "),
            format!("  {} ", text.replace(' ', "\n")),
        ] {
            assert_eq!(Phrase::read(&text), Ok(phrase.clone()), "{text}");
        }
        let plain = Phrase::with_check(&["abacus", "zoom", "able", "body", "cake", "dice"]);
        assert_eq!(Phrase::read(&plain.to_string().replace(' ', "-")), Ok(plain));
        let dashed: Vec<&str> =
            list().iter().copied().filter(|word| word.contains('-')).take(DRAWN).collect();
        let dashed = Phrase::with_check(&[dashed[0], dashed[1], dashed[2], dashed[3], dashed[0], dashed[1]]);
        assert_eq!(Phrase::read(&dashed.to_string()), Ok(dashed));
    }

    #[test]
    fn a_typing_error_and_a_weak_phrase_are_refused() {
        let phrase = Phrase::generate().unwrap().to_string();
        let words: Vec<&str> = phrase.split(' ').collect();
        assert_eq!(Phrase::read(&words[..DRAWN].join(" ")), Err(PhraseError::Count(DRAWN)));
        assert_eq!(Phrase::read("correct horse battery staple"), Err(PhraseError::Count(4)));
        assert_eq!(Phrase::read(""), Err(PhraseError::Count(0)));
        let mut wrong = words.clone();
        wrong[3] = "xyzzy";
        assert_eq!(Phrase::read(&wrong.join(" ")), Err(PhraseError::Word(String::from("xyzzy"))));
        // One in 7,776 of other words would fit by chance.
        let mut found = 0;
        for at in 0..DRAWN {
            for word in list().iter().filter(|word| **word != words[at]).take(40) {
                let mut wrong = words.clone();
                wrong[at] = word;
                found += usize::from(Phrase::read(&wrong.join(" ")) == Err(PhraseError::Check));
            }
        }
        assert!(found >= 239, "{found} of 240");
        assert_eq!(Phrase::weak("seven c"), Err(PhraseError::Short));
        assert_eq!(Phrase::weak(" My  old DOG ").unwrap().to_string(), "my old dog");
    }

    #[test]
    fn the_secret_is_that_of_phrase_and_room() {
        let phrase = Phrase::with_check(&["abacus"; 6]);
        let secret = phrase.root(&ops());
        // As another implementation of Argon2id and BLAKE2s has it (argon2-cffi 25, hashlib).
        let expected = "key:1735800d4c1b562701e3e094679a4a9770a3e38836218b427b225ab26902dd47";
        assert_eq!(*key(&secret), expected);
        const PAGE: &str = include_str!("../../docs/PROTOCOL.md");
        let hex = expected.strip_prefix(KEY).unwrap();
        let line =
            format!("phrase abacus abacus abacus abacus abacus abacus lurk, of #ops, as secret = {hex}\n");
        assert!(PAGE.contains(&line), "the page should say:\n{line}");
        assert_eq!(secret, phrase.root(&RoomName::new("#OPS").unwrap()));
        assert_ne!(secret, phrase.root(&RoomName::new("#ops2").unwrap()));
        assert_eq!(root(&ops(), &phrase.to_string(), false), Ok(secret.clone()));
        assert_eq!(root(&ops(), &key(&secret), false), Ok(secret));
        assert_eq!(root(&ops(), "key:12", false), Err(PhraseError::Key));
        assert_ne!(root(&ops(), "my old dog", true), root(&ops(), "my old cat", true));
    }

    quickcheck! {
        fn nothing_panics(text: String) -> bool {
            let _ = Phrase::weak(&text);
            Phrase::read(&text).is_err()
        }
    }
}
