//! Random array programs: what is compiled is what is interpreted, however it is run; and derivatives of random closures agree
//! between all ways to make them.
//!
//! A failure names its program by a number: `Sample::new(number, style).hold()` is that one alone.

mod derivatives;
mod generate;
mod random;
mod run;

use generate::{LONG, MIXED};
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
