//! `libmdns`: advertises. It splits names at dots.

use std::{thread, time::Duration};

use crate::{Advert, Result, wait_for_the_end};

pub(crate) fn advertise(advert: &Advert<'_>) -> Result<()> {
    let responder = libmdns::Responder::new_with_ip_list(Vec::new())?;
    let service = responder.register(advert.service, advert.name, advert.port, advert.txt);
    wait_for_the_end();
    drop(service);
    // Its thread sends the goodbye; nothing says when it has.
    thread::sleep(Duration::from_millis(300));
    Ok(())
}
