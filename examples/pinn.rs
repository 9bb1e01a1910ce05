//! A network that solves a differential equation: −Δu = f on the unit square, u = 0 on its boundary.
//!
//! `cargo run --release --example pinn` trains u(x, y) = x(1 − x) y(1 − y) · net(x, y), which keeps the boundary, where `net` is a
//! 2-32-32-1 tanh network. The residual Δu + f at 400 points inside is exact, its Laplacian by collapsed Taylor mode; its mean
//! square is minimised by Gauss–Newton steps within a trust region, which see curvature as products alone. The solution is
//! sin πx sin πy, so the error is known. Draws both to `target/pinn.svg`. `-- --quick` stops early; `-- FILE` writes the picture
//! elsewhere.

use jetgrad::nn::{Activation, Init, Mlp};
use jetgrad::optim::{Forcing, LocalModel, Objective, ObjectiveError, Steihaug, TrustRegion};
use jetgrad::{Function, Tree, Var, constant};
use ndarray::{Array1, Array2, ArrayD, Axis};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::f64::consts::PI;
use std::ops::ControlFlow;
use std::time::Instant;

/// Seed of the weights.
const SEED: u64 = 3;
/// Points along a side at which the equation is asked for.
const SIDE: usize = 20;
/// Points along a side at which the error is measured and drawn.
const FINE: usize = 81;

type Picture<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn solution(x: f64, y: f64) -> f64 {
    (PI * x).sin() * (PI * y).sin()
}

/// f = −Δu of the solution.
fn source(x: f64, y: f64) -> f64 {
    2.0 * PI * PI * solution(x, y)
}

/// n × n points of the unit square as rows, from `first` at steps of `step` along both sides; y is the slower one.
fn grid(n: usize, first: f64, step: f64) -> Array2<f64> {
    Array2::from_shape_fn((n * n, 2), |(i, side)| first + step * if side == 0 { i % n } else { i / n } as f64)
}

/// u at rows of points: a network times a factor that vanishes on the boundary.
fn ansatz(net: &Mlp<Var>, points: Var) -> Var {
    let inside = points * (1.0 - points);
    let factor = inside.slice(1, 0..1) * inside.slice(1, 1..2);
    factor * net.forward(points)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|a| a == "--quick");
    let picture = arguments.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or("target/pinn.svg".into());

    // Midpoints of a regular grid, and f there.
    let points = grid(SIDE, 0.5 / SIDE as f64, 1.0 / SIDE as f64);
    let f: Array2<f64> = points.map_axis(Axis(1), |p| source(p[0], p[1])).insert_axis(Axis(1));
    let net = Mlp::<ArrayD<f64>>::new(&[2, 32, 32, 1], Activation::Tanh, Init::XavierUniform, SEED);
    let start = net.to_vec();
    let loss = Function::with_data(
        |net: &Mlp<Var>, (points, f): &(Var, Var)| {
            // In units of the largest f. What the products take for the output of the model is the residual.
            let residual = (ansatz(net, *points).laplacian_rows(*points) + *f) / (2.0 * PI * PI);
            residual.prediction().square().mean()
        },
        &(points, f),
    );
    let fine = grid(FINE, 0.0, 1.0 / (FINE - 1) as f64);
    let truth: Array1<f64> = fine.map_axis(Axis(1), |p| solution(p[0], p[1]));
    let on_fine = Function::new(move |net: &Mlp<Var>| ansatz(net, constant(&fine)));
    // The error of the network with these weights, at the fine points, and its norm relative to that of the solution.
    let error = |weights: &[f64]| -> Result<(Array1<f64>, f64), jetgrad::Error> {
        let found = on_fine.evaluate(&net.with_entries(weights))?.into_shape_with_order(FINE * FINE).expect("a column");
        let off = found - &truth;
        let relative = (off.dot(&off) / truth.dot(&truth)).sqrt();
        Ok((off, relative))
    };

    println!("{} weights, seed {SEED}, {} residuals", start.len(), SIDE * SIDE);
    println!("{:>10} {:>9} {:>8} {:>12} {:>14}", "iteration", "products", "seconds", "residual", "error of u");
    let clock = Instant::now();
    let mut history = Vec::new();
    let mut failure = None;
    let report = TrustRegion::with_descent(Steihaug::new().max_products(200))
        .forcing(Forcing::Constant(1e-3))
        .gradient_tolerance(1e-12)
        .value_scale(0.0)
        .max_iterations(if quick { 15 } else { 100 })
        .minimize_observed(&GaussNewton(loss.flat(&net)), &start, |progress| {
            let relative = match error(progress.x) {
                Ok((_, relative)) => relative,
                Err(error) => {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
            };
            let counts = progress.counts;
            history.push(Moment { products: counts.products as f64, residual: progress.value.sqrt(), error: relative });
            if counts.iterations % 10 == 0 {
                let seconds = clock.elapsed().as_secs_f64();
                println!(
                    "{:>10} {:>9} {seconds:>8.1} {:>12.2e} {relative:>14.2e}",
                    counts.iterations,
                    counts.products,
                    progress.value.sqrt()
                );
            }
            ControlFlow::Continue(())
        })?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    let (off, relative) = error(&report.x)?;
    println!("\n{report}");
    println!("relative error of u in L²: {relative:.2e} after {:.1} s", clock.elapsed().as_secs_f64());
    draw(&(&truth + &off), &off, &history, &picture)?;
    println!("solution and error in {picture}");
    let needed = if quick { 1e-2 } else { 1e-5 };
    assert!(relative <= needed, "relative error {relative:e}, expected at most {needed:e}");
    Ok(())
}

/// How far the training had come.
struct Moment {
    products: f64,
    residual: f64,
    error: f64,
}

