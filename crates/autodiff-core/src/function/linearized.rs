//! [`Linearized`]: a function at a fixed point, ready for many products.

use super::Function;
use super::operator::{Mode, Operator};
use super::variant::{Call, Point, Ran, Results};
use crate::error::{Error, Result};
use crate::tree::{Leaves, Traced, Tree};
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A function at a fixed point. What depends on the point alone is computed once for each kind of product, when it is first
/// asked for; a product then runs only what depends on the direction, and allocates nothing.
///
/// It owns its numbers and can be shared: products may run on several threads at once, each with working memory of its own.
///
/// Points, directions and products are flat vectors here, as solvers use them: the entries of all leaves in order.
///
/// ```
/// use autodiff_core::{Function, Var};
/// let f = Function::new(|x: &[Var]| x[0].powi(3) * x[1] + x[1].exp());
/// let at = f.linearize(&vec![2.0, 0.0]).unwrap();
/// assert_eq!(at.value().unwrap(), 1.0);
/// assert_eq!(at.gradient().unwrap(), vec![0.0, 9.0]);
/// let mut product = [0.0; 2];
/// at.hvp(&[1.0, 0.0], &mut product).unwrap(); // Hessian [[6 x₀ x₁, 3 x₀²], [3 x₀², e^{x₁}]]
/// assert_eq!(product, [0.0, 12.0]);
/// at.hvp(&[0.0, 1.0], &mut product).unwrap();
/// assert_eq!(product, [12.0, 1.0]);
/// ```
pub struct Linearized<'f, A: ?Sized, P: Tree, Out, B: ?Sized> {
    function: Function<'f, A, Out, B>,
    structure: P,
    leaves: Leaves,
    entries: Vec<P::Scalar>,
    mode: Mode,
    prepared: Mutex<Prepared<Out, P::Scalar>>,
}

/// Most directions that run side by side, a power of two.
const WIDEST: usize = 64;

/// Early phases that have run, by operator.
type Prepared<Out, T> = Vec<(Operator, Arc<Ran<Out, T>>)>;

impl<A: ?Sized, P: Tree, Out, B: ?Sized> fmt::Debug for Linearized<'_, A, P, Out, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linearized").field("dimension", &self.entries.len()).finish_non_exhaustive()
    }
}

