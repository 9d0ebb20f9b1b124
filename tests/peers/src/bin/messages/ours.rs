//! Ours: nodes on a runtime library, with stores in memory, all in this process. They meet as when the person enters
//! an address by hand.
//!
//! As in the project's own test of throughput: a bot that reads its answers and lets the others keep up, with the
//! limit that protects from one who floods raised. Everything else is as by default.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use chat_app::{
    Start, Submit,
    store::{Memory, Store},
};
use chat_core::{
    Action, Answer, Command, Config, Event, Identity, Input, Nick, Node, Output, PeerKey, PeerState, Place,
    REAL, Request, RoomName, Text,
};
use chat_net::{Clock, Net, Options, entropy};

use crate::{
    board::{Begun, Board},
    gauge::Gauge,
    trial::{Figures, Stack},
    work::LENGTH,
};

/// Messages that may be on their way to the slowest.
const WINDOW: u64 = 16_384;
/// Messages that may be said and not yet be kept: a node refuses more than 4096.
const UNANSWERED: u64 = 2048;
/// So often it is looked whether there is room, in messages.
const LOOKS: u64 = 256;
/// So many entries a second, each with up to 256 messages, are more than anybody can say.
const AUTHOR_RATE: u32 = 1_000_000;
/// After all know all: the rooms are proven and the neighbours chosen.
const SETTLED: Duration = Duration::from_millis(500);

/// What runs our nodes.
pub(crate) fn start(stack: Stack) -> Start {
    if stack == Stack::Smol { chat_smol::start } else { chat_std::start }
}

pub(crate) fn run(start: Start, board: &Arc<Board>) -> Figures {
    let crowd = Crowd::new(start, board, |_, own| Box::new(Memory::new(own, Memory::BYTES_MAX)));
    let (singles, total) = board.counts();
    board.singles(|message| crowd.sender().say(message));
    board.wait(singles);
    let begun = Begun::now();
    crowd.flood(board);
    board.wait(total);
    let figures = board.figures(&begun);
    crowd.quit();
    figures
}

/// Of the board's receivers the one in this seat, who tells it what it hears.
fn listener(seat: usize, board: &Arc<Board>) -> Listen {
    let board = Arc::clone(board);
    Box::new(move |event| {
        if let Event::Message(message) = event
            && !message.own
        {
            board.hear(seat, message.text.as_bytes());
        }
    })
}

/// The sender and its receivers.
pub(crate) struct Crowd(Vec<Peer>);

impl Crowd {
    /// As many as the board has receivers, and one more, who all know each other. `store` makes each one's store, from
    /// its number and key.
    pub(crate) fn new(
        start: Start,
        board: &Arc<Board>,
        store: impl Fn(usize, PeerKey) -> Box<dyn Store>,
    ) -> Self {
        let peer = |seat: Option<usize>, number: usize| {
            let secret = secret(number);
            let own = Identity::new(REAL, &secret).key();
            let listen =
                seat.map_or_else(|| Box::new(|_: &Event| {}) as Listen, |seat| listener(seat, board));
            Peer::start(start, &secret, store(number, own), listen, Box::new(Nothing))
        };
        let mut peers = vec![peer(None, 0)];
        peers.extend((0..board.receivers()).map(|seat| peer(Some(seat), seat + 1)));
        Self::introduce(peers)
    }

    /// Has all of them meet.
    pub(crate) fn introduce(peers: Vec<Peer>) -> Self {
        let crowd = Self(peers);
        for other in &crowd.0[1..] {
            crowd.sender().ask(u64::MAX, Action::Connect(([127, 0, 0, 1], other.port).into()));
        }
        for peer in &crowd.0 {
            peer.told.online.wait("the others", crowd.0.len() as u64 - 1);
        }
        thread::sleep(SETTLED);
        crowd
    }

    pub(crate) fn sender(&self) -> &Peer {
        &self.0[0]
    }

    /// The first of the others.
    pub(crate) fn receiver(&self) -> &Peer {
        &self.0[1]
    }

    /// Says everything but the single messages, as fast as it is kept here and heard there.
    pub(crate) fn flood(&self, board: &Board) {
        let (singles, total) = board.counts();
        for number in singles..total {
            if number % LOOKS == 0 {
                board.wait(number.saturating_sub(WINDOW));
                self.sender().told.answered.wait("an answer", number.saturating_sub(UNANSWERED));
            }
            self.sender().say(&board.message(number));
        }
    }

    pub(crate) fn quit(self) {
        for peer in self.0 {
            peer.ask(u64::MAX, Action::Quit);
            peer.told.finished.wait("the end", 1);
        }
    }
}

/// One running node.
pub(crate) struct Peer {
    submit: Submit,
    told: Arc<Told>,
    port: u16,
}

