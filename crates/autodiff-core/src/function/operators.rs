//! The operators of a [`Function`], each on the structure of its point.

use super::operator::{Form, Mode, Operator};
use super::swept::Kind;
use super::variant::{Call, Point, Ran, Results, Variant};
use super::{Function, Linearized};
use crate::error::{Error, Result};
use crate::sweep::Spare;
use crate::tree::{Leaves, Traced, Tree};
use ndarray::{Array2, ArrayD, IxDyn};
use rayon::prelude::*;
use std::borrow::Borrow;
use std::sync::atomic::Ordering;

/// Directions that a dense Jacobian or Hessian takes at once: enough to fill wide contractions, few enough for the cache.
pub(super) const CHUNK: usize = 32;

impl<'f, A: ?Sized, Out: Traced + Send + Sync, B: ?Sized> Function<'f, A, Out, B> {
    /// Makes the programs of value, gradient and Hessian-vector product for points with the structure of `x`. From then on
    /// every operator runs as a program from its first call on, also where a sweep over the trace would have come first; but a trace
    /// of scalars that asked for a number ([`Var::value`](crate::Var::value)) holds at one point only, and is swept all the same.
    ///
    /// For what is called many times and is to give the same bits, and take the same time, each time. Programs are made for
    /// the path through the branches that the closure takes at `x`.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].powi(3) * x[1]);
    /// f.prepare(&[2.0, 1.0]).unwrap();
    /// assert_eq!(f.gradient(&[2.0, 1.0]).unwrap(), [12.0, 8.0]);
    /// ```
    ///
    /// # Errors
    /// Those of every operator.
    pub fn prepare<P: Tree>(&self, x: &P) -> Result<()>
    where
        P::Traced: Borrow<A>,
    {
        self.prepared.store(true, Ordering::Relaxed);
        let ran = self.at(x, &Operator::Value, &[], Results::Nowhere)?;
        // A trace that holds at this point only is swept all the same.
        if !ran.variant.point_specific && matches!(&ran.variant.results[..], [shape] if shape.rank() == 0) {
            ran.variant.compiled(&Operator::Gradient, Form::Whole)?;
            ran.variant.compiled(&Operator::Hvp(Mode::default()), Form::Whole)?;
        }
        Ok(())
    }

