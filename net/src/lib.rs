//! What the operating system gives: the clock, the network interfaces and the sockets. No protocol.
//!
//! A runtime opens a [`Net`], puts a node on it in a [`Host`], and reads from its [`Socket`]s into a [`Batch`]. Turn by
//! turn the host carries between the two:
//!
//! ```text
//! Host::speak           Watch::look  ->  Input::Interfaces, Input::WallClock, Input::Entropy
//!                       Output::Transmit  ->  Net::send ... Net::flush before waiting
//!                       Output::Trace  ->  Net::trace, for the capture that Net::capture began
//! Socket::receive(&mut Batch), Host::take_datagrams
//!                       Net::note, Net::datagrams  ->  Input::Datagram
//! ```
//!
//! Nothing here fails after the start: the errors of sockets are counted in [`NetStats`], since datagrams get lost
//! anyway, and a network that has gone is an empty list of interfaces.
#![forbid(unsafe_code)]

mod bind;
mod capture;
mod clock;
mod error;
mod groups;
mod host;
mod inbox;
mod interfaces;
mod net;
mod os;
mod outgoing;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod procfs;
mod socket;
mod stats;
mod surroundings;
mod watch;

pub use bind::CHAT_PORT;
pub use capture::{Capture, CaptureEnd, CaptureError, OnCaptureEnd};
pub use clock::{Clock, entropy};
pub use error::OpenError;
pub use host::{Host, OnOutput, Submit};
pub use inbox::{Closed, Door, Inbox, inbox};
pub use interfaces::{LookedAt, Why, look};
pub use net::{Net, Options};
pub use socket::{Batch, Socket};
pub use stats::NetStats;
pub use surroundings::{Firewall, Holder, Membership, Surroundings};
pub use watch::Watch;
