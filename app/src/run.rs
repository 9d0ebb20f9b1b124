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
            chosen(program, arguments, cli, open)
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

fn chosen(program: &'static str, arguments: &[OsString], cli: Cli, open: Open<'_>) -> Result<Exit, Fault> {
    match &cli.command {
        Some(Command::Id) => oneshot::id(program, arguments, &cli),
        Some(Command::Peers) => oneshot::peers(program, arguments, &cli, open),
        Some(Command::Doctor) => oneshot::doctor(program, arguments, &cli, open),
        Some(Command::Send { to, text, timeout }) => {
            let wish = oneshot::Send::read(to, text, *timeout)?;
            oneshot::send(program, arguments, &cli, &wish, open)
        }
        None => {
            let (tell, told) = engine::queue();
            let ready = Ready::open(program, arguments, &cli.options, open, tell.clone())?;
            signals::watch(tell.clone()).map_err(no_start)?;
            let act = if cli.json { json } else { plain };
            act(program, cli, ready, tell, &told)
        }
    }
}

fn json(
    program: &'static str,
    cli: Cli,
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
    for room in rooms.into_iter().chain(cli.room) {
        front.join(room, &mut engine);
    }
    connect(&cli.options.connect, &mut engine);
    input::spawn(BufReader::new(io::stdin()), gate, out.clone(), tell).map_err(no_start)?;
    front::run(&mut front, &mut engine, told, &out, Clock::new());
    Ok(Exit::Done)
}

fn plain(
    program: &'static str,
    cli: Cli,
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
        room: cli.room,
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
    front::run(&mut front, &mut engine, told, &out, clock);
    terminal::restore();
    Ok(Exit::Done)
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
