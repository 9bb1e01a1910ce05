//! Every contraction agrees with the definition.

use super::lanes::{LEVEL, Level};
use super::sweep::Sweep;
use super::*;
use crate::testing::{affordable, at_most, thinned};
use quickcheck::{Arbitrary, Gen, quickcheck};

impl Arbitrary for Geometry {
    fn arbitrary(source: &mut Gen) -> Geometry {
        let mut below = |n: usize| usize::arbitrary(source) % n;
        let groups = 1 + below(3);
        // Zero to three channels a group, or up to twenty.
        let most = if below(2) == 0 { 4 } else { at_most(21, 4) };
        let mut geometry = Geometry {
            images: below(at_most(4, 3)),
            size: [1 + below(at_most(9, 6)), 1 + below(at_most(9, 6))],
            channels_in: groups * below(most),
            channels_out: groups * below(most),
            kernel: [1 + below(4), 1 + below(4)],
            stride: [1 + below(3), 1 + below(3)],
            padding: [(below(4), below(4)), (below(4), below(4))],
            dilation: [1 + below(3), 1 + below(3)],
            groups,
        };
        if below(3) == 0 {
            // The joined runs need both; leave the chance of that not to luck.
            (geometry.groups, geometry.dilation[1]) = (1, 1);
        }
        geometry
    }
}

/// Small whole numbers: all sums are exact, so kernel and twin agree to the last bit.
fn numbers<T: Scalar>(length: usize, seed: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from(((i * 5 + seed * 17 + i * i % 13) % 11) as f64 - 5.0)).collect()
}

/// Whether all contractions are those of the definition, at both precisions, with every kind of instructions, and by
/// unfolding.
fn agrees(g: &Geometry) -> bool {
    let levels = [
        Level::Best,
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx2,
        Level::Portable,
    ];
    // The choice holds for one thread, so that is all there are; then once more on all of them.
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let each = one.install(|| {
        let all = thinned(levels, 3).all(|level| {
            LEVEL.set(level);
            agrees_at::<f64>(g) && agrees_at::<f32>(g)
        });
        LEVEL.set(Level::Best);
        all
    });
    each && agrees_at::<f64>(g) && agrees_at::<f32>(g)
}

fn agrees_at<T: Scalar>(g: &Geometry) -> bool {
    let (x, w, y) = (numbers(g.image_len(), 1), numbers(g.kernel_len(), 2), numbers(g.output_len(), 3));
    let (mut dx, mut dw, mut dy) = (vec![T::zero(); x.len()], vec![T::zero(); w.len()], vec![T::zero(); y.len()]);
    naive::forward(g, &x, &w, &mut dy);
    naive::input(g, &y, &w, &mut dx);
    naive::kernel(g, &x, &y, &mut dw);
    // What result and working memory held before must not matter.
    let stale = |length: usize| vec![T::round_from(f64::NAN); length];
    let threads = rayon::current_num_threads();
    let mut fast = (stale(x.len()), stale(w.len()), stale(y.len()));
    forward(g, &x, &w, &mut fast.2, &mut stale(scratch_len::<T>(g, threads)));
    input(g, &y, &w, &mut fast.0, &mut stale(scratch_len::<T>(g, threads)));
    kernel(g, &x, &y, &mut fast.1, &mut stale(scratch_len::<T>(g, threads)));
    let mut unfolded = (stale(x.len()), stale(w.len()), stale(y.len()));
    unfold::forward(g, &x, &w, &mut unfolded.2, &mut stale(unfold::scratch_len::<T>(g, threads)));
    unfold::input(g, &y, &w, &mut unfolded.0, &mut stale(unfold::scratch_len::<T>(g, threads)));
    unfold::kernel(g, &x, &y, &mut unfolded.1, &mut stale(unfold::scratch_len::<T>(g, threads)));
    let expected = (dx, dw, dy);
    fast == expected && unfolded == expected
}

/// Multiplications of one contraction.
fn multiplications(g: &Geometry) -> usize {
    g.output_len() * g.kernel_len() / g.channels_out.max(1)
}

