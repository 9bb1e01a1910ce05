//! Every rule and length against sums taken one by one.

use super::*;
use crate::testing::{affordable, thinned};

/// Numbers between −1 and 1, the same each time.
fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| f64::from(u32::try_from(i * i % 1009).unwrap_or(0)).sin()).collect()
}

fn naive(i: &Instruction<f64>, table: &[u32], m: &[f64], e: usize) -> f64 {
    let (a, b, stride) = (i.a as usize, i.b as usize, i.stride as usize);
    let products = || (0..i.terms as usize).map(|j| m[a + j * stride + e] * m[b - j * stride + e]).sum::<f64>();
    let sum = match i.rule {
        Rule::Products => products(),
        Rule::Pairs => 2.0 * products(),
        Rule::PairsAndMiddle => 2.0 * products() + m[a + i.terms as usize * stride + e].powi(2),
        Rule::One => m[a + e],
        Rule::Spread => m[a],
        Rule::Inverse => 1.0 / m[a + e],
        Rule::Gathered => {
            let terms = i.terms as usize;
            (0..terms).map(|t| m[a + table[b + t * i.length as usize + e] as usize]).sum()
        }
    };
    let base = if i.base == NOWHERE { 0.0 } else { i.shift * m[i.base as usize + e] };
    let scale = if i.scale == NOWHERE { 1.0 } else { m[i.scale as usize + e] };
    (base + i.weight * sum) * scale
}

#[test]
fn every_rule_is_the_sum_that_it_says() {
    let rules =
        [Rule::Products, Rule::Pairs, Rule::PairsAndMiddle, Rule::One, Rule::Spread, Rule::Inverse, Rule::Gathered];
    for length in affordable([1_u32, 8, 16, 24, 40, 56, 128], |n| 200 * *n as usize) {
        for terms in thinned(0..30_u32, 7) {
            for rule in rules {
                let most = 40 * length;
                let table: Vec<u32> = (0..length * 30).map(|i| i * 7 % most).collect();
                let mut memory = numbers(2 * most as usize + 5 * length as usize);
                let mut i = Instruction {
                    a: length,
                    b: most + 30 * length,
                    terms,
                    ..Instruction::new(rule, 2 * most, length, length)
                };
                if rule == Rule::Gathered {
                    i.b = 0;
                }
                for (base, scale) in
                    [(NOWHERE, NOWHERE), (2 * most + length, NOWHERE), (2 * most + length, 2 * most + 2 * length)]
                {
                    let also = if scale == NOWHERE { NOWHERE } else { 2 * most + 4 * length };
                    let i = Instruction { base, scale, shift: 0.75, weight: -0.3, also, factor: 0.2, ..i };
                    let before = memory.clone();
                    run(&[i], &table, &mut memory);
                    for e in 0..length as usize {
                        let expected = naive(&i, &table, &before, e);
                        let found = memory[2 * most as usize + e];
                        // Some dozens of terms below 1, in another order; 1/x is as large as it is.
                        assert!(
                            (found - expected).abs() <= 1e-14 * expected.abs().max(1.0),
                            "{i:?}: {found} against {expected}"
                        );
                        let (place, before) = (2 * most as usize + 4 * length as usize + e, &before);
                        let again = if also == NOWHERE { before[place] } else { 0.2 * found };
                        assert_eq!(memory[place], again, "{i:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn sizes_and_values_of_all_lengths() {
    for n in thinned(0..100, 9) {
        let mut x = numbers(5 * n);
        let expected = x.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        assert_eq!(largest(&x), expected);
        let mut out = vec![f64::NAN; n];
        if n > 0 {
            polynomial(&x, 0.7, &mut out);
        }
        for (i, y) in out.iter().enumerate() {
            let own: Vec<f64> = (0..5).map(|k| x[k * n + i]).collect();
            let expected = own.iter().rev().fold(0.0, |sum, c| (sum + c) * 0.7);
            // Terms below 1, of which five are summed.
            assert!((y - expected).abs() <= 4.0 * f64::EPSILON, "{y} against {expected}");
            let mut alone = [f64::NAN];
            polynomial(&own, 0.7, &mut alone);
            assert_eq!(y.to_bits(), alone[0].to_bits(), "entry {i} of {n}");
        }
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().filter(|_| n > 0) {
            x[3 * n / 2] = bad;
            assert!(!largest(&x).is_finite());
        }
    }
}

#[test]
fn of_part_of_the_entries_no_others_are_touched() {
    let i = Instruction { a: 0, b: 64, terms: 1, ..Instruction::new(Rule::Products, 128, 64, 64) };
    let before = numbers(192);
    for entries in [1, 8, 13, 40, 64, 100] {
        let (mut all, mut part) = (before.clone(), before.clone());
        run(&[i], &[], &mut all);
        run_of(entries, &[i], &[], &mut part);
        let end = 128 + entries.next_multiple_of(PADDED).min(64);
        assert_eq!(part[..end], all[..end], "{entries} entries");
        assert_eq!(part[end..], before[end..], "beyond {entries} entries");
    }
}

#[test]
fn values_of_polynomials_of_any_degree() {
    for degree in 0..40 {
        // (hⁿ⁺¹ − h)/(h − 1), exact for h = 2.
        let mut out = [f64::NAN; 3];
        polynomial(&vec![1.0; 3 * degree], 2.0, &mut out);
        assert_eq!(out, [2.0_f64.powi(degree as i32 + 1) - 2.0; 3]);
    }
}

#[test]
fn a_straight_line_is_evaluated_wherever_its_numbers_reach() {
    for degree in [1, 2, 3, 20, 21] {
        let mut line = vec![0.0; degree];
        line[0] = 1.0;
        for h in [1e200, -1e16, 0.0, 1e-200] {
            let mut out = [f64::NAN];
            polynomial(&line, h, &mut out);
            assert_eq!(out, [h], "degree {degree}");
        }
        let mut out = [f32::NAN];
        polynomial(&line.iter().map(|&c| c as f32).collect::<Vec<f32>>(), 1e20, &mut out);
        assert_eq!(out, [1e20], "degree {degree}");
    }
}
