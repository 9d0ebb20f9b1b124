//! Conversations in which we have said nothing yet: what others write to us there arrives, and takes little.

use super::{
    entry::Entry,
    item::{Body, Item},
    *,
};

const DAY_S: u64 = 86_400;

/// What peer 1 writes to peer 0 alone, on the day of that number.
fn written(world: &World, day: u64, text: &str) -> Entry {
    let (key, direct, nick) = world.known(0);
    let identity = &world.peers[1].identity;
    let room = RoomKey::direct(REAL, identity, &key, &direct).unwrap();
    let items = [Item::Text { text: text.into(), action: false, reply: None }].into();
    let body = Body { previous: None, boot: BootId(0), wall: UnixMillis(0), nick, items };
    let stamp = Stamp(day * DAY_S * 1_000_000 + 1);
    Entry::seal(REAL, &mut Rng::new([5; 32]), identity, &room, stamp, &body)
}

/// Peer 1 has written this to peer 0, so many days ago, and starts anew.
fn wrote(world: &mut World, said: &[(&str, u64)]) {
    let today = today(world);
    for (text, ago) in said {
        let (entry, place) = (written(world, today - ago, text), Place::Direct(world.key(0)));
        let Entry { room, id, stamp, .. } = entry;
        let store = &mut world.peers[1].store;
        store.own.insert(room, OwnEntry { room, id, stamp });
        store.hold(place, &entry);
    }
    world.restart(1);
}

fn today(world: &World) -> u64 {
    history::day_of(Stamp(world.wall(0).0 * 1000)).into()
}

/// Two who meet after so many days.
fn after(days: u64) -> World {
    let mut world = World::new(2);
    world.run_s(days * DAY_S);
    world
}

fn conversation(world: &World) -> &Room {
    let place = Place::Direct(world.key(1));
    &world.peers[0].rooms.rooms[&world.id_of(0, &place)]
}

#[test]
fn one_entry_of_each_day_since_1970_does_not_fill_our_memory() {
    let mut world = after(1);
    world.peers[0].rooms.author_rate = 100_000;
    world.connect(0, 1);
    world.run_s(1);
    let (link, (_, theirs)) = world.peers[1].links.iter().next().map(|(&link, &to)| (link, to)).unwrap();
    let place = Place::Direct(world.key(0));
    let room = world.peers[1].rooms.links[&link].index(world.id_of(1, &place)).unwrap();
    for day in (0..today(&world)).step_by(10) {
        let entries = [written(&world, day, "x").bytes].into();
        let frame = Frame::Push { room, entries, repair: false };
        world.turn(0, |rooms, turn| rooms.on_frame(turn, theirs, frame));
    }
    let days = conversation(&world).history.days(0, u32::MAX).count();
    assert!((1..=65).contains(&days), "{days}");
}

#[test]
fn what_a_friend_wrote_while_we_were_away_for_months_arrives_and_the_rest_when_we_answer() {
    let mut world = after(600);
    wrote(&mut world, &[("too long ago", 500), ("in winter", 300), ("in spring", 100), ("yesterday", 1)]);
    world.connect(0, 1);
    world.run_s(10);
    assert_eq!(world.peers[0].heard(), ["in winter", "in spring", "yesterday"]);
    // There is nothing more to do, also when we start anew.
    for _ in 0..2 {
        let seen = world.seen.len();
        world.run_s(600);
        assert_eq!(world.seen.len(), seen);
        world.restart(0);
        world.connect(0, 1);
        world.run_s(10);
        assert_eq!(world.peers[0].heard(), Vec::<&str>::new());
    }
    let direct = Place::Direct(world.key(1));
    world.say_in(0, direct.clone(), "here I am");
    world.run_s(10);
    assert_eq!(world.peers[0].heard(), ["too long ago"]);
    world.restart(0);
    assert_eq!(world.peers[0].rooms.rooms.len(), 1);
    world.connect(0, 1);
    world.run_s(10);
    assert_eq!((conversation(&world).floor, world.stored(0, &direct).len()), (0, 5));
    let seen = world.seen.len();
    world.run_s(600);
    assert_eq!(world.seen.len(), seen);
}

#[test]
fn earlier_days_of_a_conversation_can_be_had_without_an_answer() {
    let mut world = after(600);
    wrote(&mut world, &[("long ago", 500), ("yesterday", 1)]);
    world.connect(0, 1);
    world.run_s(10);
    assert_eq!(world.peers[0].heard(), ["yesterday"]);
    let direct = Place::Direct(world.key(1));
    for _ in 0..8 {
        world.command(0, 1, Action::Earlier(direct.clone()));
    }
    world.run_s(10);
    assert_eq!(world.peers[0].heard(), ["yesterday", "long ago"]);
}
