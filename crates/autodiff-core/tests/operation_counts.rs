//! Programs have as many operations in their products as the cheapest exact algorithm: data has no tangent, nothing is multiplied
//! twice, and a product alone makes no gradient of the weights.

use autodiff_core::Function;
use autodiff_core::execute::Statistics;
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
            let split = explained.hvp.expect("a scalar function");
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
