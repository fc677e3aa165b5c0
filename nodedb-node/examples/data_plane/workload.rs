//! What the example does: numbered operations, each of which says in its own transaction how far it
//! has come.

use std::error::Error;

use crate::plane::{DataPlane, Write};

/// The rows that operations are about; one operation in [`DROP_EVERY`] drops them.
pub(crate) const ORDERS: &str = "orders";
/// Where the number of the last operation is.
const PROGRESS: &str = "progress";
/// Rows that no drop touches.
pub(crate) const ITEMS: &str = "items";

/// Keys there are.
pub(crate) const KEYS: u64 = 40;
pub(crate) const DROP_EVERY: u64 = 97;
const CHECKPOINT_EVERY: u64 = 31;

/// The number of the last operation that took effect; 0 when none did.
pub(crate) fn progress(plane: &DataPlane) -> Result<u64, Box<dyn Error>> {
    let row = plane.find(PROGRESS, b"last")?;
    match row {
        Some(bytes) => Ok(u64::from_le_bytes(bytes.as_slice().try_into()?)),
        None => Ok(0),
    }
}

/// Carries out the operation of this number.
pub(crate) fn operate(plane: &DataPlane, number: u64) -> Result<(), Box<dyn Error>> {
    if drops(number) {
        plane.drop_collection(ORDERS)?;
    }
    let last = Write::Put(PROGRESS, b"last".to_vec(), number.to_le_bytes().to_vec());
    let mut all = vec![last];
    all.extend(writes(number));
    plane.write(&all)?;
    if number.is_multiple_of(CHECKPOINT_EVERY) {
        plane.checkpoint()?;
    }
    Ok(())
}

/// Whether the operation begins with a drop.
pub(crate) fn drops(number: u64) -> bool {
    number.is_multiple_of(DROP_EVERY)
}

/// What the operation writes, besides how far it has come.
pub(crate) fn writes(number: u64) -> Vec<Write> {
    let key = |step: u64| ((number * 7 + step) % KEYS).to_le_bytes().to_vec();
    let value = || vec![u8::try_from(number % 251).unwrap_or_default(); 4_000];
    let mut writes = vec![Write::Put(ORDERS, key(0), value())];
    if number.is_multiple_of(3) {
        writes.push(Write::Delete(ORDERS, key(5)));
        writes.push(Write::Put(ITEMS, key(1), value()));
    }
    if number.is_multiple_of(10) {
        writes.push(Write::Delete(ITEMS, key(3)));
    }
    writes
}
