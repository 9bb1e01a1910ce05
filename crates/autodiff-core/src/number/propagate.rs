//! Coefficients of y = f(x) for truncated power series, from nothing but the row's slope.
//!
//! With d the series of the partial of a row, y′ = d·x′ gives
//!
//! > k y_k = Σ_{j=1..k} j x_j d_{k−j},
//!
//! and with the inverse partial q, from q·y′ = x′,
//!
//! > k q_0 y_k = k x_k − Σ_{j=1..k−1} j y_j q_{k−j}.
//!
//! Coefficient k of y needs d only to order k − 1, so d may be built from y itself (tan: 1 + y²), or from a function
//! whose slope is y again (sin, cos). The slope is therefore *recorded* once, as a little graph of series, and every
//! series in it is extended by one coefficient at a time, when somebody asks. Equal nodes are shared; a branch that a
//! `select` does not take is never asked. A function with a bounded number of nodes costs O(K²) operations for K
//! coefficients. Slopes of `ln_gamma`, `digamma` and `hurwitz_zeta` go on for ever, and so do those of `pow` with an exponent
//! that varies where the base is 0: these cost O(K³).
//!
//! The recurrences are those of Griewank & Walther, *Evaluating Derivatives* (2008), section 13.2.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use smallvec::SmallVec;

use super::expansion::{self, parts};
use crate::real::{Class, Elementary, Row, Slope};

/// Coefficients from order 0 up; low orders stay on the stack.
pub(super) type Coefficients<T> = SmallVec<[T; 6]>;

/// An input of [`propagate`].
pub(super) enum Input<T> {
    /// A number: all higher coefficients are 0.
    Constant(T),
    /// Coefficients up to the order asked for, at least.
    Series(Coefficients<T>),
}

/// Coefficients 0 to `order` of a smooth row at series.
pub(super) fn propagate<T: Elementary>(row: Row, inputs: [Option<Input<T>>; 2], order: usize) -> Coefficients<T> {
    let arena = Arena { nodes: RefCell::new(SmallVec::new()) };
    let ids = inputs.into_iter().flatten().map(|input| arena.input(input)).collect::<SmallVec<[Id; 2]>>();
    let y = arena.record(Op::Row(row), &ids);
    arena.extend(y, order);
    let mut nodes = arena.nodes.into_inner();
    let mut coefficients = std::mem::take(&mut nodes[y as usize].coefficients);
    coefficients.truncate(order + 1);
    coefficients
}

/// Number of a node of the arena.
type Id = u32;

/// What a node is.
#[derive(Clone, Copy, PartialEq)]
enum Op {
    Input,
    Constant(f64),
    Scale(f64),
    Offset(f64),
    Square,
    Row(Row),
}

/// Slope of a smooth node in one input.
#[derive(Clone, Copy)]
enum Factor {
    Partial(Id),
    Inverse(Id),
}

struct Node<T> {
    op: Op,
    inputs: [Id; 3],
    /// All coefficients beyond the value are 0.
    constant: bool,
    /// Recorded when the first coefficient beyond the value is asked for.
    slopes: [Option<Factor>; 2],
    /// Those known so far.
    coefficients: Coefficients<T>,
}

/// The graph that a slope is recorded in.
struct Arena<T> {
    nodes: RefCell<SmallVec<[Node<T>; 6]>>,
}

impl<T: Elementary> Arena<T> {
    fn input(&self, input: Input<T>) -> Id {
        let (coefficients, constant) = match input {
            Input::Constant(value) => (Coefficients::from_iter([value]), true),
            Input::Series(coefficients) => {
                let constant = coefficients[1..].iter().all(Elementary::is_exact_zero);
                (coefficients, constant)
            }
        };
        self.push(Node { op: Op::Input, inputs: [0; 3], constant, slopes: [None; 2], coefficients })
    }

    fn push(&self, node: Node<T>) -> Id {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(node);
        (nodes.len() - 1) as Id
    }

