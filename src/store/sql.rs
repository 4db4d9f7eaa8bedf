//! Statements, each prepared once for a connection.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior};

/// Runs a statement that returns nothing; the number of rows that it has changed.
pub(crate) fn run(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    db.prepare_cached(sql)?.execute(params)
}

/// The first row, if there is one.
pub(crate) fn first<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    db.prepare_cached(sql)?.query_row(params, read).optional()
}

/// The first row's only column, if there is a row.
pub(crate) fn value<T: FromSql>(
    db: &Connection,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<Option<T>> {
    first(db, sql, params, |row| row.get(0))
}

/// What SQLite says of the database under this name.
pub(crate) fn number(db: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    db.pragma_query_value(None, pragma, |row| row.get(0))
}

pub(crate) fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// Does all of `work` or nothing. The write lock is taken first: a transaction that begins with reading can be refused it.
pub(crate) fn at_once<T, E: From<rusqlite::Error>>(
    db: &mut Connection,
    work: impl FnOnce(&Transaction) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
