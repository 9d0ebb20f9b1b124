//! Keys that somebody gives who should not, and what liars and crowds of them achieve.

use super::{
    entry::Entry,
    gather::Batch,
    item::{GivenKey, Item, Successor},
    key::RoomKey,
    *,
};

/// The key of a successor, as its author would give it who is in the room with the secret `former`.
fn key_by(world: &World, author: usize, former: u8, root: [u8; 32]) -> GivenKey {
    let former = RoomKey::private(REAL, &den(), &RoomRoot::new([former; 32]));
    let root = RoomRoot::new(root);
    let successor = RoomKey::private(REAL, &den(), &root).id();
    let proof = former.succession(REAL, &world.key(author), successor);
    GivenKey { former: former.id(), name: "#den".into(), root, proof, without: Vec::new() }
}

fn say_item(world: &mut World, index: usize, place: &Place, item: Item) {
    let id = world.id_of(index, place);
    world.turn(index, |rooms, turn| rooms.write(turn, id, Batch::of(item)));
    world.run_ms(50);
}

/// Peer 1 gives peer 0 this key, in their conversation.
fn give(world: &mut World, key: GivenKey) {
    let place = Place::Direct(world.key(0));
    say_item(world, 1, &place, Item::Key(Box::new(key)));
}

#[test]
fn a_key_counts_in_a_conversation_for_two_and_nowhere_else() {
    let mut world = world(2);
    let key = key_by(&world, 1, 7, [9; 32]);
    say_item(&mut world, 1, &room("#den"), Item::Key(Box::new(key.clone())));
    say_item(&mut world, 1, &lobby(), Item::Key(Box::new(key.clone())));
    let told_of = Successor { room: RoomKeyId([5; 16]), without: Vec::new() };
    say_item(&mut world, 1, &lobby(), Item::Successor(told_of.clone()));
    let direct = Place::Direct(world.key(0));
    say_item(&mut world, 1, &direct, Item::Successor(told_of));
    assert_eq!((world.peers[0].stats.keys_misplaced, told(&world, 0).len()), (4, 0));
    give(&mut world, key);
    assert_eq!(offers(&world, 0).len(), 1, "the same one, where it belongs");
}

#[test]
fn a_key_for_a_room_that_we_are_not_in_is_nobodys_business() {
    let mut world = world(2);
    let key = key_by(&world, 1, 8, [9; 32]);
    give(&mut world, key);
    let key = key_by(&world, 1, 7, [9; 32]);
    world.command(0, 1, Action::Leave(den()));
    give(&mut world, key);
    assert_eq!((world.peers[0].stats.keys_elsewhere, told(&world, 0).len()), (2, 0));
}

#[test]
fn whoever_knows_the_name_of_our_key_and_not_the_key_offers_nothing() {
    let mut world = world(2);
    let former = key_by(&world, 1, 7, [9; 32]).former;
    let by_stranger = GivenKey { former, ..key_by(&world, 1, 8, [9; 32]) };
    give(&mut world, by_stranger);
    // What somebody else has given proves nothing of whoever repeats it.
    let repeated = key_by(&world, 0, 7, [9; 32]);
    give(&mut world, repeated);
    assert_eq!((world.peers[0].stats.keys_unproven, told(&world, 0).len()), (2, 0));
}

#[test]
fn a_key_that_is_old_or_known_to_all_or_badly_written_is_none() {
    let mut world = world(2);
    let good = || key_by(&world, 1, 7, [9; 32]);
    let open = crate::suite::kdf(REAL, "p2p-chat/1 room open", &[b"#den"]);
    let bad = [
        key_by(&world, 1, 7, [7; 32]),
        key_by(&world, 1, 7, [0; 32]),
        key_by(&world, 1, 7, open),
        GivenKey { name: "#Den".into(), ..good() },
        GivenKey { name: "den".into(), ..good() },
        GivenKey { name: "#lair".into(), ..good() },
        GivenKey { name: "#d\u{202e}en".into(), ..good() },
        GivenKey { name: "x".repeat(4000), ..good() },
        GivenKey { without: [world.key(0); LEFT_OUT_MAX + 1].into(), ..good() },
    ];
    let (count, former) = (bad.len() as u64, good().former);
    bad.into_iter().for_each(|key| give(&mut world, key));
    let place = room("#den");
    say_item(&mut world, 1, &place, Item::Successor(Successor { room: former, without: Vec::new() }));
    let without = [world.key(0); LEFT_OUT_MAX + 1].into();
    say_item(&mut world, 1, &place, Item::Successor(Successor { room: RoomKeyId([1; 16]), without }));
    assert_eq!((world.peers[0].stats.keys_bad, told(&world, 0).len()), (count + 2, 0));
    // Nor is the way back to where whoever was left out still is.
    rekey(&mut world, 0, &[]);
    let RekeyState::Made { root, .. } = told(&world, 0)[0].state.clone() else { panic!() };
    let now = RoomKey::private(REAL, &den(), &root);
    let back = RoomKey::private(REAL, &den(), &RoomRoot::new([7; 32])).id();
    let proof = now.succession(REAL, &world.key(1), back);
    let back = GivenKey { former: now.id(), proof, ..key_by(&world, 1, 7, [7; 32]) };
    give(&mut world, back);
    assert_eq!((world.peers[0].stats.keys_bad, offers(&world, 0).len()), (count + 3, 0));
}

