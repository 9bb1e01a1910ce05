//! Structured points: what a closure is a function of, and what it returns.
//!
//! A point is a tree of leaves. A leaf is a float or an `ndarray` array; `Vec`s, arrays, tuples, `Option`s, `Box`es and
//! structs with `#[derive(Tree)]` are inner nodes. Traced, each leaf becomes one [`Var`]: `Vec<f64>` becomes `Vec<Var>` of
//! scalars, `Array1<f64>` one `Var` of rank 1, `Mlp<Array>` an `Mlp<Var>`. The entries of all leaves in order, each
//! row-major, are the flat vector that solvers work on.

use crate::graph::{Executable, Var};
use crate::shape::Shape;
use ndarray::{Array, ArrayD, ArrayRef, Dimension, IxDyn};
use rustc_hash::FxHasher;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a trace depends on beside numbers: shapes of the leaves of a tree in order, how they nest, and settings.
///
/// A run of equal shapes is stored once; nesting and settings are kept as a hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Leaves {
    runs: Vec<(Shape, usize)>,
    structure: u64,
}

impl Leaves {
    /// Appends a leaf.
    pub fn push(&mut self, shape: Shape) {
        match self.runs.last_mut() {
            Some((last, count)) if *last == shape => *count += 1,
            _ => self.runs.push((shape, 1)),
        }
    }

    /// Appends leaves that are scalars.
    pub(crate) fn push_scalars(&mut self, more: usize) {
        match self.runs.last_mut() {
            Some((last, count)) if last.rank() == 0 => *count += more,
            _ if more == 0 => {}
            _ => self.runs.push((Shape::scalar(), more)),
        }
    }

    /// Notes the length of a list, or the tag of a choice, that stands here.
    pub fn branch(&mut self, length: usize) {
        // The place counts too: the same lists elsewhere are another structure.
        let place = self.runs.last().map_or(0, |(_, count)| *count) + 31 * self.runs.len();
        self.mix(&(place, length));
    }

    /// Notes a field that holds no leaves, by its full `Debug` text (`{:#?}`): another setting is another trace.
    ///
    /// Arrays of numbers belong to the leaves, or to the data beside the point: as a setting they are written out at every
    /// call.
    pub fn setting(&mut self, setting: &impl fmt::Debug) {
        let mut writer = HashWriter(FxHasher::default());
        // The writer never fails.
        let _ = write!(writer, "{setting:#?}");
        self.mix(&writer.0.finish());
    }

    fn mix(&mut self, part: &impl Hash) {
        let mut hasher = FxHasher::default();
        (self.structure, part).hash(&mut hasher);
        self.structure = hasher.finish();
    }

    /// Number of leaves.
    pub fn count(&self) -> usize {
        self.runs.iter().map(|(_, count)| count).sum()
    }

    /// Number of entries of all leaves.
    pub fn size(&self) -> usize {
        self.runs.iter().map(|(shape, count)| shape.size() * count).sum()
    }

    /// The shapes, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Shape> {
        self.runs.iter().flat_map(|(shape, count)| std::iter::repeat_n(shape, *count))
    }

    /// The shapes, each with the number of leaves in a row that have it.
    pub fn runs(&self) -> impl Iterator<Item = (&Shape, usize)> {
        self.runs.iter().map(|(shape, count)| (shape, *count))
    }

    /// Whether the leaves have the same shapes in the same order, however they nest.
    pub fn same_shapes(&self, other: &Leaves) -> bool {
        self.runs == other.runs
    }

    /// The shapes as a list, for messages.
    pub fn to_shapes(&self) -> Vec<Shape> {
        self.iter().cloned().collect()
    }
}

/// Hashes what is written to it.
struct HashWriter(FxHasher);

impl fmt::Write for HashWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.hash(&mut self.0);
        Ok(())
    }
}

