//! Counts what a run brought about: who knows whom, who has what was said, what happened at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chat_core::{
    Action, BootId, Event, Instant, Message, Multicast, PeerChange, PeerKey, PeerState, Place, Record,
    Refusal, RekeyState, Source, Transfer, TransferState,
};

use super::{
    Fact, Truth,
    quiet::{Counter, Quiet},
};
use crate::{expect::CONVERGENCE, plan::Plan, units::Share};

mod pairs;

use pairs::{Pairs, Set};

/// What a run brought about.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Figures {
    /// Ordered pairs of running hosts that can hear each other ...
    pub pairs: usize,
    /// ... and of those, how many where the one does not know the other.
    pub missing: usize,
    /// The first of those, the one who does not know and the other.
    pub strangers: Option<(usize, usize)>,
    /// When all knew each other for the first time, everybody having started.
    pub whole: Option<Duration>,
    /// When they did for the first time after the last trouble.
    pub whole_after_calm: Option<Duration>,
    /// How polite discovery was, where that is expected.
    pub quiet: Option<Quiet>,
    /// Messages that were durable at their author's.
    pub said: u64,
    /// How many times a message should have been shown to somebody by the end ...
    pub due: u64,
    /// ... and of those, how often it was.
    pub shown: u64,
    /// What happened how often, by the names of [`crate::expect::SOMETIMES`].
    pub happened: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// Which share of what should have been shown was shown.
    #[must_use]
    pub fn delivery(&self) -> Share {
        // Rounded down: only all of it is the whole. Below a million, so nothing is cut off.
        let ppm = (self.shown * 1_000_000).checked_div(self.due).unwrap_or(1_000_000);
        Share::from_ppm(ppm as u32)
    }
}

/// Counts as the run goes.
pub(crate) struct Tally {
    calm: Instant,
    /// How many hosts have not been started once.
    to_start: usize,
    pairs: Pairs,
    /// Which hosts have a key; more than one if a profile was copied.
    holders: BTreeMap<PeerKey, Vec<usize>>,
    runs_since: Vec<Option<Instant>>,
    rooms: Vec<Vec<Place>>,
    /// The runs of others that a host's person has been told are online: one may end after the next has begun.
    online: Vec<BTreeMap<PeerKey, BTreeSet<BootId>>>,
    /// Over whom others are reached.
    through: BTreeMap<(usize, PeerKey), PeerKey>,
    /// What was asked to be said and is not durable yet, by host and tag.
    asked: BTreeMap<(usize, u64), usize>,
    /// What was said, by the number of its act.
    said: BTreeMap<usize, Said>,
    /// Whom persons have verified.
    verified: BTreeSet<(usize, PeerKey)>,
    /// Hosts whose persons ever blocked those of other hosts.
    deaf: BTreeSet<(usize, usize)>,
    quiet: Option<Counter>,
    figures: Figures,
}

struct Said {
    at: Instant,
    author: usize,
    place: Place,
    durable: bool,
    shown: Set,
}

/// A newcomer is owed what was said so long before (DESIGN section 6).
const OWED: Duration = Duration::from_secs(24 * 3600);

impl Tally {
    pub(crate) fn new(plan: &Plan) -> Self {
        let hosts = plan.hosts.len();
        Self {
            calm: Instant::ORIGIN + plan.calm(),
            to_start: hosts,
            pairs: Pairs::new(plan),
            holders: BTreeMap::new(),
            runs_since: vec![None; hosts],
            rooms: vec![vec![Place::Room(chat_core::RoomName::lobby())]; hosts],
            online: vec![BTreeMap::new(); hosts],
            through: BTreeMap::new(),
            asked: BTreeMap::new(),
            said: BTreeMap::new(),
            verified: BTreeSet::new(),
            deaf: BTreeSet::new(),
            quiet: plan.expect.polite.map(|polite| Counter::new(polite, hosts)),
            figures: Figures::default(),
        }
    }

