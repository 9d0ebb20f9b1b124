//! What is used up of somebody's share of our work when their link ends. Whoever comes again at once goes on from there,
//! under another key from the same place, too.

use alloc::collections::BTreeMap;

use super::{bucket::Bucket, link::Link};
use crate::{identity::PeerKey, session::Origin, time::Instant};

/// Shares kept at a time. They are whole again after some seconds, and links take longer to begin.
const SPENT_MAX: usize = 1024;

/// The shares of those who have gone and that are not whole again.
#[derive(Debug, Default)]
pub(super) struct Spent(BTreeMap<Spender, Share>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Spender {
    Peer(PeerKey),
    Origin(Origin),
}

/// What a link may bring, have looked through, and ask for.
type Share = [Bucket; 3];

impl Spent {
    /// This link has ended.
    pub(super) fn keep(&mut self, now: Instant, link: &mut Link) {
        self.0.retain(|_, share| share.iter().any(|bucket| !bucket.is_full(now)));
        // On our own host many live, and with one address.
        let origin = link.origin.filter(|origin| *origin != Origin::Own).map(Spender::Origin);
        for spender in [Some(Spender::Peer(link.peer())), origin].into_iter().flatten() {
            if self.0.len() < SPENT_MAX || self.0.contains_key(&spender) {
                let share = self.0.entry(spender).or_default();
                share.iter_mut().zip(link.share()).for_each(|(bucket, used)| bucket.join(*used));
            }
        }
    }

    /// This link has begun, or its peer is somewhere else.
    pub(super) fn give_back(&self, link: &mut Link) {
        let spenders = [Some(Spender::Peer(link.peer())), link.origin.map(Spender::Origin)];
        for used in spenders.into_iter().flatten().filter_map(|spender| self.0.get(&spender)) {
            link.share().into_iter().zip(used).for_each(|(bucket, used)| bucket.join(*used));
        }
    }
}
