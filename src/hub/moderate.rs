//! What hosts do: who may, to whom, and who is told.

use std::net::IpAddr;
use std::sync::Arc;

use super::meant::Meant;
use super::{Hub, IssuedReset, Job};
use crate::accounts::HostNews;
use crate::hub::client::Client;
use crate::hub::clients::ClientId;
use crate::protocol::names::Name;
use crate::protocol::{
    CloseCode, HostAction, Moderate, Position, Reason, Refusal, Role, ServerEvent, encode_close, frame,
};
use crate::room::kept::{Hold, Identifier, Settings};
use crate::store::Recent;

impl Hub {
    pub(super) fn moderate(&mut self, by: ClientId, action: Moderate) -> Result<(), Refusal> {
        if !self.is_host(by) {
            return Err(Reason::NotHost.into());
        }
        match action {
            Moderate::Lock => self.set(by, "lock", None, |room| room.locked = true),
            Moderate::Unlock => self.set(by, "unlock", None, |room| room.locked = false),
            Moderate::CloseDoor => {
                self.room.keep_who_is_here(self.log.now_ms());
                self.set(by, "close_door", None, |room| room.door_closed = true);
            }
            Moderate::OpenDoor => self.set(by, "open_door", None, |room| room.door_closed = false),
            Moderate::FixNames => self.set(by, "fix_names", None, |room| room.names_fixed = true),
            Moderate::FreeNames => self.set(by, "free_names", None, |room| room.names_fixed = false),
            Moderate::SlowMode(seconds) => {
                self.set(by, "slow_mode", Some(seconds.to_string()), |room| room.slow_mode_seconds = seconds);
            }
            Moderate::SetTitle(title) => {
                self.set(by, "set_title", Some(title.clone()), |room| room.title = Some(title));
            }
            Moderate::Mute { name, message_id } => {
                let meant = self.person_to_hold(by, &name, message_id)?;
                self.mute(by, meant)?;
            }
            Moderate::Remove { name, message_id, keep_device_out } => {
                let meant = self.person_to_hold(by, &name, message_id)?;
                self.remove(by, meant, keep_device_out)?;
            }
            Moderate::Unmute(name) => self.release(by, Hold::Mute, &name)?,
            Moderate::Allow(name) => self.release(by, Hold::Ban, &name)?,
            Moderate::FreeName(name) => self.free_name(Some(by), &name)?,
            Moderate::IssueReset(name) => {
                self.config.jobs.try_send(Job::IssueReset(by, name)).map_err(|_| Reason::ResetBusy)?;
            }
            Moderate::DeleteRecent { name, minutes, message_id } => {
                let recent = self.recent(&name, minutes, message_id);
                self.config.jobs.try_send(Job::FindRecent(by, recent)).map_err(|_| Reason::HistoryBusy)?;
            }
            Moderate::NewInvite => self.ask_for_invite(by)?,
            Moderate::Pin(message_id) => self.log.push_pin(Some(message_id), by),
            Moderate::Unpin => self.log.push_pin(None, by),
            Moderate::Clear => self.log.push_clear(by),
        }
        Ok(())
    }

    /// Whether it is a host who has asked, still.
    pub(super) fn is_host(&mut self, by: ClientId) -> bool {
        self.clients.get(by).is_some_and(|client| client.is_host())
    }

    /// Changes what holds for everybody; told with this turn, unless it was so already.
    fn set(
        &mut self,
        by: ClientId,
        action: &'static str,
        detail: Option<String>,
        change: impl FnOnce(&mut Settings),
    ) {
        if self.moderation.set(change) {
            self.due.room = true;
            self.note_action(by, action, None, detail);
        }
    }

    fn mute(&mut self, by: ClientId, Meant { held, .. }: Meant) -> Result<(), Refusal> {
        let display = held.name.shared_display();
        self.room.hands.lower_of(&held);
        self.moderation.hold(Hold::Mute, held)?;
        self.send_muted();
        self.note_action(by, "mute", Some(display), None);
        Ok(())
    }

    fn remove(&mut self, by: ClientId, meant: Meant, keep_device_out: bool) -> Result<(), Refusal> {
        let Meant { mut held, connections } = meant;
        if keep_device_out {
            let addresses = self.addresses_to_close(by, &connections)?;
            held.identifiers.extend(addresses.into_iter().map(Identifier::Address));
        }
        let display = held.name.shared_display();
        self.room.hands.lower_of(&held);
        self.moderation.hold(Hold::Ban, held)?;
        let moderation = &self.moderation;
        let out =
            self.clients.which(|client| !client.is_host() && moderation.is_removed(&client.identifiers()));
        for id in connections.into_iter().chain(out) {
            self.depart_removed(id);
        }
        let detail = keep_device_out.then(|| "and their device".to_owned());
        self.note_action(by, "remove", Some(display), detail);
        Ok(())
    }

