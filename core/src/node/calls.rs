//! Addresses that the person asked for and that have not answered yet.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::SocketAddr;

/// Requests that wait for the end of their first dial; of more, nobody is told what became of the oldest.
const CALLS_MAX: usize = 1024;

/// The tag and the address of each `Connect` of which nothing was told yet.
#[derive(Debug, Default)]
pub(super) struct Calls(VecDeque<(u64, SocketAddr)>);

impl Calls {
    /// Adds a request; false when an older one has to go for it.
    pub(super) fn push(&mut self, tag: u64, address: SocketAddr) -> bool {
        let fits = self.0.len() < CALLS_MAX;
        if !fits {
            self.0.pop_front();
        }
        self.0.push_back((tag, address));
        fits
    }

    /// The first dial to `address` has ended: who had asked for it.
    pub(super) fn end(&mut self, address: SocketAddr) -> Vec<u64> {
        let tags = self.0.iter().filter(|(_, at)| *at == address).map(|&(tag, _)| tag).collect();
        self.0.retain(|(_, at)| *at != address);
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_answered_once_and_their_number_is_bounded() {
        let (mut calls, at) = (Calls::default(), |port| SocketAddr::from(([10, 0, 0, 1], port)));
        assert!(calls.push(1, at(1)) && calls.push(2, at(2)) && calls.push(3, at(1)));
        assert_eq!(calls.end(at(1)), [1, 3]);
        assert!(calls.end(at(1)).is_empty());
        assert_eq!((0..2000).filter(|&tag| !calls.push(tag, at(9))).count(), 2001 - CALLS_MAX);
        assert_eq!(calls.0.len(), CALLS_MAX);
    }
}
