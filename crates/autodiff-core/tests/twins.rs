//! Primitives that move numbers, against loops over indices that say what they do; on random shapes, at both precisions, interpreted
//! and compiled, alone and between other operations.
//!
//! All numbers are multiples of 1/64 below 1, so sums of some hundreds are exact in any order, and results are compared for equality.

use autodiff_core::execute::{Group, Guards, Interface, Phase, Program, Role, interpret};
use autodiff_core::graph::{Executable, Structured};
use autodiff_core::primitive::{
    Argmax, Cumsum, Gather, Maximum, Pad, Pattern, Permute, Pick, Place, PutAlong, ScatterAdd, Slice, TakeAlong,
    Unslice,
};
use autodiff_core::trace::{Session, record};
use autodiff_core::{Precision, Shape, Var, concat};
use std::panic::Location;
use testkit::counter;

/// Random cases of each primitive.
const CASES: u64 = 60;

/// Choices, the same each time.
struct Random {
    stream: u64,
    next: u64,
}

impl Random {
    /// Below `n`, which is at least 1.
    fn below(&mut self, n: usize) -> usize {
        self.next += 1;
        (counter::uniform(self.stream, self.next) * n as f64) as usize
    }

    /// Up to four axes; of length 0 now and then, long enough for a chunk of the kernels now and then.
    fn shape(&mut self, least: usize) -> Vec<usize> {
        let rank = least + self.below(4 - least);
        let mut shape: Vec<usize> = (0..rank).map(|_| 1 + self.below(5)).collect();
        if rank > 0 {
            let axis = self.below(rank);
            match self.below(10) {
                0 => shape[axis] = 0,
                1 | 2 => shape[axis] = 30 + self.below(20),
                _ => {}
            }
        }
        shape
    }

    fn array(&mut self, shape: &[usize]) -> Array {
        let mut number = || (self.below(127) as f64 - 63.0) / 64.0;
        Array { shape: shape.to_vec(), data: (0..size(shape)).map(|_| number()).collect() }
    }

    /// Whole numbers below `length`.
    fn index(&mut self, shape: &[usize], length: usize) -> Array {
        Array { shape: shape.to_vec(), data: (0..size(shape)).map(|_| self.below(length) as f64).collect() }
    }
}

/// Entries in the order of their indices, the last fastest.
#[derive(Clone, Debug, PartialEq)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f64>,
}

fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Where an entry is.
fn place(shape: &[usize], index: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |at, (i, n)| at * n + i)
}

/// All indices of a shape, in order.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &n in shape {
        all = all.iter().flat_map(|head| (0..n).map(move |i| [&head[..], &[i]].concat())).collect();
    }
    all
}

impl Array {
    fn zeros(shape: &[usize]) -> Array {
        Array { shape: shape.to_vec(), data: vec![0.0; size(shape)] }
    }

    fn at(&self, index: &[usize]) -> f64 {
        self.data[place(&self.shape, index)]
    }

    /// The array whose entries are what `of` says of their indices.
    fn of(shape: &[usize], of: impl Fn(&[usize]) -> f64) -> Array {
        Array { shape: shape.to_vec(), data: indices(shape).iter().map(|i| of(i)).collect() }
    }

    fn add(&mut self, index: &[usize], number: f64) {
        let at = place(&self.shape, index);
        self.data[at] += number;
    }
}

/// `index` with one axis replaced by others.
fn replaced(index: &[usize], axis: usize, count: usize, by: &[usize]) -> Vec<usize> {
    [&index[..axis], by, &index[axis + count..]].concat()
}

/// Runs a primitive, alone and between products with powers of two, in every way and compares with its twin. The first so many
/// operands are numbers, the others indices.
#[track_caller]
fn hold<P: Structured + Clone>(primitive: &P, numbers: usize, operands: &[Array], twin: &Array) {
    hold_as(&format!("{primitive:?}"), numbers, operands, twin, |x| record(primitive.clone(), x, Location::caller()));
}

