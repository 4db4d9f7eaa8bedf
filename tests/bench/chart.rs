//! The comparison as a table for the readme, and as a picture for who would rather look than read.

use crate::compare::{Contender, FloodFigures, TalkFigures};
use crate::figures::short;
use std::fmt::Write;

/// One server's figures.
pub struct Row {
    name: String,
    /// In [`COLUMNS`]' order.
    values: Vec<f64>,
}

/// What is shown of each server.
struct Column {
    heading: &'static str,
    /// The panel's title in the picture; none for what only the table has.
    panel: Option<(&'static str, &'static str)>,
    unit: &'static str,
}

const COLUMNS: [Column; 7] = [
    Column { heading: "32 write: deliveries/s", panel: None, unit: "" },
    Column {
        heading: "per second of CPU",
        panel: Some((
            "A class of 32, all writing without pause",
            "messages delivered for each second of processor time · longer is better",
        )),
        unit: "",
    },
    Column { heading: "10 of 1,000 write: deliveries/s", panel: None, unit: "" },
    Column {
        heading: "per second of CPU",
        panel: Some((
            "A hall of 1,000, ten writing without pause",
            "messages delivered for each second of processor time · longer is better",
        )),
        unit: "",
    },
    Column {
        heading: "30 clients, 30/s: median",
        panel: Some((
            "A lively talk: 30 people, 30 messages a second",
            "milliseconds until the last has it, the median · shorter is better",
        )),
        unit: " ms",
    },
    Column { heading: "1,000 clients, 50/s: median", panel: None, unit: " ms" },
    Column {
        heading: "CPU",
        panel: Some((
            "A hall of 1,000, 50 messages a second",
            "processor time used, in per cent of a core · shorter is better",
        )),
        unit: " %",
    },
];

/// The figures of all that took part.
pub fn rows(all: &[Contender], floods: &[Vec<FloodFigures>; 2], talks: &[Vec<TalkFigures>; 2]) -> Vec<Row> {
    let row = |(index, contender): (usize, &Contender)| {
        let (class, hall) = (&floods[0][index], &floods[1][index]);
        let (lively, large) = (&talks[0][index], &talks[1][index]);
        let medians =
            [&class.rate, &class.per_cpu, &hall.rate, &hall.per_cpu, &lively.p50, &large.p50, &large.cpu];
        let mut values: Vec<f64> = medians.map(|rounds| rounds.median()).to_vec();
        if let Some(cpu) = values.last_mut() {
            *cpu *= 100.0;
        }
        Row { name: contender.name.clone(), values }
    };
    all.iter().enumerate().map(row).collect()
}

/// The table.
pub fn markdown(rows: &[Row]) -> String {
    let mut out = "|".to_owned();
    COLUMNS.iter().for_each(|column| out += &format!(" | {}", column.heading));
    out += " |\n|---|";
    out += &"---:|".repeat(COLUMNS.len());
    for row in rows {
        let cells = row.values.iter().zip(&COLUMNS).map(|(value, column)| short(*value) + column.unit);
        out += &format!("\n| {} | {} |", row.name, cells.collect::<Vec<_>>().join(" | "));
    }
    out
}

const WIDTH: usize = 760;
/// Where the bars begin.
const LEFT: usize = 190;
/// The longest bar; behind it is its figure.
const LONGEST: f64 = 460.0;
const BAR: usize = 22;
const TITLE: usize = 58;

/// The picture: a panel for each figure that has one, a bar for each server. It follows the reader's light or dark.
pub fn svg(rows: &[Row]) -> String {
    let panels: Vec<(usize, &Column)> =
        COLUMNS.iter().enumerate().filter(|(_, column)| column.panel.is_some()).collect();
    let height = panels.len() * (TITLE + rows.len() * BAR + 14) + 10;
    let mut out = String::new();
    let _ = write!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="chat-app and other chat servers, measured side by side">
<style>
text {{ font: 13px system-ui, sans-serif; fill: #1f2328 }}
.title {{ font-weight: 600; font-size: 15px }}
.note {{ fill: #59636e; font-size: 12px }}
.other {{ fill: #8c959f }}
.own {{ fill: #0969da }}
.name {{ text-anchor: end }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #f0f6fc }}
.note {{ fill: #9198a1 }}
.other {{ fill: #656c76 }}
.own {{ fill: #4493f8 }}
}}
</style>
"##
    );
    let mut top = 0;
    for (index, column) in panels {
        let (title, note) = column.panel.unwrap_or_default();
        let _ = writeln!(out, r#"<text class="title" x="16" y="{}">{title}</text>"#, top + 26);
        let _ = writeln!(out, r#"<text class="note" x="16" y="{}">{note}</text>"#, top + 44);
        top += TITLE;
        let most = rows.iter().map(|row| row.values[index]).fold(0.0, f64::max);
        for row in rows {
            let (value, class) =
                (row.values[index], if row.name.starts_with("chat-app") { "own" } else { "other" });
            let length = (value / most * LONGEST).max(1.0);
            let (middle, figure) = (top + 15, short(value) + column.unit);
            let _ = writeln!(out, r#"<text class="name" x="{}" y="{middle}">{}</text>"#, LEFT - 10, row.name);
            let _ = writeln!(
                out,
                r#"<rect class="{class}" x="{LEFT}" y="{}" width="{length:.1}" height="{}" rx="2"/>"#,
                top + 3,
                BAR - 6
            );
            let _ =
                writeln!(out, r#"<text x="{:.1}" y="{middle}">{figure}</text>"#, LEFT as f64 + length + 8.0);
            top += BAR;
        }
        top += 14;
    }
    out + "</svg>\n"
}
