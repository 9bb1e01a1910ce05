//! Every row of the table in 64 lanes of a loop: rolled, unrolled, swept and interpreted it is the same function.

mod ways;

use autodiff_core::real::Row;
use autodiff_core::{Elementary, Function, Var};
use testkit::counter::symmetrics;

const LANES: usize = 64;

/// Σ cᵢ row(xᵢ, …), where no two weights are equal. The exponent of the zeta function is no variable.
fn sum<S: Elementary + Copy>(row: Row, x: &[S]) -> S {
    let mut sum = S::from_f64(0.0);
    for (i, x) in x.chunks_exact(row.arity()).enumerate() {
        let mut operands = x.to_vec();
        if row == Row::HurwitzZeta {
            operands[1] = S::from_f64(row.samples()[1][0]);
        }
        sum = sum + row.apply(&operands).scale((i + 1) as f64 / LANES as f64);
    }
    sum
}

#[test]
fn every_row_is_the_same_in_four_ways() {
    let mut rolled = 0;
    for (number, &row) in Row::ALL.iter().enumerate() {
        let n = LANES * row.arity();
        let uniform = symmetrics(number as u64, n);
        let inside = |i: usize| {
            let [low, high] = row.samples()[i % row.arity()];
            low + (high - low) * (0.5 + 0.5 * uniform[i])
        };
        let x: Vec<f64> = (0..n).map(inside).collect();
        let v = symmetrics(1000 + number as u64, n).to_vec();
        let f = |x: &[Var]| sum(row, x);
        rolled += usize::from(Function::new(f).explain(&x).unwrap().rolling.is_some());
        let found = ways::ways(f, &x, &v);
        let plain = sum(row, &x);
        // A sum of 64 terms in another order, of functions that are accurate to a few units in the last place.
        let off = (found[0].1[0][0] - plain).abs() / plain.abs().max(1.0);
        assert!(off <= 1e-13, "{}: {plain} {}", row.name(), found[0].1[0][0]);
        let (off, which) = ways::difference(&found);
        assert!(off <= 1e-12, "{}: {off:.1e}, {which}", row.name());
    }
    assert_eq!(rolled, Row::ALL.len(), "every row is lanes of an array");
}
