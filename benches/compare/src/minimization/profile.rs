//! docs/optimizers-comparison.svg: profiles of performance, the share of problems that a method solves within a multiple of
//! what the cheapest method needs.
//!
//! Source: Dolan, Moré, "Benchmarking optimization software with performance profiles", Mathematical Programming 91 (2002).
//! The cost of a run is [`Record::cost`]; a run that does not solve its problem costs more than any multiple.

use super::record::Record;
use crate::error::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 560;
const LEGEND: i32 = 210;
const GRID: RGBColor = RGBColor(215, 215, 215);
const TEXT: RGBColor = RGBColor(40, 40, 40);
/// The multiple at the right end of the axis, as a power of two.
const END: f64 = 7.0;

/// A method's costs over those of the cheapest method, sorted; those of problems it does not solve are left out.
#[derive(Clone, Debug, PartialEq)]
struct Profile<'r> {
    method: &'r str,
    ratios: Vec<f64>,
    problems: usize,
}

impl Profile<'_> {
    /// The share of problems that are solved within `multiple` of the cheapest.
    fn share(&self, multiple: f64) -> f64 {
        self.ratios.partition_point(|&ratio| ratio <= multiple) as f64 / self.problems as f64
    }
}

/// The profiles of all methods that ran on as many problems as the first one, the best first.
fn profiles(records: &[Record]) -> Vec<Profile<'_>> {
    let mut methods: Vec<&str> = Vec::new();
    for record in records {
        if !methods.contains(&record.method.as_str()) {
            methods.push(&record.method);
        }
    }
    let runs = |method: &str| records.iter().filter(|run| run.method == method).collect::<Vec<_>>();
    let problems = methods.first().map_or(0, |method| runs(method).len());
    let cheapest = |run: &Record| {
        let same = records.iter().filter(|other| other.suite == run.suite && other.problem == run.problem);
        same.filter(|other| other.verdict.solved).map(Record::cost).fold(f64::INFINITY, f64::min)
    };
    let mut found: Vec<Profile<'_>> = Vec::new();
    for method in methods {
        let runs = runs(method);
        if runs.len() != problems {
            continue;
        }
        let solved = runs.into_iter().filter(|run| run.verdict.solved);
        // A run at whose start nothing is left to do costs one gradient, so nothing is divided by zero.
        let mut ratios: Vec<f64> = solved.map(|run| run.cost() / cheapest(run)).collect();
        ratios.sort_by(f64::total_cmp);
        found.push(Profile { method, ratios, problems });
    }
    // The area under the curve as it is drawn.
    let area = |profile: &Profile<'_>| (0..=70).map(|k| profile.share((f64::from(k) * END / 70.0).exp2())).sum::<f64>();
    found.sort_by(|a, b| area(b).total_cmp(&area(a)));
    found
}

/// Writes the plot.
///
/// # Errors
/// [`Error::Plot`].
pub fn write(records: &[Record], title: &str, path: &Path) -> Result<()> {
    let profiles = profiles(records);
    let area = SVGBackend::new(path, (WIDTH, HEIGHT)).into_drawing_area();
    draw(&area, title, &profiles).and_then(|()| area.present()).map_err(|e| Error::Plot(e.to_string()))
}

type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, title: &str, profiles: &[Profile<'_>]) -> Drawn {
    let style = |size: i32, horizontal| {
        TextStyle::from(("sans-serif", size)).color(&TEXT).pos(Pos::new(horizontal, VPos::Center))
    };
    area.fill(&WHITE)?;
    area.draw(&Text::new(title.to_owned(), (20, 18), style(16, HPos::Left)))?;
    let (left, right, top, bottom) = (60, WIDTH as i32 - LEGEND, 50, HEIGHT as i32 - 60);
    let x = |exponent: f64| left + (f64::from(right - left) * exponent / END).round() as i32;
    let y = |share: f64| bottom - (f64::from(bottom - top) * share).round() as i32;
    for exponent in 0..=END as i32 {
        let at = x(f64::from(exponent));
        area.draw(&PathElement::new([(at, top), (at, bottom)], GRID.stroke_width(1)))?;
        area.draw(&Text::new(format!("{}", 1_u32 << exponent), (at, bottom + 14), style(12, HPos::Center)))?;
    }
    for tenth in (0..=10).step_by(2) {
        let at = y(f64::from(tenth) / 10.0);
        area.draw(&PathElement::new([(left, at), (right, at)], GRID.stroke_width(1)))?;
        area.draw(&Text::new(format!("{} %", 10 * tenth), (left - 8, at), style(12, HPos::Right)))?;
    }
    let middle = (left + right) / 2;
    area.draw(&Text::new(
        "cost, as a multiple of the cheapest method's",
        (middle, bottom + 38),
        style(13, HPos::Center),
    ))?;
    for (i, profile) in profiles.iter().enumerate() {
        let colour = Palette99::pick(i).mix(1.0);
        let mut points = vec![(x(0.0), y(profile.share(1.0)))];
        for &ratio in profile.ratios.iter().filter(|&&ratio| ratio > 1.0 && ratio <= END.exp2()) {
            let at = x(ratio.log2());
            points.push((at, points[points.len() - 1].1));
            points.push((at, y(profile.share(ratio))));
        }
        points.push((right, points[points.len() - 1].1));
        area.draw(&PathElement::new(points, colour.stroke_width(2)))?;
        let row = top + 10 + 22 * i as i32;
        area.draw(&PathElement::new([(right + 16, row), (right + 40, row)], colour.stroke_width(3)))?;
        let share = 100.0 * profile.ratios.len() as f64 / profile.problems as f64;
        let label = format!("{} ({share:.0} %)", profile.method);
        area.draw(&Text::new(label, (right + 46, row), style(12, HPos::Left)))?;
    }
    area.draw(&PathElement::new([(left, top), (left, bottom), (right, bottom)], TEXT.stroke_width(1)))
}

#[cfg(test)]
mod tests {
    use super::super::suite::{Suite, Verdict};
    use super::super::watched::Asked;
    use super::*;

    fn record(method: &str, problem: &str, solved: bool, values: usize) -> Record {
        Record {
            suite: Suite::Mgh,
            method: method.into(),
            problem: problem.into(),
            dimension: 1,
            iterations: 1,
            asked: Asked { values, gradients: 0, products: 0 },
            seconds: 0.0,
            verdict: Verdict { solved, value: 0.0, gradient: 0.0, digits: None },
            message: String::new(),
            claimed: true,
        }
    }

    #[test]
    fn shares_are_counted_within_multiples_of_the_cheapest() {
        let records = [
            record("a", "p", true, 10),
            record("a", "q", true, 60),
            record("b", "p", true, 40),
            record("b", "q", true, 20),
            // The cheapest run does not count if it solves nothing.
            record("c", "p", false, 1),
            record("c", "q", true, 40),
            // It ran on one of two problems only.
            record("d", "q", true, 1),
        ];
        let found = profiles(&records[..6]);
        let of = |method: &str| found.iter().find(|profile| profile.method == method).unwrap();
        assert_eq!(of("a").ratios, [1.0, 3.0]);
        assert_eq!(of("b").ratios, [1.0, 4.0]);
        assert_eq!(of("c").ratios, [2.0]);
        assert_eq!((of("a").share(1.0), of("a").share(3.0), of("c").share(100.0)), (0.5, 1.0, 0.5));
        assert_eq!(found.iter().map(|profile| profile.method).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(profiles(&records).iter().all(|profile| profile.method != "d"));
    }
}
