//! A program of the world: it is started, told what happens, and has its wishes carried out.

use std::{any::Any, rc::Rc, time::Duration};

use chat_core::{Action, Input, Instant, Node, Output, Sizes, Stats, Token};

use super::{Happening, World};
use crate::{
    chance::Domain,
    host::{State, shelf},
    lan::Flight,
    program::{Program, Start},
    watch::Fact,
};

/// How long a disk takes to make safe what it was given, and to read.
const SYNC: Duration = Duration::from_micros(300);
const SEEK: Duration = Duration::from_micros(30);
/// So many outputs after one input are a livelock.
const OUTPUTS_MAX: u32 = 1_000_000;
pub(super) const MINUTE: Duration = Duration::from_secs(60);

impl World {
    /// At every start of a host `programs` says what it runs, instead of the chat node.
    ///
    /// The properties that are watched over are those of the chat node: nobody looks on any more, but for what the
    /// world itself sees. A program must not panic, has to come to an end of its wishes (S14), and where the same
    /// happens to two of them, they do the same (S17): for some hosts two are made.
    #[must_use]
    pub fn with_programs(mut self, programs: impl Fn(&Start) -> Box<dyn Program> + 'static) -> Self {
        self.programs = Rc::new(programs);
        self.watch.close();
        self
    }

    /// The program of `host`, while it runs, if it is a `P`.
    #[must_use]
    pub fn program<P: Program>(&self, host: usize) -> Option<&P> {
        let program: &dyn Any = self.machines.get(host)?.program.as_deref()?;
        program.downcast_ref()
    }

    /// What the chat node of `host` has counted, while it runs.
    #[must_use]
    pub fn stats(&self, host: usize) -> Option<Stats> {
        self.program(host).map(Node::stats)
    }

    /// How full the tables of the chat node of `host` are, while it runs.
    #[must_use]
    pub fn sizes(&self, host: usize) -> Option<Sizes> {
        self.program(host).map(Node::sizes)
    }

    /// Starts the program of `host`.
    pub(super) fn start(&mut self, host: usize) {
        let machine = &mut self.machines[host];
        if machine.state != State::Off {
            return;
        }
        machine.start(self.now, &self.chance, self.suite, &*self.programs);
        let (boot, wall) = (machine.boots, machine.clock.wall(self.now));
        let key = machine.key(self.suite);
        self.watch.truth.set_key(host, key);
        let node = self.program(host).map(Node::boot).unwrap_or_default();
        let disk = &self.machines[host].disk;
        self.watch.see(self.now, &Fact::Booted { host, boot: node, disk });
        self.lan.report(self.now, host);
        let interfaces = self.list_cards(host);
        self.give(host, Input::WallClock(wall), None);
        self.give(host, Input::Interfaces(&interfaces), None);
        self.after(MINUTE, host, host, boot, Happening::Minute { host, boot });
        let wanted: Vec<_> = self.machines[host].shelf.wanted().cloned().collect();
        wanted.into_iter().for_each(|wanted| self.command(host, Action::Fetch(wanted)));
    }

