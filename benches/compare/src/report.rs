//! [`Line`]: what is known of one operator of one workload, side by side; and the table of all lines.

use crate::operator::Operator;
use crate::row::Row;
use crate::workload::Form;
use crate::{native, ours};

/// The rows of one operator at one workload, with those it is measured against.
pub struct Line<'a> {
    /// Our row.
    pub ours: Option<&'a Row>,
    /// Rows of the other systems.
    pub peers: Vec<&'a Row>,
    /// Our gradient of the same function, in seconds.
    gradient: Option<f64>,
    /// Our product at a linearised point.
    linearized: Option<f64>,
    /// Our Laplacian without collapsing, direction by direction.
    per_direction: Option<f64>,
}

/// A bound that the time of one of our operators is to keep.
pub struct Target {
    /// What it is measured in.
    pub unit: String,
    /// The largest number of units that keeps it.
    pub limit: f64,
    /// What was measured.
    pub found: f64,
}

impl<'a> Line<'a> {
    /// Lines in the order in which the operators were measured.
    pub fn all(rows: &'a [Row]) -> Vec<Line<'a>> {
        let mut lines: Vec<Line<'a>> = Vec::new();
        for row in rows {
            let index = lines.iter().position(|line| alike(line.first(), row) && line.first().op == row.op);
            let index = index.unwrap_or_else(|| {
                let of = |op: Operator, peer: &str| {
                    let found = rows.iter().find(|r| alike(r, row) && r.op == op.to_string() && r.peer == peer);
                    found.map(|r| r.summary.median)
                };
                lines.push(Line {
                    ours: None,
                    peers: Vec::new(),
                    gradient: of(Operator::Gradient, ours::NAME),
                    linearized: of(Operator::HvpLinearized, ours::NAME),
                    per_direction: of(Operator::LaplacianPerDirection, ours::NAME),
                });
                lines.len() - 1
            });
            match row.peer.as_str() {
                ours::NAME => lines[index].ours = Some(row),
                _ => lines[index].peers.push(row),
            }
        }
        lines
    }

    /// Any row of the line, for what they have in common.
    pub fn first(&self) -> &'a Row {
        self.ours.or(self.peers.first().copied()).expect("a line is made of at least one row")
    }

    /// The row of a system.
    pub fn of(&self, peer: &str) -> Option<&'a Row> {
        self.ours.iter().chain(&self.peers).find(|row| row.peer == peer).copied()
    }

    /// The fastest other system.
    pub fn fastest(&self) -> Option<&'a Row> {
        let peers = self.peers.iter().filter(|row| row.peer != native::NAME);
        peers.min_by(|a, b| a.summary.median.total_cmp(&b.summary.median)).copied()
    }

    /// Our time over that of the fastest other system.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.ours?.summary.median / self.fastest()?.summary.median)
    }

    /// Our time over that of our gradient.
    pub fn per_gradient(&self) -> Option<f64> {
        Some(self.ours?.summary.median / self.gradient?)
    }

    /// What the time is to keep: a [share](aim) of the fastest other system's, and the multiples of cheaper operators that the
    /// algorithm allows, with some room for memory traffic.
    pub fn targets(&self) -> Vec<Target> {
        let Some(ours) = self.ours else { return Vec::new() };
        let time = ours.summary.median;
        let is = |op: Operator| ours.op == op.to_string();
        let scalar = ours.form == Form::Scalar.to_string();
        let against = |unit: &str, limit: f64, one: Option<f64>| {
            one.map(|one| Target { unit: unit.into(), limit, found: time / one })
        };
        let peer = self.fastest().and_then(|p| against(&p.peer, aim(ours, &p.peer), Some(p.summary.median)));
        let own = match () {
            () if scalar && (is(Operator::Gradient) || is(Operator::Hvp)) => {
                times_native(ours).and_then(|limit| against("native", limit, ours.native))
            }
            () if is(Operator::Hvp) => against("gradient", 1.9, self.gradient),
            () if is(Operator::HvpLinearized) => against("gradient", 1.3, self.gradient),
            () if is(Operator::Laplacian) => against("laplacian_per_direction", 0.5, self.per_direction),
            () if is(Operator::Hvps16) => against("hvp_linearized", 0.9 * 16.0, self.linearized),
            () => None,
        };
        peer.into_iter().chain(own).collect()
    }
}

