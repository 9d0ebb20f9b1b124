//! Plain lines: one event a line, for people at a simple terminal, screen readers, logs and pipes.

mod act;
mod alone;
mod carry;
mod change;
mod clocks;
mod command;
mod company;
mod crowd;
mod delivery;
mod desk;
mod event;
mod examine;
mod files;
mod heard;
mod help;
mod keep;
mod likeness;
mod near;
mod pending;
mod queue;
mod recall;
mod rekey;
mod rooms;
mod search;
pub(crate) mod show;
mod stats;
mod trust;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
    num::NonZeroU16,
    rc::Rc,
    time::Duration,
};

use chat_core::{Instant, Message, PeerKey, Place, RoomName, RoomRoot, StoreError, UnixMillis, What};
use chat_net::Clock;
use jiff::tz::TimeZone;

pub(crate) use self::command::is_said;
use self::{
    alone::Alone, carry::Carrying, clocks::Clocks, crowd::Crowd, delivery::Delivery, desk::Desk,
    examine::Doctor, heard::Missed, likeness::Warned, pending::Pending, queue::Queue, recall::Recall,
    show::Show,
};
use crate::{
    clean,
    cli::Discovery,
    door::Door,
    engine::{Engine, LeftOut, Ready},
    front::Front,
    happening::{Happening, Line},
    input::Gate,
    out::{Out, Teller},
    people::{People, with_digits},
    rekeys::Rekeys,
    store::Told,
    terminal::Prompt,
};

/// Messages shown at start.
const HISTORY: usize = 20;
/// How long others have to be found before it is said that nobody is here.
const SETTLED: Duration = Duration::from_millis(1800);
/// The front end in plain lines.
pub(crate) struct Plain {
    teller: Teller,
    gate: Gate,
    clock: Clock,
    show: Show,
    people: People,
    rooms: BTreeSet<RoomName>,
    /// Of the private ones.
    secrets: BTreeMap<RoomName, RoomRoot>,
    /// How the room to begin in is entered.
    door: Option<Door>,
    /// Where it is said what is typed without a command.
    here: Option<RoomName>,
    /// Where a person edits the line.
    prompt: Option<Prompt>,
    is_echoed: bool,
    is_kept: bool,
    alone: Alone,
    doctor: Doctor,
    crowd: Crowd,
    /// Whose second run came, and when it is clear that the first is still there.
    twice: BTreeMap<PeerKey, Instant>,
    delivery: Delivery,
    recall: Recall,
    missed: Missed,
    warned: Warned,
    clocks: Clocks,
    begun: UnixMillis,
    left_out: LeftOut,
    told_left_out: Vec<String>,
    /// What was said while it was too early to say that nobody is here.
    unsettled: Option<Place>,
    settled: Instant,
    /// What the last long message did not show.
    rest: Option<String>,
    desk: Desk,
    /// Those that wait for what was said before them.
    queue: Queue,
    pending: BTreeMap<u64, Pending>,
    carrying: Carrying,
    /// For how many days what is not kept for ever is kept.
    keeps: BTreeMap<Place, NonZeroU16>,
    rekeys: Rekeys,
    is_leaving: bool,
}

/// How plain lines are wanted.
pub(crate) struct Manner {
    pub(crate) program: &'static str,
    /// The room to begin in.
    pub(crate) door: Option<Door>,
    pub(crate) zone: TimeZone,
    /// The line editor's, on a terminal.
    pub(crate) prompt: Option<Prompt>,
    /// Whether what is typed stays on the screen as it was typed: then it is not shown once more.
    pub(crate) echoed: bool,
    /// The interfaces asked for.
    pub(crate) interfaces: Vec<String>,
    /// What was not left out.
    pub(crate) discovery: Discovery,
}

