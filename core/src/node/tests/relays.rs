//! What somebody hostile does with neighbours that pass things on, and as one of them.

use core::time::Duration;

use super::*;
use crate::relay::Relayed;

/// Numbers of the nodes: two who do not hear each other, and the one who hears both.
const A: usize = 0;
const B: usize = 1;
const RELAY: usize = 2;

/// These three and as many more as make up `count`, all of them in session with the relay only.
fn around(count: u8) -> Vec<Node> {
    let start = Instant::ORIGIN;
    let mut nodes: Vec<Node> = (1..=count).map(|number| node(number, start)).collect();
    for index in (0..nodes.len()).filter(|index| *index != RELAY) {
        let to = "10.0.0.3:27182".parse().unwrap();
        let connect = Command { tag: 1, action: Action::Connect(to) };
        nodes[index].handle(start, Input::Command(connect));
        settle(&mut nodes, start);
    }
    run(&mut nodes, start, Duration::from_secs(8));
    nodes
}

fn settle(nodes: &mut [Node], now: Instant) {
    carry(nodes, now, |from, to| from == RELAY || to == RELAY);
}

fn run(nodes: &mut [Node], from: Instant, span: Duration) {
    run_where(nodes, from, span, |from, to| from == RELAY || to == RELAY);
}

fn run_where(nodes: &mut [Node], from: Instant, span: Duration, hears: impl Fn(usize, usize) -> bool) {
    for step in 0..span.as_millis() / 10 {
        let now = from + Duration::from_millis(10) * u32::try_from(step).unwrap();
        nodes.iter_mut().for_each(|node| node.handle(now, Input::Tick));
        carry(nodes, now, &hears);
    }
}

/// The same, and one more whom the two hear: another one who could pass things on.
fn between() -> Vec<Node> {
    let mut nodes = around(4);
    let (now, to) = (nodes[A].now, "10.0.0.4:27182".parse().unwrap());
    for index in [A, B] {
        nodes[index].handle(now, Input::Command(Command { tag: 1, action: Action::Connect(to) }));
    }
    run_where(&mut nodes, now, Duration::from_secs(8), all_but_the_two);
    nodes
}

const fn all_but_the_two(from: usize, to: usize) -> bool {
    !matches!((from, to), (A, B) | (B, A))
}

/// Over whom `A` reaches `B`, by number.
fn over(nodes: &[Node]) -> Option<usize> {
    let there = nodes[A].members.link_of(&tag(&nodes[B]))?;
    let key = nodes[A].through(nodes[A].peers[&there].at)?;
    nodes.iter().position(|node| node.identity.key() == key)
}

fn tag(node: &Node) -> Tag {
    Tag::of(REAL, &node.identity.key(), node.boot)
}

/// The link of `node` with `other`.
fn link(node: &Node, other: &Node) -> LinkId {
    let of = |(_, peer): &(&LinkId, &Peer)| peer.tag == tag(other);
    *node.peers.iter().find(of).expect("a session").0
}

/// Has `from` say something to `to` alone, and waits for it.
fn reached(nodes: &mut [Node]) {
    let now = nodes[A].now;
    say(nodes);
    run(nodes, now, Duration::from_secs(8));
    assert!(nodes[A].peers[&link(&nodes[A], &nodes[B])].is_relayed());
}

fn say(nodes: &mut [Node]) {
    let now = nodes[A].now;
    let (place, text) = (Place::Direct(nodes[B].identity.key()), Text::new(String::from("hi")).unwrap());
    let action = Action::Say { place, text, action: false, reply: None };
    nodes[A].handle(now, Input::Command(Command { tag: 2, action }));
}

fn bytes(size: usize) -> Bytes {
    vec![7; size].into()
}