/// The share of the fastest other system's time that is aimed at.
fn aim(row: &Row, peer: &str) -> f64 {
    let operators = ["value", "gradient", "hvp", "hvp_linearized", "hvps16"];
    let array = row.form == Form::Array.to_string();
    let shares = match row.workload.as_str() {
        "N1" | "N2" => [0.9, 0.8, 0.75, 0.75, 0.6],
        "N1s" => [0.2, 0.25, 0.25, 0.2, 0.3],
        "S1" if array => [0.2, 0.25, 0.25, 0.2, 0.3],
        "N3" => [0.7, 0.6, 0.5, 0.5, 0.5],
        "N5" => [0.9, 0.8, 0.8, 0.8, 0.7],
        "T1" => return 0.5,
        "T2a" | "T2b" if row.op == "laplacian_gradient" => return 0.6,
        "T2a" | "T2b" => return 0.7,
        "T3" => return if peer == "jax" { 0.2 } else { 1.2 },
        "T4" => return 2.0,
        _ => return 1.0,
    };
    operators.iter().zip(shares).find(|(op, _)| **op == row.op).map_or(1.0, |(_, share)| share)
}

/// The times of the plain function that a replayed operator on a loop of scalars may take.
fn times_native(row: &Row) -> Option<f64> {
    let (gradient, product) = match row.workload.as_str() {
        "S1" | "S1b" => (3.0, 5.0),
        "S2" => (4.0, 8.0),
        "S3" | "S5" => (4.0, 6.0),
        "S6" => (4.0, 7.0),
        _ => return None,
    };
    match row.op.as_str() {
        "gradient" => Some(gradient),
        "hvp" => Some(product),
        _ => None,
    }
}

/// Whether two rows are of the same function at the same precision.
fn alike(a: &Row, b: &Row) -> bool {
    a.workload == b.workload && a.precision == b.precision && a.form == b.form
}

/// The systems of the rows other than ours, in the order in which they occur.
pub fn systems(rows: &[Row]) -> Vec<&str> {
    let mut systems: Vec<&str> = Vec::new();
    for row in rows {
        if row.peer != ours::NAME && !systems.contains(&row.peer.as_str()) {
            systems.push(&row.peer);
        }
    }
    systems
}

/// A table for the terminal: one line for each operator, a column for each system, with its time over that of the plain
/// function beside it where that was measured; then our time over that of the fastest other system and over our gradient, and
/// the speed of matrix products.
pub fn table(rows: &[Row]) -> String {
    let mut systems = systems(rows);
    systems.insert(0, ours::NAME);
    let mut cells: Vec<Vec<String>> = Vec::new();
    let plain = rows.iter().any(|row| row.native.is_some());
    let related = |system: &str| plain && system != native::NAME;
    let mut title: Vec<String> = ["workload", "", "", "op"].map(str::to_owned).into();
    for system in &systems {
        title.push((*system).to_owned());
        title.extend(related(system).then(|| "÷ native".to_owned()));
    }
    title.extend(["÷ fastest", "÷ gradient", "GFLOP/s", "of peak"].map(str::to_owned));
    cells.push(title);
    for line in Line::all(rows) {
        let Row { workload, precision, form, op, .. } = line.first();
        let time = |row: Option<&Row>| row.map_or_else(String::new, |row| seconds(row.summary.median));
        let number = |x: Option<f64>, digits| x.map_or_else(String::new, |x| format!("{x:.digits$}"));
        let speed = line.ours.and_then(Row::flops_per_second).map(|f| f / 1e9);
        let part = line.ours.and_then(Row::fraction_of_peak);
        let mut row = vec![workload.clone(), precision.to_string(), form.clone(), op.clone()];
        for system in &systems {
            let found = line.of(system);
            row.push(time(found));
            row.extend(related(system).then(|| number(found.and_then(Row::per_native), 2)));
        }
        row.extend([number(line.ratio(), 2), number(line.per_gradient(), 2), number(speed, 1), number(part, 2)]);
        cells.push(row);
    }
    aligned(&cells, 4)
}

