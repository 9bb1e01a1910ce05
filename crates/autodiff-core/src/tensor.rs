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

    /// The identity matrix of order n.
    pub fn identity(n: usize) -> Tensor {
        let mut entries = vec![0.0; n * n];
        (0..n).for_each(|i| entries[i * n + i] = 1.0);
        Tensor::new(Shape::of(&[n, n]), entries)
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
