//! Everything at once: twenty people write, react and come back, a host pins, connections are cut anywhere, the process is killed
//! again and again; and in the end everybody has seen one log, which is the one on disk, and everything anybody was told is so.

use crate::accounts::Browser;
use crate::support::{
    DEADLINE, Ended, Knock, Process, Random, Signal, TestClient, View, crowd, free_port, key,
};
use chat_app::make_host_link_beside;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

const CLIENTS: u64 = 20;
const KILLS: u64 = 10;
const SIGN: &str = "👍";

/// Whether the server is there. Clients wait here for it to come back, rather than knock at a closed door.
struct Door {
    open: Mutex<bool>,
    changed: Condvar,
    addr: SocketAddr,
    /// The last kill is done: finish what you have begun.
    over: AtomicBool,
}

impl Door {
    fn set(&self, open: bool) {
        *self.open.lock().expect("nobody panics here") = open;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let open = self.open.lock().expect("nobody panics here");
        let (open, _) =
            self.changed.wait_timeout_while(open, DEADLINE, |open| !*open).expect("nobody panics here");
        assert!(*open, "the server comes back");
    }
}

/// One of the twenty, over as many connections as it takes.
struct Member<'a> {
    number: u64,
    random: Random,
    door: &'a Door,
    view: View,
    /// Said and not yet acknowledged, oldest first; as many at a time as `window`.
    outbox: VecDeque<(String, String)>,
    window: usize,
    said: u64,
    /// Where each message was acknowledged to be.
    acknowledged: HashMap<String, u64>,
    /// The reaction that is to be acknowledged: to which message, and whether it is set or taken back.
    reacting: Option<(u64, bool)>,
    /// Messages that it has reacted to, as it was acknowledged.
    reacted: BTreeSet<u64>,
    /// Messages that it has reacted to, or has taken back what it never did.
    tried: BTreeSet<u64>,
}

impl<'a> Member<'a> {
    fn new(number: u64, seed: u64, door: &'a Door) -> Member<'a> {
        Member {
            number,
            random: Random::new(seed ^ number.wrapping_mul(0x5851_F42D_4C95_7F2D)),
            door,
            view: View::with_reactions(),
            outbox: VecDeque::new(),
            // The page has one message in flight; the protocol allows more.
            window: if number.is_multiple_of(2) { 1 } else { 4 },
            said: 0,
            acknowledged: HashMap::new(),
            reacting: None,
            reacted: BTreeSet::new(),
            tried: BTreeSet::new(),
        }
    }

    /// Writes, is cut off, comes back, until it is over and everything said is acknowledged.
    fn live(mut self) -> Member<'a> {
        let until = Instant::now() + 4 * DEADLINE;
        while !self.is_done() {
            assert!(Instant::now() < until, "member {} never gets done: {:?}", self.number, self.outbox);
            self.door.wait();
            // However it ended, there is only one thing to do: come back. Only silence is no end.
            assert_ne!(self.one_connection(), Err(Ended::Silent), "member {}", self.number);
        }
        self
    }

    fn is_done(&self) -> bool {
        self.door.over.load(Ordering::Acquire) && self.outbox.is_empty() && self.reacting.is_none()
    }

    fn one_connection(&mut self) -> Result<(), Ended> {
        let entered = Knock::at(self.door.addr, &self.view.target()).and_then(Knock::enter);
        let mut client = entered.map_err(|_| Ended::Torn)?.expect("nobody is refused");
        let name = format!("Member {}", self.number);
        let keys = json!({"event": "join", "username": name, "guest_key": key(&name), "tab_key": key(&name)});
        client.try_send(keys).map_err(|_| Ended::Torn)?;
        let mut joined = false;
        for _ in 0..self.random.within(1..400) {
            let event = client.follow()?;
            self.view.apply(&event);
            match event["event"].as_str() {
                Some("joined") => {
                    joined = true;
                    // What is not acknowledged may or may not have arrived: it is sent again, in order.
                    for (id, text) in &self.outbox {
                        say(&mut client, id, text)?;
                    }
                    if let Some((message_id, on)) = self.reacting {
                        react(&mut client, message_id, on)?;
                    }
                }
                Some("receive_message") => self.take_receipt(&event),
                Some("reacted") => self.take_reacted(&event),
                Some("error") => assert_eq!(event["code"], "not_saved", "{event}"),
                _ => (),
            }
            if self.is_done() {
                return Ok(());
            }
            while joined && self.outbox.len() < self.window && !self.door.over.load(Ordering::Acquire) {
                self.say_something(&mut client)?;
            }
            if joined && self.reacting.is_none() && !self.door.over.load(Ordering::Acquire) {
                self.react_to_something(&mut client)?;
            }
        }
        Ok(())
    }

