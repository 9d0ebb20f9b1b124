//! A node that is about to run, and one that runs: sockets, store and identity put together.

mod sockets;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::PathBuf,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use chat_core::{
    Action, Answer, Command, Config, Event, Identity, Input, MessageId, Nick, Output, PeerKey, REAL, Record,
    Request, RoomName, RoomRoot, State, StoreError, Transfer, TransferState,
};

use chat_net::{OnCaptureEnd, OnOutput, Submit};

pub(crate) use self::sockets::{LeftOut, Open, Opened, open_net};
use crate::{
    cli::{self, Discovery},
    fault::{Exit, Fault},
    files::{self, Places},
    happening::{Happening, Lifeline, Tell},
    keeper::{self, Job, Jobs},
    profile::{self, Profile},
    store::Store,
};

/// What is offered and fetched, in the profile.
const TRANSFERS: &str = "transfers.json";
/// How long the node may take to ask for what the store knows, before it is left to ask by itself.
const ASKING: Duration = Duration::from_secs(5);

/// Everything is open, and the node runs; the store does not yet, and nobody knows our name.
pub(crate) struct Ready {
    pub(crate) key: PeerKey,
    pub(crate) nick: Nick,
    pub(crate) port: u16,
    /// `None` when nothing is kept.
    pub(crate) folder: Option<PathBuf>,
    /// Those that we are in, the lobby too unless it was left.
    pub(crate) rooms: Vec<RoomName>,
    /// The secrets of private rooms, also of those left.
    pub(crate) secrets: BTreeMap<RoomName, RoomRoot>,
    pub(crate) left_out: LeftOut,
    pub(crate) store: Box<dyn Store>,
    state: State,
    submit: Submit,
    jobs: Jobs,
    waiting: Receiver<Job>,
    files: Files,
    places: Places,
    tell: Tell,
    profile: Profile,
}

impl Ready {
    /// Opens the profile, the sockets and the store, in this order unless something else is told. The node runs as soon as
    /// there are sockets: it is found, and makes sessions, while the store is being opened. What it tells goes to `tell`.
    ///
    /// # Errors
    /// Whatever keeps the program from running, with its exit code.
    pub(crate) fn open(
        program: &str,
        arguments: &[OsString],
        options: &cli::Options,
        open: Open<'_>,
        tell: Tell,
    ) -> Result<Self, Fault> {
        let profile = Profile::open(options, &beside(program, arguments))?;
        let identity = Identity::new(REAL, &profile.secret);
        let key = identity.key();
        // A program that cannot run empties no file, and the crates say our name from the start.
        let is_history_first = options.capture.is_some() || options.discovery.mdns_crates;
        let open_history = || History::open(&profile, options, key);
        let first = if is_history_first { Some(open_history()?) } else { None };
        let nick = first.as_ref().map(|history| &history.nick);
        let speaking = Speaking::begin(options, identity, nick, open, &tell)?;
        let history = first.map_or_else(open_history, Ok)?;
        let Speaking { port, left_out, submit, jobs, waiting, files } = speaking;
        let History { store, state, nick } = history;
        let (rooms, secrets, folder) = (rooms(&state), secrets(&state), profile.folder.clone());
        let downloads =
            files::downloads(options.downloads.as_deref(), folder.as_deref(), options.profile.is_some());
        let ledger = folder.as_ref().map(|folder| folder.join(TRANSFERS));
        Ok(Self {
            key,
            nick,
            port,
            folder,
            rooms,
            secrets,
            left_out,
            store,
            state,
            submit,
            jobs,
            waiting,
            files,
            places: Places { downloads, ledger },
            tell,
            profile,
        })
    }

    /// What was offered and fetched in earlier runs.
    pub(crate) fn past_files(&self) -> files::Past {
        self.places.ledger.as_deref().map(files::Past::read).unwrap_or_default()
    }

    /// Lets the store work, and the node say who we are; with `stored`, new messages are told once more when they are in
    /// the store.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn begin(self, stored: bool) -> Result<Engine, Fault> {
        // It is what the node asks for first.
        if let Ok(Job::Fetch { token, what: Request::State }) = self.waiting.recv_timeout(ASKING) {
            (self.submit)(Input::Fetched { token, answer: Answer::State(self.state) });
        }
        let Files { jobs: files, waiting } = self.files;
        let (submit, tell) = (self.submit.clone(), self.tell.clone());
        let spawned = keeper::spawn(self.store, self.waiting, submit, tell, stored).and_then(|()| {
            files::spawn(self.places, waiting, files.clone(), self.submit.clone(), self.tell.clone())
        });
        spawned.map_err(|error| cannot_start(&error))?;
        let Self { submit, jobs, tell, profile, .. } = self;
        Ok(Engine { submit, jobs, files, last_tag: 0, tell, _profile: profile })
    }
}

