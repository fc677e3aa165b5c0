//! Compares a node with the model: everything it holds, exactly.

use std::sync::Mutex;

use nodedb_node::audit::AuditFilter;
use nodedb_node::catalog::Catalog;
use nodedb_node::replay::{ReplayPlan, ReplayRecord, ReplaySink};
use nodedb_node::{Error, Node, NodeConfig, WalManager};
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId};
use nodedb_wal::{Config, ReadOptions};

use crate::medium::Memory;
use crate::model::{Collection, ENGINE, Hidden, Model, Rows, Said, State, Write};
use crate::player::{COLLECTIONS, DATABASES, Fallible, KEYS, TENANTS, nobody};

/// Fails with what `says` says, unless `holds`.
fn ensure(holds: bool, says: impl FnOnce() -> String) -> Fallible<()> {
    if holds { Ok(()) } else { Err(says().into()) }
}

/// Checks a node that was opened after a crash, and tells the model what survived.
pub(crate) fn check_after_crash(node: &Node, model: &mut Model) -> Fallible<()> {
    let last = node.wal().durable_lsn().value();
    if last == model.last() + 1 && is_audit_seal(node, last)? {
        model.say([(nobody(), Said::AuditSeal)]);
    }
    ensure(model.may_end_at(last), || {
        let (must, may) = (model.acknowledged, model.last());
        format!("the log ends at {last}, must reach {must}, may reach {may}")
    })?;
    model.end_at(last);
    let start = node.wal().start_lsn().value();
    let (must, may) = (model.start_must.max(1), model.start_may.max(1));
    ensure((must..=may).contains(&start), || {
        format!("the log starts at {start}, must be at {must}, may be at {may}")
    })?;
    model.start_must = start;
    compare(node, model)
}

fn is_audit_seal(node: &Node, lsn: u64) -> Fallible<bool> {
    let mut records = node.wal().read(ReadOptions::from(Lsn::new(lsn)))?;
    let record = records.next()?;
    Ok(record.is_some_and(|record| record.header.kind == RecordKind::AuditSeal.code()))
}

/// Compares all that a node holds with the model's.
pub(crate) fn compare(node: &Node, model: &Model) -> Fallible<()> {
    let start = node.wal().start_lsn().value();
    let (mut expected, mut found) = (model.state(), observe(node)?);
    expected.forget_before(start);
    found.forget_before(start);
    ensure(found == expected, || {
        format!("the state is {found:?}, not {expected:?}")
    })?;
    let (expected, found) = (model.rows(model.last()), rows(node, model)?);
    ensure(found == expected, || {
        format!("the rows are {found:?}, not {expected:?}")
    })?;
    let report = node.verify_audit()?;
    ensure(report.finding.is_none(), || {
        format!("audit verify finds {:?}", report.finding)
    })?;
    let entries = model.state().trail.len() as u64;
    ensure(report.entries == entries, || {
        format!("audit verify looked at {} of {entries}", report.entries)
    })?;
    Ok(())
}

fn observe(node: &Node) -> Fallible<State> {
    let control = node.control_state()?;
    let mut state = State::default();
    for (name, purge) in &control.dropped {
        let collection = (
            name.tenant.value(),
            name.database.value(),
            name.collection.clone(),
        );
        state.dropped.insert(collection, purge.value());
    }
    state.aborted = control.aborted.iter().map(|lsn| lsn.value()).collect();
    for (name, watermark) in &control.flushed {
        let collection = (
            name.tenant.value(),
            name.database.value(),
            name.collection.clone(),
        );
        state.flushed.insert(collection, watermark.value());
    }
    let checkpoints = control.checkpoints.iter();
    state.checkpoints = checkpoints
        .map(|(engine, lsn)| (engine.clone(), lsn.value()))
        .collect();
    let holds = control.holds.iter();
    state.holds = holds
        .map(|(name, hold)| (name.to_owned(), hold.needs.map(Lsn::value)))
        .collect();
    if let Some(source) = control.offsets.find("s") {
        state.offsets = source.offsets.clone();
    }
    for (vshard, progress) in control.calvin.iter() {
        let applied = progress
            .applied
            .iter()
            .map(|at| (at.epoch.value(), at.position));
        let row = (progress.watermark.value(), applied.collect());
        state.calvin.insert(vshard.value(), row);
    }
    observe_surrogates(node.catalog(), &mut state)?;
    observe_trail(node, &mut state)?;
    Ok(state)
}

fn observe_surrogates(catalog: &Catalog, state: &mut State) -> Fallible<()> {
    for (tenant, database) in (1..=TENANTS).flat_map(|t| (1..=DATABASES).map(move |d| (t, d))) {
        let (t, d) = (TenantId::new(tenant), DatabaseId::new(database));
        if let Some(hwm) = catalog.surrogate_high_watermark(t, d)? {
            state.hwm.insert((tenant, database), hwm);
        }
        for (collection, key) in COLLECTIONS
            .iter()
            .flat_map(|c| (0..KEYS).map(move |k| (*c, k)))
        {
            let Some(surrogate) = catalog.surrogate_of(t, d, collection, &[key])? else {
                continue;
            };
            let back = catalog.primary_key_of(t, d, surrogate)?;
            let named = Some((collection.to_owned(), vec![key]));
            ensure(back == named, || {
                format!("{surrogate} leads back to {back:?}, not {named:?}")
            })?;
            let collection = (tenant, database, collection.to_owned());
            state.keys.insert((collection, key), surrogate);
        }
    }
    Ok(())
}

