//! Differential operators of fields inside a closure: Laplacian, biharmonic, divergence, curl and their kin, methods of [`Var`].
//!
//! Sums of second derivatives are collapsed: of k directions only first coefficients are carried one by one, the second ones
//! as their sum ([`batch_sum`](super::batch_sum)).
//!
//! An operator whose name ends in `_rows` is per sample: `x` has shape [batch, d], and row i of the field must depend on row i of
//! `x` only, as the output of a network does. Each of the d directions then moves all rows at once.

use super::{Seed, batch, batch_sum, jet, or_zeros, tangent};
use crate::graph::Var;
use crate::primitive::stack;
use crate::tensor::Tensor;
use crate::trace::{all_here, hole, refuse, tensor};
use std::panic::Location;

impl Var {
    /// Laplacian Σᵢ ∂²self/∂xᵢ² over all entries of `x`, of the shape of `self`.
    ///
    /// `self` may be an array: each entry is differentiated by every entry of `x`. For a batch of samples use
    /// [`laplacian_rows`](Var::laplacian_rows). Costs about n + 2 values for n entries of `x`.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// // The field 1/|x| has no Laplacian away from the origin; its gradient there has none either.
    /// let f = Function::new(|x: &Var| (1.0 / x.square().sum().sqrt()).laplacian(*x));
    /// let x = ndarray::arr1(&[1.0_f64, 2.0, -1.0]);
    /// assert!(f.value(&x)?.abs() < 1e-15);
    /// assert!(f.gradient(&x)?.iter().all(|g| g.abs() < 1e-14));
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn laplacian(self, x: Var) -> Var {
        let sides = Sides { operation: "laplacian", place: Location::caller() };
        sides.check(&[self, x]).unwrap_or_else(|| laplacian_of(self, x, unit(x)))
    }

