//! The room beside its log, kept over restarts: guests' and hosts' names, hosts' decisions and actions. The hub writes them
//! with its turns; they have no position.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};

use super::identifier::{identifier_from_sql, identifier_to_sql};
use super::read::message_at;
use super::{AppendError, ReadError, Store, sql};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{AccountId, HostAction, KeyHash, Message, Position};
use crate::room::kept::{
    AccountBrowser, HeldBack, Hold, HostName, Identifier, Reservation, RoomChange, Settings,
};

/// All of it, as it was when the server ended.
#[derive(Debug, Default)]
pub struct KeptRoom {
    pub settings: Settings,
    /// What hosts have pinned.
    pub pinned: Option<Message<'static>>,
    pub held_back: Vec<(Hold, HeldBack)>,
    pub host_names: Vec<HostName>,
    /// Names of hosts in the form in which they were compared before, where it is all that is known; each with the key of its
    /// browser.
    pub former_host_names: Vec<FormerHostName>,
    /// Guests' names.
    pub reservations: Vec<Reservation>,
    /// Hosts' actions, the newest first, at most [`limits::HOST_ACTIONS_SHOWN`].
    pub actions: Vec<HostAction>,
}

impl Store {
    /// The kept room when the server starts. Guests who were here when it ended left now, at `now_ms`; guests who left more
    /// than [`limits::RESERVED`] ago (silent ones, [`limits::RESERVED_SILENT`]) are forgotten, and the oldest actions above [`limits::HOST_ACTIONS`]. A `title` of the
    /// operator's that is not the one of the last start takes the place of the hosts' title.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn kept_room(&self, title: Option<&str>, now_ms: i64) -> Result<KeptRoom, AppendError> {
        // Nobody in the room waits yet, and the checkpoint after a crash may hold a lock for a moment.
        self.db.busy_timeout(limits::STORE_BUSY_ASIDE)?;
        let kept = self.load(title, now_ms);
        self.db.busy_timeout(limits::STORE_BUSY)?;
        Ok(kept?)
    }

    /// What the browsers are known by in which an account is logged in at `now_ms`, or was until lately.
    pub fn browsers_of(&self, account: AccountId, now_ms: i64) -> Result<Vec<Identifier>, ReadError> {
        let select = "SELECT browser, key FROM account_browsers WHERE user = ?1 AND until > ?2";
        let found = sql::all(&self.db, select, params![account, now_ms], |row| {
            let key: Option<KeyHash> = row.get(1)?;
            Ok([Some(Identifier::Browser(row.get(0)?)), key.map(Identifier::Guest)])
        })?;
        Ok(found.into_iter().flatten().flatten().collect())
    }

    /// What hosts have pinned, as it is shown now.
    pub fn pinned(&self) -> Result<Option<Message<'static>>, ReadError> {
        Ok(pinned(&self.db)?)
    }

    fn load(&self, title: Option<&str>, now_ms: i64) -> rusqlite::Result<KeptRoom> {
        let [spoken_ms, silent_ms] = [limits::RESERVED, limits::RESERVED_SILENT]
            .map(|kept| now_ms.saturating_sub(kept.as_millis() as i64));
        let db = self.db.unchecked_transaction()?;
        db.execute(
            "UPDATE room SET title = iif(?1 IS NULL, title, NULL), operator_title = ?1 WHERE operator_title IS NOT ?1",
            [title],
        )?;
        db.execute(
            "DELETE FROM host_actions WHERE id <= (SELECT max(id) FROM host_actions) - ?1",
            [limits::HOST_ACTIONS],
        )?;
        db.execute("UPDATE guests SET left_at = ?1 WHERE left_at IS NULL", [now_ms])?;
        db.execute(
            "DELETE FROM guests WHERE folded IN (
                 SELECT folded FROM guests WHERE left_at < iif(has_spoken, ?1, ?2) ORDER BY left_at LIMIT ?3)",
            params![spoken_ms, silent_ms, limits::EXPIRED_RESERVATIONS],
        )?;
        let (host_names, former_host_names) = host_names(&db)?;
        let kept = KeptRoom {
            settings: settings(&db)?,
            pinned: pinned(&db)?,
            held_back: held_back(&db)?,
            host_names,
            former_host_names,
            reservations: reservations(&db, spoken_ms, silent_ms)?,
            actions: actions(&db)?,
        };
        db.commit()?;
        Ok(kept)
    }
}

