//! What can go wrong, as data.

use serde::{Deserialize, Serialize};

use crate::units::{Share, Span};

/// One fault of a plan.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// When it begins.
    pub at: Span,
    /// How long it lasts; without it to the end of the run. What happens at once, like a crash, is undone then.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// Whom it strikes.
    pub on: Target,
    /// What happens.
    pub what: Fault,
}

/// Whom a fault strikes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Everybody.
    Everything,
    /// Whoever is on the segment of this number, and the segment itself.
    Segment(usize),
    /// These hosts, by number.
    Hosts(Vec<usize>),
}

/// What happens. Faults of the network strike datagrams that a struck host sends or receives.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Datagrams get lost, each by itself.
    Loss {
        /// How many.
        share: Share,
        /// Which.
        #[serde(default)]
        class: Class,
    },
    /// Datagrams get lost in bursts (Gilbert and Elliott): a receiver's link is good or bad.
    Burst {
        /// How often, for each datagram, a good link turns bad.
        enter: Share,
        /// How often a bad link turns good.
        leave: Share,
        /// What a good link loses.
        good: Share,
        /// What a bad link loses.
        bad: Share,
    },
    /// Datagrams arrive twice.
    Duplicate {
        /// How many.
        share: Share,
    },
    /// Some datagrams are overtaken by others.
    Reorder {
        /// How many.
        share: Share,
        /// By at most so long.
        by: Span,
    },
    /// All datagrams take longer.
    Delay {
        /// By so long ...
        by: Span,
        /// ... and up to so much more.
        jitter: Span,
    },
    /// Datagrams arrive damaged.
    Corrupt {
        /// How many.
        share: Share,
        /// How.
        how: Damage,
    },
    /// Some do not hear some others.
    Partition {
        /// Who does not hear whom. The struck hosts are one side.
        shape: Shape,
        /// Which datagrams it stops.
        #[serde(default)]
        class: Class,
        /// It comes and goes: so long cut, so long whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flapping: Option<Span>,
    },
    /// Multicast, or unicast between stations, is not forwarded: a firewall, or the isolation of clients.
    Filter {
        /// Which of them.
        class: Class,
    },
    /// A switch snoops IGMP and nobody queries: multicast reaches a host only so long after its last report.
    IgmpAgeing {
        /// 260 s with the defaults of RFC 3376 section 8.4.
        after: Span,
    },
    /// The wire is slow, its queue short.
    Bandwidth {
        /// Bits per second.
        rate: u64,
        /// Bytes that may wait; what comes on top is dropped.
        queue: u64,
    },
    /// A bridge loop: each multicast comes many times.
    Storm {
        /// How many times more.
        copies: u8,
    },
    /// The cable is out, or the card switched off.
    InterfaceDown,
    /// The card has another address from now on, by DHCP or by roaming.
    AddressChange {
        /// Whether it takes one that another host already has.
        #[serde(default)]
        duplicate: bool,
    },
    /// The host gets a second card on this segment, for instance cable and radio on one LAN.
    SecondCard {
        /// Which segment.
        segment: usize,
    },
    /// The program dies, and is started again at the end of the fault.
    Crash {
        /// What becomes of its disk.
        disk: DiskFate,
    },
    /// The program or its machine stands still.
    Pause {
        /// How.
        how: Pause,
    },
    /// The clock is wrong.
    Clock {
        /// The wall clock jumps by so many milliseconds, and back at the end.
        #[serde(default)]
        jump_ms: i64,
        /// The monotonic clock runs so many parts per million fast.
        #[serde(default)]
        drift_ppm: i32,
    },
    /// The system refuses to send or drops what it received.
    Refusal {
        /// How many datagrams are refused at sending (no buffers).
        send: Share,
        /// How many are dropped at receiving (buffer overflow).
        receive: Share,
    },
    /// The disk takes nothing more, or lies, or is slow.
    Disk {
        /// How.
        how: DiskTrouble,
    },
    /// Old and new programs together. Pending: there is one version so far.
    VersionSkew,
}

/// Which datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// All of them.
    #[default]
    All,
    /// Those to groups and to everybody.
    Multicast,
    /// Those to one receiver.
    Unicast,
}

/// How a datagram is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// One bit is turned.
    Bit,
    /// The end is missing.
    Truncate,
    /// The second half is that of the datagram sent before.
    Splice,
}

/// Who does not hear whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The struck and the others do not hear each other.
    Split,
    /// The others do not hear the struck.
    OneWay,
    /// As `split`, but the struck host with the lowest number hears and is heard by all.
    Bridge,
    /// Each struck host hears only its two neighbours in the order of numbers.
    Ring,
    /// The struck do not hear each other; the others hear all, and are heard by all.
    Apart,
}