    /// The node `op(inputs)`: an equal one if there is one, else a new one.
    fn record(&self, op: Op, inputs: &[Id]) -> Id {
        let mut padded = [0; 3];
        padded[..inputs.len()].copy_from_slice(inputs);
        if op == Op::Row(Row::Mul) {
            padded[..2].sort_unstable();
        }
        let constant = {
            let nodes = self.nodes.borrow();
            if let Some(same) = nodes.iter().position(|n| n.op == op && n.op != Op::Input && n.inputs == padded) {
                return same as Id;
            }
            inputs.iter().all(|&i| nodes[i as usize].constant)
                || matches!(op, Op::Row(row) if row.class() == Class::Discrete)
        };
        self.push(Node { op, inputs: padded, constant, slopes: [None; 2], coefficients: Coefficients::new() })
    }

    /// Makes coefficients 0 to `order` of a node known.
    fn extend(&self, id: Id, order: usize) {
        loop {
            let (op, inputs, k, constant) = {
                let node = &self.nodes.borrow()[id as usize];
                (node.op, node.inputs, node.coefficients.len(), node.constant)
            };
            if k > order {
                return;
            }
            let next = if k == 0 {
                self.value(op, inputs)
            } else if constant {
                T::from_f64(0.0)
            } else {
                self.coefficient(id, op, inputs, k)
            };
            self.nodes.borrow_mut()[id as usize].coefficients.push(next);
        }
    }

    /// Coefficient `k` of a node, a copy.
    fn at(&self, id: Id, k: usize) -> T {
        self.extend(id, k);
        self.nodes.borrow()[id as usize].coefficients[k].clone()
    }

    fn value(&self, op: Op, [a, b, c]: [Id; 3]) -> T {
        match op {
            Op::Input => unreachable!("an input is recorded with its coefficients"),
            Op::Constant(value) => T::from_f64(value),
            Op::Scale(factor) => self.at(a, 0).scale(factor),
            Op::Offset(term) => self.at(a, 0).offset(term),
            Op::Square => self.at(a, 0).square(),
            Op::Row(Row::Select) => self.select([a, b, c], 0),
            Op::Row(row) if row.arity() == 1 => row.apply(&[self.at(a, 0)]),
            Op::Row(row) => row.apply(&[self.at(a, 0), self.at(b, 0)]),
        }
    }

    /// Coefficient `k` ≥ 1 of a node that varies.
    fn coefficient(&self, id: Id, op: Op, [a, b, c]: [Id; 3], k: usize) -> T {
        let row = match op {
            Op::Input | Op::Constant(_) => return T::from_f64(0.0),
            Op::Scale(factor) => return self.at(a, k).scale(factor),
            Op::Offset(_) => return self.at(a, k),
            Op::Square => return self.with([(a, k), (a, k)], |x, _| expansion::square(parts(x), k)),
            Op::Row(row) => row,
        };
        match row {
            Row::Neg => -self.at(a, k),
            Row::Add => self.at(a, k) + self.at(b, k),
            Row::Sub => self.at(a, k) - self.at(b, k),
            Row::Mul => self.with([(a, k), (b, k)], |x, y| expansion::product(parts(x), parts(y), k)),
            Row::StrongMul => self.with([(a, k), (b, k)], |x, y| sum(strong_products(x, y, 0..=k, k))),
            Row::Div => {
                let a_k = self.at(a, k);
                self.with([(id, k - 1), (b, k)], |y, b| expansion::quotient(a_k, parts(y), parts(b), k))
            }
            Row::StrongDiv => {
                let known = self.with([(id, k - 1), (b, k)], |y, b| sum(strong_products(y, b, 0..=k - 1, k)));
                (self.at(a, k) - known).strong_div(self.at(b, 0))
            }
            Row::Select => self.select([a, b, c], k),
            _ => self.smooth(id, row, [a, b], k),
        }
    }

