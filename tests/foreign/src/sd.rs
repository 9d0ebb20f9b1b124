//! `mdns-sd`: browses and advertises.

use std::{collections::BTreeSet, thread, time::Duration};

use mdns_sd::{DaemonEvent, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use serde_json::json;

use crate::{Advert, Result, say, say_gone, wait_for_the_end};

pub(crate) fn browse(service: &str) -> Result<()> {
    let service = format!("{service}.local.");
    let daemon = ServiceDaemon::new()?;
    let events = daemon.browse(&service)?;
    let kind = service.clone();
    thread::spawn(move || {
        while let Ok(event) = events.recv() {
            match event {
                ServiceEvent::ServiceResolved(resolved) => say_seen(*resolved, &kind),
                ServiceEvent::ServiceRemoved(_, name) => say_gone(&label(&name, &kind)),
                _ => {}
            }
        }
    });
    wait_for_the_end();
    Ok(())
}

fn say_seen(seen: ResolvedService, kind: &str) {
    let addresses: BTreeSet<_> = seen.addresses.into_iter().map(|address| address.to_ip_addr()).collect();
    let txt: Vec<_> =
        seen.txt_properties.iter().map(|one| format!("{}={}", one.key(), one.val_str())).collect();
    say(&json!({
        "type": "seen", "name": label(&seen.fullname, kind), "host": seen.host.trim_end_matches('.'),
        "port": seen.port, "addresses": addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), "txt": txt,
    }));
}

/// The first label of a name whose dots and backslashes are escaped.
fn label(full: &str, kind: &str) -> String {
    let escaped = full.strip_suffix(kind).and_then(|name| name.strip_suffix('.')).unwrap_or(full);
    let mut label = String::new();
    let mut rest = escaped.chars();
    while let Some(next) = rest.next() {
        label.extend(if next == '\\' { rest.next() } else { Some(next) });
    }
    label
}

pub(crate) fn advertise(advert: &Advert<'_>) -> Result<()> {
    let service = format!("{}.local.", advert.service);
    let daemon = ServiceDaemon::new()?;
    let txt: Vec<(&str, &str)> =
        advert.txt.iter().map(|one| one.split_once('=').unwrap_or((one, ""))).collect();
    let info = ServiceInfo::new(&service, advert.name, "foreign-sd.local.", "", advert.port, &txt[..])?;
    let info = info.enable_addr_auto();
    let full = info.get_fullname().to_owned();
    let events = daemon.monitor()?;
    daemon.register(info)?;
    // Whoever is withdrawn before has not been there: there is no goodbye.
    while !matches!(events.recv()?, DaemonEvent::Announce(..)) {}
    wait_for_the_end();
    daemon.unregister(&full)?.recv_timeout(Duration::from_secs(5))?;
    // Its second goodbye goes out later.
    thread::sleep(Duration::from_millis(300));
    Ok(())
}
