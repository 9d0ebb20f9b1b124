//! A node without a network: it keeps its contract with the store and the front ends, and does what it is told to
//! by messages that begin with `fake:`.
//!
//! - `fake: hear N TEXT`: bo says TEXT N times in the same room, each time an entry of its own
//! - `fake: missed N TEXT`: the same an hour ago, and it comes late; `fake: ahead MINUTES TEXT`: by another clock
//! - `fake: unsaid TEXT`: TEXT comes late, behind word that it was taken back
//! - `fake: poses NICK TEXT`: bo says TEXT under another nick
//! - `fake: again`: the last entry comes once more
//! - `fake: direct TEXT`: bo says TEXT to us alone
//! - `fake: later TEXT`: bo says TEXT after a while, one word; behind a `!` it is something to do
//! - `fake: moves`: we have gone along to bo's room of the same name
//! - `fake: edits TEXT`, `fake: deletes`: bo does so to what he said last, late if that was late
//! - `fake: about TOPIC`: bo sets the topic, one word
//! - `fake: lose`: bo is lost
//! - `fake: deaf`: what is said from now on is stored by nobody else, as when the link has died
//! - `fake: twice`, `fake: once`: bo runs a second time; the first run is lost
//! - `fake: copied`, `fake: copied no more`: our key speaks from another place; it is lost
//! - `fake: rename NICK`: bo is called NICK
//! - `fake: crowd N`: N others come
//! - `fake: copy`: bo is lost, and somebody else comes who is called the same and compares keys
//! - `fake: offers NAME`, `fake: lies NAME`: bo offers a file of 100,000 bytes; of the second the hash is another one
//! - `fake: holds`, `fake: goes on`: of what we fetch only one piece comes, or all; `fake: withdraws`: no more of it
//! - `fake: fetches`: bo fetches what we offered last
//! - `fake: hangs`: the disk answers no more; `fake: fails`, as all that it does not know: its thread panics
//!
//! All this is in `fake/orders.rs`, files in `fake/files.rs`, and what the person asks for in `fake/commands.rs`.

mod commands;
mod files;
mod orders;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
/// Another one of his name.
pub(crate) const COPY: PeerKey = PeerKey([0xc0; 32]);
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
        is_hung: Arc::default(),
        has_left: false,
    };
    let is_hung = Arc::clone(&fake.is_hung);
    thread::spawn(move || {
        (fake.on_output)(Output::Fetch { token: Token(0), what: Request::State });
        loop {
            let patience = if fake.later.is_some() { LATER } else { Duration::MAX };
            match inputs.recv_timeout(patience) {
                Ok(input) => fake.on_input(input),
                Err(RecvTimeoutError::Timeout) => {
                    let (place, text) = fake.later.take().unwrap();
                    match text.strip_prefix('!') {
                        Some(order) => fake.on_order(&place, order),
                        None => fake.hear(&place, &text),
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    Ok(Arc::new(move |input| {
        // It is the store's thread that says so, and waits as it would for a disk.
        while matches!(input, Input::Persisted { .. }) && is_hung.load(Ordering::Relaxed) {
            thread::park();
        }
        drop(submit.send(input));
    }))
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
    is_hung: Arc<AtomicBool>,
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
            placed: stamp,
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
        // Repair brings both.
        let late = late || !own && self.heard.as_ref().is_some_and(|heard| heard.messages[0].late);
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
