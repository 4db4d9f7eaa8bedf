//! What a page would show: built only from what a client received, checked at every step.

use super::{Ended, TestClient};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;

/// One client's log, over as many connections as it takes. Applying an event panics where the server broke its word:
/// a gap, a step back, a message shown twice.
#[derive(Default)]
pub struct View {
    epoch: String,
    /// The highest position seen; resuming starts here.
    position: u64,
    /// A fresh load begins wherever the server chooses, and is whole from there on.
    anywhere: bool,
    /// The head as the last `welcome` had it: the replay has to reach it.
    promised: u64,
    /// The replay is complete: from here on every position comes.
    live: bool,
    /// Positions that the replay passed over: messages whose deletion has to be in it.
    passed_over: BTreeSet<u64>,
    shown: BTreeMap<u64, (String, String)>,
    /// Of what is shown or not: what each message has, and since which position.
    counts: BTreeMap<u64, (u64, Value)>,
    /// People react here: a replay also passes over what newer reactions to the same message have replaced.
    has_reactions: bool,
    /// Ids of what this client sent: only these may be answered with a position that is already past.
    own: HashSet<String>,
}

impl View {
    /// A view of a log with reactions in it.
    pub fn with_reactions() -> View {
        View { has_reactions: true, ..View::default() }
    }

    /// Connects to where this view left off.
    pub fn connect(&self, addr: SocketAddr) -> TestClient {
        match self.epoch.as_str() {
            "" => TestClient::connect(addr),
            epoch => TestClient::resume(addr, self.position, epoch),
        }
    }

    /// The target of the handshake that does what [`View::connect`] does.
    #[cfg(unix)]
    pub fn target(&self) -> String {
        match self.epoch.as_str() {
            "" => "/ws".to_owned(),
            epoch => format!("/ws?after={}&epoch={epoch}", self.position),
        }
    }

    /// This client has sent (or is about to send) something under this id.
    pub fn sent(&mut self, client_message_id: &str) {
        self.own.insert(client_message_id.to_owned());
    }

    /// The highest position seen.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What is shown: position, name, text; oldest first.
    pub fn messages(&self) -> Vec<(u64, String, String)> {
        self.shown.iter().map(|(id, (name, text))| (*id, name.clone(), text.clone())).collect()
    }

    /// What those that are shown have, where they have any; oldest first.
    pub fn reactions(&self) -> Vec<(u64, Value)> {
        let shown = self
            .counts
            .iter()
            .filter(|(id, (_, counts))| self.shown.contains_key(id) && *counts != json!({}));
        shown.map(|(id, (_, counts))| (*id, counts.clone())).collect()
    }

    /// The newest that are shown, so many.
    #[cfg(unix)]
    pub fn newest(&self, count: usize) -> Vec<u64> {
        self.shown.keys().rev().take(count).copied().collect()
    }

    /// The texts of what is shown, oldest first.
    pub fn texts(&self) -> Vec<&str> {
        self.shown.values().map(|(_, text)| text.as_str()).collect()
    }

    /// Reads and applies until `position` is reached; gives back how the connection ended if it did before.
    pub fn follow_to(&mut self, client: &mut TestClient, position: u64) -> Result<(), Ended> {
        while self.position < position {
            self.apply(&client.follow()?);
        }
        Ok(())
    }

    /// Reads and applies until the replay is complete and the connection is live.
    pub fn follow_replay(&mut self, client: &mut TestClient) -> Result<(), Ended> {
        loop {
            let event = client.follow()?;
            self.apply(&event);
            if event["event"] == "room" {
                return Ok(());
            }
        }
    }

    /// Asks for what is older than all that is shown, `limit` messages at a time, until there is nothing more.
    pub fn scroll_back(&mut self, client: &mut TestClient, limit: usize) -> Result<(), Ended> {
        loop {
            let before = self.shown.keys().next().copied().unwrap_or(self.position + 1);
            client.send(json!({"event": "request_history", "before": before, "limit": limit}));
            let history = loop {
                let event = client.follow()?;
                self.apply(&event);
                if event["event"] == "history" {
                    break event;
                }
            };
            if history["more"] == false {
                return Ok(());
            }
        }
    }

