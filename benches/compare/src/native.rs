//! The plain functions over `f64`, as one writes them without thinking of derivatives: what the Rust compiler makes of a loop.

use crate::check;
use crate::scalar;
use crate::subject::{Local, Subject};
use crate::workload::Workload;
use autodiff_core::Tree;
use testkit::counter::{symmetric, symmetrics};
use testkit::workloads::{self, Rounded, bundle};

/// The name of these rows.
pub const NAME: &str = "native";

/// The function as a subject; `None` if nobody wrote it as a loop.
pub fn subject(workload: Workload) -> Option<Box<dyn Subject>> {
    Some(match workload {
        Workload::N1s => {
            let (problem, x) = (workloads::small_network(), symmetrics(1, 200).to_vec());
            value(problem.point.to_vec(), move |p| network(p, &x))
        }
        Workload::N5 => {
            let regression = Regression::new();
            value(symmetrics(2, 100).mapv(|s| 0.1 * s).to_vec(), move |w| regression.loss(w))
        }
        Workload::S4 => reprojections(),
        Workload::T3 => elementary(),
        _ => {
            let (function, point) = scalar::function(workload)?;
            value(point, move |x| function.at(x))
        }
    })
}

fn value(point: Vec<f64>, f: impl Fn(&[f64]) -> f64 + 'static) -> Box<dyn Subject> {
    let point: Vec<f64> = point.rounded();
    Box::new(Local {
        peer: NAME,
        result: 0.0,
        call: move |value: &mut f64| {
            *value = f(std::hint::black_box(&point));
            Ok(())
        },
        digest: |&value: &f64| check::of_value(value),
    })
}

/// S4: the errors of all observations.
fn reprojections() -> Box<dyn Subject> {
    let point = bundle::observations(bundle::OBSERVATIONS);
    Box::new(Local {
        peer: NAME,
        result: vec![0.0; 2 * bundle::OBSERVATIONS],
        call: move |errors: &mut Vec<f64>| {
            let observations = std::hint::black_box(&point).chunks_exact(bundle::INPUTS);
            for (o, (pair, p)) in errors.chunks_exact_mut(2).zip(observations).enumerate() {
                pair.copy_from_slice(&bundle::reprojection(p, bundle::feature(o)));
            }
            Ok(())
        },
        digest: |errors: &Vec<f64>| check::of_array("error", errors.iter().copied()),
    })
}

/// T3, entry by entry.
fn elementary() -> Box<dyn Subject> {
    let point = workloads::composed_elementary().point.to_vec();
    Box::new(Local {
        peer: NAME,
        result: vec![0.0; point.len()],
        call: move |values: &mut Vec<f64>| {
            for (value, &x) in values.iter_mut().zip(std::hint::black_box(&point)) {
                *value = workloads::elementary(x);
            }
            Ok(())
        },
        digest: |values: &Vec<f64>| check::of_array("value", values.iter().copied()),
    })
}

/// N1s, sample by sample.
fn network(p: &[f64], x: &[f64]) -> f64 {
    const HIDDEN: usize = 32;
    let (w1, p) = p.split_at(2 * HIDDEN);
    let (b1, p) = p.split_at(HIDDEN);
    let (w2, p) = p.split_at(HIDDEN * HIDDEN);
    let (b2, p) = p.split_at(HIDDEN);
    let (w3, b3) = p.split_at(HIDDEN);
    let mut sum = 0.0;
    for x in x.chunks_exact(2) {
        let (mut h1, mut h2) = ([0.0; HIDDEN], [0.0; HIDDEN]);
        for o in 0..HIDDEN {
            h1[o] = (b1[o] + x[0] * w1[o] + x[1] * w1[HIDDEN + o]).tanh();
        }
        h2.copy_from_slice(b2);
        for (row, h) in w2.chunks_exact(HIDDEN).zip(h1) {
            for o in 0..HIDDEN {
                h2[o] += h * row[o];
            }
        }
        let y = b3[0] + h2.iter().zip(w3).map(|(h, w)| h.tanh() * w).sum::<f64>();
        let residual = y - ((3.0 * x[0]).sin() + 0.5 * (2.0 * x[1]).cos());
        sum += residual * residual;
    }
    sum / (x.len() / 2) as f64
}

/// N5, sample by sample.
struct Regression {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Regression {
    fn new() -> Regression {
        let x = symmetrics(1, 1_000_000).to_vec();
        let truth = symmetrics(5, 100).to_vec();
        let noisy = |(b, row): (usize, &[f64])| dot(row, &truth) + 2.0 * symmetric(6, b as u64);
        let y = x.chunks_exact(100).enumerate().map(|sample| if noisy(sample) > 0.0 { 1.0 } else { 0.0 }).collect();
        Regression { x, y }
    }

    fn loss(&self, w: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (row, y) in self.x.chunks_exact(100).zip(&self.y) {
            let z = dot(row, w);
            sum += z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z;
        }
        sum / self.y.len() as f64 + 0.0005 * dot(w, w)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    kernels::gemm::dot(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{agree, reference};
    use crate::operator::Operator;
    use crate::workload::Precision;

    #[test]
    fn loops_compute_the_reference_values() {
        for workload in [Workload::N1s, Workload::N5, Workload::S1, Workload::S3] {
            let found = subject(workload).unwrap().check().unwrap();
            let expected = reference(workload, Operator::Native).unwrap();
            agree(&workload.to_string(), Precision::F64, (NAME, &found), ("the fixture", &expected)).unwrap();
        }
    }
}
