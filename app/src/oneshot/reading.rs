//! `search`, `tail` and `rooms`: they only read, also while a chat has the profile, and keep nobody from having it.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    time::Duration,
};

use chat_core::{Identity, Nick, Place, REAL, RoomName};
use chat_net::Clock;
use jiff::tz::TimeZone;

use crate::{
    cli::Cli,
    engine::{self, state},
    fault::{Exit, Fault},
    front,
    happening::Happening,
    json::line::{Done, Line},
    people::People,
    plain::show::{self, Show},
    profile::{Profile, account},
    query,
    run::{no_start, unreadable},
    signals,
    store::{Cursor, Shown, Store, Told},
};

/// How often `tail -f` looks for more: somebody who reads along does not notice.
const AGAIN: Duration = Duration::from_millis(200);
/// Lines that `tail -f` reads at a time.
const PAGE: usize = 256;

/// Searches the history.
///
/// # Errors
/// No history, or nothing to search for.
pub(crate) fn search(cli: &Cli, words: &[String], count: usize) -> Result<Exit, Fault> {
    let mut reading = Reading::open(cli)?;
    let now = reading.clock.wall();
    let wanted = query::read(&words.join(" "), count, &reading.people, now, &reading.zone);
    let wanted = wanted.map_err(|error| Fault::usage(error.to_string()))?;
    let found = reading.store.search(&wanted).map_err(unreadable)?;
    if found.is_empty() && !cli.json {
        let _ = writeln!(io::stderr(), "nothing was found");
    }
    found.iter().all(|shown| reading.print(shown, true));
    Ok(Exit::Done)
}

/// Shows what was said last, in one room or everywhere, and with `follow` what is said from then on.
///
/// # Errors
/// No history.
pub(crate) fn tail(cli: &Cli, room: Option<&RoomName>, count: usize, follow: bool) -> Result<Exit, Fault> {
    let mut reading = Reading::open(cli)?;
    let place = room.cloned().map(Place::Room);
    let (tell, told) = engine::queue();
    if follow {
        signals::watch(tell, Exit::Done).map_err(no_start)?;
    }
    let mut cursor = reading.store.newest().map_err(unreadable)?;
    let last = reading.store.latest(place.as_ref(), count).map_err(unreadable)?;
    let mut is_read = last.iter().all(|shown| reading.print(shown, true));
    // What was stored since the number was read is among them.
    let mut told_already: BTreeSet<Cursor> = last.iter().map(|shown| shown.cursor).collect();
    while follow && is_read && !is_closed(&io::stdout()) {
        if let Some(Happening::Stop) = front::wait(&told, Some(AGAIN)) {
            break;
        }
        for told in reading.since(&mut cursor)? {
            let Told::Message(shown) = told else { continue };
            if told_already.remove(&shown.cursor) {
                continue;
            }
            if place.as_ref().is_none_or(|place| *place == shown.message.place) {
                is_read = is_read && reading.print(&shown, false);
            }
        }
    }
    Ok(Exit::Done)
}

/// Tells which rooms the profile is in, and what they are about.
///
/// # Errors
/// No history.
pub(crate) fn rooms(cli: &Cli) -> Result<Exit, Fault> {
    let mut reading = Reading::open(cli)?;
    let topics = reading.store.topics().map_err(unreadable)?;
    let state = state(reading.store.as_mut())?;
    let joined = engine::rooms(&state);
    let is_private =
        |name: &RoomName| state.rooms.iter().any(|room| room.name == *name && room.root.is_some());
    let topic = |room: &RoomName| {
        let topic = topics.get(&Place::Room(room.clone())).map_or("", |topic| topic.as_str());
        crate::clean::name(topic).into_owned()
    };
    if cli.json {
        let private = joined.iter().filter(|room| is_private(room)).map(RoomName::as_str);
        let about: Vec<(&str, String)> = joined.iter().map(|room| (room.as_str(), topic(room))).collect();
        let about = about.iter().filter(|(_, topic)| !topic.is_empty());
        let done = Done {
            rooms: Some(joined.iter().map(RoomName::as_str).collect()),
            private: private.collect(),
            topics: about.map(|(room, topic)| (*room, topic.as_str())).collect(),
            ..Done::default()
        };
        super::print(&Line::Done(done).text());
    } else {
        let kind = |is_private| if is_private { "private" } else { "" }.to_string();
        let rows = joined.iter().map(|room| [room.to_string(), kind(is_private(room)), topic(room)]);
        show::columns(rows.collect()).iter().for_each(|line| super::print(line));
    }
    Ok(Exit::Done)
}

/// Whether nobody will ever read what is written there.
#[cfg(unix)]
fn is_closed(output: &impl std::os::fd::AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut output = [PollFd::new(output, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let is_told = poll(&mut output, Some(&at_once)).is_ok_and(|count| count > 0);
    is_told && output.iter().any(|output| output.revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

/// Only what is written tells of it.
#[cfg(not(unix))]
fn is_closed(_: &io::Stdout) -> bool {
    false
}

/// A history that is read.
struct Reading {
    store: Box<dyn Store>,
    people: People,
    clock: Clock,
    zone: TimeZone,
    show: Show,
    is_json: bool,
}

impl Reading {
    fn open(cli: &Cli) -> Result<Self, Fault> {
        if cli.options.ephemeral {
            return Err(Fault::usage("with --ephemeral there is no history"));
        }
        let none = || Fault::usage("there is no history yet");
        let seen = Profile::look(&cli.options)?.ok_or_else(none)?;
        let own = Identity::new(REAL, &seen.secret).key();
        let mut store = seen.history(own)?.ok_or_else(none)?;
        let nick: Nick = seen.nick.unwrap_or_else(account);
        let mut people = People::new(own, nick, store.known().map_err(unreadable)?);
        people.restore_trust(store.trusts().map_err(unreadable)?);
        let zone = TimeZone::system();
        let show = Show::new(zone.clone(), false);
        Ok(Self { store, people, clock: Clock::new(), zone, show, is_json: cli.json })
    }

    /// What has come since.
    fn since(&mut self, cursor: &mut Cursor) -> Result<Vec<Told>, Fault> {
        let told = self.store.since(*cursor, PAGE).map_err(unreadable)?;
        *cursor = told.last().map_or(*cursor, Told::cursor);
        Ok(told)
    }

    /// Whether somebody reads it.
    fn print(&self, shown: &Shown, replay: bool) -> bool {
        let message = &shown.message;
        let text = if self.is_json {
            Line::message(shown, self.people.trust(message.from), replay).text()
        } else {
            let line = self.show.message(message, None, &self.people, self.clock.wall()).text;
            line + &show::marks(shown).unwrap_or_default()
        };
        writeln!(io::stdout(), "{text}").is_ok()
    }
}
