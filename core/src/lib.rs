//! The peer-to-peer chat as a pure state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod boundary;
mod command;
mod config;
mod contacts;
mod discovery;
mod dns;
mod event;
mod frames;
mod identity;
mod mdns;
mod node;
mod outbox;
mod record;
mod rng;
mod session;
mod room;
mod stats;
mod store;
mod suite;
mod text;
mod time;
mod timers;

pub use boundary::{Datagram, Input, Interface, Output, Reason, Subnet, Token, Transmit, Via, Wake};
pub use command::{Action, Command};
pub use config::{Config, Discovery, MdnsSocket};
pub use discovery::{Sighting, SightingKind};
pub use event::{
    EntryId, Event, Message, MessageId, Multicast, NetChange, PeerChange, PeerState, Place, Refusal, Source,
    Stamp,
};
pub use identity::{BootId, Identity, NotHex, PeerKey, hex, read_hex};
pub use node::Node;
pub use rng::Rng;
pub use stats::{MdnsStats, RoomStats, SessionStats, Stats};
pub use store::{
    Answer, IdSum, OwnEntry, Record, Request, RoomKeyId, State, StoreError, StoredDay, StoredEntry,
    StoredPeer, StoredRoom,
};
pub use suite::{REAL, Suite, TAG};
pub use text::{
    NICK_MAX, Nick, NickError, ROOM_NAME_MAX, RoomName, RoomNameError, TEXT_MAX, Text, TextError,
    is_invisible,
};
pub use time::{Instant, UnixMillis};
