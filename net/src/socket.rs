//! One socket, and what comes out of it.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use chat_core::{Datagram, Via};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::SockRef;

use crate::os;

/// A socket of one family: to receive from by a thread of its own, or when the system says that it is readable.
///
/// It never blocks by itself. Whoever waits for it in [`wait`](Self::wait) is woken when the
/// [`Net`](crate::Net) that it belongs to is dropped.
#[derive(Debug)]
pub struct Socket {
    via: Via,
    is_ipv4: bool,
    udp: UdpSocket,
    state: UdpSocketState,
    closed: AtomicBool,
    failed: AtomicU64,
}

impl Socket {
    /// Takes a socket that is bound already; `state` comes from before, so that not even the first datagram lacks the
    /// interface it came by.
    pub(crate) const fn new(via: Via, is_ipv4: bool, udp: UdpSocket, state: UdpSocketState) -> Self {
        Self { via, is_ipv4, udp, state, closed: AtomicBool::new(false), failed: AtomicU64::new(0) }
    }

    /// Which of the host's sockets it is.
    #[must_use]
    pub const fn via(&self) -> Via {
        self.via
    }

    /// Whether it is of IPv4; of IPv6 otherwise.
    #[must_use]
    pub const fn is_ipv4(&self) -> bool {
        self.is_ipv4
    }

    /// The port that it is bound to.
    pub(crate) fn port(&self) -> u16 {
        self.udp.local_addr().map_or(0, |own| own.port())
    }

    /// Takes out what has come, without waiting; whether that is anything. Failures are counted.
    #[must_use]
    pub fn receive(&self, batch: &mut Batch) -> bool {
        batch.via = self.via;
        let Batch { bytes, metas, filled, .. } = batch;
        let mut chunks = bytes.chunks_exact_mut(BUFFER);
        let mut buffers: [_; BUFFERS] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        *filled = match self.state.recv((&self.udp).into(), &mut buffers, metas.as_mut()) {
            Ok(count) => count,
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    self.failed.fetch_add(1, Relaxed);
                }
                0
            }
        };
        *filled > 0
    }

    /// Blocks until there is something to receive: true. False when the socket is closed.
    #[must_use]
    pub fn wait(&self) -> bool {
        if !self.is_closed() {
            os::wait_readable(&self.udp);
        }
        !self.is_closed()
    }

    /// Sends datagrams of `segment` bytes each, the last one perhaps shorter, by `exit` if there is one. It waits a millisecond for room, no longer: a network that takes nothing must not hold up everything else.
    pub(crate) fn send(
        &self,
        to: SocketAddr,
        exit: Option<os::Exit>,
        bytes: &[u8],
        segment: Option<usize>,
    ) -> io::Result<()> {
        let once = || match (to, exit) {
            (SocketAddr::V4(to), Some(exit)) => {
                let segment = segment.and_then(|size| u16::try_from(size).ok());
                os::send_from(&self.udp, exit, to, bytes, segment)
            }
            _ => {
                let transmit = Transmit {
                    destination: to,
                    ecn: None,
                    contents: bytes,
                    segment_size: segment,
                    src_ip: None,
                };
                self.state.try_send((&self.udp).into(), &transmit)
            }
        };
        match once() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                os::wait_writable(&self.udp);
                once()
            }
            result => result,
        }
    }

    /// How many datagrams to one address the system takes in one call, 1 where it has no such thing.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments()
    }

    pub(crate) fn receive_failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub(crate) fn options(&self) -> SockRef<'_> {
        SockRef::from(&self.udp)
    }

    /// Ends the wait of whoever is in [`wait`](Self::wait), now and later.
    pub(crate) fn close(&self) {
        self.closed.store(true, Relaxed);
        if cfg!(any(target_os = "linux", target_os = "android")) {
            // It wakes the waiting although the socket is not connected, for which it reports an error.
            let _ = self.options().shutdown(std::net::Shutdown::Both);
        } else if let Ok(mut own) = self.udp.local_addr() {
            // Elsewhere an empty datagram to itself does. Through what is shut down none could be sent any more.
            own.set_ip(if self.is_ipv4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
            let _ = self.udp.send_to(&[], own);
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.udp.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for Socket {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.udp.as_socket()
    }
}

/// Buffers in a batch. The system may put a train of up to 64 datagrams of one sender into each.
const BUFFERS: usize = 8;
/// Room for the longest datagram, or train of them. What is never written to takes no memory.
const BUFFER: usize = 1 << 16;

/// Room for what one [`Socket::receive`] takes out, to be used again and again; read by
/// [`Net::datagrams`](crate::Net::datagrams).
pub struct Batch {
    via: Via,
    bytes: Box<[u8]>,
    metas: Box<[RecvMeta; BUFFERS]>,
    filled: usize,
}

impl Batch {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let bytes = vec![0; BUFFERS * BUFFER].into_boxed_slice();
        Self { via: Via::Chat, bytes, metas: Default::default(), filled: 0 }
    }

    /// What came in last, in order.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.bytes.chunks_exact(BUFFER).zip(self.metas.iter()).take(self.filled).flat_map(
            move |(buffer, meta)| {
                let bytes = buffer.get(..meta.len).unwrap_or_default();
                let unknown = if meta.addr.is_ipv4() {
                    Ipv4Addr::UNSPECIFIED.into()
                } else {
                    Ipv6Addr::UNSPECIFIED.into()
                };
                // An empty datagram has an empty stride, and says nothing.
                bytes.chunks(meta.stride.max(1)).map(move |bytes| Datagram {
                    via: self.via,
                    interface: meta.interface_index.unwrap_or(0),
                    from: meta.addr,
                    to: meta.dst_ip.unwrap_or(unknown),
                    bytes,
                })
            },
        )
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("via", &self.via).field("filled", &self.filled).finish_non_exhaustive()
    }
}
