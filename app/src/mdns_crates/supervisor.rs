//! The parent of the child: starts it, tells it what to do, believes little of what it says, and starts it again.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::IpAddr,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender},
    thread,
    time::Duration,
};

use chat_core::{Input, Instant, Nick};
use chat_net::{Clock, Submit};

use super::{
    Announcement, CHILD, GROUP,
    backoff::BackOff,
    found::Found,
    line::{self, Order, Report},
    route,
};

/// Lines a second that are read of what the child says; then it has to wait.
const PACE: usize = 100;
/// Of a line on its standard error, so much is logged.
const COMPLAINT_MAX: u64 = 300;
/// How long a child may take to end by itself: less than the program waits for it, so that none is left behind.
const PATIENCE: Duration = Duration::from_millis(250);

/// What makes the supervisor turn.
pub(super) enum Turn {
    /// The addresses in use, without those of loopback.
    Interfaces(Vec<IpAddr>),
    Nick(Nick),
    /// From the child.
    Report(Report),
    /// The child of this number says nothing any more.
    Ended(u64),
    /// Answered when the child has ended.
    Quit(SyncSender<()>),
}

/// Keeps one child running as long as there is a network for it.
pub(super) struct Supervisor {
    program: PathBuf,
    clock: Clock,
    submit: Submit,
    door: Sender<Turn>,
    announcement: Announcement,
    /// `None` before the node has told.
    addresses: Option<Vec<IpAddr>>,
    child: Option<Running>,
    /// How many there were.
    children: u64,
    back_off: BackOff,
    again: Option<Instant>,
    found: Found,
}

impl Supervisor {
    /// # Errors
    /// When the system does not tell where this program is.
    pub(super) fn new(announcement: Announcement, submit: Submit, door: Sender<Turn>) -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            clock: Clock::new(),
            submit,
            door,
            announcement,
            addresses: None,
            child: None,
            children: 0,
            back_off: BackOff::default(),
            again: None,
            found: Found::default(),
        })
    }

    /// # Errors
    /// When the system gives no thread.
    pub(super) fn spawn(self, inbox: Receiver<Turn>) -> io::Result<()> {
        thread::Builder::new().name(String::from("mdns-crates")).spawn(move || self.run(&inbox)).map(drop)
    }

    fn run(mut self, inbox: &Receiver<Turn>) {
        loop {
            let wake = self.again.into_iter().chain(self.found.next_wake()).min();
            let patience = wake.map_or(Duration::MAX, |wake| wake - self.clock.now());
            match inbox.recv_timeout(patience) {
                Ok(Turn::Quit(ended)) => {
                    self.stop();
                    let _ = ended.send(());
                    return;
                }
                Ok(turn) => self.on_turn(turn),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.stop(),
            }
            let now = self.clock.now();
            if self.again.take_if(|again| *again <= now).is_some() {
                self.start();
            }
            for sighting in self.found.on_tick(now) {
                (self.submit)(Input::Sighting(sighting));
            }
        }
    }

    fn on_turn(&mut self, turn: Turn) {
        match turn {
            Turn::Interfaces(addresses) if self.addresses.as_ref() == Some(&addresses) => {}
            Turn::Interfaces(addresses) => {
                self.addresses = Some(addresses);
                self.on_addresses();
            }
            Turn::Nick(nick) if nick == self.announcement.nick => {}
            Turn::Nick(nick) => {
                self.announcement.nick = nick;
                self.order(&Order::Announce(self.announcement.clone()));
            }
            // What is left of one who has ended is as good as what the next one says.
            Turn::Report(report) => {
                for sighting in self.found.on_report(self.clock.now(), report) {
                    log::debug!("mdns-crates: {sighting:?}");
                    (self.submit)(Input::Sighting(sighting));
                }
            }
            Turn::Ended(number) => self.on_ended(number),
            Turn::Quit(_) => {}
        }
    }

    fn on_addresses(&mut self) {
        if !self.addresses.iter().flatten().any(IpAddr::is_ipv4) {
            log::warn!("mdns-crates rests: the crates need IPv4 beyond loopback, and there is none");
            self.again = None;
            return self.stop();
        }
        if let Err(error) = route() {
            log::warn!("mdns-crates asks nobody: the system knows no way to {} ({error})", GROUP.0);
        }
        if self.child.is_some() {
            self.order(&self.interfaces());
        } else if self.again.is_none() {
            self.start();
        }
    }

    fn start(&mut self) {
        self.children += 1;
        match Running::start(self.children, self.clock.now(), &self.program, &self.door) {
            Ok(child) => {
                log::info!("mdns-crates runs as process {}", child.process.id());
                self.child = Some(child);
                self.order(&self.interfaces());
                self.order(&Order::Announce(self.announcement.clone()));
            }
            Err(error) => self.retry(Duration::ZERO, &format!("does not start: {error}")),
        }
    }

    fn on_ended(&mut self, number: u64) {
        let Some(mut child) = self.child.take_if(|child| child.number == number) else { return };
        let lived = self.clock.now() - child.since;
        let how = child.end(self.clock, PATIENCE);
        self.retry(lived, &format!("ended ({how})"));
    }

    fn retry(&mut self, lived: Duration, why: &str) {
        let wait = self.back_off.next(lived);
        log::warn!("mdns-crates {why}; it starts again in {} s", wait.as_secs());
        self.again = Some(self.clock.now() + wait);
    }

    fn interfaces(&self) -> Order {
        Order::Interfaces(self.addresses.clone().unwrap_or_default())
    }

    fn order(&mut self, order: &Order) {
        if let Some(child) = &mut self.child {
            // Where it cannot take orders any more it has ended, which is heard of in another way.
            let _ = child.orders.as_mut().map(|orders| orders.write_all(order.line().as_bytes()));
        }
    }

    /// Lets the child say goodbye.
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let how = child.end(self.clock, PATIENCE);
            log::info!("mdns-crates has left ({how})");
        }
    }
}

