//! Laws that every row of the table keeps at every number type. No test here knows a derivative: types are compared
//! with each other, and with differences of plain values.

use super::{Dual, HyperDual, Series, Taylor};
use crate::real::{Elementary, Row};

/// Points and directions at which a row is sampled: a few, spread over its intervals; an input whose interval is a
/// single point (the order of ζ, the mask of select) does not vary.
fn samples(row: Row) -> Vec<(Vec<f64>, Vec<f64>)> {
    let at =
        |i: usize, s: usize, [low, high]: [f64; 2]| low + (high - low) * (0.1 + 0.2 * ((s * (i + 1) + i) % 5) as f64);
    let along = |i: usize, s: usize, [low, high]: [f64; 2]| {
        if low == high { 0.0 } else { [0.8, -0.6, 0.5][(i + s) % 3] }
    };
    let intervals = || row.samples().iter().copied().enumerate();
    (0..5)
        .map(|s| (intervals().map(|(i, r)| at(i, s, r)).collect(), intervals().map(|(i, r)| along(i, s, r)).collect()))
        .collect()
}

/// The row along the line x + t·v, at numbers made from the entries of x and v.
fn along<R: Elementary>(row: Row, (x, v): &(Vec<f64>, Vec<f64>), number: impl Fn(f64, f64) -> R) -> R {
    let inputs: Vec<R> = x.iter().zip(v).map(|(&x, &v)| number(x, v)).collect();
    row.apply(&inputs)
}

/// Dual numbers in dual numbers, of any depth: the slow, obvious way to higher derivatives.
trait Nested: Elementary {
    fn along(x: f64, v: f64) -> Self;
    fn derivative(&self, k: usize) -> f64;
}

impl Nested for f64 {
    fn along(x: f64, _v: f64) -> f64 {
        x
    }
    fn derivative(&self, _k: usize) -> f64 {
        *self
    }
}

impl<T: Nested> Nested for Dual<T> {
    fn along(x: f64, v: f64) -> Self {
        Dual::new(T::along(x, v), T::from_f64(v))
    }
    fn derivative(&self, k: usize) -> f64 {
        if k == 0 { self.value.derivative(0) } else { self.tangent.derivative(k - 1) }
    }
}

type Fivefold = Dual<Dual<Dual<Dual<Dual<f64>>>>>;

fn taylor<const K: usize>(x: f64, v: f64) -> Taylor<f64, K> {
    let mut number = Taylor::constant(x);
    number.rest[0] = v;
    number
}

#[track_caller]
fn close(row: Row, what: &str, a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs())), "{row:?}, {what}: {a:e} against {b:e}");
}

#[test]
fn dual_tangent_is_a_central_difference() {
    // Error h²·|f‴|/6 + ε·|f|/h at h = ε^⅓ ≈ 6e-6: 4e-11 each, times a third derivative that reaches some hundreds
    // at the ends of the samples.
    let h = f64::EPSILON.cbrt();
    // Of `detach` alone differences are no derivative.
    for &row in Row::ALL.iter().filter(|&&row| row != Row::Detach) {
        for sample in samples(row) {
            let value = |t: f64| along(row, &sample, |x, v| x + t * v);
            let difference = (value(h) - value(-h)) / (2.0 * h);
            let dual = along(row, &sample, Dual::new);
            assert_eq!(dual.value, value(0.0), "{row:?}");
            close(row, "tangent", dual.tangent, difference, 1e-8);
        }
    }
}

#[test]
fn hyper_dual_cross_is_a_difference_of_tangents() {
    // As above, one derivative higher.
    let h = f64::EPSILON.cbrt();
    for &row in Row::ALL {
        for (x, v) in samples(row) {
            let u: Vec<f64> =
                v.iter().rev().map(|v| 0.3 - v).zip(&v).map(|(u, &v)| if v == 0.0 { 0.0 } else { u }).collect();
            let inputs: Vec<_> = (0..x.len()).map(|i| HyperDual::along(x[i], u[i], v[i])).collect();
            let hyper = row.apply(&inputs);
            let tangent = |t: f64| {
                let inputs: Vec<_> = (0..x.len()).map(|i| Dual::new(x[i] + t * v[i], u[i])).collect();
                row.apply(&inputs).tangent
            };
            let inputs: Vec<_> = (0..x.len()).map(|i| Dual::new(Dual::new(x[i], u[i]), Dual::constant(v[i]))).collect();
            let nested = row.apply(&inputs);
            assert_eq!(hyper.cross, nested.tangent.tangent, "{row:?}");
            assert_eq!((hyper.first, hyper.second), (nested.value.tangent, nested.tangent.value), "{row:?}");
            close(row, "cross", hyper.cross, (tangent(h) - tangent(-h)) / (2.0 * h), 1e-7);
        }
    }
}

