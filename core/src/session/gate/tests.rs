use super::*;
use crate::{boundary::Subnet, suite::REAL};

const NOW: Instant = Instant::from_nanos(1_000_000_000);

fn gate() -> (Gate, Rng) {
    let mut rng = Rng::new([1; 32]);
    (Gate::new(REAL, 63, &mut rng), rng)
}

/// Says hello with so many handshakes half open, none of them from the same origin.
fn admit(
    gate: &mut Gate,
    rng: &mut Rng,
    now: Instant,
    from: SocketAddr,
    hello: &Hello,
    all: usize,
) -> Admission {
    let proven = gate.has_cookie(now, rng, from, hello);
    gate.admit(now, from, hello, proven, Crowd { all, alike: 0 })
}

fn hello(number: u64) -> Hello {
    Hello { from: number, cookie: [0; COOKIE], noise: [3; 32] }
}

#[test]
fn a_crowd_must_show_a_cookie_made_for_its_address_and_message() {
    let (mut gate, mut rng) = gate();
    let (one, other) = ("10.0.0.1:7".parse().unwrap(), "10.0.0.1:8".parse().unwrap());
    assert_eq!(admit(&mut gate, &mut rng, NOW, one, &hello(1), 20), Admission::Granted);
    let Admission::Prove(cookie) = admit(&mut gate, &mut rng, NOW, one, &hello(1), 21) else { panic!() };
    let with = |number| Hello { cookie, ..hello(number) };
    assert_eq!(admit(&mut gate, &mut rng, NOW, one, &with(1), 21), Admission::Granted);
    assert!(matches!(admit(&mut gate, &mut rng, NOW, other, &with(1), 21), Admission::Prove(_)));
    assert!(matches!(admit(&mut gate, &mut rng, NOW, one, &with(2), 21), Admission::Prove(_)));
    let later = NOW + SECRET_LIFE;
    assert_eq!(admit(&mut gate, &mut rng, later, one, &with(1), 21), Admission::Granted);
    let later = later + SECRET_LIFE;
    assert!(matches!(admit(&mut gate, &mut rng, later, one, &with(1), 21), Admission::Prove(_)));
}

#[test]
fn made_up_addresses_on_the_link_are_asked_for_few_cookies() {
    let (mut gate, mut rng) = gate();
    let addresses = Vec::from([Subnet { address: [10, 0, 0, 1].into(), prefix: 16 }]);
    let card =
        Interface { index: 2, name: "eth".into(), addresses, multicast: true, loopback: false, mtu: 1500 };
    gate.on_interfaces(&[card]);
    let known: SocketAddr = "10.0.0.2:7".parse().unwrap();
    gate.know(NOW, known.ip(), false);
    let mut asked = |gate: &mut Gate, now, from: &dyn Fn(u16) -> SocketAddr| {
        let admissions = (0..10_000).map(|number| admit(gate, &mut rng, now, from(number), &hello(1), 60));
        admissions.filter(|admission| matches!(admission, Admission::Prove(_))).count()
    };
    let here =
        |number: u16| SocketAddr::from(([10, 0, 1 + number.to_be_bytes()[0], number.to_be_bytes()[1]], 7));
    // One in a hurry leaves the others some, and then many make them up.
    assert_eq!(asked(&mut gate, NOW, &|_| here(1)), 2);
    assert_eq!(asked(&mut gate, NOW, &here), 62);
    assert!(gate.cookies.1.len() <= 64, "no more are remembered than were asked");
    // Who is known, or behind a router, is not among those who are looked for in vain.
    assert_eq!(asked(&mut gate, NOW, &|_| known), 10_000);
    assert_eq!(asked(&mut gate, NOW, &|number| SocketAddr::from(([11, 0, 0, 1], number))), 10_000);
    // As many again as the time gives.
    assert_eq!(asked(&mut gate, NOW + Duration::from_millis(500), &here), 50);
    assert_eq!(asked(&mut gate, NOW + Duration::from_secs(5), &here), 64);
}

#[test]
fn the_last_third_is_for_those_who_are_known() {
    let (mut gate, mut rng) = gate();
    let from: SocketAddr = "10.0.0.1:7".parse().unwrap();
    let Admission::Prove(cookie) = admit(&mut gate, &mut rng, NOW, from, &hello(1), 42) else { panic!() };
    let hello = Hello { cookie, ..hello(1) };
    assert_eq!(admit(&mut gate, &mut rng, NOW, from, &hello, 42), Admission::Refused);
    gate.know(NOW, from.ip(), false);
    assert_eq!(admit(&mut gate, &mut rng, NOW, from, &hello, 42), Admission::Granted);
    assert_eq!(admit(&mut gate, &mut rng, NOW, from, &hello, 63), Admission::Refused);
}