quickcheck! {
    fn contractions_are_those_of_the_definition(geometry: Geometry) -> bool {
        agrees(&geometry)
    }
}

#[test]
fn several_blocks_agree_with_the_definition() {
    // 3 · 40 · 39 patches of 5 · 5 · 6 entries: six blocks, which begin and end within images.
    let geometry = Geometry {
        images: 3,
        size: [40, 39],
        channels_in: 6,
        channels_out: 2,
        kernel: [5, 5],
        stride: [1, 1],
        padding: [(2, 2); 2],
        dilation: [1, 1],
        groups: 1,
    };
    assert!(geometry.blocks().count() > 3);
    for geometry in affordable([Geometry { groups: 2, ..geometry.clone() }, geometry], multiplications) {
        assert!(agrees(&geometry));
    }
}

/// Geometries for which unfolding is chosen: for all contractions, in blocks of which the last has one patch or several; and for the
/// sum over pixels alone, in groups.
fn with_large_kernels() -> [Geometry; 3] {
    let channels = 172;
    let large = Geometry {
        images: 2,
        size: [7, 7],
        channels_in: channels,
        channels_out: channels,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [(1, 1); 2],
        dilation: [1, 1],
        groups: 1,
    };
    let wide = Geometry {
        images: 3,
        size: [5, 6],
        channels_in: 128,
        channels_out: 128,
        kernel: [2, 2],
        stride: [2, 1],
        padding: [(0, 1), (1, 0)],
        dilation: [1, 2],
        groups: 2,
    };
    [Geometry { images: 1, size: [5, 17], ..large.clone() }, large, wide]
}

#[test]
fn large_kernels_agree_with_the_definition() {
    let all = with_large_kernels();
    assert_eq!(all.each_ref().map(Geometry::gains_by_unfolding), [true, true, false]);
    assert_eq!(all.each_ref().map(|g| g.blocks().last().map(|block| block.len())), [Some(1), Some(14), Some(45)]);
    for geometry in affordable(all, multiplications) {
        assert!(geometry.gains_as_sum() && agrees(&geometry));
        // With the working memory of one thread, whatever the pool.
        assert!(agrees_beside::<f32>(&geometry, f64::INFINITY) && agrees_beside::<f64>(&geometry, f64::NAN));
    }
}

/// Whether result and images are those of the definition where an entry of what they are made of is infinite or NaN.
fn agrees_beside<T: Scalar>(g: &Geometry, special: f64) -> bool {
    let with = |length: usize, seed: usize| {
        let mut numbers = numbers::<T>(length, seed);
        if let Some(middle) = numbers.get_mut(length / 2) {
            *middle = T::round_from(special);
        }
        numbers
    };
    let equal = |a: T, b: T| a == b;
    let same = |a: &[T], b: &[T]| a.iter().zip(b).all(|(&a, &b)| equal(a, b) || !equal(a, a) && !equal(b, b));
    let (w, mut scratch) = (numbers::<T>(g.kernel_len(), 2), vec![T::zero(); scratch_len::<T>(g, 1)]);
    let (x, y) = (with(g.image_len(), 1), with(g.output_len(), 3));
    let (mut dx, mut dy) = (vec![T::zero(); x.len()], vec![T::zero(); y.len()]);
    let (mut expected_dx, mut expected_dy) = (dx.clone(), dy.clone());
    forward(g, &x, &w, &mut dy, &mut scratch);
    naive::forward(g, &x, &w, &mut expected_dy);
    input(g, &y, &w, &mut dx, &mut scratch);
    naive::input(g, &y, &w, &mut expected_dx);
    same(&dy, &expected_dy) && same(&dx, &expected_dx)
}

quickcheck! {
    fn what_is_not_finite_spoils_what_reads_it_alone(geometry: Geometry) -> bool {
        [f64::INFINITY, f64::NAN].into_iter().all(|special| {
            agrees_beside::<f64>(&geometry, special) && agrees_beside::<f32>(&geometry, special)
        })
    }
}

