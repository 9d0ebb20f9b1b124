//! Commands that do one thing and end: `send`, `search`, `tail`, `rooms`, `export`, `import`, `peers`, `doctor` and
//! `id`.

mod carry;
mod doctor;
mod reading;
mod send;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io::{self, Write as _},
    sync::mpsc::Receiver,
    time::Duration,
};

use chat_core::{Action, Event, Identity, Instant, Nick, REAL, RoomName, RoomRoot};
use chat_net::Clock;
use serde::Serialize;

use crate::{
    cli::Cli,
    engine::{self, Engine, Open, Ready},
    fault::{Exit, Fault},
    front,
    happening::Happening,
    json::line::{Line, Peer},
    people::{People, with_digits},
    plain::show,
    profile::Profile,
    run::{connect, no_start, unreadable},
    signals,
};

pub(crate) use carry::{export, import};
pub(crate) use doctor::doctor;
pub(crate) use reading::{rooms, search, tail};
pub(crate) use send::{Send, send};

/// How long `peers` looks around.
const LOOK: Duration = Duration::from_secs(2);
/// How long goodbyes may take.
const GOODBYE: Duration = Duration::from_millis(400);
/// How long the store may take to finish.
const CLOSE: Duration = Duration::from_secs(1);

/// Tells who we are; beside a program that has the profile it only reads.
///
/// # Errors
/// When the profile cannot be read or made.
pub(crate) fn id(program: &str, arguments: &[OsString], cli: &Cli) -> Result<Exit, Fault> {
    #[derive(Serialize)]
    struct Id<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        nick: Option<&'a str>,
        key: String,
        digits: String,
        profile: Option<Cow<'a, str>>,
    }
    let options = &cli.options;
    let (secret, nick, folder) = match Profile::open(options, &engine::beside(program, arguments)) {
        Ok(profile) => {
            let mut store = profile.store(Identity::new(REAL, &profile.secret).key())?;
            let state = engine::state(store.as_mut())?;
            let nick = engine::nick(options, &state, store.as_mut())?;
            (profile.secret, Some(nick), profile.folder)
        }
        Err(fault) if fault.exit == Exit::InUse => {
            let seen = Profile::look(options)?.ok_or(fault)?;
            (seen.secret, seen.nick, Some(seen.folder))
        }
        Err(fault) => return Err(fault),
    };
    let key = Identity::new(REAL, &secret).key();
    let nick = nick.as_ref().map(Nick::as_str);
    let profile = folder.as_ref().map(|folder| folder.to_string_lossy());
    if cli.json {
        let id = Id { nick, key: key.to_string(), digits: format!("{:04}", key.digits()), profile };
        print(&serde_json::to_string(&id).unwrap_or_default());
    } else {
        print(&format!("name    {}", with_digits(nick.unwrap_or("?"), key)));
        print(&format!("key     {key}"));
        profile.iter().for_each(|profile| print(&format!("profile {profile}")));
    }
    Ok(Exit::Done)
}

/// Looks around and tells who is there.
///
/// # Errors
/// Whatever keeps the program from running.
pub(crate) fn peers(program: &str, arguments: &[OsString], cli: &Cli, open: Open<'_>) -> Result<Exit, Fault> {
    let mut run = Run::begin(program, arguments, cli, open, Exit::Done)?;
    let until = run.clock.now() + LOOK;
    while let Some(happening) = run.next(until) {
        if matches!(happening, Happening::Stop) {
            break;
        }
    }
    if cli.json {
        Peer::all(&run.people).for_each(|peer| print(&Line::Peer(peer).text()));
    } else {
        let lines = show::peers(&run.people);
        lines.iter().for_each(|line| print(line));
        if lines.is_empty() {
            let _ = writeln!(io::stderr(), "nobody was found in {} s", LOOK.as_secs());
        }
    }
    run.end()?;
    Ok(Exit::Done)
}

/// A node that runs for a while.
struct Run {
    engine: Engine,
    told: Receiver<Happening>,
    clock: Clock,
    people: People,
    /// A part of the program has failed.
    fault: Option<Fault>,
    /// The port of the chat.
    port: u16,
    /// Those that the profile is in.
    rooms: BTreeSet<RoomName>,
    /// Of the private ones.
    secrets: BTreeMap<RoomName, RoomRoot>,
}

impl Run {
    /// Begins one that ends with `cut` when a signal has to end it where it stands.
    fn begin(
        program: &str,
        arguments: &[OsString],
        cli: &Cli,
        open: Open<'_>,
        cut: Exit,
    ) -> Result<Self, Fault> {
        let (tell, told) = engine::queue();
        let mut ready = Ready::open(program, arguments, &cli.options, open, tell.clone())?;
        let mut people = People::new(ready.key, ready.nick.clone(), ready.store.known().map_err(unreadable)?);
        people.restore_trust(ready.store.trusts().map_err(unreadable)?);
        let (rooms, secrets) = (ready.rooms.iter().cloned().collect(), ready.secrets.clone());
        let port = ready.port;
        signals::watch(tell, cut).map_err(no_start)?;
        let mut engine = ready.begin(false)?;
        connect(&cli.options.connect, &mut engine);
        Ok(Self { engine, told, clock: Clock::new(), people, fault: None, port, rooms, secrets })
    }

    /// What happens next, `None` when nothing does until then.
    fn next(&mut self, until: Instant) -> Option<Happening> {
        let now = self.clock.now();
        let happening = (now < until).then(|| front::wait(&self.told, Some(until - now))).flatten()?;
        match &happening {
            Happening::Event(Event::Peer(change)) => drop(self.people.on_peer(change.clone())),
            Happening::Event(Event::Room { room, key, joined }) => {
                self.people.on_room(room.clone(), *key, *joined);
            }
            Happening::Failed(what) => {
                self.fault = Some(Fault::failed(what));
                return Some(Happening::Stop);
            }
            Happening::CaptureEnded(why) => drop(writeln!(io::stderr(), "! {why}")),
            _ => {}
        }
        Some(happening)
    }

    /// Says goodbye and closes the store.
    ///
    /// # Errors
    /// When a part of the program has failed.
    fn end(mut self) -> Result<(), Fault> {
        self.engine.command(Action::Quit);
        let until = self.clock.now() + GOODBYE;
        while let Some(happening) = self.next(until) {
            if matches!(happening, Happening::Event(Event::Finished)) {
                break;
            }
        }
        self.engine.close(CLOSE);
        self.fault.map_or(Ok(()), Err)
    }
}

fn print(line: &str) {
    // Whoever closed our output does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}
