//! The way through a segment: which stretches of it can be wanted, by its footer.

use super::read_filter::excludes_zone;
use super::read_options::ReadOptions;
use crate::error::Result;
use crate::format::footer::{SegmentIndex, Zone};
use crate::segment::{Stretch, Walk};
use crate::types::{Lsn, LsnRange};

/// Which parts of a segment are still to be looked at.
#[derive(Debug)]
pub(crate) enum Route {
    /// Everything: there is no footer to go by.
    Whole,
    /// Zone by zone; `at` is the zone the walk is in, `is_entered` once it was looked at.
    Zones {
        zones: Vec<Zone>,
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
                at: 0,
                is_entered: false,
            },
            None => Self::Whole,
        }
    }

    /// The stretches of a segment that ends at `end` which can hold a wanted record within `lsns`.
    pub(crate) fn stretches(
        &self,
        end: u64,
        lsns: LsnRange,
        options: &ReadOptions,
    ) -> Vec<Stretch> {
        let Self::Zones { zones, .. } = self else {
            return Vec::new();
        };
        let follower = |at: usize| zones.get(at + 1);
        let stretches = zones.iter().enumerate().map(|(at, zone)| Stretch {
            from: zone.offset,
            to: follower(at).map_or(end, |next| next.offset.min(end)),
            first: zone.first_lsn,
            last: follower(at).map_or(lsns.last, |next| next.first_lsn.previous().min(lsns.last)),
        });
        let wanted = stretches.zip(zones).filter(|(stretch, zone)| {
            let has_place = stretch.from < stretch.to;
            let is_asked_for = stretch.first <= stretch.last && lsns.first <= stretch.last;
            has_place && is_asked_for && !excludes_zone(options, zone)
        });
        wanted.map(|(stretch, _)| stretch).collect()
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
                if excludes_zone(options, zone) {
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
