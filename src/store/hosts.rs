//! What hosts have decided and done, kept over restarts. The hub writes it with its turns; it has no position.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use rusqlite::{Connection, Row, params};

use super::{AppendError, Store};
use crate::limits;
use crate::protocol::HostAction;
use crate::room::HostName;
use crate::room::moderation::{Held, Hold, HostChange, Identifier, Settings};

/// What hosts have decided, as it was when the server ended.
#[derive(Debug, Default)]
pub struct HostsRoom {
    /// What holds for everybody.
    pub settings: Settings,
    /// Who is held back, and how.
    pub held: Vec<(Hold, Held)>,
    /// Hosts' names.
    pub names: Vec<HostName>,
    /// What hosts did, the newest first, at most [`limits::HOST_ACTIONS_SHOWN`].
    pub actions: Vec<HostAction>,
}

impl Store {
    /// What hosts have decided so far. The oldest of what they did goes, above [`limits::HOST_ACTIONS`]. A `title` of the
    /// operator's that is not the one of the last start takes the place of what hosts have called the room.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn hosts_room(&self, title: Option<&str>) -> Result<HostsRoom, AppendError> {
        self.db.busy_timeout(limits::STORE_BUSY_ASIDE)?;
        let loaded = self.load_hosts_room(title);
        self.db.busy_timeout(limits::STORE_BUSY)?;
        Ok(loaded?)
    }

    fn load_hosts_room(&self, title: Option<&str>) -> rusqlite::Result<HostsRoom> {
        let transaction = self.db.unchecked_transaction()?;
        transaction.execute(
            "UPDATE room SET title = iif(?1 IS NULL, title, NULL), operator_title = ?1 WHERE operator_title IS NOT ?1",
            [title],
        )?;
        transaction.execute(
            "DELETE FROM host_actions WHERE id <= (SELECT max(id) FROM host_actions) - ?1",
            [limits::HOST_ACTIONS as i64],
        )?;
        let room = load(&transaction)?;
        transaction.commit()?;
        Ok(room)
    }
}

fn load(db: &Connection) -> rusqlite::Result<HostsRoom> {
    let settings =
        db.query_row("SELECT title, locked, door_closed, slow_mode_seconds FROM room", [], |row| {
            Ok(Settings {
                title: row.get(0)?,
                locked: row.get(1)?,
                door_closed: row.get(2)?,
                slow_mode_seconds: row.get(3)?,
            })
        })?;
    let mut marks = db.prepare("SELECT mark FROM held_back_marks WHERE kind = ?1 AND folded = ?2")?;
    let mut held = db.prepare("SELECT kind, folded, display FROM held_back")?;
    let held = held.query_map([], |row| {
        let (kind, folded, display): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let identifiers = marks.query_map(params![kind, folded], |row| row.get::<_, String>(0))?;
        let identifiers: Vec<String> = identifiers.collect::<Result<_, _>>()?;
        // An identifier of a kind that only a newer version knows says nothing about anybody.
        let identifiers: BTreeSet<Identifier> =
            identifiers.iter().filter_map(|text| identifier_from_sql(text)).collect();
        Ok((hold_from_sql(kind), Held { folded: folded.into(), display: display.into(), identifiers }))
    })?;
    let held = held.collect::<Result<_, _>>()?;
    let mut names = db.prepare("SELECT folded, key FROM host_names")?;
    let names = names.query_map([], |row| Ok(HostName { folded: text(row, 0)?, key: row.get(1)? }))?;
    let names = names.collect::<Result<_, _>>()?;
    let mut actions =
        db.prepare("SELECT at, host, action, username, detail FROM host_actions ORDER BY id DESC LIMIT ?1")?;
    let actions = actions.query_map([limits::HOST_ACTIONS_SHOWN as i64], |row| {
        Ok(HostAction {
            at: row.get(0)?,
            host: text(row, 1)?,
            action: Cow::Owned(row.get(2)?),
            username: row.get::<_, Option<String>>(3)?.map(Into::into),
            detail: row.get(4)?,
        })
    })?;
    let actions = actions.collect::<Result<_, _>>()?;
    Ok(HostsRoom { settings, held, names, actions })
}

fn text(row: &Row, index: usize) -> rusqlite::Result<Arc<str>> {
    Ok(row.get::<_, String>(index)?.into())
}

/// Stores one change.
pub(super) fn store(db: &Connection, change: &HostChange) -> rusqlite::Result<()> {
    match change {
        HostChange::Settings(settings) => {
            let Settings { title, locked, door_closed, slow_mode_seconds } = settings;
            db.prepare_cached(
                "UPDATE room SET title = ?1, locked = ?2, door_closed = ?3, slow_mode_seconds = ?4",
            )?
            .execute(params![title, locked, door_closed, slow_mode_seconds])?;
        }
        HostChange::Hold(hold, held) => store_held(db, *hold, held)?,
        HostChange::AllHeld(all) => {
            db.execute_batch("DELETE FROM held_back; DELETE FROM held_back_marks")?;
            for (hold, held) in all {
                store_held(db, *hold, held)?;
            }
        }
        HostChange::Release(hold, folded) => {
            let kind = hold_to_sql(*hold);
            for delete in [
                "DELETE FROM held_back WHERE kind = ?1 AND folded = ?2",
                "DELETE FROM held_back_marks WHERE kind = ?1 AND folded = ?2",
            ] {
                db.prepare_cached(delete)?.execute(params![kind, folded])?;
            }
        }
        HostChange::Name(name) => {
            db.prepare_cached("INSERT OR IGNORE INTO host_names (folded, key) VALUES (?1, ?2)")?
                .execute(params![name.folded, name.key])?;
        }
        HostChange::Action(action) => {
            db.prepare_cached(
                "INSERT INTO host_actions (at, host, action, username, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                action.at,
                action.host,
                action.action,
                action.username,
                action.detail
            ])?;
        }
    }
    Ok(())
}

