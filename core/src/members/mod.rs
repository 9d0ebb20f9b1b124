//! Everybody who is here, by what each has signed about itself: so everybody knows everybody although each keeps a
//! session with few.
//!
//! ```text
//! records of others -> Members -> touched -> the node tells the person        own sessions -> on_up, on_down
//!                         |  graph: who is reached over sessions that both ends name
//!                         |  accusations: who is said not to answer, and has not said anything since
//!                         +- exchange: which records each neighbour has, and who is asked for which
//! ```
//!
//! Presence follows from the sessions that the records name. Nobody can bury the living: whoever is said to be lost
//! answers with a newer record, which nobody else can sign. Nobody can keep a ghost: one neighbour that was named by
//! the dead themselves is enough to accuse them, they cannot answer, and what they once said does not bring them back.

mod accuse;
mod asked;
mod exchange;
mod graph;
mod graves;
mod room;
mod sessions;
#[cfg(test)]
mod tests;
mod tree;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use bytes::Bytes;

use self::{exchange::Exchange, graves::Graves};
use crate::{
    event::PeerState,
    identity::PeerKey,
    record::{LOST_MAX, PeerRecord, Tag},
    session::LinkId,
    text::Nick,
    time::Instant,
    timers::Timers,
};

/// A run that has just become known counts as there for so long, whatever sessions are named: records follow
/// sessions after a pause.
pub(crate) const GRACE: Duration = Duration::from_secs(20);
/// Whoever is not reached any more over sessions that both ends name is lost after so long: twice the pause after
/// which a changed list of sessions is told, and some time on the way.
pub(crate) const LINGER: Duration = Duration::from_secs(12);
/// The record of whoever has gone is kept for so long, or until there is no room, so that it is not taken for news.
const RETAIN: Duration = Duration::from_secs(600);

/// Who is known, at most so many.
#[derive(Debug)]
pub(crate) struct Members {
    own: Tag,
    /// The first bytes of our key.
    own_id: [u8; 8],
    cap: usize,
    all: BTreeMap<Tag, Member>,
    /// With whom we have sessions.
    links: BTreeMap<Tag, Link>,
    /// Whom we have lost, and the version of their record that we had.
    lost: BTreeMap<Tag, u64>,
    /// Who is said to be lost by whom, in which version.
    accusations: BTreeMap<(Tag, Tag), u64>,
    /// Who has ended and is forgotten.
    graves: Graves,
    /// Whether old records of such have been shown since the node was told.
    has_objected: bool,
    exchange: Exchange,
    timers: Timers<Timer>,
    /// Whose state may have changed.
    touched: BTreeSet<Tag>,
    /// Of those, who has said something new.
    renewed: BTreeSet<Tag>,
    /// Neighbours who are said not to answer, and have to show that they do.
    doubted: Vec<LinkId>,
    /// Those whom the person knows: they do not make room for others.
    regarded: BTreeSet<PeerKey>,
    /// Who had to make room for others.
    displaced: Vec<Member>,
    /// What all who are there add up to.
    digest: u64,
    /// How many were forgotten because they went long ago, or for others.
    pub(crate) forgotten: u64,
    /// As the last look at the graph has found it: then one session more may matter.
    is_anybody_unreached: bool,
}

/// One run of one peer.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) record: PeerRecord,
    signed: Bytes,
    /// When this run became known, and by whom.
    since: Instant,
    by: Tag,
    /// When it last answered those who had lost it.
    answered: Option<Instant>,
    /// Said to be lost, in this version, and when that becomes a verdict.
    accused: Option<(u64, Instant)>,
    /// No chain of sessions leads to it, and from then on it is lost.
    missed_at: Option<Instant>,
    /// When its end was noticed.
    ended: Option<Instant>,
    /// Its share of the digest.
    counted: u64,
    /// Its neighbour has heard it say goodbye.
    has_left: bool,
    /// What the person was told last.
    pub(crate) told: Option<Told>,
}

/// What the person was told of somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) state: PeerState,
    pub(crate) nick: Nick,
    pub(crate) direct: bool,
    pub(crate) through: Option<PeerKey>,
}

/// How a session with somebody ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Down {
    /// It did not answer.
    Silent,
    /// It said goodbye.
    Quit,
    /// It does not answer, or whoever passes that on does not.
    Cut,
    /// It is still there.
    Released,
    /// Another one takes its place.
    Replaced,
}

