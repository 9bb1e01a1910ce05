//! [`Function`]: a closure and all its derivatives.

mod body;
mod check;
mod checkpoint;
mod explain;
mod fields;
mod flat;
mod free;
mod line;
mod linearized;
mod memory;
mod operator;
mod operators;
mod probe;
mod recording;
mod recurrences;
mod rows;
mod swept;
mod tensors;
mod variant;

pub use check::{Certificate, Check};
pub use checkpoint::checkpoint;
pub use explain::{Explanation, NonFinite};
pub use flat::Flat;
pub(crate) use flat::Path;
pub use free::{gradient, hessian, hvp, jacobian, laplacian, taylor, value, value_and_gradient};
pub use line::LineModel;
pub use linearized::Linearized;
pub use operator::Mode;
pub use probe::{Estimate, Probe};
pub use rows::{map_rows, sum_over};

use crate::graph::Var;
use crate::tree::{Data, DataLeaf, Leaves, Traced};
use std::borrow::Borrow;
use std::panic::Location;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use variant::Variant;

/// Traces of a closure that are kept; the least recently used one goes when there are more.
const VARIANTS: usize = 64;

/// Nodes of all traces that are kept, 128 MiB; of a trace that has more, only it is.
const NODES: usize = 1 << 23;

/// A closure and all its derivatives.
///
/// The closure is traced at the first call and run as a program from then on, by every operator and at either precision. A
/// closure of scalars alone is swept over its trace as long as that costs less than making the program would; the numbers
/// then may differ in the last places, see [`prepare`](Function::prepare). It is traced again when its input has another structure, or when a branch it took (`if a < b` on variables) comes out
/// otherwise; each such variant is kept, up to 64 of them and 8 million operations in all, the latest in any case. It must be a
/// function of its arguments alone: numbers it reads elsewhere are baked into the trace. It must also run on one thread: elsewhere
/// variables cannot be compared, which panics.
///
/// Each combination of outcomes is a trace of its own, so that a branch in every pass of a loop costs a new one whenever it flips
/// in any pass. [`max`](Var::max), [`min`](Var::min) and [`select`](Var::select) have one trace for all outcomes: a largest entry
/// found by `m = m.max(x)` is better than by `if x > m { m = x }`.
///
/// ```
/// use autodiff_core::{Function, Var};
///
/// let rosenbrock = Function::new(|x: &[Var]| {
///     (0..x.len() - 1).map(|i| 100.0 * (x[i + 1] - x[i].square()).square() + (1.0 - x[i]).square()).sum::<Var>()
/// });
/// let x = vec![-1.2, 1.0];
/// assert_eq!(rosenbrock.value(&x).unwrap(), 24.199999999999996);
/// assert_eq!(rosenbrock.gradient(&x).unwrap(), vec![-215.59999999999997, -87.99999999999999]);
/// // The Hessian at (−1.2, 1) is [[1330, 480], [480, 200]].
/// assert_eq!(rosenbrock.hvp(&x, &vec![1.0, 0.0]).unwrap(), vec![1330.0, 480.0]);
/// ```
///
/// The argument of the closure has the structure of the point ([`Tree`](crate::Tree)); `Vec` and array points also suit
/// closures over slices, as above. Type parameters: `A` is what the closure borrows of the point, `Out` what it returns,
/// `B` what it borrows of the data.
///
/// A direction has the type of the point, and a closure is called with what it was written for; other types do not compile:
///
/// ```compile_fail
/// let f = autodiff_core::Function::new(|x: &[autodiff_core::Var]| x[0] * x[1]);
/// let _ = f.hvp(&vec![1.0, 2.0], &ndarray::arr1(&[1.0, 0.0]));
/// ```
/// ```compile_fail
/// let f = autodiff_core::Function::new(|x: &[autodiff_core::Var]| x[0] * x[1]);
/// let _ = f.value(&ndarray::arr1(&[1.0, 2.0]));
/// ```
/// A variable is no number, and cannot leave its closure as one:
///
/// ```compile_fail
/// let f = autodiff_core::Function::new(|x: &autodiff_core::Var| -> f64 { *x * 2.0 });
/// ```
pub struct Function<'f, A: ?Sized, Out = Var, B: ?Sized = ()> {
    closure: Arc<dyn Fn(&A, &B) -> Out + Send + Sync + 'f>,
    data: Arc<Bound<'f, B>>,
    variants: Arc<Mutex<Vec<Arc<Variant<Out>>>>>,
    /// Whether nothing is swept any more.
    prepared: Arc<AtomicBool>,
    /// Where the function was made, for errors that have no line of their own.
    place: &'static Location<'static>,
}

