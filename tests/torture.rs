//! Everything at once: twenty people write and come back, connections are cut anywhere, the process is killed again and
//! again; and in the end everybody has seen one log, which is the one on disk, and everything anybody was told is so.

use crate::support::{
    DEADLINE, Ended, Knock, Process, Random, Signal, TestClient, View, crowd, free_port, key,
};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

const CLIENTS: u64 = 20;
const KILLS: u64 = 10;

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
}

impl<'a> Member<'a> {
    fn new(number: u64, seed: u64, door: &'a Door) -> Member<'a> {
        Member {
            number,
            random: Random::new(seed ^ number.wrapping_mul(0x5851_F42D_4C95_7F2D)),
            door,
            view: View::default(),
            outbox: VecDeque::new(),
            // The page has one message in flight; the protocol allows more.
            window: if number.is_multiple_of(2) { 1 } else { 4 },
            said: 0,
            acknowledged: HashMap::new(),
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
        self.door.over.load(Ordering::Acquire) && self.outbox.is_empty()
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
                }
                Some("receive_message") => self.take_receipt(&event),
                Some("error") => assert_eq!(event["code"], "not_saved", "{event}"),
                _ => (),
            }
            if self.is_done() {
                return Ok(());
            }
            while joined && self.outbox.len() < self.window && !self.door.over.load(Ordering::Acquire) {
                self.say_something(&mut client)?;
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
            process.kill();
            process = start().1;
            door.set(true);
        }
        door.over.store(true, Ordering::Release);
        members.into_iter().map(|thread| thread.join().expect("a member ends well")).collect()
    });

    let head = TestClient::connect(addr).expect_event("welcome")["position"].as_u64().expect("a position");
    let mut acknowledged = HashMap::new();
    let mut seen = Vec::new();
    for Member { number, mut view, acknowledged: own, .. } in members {
        let mut client = view.connect(addr);
        view.follow_replay(&mut client).expect("a last replay");
        // Who came when others had spoken already began with the newest fifty.
        view.scroll_back(&mut client, 200).expect("what was before");
        assert_eq!(view.position(), head);
        seen.push(view.messages());
        acknowledged
            .extend(own.into_iter().map(|(id, position)| ((format!("Member {number}"), id), position)));
    }
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));

    let table = table(&database);
    assert!(table.len() as u64 > CLIENTS * KILLS, "they did talk: {} messages", table.len());
    assert_eq!(table.iter().map(|row| row.0).collect::<Vec<_>>(), (1..=head).collect::<Vec<_>>(), "no gap");
    for row in &table {
        let position = acknowledged.remove(&(row.1.clone(), row.3.clone()));
        assert_eq!(position, Some(row.0), "{row:?} is there once, where its sender was told");
    }
    assert!(acknowledged.is_empty(), "acknowledged and not there: {acknowledged:?}");
    let log: Vec<_> = table.into_iter().map(|(position, name, text, _)| (position, name, text)).collect();
    for messages in seen {
        assert!(messages == log, "what was seen is not what is stored");
    }
}
