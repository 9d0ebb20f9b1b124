//! Everything that goes through the sockets, as a pcapng file for Wireshark (draft-ietf-opsawg-pcapng).
//!
//! ```text
//! Net::datagrams, Net::trace, Net::send ──► tap ──► packet   addresses, IP and UDP headers
//!                                                   block    the format of the file
//!                                           file ◄── whole blocks, once in a turn of the loop
//! ```
//!
//! A socket shows no headers, so they are made up from what it does show. True are times, interfaces, directions,
//! addresses and ports; checksums are right. The time to live is what the sender should have used, and fragments are
//! whole again. What the node tells of a datagram is a comment of its packet.
//!
//! Nothing here holds up the chat: a thread writes, and what it does not manage is left out and counted. When it
//! cannot go on it says so once, and the file ends with a whole packet.

mod block;
mod file;
mod packet;
mod source;
mod tap;

pub use file::{Capture, CaptureEnd, CaptureError};
pub(crate) use tap::Tap;

/// Is told, once at most, why a capture ended before its [`Net`](crate::Net) did. It must be quick.
pub type OnCaptureEnd = Box<dyn FnOnce(CaptureEnd) + Send>;
