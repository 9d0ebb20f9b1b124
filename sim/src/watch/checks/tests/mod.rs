//! Every check bites: a stage on which facts are played that must not happen, and the same without what is wrong.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use chat_core::{
    Action, BootId, EntryId, Event, Instant, Interface, Message, MessageId, Nick, PeerChange, PeerKey,
    PeerState, Place, Record, RoomKeyId, RoomName, Sizes, Source, Stamp, StoredEntry, Subnet, Text, Token,
    Transmit, UnixMillis, Via,
};

use crate::{
    host::{clock::EPOCH, disk::Disk},
    lan::Flight,
    plan::Plan,
    suite::CHEAP,
    watch::{
        Check, Fact, Truth,
        tests::{foe, plan},
    },
};

mod promises;
mod rekeys;
mod sent;
mod shown;

/// Three hosts on a switch, and one check that looks on.
struct Stage<C> {
    truth: Truth,
    check: C,
    now: Instant,
    told: Result<(), String>,
}

const ROOM: RoomKeyId = RoomKeyId([9; 16]);

impl<C: Check> Stage<C> {
    /// Everybody runs.
    fn new(check: C) -> Self {
        Self::of(&plan(3, 6000), check)
    }

    fn beside_a_foe(check: C) -> Self {
        let mut plan = plan(3, 6000);
        plan.foes.push(foe());
        Self::of(&plan, check)
    }

    fn of(plan: &Plan, check: C) -> Self {
        let truth = Truth::new(plan, CHEAP);
        let mut stage = Self { truth, check, now: Instant::ORIGIN, told: Ok(()) };
        (0..3).for_each(|host| stage.truth.set_key(host, key(host)));
        (0..3).for_each(|host| stage.boot(host, &Disk::default()));
        stage
    }

    fn see(&mut self, fact: &Fact<'_>) {
        self.truth.see(self.now, fact);
        let told = self.check.see(&self.truth, self.now, fact);
        if self.told.is_ok() {
            self.told = told;
        }
    }

    fn boot(&mut self, host: usize, disk: &Disk) {
        self.see(&Fact::Booted { host, boot: boot(host), disk });
        let net = Subnet { address: address(host).ip(), prefix: 16 };
        let card = Interface {
            index: 2,
            name: "eth0".into(),
            addresses: vec![net],
            multicast: true,
            loopback: false,
            mtu: 1500,
        };
        self.see(&Fact::Cards { host, interfaces: &[card], links: &[0] });
    }

    fn after(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// Nothing happens for so long; something unimportant ends it.
    fn wait(&mut self, seconds: u64) {
        self.after(seconds * 1000);
        self.see(&Fact::Asked { host: 2, tag: 0, action: &Action::Rename(Nick::lenient("x")) });
    }

    fn tell(&mut self, host: usize, event: &Event) {
        self.see(&Fact::Told { host, event });
    }

    fn meet(&mut self, one: usize, other: usize) {
        self.tell(one, &Event::Peer(change(PeerState::Online, other)));
        self.tell(other, &Event::Peer(change(PeerState::Online, one)));
    }

    fn everybody_meets(&mut self) {
        [(0, 1), (0, 2), (1, 2)].into_iter().for_each(|(one, other)| self.meet(one, other));
    }

    fn say(&mut self, host: usize, text: &str) {
        let action = Action::Say {
            place: Place::Room(RoomName::lobby()),
            text: Text::new(text).unwrap(),
            action: false,
            reply: None,
        };
        self.see(&Fact::Asked { host, tag: 1, action: &action });
    }

    fn append(&mut self, host: usize, token: u64, message: &Message) {
        let entry = StoredEntry {
            room: ROOM,
            place: message.place.clone(),
            id: message.id.entry,
            stamp: message.stamp,
            placed: message.stamp,
            author: message.from,
            bytes: Bytes::copy_from_slice(message.text.as_bytes()),
            messages: vec![message.clone().into()],
            changes: Vec::new(),
        };
        self.see(&Fact::Appended { host, token: Token(token), records: &[Record::Entry(entry)] });
    }

    fn safe(&mut self, host: usize, token: u64) {
        self.see(&Fact::Safe { host, token: Token(token), result: Ok(()) });
    }

    fn send(&mut self, host: usize, via: Via, to: SocketAddr, bytes: &[u8], cause: Option<&Flight>) {
        let transmit = Transmit { via, interface: 2, to, bytes: Bytes::copy_from_slice(bytes) };
        self.see(&Fact::Sent { host, transmit: &transmit, cause });
    }

    /// What the check had to say when the run ends.
    fn end(mut self) -> Result<(), String> {
        let told = self.check.end(&self.truth, self.now);
        self.told.and(told)
    }
}

fn key(host: usize) -> PeerKey {
    PeerKey([u8::try_from(host).unwrap() + 1; 32])
}

fn boot(host: usize) -> BootId {
    BootId(100 + host as u64)
}

fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(host).unwrap() + 1], 27_182))
}

fn change(state: PeerState, of: usize) -> PeerChange {
    PeerChange {
        state,
        key: Some(key(of)),
        id: Some(key(of).short()),
        boot: Some(boot(of)),
        nick: None,
        address: Some(address(of)),
        via: Source::Mdns,
        direct: true,
        through: None,
    }
}

fn message(from: usize, number: u8, text: &str) -> Message {
    Message {
        id: MessageId { entry: EntryId([number; 32]), item: 0 },
        place: Place::Room(RoomName::lobby()),
        from: key(from),
        boot: boot(from),
        nick: Nick::lenient("nick"),
        text: text.into(),
        action: false,
        reply: None,
        file: None,
        sent: UnixMillis(0),
        stamp: Stamp(EPOCH.0 * 1000 + u64::from(number)),
        late: false,
        own: false,
    }
}

fn flight(from: usize, to: usize, size: usize) -> Flight {
    Flight {
        id: 1,
        sender: from,
        from: address(from),
        to: address(to),
        link: 0,
        many: false,
        bytes: vec![1; size].into(),
    }
}

/// Asserts that the check complained, with these words.
fn bites(told: Result<(), String>, words: &str) {
    let what = told.expect_err("nothing was noticed");
    assert!(what.contains(words), "{what}");
}
