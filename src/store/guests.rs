//! Guests' names that have spoken, kept for their key over restarts.

use rusqlite::{Connection, params};

use super::{AppendError, Store};
use crate::limits;
use crate::room::reservations::{Reservation, ReservationChange};

impl Store {
    /// The names kept for guests when the server starts, those that left first before others. Who was here when the
    /// server ended left now, at `now_ms`; who left more than [`limits::RESERVED`] ago is forgotten.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn reservations(&self, now_ms: i64) -> Result<Vec<Reservation>, AppendError> {
        // Nobody in the room waits yet, and a checkpoint of what a crash has left behind may hold a lock for a moment.
        self.db.busy_timeout(limits::STORE_BUSY_ASIDE)?;
        let stored = self.renew_reservations(now_ms);
        self.db.busy_timeout(limits::STORE_BUSY)?;
        Ok(stored?)
    }

    fn renew_reservations(&self, now_ms: i64) -> rusqlite::Result<Vec<Reservation>> {
        let oldest_ms =
            now_ms.saturating_sub(i64::try_from(limits::RESERVED.as_millis()).unwrap_or(i64::MAX));
        let transaction = self.db.unchecked_transaction()?;
        transaction.execute("UPDATE guests SET left_at = ?1 WHERE left_at IS NULL", [now_ms])?;
        transaction.execute(
            "DELETE FROM guests WHERE folded IN (SELECT folded FROM guests WHERE left_at < ?1 ORDER BY left_at LIMIT ?2)",
            params![oldest_ms, limits::EXPIRED_RESERVATIONS as i64],
        )?;
        let mut select = transaction.prepare(
            "SELECT folded, display, key, left_at FROM guests WHERE left_at >= ?1 ORDER BY left_at",
        )?;
        let reservations = select
            .query_map([oldest_ms], |row| {
                Ok(Reservation {
                    folded: row.get(0)?,
                    display: row.get(1)?,
                    key: row.get(2)?,
                    left_at_ms: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        drop(select);
        transaction.commit()?;
        Ok(reservations)
    }
}

/// Stores one change.
pub(super) fn store(db: &Connection, change: &ReservationChange) -> rusqlite::Result<()> {
    match change {
        ReservationChange::Reserve { folded, display, key } => db
            .prepare_cached(
                "INSERT INTO guests (folded, display, key, left_at) VALUES (?1, ?2, ?3, NULL)
                 ON CONFLICT DO UPDATE SET display = excluded.display, key = excluded.key, left_at = NULL",
            )?
            .execute(params![folded, display, key])?,
        ReservationChange::Release { folded, left_at_ms } => db
            .prepare_cached("UPDATE guests SET left_at = ?2 WHERE folded = ?1")?
            .execute(params![folded, left_at_ms])?,
        ReservationChange::Forget { folded } => {
            db.prepare_cached("DELETE FROM guests WHERE folded = ?1")?.execute([folded])?
        }
    };
    Ok(())
}