    /// [`laplacian`](Var::laplacian) per sample, of the shape of `self`. Costs about d + 2 values for samples of d entries.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| x.powi(3).sum_axes(&[1]).laplacian_rows(*x)); // 6 (x + y) of each row
    /// let x = ndarray::arr2(&[[1.0, 2.0], [0.0, -1.0]]);
    /// assert_eq!(f.evaluate(&x)?.into_raw_vec_and_offset().0, [18.0, -6.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn laplacian_rows(self, x: Var) -> Var {
        let sides = Sides { operation: "laplacian_rows", place: Location::caller() };
        sides.check_rows(self, x).unwrap_or_else(|| laplacian_of(self, x, unit_of_rows(x)))
    }

    /// Σ over the rows v of `directions` of ∂²self along v, of the shape of `self`: the trace of the Hessian compressed to
    /// these directions, and an estimate of the Laplacian where they are random.
    ///
    /// `directions` has the shape of `x` with a leading axis of length k, and may be data of the closure: for samples of shape
    /// [batch, d], where row i of `self` depends on row i of `x` only, it is [k, batch, d], and each sample has directions of its own.
    /// Costs about k + 2 values. It has no standard error: that is for [`Function`](crate::Function) to tell, by
    /// [`laplacian_estimate`](crate::Function::laplacian_estimate) and its kin.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::{arr1, arr2};
    /// let f = Function::with_data(|x: &Var, v: &Var| x.powi(3).sum().sum_of_second_derivatives(*x, *v), &arr2(&[[1.0, 0.0], [1.0, 1.0]]));
    /// assert_eq!(f.value(&arr1(&[1.0, 2.0]))?, 6.0 + (6.0 + 12.0));
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn sum_of_second_derivatives(self, x: Var, directions: Var) -> Var {
        let sides = Sides { operation: "sum_of_second_derivatives", place: Location::caller() };
        let (found, shape) = (directions.shape(), x.shape());
        sides.check(&[self, x, directions]).unwrap_or_else(|| match found.split_first() {
            Some((_, rest)) if *rest == shape[..] => laplacian_of(self, x, directions),
            _ => sides.refuse(format!("directions of shape {found} for a variable of shape {shape}: expected [k, …]")),
        })
    }

    /// Σᵢⱼ wᵢⱼ ∂²self/∂xᵢ∂xⱼ over the n entries of `x`, for a matrix `weights` of shape [n, n], of the shape of `self`: the
    /// second-order part of an elliptic operator, or of Itô's formula. Costs about 2n + 2 values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::{arr1, arr2};
    /// let weights = arr2(&[[0.0, 1.0], [1.0, 0.0]]); // 2 ∂²/∂x∂y
    /// let f = Function::with_data(|x: &Var, w: &Var| (x.at(0).square() * x.at(1)).weighted_second_derivatives(*x, *w), &weights);
    /// assert_eq!(f.value(&arr1(&[3.0, 5.0]))?, 12.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn weighted_second_derivatives(self, x: Var, weights: Var) -> Var {
        let sides = Sides { operation: "weighted_second_derivatives", place: Location::caller() };
        sides.check(&[self, x, weights]).or_else(|| sides.check_matrix(x.size(), weights)).unwrap_or_else(|| {
            let rows = weights.reshape(&x.shape().with_leading(x.size()));
            second_sum(self, &[(x, unit(x))], Some(&[(x, rows)]), x.size())
        })
    }

    /// [`weighted_second_derivatives`](Var::weighted_second_derivatives) per sample, for `weights` of shape [d, d]; of the shape of
    /// `self`. Costs about 2d + 2 values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::arr2;
    /// let weights = arr2(&[[0.0, 1.0], [1.0, 0.0]]);
    /// let product = |x: &Var| x.slice(1, 0..1).square() * x.slice(1, 1..2); // x² y of each row
    /// let f = Function::with_data(move |x: &Var, w: &Var| product(x).weighted_second_derivatives_rows(*x, *w), &weights);
    /// assert_eq!(f.evaluate(&arr2(&[[3.0, 5.0], [1.0, 1.0]]))?.into_raw_vec_and_offset().0, [12.0, 4.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn weighted_second_derivatives_rows(self, x: Var, weights: Var) -> Var {
        let sides = Sides { operation: "weighted_second_derivatives_rows", place: Location::caller() };
        let shape = x.shape();
        sides.check_rows(self, x).or_else(|| sides.check(&[weights])).unwrap_or_else(|| {
            let d = shape[1];
            sides.check_matrix(d, weights).unwrap_or_else(|| {
                let rows = weights.reshape(&[d, 1, d]).broadcast_to(&shape.with_leading(d));
                second_sum(self, &[(x, unit_of_rows(x))], Some(&[(x, rows)]), d)
            })
        })
    }

    /// The second derivatives ∂²self/∂xᵢ² of a scalar, in the shape of `x`: the diagonal of its Hessian. Costs about 2n + 1
    /// values for n entries of `x`.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| (x.powi(3).sum() + x.at(0) * x.at(1)).hessian_diagonal(*x));
    /// assert_eq!(f.evaluate(&ndarray::arr1(&[1.0, 2.0]))?.into_raw_vec_and_offset().0, [6.0, 12.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn hessian_diagonal(self, x: Var) -> Var {
        let sides = Sides { operation: "hessian_diagonal", place: Location::caller() };
        sides
            .check(&[self, x])
            .or_else(|| sides.check_scalar(self))
            .unwrap_or_else(|| second_derivatives(self, x, unit(x)).reshape(&x.shape()))
    }

    /// [`hessian_diagonal`](Var::hessian_diagonal) per sample, of the shape of `x`, for one number a sample. Costs about 2d + 1 values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| x.powi(3).sum_axes(&[1]).hessian_diagonal_rows(*x));
    /// let x = ndarray::arr2(&[[1.0, 2.0], [0.0, -1.0]]);
    /// assert_eq!(f.evaluate(&x)?.into_raw_vec_and_offset().0, [6.0, 12.0, 0.0, -6.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn hessian_diagonal_rows(self, x: Var) -> Var {
        let sides = Sides { operation: "hessian_diagonal_rows", place: Location::caller() };
        sides.check_rows(self, x).unwrap_or_else(|| {
            let (found, shape) = (self.shape(), x.shape());
            if self.size() != shape[0] {
                return sides
                    .refuse(format!("expected one number for each of {} samples, found shape {found}", shape[0]));
            }
            second_derivatives(self, x, unit_of_rows(x)).reshape(&[shape[1], shape[0]]).t()
        })
    }

    /// The derivative of order k of `self` along k `directions` of the shape of `x`, one after the other: D^k self [v₁, …, v_k],
    /// of the shape of `self`. Costs up to 2^k values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::arr1;
    /// // ∂³/∂x²∂y of x² y
    /// let f = Function::with_data(
    ///     |x: &Var, (u, v): &(Var, Var)| (x.at(0).square() * x.at(1)).mixed_derivative(*x, &[*u, *u, *v]),
    ///     &(arr1(&[1.0, 0.0]), arr1(&[0.0, 1.0])),
    /// );
    /// assert_eq!(f.value(&arr1(&[3.0, 5.0]))?, 2.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn mixed_derivative(self, x: Var, directions: &[Var]) -> Var {
        let sides = Sides { operation: "mixed_derivative", place: Location::caller() };
        let all: Vec<Var> = [&[self, x], directions].concat();
        if let Some(refused) = sides.check(&all) {
            return refused;
        }
        if let Some(wrong) = directions.iter().find(|v| v.shape() != x.shape()) {
            return sides.refuse(format!(
                "a direction of shape {} for a variable of shape {}",
                wrong.shape(),
                x.shape()
            ));
        }
        directions.iter().fold(self, |y, &v| or_zeros(tangent(&[y], &[(x, Some(v))])[0], y))
    }

    /// Biharmonic operator ΔΔself = Σᵢⱼ ∂⁴self/∂xᵢ²∂xⱼ², of the shape of `self`: the Laplacian of the Laplacian, both collapsed.
    /// Costs about n² + 3n values for n entries of `x`.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| x.square().sum().square().biharmonic(*x)); // ΔΔ|x|⁴ = 8 n (n + 2)
    /// assert_eq!(f.value(&ndarray::arr1(&[1.0, 2.0]))?, 64.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn biharmonic(self, x: Var) -> Var {
        let sides = Sides { operation: "biharmonic", place: Location::caller() };
        sides.check(&[self, x]).unwrap_or_else(|| laplacian_of(laplacian_of(self, x, unit(x)), x, unit(x)))
    }

    /// [`biharmonic`](Var::biharmonic) per sample, of the shape of `self`. Costs about d² + 3d values for samples of d entries.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| x.powi(4).sum_axes(&[1]).biharmonic_rows(*x));
    /// assert_eq!(f.evaluate(&ndarray::arr2(&[[1.0, 2.0], [0.0, 3.0]]))?.into_raw_vec_and_offset().0, [48.0, 48.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn biharmonic_rows(self, x: Var) -> Var {
        let sides = Sides { operation: "biharmonic_rows", place: Location::caller() };
        sides
            .check_rows(self, x)
            .unwrap_or_else(|| laplacian_of(laplacian_of(self, x, unit_of_rows(x)), x, unit_of_rows(x)))
    }

    /// Divergence Σᵢ ∂selfᵢ/∂xᵢ of a field of the shape of `x`, a scalar. Costs about n + 1 values for n entries of `x`.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| (x.square() * x.sum()).divergence(*x)); // Σ 2 xᵢ (Σ x) + xᵢ²
    /// assert_eq!(f.value(&ndarray::arr1(&[1.0, 2.0]))?, 18.0 + 5.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn divergence(self, x: Var) -> Var {
        let sides = Sides { operation: "divergence", place: Location::caller() };
        sides.check(&[self, x]).or_else(|| sides.check_field(self, x)).unwrap_or_else(|| {
            let unit = unit(x);
            (first_derivatives(self, x, unit) * unit).sum()
        })
    }

    /// [`divergence`](Var::divergence) per sample: of a field of shape [batch, d], of shape [batch]. Costs about d + 1 values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| x.square().divergence_rows(*x));
    /// assert_eq!(f.evaluate(&ndarray::arr2(&[[1.0, 2.0], [0.0, -1.0]]))?.into_raw_vec_and_offset().0, [6.0, -2.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn divergence_rows(self, x: Var) -> Var {
        let sides = Sides { operation: "divergence_rows", place: Location::caller() };
        sides.check_rows(self, x).or_else(|| sides.check_field(self, x)).unwrap_or_else(|| {
            let unit = unit_of_rows(x);
            (first_derivatives(self, x, unit) * unit).sum_axes(&[0, 2])
        })
    }

    /// Curl (∂₂u₃ − ∂₃u₂, ∂₃u₁ − ∂₁u₃, ∂₁u₂ − ∂₂u₁) of a field of three entries in three variables, of shape `[3]`. Costs about four
    /// values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var, concat};
    /// // The field (−y, x, 0) of a rotation.
    /// let f = Function::new(|x: &Var| concat(&[-x.slice(0, 1..2), x.slice(0, 0..1), x.slice(0, 2..3) * 0.0], 0).curl(*x));
    /// assert_eq!(f.evaluate(&ndarray::arr1(&[0.3, 0.4, 0.5]))?.into_raw_vec_and_offset().0, [0.0, 0.0, 2.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn curl(self, x: Var) -> Var {
        let sides = Sides { operation: "curl", place: Location::caller() };
        sides.check(&[self, x]).or_else(|| sides.check_field(self, x)).unwrap_or_else(|| match x.size() {
            3 => curl_of(first_derivatives(self, x, unit(x)).reshape(&[3, 1, 3])).reshape(&[3]),
            n => sides.refuse(format!("expected a field in three variables, found {n}")),
        })
    }

    /// [`curl`](Var::curl) per sample: of a field of shape [batch, 3], of the same shape. Costs about four values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// // The field (0, 0, x²) has the curl (0, −2x, 0).
    /// let field = |x: &Var| {
    ///     let first = x.slice(1, 0..1);
    ///     autodiff_core::concat(&[first * 0.0, first * 0.0, first.square()], 1)
    /// };
    /// let f = Function::new(move |x: &Var| field(x).curl_rows(*x));
    /// let rows = ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(f.evaluate(&rows)?.into_raw_vec_and_offset().0, [0.0, -2.0, 0.0, 0.0, -8.0, 0.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn curl_rows(self, x: Var) -> Var {
        let sides = Sides { operation: "curl_rows", place: Location::caller() };
        sides.check_rows(self, x).or_else(|| sides.check_field(self, x)).unwrap_or_else(|| match x.shape()[1] {
            3 => curl_of(first_derivatives(self, x, unit_of_rows(x))),
            n => sides.refuse(format!("expected a field in three variables, found {n}")),
        })
    }
}

