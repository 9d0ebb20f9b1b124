//! Every knob of a node, with its default and its reason.

use core::fmt;

use crate::{suite::Suite, text::Nick};

/// How a node is set up. Everything that grows has a cap here.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The cryptography.
    pub suite: &'static dyn Suite,
    /// What the person is called unless the store knows better.
    pub nick: Nick,
    /// Whether [`nick`](Self::nick) was asked for now and wins over the stored one.
    pub nick_wins: bool,
    /// The port that the chat socket is bound to.
    pub chat_port: u16,
    /// How the multicast DNS socket is bound.
    pub mdns_socket: MdnsSocket,
    /// Which discoveries run.
    pub discovery: Discovery,
    /// Whether peers are called. Without it they are found and told of, and whoever calls here is answered, but no
    /// session begins from here, not even to an address given by hand: for watching a network, and for measuring
    /// discovery alone.
    pub calls: bool,
    /// Entries per second that one author may push unasked; bursts of ten times as many (DESIGN: 200). One of more than
    /// 8 KiB counts as several.
    pub author_rate: u32,
    /// Bytes of records that may wait for the store before peers are made to wait.
    pub unpersisted_max: usize,
    /// Bytes that may wait to be sent to one peer before entries are left to repair.
    pub backlog_max: usize,
    /// Sessions at a time, half-open ones not counted. A third is kept for peers who are remembered; one IPv4
    /// address has at most a quarter, an IPv6 /64 or our own host half.
    pub sessions_max: usize,
    /// Half-open handshakes at a time; above a third of it an address must prove itself by a cookie. Of
    /// those with and those without one an IPv4 address has at most an eighth each, an IPv6 /64 a quarter, our own
    /// host half.
    pub half_open_max: usize,
    /// Rooms at a time; direct conversations count once something was said in them from here.
    pub rooms_max: usize,
    /// Peers remembered, proven or not.
    pub peers_max: usize,
    /// Records of multicast DNS held in the cache.
    pub mdns_cache_max: usize,
    /// Peers kept of those that multicast DNS names on a link. Eight are enough to hear of all others; of more than this
    /// everybody keeps others.
    pub mdns_peers_max: usize,
    /// Whether the host is told what the chat's datagrams say: [`Output::Trace`](crate::Output::Trace). Nothing else
    /// depends on it.
    pub trace: bool,
}

impl Config {
    /// The defaults for a person called `nick` whose chat socket is bound to `chat_port`.
    #[must_use]
    pub fn new(suite: &'static dyn Suite, nick: Nick, chat_port: u16) -> Self {
        Self {
            suite,
            nick,
            nick_wins: false,
            chat_port,
            mdns_socket: MdnsSocket::Shared,
            discovery: Discovery { mdns: true, broadcast: true, remembered: true },
            calls: true,
            author_rate: 200,
            unpersisted_max: 1 << 20,
            backlog_max: 4 << 20,
            sessions_max: 256,
            half_open_max: 64,
            rooms_max: 256,
            peers_max: 4096,
            mdns_cache_max: 32_768,
            mdns_peers_max: 64,
            trace: false,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("nick", &self.nick)
            .field("chat_port", &self.chat_port)
            .field("mdns_socket", &self.mdns_socket)
            .field("discovery", &self.discovery)
            .finish_non_exhaustive()
    }
}

/// How the multicast DNS socket is bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MdnsSocket {
    /// To port 5353, and nobody else has it: unicast answers reach us.
    Exclusive,
    /// To port 5353 beside others: unicast answers may reach them instead, so none are asked for.
    Shared,
    /// To another port: we can ask and be answered by unicast (RFC 6762 section 5.1), but not answer.
    OneShot,
    /// There is none.
    None,
}

/// Which discoveries run. Addresses typed by the person always count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Discovery {
    /// Multicast DNS.
    pub mdns: bool,
    /// UDP broadcast.
    pub broadcast: bool,
    /// Addresses kept from earlier runs.
    pub remembered: bool,
}