impl Plain {
    /// Says who we are and what was said last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn new(
        ready: &mut Ready,
        manner: Manner,
        out: Out,
        gate: Gate,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let rooms: BTreeSet<RoomName> = ready.rooms.iter().cloned().collect();
        let lobby = Some(RoomName::lobby()).filter(|lobby| rooms.contains(lobby));
        let doctor = Doctor::new(clock.now(), ready.port, &manner);
        let mut plain = Self {
            teller: Teller::new(out),
            gate,
            clock,
            show: Show::new(manner.zone, manner.prompt.is_some()),
            people: People::new(ready.key, ready.nick.clone(), ready.store.known()?),
            here: manner
                .door
                .as_ref()
                .map(|door| door.room.clone())
                .or(lobby)
                .or_else(|| rooms.first().cloned()),
            rooms,
            secrets: ready.secrets.clone(),
            door: manner.door,
            prompt: manner.prompt,
            is_echoed: manner.echoed,
            is_kept: ready.folder.is_some(),
            alone: Alone::new(clock.now(), ready.port, manner.discovery.mdns || manner.discovery.mdns_crates),
            doctor,
            crowd: Crowd::default(),
            twice: BTreeMap::new(),
            delivery: Delivery::default(),
            recall: Recall::default(),
            missed: Missed::default(),
            warned: Warned::default(),
            clocks: Clocks::default(),
            begun: clock.wall(),
            left_out: Rc::clone(&ready.left_out),
            told_left_out: Vec::new(),
            unsettled: None,
            settled: clock.now() + SETTLED,
            rest: None,
            desk: Desk::default(),
            queue: Queue::new(),
            pending: BTreeMap::new(),
            carrying: Carrying::default(),
            keeps: BTreeMap::new(),
            rekeys: Rekeys::default(),
            is_leaving: false,
        };
        plain.people.restore_trust(ready.store.trusts()?);
        let own = with_digits(ready.nick.as_str(), ready.key);
        let kept = if plain.is_kept { "" } else { ", and nothing is kept" };
        let version = env!("CARGO_PKG_VERSION");
        plain.notice(&format!("{} {version}: you are {own}{kept}; /help tells more", manner.program));
        let past = ready.past_files();
        plain.recall_own(ready, past.offered)?;
        for shown in &ready.store.latest(None, HISTORY)? {
            plain.show_message(&shown.message, show::marks(shown).as_deref());
            if !past.received.contains(&shown.message.id) {
                plain.recall_offer(&shown.message);
            }
        }
        plain.go_on();
        Ok(plain)
    }

    /// Enters the rooms of old, the lobby, and the one that was asked for.
    pub(crate) fn begin(&mut self, engine: &mut Engine) {
        self.rooms.extend(self.here.clone());
        for room in &self.rooms {
            let door = self.door.clone().filter(|door| door.room == *room);
            let door = door.unwrap_or_else(|| Door { room: room.clone(), root: None });
            let tag = engine.command(door.action());
            self.pending.insert(tag, Pending::Enter(door));
        }
    }

    /// Shows a message, with `marks` behind it.
    fn show_message(&mut self, message: &Message, marks: Option<&str>) {
        let answered = message.reply.map(|id| {
            let answered = self.recall.find(id);
            answered.map_or_else(
                || String::from("to something earlier"),
                |answered| {
                    let whom = self.people.label(answered.from, Some(&answered.nick));
                    format!("to {whom}: {}", clean::name(&answered.text))
                },
            )
        });
        let shown = self.show.message(message, answered.as_deref(), &self.people, self.clock.wall());
        self.recall.push(message);
        self.teller.tell(&format!("{}{}", shown.text, marks.unwrap_or_default()));
        if shown.rest.is_some() {
            self.rest = shown.rest;
        }
    }

    fn notice(&self, text: &str) {
        self.teller.tell(&self.show.notice(text, self.clock.wall()));
    }

    fn list(&self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            self.teller.tell(&format!("  {line}"));
        }
    }

    /// Tells of something that did not work: beside the lines of a pipe, among those of a terminal.
    fn complain(&self, text: &str) {
        if self.prompt.is_some() {
            self.teller.tell(&format!("! {text}"));
        } else {
            let _ = writeln!(io::stderr(), "! {text}");
        }
    }

    /// We are not in `room`: whoever wrote there writes in the first of the others. False when we were not in it.
    fn leave(&mut self, room: &RoomName) -> bool {
        let was_in = self.rooms.remove(room);
        self.rekeys.forget(room);
        // Whoever comes back may come into another room of this name.
        self.recall.forget_room(room);
        if self.here.as_ref() == Some(room) {
            self.here = self.rooms.first().cloned();
        }
        was_in
    }

    /// Whether the line was typed behind another prompt than the one that would be right by now: somebody meant to say
    /// it in a room where we do not write any more, as when we were left out of it meanwhile.
    fn is_misplaced(&self) -> bool {
        self.prompt.as_ref().is_some_and(|prompt| {
            prompt.set(&self.place());
            prompt.is_stale()
        })
    }

    /// Where we write, as the prompt has it.
    fn place(&self) -> String {
        let here = self.here.as_ref();
        let kind = if here.is_some_and(|room| self.secrets.contains_key(room)) { " (private)" } else { "" };
        format!("{}{kind}", here.map_or("", RoomName::as_str))
    }

    /// Lets the person type the next line, as soon as it is clear which room that is said in.
    fn go_on(&self) {
        if let Some(prompt) = &self.prompt {
            prompt.set(&self.place());
            let is_joining = self.pending.values().any(|pending| matches!(pending, Pending::Join { .. }));
            if !is_joining && self.queue.is_empty() {
                prompt.give_back();
            }
        }
    }
}

