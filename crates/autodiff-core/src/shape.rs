//! [`Shape`]: the lengths of an array's axes, row-major, and the broadcasting rule.

use smallvec::SmallVec;
use std::fmt;
use std::ops::Deref;

/// Lengths of the axes of an array, outermost first. A scalar has no axes.
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// The shape of a scalar.
    pub fn scalar() -> Shape {
        Shape::default()
    }

    /// The shape with these axes.
    pub fn of(axes: &[usize]) -> Shape {
        Shape(SmallVec::from_slice(axes))
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of entries; 1 for a scalar. `usize::MAX` where it would be more.
    pub fn size(&self) -> usize {
        if self.0.contains(&0) { 0 } else { self.0.iter().fold(1, |size: usize, &n| size.saturating_mul(n)) }
    }

    /// Row-major strides, in entries.
    pub fn strides(&self) -> SmallVec<[usize; 4]> {
        let mut strides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, self.rank());
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// Splits at `axis` into (product of axes before, its length, product of axes after).
    pub fn around(&self, axis: usize) -> (usize, usize, usize) {
        (self.0[..axis].iter().product(), self.0[axis], self.0[axis + 1..].iter().product())
    }

    /// This shape with `length` put before the first axis.
    pub fn with_leading(&self, length: usize) -> Shape {
        let mut axes = self.0.clone();
        axes.insert(0, length);
        Shape(axes)
    }

    /// This shape without `axis`.
    pub fn without(&self, axis: usize) -> Shape {
        let mut axes = self.0.clone();
        axes.remove(axis);
        Shape(axes)
    }

    /// This shape with the length of `axis` replaced.
    pub fn with_axis(&self, axis: usize, length: usize) -> Shape {
        let mut axes = self.0.clone();
        axes[axis] = length;
        Shape(axes)
    }

    /// The shape both broadcast to, by NumPy's rule: axes are aligned at the end, and lengths agree or one of them is 1.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let at = |s: &Shape, i: usize| {
            if i + s.rank() >= rank { s.0[i + s.rank() - rank] } else { 1 }
        };
        (0..rank)
            .map(|i| match (at(self, i), at(other, i)) {
                (a, b) if a == b => Some(a),
                (1, b) => Some(b),
                (a, 1) => Some(a),
                _ => None,
            })
            .collect::<Option<SmallVec<_>>>()
            .map(Shape)
    }

    /// Index of `axis`, which counts from the end when negative.
    ///
    /// # Errors
    /// A text that names the axis and the rank, if there is no such axis.
    pub fn axis(&self, axis: isize) -> Result<usize, String> {
        let rank = self.rank() as isize;
        let index = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&index) {
            Ok(index as usize)
        } else {
            Err(format!("axis {axis} is out of range for shape {self:?} of rank {rank}"))
        }
    }

    /// [`axis`](Shape::axis) of several axes, sorted; a repeated axis is an error.
    pub fn axes(&self, axes: &[isize]) -> Result<SmallVec<[usize; 4]>, String> {
        let mut found = axes.iter().map(|&a| self.axis(a)).collect::<Result<SmallVec<[usize; 4]>, _>>()?;
        found.sort_unstable();
        if found.windows(2).any(|w| w[0] == w[1]) {
            return Err(format!("axes {axes:?} name an axis of {self:?} twice"));
        }
        Ok(found)
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(axes: I) -> Shape {
        Shape(axes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_aligns_at_the_end() {
        let b = |a: &[usize], b: &[usize]| Shape::of(a).broadcast(&Shape::of(b)).map(|s| s.to_vec());
        assert_eq!(b(&[2, 3], &[3]), Some(vec![2, 3]));
        assert_eq!(b(&[2, 1], &[1, 4]), Some(vec![2, 4]));
        assert_eq!(b(&[], &[5]), Some(vec![5]));
        assert_eq!(b(&[2], &[3]), None);
        assert_eq!(b(&[0], &[1]), Some(vec![0]));
    }

    #[test]
    fn negative_axes_count_from_the_end() {
        let s = Shape::of(&[2, 3, 4]);
        assert_eq!(s.axis(-1), Ok(2));
        assert!(s.axis(3).is_err() && s.axis(-4).is_err());
        assert!(s.axes(&[0, -3]).is_err());
        assert_eq!(s.strides().as_slice(), &[12, 4, 1]);
    }
}
