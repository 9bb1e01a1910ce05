//! Parts of a contraction on the threads of the current rayon pool.

use std::ops::Range;

/// Calls `body(part, out, scratch)` for every part, with the entries `start(part)..start(part + 1)` of `out`, on several
/// threads if there are some.
///
/// `scratch` has `region` entries for each part; on one thread all parts use the first.
pub(super) fn for_each_part<T: Send>(
    parts: usize,
    start: &(impl Fn(usize) -> usize + Sync),
    out: &mut [T],
    region: usize,
    scratch: &mut [T],
    body: &(impl Fn(usize, &mut [T], &mut [T]) + Sync),
) {
    if parts > 1 && rayon::current_num_threads() > 1 {
        return split(0..parts, start, out, region, scratch, body);
    }
    let mut rest = out;
    for part in 0..parts {
        let (own, others) = rest.split_at_mut(start(part + 1) - start(part));
        body(part, own, &mut scratch[..region]);
        rest = others;
    }
}

fn split<T: Send>(
    parts: Range<usize>,
    start: &(impl Fn(usize) -> usize + Sync),
    out: &mut [T],
    region: usize,
    scratch: &mut [T],
    body: &(impl Fn(usize, &mut [T], &mut [T]) + Sync),
) {
    if parts.len() == 1 {
        return body(parts.start, out, &mut scratch[..region]);
    }
    let middle = parts.start + parts.len() / 2;
    let (out, more_out) = out.split_at_mut(start(middle) - start(parts.start));
    let (scratch, more_scratch) = scratch.split_at_mut(region * (middle - parts.start));
    rayon::join(
        || split(parts.start..middle, start, out, region, scratch, body),
        || split(middle..parts.end, start, more_out, region, more_scratch, body),
    );
}

/// Adds up blocks of `length` entries into the first, in pairs of neighbours: the order depends on their number only.
pub(super) fn sum_pairwise<T: crate::Scalar>(blocks: &mut [T], length: usize) {
    let count = blocks.len() / length.max(1);
    let mut step = 1;
    while step < count {
        for first in (0..count - step).step_by(2 * step) {
            let (to, from) = blocks[first * length..].split_at_mut(step * length);
            for (to, &from) in to[..length].iter_mut().zip(&from[..length]) {
                *to += from;
            }
        }
        step *= 2;
    }
}
