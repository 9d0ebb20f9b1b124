//! Makes a plan of a scenario: everything spelled out.

mod lan;

use std::{collections::BTreeMap, time::Duration};

use toml::Spanned;

use super::{
    Bytes, Changes,
    draw::Draw,
    file::{File, On},
    schedule,
};
use crate::{
    complaint::Complaint,
    fault::{PlannedFault, Target},
    plan::{self, Act, Deed, Foe, Place, Plan, PlanError},
    units::Span,
};

/// Parts of what is drawn.
const PEERS: u64 = 0;
const JOINS: u64 = 1;
const CHAT: u64 = 2;
const FAULTS: u64 = 3;
const SCHEDULE: u64 = 4;
const FILES: u64 = 5;

/// The largest file that is offered.
const FILE_MAX: u64 = 4 << 20;
/// Whoever fetches a file does it so long after it was offered.
const HESITATION: Duration = Duration::from_secs(1);

pub(super) fn plan(file: &File, name: &str, seed: u64, changes: &Changes) -> Result<Plan, Complaint> {
    let mut plan = Plan::empty(name, seed);
    plan.duration = changes.duration.unwrap_or(*file.duration.get_ref());
    plan.suite = changes.suite.unwrap_or(file.suite);
    (plan.family, plan.runs, plan.expect) = (file.family, file.runs, file.expect.clone());
    let draw = Draw::new(seed);
    let mut making = Making { file, plan, draw, segments: BTreeMap::new(), places: Places::default() };
    making.add_segments()?;
    making.add_hosts(changes.peers)?;
    making.add_acts()?;
    making.add_foes()?;
    making.add_faults(changes)?;
    making.finish()
}

struct Making<'a> {
    file: &'a File,
    plan: Plan,
    draw: Draw,
    /// Links by name.
    segments: BTreeMap<String, usize>,
    places: Places,
}

/// Where in the file the parts of the plan come from.
#[derive(Default)]
struct Places {
    segments: Vec<Bytes>,
    faults: Vec<Bytes>,
    acts: Vec<Bytes>,
    foes: Vec<Bytes>,
    hosts: BTreeMap<usize, Bytes>,
}

