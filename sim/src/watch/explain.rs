//! What must hold, in words.

/// Every property: its name; what must hold, and where its bound comes from. A pending one says what it waits for.
pub(crate) const CHECKS: &[(&str, &str)] = &[
    (
        "S1",
        "No message is shown twice to one run of a program, nor to a later run that finds it on its disk. What was \
         refused, or did not survive, is new again.",
    ),
    (
        "S2",
        "What is shown or stored was said by that author, in that place, with those very words, and a direct \
         message is shown to nobody else. What hostile peers say with their own keys is not judged.",
    ),
    (
        "S3",
        "The stamps of what one says in a room rise in the order in which one says it, also across a restart with \
         what the disk kept. Not judged where a wall clock is set wrong by a minute or more: stamps are pushed ahead \
         only by entries at most a minute ahead (DESIGN section 6).",
    ),
    (
        "S4",
        "An entry has one author, stamp, room and content whoever shows or stores it, so its place in the order \
         (stamp, author, id) is the same for everybody, but for what is ten minutes ahead: that stands where it came, \
         until its time has come. And nothing stands before what it answers.",
    ),
    (
        "S5",
        "Two that compare keys are shown the same digits; a key is verified, blocked or muted only by the word of a \
         person whose profile it is, also after a crash; and of whoever is blocked nothing is told.",
    ),
    (
        "S6",
        "Of two that hear each other undisturbed for 3 s only one announces a service's name. The bound: up to a \
         second's wait of the loser, 250 ms, three probes 250 ms apart, and a second between announcements \
         (RFC 6762 sections 8 and 9).",
    ),
    (
        "S7",
        "Who is told to be online has that key, in a run that there was, at an address that was theirs, and ran when \
         it proved itself: at most a handshake (5 s), the longest way of the plan's links and what faults hold back, \
         ago. Who is told of by others: as long ago as L4 takes, and the 20 s and 12 s for which somebody counts who \
         is new, or cut off. A copied profile is another run of the same key.",
    ),
    ("S8", "No program finds itself, whatever of its own comes back to it."),
    (
        "S9",
        "Whoever was found and never proven is not listed after their records have expired: 75 minutes for a pointer, \
         and a second for late refreshes (RFC 6762 section 10). Whoever was in session is L4's.",
    ),
    (
        "S10",
        "Each table of a node stays within its cap in `Config`: sessions, half-open handshakes, rooms, contacts, \
         acquaintances, records of multicast DNS, bytes that wait for one peer; looked at every 64 events, one host \
         after the other. Others' entries that wait for the store stay within `unpersisted_max` and a stream's window \
         (512 KiB) for each session.",
    ),
    (
        "S11",
        "To an address from which nobody has answered what was sent there go at most three times the bytes that came \
         from there (RFC 9000 section 8), in reaction to them. Multicast DNS answers by unicast only neighbours, 5 \
         times a second each and 50 times in all, and what half a second's delay can bunch together.",
    ),
    (
        "S12",
        "Multicast DNS is polite, in the eyes of another decoder: a record is multicast once a second, or after \
         250 ms where a probe was heard; probes are 250 ms apart; answers with shared records wait 20 ms \
         (RFC 6762 sections 6 and 8.1). Less by what clocks drift.",
    ),
    (
        "S13",
        "What was called done is on the disk by then and still there after any crash, unless the disk lied, was set \
         back or wiped; receipts count no more than those whose disks said so; no message's name is given twice.",
    ),
    ("S14", "No program panics, wants to be called in the past, or wants a million things after one input."),
    (
        "S15",
        "Wall clocks that jump move no protocol timer: the same run with and without jumps sends datagrams of the \
         same sizes to the same addresses at the same times. Two runs are compared, so this is a test and not a check.",
    ),
    (
        "S16",
        "Every datagram fits its interface; one of a session has at most 1200 bytes; what goes to port 5353 is read \
         by another decoder; nothing goes to an address that stands for a neighbour who passes things on (100::/64).",
    ),
    (
        "S17",
        "The same node to which the same happens does the same: one of 16 hosts, and one of every run, has a twin to \
         which everything happens too, and whose every output is compared.",
    ),
    (
        "S18",
        "What a program has written of a file are the very bytes of the one that was offered, each piece behind the one \
         before and none twice, also across restarts; and what is called whole has all of them.",
    ),
    (
        "S19",
        "Whoever was left out when a room got another key, or when one before it did, holds nothing of what was said in the \
         room that took its place.",
    ),
    (
        "L1",
        "Two programs on a link with multicast that nothing disturbs are in session in time, and stay so. The bound \
         is the sum of: finding (the next questions of the younger one's schedule at 0, 1, 3, 7 ... s, as many as \
         make failure rarer than one in 10^9 with the link's loss, and 2 s of probes and announcements), unless they \
         have met and at least one still is where it was; noticing that a broken session is broken, on one side \
         after the other; a round of calls (15 s, or 66 s after an outage of ten minutes); pauses when more than 16 \
         or 64 calls are to be made; and a handshake with as many repetitions. Widened by clocks' drift. Not judged \
         with more hosts than two thirds of `sessions_max` (a third is kept for the remembered), or where two have \
         one address.",
    ),
    (
        "L2",
        "What is said reaches every member that has been in session with its author, undisturbed, for as long as L1 \
         and L3 take: within 2 ms of gathering, the way, a retransmission a second as often as loss makes failure \
         rarer than one in 10^9, and the time that all that is said takes on the slowest link. Not judged above 2000 \
         messages in eight seconds, which are left to repair.",
    ),
    (
        "L3",
        "Two members of a room that had to be in session have the same entries: after 3 s in which the newest do not \
         count, two heartbeats of at most 6 s, 10 s that an unanswered comparison may hold things up, and six round \
         trips; after a disk that took nothing also the pause between repairs (5 s doubling to 10 min). What is \
         older than either wants, or ten minutes ahead of the right time, does not count.",
    ),
    (
        "L4",
        "A program that ended is not listed: after a goodbye within the 300 ms for which it is repeated, where \
         nothing disturbed the two for long; after a crash within 6 s to the next heartbeat and 4.5 units of the \
         probe timeout (200 ms to 1 s), and among more than nine a second to answer an accusation and four steps of \
         a record, over several links as long as S7 gives those told of by others. Who had ended when others told of \
         it, or was not in session yet among nine or fewer, or over a neighbour only that ended, too: within the 20 s for which somebody new counts, or, if \
         that is longer, when those who told of it are found gone too and 13 s have passed, among more than nine with \
         the same four steps. From when the other woke, and later by what faults hold back.",
    ),
    (
        "L5",
        "Two that hear each other by broadcast only, because multicast is filtered on the way, are in session as L1 says: \
         found within 37.5 s (somebody of those who have company calls twice a minute), once more for each broadcast \
         that may get lost. Judged by the same check, and reported under this name.",
    ),
    (
        "L6",
        "In any minute in which nothing happens from outside, after L1 and L3 have had their time, a host sends at \
         most: three datagrams for every 4 s and peer (heartbeat, answer, acknowledgement) and a handshake, and for \
         each link and family its questions, their known answers, and an answer to each question of others.",
    ),
    (
        "L7",
        "L1 to L4 hold between those whom nothing disturbs while others stay disturbed for good. Judged by the same \
         checks, and reported under this name.",
    ),
    (
        "L8",
        "With hostile peers about, L1 to L4 hold among the honest in twice the time, judged by the same checks and \
         reported under this name; what foes wrote may be missing. Not judged where foes may fill half a link: that \
         is a fault, and no lie. S1 to S10, S13 and S16 hold as ever. Where there are no faults besides, honest \
         peers also meet within 4.6 s and stay, what they say arrives in 3 s and nothing else does, nobody is flooded \
         through them, and no node shouts (`bonds`, `words`, `victims`, `chatter`): in place of S11, S12 and L6, \
         which foes provoke.",
    ),
    (
        "L9",
        "Whoever was in a room that got another key, had been seen by whoever made it, and was not left out, has that key at the \
         end of the run, if the two have been in session, undisturbed, for as long as L1 and L3 take; and whoever has followed \
         is in that room.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::checks;

    #[test]
    fn every_property_is_explained_and_every_check_is_one_of_them() {
        let names: Vec<_> = CHECKS.iter().map(|(name, _)| *name).collect();
        let expected = (1..=19).map(|n| format!("S{n}")).chain((1..=9).map(|n| format!("L{n}")));
        assert!(names.iter().copied().eq(expected));
        assert!(checks::all().iter().all(|check| names.contains(&check.name())));
    }
}
