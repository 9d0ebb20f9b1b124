//! Whom we keep a session with: a few of those who are there, so that a network of two thousand costs each no more than
//! one of ten.
//!
//! Among everybody, and among the members of each room, the four best by a keyed hash that nobody else can foretell
//! are our choice; either side's choice makes the session. So each has about eight, and who has fewer adds spares.
//! Where there are no more than eight others, all are chosen.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use super::{Contacts, Who};
use crate::{
    frames::Keep,
    identity::{BootId, PeerKey},
    relay::Relayed,
    rng::Rng,
    store::RoomKeyId,
    suite::Suite,
    time::Instant,
};

/// Sessions that a peer wants in each circle.
pub(crate) const DEGREE: usize = 8;
/// Of those, so many are its own choice where there are more others; as many choose it.
const BEST: usize = 4;
/// Neighbours at one address, unless that is our own host: addresses cost more than keys.
const PER_ADDRESS: usize = 2;
/// The choice is made anew so long after there was a reason for it.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// A call that is not answered by then does not count as a neighbour any more.
pub(super) const HOPE: Duration = Duration::from_millis(1500);
/// A session that nobody wants lasts so long at least: whoever has just come may be wanted in a moment.
const SETTLE: Duration = Duration::from_secs(10);

/// Those among whom neighbours are chosen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Circle {
    /// Whoever is in the book.
    Everybody,
    /// Those of them who have proven themselves, in this run or an earlier one: names on the wire, however many, do
    /// not keep us from our own.
    Proven,
    /// The members of a room.
    Room(RoomKeyId),
    /// Those to whom the person has written alone, each of them a room for two.
    Friends,
}

/// The circles, and what became of the last choice.
pub(super) struct Choice {
    suite: &'static dyn Suite,
    secret: [u8; 32],
    circles: BTreeMap<Circle, BTreeSet<(u64, Who)>>,
    chosen: BTreeMap<Who, Keep>,
    /// Whoever is called to compare notes with.
    pub(super) visited: Option<Who>,
    due: Option<Instant>,
}

/// A session, as far as the choice is concerned.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) address: core::net::SocketAddr,
    since: Instant,
    theirs: Keep,
    pub(super) ours: Keep,
    told: Option<Keep>,
}

/// What has changed about a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// Its peer is to be told how much we want it.
    Tell(PeerKey, BootId, Keep),
    /// Neither side wants it any more.
    Release(PeerKey, BootId),
}

impl Live {
    pub(super) const fn new(now: Instant, address: core::net::SocketAddr) -> Self {
        // Until they have told, both are believed to want it.
        Self { address, since: now, theirs: Keep::Spare, ours: Keep::Spare, told: None }
    }

    /// Whether a neighbour passes on what it says.
    pub(super) fn is_relayed(&self) -> bool {
        Relayed::of(self.address).is_some()
    }

    /// By neither end.
    pub(super) fn is_unwanted(&self) -> bool {
        (self.ours, self.theirs) == (Keep::No, Keep::No)
    }
}

impl Choice {
    pub(super) fn new(suite: &'static dyn Suite, rng: &mut Rng) -> Self {
        let (circles, chosen) = (BTreeMap::new(), BTreeMap::new());
        Self { suite, secret: rng.bytes(), circles, chosen, visited: None, due: None }
    }

    /// Whether `who` was chosen.
    pub(super) fn is_chosen(&self, who: Who) -> bool {
        self.chosen.contains_key(&who)
    }

    /// How many the book holds of those that are known by more than an address.
    pub(super) fn known(&self) -> usize {
        self.circles.get(&Circle::Everybody).map_or(0, BTreeSet::len)
    }

    pub(super) fn circles(&self) -> impl Iterator<Item = (Circle, &BTreeSet<(u64, Who)>)> {
        self.circles.iter().map(|(&circle, members)| (circle, members))
    }

    pub(super) fn enter(&mut self, circle: Circle, who: Who) {
        if let Who::Id(id) = who {
            let rank = self.rank(&id);
            self.circles.entry(circle).or_default().insert((rank, who));
        }
    }

    pub(super) fn leave(&mut self, circle: Circle, who: Who) {
        if let (Who::Id(id), Some(members)) = (who, self.circles.get(&circle)) {
            let entry = (self.rank(&id), who);
            if members.len() == 1 && members.contains(&entry) {
                self.circles.remove(&circle);
            } else if let Some(members) = self.circles.get_mut(&circle) {
                members.remove(&entry);
            }
        }
    }

    /// Takes `who` out of all circles.
    pub(super) fn forget(&mut self, who: Who) {
        let all: Vec<Circle> = self.circles.keys().copied().collect();
        all.into_iter().for_each(|circle| self.leave(circle, who));
        self.chosen.remove(&who);
    }

    /// The choice is to be made anew, where there is one.
    pub(super) fn stir(&mut self, now: Instant) {
        if self.known() <= DEGREE {
            return;
        }
        // Most of a crowd is heard of within that time, and whoever has just come is known to all by then.
        self.look_by(now + PAUSE);
    }

