//! A network on real digits, trained to a stationary point through Hessian-vector products, and by Adam beside it.
//!
//! `cargo run --release --example digits` reads the 1797 images of the UCI digits data (examples/data), trains a
//! 64-32-10 tanh network with an L2 penalty by trust-region Newton and by Adam, prints a table and writes the loss curves
//! to `target/digits.svg`. `-- --quick` stops both early; `-- FILE` writes the picture elsewhere.

use jetgrad::nn::{Activation, Init, Mlp, accuracy, cross_entropy, l2};
use jetgrad::optim::{Adam, ObjectiveError, Report, Schedule, Status, TrustRegion};
use jetgrad::{Function, Tree, Var};
use ndarray::{Array1, Array2, ArrayD, Axis};
use plotters::prelude::*;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

/// Seed of the split, of the weights and of the mini-batches.
const SEED: u64 = 7;
/// Images to train on; the other 360 are for the test.
const TRAIN: usize = 1437;
/// Strength λ of the penalty ½ λ ‖w‖².
const PENALTY: f64 = 1e-3;
const BATCH: usize = 64;

/// Images of shape [n, 64] with pixels in [0, 1], and labels 0 to 9.
struct Digits {
    images: Array2<f64>,
    labels: Array1<usize>,
}

impl Digits {
    fn read() -> Result<Digits, Box<dyn Error>> {
        let bytes = include_bytes!("data/digits.csv.gz");
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_reader(flate2::read::GzDecoder::new(&bytes[..]));
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for row in reader.deserialize() {
            let row: Vec<f64> = row?;
            let (label, image) = row.split_last().ok_or("an empty row")?;
            pixels.extend(image.iter().map(|p| p / 16.0));
            labels.push(*label as usize);
        }
        Ok(Digits { images: Array2::from_shape_vec((labels.len(), 64), pixels)?, labels: Array1::from(labels) })
    }

    fn choose(&self, rows: &[usize]) -> Digits {
        Digits { images: self.images.select(Axis(0), rows), labels: self.labels.select(Axis(0), rows) }
    }

    fn data(&self) -> (Array2<f64>, Array1<usize>) {
        (self.images.clone(), self.labels.clone())
    }
}

/// Loss on the whole training set after some seconds.
type Curve = Vec<(f64, f64)>;