#[track_caller]
fn hold_as(name: &str, numbers: usize, operands: &[Array], twin: &Array, of: impl Fn(&[Var]) -> Var) {
    let session = Session::open(Precision::Double);
    let inputs: Vec<Var> = operands.iter().map(|x| session.input(Shape::of(&x.shape))).collect();
    let scaled: Vec<Var> =
        inputs.iter().enumerate().map(|(i, &x)| if i < numbers { x * 2.0 + x * 0.5 } else { x }).collect();
    let outputs = [of(&inputs), of(&scaled) * 4.0];
    let graph = session.close(&outputs).unwrap_or_else(|e| panic!("{name}: {e}")).graph;
    assert_eq!(graph.shape(graph.outputs()[0])[..], twin.shape[..], "{name}");
    let interface = Interface {
        groups: operands.iter().map(|_| Group { count: 1, role: Role::Borrowed }).collect(),
        late: None,
        results: 0..2,
    };
    let program = Program::new(&graph, &interface);
    let expected: Vec<f64> = twin.data.iter().copied().chain(twin.data.iter().map(|x| 10.0 * x)).collect();
    fn run<T: Executable>(
        name: &str,
        graph: &autodiff_core::graph::Graph,
        program: &Program,
        operands: &[Array],
        expected: &[f64],
    ) {
        let rounded: Vec<Vec<T>> = operands.iter().map(|x| x.data.iter().map(|&x| T::from_f64(x)).collect()).collect();
        let inputs: Vec<&[T]> = rounded.iter().map(Vec::as_slice).collect();
        let wide = |x: &[T]| x.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
        assert_eq!(wide(&interpret(graph, &inputs).unwrap().concat()), expected, "{name}, interpreted");
        // What the memory held before does not show.
        let mut results = vec![T::from_f64(f64::NAN); program.results()];
        let mut workspace = program.workspace::<T>(Phase::Late);
        for _ in 0..2 {
            program.run(&mut workspace, &inputs, &mut results, Guards::Trust).unwrap();
            assert_eq!(wide(&results), expected, "{name}, compiled");
        }
    }
    run::<f64>(name, &graph, &program, operands, &expected);
    run::<f32>(name, &graph, &program, operands, &expected);
}

/// Each case with choices of its own.
fn cases(first: u64, case: impl Fn(&mut Random)) {
    (0..CASES).for_each(|i| case(&mut Random { stream: first + i, next: 0 }));
}

#[test]
fn gather_and_scatter_add() {
    cases(1000, |random| {
        let shape = random.shape(1);
        let axis = random.below(shape.len());
        let length = shape[axis];
        // Nothing can be gathered from an axis without entries but nothing.
        let rows = if length == 0 { vec![0] } else { random.shape(0).into_iter().take(2).collect() };
        let index = random.index(&rows, length.max(1));
        let x = random.array(&shape);
        let gathered = Array::of(&replaced(&shape, axis, 1, &rows), |i| {
            let row = index.at(&i[axis..axis + rows.len()]) as usize;
            x.at(&replaced(i, axis, rows.len(), &[row]))
        });
        hold(&Gather { axis }, 1, &[x, index.clone()], &gathered);

        let y = random.array(&gathered.shape);
        let mut scattered = Array::zeros(&shape);
        for i in indices(&y.shape) {
            let row = index.at(&i[axis..axis + rows.len()]) as usize;
            scattered.add(&replaced(&i, axis, rows.len(), &[row]), y.at(&i));
        }
        hold(&ScatterAdd { axis, length }, 1, &[y, index], &scattered);
    });
}

#[test]
fn entries_along_an_axis() {
    cases(8000, |random| {
        let shape = random.shape(1);
        let axis = random.below(shape.len());
        let length = shape[axis];
        let mut lines = shape.clone();
        lines[axis] = if length == 0 { 0 } else { random.below(4) };
        let index = random.index(&lines, length.max(1));
        let at = |i: &[usize]| replaced(i, axis, 1, &[index.at(i) as usize]);
        let x = random.array(&shape);
        let taken = Array::of(&lines, |i| x.at(&at(i)));
        hold(&TakeAlong { axis }, 1, &[x, index.clone()], &taken);

        let y = random.array(&lines);
        let mut put = Array::zeros(&shape);
        indices(&lines).iter().for_each(|i| put.add(&at(i), y.at(i)));
        hold(&PutAlong { axis, length }, 1, &[y, index], &put);
    });
}

#[test]
fn largest_entries() {
    cases(9000, |random| {
        let shape = random.shape(1);
        let axis = random.below(shape.len());
        if shape[axis] == 0 {
            return;
        }
        let x = random.array(&shape);
        let line = |i: &[usize]| -> Vec<f64> {
            let entry = |j: usize| x.at(&[&i[..axis], &[j], &i[axis..]].concat());
            (0..shape[axis]).map(entry).collect()
        };
        let lines = replaced(&shape, axis, 1, &[]);
        let largest = |i: &[usize]| line(i).into_iter().fold(f64::NEG_INFINITY, f64::max);
        let first = |i: &[usize]| line(i).iter().position(|&x| x == largest(i)).expect("it is one of them") as f64;
        hold(&Maximum { axis }, 1, std::slice::from_ref(&x), &Array::of(&lines, largest));
        // The place does not grow with the entries: here it is multiplied by what they were.
        let of = |x: &[Var]| {
            let place = record(Argmax { axis }, x, Location::caller());
            place * (x[0].max_axis(axis as isize))
        };
        hold_as("argmax", 1, std::slice::from_ref(&x), &Array::of(&lines, |i| first(i) * largest(i)), of);
    });
}