/// Hears every event, in the node's own thread.
pub(crate) type Listen = Box<dyn FnMut(&Event) + Send>;

/// The bytes of files, of which there is one at a time.
pub(crate) trait Files: Send {
    /// A piece of what is offered.
    fn piece(&self, offset: u64, length: u32) -> Option<Bytes>;
    /// Takes a piece of what is fetched.
    fn write(&mut self, offset: u64, bytes: &[u8]);
}

/// Nothing is offered or fetched.
pub(crate) struct Nothing;

impl Files for Nothing {
    fn piece(&self, _: u64, _: u32) -> Option<Bytes> {
        None
    }

    fn write(&mut self, _: u64, _: &[u8]) {}
}

/// The secret of the peer with this number.
pub(crate) fn secret(number: usize) -> [u8; 32] {
    [number as u8 + 1; 32]
}

/// What it has told.
struct Told {
    online: Gauge,
    answered: Gauge,
    finished: Gauge,
}

impl Peer {
    /// `listen` hears every event, `files` has what it offers and takes what it fetches.
    pub(crate) fn start(
        start: Start,
        secret: &[u8; 32],
        store: Box<dyn Store>,
        mut listen: Listen,
        files: Box<dyn Files>,
    ) -> Self {
        // Unicast on the loopback interface, and nothing else.
        let options = Options { interfaces: vec!["lo".into()], port: None, mdns: false, broadcast: false };
        let (net, clock) = (Net::open(&options).expect("loopback"), Clock::new());
        let port = net.port();
        let mut config = Config::new(REAL, Nick::new("peer").expect("a nick"), port);
        (config.discovery.mdns, config.discovery.broadcast) = (false, false);
        config.author_rate = AUTHOR_RATE;
        let node =
            Node::new(config, Identity::new(REAL, secret), entropy().expect("randomness"), clock.now());
        let told = Arc::new(Told { online: Gauge::new(), answered: Gauge::new(), finished: Gauge::new() });
        let (asked, requests) = channel();
        let on_output = Box::new({
            let told = Arc::clone(&told);
            move |output| on_output(output, &told, &mut listen, &asked)
        });
        let submit = start(node, net, clock, on_output).expect("a runtime");
        let answer = Arc::clone(&submit);
        thread::spawn(move || keep(store, files, &requests, &answer));
        Self { submit, told, port }
    }

    pub(crate) fn say(&self, message: &[u8; LENGTH]) {
        let text = str::from_utf8(message).expect("a message is text");
        let (place, text) = (Place::Room(RoomName::lobby()), Text::new(text).expect("a text"));
        self.ask(0, Action::Say { place, text, action: false, reply: None });
    }

    /// How many messages of its own it has been told to be kept.
    pub(crate) fn answered(&self) -> &Gauge {
        &self.told.answered
    }

    pub(crate) fn ask(&self, tag: u64, action: Action) {
        (self.submit)(Input::Command(Command { tag, action }));
    }
}

fn on_output(output: Output, told: &Told, listen: &mut Listen, asked: &Sender<Output>) {
    let Output::Event(event) = output else {
        // The store's thread ends with this.
        let _ = asked.send(output);
        return;
    };
    listen(&event);
    match event {
        Event::Done { message: Some(_), .. } => told.answered.add(1),
        Event::Peer(change) if change.state == PeerState::Online => told.online.add(1),
        Event::Refused { reason, .. } => panic!("refused: {reason}"),
        Event::Finished => told.finished.add(1),
        _ => {}
    }
}

/// A store's thread, as the program has it: commits what waits, then answers, and never waits for more.
fn keep(mut store: Box<dyn Store>, mut files: Box<dyn Files>, requests: &Receiver<Output>, answer: &Submit) {
    while let Ok(first) = requests.recv() {
        let (mut batches, mut newest, mut fetches) = (Vec::new(), None, Vec::new());
        for request in std::iter::once(first).chain(requests.try_iter()) {
            match request {
                Output::Persist { token, records } => {
                    batches.push(records);
                    newest = Some(token);
                }
                Output::Fetch { token, what: Request::Piece { offset, length, .. } } => {
                    let piece = files.piece(offset, length);
                    answer(Input::Fetched { token, answer: Answer::Piece(piece) });
                }
                Output::Fetch { token, what } => fetches.push((token, what)),
                Output::Write { token, offset, bytes, .. } => {
                    files.write(offset, &bytes);
                    answer(Input::Written { token, result: Ok(()) });
                }
                _ => {}
            }
        }
        if let Some(token) = newest {
            let result = store.append(&batches).map(drop);
            answer(Input::Persisted { token, result });
        }
        for (token, what) in fetches {
            answer(Input::Fetched { token, answer: store.fetch(&what).expect("a store") });
        }
    }
}