#[test]
fn one_address_has_its_pace_and_the_own_host_a_generous_one() {
    let (mut gate, mut rng) = gate();
    let mut granted = |gate: &mut Gate, from: &str| {
        let from = from.parse().unwrap();
        (0..400).filter(|&n| admit(gate, &mut rng, NOW, from, &hello(n), 0) == Admission::Granted).count()
    };
    assert_eq!(granted(&mut gate, "10.0.0.1:7"), 32);
    assert_eq!(granted(&mut gate, "10.0.0.1:8"), 0, "another port is no other address");
    assert_eq!(granted(&mut gate, "10.0.0.2:7"), 32);
    assert_eq!(granted(&mut gate, "[2001:db8::1]:7"), 128);
    assert_eq!(granted(&mut gate, "[2001:db8::2]:7"), 0, "the same /64");
    assert_eq!(granted(&mut gate, "127.0.0.1:7"), 400);
    let subnet = Subnet { address: "10.0.0.9".parse().unwrap(), prefix: 24 };
    gate.on_interfaces(&[Interface {
        index: 2,
        name: "lan0".into(),
        addresses: [subnet].into(),
        multicast: true,
        loopback: false,
        mtu: 1500,
    }]);
    assert_eq!(granted(&mut gate, "10.0.0.9:7"), 100, "the same host");
}

/// Who sends in another's name must not use up the other's pace.
#[test]
fn a_cookie_opens_a_pace_of_its_own() {
    let (mut gate, mut rng) = gate();
    let from: SocketAddr = "10.0.0.1:7".parse().unwrap();
    (0..100).for_each(|n| _ = admit(&mut gate, &mut rng, NOW, from, &hello(n), 0));
    let Admission::Prove(cookie) = admit(&mut gate, &mut rng, NOW, from, &hello(1), 0) else { panic!() };
    let honest = Hello { cookie, ..hello(1) };
    assert_eq!(admit(&mut gate, &mut rng, NOW, from, &honest, 0), Admission::Granted);
}

#[test]
fn memory_stays_bounded_whatever_addresses_are_made_up() {
    let (mut gate, mut rng) = gate();
    for number in 0..5000u32 {
        let from = SocketAddr::new(IpAddr::V4((0x0a00_0000 + number).into()), 7);
        admit(&mut gate, &mut rng, NOW, from, &hello(1), 0);
        gate.know(NOW, from.ip(), false);
    }
    assert_eq!((gate.paces.len(), gate.known.len()), (PACED_MAX, KNOWN_MAX));
}

#[test]
fn nobody_has_more_than_a_few_handshakes_half_open() {
    let (mut gate, _) = gate();
    let mut admit = |from: &str, proven, alike| {
        gate.admit(NOW, from.parse().unwrap(), &hello(1), proven, Crowd { all: 20, alike })
    };
    for (from, share) in [("10.0.0.1:7", 7), ("[2001:db8::1]:7", 15), ("127.0.0.1:7", 31)] {
        for proven in [false, true] {
            assert_eq!(admit(from, proven, share - 1), Admission::Granted, "{from}");
        }
        assert!(matches!(admit(from, false, share), Admission::Prove(_)), "{from}");
        assert_eq!(admit(from, true, share), Admission::Refused, "{from}");
    }
}

#[test]
fn of_strangers_the_latest_are_known_and_friends_stay() {
    let (mut gate, _) = gate();
    let ip = |number: u32| IpAddr::V4((0x0a00_0000 + number).into());
    gate.know(NOW, ip(0), true);
    for number in 1..5000 {
        let now = NOW + Duration::from_millis(number.into());
        gate.know(now, ip(number), false);
        // Somebody who is here all the time, and whose friendship is not forgotten.
        gate.know(now, ip(1), false);
        gate.know(NOW, ip(0), false);
    }
    assert!([0, 1, 4999].iter().all(|&number| gate.is_known((ip(number), 7).into())));
    assert!(!gate.is_known((ip(2), 7).into()) && gate.known.len() == KNOWN_MAX);
    (5000..7000).for_each(|number| gate.know(NOW, ip(number), true));
    gate.know(NOW + Duration::from_secs(60), ip(9000), false);
    assert!(!gate.is_known((ip(9000), 7).into()), "strangers do not push out friends");
}
