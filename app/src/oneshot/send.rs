//! `send`: says one thing and waits until somebody else has stored it.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Read as _},
    path::Path,
    time::Duration,
};

use chat_core::{
    Action, EntryId, Event, Instant, Nick, NickError, PeerKey, Place, Refusal, RoomName, TEXT_MAX, Text,
};

use super::{Run, print};
use crate::{
    cli::{self, Cli},
    door::Door,
    engine::Open,
    fault::{Exit, Fault},
    happening::Happening,
    input::LINE_MAX,
    json::line::Line,
    people::{People, Unresolved},
};

/// How long to look for others of a nick before one of them is taken for the one that is meant.
const SETTLE: Duration = Duration::from_secs(1);
/// How soon to try again when the other is here but cannot be written to yet.
const AGAIN: Duration = Duration::from_millis(200);

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    to: To,
    text: Text,
    timeout: Duration,
}

#[derive(Clone, Debug)]
enum To {
    Room(Door),
    /// A nick, a nick with digits, or a key.
    Person(String),
}

impl Send {
    /// Reads what stands on the command line; `-` is all of standard input.
    ///
    /// # Errors
    /// When it is no room, or no message.
    pub(crate) fn read(
        to: &str,
        words: &[String],
        timeout: Duration,
        key: Option<&Path>,
    ) -> Result<Self, Fault> {
        let usage = |error: String| Fault::usage(error);
        let to = if to.starts_with('#') {
            To::Room(Door::open(RoomName::new(to).map_err(|error| usage(error.to_string()))?, key)?)
        } else if key.is_some() {
            return Err(usage(String::from("--room-key goes with a #room")));
        } else if Nick::new(to) == Err(NickError::Empty) {
            return Err(usage(String::from("to whom? A room, a nick or a key is needed")));
        } else {
            // As JSON lines name a direct conversation.
            let key = to.strip_prefix('@').filter(|key| key.parse::<PeerKey>().is_ok());
            To::Person(key.unwrap_or(to).to_string())
        };
        let text = if words == ["-"] { standard_input()? } else { words.join(" ") };
        let text = Text::new(text).map_err(|error| usage(error.to_string()))?;
        Ok(Self { to, text, timeout })
    }
}

/// Sends and waits. In a room that the profile is not in it is for this long only.
///
/// # Errors
/// Whatever keeps the program from running, and when nobody has stored the message in time.
pub(crate) fn send(
    program: &str,
    arguments: &[OsString],
    cli: &Cli,
    wish: &Send,
    open: Open<'_>,
) -> Result<Exit, Fault> {
    let mut run = Run::begin(program, arguments, cli, open, Exit::Undelivered)?;
    if let To::Room(door) = &wish.to
        && door.is_taken(&run.rooms, &run.secrets)
    {
        run.end()?;
        return Err(Fault::usage(door.taken()));
    }
    let begin = run.clock.now();
    let (settled, until) = (begin + SETTLE.min(wish.timeout / 2), begin + wish.timeout);
    let (json, ephemeral) = (cli.json, cli.options.ephemeral);
    let mut sending =
        Sending { wish, json, ephemeral, begin, settled, until, state: State::Looking { again: None } };
    let stored = sending.run(&mut run);
    if let To::Room(Door { room, .. }) = &wish.to
        && !run.rooms.contains(room)
    {
        run.engine.command(Action::Leave(room.clone()));
    }
    run.end()?;
    let Receipt { entry, by, of } = stored?;
    if json {
        print(&Line::receipt(entry, by, of).text());
    } else if io::stdout().is_terminal() {
        print(&format!("stored by {by} of {of}"));
    }
    Ok(Exit::Done)
}

/// A message on its way.
struct Sending<'a> {
    wish: &'a Send,
    json: bool,
    ephemeral: bool,
    begin: Instant,
    /// When a nick alone is enough: until then somebody else of that name may turn up.
    settled: Instant,
    until: Instant,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// For the one it is meant for.
    Looking {
        again: Option<Instant>,
    },
    Said {
        tag: u64,
    },
    /// Durable here.
    Kept(EntryId),
}

/// Others have stored it.
#[derive(Clone, Copy)]
struct Receipt {
    entry: EntryId,
    by: u32,
    of: u32,
}