fn store_held(db: &Connection, hold: Hold, held: &Held) -> rusqlite::Result<()> {
    let kind = hold_to_sql(hold);
    db.prepare_cached("INSERT OR REPLACE INTO held_back (kind, folded, display) VALUES (?1, ?2, ?3)")?
        .execute(params![kind, held.folded, held.display])?;
    for identifier in &held.identifiers {
        db.prepare_cached("INSERT OR IGNORE INTO held_back_marks (kind, folded, mark) VALUES (?1, ?2, ?3)")?
            .execute(params![kind, held.folded, identifier_to_sql(identifier)])?;
    }
    Ok(())
}

fn hold_to_sql(hold: Hold) -> i64 {
    match hold {
        Hold::Mute => 0,
        Hold::Ban => 1,
    }
}

fn hold_from_sql(kind: i64) -> Hold {
    if kind == 0 { Hold::Mute } else { Hold::Ban }
}

fn identifier_to_sql(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Account(account) => format!("account:{account}"),
        Identifier::Guest(key) => format!("guest:{}", HEXLOWER.encode(key)),
        Identifier::Tab(key) => format!("tab:{}", HEXLOWER.encode(key)),
        Identifier::Address(address) => format!("address:{address}"),
        Identifier::Name(folded) => format!("name:{folded}"),
    }
}

fn identifier_from_sql(text: &str) -> Option<Identifier> {
    let (kind, value) = text.split_once(':')?;
    let key = || HEXLOWER.decode(value.as_bytes()).ok()?.try_into().ok();
    match kind {
        "account" => Some(Identifier::Account(value.parse().ok()?)),
        "guest" => Some(Identifier::Guest(key()?)),
        "tab" => Some(Identifier::Tab(key()?)),
        "name" => Some(Identifier::Name(value.into())),
        "address" => Some(Identifier::Address(value.parse::<IpAddr>().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::Change;

    #[test]
    fn what_hosts_have_decided_comes_back_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat.db");
        let settings = Settings {
            title: Some("Room 12".to_owned()),
            locked: true,
            door_closed: true,
            slow_mode_seconds: 30,
        };
        let identifiers = [
            Identifier::Account(7),
            Identifier::Guest([1; 32]),
            Identifier::Tab([255; 32]),
            Identifier::Address("192.168.1.9".parse().expect("an address")),
            Identifier::Address("2001:db8::".parse().expect("an address")),
        ];
        let held = Held { folded: "ana".into(), display: "Ana".into(), identifiers: identifiers.into() };
        let action = |at, detail: Option<&str>| HostAction {
            at,
            host: "Ms Keller".into(),
            action: "remove".into(),
            username: Some("Ana".into()),
            detail: detail.map(str::to_owned),
        };
        let name = HostName { folded: "ms keller".into(), key: Some([3; 32]) };
        let changes = [
            HostChange::Settings(settings.clone()),
            HostChange::Hold(Hold::Mute, held.clone()),
            HostChange::Hold(Hold::Ban, held.clone()),
            HostChange::Release(Hold::Mute, "ana".into()),
            HostChange::Name(name.clone()),
            HostChange::Action(action(1, None)),
            HostChange::Action(action(2, Some("device"))),
        ];
        let open = |path: &Path| Store::open(path).expect("opens");
        let mut store = open(&path);
        store.append(&changes.map(Change::Host)).expect("stored");
        drop(store);
        let back = open(&path).hosts_room(None).expect("loads");
        assert_eq!((back.settings, back.names), (settings, vec![name]));
        assert_eq!(back.held, [(Hold::Ban, held)]);
        assert_eq!(back.actions, [action(2, Some("device")), action(1, None)]);
    }

    #[test]
    fn the_operators_title_takes_the_hosts_place_only_when_it_is_a_new_one() {
        let store = Store::open(Path::new(":memory:")).expect("opens");
        let title = |operators: Option<&str>| store.hosts_room(operators).expect("loads").settings.title;
        let by_host = || {
            let settings = Settings { title: Some("By a host".to_owned()), ..Settings::default() };
            super::store(&store.db, &HostChange::Settings(settings)).expect("stored");
        };
        assert_eq!(title(None), None);
        by_host();
        assert_eq!(title(None).as_deref(), Some("By a host"));
        assert_eq!(title(Some("By the operator")), None);
        by_host();
        assert_eq!(title(Some("By the operator")).as_deref(), Some("By a host"), "as at the last start");
        assert_eq!(title(None).as_deref(), Some("By a host"), "the operator has no wish any more");
    }
}
