//! The calls: whom to dial now, and when again.

use alloc::vec::Vec;
use core::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use super::{
    Contacts, DEGREE, Who,
    contact::{Candidate, Contact},
    schedule::Regard,
};
use crate::{
    discovery::Sighting,
    event::{Source, Unreached},
    identity::PeerKey,
    rng::mixed,
    session::Pace,
    time::Instant,
};

/// The head start of an address over the next one of the same peer (RFC 8305 section 5).
pub(super) const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// The pause between rounds for a peer that was there within [`EAGER_FOR`].
pub(super) const RETRY_EAGER: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(10);
/// After the pause of an address the next call to it comes within this: not all who have lost each other at once call at once.
const BEHIND: Duration = Duration::from_secs(1);
/// How long a peer is called often.
const EAGER_FOR: Duration = Duration::from_secs(600);
/// The pause between rounds after that.
pub(super) const RETRY_SLOW: RangeInclusive<Duration> = Duration::from_secs(54)..=Duration::from_secs(66);
/// The longest pause between rounds for a peer that has never proven itself: each is twice as long as the one before.
const RETRY_STRANGER_MAX: Duration = Duration::from_secs(600);
/// How long a peer is called at all.
const GIVE_UP_AFTER: Duration = Duration::from_secs(86_400);
/// Of those who are to call whoever has come, one does so at once, and the others in a while: it is known to all through
/// the first one, and handshakes of all of them at a time would only keep the processors from that. Those who know each
/// other agree on who it is; where nobody is known to be here yet, so many do on average.
const PROMPT: u64 = 3;
/// Newcomers of whom is looked whether they are ours to call (a keynote's worth), so that made-up ones cost no more than those
/// that the beacon leaves to us anyway.
const LOOKING: Pace = Pace { each: Duration::from_millis(50), burst: 64 };
const IN_A_WHILE: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_millis(60);
/// Whoever we are told of by somebody in session is called after that.
const WHEN_TOLD: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_millis(200);
/// Whoever is not chosen, and not known to be there, is called after this, and some more for each who is known: what those
/// who are chosen tell takes longer to come, the more they are.
const PATIENCE_MIN: Duration = Duration::from_secs(2);
pub(super) const PATIENCE_EACH: Duration = Duration::from_millis(100);
const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// While so many strangers have not answered, newcomers are left to those who have less to do.
const OCCUPIED: usize = 4;
/// The pause after a dial that was not begun since too many are under way.
const DIALS_BUSY: Duration = Duration::from_secs(1);

impl Contacts {
    /// A dial to `address` was not begun since too many are under way: it is tried again soon.
    pub(crate) fn on_busy(&mut self, now: Instant, address: SocketAddr) {
        let Some(who) = self.schedule.on_unbegun(address) else { return };
        if let Some(contact) = self.contacts.get_mut(&who) {
            contact.rounds = contact.rounds.saturating_sub(1);
            self.schedule.set(who, now + DIALS_BUSY, contact.regard());
        }
    }

    /// The call to `address` is over: nobody answered, or nobody whom we do not know already.
    pub(crate) fn on_call_ended(&mut self, now: Instant, address: SocketAddr) {
        self.schedule.on_end(address);
        // Somebody else may have to take its place.
        self.choice.stir(now + Duration::from_millis(1));
    }

    /// Whether the call to `address` goes to somebody who did not answer before, and is not to be repeated.
    pub(crate) fn is_call_to_silent(&self, address: SocketAddr) -> bool {
        self.schedule.is_to_silent(address)
    }

    /// Whether calls are answered, but most of them late: then fewer are made at a time.
    pub(crate) const fn set_busy(&mut self, is_busy: bool) {
        self.schedule.is_busy = is_busy;
    }

