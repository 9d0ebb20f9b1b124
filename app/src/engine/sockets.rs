//! The sockets: opened before anything else that others could notice, and handed to the runtime with the node.

use std::{io, rc::Rc};

use chat_core::{Config, Identity, MdnsSocket, Node};
use chat_net::{Capture, Clock, Net, OnCaptureEnd, OnOutput, OpenError, Submit, Why};

#[cfg(feature = "mdns-crates")]
use crate::mdns_crates;
use crate::{
    Start, clean, cli,
    fault::{Exit, Fault},
};

/// Sockets that are open, and a runtime that waits for its node.
pub(crate) struct Opened {
    pub(crate) port: u16,
    pub(crate) mdns_socket: MdnsSocket,
    pub(crate) left_out: LeftOut,
    pub(crate) begin: Box<Begin>,
}

/// Tells which interfaces could be used, and are not because they are virtual: a line each, with the reason.
pub(crate) type LeftOut = Rc<dyn Fn() -> Vec<String>>;

/// Lets a node run, which tells its outputs, and of a capture that has ended early.
type Begin = dyn FnOnce(Config, Identity, OnOutput, OnCaptureEnd) -> io::Result<Submit>;

/// Opens the sockets; tests have one that opens none.
pub(crate) type Open<'a> = &'a dyn Fn(&cli::Options) -> Result<Opened, Fault>;

/// Opens real sockets for the runtime behind `start`.
///
/// # Errors
/// When nothing is up, an interface is unknown, or the port is taken.
pub(crate) fn open_net(program: &'static str, options: &cli::Options, start: Start) -> Result<Opened, Fault> {
    let is_with_crates = options.discovery.mdns_crates;
    let wanted = chat_net::Options {
        interfaces: options.interface.clone(),
        port: options.port.map(Into::into),
        mdns: options.discovery.mdns,
        broadcast: options.discovery.broadcast,
    };
    let mut net = Net::open(&wanted).map_err(|error| {
        let exit = match error {
            OpenError::UnknownInterface { .. } | OpenError::NoNetwork { .. } => Exit::NoNetwork,
            _ => Exit::Usage,
        };
        Fault::new(exit, error.to_string())
    })?;
    // Last, so that a program which cannot run empties no file.
    let capture = options.capture.as_deref().map(Capture::open).transpose();
    let capture = capture.map_err(|error| Fault::usage(error.to_string()))?;
    Ok(Opened {
        port: net.port(),
        mdns_socket: match net.mdns_socket() {
            // The crates will be there.
            MdnsSocket::Exclusive if is_with_crates => MdnsSocket::Shared,
            socket => socket,
        },
        left_out: left_out(&options.interface),
        begin: Box::new(move |config, identity, on_output, on_capture_end| {
            if let Some(capture) = capture {
                net.capture(capture, &format!("{program} {}", env!("CARGO_PKG_VERSION")), on_capture_end)?;
            }
            let clock = Clock::new();
            #[cfg(feature = "mdns-crates")]
            let us = (identity.key().short(), config.nick.clone(), config.chat_port);
            let node = Node::new(config, identity, chat_net::entropy()?, clock.now());
            #[cfg(feature = "mdns-crates")]
            if is_with_crates {
                let (id, nick, port) = us;
                let announcement = mdns_crates::Announcement { id, boot: node.boot(), nick, port };
                let start = |on_output| start(node, net, clock, on_output);
                return mdns_crates::beside(announcement, on_output, start);
            }
            start(node, net, clock, on_output)
        }),
    })
}

fn left_out(named: &[String]) -> LeftOut {
    let named = named.to_vec();
    Rc::new(move || {
        let all = chat_net::look(&named).unwrap_or_default();
        let left_out = all.iter().filter(|one| one.left_out == Some(Why::Virtual));
        left_out.map(|one| clean::name(&one.to_string()).into_owned()).collect()
    })
}
