//! Files that are offered, accepted and on their way, for a person.

use std::{path::PathBuf, time::Duration};

use chat_core::{Action, Instant, Message, MessageId, Place, StoreError, Transfer, TransferState};

use super::{
    Pending, Plain,
    command::unquoted,
    desk::{name_of, size_of},
    show,
};
use crate::{
    clean,
    engine::{Engine, Ready},
    files::{self, Job, News, Prepared},
};

/// How often the person hears how far a file is.
const PROGRESS: Duration = Duration::from_secs(10);
impl Plain {
    /// `PATH` here, or `NICK PATH`.
    pub(super) fn offer_file(&mut self, argument: &str, engine: &Engine) -> Result<(), String> {
        let (place, path) = match path(argument) {
            Some(path) => (Place::Room(self.here.clone().ok_or(super::act::NOWHERE)?), path),
            None => {
                let gone = || format!("there is no file {argument}");
                let is_path = argument.starts_with(['/', '~', '.', '\'']);
                let addressed = super::command::addressed(argument).filter(|_| !is_path);
                let (to, rest) = addressed.ok_or_else(gone)?;
                let Some(path) = path(rest) else { return Err(format!("there is no file {rest}")) };
                (Place::Direct(self.people.resolve(to).map_err(|error| error.to_string())?), path)
            }
        };
        let desk = &mut self.desk;
        desk.last_ask += 1;
        desk.asked.insert(desk.last_ask, (place, path.clone()));
        engine.files(Job::Prepare { ask: desk.last_ask, path });
        Ok(())
    }

    /// Fetches the file that is meant, and says which one that is.
    pub(super) fn accept_file(&mut self, argument: Option<&str>, engine: &Engine) -> Result<(), String> {
        let message = self.desk.chosen(argument, &self.people)?;
        let whom = self.offerer(&message);
        self.notice(&format!("fetching {}, {}, from {whom}", name_of(&message), size_of(&message)));
        engine.files(Job::Accept(Box::new(message.clone())));
        self.desk.on_fetched(message);
        Ok(())
    }

    /// Stops what moved last, or what is called so.
    pub(super) fn stop_file(&mut self, name: Option<&str>, engine: &mut Engine) -> Result<(), String> {
        let name = name.map(unquoted);
        let is_meant = |file: MessageId| name.is_none_or(|name| self.desk.name(file) == name);
        let moving = self.desk.moving.iter().filter(|((file, _), _)| is_meant(*file));
        let moving = moving.max_by_key(|(_, (_, told))| *told).map(|((file, _), _)| *file);
        let mut offered = self.desk.own().iter().rev().map(|(file, ..)| *file).filter(|_| name.is_some());
        let file = moving.or_else(|| offered.find(|file| is_meant(*file)));
        let file = file.ok_or("no such file is on its way, and you offer none of this name")?;
        let name = self.desk.name(file);
        engine.files(Job::Drop(file));
        let own = self.desk.own().iter().find(|(own, ..)| *own == file).map(|(.., place)| place.clone());
        self.desk.forget_own(file);
        self.desk.offer_again(file);
        self.act(Action::Stop(file), Pending::Change, engine);
        if let Some(place) = own {
            // Nobody is to ask for what cannot be had.
            self.act(Action::Delete { place, target: file }, Pending::Change, engine);
            self.notice(&format!("{name}: stopped; you do not offer it any more"));
        } else {
            self.notice(&format!("{name}: stopped; /accept {name} fetches it from the beginning"));
        }
        Ok(())
    }

    pub(super) fn list_files(&self) -> Vec<String> {
        let mut rows: Vec<[String; 4]> = Vec::new();
        for (transfer, _) in self.desk.moving.values() {
            let size = self.desk.size(transfer.file);
            let way = if transfer.incoming { "from" } else { "to" };
            let state = match transfer.state {
                TransferState::Waiting => String::from("waits for them"),
                TransferState::Gone => String::from("is not offered now"),
                _ => format!("{}%", transfer.bytes.saturating_mul(100) / size.max(1)),
            };
            let whom = format!("{way} {}", self.people.label(transfer.peer, None));
            rows.push([self.desk.name(transfer.file), files::bytes(size), whom, state]);
        }
        for message in self.desk.offers() {
            let whom = format!("from {}", self.offerer(message));
            rows.push([name_of(message), size_of(message), whom, String::from("/accept fetches it")]);
        }
        for (_, offer, place) in self.desk.own() {
            let whom = match place {
                Place::Room(room) => format!("to {room}"),
                Place::Direct(key) => format!("to {}", self.people.label(*key, None)),
            };
            let name = clean::name(offer.name.as_str()).into_owned();
            let state = format!("you offer it; /stop {name} withdraws it");
            rows.push([name, files::bytes(offer.size), whom, state]);
        }
        let lines = show::columns(rows);
        if lines.is_empty() { vec![String::from("no file is offered or on its way")] } else { lines }
    }

    fn offerer(&self, message: &Message) -> String {
        // What goes on from the last time does not say under which nick it was offered.
        let said_as = (message.nick.as_str() != "?").then_some(&message.nick);
        self.people.label(message.from, said_as)
    }

