//! [`Lanes`]: several points side by side, as one number.

use std::cmp::Ordering;
use std::fmt::{self, Debug, Display, Formatter};

use crate::real::{Elementary, Float, Row};

/// N numbers that everything is done with at once: a point in each lane.
///
/// Not a derivative of its own but what the number types may stand over instead of a float: `Taylor<Lanes<f64, 8>, 10>` expands a
/// function at eight points, `Dual<Lanes<f64, 8>>` differentiates it there. Arithmetic is a loop over the lanes that the compiler
/// vectorises, elementary functions run on the vector units as those of programs do ([`Row::map`]). Each lane is what it would be
/// alone, bit for bit, whatever stands in the others: as one of `Lanes<T, 1>`, and as a plain `T` up to the last places of the
/// functions that are vectorised. Arithmetic uses wide registers where the program is compiled for a processor that has them
/// (`-C target-cpu=native`), functions always.
///
/// Meant for series, whose coefficients are many operations on the same lanes. A first derivative by [`Dual`](super::Dual) is few:
/// there plain numbers, one point after the other, do as well.
///
/// **Branches.** The lanes go through a function together. What chooses for each lane works as ever:
/// [`select`](Elementary::select), `less`, `abs`, `max`, `clamp`, `floor` and all that is made of them. A comparison that gives one
/// `bool` (`==`, `<`, `partial_cmp`, also of `Dual<Lanes<T, N>>` and the others, by their values) gives the answer that all lanes
/// agree on, and panics where they do not: such a branch would be wrong in some lane. `is_zero` and `is_one` say whether all lanes
/// are, as they do of all derivatives.
///
/// **Strong zeros** hold in each lane for types directly over `Lanes`; nested deeper, only where a derivative is 0 in all lanes.
///
/// ```
/// use autodiff_core::number::{Lanes, Taylor};
/// use autodiff_core::Elementary;
///
/// // 1/(1 − t) around four points: coefficients 1/(1 − t₀)ᵏ⁺¹.
/// let y = (1.0 - Taylor::<_, 3>::variable(Lanes([0.0, 0.5, -1.0, 3.0]))).recip();
/// assert_eq!(y.rest[1].0, [1.0, 8.0, 0.125, -0.125]);
///
/// let x = Lanes([-1.0, 2.0]);
/// assert_eq!(x.relu().0, [0.0, 2.0]); // and not: if x < 0.0 { … }, on which the lanes disagree
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Lanes<T = f64, const N: usize = 8>(
    /// The number in each lane.
    pub [T; N],
);

impl<T: Float, const N: usize> Lanes<T, N> {
    /// The number `at(i)` in lane i.
    #[inline]
    pub fn from_fn(at: impl FnMut(usize) -> T) -> Self {
        Lanes(std::array::from_fn(at))
    }

    #[inline]
    pub(super) fn map(self, f: impl Fn(T) -> T) -> Self {
        Lanes(self.0.map(f))
    }

    #[inline]
    fn zip(&self, other: &Self, f: impl Fn(T, T) -> T) -> Self {
        Self::from_fn(|i| f(self.0[i], other.0[i]))
    }