    /// The addresses to dial now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<SocketAddr> {
        self.choose(now);
        let mut dials = Vec::new();
        while let Some(who) = self.schedule.pop_due(now) {
            dials.extend(self.next_dial(now, who));
        }
        self.schedule.on_pause();
        dials
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.schedule.next().into_iter().chain(self.choice.due()).min()
    }

    /// Picks the next address of `who` to dial and sets when the one after it is due.
    fn next_dial(&mut self, now: Instant, who: Who) -> Option<SocketAddr> {
        let everybodys = self.is_everybodys(who);
        let wanted: Vec<SocketAddr> = {
            let open = self.contacts.get(&who)?.candidates().filter(|candidate| {
                self.may_call(candidate)
                    && !self.is_live(who, candidate.boot, candidate.address)
                    && (everybodys || !self.is_here(who, candidate.boot))
            });
            open.map(|candidate| candidate.address).collect()
        };
        // Whoever is not ours to look after is looked after by others too.
        let share =
            if everybodys { 1 } else { u32::try_from(self.choice.known() / DEGREE).unwrap_or(u32::MAX) };
        let (eager, slow) = (self.rng.duration(RETRY_EAGER), self.rng.duration(RETRY_SLOW));
        let (behind, is_relayed) = (self.rng.duration(Duration::ZERO..=BEHIND), self.is_relayed(who));
        let (least, spread) = self.patience();
        // Somebody else has answered there, and will most likely do so again.
        let is_taken = !wanted.is_empty() && wanted.iter().all(|&address| self.is_reached(address));
        let contact = self.contacts.get_mut(&who)?;
        let (idle, regard) = (now - contact.fresh, contact.regard());
        // There may be more by now than when its call was planned.
        let is_early = contact.dialled.is_none() && now < contact.since + least;
        if is_early && !everybodys && !core::mem::take(&mut contact.is_awaited) {
            self.schedule.set(who, contact.since + least + spread, regard);
            return None;
        }
        if wanted.is_empty() || idle > GIVE_UP_AFTER {
            return None;
        }
        // Most rounds would begin before the addresses have had their pause: they begin soon behind it.
        let free = wanted.iter().map(|&address| self.schedule.free_at(address)).min();
        if let Some(free) = free.filter(|free| *free > now) {
            self.schedule.set(who, free + behind, regard);
            contact.misses += 1;
            return None;
        }
        let mut ready = wanted.into_iter().filter(|&address| self.schedule.free_at(address) <= now);
        let (chosen, more) = (ready.next(), ready.next().is_some());
        let pause = if more {
            NEXT_ADDRESS
        } else if regard != Regard::Friend {
            contact.rounds = contact.rounds.saturating_add(1);
            (eager * (1 << (contact.rounds - 1).min(8))).min(RETRY_STRANGER_MAX)
        } else if idle < EAGER_FOR && !contact.is_crowded && !is_relayed && !is_taken {
            (eager * share.max(1)).min(slow)
        } else {
            slow
        };
        self.schedule.set(who, now + pause, contact.regard());
        contact.misses += u32::from(!more);
        if let Some(address) = chosen {
            contact.dialled = Some(now);
            self.schedule.on_dial(now, address, who, regard);
        }
        chosen
    }

    /// Somebody has just come and needs neighbours: it is called at once, unless it has us or others. One who
    /// `is_alone` has nobody, whatever others say.
    pub(crate) fn answer(&mut self, now: Instant, sighting: &Sighting, is_alone: bool) {
        let Some(who) = sighting.id.map(Who::Id) else { return };
        let Some(&address) = sighting.addresses.first() else { return };
        if self.is_live(who, sighting.boot, address) || !is_alone && self.is_here(who, sighting.boot) {
            return;
        }
        // Whoever is alone, and here in our eyes, may be alone with the one who would call it first.
        let is_doubtful = is_alone && self.is_here(who, sighting.boot);
        if self.is_prompt(who) || is_doubtful && self.is_drawn() {
            self.visit(now, who);
        } else if self.schedule.unanswered() < OCCUPIED
            && let Some(contact) = self.contacts.get_mut(&who)
        {
            (contact.misses, contact.is_awaited) = (0, true);
            self.schedule.set(who, now + self.rng.duration(IN_A_WHILE), contact.regard());
        }
    }

    /// Somebody who is there and with whom we have no session, to compare notes with: it is called soon.
    pub(crate) fn call_another(&mut self, now: Instant) {
        let here: Vec<Who> =
            self.here.keys().map(|&id| Who::Id(id)).filter(|who| !self.is_in_session(*who)).collect();
        let picked = usize::try_from(self.rng.below(here.len() as u64)).unwrap_or(0);
        if let Some(&who) = here.get(picked) {
            self.visit(now, who);
        }
    }

    /// Why an address that the person asked for is not going to be called.
    pub(crate) fn hindrance(&self, address: SocketAddr) -> Option<Unreached> {
        let is_named = |contact: &Contact| contact.candidates().any(|known| known.address == address);
        if self.places.is_own(address) {
            Some(Unreached::Own)
        } else if !self.is_reached(address) && !self.contacts.values().any(is_named) {
            Some(Unreached::Unusable)
        } else {
            None
        }
    }

    /// Whether somebody is in session at this address.
    pub(crate) fn is_reached(&self, address: SocketAddr) -> bool {
        self.live.values().any(|live| live.address == address)
    }

    /// Whether somebody who is not in session was said to be at this address.
    pub(crate) fn is_missed(&self, address: SocketAddr) -> bool {
        self.contacts.iter().any(|(&who, contact)| {
            let mut there = contact.candidates().filter(|candidate| candidate.address == address);
            there.any(|candidate| !self.is_live(who, candidate.boot, address))
        })
    }

    /// Whether it was ever heard where `key` is.
    pub(crate) fn is_known_key(&self, key: PeerKey) -> bool {
        self.contacts.contains_key(&Who::Id(key.short()))
    }

    /// The person wants a session with `key` now.
    pub(crate) fn call_now(&mut self, now: Instant, key: PeerKey) {
        self.visit(now, Who::Id(key.short()));
    }

    /// `who` is called now, chosen or not.
    pub(super) fn visit(&mut self, now: Instant, who: Who) {
        if let Some(contact) = self.contacts.get_mut(&who) {
            contact.misses = 0;
            self.choice.visited = Some(who);
            self.schedule.set(who, now, contact.regard());
        }
    }

    /// Whether `who` is called whatever others do: chosen, asked for by the person, or one of few.
    pub(super) fn is_everybodys(&self, who: Who) -> bool {
        let is_typed = || self.contacts.get(&who).is_some_and(|contact| contact.has_source(Source::Manual));
        matches!(who, Who::Address(_))
            || self.choice.known() <= DEGREE
            || self.choice.is_chosen(who)
            || self.choice.visited == Some(who)
            || is_typed()
    }

    /// When `who`, of whom `source` has told something new, is called.
    pub(super) fn first_call(&mut self, now: Instant, who: Who, source: Source) -> Instant {
        let wait = match source {
            _ if !self.is_everybodys(who) => self.wait(),
            Source::Exchange => self.rng.duration(WHEN_TOLD),
            Source::Mdns | Source::Broadcast if !self.is_prompt(who) => self.rng.duration(IN_A_WHILE),
            _ => Duration::ZERO,
        };
        now + wait
    }

    /// Whether a newcomer that the beacon leaves to others is ours to call at once after all.
    pub(crate) fn is_ours_to_call(&mut self, now: Instant, newcomer: &Sighting) -> bool {
        newcomer.id.is_some_and(|id| LOOKING.take(now, &mut self.looked) && self.is_first_to_call(id))
    }

    /// Whether we are the one of those here who calls `newcomer` at once: of all pairs of it with one of them, ours is the
    /// first in an order that is another one for each newcomer.
    pub(super) fn is_first_to_call(&self, newcomer: [u8; 8]) -> bool {
        let own = place_in_order(newcomer, self.own.0.short());
        let mut others = self.others(newcomer).peekable();
        others.peek().is_some() && others.all(|other| own < place_in_order(newcomer, other))
    }

    /// Those who are here but for `newcomer`, and for us in another run.
    fn others(&self, newcomer: [u8; 8]) -> impl Iterator<Item = [u8; 8]> {
        let own = self.own.0.short();
        self.here.keys().copied().filter(move |other| *other != newcomer && *other != own)
    }

    /// Whether whoever has been seen is called by us at once; in a crowd no more than [`DEGREE`] are to call at all.
    fn is_prompt(&mut self, who: Who) -> bool {
        match who {
            Who::Id(id) if self.others(id).next().is_some() => self.is_first_to_call(id),
            _ => self.is_drawn(),
        }
    }

    fn is_drawn(&mut self) -> bool {
        self.rng.below(self.choice.known().min(DEGREE) as u64) < PROMPT
    }

    /// How long somebody who is nobody's choice yet waits for our call: others may call first.
    pub(super) fn wait(&mut self) -> Duration {
        let (least, spread) = self.patience();
        least + spread
    }

    /// The least of that, and what is added so that not all call at once.
    fn patience(&mut self) -> (Duration, Duration) {
        let known = u32::try_from(self.choice.known()).unwrap_or(u32::MAX);
        let most = PATIENCE_EACH.saturating_mul(known).min(PATIENCE_MAX);
        (most.max(PATIENCE_MIN), self.rng.duration(Duration::ZERO..=most))
    }

    pub(super) fn may_call(&self, candidate: &Candidate) -> bool {
        candidate.sources.iter().any(|source| self.places.allows(candidate.address, source))
            && !self.places.is_own(candidate.address)
    }
}

/// Where the pair comes in an order that everybody reckons alike. Keys can be made up so as to be first for somebody, or to
/// have somebody be first: then the others call a moment later, or somebody looks at as many made-up newcomers as its pace
/// allows.
pub(crate) const fn place_in_order(newcomer: [u8; 8], other: [u8; 8]) -> u64 {
    mixed(u64::from_be_bytes(newcomer).rotate_left(32) ^ u64::from_be_bytes(other))
}