#[test]
fn taylor_derivatives_are_those_of_nested_duals() {
    for &row in Row::ALL {
        for sample in samples(row) {
            let y = along(row, &sample, taylor::<5>);
            let nested = along(row, &sample, Fivefold::along);
            for k in 0..=5 {
                // Both sum up to 2⁵ products, with cancellation of a few digits near zeros of the derivative.
                close(row, &format!("derivative {k}"), y.derivative(k), nested.derivative(k), 1e-12);
            }
        }
    }
}

#[test]
fn series_is_taylor() {
    for &row in Row::ALL {
        for sample in samples(row) {
            let taylor = along(row, &sample, taylor::<6>);
            let series =
                along(row, &sample, |x, v| if v == 0.0 { Series::constant(x) } else { vec![x, v].into_order(6) });
            let compared = series.coefficients().iter().chain(std::iter::repeat(&0.0));
            for (k, (a, b)) in taylor.coefficients().zip(compared).enumerate() {
                // The same recurrences; products are summed in another order.
                close(row, &format!("coefficient {k}"), *a, *b, 1e-14);
            }
        }
    }
}

trait IntoOrder {
    fn into_order(self, order: usize) -> Series;
}

impl IntoOrder for Vec<f64> {
    fn into_order(mut self, order: usize) -> Series {
        self.resize(order + 1, 0.0);
        Series::from(self)
    }
}

#[test]
fn duals_and_taylors_nest_either_way() {
    for &row in Row::ALL {
        for sample in samples(row) {
            // Tangent along v of the Taylor series along v, and Taylor series of the tangent.
            let outer = along(row, &sample, |x, v| Dual::new(taylor::<3>(x, v), Taylor::constant(v)));
            let inner = along(row, &sample, |x, v| {
                let mut number = Taylor::<Dual, 3>::constant(Dual::new(x, v));
                number.rest[0] = Dual::constant(v);
                number
            });
            for k in 0..=3 {
                // Two orders of evaluation of the same sums.
                close(row, &format!("value {k}"), *outer.value.coefficient(k), inner.coefficient(k).value, 1e-12);
                close(row, &format!("tangent {k}"), *outer.tangent.coefficient(k), inner.coefficient(k).tangent, 1e-12);
            }
        }
    }
}

#[test]
fn single_precision_follows_double() {
    for &row in Row::ALL {
        for sample in samples(row) {
            let double = along(row, &sample, Dual::new);
            let single = along(row, &sample, |x, v| Dual::new(x as f32, v as f32));
            // Rounding the inputs moves the result by ε·|x f′|, of which f′ may be some tens.
            close(row, "value", double.value, f64::from(single.value), 40.0 * f64::from(f32::EPSILON));
            close(row, "tangent", double.tangent, f64::from(single.tangent), 400.0 * f64::from(f32::EPSILON));
        }
    }
}

#[test]
fn a_constant_has_derivative_zero_even_at_a_singular_point() {
    for &row in Row::ALL {
        for points in [[0.0; 3], [1.0; 3], [-1.0; 3]] {
            let inputs = &points[..row.arity()];
            // By design the products of arithmetic rows are plain: 0/0 is NaN in value and tangent.
            if matches!(row, Row::Div | Row::StrongDiv) {
                continue;
            }
            let dual = row.apply(&inputs.iter().map(|&x| Dual::constant(x)).collect::<Vec<_>>());
            assert_eq!(dual.tangent, 0.0, "{row:?} at {inputs:?}");
            let taylor = row.apply(&inputs.iter().map(|&x| Taylor::<f64, 3>::constant(x)).collect::<Vec<_>>());
            assert_eq!(taylor.rest, [0.0; 3], "{row:?} at {inputs:?}");
        }
    }
}