    #[inline]
    pub(super) fn plus(self, other: &Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline]
    pub(super) fn minus(self, other: &Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline]
    pub(super) fn times(self, other: &Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline]
    pub(super) fn over(self, other: &Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    /// A row of the table at all lanes, on the vector units.
    #[inline]
    fn mapped<const INPUTS: usize>(row: Row, inputs: [&Self; INPUTS]) -> Self {
        let mut y = [T::zero(); N];
        row.map(&inputs.map(|x| &x.0[..]), &mut y);
        Lanes(y)
    }

    /// What all lanes answer.
    #[inline]
    #[track_caller]
    fn agreed<R: Copy + PartialEq + Debug>(&self, other: &Self, asked: &str, answer: impl Fn(&T, &T) -> R) -> R {
        const { assert!(N > 0, "Lanes: no lanes, no answer") };
        let first = answer(&self.0[0], &other.0[0]);
        for i in 1..N {
            let next = answer(&self.0[i], &other.0[i]);
            assert!(
                next == first,
                "Lanes: {asked} is {first:?} in lane 0 ({} and {}) and {next:?} in lane {i} ({} and {}): lanes cannot branch \
                 apart (use select, abs, max, …, which choose for each)",
                self.0[0],
                other.0[0],
                self.0[i],
                other.0[i],
            );
        }
        first
    }
}

macro_rules! lanes_by_rows {
    (
        unary { $($(#[$udoc:meta])* $U:ident $u:ident value($ux:ident) $uv:block
            $ukind:ident($upx:ident, $upy:ident) $up:block sample $us:tt;)* }
        binary { $($(#[$bdoc:meta])* $B:ident $b:ident value($ba:ident, $bc:ident) $bv:block
            partials($bpa:ident, $bpb:ident, $bpy:ident) { $bd0:expr, $bd1:expr } sample $bs0:tt $bs1:tt;)* }
        discrete { $($(#[$ddoc:meta])* $D:ident $d:ident value($dx:ident) $dv:block;)* }
        comparison { $($(#[$cdoc:meta])* $C:ident $c:ident value($ca:ident, $cb:ident) $cv:block;)* }
    ) => {
        impl<T: Float, const N: usize> Elementary for Lanes<T, N> {
            #[inline]
            fn from_f64(c: f64) -> Self {
                Lanes([<T as Elementary>::from_f64(c); N])
            }
            #[inline]
            fn select(self, if_true: Self, if_false: Self) -> Self {
                Self::from_fn(|i| self.0[i].select(if_true.0[i], if_false.0[i]))
            }
            #[inline]
            fn is_exact_zero(&self) -> bool {
                self.0.iter().all(Elementary::is_exact_zero)
            }
            #[inline]
            fn strong_mul(self, other: Self) -> Self {
                self.zip(&other, Elementary::strong_mul)
            }
            #[inline]
            fn strong_div(self, other: Self) -> Self {
                self.zip(&other, Elementary::strong_div)
            }
            $(#[inline] fn $u(self) -> Self { Self::mapped(Row::$U, [&self]) })*
            $(#[inline] fn $b(self, other: Self) -> Self { Self::mapped(Row::$B, [&self, &other]) })*
            $(#[inline] fn $d(self) -> Self { self.map(Elementary::$d) })*
            $(#[inline] fn $c(self, other: Self) -> Self { self.zip(&other, Elementary::$c) })*
        }
    };
}
crate::for_each_row!(lanes_by_rows);

macro_rules! agreed {
    ($other:ty, $all:expr; $($method:ident $asked:literal)*) => {
        $(#[inline]
        #[track_caller]
        fn $method(&self, other: &$other) -> bool {
            self.agreed(&$all(*other), $asked, |a, b| a.$method(b))
        })*
    };
}

/// The answer that all lanes agree on.
///
/// # Panics
/// If they do not.
impl<T: Float, const N: usize> PartialEq for Lanes<T, N> {
    agreed!(Self, std::convert::identity; eq "a == b");
}

/// The answers that all lanes agree on.
///
/// # Panics
/// If they do not.
impl<T: Float, const N: usize> PartialOrd for Lanes<T, N> {
    #[inline]
    #[track_caller]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.agreed(other, "the order of a and b", |a, b| a.partial_cmp(b))
    }
    agreed!(Self, std::convert::identity; lt "a < b" le "a <= b" gt "a > b" ge "a >= b");
}

/// As against the same number in all lanes.
impl<T: Float, const N: usize> PartialEq<f64> for Lanes<T, N> {
    agreed!(f64, Self::from_f64; eq "a == b");
}

/// As against the same number in all lanes.
impl<T: Float, const N: usize> PartialOrd<f64> for Lanes<T, N> {
    #[inline]
    #[track_caller]
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.agreed(&Self::from_f64(*other), "the order of a and b", |a, b| a.partial_cmp(b))
    }
    agreed!(f64, Self::from_f64; lt "a < b" le "a <= b" gt "a > b" ge "a >= b");
}

/// `[a, b, …]`, the formatter's options for every number.
impl<T: Display, const N: usize> Display for Lanes<T, N> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, x) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            Display::fmt(x, f)?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Real;
    use crate::number::{Dual, HyperDual, Series, Tangents, Taylor};

    const N: usize = 5;
    type Many = Lanes<f64, N>;
    type Alone = Lanes<f64, 1>;

    /// Points of a row, a lane each, one of them at its lower end.
    fn points(row: Row, input: usize) -> [f64; N] {
        let [low, high] = row.samples()[input];
        std::array::from_fn(|i| low + (high - low) * i as f64 * 0.19)
    }

    /// Directions, of which one lane has none.
    fn directions(input: usize) -> [f64; N] {
        std::array::from_fn(|i| [0.5, 0.0, -0.3, 1.0, 0.25][(i + input) % N])
    }

    /// Every row at a number type over all lanes and over each alone: the same bits, but for the sign of a zero.
    fn each_lane_is_as_alone<A: Elementary, B: Elementary>(
        what: &str,
        many: impl Fn(Many, Many) -> A,
        alone: impl Fn(Alone, Alone) -> B,
        parts: impl Fn(&A) -> Vec<Many>,
        part: impl Fn(&B) -> Vec<Alone>,
    ) {
        for &row in Row::ALL {
            let inputs = |i: usize| many(Lanes(points(row, i)), Lanes(directions(i)));
            let y = parts(&row.apply(&(0..row.arity()).map(inputs).collect::<Vec<_>>()));
            for lane in 0..N {
                let inputs = |i: usize| alone(Lanes([points(row, i)[lane]]), Lanes([directions(i)[lane]]));
                let expected = part(&row.apply(&(0..row.arity()).map(inputs).collect::<Vec<_>>()));
                for (k, one) in expected.iter().enumerate() {
                    // A series that does not vary in this lane may have no more than its value.
                    let (found, one) = (y.get(k).map_or(0.0, |part| part.0[lane]), one.0[0]);
                    assert!(
                        found == one || found.is_nan() && one.is_nan(),
                        "{what}, {row:?}, lane {lane}, part {k}: {found} and {one}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_lane_does_not_see_the_others() {
        fn all<const M: usize>(y: &Taylor<Lanes<f64, M>, 5>) -> Vec<Lanes<f64, M>> {
            y.coefficients().copied().collect()
        }
        fn line<const M: usize>(x: Lanes<f64, M>, v: Lanes<f64, M>) -> Taylor<Lanes<f64, M>, 5> {
            Taylor::new(x, std::array::from_fn(|k| if k == 0 { v } else { Lanes([0.0; M]) }))
        }
        each_lane_is_as_alone("Lanes", |x, _| x, |x, _| x, |y| vec![*y], |y| vec![*y]);
        each_lane_is_as_alone("Dual", Dual::new, Dual::new, |y| vec![y.value, y.tangent], |y| vec![y.value, y.tangent]);
        each_lane_is_as_alone("Taylor", line, line, all, all);
        each_lane_is_as_alone(
            "Series",
            |x, v| Series::from(vec![x, v, Lanes([0.0; N]), Lanes([0.0; N])]),
            |x, v| Series::from(vec![x, v, Lanes([0.0]), Lanes([0.0])]),
            |y| y.coefficients().to_vec(),
            |y| y.coefficients().to_vec(),
        );
        each_lane_is_as_alone(
            "HyperDual",
            |x, v| HyperDual::new(x, v, v * 2.0, v * 0.0),
            |x, v| HyperDual::new(x, v, v * 2.0, v * 0.0),
            |y| vec![y.value, y.first, y.second, y.cross],
            |y| vec![y.value, y.first, y.second, y.cross],
        );
    }

    /// Arithmetic in every form, and functions that are chosen for each lane.
    fn mixed<S: Real>(x: S) -> S {
        let y = (x.clone() * 2.0 - 1.0) / (x.clone() * &x + 1.5) + x.clone().abs()
            - x.clone().max(S::from_f64(0.3)).relu() * 0.5;
        let mut z = [y, x.clone().clamp(-0.5, 0.5)].into_iter().sum::<S>();
        z *= x.powi(3);
        -z
    }

    #[test]
    fn arithmetic_is_that_of_floats_to_the_bit() {
        let points = [-2.0, -0.5, 0.0, 0.3, 1.7];
        let many = mixed(Lanes(points));
        let expanded = mixed(Taylor::<_, 3>::variable(Lanes(points)));
        let single = mixed(Dual::variable(Lanes(points.map(|x| x as f32))));
        let tangents = mixed(Tangents::new(Lanes(points), [Lanes([1.0; N]), Lanes([2.0; N])]));
        for (i, &x) in points.iter().enumerate() {
            assert_eq!(many.0[i], mixed(x));
            let alone = mixed(Taylor::<f64, 3>::variable(x));
            (0..=3).for_each(|k| assert_eq!(expanded.coefficient(k).0[i], *alone.coefficient(k)));
            assert_eq!(single.tangent.0[i], mixed(Dual::variable(x as f32)).tangent);
            assert_eq!(tangents.tangents[1].0[i], mixed(Dual::new(x, 2.0)).tangent);
        }
    }

    #[test]
    fn vectorised_functions_are_those_of_floats_to_the_last_places() {
        for &row in Row::ALL {
            let inputs: Vec<Many> = (0..row.arity()).map(|i| Lanes(points(row, i))).collect();
            let y = row.apply(&inputs);
            for lane in 0..N {
                let numbers: Vec<f64> = inputs.iter().map(|x| x.0[lane]).collect();
                let expected = row.value(&numbers);
                // The bounds of docs/accuracy.md are a few units in the last place.
                assert!((y.0[lane] - expected).abs() <= 8.0 * f64::EPSILON * expected.abs().max(1e-15), "{row:?}");
            }
        }
    }

    #[test]
    fn a_singular_lane_leaves_the_others_alone_and_keeps_its_zero() {
        // √x at 0 where x does not vary: the tangent is a strong 0, beside lanes that vary, of which one is at 0 too.
        let y = Dual::new(Lanes([0.0, 4.0, 0.0]), Lanes([0.0, 1.0, 1.0])).sqrt();
        assert_eq!(y.tangent.0, [0.0, 0.25, f64::INFINITY]);
        let y = Taylor::<_, 2>::new(Lanes([0.0, 4.0]), [Lanes([0.0, 1.0]), Lanes([0.0; 2])]).sqrt();
        assert_eq!((y.rest[0].0, y.rest[1].0), ([0.0, 0.25], [0.0, -1.0 / 64.0]));
        // A power at 0 beside one that is not.
        let y = Taylor::<_, 3>::variable(Lanes([0.0, 1.0])).pow(Taylor::constant(Lanes([3.0, 0.5])));
        assert_eq!([y.rest[0].0[0], y.rest[1].0[0], y.rest[2].0[0]], [0.0, 0.0, 1.0]);
        assert_eq!([y.rest[0].0[1], y.rest[1].0[1], y.rest[2].0[1]], [0.5, -0.125, 0.0625]);
    }

    #[test]
    fn a_comparison_that_all_lanes_agree_on_has_its_answer() {
        let x = Lanes([1.0, 2.0, 2.0]);
        // Of `<=` and `>=` some lanes are equal and others are not.
        assert!(x < 3.0 && x > 0.5 && x == Lanes([1.0, 2.0, 2.0]) && x != 4.0);
        assert!(x <= Lanes([2.0; 3]) && x >= Lanes([1.0; 3]));
        assert!(Dual::variable(x) <= Dual::constant(Lanes([2.0; 3])) && Taylor::<_, 2>::variable(x) < 3.0);
        assert_eq!(x.partial_cmp(&Lanes([3.0; 3])), Some(Ordering::Less));
        assert!(!num_traits::Zero::is_zero(&Lanes([0.0, 1.0])) && num_traits::Zero::is_zero(&Lanes([0.0; 2])));
    }

    #[test]
    #[should_panic(expected = "a < b is true in lane 0 (1 and 1.5) and false in lane 1 (2 and 1.5)")]
    fn a_branch_on_which_lanes_disagree_panics() {
        let x = Dual::variable(Lanes([1.0, 2.0]));
        let _ = if x < 1.5 { x } else { -x };
    }

    #[test]
    fn lanes_print_side_by_side() {
        assert_eq!(format!("{:.1}", Lanes([1.0, -0.25])), "[1.0, -0.2]");
        assert_eq!(Dual::variable(Lanes([1.0, 2.0])).to_string(), "[1, 2] + ([1, 1])·ε");
    }
}
