//! The way through a segment: which stretches of it can be wanted, by its footer.

use super::read_filter::excludes_zone;
use super::read_options::ReadOptions;
use crate::error::Result;
use crate::format::footer::{SegmentIndex, Zone};
use crate::segment::Walk;
use crate::types::Lsn;

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
pub(crate) enum Stretch {
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
    ) -> Result<Stretch> {
        match self {
            Self::Whole => Ok(Stretch::Here),
            Self::Controls(offsets) => {
                let Some(offset) = offsets.next() else {
                    return Ok(Stretch::Done);
                };
                let is_record = walk.jump_to_record(offset)?;
                Ok(if is_record {
                    Stretch::Here
                } else {
                    Stretch::Damaged { offset }
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
                    return Ok(Stretch::Here);
                };
                *is_entered = true;
                if excludes_zone(options, zone) {
                    let next = zones.get(*at + 1);
                    return Ok(next.map_or(Stretch::Done, |next| Stretch::SkipTo(next.first_lsn)));
                }
                if walk.expected() < zone.first_lsn {
                    walk.jump(zone.offset, zone.first_lsn);
                }
                Ok(Stretch::Here)
            }
        }
    }
}