/// An objective whose curvature is the Gauss–Newton matrix: for residuals r it is JᵀJ, and leaves out Σ rᵢ ∇²rᵢ.
struct GaussNewton<O>(O);

struct GaussNewtonModel<M>(M);

impl<O: Objective<f64>> Objective<f64> for GaussNewton<O> {
    type Model<'a>
        = GaussNewtonModel<O::Model<'a>>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        self.0.value(x)
    }

    fn at(&self, x: &[f64]) -> Result<Self::Model<'_>, ObjectiveError> {
        self.0.at(x).map(GaussNewtonModel)
    }
}

impl<M: LocalModel<f64>> LocalModel<f64> for GaussNewtonModel<M> {
    fn value(&self) -> f64 {
        self.0.value()
    }

    fn gradient(&self) -> &[f64] {
        self.0.gradient()
    }

    fn hvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.0.ggn(v, out)
    }
}

/// Draws the solution, its error, and both norms over the products that were spent.
fn draw(u: &Array1<f64>, off: &Array1<f64>, history: &[Moment], path: &str) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let root = SVGBackend::new(path, (1440, 430)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, rest) = root.split_horizontally(485);
    let (middle, right) = rest.split_horizontally(485);
    heat_map(&left, "network u(x, y)", u, 0.0, 1.0, &HEAT, &|v| format!("{v:.1}"))?;
    let largest = off.iter().fold(0.0_f64, |m, e| m.max(e.abs()));
    heat_map(&middle, "error u − sin πx sin πy", off, -largest, largest, &SIGNED, &|v| {
        if v.abs() < 1e-3 * largest { "0".into() } else { format!("{v:.1e}") }
    })?;

    let end = history.last().map_or(1.0, |h| h.products).max(1.0);
    let all = || history.iter().flat_map(|h| [h.residual, h.error]);
    let (low, high) = (all().fold(f64::INFINITY, f64::min) / 2.0, all().fold(0.0, f64::max) * 2.0);
    let mut chart = ChartBuilder::on(&right)
        .caption("training by Gauss–Newton products", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("products")
        .x_labels(5)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .max_light_lines(0)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    let curves: [(&str, RGBColor, fn(&Moment) -> f64); 2] = [
        ("residual, root mean square", RGBColor(200, 80, 40), |h| h.residual),
        ("relative error of u in L²", RGBColor(50, 110, 190), |h| h.error),
    ];
    for (name, color, of) in curves {
        chart
            .draw_series(LineSeries::new(history.iter().map(|h| (h.products, of(h))), color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.9)).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}

/// Colours from low to high.
const HEAT: [[f64; 3]; 6] = [
    [68.0, 1.0, 84.0],
    [65.0, 68.0, 135.0],
    [42.0, 120.0, 142.0],
    [34.0, 168.0, 132.0],
    [122.0, 209.0, 81.0],
    [253.0, 231.0, 37.0],
];
/// Colours from −1 over 0 to 1.
const SIGNED: [[f64; 3]; 5] =
    [[33.0, 60.0, 140.0], [120.0, 160.0, 215.0], [247.0, 247.0, 247.0], [225.0, 140.0, 110.0], [150.0, 20.0, 40.0]];

/// The colour at a share of the scale, in steps that the eye does not see.
fn shade(colors: &[[f64; 3]], share: f64) -> RGBColor {
    let place = (share.clamp(0.0, 1.0) * 128.0).round() / 128.0 * (colors.len() - 1) as f64;
    let below = (place as usize).min(colors.len() - 2);
    let mix = |channel: usize| {
        let (a, b) = (colors[below][channel], colors[below + 1][channel]);
        (a + (b - a) * (place - below as f64)).round() as u8
    };
    RGBColor(mix(0), mix(1), mix(2))
}

/// A field on the fine grid in colours, with its scale beside it.
fn heat_map(
    area: &Picture<'_>,
    title: &str,
    field: &Array1<f64>,
    low: f64,
    high: f64,
    colors: &[[f64; 3]],
    label: &dyn Fn(&f64) -> String,
) -> Result<(), Box<dyn Error>> {
    let (left, right) = area.split_horizontally(392);
    let mut chart = ChartBuilder::on(&left)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .margin_right(0)
        .x_label_area_size(40)
        .y_label_area_size(40)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    let half = 0.5 / (FINE - 1) as f64;
    let edge = |i: usize| ((2 * i) as f64 * half - half).clamp(0.0, 1.0);
    for row in 0..FINE {
        // Neighbours of the same colour are one rectangle.
        let color = |column: usize| shade(colors, (field[row * FINE + column] - low) / (high - low));
        let mut first = 0;
        for column in 1..=FINE {
            if column == FINE || color(column) != color(first) {
                let corners = [(edge(first), edge(row)), (edge(column), edge(row + 1))];
                chart.draw_series([Rectangle::new(corners, color(first).filled())])?;
                first = column;
            }
        }
    }
    chart.configure_mesh().disable_mesh().x_desc("x").y_desc("y").x_labels(5).y_labels(5).draw()?;
    let mut scale = ChartBuilder::on(&right)
        .margin_top(44)
        .margin_bottom(52)
        .margin_left(8)
        .right_y_label_area_size(64)
        .build_cartesian_2d(0.0..1.0, low..high)?
        .set_secondary_coord(0.0..1.0, low..high);
    let at = |i: usize| low + (high - low) * i as f64 / 64.0;
    scale
        .draw_series((0..64).map(|i| {
            Rectangle::new([(0.0, at(i)), (1.0, at(i + 1))], shade(colors, (i as f64 + 0.5) / 64.0).filled())
        }))?;
    scale.configure_secondary_axes().label_style(("sans-serif", 13)).y_label_formatter(label).y_labels(6).draw()?;
    Ok(())
}