#[test]
fn ten_thousand_offers_of_one_person_leave_the_newest_few_and_those_of_others() {
    let mut world = world(3);
    rekey(&mut world, 2, &[]);
    let by_2 = offers(&world, 0)[0].successor;
    let (former, key) = (world.key(0), world.key(1));
    let room_key = RoomKey::direct(REAL, &world.peers[1].identity, &former, &world.known(0).1).unwrap();
    let stamp = world.peers[0].rooms.clock.stamp(world.now).0;
    for number in 0..10_000u64 {
        let mut root = [9; 32];
        root[..8].copy_from_slice(&number.to_le_bytes());
        let given = key_by(&world, 1, 7, root);
        let body = item::Body {
            previous: None,
            boot: BootId(0),
            wall: UnixMillis(0),
            nick: Nick::new("mallory").unwrap(),
            items: [Item::Key(Box::new(given))].into(),
        };
        let identity = world.peers[1].identity.clone();
        let entry =
            Entry::seal(REAL, &mut Rng::new(root), &identity, &room_key, Stamp(stamp + number), &body);
        world.turn(0, |rooms, turn| {
            rooms.take_successors(turn, &Place::Direct(key), entry.room, &entry, &body);
        });
    }
    let store = &world.peers[0].store.successors;
    let stamps: Vec<u64> = store.values().filter(|it| it.from == key).map(|it| it.stamp.0 - stamp).collect();
    assert_eq!(stamps.into_iter().collect::<BTreeSet<_>>(), (9996..10_000).collect());
    assert_eq!((store.len(), world.peers[0].stats.keys_dropped), (5, 9996));
    world.command(0, 6, Action::Follow { room: den(), successor: by_2 });
    assert_eq!(here(&world, 0), by_2);
}

#[test]
fn a_crowd_of_liars_does_not_push_out_whoever_offers_one() {
    let mut world = world(2);
    let place = Place::Direct(world.key(1));
    let offer = |seed: u8, number: u8| {
        let identity = Identity::new(REAL, &[seed; 32]);
        let root = RoomRoot::new([number.max(1); 32].map(|byte| byte ^ seed));
        let former = RoomKey::private(REAL, &den(), &RoomRoot::new([7; 32]));
        let successor = RoomKey::private(REAL, &den(), &root).id();
        let proof = former.succession(REAL, &identity.key(), successor);
        let given = GivenKey { former: former.id(), name: "#den".into(), root, proof, without: Vec::new() };
        let body = item::Body {
            previous: None,
            boot: BootId(0),
            wall: UnixMillis(0),
            nick: Nick::new("one").unwrap(),
            items: [Item::Key(Box::new(given))].into(),
        };
        let stamp = Stamp(1000 + u64::from(number) + 10 * u64::from(seed));
        (Entry::seal(REAL, &mut Rng::new([seed; 32]), &identity, &former, stamp, &body), body)
    };
    // The honest one is the oldest of all.
    for (seed, number) in
        [(100, 1)].into_iter().chain((101..130).flat_map(|seed| (1..5).map(move |it| (seed, it))))
    {
        let (entry, body) = offer(seed, number);
        world.turn(0, |rooms, turn| rooms.take_successors(turn, &place, entry.room, &entry, &body));
    }
    let store = &world.peers[0].store.successors;
    let honest = Identity::new(REAL, &[100; 32]).key();
    assert_eq!(store.len(), 64);
    assert!(store.keys().any(|(_, from)| *from == honest));
}

#[test]
fn a_crowd_with_words_only_does_not_push_out_a_key() {
    let mut world = world(2);
    // Whoever offers a key comes last in the order of keys, and was the first to tell.
    let mut crowd: Vec<Identity> = (100..165).map(|seed| Identity::new(REAL, &[seed; 32])).collect();
    crowd.sort_by_key(Identity::key);
    let honest = crowd.pop().unwrap();
    let (former, root) = (RoomKey::private(REAL, &den(), &RoomRoot::new([7; 32])), RoomRoot::new([9; 32]));
    let successor = RoomKey::private(REAL, &den(), &root).id();
    let proof = former.succession(REAL, &honest.key(), successor);
    let given = GivenKey { former: former.id(), name: "#den".into(), root, proof, without: Vec::new() };
    let direct = Place::Direct(honest.key());
    let offer = (&honest, direct, Item::Key(Box::new(given)));
    let words = (0..).zip(&crowd).map(|(number, liar)| {
        let word = Successor { room: RoomKeyId([number; 16]), without: Vec::new() };
        (liar, room("#den"), Item::Successor(word))
    });
    for (number, (author, place, item)) in (0..).zip([offer].into_iter().chain(words)) {
        let (nick, items) = (Nick::new("one").unwrap(), [item].into());
        let body = item::Body { previous: None, boot: BootId(0), wall: UnixMillis(0), nick, items };
        let (mut rng, stamp) = (Rng::new([9; 32]), Stamp(1000 + number));
        let entry = Entry::seal(REAL, &mut rng, author, &former, stamp, &body);
        world.turn(0, |rooms, turn| rooms.take_successors(turn, &place, entry.room, &entry, &body));
    }
    assert_eq!(world.peers[0].store.successors.len(), 64);
    assert_eq!(world.peers[0].stats.keys_dropped, 1);
    world.command(0, 6, Action::Follow { room: den(), successor });
    assert_eq!((refusals(&world, 0), here(&world, 0)), (Vec::new(), successor));
}

