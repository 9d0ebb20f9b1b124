//! A run, fully spelled out: whatever made it, the same plan gives the same run for ever.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    complaint::Complaint,
    expect::Expect,
    fault::PlannedFault,
    foe::Model,
    units::{Share, Span},
};

mod check;

pub(crate) use check::{ENTRIES_MAX, HOSTS_MAX, SEGMENTS_MAX, TEXT_MAX};
pub use check::{Place, PlanError};

/// Everything that a run depends on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The format of this description.
    pub version: u32,
    /// What it is called.
    pub name: String,
    /// From which all that is left to chance is drawn.
    #[serde(with = "crate::units::seed")]
    pub seed: u64,
    /// How long it lasts.
    pub duration: Span,
    /// Which cryptography.
    #[serde(default)]
    pub suite: SuiteChoice,
    /// Which internet protocols.
    #[serde(default)]
    pub family: Family,
    /// What the programs do.
    #[serde(default, skip_serializing_if = "Runs::is_chat")]
    pub runs: Runs,
    /// The links.
    #[serde(rename = "segment")]
    pub segments: Vec<Segment>,
    /// What joins links.
    #[serde(rename = "router", default, skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<Router>,
    /// The machines.
    #[serde(rename = "host")]
    pub hosts: Vec<Host>,
    /// What goes wrong.
    #[serde(rename = "fault", default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<PlannedFault>,
    /// Who means ill.
    #[serde(rename = "foe", default, skip_serializing_if = "Vec::is_empty")]
    pub foes: Vec<Foe>,
    /// What people do.
    #[serde(rename = "act", default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Act>,
    /// What must come of it.
    #[serde(default, skip_serializing_if = "Expect::is_default")]
    pub expect: Expect,
}

impl Plan {
    /// A plan of nothing, to be filled.
    #[must_use]
    pub fn empty(name: impl Into<String>, seed: u64) -> Self {
        Self {
            version: VERSION,
            name: name.into(),
            seed,
            duration: Span::from_secs(60),
            suite: SuiteChoice::Real,
            family: Family::Both,
            runs: Runs::Chat,
            segments: Vec::new(),
            routers: Vec::new(),
            hosts: Vec::new(),
            faults: Vec::new(),
            foes: Vec::new(),
            acts: Vec::new(),
            expect: Expect::default(),
        }
    }

    /// Reads a plan that was saved.
    ///
    /// # Errors
    /// Where the text is no plan, with the place.
    pub fn read(text: &str) -> Result<Self, Complaint> {
        let plan: Self = toml::from_str(text).map_err(|error| Complaint::of_toml(&error))?;
        plan.check().map_err(|error| Complaint { what: error.to_string(), span: None })?;
        Ok(plan)
    }

    /// The text that [`Plan::read`] reads.
    ///
    /// # Errors
    /// When a number is too large for TOML, whose integers have a sign.
    pub fn write(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The time from which nothing more goes wrong, and nobody comes or goes by plan.
    #[must_use]
    pub fn calm(&self) -> Duration {
        let faults = self.faults.iter().map(|fault| fault.at.0 + fault.span.unwrap_or_default().0);
        let starts = self.hosts.iter().map(|host| host.starts.0);
        let moves = self.acts.iter().filter(|act| !act.what.is_talk()).map(|act| act.at.0);
        faults.chain(starts).chain(moves).max().unwrap_or_default()
    }
}

impl Deed {
    /// Whether something is only said.
    #[must_use]
    pub const fn is_talk(&self) -> bool {
        matches!(self, Self::Say { .. } | Self::Tell { .. })
    }
}

/// The version of plans that this program writes and reads.
pub const VERSION: u32 = 1;

/// Which cryptography a run uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuiteChoice {
    /// The real one.
    #[default]
    Real,
    /// One of equal sizes that proves nothing: for scale.
    Cheap,
}

impl Runs {
    /// For serde, which wants a reference.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_chat(&self) -> bool {
        *self == Self::Chat
    }
}

/// What the hosts' programs do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// Chat.
    #[default]
    Chat,
    /// Only multicast DNS: they find others and call nobody.
    Mdns,
}