    /// Deletes what was found of [`Moderate::DeleteRecent`]: one entry in the record, however many they are.
    pub(super) fn delete_recent(
        &mut self,
        by: ClientId,
        recent: Recent,
        found: Result<Vec<Position>, Refusal>,
    ) {
        if !self.is_host(by) {
            return;
        }
        let username = recent.name.shared_display();
        match found {
            Ok(found) if found.is_empty() => {
                let nothing = Reason::NothingRecent { username: username.to_string() };
                self.send_to(by, &ServerEvent::Error(&nothing.into()));
            }
            Ok(found) => {
                let detail = format!("{} of the last {} min", found.len(), recent.minutes);
                self.note_action(by, "delete_recent", Some(username), Some(detail));
                self.log.delete_all(found);
            }
            Err(refusal) => self.send_to(by, &ServerEvent::Error(&refusal)),
        }
    }

    pub(super) fn depart_removed(&mut self, id: ClientId) {
        if self.clients.get(id).is_some_and(|client| !client.is_leaving) {
            self.lower_hand_of(id);
            self.depart(id, encode_close(CloseCode::Removed));
        }
    }

    fn release(&mut self, by: ClientId, hold: Hold, name: &Name) -> Result<(), Refusal> {
        let Some(display) = self.moderation.release(hold, name) else {
            let username = name.display().to_owned();
            return Err(match hold {
                Hold::Mute => Reason::NotMuted { username }.into(),
                Hold::Ban => Reason::NotOut { username }.into(),
            });
        };
        if hold == Hold::Mute {
            self.send_muted();
        }
        let action = if hold == Hold::Mute { "unmute" } else { "allow" };
        self.note_action(by, action, Some(display), None);
        Ok(())
    }

    /// Where these connections come from, if nobody else who has to get in comes from there.
    fn addresses_to_close(&mut self, by: ClientId, connections: &[ClientId]) -> Result<Vec<IpAddr>, Reason> {
        let hosts = self.clients.which(Client::is_host);
        let own = self.clients.get(by).map(|client| client.visitor.address);
        let mut addresses = Vec::new();
        for id in connections {
            addresses.extend(self.clients.get(*id).map(|client| client.visitor.address));
        }
        if addresses.is_empty() {
            return Err(Reason::DeviceUnknown);
        }
        if addresses.iter().any(|address| Some(*address) == own || address.is_loopback()) {
            return Err(Reason::DeviceIsYours);
        }
        if addresses.iter().any(|address| self.config.proxies.contains(address)) {
            return Err(Reason::DeviceBehindProxy);
        }
        // Of IPv6 it is the network that counts: this computer's own has everybody in it who is in the room's Wi-Fi.
        let here = (self.config.own_addresses)();
        if addresses.iter().any(|address| here.contains(address)) {
            return Err(Reason::DeviceIsThisComputer);
        }
        for host in hosts {
            if self.clients.get(host).is_some_and(|client| addresses.contains(&client.visitor.address)) {
                return Err(Reason::DeviceIsHosts);
            }
        }
        Ok(addresses)
    }

    /// Tells everybody so who may write, or may not, since just now.
    fn send_muted(&mut self) {
        let moderation = &self.moderation;
        let changed = self.clients.which(|client| {
            let Some(identity) = &client.identity else { return false };
            client.is_muted
                != (!client.is_host() && moderation.is_muted(&identity.folded, &client.identifiers()))
        });
        for id in changed {
            if let Some(client) = self.clients.get(id) {
                client.is_muted = !client.is_muted;
            }
            if self.clients.get(id).is_some_and(|client| client.is_muted) {
                self.lower_hand_of(id);
            }
            self.send_joined(id);
        }
    }

    /// Whether this connection's person may not write.
    pub(super) fn update_muted(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(id) else { return };
        let identifiers = client.identifiers();
        let folded = client.identity.as_ref().map(|identity| identity.folded.clone());
        client.is_muted =
            !client.is_host() && folded.is_some_and(|folded| self.moderation.is_muted(&folded, &identifiers));
    }