/// A point or direction: floats in a structure.
///
/// Derive it for structs that are generic over their leaf; fields that do not mention the leaf are settings, kept as they
/// are (they must be `Clone` and `Debug`). A point with other settings, or with lists of other lengths, is traced anew.
///
/// ```
/// use autodiff_core::{Function, Tree, Var};
/// use ndarray::{Array1, arr1};
///
/// #[derive(Tree, Clone, Debug, PartialEq)]
/// struct Line<L> {
///     slope: L,
///     offset: L,
/// }
///
/// let f = Function::new(|line: &Line<Var>| (line.slope * 2.0 + line.offset).square());
/// let gradient = f.gradient(&Line { slope: 1.0, offset: 0.5 }).unwrap();
/// assert_eq!(gradient, Line { slope: 10.0, offset: 5.0 });
/// ```
///
/// What does not compile: an enum,
///
/// ```compile_fail
/// #[derive(autodiff_core::Tree)]
/// enum Either<L> { Left(L), Right(L) }
/// ```
///
/// a struct without a leaf,
///
/// ```compile_fail
/// #[derive(autodiff_core::Tree, Clone)]
/// struct Fixed { x: f64 }
/// ```
///
/// a leaf that is never used, or that is bound to be something,
///
/// ```compile_fail
/// #[derive(autodiff_core::Tree, Clone)]
/// struct Narrow<L: Copy> { x: L }
/// ```
///
/// and a point of mixed precision.
///
/// ```compile_fail
/// let f = autodiff_core::Function::new(|(a, b): &(autodiff_core::Var, autodiff_core::Var)| a * b);
/// let _ = f.value(&(1.0_f32, 2.0_f64));
/// ```
pub trait Tree: Sized {
    /// The float of all leaves.
    type Scalar: Executable;
    /// The same structure with variables as leaves.
    type Traced;

    /// Appends the shapes of the leaves, in order.
    fn shapes(&self, leaves: &mut Leaves);

    /// Appends the entries of the leaves, in order.
    fn entries(&self, entries: &mut Vec<Self::Scalar>);

    /// The same structure with a variable for every leaf.
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced;

    /// The same structure with the numbers at the front of `entries`, which are taken off.
    fn rebuild(&self, entries: &mut &[Self::Scalar]) -> Self;

    /// Appends the shapes of the leaves of a list of trees.
    #[doc(hidden)]
    fn shapes_of(list: &[Self], leaves: &mut Leaves) {
        list.iter().for_each(|tree| tree.shapes(leaves));
    }

    /// Appends the entries of a list of trees.
    #[doc(hidden)]
    fn entries_of(list: &[Self], entries: &mut Vec<Self::Scalar>) {
        list.iter().for_each(|tree| tree.entries(entries));
    }

    /// A list of as many trees as there are, with the numbers at the front of `entries`, which are taken off.
    #[doc(hidden)]
    fn rebuild_of(list: &[Self], entries: &mut &[Self::Scalar]) -> Vec<Self> {
        list.iter().map(|tree| tree.rebuild(entries)).collect()
    }

    /// Shapes of all leaves.
    fn leaves(&self) -> Leaves {
        let mut leaves = Leaves::default();
        self.shapes(&mut leaves);
        leaves
    }

    /// All entries as one vector.
    fn to_vec(&self) -> Vec<Self::Scalar> {
        let mut entries = Vec::new();
        self.entries(&mut entries);
        entries
    }

    /// The same structure with other numbers.
    ///
    /// # Panics
    /// If there are not exactly as many as the leaves have entries.
    fn with_entries(&self, mut entries: &[Self::Scalar]) -> Self {
        let tree = self.rebuild(&mut entries);
        assert!(entries.is_empty(), "{} entries more than the leaves have", entries.len());
        tree
    }
}

macro_rules! float_leaf {
    ($T:ty) => {
        impl Tree for $T {
            type Scalar = $T;
            type Traced = Var;
            fn shapes(&self, leaves: &mut Leaves) {
                leaves.push_scalars(1);
            }
            fn entries(&self, entries: &mut Vec<$T>) {
                entries.push(*self);
            }
            fn shapes_of(list: &[$T], leaves: &mut Leaves) {
                leaves.push_scalars(list.len());
            }
            fn entries_of(list: &[$T], entries: &mut Vec<$T>) {
                entries.extend_from_slice(list);
            }
            fn rebuild_of(list: &[$T], entries: &mut &[$T]) -> Vec<$T> {
                take(entries, list.len()).to_vec()
            }
            fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Var {
                leaf()
            }
            fn rebuild(&self, entries: &mut &[$T]) -> $T {
                take(entries, 1)[0]
            }
        }
    };
}
float_leaf!(f64);
float_leaf!(f32);

