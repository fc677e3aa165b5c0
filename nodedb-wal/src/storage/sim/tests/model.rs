//! The simulated disk against a model so plain that it is right by looking: two byte vectors for
//! each file, two maps of names.

use std::collections::BTreeMap;

use super::{BLOCK, blocks};
use crate::storage::sim::{SimDisk, Survivors};
use crate::storage::{Access, IoMode, Storage};

#[derive(Clone, Debug, Default)]
struct Model {
    files: Vec<File>,
    live: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, Default)]
struct File {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Lengths since the durable one.
    lengths: Vec<usize>,
}

impl File {
    fn set_len(&mut self, len: usize) {
        if len != self.live.len() {
            self.live.resize(len, 0);
            self.lengths.push(len);
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.set_len(self.live.len().max(at + bytes.len()));
        self.live[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Makes a range durable, with the lengths if it is not inside all of them.
    fn sync_range(&mut self, at: usize, end: usize) {
        let shortest = self.lengths.iter().copied().min().unwrap_or(usize::MAX);
        if end > shortest.min(self.durable.len()) {
            for len in self.lengths.drain(..) {
                self.durable.resize(len, 0);
            }
        }
        self.durable[at..end].copy_from_slice(&self.live[at..end]);
    }

    fn sync(&mut self) {
        self.durable = self.live.clone();
        self.lengths.clear();
    }
}

impl Model {
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let live = self.live.iter();
        live.map(|(name, file)| (name.clone(), self.files[*file].live.clone()))
            .collect()
    }

    fn crash(&mut self) {
        self.live = self.durable.clone();
        for file in &mut self.files {
            file.live = file.durable.clone();
            file.lengths.clear();
        }
    }
}

fn contents(disk: &SimDisk) -> BTreeMap<String, Vec<u8>> {
    let names = disk.names().into_iter();
    names
        .map(|name| (name.clone(), disk.read_file(&name).unwrap()))
        .collect()
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Does the same thing, drawn by chance, to both.
fn step(random: &mut fastrand::Rng, storage: &dyn Storage, model: &mut Model) {
    let name = NAMES[random.usize(..3)];
    let Some(&id) = model.live.get(name) else {
        let len = random.usize(1..4) * 4096;
        storage.create(name, len as u64).unwrap();
        model.live.insert(name.to_owned(), model.files.len());
        let (live, lengths) = (vec![0; len], vec![len]);
        model.files.push(File {
            live,
            lengths,
            ..File::default()
        });
        return;
    };
    let file = storage.open(name, Access::Write).unwrap();
    let (at, count) = (random.usize(..4) * 4096, random.usize(1..3));
    let written = blocks(count as u64, random.u8(..));
    match random.u8(..12) {
        0 => {
            let to = NAMES[random.usize(..3)];
            storage.rename(name, to).unwrap();
            model.live.remove(name);
            model.live.insert(to.to_owned(), id);
        }
        1 => {
            storage.remove(name).unwrap();
            model.live.remove(name);
        }
        2 | 3 => {
            storage.sync_directory().unwrap();
            model.durable = model.live.clone();
        }
        4 | 5 => {
            file.sync().unwrap();
            model.files[id].sync();
        }
        6 | 7 => {
            let len = random.usize(..20_000);
            file.set_len(len as u64).unwrap();
            model.files[id].set_len(len);
        }
        8 => {
            file.write_zeros(at as u64, count as u64 * BLOCK).unwrap();
            model.files[id].write(at, &vec![0; count * 4096]);
        }
        _ => {
            file.write_durable(written.as_slice(), at as u64).unwrap();
            model.files[id].write(at, written.as_slice());
            match storage.io_mode() {
                IoMode::Direct => model.files[id].sync_range(at, at + count * 4096),
                IoMode::Buffered => model.files[id].sync(),
            }
        }
    }
}

fn check(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (disk, mut model) = (SimDisk::new(seed), Model::default());
    disk.set_io_mode([IoMode::Direct, IoMode::Buffered][random.usize(..2)]);
    let mut storage = disk.storage();
    for at in 0..random.usize(1..60) {
        step(&mut random, &*storage, &mut model);
        assert!(
            contents(&disk) == model.contents(),
            "live: seed {seed} step {at}"
        );
        let kept = disk.fork();
        kept.crash_exactly(&disk.unsynced());
        assert!(
            contents(&kept) == model.contents(),
            "keeping all: seed {seed} step {at}"
        );
        let (lost, mut lost_model) = (disk.fork(), model.clone());
        lost.crash_exactly(&Survivors::default());
        lost_model.crash();
        assert!(
            contents(&lost) == lost_model.contents(),
            "losing all: seed {seed} step {at}"
        );
        if random.u8(..20) == 0 {
            disk.crash_exactly(&Survivors::default());
            disk.restart();
            storage = disk.storage();
            model = lost_model;
        }
    }
}

/// To repeat one: `check(seed)`.
#[test]
fn both_images_are_those_of_the_model_after_any_operations() {
    for seed in 0..3_000 {
        check(seed);
    }
}