    /// A link for somebody's new password, made aside.
    pub(super) fn give_reset(&mut self, by: ClientId, issued: Result<IssuedReset, Refusal>) {
        // A host who is none any more gets no link.
        if !self.is_host(by) {
            return;
        }
        match issued {
            Ok(IssuedReset { link, qr_svg }) => {
                let event = ServerEvent::ResetIssued {
                    username: &link.username,
                    link: &link.url,
                    expires_at: link.expires_at_ms,
                    qr_svg: &qr_svg,
                };
                self.send_to(by, &event);
                self.note_action(by, "issue_reset", Some(link.username.into()), None);
            }
            Err(refusal) => self.send_to(by, &ServerEvent::Error(&refusal)),
        }
    }

    /// Another invite code, made aside.
    fn ask_for_invite(&mut self, by: ClientId) -> Result<(), Refusal> {
        if self.config.invite_code.is_none() {
            return Err(Reason::InviteNotNeeded.into());
        }
        let asked = self.config.jobs.try_send(Job::NewInvite(by));
        asked.map_err(|_| Refusal::from(Reason::HostsBusy).after(1_000))
    }

    pub(super) fn take_invite(&mut self, by: ClientId, made: Result<String, Refusal>) {
        match made {
            Ok(code) => {
                self.config.invite_code = Some(code);
                self.note_action(by, "new_invite", None, None);
            }
            Err(refusal) => self.send_to(by, &ServerEvent::Error(&refusal)),
        }
    }

    /// What has changed outside of the room: hosts have ended, somebody forgot their password or has a new one.
    pub(super) fn take_host_news(&mut self, news: HostNews) {
        self.end_sessions(&super::EndedSessions::HostsBefore(news.generation));
        if self.moderation.reset_requests != news.reset_requests {
            self.moderation.reset_requests = news.reset_requests;
            self.due.moderation = true;
        }
    }

    pub(super) fn note_action(
        &mut self,
        by: impl Into<Option<ClientId>>,
        action: &'static str,
        username: Option<Arc<str>>,
        detail: Option<String>,
    ) {
        let at = self.log.now_ms();
        let client = match by.into() {
            Some(by) => self.clients.get(by),
            None => None,
        };
        let identity = client.and_then(|client| client.identity.as_ref());
        let host =
            identity.map_or_else(|| (*self.config.nameless.host).into(), |identity| identity.display.clone());
        log::info!("{action} by {host}{}", username.as_ref().map(|it| format!(": {it}")).unwrap_or_default());
        self.moderation.note(HostAction { at, host, action: action.into(), username, detail });
        self.due.moderation = true;
    }

    /// Tells hosts what is theirs to know.
    pub(super) fn send_moderation(&mut self) {
        let hosts = self.clients.which(Client::is_host);
        if hosts.is_empty() {
            return;
        }
        let frames = self.moderation_frame();
        for id in hosts {
            self.send_frames_to(id, frames.clone());
        }
    }

    /// `moderation`, as hosts get it.
    pub(super) fn moderation_frame(&self) -> Vec<u8> {
        let (muted, removed) = self.moderation.held_back();
        frame(&ServerEvent::Moderation {
            muted: &muted,
            removed: &removed,
            reset_requests: &self.moderation.reset_requests,
            invite_code: self.config.invite_code.as_deref(),
            actions: self.moderation.actions(),
            questions: &self.moderation.questions,
            history_percent: self.log.percent(),
        })
    }

    /// Of one person's connections the host's has ended: the others go on as what they are.
    pub(super) fn host_left(&mut self, folded: &str) {
        let hosts = self.clients.which(|client| {
            client.is_host() && client.identity.as_ref().is_some_and(|identity| *identity.folded == *folded)
        });
        if hosts.is_empty() && self.room.person(folded).is_some_and(|person| person.role == Role::Host) {
            self.room.is_host_no_more(folded);
        }
    }
}

const _: () = {
    use crate::limits::{HANDS_TOLD, HELD_BACK, HOST_ACTIONS_SHOWN, NAME_CHARACTERS};
    use crate::limits::{OWN_BYTES, QUESTION_CHARACTERS, RESET_REQUESTS};
    let name = NAME_CHARACTERS * 4 + 4;
    let actions = HOST_ACTIONS_SHOWN * 1024;
    let questions = HANDS_TOLD * (name + QUESTION_CHARACTERS * 4 + 64);
    assert!(
        2 * HELD_BACK * name + RESET_REQUESTS * (name + 64) + actions + questions < OWN_BYTES / 2,
        "what hosts are told must fit what may wait for one"
    );
};
