//! Problems of optimisation with known answers, each written once for every kind of number.
//!
//! A [`Problem`] has a starting point, the values of its known minima, and a [`Formula`] that is evaluated at plain `f64`, at
//! [`Dual`](autodiff_core::Dual) numbers, or traced as a [`Function`].
//!
//! ```
//! use testkit::problems::mgh;
//! let rosenbrock = mgh::problem(1);
//! assert!((rosenbrock.value(&[-1.2, 1.0]) - 24.2).abs() < 1e-13);
//! assert_eq!(rosenbrock.residuals(&[1.0, 1.0]), Some(vec![0.0, 0.0]));
//! assert_eq!(rosenbrock.function().gradient(&vec![1.0, 1.0])?, [0.0, 0.0]);
//! assert!(rosenbrock.nearest_minimum(1e-9).is_some_and(|minimum| minimum.value == 0.0));
//! # Ok::<(), autodiff_core::Error>(())
//! ```
//!
//! * [`mgh`]: the 35 problems of Moré, Garbow and Hillstrom, all sums of squares;
//! * [`nist`]: the 27 certified fits of NIST's Statistical Reference Datasets, all sums of squares;
//! * [`cutest`]: scalable problems of the CUTEst collection and of its kind.

pub mod cutest;
mod formula;
pub mod mgh;
pub mod nist;

pub use formula::Formula;

use autodiff_core::{Function, Var};

/// A function to minimise.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Its name, with the number of variables where that is a choice.
    pub name: String,
    /// Where its authors start.
    pub start: Vec<f64>,
    /// The minima that the literature lists or that were computed to many digits; the first is the lowest.
    pub minima: Vec<Minimum>,
    /// The function.
    pub formula: Formula,
}

/// A minimum of a [`Problem`].
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The value.
    pub value: f64,
    /// How many digits of `value` are known: |error| ≤ 10^(−digits) max(1, |value|).
    pub digits: i32,
    /// The minimiser, to about eight digits, where it is known and unique up to symmetry; else, or at infinity, `None`.
    pub at: Option<Vec<f64>>,
}

impl Minimum {
    /// A minimum of this value, known to rounding.
    pub fn of(value: f64) -> Self {
        Self { value, digits: 12, at: None }
    }

    /// A minimum of this value, known to rounding, at `x`.
    pub fn at(value: f64, x: impl Into<Vec<f64>>) -> Self {
        Self { at: Some(x.into()), ..Self::of(value) }
    }
}

impl Problem {
    /// Length of its vectors.
    pub fn dimension(&self) -> usize {
        self.start.len()
    }

    /// The value at `x`, in plain `f64`: the sum of the squares of the residuals where there are any.
    pub fn value(&self, x: &[f64]) -> f64 {
        self.formula.value(x)
    }

    /// The residuals at `x`, in plain `f64`, if the function is a sum of squares.
    pub fn residuals(&self, x: &[f64]) -> Option<Vec<f64>> {
        self.formula.residuals(x)
    }

    /// The function, differentiable.
    pub fn function(&self) -> Function<'static, [Var], Var> {
        self.formula.function()
    }

    /// The residuals, differentiable, if the function is a sum of squares.
    pub fn residual_function(&self) -> Option<Function<'static, [Var], Vec<Var>>> {
        self.formula.residual_function()
    }

    /// The start times `factor`; a start at 0 becomes `factor` in every entry, as in MINPACK's tests.
    pub fn start_times(&self, factor: f64) -> Vec<f64> {
        if factor != 1.0 && self.start.iter().all(|&x| x == 0.0) {
            return vec![factor; self.dimension()];
        }
        self.start.iter().map(|x| factor * x).collect()
    }

    /// Whether `x` is a listed minimum, by two gates; a run is judged by them whatever it says of itself.
    ///
    /// The value: |f − f*| ≤ 1e-6 max(1, |f*|) for a listed f*. The gradient: ‖g‖∞ ≤ 1e-6 max(1, |f*|), or `bound` if that is
    /// larger, or else no entry larger than what rounding of x does to it, 8 ε Σⱼ |Hᵢⱼ xⱼ|: for Meyer's problem, whose
    /// variables differ by six orders, no point in double precision has a gradient below 1e-4.
    ///
    /// ```
    /// use testkit::problems::mgh;
    /// let rosenbrock = mgh::problem(1);
    /// assert!(rosenbrock.is_solved(&[1.0, 1.0], 0.0) && !rosenbrock.is_solved(&[-1.2, 1.0], 0.0));
    /// // The value is 1e-6, the gradient is not.
    /// assert!(!rosenbrock.is_solved(&[1.0 + 4e-5, 1.0], 0.0));
    /// ```
    pub fn is_solved(&self, x: &[f64], bound: f64) -> bool {
        let (x, f) = (x.to_vec(), self.function());
        let Ok((value, gradient)) = f.value_and_gradient(&x) else { return false };
        self.nearest_minimum(value).is_some_and(|minimum| {
            // Not `fold` with `max`, which drops a NaN.
            let enough = bound.max(1e-6 * minimum.value.abs().max(1.0));
            gradient.iter().all(|g| g.abs() <= enough) || is_rounding(&f, &x, &gradient)
        })
    }

    /// The listed minimum that `value` is within 1e-6 max(1, |minimum|) of, and nearest to.
    pub fn nearest_minimum(&self, value: f64) -> Option<&Minimum> {
        let distance = |minimum: &Minimum| (value - minimum.value).abs();
        let near = self.minima.iter().filter(|m| distance(m) <= 1e-6 * m.value.abs().max(1.0));
        near.min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}

/// Whether every entry of the gradient at `x` is of the size that rounding of x gives it.
fn is_rounding(f: &Function<'static, [Var], Var>, x: &[f64], gradient: &[f64]) -> bool {
    let mut moved = vec![0.0; x.len()];
    for j in 0..x.len() {
        let mut column = vec![0.0; x.len()];
        column[j] = x[j];
        let Ok(product) = f.hvp(&x.to_vec(), &column) else { return false };
        moved.iter_mut().zip(&product).for_each(|(moved, product)| *moved += product.abs());
    }
    gradient.iter().zip(&moved).all(|(g, moved)| g.abs() <= 8.0 * f64::EPSILON * moved)
}
