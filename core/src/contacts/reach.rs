//! Where those in session are reached, and who is wanted and reached by no call of ours: for whom a neighbour may pass
//! things on.

use alloc::{collections::BTreeSet, vec::Vec};
use core::net::SocketAddr;

use super::{Circle, Contacts, Who, choice::HOPE};
use crate::{
    event::Source,
    frames::Keep,
    identity::{BootId, PeerKey},
    time::Instant,
};

impl Contacts {
    /// Those who are wanted and there, and whom our calls do not reach, by the first bytes of their keys: to whom the
    /// person has written alone, and somebody of each room of which nobody is reached. Also when it is to be asked
    /// again, since calls are under way.
    pub(crate) fn out_of_reach(&self, now: Instant) -> (BTreeSet<[u8; 8]>, Option<Instant>) {
        let (mut unreached, mut again) = (BTreeSet::new(), None::<Instant>);
        for who in self.wanted_anyhow() {
            let Who::Id(id) = who else { continue };
            match self.reach(now, who) {
                Reach::None => _ = unreached.insert(id),
                Reach::Unknown(until) => again = Some(again.map_or(until, |at| at.min(until))),
                Reach::Direct => {}
            }
        }
        (unreached, again)
    }

    /// These neighbours pass on what we say to others: they are kept.
    pub(crate) fn set_relays(&mut self, now: Instant, relays: &[PeerKey]) {
        let relays: BTreeSet<Who> = relays.iter().map(|key| Who::Id(key.short())).collect();
        if self.relays != relays {
            self.relays = relays;
            self.choice.stir(now);
        }
    }

    /// The first bytes of the keys of those who pass things on for us.
    #[cfg(test)]
    pub(crate) fn relays(&self) -> impl Iterator<Item = [u8; 8]> {
        self.relays.iter().filter_map(|who| if let Who::Id(id) = who { Some(*id) } else { None })
    }

    /// The peer in session moved to another address. Answers how it was found there.
    pub(crate) fn on_moved(&mut self, key: PeerKey, boot: BootId, address: SocketAddr) -> Source {
        if let Some(live) = self.live.get_mut(&(key, boot)) {
            live.address = address;
            if live.is_relayed() {
                return Source::Relay;
            }
        }
        let contact = self.contacts.get_mut(&Who::Id(key.short()));
        contact.map_or(Source::Outside, |contact| {
            contact.misses = 0;
            contact.prove(address, boot)
        })
    }

    /// Whether the only sessions with `who` are those that neighbours pass on.
    pub(super) fn is_relayed(&self, who: Who) -> bool {
        self.is_in_session(who) && !self.is_in_direct_session(who)
    }

    /// The sessions that are kept whatever circle they are in.
    pub(super) fn kept_anyhow(&self) -> Vec<(Who, Keep)> {
        let relayed = self.wanted_anyhow().into_iter().filter(|who| self.is_relayed(*who));
        let relays = self.relays.iter().map(|&who| (who, Keep::Spare));
        relayed.map(|who| (who, Keep::Choice)).chain(relays).collect()
    }

    /// Those with whom there is to be a session, if only by a neighbour.
    fn wanted_anyhow(&self) -> Vec<Who> {
        let mut wanted = Vec::new();
        let reached: BTreeSet<Who> = self.direct().collect();
        let is_here = |who: &Who| self.is_here(*who, None);
        for (circle, members) in self.choice.circles() {
            let members = members.iter().map(|(_, who)| *who);
            match circle {
                Circle::Friends => wanted.extend(members.filter(is_here)),
                Circle::Room(_) if members.clone().all(|who| !reached.contains(&who)) => {
                    // One is enough, and the one that is there already need not be another one.
                    let relayed = members.clone().find(|who| self.is_in_session(*who));
                    wanted.extend(relayed.or_else(|| members.clone().find(is_here)));
                }
                _ => {}
            }
        }
        wanted
    }

    fn direct(&self) -> impl Iterator<Item = Who> {
        let direct = self.live.iter().filter(|(_, live)| !live.is_relayed());
        direct.map(|((key, _), _)| Who::Id(key.short()))
    }

    fn is_in_direct_session(&self, who: Who) -> bool {
        self.direct().any(|other| other == who)
    }

    fn reach(&self, now: Instant, who: Who) -> Reach {
        if self.is_in_direct_session(who) {
            return Reach::Direct;
        }
        let Some(contact) = self.contacts.get(&who) else { return Reach::None };
        if contact.is_crowded {
            return Reach::Direct;
        }
        if !contact.candidates().any(|candidate| self.may_call(candidate)) {
            return Reach::None;
        }
        // A call that is not answered by then does not count on one any more.
        let hope = contact.dialled.max(contact.lost).map(|at| at + HOPE);
        match hope.filter(|until| *until > now) {
            Some(until) => Reach::Unknown(until),
            None if contact.misses > 0 => Reach::None,
            None => Reach::Unknown(now + HOPE),
        }
    }
}

/// What our calls have shown of somebody.
enum Reach {
    /// There is a session that needs nobody else, or there would be if there was room for it.
    Direct,
    /// They do not get there.
    None,
    /// They may, and that is known by then.
    Unknown(Instant),
}