impl<A: ?Sized, Out, B: ?Sized> Clone for Function<'_, A, Out, B> {
    /// A second handle on the same traces and programs.
    fn clone(&self) -> Self {
        Function {
            closure: self.closure.clone(),
            data: self.data.clone(),
            variants: self.variants.clone(),
            prepared: self.prepared.clone(),
            place: self.place,
        }
    }
}

impl<A: ?Sized, Out, B: ?Sized> std::fmt::Debug for Function<'_, A, Out, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let variants = self.variants.lock().map_or(0, |v| v.len());
        f.debug_struct("Function").field("variants", &variants).finish_non_exhaustive()
    }
}

/// Data bound to a function: the numbers, and how the closure's argument is made of variables.
struct Bound<'f, B: ?Sized> {
    leaves: Vec<DataLeaf>,
    structure: Leaves,
    /// Calls its second argument with the structure made of the variables that the first hands out.
    give: Box<Give<'f, B>>,
}

type Give<'f, B> = dyn Fn(&mut dyn FnMut() -> Var, &mut dyn FnMut(&B)) + Send + Sync + 'f;

impl<'f, A: ?Sized, Out: Traced> Function<'f, A, Out> {
    /// The function that `closure` computes. Nothing is traced before the first call.
    #[track_caller]
    pub fn new(closure: impl Fn(&A) -> Out + Send + Sync + 'f) -> Self {
        Function {
            closure: Arc::new(move |x: &A, (): &()| closure(x)),
            data: Arc::new(Bound {
                leaves: Vec::new(),
                structure: Leaves::default(),
                give: Box::new(|_, call| call(&())),
            }),
            variants: Arc::default(),
            prepared: Arc::default(),
            place: Location::caller(),
        }
    }
}

impl<'f, A: ?Sized, Out: Traced, B: ?Sized> Function<'f, A, Out, B> {
    /// The function that `closure` computes from the point and from data, which are inputs of the program but are not
    /// differentiated by: a mini-batch, labels, index arrays.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::{arr1, arr2};
    ///
    /// let first = (arr2(&[[1.0, 2.0]]), arr1(&[3.0]));
    /// let loss = Function::with_data(|w: &Var, (x, y): &(Var, Var)| (x.matmul(*w) - y).square().mean(), &first);
    /// let w = arr1(&[1.0, 0.0]);
    /// assert_eq!(loss.value(&w).unwrap(), 4.0);
    /// // Another batch of the same shapes needs no new trace.
    /// let second = (arr2(&[[2.0, 0.0]]), arr1(&[3.0]));
    /// assert_eq!(loss.with(&second).value(&w).unwrap(), 1.0);
    /// ```
    #[track_caller]
    pub fn with_data<D: Data>(closure: impl Fn(&A, &B) -> Out + Send + Sync + 'f, data: &D) -> Self
    where
        D::Traced: Borrow<B> + Send + Sync + 'f,
    {
        Function {
            closure: Arc::new(closure),
            data: Arc::new(bind(data)),
            variants: Arc::default(),
            prepared: Arc::default(),
            place: Location::caller(),
        }
    }

    /// The same function with other data; traces and programs are shared with this one.
    #[must_use]
    pub fn with<D: Data>(&self, data: &D) -> Self
    where
        D::Traced: Borrow<B> + Send + Sync + 'f,
    {
        Function { data: Arc::new(bind(data)), ..self.clone() }
    }

    /// Number of traces that are kept: one for each structure of the input and each path through the closure's branches.
    pub fn variant_count(&self) -> usize {
        self.lock().len()
    }

    /// The traces; a panic of another thread cannot leave them half made, so a poisoned lock is as good.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Variant<Out>>>> {
        self.variants.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn bind<'f, D: Data, B: ?Sized>(data: &D) -> Bound<'f, B>
where
    D::Traced: Borrow<B> + Send + Sync + 'f,
{
    let (mut leaves, mut structure) = (Vec::new(), Leaves::default());
    data.leaves(&mut |leaf| leaves.push(leaf));
    data.structure(&mut structure);
    // The structure with stand-ins, which every trace replaces by its own variables.
    let template = data.trace(&mut crate::trace::stray);
    Bound { leaves, structure, give: Box::new(move |next, call| call(template.map(&mut |_| next()).borrow())) }
}