#[test]
fn of_as_many_from_each_the_one_that_came_last_goes() {
    let mut world = world(2);
    let former = RoomKey::private(REAL, &den(), &RoomRoot::new([7; 32]));
    let crowd: Vec<Identity> = (100..165).map(|seed| Identity::new(REAL, &[seed; 32])).collect();
    // Whatever they say when that was.
    for (number, author) in (0u8..).zip(&crowd) {
        let root = RoomRoot::new([number; 32].map(|byte| byte ^ 128));
        let successor = RoomKey::private(REAL, &den(), &root).id();
        let proof = former.succession(REAL, &author.key(), successor);
        let given = GivenKey { former: former.id(), name: "#den".into(), root, proof, without: Vec::new() };
        let (nick, items) = (Nick::new("one").unwrap(), [Item::Key(Box::new(given))].into());
        let body = item::Body { previous: None, boot: BootId(0), wall: UnixMillis(0), nick, items };
        let (mut rng, stamp) = (Rng::new([9; 32]), Stamp(1000 - u64::from(number)));
        let entry = Entry::seal(REAL, &mut rng, author, &former, stamp, &body);
        let place = Place::Direct(author.key());
        world.turn(0, |rooms, turn| rooms.take_successors(turn, &place, entry.room, &entry, &body));
    }
    let kept: BTreeSet<PeerKey> = world.peers[0].store.successors.keys().map(|(_, from)| *from).collect();
    assert_eq!(kept, crowd[..64].iter().map(Identity::key).collect());
}

#[test]
fn a_room_that_is_told_of_and_whose_key_nobody_sends_stays_a_word() {
    let mut world = world(2);
    let without = Vec::from([world.key(1)]);
    say_item(&mut world, 1, &room("#den"), Item::Successor(Successor { room: RoomKeyId([5; 16]), without }));
    let heard = told(&world, 0);
    assert_eq!((heard.len(), heard[0].state.clone()), (1, RekeyState::Announced));
    world.command(0, 6, Action::Follow { room: den(), successor: RoomKeyId([5; 16]) });
    assert_eq!(refusals(&world, 0), [Refusal::NoKey]);
    world.restart(0);
    assert!(told(&world, 0)[0].again);
    // Left for good, it is forgotten.
    world.command(0, 7, Action::Leave(den()));
    assert!(world.peers[0].store.successors.is_empty());
}

#[test]
fn another_room_of_the_name_is_no_kin_and_what_was_left_is_not_called_back_to() {
    let mut world = world(2);
    rekey(&mut world, 1, &[]);
    follow(&mut world, 0);
    let followed = here(&world, 0);
    world.command(0, 1, Action::Leave(den()));
    let key = key_by(&world, 1, 7, [9; 32]);
    give(&mut world, key);
    assert_eq!((world.peers[0].stats.keys_elsewhere, offers(&world, 0).len()), (1, 1));
    world.command(0, 2, enter(8));
    let other = here(&world, 0);
    world.command(0, 3, Action::Follow { room: den(), successor: followed });
    assert_eq!((refusals(&world, 0), here(&world, 0)), ([Refusal::NameTaken].into(), other));
    world.command(0, 4, Action::Leave(den()));
    world.command(0, 5, Action::Follow { room: den(), successor: followed });
    assert_eq!(here(&world, 0), followed);
}

#[test]
fn an_accomplice_who_repeats_the_key_does_not_bring_back_whoever_was_left_out() {
    let mut world = world(4);
    rekey(&mut world, 0, &[3]);
    [1, 2].into_iter().for_each(|index| follow(&mut world, index));
    let RekeyState::Made { root, .. } = told(&world, 0)[0].state.clone() else { panic!() };
    // Whichever of them comes first in the order of keys.
    for author in [1, 2] {
        let key = key_by(&world, author, 7, *root.bytes());
        let place = Place::Direct(world.key(0));
        say_item(&mut world, author, &place, Item::Key(Box::new(key)));
    }
    rekey(&mut world, 0, &[2]);
    let stats = [1, 2, 3].map(|index| world.peers[index].stats.keys_elsewhere);
    assert_eq!(([1, 2, 3].map(|index| offers(&world, index).len()), stats), ([2, 1, 0], [0; 3]));
}
