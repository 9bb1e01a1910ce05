//! The laws on every structured primitive, from the list of their samples.

use super::case::{Case, uniform};
use super::hold;
use autodiff_core::Shape;
use autodiff_core::graph::{Class, Primitive, Var};
use autodiff_core::primitive::{NAMES, samples};
use autodiff_core::trace::record_shared;
use std::panic::Location;
use std::sync::Arc;

fn case(primitive: &Arc<dyn Primitive>, shapes: &[Shape], number: usize) -> Case {
    let class = primitive.class();
    let discrete = class == Class::Discrete;
    let differentiable: Vec<bool> =
        (0..shapes.len()).map(|i| discrete || class == Class::Implicit || primitive.is_linear_in(i)).collect();
    let point = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| {
            let mut numbers: Vec<f64> =
                (0..shape.size()).map(|j| 2.0 * uniform(100 + number as u64 * 7 + i as u64, j) - 1.0).collect();
            if !differentiable[i] {
                // Indices 0 and 1: every sample indexes into an axis of at least 2.
                numbers.iter_mut().for_each(|x| *x = f64::from(u8::from(*x > 0.0)));
            }
            if primitive.name() == "solve" && i == 0 {
                // Diagonally dominant, hence far from singular.
                let n = shape[shape.rank() - 1];
                for (j, x) in numbers.iter_mut().enumerate() {
                    if (j / n) % n == j % n {
                        *x += n as f64;
                    }
                }
            }
            numbers
        })
        .collect();
    let shared = primitive.clone();
    Case {
        name: format!("{} {:?} of {shapes:?}", primitive.name(), primitive.attributes()),
        shapes: shapes.to_vec(),
        point,
        differentiable,
        discrete,
        apply: Box::new(move |x: &[Var]| record_shared(shared.clone(), x, Location::caller())),
    }
}

#[test]
fn every_primitive_keeps_every_law() {
    for (number, (primitive, shapes)) in samples().iter().enumerate() {
        hold(&case(primitive, shapes, number));
    }
}

#[test]
fn every_primitive_has_samples() {
    let sampled: Vec<&str> = samples().iter().map(|(p, _)| p.name()).collect();
    for name in NAMES {
        assert!(sampled.contains(name), "{name} has no samples");
    }
}
