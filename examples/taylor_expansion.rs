//! A function and its Taylor polynomials of order 1 to 9, and how far they reach.
//!
//! `cargo run --release --example taylor_expansion` expands f(x) = exp(sin x)/(1 + x²) about ½ to order 40, estimates the radius of
//! convergence from the coefficients, and draws f, the polynomials and their errors to `target/taylor_expansion.svg`. f is smooth
//! on the whole line, but has poles at ±i: they set the radius, |½ ± i| = 1.118…. `-- --quick` draws fewer points; `-- FILE`
//! writes the picture elsewhere.

use jetgrad::{Real, Series};
use plotters::prelude::*;
use std::error::Error;

/// Where the function is expanded.
const CENTRE: f64 = 0.5;
const HIGHEST: usize = 9;

fn f<S: Real>(x: S) -> S {
    x.clone().sin().exp() / (x.square() + 1.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|a| a == "--quick");
    let picture =
        arguments.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or("target/taylor_expansion.svg".into());

    let series = f(Series::variable(CENTRE, 40));
    let radius = series.radius_of_convergence().ok_or("the coefficients have no envelope")?;
    let exact = CENTRE.hypot(1.0);
    println!("f(x) = exp(sin x)/(1 + x²) = {}", series.clone().truncated(4));
    println!("radius of convergence: {radius:.4} from 41 coefficients, {exact:.4} to the poles at ±i");
    let polynomials: Vec<Series> = (1..=HIGHEST).map(|order| series.clone().truncated(order)).collect();
    println!("\n{:>5} {:>14} {:>14} {:>14}", "order", "error at ±0.3", "estimate", "error at ±2");
    for p in &polynomials {
        // Low orders do not show the envelope yet.
        let estimate = p.remainder_estimate(0.3).map_or("—".into(), |e| format!("{e:.1e}"));
        println!("{:>5} {:>14.1e} {estimate:>14} {:>14.1e}", p.order(), error(p, 0.3), error(p, 2.0));
    }
    draw(&polynomials, exact, if quick { 120 } else { 600 }, &picture)?;
    println!("\npolynomials and errors in {picture}");
    assert!((radius / exact - 1.0).abs() < 0.05, "radius {radius}");
    // Inside the radius orders gain, outside they lose.
    let (first, last) = (&polynomials[0], &polynomials[HIGHEST - 1]);
    assert!(error(last, 0.3) < 1e-3 * error(first, 0.3) && error(last, 2.0) > 10.0 * error(first, 2.0));
    Ok(())
}

/// The larger error of a polynomial at the distance `h`, of both sides.
fn error(p: &Series, h: f64) -> f64 {
    let off = |h: f64| (p.eval(h) - f(CENTRE + h)).abs();
    off(h).max(off(-h))
}

/// What of a curve lies between two heights, in pieces that end where it crosses them.
fn within(curve: &[(f64, f64)], low: f64, high: f64) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for ends in curve.windows(2) {
        let ((x0, y0), (x1, y1)) = (ends[0], ends[1]);
        if (y0 <= low && y1 <= low) || (y0 >= high && y1 >= high) {
            pieces.push(Vec::new());
            continue;
        }
        // Shares of the way at which the segment enters and leaves.
        let at = |y: f64| if y1 == y0 { 0.0 } else { ((y - y0) / (y1 - y0)).clamp(0.0, 1.0) };
        let (enter, leave) = if y0 < y1 { (at(low), at(high)) } else { (at(high), at(low)) };
        let leave = if y1 == y0 { 1.0 } else { leave };
        let point = |share: f64| (x0 + share * (x1 - x0), y0 + share * (y1 - y0));
        if let Some(piece) = pieces.last_mut() {
            piece.extend([point(enter), point(leave)]);
        }
        if leave < 1.0 {
            pieces.push(Vec::new());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// From dark blue over violet and red to yellow with the order.
fn color(order: usize) -> RGBColor {
    const COLORS: [[f64; 3]; 5] =
        [[25.0, 40.0, 150.0], [125.0, 10.0, 165.0], [205.0, 70.0, 120.0], [245.0, 135.0, 70.0], [235.0, 190.0, 30.0]];
    let place = (order - 1) as f64 / (HIGHEST - 1) as f64 * (COLORS.len() - 1) as f64;
    let below = (place as usize).min(COLORS.len() - 2);
    let mix =
        |i: usize| (COLORS[below][i] + (COLORS[below + 1][i] - COLORS[below][i]) * (place - below as f64)).round();
    RGBColor(mix(0) as u8, mix(1) as u8, mix(2) as u8)
}

/// Draws the function with its polynomials on the left, and errors over the distance from the centre on the right.
fn draw(polynomials: &[Series], radius: f64, points: usize, path: &str) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let root = SVGBackend::new(path, (1200, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(640);

    let (from, to, low, high) = (-1.8, 2.8, -0.4, 2.2);
    let xs = || (0..=points).map(|i| from + (to - from) * i as f64 / points as f64);
    let mut chart = ChartBuilder::on(&left)
        .caption("exp(sin x)/(1 + x²) and its expansions about ½", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(from..to, low..high)?;
    // Where the series converges.
    let disc = [(CENTRE - radius, low), (CENTRE + radius, high)];
    chart.draw_series([Rectangle::new(disc, RGBColor(235, 242, 235).filled())])?;
    chart
        .configure_mesh()
        .x_desc("x")
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    let green = RGBColor(70, 140, 80);
    for edge in [CENTRE - radius, CENTRE + radius] {
        chart.draw_series(DashedLineSeries::new([(edge, low), (edge, high)], 6, 4, green.stroke_width(1)))?;
    }
    let small = ("sans-serif", 14).into_font().color(&green);
    chart.draw_series([Text::new("the series converges here", (CENTRE - 0.62 * radius, low + 0.09), small)])?;
    for p in polynomials {
        let color = color(p.order());
        let curve = xs().map(|x| (x, p.eval(x - CENTRE))).collect::<Vec<_>>();
        for piece in within(&curve, low, high) {
            chart.draw_series(LineSeries::new(piece, color.stroke_width(2)))?;
        }
    }
    chart.draw_series(LineSeries::new(xs().map(|x| (x, f(x))), BLACK.stroke_width(4)))?;
    chart.draw_series([Circle::new((CENTRE, f(CENTRE)), 5, BLACK.filled())])?;

    let (smallest, largest) = (1e-9, 1e3);
    let mut chart = ChartBuilder::on(&right)
        .caption("their errors", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..2.5, (smallest..largest).log_scale())?;
    chart.draw_series([Rectangle::new([(0.0, smallest), (radius, largest)], RGBColor(235, 242, 235).filled())])?;
    chart
        .configure_mesh()
        .x_desc("distance from ½; the larger error of both sides")
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    chart.draw_series(DashedLineSeries::new([(radius, smallest), (radius, largest)], 6, 4, green.stroke_width(1)))?;
    for p in polynomials {
        let color = color(p.order());
        let curve = (1..=points).map(|i| 2.5 * i as f64 / points as f64).map(|h| (h, error(p, h)));
        chart
            .draw_series(LineSeries::new(
                curve.filter(|&(_, e)| (smallest..=largest).contains(&e)),
                color.stroke_width(2),
            ))?
            .label(format!("order {}", p.order()))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.4))
        .draw()?;
    root.present()?;
    Ok(())
}
