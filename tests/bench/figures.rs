//! Medians, spreads and percentiles.

use std::fmt;
use std::time::Duration;

/// What several rounds gave for one figure.
#[derive(Debug, Clone, Default)]
pub struct Rounds(pub Vec<f64>);

impl Rounds {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one, not a number if there was none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[count / 2],
            count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
        }
    }

    /// This over that, round by round: what disturbed a round disturbed both.
    pub fn over(&self, other: &Rounds) -> Rounds {
        Rounds(self.0.iter().zip(&other.0).map(|(this, that)| this / that).collect())
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [value] = self.0[..] {
            return write!(out, "{}", short(value));
        }
        let (low, high) = self
            .0
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        write!(out, "{} ({}–{})", short(self.median()), short(low), short(high))
    }
}

/// Three digits that count, and a word for what is large.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size.is_nan() || size >= f64::MAX => "–".to_owned(),
        size if size >= 1e6 => format!("{} M", digits(value / 1e6)),
        size if size >= 1e4 => format!("{} k", digits(value / 1e3)),
        _ => digits(value),
    }
}

fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// How well clients were served: milliseconds until they had a message, and how many could not keep up.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    pub p50: f64,
    pub p99: f64,
    /// The longest that anybody was behind.
    pub most: f64,
    pub cut_off: usize,
    /// Sent afresh: told that they missed something, and still there.
    pub afresh: usize,
}

impl Served {
    /// From microseconds, and from how far behind those were who could not keep up.
    pub fn new(times: impl Iterator<Item = u32>, behind: Duration, cut_off: usize, afresh: usize) -> Served {
        let mut sorted: Vec<u32> = times.collect();
        sorted.sort_unstable();
        let at = |part: f64| {
            let rank = (sorted.len() as f64 * part).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
        };
        Served { p50: at(0.5), p99: at(0.99), most: at(1.0).max(behind.as_secs_f64() * 1e3), cut_off, afresh }
    }
}

/// [`Served`] in several rounds.
#[derive(Debug, Clone, Default)]
pub struct ServedRounds {
    pub p50: Rounds,
    pub p99: Rounds,
    pub most: Rounds,
    pub cut_off: Counts,
    pub afresh: Counts,
}

impl ServedRounds {
    pub fn push(&mut self, served: Served) {
        self.p50.push(served.p50);
        self.p99.push(served.p99);
        self.most.push(served.most);
        self.cut_off.0.push(served.cut_off);
        self.afresh.0.push(served.afresh);
    }
}

/// How many there were in each round; no median hides one.
#[derive(Debug, Clone, Default)]
pub struct Counts(pub Vec<usize>);

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|count| *count == 0) {
            return write!(out, "0");
        }
        write!(out, "{}", self.0.iter().map(usize::to_string).collect::<Vec<_>>().join("+"))
    }
}

/// Rows as columns that stand below each other; the first row is the heading.
pub fn print_table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        println!("  {}", cells.collect::<Vec<_>>().join("   ").trim_end());
    }
    println!();
}
