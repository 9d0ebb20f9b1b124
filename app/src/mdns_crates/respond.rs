//! What the crate `libmdns` does: it answers for us.

use std::{io, net::IpAddr, sync::mpsc, thread, time::Duration};

use chat_core::hex;
use libmdns::{Responder, Service};

use super::Announcement;

/// Our service as `libmdns` wants it.
const TYPE: &str = "_p2p-chat._udp";
/// How long its thread gets to send a goodbye. Where its end is asked for sooner, it forgets to.
const GOODBYE: Duration = Duration::from_millis(100);

/// A responder with our service.
pub(super) struct Responding {
    responder: Responder,
    service: Option<Service>,
}

impl Responding {
    /// One that tells of `addresses`, and hears questions on every interface that there is now.
    ///
    /// # Errors
    /// When the port or a group cannot be had.
    pub(super) fn new(announcement: &Announcement, addresses: Vec<IpAddr>) -> io::Result<Self> {
        // Its own constructor takes the name of the machine, which others may share, and which it may not be able to say.
        let host = format!("p2pc-{}", announcement.boot);
        let (tell, told) = mpsc::channel();
        let run = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            runtime.block_on(async {
                match Responder::with_default_handle_and_ip_list_and_hostname(addresses, host) {
                    Ok((responder, mut task)) => {
                        // It throws away what it cannot send at once, and of a new socket nobody knows yet that it
                        // could: not before the runtime has looked.
                        let _ = smol::future::poll_once(&mut task).await;
                        tokio::task::yield_now().await;
                        let _ = tell.send(Ok(responder));
                        task.await;
                    }
                    Err(error) => drop(tell.send(Err(error))),
                }
            });
        };
        thread::Builder::new().name(String::from("libmdns")).spawn(run)?;
        let responder = told.recv().map_err(io::Error::other)??;
        let mut responding = Self { responder, service: None };
        responding.announce(announcement);
        Ok(responding)
    }

    /// Tells what is so now, after a goodbye to what was.
    pub(super) fn announce(&mut self, Announcement { id, boot, nick, port }: &Announcement) {
        // In this order: it ends the process when two services have one name.
        self.service = None;
        let id = hex(id);
        let texts = [
            String::from("txtvers=1"),
            String::from("v=1"),
            format!("id={id}"),
            format!("b={boot}"),
            String::from("cap=0"),
            format!("n={nick}"),
        ];
        let texts = texts.each_ref().map(String::as_str);
        // The label is short and ASCII: it ends the process over one of 63 bytes, and `mdns` sees no other.
        self.service = Some(self.responder.register(TYPE, &format!("p2pc-{id}"), *port, &texts));
    }
}

impl Drop for Responding {
    fn drop(&mut self) {
        self.service = None;
        thread::sleep(GOODBYE);
    }
}