#[test]
fn places_taken_together_do_not_meet_each_others_infinities() {
    let geometry = Geometry {
        images: 1,
        size: [1, 8],
        channels_in: 1,
        channels_out: 1,
        kernel: [1, 2],
        stride: [1, 1],
        padding: [(0, 0); 2],
        dilation: [1, 1],
        groups: 1,
    };
    let (mut y, mut scratch) = ([0.0; 7], vec![0.0; scratch_len::<f64>(&geometry, 1)]);
    let x = [1.0, 1.0, 1.0, 1.0, f64::INFINITY, 1.0, 1.0, 1.0];
    forward(&geometry, &x, &[1.0, 1.0], &mut y, &mut scratch);
    assert_eq!(y, [2.0, 2.0, 2.0, f64::INFINITY, f64::INFINITY, 2.0, 2.0]);
}

#[test]
fn stride_that_does_not_divide_leaves_the_last_pixels_out() {
    let geometry = Geometry {
        images: 1,
        size: [6, 7],
        channels_in: 1,
        channels_out: 1,
        kernel: [2, 2],
        stride: [3, 4],
        padding: [(0, 0); 2],
        dilation: [1, 1],
        groups: 1,
    };
    assert_eq!(geometry.output(), [2, 2]);
    assert!(agrees(&geometry));
    let mut x = vec![f64::NAN; 42];
    input(&geometry, &[1.0; 4], &[1.0; 4], &mut x, &mut vec![0.0; scratch_len::<f64>(&geometry, 1)]);
    assert_eq!(x.iter().sum::<f64>(), 16.0);
    assert!((0..7).all(|column| x[5 * 7 + column] == 0.0));
}

#[test]
fn kernel_beyond_the_padded_image_gives_an_empty_result() {
    let geometry = Geometry {
        images: 2,
        size: [3, 3],
        channels_in: 1,
        channels_out: 2,
        kernel: [3, 2],
        stride: [1, 1],
        padding: [(0, 1), (0, 0)],
        dilation: [2, 1],
        groups: 1,
    };
    assert_eq!(geometry.output(), [0, 2]);
    assert!(agrees(&geometry));
}

/// A geometry with so much work that it is split into parts.
fn large() -> Geometry {
    Geometry {
        images: 19,
        size: [23, 25],
        channels_in: 6,
        channels_out: 11,
        kernel: [3, 5],
        stride: [1, 2],
        padding: [(1, 0), (2, 3)],
        dilation: [1, 1],
        groups: 1,
    }
}

#[test]
#[cfg_attr(miri, ignore = "work worth dividing takes an hour")]
fn threads_do_not_change_a_bit() {
    assert!(Sweep::forward(&large()).parts > 4, "the test must reach the parallel path");
    for g in [large()].into_iter().chain(with_large_kernels()) {
        let numbers = |length: usize| (0..length).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        let (x, w, y) = (numbers(g.image_len()), numbers(g.kernel_len()), numbers(g.output_len()));
        let all = || {
            let mut scratch = vec![0.0; scratch_len::<f32>(&g, rayon::current_num_threads())];
            let (mut dx, mut dw, mut dy) = (x.clone(), w.clone(), y.clone());
            forward(&g, &x, &w, &mut dy, &mut scratch);
            input(&g, &y, &w, &mut dx, &mut scratch);
            kernel(&g, &x, &y, &mut dw, &mut scratch);
            (dx, dw, dy)
        };
        let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
        let one = on(1);
        for threads in [2, 3, 8] {
            assert!(on(threads) == one, "on {threads} threads: {g:?}");
        }
    }
}

#[test]
fn parts_agree_with_the_definition() {
    let all = [
        large(),
        Geometry { dilation: [2, 3], stride: [3, 2], ..large() },
        Geometry { channels_in: 9, channels_out: 39, groups: 3, ..large() },
    ];
    for geometry in affordable(all, multiplications) {
        assert!(agrees(&geometry));
    }
}
