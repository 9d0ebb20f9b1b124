//! Files that are offered, accepted and on their way, for a program.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use chat_core::{Action, Message, MessageId, Offer, Place, Transfer, TransferState, hex};
use serde::Serialize;

use super::{
    Json, Pending, Then,
    line::{Code, Id, Line},
};
use crate::{
    engine::Engine,
    files::{Job, News},
};

/// What a message offers.
#[derive(Debug, Serialize)]
pub(crate) struct Offered {
    name: String,
    size: u64,
    /// Of its bytes, BLAKE3.
    hash: String,
    folder: bool,
}

/// How a file moves.
#[derive(Debug, Serialize)]
pub(crate) struct Moved {
    id: String,
    state: &'static str,
    /// Who is at the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Where it was put.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Why nothing comes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// What is asked for and has no answer yet, and what files are called.
#[derive(Debug, Default)]
pub(super) struct Desk {
    offering: BTreeMap<u64, (Option<Id>, Place)>,
    last_ask: u64,
    accepting: BTreeMap<MessageId, Vec<Option<Id>>>,
    names: BTreeMap<MessageId, Offer>,
}

impl Desk {
    pub(super) fn unanswered(&self) -> usize {
        self.offering.len() + self.accepting.values().map(Vec::len).sum::<usize>()
    }

    fn moved(&self, id: MessageId, state: &'static str) -> Moved {
        let offer = self.names.get(&id);
        let (name, size) = (offer.map(|offer| offer.name.to_string()), offer.map(|offer| offer.size));
        let (key, bytes, path, message) = (None, None, None, None);
        Moved { id: id.to_string(), state, key, bytes, name, size, path, message }
    }
}

impl Json {
    pub(super) fn offer(&mut self, id: Option<Id>, place: Place, path: PathBuf, engine: &Engine) {
        self.desk.last_ask += 1;
        self.desk.offering.insert(self.desk.last_ask, (id, place));
        engine.files(Job::Prepare { ask: self.desk.last_ask, path });
    }

    pub(super) fn accept(&mut self, id: Option<Id>, file: MessageId, engine: &Engine) {
        let message = match offer_of(file, engine) {
            Ok(message) => message,
            Err((code, why)) => return self.answer(&Line::error(id, code, why)),
        };
        if message.from == self.people.own() {
            return self.answer(&Line::error(
                id,
                Code::FileRefused,
                "that file is offered with this very key",
            ));
        }
        self.desk.accepting.entry(file).or_default().push(id);
        engine.files(Job::Accept(Box::new(Arc::unwrap_or_clone(message))));
    }

    pub(super) fn stop(&mut self, id: Option<Id>, file: MessageId, engine: &mut Engine) {
        // What a store that is full has not kept is known here.
        if !self.desk.names.contains_key(&file)
            && let Err((code, why)) = offer_of(file, engine)
        {
            return self.answer(&Line::error(id, code, why));
        }
        engine.files(Job::Drop(file));
        let tag = engine.command(Action::Stop(file));
        self.pending.insert(tag, Pending { id, then: Then::Nothing });
    }

    pub(super) fn on_file(&mut self, news: News, engine: &mut Engine) {
        match news {
            News::Prepared { ask, prepared } => {
                let Some((id, place)) = self.desk.offering.remove(&ask) else { return };
                match prepared {
                    Ok(prepared) => {
                        let tag = engine.command(Action::Offer { place, offer: prepared.offer.clone() });
                        self.pending.insert(tag, Pending { id, then: Then::Offered(prepared) });
                    }
                    Err(why) => self.answer(&Line::error(id, Code::FileRefused, &why)),
                }
            }
            News::Ready { wanted, message } => {
                self.desk.names.extend(message.file.map(|offer| (wanted.file, *offer)));
                let asked = self.desk.accepting.remove(&wanted.file).unwrap_or_default();
                let tag = engine.command(Action::Fetch(wanted));
                let mut asked = asked.into_iter();
                if let Some(id) = asked.next() {
                    self.pending.insert(tag, Pending { id, then: Then::Nothing });
                }
                asked.for_each(|id| self.answer(&Line::done(id)));
            }
            News::Received { file, offer, path } => {
                self.desk.names.insert(file, offer);
                let path = Some(path.to_string_lossy().into_owned());
                let moved = Moved { path, ..self.desk.moved(file, "received") };
                self.tell(&Line::File(Box::new(moved)));
            }
            News::Failed { file, why } => match self.desk.accepting.remove(&file) {
                Some(asked) => {
                    asked.into_iter().for_each(|id| self.answer(&Line::error(id, Code::FileRefused, &why)));
                }
                None => {
                    let moved = Moved { message: Some(why), ..self.desk.moved(file, "failed") };
                    self.tell(&Line::File(Box::new(moved)));
                }
            },
        }
    }

    pub(super) fn on_transfer(&mut self, transfer: &Transfer) {
        let (state, message) = match (transfer.state, transfer.incoming) {
            (TransferState::Waiting, _) => ("waiting", None),
            (TransferState::Moving, true) => ("receiving", None),
            (TransferState::Moving, false) => ("sending", None),
            // It is received when its hash is the right one and it has its place.
            (TransferState::Whole, true) => return,
            (TransferState::Whole, false) => ("sent", None),
            (TransferState::Gone, _) => ("gone", None),
            (TransferState::Unwritten(error), _) => ("failed", Some(error.to_string())),
            _ => ("stopped", None),
        };
        let (key, bytes) = (Some(transfer.peer.to_string()), Some(transfer.bytes));
        let moved = Moved { key, bytes, message, ..self.desk.moved(transfer.file, state) };
        self.tell(&Line::File(Box::new(moved)));
    }

    /// The offer has been made.
    pub(super) fn on_offered(&mut self, file: MessageId, prepared: crate::files::Prepared, engine: &Engine) {
        self.desk.names.insert(file, prepared.offer.clone());
        engine.offered(file, prepared);
    }

    /// A message was taken back. It may have offered a file, also in an earlier run, of which nothing is known here.
    pub(super) fn on_offer_gone(&mut self, file: MessageId, engine: &mut Engine) {
        self.desk.names.remove(&file);
        engine.files(Job::Drop(file));
        engine.command(Action::Stop(file));
    }
}

/// The message that offers a file.
fn offer_of(file: MessageId, engine: &Engine) -> Result<Arc<Message>, (Code, &'static str)> {
    let found = engine.ask(move |store| store.find(file)).and_then(Result::ok);
    let found = found.ok_or((Code::Busy, "the history cannot be read now"))?;
    let message = found.map(|shown| shown.message).filter(|message| message.file.is_some());
    message.ok_or((Code::UnknownId, "file is no message that offers one"))
}

#[cfg(test)]
impl Moved {
    /// One of each kind, with every field it can have.
    pub(super) fn examples(id: MessageId, offer: &Offer) -> Vec<Self> {
        let desk = Desk { names: [(id, offer.clone())].into(), ..Desk::default() };
        let peer = |state| Self { key: Some(String::new()), bytes: Some(1), ..desk.moved(id, state) };
        let received = Self { path: Some(String::new()), ..desk.moved(id, "received") };
        let failed = Self { message: Some(String::new()), ..desk.moved(id, "failed") };
        vec![peer("receiving"), received, failed]
    }
}

impl Offered {
    pub(crate) fn new(offer: &Offer) -> Self {
        let Offer { name, size, hash, folder } = offer;
        Self { name: name.to_string(), size: *size, hash: hex(hash), folder: *folder }
    }
}
