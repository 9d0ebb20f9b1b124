//! Asking everybody which ways lead from here to them, and from them to here: the joint examination.
//!
//! An ask goes out by multicast, by broadcast and to each known peer alone; whoever hears it answers with an echo by the
//! same three ways, and says by which it has heard. Both carry the asker's nonce. As broadcast and alone they are a
//! beacon with a flag and a few bytes more; by multicast, an mDNS question for a name that nobody has, so that other
//! stacks pass over it:
//!
//! ```text
//!   beacon flags 2 = ask, 4 = echo      24   8  nonce      32   1  of an echo: by which ways the ask was heard
//!   ask-<nonce>-<id>-<port>._p2p-chat._udp.local  TXT      echo-<nonce>-<id>-<port>-<ways>._p2p-chat._udp.local  TXT
//! ```
//!
//! Nonce and id are 16 hex digits, the ways two: the low digit says by which the ask was heard, the high one by which it
//! could have been. Nothing of it is believed beyond the examination.

use alloc::{format, string::String};
use core::str::from_utf8;

use crate::{
    findings::Reached,
    identity::{hex, read_hex},
};

/// Names one examination.
pub(crate) type Nonce = [u8; 8];

/// What is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// Who hears this?
    Ask,
    /// I do.
    Echo {
        /// By these ways.
        heard: Reached,
        /// Of these, the ones it listens at.
        listens: Reached,
    },
}

/// An ask or an echo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Call {
    pub(crate) word: Word,
    pub(crate) nonce: Nonce,
    /// The first bytes of the key of whoever says it.
    pub(crate) id: [u8; 8],
    /// The port of its chat.
    pub(crate) port: u16,
}

impl Call {
    /// The first label of its name in multicast DNS.
    pub(crate) fn label(&self) -> String {
        let (nonce, id, port) = (hex(&self.nonce), hex(&self.id), self.port);
        match self.word {
            Word::Ask => format!("ask-{nonce}-{id}-{port}"),
            Word::Echo { heard, listens } => {
                format!("echo-{nonce}-{id}-{port}-{:02x}", ways(heard, listens))
            }
        }
    }

    /// Reads a label; `None` for any other name.
    pub(crate) fn from_label(label: &[u8]) -> Option<Self> {
        let mut parts = from_utf8(label).ok()?.split('-');
        let kind = parts.next()?;
        let (nonce, id) = (read_hex(parts.next()?).ok()?, read_hex(parts.next()?).ok()?);
        let port = parts.next()?.parse().ok().filter(|port| *port != 0)?;
        let word = match (kind, parts.next()) {
            ("ask", None) => Word::Ask,
            ("echo", Some(ways)) => {
                let [ways] = read_hex::<1>(ways).ok()?;
                echo(ways)
            }
            _ => return None,
        };
        parts.next().is_none().then_some(Self { word, nonce, id, port })
    }
}

/// Reads the byte of an echo.
pub(crate) const fn echo(ways: u8) -> Word {
    Word::Echo { heard: reached(ways & 0xf), listens: reached(ways >> 4) }
}

/// The byte of an echo.
pub(crate) const fn ways(heard: Reached, listens: Reached) -> u8 {
    bits(heard) | bits(listens) << 4
}

const fn bits(ways: Reached) -> u8 {
    ways.multicast as u8 | (ways.broadcast as u8) << 1 | (ways.unicast as u8) << 2
}

const fn reached(bits: u8) -> Reached {
    Reached { multicast: bits & 1 != 0, broadcast: bits & 2 != 0, unicast: bits & 4 != 0 }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    fn call(word: Word) -> Call {
        Call { word, nonce: [0xab; 8], id: [1; 8], port: 27_182 }
    }

    #[test]
    fn a_label_is_read_as_it_was_written_and_fits() {
        for ways in 0..=255 {
            let call = call(echo(ways & 0x77));
            assert_eq!(Call::from_label(call.label().as_bytes()), Some(call));
            assert!(call.label().len() <= 63);
        }
        let ask = call(Word::Ask);
        assert_eq!(ask.label(), "ask-abababababababab-0101010101010101-27182");
        assert_eq!(Call::from_label(ask.label().as_bytes()), Some(ask));
    }

    #[test]
    fn any_other_label_is_none() {
        for label in [
            "",
            "-",
            "ask",
            "ask--",
            "ask-abababababababab-0101010101010101",
            "ask-abababababababab-0101010101010101-0",
            "ask-abababababababab-0101010101010101-27182-00",
            "ask-ababababababab-0101010101010101-27182",
            "echo-abababababababab-0101010101010101-27182",
            "echo-abababababababab-0101010101010101-27182-0",
            "echo-abababababababab-0101010101010101-27182-00-",
            "ana-4821",
        ] {
            assert_eq!(Call::from_label(label.as_bytes()), None, "{label}");
        }
    }

    quickcheck! {
        fn reading_is_total(label: alloc::vec::Vec<u8>) -> bool {
            Call::from_label(&label).is_none()
        }
    }
}