    /// Does with `event` what a page does.
    pub fn apply(&mut self, event: &Value) {
        match event["event"].as_str().expect("an event has its kind") {
            "welcome" => self.welcome(event),
            "receive_message" => self.receive(event),
            "message_deleted" => {
                self.step(position(&event["id"]), event);
                let message_id = position(&event["message_id"]);
                self.shown.remove(&message_id);
                self.counts.remove(&message_id);
                self.passed_over.remove(&message_id);
                self.replaced(message_id, event);
            }
            "reactions" => {
                assert!(self.has_reactions, "nobody reacts here: {event}");
                let (id, message_id) = (position(&event["id"]), position(&event["message_id"]));
                self.step(id, event);
                self.counts.insert(message_id, (id, event["reactions"].clone()));
                self.replaced(message_id, event);
            }
            "history" => self.history(event),
            "room" => {
                let (position, promised) = (self.position, self.promised);
                assert!(position >= promised, "live at {position} though {promised} was promised");
                assert!(self.passed_over.is_empty(), "lost: {:?}", self.passed_over);
                self.live = true;
            }
            _ => (),
        }
    }

    fn welcome(&mut self, event: &Value) {
        let epoch = event["epoch"].as_str().expect("a welcome has the epoch");
        self.promised = position(&event["position"]);
        self.live = false;
        if self.epoch != epoch || event["reset"] == true {
            let (own, has_reactions) = (std::mem::take(&mut self.own), self.has_reactions);
            *self = View {
                epoch: epoch.to_owned(),
                own,
                has_reactions,
                promised: self.promised,
                ..View::default()
            };
            self.anywhere = self.promised > 0;
        }
        assert!(self.position <= self.promised, "a head behind what was seen needs a reset: {event}");
    }

    fn receive(&mut self, event: &Value) {
        let id = position(&event["id"]);
        let message = (string(event, "username"), string(event, "message"));
        if id > self.position {
            self.step(id, event);
            self.shown.insert(id, message);
            return;
        }
        if event["deleted"] == true {
            assert!(!self.shown.contains_key(&id), "deleted, and still shown: {event}");
        }
        let own = event["client_message_id"].as_str().is_some_and(|id| self.own.contains(id));
        assert!(own, "a second time, at {}: {event}", self.position);
        if let Some(shown) = self.shown.get(&id) {
            assert_eq!(shown, &message, "a receipt for something else");
        }
    }

    fn history(&mut self, event: &Value) {
        let mut end = self.shown.keys().next().copied().unwrap_or(u64::MAX);
        let messages = event["messages"].as_array().expect("a history has messages");
        for message in messages.iter().rev() {
            let id = position(&message["id"]);
            assert!(id < end, "history is older than what is shown, and ascending: {id} before {end}");
            end = id;
            self.shown.insert(id, (string(message, "username"), string(message, "message")));
            let read = position(&event["position"]);
            if self.counts.get(&id).is_none_or(|(since, _)| *since <= read) {
                let none = json!({});
                self.counts.insert(id, (read, message.get("reactions").unwrap_or(&none).clone()));
            }
        }
    }

    /// Earlier reactions to this message are between it and what has come now.
    fn replaced(&mut self, message_id: u64, event: &Value) {
        if self.has_reactions {
            let now = position(&event["id"]);
            self.passed_over.retain(|passed| *passed < message_id || *passed > now);
        }
    }

    fn step(&mut self, id: u64, event: &Value) {
        assert!(id > self.position, "back from {} to {event}", self.position);
        if !self.anywhere && id > self.position + 1 {
            assert!(!self.live, "a gap from {} to {event}", self.position);
            self.passed_over.extend(self.position + 1..id);
        }
        self.anywhere = false;
        self.position = id;
    }
}

fn position(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no position: {value}"))
}

fn string(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_else(|| panic!("no {field} in {event}")).to_owned()
}
