//! docs/comparison.svg: our time over that of the fastest other system, one bar for each operator, on a logarithmic axis.

use crate::error::{Error, Result};
use crate::report::Line;
use crate::row::Row;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

const WIDTH: i32 = 900;
const LEFT: i32 = 230;
const RIGHT: i32 = 70;
const TOP: i32 = 70;
const BAR: i32 = 18;
const FASTER: RGBColor = RGBColor(46, 125, 80);
const SLOWER: RGBColor = RGBColor(190, 90, 40);
const GRID: RGBColor = RGBColor(215, 215, 215);
const TEXT: RGBColor = RGBColor(40, 40, 40);

/// Writes the plot.
///
/// # Errors
/// [`Error::Plot`].
pub fn write(rows: &[Row], title: &str, path: &Path) -> Result<()> {
    let lines = Line::all(rows);
    let bars: Vec<(&Row, f64)> = lines
        .iter()
        .filter(|line| line.first().workload != "gemm")
        .filter_map(|line| Some((line.ours?, line.ratio()?)))
        .collect();
    let height = TOP + BAR * bars.len() as i32 + 30;
    let area = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    draw(&area, title, &bars, height).and_then(|()| area.present()).map_err(|e| Error::Plot(e.to_string()))
}

type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, title: &str, bars: &[(&Row, f64)], height: i32) -> Drawn {
    let style = |size: i32, horizontal| {
        TextStyle::from(("sans-serif", size)).color(&TEXT).pos(Pos::new(horizontal, VPos::Center))
    };
    area.fill(&WHITE)?;
    area.draw(&Text::new(title.to_owned(), (20, 18), style(16, HPos::Left)))?;
    // Whole powers of two that enclose every bar, and 1.
    let exponents = bars.iter().map(|(_, ratio)| ratio.log2());
    let (low, high) = exponents.fold((-1.0_f64, 1.0_f64), |(low, high), e| (low.min(e.floor()), high.max(e.ceil())));
    let x = |exponent: f64| LEFT + (f64::from(WIDTH - LEFT - RIGHT) * (exponent - low) / (high - low)).round() as i32;
    for exponent in low as i32..=high as i32 {
        let (at, label) = (x(f64::from(exponent)), power(exponent));
        area.draw(&PathElement::new([(at, TOP - 6), (at, height - 24)], GRID.stroke_width(1)))?;
        area.draw(&Text::new(label, (at, TOP - 16), style(12, HPos::Center)))?;
    }
    area.draw(&Text::new("faster ←", (x(0.0) - 12, 36), style(12, HPos::Right).color(&FASTER)))?;
    area.draw(&Text::new("→ slower", (x(0.0) + 12, 36), style(12, HPos::Left).color(&SLOWER)))?;
    let mut before = "";
    for (i, (row, ratio)) in bars.iter().enumerate() {
        let (top, end) = (TOP + BAR * i as i32, x(ratio.log2()));
        let middle = top + BAR / 2;
        if row.workload != before {
            area.draw(&PathElement::new([(16, top), (WIDTH - 16, top)], GRID.stroke_width(1)))?;
            area.draw(&Text::new(row.workload.clone(), (20, middle), style(13, HPos::Left)))?;
            before = &row.workload;
        }
        area.draw(&Text::new(row.op.clone(), (LEFT - 12, middle), style(12, HPos::Right)))?;
        let colour = if *ratio <= 1.0 { FASTER } else { SLOWER };
        area.draw(&Rectangle::new([(x(0.0).min(end), top + 4), (x(0.0).max(end), top + BAR - 3)], colour.filled()))?;
        let (place, side) = if *ratio <= 1.0 { (end - 5, HPos::Right) } else { (end + 5, HPos::Left) };
        area.draw(&Text::new(format!("{ratio:.2}"), (place, middle), style(11, side)))?;
    }
    area.draw(&PathElement::new([(x(0.0), TOP - 6), (x(0.0), height - 24)], TEXT.stroke_width(2)))
}

/// 2 to a whole power, as a fraction or a whole number.
fn power(exponent: i32) -> String {
    if exponent < 0 { format!("1/{}", 1_u64 << -exponent) } else { format!("{}", 1_u64 << exponent) }
}