fn take<'a, T>(entries: &mut &'a [T], count: usize) -> &'a [T] {
    assert!(count <= entries.len(), "fewer entries than the leaves have");
    let (front, rest) = entries.split_at(count);
    *entries = rest;
    front
}

impl<T: Executable, D: Dimension> Tree for Array<T, D> {
    type Scalar = T;
    type Traced = Var;
    fn shapes(&self, leaves: &mut Leaves) {
        leaves.push(Shape::of(self.shape()));
    }
    fn entries(&self, entries: &mut Vec<T>) {
        match self.as_slice() {
            Some(slice) => entries.extend_from_slice(slice),
            None => entries.extend(self.iter().copied()),
        }
    }
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Var {
        leaf()
    }
    fn rebuild(&self, entries: &mut &[T]) -> Self {
        let data = take(entries, self.len()).to_vec();
        Array::from_shape_vec(self.raw_dim(), data).expect("as many entries as the shape has")
    }
}

impl<P: Tree> Tree for Vec<P> {
    type Scalar = P::Scalar;
    type Traced = Vec<P::Traced>;
    fn shapes(&self, leaves: &mut Leaves) {
        leaves.branch(self.len());
        P::shapes_of(self, leaves);
    }
    fn entries(&self, entries: &mut Vec<P::Scalar>) {
        P::entries_of(self, entries);
    }
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
        self.iter().map(|p| p.trace(leaf)).collect()
    }
    fn rebuild(&self, entries: &mut &[P::Scalar]) -> Self {
        P::rebuild_of(self, entries)
    }
}

impl<P: Tree, const N: usize> Tree for [P; N] {
    type Scalar = P::Scalar;
    type Traced = [P::Traced; N];
    fn shapes(&self, leaves: &mut Leaves) {
        P::shapes_of(self, leaves);
    }
    fn entries(&self, entries: &mut Vec<P::Scalar>) {
        P::entries_of(self, entries);
    }
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
        std::array::from_fn(|i| self[i].trace(leaf))
    }
    fn rebuild(&self, entries: &mut &[P::Scalar]) -> Self {
        std::array::from_fn(|i| self[i].rebuild(entries))
    }
}

impl<P: Tree> Tree for Option<P> {
    type Scalar = P::Scalar;
    type Traced = Option<P::Traced>;
    fn shapes(&self, leaves: &mut Leaves) {
        leaves.branch(usize::from(self.is_some()));
        self.iter().for_each(|p| p.shapes(leaves));
    }
    fn entries(&self, entries: &mut Vec<P::Scalar>) {
        self.iter().for_each(|p| p.entries(entries));
    }
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
        self.as_ref().map(|p| p.trace(leaf))
    }
    fn rebuild(&self, entries: &mut &[P::Scalar]) -> Self {
        self.as_ref().map(|p| p.rebuild(entries))
    }
}

impl<P: Tree> Tree for Box<P> {
    type Scalar = P::Scalar;
    type Traced = Box<P::Traced>;
    fn shapes(&self, leaves: &mut Leaves) {
        (**self).shapes(leaves);
    }
    fn entries(&self, entries: &mut Vec<P::Scalar>) {
        (**self).entries(entries);
    }
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
        Box::new((**self).trace(leaf))
    }
    fn rebuild(&self, entries: &mut &[P::Scalar]) -> Self {
        Box::new((**self).rebuild(entries))
    }
}

/// Variables in a structure: what a closure returns.
pub trait Traced: Sized {
    /// The same structure with arrays of numbers as leaves.
    type Numbers<T: Executable>;

    /// Appends the variables, in order.
    fn variables(&self, variables: &mut Vec<Var>);

