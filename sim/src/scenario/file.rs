//! What a scenario's file says.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use crate::{
    expect::Expect,
    fault::Fault,
    foe::Model,
    plan::{Deed, Family, Runs, SuiteChoice},
    units::{Share, Span, seed},
};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct File {
    /// What it is called; without it as the file.
    pub(super) name: Option<String>,
    /// What it is about, in a line.
    #[serde(default)]
    pub(super) about: String,
    /// The seed to take when nobody asks for another.
    pub(super) seed: Option<Seed>,
    /// How long a run lasts.
    #[serde(default = "minute")]
    pub(super) duration: Spanned<Span>,
    /// How many hosts there are, or from how many to how many.
    #[serde(default = "ten")]
    pub(super) peers: Spanned<Between>,
    #[serde(default)]
    pub(super) suite: SuiteChoice,
    #[serde(default)]
    pub(super) family: Family,
    /// What the programs do.
    #[serde(default)]
    pub(super) runs: Runs,
    /// The links; without any, one switch called `lan`.
    #[serde(rename = "segment", default)]
    pub(super) segments: Vec<Spanned<Segments>>,
    /// One router joins all links ...
    #[serde(default)]
    pub(super) campus: bool,
    /// ... and adds so much to the way.
    #[serde(default)]
    pub(super) router_latency: Span,
    /// Routers between two links.
    #[serde(rename = "router", default)]
    pub(super) routers: Vec<Joint>,
    /// Hosts that differ from the others.
    #[serde(rename = "host", default)]
    pub(super) hosts: Vec<Spanned<Special>>,
    #[serde(default)]
    pub(super) workload: Workload,
    #[serde(rename = "act", default)]
    pub(super) acts: Vec<Spanned<Doing>>,
    #[serde(rename = "fault", default)]
    pub(super) faults: Vec<Spanned<Trouble>>,
    /// Hostile machines.
    #[serde(rename = "foe", default)]
    pub(super) foes: Vec<Spanned<Hostile>>,
    /// Faults that the seed draws, besides those above.
    pub(super) schedule: Option<Schedule>,
    #[serde(default)]
    pub(super) expect: Expect,
}

/// Links of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Segments {
    /// The name; `{}` in it becomes the number of each.
    pub(super) name: String,
    #[serde(default = "one")]
    pub(super) count: usize,
    /// One of [`crate::profile::NAMES`]; what follows overrides it.
    pub(super) profile: Option<Spanned<String>>,
    /// How many hosts are on each; without it an equal part of those that are left.
    pub(super) peers: Option<usize>,
    pub(super) latency: Option<[Span; 2]>,
    pub(super) loss: Option<Share>,
    pub(super) multicast_loss: Option<Share>,
    pub(super) rate: Option<u64>,
    pub(super) multicast_rate: Option<u64>,
    pub(super) queue: Option<u64>,
    pub(super) shared: Option<bool>,
    pub(super) multicast: Option<bool>,
    pub(super) isolated: Option<bool>,
    pub(super) beacon: Option<Span>,
    pub(super) mtu: Option<u32>,
}

/// A router between two links, by name.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Joint {
    pub(super) between: [Spanned<String>; 2],
    #[serde(default)]
    pub(super) latency: Span,
}

/// Hosts that are somewhere else, or start at another time.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Special {
    /// Which.
    pub(super) hosts: Vec<usize>,
    /// The links that they are on, by name, one card each.
    pub(super) on: Option<Vec<Spanned<String>>>,
    pub(super) starts: Option<Span>,
}

/// What people do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Workload {
    #[serde(default)]
    pub(super) join: Join,
    pub(super) chat: Option<Spanned<Chat>>,
}

/// When hosts start.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Join {
    /// All at the start.
    #[default]
    AtOnce,
    /// All within a time.
    Storm { over: Span },
    /// One after the other, so far apart on average.
    Poisson { every: Span },
}

