//! [`Formula`]: one generic function, kept at each kind of number that it is evaluated at.

use autodiff_core::{Dual, Function, Var};
use std::fmt;
use std::sync::Arc;

type Map<X, Y> = Arc<dyn Fn(&[X]) -> Y + Send + Sync>;

/// A scalar function, or the residuals whose squares it sums.
#[derive(Clone)]
pub struct Formula(Kind);

#[derive(Clone)]
enum Kind {
    Value { native: Map<f64, f64>, dual: Map<Dual<f64>, Dual<f64>>, traced: Map<Var, Var> },
    Squares { native: Map<f64, Vec<f64>>, dual: Map<Dual<f64>, Vec<Dual<f64>>>, traced: Map<Var, Vec<Var>> },
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Value { .. } => "Formula of a value",
            Kind::Squares { .. } => "Formula of residuals",
        })
    }
}

/// The [`Formula`] of an expression `|x| …` that is a number for any `x: &[S]`, `S: Real + Copy`.
macro_rules! value {
    (|$x:ident| $body:expr) => {
        $crate::problems::Formula::of_value(move |$x| $body, move |$x| $body, move |$x| $body)
    };
}

/// The [`Formula`] of an expression `|x| …` that is a list of residuals for any `x: &[S]`, `S: Real + Copy`.
macro_rules! squares {
    (|$x:ident| $body:expr) => {
        $crate::problems::Formula::of_squares(move |$x| $body, move |$x| $body, move |$x| $body)
    };
}

pub(crate) use {squares, value};

impl Formula {
    /// One function at three kinds of numbers.
    pub fn of_value(
        native: impl Fn(&[f64]) -> f64 + Send + Sync + 'static,
        dual: impl Fn(&[Dual<f64>]) -> Dual<f64> + Send + Sync + 'static,
        traced: impl Fn(&[Var]) -> Var + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Value { native: Arc::new(native), dual: Arc::new(dual), traced: Arc::new(traced) })
    }

    /// One list of residuals at three kinds of numbers.
    pub fn of_squares(
        native: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + 'static,
        dual: impl Fn(&[Dual<f64>]) -> Vec<Dual<f64>> + Send + Sync + 'static,
        traced: impl Fn(&[Var]) -> Vec<Var> + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Squares { native: Arc::new(native), dual: Arc::new(dual), traced: Arc::new(traced) })
    }

    /// The value, in plain `f64`.
    pub fn value(&self, x: &[f64]) -> f64 {
        match &self.0 {
            Kind::Value { native, .. } => native(x),
            Kind::Squares { native, .. } => native(x).iter().map(|r| r * r).sum(),
        }
    }

    /// The value and its derivative along `v`, by dual numbers.
    pub fn slope(&self, x: &[f64], v: &[f64]) -> (f64, f64) {
        let x: Vec<Dual<f64>> = x.iter().zip(v).map(|(&value, &tangent)| Dual { value, tangent }).collect();
        let f = match &self.0 {
            Kind::Value { dual, .. } => dual(&x),
            Kind::Squares { dual, .. } => dual(&x).iter().map(|&r| r * r).sum(),
        };
        (f.value, f.tangent)
    }

    /// The residuals, in plain `f64`, of a sum of squares.
    pub fn residuals(&self, x: &[f64]) -> Option<Vec<f64>> {
        match &self.0 {
            Kind::Value { .. } => None,
            Kind::Squares { native, .. } => Some(native(x)),
        }
    }

    /// The function, differentiable.
    pub fn function(&self) -> Function<'static, [Var], Var> {
        match &self.0 {
            Kind::Value { traced, .. } => {
                let traced = Arc::clone(traced);
                Function::new(move |x: &[Var]| traced(x))
            }
            Kind::Squares { traced, .. } => {
                let traced = Arc::clone(traced);
                Function::new(move |x: &[Var]| traced(x).iter().map(|&r| r * r).sum())
            }
        }
    }

    /// The residuals, differentiable, of a sum of squares.
    pub fn residual_function(&self) -> Option<Function<'static, [Var], Vec<Var>>> {
        match &self.0 {
            Kind::Value { .. } => None,
            Kind::Squares { traced, .. } => {
                let traced = Arc::clone(traced);
                Some(Function::new(move |x: &[Var]| traced(x)))
            }
        }
    }
}