    fn look_by(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    fn rank(&self, id: &[u8; 8]) -> u64 {
        u64::from_be_bytes(self.suite.mac(&self.secret, &[id]).first_chunk().copied().unwrap_or_default())
    }
}

impl Contacts {
    /// The other end wants the session this much.
    pub(crate) fn on_kept(&mut self, now: Instant, key: PeerKey, boot: BootId, theirs: Keep) {
        let Some(live) = self.live.get_mut(&(key, boot)) else { return };
        let before = core::mem::replace(&mut live.theirs, theirs);
        if [before, theirs].contains(&Keep::Choice) {
            self.choice.stir(now);
        } else if live.is_unwanted() {
            // As most visits are from now on: the choice stays as it is.
            self.choice.look_by(now.max(live.since + SETTLE));
        }
    }

    /// Whether either end wants the session with this run for more than a visit.
    pub(crate) fn is_neighbour(&self, key: PeerKey, boot: BootId) -> bool {
        self.live.get(&(key, boot)).is_some_and(|live| !live.is_unwanted())
    }

    /// What has changed about sessions since this was asked last.
    pub(crate) fn kept(&mut self) -> Vec<Kept> {
        core::mem::take(&mut self.kept)
    }

    /// Makes the choice anew when that is due.
    pub(super) fn choose(&mut self, now: Instant) {
        if self.choice.due.is_none_or(|due| due > now) {
            return;
        }
        self.choice.due = None;
        let mut chosen: BTreeMap<Who, Keep> = BTreeMap::new();
        for &circle in self.choice.circles.keys() {
            for (who, keep) in self.choose_in(now, circle) {
                let before = chosen.entry(who).or_insert(keep);
                *before = keep.max(*before);
            }
        }
        for (who, keep) in self.kept_anyhow() {
            let before = chosen.entry(who).or_insert(keep);
            *before = keep.max(*before);
        }
        let (kept, mut again) = (&mut self.kept, None::<Instant>);
        for (&(key, boot), live) in &mut self.live {
            live.ours = chosen.get(&Who::Id(key.short())).copied().unwrap_or(Keep::No);
            if live.told != Some(live.ours) {
                live.told = Some(live.ours);
                kept.push(Kept::Tell(key, boot, live.ours));
            }
            if live.is_unwanted() {
                if now - live.since >= SETTLE {
                    kept.push(Kept::Release(key, boot));
                } else {
                    again = Some(again.map_or(live.since + SETTLE, |at| at.min(live.since + SETTLE)));
                }
            }
        }
        for &who in chosen.keys().filter(|who| !self.choice.chosen.contains_key(who)) {
            // Whoever was not wanted until now is called at once.
            if let Some(contact) = self.contacts.get(&who).filter(|contact| contact.misses == 0) {
                self.schedule.set(who, now, contact.regard());
            }
        }
        self.choice.chosen = chosen;
        again.into_iter().for_each(|at| self.choice.look_by(at));
    }

    fn choose_in(&self, now: Instant, circle: Circle) -> BTreeMap<Who, Keep> {
        let Some(members) = self.choice.circles.get(&circle) else { return BTreeMap::new() };
        let mut chosen = BTreeMap::new();
        let present = || members.iter().map(|(_, who)| *who).filter(|who| self.is_present(now, *who));
        if circle == Circle::Friends || present().nth(DEGREE).is_none() {
            chosen.extend(present().map(|who| (who, Keep::Choice)));
            return chosen;
        }
        let mut crowd = Crowd::default();
        let best = present().filter(|who| crowd.admits(self, *who)).take(BEST);
        chosen.extend(best.map(|who| (who, Keep::Choice)));
        // Whoever has chosen us stays, and need not be kept by us too.
        let sessions: Vec<(Who, &Live)> =
            self.live.iter().map(|((key, _), live)| (Who::Id(key.short()), live)).collect();
        let sessions = sessions.into_iter().filter(|(_, live)| !live.is_relayed());
        let here = sessions.filter_map(|(who, live)| {
            let Who::Id(id) = who else { return None };
            let rank = self.choice.rank(&id);
            (members.contains(&(rank, who)) && !chosen.contains_key(&who)).then_some((who, rank, live))
        });
        let (theirs, mut spare): (Vec<_>, Vec<_>) =
            here.partition(|(_, _, live)| live.theirs == Keep::Choice);
        // Of one address they count no more than we would choose there: otherwise whoever has many keys, all of which
        // choose us, would be all the neighbours that we have.
        let theirs: BTreeSet<Who> =
            theirs.into_iter().map(|(who, ..)| who).filter(|who| crowd.admits(self, *who)).collect();
        let missing = DEGREE.saturating_sub(chosen.len() + theirs.len());
        // The oldest first: who only visits does not take the place of one that others have been told of.
        spare.sort_by_key(|(_, rank, live)| (live.since, *rank));
        spare.dedup_by_key(|(who, ..)| *who);
        let spare = spare.into_iter().map(|(who, ..)| who).filter(|who| crowd.admits(self, *who));
        chosen.extend(spare.take(missing).map(|who| (who, Keep::Spare)));
        let missing = DEGREE.saturating_sub(chosen.len() + theirs.len());
        let more: Vec<Who> = present()
            .filter(|who| !chosen.contains_key(who) && !theirs.contains(who) && crowd.admits(self, *who))
            .take(missing)
            .collect();
        chosen.extend(more.into_iter().map(|who| (who, Keep::Spare)));
        chosen
    }

