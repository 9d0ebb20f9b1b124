//! What we say of ourselves: our names, and the records that hang on them.

use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

use bytes::Bytes;

use super::link::Site;
use crate::{
    discovery::Announcement,
    dns::{CLASS_IN, Data, Kind, LABEL_MAX, Name, NameRef, Question, Record, Start, TxtBuilder, TypeSet},
    identity::hex,
    rng::Rng,
    suite::Suite,
};

/// The type of our service (RFC 6763 section 7).
const SERVICE: [&[u8]; 3] = [b"_p2p-chat", b"_udp", b"local"];
/// The name that lists all types of services (RFC 6763 section 9).
const ENUMERATION: [&[u8]; 4] = [b"_services", b"_dns-sd", b"_udp", b"local"];
/// Seconds that records with a host name in them hold (RFC 6762 section 10).
pub(super) const HOST_TTL: u32 = 120;
/// Seconds that other records hold (RFC 6762 section 10).
pub(super) const OTHER_TTL: u32 = 4500;
/// Renames after which the number grows by a random step: somebody contests every name, and counting up in step
/// with others who are renamed as well would never end.
const STEADY_RENAMES: u32 = 10;

/// One of our records on one link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Own {
    /// That our type of service exists. Others have the very same record.
    Enumeration,
    /// That we are an instance of the service.
    Service,
    Srv,
    Txt,
    Address(IpAddr),
    /// That the instance has no other types (NSEC, RFC 6762 section 6.1).
    InstanceTypes,
    /// That the host has no other types.
    HostTypes,
}

impl Own {
    /// Whether others may have records of the same name and type; all the rest is ours alone.
    pub(super) const fn is_shared(self) -> bool {
        matches!(self, Self::Enumeration | Self::Service)
    }

    pub(super) const fn ttl(self) -> u32 {
        match self {
            Self::Enumeration | Self::Service | Self::Txt => OTHER_TTL,
            Self::Srv | Self::Address(_) | Self::InstanceTypes | Self::HostTypes => HOST_TTL,
        }
    }
}

/// A name that must be ours alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Unique {
    Instance,
    Host,
}

/// Our names and what they say.
#[derive(Debug)]
pub(super) struct Ours {
    announcement: Announcement,
    enumeration: Known,
    service: Known,
    instance: Known,
    host: Known,
    /// What of the host's label does not change when it is renamed.
    host_stem: String,
    txt: Bytes,
    /// The number behind each name, 1 for none.
    instance_number: u32,
    host_number: u32,
}

impl Ours {
    pub(super) fn new(suite: &'static dyn Suite, announcement: Announcement) -> Self {
        // Of the key and the boot: a copied profile running on the same link has a host name of its own, and no
        // address record of an earlier run is ever taken for one of this run.
        let hash =
            suite.hash(&[b"p2p-chat/1 host name", &announcement.key.0, &announcement.boot.0.to_be_bytes()]);
        let host_stem = format!("p2pc-{}", hex(hash.first_chunk::<6>().unwrap_or(&[0; 6])));
        let txt = txt(&announcement);
        let mut ours = Self {
            announcement,
            enumeration: Known::new(Name::new(ENUMERATION).unwrap_or_default()),
            service: Known::new(service_name()),
            instance: Known::new(Name::default()),
            host: Known::new(Name::default()),
            host_stem,
            txt,
            instance_number: 1,
            host_number: 1,
        };
        ours.name();
        ours
    }

    /// Changes what the names say; false when that needs other names.
    pub(super) fn update(&mut self, announcement: &Announcement) -> bool {
        let Announcement { key, boot, nick, .. } = &self.announcement;
        let is_same = (key, boot, nick) == (&announcement.key, &announcement.boot, &announcement.nick);
        if is_same {
            self.announcement.port = announcement.port;
        }
        is_same
    }

    pub(super) const fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    pub(super) const fn name_of(&self, which: Unique) -> &Name {
        match which {
            Unique::Instance => &self.instance.name,
            Unique::Host => &self.host.name,
        }
    }

