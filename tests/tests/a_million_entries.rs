//! A profile with a million entries starts, searches and stays small as promised. Of a million it takes minutes, as `.ci/soak`
//! has it; otherwise it is twenty thousand:
//! `CHAT_RELEASE=1 CHAT_ENTRIES=1000000 cargo test -p chat-tests --test a_million_entries -- --nocapture`.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

use std::{env, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use chat_app::store::{Sqlite, Store as _};
use chat_core::{
    BootId, EntryId, Message, MessageId, Nick, PeerKey, Place, REAL, Record, RoomKeyId, RoomName, Stamp,
    StoredEntry, UnixMillis,
};
use chat_tests::{
    bin::Program,
    chat::Chat,
    measure::{measured, resident},
    watch::{median, now},
};
use serde_json::json;

const ENTRIES: u64 = 20_000;
/// So many are stored at a time.
const BATCH: u64 = 1000;
/// Days over which they are spread, up to today.
const DAYS: u64 = 200;
/// People who wrote them.
const AUTHORS: u64 = 50;
const ROUNDS: usize = 10;
/// Bytes of an entry with a hundred characters, signed and sealed.
const SIGNED: usize = 300;
/// Of such words each message has eight.
const WORDS: u64 = 20_000;

#[test]
fn a_long_history_is_no_burden() {
    let Some(mut lan) = measured() else { return };
    let entries = env::var("CHAT_ENTRIES").map_or(ENTRIES, |count| count.parse().expect("a number"));
    let host = lan.host();
    let profile = host.home().join("million");
    let options = ["--profile", profile.to_str().expect("a name that is text")];
    let mut chat = Chat::start(&host, Program::Std, &options);
    let said: MessageId = chat.say("the first").parse().expect("an id");
    let own: PeerKey = chat.key().parse().expect("a key");
    chat.quit();
    fill(entries, &profile.join("history.db"), own, said.entry);

    for program in Program::ALL {
        let mut starts = Vec::new();
        let mut small = Vec::new();
        for _ in 0..ROUNDS {
            let begun = now();
            let chat = Chat::start(&host, program, &options);
            starts.push(now() - begun);
            small.push(resident(&chat));
            chat.quit();
        }
        let mut chat = Chat::start(&host, program, &options);
        let mut searches = Vec::new();
        for (what, is_there) in [
            ("w", true),
            ("w7", true),
            ("w1", true),
            ("w15000", true),
            ("w7 w11", true),
            ("w1 from:author3", true),
            ("from:author3", true),
            ("w1 from:nobody", false),
            ("from:nobody", false),
            ("in:#lobby since:2d w1", true),
            ("since:100d w1", true),
            ("w1 in:#nowhere", false),
            ("number9999", true),
            ("nothing-like-it", false),
            ("w7 nothing-like-it", false),
        ] {
            let times: Vec<Duration> = (0..ROUNDS).map(|_| search(&mut chat, what, is_there)).collect();
            println!(
                "FIGURE {} searches {entries} entries for {what:?}: {:.1?}",
                program.name(),
                median(&times)
            );
            searches.push(median(&times));
        }
        let (start, worst) = (median(&starts), searches.into_iter().max().unwrap_or_default());
        let resident = small.into_iter().chain([resident(&chat)]).max().unwrap_or_default();
        println!(
            "FIGURE {} with {entries} entries: starts in {start:.1?} (limit 500ms), searches in {worst:.1?} at most \
             (limit 50ms), {resident} KiB resident (limit 32768)",
            program.name()
        );
        chat.quit();
        assert!(start < Duration::from_millis(500) && worst < Duration::from_millis(50));
        assert!(resident < 32 << 10);
    }
}

/// How long it takes until what is found, the newest fifty at most, has been answered.
fn search(chat: &mut Chat, what: &str, is_there: bool) -> Duration {
    let begun = now();
    let lines = chat.history_objects(json!({"cmd": "search", "text": what, "limit": 50}));
    let lasted = now() - begun;
    assert_eq!(!lines.is_empty(), is_there, "{what}");
    lasted
}

/// Writes the entries into the store at `path`, into the room that `said` is in.
fn fill(entries: u64, path: &Path, own: PeerKey, said: EntryId) {
    let mut store = Sqlite::open(path, own, Sqlite::BYTES_MAX).expect("the program's store");
    let room = store.room_of(said).expect("a store").expect("the room of what was said");
    let today = chat_net::Clock::new().wall().0 * 1000;
    let step = DAYS * 86_400_000_000 / entries;
    for first in (0..entries).step_by(BATCH as usize) {
        let records = (first..first + BATCH)
            .map(|number| Record::Entry(entry(number, room, today - (entries - number) * step)))
            .collect();
        store.append(&[records]).expect("room on the disk");
    }
}

fn entry(number: u64, room: RoomKeyId, stamp: u64) -> StoredEntry {
    let place = Place::Room(RoomName::lobby());
    let id = EntryId(REAL.hash(&[b"entry", &number.to_be_bytes()]));
    let author = PeerKey(REAL.hash(&[b"author", &(number % AUTHORS).to_be_bytes()]));
    let mut text = format!("number{number}");
    // Low numbers come often, as with words of a language.
    for word in 0..8 {
        let chance = (number * 8 + word).wrapping_mul(6_364_136_223_846_793_005) >> 20;
        let rank = (chance % WORDS) * (chance / WORDS % WORDS) / WORDS;
        text.push_str(&format!(" w{rank}"));
    }
    let message = Message {
        id: MessageId { entry: id, item: 0 },
        place: place.clone(),
        from: author,
        boot: BootId(1),
        nick: Nick::new(&format!("author{}", number % AUTHORS)).expect("a nick"),
        text,
        action: false,
        reply: None,
        file: None,
        sent: UnixMillis(stamp / 1000),
        stamp: Stamp(stamp),
        late: false,
        own: false,
    };
    let bytes = Bytes::from(vec![number as u8; SIGNED]);
    let (messages, changes) = (vec![Arc::new(message)], Vec::new());
    let stamp = Stamp(stamp);
    StoredEntry { room, place, id, stamp, placed: stamp, author, bytes, messages, changes }
}
