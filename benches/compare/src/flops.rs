//! Floating-point operations of one call, as far as matrix products tell them.

use crate::operator::Operator;
use crate::workload::Workload;

/// The count of [`testkit::flops`], or `None` where matrix products do not tell the cost.
pub fn flops(workload: Workload, op: Operator) -> Option<f64> {
    let flops = testkit::flops::of(workload.golden()?)?;
    Some(match op {
        Operator::Value => flops.value,
        Operator::Gradient => flops.gradient,
        Operator::Hvp => flops.hvp,
        Operator::Linearize => flops.linearize,
        Operator::HvpLinearized => flops.hvp_linearized,
        Operator::Hvps16 => 16.0 * flops.hvp_linearized,
        Operator::Ggn => flops.ggn,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_calls() {
        assert_eq!(flops(Workload::N5, Operator::Hvp), Some(6e6));
        assert_eq!(
            flops(Workload::N1, Operator::Hvps16),
            flops(Workload::N1, Operator::HvpLinearized).map(|f| 16.0 * f)
        );
        assert_eq!(flops(Workload::S1, Operator::Gradient), None);
        assert_eq!(flops(Workload::N1, Operator::Native), None);
    }
}
