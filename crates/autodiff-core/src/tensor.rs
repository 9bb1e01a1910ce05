//! [`Tensor`]: numbers with a shape, stored once in double precision; [`View`]: what a kernel reads.

use crate::shape::Shape;
use std::sync::Arc;

/// A shared constant array, row-major, in double precision whatever precision a program later runs at.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Shape,
    data: Arc<[f64]>,
}

impl Tensor {
    /// The array of this shape with these entries.
    ///
    /// # Panics
    /// If the number of entries is not the size of the shape.
    pub fn new(shape: Shape, data: impl Into<Arc<[f64]>>) -> Tensor {
        let data = data.into();
        assert_eq!(shape.size(), data.len(), "a tensor of shape {shape} has that many entries");
        Tensor { shape, data }
    }

    /// Its shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its entries.
    pub fn data(&self) -> &[f64] {
        &self.data
    }
}

/// Contiguous row-major numbers with their shape.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    /// Lengths of the axes.
    pub shape: &'a Shape,
    /// The entries.
    pub data: &'a [T],
}