    /// Whether our instance says this on every link.
    pub(super) fn says(&self, data: &Data<NameRef<'_>, &[u8]>) -> bool {
        match data {
            Data::Txt(strings) => *strings == self.txt,
            Data::Srv { port, target, .. } => {
                *port == self.announcement.port && self.host.is(*target, target.start())
            }
            _ => false,
        }
    }

    /// The instance's label as text.
    pub(super) fn label(&self) -> String {
        let nick = self.announcement.nick.as_str();
        let mut end = format!("-{:04}", self.announcement.key.digits());
        if self.instance_number > 1 {
            end += &format!(" ({})", self.instance_number);
        }
        let mut label = String::from(cut(nick, LABEL_MAX.saturating_sub(end.len())));
        label += &end;
        label
    }

    /// Whether somebody else had our instance's name.
    pub(super) const fn is_renamed(&self) -> bool {
        self.instance_number > 1
    }

    /// Takes the next name, because somebody else has this one (RFC 6762 section 9, RFC 6763 appendix D).
    pub(super) fn rename(&mut self, which: Unique, rng: &mut Rng) {
        let number = match which {
            Unique::Instance => &mut self.instance_number,
            Unique::Host => &mut self.host_number,
        };
        let step = if *number < STEADY_RENAMES { 1 } else { 1 + rng.below(100) };
        *number = number.saturating_add(u32::try_from(step).unwrap_or(1)).min(999_999);
        self.name();
    }

    /// Which of our names this is.
    pub(super) fn unique(&self, name: NameRef<'_>) -> Option<Unique> {
        let start = name.start();
        if self.instance.is(name, start) {
            Some(Unique::Instance)
        } else if self.host.is(name, start) {
            Some(Unique::Host)
        } else {
            None
        }
    }

    /// The records that we alone may have under this name, except what says that there are no others.
    pub(super) fn of(&self, which: Unique, site: &Site) -> Vec<Own> {
        match which {
            Unique::Instance => [Own::Srv, Own::Txt].into(),
            Unique::Host => site.addresses.iter().copied().map(Own::Address).collect(),
        }
    }

    /// Which of our records somebody else has repeated here.
    pub(super) fn same(&self, record: &Record<NameRef<'_>, &[u8]>, site: &Site) -> Option<Own> {
        if record.class != CLASS_IN {
            return None;
        }
        // Of others' pointers there are hundreds: not one of them may cost much.
        if let Data::Ptr(target) = record.data {
            let start = target.start();
            let is = |name: &Known, to: &Known| to.is(target, start) && record.name == name.name;
            return if is(&self.service, &self.instance) {
                Some(Own::Service)
            } else {
                is(&self.enumeration, &self.service).then_some(Own::Enumeration)
            };
        }
        let all = self.of(self.unique(record.name)?, site);
        all.into_iter().find(|own| record.data == self.record(*own, site).data)
    }

    /// Which of our two records that there is nothing else somebody has repeated here.
    pub(super) fn same_types(&self, record: &Record<NameRef<'_>, &[u8]>, site: &Site) -> Option<Own> {
        let Data::Nsec { .. } = record.data else { return None };
        let own = match self.unique(record.name)? {
            Unique::Instance => Own::InstanceTypes,
            Unique::Host => Own::HostTypes,
        };
        (record.class == CLASS_IN && record.data == self.record(own, site).data).then_some(own)
    }

    /// All that is announced, and taken back at the end. The type of service stays, others have it too.
    pub(super) fn announced(&self, site: &Site) -> Vec<Own> {
        let mut all = alloc::vec![Own::Service];
        all.extend(self.of(Unique::Instance, site));
        all.extend(self.of(Unique::Host, site));
        all
    }

    /// What answers a question: all we have of that name and type, or that there is none (RFC 6762 section 6.1).
    pub(super) fn asked(&self, question: &Question<'_>, site: &Site) -> Vec<Own> {
        let is_any = question.kind == Kind::ANY;
        let pointer = |own| if is_any || question.kind == Kind::PTR { alloc::vec![own] } else { Vec::new() };
        let start = question.name.start();
        if self.service.is(question.name, start) {
            return pointer(Own::Service);
        }
        if self.enumeration.is(question.name, start) {
            return pointer(Own::Enumeration);
        }
        let Some(which) = self.unique(question.name) else { return Vec::new() };
        let mut answers = self.of(which, site);
        answers.retain(|own| is_any || self.record(*own, site).data.kind() == question.kind);
        if answers.is_empty() {
            answers.push(match which {
                Unique::Instance => Own::InstanceTypes,
                Unique::Host => Own::HostTypes,
            });
        }
        answers
    }