    /// Whether there is a session with `who`, or one may be expected. One that a neighbour passes on takes no place of
    /// those that need nobody.
    fn is_present(&self, now: Instant, who: Who) -> bool {
        self.is_in_session(who) && !self.is_relayed(who)
            || self.contacts.get(&who).is_some_and(|contact| {
                let is_called = contact.dialled.is_some_and(|at| now - at < HOPE);
                (contact.misses == 0 || is_called)
                    && contact.candidates().any(|candidate| self.may_call(candidate))
            })
    }
}

/// How many are chosen at each address.
#[derive(Default)]
struct Crowd(BTreeMap<IpAddr, usize>);

impl Crowd {
    fn admits(&mut self, contacts: &Contacts, who: Who) -> bool {
        let Some(ip) = contacts.contacts.get(&who).and_then(super::Contact::first_address).map(|at| at.ip())
        else {
            return true;
        };
        if contacts.places.is_own_host(ip) {
            return true;
        }
        let there = self.0.entry(ip.to_canonical()).or_default();
        *there += 1;
        *there <= PER_ADDRESS
    }
}

impl core::fmt::Debug for Choice {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Choice").field("chosen", &self.chosen).field("due", &self.due).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boundary::{Interface, Subnet},
        contacts::End,
        suite::REAL,
    };

    const BOOT: BootId = BootId(7);

    fn book() -> Contacts {
        let me = (PeerKey([99; 32]), BootId(1));
        let mut book = Contacts::new(REAL, me, 256, Rng::new([1; 32]));
        let subnet = Subnet { address: IpAddr::from([10, 0, 0, 1]), prefix: 24 };
        let addresses = Vec::from([subnet]);
        let card = Interface {
            index: 2,
            name: "eth".into(),
            addresses,
            multicast: true,
            loopback: false,
            mtu: 1500,
        };
        book.on_interfaces(Instant::ORIGIN, &[card]);
        book
    }

    #[test]
    fn a_crowd_at_one_address_that_chooses_us_does_not_stand_for_all_the_neighbours_we_want() {
        let at = |seconds: u64| Instant::ORIGIN + Duration::from_secs(seconds);
        let mut book = book();
        let honest = (10..15).map(|number| PeerKey([number; 32])).collect::<Vec<_>>();
        let foes = (100..200).map(|number| PeerKey([number; 32])).collect::<Vec<_>>();
        for (number, &key) in (10..).zip(&honest) {
            book.on_up(at(1), key, BOOT, (IpAddr::from([10, 0, 0, number]), 27182).into());
        }
        for (port, &key) in (1000..).zip(&foes) {
            book.on_up(at(2), key, BOOT, (IpAddr::from([10, 0, 0, 66]), port).into());
            book.on_kept(at(2), key, BOOT, Keep::Choice);
        }
        book.choose(at(20));
        let wanted =
            |keys: &[PeerKey]| keys.iter().filter(|key| book.live[&(**key, BOOT)].ours != Keep::No).count();
        assert_eq!((wanted(&honest), wanted(&foes)), (5, PER_ADDRESS));
    }

    #[test]
    fn a_visit_is_released_and_nobody_chooses_anew_for_it() {
        let at = |seconds: u64| Instant::ORIGIN + Duration::from_secs(seconds);
        let (mut book, boot) = (book(), BOOT);
        for number in 10..30 {
            book.on_up(at(1), PeerKey([number; 32]), boot, (IpAddr::from([10, 0, 0, number]), 27182).into());
        }
        book.choose(at(2));
        let unwanted = book.kept().into_iter().find_map(|kept| match kept {
            Kept::Tell(key, _, Keep::No) => Some(key),
            _ => None,
        });
        let visitor = unwanted.expect("eight of twenty are wanted");
        let other = book.choice.due();
        book.on_kept(at(3), visitor, boot, Keep::No);
        assert_eq!((other, book.choice.due()), (None, Some(at(1) + SETTLE)));
        book.choose(at(11));
        assert_eq!(book.kept(), [Kept::Release(visitor, boot)]);
        book.on_down(at(12), visitor, boot, End::Crowded);
        assert_eq!(book.choice.due(), None);
        // Somebody who has chosen us is another matter.
        let chooser = *book.live.keys().next().expect("nineteen are left");
        book.on_kept(at(13), chooser.0, boot, Keep::Choice);
        assert_eq!(book.choice.due(), Some(at(13) + PAUSE));
    }
}