fn observe_trail(node: &Node, state: &mut State) -> Fallible<()> {
    let mut trail = node.audit(AuditFilter::default(), Lsn::ZERO)?;
    while let Some(entry) = trail.next()? {
        let header = entry.record.header;
        let kind = header.kind.known().ok_or("of an unknown kind")?;
        state.trail.push((header.lsn.value(), kind));
    }
    let mut cursor = Lsn::ZERO;
    loop {
        let page = node.purges(AuditFilter::default(), cursor, 2)?;
        cursor = page.cursor;
        let purges = page.purges.iter();
        state
            .purges
            .extend(purges.map(|purge| (purge.lsn.value(), purge.purged)));
        if !page.has_more {
            return Ok(());
        }
    }
}

/// What an engine gathers: its own file, as it checkpointed, and what replay brings behind that.
struct Engine {
    writes: Vec<(u64, Collection, Write)>,
    hidden: Hidden,
}

impl Engine {
    fn take(&mut self, record: &ReplayRecord<'_>, payload: AnyPayload) -> Fallible<()> {
        let header = record.header();
        let collection = |name: String| {
            let scope = header.scope;
            (scope.tenant.value(), scope.database.value(), name)
        };
        match payload {
            AnyPayload::Put(put) => {
                let write = Write {
                    collection: put.collection.clone(),
                    key: *put.key.first().ok_or("no key")?,
                    value: u64::from_le_bytes(put.value.as_slice().try_into()?),
                };
                let collection = collection(put.collection);
                self.writes.push((header.lsn.value(), collection, write));
            }
            AnyPayload::Transaction(transaction) => {
                for operation in transaction.operations {
                    let payload = operation.decode()?.ok_or("of an unknown kind")?;
                    self.take(record, payload)?;
                }
            }
            AnyPayload::CollectionTombstoned(dropped) => {
                let purge = dropped.purge_lsn.value();
                self.hidden.drop(collection(dropped.collection), purge);
            }
            AnyPayload::WriteAborted(aborted) => self.hidden.abort(aborted.lsn.value()),
            _ => {}
        }
        Ok(())
    }
}

impl ReplaySink for Engine {
    fn apply(
        &mut self,
        record: &ReplayRecord<'_>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Some(payload) = record.decode()? else {
            return Ok(());
        };
        self.take(record, payload)
            .map_err(|error| error.to_string().into())
    }
}

/// The rows that an engine comes back with.
fn rows(node: &Node, model: &Model) -> Fallible<Rows> {
    let control = node.control_state()?;
    let checkpoint = control.checkpoints.get(ENGINE).map_or(0, |lsn| lsn.value());
    let mut engine = Engine {
        writes: model.engine_file(checkpoint),
        hidden: Hidden::default(),
    };
    node.replay(&ReplayPlan::from(Lsn::new(checkpoint + 1)), &mut engine)?;
    for (name, purge) in &control.dropped {
        let collection = (
            name.tenant.value(),
            name.database.value(),
            name.collection.clone(),
        );
        engine.hidden.drop(collection, purge.value());
    }
    for lsn in &control.aborted {
        engine.hidden.abort(lsn.value());
    }
    let Engine { writes, hidden } = engine;
    let seen = writes
        .into_iter()
        .filter(|(lsn, collection, _)| !hidden.hides(collection, *lsn));
    Ok(seen
        .map(|(lsn, collection, write)| ((collection, write.key), (lsn, write.value)))
        .collect())
}

/// Opens the node of `disk` with another catalog: it comes back the same, or says what to put back.
/// Whether it came back.
pub(crate) fn check_with_catalog(
    disk: &SimDisk,
    model: &Model,
    catalog: Vec<u8>,
) -> Fallible<bool> {
    let config = Config::on(disk.storage()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    let wal = WalManager::open(NodeConfig::from(config))?;
    let start = wal.start_lsn();
    let is_new = catalog.is_empty();
    let catalog = Catalog::open_on("another", Box::new(Memory(Mutex::new(catalog))))?;
    let applied = catalog.applied();
    let fits = applied.next() >= start;
    match Node::on(wal, catalog) {
        Ok(node) => {
            ensure(fits, || {
                format!("a catalog up to {applied} was taken for a log from {start}")
            })?;
            compare(&node, model)?;
            Ok(true)
        }
        Err(Error::CatalogMissing { .. }) if is_new && !fits => Ok(false),
        Err(Error::CatalogBehind { .. }) if !is_new && !fits => Ok(false),
        Err(error) => {
            Err(format!("a catalog up to {applied} beside a log from {start}: {error}").into())
        }
    }
}
