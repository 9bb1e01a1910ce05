//! Random array programs: what is compiled is what is interpreted, however it is run; and derivatives of random closures agree
//! between all ways to make them.
//!
//! A failure names its program by a number: `Sample::new(number, style).hold()` is that one alone.

mod derivatives;
mod generate;
mod random;
mod run;

use generate::{LARGE, LONG, MIXED, SINGLE};
use run::Sample;

fn hold(seeds: std::ops::Range<u64>, style: generate::Style) {
    seeds.for_each(|seed| Sample::new(seed, style).hold());
}

#[test]
fn programs_of_mixed_shapes() {
    hold(0..4_000, MIXED);
}

#[test]
fn more_programs_of_mixed_shapes() {
    hold(4_000..8_000, MIXED);
}

#[test]
fn programs_longer_than_a_chunk() {
    hold(10_000..12_500, LONG);
}

#[test]
fn programs_of_single_numbers() {
    let seeds = 30_000..32_000;
    let plans = seeds.clone().map(|seed| Sample::new(seed, SINGLE).plan());
    let found = plans.filter(|plan| plan.contains("on single numbers")).count();
    assert!(found > 1_000, "one instruction for several operations: in {found} programs");
    hold(seeds, SINGLE);
}

/// With instructions on blocks of rows, in pairs, and in parts for threads.
#[test]
fn large_programs_on_one_thread_and_three() {
    let seeds = 20_000..20_300;
    let plans: Vec<String> = seeds.clone().map(|seed| Sample::new(seed, LARGE).plan()).collect();
    let number = |kind: &str| plans.iter().filter(|plan| plan.contains(kind)).count();
    let found = ["of 1100 rows", "at once: matmul", "region of 143000"].map(number);
    assert!(found.iter().all(|&n| n > 0), "by rows, in pairs, in parts: {found:?} of the programs");
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| hold(seeds.clone(), LARGE));
    }
}