/// A node that runs and waits for what its store knows.
struct Speaking {
    port: u16,
    left_out: LeftOut,
    submit: Submit,
    jobs: Jobs,
    waiting: Receiver<Job>,
    files: Files,
}

/// The queue of the thread for files, and its end.
struct Files {
    jobs: files::Jobs,
    waiting: Receiver<files::Job>,
}

impl Speaking {
    /// Opens the sockets and lets the node speak. It says no name before it has heard from its store.
    fn begin(
        options: &cli::Options,
        identity: Identity,
        nick: Option<&Nick>,
        open: Open<'_>,
        tell: &Tell,
    ) -> Result<Self, Fault> {
        let Opened { port, mdns_socket, left_out, begin } = open(options)?;
        let nick = nick.or(options.nick.as_ref()).cloned().unwrap_or_else(profile::account);
        let mut config = Config::new(REAL, nick, port);
        config.nick_wins = options.nick.is_some();
        config.mdns_socket = mdns_socket;
        let Discovery { mdns, broadcast, manual, .. } = options.discovery;
        config.discovery = chat_core::Discovery { mdns, broadcast, remembered: manual };
        config.author_rate = options.author_rate;
        config.trace = options.capture.is_some();
        let (jobs, waiting) = mpsc::channel();
        let (file_jobs, files_waiting) = mpsc::channel();
        let files = Files { jobs: file_jobs, waiting: files_waiting };
        let on_output = on_output(jobs.clone(), files.jobs.clone(), tell.clone());
        let submit = begin(config, identity, on_output, on_capture_end(tell.clone()));
        let submit = submit.map_err(|error| cannot_start(&error))?;
        Ok(Self { port, left_out, submit, jobs, waiting, files })
    }
}

/// A store that is open, and what it knows.
struct History {
    store: Box<dyn Store>,
    state: State,
    nick: Nick,
}

impl History {
    fn open(profile: &Profile, options: &cli::Options, own: PeerKey) -> Result<Self, Fault> {
        let mut store = profile.store(own)?;
        let state = state(store.as_mut())?;
        let nick = nick(options, &state, store.as_mut())?;
        Ok(Self { store, state, nick })
    }
}

/// The rooms that a profile is in; everybody is in the lobby until they leave it.
pub(crate) fn rooms(state: &State) -> Vec<RoomName> {
    let lobby = RoomName::lobby();
    let is_new = !state.rooms.iter().any(|room| room.name == lobby);
    let joined = state.rooms.iter().filter(|room| room.joined).map(|room| room.name.clone());
    is_new.then_some(lobby).into_iter().chain(joined).collect()
}

fn secrets(state: &State) -> BTreeMap<RoomName, RoomRoot> {
    state.rooms.iter().filter_map(|room| Some((room.name.clone(), room.root.clone()?))).collect()
}

fn cannot_start(error: &io::Error) -> Fault {
    Fault::usage(format!("cannot start: {error}"))
}

/// What the store knows.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn state(store: &mut dyn Store) -> Result<State, Fault> {
    match store.fetch(&Request::State) {
        Ok(Answer::State(state)) => Ok(state),
        _ => Err(Fault::new(Exit::Damaged, "the history cannot be read")),
    }
}

/// What the person is called: as the options say, from now on, or as before.
///
/// # Errors
/// When it cannot be kept.
pub(crate) fn nick(options: &cli::Options, state: &State, store: &mut dyn Store) -> Result<Nick, Fault> {
    if let Some(nick) = options.nick.clone().filter(|nick| state.nick.as_ref() != Some(nick)) {
        // At once, also for those who end before a node asks for it.
        let kept = store.append(&[vec![Record::Nick(nick)]]);
        kept.map_err(|error| Fault::usage(format!("the nick cannot be kept: {error}")))?;
    }
    Ok(options.nick.clone().or_else(|| state.nick.clone()).unwrap_or_else(profile::account))
}

