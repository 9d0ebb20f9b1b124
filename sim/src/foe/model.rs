//! The models of hostile peers, as data.

use serde::{Deserialize, Serialize};

use super::{
    Script,
    dns::{Edited, Feint, Ruse, Written},
    flood::{Abuse, Sizes, Tapped},
    handshake::{Hellos, Junk, Unfinished},
    member::{Members, Vice},
    text::Masks,
};
use crate::units::Span;

/// How a foe means ill.
///
/// Beside each of them honest peers keep all their promises in twice the time (L8): none may keep two apart, or keep
/// words from anybody. Only who sends so much that the link has no room left (half of its rate, whatever the model)
/// takes away what nobody can give back: that is a fault like `bandwidth`, and lateness is not judged then.
///
/// Reassembly cannot be hoarded: no datagram is ever cut in pieces, and what could be held
/// instead is half-open handshakes (`unfinished`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Model {
    /// Takes others' records back in their names (RFC 6762 section 10.1).
    Goodbye,
    /// Says that others' names are its own, also while they probe for them.
    Squat,
    /// Probes for others' names at the same time, with data that wins (RFC 6762 section 8.2).
    Tiebreak,
    /// Replaces others' addresses by false ones (RFC 6762 section 10.2).
    CacheFlush,
    /// Invents records without end.
    RecordFlood,
    /// Asks in others' names, from any port, so that answers go where nobody asked (CVE-2009-0758).
    QueryStorm,
    /// An alias of itself (CVE-2026-24401).
    CnameLoop,
    /// The same alias twice, two seconds apart (CVE-2025-68471).
    CnameTwice,
    /// Records without data (avahi issue 493).
    EmptyData,
    /// Names that never end, or lead nowhere.
    Compression,
    /// Questions that say that more follows, and nothing does.
    Truncated,
    /// Multicast DNS from addresses that are not on the link. (A simulated datagram has no hop count.)
    OffLink,
    /// Announces peers without number, so that real ones find no place.
    Eclipse,
    /// Announces peers without number who all are at one victim's address.
    Cannon,
    /// Message 1 without end, well-formed, from so many addresses.
    HelloFlood {
        /// How many; 0 for its own alone.
        addresses: u16,
    },
    /// Others' message 1, heard and sent again from elsewhere: good cryptography that is never finished.
    Unfinished,
    /// Any kind of session datagram with anything in it, for sessions it has heard of.
    Junk,
    /// Sends again, as it was, what it has heard so long ago.
    Replay {
        /// How long.
        after: Span,
    },
    /// Sends again at once from a victim's address what it hears, so that the session moves there.
    Divert,
    /// Data with numbers far ahead or used already, and garbage inside.
    NonceBait,
    /// Says in one peer's name that it does not know the other.
    Stranger,
    /// Datagrams of 0, 1 and 65,507 bytes on every port.
    Sizes,
    /// A member whose every datagram comes late.
    SlowAcks,
    /// A member who says nothing to half of the others once a session is there.
    Silence,
    /// One key that says one thing to some and another to others, at once. (As the id of an entry is its hash, one
    /// id cannot have two contents.)
    Equivocation,
    /// A member whose clock is ten years ahead.
    FutureStamps,
    /// So many members at one address, all talking.
    Sybil {
        /// How many.
        keys: u16,
    },
    /// A member who says something at every turn: more than an author may.
    Loud,
    /// Names and words that look like others', turn the direction of text, or steer a terminal.
    Masks,
}

impl Model {
    /// Whether it takes part with a real node, and so has proven its address.
    #[must_use]
    pub const fn is_member(&self) -> bool {
        matches!(
            self,
            Self::SlowAcks
                | Self::Silence
                | Self::Equivocation
                | Self::FutureStamps
                | Self::Sybil { .. }
                | Self::Loud
                | Self::Masks
        )
    }

    /// The script of a foe of this model.
    pub(super) fn script(&self) -> Box<dyn Script> {
        match *self {
            Self::Goodbye => Box::new(Edited::new(Feint::Goodbye)),
            Self::Squat => Box::new(Edited::new(Feint::Squat)),
            Self::Tiebreak => Box::new(Edited::new(Feint::Tiebreak)),
            Self::CacheFlush => Box::new(Edited::new(Feint::CacheFlush)),
            Self::RecordFlood => Box::new(Written::new(Ruse::Records)),
            Self::QueryStorm => Box::new(Written::new(Ruse::Queries)),
            Self::CnameLoop => Box::new(Written::new(Ruse::CnameLoop)),
            Self::CnameTwice => Box::new(Written::new(Ruse::CnameTwice)),
            Self::EmptyData => Box::new(Written::new(Ruse::EmptyData)),
            Self::Compression => Box::new(Written::new(Ruse::Compression)),
            Self::Truncated => Box::new(Written::new(Ruse::Truncated)),
            Self::OffLink => Box::new(Written::new(Ruse::OffLink)),
            Self::Eclipse => Box::new(Written::new(Ruse::Peers { one_place: false })),
            Self::Cannon => Box::new(Written::new(Ruse::Peers { one_place: true })),
            Self::HelloFlood { addresses } => Box::new(Hellos { addresses }),
            Self::Unfinished => Box::<Unfinished>::default(),
            Self::Junk => Box::<Junk>::default(),
            Self::Replay { after } => Box::new(Tapped::new(Abuse::Replay { after: after.0 })),
            Self::Divert => Box::new(Tapped::new(Abuse::Divert)),
            Self::NonceBait => Box::new(Tapped::new(Abuse::NonceBait)),
            Self::Stranger => Box::new(Tapped::new(Abuse::Stranger)),
            Self::Sizes => Box::new(Sizes),
            Self::SlowAcks => Box::new(Members::new(Vice::Late)),
            Self::Silence => Box::new(Members::new(Vice::Silent)),
            Self::Equivocation => Box::new(Members::new(Vice::TwoFaced)),
            Self::FutureStamps => Box::new(Members::new(Vice::Ahead)),
            Self::Sybil { keys } => Box::new(Members::new(Vice::Many(keys))),
            Self::Loud => Box::new(Members::new(Vice::Loud)),
            Self::Masks => Box::<Masks>::default(),
        }
    }
}
