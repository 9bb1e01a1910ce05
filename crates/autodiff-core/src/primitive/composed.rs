//! Functions composed of primitives in a numerically stable way; they have no rules of their own.

use crate::graph::Var;
use crate::trace::{all_here, refuse};
use std::panic::Location;

impl Var {
    /// ln Σ eˣ along `axis`, which vanishes, without overflow; −∞ of a line of −∞.
    ///
    /// The shift by the largest entry is constant to derivatives, in which it cancels exactly. Costs an exponential and some steps
    /// for each entry; lines of up to 1024 entries along the last axis run as one fused region.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|z: &Var| z.logsumexp(0));
    /// assert_eq!(f.value(&ndarray::arr1(&[1000.0, 1000.0])).unwrap(), 1000.0 + std::f64::consts::LN_2);
    /// ```
    #[track_caller]
    pub fn logsumexp(self, axis: isize) -> Var {
        let peak = self.peak(axis);
        if peak.rank() + 1 != self.rank() {
            return peak;
        }
        // A line of −∞ is shifted by 0, for −∞ − (−∞) is NaN.
        let shift = peak.abs().equals(f64::INFINITY).select(0.0, peak);
        (self - shift.expand_axis(self.kept_axis(axis))).exp().sum_axes(&[axis]).ln() + shift
    }

    /// ln of [`softmax`](Var::softmax), exact where the probabilities underflow.
    #[track_caller]
    pub fn log_softmax(self, axis: isize) -> Var {
        let sum = self.logsumexp(axis);
        if sum.rank() + 1 != self.rank() { sum } else { self - sum.expand_axis(self.kept_axis(axis)) }
    }

    /// eˣ / Σ eˣ along `axis`, without overflow. Costs as [`logsumexp`](Var::logsumexp), and a product for each entry.
    #[track_caller]
    pub fn softmax(self, axis: isize) -> Var {
        self.log_softmax(axis).exp()
    }

    /// Cross-entropy of rows of logits, shape [..., classes], with whole-number labels of shape [...]: −ln softmax at the
    /// label, of shape [...], not averaged.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::{arr1, arr2};
    /// let loss = Function::with_data(
    ///     |z: &Var, y: &Var| z.softmax_cross_entropy(*y).mean(),
    ///     &arr1(&[0_usize, 1]),
    /// );
    /// // Equal logits: every label has probability ½.
    /// let value = loss.value(&arr2(&[[1.0, 1.0], [3.0, 3.0]])).unwrap();
    /// assert!((value - std::f64::consts::LN_2).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn softmax_cross_entropy(self, labels: Var) -> Var {
        let place = Location::caller();
        if !all_here("softmax_cross_entropy", &[self, labels], place) {
            return refuse("softmax_cross_entropy", "a variable of another trace".into(), place);
        }
        let shape = self.shape();
        if shape.rank() == 0 || shape[..shape.rank() - 1] != labels.shape()[..] {
            let message = format!(
                "logits of shape {shape} need labels of that shape without its last axis, found {}",
                labels.shape()
            );
            return refuse("softmax_cross_entropy", message, place);
        }
        let chosen = self.take_along(-1, labels.expand_axis(-1)).reshape(&shape[..shape.rank() - 1]);
        self.logsumexp(-1) - chosen
    }

    /// Cross-entropy of logits with probabilities (0 to 1) of the same shape, entry by entry: softplus(z) − t·z.
    #[track_caller]
    pub fn sigmoid_cross_entropy(self, targets: Var) -> Var {
        self.softplus() - targets * self
    }

    /// Euclidean norm over all entries, with derivative 0 where all are 0. It does not guard against overflow of squares.
    #[track_caller]
    pub fn norm(self) -> Var {
        self.square().sum().root()
    }

    /// Euclidean norm along `axes`, which vanish, with derivative 0 where all entries are 0.
    #[track_caller]
    pub fn norm_axes(self, axes: &[isize]) -> Var {
        self.square().sum_axes(axes).root()
    }

    /// √self with derivative 0 at 0.
    #[track_caller]
    fn root(self) -> Var {
        let zero = self.equals(0.0);
        zero.select(0.0, zero.select(1.0, self).sqrt())
    }

    /// Mean squared distance from the mean, over all entries (divided by their number).
    #[track_caller]
    pub fn variance(self) -> Var {
        (self - self.mean()).square().mean()
    }

    /// Mean squared distance from the mean along `axes`, which vanish (divided by the number of entries).
    #[track_caller]
    pub fn variance_axes(self, axes: &[isize]) -> Var {
        let shape = self.shape();
        let Ok(found) = shape.axes(axes) else {
            return self.mean_axes(axes);
        };
        let kept: Vec<usize> = shape.iter().enumerate().map(|(i, &n)| if found.contains(&i) { 1 } else { n }).collect();
        (self - self.mean_axes(axes).reshape(&kept)).square().mean_axes(axes)
    }

    /// `axis` as it counts in an array that still has it; used to put a reduced axis back.
    fn kept_axis(self, axis: isize) -> isize {
        self.shape().axis(axis).map_or(axis, |a| a as isize)
    }
}