fn settings(db: &Transaction) -> rusqlite::Result<Settings> {
    db.query_row("SELECT title, locked, door_closed, slow_mode_seconds, names_fixed FROM room", [], |row| {
        Ok(Settings {
            title: row.get(0)?,
            locked: row.get(1)?,
            door_closed: row.get(2)?,
            slow_mode_seconds: row.get(3)?,
            names_fixed: row.get(4)?,
        })
    })
}

fn pinned(db: &Connection) -> rusqlite::Result<Option<Message<'static>>> {
    let message_id: Option<Position> = sql::value(db, "SELECT pinned FROM room", [])?.flatten();
    Ok(message_id.map(|id| message_at(db, id)).transpose()?.flatten())
}

fn held_back(db: &Transaction) -> rusqlite::Result<Vec<(Hold, HeldBack)>> {
    sql::all(db, "SELECT kind, folded, display FROM held_back", [], |row| {
        let (kind, folded): (i64, Arc<str>) = (row.get(0)?, row.get(1)?);
        let marks = "SELECT mark FROM held_back_marks WHERE kind = ?1 AND folded = ?2";
        let marks: Vec<String> = sql::all(db, marks, params![kind, folded], |row| row.get(0))?;
        // A kind that only a newer version knows says nothing about anybody.
        let identifiers: BTreeSet<_> = marks.iter().filter_map(|text| identifier_from_sql(text)).collect();
        let hold = if kind == 0 { Hold::Mute } else { Hold::Ban };
        Ok((hold, HeldBack { name: Name::stored(row.get(2)?, folded), identifiers }))
    })
}

type FormerHostName = (Arc<str>, Option<KeyHash>);

fn host_names(db: &Transaction) -> rusqlite::Result<(Vec<HostName>, Vec<FormerHostName>)> {
    let mut known = Vec::new();
    let former = sql::all(db, "SELECT folded, key, display FROM host_names", [], |row| {
        let (folded, key, display): (Arc<str>, _, Option<Arc<str>>) = row.try_into()?;
        Ok(match display {
            Some(display) => {
                known.push(HostName { name: Name::stored(display, folded), key });
                None
            }
            None => Some((folded, key)),
        })
    })?;
    Ok((known, former.into_iter().flatten().collect()))
}

fn reservations(db: &Transaction, spoken_ms: i64, silent_ms: i64) -> rusqlite::Result<Vec<Reservation>> {
    let query = "SELECT folded, display, key, left_at, has_spoken, address, browser FROM guests
                 WHERE left_at >= iif(has_spoken, ?1, ?2) ORDER BY left_at";
    sql::all(db, query, [spoken_ms, silent_ms], |row| {
        let name = Name::stored(row.get(1)?, row.get(0)?);
        let address: Option<String> = row.get(5)?;
        Ok(Reservation {
            name,
            key: row.get(2)?,
            left_at_ms: row.get(3)?,
            has_spoken: row.get(4)?,
            address: address.and_then(|text| text.parse().ok()),
            browser: row.get(6)?,
        })
    })
}

fn actions(db: &Transaction) -> rusqlite::Result<Vec<HostAction>> {
    let query = "SELECT at, host, action, username, detail FROM host_actions ORDER BY id DESC LIMIT ?1";
    sql::all(db, query, [limits::HOST_ACTIONS_SHOWN], |row| {
        Ok(HostAction {
            at: row.get(0)?,
            host: row.get(1)?,
            action: Cow::Owned(row.get(2)?),
            username: row.get(3)?,
            detail: row.get(4)?,
        })
    })
}

