//! The memory of a Hessian product at its peak is at most some gradients' worth.

use autodiff_core::execute::Statistics;
use testkit::workloads;

#[test]
fn a_product_of_the_autoencoder_takes_at_most_three_gradients() {
    let problem = workloads::autoencoder();
    let explained = problem.function.explain(&problem.point).unwrap();
    let megabytes = |s: &Statistics| 8.0 * s.arena as f64 / 1e6;
    let gradient = explained.gradient.expect("a scalar function");
    let product = explained.product.expect("a scalar function");
    println!("value {:.1} MB", megabytes(&explained.value));
    println!("gradient {:.1} MB", megabytes(&gradient));
    println!("product {:.1} MB, {:.2} gradients", megabytes(&product), product.arena as f64 / gradient.arena as f64);
    assert!(product.arena <= 3 * gradient.arena, "{} against {} entries", product.arena, gradient.arena);
}