impl Making<'_> {
    fn add_acts(&mut self) -> Result<(), Complaint> {
        for entry in &self.file.acts {
            let doing = entry.get_ref();
            self.plan.acts.push(Act { at: doing.at, host: doing.host, what: doing.what.clone() });
            self.places.acts.push(entry.span());
        }
        let Some(entry) = &self.file.workload.chat else { return Ok(()) };
        let (span, chat, hosts) = (entry.span(), entry.get_ref(), self.plan.hosts.len());
        let each = match (chat.rate, chat.rate_per_peer) {
            (Some(rate), None) => rate.0,
            (None, Some(rate)) => rate.0 / u32::try_from(hosts).unwrap_or(1),
            _ => return Err(Complaint::at(span, "a chat has either `rate` or `rate-per-peer`")),
        };
        if let Some(host) = chat.hosts.iter().find(|host| **host >= hosts) {
            return Err(Complaint::at(
                span,
                format!("there is no host {host}: there are {hosts}, counted from 0"),
            ));
        }
        if chat.size.low == 0 || chat.size.high > plan::TEXT_MAX {
            return Err(Complaint::at(span, format!("a size is from 1 to {} bytes", plan::TEXT_MAX)));
        }
        let until = chat.until.map_or_else(|| self.last_moment(), |until| until.0);
        let room = |host: usize| match chat.rooms {
            0 => "#lobby".to_owned(),
            rooms => format!("#room-{}", host % rooms),
        };
        if chat.rooms > 0 {
            for (host, planned) in self.plan.hosts.iter().enumerate() {
                let at = Span(planned.starts.0 + Duration::from_millis(1));
                let what = match chat.private {
                    true => Deed::Enter { room: room(host), secret: 1 },
                    false => Deed::Join(room(host)),
                };
                self.plan.acts.push(Act { at, host, what });
            }
        }
        let (mut draw, mut files) = (self.draw.part(CHAT), self.draw.part(FILES));
        let mut at = chat.from.0;
        loop {
            at += draw.gap(each);
            if at >= until {
                break;
            }
            if self.plan.acts.len() >= plan::ENTRIES_MAX {
                return Err(Complaint::at(span, format!("more than {} messages", plan::ENTRIES_MAX)));
            }
            let host = if chat.hosts.is_empty() {
                draw.between(0, hosts as u64 - 1) as usize
            } else {
                draw.one_of(&chat.hosts)
            };
            let size = draw.magnitude(chat.size.low as u64, chat.size.high as u64) as usize;
            let other = (host + draw.between(1, (hosts as u64).max(2) - 1) as usize) % hosts;
            let what = if draw.is(chat.direct) && other != host {
                Deed::Tell { to: other, size }
            } else {
                Deed::Say { room: room(host), size }
            };
            let what = if files.is(chat.files) && other != host {
                let fetch = Act { at: Span(at + HESITATION), host: other, what: Deed::Fetch(host) };
                self.plan.acts.push(fetch);
                Deed::Offer { room: room(host), size: files.magnitude(1, FILE_MAX) }
            } else {
                what
            };
            self.plan.acts.push(Act { at: Span(at), host, what });
        }
        Ok(())
    }

    fn add_foes(&mut self) -> Result<(), Complaint> {
        for entry in &self.file.foes {
            let foe = entry.get_ref();
            let on = foe.on.as_ref().map_or(Ok(0), |name| self.segment(name))?;
            let (at, span, rate, model) = (foe.at, foe.span, foe.rate, foe.what.clone());
            let most = foe.most.unwrap_or(plan::WITHOUT_END);
            self.plan.foes.push(Foe { on, at, span, rate, most, model });
            self.places.foes.push(entry.span());
        }
        Ok(())
    }

    fn add_faults(&mut self, changes: &Changes) -> Result<(), Complaint> {
        let is_wanted = |fault: &PlannedFault| {
            changes.faults.as_ref().is_none_or(|kinds| kinds.contains(&fault.what.kind()))
        };
        for (number, entry) in self.file.faults.iter().enumerate() {
            let (span, trouble) = (entry.span(), entry.get_ref());
            let every = trouble.every.as_ref();
            if let Some(every) = every.filter(|every| every.get_ref().0.is_zero()) {
                return Err(Complaint::at(every.span(), "again and again without any time between"));
            }
            let mut draw = self.draw.part(FAULTS).part(number as u64);
            let (mut at, mut count) = (trouble.at.0, 0);
            loop {
                let on = self.target(&trouble.on, &mut draw)?;
                let fault = PlannedFault { at: Span(at), span: trouble.span, on, what: trouble.what.clone() };
                if is_wanted(&fault) {
                    self.plan.faults.push(fault);
                    self.places.faults.push(span.clone());
                }
                count += 1;
                let Some(every) = every else { break };
                at += every.get_ref().0;
                let lasts = trouble.span.unwrap_or_default().0;
                if at + lasts >= self.last_moment() || trouble.times.is_some_and(|times| count >= times) {
                    break;
                }
                if count >= plan::ENTRIES_MAX {
                    return Err(Complaint::at(span, format!("more than {} times", plan::ENTRIES_MAX)));
                }
            }
        }
        if let Some(kind) = self.file.schedule {
            self.plan.expect.certain = Some(self.plan.faults.len());
            let from = self.plan.hosts.iter().map(|host| host.starts.0).max().unwrap_or_default();
            let window = from..self.last_moment();
            let drawn = schedule::faults(kind, self.draw.part(SCHEDULE), &self.plan, window);
            self.plan.faults.extend(drawn.into_iter().filter(is_wanted));
        }
        Ok(())
    }

    /// What happens later could not be judged before the end.
    fn last_moment(&self) -> Duration {
        self.plan
            .duration
            .0
            .saturating_sub(self.plan.expect.settling())
            .saturating_sub(Duration::from_secs(1))
    }

    fn target(&self, on: &On, draw: &mut Draw) -> Result<Target, Complaint> {
        Ok(match on {
            On::Everything => Target::Everything,
            On::Segment(name) => Target::Segment(self.segment(name)?),
            On::Share(share) => Target::Hosts(draw.hosts(self.plan.hosts.len(), *share)),
            On::Hosts(hosts) => Target::Hosts(hosts.clone()),
        })
    }

    fn segment(&self, name: &Spanned<String>) -> Result<usize, Complaint> {
        self.segments.get(name.get_ref()).copied().ok_or_else(|| {
            let mut known: Vec<_> = self.segments.keys().take(8).map(|name| format!("`{name}`")).collect();
            if self.segments.len() > known.len() {
                known.push("...".into());
            }
            let what = format!("there is no segment called `{}`, only {}", name.get_ref(), known.join(", "));
            Complaint::at(name.span(), what)
        })
    }

    fn finish(self) -> Result<Plan, Complaint> {
        self.plan.check().map_err(|error| Complaint { what: error.to_string(), span: self.place(&error) })?;
        let needed = self.plan.calm() + self.plan.expect.settling();
        if self.plan.expect.settling() > Duration::ZERO && needed > self.plan.duration.0 {
            let shown = humantime::format_duration(Duration::from_secs(needed.as_secs() + 1));
            let what = format!(
                "a run of {} is over before it can be judged: the last trouble or start and the time to recover need {shown}",
                self.plan.duration
            );
            return Err(Complaint {
                what,
                span: Some(self.file.duration.span()).filter(|span| !span.is_empty()),
            });
        }
        Ok(self.plan)
    }

    /// Where in the file the wrong part of a plan stands.
    fn place(&self, error: &PlanError) -> Option<Bytes> {
        let place = match error {
            PlanError::Missing { place, .. } | PlanError::Nonsense { place, .. } => *place,
            PlanError::Version(_) | PlanError::Size { .. } => Place::Whole,
        };
        match place {
            Place::Segment(number) => self.places.segments.get(number).cloned(),
            Place::Fault(number) => self.places.faults.get(number).cloned(),
            Place::Act(number) => self.places.acts.get(number).cloned(),
            Place::Foe(number) => self.places.foes.get(number).cloned(),
            Place::Host(number) => self.places.hosts.get(&number).cloned(),
            Place::Router(_) | Place::Whole => {
                Some(self.file.duration.span()).filter(|span| !span.is_empty())
            }
        }
    }
}
