//! JSON lines: one object a line in both directions, for bots and scripts. `docs/JSON.md` describes it.

mod carry;
mod command;
pub(crate) mod files;
mod history;
pub(crate) mod line;
mod rekey;
mod told;
mod wishes;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    rc::Rc,
};

use chat_core::{Action, Event, Instant, Nick, RoomName, RoomRoot, StoreError, What};

use chat_net::Clock;

use self::{
    carry::Carrying,
    command::Wrong,
    files::Desk,
    history::{Histories, Next},
    line::{Code, Done, Id, Line, Peer},
};
use crate::{
    door::Door,
    engine::{Engine, LeftOut, Ready},
    files::{Job, Prepared},
    front::Front,
    happening::{self, Happening},
    input::Gate,
    out::{Out, Teller},
    people::People,
    phrase::Phrase,
    rekeys::Rekeys,
    store::{Cursor, Store, Told},
};

/// Bytes that wait for the reader while more is read from the store.
const AHEAD: usize = 256 << 10;

/// The front end for programs.
pub(crate) struct Json {
    out: Out,
    teller: Teller,
    gate: Gate,
    people: People,
    rooms: BTreeSet<RoomName>,
    /// Of the private ones.
    secrets: BTreeMap<RoomName, RoomRoot>,
    clock: Clock,
    left_out: LeftOut,
    pending: BTreeMap<u64, Pending>,
    histories: Histories,
    desk: Desk,
    carrying: Carrying,
    /// For how many days rooms and conversations are kept that are not kept for ever.
    keeps: BTreeMap<String, NonZeroU16>,
    rekeys: Rekeys,
    /// The newest message that was written, or need not be.
    cursor: Cursor,
    is_leaving: bool,
}

/// A command that the node works on.
#[derive(Debug)]
struct Pending {
    id: Option<Id>,
    then: Then,
}

/// What its success changes here.
#[derive(Debug)]
enum Then {
    Nothing,
    Joined {
        door: Door,
        /// Its phrase, if it was made here.
        made: Option<Phrase>,
    },
    Left(RoomName),
    Renamed(Nick),
    Offered(Prepared),
}

impl Json {
    /// Greets the reader; with `since` then all that came after it, own messages left out.
    pub(crate) fn new(
        program: &str,
        ready: &mut Ready,
        since: Option<Cursor>,
        out: Out,
        gate: Gate,
    ) -> Result<Self, StoreError> {
        let cursor = ready.store.newest()?;
        let folder = ready.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
        out.line(&Line::hello(program, &ready.nick, ready.key, ready.port, folder, cursor).text());
        let mut people = People::new(ready.key, ready.nick.clone(), ready.store.known()?);
        people.restore_trust(ready.store.trusts()?);
        if let Some(since) = since {
            replay(ready.store.as_mut(), since, &people, &out)?;
        }
        Ok(Self {
            teller: Teller::new(out.clone()),
            out,
            gate,
            people,
            rooms: ready.rooms.iter().cloned().collect(),
            secrets: ready.secrets.clone(),
            clock: Clock::new(),
            left_out: Rc::clone(&ready.left_out),
            pending: BTreeMap::new(),
            histories: Histories::default(),
            desk: Desk::default(),
            carrying: Carrying::default(),
            keeps: BTreeMap::new(),
            rekeys: Rekeys::default(),
            cursor,
            is_leaving: false,
        })
    }

    /// Enters a room that nobody asked for by a line.
    pub(crate) fn join(&mut self, door: Door, engine: &mut Engine) {
        engine.command(door.action());
        self.rooms.insert(door.room.clone());
        self.secrets.extend(door.root.map(|root| (door.room, root)));
    }

    fn on_event(&mut self, event: Event, engine: &Engine) {
        if self.on_import_event(&event) {
            return;
        }
        match event {
            Event::Done { tag, message } => {
                let Some(Pending { id, then }) = self.pending.remove(&tag) else { return };
                match then {
                    Then::Nothing => {}
                    Then::Joined { door: Door { room, root }, made } => {
                        self.rooms.insert(room.clone());
                        self.secrets.extend(root.map(|root| (room, root)));
                        if let Some(phrase) = made {
                            let phrase = Some(phrase.to_string());
                            return self.answer(&Line::Done(Done { id, phrase, ..Done::default() }));
                        }
                    }
                    Then::Left(room) => {
                        self.rooms.remove(&room);
                        self.rekeys.forget(&room);
                    }
                    Then::Renamed(nick) => self.people.rename(nick),
                    Then::Offered(prepared) => {
                        message.into_iter().for_each(|file| self.on_offered(file, prepared.clone(), engine));
                    }
                }
                self.answer(&message.map_or(Line::done(id.clone()), |message| Line::said(id, message)));
            }
            Event::Refused { tag, reason } => {
                if let Some(Pending { id, then }) = self.pending.remove(&tag) {
                    if matches!(then, Then::Offered(_)) {
                        engine.files(Job::NotOffered);
                    }
                    self.answer(&Line::error(id, Code::of(reason), &reason.to_string()));
                }
            }
            Event::Peer(change) => {
                self.people.on_peer(change.clone());
                self.tell(&Line::Peer(Peer::new(&change, &self.people)));
            }
            Event::Receipt { entry, stored_by, of } => {
                self.tell(&Line::receipt(entry, stored_by, of));
            }
            Event::Room { room, key, joined } => {
                self.tell(&Line::room(&room, key, joined));
            }
            Event::Compared { key, digits, asked } => {
                self.tell(&Line::verify(key, digits, asked));
            }
            Event::Trusted { key, trust } => {
                self.people.set_trust(key, trust);
                self.tell(&Line::trust(key, trust));
            }
            Event::Transfer(transfer) => self.on_transfer(&transfer),
            Event::Rekey(rekey) => self.on_rekey(&rekey),
            Event::Kept { place, days } => self.on_kept(&place, days),
            Event::Counted { stats, .. } => _ = self.tell(&Line::Stats(&stats)),
            Event::Finished => self.end_import(true),
            Event::Net(net) => {
                self.tell(&Line::net(&net, (self.left_out)()));
            }
            Event::Unreachable { address, reason, .. } => {
                self.tell(&Line::error(None, Code::Unreachable, &format!("{address}: {reason}")));
            }
            // Messages are told when the store has them. The other name in discovery is decoration.
            _ => {}
        }
    }