    /// The same structure with other variables.
    fn map(&self, leaf: &mut dyn FnMut(Var) -> Var) -> Self;

    /// The same structure with numbers; `leaf` gives the array for each variable in order.
    fn numbers<T: Executable>(&self, leaf: &mut dyn FnMut() -> ArrayD<T>) -> Self::Numbers<T>;

    /// Appends the entries of numbers in this structure, with the shapes of their leaves.
    fn flatten<T: Executable>(numbers: &Self::Numbers<T>, leaf: &mut dyn FnMut(&ArrayRef<T, IxDyn>));
}

impl Traced for Var {
    type Numbers<T: Executable> = ArrayD<T>;
    fn variables(&self, variables: &mut Vec<Var>) {
        variables.push(*self);
    }
    fn map(&self, leaf: &mut dyn FnMut(Var) -> Var) -> Var {
        leaf(*self)
    }
    fn numbers<T: Executable>(&self, leaf: &mut dyn FnMut() -> ArrayD<T>) -> ArrayD<T> {
        leaf()
    }
    fn flatten<T: Executable>(numbers: &ArrayD<T>, leaf: &mut dyn FnMut(&ArrayRef<T, IxDyn>)) {
        leaf(numbers);
    }
}

impl<V: Traced> Traced for Vec<V> {
    type Numbers<T: Executable> = Vec<V::Numbers<T>>;
    fn variables(&self, variables: &mut Vec<Var>) {
        self.iter().for_each(|v| v.variables(variables));
    }
    fn map(&self, leaf: &mut dyn FnMut(Var) -> Var) -> Self {
        self.iter().map(|v| v.map(leaf)).collect()
    }
    fn numbers<T: Executable>(&self, leaf: &mut dyn FnMut() -> ArrayD<T>) -> Self::Numbers<T> {
        self.iter().map(|v| v.numbers(leaf)).collect()
    }
    fn flatten<T: Executable>(numbers: &Self::Numbers<T>, leaf: &mut dyn FnMut(&ArrayRef<T, IxDyn>)) {
        numbers.iter().for_each(|n| V::flatten(n, leaf));
    }
}

impl<V: Traced, const N: usize> Traced for [V; N] {
    type Numbers<T: Executable> = [V::Numbers<T>; N];
    fn variables(&self, variables: &mut Vec<Var>) {
        self.iter().for_each(|v| v.variables(variables));
    }
    fn map(&self, leaf: &mut dyn FnMut(Var) -> Var) -> Self {
        std::array::from_fn(|i| self[i].map(leaf))
    }
    fn numbers<T: Executable>(&self, leaf: &mut dyn FnMut() -> ArrayD<T>) -> Self::Numbers<T> {
        std::array::from_fn(|i| self[i].numbers(leaf))
    }
    fn flatten<T: Executable>(numbers: &Self::Numbers<T>, leaf: &mut dyn FnMut(&ArrayRef<T, IxDyn>)) {
        numbers.iter().for_each(|n| V::flatten(n, leaf));
    }
}

impl<V: Traced> Traced for Option<V> {
    type Numbers<T: Executable> = Option<V::Numbers<T>>;
    fn variables(&self, variables: &mut Vec<Var>) {
        self.iter().for_each(|v| v.variables(variables));
    }
    fn map(&self, leaf: &mut dyn FnMut(Var) -> Var) -> Self {
        self.as_ref().map(|v| v.map(leaf))
    }
    fn numbers<T: Executable>(&self, leaf: &mut dyn FnMut() -> ArrayD<T>) -> Self::Numbers<T> {
        self.as_ref().map(|v| v.numbers(leaf))
    }
    fn flatten<T: Executable>(numbers: &Self::Numbers<T>, leaf: &mut dyn FnMut(&ArrayRef<T, IxDyn>)) {
        numbers.iter().for_each(|n| V::flatten(n, leaf));
    }
}