impl<'f, A: ?Sized, P: Tree, Out: Traced + Send + Sync, B: ?Sized> Linearized<'f, A, P, Out, B>
where
    P::Traced: Borrow<A>,
{
    pub(super) fn new(function: Function<'f, A, Out, B>, x: &P) -> Result<Self>
    where
        P: Clone,
    {
        Self::at(function, x.clone(), x.leaves(), x.to_vec())
    }

    pub(super) fn at(
        function: Function<'f, A, Out, B>,
        structure: P,
        leaves: Leaves,
        entries: Vec<P::Scalar>,
    ) -> Result<Self> {
        // A closure that cannot be traced shows here rather than at the first product.
        function.trace_if_new(&Point { structure: &structure, leaves: &leaves, entries: &entries })?;
        Ok(Linearized { function, structure, leaves, entries, mode: Mode::default(), prepared: Mutex::default() })
    }

    /// The same with Hessian products composed in another mode.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Entries of the point.
    pub fn dimension(&self) -> usize {
        self.entries.len()
    }

    /// f of a scalar function; no further run once a product or gradient was asked for.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar.
    pub fn value(&self) -> Result<P::Scalar> {
        Ok(self.prepare(&Operator::Point(self.mode))?.output(0)[0])
    }

    /// ∇f of a scalar function, in the structure of the point.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar.
    pub fn gradient(&self) -> Result<P> {
        let mut gradient = vec![num_traits::Zero::zero(); self.entries.len()];
        self.gradient_into(&mut gradient)?;
        Ok(self.structure.with_entries(&gradient))
    }

    /// ∇f of a scalar function, flat.
    ///
    /// # Errors
    /// [`Error::NotScalar`]; [`Error::Length`] if `out` has not the dimension.
    pub fn gradient_into(&self, out: &mut [P::Scalar]) -> Result<()> {
        check_length("gradient", "out", self.entries.len(), out.len())?;
        let ran = self.prepare(&Operator::Point(self.mode))?;
        ran.outputs(1..1 + ran.variant.body().point.len(), out);
        Ok(())
    }

    /// H v into `out`, both flat.
    ///
    /// Costs 1.1 to 1.9 gradients on networks. The first call computes, and keeps for the rest, what depends on the point alone: the
    /// entries that [`explain`](Function::explain) tells as kept. Other operators keep their own, from their first call on.
    ///
    /// # Errors
    /// [`Error::Length`] if `v` or `out` has not the dimension; [`Error::NotScalar`].
    pub fn hvp(&self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        self.apply(&Operator::Point(self.mode), &[v], out)
    }

    /// H vᵢ for the rows vᵢ of `directions` into the rows of `out`: k = length / dimension directions.
    ///
    /// In one run of wider contractions where a single product is bound by memory or by the number of its operations, and one
    /// after the other where its matrix products are large enough to keep the machine busy. Side by side they run in blocks of 64
    /// and smaller powers of two, each size with a program and kept numbers of its own, so that at most seven are kept for whatever
    /// numbers of directions come.
    ///
    /// # Errors
    /// [`Error::Length`] if the lengths differ or are no multiple of the dimension; [`Error::NotScalar`].
    pub fn hvps(&self, directions: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        let n = self.entries.len();
        if directions.is_empty() && out.is_empty() {
            return Ok(());
        }
        if n == 0 || !directions.len().is_multiple_of(n) {
            let expected = n * (directions.len() / n.max(1)).max(1);
            return Err(Error::Length { operator: "hvps", argument: "directions", expected, found: directions.len() });
        }
        check_length("hvps", "out", directions.len(), out.len())?;
        let single = Operator::Point(self.mode);
        if !self.prepare(&single)?.early().compiled.program.statistics().gains_side_by_side() {
            for (v, product) in directions.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                self.run_late(&single, &[v], product)?;
            }
            return Ok(());
        }
        let (mut directions, mut out) = (directions, out);
        while !directions.is_empty() {
            let k = (directions.len() / n).min(WIDEST);
            let k = if k.is_power_of_two() { k } else { k.next_power_of_two() / 2 };
            let (block, products) = (directions.split_at(k * n), out.split_at_mut(k * n));
            self.run_late(&Operator::Hvps(self.mode, k), &[block.0], products.0)?;
            (directions, out) = (block.1, products.1);
        }
        Ok(())
    }

    /// Jᵀ ∇²ℓ J v into `out`, both flat; see [`Function::ggn_product`]. Costs about a gradient.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the closure marks no prediction; [`Error::Length`]; [`Error::NotScalar`].
    pub fn ggn(&self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        self.apply(&Operator::Ggn, &[v], out)
    }

    /// J v into `out`, the flattened results; `v` flat. Costs about a value.
    ///
    /// # Errors
    /// [`Error::Length`] if `v` has not the dimension of the point or `out` that of the results.
    pub fn jvp(&self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        check_length("jvp", "v", self.entries.len(), v.len())?;
        check_length("jvp", "out", self.results(&Operator::Jvp)?, out.len())?;
        self.run_late(&Operator::Jvp, &[v], out)
    }

    /// Jᵀ w into `out`; `w` over the flattened results. Costs about a value.
    ///
    /// # Errors
    /// [`Error::Length`] if `w` has not the dimension of the results or `out` that of the point.
    pub fn vjp(&self, w: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        check_length("vjp", "w", self.results(&Operator::Vjp)?, w.len())?;
        check_length("vjp", "out", self.entries.len(), out.len())?;
        self.run_late(&Operator::Vjp, &[w], out)
    }

    /// The third-order product ∇³f[u, v] = d/dt ∇²f(x + t u) v at t = 0, into `out`, all flat. Costs about
    /// two products.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Error::NotScalar`].
    pub fn third(&self, u: &[P::Scalar], v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        check_length("third", "u", self.entries.len(), u.len())?;
        self.apply(&Operator::Third, &[u, v], out)
    }

    /// Number of entries of the results.
    fn results(&self, operator: &Operator) -> Result<usize> {
        Ok(self.prepare(operator)?.variant.results.iter().map(|s| s.size()).sum())
    }

    /// A product from and to vectors of the dimension of the point.
    fn apply(&self, operator: &Operator, extras: &[&[P::Scalar]], out: &mut [P::Scalar]) -> Result<()> {
        for v in extras {
            check_length(operator.name(), "v", self.entries.len(), v.len())?;
        }
        check_length(operator.name(), "out", self.entries.len(), out.len())?;
        self.run_late(operator, extras, out)
    }

    fn run_late(&self, operator: &Operator, extras: &[&[P::Scalar]], out: &mut [P::Scalar]) -> Result<()> {
        let ran = self.prepare(operator)?;
        let early = ran.early();
        let mut inputs: SmallVec<[&[P::Scalar]; 4]> = SmallVec::new();
        inputs.push(&self.entries);
        inputs.extend(extras.iter().copied());
        // Guards depend on the point alone: they were checked before.
        early.compiled.run_late(early.workspace(), &inputs, out)
    }

    /// The program of an operator with everything computed that depends on the point alone.
    fn prepare(&self, operator: &Operator) -> Result<Arc<Ran<Out, P::Scalar>>> {
        if let Some(ran) = self.ran(operator) {
            return Ok(ran);
        }
        // No lock is held while the early phase runs: a thread of a pool that waits for parts of it takes other work meanwhile,
        // perhaps another product here. Where several arrive at once the phase runs for each, and one result is kept.
        let point = Point { structure: &self.structure, leaves: &self.leaves, entries: &self.entries };
        let ran = Arc::new(self.function.run(operator, &point, &mut Call { extras: &[], results: Results::Early })?);
        let mut prepared = self.lock();
        if let Some((_, first)) = prepared.iter().find(|(prepared, _)| prepared == operator) {
            return Ok(first.clone());
        }
        prepared.push((operator.clone(), ran.clone()));
        Ok(ran)
    }

    /// What [`prepare`](Self::prepare) has made before.
    fn ran(&self, operator: &Operator) -> Option<Arc<Ran<Out, P::Scalar>>> {
        self.lock().iter().find(|(prepared, _)| prepared == operator).map(|(_, ran)| ran.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Prepared<Out, P::Scalar>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn check_length(
    operator: &'static str,
    argument: &'static str,
    expected: usize,
    found: usize,
) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Length { operator, argument, expected, found }) }
}