    fn say_something(&mut self, client: &mut TestClient) -> Result<(), Ended> {
        self.said += 1;
        let (id, text) = (format!("{:06}", self.said), format!("{}:{}", self.number, self.said));
        self.view.sent(&id);
        self.outbox.push_back((id.clone(), text.clone()));
        say(client, &id, &text)
    }

    /// To one of the newest, so that many do at once. To each once: what is still under way on a connection that was cut may arrive
    /// after what was said on the next.
    fn react_to_something(&mut self, client: &mut TestClient) -> Result<(), Ended> {
        let newest = self.view.newest(5);
        if newest.is_empty() || self.random.within(0..3) == 0 {
            return Ok(());
        }
        let message_id = newest[self.random.within(0..newest.len() as u64) as usize];
        if !self.tried.insert(message_id) {
            return Ok(());
        }
        let on = self.random.within(0..8) > 0;
        self.reacting = Some((message_id, on));
        react(client, message_id, on)
    }

    fn take_reacted(&mut self, event: &Value) {
        let told = (event["message_id"].as_u64().expect("a message"), event["on"] == true);
        assert_eq!(self.reacting.take(), Some(told));
        if told.1 {
            self.reacted.insert(told.0);
        }
    }

    fn take_receipt(&mut self, event: &Value) {
        let (Some(id), Some(position)) = (event["client_message_id"].as_str(), event["id"].as_u64()) else {
            return;
        };
        if event["username"] != format!("Member {}", self.number) {
            return;
        }
        let before = self.acknowledged.insert(id.to_owned(), position);
        assert!(before.is_none_or(|before| before == position), "acknowledged at {before:?} and {position}");
        self.outbox.retain(|(waiting, _)| waiting != id);
    }
}

fn say(client: &mut TestClient, id: &str, text: &str) -> Result<(), Ended> {
    let event = json!({"event": "send_message", "message": text, "client_message_id": id});
    client.try_send(event).map_err(|_| Ended::Torn)
}

fn react(client: &mut TestClient, message_id: u64, on: bool) -> Result<(), Ended> {
    let event = json!({"event": "react", "message_id": message_id, "reaction": SIGN, "on": on});
    client.try_send(event).map_err(|_| Ended::Torn)
}

/// Pins one of the newest messages, and waits until it is told.
fn pin_something(host: &Browser, random: &mut Random) -> u64 {
    let mut client = host.connect();
    let mut view = View::with_reactions();
    view.follow_replay(&mut client).expect("a replay");
    while view.newest(1).is_empty() {
        view.apply(&client.follow().expect("somebody speaks"));
    }
    let newest = view.newest(20);
    let message_id = newest[random.within(0..newest.len() as u64) as usize];
    client.send(json!({"event": "moderate", "action": "pin", "message_id": message_id}));
    let is_pinned = |event: &Value| event["event"] == "room" && event["pinned"]["id"] == message_id;
    client.expect("it is pinned", is_pinned);
    message_id
}

/// Who has reacted to which message, on disk.
fn reactions(database: &Path) -> BTreeMap<u64, BTreeSet<String>> {
    let database = rusqlite::Connection::open(database).expect("the database");
    let select = "SELECT message_id, username FROM reactions WHERE who IS NOT NULL";
    let mut rows = database.prepare(select).expect("the table of reactions");
    let rows = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)));
    let mut reactions: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for row in rows.expect("a query") {
        let (message_id, name): (u64, String) = row.expect("a row");
        assert!(reactions.entry(message_id).or_default().insert(name), "a person counts once");
    }
    reactions
}

/// Positions without a message, on disk.
fn gaps(database: &Path) -> Vec<u64> {
    let database = rusqlite::Connection::open(database).expect("the database");
    let mut rows = database.prepare("SELECT first, last FROM gaps").expect("the table of gaps");
    let rows = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    rows.expect("a query")
        .map(|row| row.expect("a row"))
        .flat_map(|(first, last)| first..=last)
        .map(i64::cast_unsigned)
        .collect()
}

