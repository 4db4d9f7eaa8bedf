//! The comparison as a table for the readme, and as a picture for who would rather look than read.

use crate::compare::{Contender, FLOODS, FloodFigures, TALKS, TalkFigures};
use crate::figures::{Counts, Rounds, ServedRounds, short};
use std::fmt::Write;

/// One figure of all servers.
struct Figure {
    what: String,
    /// The panel's title and note in the picture; none for what only the table has.
    panel: Option<(&'static str, &'static str)>,
    unit: &'static str,
    values: Vec<f64>,
    /// What stands in the table.
    cells: Vec<String>,
}

/// Everything that is shown.
pub struct Chart {
    names: Vec<String>,
    figures: Vec<Figure>,
}

const PER_CPU: &str = "messages delivered for each second of processor time · longer is better";

impl Chart {
    /// Floods and talks in their own order; each has the figures of all that took part.
    pub fn new(
        all: &[Contender],
        floods: &[Vec<FloodFigures>; 2],
        others: &[Vec<FloodFigures>; 2],
        talks: &[Vec<TalkFigures>; 2],
    ) -> Chart {
        let names = all.iter().map(|contender| contender.name.clone()).collect();
        let mut chart = Chart { names, figures: Vec::new() };
        let panels =
            ["A class of 32, all writing without pause", "A hall of 1,000, ten writing without pause"];
        for ((flood, panel), (figures, others)) in FLOODS.iter().zip(panels).zip(floods.iter().zip(others)) {
            let what = format!("**{} of {} write**: deliveries/s", flood.senders, flood.clients);
            chart.numbers(what, None, "", figures.iter().map(|own| &own.rate));
            let panel = Some((panel, PER_CPU));
            chart.numbers("for a second of CPU", panel, "", figures.iter().map(|own| &own.per_cpu));
            chart.served(figures.iter().map(|own| &own.served));
            chart.numbers(
                "tungstenite's clients: deliveries/s",
                None,
                "",
                others.iter().map(|own| &own.rate),
            );
            chart.served(others.iter().map(|own| &own.served));
        }
        for (talk, figures) in TALKS.iter().zip(talks) {
            let lively = talk.clients < FLOODS[1].clients;
            let what = format!("**{} clients, {} messages a second**: median", talk.clients, talk.rate);
            let panel = lively.then_some((
                "A lively talk: 30 people, 30 messages a second",
                "milliseconds until the last has it, the median · shorter is better",
            ));
            chart.numbers(what, panel, " ms", figures.iter().map(|own| &own.served.p50));
            chart.served(figures.iter().map(|own| &own.served));
            let panel = (!lively).then_some((
                "A hall of 1,000, 50 messages a second",
                "processor time used, in per cent of a core · shorter is better",
            ));
            let per_cent: Vec<Rounds> =
                figures.iter().map(|own| Rounds(own.cpu.0.iter().map(|cpu| cpu * 100.0).collect())).collect();
            chart.numbers("CPU", panel, " %", per_cent.iter());
        }
        chart
    }

    fn served<'a>(&mut self, all: impl Iterator<Item = &'a ServedRounds> + Clone) {
        self.numbers("p99", None, " ms", all.clone().map(|own| &own.p99));
        self.numbers("longest", None, " ms", all.clone().map(|own| &own.most));
        self.counts("cut off", all.clone().map(|own| &own.cut_off));
        if all.clone().any(|own| own.afresh.0.iter().any(|count| *count > 0)) {
            self.counts("sent afresh", all.map(|own| &own.afresh));
        }
    }

    fn numbers<'a>(
        &mut self,
        what: impl Into<String>,
        panel: Option<(&'static str, &'static str)>,
        unit: &'static str,
        rounds: impl Iterator<Item = &'a Rounds>,
    ) {
        let values: Vec<f64> = rounds.map(Rounds::median).collect();
        let cells = values.iter().map(|value| cell(*value, unit)).collect();
        self.figures.push(Figure { what: what.into(), panel, unit, values, cells });
    }

    fn counts<'a>(&mut self, what: &str, counts: impl Iterator<Item = &'a Counts>) {
        let cell = |counts: &Counts| if counts.0.is_empty() { "–".to_owned() } else { counts.to_string() };
        let cells = counts.map(cell).collect();
        self.figures.push(Figure { what: what.to_owned(), panel: None, unit: "", values: Vec::new(), cells });
    }

    /// The table.
    pub fn markdown(&self) -> String {
        let mut out = format!("| | {} |\n|---|{}", self.names.join(" | "), "---:|".repeat(self.names.len()));
        for figure in &self.figures {
            let _ = write!(out, "\n| {} | {} |", figure.what, figure.cells.join(" | "));
        }
        out
    }
}

fn cell(value: f64, unit: &str) -> String {
    if value.is_nan() { "–".to_owned() } else { short(value) + unit }
}

const WIDTH: usize = 760;
/// Where the bars begin.
const LEFT: usize = 190;
/// The longest bar; behind it is its figure.
const LONGEST: f64 = 460.0;
const BAR: usize = 22;
const TITLE: usize = 58;

impl Chart {
    /// The picture: a panel for each figure that has one, a bar for each server. It follows the reader's light or dark.
    pub fn svg(&self) -> String {
        let panels = self.figures.iter().filter_map(|figure| Some((figure, figure.panel?)));
        let height = panels.clone().count() * (TITLE + self.names.len() * BAR + 14) + 10;
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
        for (figure, (title, note)) in panels {
            let _ = writeln!(out, r#"<text class="title" x="16" y="{}">{title}</text>"#, top + 26);
            let _ = writeln!(out, r#"<text class="note" x="16" y="{}">{note}</text>"#, top + 44);
            top += TITLE;
            let most = figure.values.iter().copied().fold(0.0, f64::max);
            for (name, value) in self.names.iter().zip(&figure.values) {
                bar(&mut out, top, name, value / most * LONGEST, &cell(*value, figure.unit));
                top += BAR;
            }
            top += 14;
        }
        out + "</svg>\n"
    }
}

fn bar(out: &mut String, top: usize, name: &str, length: f64, figure: &str) {
    let class = if name.starts_with("chat-app") { "own" } else { "other" };
    let (length, middle, name_end) = (length.max(1.0), top + 15, LEFT - 10);
    let _ = writeln!(out, r#"<text class="name" x="{name_end}" y="{middle}">{name}</text>"#);
    let (bar_top, height) = (top + 3, BAR - 6);
    let _ = writeln!(
        out,
        r#"<rect class="{class}" x="{LEFT}" y="{bar_top}" width="{length:.1}" height="{height}" rx="2"/>"#
    );
    let _ = writeln!(out, r#"<text x="{:.1}" y="{middle}">{figure}</text>"#, LEFT as f64 + length + 8.0);
}
