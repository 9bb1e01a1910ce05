//! [`Flat`]: a function of one flat vector, the form that solvers work on.

use super::linearized::check_length;
use super::operator::{Mode, Operator, check};
use super::swept::Start;
use super::variant::{Call, Point, Ran, Results, Variant};
use super::{Function, Linearized};
use crate::error::{Error, Result};
use crate::execute::{Coefficients, Guards};
use crate::real::Float;
use crate::tree::{Leaves, Traced, Tree};
use kernels::series::largest;
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A function over the flat entries of its point; the structure is remembered, so nothing is flattened by call.
///
/// Values, gradients and products are written into the caller's memory; once each operator has run, they allocate nothing.
///
/// ```
/// use autodiff_core::{Function, Var};
/// let f = Function::new(|(a, b): &(Var, Var)| a * b);
/// let flat = f.flat(&(2.0, 3.0));
/// let mut gradient = [0.0; 2];
/// assert_eq!(flat.value_and_gradient(&[2.0, 3.0], &mut gradient).unwrap(), 6.0);
/// assert_eq!(gradient, [3.0, 2.0]);
/// assert_eq!(flat.structured(&gradient).unwrap(), (3.0, 2.0));
/// ```
pub struct Flat<'f, A: ?Sized, P: Tree, Out, B: ?Sized> {
    function: Function<'f, A, Out, B>,
    structure: P,
    leaves: Leaves,
    dimension: usize,
}

/// A path through the branches of a closure.
pub(crate) struct Path<Out>(Arc<Variant<Out>>);

impl<Out> Path<Out> {
    /// Whether results jump or bend anywhere on it.
    pub fn switches(&self) -> bool {
        self.0.switches()
    }
}

impl<A: ?Sized, P: Tree, Out, B: ?Sized> fmt::Debug for Flat<'_, A, P, Out, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flat").field("dimension", &self.dimension).finish_non_exhaustive()
    }
}

impl<'f, A: ?Sized, Out: Traced + Send + Sync, B: ?Sized> Function<'f, A, Out, B> {
    /// This function over the flat entries of points with the structure of `x`.
    pub fn flat<P: Tree + Clone>(&self, x: &P) -> Flat<'f, A, P, Out, B>
    where
        P::Traced: Borrow<A>,
    {
        let leaves = x.leaves();
        Flat { function: self.clone(), structure: x.clone(), dimension: leaves.size(), leaves }
    }
}