impl Member {
    const fn new(now: Instant, by: Tag, record: PeerRecord, signed: Bytes) -> Self {
        Self {
            record,
            signed,
            since: now,
            by,
            answered: None,
            accused: None,
            missed_at: None,
            ended: None,
            counted: 0,
            has_left: false,
            told: None,
        }
    }

    /// Whether the person was told that it is there.
    pub(crate) fn is_here(&self) -> bool {
        self.told.as_ref().is_some_and(|told| is_here(told.state))
    }

    /// Whether this is the record that is kept of it.
    pub(crate) fn has_signed(&self, record: &[u8]) -> bool {
        self.signed == record
    }

    /// With whom it says to have sessions; nobody once it has gone.
    fn neighbours(&self) -> &[Tag] {
        if self.record.gone { &[] } else { &self.record.neighbours }
    }
}

#[derive(Debug)]
struct Link {
    link: LinkId,
    is_suspect: bool,
    /// Whether a neighbour passes it on: it shows that its peer is there, and leads to nobody else.
    is_relayed: bool,
    comparison: exchange::Comparison,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// Whether the accused has answered.
    Verdict(Tag),
    /// A record that was asked for may not have come.
    Asked(Tag),
    /// Who is reached over whom is looked at again.
    Graph,
    /// What has come in is told to neighbours.
    News,
    /// Those who went long ago are forgotten.
    Sweep,
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// It is the first one of its run.
    Newcomer,
    /// It says something that others wait for.
    News,
    /// It is newer than what was known, and says no more than with whom somebody has sessions now.
    Routine,
    /// It is known.
    Old,
    /// There is no room for another one.
    Full,
}

