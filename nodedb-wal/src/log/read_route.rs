//! The way through a segment: which stretches of it can be wanted, by its footer.

use super::read_filter::{excludes_grain, excludes_zone};
use super::read_options::ReadOptions;
use crate::error::Result;
use crate::format::footer::{Grain, Grains, SegmentIndex, Zone};
use crate::segment::{Part, Stretch, Walk};
use crate::types::{Lsn, LsnRange};

/// Which parts of a segment are still to be looked at.
#[derive(Debug)]
pub(crate) enum Route {
    /// Everything: there is no footer to go by.
    Whole,
    /// Zone by zone; `at` is the zone the walk is in, `is_entered` once it was looked at.
    Zones {
        zones: Vec<Zone>,
        grains: Grains,
        at: usize,
        is_entered: bool,
    },
    /// The control records not yet reached, by offset.
    Controls(std::vec::IntoIter<u64>),
}

/// Where the walk stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In front of something that may be wanted.
    Here,
    /// In front of this record: those before it were skipped.
    SkipTo(Lsn),
    /// Nothing more in this segment can be wanted.
    Done,
    /// The footer leads to a place where no record starts.
    Damaged { offset: u64 },
}

impl Route {
    /// The way that `index` allows.
    pub(crate) fn through(index: Option<SegmentIndex>, options: &ReadOptions) -> Self {
        match index {
            Some(index) if options.control_only => Self::Controls(index.controls.into_iter()),
            Some(index) => Self::Zones {
                zones: index.zones,
                grains: index.grains,
                at: 0,
                is_entered: false,
            },
            None => Self::Whole,
        }
    }

    /// The stretches of a segment that ends at `end`, with record `segment_last`, which can hold a
    /// wanted record within `lsns`.
    pub(crate) fn stretches(
        &self,
        end: u64,
        segment_last: Lsn,
        lsns: LsnRange,
        options: &ReadOptions,
    ) -> Vec<Stretch> {
        let Self::Zones { zones, grains, .. } = self else {
            return Vec::new();
        };
        let mut stretches = Vec::new();
        for (at, zone) in zones.iter().enumerate() {
            let follower = zones.get(at + 1);
            let zone_last = follower.map_or(segment_last, |next| next.first_lsn.previous());
            let mut stretch = Stretch {
                from: zone.offset,
                to: follower.map_or(end, |next| next.offset.min(end)),
                first: zone.first_lsn,
                last: zone_last.min(lsns.last),
                parts: None,
            };
            let has_place = stretch.from < stretch.to;
            let is_asked_for = stretch.first <= stretch.last && lsns.first <= stretch.last;
            let of_zone = grains.of_zone(at);
            if has_place && is_asked_for && !excludes_zone(options, zone, of_zone) {
                // Where the zone is left in the middle, its end is not where the read goes on.
                if zone_last <= lsns.last {
                    stretch.parts = wanted_parts(&stretch, of_zone, options);
                }
                stretches.push(stretch);
            }
        }
        stretches
    }

    /// Whether single records are looked up.
    pub(crate) fn is_lookup(&self) -> bool {
        matches!(self, Self::Controls(_))
    }

    /// Up to where there is nothing to skip from here.
    pub(crate) fn clear_until(&self) -> Lsn {
        match self {
            Self::Whole => Lsn::MAX,
            Self::Zones { zones, at, .. } => zones
                .get(*at + 1)
                .map_or(Lsn::MAX, |next| next.first_lsn.previous()),
            Self::Controls(_) => Lsn::ZERO,
        }
    }

    /// Moves `walk`, which is to come to record `next_lsn`, to the next part that can be wanted.
    pub(crate) fn follow(
        &mut self,
        walk: &mut Walk,
        next_lsn: Lsn,
        options: &ReadOptions,
    ) -> Result<Way> {
        match self {
            Self::Whole => Ok(Way::Here),
            Self::Controls(offsets) => {
                let Some(offset) = offsets.next() else {
                    return Ok(Way::Done);
                };
                let is_record = walk.jump_to_record(offset)?;
                Ok(if is_record {
                    Way::Here
                } else {
                    Way::Damaged { offset }
                })
            }
            Self::Zones {
                zones,
                grains,
                at,
                is_entered,
            } => {
                while zones
                    .get(*at + 1)
                    .is_some_and(|next| next.first_lsn <= next_lsn)
                {
                    *at += 1;
                    *is_entered = false;
                }
                let Some(zone) = zones.get(*at).filter(|_| !*is_entered) else {
                    return Ok(Way::Here);
                };
                *is_entered = true;
                if excludes_zone(options, zone, grains.of_zone(*at)) {
                    let next = zones.get(*at + 1);
                    return Ok(next.map_or(Way::Done, |next| Way::SkipTo(next.first_lsn)));
                }
                if walk.expected() < zone.first_lsn {
                    walk.jump(zone.offset, zone.first_lsn);
                }
                Ok(Way::Here)
            }
        }
    }
}

/// The parts of a stretch, which is a zone with these grains, that can hold a wanted record; `None`
/// where that is most of it.
fn wanted_parts(stretch: &Stretch, grains: &[Grain], options: &ReadOptions) -> Option<Box<[Part]>> {
    let mut parts: Vec<Part> = Vec::new();
    for (at, grain) in grains.iter().enumerate() {
        if excludes_grain(options, grain) {
            continue;
        }
        let start_of = |grain: &Grain| stretch.from + grain.offset();
        let first_of = |grain: &Grain| stretch.first.advanced_by(grain.records_before());
        let follower = grains.get(at + 1);
        let part = Part {
            from: start_of(grain).min(stretch.to),
            to: follower.map_or(stretch.to, start_of).min(stretch.to),
            first: first_of(grain),
            last: follower.map_or(stretch.last, |next| first_of(next).previous()),
        };
        match parts.last_mut() {
            Some(before) if before.to == part.from => {
                (before.to, before.last) = (part.to, part.last);
            }
            _ => parts.push(part),
        }
    }
    let bytes: u64 = parts.iter().map(|part| part.to - part.from).sum();
    let pays = bytes < (stretch.to - stretch.from) / 4 * 3;
    (!grains.is_empty() && pays).then(|| parts.into())
}