/// A child that was started. It does not outlive this.
struct Running {
    number: u64,
    since: Instant,
    process: Child,
    /// Its standard input: when that is closed, it ends.
    orders: Option<ChildStdin>,
}

impl Running {
    fn start(number: u64, since: Instant, program: &PathBuf, door: &Sender<Turn>) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(CHILD).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What the person types is for us: a Ctrl-C must leave it the time for its goodbye.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let (reports, complaints) = (process.stdout.take(), process.stderr.take());
        let running = Self { number, since, orders: process.stdin.take(), process };
        let door = door.clone();
        let listen = move || {
            reports.into_iter().for_each(|reports| hear(reports, &door));
            let _ = door.send(Turn::Ended(number));
        };
        thread::Builder::new().name(String::from("mdns-crates-out")).spawn(listen)?;
        let log = move || complaints.into_iter().for_each(log_complaints);
        thread::Builder::new().name(String::from("mdns-crates-err")).spawn(log)?;
        Ok(running)
    }

    /// Waits until it has ended by itself, or ends it; how it ended.
    fn end(&mut self, clock: Clock, patience: Duration) -> String {
        self.orders = None;
        let until = clock.now() + patience;
        while clock.now() < until {
            match self.process.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Ok(Some(status)) => return status.to_string(),
                Err(error) => return error.to_string(),
            }
        }
        let _ = self.process.kill();
        self.process.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Passes on what the child reports, no faster than [`PACE`].
fn hear(reports: ChildStdout, door: &Sender<Turn>) {
    let clock = Clock::new();
    let mut reports = BufReader::new(reports);
    let (mut begun, mut read, mut bad) = (clock.now(), 0, 0u64);
    while let Some(line) = line::next(&mut reports) {
        match line.ok().and_then(|line| Report::read(&line)) {
            Some(report) => {
                if door.send(Turn::Report(report)).is_err() {
                    return;
                }
            }
            None => {
                bad += 1;
                // However much of it there is.
                if bad.is_power_of_two() {
                    log::debug!("mdns-crates said {bad} lines that are none");
                }
            }
        }
        read += 1;
        if read >= PACE {
            thread::sleep(Duration::from_secs(1).saturating_sub(clock.now() - begun));
            (begun, read) = (clock.now(), 0);
        }
    }
}

/// Logs what the child complains of, in a form that does nothing to a terminal, no faster than [`PACE`].
fn log_complaints(complaints: ChildStderr) {
    let mut complaints = BufReader::new(complaints);
    let mut piece = Vec::new();
    for number in 1.. {
        piece.clear();
        match complaints.by_ref().take(COMPLAINT_MAX).read_until(b'\n', &mut piece) {
            Ok(1..) => log::debug!("mdns-crates: {}", piece.trim_ascii().escape_ascii()),
            _ => return,
        }
        if number % PACE == 0 {
            thread::sleep(Duration::from_secs(1));
        }
    }
}