#[test]
fn a_way_that_does_not_exist_is_told_of_a_few_times_and_leads_nowhere() {
    let mut nodes = around(3);
    let (from, now) = (link(&nodes[RELAY], &nodes[A]), nodes[RELAY].now);
    let before = nodes[A].stats().relay.refused;
    let (itself, back) = (tag(&nodes[RELAY]), tag(&nodes[A]));
    for number in 0..300 {
        for to in [Tag([9; 8]), itself, back] {
            nodes[RELAY].on_relay(from, to, bytes(1080));
        }
        if number % 10 == 0 {
            nodes[RELAY].handle(now, Input::Tick);
            settle(&mut nodes, now);
        }
    }
    let relay = nodes[RELAY].stats().relay;
    assert_eq!((relay.no_way, relay.passed, relay.over_quota), (900, 0, 0));
    let told = nodes[A].stats().relay.refused - before;
    assert_eq!(told, 8, "nothing that it knows");
}

#[test]
fn nobody_has_more_passed_on_than_the_quota_and_all_together_have_theirs() {
    let mut nodes = around(8);
    let (to, now) = (tag(&nodes[B]), nodes[RELAY].now);
    let senders: Vec<LinkId> = [0, 3, 4, 5, 6, 7].map(|sender| link(&nodes[RELAY], &nodes[sender])).into();
    let mut passed = Vec::new();
    for from in senders {
        let before = nodes[RELAY].stats().relay.passed_bytes;
        for number in 0..400 {
            nodes[RELAY].on_relay(from, to, bytes(1000));
            if number % 8 == 0 {
                nodes[RELAY].handle(now, Input::Tick);
                settle(&mut nodes, now);
            }
        }
        passed.push(nodes[RELAY].stats().relay.passed_bytes - before);
    }
    assert_eq!(passed[..4], [262_000; 4], "a burst each, of 256 KiB");
    assert!(passed.iter().sum::<u64>() <= 1 << 20 && passed[5] == 0, "{passed:?}");
    let relay = nodes[RELAY].stats().relay;
    assert_eq!(relay.passed + relay.over_quota, 2400, "{relay:?}");
    let later = now + Duration::from_secs(1);
    nodes[RELAY].handle(later, Input::Tick);
    let from = link(&nodes[RELAY], &nodes[A]);
    let before = nodes[RELAY].stats().relay.passed_bytes;
    (0..400).for_each(|_| nodes[RELAY].on_relay(from, to, bytes(1000)));
    let a_second_later = nodes[RELAY].stats().relay.passed_bytes - before;
    assert!((64_000..=66_000).contains(&a_second_later), "{a_second_later}");
}

#[test]
fn what_waits_for_a_slow_neighbour_is_bounded_and_keeps_nothing_else_waiting() {
    let mut nodes = around(3);
    let (from, to) = (link(&nodes[RELAY], &nodes[A]), tag(&nodes[B]));
    (0..200).for_each(|_| nodes[RELAY].on_relay(from, to, bytes(1080)));
    let relay = nodes[RELAY].stats().relay;
    assert_eq!((relay.passed, relay.dropped), (64, 136));
}

#[test]
fn a_neighbour_that_names_strangers_itself_or_us_is_not_listened_to() {
    let mut nodes = around(3);
    let from = link(&nodes[B], &nodes[RELAY]);
    let (own, itself) = (tag(&nodes[B]), tag(&nodes[RELAY]));
    let before = nodes[B].stats();
    for number in 0..1000u64 {
        nodes[B].on_relayed(from, Tag(number.to_be_bytes()), &bytes(1080));
        nodes[B].on_relayed(from, own, &bytes(1080));
        nodes[B].on_relayed(from, itself, &Bytes::new());
    }
    let after = nodes[B].stats();
    assert_eq!(after.relay.refused - before.relay.refused, 3000);
    assert_eq!(after.session, before.session, "not one of them got that far");
}

#[test]
fn a_neighbour_that_calls_in_the_name_of_others_gets_no_more_places_than_one_host() {
    let mut nodes = around(3);
    let from = link(&nodes[B], &nodes[RELAY]);
    let named = tag(&nodes[A]);
    let mut hello = [0; 1080];
    (hello[0], hello[25]) = (1, 9);
    for number in 0..10_000u64 {
        hello[1..9].copy_from_slice(&number.to_be_bytes());
        nodes[B].on_relayed(from, named, &Bytes::copy_from_slice(&hello));
    }
    assert_eq!(nodes[B].sessions.sizes().1, 64 / 8);
    let now = nodes[B].now;
    nodes[B].handle(now, Input::Tick);
    settle(&mut nodes, now);
    run(&mut nodes, now, Duration::from_secs(6));
    assert!(nodes[RELAY].peers.contains_key(&link(&nodes[RELAY], &nodes[B])), "they are still in session");
}

