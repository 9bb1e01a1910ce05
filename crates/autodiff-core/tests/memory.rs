//! The memory of a Hessian product at its peak is at most some gradients' worth.

use autodiff_core::Tree;
use autodiff_core::execute::Statistics;
use testkit::workloads;

#[test]
fn a_product_of_the_autoencoder_takes_at_most_three_gradients() {
    let problem = workloads::autoencoder();
    let explained = problem.function.explain(&problem.point).unwrap();
    let dimension = problem.point.leaves().size();
    // What a program holds, and the slices of its caller: point and gradient; point, direction and product.
    let entries = |s: &Statistics, slices: usize| s.peak() + slices * dimension;
    let gradient = entries(&explained.gradient.expect("a scalar function"), 2);
    let product = entries(&explained.product.expect("a scalar function"), 3);
    println!("gradient {gradient} entries, product {product}: {:.2} gradients", product as f64 / gradient as f64);
    assert!(product <= 3 * gradient, "{product} against {gradient} entries");
}