/// The log on disk: position, name, text, id.
fn table(database: &Path) -> Vec<(u64, String, String, String)> {
    let database = rusqlite::Connection::open(database).expect("the database");
    let mut rows = database
        .prepare("SELECT position, username, text, client_message_id FROM messages ORDER BY position")
        .expect("the table of messages");
    let rows = rows.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?, row.get(2)?, row.get(3)?))
    });
    rows.expect("a query").collect::<Result<_, _>>().expect("rows")
}

#[test]
fn nothing_is_lost_or_doubled_whatever_fails() {
    let _alone = crowd();
    // One number repeats a run's cuts, kills and pauses; how the threads meet is the machine's own chance.
    let seed = std::env::var("CHAT_APP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_251_123);
    println!("CHAT_APP_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder for the database");
    let database = folder.path().join("chat.db");
    let port = free_port();
    let start = || {
        let process = Process::start_on(port, &database, &["--max-clients-per-address", "10000"]);
        (process.addr(), process)
    };
    let (addr, mut process) = start();
    let door = Door { open: Mutex::new(true), changed: Condvar::new(), addr, over: AtomicBool::new(false) };
    let mut random = Random::new(seed);
    let link = make_host_link_beside(&database, false).expect("a link");
    let host = Browser::host(addr, link.split_once("#host=").expect("a key").1);

    let members: Vec<Member> = std::thread::scope(|scope| {
        let (done, all_done) = mpsc::channel();
        let members: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (member, done) = (Member::new(number, seed, &door), done.clone());
                scope.spawn(move || {
                    let member = member.live();
                    drop(done);
                    member
                })
            })
            .collect();
        drop(done);
        for _ in 0..KILLS {
            // Nobody sends on this channel; it ends early if every member has failed.
            let lived: Result<(), _> = all_done.recv_timeout(Duration::from_millis(random.within(50..900)));
            if lived == Err(mpsc::RecvTimeoutError::Disconnected) {
                break;
            }
            door.set(false);
            let pinned = pin_something(&host, &mut random);
            process.kill();
            process = start().1;
            assert_eq!(TestClient::connect(addr).expect_event("room")["pinned"]["id"], pinned);
            door.set(true);
        }
        door.over.store(true, Ordering::Release);
        members.into_iter().map(|thread| thread.join().expect("a member ends well")).collect()
    });

    let head = TestClient::connect(addr).expect_event("welcome")["position"].as_u64().expect("a position");
    let mut acknowledged = HashMap::new();
    let (mut seen, mut reacted) = (Vec::new(), BTreeMap::new());
    for Member { number, mut view, acknowledged: own, reacted: own_reacted, .. } in members {
        let mut client = view.connect(addr);
        view.follow_replay(&mut client).expect("a last replay");
        // Who came when others had spoken already began with the newest fifty.
        view.scroll_back(&mut client, 200).expect("what was before");
        assert_eq!(view.position(), head);
        seen.push((view.messages(), view.reactions()));
        for message_id in own_reacted {
            reacted.entry(message_id).or_insert_with(BTreeSet::new).insert(format!("Member {number}"));
        }
        acknowledged
            .extend(own.into_iter().map(|(id, position)| ((format!("Member {number}"), id), position)));
    }
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));

    let table = table(&database);
    assert!(table.len() as u64 > CLIENTS * KILLS, "they did talk: {} messages", table.len());
    let mut positions: Vec<u64> = table.iter().map(|row| row.0).chain(gaps(&database)).collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=head).collect::<Vec<_>>(), "no hole");
    assert!(reacted.len() as u64 > KILLS, "they did react: to {} messages", reacted.len());
    assert_eq!(reactions(&database), reacted, "what is stored is what they were told");
    let counts: Vec<_> = reacted.iter().map(|(id, who)| (*id, json!({SIGN: who.len()}))).collect();
    for row in &table {
        let position = acknowledged.remove(&(row.1.clone(), row.3.clone()));
        assert_eq!(position, Some(row.0), "{row:?} is there once, where its sender was told");
    }
    assert!(acknowledged.is_empty(), "acknowledged and not there: {acknowledged:?}");
    let log: Vec<_> = table.into_iter().map(|(position, name, text, _)| (position, name, text)).collect();
    for (messages, reactions) in seen {
        assert!(messages == log, "what was seen is not what is stored");
        assert!(reactions == counts, "nor are the reactions");
    }
}