    /// Something happened once more.
    pub(crate) fn count(&mut self, name: &'static str) {
        *self.figures.happened.entry(name).or_default() += 1;
    }

    pub(crate) fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) {
        self.quiet.iter_mut().for_each(|quiet| quiet.see(now, fact));
        match *fact {
            Fact::Booted { host, .. } => self.on_boot(truth, now, host),
            Fact::Ended { host, .. } => {
                self.runs_since[host] = None;
                self.pairs.set_running(host, false);
            }
            Fact::Asked { host, tag, action } => self.on_asked(now, host, tag, action),
            Fact::Told { host, event } => self.on_told(truth, host, event),
            Fact::Appended { records, .. } => {
                records
                    .iter()
                    .filter(|record| matches!(record, Record::Forget(_)))
                    .for_each(|_| self.count("erased"));
            }
            _ => {}
        }
        if self.figures.whole_after_calm.is_none() && self.pairs.missing() == 0 && self.to_start == 0 {
            self.figures.whole.get_or_insert(now.since_origin());
            if now >= self.calm {
                self.figures.whole_after_calm = Some(now.since_origin());
            }
        }
    }

    /// The figures, at `now`.
    pub(crate) fn figures(&self, now: Instant) -> Figures {
        let mut figures = self.figures.clone();
        (figures.pairs, figures.missing) = (self.pairs.expected(), self.pairs.missing());
        figures.strangers = self.pairs.strangers();
        figures.quiet = self.quiet.as_ref().map(|quiet| quiet.quiet(now));
        figures.said = self.said.values().filter(|said| said.durable).count() as u64;
        for said in self.said.values().filter(|said| said.durable && now - said.at >= CONVERGENCE) {
            for (host, since) in self.runs_since.iter().enumerate() {
                let Some(since) = *since else { continue };
                if host != said.author
                    && !self.deaf.contains(&(host, said.author))
                    && now - since >= CONVERGENCE
                    && said.at + OWED >= since
                    && self.pairs.are_joined(said.author, host)
                    && self.is_for(host, &said.place)
                {
                    figures.due += 1;
                    figures.shown += u64::from(said.shown.has(host));
                }
            }
        }
        figures
    }

    fn is_for(&self, host: usize, place: &Place) -> bool {
        match place {
            Place::Room(_) => self.rooms[host].contains(place),
            Place::Direct(key) => self.holders.get(key).is_some_and(|hosts| hosts.contains(&host)),
        }
    }

    fn on_boot(&mut self, truth: &Truth, now: Instant, host: usize) {
        if self.holders.values().any(|hosts| hosts.contains(&host)) {
            self.count("restarted");
        } else {
            self.to_start -= 1;
        }
        self.holders.values_mut().for_each(|hosts| hosts.retain(|holder| *holder != host));
        let holders = self.holders.entry(truth.hosts[host].key).or_default();
        // One key is one person, who does not find themselves.
        holders.iter().for_each(|&twin| self.pairs.part(host, twin));
        holders.push(host);
        self.runs_since[host] = Some(now);
        self.online[host].clear();
        self.pairs.set_running(host, true);
    }

    fn on_asked(&mut self, now: Instant, host: usize, tag: u64, action: &Action) {
        match action {
            Action::Say { place, text, .. } => {
                let Some(act) = act_of(text.as_str()) else { return };
                let said = Said {
                    at: now,
                    author: host,
                    place: place.clone(),
                    durable: false,
                    shown: Set::default(),
                };
                self.said.insert(act, said);
                self.asked.insert((host, tag), act);
            }
            Action::Join(room) => self.rooms[host].push(Place::Room(room.clone())),
            Action::Leave(room) => self.rooms[host].retain(|place| *place != Place::Room(room.clone())),
            _ => {}
        }
    }

    fn on_told(&mut self, truth: &Truth, host: usize, event: &Event) {
        match event {
            Event::Done { tag, .. } => {
                let act = self.asked.remove(&(host, *tag));
                if let Some(said) = act.and_then(|act| self.said.get_mut(&act)) {
                    said.durable = true;
                    self.count("message-said");
                }
            }
            Event::Refused { tag, reason } => {
                self.asked.remove(&(host, *tag));
                self.count(if *reason == Refusal::StoreFull { "store-full" } else { "refused" });
            }
            Event::Message(message) => self.on_message(host, message),
            Event::Receipt { stored_by, .. } if *stored_by > 0 => self.count("receipt"),
            Event::Room { joined: true, .. } => self.count("room-entered"),
            Event::Renamed { .. } => self.count("renamed"),
            Event::Rekey(rekey) => self.count(match rekey.state {
                RekeyState::Made { .. } => "rekeyed",
                RekeyState::Followed { .. } => "followed",
                RekeyState::Offered => "key-given",
                _ => "key-told-of",
            }),
            Event::Imported { intake, .. } if intake.new > 0 => self.count("imported"),
            Event::Compared { .. } => self.count("keys-compared"),
            Event::Transfer(Transfer { incoming: true, state, .. }) => match state {
                TransferState::Whole => self.count("file-received"),
                TransferState::Waiting => self.count("file-waits"),
                _ => {}
            },
            Event::Trusted { key, trust } => {
                if trust.blocked {
                    self.deaf.extend(truth.keys.get(key).into_iter().flatten().map(|other| (host, *other)));
                }
                self.verified.remove(&(host, *key));
                self.verified.extend(trust.verified.then_some((host, *key)));
            }
            Event::Net(net) if matches!(net.multicast, Multicast::Silent) => self.count("multicast-lost"),
            Event::Peer(peer) => self.on_peer(truth, host, peer),
            _ => {}
        }
    }

    fn on_peer(&mut self, truth: &Truth, host: usize, peer: &PeerChange) {
        let online = peer.state == PeerState::Online;
        match peer.via {
            Source::Broadcast => self.count("by-broadcast"),
            Source::Exchange => self.count("by-exchange"),
            Source::Relay => self.count("by-relay"),
            _ => {}
        }
        if online && !peer.direct {
            self.count("peer-vouched");
        }
        if online && peer.key == Some(truth.hosts[host].key) {
            self.count("key-twice");
        }
        self.count(match peer.state {
            PeerState::Found => "peer-found",
            PeerState::Online => "peer-online",
            PeerState::Suspect => "peer-suspect",
            PeerState::Quit => "peer-quit",
            PeerState::Lost => "peer-lost",
        });
        let Some(key) = peer.key else { return };
        if online && peer.direct {
            let before = match peer.through {
                Some(relay) => self.through.insert((host, key), relay),
                None => self.through.remove(&(host, key)),
            };
            match (before, peer.through) {
                (Some(_), None) => self.count("relay-left"),
                (Some(one), Some(other)) if one != other => self.count("relay-changed"),
                _ => {}
            }
        }
        let boot = peer.boot.unwrap_or_default();
        let boots = self.online[host].entry(key).or_default();
        match peer.state {
            PeerState::Online => boots.insert(boot),
            PeerState::Quit | PeerState::Lost => boots.remove(&boot),
            PeerState::Found | PeerState::Suspect => return,
        };
        let known = !boots.is_empty();
        for &other in self.holders.get(&key).into_iter().flatten().filter(|other| **other != host) {
            self.pairs.set_known(host, other, known);
        }
    }

    fn on_message(&mut self, host: usize, message: &Message) {
        if message.own {
            return;
        }
        self.count("message-delivered");
        if message.late {
            self.count("message-late");
        }
        if self.verified.contains(&(host, message.from)) {
            self.count("verified");
        }
        if matches!(message.place, Place::Direct(_)) {
            self.count("message-direct");
        }
        if let Some(said) = act_of(&message.text).and_then(|act| self.said.get_mut(&act)) {
            said.shown.set(host, true);
        }
    }
}

/// The number of the act that said this, which its words begin with.
fn act_of(text: &str) -> Option<usize> {
    text.strip_prefix("act ")?.split(' ').next()?.parse().ok()
}
