//! Floating-point operations of matrix products and convolutions in the cheapest exact algorithm.
//!
//! A dense layer of a batch costs M = 2 · batch · in · out for its value. Exactly as many as that cost the tangent of the
//! layer by its input, by its weights, and the two products of reverse mode; which of them an operator needs:
//!
//! | operator | a layer | the first layer, whose input is constant |
//! |---|---|---|
//! | value | 1 | 1 |
//! | gradient | 3 | 2 |
//! | hvp | 8 | 3 |
//! | hvp_linearized | 6: tangents by input and weights, two products for each of the two factors of reverse mode | 2 |
//! | linearize | 2 = hvp − hvp_linearized | 1 |
//! | ggn, linearised | 4 | 2 |

use crate::operator::Operator;
use crate::workload::Workload;

/// What the count of a workload is made of.
enum Cost {
    /// Layers, the first of which has a constant input.
    Layers(Vec<f64>),
    /// One product of a constant matrix with the parameters.
    Linear(f64),
    /// Dense layers whose inputs all vary, and products of two arrays that both depend on the parameters.
    Block { dense: f64, attention: f64 },
}

/// The count of one call, or `None` where matrix products do not tell the cost.
pub fn flops(workload: Workload, op: Operator) -> Option<f64> {
    let cost = cost(workload)?;
    // Multiples for: a layer, the first layer, a product of two varying arrays, a constant matrix by the parameters.
    let (layer, first, attention, linear) = match op {
        Operator::Value => (1.0, 1.0, 1.0, 1.0),
        Operator::Gradient => (3.0, 2.0, 3.0, 2.0),
        Operator::Hvp => (8.0, 3.0, 9.0, 3.0),
        Operator::HvpLinearized => (6.0, 2.0, 6.0, 2.0),
        Operator::Linearize => (2.0, 1.0, 3.0, 1.0),
        Operator::Hvps16 => (96.0, 32.0, 96.0, 32.0),
        Operator::Ggn => (4.0, 2.0, 4.0, 2.0),
        _ => return None,
    };
    Some(match cost {
        Cost::Layers(layers) => first * layers[0] + layer * layers[1..].iter().sum::<f64>(),
        Cost::Linear(product) => linear * product,
        Cost::Block { dense, attention: products } => layer * dense + attention * products,
    })
}

fn cost(workload: Workload) -> Option<Cost> {
    Some(match workload {
        Workload::N1 => dense(128.0, &[784.0, 256.0, 128.0, 10.0]),
        Workload::N1s => dense(100.0, &[2.0, 32.0, 32.0, 1.0]),
        Workload::N2 => dense(200.0, &[784.0, 1000.0, 500.0, 250.0, 30.0, 250.0, 500.0, 1000.0, 784.0]),
        // Two convolutions, a row of the patch matrix for each place of the result, and a dense layer.
        Workload::N3 => Cost::Layers(vec![
            2.0 * 64.0 * (28.0 * 28.0) * (9.0 * 8.0),
            2.0 * 64.0 * (14.0 * 14.0) * (72.0 * 16.0),
            2.0 * 64.0 * 3136.0 * 10.0,
        ]),
        // 256 rows; four layers 64 × 64, two of 64 × 256; scores and weighted sums of 8 sequences with 4 heads of 16.
        Workload::N4 => Cost::Block {
            dense: 2.0 * 256.0 * (4.0 * 64.0 * 64.0 + 2.0 * 64.0 * 256.0),
            attention: 2.0 * 2.0 * (8.0 * 4.0) * (32.0 * 32.0 * 16.0),
        },
        Workload::N5 => Cost::Linear(2.0 * 10_000.0 * 100.0),
        _ => return None,
    })
}

fn dense(batch: f64, sizes: &[f64]) -> Cost {
    Cost::Layers(sizes.windows(2).map(|w| 2.0 * batch * w[0] * w[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Operator::*;

    fn ratio(workload: Workload, op: Operator) -> f64 {
        flops(workload, op).unwrap() / flops(workload, Gradient).unwrap()
    }

    #[test]
    fn ideal_ratios_of_the_classifier() {
        assert!((ratio(Workload::N1, Hvp) - 1.74).abs() < 0.005);
        assert!((ratio(Workload::N1, HvpLinearized) - 1.20).abs() < 0.005);
        assert_eq!(flops(Workload::N1, Hvps16), flops(Workload::N1, HvpLinearized).map(|f| 16.0 * f));
    }

    #[test]
    fn counts_of_a_call() {
        // 2 · 128 · (784 · 256 + 256 · 128 + 128 · 10)
        assert_eq!(flops(Workload::N1, Value), Some(60_096_512.0));
        assert_eq!(flops(Workload::N5, Hvp), Some(6e6));
        assert_eq!(flops(Workload::S1, Gradient), None);
    }

    #[test]
    fn what_is_kept_and_what_is_not_make_a_product() {
        for workload in [Workload::N1, Workload::N2, Workload::N3, Workload::N4, Workload::N5] {
            let parts = flops(workload, Linearize).unwrap() + flops(workload, HvpLinearized).unwrap();
            assert_eq!(flops(workload, Hvp), Some(parts), "{workload}");
        }
    }
}
