//! Random array programs: every row in its domain, every way to move entries, contractions, on arrays that are empty, of one
//! entry, shorter than what is worth fusing and longer than a chunk of a fused region.
//!
//! Law: a program of one seed is the same on every machine, its numbers stay below 10⁴, and where a comparison could come out
//! otherwise for a difference in last places, it is only asked of numbers without rounding.

use super::random::Random;
use autodiff_core::graph::Structured;
use autodiff_core::primitive::{Cumsum, Gather, Matmul, PutAlong, Slice, Unslice};
use autodiff_core::real::{Class, Row};
use autodiff_core::tensor::Tensor;
use autodiff_core::trace::{Session, constant, record, tensor};
use autodiff_core::{Conv2d, Padding, Shape, Var, checkpoint, concat, stack};
use std::panic::Location;

/// What a program may contain.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Most entries of an array.
    pub largest: usize,
    /// Lengths of axes to choose from.
    pub lengths: &'static [usize],
    /// Steps, at most.
    pub steps: usize,
    /// How many of the steps are products of a matrix as it is with another.
    pub products: f64,
    /// How many of the steps are sums, differences and products of values as they are.
    pub arithmetic: f64,
}

/// Rank up to 3 and all lengths that a kernel or a plan treats as special.
pub const MIXED: Style =
    Style { largest: 2_500, lengths: &[0, 1, 2, 3, 7, 40, 300], steps: 14, products: 0.0, arithmetic: 0.0 };

/// Arrays of several chunks of a fused region, with short ones to repeat.
pub const LONG: Style =
    Style { largest: 6_000, lengths: &[1, 3, 7, 40, 300], steps: 18, products: 0.0, arithmetic: 0.0 };

/// Matrices and regions that are tiled, paired or cut for threads.
pub const LARGE: Style =
    Style { largest: 300_000, lengths: &[1, 130, 130, 1100], steps: 12, products: 0.4, arithmetic: 0.0 };

/// Single numbers, nearly all.
pub const SINGLE: Style = Style { largest: 400, lengths: &[1, 1, 1, 3], steps: 80, products: 0.0, arithmetic: 0.5 };

/// Small arrays, as derivatives of every order of them take long.
pub const SMALL: Style = Style { largest: 400, lengths: &[1, 2, 3, 7, 40], steps: 8, products: 0.0, arithmetic: 0.0 };

/// A value of a program.
#[derive(Clone, Copy)]
pub struct Value {
    pub var: Var,
    /// Whether its numbers do not depend on how they are computed: inputs, constants, and what only moves or compares them.
    exact: bool,
    /// What its numbers stay below.
    bound: f64,
}

/// What the numbers of an input are.
#[derive(Clone, Debug)]
pub enum Domain {
    /// In [−1, 1).
    Symmetric(Shape),
    /// Whole numbers below a length.
    Index(Shape, usize),
}

/// A program being made on the tape of this thread.
pub struct Generator<'s> {
    random: Random,
    style: Style,
    /// A few lengths, so that shapes meet.
    lengths: Vec<usize>,
    pub values: Vec<Value>,
    /// Where to declare further inputs, if that is allowed.
    session: Option<&'s Session>,
    /// Domains of the inputs that were declared there.
    pub inputs: Vec<Domain>,
}

/// Shapes of the inputs of the program of a seed.
pub fn shapes(seed: u64, style: Style) -> Vec<Shape> {
    let mut random = Random::new(2 * seed + 1);
    let lengths = some_lengths(seed, style);
    (0..1 + random.below(3))
        .map(|_| {
            loop {
                let rank = random.of(&[0, 1, 1, 2, 2, 3]);
                let shape: Shape = (0..rank).map(|_| random.of(&lengths)).collect();
                if shape.size() <= style.largest {
                    break shape;
                }
            }
        })
        .collect()
}

fn some_lengths(seed: u64, style: Style) -> Vec<usize> {
    let mut random = Random::new(2 * seed);
    // An empty axis leaves little to compute: it is one of few.
    let mut one = || loop {
        let length = random.of(style.lengths);
        if length > 0 || random.chance(0.15) {
            return length;
        }
    };
    vec![one(), one(), one()]
}

