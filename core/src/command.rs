//! What the person asks for. A command is checked when it is built, so that carrying it out cannot fail for its
//! form; asking twice does no harm.

use alloc::vec::Vec;
use core::{net::SocketAddr, num::NonZeroU16};

use crate::{
    event::{MessageId, Place},
    files::{Offer, Wanted},
    identity::PeerKey,
    intake::Bundle,
    room::RoomRoot,
    short::{Emoji, Topic},
    store::RoomKeyId,
    text::{Nick, RoomName, Text},
    trust::Thought,
};

/// One request, answered by an [`Event::Done`](crate::Event::Done) or an
/// [`Event::Refused`](crate::Event::Refused) with the same tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Names the command in its answer; the host picks it.
    pub tag: u64,
    /// What to do.
    pub action: Action,
}

/// What can be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Say something; done when it is durable here.
    Say {
        /// Where to say it.
        place: Place,
        /// What to say.
        text: Text,
        /// Whether it tells what the person does (`/me`).
        action: bool,
        /// The message it answers.
        reply: Option<MessageId>,
    },
    /// Let a message of ours say something else; done when that is durable here. Whether the message is there and
    /// ours is for the host to know: others take no notice of what is not.
    Edit {
        /// Where it was said.
        place: Place,
        /// The message.
        target: MessageId,
        /// What it says from now on.
        text: Text,
    },
    /// Take a message of ours back; done when that is durable here.
    Delete {
        /// Where it was said.
        place: Place,
        /// The message.
        target: MessageId,
    },
    /// Feel something about a message; done when that is durable here.
    React {
        /// Where it was said.
        place: Place,
        /// The message.
        target: MessageId,
        /// What we feel.
        emoji: Emoji,
        /// Whether we do not any more.
        gone: bool,
    },
    /// Offer a file; done when that is durable here. Its bytes are asked for by
    /// [`Request::Piece`](crate::Request::Piece) when somebody wants them.
    Offer {
        /// Where to offer it.
        place: Place,
        /// What to offer.
        offer: Offer,
    },
    /// Fetch a file that somebody offers; done at once. What becomes of it comes as
    /// [`Event::Transfer`](crate::Event::Transfer), its bytes as [`Output::Write`](crate::Output::Write).
    Fetch(Wanted),
    /// Do not fetch a file any more, and let nobody fetch it who is just doing so; done at once.
    Stop(MessageId),
    /// Say what a room is about; done when that is durable here.
    Topic {
        /// The room.
        room: RoomName,
        /// What it is about.
        topic: Topic,
    },
    /// Enter a room; done at once, also when already in it. It is an open one, unless the last one of this name was
    /// private: that one is entered again.
    Join(RoomName),
    /// Enter the private room of this name and secret; done at once. Refused while another room of the name is entered.
    JoinPrivate {
        /// What it is called.
        room: RoomName,
        /// Its secret.
        root: RoomRoot,
    },
    /// Leave a room; its history stays, and so does the secret of a private one.
    Leave(RoomName),
    /// Put another room in the place of a private one, for ourselves now and for others when they follow; done at once.
    /// The key goes to all who are known to be in it or to have written there, but for those who are left out.
    Rekey {
        /// The room.
        room: RoomName,
        /// Who is left out, at most [`LEFT_OUT_MAX`](crate::LEFT_OUT_MAX).
        without: Vec<PeerKey>,
    },
    /// Move to a room that takes the place of another one, and whose key we were given; done at once.
    Follow {
        /// What both are called.
        room: RoomName,
        /// Which one.
        successor: RoomKeyId,
    },
    /// Take another nick.
    Rename(Nick),
    /// Try to reach a peer at this address, on-link or not, now and whenever it is lost; done at once. When the
    /// first dial comes to nothing, [`Event::Unreachable`](crate::Event::Unreachable) tells so.
    Connect(SocketAddr),
    /// Compare keys with a peer: done once both have the same digits, which come as
    /// [`Event::Compared`](crate::Event::Compared), or refused after 10 s.
    Compare(PeerKey),
    /// Think this of a key from now on, beside what is thought of it already; done at once.
    Think {
        /// Whose key.
        key: PeerKey,
        /// What is thought of it.
        thought: Thought,
    },
    /// Take these entries in as if they had come from others, into the rooms that we are or were in. When that is
    /// durable an [`Event::Imported`](crate::Event::Imported) tells what became of them, then it is done.
    Import(Bundle),
    /// Keep what is said in a room or conversation for so many days from now on, `None` for ever; done at once. What is
    /// older is erased, now and whenever a new day begins.
    Keep {
        /// Where.
        place: Place,
        /// At least so many whole days.
        days: Option<NonZeroU16>,
    },
    /// Want more of what was said in a room before we came; done at once. Each time its history reaches twice as far
    /// back, unless it is kept for so many days only; what others have of it comes as messages that are late.
    Earlier(Place),
    /// Ask everybody which ways lead here and back, and tell after a second what is known of the network: an
    /// [`Event::Examined`](crate::Event::Examined), then done.
    Examine,
    /// Tell what has been counted since the start: an [`Event::Counted`](crate::Event::Counted), then done.
    Count,
    /// Say goodbye to everybody. [`Event::Finished`](crate::Event::Finished) tells when the last datagram is out.
    Quit,
}
