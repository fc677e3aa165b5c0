//! Makes a failing workload small: leaves out steps and weather as long as it fails. It knows
//! nothing of how a workload fails.

use crate::workload::Workload;

/// Which parts of a drawn workload are played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Places of steps, in order.
    pub steps: Vec<usize>,
    /// Places of weather, in order.
    pub weather: Vec<usize>,
    /// Places of weather of reads, in order.
    pub read_weather: Vec<usize>,
}

impl Selection {
    /// Everything of `workload`.
    #[must_use]
    pub fn all(workload: &Workload) -> Self {
        Self {
            steps: (0..workload.steps.len()).collect(),
            weather: (0..workload.weather.len()).collect(),
            read_weather: (0..workload.read_weather.len()).collect(),
        }
    }

    /// What is left of `workload`.
    #[must_use]
    pub fn of(&self, workload: &Workload) -> Workload {
        Workload {
            steps: pick(&workload.steps, &self.steps),
            weather: pick(&workload.weather, &self.weather),
            read_weather: pick(&workload.read_weather, &self.read_weather),
            ..workload.clone()
        }
    }
}

fn pick<T: Clone>(all: &[T], places: &[usize]) -> Vec<T> {
    let picked = places.iter().filter_map(|place| all.get(*place));
    picked.cloned().collect()
}

/// The smallest part of `workload` found that still `fails`, of which no single step can be left
/// out.
pub fn shrink(workload: &Workload, fails: impl Fn(&Workload) -> bool) -> Selection {
    let mut selection = Selection::all(workload);
    loop {
        let before = selection.clone();
        selection.read_weather = minimize(&selection.read_weather, |part| {
            let read_weather = part.to_vec();
            let part = Selection {
                read_weather,
                ..selection.clone()
            };
            fails(&part.of(workload))
        });
        selection.weather = minimize(&selection.weather, |part| {
            let weather = part.to_vec();
            let part = Selection {
                weather,
                ..selection.clone()
            };
            fails(&part.of(workload))
        });
        selection.steps = minimize(&selection.steps, |part| {
            let steps = part.to_vec();
            let part = Selection {
                steps,
                ..selection.clone()
            };
            fails(&part.of(workload))
        });
        if selection == before {
            return selection;
        }
    }
}

/// A part of `all` that fails and of which nothing can be left out: half of it, quarters, and so on,
/// are left out in turn (delta debugging: Zeller and Hildebrandt, IEEE TSE 2002).
fn minimize(all: &[usize], fails: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let mut left = all.to_vec();
    let mut chunk = left.len();
    while chunk > 0 && !left.is_empty() {
        let mut at = 0;
        let mut is_smaller = false;
        while at < left.len() {
            let end = (at + chunk).min(left.len());
            let without = [&left[..at], &left[end..]].concat();
            if fails(&without) {
                left = without;
                is_smaller = true;
            } else {
                at = end;
            }
        }
        if !is_smaller || chunk > 1 {
            chunk /= 2;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_stays_and_nothing_else() {
        let all: Vec<usize> = (0..40).collect();
        for needed in [&[][..], &[7], &[0, 39], &[3, 4, 20, 38]] {
            let fails = |part: &[usize]| needed.iter().all(|place| part.contains(place));
            assert_eq!(minimize(&all, fails), needed);
        }
    }
}
