//! What is said, as the typed payloads it is.

use nodedb_node::Batch;
use nodedb_wal::payload::{
    ArrayFlush, CalvinApplied, CalvinSeal, Checkpoint, CollectionTombstoned, CommitOffsets, Hold,
    Operation, PartitionOffset, Put, SurrogateAlloc, SurrogateBind, TemporalPurge, Transaction,
    WriteAborted,
};
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId, Timestamp, VshardId};

use crate::model::{ENGINE, Place, Said, Write};
use crate::player::Fallible;

/// A batch is of one epoch.
pub(crate) fn epoch_of(batch: &[(Place, Said)]) -> Epoch {
    let mut epochs = batch.iter().filter_map(|(_, said)| match said {
        Said::Calvin { epoch, .. } | Said::CalvinSeal { epoch } => Some(*epoch),
        _ => None,
    });
    epochs.next_back().map_or(Epoch::NONE, Epoch::new)
}

fn put(write: &Write) -> Put {
    Put {
        collection: write.collection.clone(),
        key: vec![write.key],
        value: write.value.to_le_bytes().to_vec(),
    }
}

/// Adds what is said as the typed payload it is.
pub(crate) fn push(batch: &mut Batch, place: &Place, said: &Said) -> Fallible<()> {
    let (t, d) = (TenantId::new(place.tenant), DatabaseId::new(place.database));
    let v = VshardId::new(place.vshard);
    match said.clone() {
        Said::Put(write) => batch.push(t, v, d, &put(&write))?,
        Said::Transaction(writes) => {
            let operations = writes.iter().map(|write| Operation::new(&put(write)));
            let operations = operations.collect::<Result<_, _>>()?;
            batch.push(t, v, d, &Transaction { operations })?;
        }
        Said::Drop { collection, purge } => {
            let purge_lsn = Lsn::new(purge);
            batch.push(
                t,
                v,
                d,
                &CollectionTombstoned {
                    collection,
                    purge_lsn,
                },
            )?;
        }
        Said::Abort { lsn } => {
            let (lsn, reason) = (Lsn::new(lsn), "test".to_owned());
            batch.push(t, v, d, &WriteAborted { lsn, reason })?;
        }
        Said::Flush {
            collection,
            watermark,
        } => {
            let (array, watermark) = ("a".to_owned(), Lsn::new(watermark));
            batch.push(
                t,
                v,
                d,
                &ArrayFlush {
                    collection,
                    array,
                    watermark,
                },
            )?;
        }
        Said::Checkpoint { lsn } => {
            let (engine, lsn) = (ENGINE.to_owned(), Lsn::new(lsn));
            batch.push(t, v, d, &Checkpoint { engine, lsn })?;
        }
        Said::Hold { name, needs } => {
            let needs = needs.map(Lsn::new);
            batch.push(t, v, d, &Hold { name, needs })?;
        }
        Said::Offset { partition, offset } => {
            let (source, watermark) = ("s".to_owned(), None);
            let offsets = vec![PartitionOffset { partition, offset }];
            batch.push(
                t,
                v,
                d,
                &CommitOffsets {
                    source,
                    offsets,
                    watermark,
                },
            )?;
        }
        said => push_rest(batch, place, said)?,
    }
    Ok(())
}

fn push_rest(batch: &mut Batch, place: &Place, said: Said) -> Fallible<()> {
    let (t, d) = (TenantId::new(place.tenant), DatabaseId::new(place.database));
    let v = VshardId::new(place.vshard);
    match said {
        Said::Calvin { epoch, position } => {
            let (epoch, vshard) = (Epoch::new(epoch), v);
            batch.push(
                t,
                v,
                d,
                &CalvinApplied {
                    epoch,
                    position,
                    vshard,
                    records: 1,
                    digest: 7,
                },
            )?;
        }
        Said::CalvinSeal { epoch } => {
            let seal = CalvinSeal {
                epoch: Epoch::new(epoch),
                vshard: v,
                transactions: 1,
                records: 2,
                digest: 3,
            };
            batch.push(t, v, d, &seal)?;
        }
        said => push_surrogates(batch, place, said)?,
    }
    Ok(())
}

fn push_surrogates(batch: &mut Batch, place: &Place, said: Said) -> Fallible<()> {
    let (t, d) = (TenantId::new(place.tenant), DatabaseId::new(place.database));
    let v = VshardId::new(place.vshard);
    match said {
        Said::Alloc { first, count } => {
            let collection = None;
            batch.push(
                t,
                v,
                d,
                &SurrogateAlloc {
                    collection,
                    first,
                    count,
                },
            )?;
        }
        Said::Bind {
            collection,
            surrogate,
            key,
        } => {
            let primary_key = vec![key];
            batch.push(
                t,
                v,
                d,
                &SurrogateBind {
                    collection,
                    surrogate,
                    primary_key,
                },
            )?;
        }
        Said::Purge { collection, purged } => {
            let (engine, cutoff) = (ENGINE.to_owned(), Timestamp::from_nanos(5));
            batch.push(
                t,
                v,
                d,
                &TemporalPurge {
                    collection,
                    engine,
                    cutoff,
                    purged,
                },
            )?;
        }
        other => return Err(format!("{other:?} is not for saying").into()),
    }
    Ok(())
}
