//! The laws on every row of the elementwise table.

use super::case::{Case, uniform};
use super::hold;
use autodiff_core::graph::Var;
use autodiff_core::real::{Class, Row};
use autodiff_core::{Dual, Elementary, Shape};

fn case(row: Row, shape: &[usize]) -> Case {
    let shape = Shape::of(shape);
    let point = row
        .samples()
        .iter()
        .enumerate()
        .map(|(i, [low, high])| (0..shape.size()).map(|j| low + (high - low) * uniform(i as u64, j)).collect())
        .collect();
    let discrete = row.class() == Class::Discrete;
    // A mask, and the order of ζ, are not moved.
    let fixed = |i: usize| (row == Row::Select && i == 0) || (row == Row::HurwitzZeta && i == 1);
    Case {
        name: format!("{} {shape}", row.name()),
        shapes: vec![shape; row.arity()],
        point,
        differentiable: (0..row.arity()).map(|i| !fixed(i)).collect(),
        discrete,
        apply: Box::new(move |x: &[Var]| row.apply(x)),
    }
}

#[test]
fn every_row_keeps_every_law() {
    for &row in Row::ALL {
        // A scalar, two short arrays, and one long enough to be fused.
        for shape in [&[][..], &[5], &[2, 3], &[40]] {
            hold(&case(row, shape));
        }
    }
}

#[test]
fn traced_tangents_are_dual_numbers() {
    for &row in Row::ALL {
        let case = case(row, &[]);
        let duals: Vec<Dual<f64>> = (0..row.arity())
            .map(|i| Dual::new(case.point[i][0], if case.differentiable[i] { 1.0 } else { 0.0 }))
            .collect();
        let dual = row.apply(&duals);
        let f = autodiff_core::Function::new(move |x: &[Var]| row.apply(x));
        let x: Vec<f64> = case.point.iter().map(|p| p[0]).collect();
        let v: Vec<f64> = duals.iter().map(|d| d.tangent).collect();
        let traced = f.jvp(&x, &v).unwrap()[[]];
        // The same expressions in the same order, up to how partials are multiplied.
        assert!(
            (traced - dual.tangent).abs() <= 1e-14 * traced.abs().max(1.0),
            "{}: {traced} {}",
            row.name(),
            dual.tangent
        );
        assert_eq!(f.value(&x).unwrap(), dual.value, "{}", row.name());
    }
}

#[test]
fn rows_have_unique_names_and_methods_of_the_same_name() {
    let mut names: Vec<&str> = Row::ALL.iter().map(|row| row.name()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|w| w[0] != w[1]));
    assert_eq!(Row::Tanh.apply(&[0.5]), Elementary::tanh(0.5));
}
