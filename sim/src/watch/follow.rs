//! Tells what happens to one host, line by line.

use chat_core::Instant;

use super::Fact;

/// Gets each line.
pub(crate) type Sink = Box<dyn FnMut(&str)>;

/// Whoever follows a host.
pub(crate) struct Follow {
    pub(crate) host: usize,
    pub(crate) sink: Sink,
}

impl Follow {
    pub(crate) fn see(&mut self, now: Instant, fact: &Fact<'_>) {
        let Some((_, what)) = line(fact).filter(|(host, _)| host.is_none_or(|host| host == self.host)) else {
            return;
        };
        let at = now.since_origin();
        (self.sink)(&format!("{:>6}.{:09}  {what}", at.as_secs(), at.subsec_nanos()));
    }
}

/// Whom it is about, unless all, and what it is.
fn line(fact: &Fact<'_>) -> Option<(Option<usize>, String)> {
    Some(match fact {
        Fact::Sizes { .. } => return None,
        Fact::Booted { host, .. } => (Some(*host), "boot".into()),
        Fact::Ended { host, goodbye: true } => (Some(*host), "end, with a goodbye".into()),
        Fact::Ended { host, goodbye: false } => (Some(*host), "end, without a goodbye".into()),
        Fact::Asked { host, tag, action } => (Some(*host), format!("ask    #{tag} {action:?}")),
        Fact::Told { host, event } => (Some(*host), format!("tell   {event:?}")),
        Fact::Sent { host, transmit, cause } => {
            let (via, to, bytes) = (transmit.via, transmit.to, transmit.bytes.len());
            let cause = cause.map(|flight| format!(", after {:016x}", flight.id)).unwrap_or_default();
            (Some(*host), format!("send   {via:?} to {to}, {bytes} B{cause}"))
        }
        Fact::Received { host, flight, intact } => {
            let (from, bytes) = (flight.from, flight.bytes.len());
            let damaged = if *intact { "" } else { ", damaged" };
            let line =
                format!("get    {:016x} from {from} (host {}), {bytes} B{damaged}", flight.id, flight.sender);
            (Some(*host), line)
        }
        Fact::Appended { host, token, records } => {
            (Some(*host), format!("store  {} records, token {}", records.len(), token.0))
        }
        Fact::Safe { host, token, result } => (Some(*host), format!("stored token {}: {result:?}", token.0)),
        Fact::Cards { host, interfaces, .. } => {
            let addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
            let addresses: Vec<_> = addresses.map(|subnet| subnet.address.to_string()).collect();
            (Some(*host), format!("cards  {}", addresses.join(" ")))
        }
        Fact::Foe { key } => (None, format!("foe    {key:?}")),
        Fact::Foul { author, text } => (None, format!("foul   {author:?} says {text:?}")),
        Fact::Fault { number, begins, .. } => {
            (None, format!("fault  {number} {}", if *begins { "begins" } else { "ends" }))
        }
    })
}