    /// What the closure returns at `x`, as arrays in the structure of its result.
    ///
    /// # Errors
    /// A closure with operations that do not fit, or an index outside its axis; so for every operator.
    pub fn evaluate<P: Tree>(&self, x: &P) -> Result<Out::Numbers<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let ran = self.at(x, &Operator::Value, &[], Results::Nowhere)?;
        Ok(self.results(&ran, 0))
    }

    /// f(x) of a scalar function.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the closure returns something else than one scalar.
    pub fn value<P: Tree>(&self, x: &P) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        let ran = self.at(x, &Operator::Value, &[], Results::Nowhere)?;
        if ran.variant.results.len() != 1 || ran.variant.results[0].rank() != 0 {
            return Err(Error::NotScalar { operator: "value", found: ran.variant.results.clone() });
        }
        Ok(ran.output(0)[0])
    }

    /// ∇f(x) of a scalar function, in the structure of `x`. Costs a small constant times the value, whatever the dimension.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the closure returns something else than one scalar.
    pub fn gradient<P: Tree>(&self, x: &P) -> Result<P>
    where
        P::Traced: Borrow<A>,
    {
        Ok(self.value_and_gradient(x)?.1)
    }

    /// f(x) and ∇f(x) in one run.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the closure returns something else than one scalar.
    pub fn value_and_gradient<P: Tree>(&self, x: &P) -> Result<(P::Scalar, P)>
    where
        P::Traced: Borrow<A>,
    {
        let mut gradient = Spare::with_capacity(0);
        let ran = self.at(x, &Operator::Gradient, &[], Results::Collect(&mut gradient))?;
        Ok((ran.output(0)[0], x.with_entries(&gradient)))
    }

    /// J v: the derivative of the results along `v`, which has the structure of `x`. Costs about two values.
    ///
    /// # Errors
    /// [`Error::Structure`] if `v` has not the shapes of `x`.
    pub fn jvp<P: Tree>(&self, x: &P, v: &P) -> Result<Out::Numbers<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let v = direction("jvp", "v", x, v)?;
        let mut pushed = Vec::new();
        let ran = self.at(x, &Operator::Jvp, &[&v], Results::Collect(&mut pushed))?;
        Ok(arrays(&ran.variant, &pushed))
    }

    /// Jᵀ w: the gradient of ⟨w, result⟩, for `w` in the structure of the result. Costs a small constant times the value.
    ///
    /// # Errors
    /// [`Error::Structure`] if `w` has not the shapes of the result.
    pub fn vjp<P: Tree>(&self, x: &P, w: &Out::Numbers<P::Scalar>) -> Result<P>
    where
        P::Traced: Borrow<A>,
    {
        let (mut shapes, mut entries) = (Vec::new(), Vec::new());
        Out::flatten(w, &mut |leaf| {
            shapes.push(crate::shape::Shape::of(leaf.shape()));
            entries.extend(leaf.iter().copied());
        });
        let expected = self.at(x, &Operator::Value, &[], Results::Nowhere)?.variant.results.clone();
        if shapes != expected {
            return Err(Error::Structure { operator: "vjp", argument: "w", expected, found: shapes });
        }
        self.product(x, &Operator::Vjp, &[&entries])
    }

    /// The dense Jacobian: row i the i-th entry of the result, column j the j-th entry of `x`, both flattened in order.
    ///
    /// Forward for more results than entries of `x`, else reverse, in blocks of directions on the threads of the current rayon pool;
    /// the same bits for any number of them.
    ///
    /// # Errors
    /// Those of every operator.
    pub fn jacobian<P: Tree + Sync>(&self, x: &P) -> Result<Array2<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        let m = self
            .at(x, &Operator::Value, &[], Results::Nowhere)?
            .variant
            .results
            .iter()
            .map(|s| s.size())
            .sum::<usize>();
        if m <= n {
            self.rows_of(x, Operator::Vjps, m, n)
        } else {
            Ok(self.rows_of(x, Operator::Jvps, n, m)?.reversed_axes().as_standard_layout().into_owned())
        }
    }

    /// ∇²f(x) v, exactly and without forming the Hessian, in the structure of `x`; reverse over forward.
    ///
    /// Costs about two gradients, measured 1.8 for a dense network and 2.6 for a convolutional one, and the memory of two to three.
    /// For many products at one point use [`linearize`](Function::linearize).
    ///
    /// # Errors
    /// [`Error::Structure`] if `v` has not the shapes of `x`; [`Error::NotScalar`] if the result is not one scalar.
    pub fn hvp<P: Tree>(&self, x: &P, v: &P) -> Result<P>
    where
        P::Traced: Borrow<A>,
    {
        self.hvp_by(Mode::default(), x, v)
    }

    /// [`hvp`](Function::hvp) in a chosen mode.
    ///
    /// # Errors
    /// Those of [`hvp`](Function::hvp).
    pub fn hvp_by<P: Tree>(&self, mode: Mode, x: &P, v: &P) -> Result<P>
    where
        P::Traced: Borrow<A>,
    {
        let v = direction("hvp", "v", x, v)?;
        self.product(x, &Operator::Hvp(mode), &[&v])
    }

    /// ∇²f(x) vᵢ for several directions in one run; the parts that depend on `x` alone are computed once, where scalars are swept
    /// once for every four directions.
    ///
    /// Costs about a gradient and 1.3 more for each direction on networks; the memory of a gradient, and of one more for each direction.
    /// Each number of directions has a program of its own, of which the last few are kept: for numbers that change use
    /// [`linearize`](Function::linearize).
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].square() * x[1]);
    /// let products = f.hvps(&vec![3.0, 5.0], &[vec![1.0, 0.0], vec![0.0, 1.0]])?;
    /// assert_eq!(products, [[10.0, 6.0], [6.0, 0.0]]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`hvp`](Function::hvp).
    pub fn hvps<P: Tree>(&self, x: &P, directions: &[P]) -> Result<Vec<P>>
    where
        P::Traced: Borrow<A>,
    {
        let k = directions.len();
        let mut rows = Vec::new();
        for v in directions {
            rows.extend(direction("hvps", "a direction", x, v)?);
        }
        if k == 0 {
            return Ok(Vec::new());
        }
        let n = rows.len() / k;
        let mut products = Spare::with_capacity(0);
        let ran = self.at(x, &Operator::Hvps(Mode::default(), k), &[&rows], Results::Collect(&mut products))?;
        ran.variant.count(Kind::Rows, k);
        Ok(products.chunks_exact(n.max(1)).map(|row| x.with_entries(row)).take(k).collect())
    }

    /// Everything that depends on `x` alone, computed once, for products at a marginal cost.
    ///
    /// Costs little: the first call of each operator of the result computes what that needs, 1.1 to 1.9 gradients on networks for
    /// the first Hessian-vector product, and about 1.3 for each after it. Runs programs, and never sweeps.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].square() * x[1]);
    /// let at = f.linearize(&vec![3.0, 5.0])?;
    /// let mut product = [0.0; 2];
    /// at.hvp(&[1.0, 0.0], &mut product)?;
    /// assert_eq!(product, [10.0, 6.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of every operator.
    pub fn linearize<P: Tree + Clone>(&self, x: &P) -> Result<Linearized<'f, A, P, Out, B>>
    where
        P::Traced: Borrow<A>,
    {
        Linearized::new(self.clone(), x)
    }

    /// The Gauss–Newton product Jᵀ ∇²ℓ J v for f = ℓ ∘ model, split where the closure marks the output of the model with
    /// [`prediction`](crate::Var::prediction), as the losses of `nn` do. Positive semidefinite for a convex ℓ.
    ///
    /// What bypasses the mark, such as a regulariser, enters with its full Hessian. Costs about a gradient.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// // The model x², the loss its half square: JᵀJ = 4x², of the Hessian 6x².
    /// let f = Function::new(|x: &[Var]| 0.5 * x[0].square().prediction().square());
    /// assert_eq!(f.ggn_product(&vec![3.0], &vec![1.0])?, [36.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] if nothing is marked; else those of [`hvp`](Function::hvp).
    pub fn ggn_product<P: Tree>(&self, x: &P, v: &P) -> Result<P>
    where
        P::Traced: Borrow<A>,
    {
        let v = direction("ggn_product", "v", x, v)?;
        self.product(x, &Operator::Ggn, &[&v])
    }

    /// The dense Hessian over the flattened entries of `x`: n products, in blocks on the threads of the current rayon pool; the same
    /// bits for any number of them. Memory n².
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar.
    pub fn hessian<P: Tree + Sync>(&self, x: &P) -> Result<Array2<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        self.rows_of(x, |k| Operator::Hvps(Mode::default(), k), n, n)
    }

    /// Taylor coefficients 0 to `order` of t ↦ result(x + t v), coefficient k divided by k!.
    ///
    /// Costs order + 1 values for linear work, (order + 1)²/2 for products and elementwise work; O(order³) for `ln_gamma`, `digamma`,
    /// and `pow` with an exponent that is no number in the text of the closure.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].exp() * x[1]);
    /// let c = f.taylor(&[0.0, 2.0], &[1.0, 0.0], 3)?; // 2 eᵗ
    /// assert_eq!(c.iter().map(|c| c[[]]).collect::<Vec<f64>>(), [2.0, 2.0, 1.0, 1.0 / 3.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Structure`] if `v` has not the shapes of `x`.
    pub fn taylor<P: Tree>(&self, x: &P, v: &P, order: usize) -> Result<Vec<Out::Numbers<P::Scalar>>>
    where
        P::Traced: Borrow<A>,
    {
        let v = direction("taylor", "v", x, v)?;
        let ran = self.at(x, &Operator::Taylor(order), &[&v], Results::Nowhere)?;
        Ok((0..=order).map(|k| self.results(&ran, k)).collect())
    }

    /// Taylor coefficients of the result along the curve x + Σ xₖ tᵏ, for `curve` = [x₁, x₂, …], each in the structure of `x` and all
    /// divided by k!: as many, and the value. Costs what [`taylor`](Function::taylor) costs; zeros among the xₖ save nothing.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].ln() * x[1]);
    /// let c = f.taylor_series(&[1.0, 6.0], &[[1.0, 0.0], [0.5, 0.0]])?; // 6 ln(1 + t + t²/2)
    /// assert_eq!(c.iter().map(|c| c[[]]).collect::<Vec<f64>>(), [0.0, 6.0, 0.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Structure`] if a coefficient has not the shapes of `x`.
    pub fn taylor_series<P: Tree>(&self, x: &P, curve: &[P]) -> Result<Vec<Out::Numbers<P::Scalar>>>
    where
        P::Traced: Borrow<A>,
    {
        let coefficients =
            curve.iter().map(|c| direction("taylor_series", "a coefficient", x, c)).collect::<Result<Vec<_>>>()?;
        let extras: Vec<&[P::Scalar]> = coefficients.iter().map(|c| &c[..]).collect();
        let ran = self.at(x, &Operator::TaylorSeries(curve.len()), &extras, Results::Nowhere)?;
        Ok((0..=curve.len()).map(|k| self.results(&ran, k)).collect())
    }

    /// Gradients with respect to x of the Taylor coefficients 0 to `order` of f along x + t v: ∇f, ∇²f v, ½ ∇(vᵀ∇²f v), …, each in the
    /// structure of `x`.
    ///
    /// One sweep back from the last coefficient has them all, for ∂c_k/∂x is ∂c_K/∂x_{K−k} along the curve Σ xₖ tᵏ. Costs about two
    /// runs of [`taylor`](Function::taylor), and (order + 1)²/2 products where gradients of weights are summed. Order 1 is
    /// [`hvp`](Function::hvp).
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].powi(3) * x[1]);
    /// let g = f.taylor_gradients(&[1.0, 2.0], &[1.0, 0.0], 2)?; // of y x³, 3 y x², 3 y x
    /// assert_eq!(g, [[6.0, 1.0], [12.0, 3.0], [6.0, 3.0]]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`hvp`](Function::hvp).
    pub fn taylor_gradients<P: Tree>(&self, x: &P, v: &P, order: usize) -> Result<Vec<P>>
    where
        P::Traced: Borrow<A>,
    {
        let v = direction("taylor_gradients", "v", x, v)?;
        let ran = self.at(x, &Operator::TaylorGradients(order), &[&v], Results::Nowhere)?;
        let inputs = ran.variant.body().point.len();
        Ok((0..=order).map(|k| structured(x, &ran, k * inputs)).collect())
    }

    /// Runs an operator at a structured point.
    pub(super) fn at<P: Tree>(
        &self,
        x: &P,
        operator: &Operator,
        extras: &[&[P::Scalar]],
        results: Results<'_, P::Scalar>,
    ) -> Result<Ran<Out, P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let leaves = x.leaves();
        let entries = lent(x, &leaves);
        let point = Point { structure: x, leaves: &leaves, entries: &entries };
        self.run(operator, &point, &mut Call { extras, results })
    }

    /// Runs an operator whose results have the structure of the point.
    pub(super) fn product<P: Tree>(&self, x: &P, operator: &Operator, extras: &[&[P::Scalar]]) -> Result<P>
    where
        P::Traced: Borrow<A>,
    {
        let mut entries = Spare::with_capacity(0);
        self.at(x, operator, extras, Results::Collect(&mut entries))?;
        Ok(x.with_entries(&entries))
    }

    /// Set number `set` of the results, as arrays in their structure.
    pub(super) fn results<T: crate::graph::Executable>(&self, ran: &Ran<Out, T>, set: usize) -> Out::Numbers<T> {
        let mut entries = Vec::new();
        ran.flattened(set, &mut entries);
        arrays(&ran.variant, &entries)
    }

    /// A matrix of `rows` × `columns` whose rows are the results of `operator` for the unit vectors of dimension `rows`.
    pub(super) fn rows_of<P: Tree + Sync>(
        &self,
        x: &P,
        operator: impl Fn(usize) -> Operator + Sync,
        rows: usize,
        columns: usize,
    ) -> Result<Array2<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let mut matrix = vec![<P::Scalar as num_traits::Zero>::zero(); rows * columns];
        self.in_blocks(x, rows, CHUNK * columns, &mut matrix, |start, k, part| {
            let unit = unit_rows(rows, start, k);
            let mut call = Call { extras: &[&unit], results: Results::Into(part) };
            self.run_at(x, &operator(k), &mut call)
        })?;
        Ok(Array2::from_shape_vec((rows, columns), matrix).expect("as many entries as the matrix has"))
    }

    /// Calls `block` with the first and the number of every block of directions and its part of the results, `width` entries
    /// (the last one's may be shorter), on the threads of the current rayon pool: the same bits whichever runs which.
    pub(super) fn in_blocks<P: Tree + Sync>(
        &self,
        x: &P,
        directions: usize,
        width: usize,
        results: &mut [P::Scalar],
        block: impl Fn(usize, usize, &mut [P::Scalar]) -> Result<()> + Sync,
    ) -> Result<()>
    where
        P::Traced: Borrow<A>,
    {
        if results.is_empty() {
            return Ok(());
        }
        // Traced once before threads start, so that none of them traces again.
        let leaves = x.leaves();
        let entries = lent(x, &leaves);
        let variant = self.trace_at(&Point { structure: x, leaves: &leaves, entries: &entries })?;
        // Blocks are independent programs of their own width.
        results.par_chunks_mut(width).enumerate().try_for_each(|(number, part)| {
            let start = number * CHUNK;
            block(start, CHUNK.min(directions - start), part)
        })?;
        variant.count(Kind::Rows, directions);
        Ok(())
    }

    /// Runs an operator whose outputs are all results.
    pub(super) fn run_at<P: Tree>(&self, x: &P, operator: &Operator, call: &mut Call<'_, P::Scalar>) -> Result<()>
    where
        P::Traced: Borrow<A>,
    {
        let leaves = x.leaves();
        let entries = lent(x, &leaves);
        self.run(operator, &Point { structure: x, leaves: &leaves, entries: &entries }, call)?;
        Ok(())
    }
}