/// One line of the table.
struct Run {
    name: &'static str,
    report: Report<f64>,
    seconds: f64,
    train_loss: f64,
    gradient_norm: f64,
    test_accuracy: f64,
    curve: Curve,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|a| a == "--quick");
    let picture = arguments.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or("target/digits.svg".into());

    let digits = Digits::read()?;
    let mut order: Vec<usize> = (0..digits.labels.len()).collect();
    order.shuffle(&mut SmallRng::seed_from_u64(SEED));
    let (train, test) = (digits.choose(&order[..TRAIN]), digits.choose(&order[TRAIN..]));

    let model = Mlp::<ArrayD<f64>>::new(&[64, 32, 10], Activation::Tanh, Init::XavierUniform, SEED);
    let loss = Function::with_data(
        |model: &Mlp<Var>, (x, y): &(Var, Var)| cross_entropy(model.forward(*x), *y) + l2(&model.weights(), PENALTY),
        &train.data(),
    );
    let logits = Function::with_data(|model: &Mlp<Var>, x: &Var| model.forward(*x), &test.images);

    let flat = loss.flat(&model);
    let start = model.to_vec();
    println!("{} parameters, {TRAIN} images to train, {} to test, seed {SEED}", flat.dimension(), test.labels.len());

    // Trust-region Newton on the whole set: curvature through products alone.
    let mut curve = Curve::new();
    let clock = Instant::now();
    let report = TrustRegion::new()
        .gradient_tolerance(1e-6)
        .max_iterations(if quick { 15 } else { 500 })
        .minimize_observed(&flat, &start, |progress| {
            curve.push((clock.elapsed().as_secs_f64(), progress.value));
            ControlFlow::Continue(())
        })?;
    let newton = (report, clock.elapsed().as_secs_f64(), curve);

    // Adam on mini-batches: a new batch is new data for the same trace.
    let iterations = if quick { 400 } else { 6000 };
    let mut rng = SmallRng::seed_from_u64(SEED);
    let (mut curve, mut aside) = (Curve::new(), 0.0);
    let clock = Instant::now();
    let batch_loss = |_: usize, x: &[f64], gradient: &mut [f64]| -> Result<f64, ObjectiveError> {
        let rows: Vec<usize> = (0..BATCH).map(|_| rng.random_range(0..TRAIN)).collect();
        let batch = loss.with(&train.choose(&rows).data());
        batch.flat(&model).value_and_gradient(x, gradient).map_err(ObjectiveError::new)
    };
    let report = Adam::new(3e-3)
        .schedule(Schedule::Cosine { iterations, last: 1e-5 })
        .max_iterations(iterations)
        .start_batches(&start, batch_loss)
        .and_then(|solver| {
            jetgrad::optim::Solver::run(solver, |progress| {
                if progress.counts.iterations % 50 == 0 {
                    // The loss on the whole set is for the picture; its time is not Adam's.
                    let pause = Instant::now();
                    let whole = flat.value(progress.x).unwrap_or(f64::NAN);
                    aside += pause.elapsed().as_secs_f64();
                    curve.push((clock.elapsed().as_secs_f64() - aside, whole));
                }
                ControlFlow::Continue(())
            })
        })?;
    let adam = (report, clock.elapsed().as_secs_f64() - aside, curve);

    let mut runs = Vec::new();
    for (name, (report, seconds, curve)) in [("trust-region Newton", newton), ("Adam, batches of 64", adam)] {
        let mut gradient = vec![0.0; flat.dimension()];
        let train_loss = flat.value_and_gradient(&report.x, &mut gradient)?;
        let gradient_norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let outputs = logits.evaluate(&model.with_entries(&report.x))?;
        let test_accuracy = accuracy(&outputs, &test.labels)?;
        runs.push(Run { name, report, seconds, train_loss, gradient_norm, test_accuracy, curve });
    }
    print_table(&runs);
    draw(&runs, &picture)?;
    println!("loss curves in {picture}");

    if !quick {
        assert!(matches!(runs[0].report.status, Status::Converged(_)), "{:?}", runs[0].report.status);
        assert!(runs[0].gradient_norm <= 1e-6, "gradient norm {}", runs[0].gradient_norm);
    }
    for run in &runs {
        let needed = if quick { 0.85 } else { 0.95 };
        assert!(run.test_accuracy >= needed, "{}: test accuracy {}", run.name, run.test_accuracy);
    }
    Ok(())
}

fn print_table(runs: &[Run]) {
    println!(
        "\n{:<20} {:>10} {:>7} {:>9} {:>8} {:>8} {:>11} {:>10} {:>9}",
        "method", "iterations", "f", "f and ∇f", "H v", "seconds", "train loss", "‖∇loss‖", "test acc."
    );
    for run in runs {
        let counts = run.report.counts;
        println!(
            "{:<20} {:>10} {:>7} {:>9} {:>8} {:>8.2} {:>11.7} {:>10.1e} {:>8.2}%",
            run.name,
            counts.iterations,
            counts.values,
            counts.gradients,
            counts.products,
            run.seconds,
            run.train_loss,
            run.gradient_norm,
            100.0 * run.test_accuracy
        );
    }
    println!();
}

/// Draws loss against seconds, both on logarithmic axes.
fn draw(runs: &[Run], path: &str) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = std::path::Path::new(path).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let root = SVGBackend::new(path, (900, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let times = runs.iter().flat_map(|r| r.curve.iter().map(|p| p.0.max(1e-3)));
    let end = times.fold(1e-2, f64::max) * 1.2;
    let losses = || runs.iter().flat_map(|r| r.curve.iter().map(|p| p.1)).filter(|l| l.is_finite());
    let (low, high) = (losses().fold(f64::INFINITY, f64::min) * 0.8, losses().fold(0.0, f64::max) * 1.3);
    let mut chart = ChartBuilder::on(&root)
        .caption("64-32-10 tanh network on the digits data", ("sans-serif", 22))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((1e-2..end).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc("loss on the training set, with penalty")
        .x_label_formatter(&|t| format!("{t:.2}"))
        .y_label_formatter(&|l| format!("{l:.2}"))
        .max_light_lines(0)
        .draw()?;
    for (run, color) in runs.iter().zip([BLUE, RED]) {
        let points = run.curve.iter().map(|&(t, l)| (t.max(1e-2), l));
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))?
            .label(run.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}
