//! A star and five planets, followed by Taylor's method at order 20 with their energy kept to rounding.
//!
//! `cargo run --release --example six_body` follows their equations of motion, array operations of `testkit::motion`, for 250 units of
//! time (the innermost planet goes round 18 times, the outermost 4 times), and draws orbits and the relative error of the energy to
//! `target/six_body.svg`. Orbits between the steps come from the series of the steps. `-- --quick` follows a tenth of the time;
//! `-- FILE` writes the picture elsewhere.

use jetgrad::ode::Trajectory;
use plotters::prelude::*;
use std::error::Error;
use std::time::Instant;
use testkit::motion::{BODIES, energy, planets, six_bodies};

/// Points drawn of each step.
const POINTS: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|a| a == "--quick");
    let picture = arguments.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or("target/six_body.svg".into());
    let end = if quick { 25.0 } else { 250.0 };

    let start = planets();
    let before = energy(&start);
    let mut path = Trajectory::new(six_bodies, &start, 0.0);
    let mut orbits: Vec<Vec<(f64, f64)>> = vec![Vec::new(); BODIES];
    let mut errors = vec![(0.0, 0.0)];
    let clock = Instant::now();
    let mut seconds = 0.0;
    while path.time() < end {
        let from = path.time();
        let pause = Instant::now();
        path.step()?;
        seconds += pause.elapsed().as_secs_f64();
        for i in 0..POINTS {
            let (x, _) = path.at(from + (path.time() - from) * i as f64 / POINTS as f64)?;
            for (orbit, position) in orbits.iter_mut().zip(x.rows()) {
                orbit.push((position[0], position[1]));
            }
        }
        errors.push((path.time(), energy(&path.state()) / before - 1.0));
    }
    let worst = errors.iter().fold(0.0_f64, |m, e| m.max(e.1.abs()));
    let (steps, time) = (path.steps(), path.time());
    println!("{steps} steps of order 20 to time {time:.1}, {:.3} each on average", time / steps as f64);
    println!(
        "{seconds:.3} s for the steps, tracing included; {:.3} s with what is drawn",
        clock.elapsed().as_secs_f64()
    );
    println!("energy {before:.12}, largest relative error {worst:.1e}");
    draw(&orbits, &errors, &picture)?;
    println!("orbits and errors in {picture}");
    assert!(worst <= 1e-14, "relative error of the energy: {worst:e}");
    Ok(())
}

/// Draws the orbits seen from above, and the error of the energy after each step.
fn draw(orbits: &[Vec<(f64, f64)>], errors: &[(f64, f64)], path: &str) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let root = SVGBackend::new(path, (1160, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(548);

    let all = orbits.iter().flatten().flat_map(|p| [p.0, p.1]);
    let side = 1.04 * all.fold(0.0_f64, |m, x| m.max(x.abs()));
    let mut chart = ChartBuilder::on(&left)
        .caption("a star and five planets", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(40)
        .build_cartesian_2d(-side..side, -side..side)?;
    chart
        .configure_mesh()
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    let colors = [
        RGBColor(230, 160, 0),
        RGBColor(200, 60, 50),
        RGBColor(50, 110, 190),
        RGBColor(60, 150, 90),
        RGBColor(130, 80, 170),
        RGBColor(90, 90, 90),
    ];
    for (orbit, color) in orbits.iter().zip(colors).skip(1) {
        chart.draw_series(LineSeries::new(orbit.iter().copied(), color.mix(0.55).stroke_width(1)))?;
    }
    for (body, (orbit, color)) in orbits.iter().zip(colors).enumerate() {
        let size = if body == 0 { 9 } else { 5 };
        chart.draw_series(orbit.last().map(|&last| Circle::new(last, size, color.filled())))?;
    }

    let end = errors.last().map_or(1.0, |e| e.0);
    let unit = 1e-15;
    let high = errors.iter().fold(1.0_f64, |m, e| m.max(e.1.abs() / unit)).ceil();
    let mut chart = ChartBuilder::on(&right)
        .caption("relative error of the energy after each step", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, -high..high)?;
    chart
        .configure_mesh()
        .x_desc("time")
        .y_desc("in units of 10⁻¹⁵")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (end, 0.0)], BLACK.mix(0.5).stroke_width(1)))?;
    let points = || errors.iter().map(|e| (e.0, e.1 / unit));
    chart.draw_series(LineSeries::new(points(), RGBColor(50, 110, 190).mix(0.4).stroke_width(1)))?;
    chart.draw_series(points().map(|p| Circle::new(p, 2, RGBColor(50, 110, 190).filled())))?;
    root.present()?;
    Ok(())
}
