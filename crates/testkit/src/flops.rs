//! Floating-point operations of matrix products and convolutions, in the cheapest exact algorithm.
//!
//! A dense layer of a batch costs M = 2 · batch · in · out for its value. Exactly as many as that cost the tangent of the
//! layer by its input, by its weights, and the two products of reverse mode; which of them an operator needs:
//!
//! | operator | a layer | the first layer, whose input is constant |
//! |---|---|---|
//! | value | 1 | 1 |
//! | gradient | 3 | 2 |
//! | Hessian-vector product | 8 | 3 |
//! | – at a linearised point | 6: tangents by input and weights, two products for each of the two factors of reverse mode | 2 |
//! | linearising, the rest | 2 | 1 |
//! | Gauss–Newton product at a linearised point | 4 | 2 |
//!
//! ```
//! let n1 = testkit::flops::of("N1").unwrap();
//! // 2 · 128 · (784 · 256 + 256 · 128 + 128 · 10)
//! assert_eq!(n1.value, 60_096_512.0);
//! assert!((n1.hvp / n1.gradient - 1.74).abs() < 0.005);
//! ```

/// Counts of one call of each operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flops {
    /// f(x).
    pub value: f64,
    /// f(x) and ∇f(x).
    pub gradient: f64,
    /// ∇²f(x) v, with nothing kept.
    pub hvp: f64,
    /// What of that depends on x alone.
    pub linearize: f64,
    /// What of that is left at a linearised point.
    pub hvp_linearized: f64,
    /// The Gauss–Newton product at a linearised point.
    pub ggn: f64,
}

/// What the count of a workload is made of.
enum Cost {
    /// Layers, the first of which has a constant input.
    Layers(Vec<f64>),
    /// One product of a constant matrix with the parameters.
    Linear(f64),
    /// Dense layers whose inputs all vary, and products of two arrays that both depend on the parameters.
    Block { dense: f64, attention: f64 },
}

/// The counts of the [workload](crate::workloads) of this name; `None` where matrix products do not tell the cost.
pub fn of(workload: &str) -> Option<Flops> {
    let cost = cost(workload)?;
    // Multiples for: a layer, the first layer, a product of two varying arrays, a constant matrix by the parameters.
    let count = |layer: f64, first: f64, attention: f64, linear: f64| match &cost {
        Cost::Layers(layers) => first * layers[0] + layer * layers[1..].iter().sum::<f64>(),
        Cost::Linear(product) => linear * product,
        Cost::Block { dense, attention: products } => layer * dense + attention * products,
    };
    Some(Flops {
        value: count(1.0, 1.0, 1.0, 1.0),
        gradient: count(3.0, 2.0, 3.0, 2.0),
        hvp: count(8.0, 3.0, 9.0, 3.0),
        linearize: count(2.0, 1.0, 3.0, 1.0),
        hvp_linearized: count(6.0, 2.0, 6.0, 2.0),
        ggn: count(4.0, 2.0, 4.0, 2.0),
    })
}

fn cost(workload: &str) -> Option<Cost> {
    Some(match workload {
        "N1" => dense(128.0, &[784.0, 256.0, 128.0, 10.0]),
        "N1s" => dense(100.0, &[2.0, 32.0, 32.0, 1.0]),
        "N2" => dense(200.0, &[784.0, 1000.0, 500.0, 250.0, 30.0, 250.0, 500.0, 1000.0, 784.0]),
        // Two convolutions, a row of the patch matrix for each place of the result, and a dense layer.
        "N3" => Cost::Layers(vec![
            2.0 * 64.0 * (28.0 * 28.0) * (9.0 * 8.0),
            2.0 * 64.0 * (14.0 * 14.0) * (72.0 * 16.0),
            2.0 * 64.0 * 3136.0 * 10.0,
        ]),
        // 256 rows; four layers 64 × 64, two of 64 × 256; scores and weighted sums of 8 sequences with 4 heads of 16.
        "N4" => Cost::Block {
            dense: 2.0 * 256.0 * (4.0 * 64.0 * 64.0 + 2.0 * 64.0 * 256.0),
            attention: 2.0 * 2.0 * (8.0 * 4.0) * (32.0 * 32.0 * 16.0),
        },
        "N5" => Cost::Linear(2.0 * 10_000.0 * 100.0),
        _ => return None,
    })
}

fn dense(batch: f64, sizes: &[f64]) -> Cost {
    Cost::Layers(sizes.windows(2).map(|w| 2.0 * batch * w[0] * w[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ideal_ratios_of_the_classifier() {
        let n1 = of("N1").unwrap();
        assert!((n1.hvp / n1.gradient - 1.74).abs() < 0.005);
        assert!((n1.hvp_linearized / n1.gradient - 1.20).abs() < 0.005);
    }

    #[test]
    fn what_is_kept_and_what_is_not_make_a_product() {
        for workload in ["N1", "N1s", "N2", "N3", "N4", "N5"] {
            let flops = of(workload).unwrap();
            assert_eq!(flops.linearize + flops.hvp_linearized, flops.hvp, "{workload}");
        }
        assert_eq!(of("S1a"), None);
    }
}