impl<V: Traced> Traced for Box<V> {
    type Numbers<T: Executable> = Box<V::Numbers<T>>;
    fn variables(&self, variables: &mut Vec<Var>) {
        (**self).variables(variables);
    }
    fn map(&self, leaf: &mut dyn FnMut(Var) -> Var) -> Self {
        Box::new((**self).map(leaf))
    }
    fn numbers<T: Executable>(&self, leaf: &mut dyn FnMut() -> ArrayD<T>) -> Self::Numbers<T> {
        Box::new((**self).numbers(leaf))
    }
    fn flatten<T: Executable>(numbers: &Self::Numbers<T>, leaf: &mut dyn FnMut(&ArrayRef<T, IxDyn>)) {
        V::flatten(numbers, leaf);
    }
}

/// Data beside the point: numbers that are inputs of the program but are not differentiated by.
///
/// Floats and whole numbers, scalars or arrays, in the structures of [`Tree`]. Whole numbers become the floats that
/// [`gather`](Var::gather) and the losses read as indices.
pub trait Data {
    /// The same structure with variables as leaves.
    type Traced: Traced;

    /// Hands over the leaves, in order.
    fn leaves(&self, leaf: &mut dyn FnMut(DataLeaf));

    /// Appends the shapes of the leaves and how they nest.
    fn structure(&self, structure: &mut Leaves);

    /// The same structure with a variable for every leaf.
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced;
}

/// One array of data.
#[derive(Clone, Debug)]
pub struct DataLeaf {
    /// Its shape.
    pub shape: Shape,
    /// Its entries, row-major.
    pub entries: Arc<[f64]>,
    /// The largest whole number, if the leaf holds whole numbers.
    pub largest_index: Option<usize>,
}

macro_rules! data_leaf {
    ($($T:ty: $whole:expr),*) => {$(
        impl Data for $T {
            type Traced = Var;
            fn leaves(&self, leaf: &mut dyn FnMut(DataLeaf)) {
                let largest_index = $whole.then_some(*self as usize);
                leaf(DataLeaf { shape: Shape::scalar(), entries: Arc::from([*self as f64]), largest_index });
            }
            fn structure(&self, structure: &mut Leaves) {
                structure.push(Shape::scalar());
            }
            fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Var {
                leaf()
            }
        }

        impl<D: Dimension> Data for Array<$T, D> {
            type Traced = Var;
            fn leaves(&self, leaf: &mut dyn FnMut(DataLeaf)) {
                let entries = self.iter().map(|&x| x as f64).collect();
                let largest_index = $whole.then(|| self.iter().map(|&x| x as usize).max().unwrap_or(0));
                leaf(DataLeaf { shape: Shape::of(self.shape()), entries, largest_index });
            }
            fn structure(&self, structure: &mut Leaves) {
                structure.push(Shape::of(self.shape()));
            }
            fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Var {
                leaf()
            }
        }
    )*};
}
data_leaf!(f64: false, f32: false, usize: true, u64: true, u32: true, u8: true);

impl<P: Data> Data for Vec<P> {
    type Traced = Vec<P::Traced>;
    fn leaves(&self, leaf: &mut dyn FnMut(DataLeaf)) {
        self.iter().for_each(|p| p.leaves(leaf));
    }
    fn structure(&self, structure: &mut Leaves) {
        structure.branch(self.len());
        self.iter().for_each(|p| p.structure(structure));
    }
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
        self.iter().map(|p| p.trace(leaf)).collect()
    }
}

impl<P: Data, const N: usize> Data for [P; N] {
    type Traced = [P::Traced; N];
    fn leaves(&self, leaf: &mut dyn FnMut(DataLeaf)) {
        self.iter().for_each(|p| p.leaves(leaf));
    }
    fn structure(&self, structure: &mut Leaves) {
        self.iter().for_each(|p| p.structure(structure));
    }
    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
        std::array::from_fn(|i| self[i].trace(leaf))
    }
}

