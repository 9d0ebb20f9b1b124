//! Few members of a room among many peers.

use super::*;

const ROOM: RoomKeyId = RoomKeyId([1; 16]);

fn key(number: u16) -> PeerKey {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    PeerKey(key)
}

fn id(number: u16) -> Who {
    Who::Id(key(number).short())
}

/// Whom each of the `members`, the first ones of `all`, chooses among themselves; what they know of each other's rooms decides.
fn choices(all: u16, members: u16) -> Vec<BTreeSet<u16>> {
    let choices = |own: u16| {
        let [first, second] = own.to_be_bytes();
        let seed = [[first, second]; 16].as_flattened().try_into().unwrap();
        let mut book = Contacts::new(REAL, (key(own), BootId(1)), 4096, Rng::new(seed));
        let net = vec![Subnet { address: "10.0.255.1".parse().unwrap(), prefix: 16 }];
        book.on_interfaces(at(0), &[Interface { addresses: net, ..card(2) }]);
        for other in (0..all).filter(|other| *other != own) {
            let [third, fourth] = other.to_be_bytes();
            let addresses = vec![SocketAddr::from(([10, 0, third, fourth], 27182))];
            let told = Sighting { addresses, ..seen(Source::Exchange, Some(key(other).short()), &[]) };
            book.on_sighting(at(0), &told);
            if other < members {
                book.on_rooms(at(0), key(other), &[ROOM], &[]);
            }
        }
        book.due(at(1));
        (0..members).filter(|other| *other != own && book.choice.is_chosen(id(*other))).collect()
    };
    (0..members).map(choices).collect()
}

/// Over which all are reached from the first one, whoever of two has chosen the other.
fn reached(choices: &[BTreeSet<u16>]) -> usize {
    let is_edge = |one: u16, other: u16| {
        choices[usize::from(one)].contains(&other) || choices[usize::from(other)].contains(&one)
    };
    let (mut reached, mut open) = (BTreeSet::from([0]), vec![0]);
    while let Some(one) = open.pop() {
        for other in (0..).take(choices.len()) {
            if is_edge(one, other) && reached.insert(other) {
                open.push(other);
            }
        }
    }
    reached.len()
}

/// Chosen among all peers, half of the ten would have nobody of their room (`protocol-review` A1).
#[test]
fn the_members_of_a_room_are_connected_however_many_others_there_are() {
    for (all, members) in [(200, 10), (2000, 20)] {
        let choices = choices(all, members);
        assert_eq!(reached(&choices), usize::from(members), "{members} of {all}");
        assert!(choices.iter().all(|chosen| chosen.len() >= 4), "{choices:?}");
    }
}
