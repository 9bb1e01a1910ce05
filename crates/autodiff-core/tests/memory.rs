//! The memory of a Hessian product at its peak is at most some gradients' worth, beside the slices of the caller.

use testkit::workloads;

#[test]
fn a_product_of_the_autoencoder_takes_at_most_three_gradients() {
    let problem = workloads::autoencoder();
    let explained = problem.function.explain(&problem.point).unwrap();
    let [gradient, product] = [explained.gradient, explained.product].map(|s| s.expect("a scalar function").peak());
    println!("gradient {gradient} entries, product {product}: {:.2} gradients", product as f64 / gradient as f64);
    assert!(product <= 3 * gradient, "{product} against {gradient} entries");
}
