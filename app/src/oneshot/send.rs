//! `send`: says one thing and waits until somebody else has stored it.

use std::{
    ffi::OsString,
    io::{self, Read as _},
    time::Duration,
};

use chat_core::{Action, Event, Instant, MessageId, Place, Refusal, RoomName, Text};

use super::{Run, print};
use crate::{
    cli::Cli,
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
    Room(RoomName),
    /// A nick, a nick with digits, or a key.
    Person(String),
}

impl Send {
    /// Reads what stands on the command line; `-` is all of standard input.
    ///
    /// # Errors
    /// When it is no room, or no message.
    pub(crate) fn read(to: &str, words: &[String], timeout: Duration) -> Result<Self, Fault> {
        let usage = |error: String| Fault::usage(error);
        let to = if to.starts_with('#') {
            To::Room(RoomName::new(to).map_err(|error| usage(error.to_string()))?)
        } else {
            To::Person(to.to_string())
        };
        let text = if words == ["-"] { standard_input()? } else { words.join(" ") };
        let text = Text::new(text).map_err(|error| usage(error.to_string()))?;
        Ok(Self { to, text, timeout })
    }
}

/// Sends and waits.
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
    let mut run = Run::begin(program, arguments, cli, open)?;
    let begin = run.clock.now();
    let (settled, until) = (begin + SETTLE.min(wish.timeout / 2), begin + wish.timeout);
    let sent = Sending { wish, settled, until, state: State::Waiting { again: None } }.run(&mut run);
    run.end();
    let (message, by, of) = sent.map_err(|fault| match (&fault.exit, cli.options.ephemeral) {
        (Exit::Undelivered, true) => Fault::new(fault.exit, format!("{fault}; it is lost")),
        (Exit::Undelivered, false) => {
            Fault::new(fault.exit, format!("{fault}; what is kept goes out next time"))
        }
        _ => fault,
    })?;
    if cli.json {
        print(&Line::said(None, message).text());
        print(&Line::receipt(message.entry, by, of).text());
    } else {
        print(&format!("stored by {by} of {of}"));
    }
    Ok(Exit::Done)
}

/// A message on its way.
struct Sending<'a> {
    wish: &'a Send,
    /// When a nick alone is enough: until then somebody else of that name may turn up.
    settled: Instant,
    until: Instant,
    state: State,
}

enum State {
    /// For the one it is meant for to be known.
    Waiting {
        again: Option<Instant>,
    },
    Said {
        tag: u64,
    },
    /// Durable here.
    Kept {
        message: MessageId,
    },
}

impl Sending<'_> {
    /// The message, and how many of how many have stored it.
    fn run(&mut self, run: &mut Run) -> Result<(MessageId, u32, u32), Fault> {
        // Receipts may come before our own store is ready.
        let mut receipts = Vec::new();
        self.say(run)?;
        loop {
            let again = match self.state {
                State::Waiting { again: Some(again) } => again.min(self.until),
                _ => self.until,
            };
            match run.next(again) {
                Some(Happening::Event(Event::Done { tag, message: Some(message) })) if self.is_said(tag) => {
                    self.state = State::Kept { message };
                }
                Some(Happening::Event(Event::Refused { tag, reason })) if self.is_said(tag) => {
                    if reason != Refusal::UnknownPeer {
                        return Err(Fault::usage(format!("not sent: {reason}")));
                    }
                    self.state = State::Waiting { again: Some(run.clock.now() + AGAIN) };
                }
                Some(Happening::Event(Event::Receipt { entry, stored_by: by @ 1.., of })) => {
                    receipts.push((entry, by, of));
                }
                Some(Happening::Event(Event::Peer(_))) if matches!(self.state, State::Waiting { .. }) => {
                    self.say(run)?;
                }
                Some(Happening::Stop) => return Err(self.undelivered()),
                Some(_) => {}
                None if run.clock.now() >= self.until => return Err(self.undelivered()),
                None => self.say(run)?,
            }
            if let State::Kept { message } = self.state
                && let Some(&(_, by, of)) = receipts.iter().find(|(entry, ..)| *entry == message.entry)
            {
                return Ok((message, by, of));
            }
        }
    }

    fn is_said(&self, tag: u64) -> bool {
        matches!(self.state, State::Said { tag: said } if said == tag)
    }

    /// Says it if it is known to whom.
    fn say(&mut self, run: &mut Run) -> Result<(), Fault> {
        let place = match &self.wish.to {
            To::Room(room) => {
                run.engine.command(Action::Join(room.clone()));
                Place::Room(room.clone())
            }
            To::Person(name) => match run.people.resolve(name) {
                Ok(_) if run.clock.now() < self.settled && !People::is_exact(name) => {
                    self.state = State::Waiting { again: Some(self.settled) };
                    return Ok(());
                }
                Ok(key) => Place::Direct(key),
                Err(Unresolved::Unknown(_)) => {
                    self.state = State::Waiting { again: None };
                    return Ok(());
                }
                Err(error) => return Err(Fault::usage(error.to_string())),
            },
        };
        let say = Action::Say { place, text: self.wish.text.clone(), action: false, reply: None };
        self.state = State::Said { tag: run.engine.command(say) };
        Ok(())
    }

    fn undelivered(&self) -> Fault {
        let seconds = self.wish.timeout.as_secs_f64();
        let why = match (&self.state, &self.wish.to) {
            (State::Waiting { again: None }, To::Person(name)) => {
                format!("nobody called {name} was seen in {seconds} s, nothing was sent")
            }
            (State::Waiting { .. }, _) => {
                format!("nobody with that key was met in {seconds} s, nothing was sent")
            }
            (State::Said { .. }, _) => {
                String::from("the message could not be written to the history in time")
            }
            (State::Kept { .. }, _) => format!("nobody else has stored the message in {seconds} s"),
        };
        Fault::new(Exit::Undelivered, why)
    }
}

/// All of standard input without the line breaks at its end.
fn standard_input() -> Result<String, Fault> {
    let mut bytes = Vec::new();
    io::stdin()
        .take(LINE_MAX as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::usage(format!("standard input: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::usage("standard input is not UTF-8"))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_string())
}
