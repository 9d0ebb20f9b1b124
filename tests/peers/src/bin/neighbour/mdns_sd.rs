//! mdns-sd, which registers and browses. Somebody is found when their port and address are.

use std::{error::Error, time::Duration};

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};

use super::{Found, PORT, SERVICE, at_the_end};

pub(super) fn run(name: &str) -> Result<(), Box<dyn Error>> {
    let kind = format!("{SERVICE}.local.");
    let daemon = ServiceDaemon::new()?;
    let mut found = Found::default();
    found.hello(name);
    let properties = [("txtvers", "1"), ("n", name)];
    let info = ServiceInfo::new(&kind, name, &format!("{name}.local."), "", PORT, &properties[..])?;
    let own = info.get_fullname().to_owned();
    daemon.register(info.enable_addr_auto())?;
    let events = daemon.browse(&kind)?;
    at_the_end(move || {
        let _ = daemon.unregister(&own).map(|gone| gone.recv_timeout(Duration::from_secs(2)));
        let _ = daemon.shutdown().map(|ended| ended.recv_timeout(Duration::from_secs(2)));
    });
    while let Ok(event) = events.recv() {
        if let ServiceEvent::ServiceResolved(service) = event
            && let Some(name) = service.fullname.strip_suffix(&format!(".{kind}"))
        {
            found.add(name);
        }
    }
    Ok(())
}
