//! The room's name in the local network.

use std::time::Duration;

/// Characters of `--lan-name`: with a number after it, it is still a label of 63.
pub const LAN_NAME_CHARACTERS: usize = 60;
/// Names that are tried, `chat` to `chat-20`: more rooms than a school has at a time, unless somebody takes them all on purpose.
pub const LAN_NAMES: u32 = 20;
/// How often a name is asked for before it is used, and how long others then have to answer; also what a room waits before the first
/// question at most, so that those of a class which begins do not all ask at once (RFC 6762, 8.1).
pub const LAN_ASKED: u32 = 3;
pub const LAN_ASK_PAUSE: Duration = Duration::from_millis(250);
/// Before asking again where somebody else asked for the name at the same moment (8.2).
pub const LAN_LOST_PAUSE: Duration = Duration::from_secs(1);
/// Before all names are tried again where each was somebody's, or was said to be.
pub const LAN_AGAIN: Duration = Duration::from_secs(5 * 60);
/// How often it is said unasked that the name is taken now, and what lies between (8.3).
pub const LAN_TOLD: u32 = 2;
pub const LAN_TELL_PAUSE: Duration = Duration::from_secs(1);
/// Between two answers to a whole network (6), and to somebody who is about to take the name.
pub const LAN_REPEAT: Duration = Duration::from_secs(1);
pub const LAN_DEFENCE: Duration = Duration::from_millis(250);
/// Seconds that others remember an address, and what does not change with the network (10).
pub const LAN_TTL: u32 = 120;
pub const LAN_TYPE_TTL: u32 = 4_500;
/// Seconds at most for somebody who asks alone, and so hears of no change (6.7).
pub const LAN_ONE_TTL: u32 = 10;
/// Bytes of a message: a packet of Ethernet or Wi-Fi. Longer ones (17) are single large records, which nobody has of this name.
pub const LAN_BYTES: usize = 1_500;
/// Labels and pointers in all names of a message: a full one of usual names has 1,500, and one made to be slow 30,000.
pub const LAN_LABELS: usize = 2_000;
/// Messages that are read at once, and the pause after them: 800 a second are more than a busy school's network has.
/// Reading the slowest takes 13 µs: a flood costs a few hundredths of a core.
pub const LAN_AT_ONCE: usize = 8;
pub const LAN_PAUSE: Duration = Duration::from_millis(10);
/// How often the room looks for other networks: a laptop that was carried elsewhere is found in the time of a login.
pub const LAN_LOOK: Duration = Duration::from_secs(5);
/// What the banner waits for the name: a wait, three questions, and a little.
pub const LAN_BANNER: Duration = Duration::from_millis(1_200);