impl<'s> Generator<'s> {
    pub fn new(seed: u64, style: Style, operands: &[Var], session: Option<&'s Session>) -> Generator<'s> {
        let mut values: Vec<Value> = operands.iter().map(|&var| Value { var, exact: true, bound: 1.0 }).collect();
        values.push(Value { var: constant(0.75), exact: true, bound: 1.0 });
        let mut made = Generator {
            random: Random::new(seed + (1 << 32)),
            style,
            lengths: some_lengths(seed, style),
            values,
            session,
            inputs: Vec::new(),
        };
        if made.random.chance(0.5) {
            let shape = made.values[made.random.below(made.values.len())].var.shape();
            let numbers = made.random.symmetric(shape.size());
            made.values.push(Value { var: tensor(Tensor::new(shape, numbers)), exact: true, bound: 1.0 });
        }
        made
    }

    /// Appends up to as many steps as the style says, some of them to be computed again rather than kept.
    pub fn grow(&mut self) {
        let steps = 1 + self.random.below(self.style.steps);
        self.steps(steps, 2);
    }

    fn steps(&mut self, count: usize, nest: usize) {
        for _ in 0..count {
            if nest > 0 && self.random.chance(0.06) {
                let inner = 1 + self.random.below(4);
                checkpoint(|| {
                    let before = self.values.len();
                    self.steps(inner, nest - 1);
                    // Some results leave the part by the front door, others are read all the same.
                    let exits = self.values[before..].iter().map(|v| v.var).filter(|_| self.random.chance(0.5));
                    exits.collect::<Vec<Var>>()
                });
            } else {
                self.step();
            }
        }
    }

    fn step(&mut self) {
        let x = self.pick();
        let kind = match () {
            () if self.random.chance(self.style.products) => 42,
            // Other styles do not draw a number for it.
            () if self.style.arithmetic > 0.0 && self.random.chance(self.style.arithmetic) => 43,
            () => self.random.below(42),
        };
        let value = match kind {
            0..=15 => self.row(),
            16 => self.reshape(x),
            17 => self.permute(x),
            18 | 19 => self.slice(x),
            20 => self.unslice(x),
            21 => self.pad(x),
            22 | 23 => self.concat(x),
            24 | 25 => self.gather(x),
            26 | 27 => self.sum(x),
            28 => self.cumsum(x),
            29..=32 => self.matmul(),
            33..=35 => self.broadcast(x),
            36 => self.kink(),
            37 => self.along(x),
            38 => Some(Value { var: x.var.detach(), ..x }),
            39 => self.convolution(x),
            40 => self.solve(x),
            42 => self.product_of(x),
            43 => self.arithmetic(),
            _ => self.largest(x),
        };
        if let Some(value) = value {
            assert!(value.var.size() <= 4 * self.style.largest, "a step keeps to the size it may have");
            // Numbers that grow are brought back.
            let value = if value.bound > 1e4 { smooth(value.var.tanh(), 1.0) } else { value };
            self.values.push(value);
        }
    }

    /// Later values more often, so that programs are deep.
    fn pick(&mut self) -> Value {
        let n = self.values.len();
        let i = self.random.below(n).max(self.random.below(n));
        self.values[i]
    }

    /// A value whose numbers do not depend on how they are computed.
    fn pick_exact(&mut self) -> Value {
        let exact: Vec<Value> = self.values.iter().copied().filter(|v| v.exact).collect();
        self.random.of(&exact)
    }

    fn axis(&mut self, x: Value) -> Option<usize> {
        let rank = x.var.rank();
        (rank > 0).then(|| self.random.below(rank))
    }

    /// A sum, a difference or a product.
    fn arithmetic(&mut self) -> Option<Value> {
        let row = self.random.of(&[Row::Add, Row::Sub, Row::Mul, Row::Mul]);
        self.of_row(row)
    }

    /// A row of the table on values of one shape, each brought into its domain.
    fn row(&mut self) -> Option<Value> {
        let row = self.random.of(Row::ALL);
        self.of_row(row)
    }

    fn of_row(&mut self, row: Row) -> Option<Value> {
        let discrete = row.class() == Class::Discrete;
        let operands: Vec<Value> = (0..row.arity())
            .map(|i| if discrete || (row == Row::Select && i == 0) { self.pick_exact() } else { self.pick() })
            .collect();
        let operands = self.alike(operands)?;
        let everywhere = matches!(
            row,
            Row::Sin
                | Row::Cos
                | Row::Tanh
                | Row::Atan
                | Row::Asinh
                | Row::Erf
                | Row::Erfc
                | Row::Sigmoid
                | Row::Softplus
        );
        let a = |i: usize| operands[i];
        let bound = match row {
            Row::Add | Row::Sub => a(0).bound + a(1).bound,
            Row::Mul | Row::StrongMul => a(0).bound * a(1).bound,
            Row::Div | Row::StrongDiv => a(0).bound * 4.0,
            Row::Neg => a(0).bound,
            Row::Select => a(1).bound.max(a(2).bound),
            // Sizes of the results on the intervals of the table.
            _ if everywhere => a(0).bound.max(2.0),
            _ => 12.0,
        };
        let inside: Vec<Var> = row
            .samples()
            .iter()
            .enumerate()
            .map(|(i, [low, high])| match row {
                _ if low == high && row != Row::Select => constant(*low).broadcast_to(&a(i).var.shape()),
                Row::Neg | Row::Add | Row::Sub | Row::Mul | Row::StrongMul => a(i).var,
                Row::Div | Row::StrongDiv if i == 0 => a(i).var,
                Row::Select if i == 0 => a(i).var.less(0.1),
                Row::Select => a(i).var,
                _ if discrete || everywhere => a(i).var,
                _ => a(i).var.tanh() * (0.5 * (high - low)) + 0.5 * (low + high),
            })
            .collect();
        let plain = matches!(row, Row::Neg | Row::Add | Row::Sub | Row::Mul | Row::StrongMul | Row::Select) || discrete;
        Some(Value { var: row.apply(&inside), exact: plain && operands.iter().all(|v| v.exact), bound })
    }

    /// The same values under one shape, repeated where they have to be; `None` if that would be too large.
    fn alike(&mut self, mut values: Vec<Value>) -> Option<Vec<Value>> {
        let mut shape = values[0].var.shape();
        for value in &mut values[1..] {
            match shape.broadcast(&value.var.shape()).filter(|s| s.size() <= self.style.largest) {
                Some(common) => shape = common,
                None => value.var = self.fit(value.var, &shape),
            }
        }
        let explicit = self.random.chance(0.3);
        for value in &mut values {
            if explicit || value.var.shape() != shape {
                value.var = value.var.broadcast_to(&shape);
            }
        }
        Some(values)
    }

    /// Some entries of a value under a given shape: the first ones, with zeros behind if there are too few.
    fn fit(&mut self, x: Var, shape: &Shape) -> Var {
        let (have, need) = (x.size(), shape.size());
        if x.shape() == *shape {
            return x;
        }
        let flat = x.flatten();
        match have {
            1 => x.reshape(&[]).broadcast_to(shape),
            _ if have > need => flat.slice(0, ..need).reshape(shape),
            _ if have < need => flat.pad(&[(0, need - have)]).reshape(shape),
            _ => flat.reshape(shape),
        }
    }

    fn reshape(&mut self, x: Value) -> Option<Value> {
        let shape = x.var.shape();
        let rank = shape.rank();
        let mut axes = shape.to_vec();
        match self.random.below(3) {
            0 => return Some(Value { var: x.var.flatten(), ..x }),
            1 if rank < 4 => axes.insert(self.random.below(rank + 1), 1),
            _ if rank >= 2 => {
                let at = self.random.below(rank - 1);
                let merged = axes.remove(at) * axes[at];
                axes[at] = merged;
            }
            _ => {
                let at = self.axis(x)?;
                let factor = *[2, 3, 7].iter().find(|f| axes[at].is_multiple_of(**f))?;
                axes[at] /= factor;
                axes.insert(at, factor);
            }
        }
        Some(Value { var: x.var.reshape(&axes), ..x })
    }

    fn permute(&mut self, x: Value) -> Option<Value> {
        let axes = self.random.order(x.var.rank());
        Some(Value { var: x.var.permute(&axes), ..x })
    }

    /// A stretch of an axis, or every second or third entry of it.
    fn a_slice(&mut self, x: Value) -> Option<Slice> {
        let axis = self.axis(x)?;
        let length = x.var.shape()[axis];
        let start = self.random.below(length + 1);
        let step = self.random.of(&[1, 1, 2, 3]);
        let most = (length - start).div_ceil(step);
        let count = if self.random.chance(0.5) { most } else { self.random.below(most + 1) };
        (count > 0 || self.random.chance(0.1)).then_some(Slice { axis, start, step, count })
    }

    fn slice(&mut self, x: Value) -> Option<Value> {
        let slice = self.a_slice(x)?;
        Some(Value { var: here(slice, &[x.var]), ..x })
    }

    fn unslice(&mut self, x: Value) -> Option<Value> {
        let axis = self.axis(x)?;
        let count = x.var.shape()[axis];
        let (start, step) = (self.random.below(3), self.random.of(&[1, 1, 2, 3]));
        let length = start + count * step + self.random.below(3);
        let room = x.var.size() * length <= self.style.largest * count.max(1);
        room.then(|| Value { var: here(Unslice { slice: Slice { axis, start, step, count }, length }, &[x.var]), ..x })
    }

    fn pad(&mut self, x: Value) -> Option<Value> {
        let widths: Vec<(usize, usize)> =
            (0..x.var.rank()).map(|_| (self.random.below(3), self.random.below(3))).collect();
        let size: usize = x.var.shape().iter().zip(&widths).map(|(n, (a, b))| n + a + b).product();
        (size <= self.style.largest).then(|| Value { var: x.var.pad(&widths), ..x })
    }

    /// Two or three values, or as many as spill a short list of operands.
    fn concat(&mut self, x: Value) -> Option<Value> {
        let count = self.random.of(&[2, 2, 3, 10]);
        let shape = x.var.shape();
        if count * shape.size() > self.style.largest {
            return None;
        }
        let mut all = vec![x];
        while all.len() < count {
            let other = self.pick();
            all.push(Value { var: self.fit(other.var, &shape), ..other });
        }
        let bound = all.iter().fold(1.0, |b: f64, v| b.max(v.bound));
        let exact = all.iter().all(|v| v.exact);
        let mut vars: Vec<Var> = all.iter().map(|v| v.var).collect();
        let var = match self.axis(x) {
            Some(axis) if self.random.chance(0.7) => {
                if self.random.chance(0.5) {
                    vars[1] = vars[1].slice(axis as isize, ..shape[axis] / 2);
                }
                concat(&vars, axis as isize)
            }
            _ => stack(&vars, self.random.below(shape.rank() + 1) as isize),
        };
        Some(Value { var, exact, bound })
    }

    /// Whole numbers below `length`: constants, or an input of their own.
    fn index(&mut self, shape: Shape, length: usize) -> Var {
        match self.session {
            Some(session) if self.random.chance(0.5) => {
                self.inputs.push(Domain::Index(shape.clone(), length));
                session.input(shape)
            }
            _ => {
                let numbers = self.random.indices(shape.size(), length);
                tensor(Tensor::new(shape, numbers))
            }
        }
    }

    /// Entries by index, or sums of entries by index.
    fn gather(&mut self, x: Value) -> Option<Value> {
        let axis = self.axis(x)?;
        let shape = x.var.shape();
        if self.random.chance(0.5) {
            let length = 1 + self.random.below(9);
            let index = self.index(Shape::of(&[shape[axis]]), length);
            let room = shape.size() * length <= self.style.largest * shape[axis].max(1);
            let bound = x.bound * shape[axis].max(1) as f64;
            return room.then(|| Value { var: x.var.scatter_add(axis, index, length), exact: false, bound });
        }
        let count = self.random.of(&[Shape::of(&[]), Shape::of(&[2]), Shape::of(&[7]), Shape::of(&[2, 3])]);
        if shape[axis] == 0 || shape.size() * count.size() > self.style.largest * shape[axis] {
            return None;
        }
        let index = self.index(count, shape[axis]);
        Some(Value { var: here(Gather { axis }, &[x.var, index]), ..x })
    }

    /// One entry of every line of an axis, or its transpose.
    fn along(&mut self, x: Value) -> Option<Value> {
        let axis = self.axis(x)?;
        let shape = x.var.shape();
        if shape[axis] == 0 {
            return None;
        }
        if self.random.chance(0.5) {
            let length = shape[axis] + self.random.below(3);
            let index = self.index(shape.clone(), length);
            let bound = x.bound * shape[axis] as f64;
            return Some(Value { var: here(PutAlong { axis, length }, &[x.var, index]), exact: false, bound });
        }
        let count = self.random.of(&[1, 2]);
        let index = self.index(shape.with_axis(axis, count), shape[axis]);
        Some(Value { var: x.var.take_along(axis as isize, index), ..x })
    }

    fn sum(&mut self, x: Value) -> Option<Value> {
        let shape = x.var.shape();
        let axes: Vec<isize> = (0..shape.rank() as isize).filter(|_| self.random.chance(0.5)).collect();
        let count: usize = axes.iter().map(|&a| shape[a as usize]).product();
        Some(match self.random.below(3) {
            0 => smooth(x.var.sum(), x.bound * shape.size().max(1) as f64),
            1 if shape.size() > 0 => smooth(x.var.mean_axes(&axes), x.bound),
            _ => smooth(x.var.sum_axes(&axes), x.bound * count.max(1) as f64),
        })
    }

    fn cumsum(&mut self, x: Value) -> Option<Value> {
        let axis = self.axis(x)?;
        let reversed = self.random.chance(0.5);
        let bound = x.bound * x.var.shape()[axis].max(1) as f64;
        Some(smooth(here(Cumsum { axis, reversed }, &[x.var]), bound))
    }

    /// A product of matrices, either transposed or not, under leading axes of both, of one, or of none.
    fn matmul(&mut self) -> Option<Value> {
        let (a, b) = (self.pick(), self.pick());
        let length = |g: &mut Self| g.random.of(&g.lengths.clone()).min(60);
        let (m, n, k) = (length(self), length(self), length(self));
        let (trans_a, trans_b) = (self.random.chance(0.5), self.random.chance(0.5));
        let lead: Vec<usize> = self.random.of(&[vec![], vec![], vec![2], vec![3], vec![1], vec![2, 3]]);
        let count: usize = lead.iter().product();
        if [m * k, k * n, m * n].iter().any(|size| size * count > self.style.largest) {
            return None;
        }
        // One matrix may serve all leading axes, from either side.
        let (all_a, all_b) = self.random.of(&[(true, true), (true, false), (false, true)]);
        let shape = |all: bool, rows: usize, columns: usize, transposed: bool| -> Shape {
            let matrix = if transposed { [columns, rows] } else { [rows, columns] };
            lead.iter().copied().filter(|_| all).chain(matrix).collect()
        };
        let operands = [self.fit(a.var, &shape(all_a, m, k, trans_a)), self.fit(b.var, &shape(all_b, k, n, trans_b))];
        Some(smooth(here(Matmul { trans_a, trans_b }, &operands), a.bound * b.bound * k.max(1) as f64))
    }

    /// A matrix, or its transpose, times another.
    fn product_of(&mut self, x: Value) -> Option<Value> {
        let [rows, columns] = x.var.shape()[..] else { return None };
        let (trans_a, n) = (self.random.chance(0.5), self.random.of(&self.lengths.clone()));
        let (m, k) = if trans_a { (columns, rows) } else { (rows, columns) };
        if [k * n, m * n, m * k].iter().any(|&size| size > self.style.largest) {
            return None;
        }
        let b = self.pick();
        let bound = x.bound * b.bound * k as f64;
        let product = here(Matmul { trans_a, trans_b: false }, &[x.var, self.fit(b.var, &Shape::of(&[k, n]))]);
        if self.random.chance(0.4) {
            // As in the gradient of a regression, whose data are gone through twice.
            let errors = product.tanh();
            let back = here(Matmul { trans_a: !trans_a, trans_b: false }, &[x.var, errors]);
            return Some(smooth(back, x.bound * m as f64));
        }
        Some(smooth(product, bound))
    }

    /// Small images of a value's numbers under a small kernel.
    fn convolution(&mut self, x: Value) -> Option<Value> {
        let w = self.pick();
        let [height, width] = [1 + self.random.below(9), 1 + self.random.below(9)];
        let kernel = [1 + self.random.below(3.min(height)), 1 + self.random.below(3.min(width))];
        let [channels_in, channels_out] = [1 + self.random.below(3), 1 + self.random.below(4)];
        let images = self.fit(x.var, &Shape::of(&[2, height, width, channels_in]));
        let kernel_shape = Shape::of(&[kernel[0], kernel[1], channels_in, channels_out]);
        let kernel = self.fit(w.var, &kernel_shape);
        let padding = self.random.of(&[Padding::Valid, Padding::Same]);
        let options = Conv2d::default().padding(padding).stride([1 + self.random.below(2), 1 + self.random.below(2)]);
        let bound = x.bound * w.bound * (kernel_shape.size() / channels_out) as f64;
        Some(smooth(images.conv2d(kernel, options), bound))
    }

    /// A linear system, or two with one matrix, which is far from singular.
    fn solve(&mut self, x: Value) -> Option<Value> {
        let b = self.pick();
        let n = self.random.of(&[1, 2, 5, 5, 40]);
        if n * n > self.style.largest {
            return None;
        }
        let lead: Vec<usize> = if n < 40 && self.random.chance(0.3) { vec![2] } else { vec![] };
        let shape = |columns: usize| -> Shape { lead.iter().copied().chain([n, columns]).collect() };
        let small = self.fit(x.var, &shape(n)) * (0.5 / (n as f64 * x.bound));
        let matrix = small + tensor(Tensor::identity(n)) * 1.5;
        let columns = 1 + self.random.below(3);
        let once = matrix.solve(self.fit(b.var, &shape(columns)));
        Some(smooth(if self.random.chance(0.5) { matrix.solve(once) } else { once }, b.bound))
    }

    /// Repeated along a new axis at the front, at the end or between.
    fn broadcast(&mut self, x: Value) -> Option<Value> {
        let (shape, length) = (x.var.shape(), self.random.of(&self.lengths.clone()));
        if shape.size() * length > self.style.largest || shape.rank() > 3 {
            return None;
        }
        let at = self.random.below(shape.rank() + 1);
        let mut axes = shape.to_vec();
        axes.insert(at, 1);
        let thin = x.var.reshape(&axes);
        axes[at] = length;
        Some(Value { var: thin.broadcast_to(&axes), ..x })
    }

    /// Functions with kinks, of numbers that are the same however they are computed.
    fn kink(&mut self) -> Option<Value> {
        let values = vec![self.pick_exact(), self.pick_exact()];
        let values = self.alike(values)?;
        let (a, b) = (values[0].var, values[1].var);
        let var = match self.random.below(5) {
            0 => a.abs(),
            1 => a.relu(),
            2 => a.max(b),
            3 => a.min(b),
            _ => a.clamp(-0.4, 0.6),
        };
        Some(Value { var, exact: true, bound: values[0].bound.max(values[1].bound) })
    }

    fn largest(&mut self, x: Value) -> Option<Value> {
        let x = if x.exact { x } else { self.pick_exact() };
        let axis = self.axis(x)?;
        if x.var.shape()[axis] == 0 {
            return None;
        }
        let axis = axis as isize;
        Some(match self.random.below(3) {
            0 => Value { var: x.var.max_axis(axis), ..x },
            1 => Value { var: x.var.argmax(axis) * 0.01, exact: true, bound: 3.0 },
            _ => smooth(x.var.softmax(axis), 1.0),
        })
    }

    /// What the program returns: any values, some of them inputs, constants, one another, or one another reshaped.
    pub fn outputs(&mut self) -> Vec<Var> {
        let last = self.values.last().expect("there are operands").var;
        let mut outputs = vec![last];
        for _ in 0..self.random.below(5) {
            let var = match self.random.below(4) {
                0 => self.random.of(&outputs),
                1 => self.random.of(&outputs).flatten(),
                _ => self.random.of(&self.values.clone()).var,
            };
            outputs.insert(self.random.below(outputs.len() + 1), var);
        }
        outputs
    }

    /// A scalar that depends on many values, for derivatives.
    pub fn scalar(&mut self) -> Var {
        let all: Vec<Value> = self.values.iter().copied().filter(|v| v.var.size() > 0).collect();
        let mut y = constant(0.0);
        for (i, value) in all.iter().enumerate().filter(|(i, _)| i % 2 == 0 || *i + 1 == all.len()) {
            let small = if value.bound > 3.0 { value.var.tanh() } else { value.var };
            y += (small.square() * 0.5 + small * (0.3 + 0.1 * i as f64)).mean();
        }
        y
    }
}

fn smooth(var: Var, bound: f64) -> Value {
    Value { var, exact: false, bound }
}

fn here<P: Structured>(primitive: P, operands: &[Var]) -> Var {
    record(primitive, operands, Location::caller())
}