/// The entries of a point, in memory that the thread keeps.
fn lent<P: Tree>(x: &P, leaves: &Leaves) -> Spare<P::Scalar> {
    let mut entries = Spare::with_capacity(leaves.size());
    x.entries(&mut entries);
    entries
}

/// Entries of all results, as arrays in their structure.
fn arrays<Out: Traced, T: crate::graph::Executable>(variant: &Variant<Out>, entries: &[T]) -> Out::Numbers<T> {
    let (mut rest, mut shapes) = (entries, variant.results.iter());
    variant.result.numbers(&mut || {
        let shape = shapes.next().expect("a result has as many leaves as shapes");
        let (entries, after) = rest.split_at(shape.size());
        rest = after;
        ArrayD::from_shape_vec(IxDyn(shape), entries.to_vec()).expect("as many entries as the shape has")
    })
}

/// Rows `start` to `start + k` of the identity of order n.
pub(super) fn unit_rows<T: crate::graph::Executable>(n: usize, start: usize, k: usize) -> Vec<T> {
    let mut rows = vec![T::zero(); k * n];
    (0..k).for_each(|i| rows[i * n + start + i] = T::one());
    rows
}

/// The outputs from `first` on, one for each input that is the point, in the structure of `x`.
fn structured<P: Tree, Out: Traced>(x: &P, ran: &Ran<Out, P::Scalar>, first: usize) -> P {
    let mut entries = vec![num_traits::Zero::zero(); x.leaves().size()];
    ran.outputs(first..first + ran.variant.body().point.len(), &mut entries);
    x.with_entries(&entries)
}

/// The entries of a direction, which must have the shapes of `x`.
pub(super) fn direction<P: Tree>(
    operator: &'static str,
    argument: &'static str,
    x: &P,
    v: &P,
) -> Result<Vec<P::Scalar>> {
    let (expected, found) = (x.leaves(), v.leaves());
    if !expected.same_shapes(&found) {
        return Err(Error::Structure { operator, argument, expected: expected.to_shapes(), found: found.to_shapes() });
    }
    Ok(v.to_vec())
}