    /// What is offered from here since an earlier run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn recall_own(
        &mut self,
        ready: &mut Ready,
        offered: Vec<MessageId>,
    ) -> Result<(), StoreError> {
        for file in offered {
            let message = ready.store.find(file)?.filter(|shown| !shown.deleted).map(|shown| shown.message);
            if let Some(message) = message
                && let Some(offer) = &message.file
            {
                self.desk.on_own(file, (**offer).clone(), message.place.clone());
            }
        }
        Ok(())
    }

    /// A message of before was shown; what it offers can still be had.
    pub(super) fn recall_offer(&mut self, message: &Message) {
        if message.file.is_some() && message.from != self.people.own() {
            self.desk.on_offer(message.clone());
        }
    }

    /// Whether what this message offers is fetched without a question.
    pub(super) fn comes_unasked(&self, message: &Message) -> bool {
        self.people.trust(message.from).verified && self.desk.is_small(message)
    }

    /// A message with an offer was shown.
    pub(super) fn on_offer(&mut self, message: &Message, engine: &Engine) {
        let Some(offer) = &message.file else { return };
        if message.own {
            self.desk.on_own(message.id, (**offer).clone(), message.place.clone());
        } else if message.from == self.people.own() {
            // It lies where the other run of this key is.
        } else if self.comes_unasked(message) {
            self.desk.on_unasked(message);
            engine.files(Job::Accept(Box::new(message.clone())));
        } else {
            self.desk.on_offer(message.clone());
        }
    }

    /// An offer was taken back.
    pub(super) fn on_offer_gone(&mut self, file: MessageId, engine: &mut Engine) {
        if self.desk.forget_own(file) | self.desk.forget(file) {
            engine.files(Job::Drop(file));
            self.act(Action::Stop(file), Pending::Change, engine);
        }
    }

    pub(super) fn on_file(&mut self, news: News, engine: &mut Engine) {
        match news {
            News::Prepared { ask, prepared } => {
                let Some((place, path)) = self.desk.asked.remove(&ask) else { return };
                match prepared {
                    Ok(prepared) => {
                        let offer = prepared.offer.clone();
                        self.act(Action::Offer { place, offer }, Pending::Offer(prepared), engine);
                    }
                    Err(why) => {
                        self.complain(&format!("{} is not offered: {why}", path.display()));
                        self.refuse_waiting();
                    }
                }
            }
            News::Ready { wanted, message } => {
                self.desk.on_fetched(*message);
                self.act(Action::Fetch(wanted), Pending::Change, engine);
            }
            News::Received { file, offer, path } => {
                let name = clean::name(offer.name.as_str());
                self.notice(&format!("{name} is here: {}", path.display()));
                self.desk.forget(file);
            }
            News::Failed { file, why } => {
                self.desk.offer_again(file);
                self.complain(&why);
            }
        }
    }

    pub(super) fn on_offered(&self, file: MessageId, prepared: Prepared, engine: &Engine) {
        let left_out = prepared.left_out;
        engine.offered(file, prepared);
        if left_out > 0 {
            self.notice(&format!("{left_out} hidden files, links and the like are not in it"));
        }
    }

    pub(super) fn on_transfer(&mut self, now: Instant, transfer: Transfer) {
        let whom = self.people.label(transfer.peer, None);
        let (name, size) = (self.desk.name(transfer.file), self.desk.size(transfer.file));
        let key = (transfer.file, transfer.peer);
        let before = self.desk.moving.get(&key);
        let told = before.map(|(_, told)| *told);
        let was = before.map(|(before, _)| before.state);
        let line = match (transfer.state, transfer.incoming) {
            (TransferState::Moving, _) if was == Some(TransferState::Moving) => {
                if told.is_some_and(|told| now - told < PROGRESS) {
                    if let Some((before, _)) = self.desk.moving.get_mut(&key) {
                        *before = transfer;
                    }
                    return;
                }
                let way = if transfer.incoming { "from" } else { "to" };
                let percent = transfer.bytes.saturating_mul(100) / size.max(1);
                Some(format!("{name} {way} {whom}: {percent}% of {}", files::bytes(size)))
            }
            (TransferState::Moving, true) => Some(format!("{name} comes from {whom}")),
            (TransferState::Moving, false) => Some(format!("{whom} fetches {name}")),
            (TransferState::Waiting, _) => {
                Some(format!("{name} waits for {whom}, who is not here or busy; it begins by itself"))
            }
            // The disk says where it is.
            (TransferState::Whole, true) => None,
            (TransferState::Whole, false) => Some(format!("{whom} has {name}")),
            (TransferState::Gone, true) => Some(format!(
                "{name} is not offered where {whom} is now; what has come of it stays, and /stop {name} gives it up"
            )),
            (TransferState::Gone, false) => {
                Some(format!("{name} changed or is gone: {whom} does not get it"))
            }
            (TransferState::Unwritten(error), _) => {
                let cure = match error {
                    StoreError::Full => "make room and accept it again",
                    StoreError::Failed => "the log says why; accept it again when it can be",
                };
                Some(format!("{name} cannot be written: {error}; {cure}"))
            }
            (_, true) => Some(format!("{name} does not come any more")),
            (_, false) => Some(format!("{whom} does not fetch {name} any more")),
        };
        match transfer.state {
            _ if !transfer.incoming => {}
            TransferState::Stopped | TransferState::Unwritten(_) => {
                self.desk.offer_again(transfer.file);
            }
            _ if !transfer.is_over() => self.desk.on_moving(transfer.file),
            _ => {}
        }
        if transfer.is_over() {
            self.desk.moving.remove(&key);
        } else {
            self.desk.moving.insert(key, (transfer, now));
        }
        line.iter().for_each(|line| self.notice(line));
    }
}

/// What a person means by a path, if there is something: `~` is their home, quotes and backslashes are those of a
/// terminal into which a file was dragged.
fn path(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    let bare = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    let text = bare('"').or_else(|| bare('\'')).unwrap_or(text);
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    let typed = match text.strip_prefix("~/") {
        Some(rest) => home()?.join(rest),
        None => PathBuf::from(text),
    };
    let dragged = PathBuf::from(text.replace('\\', ""));
    (!text.is_empty()).then_some(())?;
    [typed, dragged].into_iter().find(|path| path.exists())
}
