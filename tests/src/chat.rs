//! One running chat program, driven by JSON lines as a bot would drive it (`docs/JSON.md`).

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use chat_core::PeerKey;
use serde_json::{Value, json};

use crate::{
    bin::Program,
    lan::Host,
    running::{Line, Running},
    watch::PATIENCE,
};

/// A chat program that has said hello. It dereferences to the [`Running`] program.
#[derive(Debug)]
pub struct Chat {
    running: Running,
    hello: Value,
    next: u64,
}

impl Chat {
    /// Starts `program --json` with `options` on `host` and waits for its hello.
    ///
    /// # Panics
    /// When it does not say hello, or not as `docs/JSON.md` has it.
    #[must_use]
    #[track_caller]
    pub fn start(host: &Host, program: Program, options: &[&str]) -> Self {
        let name = format!("{} on {} {}", program.name(), host.name(), options.join(" "));
        let running = Running::start(name, host.command(program.path()).arg("--json").args(options));
        let hello = running.expect("hello", PATIENCE, |line| line.is_of("hello")).json;
        let first = running.lines().into_iter().next().map(|line| line.json);
        assert_eq!(first.as_ref(), Some(&hello), "hello comes first: {running}");
        assert_eq!(hello["v"], 1, "{running}");
        let chat = Self { running, hello, next: 1 };
        assert!(chat.key().parse::<PeerKey>().is_ok(), "a key in hello: {chat}");
        assert!(chat.port() > 0, "a port in hello: {chat}");
        chat
    }

    /// Its key: 64 hex digits.
    #[must_use]
    pub fn key(&self) -> &str {
        self.hello["key"].as_str().unwrap_or_default()
    }

    /// Its nick at start.
    #[must_use]
    pub fn nick(&self) -> &str {
        self.hello["nick"].as_str().unwrap_or_default()
    }

