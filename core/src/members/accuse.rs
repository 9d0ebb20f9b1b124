//! Who is said not to answer: by those who have lost it, and by us. The accused answers with a newer record.

use core::{net::SocketAddr, time::Duration};

use super::{GRACE, LOST_MAX, Member, Members, RETAIN, Timer};
use crate::{
    record::{PAUSE_MAX, PeerRecord, Tag, pause_most},
    time::Instant,
};

/// Whoever is accused has so long to answer: many times what a record takes across a network.
const DEFENCE: Duration = Duration::from_secs(1);
/// The same for our own neighbour, whom we have asked three times ourselves: the last two units of its probes.
pub(super) const DOUBT: Duration = Duration::from_millis(400);
/// An accusation in a version so much newer than the newest one known, in ms, is none: nobody could answer it.
const AHEAD_MAX: u64 = 86_400_000;

impl Members {
    /// Whether the neighbour `tag` answers. Its other neighbours are told before it is given up, so that whoever lives
    /// has answered by then.
    pub(crate) fn on_doubt(&mut self, now: Instant, tag: Tag, is_suspect: bool) {
        let Some(link) = self.links.get_mut(&tag) else { return };
        link.is_suspect = is_suspect;
        match self.all.get_mut(&tag) {
            Some(member) if is_suspect && self.lost.len() < LOST_MAX => {
                self.lost.insert(tag, member.record.version);
                member.accused = Some((member.record.version, now + DOUBT));
            }
            Some(member) if !is_suspect => {
                self.lost.remove(&tag);
                member.accused = None;
            }
            _ => {}
        }
        self.touch(now, tag);
    }

    /// Another run of the same identity has just proven that it is at `address`. If the run `tag` said to be there, it
    /// has ended: whether that is to be told to others.
    pub(crate) fn on_followed(&mut self, now: Instant, tag: Tag, address: SocketAddr) -> bool {
        let place = |address: &SocketAddr| (address.ip().to_canonical(), address.port());
        let Some(member) = self.all.get(&tag).filter(|member| member.ended.is_none()) else { return false };
        if !member.record.addresses.iter().any(|known| place(known) == place(&address)) {
            return false;
        }
        let version = member.record.version;
        if let Some(link) = self.links.get(&tag) {
            self.doubted.push(link.link);
            return false;
        }
        let is_told = self.lost.len() < LOST_MAX && self.lost.insert(tag, version) != Some(version);
        self.accuse(now, tag, version, now + DOUBT);
        is_told
    }

    /// The version in which `record` says that we are lost, unless what we say now, in the version `own`, is newer.
    pub(crate) fn accuses_us(&self, record: &PeerRecord, own: u64) -> Option<u64> {
        let us = record.lost.iter().find(|(tag, _)| *tag == self.own)?;
        (us.1 >= own && us.1 - own < AHEAD_MAX).then_some(us.1)
    }

    /// Somebody says that it has lost `accused`, whose record it had in this version.
    pub(super) fn on_accusation(&mut self, now: Instant, by: Tag, accused: Tag, version: u64) {
        let Some(member) = self.all.get(&accused) else { return };
        // Only neighbours know, and whoever is new may not have named its own yet.
        let is_neighbour = member.record.neighbours.contains(&by) || now - member.since < GRACE;
        let is_honest = version.saturating_sub(member.record.version) < AHEAD_MAX;
        if member.record.gone || member.record.version > version || !is_neighbour || !is_honest {
            return;
        }
        if let Some(link) = self.links.get(&accused) {
            return self.doubted.push(link.link);
        }
        // Whoever has just answered may have to wait before it does so again.
        let has_just = member.answered.is_some_and(|at| now - at < 2 * PAUSE_MAX);
        let pause = if has_just { pause_most(self.all.len()) } else { Duration::ZERO };
        self.accuse(now, accused, version, now + DEFENCE.max(pause + DOUBT));
    }

    /// Of those of whom `by` has `said` that they do not answer, it says so only of `still` now. Whoever nobody accuses any
    /// more has answered its accuser, and need not have heard of it.
    pub(super) fn withdraw(&mut self, now: Instant, by: Tag, said: &[(Tag, u64)], still: &[(Tag, u64)]) {
        for &(accused, _) in said.iter().filter(|(it, _)| still.iter().all(|(other, _)| other != it)) {
            self.accusations.remove(&(accused, by));
            let mut others = self.accusations.range((accused, Tag([0; 8]))..=(accused, Tag([u8::MAX; 8])));
            // Whom we have lost ourselves we do not believe to be here for that, nor whoever was lost so long that its accuser
            // has rather forgotten it.
            let is_long = |member: &Member| member.accused.is_some_and(|(_, at)| now - at >= RETAIN / 2);
            if others.next().is_some()
                || self.all.get(&accused).is_some_and(is_long)
                || self.lost.contains_key(&accused)
                || self.links.contains_key(&accused)
            {
                continue;
            }
            if let Some(member) = self.all.get_mut(&accused) {
                member.accused = None;
                self.timers.clear(Timer::Verdict(accused));
                self.touch(now, accused);
            }
        }
    }

    /// The newest version in which anybody says to have lost `tag`.
    pub(super) fn accused_in(&self, tag: Tag) -> Option<u64> {
        self.accusations
            .range((tag, Tag([0; 8]))..=(tag, Tag([u8::MAX; 8])))
            .map(|(_, &version)| version)
            .max()
    }

    pub(super) fn accuse(&mut self, now: Instant, tag: Tag, version: u64, verdict: Instant) {
        let Some(member) = self.all.get_mut(&tag) else { return };
        let verdict = member.accused.map_or(verdict, |(_, earlier)| earlier.min(verdict));
        let version = member.accused.map_or(version, |(other, _)| other.max(version));
        member.accused = Some((version, verdict));
        self.timers.set(Timer::Verdict(tag), verdict.max(now + Duration::from_nanos(1)));
        self.touch(now, tag);
    }

    /// Whether a chain of sessions leads to somebody who still says to have one with `tag`.
    pub(super) fn is_vouched(&self, tag: &Tag) -> bool {
        let Some(member) = self.all.get(tag) else { return false };
        let reached = self.reached(Some(*tag));
        member.record.neighbours.iter().filter(|other| reached.contains(other)).any(|other| {
            self.all.get(other).is_some_and(|other| other.record.neighbours.contains(tag))
                && !self.accusations.contains_key(&(*tag, *other))
        })
    }
}
