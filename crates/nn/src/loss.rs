//! Losses: a scalar from the output of a model and what it should have been.
//!
//! Each is a mean, so its size does not depend on that of the batch, and each marks its first argument as the
//! [prediction](Var::prediction), where Gauss–Newton products split model and loss. All are convex in the prediction, so
//! those products are positive semidefinite.

use autodiff_core::Var;
use autodiff_core::trace::refuse;
use std::panic::Location;

/// Mean of (prediction − target)² over all entries, without a factor ½: a scalar.
///
/// # Errors
/// Shapes that differ end the trace with an error: a column against a row would broadcast to all pairs.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::arr1;
/// let loss = Function::with_data(|y: &Var, target: &Var| nn::mse(*y, *target), &arr1(&[1.0, 1.0]));
/// assert_eq!(loss.value(&arr1(&[2.0, 4.0])).unwrap(), 5.0); // (1 + 9) / 2
/// assert_eq!(loss.gradient(&arr1(&[2.0, 4.0])).unwrap(), arr1(&[1.0, 3.0]));
/// ```
#[track_caller]
pub fn mse(prediction: Var, target: Var) -> Var {
    let prediction = prediction.prediction();
    if let Err(refused) = same_shape("mse", prediction, target) {
        return refused;
    }
    (prediction - target).square().mean()
}

/// Mean over all entries of Huber's function of r = prediction − target, a scalar: ½ r² for |r| ≤ delta, else
/// delta · (|r| − ½ delta).
///
/// Once continuously differentiable. Beyond delta the curvature is 0, so outliers do not enter Gauss–Newton products. For a
/// delta above all |r| it is half of [`mse`]. (Huber, 1964.)
///
/// # Errors
/// Shapes that differ, or a delta that is not positive, end the trace with an error.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::arr1;
/// let loss = Function::with_data(|y: &Var, target: &Var| nn::huber(*y, *target, 1.0), &arr1(&[0.0, 0.0]));
/// let y = arr1(&[0.5, -3.0]);
/// assert_eq!(loss.value(&y).unwrap(), 0.5 * (0.125 + 2.5));
/// assert_eq!(loss.gradient(&y).unwrap(), arr1(&[0.25, -0.5]));
/// ```
#[track_caller]
pub fn huber(prediction: Var, target: Var, delta: f64) -> Var {
    let prediction = prediction.prediction();
    if let Err(refused) = same_shape("huber", prediction, target) {
        return refused;
    }
    if delta.is_nan() || delta <= 0.0 {
        let message = format!("delta must be positive, found {delta}");
        return refuse("huber", message, Location::caller());
    }
    // With c = r limited to [−δ, δ] both cases are c (r − ½ c).
    let r = prediction - target;
    let c = r.clamp(-delta, delta);
    (c * (r - 0.5 * c)).mean()
}

/// Cross-entropy −ln softmax(logits) at the label, mean over the batch: a scalar, in nats.
///
/// `logits` have shape `[batch, classes]`, or more leading axes; `labels` are whole numbers below `classes`, of the shape of
/// `logits` without its last axis. Without overflow for logits of any size.
///
/// # Errors
/// Shapes that do not fit end the trace with an error; a label that is no class is an
/// [`Error::Index`](autodiff_core::Error::Index) when the function runs.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::{arr1, arr2};
/// let loss = Function::with_data(|z: &Var, labels: &Var| nn::cross_entropy(*z, *labels), &arr1(&[2_usize]));
/// let z = arr2(&[[0.0, 0.0, 0.0, 0.0]]);
/// assert!((loss.value(&z).unwrap() - 4.0_f64.ln()).abs() < 1e-15); // four equal classes
/// assert_eq!(loss.gradient(&z).unwrap(), arr2(&[[0.25, 0.25, -0.75, 0.25]]));
/// ```
#[track_caller]
pub fn cross_entropy(logits: Var, labels: Var) -> Var {
    logits.prediction().softmax_cross_entropy(labels).mean()
}