    /// The port of its chat socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.hello["port"].as_u64().and_then(|port| port.try_into().ok()).unwrap_or_default()
    }

    /// The nick with the four digits that tell two of one nick apart.
    #[must_use]
    pub fn instance(&self) -> String {
        let digits = self.key().parse::<PeerKey>().map_or(0, |key| key.digits());
        format!("{}-{digits:04}", self.nick())
    }

    /// What the other program calls its direct conversation with this one.
    #[must_use]
    pub fn direct(&self) -> String {
        format!("@{}", self.key())
    }

    /// Sends a command and returns the `id` it was given.
    pub fn tell(&mut self, mut command: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        command["id"] = id.into();
        self.write(format!("{command}\n"));
        id
    }

    /// Sends a command and waits until it is `done`.
    ///
    /// # Panics
    /// When it is refused, or not answered in time.
    #[track_caller]
    pub fn ask(&mut self, command: Value) -> Value {
        let answer = self.answer(command);
        assert_eq!(answer["type"], "done", "{answer}\n{self}");
        answer
    }

    /// Sends a command and waits until it is refused with `code`.
    ///
    /// # Panics
    /// When it is done, refused for another reason, or not answered in time.
    #[track_caller]
    pub fn refused(&mut self, command: Value, code: &str) -> Value {
        let answer = self.answer(command);
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{answer}\n{self}");
        assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()), "a message: {answer}");
        answer
    }

    /// Sends a command and waits for its answer, whichever.
    ///
    /// # Panics
    /// When it is not answered in time.
    #[track_caller]
    pub fn answer(&mut self, command: Value) -> Value {
        let what = format!("answer to {command}");
        let id = self.tell(command);
        let answers = |line: &Line| line.json["id"] == id && (line.is_of("done") || line.is_of("error"));
        self.expect(&what, PATIENCE, answers).json
    }

    /// Says `text` in `#lobby` and returns the message's id once it is durable.
    ///
    /// # Panics
    /// When it is refused, or not answered in time.
    #[track_caller]
    pub fn say(&mut self, text: &str) -> String {
        let done = self.ask(json!({"cmd": "send", "room": "#lobby", "text": text}));
        let message = done["message"].as_str().unwrap_or_default();
        let entry = done["entry"].as_str().unwrap_or_default();
        assert!(!entry.is_empty() && message.starts_with(&format!("{entry}.")), "{done}");
        message.to_owned()
    }

    /// Says `text` to `other` alone.
    ///
    /// # Panics
    /// When it is refused, or not answered in time.
    #[track_caller]
    pub fn say_to(&mut self, other: &Self, text: &str) {
        self.ask(json!({"cmd": "send", "to": other.key(), "text": text}));
    }

    /// Waits until `other` has proven who it is.
    ///
    /// # Panics
    /// When that does not happen in time.
    #[track_caller]
    pub fn expect_online(&self, other: &Self) -> Line {
        let what = format!("peer {} online", other.nick());
        self.expect(&what, PATIENCE, |line| line.is_peer("online", other.key()))
    }

    /// Waits until `other` is gone, for `reason`: `quit` or `lost`.
    ///
    /// # Panics
    /// When that does not happen within `limit`, or for another reason.
    #[track_caller]
    pub fn expect_gone(&self, other: &str, reason: &str, limit: Duration) -> Line {
        let line = self.expect("peer gone", limit, |line| line.is_peer("gone", other));
        assert_eq!(line.json["reason"], reason, "{self}");
        line
    }

    /// Waits for the message `text` of `from`, in `room`.
    ///
    /// # Panics
    /// When it does not come in time, or from somebody else, or in another room.
    #[track_caller]
    pub fn expect_message(&self, text: &str, from: &Self, room: &str) -> Value {
        let what = format!("message {text:?}");
        let line = self.expect(&what, PATIENCE, |line| line.is_of("message") && line.json["text"] == text);
        assert_eq!(line.json["from"]["key"], from.key(), "{line:?}");
        assert_eq!(line.json["room"], room, "{line:?}");
        line.json
    }

    /// The texts of the newest `limit` messages in `room`, oldest first.
    ///
    /// # Panics
    /// When the command is not done in time.
    #[track_caller]
    pub fn history(&mut self, room: &str, limit: u32) -> Vec<String> {
        self.history_objects(json!({"cmd": "history", "room": room, "limit": limit}))
            .iter()
            .map(|message| message["text"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// What a `history` command brings, oldest first.
    ///
    /// # Panics
    /// When the command is not done in time.
    #[track_caller]
    pub fn history_objects(&mut self, command: Value) -> Vec<Value> {
        let replayed = |line: &Line| line.is_of("message") && line.json["replay"] == true;
        while self.take(Duration::ZERO, replayed).is_some() {}
        self.ask(command);
        std::iter::from_fn(|| self.take(Duration::ZERO, replayed)).map(|line| line.json).collect()
    }

    /// Tells it to quit and waits until it has ended well.
    ///
    /// # Panics
    /// When it does not end within 5 s, or with another exit code than 0.
    #[track_caller]
    pub fn quit(mut self) {
        self.tell(json!({"cmd": "quit"}));
        let code = self.wait(Duration::from_secs(5));
        assert_eq!(code, Some(0), "{self}");
    }
}

impl Deref for Chat {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Chat {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

impl std::fmt::Display for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.running.fmt(f)
    }
}

impl Line {
    /// Whether it is an object of this `type`.
    #[must_use]
    pub fn is_of(&self, kind: &str) -> bool {
        self.json["type"] == kind
    }

    /// Whether it says that the peer of this key is in this state.
    #[must_use]
    pub fn is_peer(&self, state: &str, key: &str) -> bool {
        self.is_of("peer") && self.json["state"] == state && self.json["key"] == key
    }
}

/// Two programs that have met.
///
/// # Panics
/// When they do not find each other in time.
#[track_caller]
pub fn introduce(one: &Chat, other: &Chat) {
    one.expect_online(other);
    other.expect_online(one);
}