/// Constant arrays in a closure: numbers that never change from call to call, baked into the trace.
///
/// ```
/// use autodiff_core::{Function, Var, constant};
/// let a = ndarray::arr2(&[[1.0_f64, 2.0], [3.0, 4.0]]);
/// let f = Function::new(move |x: &Var| constant(&a).matmul(*x).sum());
/// assert_eq!(f.gradient(&ndarray::arr1(&[0.0, 0.0])).unwrap(), ndarray::arr1(&[4.0, 6.0]));
/// ```
pub fn constant<D: Data>(data: &D) -> D::Traced {
    let mut leaves = Vec::new();
    data.leaves(&mut |leaf| leaves.push(crate::tensor::Tensor::new(leaf.shape, leaf.entries)));
    let mut leaves = leaves.into_iter();
    data.trace(&mut || {
        let tensor = leaves.next().expect("as many leaves as were visited");
        if tensor.shape().rank() == 0 { crate::trace::constant(tensor.data()[0]) } else { crate::trace::tensor(tensor) }
    })
}

macro_rules! tuples {
    ($(($First:ident $first:tt $(, $Rest:ident $rest:tt)*);)*) => {$(
        impl<$First: Tree $(, $Rest: Tree<Scalar = $First::Scalar>)*> Tree for ($First, $($Rest,)*) {
            type Scalar = $First::Scalar;
            type Traced = ($First::Traced, $($Rest::Traced,)*);
            fn shapes(&self, leaves: &mut Leaves) {
                self.$first.shapes(leaves);
                $(self.$rest.shapes(leaves);)*
            }
            fn entries(&self, entries: &mut Vec<Self::Scalar>) {
                self.$first.entries(entries);
                $(self.$rest.entries(entries);)*
            }
            fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
                (self.$first.trace(leaf), $(self.$rest.trace(leaf),)*)
            }
            fn rebuild(&self, entries: &mut &[Self::Scalar]) -> Self {
                (self.$first.rebuild(entries), $(self.$rest.rebuild(entries),)*)
            }
        }

        impl<$First: Traced $(, $Rest: Traced)*> Traced for ($First, $($Rest,)*) {
            type Numbers<T: Executable> = ($First::Numbers<T>, $($Rest::Numbers<T>,)*);
            fn variables(&self, variables: &mut Vec<Var>) {
                self.$first.variables(variables);
                $(self.$rest.variables(variables);)*
            }
            fn map(&self, leaf: &mut dyn FnMut(Var) -> Var) -> Self {
                (self.$first.map(leaf), $(self.$rest.map(leaf),)*)
            }
            fn numbers<T: Executable>(&self, leaf: &mut dyn FnMut() -> ArrayD<T>) -> Self::Numbers<T> {
                (self.$first.numbers(leaf), $(self.$rest.numbers(leaf),)*)
            }
            fn flatten<T: Executable>(numbers: &Self::Numbers<T>, leaf: &mut dyn FnMut(&ArrayRef<T, IxDyn>)) {
                $First::flatten(&numbers.$first, leaf);
                $($Rest::flatten(&numbers.$rest, leaf);)*
            }
        }

        impl<$First: Data $(, $Rest: Data)*> Data for ($First, $($Rest,)*) {
            type Traced = ($First::Traced, $($Rest::Traced,)*);
            fn leaves(&self, leaf: &mut dyn FnMut(DataLeaf)) {
                self.$first.leaves(leaf);
                $(self.$rest.leaves(leaf);)*
            }
            fn structure(&self, structure: &mut Leaves) {
                self.$first.structure(structure);
                $(self.$rest.structure(structure);)*
            }
            fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
                (self.$first.trace(leaf), $(self.$rest.trace(leaf),)*)
            }
        }
    )*};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

impl Traced for () {
    type Numbers<T: Executable> = ();
    fn variables(&self, _: &mut Vec<Var>) {}
    fn map(&self, _: &mut dyn FnMut(Var) -> Var) {}
    fn numbers<T: Executable>(&self, _: &mut dyn FnMut() -> ArrayD<T>) {}
    fn flatten<T: Executable>((): &(), _: &mut dyn FnMut(&ArrayRef<T, IxDyn>)) {}
}

impl Data for () {
    type Traced = ();
    fn leaves(&self, _: &mut dyn FnMut(DataLeaf)) {}
    fn structure(&self, _: &mut Leaves) {}
    fn trace(&self, _: &mut dyn FnMut() -> Var) {}
}