/// Which internet protocols the hosts speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Both.
    #[default]
    Both,
    /// Version 4 only.
    V4,
    /// Version 6 only.
    V6,
}

/// One link: whoever is on it hears everybody else's multicast.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Segment {
    /// Its name in reports.
    pub name: String,
    /// The shortest and longest time on the way.
    pub latency: [Span; 2],
    /// What gets lost of datagrams to one receiver ...
    #[serde(default)]
    pub loss: Share,
    /// ... and of those to many, at each receiver.
    #[serde(default)]
    pub multicast_loss: Share,
    /// Bits per second, 0 for any number.
    #[serde(default)]
    pub rate: u64,
    /// Bits per second of multicast, where that is slower (the basic rate of radio); 0 for the same.
    #[serde(default)]
    pub multicast_rate: u64,
    /// Bytes that may wait to be sent.
    #[serde(default)]
    pub queue: u64,
    /// Whether all share one medium, as on radio, instead of each having a port of its own.
    #[serde(default)]
    pub shared: bool,
    /// Whether multicast is carried at all.
    pub multicast: bool,
    /// Whether stations hear each other at all, or only whoever is beyond a router.
    pub isolated: bool,
    /// Multicast waits for the next beacon, so far apart, since somebody may be dozing; 0 for not.
    #[serde(default)]
    pub beacon: Span,
    /// The largest packet in bytes.
    pub mtu: u32,
}

/// Joins two links for unicast.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// The numbers of the links.
    pub between: [usize; 2],
    /// What it adds to the way.
    #[serde(default)]
    pub latency: Span,
}

/// One machine with one program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The links that it is on, by number.
    pub on: Vec<usize>,
    /// When it is switched on.
    #[serde(default)]
    pub starts: Span,
}

/// One hostile machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foe {
    /// The link that it is on, by number.
    pub on: usize,
    /// When it begins.
    #[serde(default)]
    pub at: Span,
    /// How long it goes on; without it to the end of the run.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// How often a second it acts, and how many hostile things a second it does at most.
    pub rate: u32,
    /// How many it does at most in all.
    #[serde(default = "without_end")]
    pub most: u64,
    /// What it does.
    pub model: Model,
}

/// As often as it can: the largest number that TOML has.
pub(crate) const WITHOUT_END: u64 = u64::MAX >> 1;

const fn without_end() -> u64 {
    WITHOUT_END
}

/// Something that somebody does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// When.
    pub at: Span,
    /// Which host's person.
    pub host: usize,
    /// What.
    pub what: Deed,
}

/// What people do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// Says something of so many bytes in a room.
    Say {
        /// The room.
        room: String,
        /// How much.
        size: usize,
    },
    /// Says something to one person.
    Tell {
        /// The other's host.
        to: usize,
        /// How much.
        size: usize,
    },
    /// Offers a file of so many bytes in a room.
    Offer {
        /// The room.
        room: String,
        /// How much.
        size: u64,
    },
    /// Fetches what another offered last, if it has heard of it.
    Fetch(usize),
    /// Enters a room.
    Join(String),
    /// Enters a private room by its secret.
    Enter {
        /// The room.
        room: String,
        /// The secret: so many of this byte.
        secret: u8,
    },
    /// Leaves it.
    Leave(String),
    /// Puts another room in the place of a private one.
    Rekey {
        /// The room.
        room: String,
        /// Who is left out.
        without: Vec<usize>,
    },
    /// Goes where others have put another room in the place of this one: of several, where all who see the same go.
    Follow(String),
    /// Takes another nick.
    Rename(String),
    /// Enters another's address by hand.
    Connect(usize),
    /// Compares keys with another.
    Compare(usize),
    /// Calls another's key the right one.
    Verify(usize),
    /// Wants to hear nothing of another.
    Block(usize),
    /// Wants to hear another again.
    Forgive(usize),
    /// Takes in what another host's disk holds, as from a file that was carried over.
    Import(usize),
    /// Keeps a room for so many days, 0 for ever.
    Keep {
        /// The room.
        room: String,
        /// How many.
        days: u16,
    },
    /// Says goodbye and ends the program.
    Quit,
    /// Starts the program again, if it has ended.
    Start,
}
