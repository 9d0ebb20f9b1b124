//! Files that are offered, accepted and on their way, for a person.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use chat_core::{Action, Instant, Message, MessageId, Offer, PeerKey, Place, Transfer, TransferState};

use super::{Pending, Plain, show};
use crate::{
    clean,
    engine::Engine,
    files::{self, Job, News, Prepared},
};

/// How often the person hears how far a file is.
const PROGRESS: Duration = Duration::from_secs(10);
/// What a verified person sends comes without a question up to so many bytes, and so many in one run.
const UNASKED_EACH: u64 = 100_000_000;
const UNASKED_ALL: u64 = 1_000_000_000;
/// Offers that are remembered for `/accept`; older ones are not found by it.
const OFFERS_MAX: usize = 256;

/// What is known of files in this run.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// What is being read to be offered, and where.
    asked: BTreeMap<u64, (Place, PathBuf)>,
    last_ask: u64,
    /// Offers of others that were shown, the latest last.
    offers: Vec<Message>,
    /// What moves, or waits, and when the person last heard of it.
    moving: BTreeMap<(MessageId, PeerKey), (Transfer, Instant)>,
    /// Our own offers of this run: what they are called.
    names: BTreeMap<MessageId, Offer>,
    /// Bytes that were accepted without a question.
    unasked: u64,
}

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

    /// Fetches what was offered last, by `who` if given.
    pub(super) fn accept_file(&self, who: Option<&str>, engine: &Engine) -> Result<(), String> {
        let key = who.map(|who| self.people.resolve(who).map_err(|error| error.to_string())).transpose()?;
        let mut offers = self.desk.offers.iter().rev();
        let offer = offers.find(|message| key.is_none_or(|key| message.from == key));
        let offer = offer.ok_or("nobody has offered a file that you have not accepted")?;
        engine.files(Job::Accept(Box::new(offer.clone())));
        Ok(())
    }

    /// Stops what moved last, or what is called so.
    pub(super) fn stop_file(&mut self, name: Option<&str>, engine: &mut Engine) -> Result<(), String> {
        let is_meant = |file: MessageId| name.is_none_or(|name| self.desk.name(file) == name);
        let moving = self.desk.moving.iter().filter(|((file, _), _)| is_meant(*file));
        let moving = moving.max_by_key(|(_, (_, told))| *told).map(|((file, _), _)| *file);
        let mut offered = self.desk.names.keys().copied().filter(|_| name.is_some());
        let file = moving.or_else(|| offered.find(|file| is_meant(*file)));
        let file = file.ok_or("no such file is on its way")?;
        let name = self.desk.name(file);
        engine.files(Job::Drop(file));
        self.desk.names.remove(&file);
        self.act(Action::Stop(file), Pending::Change, engine);
        self.notice(&format!("{name}: stopped"));
        Ok(())
    }

    pub(super) fn list_files(&self) -> Vec<String> {
        let mut rows: Vec<[String; 4]> = Vec::new();
        for (transfer, _) in self.desk.moving.values() {
            let size = self.desk.size(transfer.file);
            let way = if transfer.incoming { "from" } else { "to" };
            let state = match transfer.state {
                TransferState::Waiting => String::from("waits for them"),
                _ => format!("{}%", transfer.bytes.saturating_mul(100) / size.max(1)),
            };
            let whom = format!("{way} {}", self.people.label(transfer.peer, None));
            rows.push([self.desk.name(transfer.file), files::bytes(size), whom, state]);
        }
        for message in &self.desk.offers {
            let whom = format!("from {}", self.people.label(message.from, Some(&message.nick)));
            let size = message.file.as_ref().map_or(0, |offer| offer.size);
            rows.push([
                clean::name(&message.text).into_owned(),
                files::bytes(size),
                whom,
                String::from("/accept fetches it"),
            ]);
        }
        let lines = show::columns(rows);
        if lines.is_empty() { vec![String::from("no file is offered or on its way")] } else { lines }
    }

    /// A message of before was shown; what it offers can still be had.
    pub(super) fn recall_offer(&mut self, message: &Message) {
        if message.file.is_some() && message.from != self.people.own() {
            self.desk.offers.push(message.clone());
        }
    }

    /// A message with an offer was shown.
    pub(super) fn on_offer(&mut self, message: &Message, engine: &Engine) {
        let Some(offer) = &message.file else { return };
        if message.own || message.from == self.people.own() {
            self.desk.names.insert(message.id, (**offer).clone());
            return;
        }
        let unasked = self.desk.unasked.saturating_add(offer.size);
        if self.people.trust(message.from).verified && offer.size <= UNASKED_EACH && unasked <= UNASKED_ALL {
            self.desk.unasked = unasked;
            return engine.files(Job::Accept(Box::new(message.clone())));
        }
        if self.desk.offers.len() >= OFFERS_MAX {
            self.desk.offers.remove(0);
        }
        self.desk.offers.push(message.clone());
    }

    /// An offer was taken back.
    pub(super) fn on_offer_gone(&mut self, file: MessageId, engine: &mut Engine) {
        self.desk.offers.retain(|message| message.id != file);
        if self.desk.names.remove(&file).is_some() {
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
                    Err(why) => self.complain(&format!("{} is not offered: {why}", path.display())),
                }
            }
            News::Ready { wanted, offer } => {
                self.desk.offers.retain(|message| message.id != wanted.file);
                self.desk.names.insert(wanted.file, offer);
                self.act(Action::Fetch(wanted), Pending::Change, engine);
            }
            News::Received { file, path } => {
                self.notice(&format!("{} is here: {}", self.desk.name(file), path.display()));
            }
            News::Failed { why, .. } => self.complain(&why),
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
            (TransferState::Gone, true) => Some(format!("{name} is not offered any more")),
            (TransferState::Gone, false) => {
                Some(format!("{name} changed or is gone: {whom} does not get it"))
            }
            (TransferState::Unwritten(error), _) => {
                Some(format!("{name} cannot be written: {error}; make room and accept it again"))
            }
            (_, true) => Some(format!("{name} does not come any more")),
            (_, false) => Some(format!("{whom} does not fetch {name} any more")),
        };
        if transfer.state.is_over() {
            self.desk.moving.remove(&key);
        } else {
            self.desk.moving.insert(key, (transfer, now));
        }
        line.iter().for_each(|line| self.notice(line));
    }
}

impl Desk {
    /// Reads that are not finished.
    pub(super) fn preparing(&self) -> usize {
        self.asked.len()
    }

    fn offer(&self, file: MessageId) -> Option<&Offer> {
        let shown = || self.offers.iter().find(|message| message.id == file)?.file.as_deref();
        self.names.get(&file).or_else(shown)
    }

    fn name(&self, file: MessageId) -> String {
        self.offer(file).map_or_else(|| String::from("a file"), |offer| offer.name.to_string())
    }

    fn size(&self, file: MessageId) -> u64 {
        self.offer(file).map_or(0, |offer| offer.size)
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
