//! `doctor`: looks at the network for some seconds and tells what is wrong with it.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    time::Duration,
};

use chat_core::{Action, Event, Findings};
use chat_net::Surroundings;

use super::{Run, print};
use crate::{
    address,
    cli::Cli,
    doctor::{self, Facts},
    engine::Open,
    fault::{Exit, Fault},
    happening::Happening,
};

/// How long others may take to be found, to be called, to be heard by multicast, and to tell their time with their first
/// heartbeat, 6 s at the latest (DESIGN section 5), before all are asked.
const LOOK: Duration = Duration::from_millis(5500);
/// How long the node may take to ask everybody, and to tell what it has seen.
const ANSWER: Duration = Duration::from_secs(3);

/// Looks around and tells what is wrong.
///
/// # Errors
/// Whatever keeps the program from running, except that there is no network: that is told, and is the exit code.
pub(crate) fn doctor(
    program: &'static str,
    arguments: &[OsString],
    cli: &Cli,
    open: Open<'_>,
) -> Result<Exit, Fault> {
    let mut cli = cli.clone();
    let begun = match Run::begin(program, arguments, &cli, open, Exit::Done) {
        Err(fault) if fault.exit == Exit::InUse => {
            let _ = writeln!(
                io::stderr(),
                "{program}: the profile is in use; looking beside it, under a fresh key"
            );
            (cli.options.ephemeral, cli.options.profile) = (true, None);
            // The one that runs has it.
            cli.options.port = None;
            Run::begin(program, arguments, &cli, open, Exit::Done)
        }
        begun => begun,
    };
    let run = match begun {
        Ok(run) => run,
        Err(fault) if fault.exit == Exit::NoNetwork => {
            let surroundings = Surroundings::look(&cli.options.interface);
            let has = |name: &String| surroundings.interfaces.iter().any(|one| one.interface.name == *name);
            if !cli.options.interface.iter().all(has) {
                return Err(fault);
            }
            let port = cli.options.port.map_or(address::PORT, Into::into);
            tell(&Facts::without_node(surroundings, port, cli.options.discovery), &cli, program);
            return Ok(Exit::NoNetwork);
        }
        Err(fault) => return Err(fault),
    };
    let port = run.port;
    if let Some((findings, surroundings)) = examine(run, &cli.options.interface)? {
        tell(&Facts { surroundings, findings, port, discovery: cli.options.discovery }, &cli, program);
    }
    Ok(Exit::Done)
}

/// What the node finds out, and what the system tells while it runs; `None` when somebody ended us before.
fn examine(mut run: Run, interfaces: &[String]) -> Result<Option<(Findings, Surroundings)>, Fault> {
    let mut findings = None;
    let mut until = run.clock.now() + LOOK;
    let mut is_asked = false;
    loop {
        match run.next(until) {
            Some(Happening::Stop) => break,
            Some(Happening::Event(Event::Examined { findings: found, .. })) => {
                findings = Some((*found, Surroundings::look(interfaces)));
                break;
            }
            Some(_) => {}
            None if is_asked => break,
            None => {
                is_asked = true;
                run.engine.command(Action::Examine);
                until = run.clock.now() + ANSWER;
            }
        }
    }
    run.end()?;
    Ok(findings)
}

fn tell(facts: &Facts, cli: &Cli, program: &str) {
    let causes = doctor::causes(facts);
    if cli.json {
        print(&doctor::json(facts, &causes, program));
    } else {
        doctor::table(facts, &causes, program).iter().for_each(|line| print(line));
    }
}
