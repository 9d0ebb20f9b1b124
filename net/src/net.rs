//! The network of this machine as a node sees it.

use std::{io, sync::Arc};

use chat_core::{Datagram, Interface, MdnsSocket, Trace, Transmit, Via};

use crate::{
    bind,
    capture::{Capture, OnCaptureEnd, Tap},
    error::OpenError,
    groups::Groups,
    interfaces::Interfaces,
    outgoing::Outgoing,
    socket::{Batch, Socket},
    stats::NetStats,
};

/// What to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The interfaces to use, by name; all that are fit when empty.
    pub interfaces: Vec<String>,
    /// The port of the chat: exactly this one. `None` takes [`CHAT_PORT`](crate::CHAT_PORT) or another free one.
    pub port: Option<u16>,
    /// Whether multicast DNS is wanted.
    pub mdns: bool,
    /// Whether UDP broadcast is wanted.
    pub broadcast: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { interfaces: Vec::new(), port: None, mdns: true, broadcast: true }
    }
}

/// The sockets and interfaces of one node. When it is dropped, whoever waits for one of its sockets is woken.
#[derive(Debug)]
pub struct Net {
    interfaces: Interfaces,
    port: u16,
    mdns: MdnsSocket,
    sockets: Vec<Arc<Socket>>,
    groups: Groups,
    outgoing: Outgoing,
    stats: NetStats,
    tap: Option<Tap>,
}

impl Net {
    /// Opens the sockets, and joins the multicast groups on every interface in use.
    ///
    /// # Errors
    /// If a named interface does not exist, nothing at all is up, or the chat's port cannot be had. Neither multicast
    /// DNS nor broadcast are worth an error: see [`mdns_socket`](Self::mdns_socket).
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let interfaces = Interfaces::open(&options.interfaces)?;
        let (port, mut sockets) = bind::chat(options.port)?;
        let (mdns, others) = if options.mdns { bind::mdns() } else { (MdnsSocket::None, Vec::new()) };
        sockets.extend(others);
        sockets.extend(options.broadcast.then(bind::beacon).flatten());
        let (groups, outgoing, stats) = Default::default();
        let mut net = Self { interfaces, port, mdns, sockets, groups, outgoing, stats, tap: None };
        net.groups.follow(&net.groups_of(), net.interfaces.used());
        Ok(net)
    }

    /// Writes down from now on all that goes through the sockets, as done by `program`. `on_end` is told when that has
    /// to end early; the sockets go on.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn capture(&mut self, capture: Capture, program: &str, on_end: OnCaptureEnd) -> io::Result<()> {
        self.tap = Some(Tap::new(capture, program, &self.sockets, on_end)?);
        Ok(())
    }

    /// The port of the chat, the same for both families.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How multicast DNS could be had.
    #[must_use]
    pub const fn mdns_socket(&self) -> MdnsSocket {
        self.mdns
    }

    /// All sockets, to be read from.
    #[must_use]
    pub fn sockets(&self) -> &[Arc<Socket>] {
        &self.sockets
    }

    /// The interfaces in use.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        self.interfaces.used()
    }

    /// Looks at the interfaces again, and joins the multicast groups where something has changed. Whether anything has.
    pub fn refresh(&mut self) -> bool {
        let changed = self.interfaces.refresh();
        if changed {
            self.tap.iter_mut().for_each(Tap::interfaces_changed);
            self.groups.follow(&self.groups_of(), self.interfaces.used());
        }
        changed
    }

    /// Joins the multicast groups everywhere anew: after a sleep the network may have forgotten the memberships.
    pub fn rejoin(&mut self) {
        self.interfaces.refresh();
        self.groups.renew(&self.groups_of(), self.interfaces.used());
    }

    /// What `batch` holds from one of the sockets, in order. Left out is what was sent to a group on an interface that
    /// is not in use: Linux gives it to everybody who has joined that group of IPv6 anywhere.
    pub fn datagrams<'a>(&self, batch: &'a Batch) -> impl Iterator<Item = Datagram<'a>> {
        batch.datagrams().filter(|one| {
            let used = || self.interfaces().iter().any(|used| used.index == one.interface);
            !one.to.is_multicast() || one.interface == 0 || used()
        })
    }

    /// Writes those datagrams down, if there is a capture: before all of them are handed to the node, and once.
    pub fn note(&mut self, batch: &Batch) {
        if let Some(mut tap) = self.tap.take() {
            self.datagrams(batch).for_each(|one| tap.heard(&one, self.interfaces()));
            self.tap = Some(tap);
        }
    }

    /// What the node tells of a datagram, for the capture.
    pub fn trace(&mut self, trace: Trace) {
        if let Some(tap) = &mut self.tap {
            tap.trace(trace);
        }
    }

    /// Sends a datagram, together with others to the same address if more come before [`flush`](Self::flush).
    pub fn send(&mut self, transmit: Transmit) {
        if !self.outgoing.takes(&transmit, &self.sockets) {
            self.flush_outgoing();
        }
        self.tap.iter_mut().for_each(Tap::waits);
        self.outgoing.push(transmit);
    }

    /// Sends what still waits for more of its kind: to be called before waiting for anything.
    pub fn flush(&mut self) {
        self.flush_outgoing();
        let used = self.interfaces.used();
        // Whoever captures no more has said why.
        self.tap.take_if(|tap| !tap.flush(used));
    }

    fn flush_outgoing(&mut self) {
        self.outgoing.flush(&self.sockets, self.interfaces.used(), &mut self.stats, &mut self.tap);
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> NetStats {
        let receive_failed = self.sockets.iter().map(|socket| socket.receive_failed()).sum();
        NetStats { receive_failed, not_joined: self.groups.failed, ..self.stats }
    }

    /// The sockets that take part in multicast. One for asking only is answered by unicast.
    fn groups_of(&self) -> Vec<Arc<Socket>> {
        let joins = matches!(self.mdns, MdnsSocket::Exclusive | MdnsSocket::Shared);
        self.sockets.iter().filter(|socket| joins && socket.via() == Via::Mdns).cloned().collect()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for socket in &self.sockets {
            socket.close();
        }
    }
}