impl Sending<'_> {
    fn run(&mut self, run: &mut Run) -> Result<Receipt, Fault> {
        // Receipts may come before our own store is ready.
        let mut receipts = Vec::new();
        self.say(run)?;
        loop {
            let again = match self.state {
                State::Looking { again: Some(again) } => again.min(self.until),
                _ => self.until,
            };
            match run.next(again) {
                Some(Happening::Event(Event::Done { tag, message: Some(message) })) if self.is_said(tag) => {
                    if self.json {
                        print(&Line::said(None, message).text());
                    }
                    self.state = State::Kept(message.entry);
                }
                Some(Happening::Event(Event::Refused { tag, reason })) if self.is_said(tag) => {
                    if reason != Refusal::UnknownPeer {
                        return Err(Fault::usage(format!("not sent: {reason}")));
                    }
                    self.look(Some(run.clock.now() + AGAIN));
                }
                Some(Happening::Event(Event::Receipt { entry, stored_by: by @ 1.., of })) => {
                    receipts.push(Receipt { entry, by, of });
                }
                Some(Happening::Event(Event::Peer(_))) if matches!(self.state, State::Looking { .. }) => {
                    self.say(run)?;
                }
                Some(Happening::Stop) => return Err(self.undelivered(run)),
                Some(_) => {}
                None if run.clock.now() >= self.until => return Err(self.undelivered(run)),
                None => self.say(run)?,
            }
            if let State::Kept(kept) = self.state
                && let Some(&receipt) = receipts.iter().find(|receipt| receipt.entry == kept)
            {
                return Ok(receipt);
            }
        }
    }

    fn is_said(&self, tag: u64) -> bool {
        matches!(self.state, State::Said { tag: said } if said == tag)
    }

    /// Says it if it is known to whom.
    fn say(&mut self, run: &mut Run) -> Result<(), Fault> {
        let place = match &self.wish.to {
            To::Room(door) => {
                run.engine.command(door.action());
                Place::Room(door.room.clone())
            }
            To::Person(name) => {
                let (is_settled, is_exact) = (run.clock.now() >= self.settled, People::is_exact(name));
                match run.people.resolve(name) {
                    Ok(key) if is_settled || is_exact => Place::Direct(key),
                    Err(error @ Unresolved::Own) if is_exact => return Err(Fault::usage(error.to_string())),
                    Err(error @ Unresolved::Ambiguous { .. }) if is_settled => {
                        return Err(Fault::usage(error.to_string()));
                    }
                    // Those who are here come before those who were here once, and others may have our nick.
                    Ok(_) | Err(Unresolved::Ambiguous { .. }) => {
                        self.look(Some(self.settled));
                        return Ok(());
                    }
                    Err(
                        Unresolved::Unknown(_)
                        | Unresolved::Room(_)
                        | Unresolved::Own
                        | Unresolved::Renamed { .. },
                    ) => {
                        self.look(None);
                        return Ok(());
                    }
                }
            }
        };
        let say = Action::Say { place, text: self.wish.text.clone(), action: false, reply: None };
        self.state = State::Said { tag: run.engine.command(say) };
        Ok(())
    }

    fn look(&mut self, again: Option<Instant>) {
        self.state = State::Looking { again };
    }

    /// Why nobody has it, and what becomes of it.
    fn undelivered(&self, run: &Run) -> Fault {
        let waited = run.clock.now().min(self.until) - self.begin;
        // Rounded: nobody counts the microseconds of a signal.
        let seconds = (waited.as_secs_f64() * 100.0).round() / 100.0;
        let message = match (self.state, &self.wish.to) {
            (State::Kept(_), To::Room(Door { room, .. })) => {
                let why = match run.people.present() {
                    present if present.is_empty() => String::from(" (nobody was met)"),
                    present if present.iter().any(|(_, person)| person.rooms.contains(room)) => String::new(),
                    _ => format!(" (nobody who is here is in {room})"),
                };
                let fate = self.fate(&format!("meets others in {room}"));
                format!("nobody else has stored the message in {seconds} s{why}; {fate}")
            }
            (State::Kept(_), To::Person(name)) => {
                let fate = self.fate(&format!("sees {name}"));
                format!("{name} has not stored the message in {seconds} s; {fate}")
            }
            (State::Looking { .. }, To::Person(name)) => {
                format!("{} in {seconds} s, nothing was sent{}", unseen(&run.people, name), hint(name))
            }
            _ => format!("the message could not be written to the history in {seconds} s"),
        };
        Fault::new(Exit::Undelivered, message)
    }

    fn fate(&self, when: &str) -> String {
        match self.ephemeral {
            true => String::from("it is lost"),
            false => format!("it is kept and goes out when this profile next {when}"),
        }
    }
}

/// Who was looked for in vain.
fn unseen(people: &People, name: &str) -> String {
    match people.resolve(name) {
        Ok(_) if name.parse::<PeerKey>().is_ok() => String::from("nobody with that key was met"),
        Err(Unresolved::Unknown(_) | Unresolved::Room(_)) => format!("nobody called {name} was seen"),
        Err(Unresolved::Own) => format!("nobody else called {name} was seen"),
        Err(renamed @ Unresolved::Renamed { .. }) => format!("{renamed}, and nobody else came"),
        Ok(_) | Err(Unresolved::Ambiguous { .. }) => format!("{name} was not met"),
    }
}

/// For those who have left out the `#`.
fn hint(name: &str) -> String {
    match cli::meant_room(name) {
        Some(room) if !People::is_exact(name) => format!("; for the room of that name write {room}"),
        _ => String::new(),
    }
}

/// All of standard input without the line breaks at its end. Of what is too long no more is read than shows it.
fn standard_input() -> Result<String, Fault> {
    let mut bytes = Vec::new();
    io::stdin()
        .take(LINE_MAX as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::usage(format!("standard input: {error}")))?;
    let is_cut = bytes.len() == LINE_MAX;
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    if is_cut || bytes.len() > TEXT_MAX {
        return Err(Fault::usage(format!(
            "standard input has more than the {TEXT_MAX} bytes that are allowed"
        )));
    }
    if bytes.is_empty() {
        return Err(Fault::usage("standard input is empty, nothing was sent"));
    }
    String::from_utf8(bytes).map_err(|_| Fault::usage("standard input is not UTF-8, nothing was sent"))
}