/// What an operator says of operands that do not fit.
struct Sides {
    operation: &'static str,
    place: &'static Location<'static>,
}

impl Sides {
    fn refuse(&self, message: String) -> Var {
        refuse(self.operation, message, self.place)
    }

    fn check(&self, all: &[Var]) -> Option<Var> {
        (!all_here(self.operation, all, self.place)).then(|| self.refuse("a variable of another trace".into()))
    }

    fn check_rows(&self, y: Var, x: Var) -> Option<Var> {
        self.check(&[y, x]).or_else(|| {
            let (y, x) = (y.shape(), x.shape());
            let fits = x.rank() == 2 && y.first() == x.first();
            let expected = "expected x of shape [batch, d] and a field with one row for each sample";
            (!fits).then(|| self.refuse(format!("{expected}, found {x} and {y}")))
        })
    }

    fn check_field(&self, y: Var, x: Var) -> Option<Var> {
        let (y, x) = (y.shape(), x.shape());
        (y != x).then(|| self.refuse(format!("expected a field of the shape {x} of the variable, found {y}")))
    }

    fn check_scalar(&self, y: Var) -> Option<Var> {
        (y.rank() != 0).then(|| self.refuse(format!("expected a scalar, found shape {}", y.shape())))
    }

    fn check_matrix(&self, n: usize, weights: Var) -> Option<Var> {
        let found = weights.shape();
        (found[..] != [n, n]).then(|| self.refuse(format!("expected weights of shape [{n}, {n}], found {found}")))
    }
}

