//! What a node can compute, and the contract of a structured primitive.

use super::Var;
use crate::real::{Float, Row};
use crate::shape::Shape;
use crate::tensor::{Tensor, View};
use rustc_hash::FxHasher;
use std::any::Any;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a node computes.
#[derive(Clone, Debug)]
pub enum Operation<'g> {
    /// Input number i of the program.
    Input(usize),
    /// A scalar constant.
    Constant(f64),
    /// A constant array.
    Tensor(&'g Tensor),
    /// A placeholder for a (co)tangent while a transform is at work.
    Hole,
    /// An elementwise primitive.
    Row(Row),
    /// A structured primitive.
    Primitive(&'g Arc<dyn Primitive>),
}

impl Operation<'_> {
    /// Name in text form and in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Input(_) => "input",
            Operation::Constant(_) | Operation::Tensor(_) => "constant",
            Operation::Hole => "hole",
            Operation::Row(row) => row.name(),
            Operation::Primitive(p) => p.name(),
        }
    }
}

/// How a structured primitive enters a derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Linear in all its differentiable operands together.
    Linear,
    /// Linear in operand 0 and in operand 1, each for itself.
    Bilinear,
    /// The solution y of a relation B(operand 0, y) = operand 1 with B bilinear.
    Implicit,
    /// Piecewise constant: derivative 0.
    Discrete,
}

/// Attributes of a primitive by name, as lists of integers: what the text form shows and reads.
pub type Attributes = Vec<(&'static str, Vec<i64>)>;

/// A number met at run time that a kernel cannot serve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// The offending index.
    pub index: f64,
    /// Its place in the index array.
    pub position: usize,
    /// Length of the axis it points into.
    pub length: usize,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "index {} at position {} is not below the length {} of the axis",
            self.index, self.position, self.length
        )
    }
}

/// The one statement of a structured primitive: its shape rule, its kernel, and what its class asks for.
///
/// The author implements this; [`Primitive`], the form that graphs store, follows.
pub trait Structured: Clone + Debug + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// Name in text form and in messages.
    const NAME: &'static str;

    /// How it enters a derivative.
    const CLASS: Class;

    /// Whether the result has the shape of operand 0 and can be computed in its memory: then operand 0 may come without
    /// numbers, and `out` holds them.
    const UPDATES: bool = false;

    /// Shape of the result.
    ///
    /// # Errors
    /// What was asked and found, without the name of the operation.
    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String>;

    /// Computes every entry of `out`, which holds old numbers before (see [`UPDATES`](Structured::UPDATES)); `scratch` has [`scratch`](Structured::scratch) entries.
    ///
    /// # Errors
    /// An index outside its axis.
    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault>;

    /// Entries of working memory that [`evaluate`](Structured::evaluate) needs to keep so many threads at work.
    fn scratch(&self, _operands: &[&Shape], _threads: usize) -> usize {
        0
    }

    /// Floating-point operations of one evaluation.
    fn flops(&self, operands: &[&Shape], out: &Shape) -> u64;

    /// Attributes for the text form.
    fn attributes(&self) -> Attributes {
        Attributes::new()
    }

    /// The primitive with these attributes, `None` if they are not its own.
    fn from_attributes(attributes: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self>;

    /// Whether the result is linear in this operand (the others fixed); indices and masks are not.
    fn is_linear_in(&self, _operand: usize) -> bool {
        Self::CLASS != Class::Discrete
    }

    /// Cotangent of `operand`, in which the result is linear, from the cotangent of the result.
    ///
    /// `operands` are the values, of which the one at `operand` must not be read but for its shape.
    fn transpose(&self, operand: usize, cotangent: Var, operands: &[Var]) -> Var;

    /// [`transpose`](Structured::transpose) of every operand at once, for primitives of many operands whose single
    /// transposes would each look at all of them.
    fn transpose_all(&self, _cotangent: Var, _operands: &[Var]) -> Option<Vec<Var>> {
        None
    }

    /// [`Class::Implicit`]: B(coefficient, y), the relation that is solved.
    fn relation(&self, _coefficient: Var, _y: Var) -> Var {
        unreachable!("{} is not implicit", Self::NAME)
    }

    /// The same for `k` directions at once: operands with `batched` true have a new leading axis of length k, and so has the
    /// result. `None` falls back to k single applications.
    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var>;

    /// Instances with shapes of operands, which the law suite runs through every mode.
    fn samples() -> Vec<(Self, Vec<Shape>)>;
}