impl<'f, A: ?Sized, P: Tree, Out: Traced + Send + Sync, B: ?Sized> Flat<'f, A, P, Out, B>
where
    P::Traced: Borrow<A>,
{
    /// Entries of a point.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// A flat vector in the structure of the point.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if it has not the dimension; so for every operator.
    pub fn structured(&self, x: &[P::Scalar]) -> Result<P> {
        check_length("structured", "x", self.dimension, x.len())?;
        Ok(self.structure.with_entries(x))
    }

    /// f(x).
    ///
    /// # Errors
    /// Those of [`Function::value`].
    pub fn value(&self, x: &[P::Scalar]) -> Result<P::Scalar> {
        let ran = self.run(&Operator::Value, x, Call { extras: &[], results: Results::Nowhere })?;
        match &ran.variant.results[..] {
            [shape] if shape.rank() == 0 => Ok(ran.output(0)[0]),
            found => Err(Error::NotScalar { operator: "value", found: found.to_vec() }),
        }
    }

    /// f(x), and ∇f(x) into `gradient`.
    ///
    /// # Errors
    /// Those of [`Function::value_and_gradient`].
    pub fn value_and_gradient(&self, x: &[P::Scalar], gradient: &mut [P::Scalar]) -> Result<P::Scalar> {
        check_length("gradient", "gradient", self.dimension, gradient.len())?;
        let ran = self.run(&Operator::Gradient, x, Call { extras: &[], results: Results::Into(gradient) })?;
        Ok(ran.output(0)[0])
    }

    /// ∇²f(x) v into `product`.
    ///
    /// # Errors
    /// Those of [`Function::hvp`].
    pub fn hvp(&self, x: &[P::Scalar], v: &[P::Scalar], product: &mut [P::Scalar]) -> Result<()> {
        check_length("hvp", "v", self.dimension, v.len())?;
        check_length("hvp", "product", self.dimension, product.len())?;
        let call = Call { extras: &[v], results: Results::Into(product) };
        self.run(&Operator::Hvp(Mode::default()), x, call).map(|_| ())
    }

    /// The entries of all results at `x`, one after the other, into `out`: for functions that return a vector, such as
    /// the residuals of a fit. `out` becomes as long as they are many.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| vec![x[0] * x[1], x[0] - x[1], x[1].square()]);
    /// let mut out = Vec::new();
    /// f.flat(&vec![0.0, 0.0]).evaluate_into(&[2.0, 3.0], &mut out).unwrap();
    /// assert_eq!(out, [6.0, -1.0, 9.0]);
    /// ```
    ///
    /// # Errors
    /// Those of [`Function::evaluate`].
    pub fn evaluate_into(&self, x: &[P::Scalar], out: &mut Vec<P::Scalar>) -> Result<()> {
        let ran = self.run(&Operator::Value, x, Call { extras: &[], results: Results::Nowhere })?;
        ran.flattened(0, out);
        Ok(())
    }

    /// Taylor coefficient number `order` of t ↦ results at `x` + t `v`, divided by `order`!, flat into `out`: for order 2
    /// half the second derivative along `v`. `out` becomes as long as the results are many.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| vec![x[0] * x[1], x[1].powi(3)]);
    /// let mut out = Vec::new();
    /// f.flat(&vec![0.0, 0.0]).taylor_into(&[2.0, 1.0], &[1.0, 1.0], 2, &mut out).unwrap();
    /// assert_eq!(out, [1.0, 3.0]);
    /// ```
    ///
    /// Computes all lower orders too, and costs what [`Function::taylor`] does.
    ///
    /// # Errors
    /// Those of [`Function::taylor`].
    pub fn taylor_into(&self, x: &[P::Scalar], v: &[P::Scalar], order: usize, out: &mut Vec<P::Scalar>) -> Result<()> {
        check_length("taylor", "v", self.dimension, v.len())?;
        let ran = self.run(&Operator::Taylor(order), x, Call { extras: &[v], results: Results::Nowhere })?;
        ran.flattened(order, out);
        Ok(())
    }

    /// Taylor coefficients 0 to `order` of t ↦ results at `x` + t `v`, coefficient k divided by k!, into `out`: all results of
    /// order 0, one after the other, then all of order 1, …. `out` becomes as long as they are many; once it is, nothing is
    /// allocated, and coefficients that nothing else reads are computed where they stay. Costs what [`Function::taylor`] does.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| x.exp());
    /// let mut out = Vec::new();
    /// f.flat(&ndarray::arr1(&[0.0, 0.0])).series_into(&[0.0, 0.0], &[1.0, 2.0], 2, &mut out).unwrap();
    /// assert_eq!(out, [1.0, 1.0, 1.0, 2.0, 0.5, 2.0]);
    /// ```
    ///
    /// # Errors
    /// Those of [`Function::taylor`].
    pub fn series_into(&self, x: &[P::Scalar], v: &[P::Scalar], order: usize, out: &mut Vec<P::Scalar>) -> Result<()> {
        check_length("taylor", "v", self.dimension, v.len())?;
        let call = Call { extras: &[v], results: Results::Collect(out) };
        self.run(&Operator::TaylorInto(order), x, call).map(|_| ())
    }

    /// Of rates f(y, t) at a point that ends with the time: coefficients 1 to `order` of the solution of y′ = f(y, t), order by
    /// order, and of each the size of its largest entry. `path` is the one that the closure took last, which need not be looked up
    /// again, and `memory` is used again by later calls. Returns the path that the closure takes there.
    pub(crate) fn flow(
        &self,
        x: &[P::Scalar],
        order: usize,
        path: Option<Path<Out>>,
        series: &mut [P::Scalar],
        sizes: &mut [P::Scalar],
        memory: &mut Vec<Coefficients<P::Scalar>>,
    ) -> Result<Path<Out>> {
        let point = Point { structure: &self.structure, leaves: &self.leaves, entries: x };
        let mut variant = match path {
            Some(Path(variant)) if !variant.point_specific => variant,
            _ => {
                let variant = self.function.trace_if_new(&point)?;
                check(&variant, &Operator::Flow(order))?;
                variant
            }
        };
        // Once more where a comparison comes out otherwise. One that a trace sees otherwise than its recurrences is left to the
        // program.
        for _ in 0..2 {
            let Some(recurrences) = variant.recurrences() else { break };
            if recurrences.run(x, series, sizes, recurrences.memory_among(memory, order)?)? {
                // At singular points the rules of programs go further.
                if sizes.iter().all(|size| size.to_f64().is_finite()) {
                    return Ok(Path(variant));
                }
                break;
            }
            variant = self.function.trace_instead(&variant, &point)?;
            check(&variant, &Operator::Flow(order))?;
        }
        let ran = self.run(&Operator::Flow(order), x, Call { extras: &[], results: Results::Into(series) })?;
        let coefficients = series.chunks_exact((series.len() / order.max(1)).max(1));
        sizes.iter_mut().zip(coefficients).for_each(|(size, c)| *size = largest(c));
        Ok(Path(ran.variant))
    }

    /// What the results at `x` jump or bend with, along a path that the closure took elsewhere, into `found`; `false` if it leads to
    /// an index outside its axis.
    pub(crate) fn switches(&self, path: &Path<Out>, x: &[P::Scalar], found: &mut Vec<P::Scalar>) -> Result<bool> {
        let point = Point { structure: &self.structure, leaves: &self.leaves, entries: x };
        let mut call = Call { extras: &[], results: Results::Collect(found) };
        match self.function.attempt(&path.0, &Operator::Switches, &point, &mut call, Start::Point(Guards::Trust)) {
            Ok(_) => Ok(true),
            Err(Error::Index { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The function at `x`, ready for many products.
    ///
    /// # Errors
    /// Those of [`Function::linearize`].
    pub fn linearize(&self, x: &[P::Scalar]) -> Result<Linearized<'f, A, P, Out, B>>
    where
        P: Clone,
    {
        check_length("linearize", "x", self.dimension, x.len())?;
        Linearized::at(self.function.clone(), self.structure.clone(), self.leaves.clone(), x.to_vec())
    }

    fn run(&self, operator: &Operator, x: &[P::Scalar], mut call: Call<'_, P::Scalar>) -> Result<Ran<Out, P::Scalar>> {
        check_length(operator.name(), "x", self.dimension, x.len())?;
        let point = Point { structure: &self.structure, leaves: &self.leaves, entries: x };
        self.function.run(operator, &point, &mut call)
    }
}

#[cfg(test)]
mod tests {
    use super::super::operator::Form;
    use super::*;
    use crate::graph::Var;

    #[test]
    fn a_comparison_that_comes_out_otherwise_makes_no_program_of_series() {
        let order = 12;
        let f = Function::new(|(y, _): &(Var, Var)| if *y < 1.0 { y.sin() } else { y.cos() });
        let flat = f.flat(&(0.0, 0.0));
        let (mut series, mut sizes) = (vec![0.0; order], vec![0.0; order]);
        let mut memory = Vec::new();
        for y in [0.5_f64, 1.5, 0.7, 2.0, 0.2] {
            flat.flow(&[y, 0.0], order, None, &mut series, &mut sizes, &mut memory).unwrap();
            assert_eq!(series[0], if y < 1.0 { y.sin() } else { y.cos() });
        }
        let variants = f.lock();
        assert_eq!((variants.len(), memory.len()), (2, 2));
        assert!(variants.iter().all(|v| !v.has(&Operator::Flow(order), Form::Whole)));
    }
}
