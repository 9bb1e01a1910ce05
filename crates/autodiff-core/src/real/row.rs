//! [`Row`]: the name of an elementwise primitive, with the generated look-ups from name to value and derivative.

use super::{Elementary, Float};

/// How an elementwise primitive enters a derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Given by its partials, see [`Row::slope`].
    Smooth,
    /// Linear in all inputs together: `neg`, `add`, `sub`.
    Linear,
    /// Linear in each of two inputs: `mul`.
    Bilinear,
    /// `div`: the y with b·y = a.
    Implicit,
    /// Linear in its second and third input, which the first chooses from.
    Select,
    /// Piecewise constant: derivative 0 everywhere, by convention also at the jumps. And `detach`, which is taken as constant.
    Discrete,
}

/// Derivative of a unary row at a point, as the row states it.
pub enum Slope<R> {
    /// y′ = d.
    Partial(R),
    /// y′ = 1/q.
    Inverse(R),
}

/// Where tests sample an input of a row: an interval on which the row is smooth.
pub type Interval = [f64; 2];

macro_rules! slope_kind {
    (partial, $e:expr) => {
        Slope::Partial($e)
    };
    (inverse, $e:expr) => {
        Slope::Inverse($e)
    };
}

macro_rules! define_rows {
    (
        unary { $($(#[$udoc:meta])* $U:ident $u:ident value($ux:ident) $uv:block
            $ukind:ident($upx:ident, $upy:ident) $up:block sample $us:tt;)* }
        binary { $($(#[$bdoc:meta])* $B:ident $b:ident value($ba:ident, $bc:ident) $bv:block
            partials($bpa:ident, $bpb:ident, $bpy:ident) { $bd0:expr, $bd1:expr } sample $bs0:tt $bs1:tt;)* }
        discrete { $($(#[$ddoc:meta])* $D:ident $d:ident value($dx:ident) $dv:block;)* }
        comparison { $($(#[$cdoc:meta])* $C:ident $c:ident value($ca:ident, $cb:ident) $cv:block;)* }
    ) => {
        /// An elementwise primitive: arithmetic, or a row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Row {
            /// −a.
            Neg,
            /// a + b.
            Add,
            /// a − b.
            Sub,
            /// a · b.
            Mul,
            /// a / b.
            Div,
            /// a · b, but 0 wherever a is 0 whatever b is: the product of a (co)tangent and a partial.
            StrongMul,
            /// a / b, but 0 wherever a is 0 whatever b is.
            StrongDiv,
            /// b where a is not 0, else c.
            Select,
            $($(#[$udoc])* $U,)*
            $($(#[$bdoc])* $B,)*
            $($(#[$ddoc])* $D,)*
            $($(#[$cdoc])* $C,)*
        }

        impl Row {
            /// Every row, in the order of the table.
            pub const ALL: &'static [Row] = &[
                Row::Neg, Row::Add, Row::Sub, Row::Mul, Row::Div, Row::StrongMul, Row::StrongDiv, Row::Select,
                $(Row::$U,)* $(Row::$B,)* $(Row::$D,)* $(Row::$C,)*
            ];

            /// The name in text form, also that of the method.
            pub fn name(self) -> &'static str {
                match self {
                    Row::Neg => "neg",
                    Row::Add => "add",
                    Row::Sub => "sub",
                    Row::Mul => "mul",
                    Row::Div => "div",
                    Row::StrongMul => "strong_mul",
                    Row::StrongDiv => "strong_div",
                    Row::Select => "select",
                    $(Row::$U => stringify!($u),)*
                    $(Row::$B => stringify!($b),)*
                    $(Row::$D => stringify!($d),)*
                    $(Row::$C => stringify!($c),)*
                }
            }

            /// Number of inputs.
            pub fn arity(self) -> usize {
                match self {
                    Row::Neg $(| Row::$U)* $(| Row::$D)* => 1,
                    Row::Select => 3,
                    _ => 2,
                }
            }

            /// How the row enters a derivative.
            pub fn class(self) -> Class {
                match self {
                    Row::Neg | Row::Add | Row::Sub => Class::Linear,
                    Row::Mul | Row::StrongMul => Class::Bilinear,
                    Row::Div | Row::StrongDiv => Class::Implicit,
                    Row::Select => Class::Select,
                    $(Row::$U => Class::Smooth,)*
                    $(Row::$B => Class::Smooth,)*
                    $(Row::$D => Class::Discrete,)*
                    $(Row::$C => Class::Discrete,)*
                }
            }

            /// Intervals, one an input, on which the row is defined and smooth; tests sample there.
            pub fn samples(self) -> &'static [Interval] {
                match self {
                    $(Row::$U => &[$us],)*
                    $(Row::$B => &[$bs0, $bs1],)*
                    Row::Neg => &[[-2.0, 2.0]],
                    Row::Add | Row::Sub | Row::Mul | Row::StrongMul => &[[-2.0, 2.0], [-2.0, 2.0]],
                    Row::Div | Row::StrongDiv => &[[-2.0, 2.0], [0.3, 2.0]],
                    Row::Select => &[[1.0, 1.0], [-2.0, 2.0], [-2.0, 2.0]],
                    $(Row::$D => &[[0.1, 0.4]],)*
                    $(Row::$C => &[[-2.0, -0.1], [0.1, 2.0]],)*
                }
            }

            /// Value at numbers; `inputs` has [`arity`](Row::arity) entries.
            #[inline]
            pub fn value<T: Float>(self, inputs: &[T]) -> T {
                match self {
                    Row::Neg => -inputs[0],
                    Row::Add => inputs[0] + inputs[1],
                    Row::Sub => inputs[0] - inputs[1],
                    Row::Mul => inputs[0] * inputs[1],
                    Row::Div => inputs[0] / inputs[1],
                    Row::StrongMul => strong(inputs[0], inputs[0] * inputs[1]),
                    Row::StrongDiv => strong(inputs[0], inputs[0] / inputs[1]),
                    Row::Select => inputs[0].select(inputs[1], inputs[2]),
                    $(Row::$U => inputs[0].$u(),)*
                    $(Row::$B => inputs[0].$b(inputs[1]),)*
                    $(Row::$D => inputs[0].$d(),)*
                    $(Row::$C => inputs[0].$c(inputs[1]),)*
                }
            }

            /// Values at many points: `out[i]` from the i-th entry of every input.
            ///
            /// Computed by the vector units; differs from [`value`](Row::value) in last places. The result at an entry
            /// depends neither on its place nor on the length.
            pub fn map<T: Float>(self, inputs: &[&[T]], out: &mut [T]) {
                T::map_row(self, inputs, out);
            }

            /// Records or computes the row in any algebra; arithmetic through its operators.
            #[inline]
            pub fn apply<R: Elementary>(self, inputs: &[R]) -> R {
                let a = |i: usize| inputs[i].clone();
                match self {
                    Row::Neg => -a(0),
                    Row::Add => a(0) + a(1),
                    Row::Sub => a(0) - a(1),
                    Row::Mul => a(0) * a(1),
                    Row::Div => a(0) / a(1),
                    Row::StrongMul => a(0).strong_mul(a(1)),
                    Row::StrongDiv => a(0).strong_div(a(1)),
                    Row::Select => a(0).select(a(1), a(2)),
                    $(Row::$U => a(0).$u(),)*
                    $(Row::$B => a(0).$b(a(1)),)*
                    $(Row::$D => a(0).$d(),)*
                    $(Row::$C => a(0).$c(a(1)),)*
                }
            }

            /// Derivative of a smooth row in input `input`, from the inputs and the output `y`.
            ///
            /// # Panics
            /// If the row is not [`Class::Smooth`].
            #[inline]
            pub fn slope<R: Elementary>(self, input: usize, inputs: &[R], y: &R) -> Slope<R> {
                let a = |i: usize| inputs[i].clone();
                match (self, input) {
                    $((Row::$U, _) => {
                        #[allow(clippy::redundant_locals, reason = "a row names what it uses")]
                        let ($upx, $upy) = (a(0), y.clone());
                        slope_kind!($ukind, $up)
                    })*
                    $((Row::$B, 0) => {
                        let ($bpa, $bpb, $bpy) = (a(0), a(1), y.clone());
                        let _ = (&$bpa, &$bpb, &$bpy);
                        Slope::Partial($bd0)
                    })*
                    $((Row::$B, _) => {
                        let ($bpa, $bpb, $bpy) = (a(0), a(1), y.clone());
                        let _ = (&$bpa, &$bpb, &$bpy);
                        Slope::Partial($bd1)
                    })*
                    (row, _) => panic!("{row:?} has no partial: its class says how it is differentiated"),
                }
            }
        }
    };
}

crate::for_each_row!(define_rows);

/// `product`, except that a zero `factor` annihilates whatever it was multiplied with.
#[inline(always)]
pub(super) fn strong<T: Float>(factor: T, product: T) -> T {
    if factor == T::zero() { T::zero() } else { product }
}