/// Cross-entropy −Σ t ln softmax(logits) with probabilities t over the classes, mean over the batch: a scalar, in nats.
///
/// `logits` and `targets` have the shape `[batch, classes]`, or more leading axes, and rows of `targets` sum to 1: smoothed
/// labels, a mixture, or the output of another model. With a single 1 in each row it is [`cross_entropy`].
///
/// # Errors
/// Shapes that differ end the trace with an error, and so do scalars.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::arr2;
/// let targets = arr2(&[[0.5, 0.5], [1.0, 0.0]]);
/// let loss = Function::with_data(|z: &Var, t: &Var| nn::soft_cross_entropy(*z, *t), &targets);
/// let value = loss.value(&arr2(&[[0.0, 0.0], [0.0, 0.0]])).unwrap();
/// assert!((value - 2.0_f64.ln()).abs() < 1e-15);
/// ```
#[track_caller]
pub fn soft_cross_entropy(logits: Var, targets: Var) -> Var {
    let logits = logits.prediction();
    if let Err(refused) = same_shape("soft_cross_entropy", logits, targets) {
        return refused;
    }
    -(targets * logits.log_softmax(-1)).sum_axes(&[-1]).mean()
}

/// Divergence Σ t ln(t / softmax(logits)) of Kullback and Leibler, mean over the batch: a scalar, in nats, and at least 0.
///
/// It is [`soft_cross_entropy`] less the entropy of the targets, in which 0 ln 0 = 0: the derivatives with respect to the
/// logits are the same.
///
/// # Errors
/// As for [`soft_cross_entropy`].
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::arr2;
/// let loss = Function::with_data(|z: &Var, t: &Var| nn::kl_divergence(*z, *t), &arr2(&[[0.5, 0.5], [1.0, 0.0]]));
/// // The first row is met exactly; the second has ln 2.
/// let value = loss.value(&arr2(&[[3.0, 3.0], [3.0, 3.0]])).unwrap();
/// assert!((value - 0.5 * 2.0_f64.ln()).abs() < 1e-15);
/// ```
#[track_caller]
pub fn kl_divergence(logits: Var, targets: Var) -> Var {
    let logits = logits.prediction();
    if let Err(refused) = same_shape("kl_divergence", logits, targets) {
        return refused;
    }
    let zero = targets.equals(0.0);
    let ln_targets = zero.select(1.0, targets).ln();
    (targets * (ln_targets - logits.log_softmax(-1))).sum_axes(&[-1]).mean()
}

/// Cross-entropy −t ln σ(z) − (1 − t) ln(1 − σ(z)) of logits z with probabilities t, mean over all entries: a scalar, in
/// nats.
///
/// `targets` lie in [0, 1], often 0 or 1, and have the shape of `logits`. Computed as softplus(z) − t z, without overflow;
/// the absolute error is that of rounding z.
///
/// # Errors
/// Shapes that differ end the trace with an error.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::arr1;
/// let loss = Function::with_data(|z: &Var, t: &Var| nn::binary_cross_entropy(*z, *t), &arr1(&[1.0, 0.0]));
/// let z = arr1(&[0.0, 0.0]);
/// assert!((loss.value(&z).unwrap() - 2.0_f64.ln()).abs() < 1e-15);
/// assert_eq!(loss.gradient(&z).unwrap(), arr1(&[-0.25, 0.25]));
/// ```
#[track_caller]
pub fn binary_cross_entropy(logits: Var, targets: Var) -> Var {
    let logits = logits.prediction();
    if let Err(refused) = same_shape("binary_cross_entropy", logits, targets) {
        return refused;
    }
    logits.sigmoid_cross_entropy(targets).mean()
}

/// Ends the trace with an error where the shapes differ.
#[track_caller]
fn same_shape(operation: &str, prediction: Var, target: Var) -> Result<(), Var> {
    let (found, expected) = (target.shape(), prediction.shape());
    if found == expected {
        return Ok(());
    }
    // A variable of another trace has no shape here. Used once, it makes the trace say that rather than the following.
    let _ = -target;
    let message = format!("a prediction of shape {expected} needs targets of that shape, found {found}");
    Err(refuse(operation, message, Location::caller()))
}
