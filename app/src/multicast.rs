//! What it means for a person that multicast works, or does not.

use chat_core::Multicast;

/// In words, for a line of its own.
pub(crate) fn reason(multicast: Multicast) -> &'static str {
    match multicast {
        Multicast::Unknown => "nothing has been heard yet",
        Multicast::Ok => "others are heard by multicast",
        Multicast::Alone => {
            "only our own multicast is heard: nobody else is there, or this network keeps it from others"
        }
        Multicast::Silent => "not even our own multicast comes back: a firewall or this network drops it",
        Multicast::Off => "multicast cannot be used here",
    }
}
