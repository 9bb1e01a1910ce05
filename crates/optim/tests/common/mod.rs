//! Test problems, an objective that counts how often it is asked, and operators with a known spectrum.

#![allow(dead_code)] // Each test file uses its part.

pub mod descents;

use optim::{FromParts, LinearOperator, LocalModel, Objective, ObjectiveError};
use std::cell::Cell;

/// One residual r of a sum of squares, at a point.
pub struct Residual {
    pub value: f64,
    /// (i, ∂r/∂xᵢ); entries of the same i add up.
    pub gradient: Vec<(usize, f64)>,
    /// (i, j, ∂²r/∂xᵢ∂xⱼ) with i ≤ j.
    pub hessian: Vec<(usize, usize, f64)>,
}

/// f(x) = Σ rᵢ(x)², with what is known of it.
pub struct LeastSquares {
    pub name: &'static str,
    pub start: Vec<f64>,
    /// The values of f at its minima.
    pub minima: &'static [f64],
    pub residuals: fn(&[f64]) -> Vec<Residual>,
}

pub struct LeastSquaresModel {
    value: f64,
    gradient: Vec<f64>,
    residuals: Vec<Residual>,
}

impl Objective<f64> for LeastSquares {
    type Model<'a> = LeastSquaresModel;

    fn dimension(&self) -> usize {
        self.start.len()
    }

    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        Ok((self.residuals)(x).iter().map(|r| r.value * r.value).sum())
    }

    fn at(&self, x: &[f64]) -> Result<LeastSquaresModel, ObjectiveError> {
        let residuals = (self.residuals)(x);
        let mut gradient = vec![0.0; x.len()];
        for r in &residuals {
            for &(i, d) in &r.gradient {
                gradient[i] += 2.0 * r.value * d;
            }
        }
        Ok(LeastSquaresModel { value: self.value(x)?, gradient, residuals })
    }
}

impl LocalModel<f64> for LeastSquaresModel {
    fn value(&self) -> f64 {
        self.value
    }

    fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    // H v = 2 Jᵀ J v + 2 Σ rᵢ ∇²rᵢ v
    fn hvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.ggn(v, out)?;
        for r in &self.residuals {
            for &(i, j, h) in &r.hessian {
                out[i] += 2.0 * r.value * h * v[j];
                if i != j {
                    out[j] += 2.0 * r.value * h * v[i];
                }
            }
        }
        Ok(())
    }

    fn ggn(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out.fill(0.0);
        for r in &self.residuals {
            let jv: f64 = r.gradient.iter().map(|&(i, d)| d * v[i]).sum();
            for &(i, d) in &r.gradient {
                out[i] += 2.0 * d * jv;
            }
        }
        Ok(())
    }
}

/// Problems of Moré, Garbow, Hillstrom, *Testing unconstrained optimization software*, ACM TOMS 7 (1981), and the
/// chained form of Rosenbrock's function.
pub fn problems() -> Vec<LeastSquares> {
    vec![
        LeastSquares { name: "Rosenbrock, n = 2", start: vec![-1.2, 1.0], minima: &[0.0], residuals: rosenbrock },
        LeastSquares {
            name: "Rosenbrock, n = 100",
            start: (0..100).map(|i| if i % 2 == 0 { 0.5 } else { -0.3 }).collect(),
            minima: &[0.0],
            residuals: rosenbrock,
        },
        LeastSquares { name: "Beale", start: vec![1.0, 1.0], minima: &[0.0], residuals: beale },
        LeastSquares {
            name: "Freudenstein and Roth",
            start: vec![0.5, -2.0],
            minima: &[0.0, 48.984_253_679_24],
            residuals: freudenstein_roth,
        },
        LeastSquares {
            name: "Powell singular",
            start: vec![3.0, -1.0, 0.0, 1.0],
            minima: &[0.0],
            residuals: powell_singular,
        },
        LeastSquares {
            name: "Brown almost-linear, n = 10",
            start: vec![0.5; 10],
            minima: &[0.0, 1.0],
            residuals: brown_almost_linear,
        },
        LeastSquares { name: "Wood", start: vec![-3.0, -1.0, -3.0, -1.0], minima: &[0.0], residuals: wood },
    ]
}

fn rosenbrock(x: &[f64]) -> Vec<Residual> {
    (0..x.len() - 1).flat_map(|i| [valley(x, i, i + 1, 10.0), linear(x, &[(i, -1.0)], 1.0)]).collect()
}

/// r = c (xⱼ − xᵢ²)
fn valley(x: &[f64], i: usize, j: usize, c: f64) -> Residual {
    Residual {
        value: c * (x[j] - x[i] * x[i]),
        gradient: vec![(i, -2.0 * c * x[i]), (j, c)],
        hessian: vec![(i, i, -2.0 * c)],
    }
}