/// The unit vectors in the shape of `x`, along a leading axis.
fn unit(x: Var) -> Var {
    let n = x.size();
    tensor(Tensor::identity(n)).reshape(&x.shape().with_leading(n))
}

/// Each unit vector of the rows of `x`, in all rows at once.
fn unit_of_rows(x: Var) -> Var {
    let d = x.shape()[1];
    tensor(Tensor::identity(d)).reshape(&[d, 1, d]).broadcast_to(&x.shape().with_leading(d))
}

/// Σᵢ of second derivatives along the rows of `directions`.
fn laplacian_of(y: Var, x: Var, directions: Var) -> Var {
    let k = directions.shape()[0];
    second_sum(y, &[(x, directions)], None, k)
}

/// Σᵢ D²y[vᵢ, wᵢ] over k directions: each variable with its rows v, and with its rows w if those are others.
pub(crate) fn second_sum(y: Var, v: &[(Var, Var)], w: Option<&[(Var, Var)]>, k: usize) -> Var {
    let holes = || -> Vec<Var> { v.iter().map(|(x, _)| hole(x.shape())).collect() };
    let values = |holes: &[Var], rows: &[(Var, Var)]| -> Vec<(Var, Var)> {
        holes.iter().zip(rows).map(|(&hole, &(_, rows))| (hole, rows)).collect()
    };
    let moves = |holes: &[Var]| -> Vec<(Var, Option<Var>)> {
        v.iter().zip(holes).map(|(&(x, _), &hole)| (x, Some(hole))).collect()
    };
    let sum = match (k, w) {
        // Without a direction there is nothing to sum.
        (0, _) => None,
        (_, None) => {
            let along = holes();
            let second = second_coefficient(y, &moves(&along));
            // Coefficients are divided by 2!.
            second.map(|c| batch_sum(&[c], &values(&along, v), k)[0] * 2.0)
        }
        (_, Some(w)) => {
            let (first, second) = (holes(), holes());
            let slope = tangent(&[y], &moves(&first))[0];
            let bend = slope.and_then(|s| tangent(&[s], &moves(&second))[0]);
            let both = [values(&first, v), values(&second, w)].concat();
            bend.map(|c| batch_sum(&[c], &both, k)[0])
        }
    };
    or_zeros(sum, y)
}

