//! Other keys for private rooms, as programs read of them.

use chat_core::{Rekey, RekeyState, hex};
use serde::Serialize;

use super::{
    Json,
    line::{Line, Room},
};

/// Of a room that takes another one's place.
#[derive(Debug, Serialize)]
pub(crate) struct Successor {
    successor: String,
    without: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<u32>,
}

impl Json {
    pub(super) fn on_rekey(&mut self, rekey: &Rekey) {
        let is_told = self.rekeys.take(rekey);
        let (events, counts): (&[_], _) = match &rekey.state {
            RekeyState::Made { root, given, missed } => {
                self.secrets.insert(rekey.room.clone(), root.clone());
                (&["rekeyed", "followed"], Some((*given, *missed)))
            }
            RekeyState::Followed { root } => {
                self.secrets.insert(rekey.room.clone(), root.clone());
                (&["followed"], None)
            }
            RekeyState::Offered => (&["offered"], None),
            _ => (&["rekeyed"], None),
        };
        for event in events.iter().filter(|_| is_told) {
            self.tell(&Line::rekey(rekey, event, counts.filter(|_| *event == "rekeyed")));
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn rekey(rekey: &Rekey, event: &'a str, counts: Option<(u32, u32)>) -> Self {
        let successor = Successor {
            successor: hex(&rekey.successor.0),
            without: rekey.without.iter().map(ToString::to_string).collect(),
            given: counts.map(|(given, _)| given),
            missed: counts.map(|(_, missed)| missed),
        };
        Self::Room(Room { successor: Some(successor), ..Room::new(&rekey.room, event, rekey.from) })
    }
}
