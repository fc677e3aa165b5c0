//! Where cursors are, and who is told that a consumer changed.

use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use super::*;
use crate::consumers::ConsumerSpec;

#[test]
fn a_cursor_crosses_where_the_segment_it_needs_first_is_another() {
    let segments: Vec<SegmentExtent> = [1, 11, 21]
        .map(|first| SegmentExtent {
            first_lsn: Lsn::new(first),
            file_bytes: 1,
        })
        .into();
    let table = [
        (0, 9, false),
        (0, 10, true),
        (10, 19, false),
        (5, 30, true),
        (20, 99, false),
    ];
    for (from, to, expected) in table {
        let found = crosses(&segments, Lsn::new(from), Lsn::new(to));
        assert_eq!(found, expected, "{from} {to}");
    }
}

/// Counts how often it is woken.
#[derive(Debug, Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

type Change<'a> = dyn Fn(&Register, &Seat) + 'a;

/// Whoever waits sleeps on otherwise, and sees a change with the next record only.
#[test]
fn whoever_waits_is_woken_by_each_change_of_the_consumer_once() {
    let state = ConsumerState {
        added: ConsumerSpec::new("c").added(Lsn::FIRST),
        since: Timestamp::from_nanos(0),
        cursors: BTreeMap::new(),
        dropped: None,
    };
    let dropped = ConsumerDropped {
        name: "c".to_owned(),
        acknowledged: Lsn::ZERO,
        over: None,
    };
    let changes: [(&str, &Change<'_>); 4] = [
        ("joined", &|register, _| {
            register.join("c", "other", Lsn::FIRST).unwrap();
        }),
        ("left", &|register, seat| register.leave("c", "a", seat)),
        ("added again", &|register, _| register.add(&state)),
        ("dropped", &|register, _| register.drop(dropped.clone())),
    ];
    for (name, change) in changes {
        let register = Register::of(&ConsumerStates::default());
        register.add(&state);
        let seat = register.join("c", "a", Lsn::FIRST).unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        register.await_change("c", "a", &seat, &waker);
        assert_eq!(woken.0.load(Ordering::SeqCst), 0, "{name}: before");
        change(&register, &seat);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1, "{name}");
    }
}
