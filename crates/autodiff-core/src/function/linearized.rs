//! [`Linearized`]: a function at a fixed point, ready for many products.

use super::Function;
use super::operator::{Mode, Operator};
use super::variant::{Extent, Point, Ran};
use crate::error::{Error, Result};
use crate::tree::{Leaves, Traced, Tree};
use std::borrow::Borrow;
use std::fmt;

/// A function at a fixed point. What depends on the point alone is computed once for each kind of product, when it is first
/// asked for; a product then runs only what depends on the direction, and allocates nothing.
///
/// Points, directions and products are flat vectors here, as solvers use them: the entries of all leaves in order.
///
/// ```
/// use autodiff_core::{Function, Var};
/// let f = Function::new(|x: &[Var]| x[0].powi(3) * x[1] + x[1].exp());
/// let mut at = f.linearize(&vec![2.0, 0.0]).unwrap();
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
    prepared: Vec<(Operator, Ran<Out, P::Scalar>)>,
}

impl<A: ?Sized, P: Tree, Out, B: ?Sized> fmt::Debug for Linearized<'_, A, P, Out, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prepared: Vec<&Operator> = self.prepared.iter().map(|(operator, _)| operator).collect();
        f.debug_struct("Linearized")
            .field("dimension", &self.entries.len())
            .field("prepared", &prepared)
            .finish_non_exhaustive()
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
        Ok(Linearized { function, structure, leaves, entries, mode: Mode::default(), prepared: Vec::new() })
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
    pub fn value(&mut self) -> Result<P::Scalar> {
        let operator = Operator::Hvp(self.mode);
        Ok(self.prepare(&operator)?.output(0)[0])
    }

    /// ∇f of a scalar function, in the structure of the point.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar.
    pub fn gradient(&mut self) -> Result<P> {
        let mut gradient = vec![num_traits::Zero::zero(); self.entries.len()];
        self.gradient_into(&mut gradient)?;
        Ok(self.structure.with_entries(&gradient))
    }

    /// ∇f of a scalar function, flat.
    ///
    /// # Errors
    /// [`Error::NotScalar`]; [`Error::Length`] if `out` has not the dimension.
    pub fn gradient_into(&mut self, out: &mut [P::Scalar]) -> Result<()> {
        check_length("gradient", "out", self.entries.len(), out.len())?;
        let (operator, leaves) = (Operator::Hvp(self.mode), self.leaves.count());
        self.prepare(&operator)?.outputs(1..1 + leaves, out);
        Ok(())
    }

    /// H v into `out`, both flat.
    ///
    /// # Errors
    /// [`Error::Length`] if `v` or `out` has not the dimension; [`Error::NotScalar`].
    pub fn hvp(&mut self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        let leaves = self.leaves.count();
        self.apply(&Operator::Hvp(self.mode), &[(leaves, v)], 1 + leaves..1 + 2 * leaves, out)
    }

    /// H vᵢ for the rows vᵢ of `directions` into the rows of `out`: k = length / dimension directions in one run.
    ///
    /// # Errors
    /// [`Error::Length`] if the lengths differ or are no multiple of the dimension; [`Error::NotScalar`].
    pub fn hvps(&mut self, directions: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        let n = self.entries.len();
        if directions.is_empty() && out.is_empty() {
            return Ok(());
        }
        if n == 0 || !directions.len().is_multiple_of(n) {
            let expected = n * (directions.len() / n.max(1)).max(1);
            return Err(Error::Length { operator: "hvps", argument: "directions", expected, found: directions.len() });
        }
        check_length("hvps", "out", directions.len(), out.len())?;
        let k = directions.len() / n;
        let operator = Operator::Hvps(self.mode, k);
        self.run_late(&operator, &[(1, directions)])?;
        super::operators::gather_rows(self.prepare(&operator)?, k, n, out);
        Ok(())
    }

    /// Jᵀ ∇²ℓ J v into `out`, both flat; see [`Function::ggn_product`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the closure marks no prediction; [`Error::Length`]; [`Error::NotScalar`].
    pub fn ggn(&mut self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        let leaves = self.leaves.count();
        self.apply(&Operator::Ggn, &[(leaves, v)], 0..leaves, out)
    }

    /// J v into `out`, the flattened results; `v` flat.
    ///
    /// # Errors
    /// [`Error::Length`] if `v` has not the dimension of the point or `out` that of the results.
    pub fn jvp(&mut self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        let leaves = self.leaves.count();
        check_length("jvp", "v", self.entries.len(), v.len())?;
        let results = self.results(&Operator::Jvp)?;
        check_length("jvp", "out", results.1, out.len())?;
        self.run_late(&Operator::Jvp, &[(leaves, v)])?;
        self.prepare(&Operator::Jvp)?.outputs(0..results.0, out);
        Ok(())
    }

    /// Jᵀ w into `out`; `w` over the flattened results.
    ///
    /// # Errors
    /// [`Error::Length`] if `w` has not the dimension of the results or `out` that of the point.
    pub fn vjp(&mut self, w: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        let leaves = self.leaves.count();
        let results = self.results(&Operator::Vjp)?;
        check_length("vjp", "w", results.1, w.len())?;
        check_length("vjp", "out", self.entries.len(), out.len())?;
        self.run_late(&Operator::Vjp, &[(results.0, w)])?;
        self.prepare(&Operator::Vjp)?.outputs(0..leaves, out);
        Ok(())
    }

    /// The third-order product ∇³f[u, v] = d/dt ∇²f(x + t u) v at t = 0, into `out`, all flat.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Error::NotScalar`].
    pub fn third(&mut self, u: &[P::Scalar], v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<()> {
        let leaves = self.leaves.count();
        check_length("third", "u", self.entries.len(), u.len())?;
        self.apply(&Operator::Third, &[(leaves, u), (leaves, v)], 0..leaves, out)
    }

    /// Number of leaves and of entries of the results.
    fn results(&mut self, operator: &Operator) -> Result<(usize, usize)> {
        let variant = &self.prepare(operator)?.variant;
        Ok((variant.results.len(), variant.results.iter().map(|s| s.size()).sum()))
    }

    fn apply(
        &mut self,
        operator: &Operator,
        extras: &[(usize, &[P::Scalar])],
        outputs: std::ops::Range<usize>,
        out: &mut [P::Scalar],
    ) -> Result<()> {
        let n = self.entries.len();
        for (_, v) in extras {
            check_length(operator.name(), "v", n, v.len())?;
        }
        check_length(operator.name(), "out", n, out.len())?;
        self.run_late(operator, extras)?;
        self.prepare(operator)?.outputs(outputs, out);
        Ok(())
    }

    fn run_late(&mut self, operator: &Operator, extras: &[(usize, &[P::Scalar])]) -> Result<()> {
        let ran = self.prepare(operator)?;
        let compiled = ran.compiled.clone();
        let mut input = ran.variant.point.count() + ran.variant.data.count();
        let workspace = &mut ran.seat_mut().workspace;
        for &(count, numbers) in extras {
            compiled.program.inputs(input..input + count, workspace).copy_from_slice(numbers);
            input += count;
        }
        // Guards depend on the point alone: they were checked before.
        compiled.program.run_late(workspace)?;
        Ok(())
    }

    /// The program of an operator with everything computed that depends on the point alone.
    fn prepare(&mut self, operator: &Operator) -> Result<&mut Ran<Out, P::Scalar>> {
        let at = match self.prepared.iter().position(|(prepared, _)| prepared == operator) {
            Some(at) => at,
            None => {
                let point = Point { structure: &self.structure, leaves: &self.leaves, entries: &self.entries };
                let ran = self.function.run(operator, &point, &[], Extent::Early)?;
                self.prepared.push((operator.clone(), ran));
                self.prepared.len() - 1
            }
        };
        Ok(&mut self.prepared[at].1)
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
