//! How it is laid out: lines that no terminal has to break, and QR codes in half blocks.

use fast_qr::QRCode;

use crate::http::qr::{QUIET_ZONE, qr};

/// What every terminal shows in a line.
pub(super) const COLUMNS: usize = 80;
/// Of these, for what a row is about.
const LABEL: usize = 18;

/// A label and what it is about, in lines that no terminal has to break, as far as a word allows: what does not fit beside the
/// labels begins a line of its own, and so stays whole for whoever copies it.
pub(super) fn wrapped<'a>(label: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let indent = if label.is_empty() { 2 } else { 2 + LABEL };
    let mut out = if label.is_empty() { "  ".to_owned() } else { format!("  {label:<LABEL$}") };
    let mut column = indent;
    for word in words {
        let (blank, width) = (usize::from(column > indent), width(word));
        if column + blank + width > COLUMNS && (column > indent || indent + width > COLUMNS) {
            column = if indent + width > COLUMNS { 2 } else { indent };
            out.truncate(out.trim_end().len());
            out += &format!("\n{:column$}", "");
        } else if blank == 1 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// Characters that are seen: those of a colour are not.
pub(super) fn width(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().chars().count();
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, seen)| seen.chars().count())).sum::<usize>()
}

/// A link's QR code, for a terminal alone.
pub(super) fn drawn(link: &str, tty: bool) -> String {
    tty.then(|| qr(link)).flatten().map(|code| blocks(&code)).unwrap_or_default()
}

/// A QR code in half blocks, two modules a character. Black and white are named outright (16 and 231 of the 256
/// colours are not a theme's to change), so it reads the same on dark and light terminals.
fn blocks(code: &QRCode) -> String {
    let dark = |x: usize, y: usize| {
        let inside = |n: usize| (QUIET_ZONE..QUIET_ZONE + code.size).contains(&n);
        inside(x) && inside(y) && code[y - QUIET_ZONE][x - QUIET_ZONE].value()
    };
    let side = code.size + 2 * QUIET_ZONE;
    let mut out = String::new();
    for y in (0..side).step_by(2) {
        out.push_str("  \x1b[38;5;16;48;5;231m");
        for x in 0..side {
            out.push(match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_on_a_terminal_is_a_light_square_with_a_quiet_zone() {
        let code = qr("http://192.168.1.5:5000").expect("short enough");
        let drawn = blocks(&code);
        let rows: Vec<Vec<char>> = drawn
            .lines()
            .map(|line| {
                let row = line.strip_prefix("  \u{1b}[38;5;16;48;5;231m");
                let row = row.and_then(|row| row.strip_suffix("\u{1b}[0m"));
                row.expect("every line sets its colours and resets them").chars().collect()
            })
            .collect();
        let side = code.size + 2 * QUIET_ZONE;
        assert_eq!(rows.len(), side.div_ceil(2));
        assert!(rows.iter().all(|row| row.len() == side));
        assert!(rows[..2].iter().flatten().all(|&c| c == ' '), "{drawn}");
        assert!(rows.iter().all(|row| row[..4].iter().chain(&row[side - 4..]).all(|&c| c == ' ')), "{drawn}");
        // The finder pattern in the corner: a dark line of seven modules, and a light one within.
        assert_eq!(rows[2][4..12].iter().collect::<String>(), "█▀▀▀▀▀█ ", "{drawn}");
    }
}
