//! Who has which address on a link.
//!
//! The simulator gives out all addresses itself, and gives each a number: so they are found by that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chat_core::Subnet;

/// A host, and which of its cards.
type Holder = (usize, usize);

/// The holders of the addresses of one link.
#[derive(Debug)]
pub(super) struct Holders {
    /// Tells the addresses of this link from those of others.
    net: u8,
    /// By the kind and the number of the address: more than one if two claim it. Empty for those that were given back.
    tables: [Vec<Option<Vec<Holder>>>; 3],
    known: usize,
}

/// What sort of address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    V4,
    /// Of version 6, for its link alone.
    Local,
    /// Of version 6, for all links that are joined.
    Routed,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::V4, Self::Local, Self::Routed];
}

impl Holders {
    pub(super) fn new(link: usize) -> Self {
        let [_, net] = u16::try_from(link).unwrap_or(u16::MAX).to_be_bytes();
        Self { net, tables: Default::default(), known: 0 }
    }

    /// The address of this kind and number.
    pub(super) fn subnet(&self, kind: Kind, number: u16) -> Subnet {
        let net = u16::from(self.net) + 1;
        match kind {
            Kind::V4 => {
                let [high, low] = number.to_be_bytes();
                Subnet { address: Ipv4Addr::new(10, self.net, high, low).into(), prefix: 16 }
            }
            Kind::Local => {
                Subnet { address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, net, number).into(), prefix: 64 }
            }
            Kind::Routed => {
                Subnet { address: Ipv6Addr::new(0xfd00, 0, 0, net, 0, 0, 0, number).into(), prefix: 64 }
            }
        }
    }

    /// The holders of an address, the latest last.
    #[inline]
    pub(super) fn of(&self, address: IpAddr) -> &[Holder] {
        let who = self.find(address).and_then(|(kind, number)| self.tables[kind as usize].get(number));
        who.and_then(Option::as_deref).unwrap_or_default()
    }

    /// How many addresses somebody has or had.
    pub(super) const fn known(&self) -> usize {
        self.known
    }

    pub(super) fn add(&mut self, address: IpAddr, holder: Holder) {
        let Some((kind, number)) = self.find(address) else { return };
        let table = &mut self.tables[kind as usize];
        if table.len() <= number {
            table.resize_with(number + 1, || None);
        }
        let who = &mut table[number];
        self.known += usize::from(who.is_none());
        who.get_or_insert_default().push(holder);
    }

    pub(super) fn remove(&mut self, address: IpAddr, holder: Holder) {
        let Some((kind, number)) = self.find(address) else { return };
        if let Some(Some(who)) = self.tables[kind as usize].get_mut(number) {
            who.retain(|one| *one != holder);
        }
    }

    /// The kind and the number of an address, if it is one of this link.
    #[inline]
    fn find(&self, address: IpAddr) -> Option<(Kind, usize)> {
        let (kind, net, number) = match address {
            IpAddr::V4(ip) => match ip.octets() {
                [10, net, high, low] => (Kind::V4, net.into(), u16::from_be_bytes([high, low])),
                _ => return None,
            },
            IpAddr::V6(ip) => match ip.segments() {
                [0xfe80, 0, 0, 0, 0, 0, net, number] => (Kind::Local, net.wrapping_sub(1), number),
                [0xfd00, 0, 0, net, 0, 0, 0, number] => (Kind::Routed, net.wrapping_sub(1), number),
                _ => return None,
            },
        };
        (net == u16::from(self.net)).then_some((kind, number.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_of_a_link_has_its_own_holders_and_no_other_has_any() {
        for link in [0, 255] {
            let (mut holders, other) = (Holders::new(link), Holders::new(link ^ 1));
            let all: Vec<_> = Kind::ALL
                .into_iter()
                .flat_map(|kind| [1, 2, 256, u16::MAX].map(|number| (kind, number)))
                .collect();
            for (host, &(kind, number)) in all.iter().enumerate() {
                holders.add(holders.subnet(kind, number).address, (host, 0));
                holders.add(other.subnet(kind, number).address, (host, 9));
            }
            for (host, &(kind, number)) in all.iter().enumerate() {
                assert_eq!(holders.of(holders.subnet(kind, number).address), [(host, 0)]);
                assert_eq!(holders.of(other.subnet(kind, number).address), []);
            }
            assert_eq!(holders.known(), all.len());
        }
    }

    #[test]
    fn the_latest_is_last_and_an_address_that_was_given_back_is_known() {
        let mut holders = Holders::new(0);
        let [one, two] = [1, 2].map(|number| holders.subnet(Kind::Local, number).address);
        holders.add(one, (0, 0));
        holders.add(one, (1, 0));
        holders.add(two, (2, 0));
        assert_eq!(holders.of(one), [(0, 0), (1, 0)]);
        holders.remove(one, (0, 0));
        holders.remove(two, (2, 0));
        assert_eq!((holders.of(one), holders.of(two)), (&[(1, 0)][..], &[][..]));
        assert_eq!(holders.known(), 2);
    }
}
