//! [`Check`]: a few numbers that tell whether two systems computed the same thing.

use crate::error::{Error, Result};
use crate::operator::Operator;
use crate::workload::{Precision, Workload};
use std::collections::BTreeMap;
use testkit::golden;
use testkit::workloads::bundle;

/// Numbers of one result by name: the value of a function (`loss`), 2-norms (`…_norm`), sums (`…_sum`), and Σ v·Hv
/// (`curvature`).
pub type Check = BTreeMap<String, f64>;

/// The check of a value, or of nothing but a value.
pub fn of_value(value: f64) -> Check {
    Check::from([("loss".into(), value)])
}

/// The check of a value and a gradient.
pub fn of_gradient(value: f64, gradient: impl Iterator<Item = f64>) -> Check {
    Check::from([("loss".into(), value), ("gradient_norm".into(), norm(gradient))])
}

/// The check of products with directions.
pub fn of_products(directions: &[f64], products: impl Iterator<Item = f64> + Clone) -> Check {
    let curvature = directions.iter().zip(products.clone()).map(|(v, p)| v * p).sum();
    Check::from([("product_norm".into(), norm(products)), ("curvature".into(), curvature)])
}

/// The check of the Jacobians of S4, whose rows for the first and the second error of each observation these are.
pub fn of_jacobians(first: &[f64], second: &[f64]) -> Check {
    Check::from([("jacobian_check".into(), bundle::check_jacobians(first, second))])
}

/// The check of an array.
pub fn of_array(name: &str, entries: impl Iterator<Item = f64> + Clone) -> Check {
    let sum = entries.clone().sum();
    Check::from([(format!("{name}_norm"), norm(entries)), (format!("{name}_sum"), sum)])
}

fn norm(entries: impl Iterator<Item = f64>) -> f64 {
    entries.map(|x| x * x).sum::<f64>().sqrt()
}

/// The numbers that other systems computed in double precision, as far as `testkit` has them.
pub fn reference(workload: Workload, op: Operator) -> Option<Check> {
    let Some(name) = workload.golden() else {
        return match op {
            Operator::Jacobian => Some(Check::from([("jacobian_check".into(), bundle::CHECK)])),
            Operator::Taylor(order) => Some(of_array("coefficient", std::iter::once(coefficient(workload, order)?))),
            _ => Some(of_value(value_of_loops(workload)?)).filter(|_| op.tells_value()),
        };
    };
    let entries: &[(&str, &str)] = match op {
        Operator::Value | Operator::Record | Operator::Native => &[("loss", "loss")],
        Operator::Gradient | Operator::GradientOneShot | Operator::Linearize => {
            &[("loss", "loss"), ("gradient_norm", "grad_norm")]
        }
        Operator::Hvp | Operator::HvpLinearized => &[("product_norm", "Hv_norm"), ("curvature", "vHv")],
        _ => return None,
    };
    Some(entries.iter().map(|(key, entry)| ((*key).into(), golden::number(name, entry))).collect())
}

/// The values of the functions in `testkit::workloads::loops`, on which CppAD, ADOL-C, echidna and the plain function agree.
fn value_of_loops(workload: Workload) -> Option<f64> {
    Some(match workload {
        Workload::S5 => 0.767469298104111,
        Workload::S6 => -286.281112389338,
        Workload::S7 => 772.415085143062,
        _ => return None,
    })
}

/// Taylor coefficients of the same functions by other systems, divided by k!.
fn coefficient(workload: Workload, order: usize) -> Option<f64> {
    Some(match (workload, order) {
        (Workload::T3a, 10) => -0.0821910897527895,
        (Workload::T3a, 30) => -0.000952424400750568,
        (Workload::T3b, 10) => -0.416880446937013,
        (Workload::T3b, 30) => 0.0283938264700265,
        _ => return None,
    })
}

/// Compares the numbers that both have.
///
/// In double precision they must agree to 1e-9: systems agree to 1e-13 here, and order of summation costs less than the rest.
/// In single precision losses must agree to 1e-4 and all else to 1e-3: rounding, 6e-8, grows with the square root of the length
/// of sums of up to 10⁶ terms, and through the layers. A sum of terms of both signs is compared relative to the norm of the
/// terms, where that is larger.
///
/// # Errors
/// [`Error::Disagreement`] naming both.
pub fn agree(what: &str, precision: Precision, (a_name, a): (&str, &Check), (b_name, b): (&str, &Check)) -> Result<()> {
    for (key, &x) in a {
        let Some(&y) = b.get(key) else { continue };
        let tolerance = match (precision, key.as_str()) {
            (Precision::F64, _) => 1e-9,
            (Precision::F32, "loss") => 1e-4,
            (Precision::F32, _) => 1e-3,
        };
        let terms = match key.as_str() {
            "curvature" => a.get("product_norm"),
            _ => key.strip_suffix("_sum").and_then(|name| a.get(&format!("{name}_norm"))),
        };
        let scale = x.abs().max(y.abs()).max(terms.copied().unwrap_or(0.0));
        let difference = (x - y).abs();
        // A NaN agrees with nothing.
        if difference.is_nan() || difference > tolerance * scale {
            let message = format!("{what}: {key} is {x:e} by {a_name} and {y:e} by {b_name}");
            return Err(Error::Disagreement(format!("{message}, which differ by more than {tolerance:e}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_are_named() {
        let (a, b) = (of_value(1.0), of_value(1.0 + 1e-6));
        assert!(agree("N1 value", Precision::F32, ("a", &a), ("b", &b)).is_ok());
        let error = agree("N1 value", Precision::F64, ("a", &a), ("b", &b)).unwrap_err().to_string();
        assert!(error.contains("N1 value: loss is 1e0 by a"), "{error}");
        assert!(agree("N1 value", Precision::F32, ("a", &a), ("b", &of_value(f64::NAN))).is_err());
    }

    #[test]
    fn sums_that_cancel_are_measured_by_their_terms() {
        let (a, b) = (of_array("x", [1.0, -1.0].into_iter()), of_array("x", [1.0, -1.0 + 1e-12].into_iter()));
        assert!(agree("x", Precision::F64, ("a", &a), ("b", &b)).is_ok());
    }

    #[test]
    fn references_of_products_are_known() {
        assert!(reference(Workload::N1, Operator::Hvp).is_some_and(|c| (c["curvature"] - 121.46).abs() < 0.01));
        assert!(reference(Workload::T1, Operator::Taylor(2)).is_none());
        assert_eq!(reference(Workload::S7, Operator::Record), Some(of_value(772.415085143062)));
        assert!(reference(Workload::S7, Operator::Hvp).is_none());
    }
}