/// What becomes of the disk when the power fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFate {
    /// The program dies, the system lives: nothing is lost.
    Kept,
    /// What was not synced is lost.
    LoseUnsynced,
    /// Of what was not synced, the first part survives.
    Torn,
    /// A backup is restored: the second half of all records is gone.
    RolledBack,
    /// Nothing is left, not even the keys: a new person.
    Wiped,
    /// It holds the profile of another host, by number, keys and all: a machine copied while it runs.
    CopyOf(usize),
}

/// How a program stands still.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pause {
    /// The process is stopped; what arrives waits in its socket's buffer.
    Process,
    /// The machine sleeps and its clock knows that it did (`CLOCK_BOOTTIME`).
    SleepCounted,
    /// The machine sleeps and its clock does not know (`CLOCK_MONOTONIC`).
    SleepUncounted,
}

/// What is wrong with a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskTrouble {
    /// No room is left.
    Full,
    /// It says `safe` and is not.
    Lies,
    /// It takes a hundred times as long.
    Slow,
}

/// The kinds of faults, for counting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub enum Kind {
    /// [`Fault::Loss`].
    Loss,
    /// [`Fault::Burst`].
    Burst,
    /// [`Fault::Duplicate`].
    Duplicate,
    /// [`Fault::Reorder`].
    Reorder,
    /// [`Fault::Delay`].
    Delay,
    /// [`Fault::Corrupt`].
    Corrupt,
    /// [`Fault::Partition`].
    Partition,
    /// [`Fault::Filter`].
    Filter,
    /// [`Fault::IgmpAgeing`].
    IgmpAgeing,
    /// [`Fault::Bandwidth`].
    Bandwidth,
    /// [`Fault::Storm`].
    Storm,
    /// [`Fault::InterfaceDown`] and [`Fault::AddressChange`].
    Interface,
    /// [`Fault::SecondCard`].
    MultiHoming,
    /// [`Fault::Crash`] and [`Fault::Disk`].
    Crash,
    /// [`Fault::Pause`].
    Pause,
    /// [`Fault::Clock`].
    Clock,
    /// [`Fault::VersionSkew`].
    VersionSkew,
    /// [`Fault::Refusal`].
    Refusal,
}

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Self; 18] = [
        Self::Loss,
        Self::Burst,
        Self::Duplicate,
        Self::Reorder,
        Self::Delay,
        Self::Corrupt,
        Self::Partition,
        Self::Filter,
        Self::IgmpAgeing,
        Self::Bandwidth,
        Self::Storm,
        Self::Interface,
        Self::MultiHoming,
        Self::Crash,
        Self::Pause,
        Self::Clock,
        Self::VersionSkew,
        Self::Refusal,
    ];

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Burst => "burst",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Delay => "delay",
            Self::Corrupt => "corrupt",
            Self::Partition => "partition",
            Self::Filter => "filter",
            Self::IgmpAgeing => "igmp-ageing",
            Self::Bandwidth => "bandwidth",
            Self::Storm => "storm",
            Self::Interface => "interface",
            Self::MultiHoming => "multi-homing",
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Clock => "clock",
            Self::VersionSkew => "version-skew",
            Self::Refusal => "refusal",
        }
    }
}

impl Fault {
    /// Which kind it is counted as.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Loss { .. } => Kind::Loss,
            Self::Burst { .. } => Kind::Burst,
            Self::Duplicate { .. } => Kind::Duplicate,
            Self::Reorder { .. } => Kind::Reorder,
            Self::Delay { .. } => Kind::Delay,
            Self::Corrupt { .. } => Kind::Corrupt,
            Self::Partition { .. } => Kind::Partition,
            Self::Filter { .. } => Kind::Filter,
            Self::IgmpAgeing { .. } => Kind::IgmpAgeing,
            Self::Bandwidth { .. } => Kind::Bandwidth,
            Self::Storm { .. } => Kind::Storm,
            Self::InterfaceDown | Self::AddressChange { .. } => Kind::Interface,
            Self::SecondCard { .. } => Kind::MultiHoming,
            Self::Crash { .. } | Self::Disk { .. } => Kind::Crash,
            Self::Pause { .. } => Kind::Pause,
            Self::Clock { .. } => Kind::Clock,
            Self::Refusal { .. } => Kind::Refusal,
            Self::VersionSkew => Kind::VersionSkew,
        }
    }

    /// Whether it strikes datagrams under way, and not the hosts themselves.
    #[must_use]
    pub const fn is_of_the_network(&self) -> bool {
        !matches!(
            self.kind(),
            Kind::Interface | Kind::MultiHoming | Kind::Crash | Kind::Pause | Kind::Clock | Kind::VersionSkew
        )
    }
}