/// A structured primitive as graphs store it; implemented for every [`Structured`].
#[allow(missing_docs, reason = "each method is that of Structured with the same name")]
pub trait Primitive: Debug + Send + Sync + Any {
    fn name(&self) -> &'static str;
    fn class(&self) -> Class;
    fn updates(&self) -> bool;
    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String>;
    fn evaluate_f32(&self, operands: &[View<'_, f32>], out: &mut [f32], scratch: &mut [f32]) -> Result<(), Fault>;
    fn evaluate_f64(&self, operands: &[View<'_, f64>], out: &mut [f64], scratch: &mut [f64]) -> Result<(), Fault>;
    fn scratch(&self, operands: &[&Shape], threads: usize) -> usize;
    fn flops(&self, operands: &[&Shape], out: &Shape) -> u64;
    fn attributes(&self) -> Attributes;
    fn is_linear_in(&self, operand: usize) -> bool;
    fn transpose(&self, operand: usize, cotangent: Var, operands: &[Var]) -> Var;
    fn transpose_all(&self, cotangent: Var, operands: &[Var]) -> Option<Vec<Var>>;
    fn relation(&self, coefficient: Var, y: Var) -> Var;
    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var>;
    /// Whether `other` is the same primitive with the same attributes.
    fn equals(&self, other: &dyn Primitive) -> bool;
    /// Hash that equal primitives share.
    fn fingerprint(&self) -> u64;
}

impl<P: Structured> Primitive for P {
    fn name(&self) -> &'static str {
        P::NAME
    }
    fn class(&self) -> Class {
        P::CLASS
    }
    fn updates(&self) -> bool {
        P::UPDATES
    }
    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        Structured::infer(self, operands)
    }
    fn evaluate_f32(&self, operands: &[View<'_, f32>], out: &mut [f32], scratch: &mut [f32]) -> Result<(), Fault> {
        Structured::evaluate(self, operands, out, scratch)
    }
    fn evaluate_f64(&self, operands: &[View<'_, f64>], out: &mut [f64], scratch: &mut [f64]) -> Result<(), Fault> {
        Structured::evaluate(self, operands, out, scratch)
    }
    fn scratch(&self, operands: &[&Shape], threads: usize) -> usize {
        Structured::scratch(self, operands, threads)
    }
    fn flops(&self, operands: &[&Shape], out: &Shape) -> u64 {
        Structured::flops(self, operands, out)
    }
    fn attributes(&self) -> Attributes {
        Structured::attributes(self)
    }
    fn is_linear_in(&self, operand: usize) -> bool {
        Structured::is_linear_in(self, operand)
    }
    fn transpose(&self, operand: usize, cotangent: Var, operands: &[Var]) -> Var {
        Structured::transpose(self, operand, cotangent, operands)
    }
    fn transpose_all(&self, cotangent: Var, operands: &[Var]) -> Option<Vec<Var>> {
        Structured::transpose_all(self, cotangent, operands)
    }
    fn relation(&self, coefficient: Var, y: Var) -> Var {
        Structured::relation(self, coefficient, y)
    }
    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        Structured::batch(self, operands, batched, k)
    }
    fn equals(&self, other: &dyn Primitive) -> bool {
        (other as &dyn Any).downcast_ref::<P>() == Some(self)
    }
    fn fingerprint(&self) -> u64 {
        let mut hasher = FxHasher::default();
        P::NAME.hash(&mut hasher);
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// A float that graphs run at, `f32` or `f64`: picks the instance of a kernel behind `dyn Primitive`.
pub trait Executable: Float {
    /// [`Structured::evaluate`] at this precision.
    ///
    /// # Errors
    /// Those of the kernel.
    fn evaluate(
        primitive: &dyn Primitive,
        operands: &[View<'_, Self>],
        out: &mut [Self],
        scratch: &mut [Self],
    ) -> Result<(), Fault>;
}

impl Executable for f32 {
    fn evaluate(
        p: &dyn Primitive,
        operands: &[View<'_, f32>],
        out: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), Fault> {
        p.evaluate_f32(operands, out, scratch)
    }
}

impl Executable for f64 {
    fn evaluate(
        p: &dyn Primitive,
        operands: &[View<'_, f64>],
        out: &mut [f64],
        scratch: &mut [f64],
    ) -> Result<(), Fault> {
        p.evaluate_f64(operands, out, scratch)
    }
}