#[test]
fn pick_and_place() {
    cases(2000, |random| {
        let length = 1 + random.below(40);
        let count = random.below(50);
        let list: Vec<u32> = match random.below(4) {
            // A progression, up or down, one entry again and again, pieces, and any entries.
            0 => {
                let step = random.below(3);
                (0..count).map(|i| i * step).take_while(|&i| i < length).map(|i| i as u32).collect()
            }
            1 => (0..count.min(length)).rev().map(|i| i as u32).collect(),
            2 => {
                let pieces: Vec<usize> = (0..1 + random.below(4)).map(|_| random.below(length)).collect();
                pieces.iter().flat_map(|&start| start..(start + 9).min(length)).map(|i| i as u32).collect()
            }
            _ => (0..count).map(|_| random.below(length) as u32).collect(),
        };
        let mut heads = random.shape(0);
        heads.truncate(2);
        let with = |last: usize| [&heads[..], &[last]].concat();
        let pattern = Pattern::of(&list);
        let x = random.array(&with(length));
        let picked = Array::of(&with(list.len()), |i| {
            let (&last, head) = i.split_last().expect("the last axis");
            x.at(&[head, &[list[last] as usize]].concat())
        });
        hold(&Pick { pattern: pattern.clone(), length }, 1, &[x], &picked);

        let y = random.array(&with(list.len()));
        let mut placed = Array::zeros(&with(length));
        for i in indices(&y.shape) {
            let (&last, head) = i.split_last().expect("the last axis");
            placed.add(&[head, &[list[last] as usize]].concat(), y.at(&i));
        }
        hold(&Place { pattern, length }, 1, &[y], &placed);
    });
}

#[test]
fn cumsum() {
    cases(3000, |random| {
        let shape = random.shape(1);
        let axis = random.below(shape.len());
        let reversed = random.below(2) == 1;
        let x = random.array(&shape);
        let sums = Array::of(&shape, |i| {
            let which = if reversed { i[axis]..shape[axis] } else { 0..i[axis] + 1 };
            which.map(|j| x.at(&replaced(i, axis, 1, &[j]))).sum()
        });
        hold(&Cumsum { axis, reversed }, 1, &[x], &sums);
    });
}

#[test]
fn pad() {
    cases(4000, |random| {
        let shape = random.shape(0);
        let [low, high] = [0, 1].map(|_| shape.iter().map(|_| random.below(3)).collect::<Vec<usize>>());
        let x = random.array(&shape);
        let mut padded =
            Array::zeros(&shape.iter().zip(&low).zip(&high).map(|((n, l), h)| n + l + h).collect::<Vec<_>>());
        for i in indices(&shape) {
            padded.add(&i.iter().zip(&low).map(|(i, l)| i + l).collect::<Vec<_>>(), x.at(&i));
        }
        hold(&Pad { low: low.into(), high: high.into() }, 1, &[x], &padded);
    });
}

#[test]
fn concatenation() {
    cases(5000, |random| {
        let shape = random.shape(1);
        let axis = random.below(shape.len());
        let parts: Vec<Array> = (0..1 + random.below(5))
            .map(|_| {
                let length = random.below(6);
                random.array(&replaced(&shape, axis, 1, &[length]))
            })
            .collect();
        let total = parts.iter().map(|part| part.shape[axis]).sum();
        let mut joined = Array::zeros(&replaced(&shape, axis, 1, &[total]));
        let mut start = 0;
        for part in &parts {
            for i in indices(&part.shape) {
                joined.add(&replaced(&i, axis, 1, &[start + i[axis]]), part.at(&i));
            }
            start += part.shape[axis];
        }
        hold_as("concat", parts.len(), &parts, &joined, |x| concat(x, axis as isize));
    });
}

#[test]
fn slice_and_unslice() {
    cases(6000, |random| {
        let shape = random.shape(1);
        let axis = random.below(shape.len());
        let length = shape[axis];
        let (start, step) = (random.below(length + 1), 1 + random.below(3));
        let count = random.below((length - start).div_ceil(step) + 1);
        let slice = Slice { axis, start, step, count };
        let x = random.array(&shape);
        let cut =
            Array::of(&replaced(&shape, axis, 1, &[count]), |i| x.at(&replaced(i, axis, 1, &[start + step * i[axis]])));
        hold(&slice, 1, &[x], &cut);

        let y = random.array(&cut.shape);
        let mut back = Array::zeros(&shape);
        for i in indices(&y.shape) {
            back.add(&replaced(&i, axis, 1, &[start + step * i[axis]]), y.at(&i));
        }
        hold(&Unslice { slice, length }, 1, &[y], &back);
    });
}

#[test]
fn permute() {
    cases(7000, |random| {
        let shape = random.shape(0);
        let mut axes: Vec<usize> = (0..shape.len()).collect();
        (1..axes.len()).rev().for_each(|i| axes.swap(i, random.below(i + 1)));
        let x = random.array(&shape);
        let permuted = Array::of(&axes.iter().map(|&a| shape[a]).collect::<Vec<_>>(), |i| {
            let mut from = vec![0; shape.len()];
            axes.iter().zip(i).for_each(|(&a, &i)| from[a] = i);
            x.at(&from)
        });
        hold(&Permute { axes: axes.into() }, 1, &[x], &permuted);
    });
}
