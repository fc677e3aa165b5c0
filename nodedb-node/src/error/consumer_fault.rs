//! What can be wrong with a consumer of the log, or with what it asks for.

use nodedb_wal::{ErrorClass, Lsn};

/// What is wrong with a consumer, or with what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerFault {
    /// There is none of this name: add it first.
    #[error("there is no consumer of this name")]
    Unknown,
    /// There is one of this name already. It stays as it is.
    #[error("there is a consumer of this name already")]
    Exists,
    /// It was to be added without a name.
    #[error("a consumer needs a name")]
    Nameless,
    /// Somebody in this process has it open under this name.
    #[error("it is open already, as member {member:?}")]
    InUse {
        /// The member's name; empty for a consumer that is no group.
        member: String,
    },
    /// It was too far behind and was dropped, so that old segments could go. To go on, add it again,
    /// from `restart` at the earliest, with what it needs of the records before from elsewhere.
    #[error(
        "it was dropped at LSN {acknowledged}, because it was {over}; what it has not seen is gone \
         up to LSN {}: it can be added again from LSN {restart} on", .restart.previous()
    )]
    Dropped {
        /// Everything up to here it had acknowledged.
        acknowledged: Lsn,
        /// Which limit it was over, in words.
        over: String,
        /// The first record it could start with now.
        restart: Lsn,
    },
    /// What was to be acknowledged was not delivered. Nothing was acknowledged.
    #[error("record {lsn} cannot be acknowledged: the last one delivered is {delivered}")]
    NotDelivered {
        /// What was to be acknowledged.
        lsn: Lsn,
        /// The last record that was delivered.
        delivered: Lsn,
    },
    /// It has processed records that the log does not have: the log is an old copy, or another one.
    #[error("it has processed records up to LSN {at}, and the log ends at LSN {last}")]
    Ahead {
        /// The last record it has processed.
        at: Lsn,
        /// The last record of the log.
        last: Lsn,
    },
    /// The records it would go on with are gone. It starts from `start`, with what it needs of the
    /// records before from elsewhere.
    #[error("it needs LSN {needs}, and the log starts at LSN {start}")]
    TooLate {
        /// The first record it needs.
        needs: Lsn,
        /// The oldest record of the log.
        start: Lsn,
    },
    /// The partition is not this member's, or not any more.
    #[error("partition {partition} is not this member's")]
    NotOurs {
        /// The partition.
        partition: u32,
    },
}

impl ConsumerFault {
    /// What a caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Ahead { .. } => ErrorClass::Corruption,
            _ => ErrorClass::Refused,
        }
    }

    /// The error of the consumer of this name.
    pub(crate) fn of(self, consumer: &str) -> super::Error {
        super::Error::Consumer {
            consumer: consumer.to_owned(),
            source: self,
        }
    }
}
