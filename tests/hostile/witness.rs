//! People who talk, whatever happens around them, and hear each other.

use crate::support::{DEADLINE, Ended, TestClient, key};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// So many that each keeps its pace while all together say something every [`EVERY`]. Not more often, since in a room with a
/// thousand others each word is told to all of them.
const SPEAKERS: usize = 10;
const EVERY: Duration = Duration::from_millis(100);

/// A thread in which the speakers take turns, and somebody else hears each before the next speaks.
pub(super) struct Witness {
    heard: Arc<Heard>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Heard {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    count: u64,
    latencies: Vec<Duration>,
    ended: bool,
}

/// From the sending of a message to its arrival at somebody else.
pub(super) struct Latencies(Vec<Duration>);

impl fmt::Display for Latencies {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get(sorted.len() * percent / 100).or(sorted.last());
        match (at(50), at(99), sorted.last()) {
            (Some(half), Some(p99), Some(most)) => {
                write!(out, "p50 {half:.1?}, p99 {p99:.1?}, most {most:.1?} of {}", sorted.len())
            }
            _ => write!(out, "nothing was said"),
        }
    }
}

impl Witness {
    /// Enters the room and begins to talk.
    pub(super) fn enter(addr: SocketAddr) -> Witness {
        let mut speakers: Vec<TestClient> = (0..SPEAKERS)
            .map(|n| {
                let mut speaker = TestClient::connect(addr);
                let name = format!("Speaker {n}");
                speaker.join_with_keys(&name, &key(&name), &key(&name));
                // What it is told is read and dropped, so that it keeps up with any crowd.
                let mut ear = speaker.raw().try_clone().expect("one socket, two ends");
                ear.set_read_timeout(None).expect("a timeout can be taken away");
                std::thread::spawn(move || io::copy(&mut ear, &mut io::sink()));
                speaker
            })
            .collect();
        let mut listener = TestClient::connect(addr);
        listener.join("Listener");
        let heard = Arc::new(Heard::default());
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::spawn({
            let heard = heard.clone();
            move || {
                let _end = Ending(&heard);
                for n in 0.. {
                    let text = format!("witness {n}");
                    let begin = Instant::now();
                    speakers[n % SPEAKERS].say(&text);
                    listen_for(&mut listener, &text);
                    heard.add(begin.elapsed());
                    let rest = EVERY.saturating_sub(begin.elapsed());
                    if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            }
        });
        Witness { heard, stop: Some(stop), thread: Some(thread) }
    }

    /// Waits until something that was said from here on has been heard.
    pub(super) fn expect_more(&self, case: &str) {
        let mut state = self.heard.state.lock().expect("nobody panics here");
        // One may be under way already; the next is wholly of after now.
        let enough = state.count + 2;
        let until = Instant::now() + DEADLINE;
        while state.count < enough {
            let rest = until.saturating_duration_since(Instant::now());
            assert!(!state.ended && !rest.is_zero(), "{case}: the others no longer hear each other");
            state = self.heard.changed.wait_timeout(state, rest).expect("nobody panics here").0;
        }
    }

    /// Goes on for a while.
    pub(super) fn listen_for(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.expect_more("nothing");
        }
    }

    /// The latencies since this was asked last.
    pub(super) fn take_latencies(&self) -> Latencies {
        Latencies(std::mem::take(&mut self.heard.state.lock().expect("nobody panics here").latencies))
    }

    /// Stops talking, and leaves.
    pub(super) fn leave(&mut self) {
        self.stop = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) && !std::thread::panicking() {
            panic!("the others no longer heard each other");
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Reads until this text, and keeps nothing: a crowd may say a great deal.
fn listen_for(listener: &mut TestClient, text: &str) {
    let until = Instant::now() + DEADLINE;
    loop {
        match listener.take_next(until.saturating_duration_since(Instant::now())) {
            Ok(event) if event["event"] == "receive_message" && event["message"] == text => return,
            Ok(_) => {}
            Err(Ended::Silent) => panic!("'{text}' was not heard within {DEADLINE:?}"),
            Err(ended) => panic!("{ended:?} while waiting for '{text}'"),
        }
    }
}

impl Heard {
    fn add(&self, latency: Duration) {
        let mut state = self.state.lock().expect("nobody panics here");
        state.count += 1;
        state.latencies.push(latency);
        self.changed.notify_all();
    }
}

/// Says that the talking has ended, whatever ended it.
struct Ending<'a>(&'a Heard);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.ended = true;
        }
        self.0.changed.notify_all();
    }
}