    /// Gives `input` to the program of `host`, and does what it wants.
    pub(super) fn give(&mut self, host: usize, input: Input<'_>, cause: Option<&Flight>) {
        let machine = &mut self.machines[host];
        if machine.state != State::Runs {
            return;
        }
        let local = machine.clock.local(self.now);
        let Some(program) = &mut machine.program else { return };
        self.acting = Some(host);
        if let Some(twin) = &mut machine.twin {
            twin.handle(local, copy(&input));
        }
        program.handle(local, input);
        self.acting = None;
        for _ in 0..OUTPUTS_MAX {
            let machine = &mut self.machines[host];
            let Some(program) = &mut machine.program else { return };
            self.acting = Some(host);
            let mut output = program.poll();
            self.acting = None;
            if machine.twin.as_mut().is_some_and(|twin| twin.poll() != output) {
                let what = format!("host {host} does another thing when the same happens: {output:?}");
                self.watch.broken("S17", self.now, what);
            }
            match output {
                Output::Transmit(ref mut transmit) => self.send(host, transmit, cause),
                Output::Event(event) => self.tell(host, &event),
                Output::Trace(_) => {}
                Output::Write { token, file, offset, bytes } => {
                    let machine = &mut self.machines[host];
                    let (boot, result) = (machine.boots, shelf::mood(machine.disk.mood.full));
                    let written = result.map_or(Ok(()), |()| machine.shelf.write(file, offset, &bytes));
                    if let Err(what) = written {
                        self.watch.broken("S18", self.now, format!("host {host} is given {what}"));
                    }
                    self.after(SEEK, host, host, token.0, Happening::Written { host, boot, token, result });
                }
                Output::Persist { token, records } => self.append(host, token, records),
                Output::Fetch { token, what } => {
                    let machine = &self.machines[host];
                    let (boot, key) = (machine.boots, machine.key(self.suite));
                    let answer = Box::new(machine.disk.answer(key, &what));
                    self.after(SEEK, host, host, token.0, Happening::Read { host, boot, token, answer });
                }
                Output::Wait(wake) => {
                    let at = wake.map(|wake| wake.at);
                    if at.is_some_and(|at| at <= local) {
                        self.watch.broken(
                            "S14",
                            self.now,
                            format!("host {host} wants to be called in the past"),
                        );
                    }
                    return self.plan_wake(host, at);
                }
            }
        }
        self.watch.broken("S14", self.now, format!("host {host} never stops wanting something"));
    }

    /// The program of `host` panicked, and must not be asked again.
    pub(super) fn panicked(&mut self, host: usize, cause: &(dyn Any + Send)) {
        self.machines[host].stop();
        let what = cause.downcast_ref::<String>().map(String::as_str);
        let what = what.or(cause.downcast_ref::<&str>().copied()).unwrap_or("no words");
        self.watch.broken("S14", self.now, format!("the program of host {host} panicked: {what}"));
    }

    fn append(&mut self, host: usize, token: Token, records: Vec<chat_core::Record>) {
        self.watch.see(self.now, &Fact::Appended { host, token, records: &records });
        let machine = &mut self.machines[host];
        let (boot, result) = (machine.boots, machine.disk.append(records));
        let length = machine.disk.len();
        let slow = machine.disk.mood.slow.unwrap_or(1);
        let about = [host as u64, boot, token.0];
        let delay = self.chance.span(&(SYNC / 2..=SYNC * 2), Domain::Disk, &about) * slow;
        // Its word is about everything up to there, so it comes in order.
        let at = (self.now + delay).max(machine.stored);
        machine.stored = at;
        self.push(at, host, host, token.0, Happening::Stored { host, boot, token, length, result });
    }

    /// The program of `host` wants to be called at `at` by its own clock.
    fn plan_wake(&mut self, host: usize, at: Option<Instant>) {
        let machine = &mut self.machines[host];
        let at = at.and_then(|at| machine.clock.when(at));
        if at == machine.wake {
            return;
        }
        machine.wake = at;
        machine.wishes += 1;
        let wish = machine.wishes;
        if let Some(at) = at.filter(|&at| at <= self.end) {
            self.push(at.max(self.now), host, host, wish, Happening::Wake { host, wish });
        }
    }
}

/// The same input once more.
fn copy<'a>(input: &Input<'a>) -> Input<'a> {
    match input {
        Input::Datagram(datagram) => Input::Datagram(*datagram),
        Input::Command(command) => Input::Command(command.clone()),
        Input::Interfaces(interfaces) => Input::Interfaces(interfaces),
        Input::WallClock(wall) => Input::WallClock(*wall),
        Input::Entropy(entropy) => Input::Entropy(*entropy),
        Input::Sighting(sighting) => Input::Sighting(sighting.clone()),
        Input::Persisted { token, result } => Input::Persisted { token: *token, result: *result },
        Input::Fetched { token, answer } => Input::Fetched { token: *token, answer: answer.clone() },
        Input::Written { token, result } => Input::Written { token: *token, result: *result },
        Input::Tick => Input::Tick,
    }
}
