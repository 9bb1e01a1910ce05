//! Repeats and other moves of numbers on the way through a fused region: any stretch of what they give, without the rest.

use crate::compile::Repeat;
use crate::graph::Executable;
use crate::primitive::{Stride, advance, read_piece};

/// Entries `start..` of a repeat of `source`.
pub fn fill<T: Executable>(repeat: Repeat, source: &[T], start: usize, out: &mut [T]) {
    match repeat {
        Repeat::Scalar { at } => out.fill(source[at]),
        Repeat::Cycle { start: first, period: 1 } => out.fill(source[first]),
        Repeat::Cycle { start: first, period } => {
            // One period from the source, then ever longer pieces of what is written.
            let (source, at) = (&source[first..first + period], start % period);
            let head = (period - at).min(out.len());
            out[..head].copy_from_slice(&source[at..at + head]);
            let mut done = period.min(out.len());
            out[head..done].copy_from_slice(&source[..done - head]);
            while done < out.len() {
                let count = done.min(out.len() - done);
                out.copy_within(..count, done);
                done += count;
            }
        }
        Repeat::Run { start: first, run } => {
            let mut done = 0;
            while done < out.len() {
                let at = start + done;
                let count = (run - at % run).min(out.len() - done);
                out[done..done + count].fill(source[first + at / run]);
                done += count;
            }
        }
        Repeat::Loops { start: first, axes } => loops(first, &axes, source, start, out),
        Repeat::Part { start: first, step } => read_piece(source, first + start * step, step as isize, out),
        Repeat::Pad { start: first } => {
            // The part of the chunk that the source covers.
            let from = first.clamp(start, start + out.len());
            let to = (first + source.len()).clamp(start, start + out.len());
            out[..from - start].fill(T::zero());
            out[to - start..].fill(T::zero());
            if from < to {
                out[from - start..to - start].copy_from_slice(&source[from - first..to - first]);
            }
        }
    }
}

/// Entries `start..` of nested loops over `source` that begin at `first`.
fn loops<T: Executable>(first: usize, axes: &[Stride; 4], source: &[T], start: usize, out: &mut [T]) {
    let (mut digits, mut rest, mut from) = ([0; 4], start, first);
    for (digit, axis) in digits.iter_mut().zip(axes).rev() {
        *digit = rest % axis.count;
        rest /= axis.count;
        from = from.wrapping_add_signed(*digit as isize * axis.step);
    }
    let inner = axes[3];
    let mut done = 0;
    while done < out.len() {
        let count = (inner.count - digits[3]).min(out.len() - done);
        read_piece(source, from, inner.step, &mut out[done..done + count]);
        done += count;
        // On to the next piece: the inner loop starts again, and the ones around it count.
        from = from.wrapping_add_signed(-(digits[3] as isize) * inner.step);
        digits[3] = 0;
        advance(&axes[..3], &mut digits[..3], &mut from);
    }
}