/// Stores one change.
pub(super) fn store(db: &Connection, change: &RoomChange) -> rusqlite::Result<()> {
    let write =
        |sql: &str, params: &[&dyn rusqlite::ToSql]| db.prepare_cached(sql)?.execute(params).map(drop);
    match change {
        RoomChange::Reserve(Reservation { name, key, address, browser, has_spoken, left_at_ms }) => write(
            "INSERT OR REPLACE INTO guests (folded, display, key, left_at, has_spoken, address, browser)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                name.folded(),
                name.display(),
                key,
                left_at_ms,
                has_spoken,
                address.map(|it| it.to_string()),
                browser
            ],
        ),
        RoomChange::AccountBrowser(here) => keep_browser(db, here),
        RoomChange::Forget(folded) => write("DELETE FROM guests WHERE folded = ?1", params![folded]),
        RoomChange::HostName(HostName { name, key }) => write(
            "INSERT INTO host_names (folded, key, display) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET display = coalesce(display, excluded.display)",
            params![name.folded(), key, name.display()],
        ),
        RoomChange::ForgetHostName(folded) => {
            write("DELETE FROM host_names WHERE folded = ?1", params![folded])
        }
        RoomChange::Settings(Settings { title, locked, door_closed, slow_mode_seconds, names_fixed }) => {
            write(
                "UPDATE room SET title = ?1, locked = ?2, door_closed = ?3, slow_mode_seconds = ?4, names_fixed = ?5",
                params![title, locked, door_closed, slow_mode_seconds, names_fixed],
            )
        }
        RoomChange::Hold(hold, somebody) => hold_back(db, *hold, somebody),
        RoomChange::Release(hold, folded) => {
            let who = params![*hold as i64, folded];
            write("DELETE FROM held_back WHERE kind = ?1 AND folded = ?2", who)?;
            write("DELETE FROM held_back_marks WHERE kind = ?1 AND folded = ?2", who)
        }
        RoomChange::AllHeldBack(all) => {
            db.execute_batch("DELETE FROM held_back; DELETE FROM held_back_marks")?;
            all.iter().try_for_each(|(hold, somebody)| hold_back(db, *hold, somebody))
        }
        RoomChange::Action(HostAction { at, host, action, username, detail }) => write(
            "INSERT INTO host_actions (at, host, action, username, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![at, host, action, username, detail],
        ),
    }
}

/// It takes the place of the login there before; of one account the newest are kept.
fn keep_browser(db: &Connection, here: &AccountBrowser) -> rusqlite::Result<()> {
    let AccountBrowser { account, browser, key, at_ms } = here;
    let insert = "INSERT INTO account_browsers (user, browser, key, until) VALUES (?1, ?2, ?3, ?4)
                  ON CONFLICT DO UPDATE SET key = coalesce(excluded.key, key), until = excluded.until";
    sql::run(db, insert, params![account, browser, key, at_ms + limits::SESSION.as_millis() as i64])?;
    let leave = "UPDATE account_browsers SET until = min(until, ?1) WHERE browser = ?2 AND user <> ?3";
    sql::run(db, leave, params![at_ms + limits::RESERVED.as_millis() as i64, browser, account])?;
    let delete = "DELETE FROM account_browsers WHERE user = ?1 AND browser NOT IN
                  (SELECT browser FROM account_browsers WHERE user = ?1 ORDER BY until DESC LIMIT ?2)";
    sql::run(db, delete, params![account, limits::ACCOUNT_SESSIONS]).map(drop)
}

