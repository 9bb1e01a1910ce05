//! What a fused region computes has the bits of the interpreter, at both precisions and on several threads: reductions of lines, of
//! any number and length, and sums of what is shifted, wherever the parts begin and end.

use autodiff_core::execute::{Group, Guards, Interface, Phase, Program, Role, interpret};
use autodiff_core::graph::{Executable, Graph};
use autodiff_core::primitive::{Pattern, Pick};
use autodiff_core::trace::{Session, record};
use autodiff_core::{Precision, Shape, Var};
use rayon::ThreadPoolBuilder;
use std::panic::Location;
use testkit::counter;

type Formula = fn(Var) -> Vec<Var>;

/// Formulas over the last axes of an array.
const FORMULAS: [(&str, Formula); 7] = [
    ("softmax", |x| vec![x.softmax(-1)]),
    ("logarithms of a softmax, and of the sums", |x| vec![x.log_softmax(-1), x.logsumexp(-1)]),
    ("standardised", |x| {
        let centred = x - x.mean_axes(&[-1]).expand_axis(-1);
        vec![centred / (centred.square().mean_axes(&[-1]) + 1e-5).sqrt().expand_axis(-1)]
    }),
    ("largest entries", |x| vec![(x * 0.5).max_axis(-1).exp()]),
    ("pullback of a softmax", |x| {
        let y = x.softmax(-1);
        vec![y * (x - (y * x).sum_axes(&[-1]).expand_axis(-1))]
    }),
    ("sums beside the sum of all", |x| vec![x.sin().square().sum_axes(&[-1]).sqrt(), x.sin().square().sum()]),
    ("numbers of lines with others", |x| {
        let sums = (x.cos() + 2.0).sum_axes(&[-1]);
        // A number for each line that is computed beside them, and one that repeats.
        let weights = x.square().sum_axes(&[-1]).ln_1p();
        vec![(sums * weights + 1.0).recip(), x * (sums - weights).expand_axis(-1)]
    }),
];

/// Formulas of a vector and parts of it between zeros, and how many regions a program of them has.
const SHIFTED: [(&str, Formula, usize); 4] = [
    ("pullback of differences", |x| vec![between(x, 1, 0) - between(x, 0, 1)], 1),
    (
        "terms, factors and numbers",
        |x| {
            let (left, right) = (between(x.sin(), 3, 1), between(x.cos(), 0, 4));
            let sum = left * 2.0 - right * 0.5 + left * right;
            vec![sum * between(x, 4, 0), sum - 1.0]
        },
        2,
    ),
    // What is mapped is written with its zeros.
    ("beside a function", |x| vec![between(x, 2, 2).exp() * 3.0 - between(x, 4, 0)], 1),
    // −0 stays where zeros are subtracted, and not where they are added.
    ("zeros of both signs", |x| vec![-(between(x, 2, 1) * 0.0) + between(-x * 0.0, 0, 3)], 3),
];

/// An array between so many zeros.
fn between(x: Var, before: usize, after: usize) -> Var {
    x.pad(&[(before, after)])
}

fn graph(shape: &[usize], formula: Formula) -> Graph {
    let session = Session::open(Precision::Double);
    let outputs = formula(session.input(Shape::of(shape)));
    session.close(&outputs).unwrap().graph
}

fn program(graph: &Graph) -> Program {
    let groups = vec![Group { count: 1, role: Role::Borrowed }];
    Program::new(graph, &Interface { groups, late: None, results: 0..graph.outputs().len() })
}

fn numbers<T: Executable>(count: usize) -> Vec<T> {
    (0..count as u64).map(|i| T::from_f64(4.0 * counter::uniform(77, i) - 2.0)).collect()
}

fn bits<T: Executable>(numbers: &[T]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_f64().to_bits()).collect()
}

fn hold<T: Executable>(name: &str, graph: &Graph, shape: &[usize]) {
    let (x, program) = (numbers::<T>(shape.iter().product()), program(graph));
    let expected = interpret(graph, &[&x[..]]).unwrap().concat();
    let mut results = vec![T::from_f64(f64::NAN); program.results()];
    let mut workspace = program.workspace_of::<T>(Phase::Late, T::from_f64(f64::NAN));
    for _ in 0..2 {
        program.run(&mut workspace, &[&x], &mut results, Guards::Trust).unwrap();
        assert!(bits(&results) == bits(&expected), "{name} of {shape:?} in {:?}:\n{program}", T::PRECISION);
    }
}

#[test]
fn regions_of_lines_give_the_bits_of_the_interpreter() {
    let shapes: [&[usize]; 12] = [
        &[2, 31],
        &[5, 7],
        &[129, 2],
        &[300, 10],
        &[3, 256],
        &[7, 1000],
        &[9, 1024],
        // Lines too long for a region, one line, and axes before and of length one.
        &[4, 1025],
        &[1, 100],
        &[3, 5, 40],
        &[64, 1, 33],
        &[40, 1],
    ];
    for (name, formula) in FORMULAS {
        for shape in shapes {
            let graph = graph(shape, formula);
            hold::<f64>(name, &graph, shape);
            hold::<f32>(name, &graph, shape);
        }
    }
}

