//! Our products, and those of other crates if there are any, behind one call.

use crate::shapes::Shape;
use kernels::Scalar;
use kernels::gemm::{Product, Update};

#[cfg(feature = "rivals")]
use crate::rivals::{Foreign, rivals};

/// What other crates ask of a float: nothing without them.
#[cfg(not(feature = "rivals"))]
pub trait Foreign {}
#[cfg(not(feature = "rivals"))]
impl<T> Foreign for T {}

#[cfg(not(feature = "rivals"))]
fn rivals<'a, T: Entry>(_: Shape, _: &'a [T], _: &'a [T]) -> Vec<(&'static str, Way<'a, T>)> {
    Vec::new()
}

/// A float of all the crates.
pub trait Entry: Scalar + Foreign {
    const NAME: &'static str;
}
impl Entry for f32 {
    const NAME: &'static str = "f32";
}
impl Entry for f64 {
    const NAME: &'static str = "f64";
}

/// A way to compute one product into an array of the size of the result.
pub type Way<'a, T> = Box<dyn FnMut(&mut [T]) + 'a>;

/// Numbers in [−½, ½).
pub fn numbers<T: Scalar>(length: usize, seed: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from(((i * 7919 + seed) % 65_537) as f64 / 65_537.0 - 0.5)).collect()
}

/// All ways to compute a · b on this thread, by name; the last two are ours, the last with `b` packed before.
pub fn ways<'a, T: Entry>(shape: Shape, a: &'a [T], b: &'a [T]) -> Vec<(&'static str, Way<'a, T>)> {
    let (m, n, k, trans_a, trans_b) = shape;
    let product = Product::new(m, n, k).trans_a(trans_a).trans_b(trans_b);
    let scratch = || vec![<T as num_traits::Zero>::zero(); product.scratch::<T>()];
    let mut packed = vec![<T as num_traits::Zero>::zero(); product.packed_len::<T>()];
    product.pack_b(b, &mut packed);
    let (mut of_plain, mut of_packed) = (scratch(), scratch());
    let mut ways = rivals(shape, a, b);
    ways.push(("ours", Box::new(move |out| product.run(Update::Replace, a, b, out, &mut of_plain))));
    ways.push(("packed", Box::new(move |out| product.run_packed(Update::Replace, a, &packed, out, &mut of_packed))));
    ways
}
