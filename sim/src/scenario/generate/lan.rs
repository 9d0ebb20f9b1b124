//! The links, the hosts on them, and when those start.

use std::time::Duration;

use super::{
    super::file::{Join, Segments},
    JOINS, Making, PEERS,
};
use crate::{
    complaint::Complaint,
    plan::{self, Host, Router, Segment},
    profile,
    units::Span,
};

impl Making<'_> {
    pub(super) fn add_segments(&mut self) -> Result<(), Complaint> {
        for entry in &self.file.segments {
            let (span, segments) = (entry.span(), entry.get_ref());
            let left = plan::SEGMENTS_MAX - self.plan.segments.len();
            if segments.count == 0 || segments.count > left {
                return Err(Complaint::at(
                    span,
                    format!("a count of {}: from 1 to {left} fit", segments.count),
                ));
            }
            for number in 0..segments.count {
                let segment = segment(segments, number)?;
                let index = self.plan.segments.len();
                if self.segments.insert(segment.name.clone(), index).is_some() {
                    return Err(Complaint::at(
                        span,
                        format!("there are two segments called `{}`", segment.name),
                    ));
                }
                self.plan.segments.push(segment);
                self.places.segments.push(span.clone());
            }
        }
        if self.plan.segments.is_empty() {
            let lan = profile::named("switch").unwrap_or_else(|| unreachable!("a profile of ours"));
            self.segments.insert("lan".into(), 0);
            self.plan.segments.push(Segment { name: "lan".into(), ..lan });
        }
        if self.file.campus {
            let (count, latency) = (self.plan.segments.len(), self.file.router_latency);
            let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| [one, other]));
            self.plan.routers.extend(pairs.map(|between| Router { between, latency }));
        }
        for joint in &self.file.routers {
            let between = [self.segment(&joint.between[0])?, self.segment(&joint.between[1])?];
            self.plan.routers.push(Router { between, latency: joint.latency });
        }
        Ok(())
    }

    pub(super) fn add_hosts(&mut self, asked: Option<usize>) -> Result<(), Complaint> {
        let peers = self.file.peers.get_ref();
        let drawn = self.draw.part(PEERS).between(peers.low as u64, peers.high as u64) as usize;
        let count = asked.unwrap_or(drawn);
        if count == 0 || count > plan::HOSTS_MAX || peers.low == 0 || peers.high > plan::HOSTS_MAX {
            let what = format!("from 1 to {} peers can be simulated", plan::HOSTS_MAX);
            return Err(Complaint::at(self.file.peers.span(), what));
        }
        let starts = self.starts(count);
        self.plan.hosts = self
            .spread(count)
            .into_iter()
            .zip(starts)
            .map(|(on, starts)| Host { on: vec![on], starts })
            .collect();
        for entry in &self.file.hosts {
            let special = entry.get_ref();
            let on = special
                .on
                .as_ref()
                .map(|on| on.iter().map(|name| self.segment(name)).collect::<Result<Vec<_>, _>>());
            let on = on.transpose()?;
            for &number in &special.hosts {
                let Some(host) = self.plan.hosts.get_mut(number) else {
                    let what = format!("there is no host {number}: there are {count}, counted from 0");
                    return Err(Complaint::at(entry.span(), what));
                };
                if let Some(on) = &on {
                    host.on.clone_from(on);
                }
                host.starts = special.starts.unwrap_or(host.starts);
                self.places.hosts.insert(number, entry.span());
            }
        }
        Ok(())
    }

    /// Which link each host is on: neighbours by number are on the same.
    fn spread(&self, count: usize) -> Vec<usize> {
        let wanted: Vec<_> = self
            .file
            .segments
            .iter()
            .flat_map(|entry| {
                let segments = entry.get_ref();
                std::iter::repeat_n(segments.peers, segments.count)
            })
            .collect();
        let fixed: usize = wanted.iter().flatten().sum();
        let free = wanted.iter().filter(|wanted| wanted.is_none()).count();
        let rest = count.saturating_sub(fixed);
        let mut on: Vec<_> = (0..)
            .zip(&wanted)
            .filter_map(|(link, wanted)| Some((link, (*wanted)?)))
            .flat_map(|(link, peers)| std::iter::repeat_n(link, peers))
            .collect();
        let links: Vec<_> =
            (0..).zip(&wanted).filter(|(_, wanted)| wanted.is_none()).map(|(link, _)| link).collect();
        on.extend((0..rest).map(|host| if free == 0 { 0 } else { links[host * free / rest.max(1)] }));
        on.truncate(count);
        on.sort_unstable();
        on
    }

    fn starts(&self, count: usize) -> Vec<Span> {
        let mut draw = self.draw.part(JOINS);
        let mut last = Duration::ZERO;
        let mut next = |_| match self.file.workload.join {
            Join::AtOnce => Span::default(),
            Join::Storm { over } => Span(draw.time(over.0)),
            Join::Poisson { every } => {
                last += draw.gap(every.0);
                Span(last)
            }
        };
        (0..count).map(&mut next).collect()
    }
}

/// One of the links that an entry describes.
fn segment(of: &Segments, number: usize) -> Result<Segment, Complaint> {
    let base = match &of.profile {
        None => profile::named("switch"),
        Some(name) => profile::named(name.get_ref()),
    };
    let Some(base) = base else {
        let (span, name) = of.profile.as_ref().map_or((0..0, ""), |name| (name.span(), name.get_ref()));
        let known = profile::NAMES.join(", ");
        return Err(Complaint::at(span, format!("there is no profile called `{name}`, only {known}")));
    };
    let name = match (of.name.contains("{}"), of.count) {
        (true, _) => of.name.replace("{}", &number.to_string()),
        (false, 1) => of.name.clone(),
        (false, _) => format!("{}-{number}", of.name),
    };
    Ok(Segment {
        name,
        latency: of.latency.unwrap_or(base.latency),
        loss: of.loss.unwrap_or(base.loss),
        multicast_loss: of.multicast_loss.unwrap_or(base.multicast_loss),
        rate: of.rate.unwrap_or(base.rate),
        multicast_rate: of.multicast_rate.unwrap_or(base.multicast_rate),
        queue: of.queue.unwrap_or(base.queue),
        shared: of.shared.unwrap_or(base.shared),
        multicast: of.multicast.unwrap_or(base.multicast),
        isolated: of.isolated.unwrap_or(base.isolated),
        beacon: of.beacon.unwrap_or(base.beacon),
        mtu: of.mtu.unwrap_or(base.mtu),
    })
}