    /// Coefficient `k` of the branch that the mask chooses. A mask known to be 0 leaves the first branch unasked.
    fn select(&self, [mask, if_true, if_false]: [Id; 3], k: usize) -> T {
        let mask = self.at(mask, 0);
        let other = self.at(if_false, k);
        if mask.is_exact_zero() { other } else { mask.select(self.at(if_true, k), other) }
    }

    /// Coefficient `k` ≥ 1 of a smooth row, by the recurrences at the head of this file.
    fn smooth(&self, id: Id, row: Row, inputs: [Id; 2], k: usize) -> T {
        let mut total: Option<T> = None;
        for (i, &x) in inputs[..row.arity()].iter().enumerate() {
            if self.is_constant(x) {
                continue;
            }
            self.extend(x, k);
            let part = match row {
                Row::Pow if i == 0 && self.is_constant(inputs[1]) => self.power(id, inputs, k),
                _ => self.by_slope(id, x, self.slope(id, row, i, inputs), k),
            };
            total = Some(match total {
                None => part,
                Some(total) => total + part,
            });
        }
        total.unwrap_or_else(|| T::from_f64(0.0))
    }

    /// What input `x`, which is known to order `k`, adds to coefficient `k` of node `id` by its slope.
    fn by_slope(&self, id: Id, x: Id, slope: Factor, k: usize) -> T {
        match slope {
            Factor::Partial(d) => self.with([(x, k), (d, k - 1)], |x, d| {
                // k y_k = Σ_{j=1..k} j x_j d_{k−j}
                let products = (1..k).filter(|&j| !x[j].is_exact_zero());
                let weighted = |j: usize| x[j].clone().strong_mul(d[k - j].clone()).scale(j as f64);
                let last = x[k].clone() * d[0].clone();
                let last = unless_still(x, last, || x[k].clone().strong_mul(d[0].clone()));
                products.map(weighted).fold(last.scale(k as f64), Add::add).scale(1.0 / k as f64)
            }),
            Factor::Inverse(q) => self.with([(id, k - 1), (q, k - 1)], |y, q| {
                // k q_0 y_k = k x_k − Σ_{j=1..k−1} j y_j q_{k−j}
                let products = (1..k).filter(|&j| !y[j].is_exact_zero());
                let weighted = |j: usize| y[j].clone().strong_mul(q[k - j].clone()).scale(j as f64);
                let known = sum(products.map(weighted));
                let x = &self.nodes.borrow()[x as usize].coefficients;
                let rest = x[k].clone() - known.scale(1.0 / k as f64);
                let over = rest.clone() / q[0].clone();
                unless_still(x, over, || rest.strong_div(q[0].clone()))
            }),
        }
    }

    /// Coefficient `k` ≥ 1 of a power y = xᵖ whose exponent does not vary, from x·y′ = p·y·x′:
    ///
    /// > k x_0 y_k = Σ_{j=1..k} (p j − (k − j)) x_j y_{k−j}.
    ///
    /// Where x y vanishes, and of whole exponents, whose series go on at 0, it is taken from the power below, p xᵖ⁻¹.
    fn power(&self, id: Id, [x, p]: [Id; 2], k: usize) -> T {
        let exponent = self.at(p, 0);
        let (direct, product) = self.with([(x, k), (id, k - 1)], |x, y| {
            let terms = (1..=k).filter(|&j| !x[j].is_exact_zero()).map(|j| {
                let weight = exponent.clone().scale(j as f64).offset(-((k - j) as f64));
                x[j].clone().strong_mul(weight * y[k - j].clone())
            });
            let rest = sum(terms).scale(1.0 / k as f64);
            let over = rest.clone() / x[0].clone();
            (unless_still(x, over, || rest.strong_div(x[0].clone())), x[0].clone() * y[0].clone())
        });
        let whole = exponent.clone().abs().floor().equals(exponent);
        let singular = product.equals(T::from_f64(0.0)).select(T::from_f64(1.0), whole);
        if singular.is_exact_zero() {
            return direct;
        }
        let known = self.nodes.borrow()[id as usize].slopes[0];
        let below = known.unwrap_or_else(|| {
            let [x, p] = [x, p].map(|id| Recorded::Node(self, id));
            let below = Factor::Partial(self.id(p.clone().strong_mul(x.pow(p.offset(-1.0)))));
            self.nodes.borrow_mut()[id as usize].slopes[0] = Some(below);
            below
        });
        singular.select(self.by_slope(id, x, below, k), direct)
    }

