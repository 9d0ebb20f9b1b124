//! Plain counters: the only place where dropped input shows.

use serde::Serialize;

/// What a node has counted since it was made. [`Action::Count`](crate::Action::Count) asks for it; serialised, the
/// names of the counters are those of the fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams that came in, of any kind.
    pub datagrams: u64,
    /// Datagrams handed out to be sent.
    pub transmits: u64,
    /// Times the host's clock went backwards; the node went on with the largest time seen.
    pub clock_backwards: u64,
    /// Commands refused because too many waited for the store's first answer.
    pub commands_refused: u64,
    /// `Connect` commands of which nobody is told whether they came to nothing, because there were too many.
    pub calls_forgotten: u64,
    /// Records of peers about themselves that were put off because they came too fast.
    pub records_late: u64,
    /// Records not sent because too much waits for a neighbour: it asks again.
    pub records_unsent: u64,
    /// Records of peers not kept because there are too many.
    pub members_full: u64,
    /// Runs of peers that are not remembered any more: they ended long ago, or made room for others.
    pub members_forgotten: u64,
    /// Asks of those who examine the network that were not answered: too many, too fast, or not from a link of ours.
    pub asks_dropped: u64,
    /// Comparisons of keys not answered because one peer asks for too many, or is blocked.
    pub comparisons_refused: u64,
    /// Numbers shown that were not the ones committed to: somebody tried to choose the digits.
    pub comparisons_forged: u64,
    /// Peers forgotten because there are too many.
    pub peers_forgotten: u64,
    /// What multicast DNS counted.
    pub mdns: MdnsStats,
    /// What the broadcast counted.
    pub beacon: BeaconStats,
    /// What the sessions counted.
    pub session: SessionStats,
    /// What was counted of sessions that neighbours pass on.
    pub relay: RelayStats,
    /// What the rooms counted.
    pub room: RoomStats,
    /// What the files counted.
    pub files: FileStats,
}

/// How full a node's tables are: each is at most what [`Config`](crate::Config) says, or what is said here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Sizes {
    /// The most bytes that wait to be sent to one peer: twice `backlog_max` and a record, since entries stop at once
    /// it.
    pub backlog: usize,
    /// Sessions: `sessions_max`.
    pub sessions: usize,
    /// Handshakes that others have begun: `half_open_max`.
    pub half_open: usize,
    /// Rooms and open conversations: `rooms_max`, and one of those that do not count for each of `sessions_max`.
    pub rooms: usize,
    /// The address book: `peers_max`.
    pub contacts: usize,
    /// Those who have proven who they are: `peers_max`.
    pub acquaintances: usize,
    /// Those whose signed records are known: `peers_max`.
    pub members: usize,
    /// Records of multicast DNS: `mdns_cache_max`.
    pub mdns_records: usize,
}

/// Counters of multicast DNS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct MdnsStats {
    /// Messages that could not be read at all.
    pub malformed: u64,
    /// Single records that were skipped because they could not be read.
    pub bad_records: u64,
    /// Messages from senders that are not on the link.
    pub off_link: u64,
    /// Responses that answer nothing we asked, or do not come from port 5353.
    pub unasked: u64,
    /// Records of responses that concern no instance of our service: of other types, classes or names, CNAMEs among
    /// them. On a network where others use multicast DNS too there are many.
    pub foreign: u64,
    /// TXT records not kept because they are larger than 1300 bytes (RFC 6763 section 6.2).
    pub texts_too_large: u64,
    /// Records not kept because the cache was full.
    pub cache_full: u64,
    /// Records of peers that are not kept because there are more than anybody needs.
    pub crowded: u64,
    /// Questions not answered because there were too many in one message.
    pub questions_dropped: u64,
    /// Known answers not remembered because too many came before the questions that they belong to.
    pub known_dropped: u64,
    /// Answers to resolvers of unicast DNS dropped because too many ask.
    pub answers_dropped: u64,
    /// Answers for one alone that were multicast, because too many ask.
    pub answers_shared: u64,
    /// Questions received.
    pub queries_in: u64,
    /// Responses received.
    pub responses_in: u64,
    /// Questions sent.
    pub queries_out: u64,
    /// Responses sent.
    pub responses_out: u64,
    /// Times our name was taken by somebody else.
    pub conflicts: u64,
    /// Peers that answered no call and were not asked for, because too many were.
    pub doubts_dropped: u64,
    /// Peers not believed any more because they left two questions of others unanswered.
    pub unanswered: u64,
}

/// Counters of the broadcast.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct BeaconStats {
    /// Datagrams that are no beacon, or one of a version that is not known.
    pub malformed: u64,
    /// Datagrams from senders that are not on the link.
    pub off_link: u64,
    /// Our own, which come back as to everybody on the link.
    pub own: u64,
    /// Beacons of others.
    pub heard: u64,
    /// Of those, whose senders others are to call, or that came too fast.
    pub left_to_others: u64,
    /// Beacons sent.
    pub sent: u64,
}