/// r = Σ cᵢ xᵢ + b
fn linear(x: &[f64], c: &[(usize, f64)], b: f64) -> Residual {
    Residual { value: c.iter().map(|&(i, c)| c * x[i]).sum::<f64>() + b, gradient: c.to_vec(), hessian: Vec::new() }
}

/// r = k (xᵢ + c xⱼ)²
fn square(x: &[f64], i: usize, j: usize, c: f64, k: f64) -> Residual {
    let a = x[i] + c * x[j];
    Residual {
        value: k * a * a,
        gradient: vec![(i, 2.0 * k * a), (j, 2.0 * k * a * c)],
        hessian: vec![(i, i, 2.0 * k), (i, j, 2.0 * k * c), (j, j, 2.0 * k * c * c)],
    }
}

fn beale(x: &[f64]) -> Vec<Residual> {
    let row = |k: i32, y: f64| {
        let (a, b, k_f) = (x[0], x[1], f64::from(k));
        let second = if k < 2 { 0.0 } else { a * k_f * (k_f - 1.0) * b.powi(k - 2) };
        Residual {
            value: y - a * (1.0 - b.powi(k)),
            gradient: vec![(0, b.powi(k) - 1.0), (1, a * k_f * b.powi(k - 1))],
            hessian: vec![(0, 1, k_f * b.powi(k - 1)), (1, 1, second)],
        }
    };
    vec![row(1, 1.5), row(2, 2.25), row(3, 2.625)]
}

fn freudenstein_roth(x: &[f64]) -> Vec<Residual> {
    // r = x₁ + p(x₂) with a cubic p = c₀ + c₁ b + c₂ b² + c₃ b³
    let row = |c: [f64; 4]| {
        let b = x[1];
        Residual {
            value: x[0] + c[0] + b * (c[1] + b * (c[2] + b * c[3])),
            gradient: vec![(0, 1.0), (1, c[1] + b * (2.0 * c[2] + 3.0 * b * c[3]))],
            hessian: vec![(1, 1, 2.0 * c[2] + 6.0 * b * c[3])],
        }
    };
    vec![row([-13.0, -2.0, 5.0, -1.0]), row([-29.0, -14.0, 1.0, 1.0])]
}

fn powell_singular(x: &[f64]) -> Vec<Residual> {
    let root_5 = 5.0_f64.sqrt();
    vec![
        linear(x, &[(0, 1.0), (1, 10.0)], 0.0),
        linear(x, &[(2, root_5), (3, -root_5)], 0.0),
        square(x, 1, 2, -2.0, 1.0),
        square(x, 0, 3, -1.0, 10.0_f64.sqrt()),
    ]
}

fn brown_almost_linear(x: &[f64]) -> Vec<Residual> {
    let n = x.len();
    let mut rows: Vec<Residual> = (0..n - 1)
        .map(|i| {
            let c: Vec<_> = (0..n).map(|j| (j, if i == j { 2.0 } else { 1.0 })).collect();
            linear(x, &c, -(n as f64 + 1.0))
        })
        .collect();
    let without = |skip: &[usize]| -> f64 { (0..n).filter(|i| !skip.contains(i)).map(|i| x[i]).product() };
    rows.push(Residual {
        value: without(&[]) - 1.0,
        gradient: (0..n).map(|i| (i, without(&[i]))).collect(),
        hessian: (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| (i, j, without(&[i, j]))).collect(),
    });
    rows
}

fn wood(x: &[f64]) -> Vec<Residual> {
    let (root_10, root_90) = (10.0_f64.sqrt(), 90.0_f64.sqrt());
    vec![
        valley(x, 0, 1, 10.0),
        linear(x, &[(0, -1.0)], 1.0),
        valley(x, 2, 3, root_90),
        linear(x, &[(2, -1.0)], 1.0),
        linear(x, &[(1, root_10), (3, root_10)], -2.0 * root_10),
        linear(x, &[(1, 1.0 / root_10), (3, -1.0 / root_10)], 0.0),
    ]
}

/// An objective that counts, apart from any solver, how often it is asked.
pub struct Counted<O> {
    pub inner: O,
    pub values: Cell<usize>,
    pub gradients: Cell<usize>,
    pub products: Cell<usize>,
    /// Models alive now: the solvers promise at most one, and none during another call.
    alive: Cell<usize>,
}

pub struct CountedModel<'a, M> {
    inner: M,
    products: &'a Cell<usize>,
    alive: &'a Cell<usize>,
}

impl<O> Counted<O> {
    pub fn new(inner: O) -> Self {
        let zero = || Cell::new(0);
        Self { inner, values: zero(), gradients: zero(), products: zero(), alive: zero() }
    }

    pub fn found(&self) -> [usize; 3] {
        [self.values.get(), self.gradients.get(), self.products.get()]
    }
}

