//! The bytes of DNS messages (RFC 1035), as far as multicast DNS needs them.
//!
//! Reading is total: any bytes give a [`Message`] or nothing, in time linear in their number, and one record that
//! cannot be read does not spoil the others. Names stay borrowed from the packet until they are kept.
//! Writing stops cleanly: a question or record that does not fit leaves no trace, so that the next packet can
//! begin with it. Whatever can be built reads back as itself.

mod counts;
mod digest;
mod name;
mod reader;
mod record;
mod table;
mod txt;
mod writer;

pub use counts::DnsCounts;
pub(crate) use digest::{ByName, Digest};
pub(crate) use name::{LABEL_MAX, Name, NameRef, Start};
pub(crate) use reader::Message;
pub(crate) use record::{Data, Flags, Kind, Question, Record, Section, TypeSet};
pub(crate) use table::Table;
pub(crate) use txt::{TXT_MAX, TxtBuilder, txt_value};
pub(crate) use writer::Writer;

/// The length of a message's header in bytes (RFC 1035 section 4.1.1).
const HEADER: usize = 12;
/// The class of the Internet (RFC 1035 section 3.2.4).
pub(crate) const CLASS_IN: u16 = 1;
/// Any class, in questions (RFC 1035 section 3.2.5).
pub(crate) const CLASS_ANY: u16 = 255;
/// The top bit of a class: cache-flush in records, unicast wanted in questions (RFC 6762 sections 5.4 and 10.2).
const TOP_BIT: u16 = 0x8000;
/// Questions and records read of one message; what comes behind them is left out. A full packet of 9000 bytes
/// (RFC 6762 section 17) holds about 260 known answers.
const ITEMS_MAX: usize = 512;

#[cfg(test)]
mod tests;
