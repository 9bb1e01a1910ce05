//! How often a classifier is right: counts on plain arrays, not differentiated.

use autodiff_core::{Error, Float, Result, Shape};
use ndarray::{Array2, ArrayRef, Dimension, IxDyn};
use num_traits::AsPrimitive;

/// The share of rows whose largest logit is that of the label, in [0, 1]; NaN of an empty batch.
///
/// `logits` have shape `[.., classes]`, as [`Function::evaluate`](autodiff_core::Function::evaluate) returns them, and
/// `labels` that shape without its last axis. Of equal logits the first counts as the largest. A row with a NaN is wrong.
///
/// # Errors
/// [`Error::Structure`] if the shapes do not fit.
///
/// ```
/// use ndarray::{arr1, arr2};
/// let logits = arr2(&[[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]).into_dyn();
/// assert_eq!(nn::accuracy(&logits, &arr1(&[0_usize, 1, 1])).unwrap(), 2.0 / 3.0);
/// ```
pub fn accuracy<T, I, D>(logits: &ArrayRef<T, IxDyn>, labels: &ArrayRef<I, D>) -> Result<f64>
where
    T: Float,
    I: AsPrimitive<usize>,
    D: Dimension,
{
    let pairs = judged("accuracy", logits, labels)?;
    let right = pairs.iter().filter(|(label, class)| *class == Some(*label)).count();
    Ok(right as f64 / pairs.len() as f64)
}

/// Counts of a batch by class: entry `[i, j]` is the number of rows with label i and largest logit j.
///
/// `logits` have shape `[.., classes]` and `labels` that shape without its last axis; the result is `[classes, classes]`. Right
/// answers are on the diagonal; divided by their row sums they are the recalls, by their column sums the precisions. Rows
/// with a NaN choose no class and are not counted.
///
/// # Errors
/// [`Error::Structure`] if the shapes do not fit; [`Error::Index`] if a label is no class.
///
/// ```
/// use ndarray::{arr1, arr2};
/// let logits = arr2(&[[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]).into_dyn();
/// let counts = nn::confusion_matrix(&logits, &arr1(&[0_u8, 1, 1])).unwrap();
/// assert_eq!(counts, arr2(&[[1, 0], [1, 1]]));
/// ```
pub fn confusion_matrix<T, I, D>(logits: &ArrayRef<T, IxDyn>, labels: &ArrayRef<I, D>) -> Result<Array2<usize>>
where
    T: Float,
    I: AsPrimitive<usize>,
    D: Dimension,
{
    let pairs = judged("confusion_matrix", logits, labels)?;
    let classes = logits.shape().last().copied().unwrap_or(0);
    let mut counts = Array2::zeros((classes, classes));
    for (position, &(label, class)) in pairs.iter().enumerate() {
        if label >= classes {
            return Err(Error::Index { operation: "confusion_matrix", index: label as f64, position, length: classes });
        }
        if let Some(class) = class {
            counts[[label, class]] += 1;
        }
    }
    Ok(counts)
}

/// For every row its label and the class of its largest logit.
fn judged<T, I, D>(
    operator: &'static str,
    logits: &ArrayRef<T, IxDyn>,
    labels: &ArrayRef<I, D>,
) -> Result<Vec<(usize, Option<usize>)>>
where
    T: Float,
    I: AsPrimitive<usize>,
    D: Dimension,
{
    let expected = match logits.shape() {
        [leading @ .., _] => leading,
        // A scalar has no classes; rows of classes for these labels would have one axis more.
        [] => {
            return Err(Error::Structure {
                operator,
                argument: "logits",
                expected: vec![labels.shape().iter().copied().chain([1]).collect()],
                found: vec![Shape::scalar()],
            });
        }
    };
    if expected != labels.shape() {
        return Err(Error::Structure {
            operator,
            argument: "labels",
            expected: vec![Shape::of(expected)],
            found: vec![Shape::of(labels.shape())],
        });
    }
    let classes = logits.rows().into_iter().map(|row| largest(row.iter().copied()));
    Ok(labels.iter().map(|label| label.as_()).zip(classes).collect())
}

/// Place of the first largest number; `None` if one is NaN or there is none.
fn largest<T: Float>(mut row: impl Iterator<Item = T>) -> Option<usize> {
    let is_nan = |x: T| x.to_f64().is_nan();
    let mut best = (0, row.next().filter(|&x| !is_nan(x))?);
    for (i, x) in row.enumerate() {
        if is_nan(x) {
            return None;
        }
        if x > best.1 {
            best = (i + 1, x);
        }
    }
    Some(best.0)
}