#[test]
fn shifted_parts_are_summed_where_they_are() {
    // Ends of chunks and beginnings of parts fall together, or miss each other by one.
    for length in [29, 32, 100, 252, 253, 256, 511, 512, 513, 1020, 1021, 1024, 1028, 2047, 5000] {
        for (name, formula, regions) in SHIFTED {
            let graph = graph(&[length], formula);
            hold::<f64>(name, &graph, &[length]);
            hold::<f32>(name, &graph, &[length]);
            if length >= 32 {
                let text = program(&graph).to_string();
                assert_eq!(text.matches("region of").count(), regions, "{name} of {length}:\n{text}");
            }
        }
    }
}

#[test]
fn an_empty_part_between_zeros_is_zero() {
    for length in [33, 64] {
        let graph =
            graph(&[length], |x| vec![(x.sin() * 2.0 + between(x.slice(0, 0..0), x.size(), 0)).sum(), x.cos().sum()]);
        hold::<f64>("an empty part", &graph, &[length]);
    }
}

#[test]
fn what_several_read_is_repeated_once() {
    // Longer than what is repeated before the first chunk.
    let shape = [4, 1500];
    let graph = graph(&shape, |x| {
        let row = (x.sum_axes(&[0]) * 0.25).expand_axis(0);
        vec![((x - row).exp() * row).sin() / (row.square() + 1.0) + row]
    });
    hold::<f64>("a row", &graph, &shape);
    // The row, and one more than its squares.
    let text = program(&graph).to_string();
    assert_eq!(text.matches("repeat").count(), 2, "{text}");
}

#[test]
fn numbers_that_fill_long_lines_are_read_as_they_are() {
    let formula: Formula = |x| {
        let column = x.slice(-1, 0..1);
        let shifted = (x - column) * (column * 0.5) + 1.0;
        // A function reads the lines as they are filled; the sum of each line is of the region.
        vec![shifted, (shifted * column.broadcast_to(&x.shape()).tanh()).sum_axes(&[-1])]
    };
    for shape in [[3, 127], [3, 128], [5, 1000], [4, 1500]] {
        let graph = graph(&shape, formula);
        hold::<f64>("lines", &graph, &shape);
        hold::<f32>("lines", &graph, &shape);
        let text = program(&graph).to_string();
        // Lines that a function reads are filled, and short ones: the column, and half of it.
        let filled = if shape[1] < 128 { 2 } else { 1 };
        assert_eq!(text.matches("repeat").count(), filled, "{shape:?}:\n{text}");
    }
}

#[test]
fn threads_change_nothing() {
    let shape = [3000, 101];
    let shifted = SHIFTED.iter().map(|&(name, formula, _)| (name, formula, &[1 << 20][..]));
    for (name, formula, shape) in FORMULAS.iter().map(|&(name, formula)| (name, formula, &shape[..])).chain(shifted) {
        let graph = graph(shape, formula);
        for threads in [1, 3] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| hold::<f64>(name, &graph, shape));
        }
    }
}

#[test]
fn a_softmax_is_one_region() {
    let regions = |of: usize, [rows, line]: [usize; 2]| {
        let text = program(&graph(&[rows, line], FORMULAS[of].1)).to_string();
        let region = format!("region of {}, lines of {line}", rows * line);
        (text.matches(&region).count(), text.lines().count(), text)
    };
    // Numbers that fill long lines are not there before the region that makes them runs.
    for shape in [[50, 20], [50, 200], [40, 1024]] {
        for of in [0, 1, 2, 3, 4, 6] {
            let (lines, all, text) = regions(of, shape);
            assert_eq!((lines, all), (1, 1), "{} of {shape:?}:\n{text}", FORMULAS[of].0);
        }
    }
    // The sum of all entries is taken by blocks, which lines are not.
    let (lines, _, text) = regions(5, [50, 20]);
    assert_eq!(lines, 1, "{text}");
}

#[test]
fn several_last_axes_are_one_line() {
    let shape = [6, 4, 9];
    let graph = graph(&shape, |x| {
        let sums = x.exp().sum_axes(&[-1, -2]);
        vec![x.exp() / sums.reshape(&[6, 1, 1])]
    });
    hold::<f64>("shares", &graph, &shape);
    let text = program(&graph).to_string();
    assert!(text.contains("region of 216, lines of 36"), "{text}");
}

#[test]
fn some_of_the_sums_repeated_are_not_all_of_them_spread() {
    let shape = [12, 8];
    // Each of the first eleven sums eight times, which is a line's length.
    let graph = graph(&shape, |x| {
        let list: Vec<u32> = (0..11).flat_map(|i| [i; 8]).collect();
        let pick = Pick { pattern: Pattern::of(&list), length: 12 };
        let picked = record(pick, &[x.exp().sum_axes(&[-1])], Location::caller());
        vec![(picked * 0.1).sin(), picked]
    });
    hold::<f64>("some of the sums", &graph, &shape);
}