fn add(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

impl<O: Objective<f64>> Objective<f64> for Counted<O> {
    type Model<'a>
        = CountedModel<'a, O::Model<'a>>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        assert_eq!(self.alive.get(), 0, "a model is alive during value");
        add(&self.values);
        self.inner.value(x)
    }

    fn at(&self, x: &[f64]) -> Result<Self::Model<'_>, ObjectiveError> {
        assert_eq!(self.alive.get(), 0, "a model is alive during at");
        add(&self.gradients);
        add(&self.alive);
        Ok(CountedModel { inner: self.inner.at(x)?, products: &self.products, alive: &self.alive })
    }
}

impl<M: LocalModel<f64>> LocalModel<f64> for CountedModel<'_, M> {
    fn value(&self) -> f64 {
        self.inner.value()
    }

    fn gradient(&self) -> &[f64] {
        self.inner.gradient()
    }

    fn hvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        add(self.products);
        self.inner.hvp(v, out)
    }
}

impl<M> Drop for CountedModel<'_, M> {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

/// f(x) of one variable with f′ and f″.
pub fn scalar(f: impl Fn(f64) -> f64, d: impl Fn(f64) -> f64, dd: impl Fn(f64) -> f64) -> Counted<impl Objective<f64>> {
    Counted::new(FromParts::new(
        1,
        move |x: &[f64]| f(x[0]),
        move |x: &[f64], g: &mut [f64]| g[0] = d(x[0]),
        move |x: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = dd(x[0]) * v[0],
    ))
}

/// What an objective is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    Value,
    Gradient,
    Model,
}

/// An objective that tells a closure what it is asked for, and where, and fails if that does.
pub struct Watched<O, F> {
    pub inner: O,
    watch: F,
}

impl<O, F: Fn(Asked, &[f64]) -> Result<(), ObjectiveError>> Watched<O, F> {
    pub fn new(inner: O, watch: F) -> Self {
        Self { inner, watch }
    }
}

impl<O: Objective<f64>, F: Fn(Asked, &[f64]) -> Result<(), ObjectiveError>> Objective<f64> for Watched<O, F> {
    type Model<'a>
        = O::Model<'a>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        (self.watch)(Asked::Value, x)?;
        self.inner.value(x)
    }

    fn at(&self, x: &[f64]) -> Result<Self::Model<'_>, ObjectiveError> {
        (self.watch)(Asked::Model, x)?;
        self.inner.at(x)
    }

    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
        (self.watch)(Asked::Gradient, x)?;
        self.inner.value_and_gradient(x, gradient)
    }
}

/// An objective that fails once: the third time it is asked for a value, or for a gradient in either way.
pub fn fails_once<O: Objective<f64>>(inner: O, fails: Asked) -> impl Objective<f64> {
    let calls = Cell::new(0);
    Watched::new(inner, move |asked, _: &[f64]| {
        if (asked == Asked::Value) == (fails == Asked::Value) {
            add(&calls);
            if calls.get() == 3 {
                return Err(ObjectiveError::new(std::io::Error::other("the disk is gone")));
            }
        }
        Ok(())
    })
}

/// Q diag(spectrum) Q with the reflection Q = I − 2 u uᵀ, and the products it was asked for.
pub struct Spectral {
    pub spectrum: Vec<f64>,
    u: Vec<f64>,
    pub products: usize,
}

impl Spectral {
    pub fn new(spectrum: Vec<f64>, seed: u64) -> Self {
        let mut u = random(spectrum.len(), seed);
        let length = dot(&u, &u).sqrt();
        u.iter_mut().for_each(|u| *u /= length);
        Self { spectrum, u, products: 0 }
    }

    fn reflect(&self, v: &mut [f64]) {
        let uv = 2.0 * dot(&self.u, v);
        v.iter_mut().zip(&self.u).for_each(|(v, u)| *v -= uv * u);
    }

    /// Q diag(g(λ)) Q v
    pub fn function(&self, g: impl Fn(f64) -> f64, v: &[f64]) -> Vec<f64> {
        let mut v = v.to_vec();
        self.reflect(&mut v);
        v.iter_mut().zip(&self.spectrum).for_each(|(v, &l)| *v *= g(l));
        self.reflect(&mut v);
        v
    }

    /// q(s) = gᵀs + ½ sᵀHs
    pub fn model(&self, g: &[f64], s: &[f64]) -> f64 {
        dot(g, s) + 0.5 * dot(s, &self.function(|l| l, s))
    }
}

impl LinearOperator<f64> for Spectral {
    fn dimension(&self) -> usize {
        self.spectrum.len()
    }

    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.products += 1;
        out.copy_from_slice(&self.function(|l| l, v));
        Ok(())
    }
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// `n` numbers in [−1, 1) from a seed (splitmix64).
pub fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        })
        .collect()
}