#[test]
fn nothing_goes_over_two_neighbours() {
    let mut nodes = around(3);
    reached(&mut nodes);
    let (over, relay) = (link(&nodes[A], &nodes[B]), tag(&nodes[RELAY]));
    let before = nodes[A].stats().relay;
    nodes[A].on_relay(over, relay, bytes(100));
    nodes[A].on_relayed(over, relay, &bytes(100));
    let after = nodes[A].stats().relay;
    assert_eq!((after.refused - before.refused, after.passed, after.received), (2, 0, before.received));
    // Nor is whoever is reached over a neighbour named as one to whom things can be passed on.
    let (record, _) = nodes[A].own.as_ref().expect("a record");
    assert_eq!(record.neighbours, [relay]);
    let from = link(&nodes[A], &nodes[RELAY]);
    let far = tag(&nodes[B]);
    nodes[A].on_relay(from, far, bytes(100));
    assert_eq!(nodes[A].stats().relay.no_way, 1);
}

#[test]
fn a_lie_that_there_is_no_way_ends_nothing() {
    let mut nodes = around(3);
    reached(&mut nodes);
    let (from, far) = (link(&nodes[A], &nodes[RELAY]), tag(&nodes[B]));
    let before = link(&nodes[A], &nodes[B]);
    for _ in 0..100 {
        nodes[A].on_relayed(from, far, &Bytes::new());
        let now = nodes[A].now;
        run(&mut nodes, now, Duration::from_millis(100));
    }
    assert_eq!(link(&nodes[A], &nodes[B]), before, "the same session");
}

#[test]
fn whom_a_neighbour_reaches_no_more_is_called_over_others_first() {
    for is_told in [true, false] {
        let mut nodes = around(3);
        reached(&mut nodes);
        let (relay, far, over) = (tag(&nodes[RELAY]), tag(&nodes[B]), link(&nodes[A], &nodes[RELAY]));
        // It says so itself, or does not answer.
        match is_told {
            true => nodes[A].on_no_way(over, far),
            false => nodes[A].on_relay_doubtful(over),
        }
        let shunned = nodes[A].relays.failed_until(far, relay).map(|until| until - nodes[A].now);
        assert_eq!(shunned, Some(Duration::from_secs(10)), "no longer, since both name it in their records");
    }
}

#[test]
fn when_the_neighbour_goes_the_same_session_goes_on_over_another_and_back() {
    let mut nodes = between();
    let now = nodes[A].now;
    say(&mut nodes);
    run_where(&mut nodes, now, Duration::from_secs(8), all_but_the_two);
    let before = link(&nodes[A], &nodes[B]);
    for _ in 0..6 {
        let gone = over(&nodes).expect("it is reached over somebody");
        let (other, start) = (5 - gone, nodes[A].now);
        let mut doubted = None;
        for step in 0..900 {
            let now = start + Duration::from_millis(10) * step;
            nodes.iter_mut().for_each(|node| node.handle(now, Input::Tick));
            carry(&mut nodes, now, |from, to| all_but_the_two(from, to) && from != gone && to != gone);
            // Either of the two may find out first that it does not answer, or that the other one does not.
            let is_silent = |node: &Node| node.peers.values().any(|peer| peer.is_suspect);
            let is_doubted = is_silent(&nodes[A]) || is_silent(&nodes[B]);
            doubted = doubted.or(is_doubted.then_some(now));
            if over(&nodes) == Some(other) {
                break;
            }
        }
        let took = nodes[A].now - doubted.expect("it does not answer");
        assert!(took < Duration::from_millis(600), "{took:?} after {gone} was doubted");
        assert_eq!((over(&nodes), link(&nodes[A], &nodes[B])), (Some(other), before));
        // The one who was gone is there again, and as good as any other.
        let now = nodes[A].now;
        run_where(&mut nodes, now, Duration::from_secs(30), all_but_the_two);
        assert_eq!(
            (over(&nodes), link(&nodes[A], &nodes[B])),
            (Some(other), before),
            "it is not left for that"
        );
    }
}

