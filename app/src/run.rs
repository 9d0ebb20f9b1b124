//! From the command line to the front end that was asked for.

use std::{
    ffi::OsString,
    io::{self, BufReader, IsTerminal as _, Write as _},
    sync::mpsc::Receiver,
};

use chat_core::{Action, StoreError};
use chat_net::Clock;
use jiff::tz::TimeZone;

use crate::{
    cli::{Cli, Command, Stop},
    door::Door,
    engine::{self, Engine, Open, Ready},
    fault::{Exit, Fault},
    front,
    happening::{Happening, Tell},
    input::{self, Gate},
    json::Json,
    oneshot,
    out::Out,
    plain::{self, Manner, Plain},
    signals,
    terminal::{self, Prompt, Terminal},
};

/// Runs the program, and prints why when it could not.
pub(crate) fn program(program: &'static str, arguments: &[OsString], open: Open<'_>) -> Exit {
    let ended = match Cli::read(program, arguments) {
        Ok(cli) => {
            log_to_stderr(&cli.options.log);
            chosen(program, arguments, &cli, open)
        }
        Err(Stop::Answer(text)) => {
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(Exit::Done)
        }
        Err(Stop::Fault(fault)) => Err(fault),
    };
    ended.unwrap_or_else(|fault| {
        let _ = writeln!(io::stderr(), "{program}: {fault}");
        fault.exit
    })
}

fn chosen(program: &'static str, arguments: &[OsString], cli: &Cli, open: Open<'_>) -> Result<Exit, Fault> {
    match &cli.command {
        Some(Command::Id) => oneshot::id(program, arguments, cli),
        Some(Command::Peers) => oneshot::peers(program, arguments, cli, open),
        Some(Command::Search { words, count }) => oneshot::search(cli, words, *count),
        Some(Command::Tail { room, count, follow }) => oneshot::tail(cli, room.as_ref(), *count, *follow),
        Some(Command::Rooms) => oneshot::rooms(cli),
        Some(Command::Export { to, room }) => oneshot::export(cli, to, room.as_ref()),
        Some(Command::Import { from }) => oneshot::import(program, arguments, cli, from),
        Some(Command::Doctor) => oneshot::doctor(program, arguments, cli, open),
        Some(Command::Send { to, text, timeout }) => {
            let wish = oneshot::Send::read(to, text, *timeout, cli.options.room_key.as_deref())?;
            oneshot::send(program, arguments, cli, &wish, open)
        }
        None => {
            let door = door(cli)?;
            let (tell, told) = engine::queue();
            let ready = Ready::open(program, arguments, &cli.options, open, tell.clone())?;
            signals::watch(tell.clone(), Exit::Done).map_err(no_start)?;
            let rooms = ready.rooms.iter().cloned().collect();
            if let Some(door) = door.as_ref().filter(|door| door.is_taken(&rooms, &ready.secrets)) {
                return Err(Fault::usage(door.taken()));
            }
            let act = if cli.json { json } else { plain };
            act(program, cli, door, ready, tell, &told)
        }
    }
}

fn json(
    program: &'static str,
    cli: &Cli,
    door: Option<Door>,
    mut ready: Ready,
    tell: Tell,
    told: &Receiver<Happening>,
) -> Result<Exit, Fault> {
    let out = Out::new(io::stdout(), tell.clone()).map_err(no_start)?;
    let gate = Gate::default();
    let mut front =
        Json::new(program, &mut ready, cli.since, out.clone(), gate.clone()).map_err(unreadable)?;
    let rooms = ready.rooms.clone();
    let mut engine = ready.begin(true)?;
    let asked = door.as_ref().map(|door| door.room.clone());
    let others = rooms.into_iter().filter(|room| Some(room) != asked.as_ref());
    let doors = others.map(|room| Door { room, root: None }).chain(door);
    doors.for_each(|door| front.join(door, &mut engine));
    connect(&cli.options.connect, &mut engine);
    input::spawn(BufReader::new(io::stdin()), gate, out.clone(), tell).map_err(no_start)?;
    front::run(&mut front, &mut engine, told, &out, Clock::new())?;
    Ok(Exit::Done)
}

fn plain(
    program: &'static str,
    cli: &Cli,
    door: Option<Door>,
    mut ready: Ready,
    tell: Tell,
    told: &Receiver<Happening>,
) -> Result<Exit, Fault> {
    let gate = Gate::default();
    let (clock, prompt) = (Clock::new(), Prompt::default());
    let terminal = if cli.plain { None } else { Terminal::open() };
    let (editor, out) = match terminal {
        Some((editor, printer)) => (Some(editor), Out::new(printer, tell.clone())),
        None => (None, Out::new(io::stdout(), tell.clone())),
    };
    let out = out.map_err(no_start)?;
    let manner = Manner {
        program,
        door,
        zone: TimeZone::system(),
        prompt: editor.is_some().then(|| prompt.clone()),
        echoed: editor.is_none() && io::stdin().is_terminal() && io::stdout().is_terminal(),
        interfaces: cli.options.interface.clone(),
        discovery: cli.options.discovery,
    };
    let mut front = Plain::new(&mut ready, manner, out.clone(), gate.clone(), clock).map_err(unreadable)?;
    let mut engine = ready.begin(false)?;
    front.begin(&mut engine);
    connect(&cli.options.connect, &mut engine);
    match editor {
        Some(editor) => editor.spawn(prompt, plain::is_said, gate, tell),
        None => input::spawn(BufReader::new(io::stdin()), gate, out.clone(), tell),
    }
    .map_err(no_start)?;
    let ended = front::run(&mut front, &mut engine, told, &out, clock);
    terminal::restore();
    ended.map(|()| Exit::Done)
}

/// The room of the command line, with the secret that goes with it.
fn door(cli: &Cli) -> Result<Option<Door>, Fault> {
    let key = cli.options.room_key.as_deref();
    match &cli.room {
        None if key.is_some() => Err(Fault::usage("--room-key goes with a #room")),
        room => room.clone().map(|room| Door::open(room, key)).transpose(),
    }
}

/// Reaches for the addresses of the command line. Whether it works is seen in who comes.
pub(crate) fn connect(addresses: &[std::net::SocketAddr], engine: &mut Engine) {
    for address in addresses {
        engine.command(Action::Connect(*address));
    }
}

fn log_to_stderr(level: &str) {
    // Where somebody has set a logger up before, theirs is used.
    let _ = env_logger::Builder::new().parse_filters(level).try_init();
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn no_start(error: io::Error) -> Fault {
    Fault::usage(format!("cannot start: {error}"))
}

pub(crate) fn unreadable(error: StoreError) -> Fault {
    Fault::new(Exit::Damaged, format!("the history cannot be read: {error}"))
}
