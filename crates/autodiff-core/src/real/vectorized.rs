//! Rows at many points at once, on the vector units.
//!
//! A row is evaluated at [`Lane`]s by the method of its name. Where `kernels` has that method, it is the vectorised
//! function; where it has not, it is that of the trait [`Scalar`], which computes the value as the table states it, lane by
//! lane, and is vectorised too if the compiler can. So there is no list of rows here: one that gets a vectorised method is
//! found by its name.

use super::row::strong;
use super::{Elementary, Row};
use kernels::vector::{Contraction, Elementwise, Kernel, Lane, dispatch, map, map_light};

/// Runs the row at the best instructions of the machine.
struct MapRow<'a, T> {
    row: Row,
    inputs: &'a [&'a [T]],
    out: &'a mut [T],
}

macro_rules! vectorize_rows {
    (
        unary { $($(#[$udoc:meta])* $U:ident $u:ident value($ux:ident) $uv:block
            $ukind:ident($upx:ident, $upy:ident) $up:block sample $us:tt;)* }
        binary { $($(#[$bdoc:meta])* $B:ident $b:ident value($ba:ident, $bc:ident) $bv:block
            partials($bpa:ident, $bpb:ident, $bpy:ident) { $bd0:expr, $bd1:expr } sample $bs0:tt $bs1:tt;)* }
        discrete { $($(#[$ddoc:meta])* $D:ident $d:ident value($dx:ident) $dv:block;)* }
        comparison { $($(#[$cdoc:meta])* $C:ident $c:ident value($ca:ident, $cb:ident) $cv:block;)* }
    ) => {
        /// Every row of the table, lane by lane as the scalar function; methods of [`Lane`] itself take precedence.
        #[allow(dead_code, reason = "what a lane has itself is not called")]
        trait Scalar {
            $(fn $u(self) -> Self;)*
            $(fn $b(self, other: Self) -> Self;)*
            $(fn $d(self) -> Self;)*
            $(fn $c(self, other: Self) -> Self;)*
        }

        macro_rules! precision {
            ($T:ident, $run:ident) => {
                impl<F: Contraction> Scalar for Lane<$T, F> {
                    $(#[inline(always)] fn $u(self) -> Self { Lane::new(Elementary::$u(self.value)) })*
                    $(#[inline(always)] fn $b(self, other: Self) -> Self {
                        Lane::new(Elementary::$b(self.value, other.value))
                    })*
                    $(#[inline(always)] fn $d(self) -> Self { Lane::new(Elementary::$d(self.value)) })*
                    $(#[inline(always)] fn $c(self, other: Self) -> Self {
                        Lane::new(Elementary::$c(self.value, other.value))
                    })*
                }

                impl Kernel for MapRow<'_, $T> {
                    type Output = ();

                    #[inline(always)]
                    fn run<F: Contraction>(self) {
                        let (inputs, out) = (self.inputs, self.out);
                        match self.row {
                            Row::Neg => light!($T, F, inputs, out, [a] -a.value),
                            Row::Add => light!($T, F, inputs, out, [a, b] a.value + b.value),
                            Row::Sub => light!($T, F, inputs, out, [a, b] a.value - b.value),
                            Row::Mul => light!($T, F, inputs, out, [a, b] a.value * b.value),
                            Row::Div => light!($T, F, inputs, out, [a, b] a.value / b.value),
                            Row::StrongMul => light!($T, F, inputs, out, [a, b] strong(a.value, a.value * b.value)),
                            Row::StrongDiv => light!($T, F, inputs, out, [a, b] strong(a.value, a.value / b.value)),
                            Row::Select => light!($T, F, inputs, out, [a, b, c] a.value.select(b.value, c.value)),
                            $(Row::$U => apply!(map, $T, F, inputs, out, [a] a.$u(), Elementary::$u(a)),)*
                            $(Row::$B => apply!(map, $T, F, inputs, out, [a, b] a.$b(b), Elementary::$b(a, b)),)*
                            $(Row::$D => apply!(map_light, $T, F, inputs, out, [a] a.$d(), Elementary::$d(a)),)*
                            $(Row::$C => apply!(map_light, $T, F, inputs, out, [a, b] a.$c(b), Elementary::$c(a, b)),)*
                        }
                    }
                }

                /// Values of the row at many points.
                #[inline(never)]
                pub fn $run(row: Row, inputs: &[&[$T]], out: &mut [$T]) {
                    dispatch(MapRow { row, inputs, out });
                }
            };
        }
        precision!(f64, map_double);
        precision!(f32, map_single);
    };
}

/// Applies a function of lanes to the inputs, with a function of numbers where the lane gives up.
macro_rules! apply {
    ($map:ident, $T:ident, $F:ident, $inputs:ident, $out:ident, [$($a:ident),*] $lane:expr, $scalar:expr) => {{
        struct Of;
        impl Elementwise<$T, { [$(stringify!($a)),*].len() }> for Of {
            #[inline(always)]
            fn lane<G: Contraction>([$($a),*]: [Lane<$T, G>; [$(stringify!($a)),*].len()]) -> Lane<$T, G> {
                $lane
            }
            fn scalar([$($a),*]: [$T; [$(stringify!($a)),*].len()]) -> $T {
                $scalar
            }
        }
        let inputs = $inputs.first_chunk().expect("a row gets as many inputs as it has");
        $map::<$T, $F, Of, { [$(stringify!($a)),*].len() }>(*inputs, $out)
    }};
}

/// Applies arithmetic on lanes.
macro_rules! light {
    ($T:ident, $F:ident, $inputs:ident, $out:ident, [$($a:ident),*] $value:expr) => {
        apply!(map_light, $T, $F, $inputs, $out, [$($a),*] Lane::new($value), {
            $(let $a = Lane::<$T, kernels::vector::Separate>::new($a);)*
            $value
        })
    };
}

crate::for_each_row!(vectorize_rows);