    /// What is sent along with an answer (RFC 6763 section 12, RFC 6762 section 6.2).
    pub(super) fn companions(&self, own: Own, site: &Site) -> Vec<Own> {
        let mut host = self.of(Unique::Host, site);
        if !(host.iter().any(|own| is_v4(*own)) && host.iter().any(|own| !is_v4(*own))) {
            host.push(Own::HostTypes);
        }
        match own {
            Own::Service => self.of(Unique::Instance, site).into_iter().chain(host).collect(),
            Own::Srv | Own::Address(_) => host,
            Own::Enumeration | Own::Txt | Own::InstanceTypes | Own::HostTypes => Vec::new(),
        }
    }

    pub(super) fn record(&self, own: Own, site: &Site) -> Record {
        let types = |kinds: Vec<Kind>| TypeSet::new(kinds);
        let Self { enumeration, service, instance, host, .. } = self;
        let [enumeration, service, instance, host] =
            [enumeration, service, instance, host].map(|known| &known.name);
        let (name, data) = match own {
            Own::Enumeration => (enumeration, Data::Ptr(service.clone())),
            Own::Service => (service, Data::Ptr(instance.clone())),
            Own::Srv => {
                let (port, target) = (self.announcement.port, host.clone());
                (instance, Data::Srv { priority: 0, weight: 0, port, target })
            }
            Own::Txt => (instance, Data::Txt(self.txt.clone())),
            Own::Address(IpAddr::V4(address)) => (host, Data::A(address)),
            Own::Address(IpAddr::V6(address)) => (host, Data::Aaaa(address)),
            Own::InstanceTypes => {
                let next = instance.clone();
                (instance, Data::Nsec { next, types: types([Kind::TXT, Kind::SRV].into()) })
            }
            Own::HostTypes => {
                let kinds = self.of(Unique::Host, site).into_iter();
                let kinds = kinds.map(|own| if is_v4(own) { Kind::A } else { Kind::AAAA }).collect();
                (host, Data::Nsec { next: host.clone(), types: types(kinds) })
            }
        };
        Record { name: name.clone(), class: CLASS_IN, flush: !own.is_shared(), ttl: own.ttl(), data }
    }

    fn name(&mut self) {
        let host = match self.host_number {
            1 => self.host_stem.clone(),
            number => format!("{}-{number}", self.host_stem),
        };
        let instance = self.service.name.child(self.label().as_bytes());
        self.instance = Known::new(instance.unwrap_or_default());
        self.host = Known::new(Name::new([host.as_bytes(), b"local"]).unwrap_or_default());
    }
}

/// A name that all names in all messages are compared with.
#[derive(Debug)]
struct Known {
    start: Start,
    name: Name,
}

impl Known {
    fn new(name: Name) -> Self {
        Self { start: name.start(), name }
    }

    /// Whether it is this name, which begins so.
    fn is(&self, name: NameRef<'_>, start: Start) -> bool {
        self.start == start && name == self.name
    }
}

/// The name that everybody of the chat is an instance of.
/// The bytes of our TXT record.
pub(super) fn txt(announcement: &Announcement) -> Bytes {
    TxtBuilder::default()
        .with("txtvers", "1")
        .with("v", "1")
        .with("id", hex(&announcement.key.short()))
        .with("b", format!("{}", announcement.boot))
        .with("cap", "0")
        .with("n", announcement.nick.as_str())
        .finish()
}

pub(super) fn service_name() -> Name {
    Name::new(SERVICE).unwrap_or_default()
}

const fn is_v4(own: Own) -> bool {
    matches!(own, Own::Address(IpAddr::V4(_)))
}

/// As much of `text` as fits `most` bytes, whole characters only.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