/// Who says how much.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Chat {
    /// How often somebody says something, in all.
    pub(super) rate: Option<Rate>,
    /// How often everybody does.
    pub(super) rate_per_peer: Option<Rate>,
    /// Bytes of a message, or from how many to how many.
    #[serde(default = "some_words")]
    pub(super) size: Between,
    /// Which share is said to one other person.
    #[serde(default)]
    pub(super) direct: Share,
    /// Which share is a file instead, which somebody else fetches.
    #[serde(default)]
    pub(super) files: Share,
    /// So many rooms besides the lobby, each with its part of the hosts.
    #[serde(default)]
    pub(super) rooms: usize,
    /// Whether those are private, and everybody knows the secret of theirs.
    #[serde(default)]
    pub(super) private: bool,
    /// Only these hosts say something.
    #[serde(default)]
    pub(super) hosts: Vec<usize>,
    /// From then ...
    #[serde(default)]
    pub(super) from: Span,
    /// ... to then; without it as long as what is said can still be expected to arrive.
    pub(super) until: Option<Span>,
}

/// One thing that somebody does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Doing {
    pub(super) at: Span,
    pub(super) host: usize,
    pub(super) what: Deed,
}

/// A fault, perhaps again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Trouble {
    pub(super) at: Span,
    #[serde(rename = "for")]
    pub(super) span: Option<Span>,
    /// Again after so long, for as long as it can be expected to be overcome before the end.
    pub(super) every: Option<Spanned<Span>>,
    /// So many times at most.
    pub(super) times: Option<usize>,
    #[serde(default)]
    pub(super) on: On,
    pub(super) what: Fault,
}

/// A hostile machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Hostile {
    /// The link that it is on, by name; without it the first one.
    pub(super) on: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) at: Span,
    #[serde(rename = "for")]
    pub(super) span: Option<Span>,
    /// How many hostile things it does in a second ...
    #[serde(default = "often")]
    pub(super) rate: u32,
    /// ... and at most in all.
    pub(super) most: Option<u64>,
    pub(super) what: Model,
}

/// Whom a fault strikes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum On {
    #[default]
    Everything,
    /// A link, by name.
    Segment(Spanned<String>),
    /// A part of the hosts, another each time; at least one.
    Share(Share),
    Hosts(Vec<usize>),
}

/// Which faults the seed draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Schedule {
    /// Each kind with an even chance, its numbers from a wide range.
    Swarm,
    /// Much at once, then calm, again and again.
    Nemesis,
    /// Exactly when something of the protocol is due.
    Boundary,
    /// The power fails, and all start at once when it is back.
    Storm,
    /// Little, over a long time.
    Soak,
}

/// One number or a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Between {
    pub(super) low: usize,
    pub(super) high: usize,
}

/// A seed in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(pub(super) u64);

/// How often something happens, as the mean time from one to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate(pub(super) Duration);

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        seed::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let each = || {
            let (often, unit) = text.split_once('/')?;
            let unit = match unit.trim() {
                "s" => 1.0,
                "min" => 60.0,
                "h" => 3600.0,
                "day" => 86_400.0,
                _ => return None,
            };
            let often: f64 = often.trim().parse().ok().filter(|often| *often > 0.0)?;
            Duration::try_from_secs_f64(unit / often).ok().filter(|each| !each.is_zero())
        };
        let wrong =
            || de::Error::custom(format_args!("`{text}` is no rate like 0.2/s, 3/min, 10/h or 5/day"));
        each().map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Between {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = Between;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or two like [3, 12], the lower first")
            }

            fn visit_i64<E: de::Error>(self, one: i64) -> Result<Between, E> {
                let one =
                    usize::try_from(one).map_err(|_| E::invalid_value(de::Unexpected::Signed(one), &self))?;
                Ok(Between { low: one, high: one })
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Between, A::Error> {
                let low = list.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let high = list.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                if low > high || list.next_element::<usize>()?.is_some() {
                    return Err(de::Error::invalid_value(de::Unexpected::Seq, &self));
                }
                Ok(Between { low, high })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn minute() -> Spanned<Span> {
    Spanned::new(0..0, Span::from_secs(60))
}

fn ten() -> Spanned<Between> {
    Spanned::new(0..0, Between { low: 10, high: 10 })
}

const fn often() -> u32 {
    10
}

fn some_words() -> Between {
    Between { low: 16, high: 256 }
}

const fn one() -> usize {
    1
}