    fn on_line(&mut self, line: happening::Line, engine: &mut Engine) {
        // An empty line asks for nothing, and gets nothing.
        if is_empty(&line) {
            return self.gate.leave();
        }
        match command::read(line) {
            (id, Ok(wish)) => self.on_wish(id, wish, engine),
            (id, Err(Wrong { code, message })) => self.answer(&Line::error(id, code, &message)),
        }
    }

    /// Goes on with the answers that are longer than a reader takes at once.
    fn go_on(&mut self, engine: &mut Engine) {
        loop {
            if self.out.backlog() > AHEAD {
                return self.out.tell_drained();
            }
            match self.histories.next(engine) {
                Next::Nothing => return,
                // Nobody waits for an answer to this: a room that was left, or has a rule, goes back no further.
                Next::Begun(end) => {
                    end.into_iter().for_each(|place| _ = engine.command(Action::Earlier(place)));
                }
                Next::Messages(page) => {
                    for shown in page {
                        let trust = self.people.trust(shown.message.from);
                        self.out.line(&Line::message(&shown, trust, true).text());
                    }
                }
                Next::Done(id) => self.answer(&Line::done(id)),
                Next::Unknown(id) => {
                    self.answer(&Line::error(id, Code::UnknownId, "before is no message of this profile"));
                }
                Next::Failed(id) => {
                    self.answer(&Line::error(id, Code::Busy, "the history cannot be read now"));
                }
            }
        }
    }

    /// Answers a command: never left out, since nothing more is read while too much waits.
    fn answer(&mut self, line: &Line<'_>) {
        let text = line.text();
        self.answer_text(&text);
    }

    fn answer_text(&mut self, text: &str) {
        self.out.line(text);
        self.gate.leave();
    }

    /// Tells of something nobody asked for, as long as somebody reads.
    fn tell(&self, line: &Line<'_>) -> bool {
        self.teller.tell(&line.text())
    }
}

impl Front for Json {
    fn on_happening(&mut self, _now: Instant, happening: Happening, engine: &mut Engine) {
        match happening {
            Happening::Event(event) => self.on_event(event, engine),
            Happening::File(news) => self.on_file(news, engine),
            Happening::Stored(told) => {
                if let Told::Change(changed) = &told
                    && let What::Delete { target } = changed.change.what
                {
                    self.on_offer_gone(target, engine);
                }
                // What was said here is known here; where it is left out, nothing is missed.
                let trust = self.people.trust(told.author());
                let is_told = told.is_own() || trust.blocked || self.tell(&Line::told(&told, trust));
                if is_told && !self.teller.is_lagging() {
                    self.cursor = told.cursor();
                }
            }
            Happening::Store(Ok(())) | Happening::Readable(Ok(())) => {}
            Happening::Store(Err(error)) => {
                self.tell(&Line::error(None, Code::StoreFull, &error.to_string()));
            }
            Happening::Readable(Err(error)) => {
                let why = format!("the history cannot be read: {error}");
                self.tell(&Line::error(None, Code::StoreFull, &why));
            }
            Happening::Read(part) => self.on_part(part, engine),
            Happening::Exported(exported) => self.on_exported(&exported),
            Happening::CaptureEnded(why) => {
                self.tell(&Line::error(None, Code::CaptureEnded, &why));
            }
            Happening::Line(line) => self.on_line(line, engine),
            Happening::Drained => {
                if self.teller.on_drained() > 0 {
                    self.out.line(&Line::lagged(self.cursor).text());
                }
                self.go_on(engine);
            }
            Happening::InputEnded | Happening::Stop | Happening::OutputClosed | Happening::Failed(_) => {}
        }
    }

    fn refuse(&mut self, line: happening::Line) {
        if is_empty(&line) {
            return self.gate.leave();
        }
        let (id, wish) = command::read(line);
        let (code, why) = match wish {
            Ok(_) => (Code::Busy, String::from("the end has begun")),
            Err(Wrong { code, message }) => (code, message),
        };
        self.answer(&Line::error(id, code, &why));
    }

    fn on_tick(&mut self, _now: Instant, _engine: &mut Engine) {}

    fn next_wake(&self) -> Option<Instant> {
        None
    }

    fn unanswered(&self) -> usize {
        self.pending.len() + self.histories.len() + self.desk.unanswered() + self.carrying.len()
    }

    fn is_leaving(&self) -> bool {
        self.is_leaving
    }
}

fn is_empty(line: &happening::Line) -> bool {
    matches!(line, happening::Line::Text(text) if text.trim().is_empty())
}

/// Writes what came after `since`, as fast as it is read.
fn replay(store: &mut dyn Store, since: Cursor, people: &People, out: &Out) -> Result<(), StoreError> {
    let mut since = since;
    loop {
        let page = store.since(since, history::PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        since = last.cursor();
        for told in page.iter().filter(|told| !told.is_own()) {
            out.line(&Line::told(told, people.trust(told.author())).text());
        }
        out.wait_below(AHEAD);
    }
}