/// Cells in columns, the first `left` of them flush left and the others flush right.
fn aligned(cells: &[Vec<String>], left: usize) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let width = |c: usize| cells.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in cells {
        for (c, cell) in row.iter().enumerate() {
            let width = widths[c];
            let gap = if c == 0 { "" } else { "  " };
            text += &if c < left { format!("{gap}{cell:<width$}") } else { format!("{gap}{cell:>width$}") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// A time with three digits and its unit.
pub fn seconds(time: f64) -> String {
    let (unit, number) = match time {
        t if t < 1e-6 => ("ns", t * 1e9),
        t if t < 1e-3 => ("µs", t * 1e6),
        t if t < 1.0 => ("ms", t * 1e3),
        t => ("s", t),
    };
    let digits = if number < 9.995 {
        2
    } else if number < 99.95 {
        1
    } else {
        0
    };
    format!("{number:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::statistics::Summary;
    use crate::workload::Precision;

    fn row(op: &str, peer: &str, median: f64) -> Row {
        Row {
            workload: "N1".into(),
            op: op.into(),
            peer: peer.into(),
            variant: String::new(),
            threads: 1,
            precision: Precision::F32,
            form: "array".into(),
            summary: Summary { median, p10: median, p90: median, samples: 3 },
            check: Check::new(),
            flops: Some(1e6),
            native: None,
            peak: Some(1e9),
        }
    }

    #[test]
    fn times_have_three_digits() {
        assert_eq!(
            [8.1e-10, 9.999e-6, 1.234e-5, 0.5, 12.0].map(seconds),
            ["0.81 ns", "10.0 µs", "12.3 µs", "500 ms", "12.0 s"]
        );
    }

    #[test]
    fn lines_tell_ratios_and_targets() {
        let rows = [
            row("gradient", "jetgrad", 2e-3),
            row("hvp", "jetgrad", 4e-3),
            row("hvp", "jax", 5.5e-3),
            row("hvp", "torch", 8e-3),
        ];
        let lines = Line::all(&rows);
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[1].ratio(), lines[1].per_gradient()), (Some(4e-3 / 5.5e-3), Some(2.0)));
        let targets: Vec<(String, bool)> =
            lines[1].targets().into_iter().map(|t| (t.unit, t.found <= t.limit)).collect();
        assert_eq!(targets, [("jax".into(), true), ("gradient".into(), false)]);
        let table = table(&rows);
        assert!(table.contains("4.00 ms  5.50 ms  8.00 ms") && table.contains("0.73"), "{table}");
        assert!(!table.contains("÷ native"), "{table}");
    }

    #[test]
    fn loops_of_scalars_have_limits_in_times_of_the_plain_function() {
        let of = |workload: &str, op: &str| {
            let scalar = Row {
                workload: workload.into(),
                form: "scalar".into(),
                native: Some(1e-3),
                ..row(op, "jetgrad", 5e-3)
            };
            let rows = [scalar];
            let targets = Line::all(&rows)[0].targets();
            targets.into_iter().map(|t| (t.unit, t.limit, t.found <= t.limit)).next()
        };
        assert_eq!(of("S1", "gradient"), Some(("native".into(), 3.0, false)));
        assert_eq!(of("S1b", "hvp"), Some(("native".into(), 5.0, true)));
        assert_eq!(of("S2", "gradient"), Some(("native".into(), 4.0, false)));
        assert_eq!(of("S2", "hvp"), Some(("native".into(), 8.0, true)));
        assert_eq!(of("S6", "hvp"), Some(("native".into(), 7.0, true)));
        // S7 is held to the other systems alone, and so is recording.
        assert_eq!((of("S7", "hvp"), of("S1", "gradient_one_shot")), (None, None));
    }

    #[test]
    fn every_row_is_related_to_the_plain_function() {
        let beside = |row: Row| Row { native: Some(1e-3), ..row };
        let rows = [row("native", "native", 1e-3), row("hvp", "jetgrad", 4e-3), row("hvp", "cppad", 9e-3)].map(beside);
        let table = table(&rows);
        let title = table.lines().next().unwrap_or_default();
        assert_eq!(title.matches("÷ native").count(), 2, "{table}");
        let line: Vec<&str> = table.lines().last().unwrap_or_default().split_whitespace().collect();
        assert_eq!(line[4..10], ["4.00", "ms", "4.00", "9.00", "ms", "9.00"], "{table}");
    }
}