impl Members {
    pub(crate) fn new((own, own_id): (Tag, [u8; 8]), cap: usize) -> Self {
        Self {
            own,
            own_id,
            cap,
            all: BTreeMap::new(),
            links: BTreeMap::new(),
            lost: BTreeMap::new(),
            accusations: BTreeMap::new(),
            graves: Graves::new(cap),
            has_objected: false,
            exchange: Exchange::default(),
            timers: Timers::new(),
            touched: BTreeSet::new(),
            renewed: BTreeSet::new(),
            doubted: Vec::new(),
            regarded: BTreeSet::new(),
            displaced: Vec::new(),
            digest: 0,
            forgotten: 0,
            is_anybody_unreached: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn of(&self, tag: &Tag) -> Option<&Member> {
        self.all.get(tag)
    }

    pub(crate) fn of_mut(&mut self, tag: &Tag) -> Option<&mut Member> {
        self.all.get_mut(tag)
    }

    /// All who are known, those who have gone among them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Tag, &Member)> {
        self.all.iter()
    }

    /// Whom we have lost.
    pub(crate) fn lost(&self) -> impl Iterator<Item = (Tag, u64)> {
        self.lost.iter().map(|(&tag, &version)| (tag, version))
    }

    /// Whose state may have changed since the last call.
    pub(crate) fn touched(&mut self) -> Option<Tag> {
        self.touched.pop_first()
    }

    /// Whether `tag` has said something new since this was asked last.
    pub(crate) fn is_renewed(&mut self, tag: &Tag) -> bool {
        self.renewed.remove(tag)
    }

    /// A neighbour that has to show that it answers.
    pub(crate) fn doubted(&mut self) -> Option<LinkId> {
        self.doubted.pop()
    }

    /// Somebody who is not known any more, because others are.
    pub(crate) fn displaced(&mut self) -> Option<Member> {
        self.displaced.pop()
    }

    /// How it stands with somebody; `None` for somebody unknown.
    pub(crate) fn state(&self, now: Instant, tag: &Tag) -> Option<PeerState> {
        let member = self.all.get(tag)?;
        Some(match (self.links.get(tag), member.accused) {
            _ if member.record.gone || member.has_left => PeerState::Quit,
            (Some(link), _) if link.is_suspect => PeerState::Suspect,
            (Some(_), _) => PeerState::Online,
            (None, Some((_, verdict))) if now >= verdict => PeerState::Lost,
            (None, _) if self.links.is_empty() => PeerState::Lost,
            (None, Some(_)) => PeerState::Suspect,
            (None, None) if member.missed_at.is_some_and(|at| at <= now) => PeerState::Lost,
            (None, None) => PeerState::Online,
        })
    }

    /// Our sessions with those whom the run `tag` names as its neighbours.
    pub(crate) fn met_by(&self, tag: &Tag) -> Vec<LinkId> {
        let named = self.all.get(tag).map_or(&[][..], Member::neighbours);
        named.iter().filter_map(|other| self.link_of(other)).collect()
    }

    /// Takes in a verified record that the neighbour `by` has sent, unless it is known.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        by: Tag,
        tag: Tag,
        (record, signed): (PeerRecord, Bytes),
    ) -> Taken {
        let (accusations, mut withdrawn) = (record.lost.clone(), Vec::new());
        let (mut is_less, mut is_new, mut is_routine) = (false, false, false);
        if let Some(known) = self.all.get_mut(&tag) {
            if known.record.version >= record.version || known.record.gone {
                return Taken::Old;
            }
            // One session more takes nobody away.
            is_less = !known.record.neighbours.iter().all(|neighbour| record.neighbours.contains(neighbour));
            is_routine = known.record.differs_in_neighbours_only(&record);
            if known.accused.is_none_or(|(version, _)| record.version > version) {
                known.answered = known.accused.take().map_or(known.answered, |_| Some(now));
                self.timers.clear(Timer::Verdict(tag));
                self.lost.remove(&tag);
            }
            withdrawn = core::mem::replace(&mut known.record, record).lost;
            (known.signed, known.has_left) = (signed, false);
        } else {
            let is_buried = self.is_buried(now, tag, record.version);
            // Whoever is in session with us has proven that it is there.
            if is_buried && !self.links.contains_key(&tag) {
                return Taken::Old;
            }
            if !self.make_room(now, by, (tag, record.key)) {
                return Taken::Full;
            }
            is_new = true;
            if !is_buried {
                self.lost.remove(&tag);
            }
            self.all.insert(tag, Member::new(now, by, record, signed));
        }
        if is_less || self.is_anybody_unreached {
            self.look(now, now + graph::PAUSE);
        } else if is_new {
            // If nobody names it by then, it is lost when its time as somebody new is over.
            self.look(now, now + GRACE.saturating_sub(LINGER));
        }
        self.withdraw(now, tag, &withdrawn, &accusations);
        for (accused, version) in accusations {
            self.accusations.insert((accused, tag), version);
            self.on_accusation(now, tag, accused, version);
        }
        // Some may have lost it in this version before we came to know of it.
        let by = self.accusations.range((tag, Tag([0; 8]))..=(tag, Tag([u8::MAX; 8])));
        let by: Vec<_> = by.map(|(&(_, by), &version)| (by, version)).collect();
        by.into_iter().for_each(|(by, version)| self.on_accusation(now, by, tag, version));
        self.touch(now, tag);
        match (is_new, is_routine) {
            (true, _) => Taken::Newcomer,
            (_, true) => Taken::Routine,
            _ => Taken::News,
        }
    }

    /// Does what is due. Answers the links that have to be asked for a record again.
    pub(crate) fn on_tick(&mut self, now: Instant, out: &mut Vec<(LinkId, crate::frames::Frame)>) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Verdict(tag) => self.touch(now, tag),
                Timer::Asked(tag) => self.on_not_sent(now, tag, out),
                Timer::News => out.extend(self.tell_news(now)),
                Timer::Graph => self.on_graph_due(now),
                Timer::Sweep => self.sweep(now),
            }
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }

    /// The state of `tag` may have changed.
    fn touch(&mut self, now: Instant, tag: Tag) {
        let is_here = self.state(now, &tag).is_some_and(is_here);
        let Some(member) = self.all.get_mut(&tag) else { return };
        let counted = if is_here { exchange::share(tag, member.record.version) } else { 0 };
        self.digest = self.digest.wrapping_sub(member.counted).wrapping_add(counted);
        member.counted = counted;
        if is_here != member.ended.is_none() {
            member.ended = Some(now).filter(|_| !is_here);
            if !is_here {
                self.timers.set_by(Timer::Sweep, now + RETAIN);
            }
            // Chains led over it, or do again.
            self.look(now, now + graph::PAUSE);
        }
        self.touched.insert(tag);
    }
}

/// Whether somebody in that state is there, as far as we know.
pub(crate) const fn is_here(state: PeerState) -> bool {
    matches!(state, PeerState::Online | PeerState::Suspect)
}
