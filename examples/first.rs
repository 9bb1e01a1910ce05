//! The smallest tour: the example of the README, held equal to it by `tests/readme.rs`.

use jetgrad::{Function, Var, optim::TrustRegion};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A loss is an ordinary closure; its input may be a slice, an array, a tuple or a struct of those.
    let f = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
    let (x, v) = (vec![-1.2, 1.0], vec![1.0, 0.0]);
    println!("f       {}", f.value(&x)?);
    println!("∇f      {:?}", f.gradient(&x)?);
    println!("∇²f v   {:?}", f.hvp(&x, &v)?); // exact, without forming the Hessian
    println!("f(x+tv) {:?}", f.taylor(&x, &v, 4)?.iter().map(|c| c[[]]).collect::<Vec<f64>>());
    // Newton's method with a trust region, through products alone.
    let report = TrustRegion::new().minimize(&f.flat(&x), &x)?;
    println!("{report}");
    Ok(())
}