    fn is_constant(&self, id: Id) -> bool {
        self.nodes.borrow()[id as usize].constant
    }

    /// The slope of node `id` in input `i`, recorded on first use.
    fn slope(&self, id: Id, row: Row, i: usize, inputs: [Id; 2]) -> Factor {
        if let Some(factor) = self.nodes.borrow()[id as usize].slopes[i] {
            return factor;
        }
        let recorded = |id| Recorded::Node(self, id);
        let slope = match row.arity() {
            1 => row.slope(i, &[recorded(inputs[0])], &recorded(id)),
            _ => row.slope(i, &inputs.map(recorded), &recorded(id)),
        };
        let factor = match slope {
            Slope::Partial(d) => Factor::Partial(self.id(d)),
            Slope::Inverse(q) => Factor::Inverse(self.id(q)),
        };
        self.nodes.borrow_mut()[id as usize].slopes[i] = Some(factor);
        factor
    }

    fn id(&self, x: Recorded<'_, T>) -> Id {
        match x {
            Recorded::Constant(c) => self.record(Op::Constant(c), &[]),
            Recorded::Node(_, id) => id,
        }
    }

    /// Calls `f` with the coefficients of two nodes, each known up to its order.
    fn with<R>(&self, nodes: [(Id, usize); 2], f: impl FnOnce(&[T], &[T]) -> R) -> R {
        for (id, order) in nodes {
            self.extend(id, order);
        }
        let [(a, _), (b, _)] = nodes;
        let nodes = self.nodes.borrow();
        f(&nodes[a as usize].coefficients, &nodes[b as usize].coefficients)
    }
}

/// `term`, of the series of a function of `x`; in lanes in which `x` stands still `strong`, where `term` is not finite.
///
/// Where all derivatives of `x` are 0, so are those of any function of it, however singular. Where some are not, the zeros among
/// them tell nothing: √t⁴ is t².
fn unless_still<T: Elementary>(x: &[T], term: T, strong: impl FnOnce() -> T) -> T {
    if term.clone().scale(0.0).is_exact_zero() {
        return term;
    }
    let zero = || T::from_f64(0.0);
    let moves = x[1..].iter().fold(zero(), |moves, c| c.clone().equals(zero()).select(moves, T::from_f64(1.0)));
    moves.select(term, strong())
}

/// The products a_j · b_{k−j} for the `j` at which a_j is not exactly 0.
fn strong_products<T: Elementary>(
    a: &[T],
    b: &[T],
    mut js: std::ops::RangeInclusive<usize>,
    k: usize,
) -> impl Iterator<Item = T> {
    std::iter::from_fn(move || {
        let j = js.by_ref().find(|&j| !a[j].is_exact_zero())?;
        // Of several lanes some may be 0.
        Some(a[j].clone().strong_mul(b[k - j].clone()))
    })
}

fn sum<T: Elementary>(terms: impl Iterator<Item = T>) -> T {
    terms.reduce(Add::add).unwrap_or_else(|| T::from_f64(0.0))
}

/// The algebra in which a slope is recorded.
enum Recorded<'a, T> {
    Constant(f64),
    Node(&'a Arena<T>, Id),
}

