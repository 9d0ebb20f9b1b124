//! Commands that do one thing and end: `send`, `peers` and `id`.

mod send;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    sync::mpsc::Receiver,
    time::Duration,
};

use chat_core::{Action, Answer, Event, Identity, Instant, Nick, REAL, Request};
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
    profile::{self, Profile},
    run::{connect, no_start, unreadable},
    signals,
};

pub(crate) use send::{Send, send};

/// How long `peers` looks around.
const LOOK: Duration = Duration::from_secs(2);
/// How long goodbyes may take.
const GOODBYE: Duration = Duration::from_millis(400);
/// How long the store may take to finish.
const CLOSE: Duration = Duration::from_secs(1);

/// Tells who we are; it only reads where another program has the profile.
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
    }
    let options = &cli.options;
    let (secret, kept) = match Profile::open(options, &engine::beside(program, arguments)) {
        Ok(profile) => {
            let identity = Identity::new(REAL, &profile.secret);
            let nick = match profile.store(identity.key())?.fetch(&Request::State).map_err(unreadable)? {
                Answer::State(state) => state.nick,
                _ => None,
            };
            (profile.secret, Some(nick.unwrap_or_else(profile::account)))
        }
        Err(fault) if fault.exit == Exit::InUse => (Profile::look(options)?.ok_or(fault)?, None),
        Err(fault) => return Err(fault),
    };
    let key = Identity::new(REAL, &secret).key();
    let nick = options.nick.clone().or(kept);
    if cli.json {
        let digits = format!("{:04}", key.digits());
        let id = Id { nick: nick.as_ref().map(Nick::as_str), key: key.to_string(), digits };
        print(&serde_json::to_string(&id).unwrap_or_default());
    } else {
        print(&format!("name {}", with_digits(nick.as_ref().map_or("?", Nick::as_str), key)));
        print(&format!("key  {key}"));
    }
    Ok(Exit::Done)
}

/// Looks around and tells who is there.
///
/// # Errors
/// Whatever keeps the program from running.
pub(crate) fn peers(program: &str, arguments: &[OsString], cli: &Cli, open: Open<'_>) -> Result<Exit, Fault> {
    let mut run = Run::begin(program, arguments, cli, open)?;
    let until = run.clock.now() + LOOK;
    while let Some(happening) = run.next(until) {
        if matches!(happening, Happening::Stop) {
            break;
        }
    }
    if cli.json {
        let runs = run.people.present().into_iter().flat_map(|(_, person)| person.runs.values());
        runs.chain(run.people.found()).for_each(|run| print(&Line::Peer(Peer::new(run)).text()));
    } else {
        let lines = show::peers(&run.people);
        lines.iter().for_each(|line| print(line));
        if lines.is_empty() {
            let _ = writeln!(io::stderr(), "nobody was found in {} s", LOOK.as_secs());
        }
    }
    run.end();
    Ok(Exit::Done)
}

/// A node that runs for a while.
struct Run {
    engine: Engine,
    told: Receiver<Happening>,
    clock: Clock,
    people: People,
}

impl Run {
    fn begin(program: &str, arguments: &[OsString], cli: &Cli, open: Open<'_>) -> Result<Self, Fault> {
        let mut ready = Ready::open(program, arguments, &cli.options, open)?;
        let people = People::new(ready.key, ready.nick.clone(), ready.store.known().map_err(unreadable)?);
        let (tell, told) = engine::queue();
        signals::watch(tell.clone()).map_err(no_start)?;
        let mut engine = ready.begin(&tell, false)?;
        connect(&cli.options.connect, &mut engine);
        Ok(Self { engine, told, clock: Clock::new(), people })
    }

    /// What happens next, `None` when nothing does until then.
    fn next(&mut self, until: Instant) -> Option<Happening> {
        let now = self.clock.now();
        let happening = (now < until).then(|| front::wait(&self.told, Some(until - now))).flatten()?;
        if let Happening::Event(Event::Peer(change)) = &happening {
            self.people.on_peer(change.clone());
        }
        Some(happening)
    }

    /// Says goodbye and closes the store.
    fn end(mut self) {
        self.engine.command(Action::Quit);
        let until = self.clock.now() + GOODBYE;
        while let Some(happening) = self.next(until) {
            if matches!(happening, Happening::Event(Event::Finished)) {
                break;
            }
        }
        self.engine.close(CLOSE);
    }
}

fn print(line: &str) {
    // Whoever closed our output does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}