#[test]
fn when_the_neighbour_says_goodbye_the_session_goes_on_over_another_at_once() {
    let mut nodes = between();
    let now = nodes[A].now;
    say(&mut nodes);
    run_where(&mut nodes, now, Duration::from_secs(8), all_but_the_two);
    let (before, gone) = (link(&nodes[A], &nodes[B]), over(&nodes).expect("it is reached over somebody"));
    let now = nodes[A].now;
    nodes[gone].handle(now, Input::Command(Command { tag: 3, action: Action::Quit }));
    run_where(&mut nodes, now, Duration::from_millis(500), all_but_the_two);
    assert_eq!((over(&nodes), link(&nodes[A], &nodes[B])), (Some(5 - gone), before));
}

#[test]
fn whom_one_neighbour_does_not_reach_after_all_is_called_over_the_next() {
    let mut nodes = between();
    let now = nodes[A].now;
    say(&mut nodes);
    // Both name each other, and hear each other no more.
    run_where(&mut nodes, now, Duration::from_millis(5800), |from, to| {
        all_but_the_two(from, to) && !matches!((from, to), (RELAY, B) | (B, RELAY))
    });
    assert_eq!(over(&nodes), Some(3), "the relay of lower number was tried first");
}

#[test]
fn what_stands_for_a_neighbour_is_neither_told_nor_kept() {
    let mut nodes = around(3);
    reached(&mut nodes);
    let stored = nodes[A].acquaintances.of(&nodes[B].identity.key()).expect("they have met");
    assert!(stored.addresses.iter().all(|address| Relayed::of(*address).is_none()));
    let record = &nodes[RELAY].members.of(&tag(&nodes[A])).expect("a record").record;
    assert_eq!(record.addresses.len(), 1);
}

#[test]
fn whoever_passes_things_on_for_us_is_kept_as_long_as_that_lasts() {
    let mut nodes = around(3);
    let relay = nodes[RELAY].identity.key();
    assert!(nodes[A].contacts.relays().next().is_none());
    reached(&mut nodes);
    assert!(nodes[A].contacts.relays().eq([relay.short()]));
    assert!(nodes[B].contacts.relays().eq([relay.short()]), "also at the other end");
    assert!(nodes[RELAY].contacts.relays().next().is_none());
}

#[test]
fn in_a_crowd_somebody_is_called_who_is_in_session_with_whom_nobody_of_ours_reaches() {
    const FRIEND: usize = 3;
    // B hears one more than the relay.
    let hears = |from, to| {
        let is = |one, other| (from, to) == (one, other) || (to, from) == (one, other);
        from == RELAY || to == RELAY || is(B, FRIEND)
    };
    let mut nodes = around(12);
    let start = nodes[A].now;
    for step in 0..3000 {
        let now = start + Duration::from_millis(10) * step;
        nodes.iter_mut().for_each(|node| node.handle(now, Input::Tick));
        carry(&mut nodes, now, hears);
    }
    let (now, far, relay) = (nodes[A].now, tag(&nodes[B]), tag(&nodes[RELAY]));
    assert!(nodes[A].contacts.is_crowd());
    let named = &nodes[A].members.of(&far).expect("a record").record.neighbours;
    assert!(named.contains(&tag(&nodes[FRIEND])), "{named:?}");
    let calls = |node: &mut Node, now: Instant| {
        node.handle(now, Input::Tick);
        let outputs =
            core::iter::from_fn(|| Some(node.poll()).filter(|output| !matches!(output, Output::Wait(_))));
        let to = "10.0.0.4:27182".parse().unwrap();
        outputs.filter(|output| matches!(output, Output::Transmit(transmit) if transmit.to == to)).count()
    };
    assert_eq!(calls(&mut nodes[A], now), 0);
    nodes[A].relays.fail(far, relay, now + Duration::from_secs(60));
    let key = nodes[B].identity.key();
    nodes[A].find_way(far, key);
    assert_eq!(calls(&mut nodes[A], now + Duration::from_millis(1)), 1);
}