/// Counters of the sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SessionStats {
    /// Datagrams of an unknown kind, too short, or for no session of ours.
    pub stray: u64,
    /// Datagrams whose tag did not verify, and of handshakes those whose signature did not, or was that of somebody who
    /// cannot be there.
    pub forged: u64,
    /// Datagrams that came twice, or too late for the replay window.
    pub replayed: u64,
    /// Authentic packets whose frames could not be read.
    pub malformed: u64,
    /// Handshakes begun by us.
    pub dialled: u64,
    /// Handshakes that proved an identity.
    pub proven: u64,
    /// Handshakes that failed: nobody answered, or a first message was no key. Wrong signatures are `forged`.
    pub handshakes_failed: u64,
    /// Handshakes refused: too many half open, too many sessions, too many of
    /// one address, or too many boots of one identity.
    pub refused: u64,
    /// Of those, the ones refused because too many sessions come from one address (IPv6: one /64) already.
    pub crowded: u64,
    /// Sessions with strangers that were ended to make room for somebody remembered.
    pub pushed_out: u64,
    /// Packets declared lost.
    pub lost: u64,
    /// Packets sent again by probe timeout.
    pub probes: u64,
    /// Answers held back because they would have exceeded three times what the address sent.
    pub amplification_held: u64,
    /// Cookies asked for because many handshakes were half open or one address was in a hurry.
    pub cookies: u64,
    /// Outgoing datagrams dropped because too many were waiting, or too long.
    pub datagrams_dropped: u64,
    /// Acknowledgements of packets that were never sent.
    pub acks_invented: u64,
}

/// Counters of sessions that neighbours pass on, ours and those of others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct RelayStats {
    /// Datagrams of ours that a neighbour was asked to pass on.
    pub sent: u64,
    /// Datagrams that a neighbour passed on to us.
    pub received: u64,
    /// Of those, dropped since they came from nobody known, from ourselves, from the neighbour itself, or over two.
    pub refused: u64,
    /// Datagrams that we passed on for others ...
    pub passed: u64,
    /// ... and their bytes.
    pub passed_bytes: u64,
    /// Datagrams of others dropped because a neighbour, or all together, want more passed on than their share.
    pub over_quota: u64,
    /// Datagrams not passed on since we have no session with the one they are for.
    pub no_way: u64,
    /// Datagrams, ours or of others, dropped because too many wait for a neighbour.
    pub dropped: u64,
}

/// Counters of the files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct FileStats {
    /// Pieces that nobody wants, or not any more, or that cannot be read.
    pub pieces_unwanted: u64,
    /// Pieces that are not the next ones of their file: it is asked for anew.
    pub pieces_misplaced: u64,
    /// Files asked for that are not being sent because too many are, or because nothing is left of them to send.
    pub uploads_refused: u64,
    /// Files asked for in a room that the asker has not proven.
    pub rooms_unproven: u64,
    /// Times that nothing came of a file for half a minute, and it was asked for anew.
    pub silences: u64,
}

/// Counters of the rooms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct RoomStats {
    /// Frames that could not be read, or that speak of a room the sender has not proven.
    pub malformed: u64,
    /// Entries that could not be opened or whose signature is wrong.
    pub forged: u64,
    /// Entries that were here already.
    pub duplicates: u64,
    /// Entries above the author's rate, left to repair.
    pub over_rate: u64,
    /// Entries whose stamp lies outside the window.
    pub strays: u64,
    /// Entries that came in by repair.
    pub repaired: u64,
    /// Comparisons that a neighbour's fingerprints led to, of which nothing came that was missing here, and after
    /// which they differed again.
    pub fruitless: u64,
    /// Reconciliations begun.
    pub reconciliations: u64,
    /// Entries not pushed because a neighbour was too far behind; it is told of them and asks. Also those not sent
    /// on request for the same reason.
    pub backlogged: u64,
    /// Frames of a kind that this version does not know.
    pub unknown: u64,
    /// Entries whose stamp lies outside the window, not kept because there are too many of them.
    pub strays_refused: u64,
    /// Entries not kept because their day holds too many, or too many of their author by then.
    pub day_full: u64,
    /// Entries that the store did not take.
    pub not_stored: u64,
    /// Rooms not entered because there are too many.
    pub rooms_full: u64,
    /// Things not done because too many wait for the store to read a day.
    pub waiting_full: u64,
    /// Missing entries not asked for yet because too many are missing.
    pub needs_full: u64,
    /// Entries asked for, and comparisons, that a neighbour did not answer, or not in time.
    pub unanswered: u64,
    /// Comparisons not made because a neighbour asks for too many.
    pub scans_refused: u64,
    /// Receipts never given because too many waited for one link.
    pub receipts_dropped: u64,
    /// Receipts not counted because the entry has as many as there may be sessions.
    pub receipts_uncounted: u64,
    /// New entries pushed on to neighbours whom their authors do not reach.
    pub forwarded: u64,
    /// New entries that were announced, did not arrive by themselves, and came when asked for.
    pub grafted: u64,
    /// New entries not announced to further neighbours because too many wait; repair brings them.
    pub unannounced: u64,
    /// Entries that were imported and are new.
    pub imported: u64,
    /// Entries not imported since they are of rooms that we have never been in.
    pub elsewhere: u64,
    /// Imports refused because too many wait.
    pub imports_refused: u64,
    /// Entries that came in and are older than what is kept of their room.
    pub outdated: u64,
    /// Entries that the store was told to erase because they are.
    pub forgotten: u64,
    /// Keys of rooms that were told in a room, or successors that were told of outside of a private one.
    pub keys_misplaced: u64,
    /// Keys given for a room that we are not in.
    pub keys_elsewhere: u64,
    /// Keys given by somebody who does not know the key of the room that theirs is to follow.
    pub keys_unproven: u64,
    /// Keys and successors that are none: of another or no name, with too many left out, or nothing new.
    pub keys_bad: u64,
    /// Successors forgotten because there are too many of one person, of one room, or altogether.
    pub keys_dropped: u64,
    /// Keys sent to others.
    pub keys_sent: u64,
    /// Members to whom no key was sent: nothing is known to reach them by, or there are too many.
    pub keys_unsent: u64,
}
