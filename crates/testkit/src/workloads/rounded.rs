//! [`Rounded`]: points made in double precision, at the precision that a program shall run at.
//!
//! A function runs at the precision of its point, and rounds its own data once; so the point is all that is converted.

use super::Problem;
use autodiff_core::{Executable, Tree, Var};
use ndarray::{Array, Dimension};

/// A float that is itself a point: `f32` or `f64`.
pub trait Entry: Executable + Tree<Scalar = Self, Traced = Var> + Clone {}

impl<T: Executable + Tree<Scalar = T, Traced = Var> + Clone> Entry for T {}

/// A point whose entries can be rounded to another float, in the same structure.
pub trait Rounded: Tree<Scalar = f64> {
    /// The same structure with entries of type `T`.
    type At<T: Entry>: Tree<Scalar = T> + Clone;

    /// Every entry rounded to `T`.
    ///
    /// ```
    /// use testkit::workloads::Rounded;
    /// assert_eq!(vec![0.1_f64].rounded::<f32>(), vec![0.1_f32]);
    /// ```
    fn rounded<T: Entry>(&self) -> Self::At<T>;
}

impl Rounded for f64 {
    type At<T: Entry> = T;
    fn rounded<T: Entry>(&self) -> T {
        T::from_f64(*self)
    }
}

impl<D: Dimension> Rounded for Array<f64, D> {
    type At<T: Entry> = Array<T, D>;
    fn rounded<T: Entry>(&self) -> Array<T, D> {
        self.mapv(T::from_f64)
    }
}

impl<P: Rounded> Rounded for Vec<P> {
    type At<T: Entry> = Vec<P::At<T>>;
    fn rounded<T: Entry>(&self) -> Vec<P::At<T>> {
        self.iter().map(P::rounded).collect()
    }
}

impl<A: ?Sized, P: Rounded, B: ?Sized, Out> Problem<A, P, B, Out> {
    /// The same problem with its point rounded to `T`, at which its programs then run.
    pub fn rounded<T: Entry>(self) -> Problem<A, P::At<T>, B, Out> {
        Problem { name: self.name, point: self.point.rounded(), function: self.function }
    }
}
