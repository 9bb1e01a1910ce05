//! Rows at many points at once, on the vector units.
//!
//! A smooth row is the function of its name in `kernels`, where there is one; so there is no list of rows here, and one that
//! gets a vectorised function is found by its name. Arithmetic, comparisons and the other rows of few operations are loops
//! that the compiler vectorises for the best instructions of the machine. What is left is computed number by number.

use super::row::strong;
use super::{Elementary, Row};
use kernels::vector::{Contraction, Elementwise, Function, Kernel, Lane, dispatch, map_light};
use std::sync::LazyLock;

/// Vectorised functions of a precision, by the number of the row.
struct Functions<T: 'static> {
    one: Vec<Option<Function<T, 1>>>,
    two: Vec<Option<Function<T, 2>>>,
}

/// Runs a row of few operations at the best instructions of the machine.
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
        macro_rules! precision {
            ($T:ident, $run:ident) => {
                impl Kernel for MapRow<'_, $T> {
                    type Output = ();

                    #[inline(always)]
                    fn run<F: Contraction>(self) {
                        let (inputs, out) = (self.inputs, self.out);
                        match self.row {
                            Row::Neg => light!($T, F, inputs, out, [a] -a),
                            Row::Add => light!($T, F, inputs, out, [a, b] a + b),
                            Row::Sub => light!($T, F, inputs, out, [a, b] a - b),
                            Row::Mul => light!($T, F, inputs, out, [a, b] a * b),
                            Row::Div => light!($T, F, inputs, out, [a, b] a / b),
                            Row::StrongMul => light!($T, F, inputs, out, [a, b] strong(a, a * b)),
                            Row::StrongDiv => light!($T, F, inputs, out, [a, b] strong(a, a / b)),
                            Row::Select => light!($T, F, inputs, out, [a, b, c] a.select(b, c)),
                            $(Row::$D => light!($T, F, inputs, out, [a] Elementary::$d(a)),)*
                            $(Row::$C => light!($T, F, inputs, out, [a, b] Elementary::$c(a, b)),)*
                            // Number by number: the library has no vectorised function of this name.
                            $(Row::$U)|* => {
                                out.iter_mut().zip(inputs[0]).for_each(|(y, &a)| *y = self.row.value(&[a]));
                            }
                            $(Row::$B)|* => {
                                let pairs = inputs[0].iter().zip(inputs[1]);
                                out.iter_mut().zip(pairs).for_each(|(y, (&a, &b))| *y = self.row.value(&[a, b]));
                            }
                        }
                    }
                }

                /// Values of the row at many points.
                pub fn $run(row: Row, inputs: &[&[$T]], out: &mut [$T]) {
                    static FUNCTIONS: LazyLock<Functions<$T>> = LazyLock::new(|| Functions {
                        one: Row::ALL.iter().map(|row| Function::<$T, 1>::named(row.name())).collect(),
                        two: Row::ALL.iter().map(|row| Function::<$T, 2>::named(row.name())).collect(),
                    });
                    if let [a] = *inputs
                        && let Some(f) = &FUNCTIONS.one[row as usize]
                    {
                        f.map([a], out);
                    } else if let [a, b] = *inputs
                        && let Some(f) = &FUNCTIONS.two[row as usize]
                    {
                        f.map([a, b], out);
                    } else {
                        dispatch(MapRow { row, inputs, out });
                    }
                }
            };
        }
        precision!(f64, map_double);
        precision!(f32, map_single);
    };
}

/// Applies a formula of plain numbers to the inputs.
macro_rules! light {
    ($T:ident, $F:ident, $inputs:ident, $out:ident, [$($a:ident),*] $value:expr) => {{
        struct Of;
        impl Elementwise<$T, { [$(stringify!($a)),*].len() }> for Of {
            #[inline(always)]
            fn lane<G: Contraction>([$($a),*]: [Lane<$T, G>; [$(stringify!($a)),*].len()]) -> Lane<$T, G> {
                $(let $a = $a.value;)*
                Lane::new($value)
            }
            fn scalar([$($a),*]: [$T; [$(stringify!($a)),*].len()]) -> $T {
                $value
            }
        }
        let inputs = $inputs.first_chunk().expect("a row gets as many inputs as it has");
        map_light::<$T, $F, Of, { [$(stringify!($a)),*].len() }>(*inputs, $out)
    }};
}

crate::for_each_row!(vectorize_rows);
