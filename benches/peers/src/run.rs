//! Goes through the workloads, round after round, and within a round through the peers.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::args::Args;
use crate::figures::{Figures, Sample};
use crate::peer::{Failure, Kind};
use crate::peers;
use crate::task::{Step, Task};
use crate::worker::{self, Size};

/// Everything `args` asks for.
pub(crate) fn measure(args: &Args) -> Result<Vec<Sample>, Failure> {
    let home = TempDir::with_prefix_in("nodedb-peers-", &args.dir)?;
    let mut run = Run {
        home: home.path(),
        size: Size {
            seconds: args.seconds,
            mib: args.mib,
        },
        samples: Vec::new(),
    };
    for round in 0..args.runs {
        for task in Task::all() {
            let mut kinds: Vec<&Kind> = peers::ALL
                .iter()
                .copied()
                .filter(|kind| args.wants(kind, task))
                .collect();
            // Nobody always comes first, and the disk is at another place each time.
            let first = usize::try_from(round)? % kinds.len().max(1);
            kinds.rotate_left(first);
            for kind in kinds {
                run.task(kind, task, round)?;
            }
        }
    }
    let samples = run.samples;
    home.close()?;
    Ok(samples)
}

struct Run<'a> {
    home: &'a Path,
    size: Size,
    samples: Vec<Sample>,
}

impl Run<'_> {
    fn task(&mut self, kind: &Kind, task: Task, round: u32) -> Result<(), Failure> {
        let directory = self.home.join(format!("{}-{}", kind.name, task.name()));
        if task == Task::Open {
            self.open(kind, round, &directory)
        } else {
            fs::create_dir(&directory)?;
            self.steps(kind, task.steps(), round, &directory);
            fs::remove_dir_all(&directory)?;
            Ok(())
        }
    }

    /// The log that is opened stays from one round to the next.
    fn open(&mut self, kind: &Kind, round: u32, directory: &Path) -> Result<(), Failure> {
        if !directory.exists() {
            fs::create_dir(directory)?;
            self.steps(kind, vec![Step::Fill], round, directory);
        }
        self.steps(kind, Task::Open.steps(), round, directory);
        Ok(())
    }

    /// One step after the other, up to the first that fails: the next needs what it left.
    fn steps(&mut self, kind: &Kind, steps: Vec<Step>, round: u32, directory: &Path) {
        for step in steps {
            let (figures, failure) = match worker::run(kind, step, directory, self.size) {
                Ok(figures) => (figures, None),
                Err(failure) => (Figures::new(), Some(failure.to_string())),
            };
            let has_failed = failure.is_some();
            self.samples.push(Sample {
                peer: kind.name.to_owned(),
                row: step.row(),
                round,
                figures,
                failure,
            });
            if has_failed {
                return;
            }
        }
    }
}
