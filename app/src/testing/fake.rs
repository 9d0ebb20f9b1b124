//! A node without a network: it keeps its contract with the store and the front ends, and does what it is told to
//! by messages that begin with `fake:`.
//!
//! - `fake: hear N TEXT`: bo says TEXT N times in the same room, each time an entry of its own
//! - `fake: missed N TEXT`: the same an hour ago, and it comes late; `fake: ahead MINUTES TEXT`: by another clock
//! - `fake: again`: the last entry comes once more
//! - `fake: direct TEXT`: bo says TEXT to us alone
//! - `fake: later TEXT`: bo says TEXT after a while, one word
//! - `fake: edits TEXT`, `fake: deletes`: bo does so to what he said last
//! - `fake: about TOPIC`: bo sets the topic, one word
//! - `fake: lose`: bo is lost
//! - `fake: deaf`: what is said from now on is stored by nobody else, as when the link has died
//! - `fake: twice`, `fake: once`: bo runs a second time; the first run is lost
//! - `fake: rename NICK`: bo is called NICK
//! - `fake: crowd N`: N others come
//! - `fake: offers NAME`, `fake: lies NAME`: bo offers a file of 100,000 bytes; of the second the hash is another one
//! - `fake: fetches`: bo fetches what we offered last
//!
//! All this is in `fake/orders.rs`, files in `fake/files.rs`.

mod files;
mod orders;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    Action, Answer, BootId, Change, Command, Config, EntryId, Event, Findings, Identity, Input, Intake,
    MdnsSocket, Message, MessageId, Multicast, NetChange, Nick, Output, PathFindings, PeerChange,
    PeerFindings, PeerKey, PeerState, Place, REAL, Record, Refusal, Rekey, RekeyState, Request, RoomKeyId,
    RoomName, RoomRoot, Source, Stamp, Stats, StoredEntry, StoredKeep, StoredPeer, StoredRoom, StoredTrust,
    Token, Topic, Trust, UnixMillis, Unreached, What,
};
use chat_net::{Clock, OnOutput};

pub(crate) use files::content as files_content;

use crate::{cli::Options, engine::Opened, fault::Fault};

/// In a while.
const LATER: Duration = Duration::from_millis(400);
/// The one who is there.
pub(crate) const BO: PeerKey = PeerKey([0xb0; 32]);
/// Where nobody is.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9));
const BO_RUN: BootId = BootId(0xb0);
const BO_OTHER_RUN: BootId = BootId(0xb1);

/// Opens no socket; with `--discovery manual` nobody is there.
pub(crate) fn open(options: &Options) -> Result<Opened, Fault> {
    let is_alone = !options.discovery.mdns;
    Ok(Opened {
        port: 27_182,
        mdns_socket: MdnsSocket::None,
        left_out: Rc::new(|| vec!["fake1 10.0.1.1/24: it is virtual".to_string()]),
        begin: Box::new(move |config, identity, on_output, _| begin(config, &identity, on_output, is_alone)),
    })
}