impl Front for Plain {
    fn on_happening(&mut self, now: Instant, happening: Happening, engine: &mut Engine) {
        match happening {
            Happening::Event(event) => self.on_event(now, event, engine),
            Happening::Store(Ok(())) => self.notice("the history is written again"),
            Happening::Store(Err(error)) => {
                let cure = match error {
                    StoreError::Full => "make room on the disk",
                    StoreError::Failed => "the log says why",
                };
                self.complain(&format!("{error}: what is said now is not kept; {cure}"));
            }
            Happening::Readable(Ok(())) => self.notice("the history is read again"),
            Happening::Readable(Err(error)) => {
                self.complain(&format!("{error}: the history cannot be read; the log says why"));
            }
            Happening::File(news) => {
                self.on_file(news, engine);
                self.go_on_with_lines(engine);
            }
            Happening::Read(part) => self.on_part(part, engine),
            Happening::Exported(exported) => self.on_exported(&exported),
            Happening::CaptureEnded(why) => self.complain(&why),
            Happening::Line(line) => {
                if self.is_misplaced() {
                    self.refuse_misplaced(&line);
                } else {
                    self.queue.push_back(line);
                    self.work_off(engine);
                }
                self.go_on();
            }
            Happening::Drained => match self.teller.on_drained() {
                0 => {}
                lines => self.notice(&format!("{lines} lines were left out because nobody read them")),
            },
            Happening::Stored(told) => {
                let trust = self.people.trust(told.author());
                let Told::Change(changed) = told else { return };
                if let What::Delete { target } = changed.change.what {
                    self.on_offer_gone(target, engine);
                }
                // Of what a file brings there may be thousands.
                let is_imported = changed.change.late && self.carrying.is_importing();
                if !(trust.blocked || trust.muted || is_imported) {
                    self.on_change(now, changed);
                }
            }
            Happening::InputEnded | Happening::Stop | Happening::OutputClosed | Happening::Failed(_) => {}
        }
    }

    fn refuse(&mut self, _: Line) {
        self.gate.leave();
    }

    fn on_tick(&mut self, now: Instant, engine: &mut Engine) {
        if let Some(why) = self.alone.on_tick(now, &self.people) {
            self.notice(&why);
        }
        self.examine_when_alone(now, engine);
        self.show_missed_when_due(now, engine);
        self.crowd.on_tick(now).iter().for_each(|line| self.notice(line));
        self.tell_places(now);
        if now >= self.settled
            && let Some(place) = self.unsettled.take()
        {
            self.explain_absence(now, place);
        }
        let late = self.delivery.on_tick(now);
        // Whoever was told that nobody is here does not hear it of each message again.
        if !(self.people.is_alone() && self.delivery.is_absence_explained()) {
            late.iter().for_each(|text| self.notice(&format!("nobody has stored this yet: {text}")));
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let wakes = [
            self.alone.next_wake(),
            self.doctor.next_wake(),
            self.crowd.next_wake(),
            self.delivery.next_wake(),
            self.missed.due(),
        ];
        let settled = self.unsettled.as_ref().map(|_| self.settled);
        wakes.into_iter().flatten().chain(settled).chain(self.twice.values().copied()).min()
    }

    fn unanswered(&self) -> usize {
        let is_ours =
            |pending: &Pending| matches!(pending, Pending::Enter(_) | Pending::Examine { asked: false });
        let pending = self.pending.values().filter(|pending| !is_ours(pending)).count();
        pending + self.queue.len() + self.desk.preparing() + self.carrying.len()
    }

    fn is_leaving(&self) -> bool {
        self.is_leaving
    }
}