fn hold_back(db: &Connection, hold: Hold, somebody: &HeldBack) -> rusqlite::Result<()> {
    let (kind, name) = (hold as i64, &somebody.name);
    let insert = "INSERT OR REPLACE INTO held_back (kind, folded, display) VALUES (?1, ?2, ?3)";
    sql::run(db, insert, params![kind, name.folded(), name.display()])?;
    let insert = "INSERT OR IGNORE INTO held_back_marks (kind, folded, mark) VALUES (?1, ?2, ?3)";
    for identifier in &somebody.identifiers {
        sql::run(db, insert, params![kind, name.folded(), identifier_to_sql(identifier)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::Change;

    #[test]
    fn what_is_kept_of_the_room_comes_back_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat.db");
        let settings = Settings {
            title: Some("Room 12".to_owned()),
            locked: true,
            door_closed: true,
            slow_mode_seconds: 30,
            names_fixed: true,
        };
        let identifiers = [
            Identifier::Account(7),
            Identifier::Guest([1; 32]),
            Identifier::Tab([255; 32]),
            Identifier::Browser([2; 32]),
            Identifier::Address("192.168.1.9".parse().expect("an address")),
            Identifier::Address("2001:db8::".parse().expect("an address")),
        ];
        let name = |text: &str| Name::parse(text).expect("a name");
        let ana = HeldBack { name: name("Ana"), identifiers: identifiers.into() };
        let action = |at, detail: Option<&str>| HostAction {
            at,
            host: "Ms Keller".into(),
            action: "remove".into(),
            username: Some("Ana".into()),
            detail: detail.map(str::to_owned),
        };
        let address = Some("2001:db8::".parse().expect("an address"));
        let left = |text: &str, left_at_ms| Reservation {
            name: name(text),
            key: [3; 32],
            address,
            browser: Some([4; 32]).filter(|_| text == "Cleo"),
            has_spoken: text != "Ben",
            left_at_ms,
        };
        let host_name = HostName { name: name("Ms Keller"), key: Some([3; 32]) };
        let changes = [
            RoomChange::Reserve(left("Ben", None)),
            RoomChange::Reserve(left("Cleo", Some(500))),
            RoomChange::Reserve(left("Dora", None)),
            RoomChange::Forget(name("Dora").shared_folded()),
            RoomChange::HostName(host_name.clone()),
            RoomChange::HostName(HostName { name: name("Mr Brown"), key: None }),
            RoomChange::ForgetHostName(name("Mr Brown").shared_folded()),
            RoomChange::Settings(settings.clone()),
            RoomChange::Hold(Hold::Mute, ana.clone()),
            RoomChange::Hold(Hold::Ban, ana.clone()),
            RoomChange::Release(Hold::Mute, name("Ana").shared_folded()),
            RoomChange::Action(action(1, None)),
            RoomChange::Action(action(2, Some("device"))),
        ];
        let open = |path: &Path| Store::open(path).expect("opens");
        let mut store = open(&path);
        store.append(&changes.map(Change::Room)).expect("stored");
        drop(store);
        let back = open(&path).kept_room(None, 700).expect("loads");
        assert_eq!((back.settings, back.host_names), (settings, vec![host_name]));
        assert_eq!(back.held_back, [(Hold::Ban, ana)]);
        assert_eq!(back.actions, [action(2, Some("device")), action(1, None)]);
        assert_eq!(back.reservations, [left("Cleo", Some(500)), left("Ben", Some(700))]);
        let store = open(&path);
        let (spoken_ms, silent_ms) =
            (limits::RESERVED.as_millis() as i64, limits::RESERVED_SILENT.as_millis() as i64);
        let left_at = [700 + silent_ms, 701 + silent_ms, 500 + spoken_ms, 501 + spoken_ms]
            .map(|now_ms| store.kept_room(None, now_ms).expect("loads").reservations.len());
        assert_eq!(left_at, [2, 1, 1, 0]);
    }

    #[test]
    fn the_operators_title_takes_the_hosts_place_only_when_it_is_a_new_one() {
        let store = Store::open(Path::new(":memory:")).expect("opens");
        let title = |operators: Option<&str>| store.kept_room(operators, 0).expect("loads").settings.title;
        let by_host = || {
            let settings = Settings { title: Some("By a host".to_owned()), ..Settings::default() };
            super::store(&store.db, &RoomChange::Settings(settings)).expect("stored");
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