fn begin(
    config: Config,
    identity: &Identity,
    on_output: OnOutput,
    is_alone: bool,
) -> io::Result<chat_net::Submit> {
    let (submit, inputs) = mpsc::channel();
    let boot = BootId(u64::from_le_bytes(*chat_net::entropy()?.first_chunk().unwrap()));
    let mut fake = Fake {
        own: identity.key(),
        nick: config.nick,
        boot,
        clock: Clock::new(),
        on_output,
        last_token: 0,
        last_entry: 0,
        unpersisted: Vec::new(),
        rooms: Vec::new(),
        is_alone,
        is_deaf: is_alone,
        heard: None,
        later: None,
        trust: BTreeMap::new(),
        roots: BTreeMap::new(),
        files: files::Files::default(),
        has_left: false,
    };
    thread::spawn(move || {
        (fake.on_output)(Output::Fetch { token: Token(0), what: Request::State });
        loop {
            let patience = if fake.later.is_some() { LATER } else { Duration::MAX };
            match inputs.recv_timeout(patience) {
                Ok(input) => fake.on_input(input),
                Err(RecvTimeoutError::Timeout) => {
                    let (place, text) = fake.later.take().unwrap();
                    fake.hear(&place, &text);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    Ok(Arc::new(move |input| drop(submit.send(input))))
}

struct Fake {
    own: PeerKey,
    nick: Nick,
    boot: BootId,
    clock: Clock,
    on_output: OnOutput,
    last_token: u64,
    last_entry: u64,
    /// What is told when the store has the token.
    unpersisted: Vec<(Token, Vec<Event>)>,
    rooms: Vec<RoomName>,
    is_alone: bool,
    /// Nobody tells that they have stored something.
    is_deaf: bool,
    heard: Option<StoredEntry>,
    /// What bo says in a while.
    later: Option<(Place, String)>,
    trust: BTreeMap<PeerKey, Trust>,
    roots: BTreeMap<RoomName, RoomRoot>,
    files: files::Files,
    has_left: bool,
}

impl Fake {
    fn on_input(&mut self, input: Input<'static>) {
        match input {
            // What comes after the end is nobody's business.
            _ if self.has_left => {}
            Input::Fetched { answer: Answer::State(state), .. } => {
                for StoredTrust { key, trust } in state.trusts {
                    self.trust.insert(key, trust);
                    self.tell(Event::Trusted { key, trust });
                }
                for StoredKeep { place, days, .. } in state.keeps {
                    self.tell(Event::Kept { place, days });
                }
                let root = |room: &StoredRoom| Some((room.name.clone(), room.root.clone()?));
                self.roots.extend(state.rooms.iter().filter_map(root));
                self.rooms.extend(state.rooms.into_iter().filter(|room| room.joined).map(|room| room.name));
                let interfaces = vec!["fake0 10.0.0.1/24".to_string()];
                self.tell(Event::Net(NetChange { interfaces, multicast: Multicast::Alone }));
                if !self.is_alone {
                    self.bo(PeerState::Online);
                }
            }
            Input::Persisted { token, result } => {
                let (done, rest) =
                    std::mem::take(&mut self.unpersisted).into_iter().partition(|(its, _)| *its <= token);
                self.unpersisted = rest;
                for event in Vec::into_iter(done).flat_map(|(_, events)| events) {
                    match (result, event) {
                        (Ok(()), event) => self.tell(event),
                        (Err(_), Event::Done { tag, .. }) => self.refuse(tag, Refusal::StoreFull),
                        _ => {}
                    }
                }
            }
            Input::Command(Command { tag, action }) => self.on_command(tag, action),
            Input::Written { result, .. } => self.on_written(result),
            Input::Fetched { answer: Answer::Piece(bytes), .. } => self.on_piece(bytes),
            _ => {}
        }
    }

    fn on_command(&mut self, tag: u64, action: Action) {
        let done = Event::Done { tag, message: None };
        match action {
            Action::Say { place: Place::Room(room), .. } if !self.rooms.contains(&room) => {
                self.refuse(tag, Refusal::NotInRoom);
            }
            Action::Say { place: Place::Direct(key), .. } if key != BO => {
                self.refuse(tag, Refusal::UnknownPeer);
            }
            Action::Say { place, text, action, reply } => {
                let mut entry = self.entry(&place, self.own, text.as_str());
                let message = Arc::make_mut(&mut entry.messages[0]);
                (message.own, message.action, message.reply) = (true, action, reply);
                let message = Arc::clone(&entry.messages[0]);
                self.tell(Event::Message(Arc::clone(&message)));
                let mut events = vec![Event::Done { tag, message: Some(message.id) }];
                if !self.is_deaf {
                    events.push(Event::Receipt { entry: entry.id, stored_by: 1, of: 1 });
                }
                self.persist(vec![Record::Entry(entry)], events);
                if let Some(order) = text.as_str().strip_prefix("fake: ") {
                    self.on_order(&place, order);
                }
            }
            Action::Edit { place, target, text } => {
                self.change(&place, self.own, What::Edit { target, text: text.as_str().into() }, tag);
            }
            Action::Delete { place, target } => self.change(&place, self.own, What::Delete { target }, tag),
            Action::React { place, target, emoji, gone } => {
                self.change(&place, self.own, What::React { target, emoji, gone }, tag);
            }
            Action::Topic { room, topic } => {
                self.change(&Place::Room(room), self.own, What::Topic(topic), tag);
            }
            Action::Join(name) if name.as_str() == "#toomany" => {
                // As a node that still waits for its store.
                thread::sleep(LATER);
                self.refuse(tag, Refusal::TooManyRooms);
            }
            Action::JoinPrivate { room: name, root } => {
                self.roots.insert(name.clone(), root.clone());
                self.rooms.push(name.clone());
                let room = StoredRoom { name, joined: true, floor: Stamp(0), id: None, root: Some(root) };
                self.persist(vec![Record::Room(room)], vec![done]);
            }
            Action::Join(name) => {
                self.rooms.push(name.clone());
                let root = self.roots.get(&name).cloned();
                let room = StoredRoom { name, joined: true, floor: Stamp(0), id: None, root };
                self.persist(vec![Record::Room(room)], vec![done]);
            }
            Action::Rekey { room, .. } if !self.roots.contains_key(&room) => {
                self.refuse(tag, Refusal::OpenRoom);
            }
            Action::Rekey { room, without } => {
                let state = RekeyState::Made { root: RoomRoot::new([0xaa; 32]), given: 2, missed: 1 };
                self.rekey(self.own, &room, without, state);
                self.tell(done);
            }
            Action::Follow { successor, .. } if successor != room_after(BO) => {
                self.refuse(tag, Refusal::NoKey);
            }
            Action::Follow { room, .. } => {
                let root = RoomRoot::new([0xbb; 32]);
                self.rekey(BO, &room, Vec::new(), RekeyState::Followed { root });
                self.tell(done);
            }
            Action::Leave(name) => {
                self.rooms.retain(|room| *room != name);
                let root = self.roots.get(&name).cloned();
                let room = StoredRoom { name, joined: false, floor: Stamp(0), id: None, root };
                self.persist(vec![Record::Room(room)], vec![done]);
            }
            Action::Rename(nick) => {
                self.nick = nick.clone();
                self.persist(vec![Record::Nick(nick)], vec![done]);
            }
            Action::Compare(key) if key != BO => self.refuse(tag, Refusal::NotThere),
            Action::Compare(key) => {
                let digits = "0471 9920 3318".parse().unwrap();
                self.tell(Event::Compared { key, digits, asked: true });
                self.tell(done);
            }
            Action::Think { key, thought } => {
                let trust = self.trust.get(&key).copied().unwrap_or_default().with(thought);
                self.trust.insert(key, trust);
                self.tell(Event::Trusted { key, trust });
                self.persist(vec![Record::Trust(StoredTrust { key, trust })], vec![done]);
            }
            Action::Earlier(place) => {
                self.tell(done);
                self.hear_late(&place, "said before you came");
            }
            Action::Keep { place, days } => {
                self.tell(Event::Kept { place: place.clone(), days });
                let keep = StoredKeep { room: room_of(&place), place, days, from: Stamp(0) };
                self.persist(vec![Record::Keep(keep)], vec![done]);
            }
            Action::Import(bundle) => {
                let intake = Intake { new: bundle.into_entries().len() as u64, ..Intake::default() };
                self.tell(Event::Imported { tag, intake });
                self.tell(done);
            }
            Action::Connect(address) => {
                self.tell(done);
                if address.ip() == NOBODY {
                    let reason = Unreached::Silent;
                    self.tell(Event::Unreachable { tag, address, reason });
                } else {
                    self.bo(PeerState::Online);
                }
            }
            Action::Count => {
                let mut stats = Stats::default();
                stats.datagrams = 7;
                stats.session.forged = 2;
                self.tell(Event::Counted { tag, stats: stats.into() });
                self.tell(done);
            }
            Action::Examine => {
                let findings = self.findings();
                self.tell(Event::Examined { tag, findings: findings.into() });
                self.tell(done);
            }
            Action::Offer { place, offer } => self.offer(tag, &place, offer),
            Action::Fetch(wanted) => {
                self.tell(done);
                self.fetch(wanted);
            }
            Action::Stop(file) => {
                self.tell(done);
                self.stop(file);
            }
            Action::Quit => {
                self.tell(Event::Finished);
                self.has_left = true;
            }
            other => panic!("{other:?}"),
        }
    }

    /// An interface that this machine does not have, and bo if he is there.
    fn findings(&self) -> Findings {
        let bo = PeerFindings {
            key: Some(BO),
            id: Some(BO.short()),
            boot: Some(BO_RUN),
            nick: Nick::new("bo").ok(),
            address: "10.0.0.2:27182".parse().ok(),
            state: PeerState::Online,
            sources: vec![Source::Mdns],
            is_silent: false,
            path: Some(PathFindings { rtt: Duration::from_millis(3), sent: 20, lost: 0 }),
            echo: None,
            clock_ahead_ms: Some(300),
        };
        let peers = Some(bo).filter(|_| !self.is_alone).into_iter().collect();
        Findings { mdns: MdnsSocket::None, multicast: Multicast::Alone, links: vec![], peers }
    }

    fn entry(&mut self, place: &Place, author: PeerKey, text: &str) -> StoredEntry {
        self.last_entry += 1;
        let mut id = [0; 32];
        id[..8].copy_from_slice(&self.boot.0.to_be_bytes());
        id[8..16].copy_from_slice(&self.last_entry.to_be_bytes());
        let (id, sent) = (EntryId(id), self.clock.wall());
        let stamp = Stamp(sent.0 * 1000 + self.last_entry);
        let message = Message {
            id: MessageId { entry: id, item: 0 },
            place: place.clone(),
            from: author,
            boot: self.boot,
            nick: if author == BO { Nick::new("bo").unwrap() } else { self.nick.clone() },
            text: text.to_string(),
            action: false,
            reply: None,
            file: None,
            sent: UnixMillis(sent.0),
            stamp,
            late: false,
            own: false,
        };
        StoredEntry {
            room: room_of(place),
            place: place.clone(),
            id,
            stamp,
            author,
            bytes: Bytes::from_static(b"signed"),
            messages: vec![message.into()],
            changes: vec![],
        }
    }

    /// Somebody changes something; for us it is done when it is stored.
    fn change(&mut self, place: &Place, from: PeerKey, what: What, tag: u64) {
        let mut entry = self.entry(place, from, "");
        let Message { id, place, from, boot, nick, sent, stamp, late, .. } =
            Arc::unwrap_or_clone(entry.messages.remove(0));
        let own = from == self.own;
        entry.changes.push(Change { id, place, from, boot, nick, what, sent, stamp, late, own });
        let done = own.then_some(Event::Done { tag, message: Some(id) });
        self.persist(vec![Record::Entry(entry)], done.into_iter().collect());
    }

    fn persist(&mut self, records: Vec<Record>, then: Vec<Event>) {
        self.last_token += 1;
        let token = Token(self.last_token);
        self.unpersisted.push((token, then));
        (self.on_output)(Output::Persist { token, records });
    }

    fn refuse(&mut self, tag: u64, reason: Refusal) {
        self.tell(Event::Refused { tag, reason });
    }

    fn tell(&mut self, event: Event) {
        (self.on_output)(Output::Event(event));
    }
}

/// The room that somebody makes in the place of another one.
fn room_after(from: PeerKey) -> RoomKeyId {
    RoomKeyId([from.0[0]; 16])
}

fn room_of(place: &Place) -> RoomKeyId {
    match place {
        Place::Room(name) => RoomKeyId::of_open(REAL, name),
        Place::Direct(key) => RoomKeyId(*key.0.first_chunk().unwrap()),
    }
}
