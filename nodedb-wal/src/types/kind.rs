//! Record kinds and their numbers. A number is never reused; a changed payload is a new version of
//! the payload or a new kind.

use std::fmt;

/// A kind as written in a record header: a 15-bit number and the required bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindCode(u16);

impl KindCode {
    /// Set on kinds that a reader must not pass over when it does not know them.
    pub const REQUIRED: u16 = 1 << 15;

    /// The code as found in a header.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The code as it is written.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The kind's number, without the required bit.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0 & !Self::REQUIRED
    }

    /// Whether a reader that does not know this kind must stop.
    #[must_use]
    pub const fn is_required(self) -> bool {
        self.0 & Self::REQUIRED != 0
    }

    /// The kind, if this version of the log knows it.
    #[must_use]
    pub fn known(self) -> Option<RecordKind> {
        match CustomKind::new(self.number(), self.is_required()) {
            Some(custom) => Some(RecordKind::Custom(custom)),
            None => RecordKind::named(self),
        }
    }
}

impl fmt::Display for KindCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(kind) => kind.fmt(f),
            None => write!(f, "Unknown({})", self.number()),
        }
    }
}

/// A kind that belongs to the database which embeds the log: numbers 256 to 32,767.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomKind {
    code: KindCode,
}

impl CustomKind {
    /// The first number free for embedding databases.
    pub const FIRST: u16 = 256;

    /// The custom kind with this number, or `None` below 256 or above 32,767.
    ///
    /// `required` says whether a reader that does not know the kind must stop.
    #[must_use]
    pub const fn new(number: u16, required: bool) -> Option<Self> {
        if number < Self::FIRST || number & KindCode::REQUIRED != 0 {
            return None;
        }
        let bit = if required { KindCode::REQUIRED } else { 0 };
        Some(Self {
            code: KindCode(number | bit),
        })
    }

    /// The kind's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.code.number()
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $need:ident, $role:ident;)*) => {
        /// What a record says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum RecordKind {
            $($(#[$doc])* $name,)*
            /// A kind of the embedding database.
            Custom(CustomKind),
        }

        #[expect(non_upper_case_globals, reason = "a kind's code carries the kind's own name")]
        impl RecordKind {
            /// Every kind the log itself names, in order of number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind as written in a record header.
            #[must_use]
            pub const fn code(self) -> KindCode {
                match self {
                    $(Self::$name => KindCode($number | kinds!(@bit $need)),)*
                    Self::Custom(custom) => custom.code,
                }
            }

            /// The named kind with this code.
            const fn named(code: KindCode) -> Option<Self> {
                $(const $name: u16 = RecordKind::$name.code().bits();)*
                match code.bits() {
                    $($name => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The kind's name, as `dump` prints it and `--kind` takes it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Custom(_) => "Custom",
                }
            }

            /// Whether the record steers replay (tombstones, checkpoints, surrogates, Calvin
            /// progress, purges, aborts and the like) rather than carrying user data.
            ///
            /// Control records are listed in each sealed segment's footer, so that they can be
            /// read without reading the data between them.
            #[must_use]
            pub const fn is_control(self) -> bool {
                match self {
                    $(Self::$name => kinds!(@control $role),)*
                    Self::Custom(_) => false,
                }
            }
        }
    };
    (@bit required) => { KindCode::REQUIRED };
    (@bit optional) => { 0 };
    (@control control) => { true };
    (@control data) => { false };
}

kinds! {
    /// Nothing: keeps a place.
    Noop = 0, optional, data;
    /// A row was written.
    Put = 1, required, data;
    /// A row was deleted.
    Delete = 2, required, data;
    /// A vector was written.
    VectorPut = 10, required, data;
    /// A vector was deleted.
    VectorDelete = 11, required, data;
    /// A vector index was given its parameters.
    VectorParams = 12, required, data;
    /// A CRDT document took an update.
    CrdtDelta = 20, required, data;
    /// Samples of time series.
    TimeseriesBatch = 30, required, data;
    /// Log lines.
    LogBatch = 31, required, data;
    /// Array cells were written.
    ArrayPut = 40, required, data;
    /// Array cells were deleted.
    ArrayDelete = 41, required, data;
    /// An array's memory was flushed: its earlier records are on disk elsewhere.
    ArrayFlush = 42, required, control;
    /// Several operations that apply all or none.
    Transaction = 50, required, data;
    /// A run of surrogate ids was handed out.
    SurrogateAlloc = 51, required, control;
    /// A primary key was bound to a surrogate id.
    SurrogateBind = 52, required, control;
    /// Source offsets and a watermark were committed.
    CommitOffsets = 60, required, control;
    /// An epoch ended on this core.
    EpochBarrier = 61, required, control;
    /// An earlier record's operation was aborted.
    WriteAborted = 62, required, control;
    /// A consumer of the log was added: what it wants, and from where on.
    ConsumerAdded = 63, required, control;
    /// A consumer of the log was dropped.
    ConsumerDropped = 64, required, control;
    /// How far consumers of the log have come.
    ConsumerCursors = 65, required, control;
    /// An engine holds everything up to an LSN elsewhere.
    Checkpoint = 100, required, control;
    /// A collection was dropped.
    CollectionTombstoned = 101, required, control;
    /// Ties an LSN to the wall clock.
    TimeAnchor = 102, optional, control;
    /// Old versions of rows were purged.
    TemporalPurge = 103, required, control;
    /// Somebody needs records from an LSN on, or no longer does.
    Hold = 104, required, control;
    /// The audit trail up to an LSN, in one digest.
    AuditSeal = 105, optional, control;
    /// A Calvin transaction was applied.
    CalvinApplied = 110, required, control;
    /// A Calvin epoch ended on a vshard: how many transactions it has, and their digest.
    CalvinSeal = 111, required, control;
}

impl RecordKind {
    /// The kind with this name, whatever its case: `put`, `CrdtDelta`, `temporalpurge`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(custom) => write!(f, "Custom({})", custom.number()),
            named => f.write_str(named.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_its_code_and_by_its_name() {
        for &kind in RecordKind::ALL {
            assert_eq!(kind.code().known(), Some(kind));
            assert_eq!(RecordKind::from_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn numbers_rise_so_none_is_used_twice() {
        let numbers: Vec<u16> = RecordKind::ALL
            .iter()
            .map(|kind| kind.code().number())
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }

    #[test]
    fn a_known_number_with_the_wrong_required_bit_is_not_that_kind() {
        assert_eq!(KindCode::from_bits(1).known(), None);
        assert_eq!(KindCode::from_bits(KindCode::REQUIRED).known(), None);
    }

    #[test]
    fn custom_kinds_start_at_256() {
        assert_eq!(CustomKind::new(255, true), None);
        assert_eq!(CustomKind::new(1 << 15, true), None);
        let custom = CustomKind::new(300, true).map(RecordKind::Custom);
        assert_eq!(
            custom.map(RecordKind::code).and_then(KindCode::known),
            custom
        );
    }
}
