//! Programs have as many operations in their products as the cheapest exact algorithm: data has no tangent, nothing is multiplied
//! twice, and a product alone makes no gradient of the weights.

use autodiff_core::compile::optimize;
use autodiff_core::execute::{Interface, Program, Statistics};
use autodiff_core::trace::Session;
use autodiff_core::transform::{Seed, jet};
use autodiff_core::{Function, Precision, Shape, Var};
use ndarray::{Array1, Array2, ArrayD};
use testkit::flops;
use testkit::workloads::{
    autoencoder, classifier, convolutional_network, logistic_regression, small_network, transformer_block,
};

/// Sums over axes, which the ideal counts leave out, as a share of them: of biases, losses and normalised rows.
const SUMS: f64 = 0.04;

/// What a product alone may leave out, as the ideal counts do not: cotangents that only the gradient reads, in N4 those of three
/// layers above the parameters of a normalisation.
const LEFT_OUT: f64 = 0.03;

#[track_caller]
fn hold(name: &str, operator: &str, found: u64, ideal: f64) {
    let ratio = found as f64 / ideal;
    let least = if operator == "product" { 1.0 - LEFT_OUT } else { 1.0 };
    assert!((least..1.0 + SUMS).contains(&ratio), "{operator} of {name}: {found} operations, ideally {ideal}: {ratio}");
}

macro_rules! counts {
    ($($test:ident: $name:literal, $problem:expr;)*) => {$(
        #[test]
        fn $test() {
            let problem = $problem;
            let ideal = flops::of($name).expect("a count");
            let function: &Function<'_, _, _, _> = &problem.function;
            let explained = function.explain(&problem.point).unwrap();
            let whole = |s: &Option<Statistics>| s.as_ref().expect("a scalar function").contracted;
            hold($name, "value", explained.value.contracted, ideal.value);
            hold($name, "gradient", whole(&explained.gradient), ideal.gradient);
            hold($name, "product", whole(&explained.product), ideal.hvp);
            let split = explained.linearized.expect("a scalar function");
            hold($name, "linearised product", split.contracted - split.early_contracted, ideal.hvp_linearized);
        }
    )*};
}

counts! {
    classifier_has_no_more_operations_than_needed: "N1", classifier();
    small_network_has_no_more_operations_than_needed: "N1s", small_network();
    autoencoder_has_no_more_operations_than_needed: "N2", autoencoder();
    convolutional_network_has_no_more_operations_than_needed: "N3", convolutional_network();
    transformer_block_has_no_more_operations_than_needed: "N4", transformer_block();
    logistic_regression_has_no_more_operations_than_needed: "N5", logistic_regression();
}

/// How often each primitive stands in a graph.
fn systems(text: &str) -> [usize; 3] {
    ["= factor", "= solve_with{", "= solve{"].map(|name| text.matches(name).count())
}

#[test]
fn a_series_of_a_linear_system_factors_its_matrix_once() {
    const ORDER: usize = 4;
    let session = Session::open(Precision::Double);
    let [a, da, b, db] = [[6, 6], [6, 6], [6, 2], [6, 2]].map(|shape| session.input(Shape::of(&shape)));
    let x = a.solve(b);
    let seeds = [(a, da), (b, db)].map(|(variable, v)| Seed { variable, coefficients: vec![Some(v)] });
    let coefficients: Vec<Var> = jet(&[x], &seeds, ORDER)[0].iter().flatten().copied().collect();
    let outputs = [vec![x], coefficients].concat();
    let graph = session.close(&outputs).unwrap().graph;
    assert_eq!(systems(&graph.to_string()), [0, 0, ORDER + 1]);
    assert_eq!(systems(&optimize(&graph, None).graph.to_string()), [1, ORDER + 1, 0]);
}

#[test]
fn derivatives_of_a_linear_system_factor_its_matrix_once() {
    let n = 60;
    let matrix =
        Array2::from_shape_fn((n, n), |(i, j)| ((i * 7 + j * 3) % 11) as f64 + f64::from(u8::from(i == j)) * 99.0);
    let f = Function::new(|p: &[Var]| p[0].solve(p[1]).square().sum());
    let x: Vec<ArrayD<f64>> = vec![matrix.into_dyn(), Array1::linspace(0.0, 1.0, n).into_dyn()];
    let explained = f.explain(&x).unwrap();
    // Everything else is n² operations a solution or an outer product, of which there are some ten.
    let elimination = (2 * n * n * n / 3) as u64;
    let rest = 40 * (n * n) as u64;
    for (what, found) in [("gradient", explained.gradient), ("product", explained.product)] {
        let found = found.expect("a scalar function").flops;
        assert!(
            (elimination..elimination + rest).contains(&found),
            "{what}: {found} operations, elimination {elimination}"
        );
    }
    // A product with another direction at the same point eliminates nothing.
    let split = explained.linearized.expect("a scalar function");
    let late = split.flops - split.early_flops;
    assert!(late < rest, "a linearised product: {late} operations");
}

#[test]
fn powers_with_a_constant_exponent_cost_quadratic_work() {
    let flops = |order: usize| {
        let session = Session::open(Precision::Double);
        let x = session.input(Shape::of(&[]));
        let curve: Vec<Option<Var>> = (0..order).map(|_| Some(session.input(Shape::of(&[])))).collect();
        let series = jet(&[x.powf(1.7)], &[Seed { variable: x, coefficients: curve }], order).remove(0);
        let graph = session.close(&series.into_iter().flatten().collect::<Vec<Var>>()).unwrap().graph;
        Program::new(&graph, &Interface::plain(&graph)).statistics().flops as f64
    };
    // Three powers, of exponents 1.7, 0.7 and −0.3, of two sums each but the last; a scaling and two operations a term.
    let (low, high) = (flops(10), flops(20));
    assert!(high / low < 4.5, "{low} operations to order 10, {high} to order 20");
    assert!(high < 5.0 * 3.0 * 20.0 * 22.0 / 2.0, "{high} operations to order 20");
}
