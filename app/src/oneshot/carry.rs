//! `export` and `import`: the history in a file. The first only reads, the second is a node without a network.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::File,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use chat_core::{Action, Event, Identity, Intake, REAL, RoomName};

use super::{CLOSE, print};
use crate::{
    carry::{self, Import, Outcome, Source, Target, Wanted, entries, grouped},
    cli::Cli,
    engine::{self, Ready},
    fault::{Exit, Fault},
    happening::Happening,
    json::line::{Done, Line},
    offline,
    profile::Profile,
    run::no_start,
    signals,
};

/// Writes the history into a file, also beside a program that has the profile.
///
/// # Errors
/// No history, or a file that cannot be written; nothing is left of it then.
pub(crate) fn export(cli: &Cli, to: &Path, room: Option<&RoomName>) -> Result<Exit, Fault> {
    if cli.options.ephemeral {
        return Err(Fault::usage("with --ephemeral there is no history"));
    }
    let to = target(to);
    if to == Target::Output && io::stdout().is_terminal() {
        return Err(Fault::usage("standard output is a terminal, and this is for programs; name a file"));
    }
    let none = || Fault::usage("there is no history yet");
    let seen = Profile::look(&cli.options)?.ok_or_else(none)?;
    let mut store = seen.history(Identity::new(REAL, &seen.secret).key())?.ok_or_else(none)?;
    let (tell, told) = engine::queue();
    signals::watch(tell, Exit::Usage).map_err(no_start)?;
    let is_stopped = || matches!(told.try_recv(), Ok(Happening::Stop));
    let wanted = Wanted { to, room: room.cloned() };
    let exported = carry::export(&mut |what| store.fetch(&what), &wanted, &is_stopped);
    let exported = exported.map_err(|error| Fault::usage(error.to_string()))?;
    match &wanted.to {
        Target::Output => {}
        Target::File(_) if cli.json => {
            print(&Line::Done(Done { exported: Some(exported.entries), ..Done::default() }).text());
        }
        Target::File(path) => {
            let rooms = if exported.rooms == 1 { "room" } else { "rooms" };
            let (count, of) = (entries(exported.entries), grouped(exported.rooms));
            print(&format!("exported {count} of {of} {rooms} to {}", path.display()));
        }
    }
    Ok(Exit::Done)
}

/// Takes in what such a file has of the rooms that this profile is or was in.
///
/// # Errors
/// A profile in use, or a file that cannot be read to its end; what came before counts.
pub(crate) fn import(program: &str, arguments: &[OsString], cli: &Cli, from: &Path) -> Result<Exit, Fault> {
    if cli.options.ephemeral {
        return Err(Fault::usage("with --ephemeral nothing is kept; in a chat /import takes a file in"));
    }
    // Before anything is made for it.
    let source = source(from).map_err(|error| Fault::usage(format!("{}: {error}", from.display())))?;
    let (tell, told) = engine::queue();
    let ready = Ready::open(program, arguments, &cli.options, &offline::open, tell.clone());
    let ready = ready.map_err(|fault| beside(fault, from))?;
    let rooms = ready.rooms.iter().cloned().collect();
    signals::watch(tell.clone(), Exit::Usage).map_err(no_start)?;
    let mut engine = ready.begin(false)?;
    let mut import = Import::begin(source, tell).map_err(no_start)?;
    while import.outcome().is_none() {
        match told.recv() {
            Ok(Happening::Read(part)) => import.on_part(part, &mut engine),
            Ok(Happening::Event(event)) => _ = import.on_event(&event),
            Ok(Happening::Stop) => import.stop(),
            Ok(Happening::Failed(what)) => return Err(Fault::failed(what)),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    engine.command(Action::Quit);
    while let Ok(happening) = told.recv_timeout(CLOSE) {
        if matches!(happening, Happening::Event(Event::Finished)) {
            break;
        }
    }
    engine.close(CLOSE);
    ended(import.so_far(), cli.json, from, &rooms)
}

/// Of a file with nothing in it that could be read there is no more to say than why.
fn ended(outcome: &Outcome, is_json: bool, from: &Path, rooms: &BTreeSet<RoomName>) -> Result<Exit, Fault> {
    let is_anything = outcome.intake != Intake::default();
    if is_json {
        print(&Line::imported(None, outcome).text());
    } else if is_anything || outcome.trouble.is_none() {
        print(&outcome.report(rooms));
    }
    let Some(trouble) = &outcome.trouble else { return Ok(Exit::Done) };
    let before = if is_anything { "; what came before counts" } else { "" };
    Err(Fault::usage(format!("{}: {trouble}{before}", from.display())))
}

/// What works beside a chat that has the profile: it can do the same.
fn beside(fault: Fault, from: &Path) -> Fault {
    if fault.exit != Exit::InUse {
        return fault;
    }
    let path = std::path::absolute(from).unwrap_or_else(|_| PathBuf::from(from));
    let message =
        format!("the profile is in use by another chat; in it this works: /import {}", path.display());
    Fault::new(Exit::InUse, message)
}

fn target(path: &Path) -> Target {
    if path == Path::new("-") { Target::Output } else { Target::File(path.into()) }
}

fn source(path: &Path) -> io::Result<Source> {
    if path == Path::new("-") { Ok(Source::Input) } else { File::open(path).map(Source::Opened) }
}