/// Sends each output where it belongs. It is called by the runtime's loop and never waits.
fn on_output(jobs: Jobs, files: files::Jobs, tell: Tell) -> OnOutput {
    let lifeline = Lifeline::new("the node", tell.clone());
    // At the end of the program the receivers go first.
    let hand_out = move |output| match output {
        Output::Event(event) => {
            if let Event::Transfer(Transfer { file, incoming: true, state: TransferState::Whole, .. }) =
                &event
            {
                let _ = files.send(files::Job::Finish(*file));
            }
            let _ = tell.send(Happening::Event(event));
        }
        Output::Fetch { token, what: Request::Piece { room, file, offset, length } } => {
            let _ = files.send(files::Job::Read(files::Read { token, room, file, offset, length }));
        }
        Output::Write { token, file, offset, bytes } => {
            let _ = files.send(files::Job::Write { token, file, offset, bytes });
        }
        Output::Persist { token, records } => drop(jobs.send(Job::Persist { token, records })),
        Output::Fetch { token, what } => drop(jobs.send(Job::Fetch { token, what })),
        Output::Transmit(_) | Output::Trace(_) | Output::Wait(_) => {}
    };
    Box::new(move |output| {
        // It goes with the node's thread, as this does.
        let _held = &lifeline;
        hand_out(output);
    })
}

fn on_capture_end(tell: Tell) -> OnCaptureEnd {
    Box::new(move |why| {
        log::warn!("{why}");
        // At the end of the program the receiver goes first.
        let _ = tell.send(Happening::CaptureEnded(format!("{why}; the chat goes on")));
    })
}

/// A node that runs, with its store.
pub(crate) struct Engine {
    submit: Submit,
    jobs: Jobs,
    files: files::Jobs,
    last_tag: u64,
    tell: Tell,
    _profile: Profile,
}

impl Engine {
    /// Where to put what a front end is to hear.
    pub(crate) fn tell(&self) -> Tell {
        self.tell.clone()
    }

    /// Asks the node for something. The answer is a `Done` or `Refused` with this tag.
    pub(crate) fn command(&mut self, action: Action) -> u64 {
        self.last_tag += 1;
        (self.submit)(Input::Command(Command { tag: self.last_tag, action }));
        self.last_tag
    }

    /// Has the disk do something about files.
    pub(crate) fn files(&self, job: files::Job) {
        // It ends after this.
        let _ = self.files.send(job);
    }

    /// What was prepared has been offered with this message, which the store has.
    pub(crate) fn offered(&self, file: MessageId, prepared: files::Prepared) {
        let files = self.files.clone();
        let ask = Job::Ask(Box::new(move |store| {
            let room = store.room_of(file.entry).ok().flatten();
            let _ = files.send(room.map_or(files::Job::NotOffered, |room| files::Job::Offered {
                file,
                room,
                prepared,
            }));
        }));
        let _ = self.jobs.send(ask);
    }

    /// Asks the store, behind everything that waits for it. `None` when the store is closed.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut dyn Store) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = mpsc::sync_channel(1);
        let ask = Job::Ask(Box::new(move |store| drop(answer.send(question(store)))));
        self.jobs.send(ask).ok()?;
        answered.recv().ok()
    }

    /// Asks the store from another thread what a node asks.
    pub(crate) fn reader(&self) -> impl FnMut(Request) -> Result<Answer, StoreError> + Send + 'static {
        let jobs = self.jobs.clone();
        move |what| {
            let (answer, answered) = mpsc::sync_channel(1);
            let ask = Job::Ask(Box::new(move |store| drop(answer.send(store.fetch(&what)))));
            jobs.send(ask).map_err(|_| StoreError::Failed)?;
            answered.recv().unwrap_or(Err(StoreError::Failed))
        }
    }

    /// Makes durable what waits and closes the store. The answer says whether that was done in time.
    pub(crate) fn close(&self, patience: Duration) -> bool {
        let (done, closed) = mpsc::sync_channel(1);
        self.jobs.send(Job::Close(done)).is_ok() && closed.recv_timeout(patience).is_ok()
    }
}

/// A queue for happenings.
pub(crate) fn queue() -> (Tell, Receiver<Happening>) {
    mpsc::channel()
}

/// The command that works beside a program that holds the profile.
pub(crate) fn beside(program: &str, arguments: &[OsString]) -> String {
    let mut words = vec![program.to_string(), String::from("--ephemeral")];
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    // Behind a lone -- nothing is an option.
    let mut is_text = false;
    while let Some(argument) = arguments.next() {
        is_text |= argument == "--";
        match argument.as_ref() {
            "--profile" if !is_text => drop(arguments.next()),
            other if other.starts_with("--profile=") && !is_text => {}
            other => words.push(profile::quote(other)),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_works_is_the_same_without_the_profile() {
        let arguments = ["#ops", "--profile", "a b", "--nick", "x y", "--profile=c"].map(OsString::from);
        assert_eq!(beside("chat-std", &arguments), "chat-std --ephemeral '#ops' --nick 'x y'");
        let arguments = ["send", "bo", "--", "--profile", "x"].map(OsString::from);
        assert_eq!(beside("chat-std", &arguments), "chat-std --ephemeral send bo -- --profile x");
    }
}
