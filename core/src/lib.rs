//! The chat for the people on this network, as a pure state machine: no sockets, no clock, no threads, no `std`.
//!
//! Three functions make a peer. [`Node::new`] starts it, [`Node::handle`] tells it what happened, [`Node::poll`]
//! asks what it wants. Everything that ever happens to it is an [`Input`], everything it wants is an [`Output`]:
//!
//! ```text
//!    datagrams  commands  interfaces  wall clock  store's answers  time
//!        \         |          |           |             |          /
//!         `---------+----------+--- handle +-------------+---------'
//!                                      |
//!    +---------------------------------v-----------------------------------+
//!    | node ----- contacts (whom to call, when)                            |
//!    |   |                                                                 |
//!    |   +-- mdns ------ dns        who is there: a hint, never a proof    |
//!    |   +-- session -- frames      one encrypted association for each     |
//!    |   +-- room                   signed entries, and their union        |
//!    +---------------------------------+-----------------------------------+
//!                                      |
//!         .---------+----------+---- poll +-------------.
//!        /          |          |          |              \
//!    transmit     event     persist     fetch     wait until ...
//! ```
//!
//! # The contract
//!
//! 1. `handle` cannot fail and cannot panic. Commands are checked when they are built ([`Text::new`] answers a
//!    [`TextError`]); noise from the network is counted in [`Stats`] and dropped.
//! 2. Any number of `handle` calls may come before `poll`. `poll` hands out what is wanted in order, then answers
//!    [`Output::Wait`], again and again. The deadline can be had in no other way, so it cannot be forgotten.
//! 3. Every `handle` takes the largest `now` it has seen and fires all that is due; afterwards `wake.at > now`.
//!    Late, early and repeated ticks do no harm.
//! 4. The same config, identity, seed and inputs give the same outputs, byte for byte. A bug report is a list of
//!    inputs; it holds secrets, so mind where it goes.
//! 5. Everything that grows has a cap in [`Config`]; at the cap it drops and counts.
//!
//! With [`Config::trace`] there is an [`Output::Trace`] right before each [`Output::Transmit`] of the chat, and others for
//! what came in. All other outputs are the same without it.
//!
//! # The loop
//!
//! This is a whole program: two peers on the loopback interface, one loop for both. A real host differs in having
//! one peer, a socket for multicast DNS, a store that keeps what it is given, and randomness from the system.
//!
//! ```
//! use std::{collections::BTreeMap, net::{SocketAddr, UdpSocket}, time::Duration};
//! use chat_core::*;
//!
//! struct Host { node: Node, socket: UdpSocket, started: std::time::Instant, online: bool, heard: Vec<String> }
//!
//! impl Host {
//!     fn new(nick: &str, secret: [u8; 32]) -> std::io::Result<Self> {
//!         let socket = UdpSocket::bind("127.0.0.1:0")?;
//!         let mut config = Config::new(REAL, Nick::new(nick).unwrap(), socket.local_addr()?.port());
//!         config.discovery.mdns = false; // no multicast here: the address is given by hand
//!         config.discovery.broadcast = false;
//!         let seed = secret; // from the system's randomness, and new at every start
//!         let node = Node::new(config, Identity::new(REAL, &secret), seed, Instant::ORIGIN);
//!         let mut host = Self { node, socket, started: std::time::Instant::now(), online: false, heard: Vec::new() };
//!         let net = Subnet { address: "127.0.0.1".parse().unwrap(), prefix: 8 };
//!         let lo = Interface { index: 1, name: "lo".into(), addresses: vec![net], multicast: true, loopback: true, mtu: 65_536 };
//!         host.give(Input::WallClock(UnixMillis(1_790_000_000_000)));
//!         host.give(Input::Interfaces(&[lo]));
//!         Ok(host)
//!     }
//!
//!     fn now(&self) -> Instant {
//!         Instant::ORIGIN + self.started.elapsed()
//!     }
//!
//!     /// Tells the node something, then does all that it wants. Answers when it wants to be called again.
//!     fn give(&mut self, input: Input<'_>) -> Option<Wake> {
//!         self.node.handle(self.now(), input);
//!         loop {
//!             match self.node.poll() {
//!                 Output::Transmit(datagram) => {
//!                     let _ = self.socket.send_to(&datagram.bytes, datagram.to);
//!                 }
//!                 Output::Event(Event::Message(message)) => self.heard.push(message.text.clone()),
//!                 Output::Event(Event::Peer(peer)) => self.online = peer.state == PeerState::Online,
//!                 Output::Event(_) | Output::Trace(_) | Output::Write { .. } => {}
//!                 // No store: all is durable at once, and nothing is there.
//!                 Output::Persist { token, .. } => {
//!                     self.node.handle(self.now(), Input::Persisted { token, result: Ok(()) });
//!                 }
//!                 Output::Fetch { token, what } => {
//!                     let answer = match what {
//!                         Request::State => Answer::State(State::default()),
//!                         Request::Ids { .. } => Answer::Ids(Vec::new()),
//!                         Request::Piece { .. } => Answer::Piece(None),
//!                         _ => Answer::Entries(Vec::new()),
//!                     };
//!                     self.node.handle(self.now(), Input::Fetched { token, answer });
//!                 }
//!                 Output::Wait(wake) => return wake,
//!             }
//!         }
//!     }
//!
//!     /// One turn of the loop: waits for a datagram or the deadline.
//!     fn turn(&mut self) -> std::io::Result<()> {
//!         let wake = self.give(Input::Tick);
//!         let pause = wake.map_or(Duration::MAX, |wake| wake.at - self.now()).min(Duration::from_millis(5));
//!         self.socket.set_read_timeout(Some(pause.max(Duration::from_micros(1))))?;
//!         let mut bytes = [0; 2048];
//!         if let Ok((length, from)) = self.socket.recv_from(&mut bytes) {
//!             let to = self.socket.local_addr()?.ip();
//!             self.give(Input::Datagram(Datagram { via: Via::Chat, interface: 1, from, to, bytes: &bytes[..length] }));
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let (mut ana, mut bo) = (Host::new("ana", [1; 32])?, Host::new("bo", [2; 32])?);
//! ana.give(Input::Command(Command { tag: 1, action: Action::Connect(bo.socket.local_addr()?) }));
//! while !ana.online {
//!     ana.turn()?;
//!     bo.turn()?;
//! }
//! // Without a store, only those who are there hear it.
//! let (place, text) = (Place::Room(RoomName::lobby()), Text::new("hello").unwrap());
//! ana.give(Input::Command(Command { tag: 2, action: Action::Say { place, text, action: false, reply: None } }));
//! while bo.heard.is_empty() {
//!     ana.turn()?;
//!     bo.turn()?;
//! }
//! assert_eq!(bo.heard, ["hello"]);
//! # Ok(())
//! # }
//! ```
//!
//! # The map of the modules
//!
//! | Module | What is in it |
//! |---|---|
//! | `node`, `boundary`, `command`, `event`, `change`, `rekey`, `findings`, `intake`, `store`, `config`, `stats` | the front: one node, what goes in and comes out |
//! | `contacts`, `relay`, `record`, `identity`, `trust`, `text`, `short` | who is there and how we know; what a person types |
//! | `room` | rooms as sets of signed entries: keys, entries, history, spreading, repair |
//! | `frames` | what travels inside a session |
//! | `files` | files beside the rooms: what is fetched, and what others fetch |
//! | `session` | one encrypted association: Noise handshake, packets, acknowledgements, recovery, liveness |
//! | `discovery`, `mdns`, `dns` | how peers are found: RFC 6762 and 6763 over RFC 1035 bytes |
//! | `suite`, `time`, `rng`, `timers`, `outbox` | the tools of every machine |
//!
//! A machine never calls one above it: it pushes wishes into its outbox, and the node carries them on.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod boundary;
mod change;
mod command;
mod config;
mod contacts;
mod discovery;
mod dns;
mod event;
mod files;
mod findings;
mod frames;
mod identity;
mod intake;
mod mdns;
mod members;
mod node;
mod outbox;
mod record;
mod rekey;
mod relay;
mod rng;
mod room;
mod session;
mod short;
mod stats;
mod store;
mod suite;
mod text;
mod time;
mod timers;
mod trust;
#[cfg(test)]
mod vectors;

