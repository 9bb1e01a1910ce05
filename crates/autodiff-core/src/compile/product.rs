//! Products of matrices, in whichever of its forms one stands in a program: alone, onto another, with a packed operand.

use super::accumulate::{MatmulOnto, onto};
use super::pack::Packed;
use crate::graph::Primitive;
use crate::primitive::Matmul;
use kernels::gemm::Update;
use std::any::Any;

/// A product of matrices.
#[derive(Clone, Copy, Debug)]
pub struct AnyProduct<'p> {
    /// Which operands are stored transposed.
    pub matmul: &'p Matmul,
    /// (k, n) of the right operand, if it is [packed](super::Pack).
    pub packed: Option<(usize, usize)>,
    /// What it does to the result: replaces it, or is computed onto the first operand.
    pub update: Update,
}

impl<'p> AnyProduct<'p> {
    /// The product that a primitive is, if it is one.
    pub fn of(primitive: &'p dyn Primitive) -> Option<AnyProduct<'p>> {
        let p = primitive as &dyn Any;
        let (matmul, packed, update) = if let Some(matmul) = p.downcast_ref::<Matmul>() {
            (matmul, None, Update::Replace)
        } else if let Some(sum) = p.downcast_ref::<MatmulOnto>() {
            (&sum.product, None, onto(sum.subtract))
        } else if let Some(one) = p.downcast_ref::<Packed<false>>() {
            (&one.product, Some((one.k, one.n)), Update::Replace)
        } else {
            let sum = p.downcast_ref::<Packed<true>>()?;
            (&sum.product, Some((sum.k, sum.n)), onto(sum.subtract))
        };
        Some(AnyProduct { matmul, packed, update })
    }

    /// How many operands stand before the factors.
    pub fn before(&self) -> usize {
        usize::from(self.update != Update::Replace)
    }
}