/// Half of the second derivative when the variables move on straight lines.
fn second_coefficient(y: Var, moves: &[(Var, Option<Var>)]) -> Option<Var> {
    let seeds: Vec<Seed> = moves.iter().map(|&(variable, v)| Seed { variable, coefficients: vec![v] }).collect();
    jet(&[y], &seeds, 2)[0][1]
}

/// Second derivatives along each of the directions, along a leading axis.
fn second_derivatives(y: Var, x: Var, directions: Var) -> Var {
    let k = directions.shape()[0];
    let direction = hole(x.shape());
    let second = second_coefficient(y, &[(x, Some(direction))]);
    let like = y.broadcast_to(&y.shape().with_leading(k));
    or_zeros(second.map(|c| batch(&[c], &[(direction, directions)], k)[0] * 2.0), like)
}

/// Derivatives along each of the directions, along a leading axis.
fn first_derivatives(y: Var, x: Var, directions: Var) -> Var {
    let k = directions.shape()[0];
    let direction = hole(x.shape());
    let slope = tangent(&[y], &[(x, Some(direction))])[0];
    let like = y.broadcast_to(&y.shape().with_leading(k));
    or_zeros(slope.map(|c| batch(&[c], &[(direction, directions)], k)[0]), like)
}

/// The curl of each row, from the derivatives along the axes: [3, batch, 3], first by the axis, last by the entry.
fn curl_of(derivatives: Var) -> Var {
    let d = |axis: usize, entry: usize| derivatives.at(axis).t().at(entry);
    stack(&[d(1, 2) - d(2, 1), d(2, 0) - d(0, 2), d(0, 1) - d(1, 0)], 1)
}
