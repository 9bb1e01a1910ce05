//! One closure, every derivative: gradient, Hessian-vector product, Hessian and Taylor coefficients.
//!
//! `cargo run --example quickstart`

use jetgrad::{Function, Var};

fn main() -> jetgrad::Result<()> {
    // The closure is ordinary Rust; `Var` stands for the numbers.
    let rosenbrock = Function::new(|x: &[Var]| {
        let valleys = (1..x.len()).map(|i| 100.0 * (x[i] - x[i - 1].square()).square());
        let slopes = x[..x.len() - 1].iter().map(|x| (1.0 - x).square());
        valleys.chain(slopes).sum::<Var>()
    });
    let (x, v) = (vec![-1.2, 1.0, 1.0], vec![1.0, 0.0, -1.0]);

    let (value, gradient) = rosenbrock.value_and_gradient(&x)?;
    println!("f(x)        = {value}");
    println!("∇f(x)       = {gradient:?}");

    let product = rosenbrock.hvp(&x, &v)?;
    println!("∇²f(x) v    = {product:?}");

    let hessian = rosenbrock.hessian(&x)?;
    println!("∇²f(x)      =\n{hessian}");

    // f(x + t v) = c₀ + c₁ t + c₂ t² + …: f is a polynomial of degree 4, so this is all of it.
    let series = rosenbrock.taylor(&x, &v, 4)?;
    let series: Vec<f64> = series.iter().map(|c| c[[]]).collect();
    println!("f(x + t v)  = {} + {} t + {} t² + {} t³ + {} t⁴", series[0], series[1], series[2], series[3], series[4]);

    // The same numbers by other ways.
    let curvature: f64 = v.iter().zip(&product).map(|(v, h)| v * h).sum();
    assert!((series[2] - 0.5 * curvature).abs() < 1e-9, "the second coefficient is half the curvature along v");
    assert!((hessian.dot(&ndarray::arr1(&v)) - ndarray::arr1(&product)).iter().all(|d| d.abs() < 1e-9));
    assert!((rosenbrock.laplacian(&x)? - hessian.diag().sum()).abs() < 1e-9);

    // A certificate: every derivative against differences and against each other.
    print!("\n{}", rosenbrock.check(&x)?);
    Ok(())
}
