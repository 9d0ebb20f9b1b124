//! A whole node on one link hears any datagrams of multicast DNS, from anybody, at any time.
//!
//! The bytes are datagrams one behind the other: a byte that says from where, to where and after which wait, the length
//! in two bytes, then what it says.

use std::{net::IpAddr, time::Duration};

use chat_core::{
    Answer, Config, Datagram, DnsCounts, Identity, Input, Instant, Interface, MdnsSocket, MdnsStats, Nick,
    Node, Output, REAL, Request, State, Subnet, Transmit, UnixMillis, Via,
};

/// Multicast packets that may leave in a second: of each of the few records one, and of questions and probes some. No
/// storm is to be had.
const A_SECOND: usize = 40;
/// Unicast answers that may leave in a second.
const DIRECT_A_SECOND: usize = 110;
/// Records held at most.
const RECORDS_MAX: usize = 300;

/// Plays `bytes`; panics when the node does what no bytes may make it do.
pub(crate) fn engine(bytes: &[u8]) {
    let _counted = play(bytes);
}

/// The same, and what the node has counted.
pub(crate) fn play(bytes: &[u8]) -> MdnsStats {
    let mut bench = Bench::new();
    let mut rest = bytes;
    while let [head, high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
        let (says, behind) = behind.split_at(length);
        rest = behind;
        let step = u32::from(head >> 3);
        bench.run(Duration::from_millis(10) * step * step);
        let from = match head & 3 {
            0 => "10.1.0.200:5353",
            1 => "10.1.0.200:49152",
            2 => "10.1.0.1:5353",
            _ => "8.8.8.8:5353",
        };
        let to: IpAddr = if head & 4 == 0 { [224, 0, 0, 251].into() } else { [10, 1, 0, 1].into() };
        let from = from.parse().expect("an address");
        bench.hear(&Datagram { via: Via::Mdns, interface: 1, from, to, bytes: says });
    }
    // Whatever it was, it is over at some time.
    bench.run(Duration::from_secs(40));
    let sent = bench.sent.len();
    bench.run(Duration::from_secs(20));
    assert!(bench.sent.len() - sent < 100, "{} packets in 20 s of silence", bench.sent.len() - sent);
    bench.node.stats().mdns
}

struct Bench {
    now: Instant,
    node: Node,
    wake: Option<Instant>,
    /// What has been sent through the socket of multicast DNS: when, and whether by multicast.
    sent: Vec<(Instant, bool)>,
}

impl Bench {
    fn new() -> Self {
        let mut config = Config::new(REAL, Nick::new("Ana").expect("a nick"), 27182);
        config.mdns_socket = MdnsSocket::Exclusive;
        config.mdns_cache_max = RECORDS_MAX;
        let now = Instant::ORIGIN + Duration::from_secs(1_000);
        let node = Node::new(config, Identity::new(REAL, &[1; 32]), [2; 32], now);
        let mut bench = Self { now, node, wake: None, sent: Vec::new() };
        bench.drain();
        bench.give(Input::WallClock(UnixMillis(1_790_000_000_000)));
        let addresses = [[10, 1, 0, 1], [169, 254, 1, 1]].map(IpAddr::from);
        let addresses = addresses.map(|address| Subnet { address, prefix: 24 }).to_vec();
        let name = "eth0".into();
        let eth0 = Interface { index: 1, name, addresses, multicast: true, loopback: false, mtu: 1500 };
        bench.give(Input::Interfaces(&[eth0]));
        bench
    }

    fn hear(&mut self, datagram: &Datagram<'_>) {
        self.give(Input::Datagram(*datagram));
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(wake) = self.wake.filter(|wake| *wake <= end) {
            self.now = wake;
            self.give(Input::Tick);
        }
        self.now = end;
    }

    fn give(&mut self, input: Input<'_>) {
        self.node.handle(self.now, input);
        self.drain();
        assert!(self.node.sizes().mdns_records <= RECORDS_MAX);
    }

    /// Does all that the node wants.
    fn drain(&mut self) {
        loop {
            match self.node.poll() {
                Output::Transmit(transmit) => self.on_sent(&transmit),
                Output::Event(_) | Output::Trace(_) | Output::Write { .. } => {}
                Output::Persist { token, .. } => {
                    self.node.handle(self.now, Input::Persisted { token, result: Ok(()) });
                }
                Output::Fetch { token, what } => {
                    let answer = match what {
                        Request::State => Answer::State(State::default()),
                        Request::Ids { .. } => Answer::Ids(Vec::new()),
                        _ => Answer::Entries(Vec::new()),
                    };
                    self.node.handle(self.now, Input::Fetched { token, answer });
                }
                Output::Wait(wake) => {
                    assert!(wake.is_none_or(|wake| wake.at > self.now), "a wake that is not later than now");
                    self.wake = wake.map(|wake| wake.at);
                    return;
                }
            }
        }
    }

    fn on_sent(&mut self, transmit: &Transmit) {
        if transmit.via != Via::Mdns {
            return;
        }
        assert!(transmit.bytes.len() <= 1472);
        let counts = DnsCounts::of(&transmit.bytes).expect("we send messages");
        assert_eq!(counts.bad, 0, "and can read them");
        let is_multicast = transmit.to.ip().is_multicast();
        assert!(is_multicast || transmit.to.ip() == IpAddr::from([10, 1, 0, 200]) || is_own(transmit));
        self.sent.push((self.now, is_multicast));
        let recent = self.sent.iter().rev().take_while(|(at, _)| self.now - *at < Duration::from_secs(1));
        let of_kind = recent.filter(|(_, other)| *other == is_multicast).count();
        assert!(
            of_kind <= if is_multicast { A_SECOND } else { DIRECT_A_SECOND },
            "{of_kind} packets in a second"
        );
    }
}

/// To ourselves: another program of this machine may have asked.
fn is_own(transmit: &Transmit) -> bool {
    transmit.to.ip() == IpAddr::from([10, 1, 0, 1])
}