pub use boundary::{Datagram, Input, Interface, Output, Reason, Subnet, Token, Trace, Transmit, Via, Wake};
pub use change::{Change, What};
pub use command::{Action, Command};
pub use config::{Config, Discovery, MdnsSocket};
pub use discovery::{Sighting, SightingKind};
pub use dns::DnsCounts;
pub use event::{
    EntryId, Event, Message, MessageId, Multicast, NetChange, PeerChange, PeerState, Place, Refusal, Source,
    Stamp, Unreached,
};
pub use files::{FILE_NAME_MAX, FILE_SIZE_MAX, FileName, Offer, Transfer, TransferState, Wanted};
pub use findings::{EchoFindings, Findings, LinkFindings, PathFindings, PeerFindings, Reached, Tally, Way};
pub use identity::{BootId, Identity, NotHex, PeerKey, hex, read_hex};
pub use intake::{Bundle, BundleError, Intake};
pub use node::Node;
pub use rekey::{GIVEN_MAX, LEFT_OUT_MAX, Rekey, RekeyState, StoredSuccessor};
pub use rng::Rng;
pub use room::RoomRoot;
pub use short::{EMOJI_MAX, Emoji, ShortError, TOPIC_MAX, Topic};
pub use stats::{BeaconStats, FileStats, MdnsStats, RelayStats, RoomStats, SessionStats, Sizes, Stats};
pub use store::{
    Answer, Forgotten, IdSum, OwnEntry, Record, Request, RoomKeyId, State, StoreError, StoredAuthor,
    StoredDay, StoredEntry, StoredKeep, StoredPeer, StoredRoom, StoredStray, StoredTrust,
};
pub use suite::{PacketCipher, REAL, Suite, TAG};
pub use text::{
    NICK_MAX, Nick, NickError, ROOM_NAME_MAX, RoomName, RoomNameError, TEXT_MAX, Text, TextError,
    is_invisible,
};
pub use time::{Instant, UnixMillis};
pub use trust::{Digits, NotDigits, Thought, Trust};