impl<T: Elementary> Recorded<'_, T> {
    /// Records `op`; constants among themselves are folded, by `fold`.
    fn record<const N: usize>(op: Op, inputs: [Self; N], fold: impl FnOnce([f64; N]) -> f64) -> Self {
        let arena = inputs.iter().find_map(|x| match x {
            Recorded::Constant(_) => None,
            Recorded::Node(arena, _) => Some(*arena),
        });
        let Some(arena) = arena else {
            return Recorded::Constant(fold(inputs.map(|x| match x {
                Recorded::Constant(c) => c,
                Recorded::Node(..) => unreachable!("no input is a node"),
            })));
        };
        let ids = inputs.map(|x| arena.id(x));
        Recorded::Node(arena, arena.record(op, &ids))
    }

    fn row<const N: usize>(row: Row, inputs: [Self; N]) -> Self {
        Self::record(Op::Row(row), inputs, |numbers| row.apply(&numbers))
    }
}

impl<T> Clone for Recorded<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Recorded::Constant(c) => Recorded::Constant(*c),
            Recorded::Node(arena, id) => Recorded::Node(arena, *id),
        }
    }
}

impl<T> fmt::Debug for Recorded<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recorded::Constant(c) => write!(f, "{c}"),
            Recorded::Node(_, id) => write!(f, "%{id}"),
        }
    }
}

impl<T: Elementary> Neg for Recorded<'_, T> {
    type Output = Self;
    fn neg(self) -> Self {
        // −(−x) = x: the slope of σ(−x) is then made of nodes that are there.
        if let Recorded::Node(arena, id) = self {
            let node = &arena.nodes.borrow()[id as usize];
            if node.op == Op::Row(Row::Neg) {
                return Recorded::Node(arena, node.inputs[0]);
            }
        }
        Self::row(Row::Neg, [self])
    }
}

macro_rules! recorded_operator {
    ($($Op:ident $op:ident)*) => {
        $(impl<T: Elementary> $Op for Recorded<'_, T> {
            type Output = Self;
            fn $op(self, other: Self) -> Self {
                Self::row(Row::$Op, [self, other])
            }
        })*
    };
}
recorded_operator!(Add add Sub sub Mul mul Div div);

macro_rules! recorded_rows {
    (
        unary { $($(#[$udoc:meta])* $U:ident $u:ident value($ux:ident) $uv:block
            $ukind:ident($upx:ident, $upy:ident) $up:block sample $us:tt;)* }
        binary { $($(#[$bdoc:meta])* $B:ident $b:ident value($ba:ident, $bc:ident) $bv:block
            partials($bpa:ident, $bpb:ident, $bpy:ident) { $bd0:expr, $bd1:expr } sample $bs0:tt $bs1:tt;)* }
        discrete { $($(#[$ddoc:meta])* $D:ident $d:ident value($dx:ident) $dv:block;)* }
        comparison { $($(#[$cdoc:meta])* $C:ident $c:ident value($ca:ident, $cb:ident) $cv:block;)* }
    ) => {
        impl<T: Elementary> Elementary for Recorded<'_, T> {
            fn from_f64(c: f64) -> Self {
                Recorded::Constant(c)
            }
            fn select(self, if_true: Self, if_false: Self) -> Self {
                Self::row(Row::Select, [self, if_true, if_false])
            }
            fn scale(self, c: f64) -> Self {
                Self::record(Op::Scale(c), [self], |[x]| c * x)
            }
            fn offset(self, c: f64) -> Self {
                Self::record(Op::Offset(c), [self], |[x]| x + c)
            }
            fn square(self) -> Self {
                Self::record(Op::Square, [self], |[x]| x * x)
            }
            fn strong_mul(self, other: Self) -> Self {
                Self::row(Row::StrongMul, [self, other])
            }
            fn strong_div(self, other: Self) -> Self {
                Self::row(Row::StrongDiv, [self, other])
            }
            $(fn $u(self) -> Self { Self::row(Row::$U, [self]) })*
            $(fn $b(self, other: Self) -> Self { Self::row(Row::$B, [self, other]) })*
            $(fn $d(self) -> Self { Self::row(Row::$D, [self]) })*
            $(fn $c(self, other: Self) -> Self { Self::row(Row::$C, [self, other]) })*
        }
    };
}
crate::for_each_row!(recorded_rows);
