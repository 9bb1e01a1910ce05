//! Scalar code rolled into arrays computes what it computes as scalars: random loop nests with branches, in every mode, against
//! the same function over plain and hyper-dual numbers.

mod ways;

use autodiff_core::{Dual, Function, HyperDual, Real, Taylor, Var};
use quickcheck::{Arbitrary, Gen, QuickCheck};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::counter::direction;

/// How an index is made of the loop counters i and j: (a i + b j + c) mod the length.
#[derive(Clone, Copy, Debug)]
struct Index(usize, usize, usize);

#[derive(Clone, Copy, Debug)]
enum Operand {
    X(Index),
    /// What an earlier statement left in its table.
    Table(usize, Index),
    Literal(i8),
    Data(Index),
}

/// One statement of the inner loop.
#[derive(Clone, Debug)]
enum Statement {
    /// A table entry for every pass, from two operands.
    Binary(u8, Operand, Operand),
    Unary(u8, Operand),
    /// A branch on an operand.
    Branch(Operand, Operand, Operand),
    /// A sum over a loop of its own, of products.
    Inner(usize, Operand, Operand),
    /// A product over a loop of its own, of sums.
    Product(usize, Operand, Operand),
    /// The largest or smallest entry that a loop of its own meets, from an operand on: repeated entries tie.
    Extremum(usize, Operand, Operand),
}

/// A nest of two loops: every statement runs in all passes before the next one, or all statements in each pass.
#[derive(Clone, Debug)]
struct Nest {
    outer: usize,
    inner: usize,
    interleaved: bool,
    statements: Vec<Statement>,
    /// Whether the result has a product of all entries in it: a deep program, which takes long to make.
    multiplied: bool,
    n: usize,
}

fn below(g: &mut Gen, n: usize) -> usize {
    usize::arbitrary(g) % n
}

impl Arbitrary for Index {
    fn arbitrary(g: &mut Gen) -> Index {
        Index(below(g, 4), below(g, 4), below(g, 5))
    }
}

fn operand(g: &mut Gen, tables: usize) -> Operand {
    match below(g, 8) {
        0..=2 => Operand::X(Index::arbitrary(g)),
        3..=5 if tables > 0 => Operand::Table(below(g, tables), Index::arbitrary(g)),
        6 => Operand::Data(Index::arbitrary(g)),
        7 => Operand::Literal(i8::arbitrary(g) % 4),
        _ => Operand::X(Index(1, 1, 0)),
    }
}

impl Arbitrary for Nest {
    fn arbitrary(g: &mut Gen) -> Nest {
        let count = 1 + below(g, 6);
        let statements = (0..count)
            .map(|tables| match below(g, 10) {
                0..=3 => Statement::Binary(below(g, 5) as u8, operand(g, tables), operand(g, tables)),
                4 | 5 => Statement::Unary(below(g, 5) as u8, operand(g, tables)),
                6 => Statement::Branch(operand(g, tables), operand(g, tables), operand(g, tables)),
                7 => Statement::Inner(2 + below(g, 12), operand(g, tables), operand(g, tables)),
                8 => Statement::Product(2 + below(g, 20), operand(g, tables), operand(g, tables)),
                // Of the point itself: what is computed may tie in one order of rounding and not in the other.
                _ => Statement::Extremum(2 + below(g, 30), operand(g, 0), operand(g, 0)),
            })
            .collect();
        let sizes = [1, 2, 5, 9, 14, 30];
        let (outer, inner) = (sizes[below(g, 6)], sizes[below(g, 6)]);
        Nest {
            outer,
            inner,
            interleaved: bool::arbitrary(g),
            statements,
            multiplied: below(g, 4) == 0,
            n: 3 + below(g, 20),
        }
    }
}

impl Nest {
    fn run<S: Real + Copy>(&self, x: &[S]) -> S {
        let passes: Vec<(usize, usize)> = (0..self.outer).flat_map(|i| (0..self.inner).map(move |j| (i, j))).collect();
        let mut tables: Vec<Vec<S>> = vec![Vec::new(); self.statements.len()];
        if self.interleaved {
            for &pass in &passes {
                (0..self.statements.len()).for_each(|s| self.statement(s, pass, x, &mut tables));
            }
        } else {
            for s in 0..self.statements.len() {
                passes.iter().for_each(|&pass| self.statement(s, pass, x, &mut tables));
            }
        }
        let mut sum = S::from_f64(0.0);
        for table in &tables {
            for (i, &entry) in table.iter().enumerate() {
                // Some are subtracted.
                if i % 3 == 2 { sum -= entry } else { sum += entry }
            }
        }
        if !self.multiplied {
            return sum;
        }
        // A product of all entries that stays within e^±1.
        let mut product = S::from_f64(1.0);
        let count = tables.iter().map(Vec::len).sum::<usize>() as f64;
        for &entry in tables.iter().flatten() {
            product *= entry.tanh() / count + 1.0;
        }
        sum + product
    }

    fn statement<S: Real + Copy>(&self, s: usize, (i, j): (usize, usize), x: &[S], tables: &mut [Vec<S>]) {
        let at = |Index(a, b, c): Index, length: usize, k: usize| (a * i + b * j + c + k) % length;
        let read = |operand: Operand, k: usize| match operand {
            Operand::X(index) => x[at(index, x.len(), k)],
            // What is there by now: in interleaved nests the table grows.
            Operand::Table(t, index) if !tables[t].is_empty() => tables[t][at(index, tables[t].len(), k)],
            Operand::Table(..) => x[0],
            Operand::Literal(c) => S::from_f64(f64::from(c)),
            Operand::Data(index) => S::from_f64((at(index, 7, k) as f64 * 0.9).sin()),
        };
        let y = match &self.statements[s] {
            Statement::Binary(0, a, b) => read(*a, 0) + read(*b, 0),
            Statement::Binary(1, a, b) => read(*a, 0) - read(*b, 0),
            Statement::Binary(2 | 3, a, b) => read(*a, 0) * read(*b, 0),
            Statement::Binary(_, a, b) => read(*a, 0) / (read(*b, 0) * read(*b, 0) + 1.0),
            Statement::Unary(0, a) => read(*a, 0).sin(),
            Statement::Unary(1, a) => read(*a, 0).tanh(),
            Statement::Unary(2, a) => -read(*a, 0),
            Statement::Unary(3, a) => (read(*a, 0) * read(*a, 0) + 1.0).ln(),
            Statement::Unary(_, a) => read(*a, 0).tanh().exp(),
            Statement::Branch(a, b, c) => {
                if read(*a, 0) > read(*b, 0) {
                    read(*a, 0) * 0.5
                } else {
                    read(*c, 0).cos()
                }
            }
            Statement::Inner(count, a, b) => {
                let mut sum = read(*a, 0);
                for k in 0..*count {
                    sum += read(*a, k) * read(*b, 2 * k);
                }
                sum.tanh()
            }
            Statement::Product(count, a, b) => {
                let mut product = S::from_f64(1.0);
                for k in 0..*count {
                    product *= (read(*a, k) + read(*b, 2 * k)).tanh() + 1.5;
                }
                (product + 1.0).ln()
            }
            Statement::Extremum(count, a, b) => {
                let mut extremum = read(*b, 0);
                for k in 0..*count {
                    let next = read(*a, k);
                    extremum = if count % 2 == 0 { extremum.max(next) } else { next.min(extremum) };
                }
                extremum
            }
        };
        tables[s].push(y);
    }

    /// Value, directional derivative and curvature u·H·v agree with those of plain, dual and hyper-dual numbers, by sweeps
    /// over the trace and by programs.
    fn agrees(&self) -> bool {
        (0..4).all(|case| self.agrees_at(case % 2, case < 2))
    }

    fn agrees_at(&self, point: u64, swept: bool) -> bool {
        let f = Function::new(|x: &[Var]| self.run(x));
        if !swept {
            f.prepare(&direction(self.n, 9)).unwrap();
        }
        {
            let (x, u, v) = (direction(self.n, point), direction(self.n, 7), direction(self.n, 8));
            let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-9 * (1.0 + scale + b.abs());
            let value = self.run(&x);
            let scale = self.statements.len() as f64 * (self.outer * self.inner) as f64;
            let dual: Vec<Dual<f64>> = x.iter().zip(&v).map(|(&x, &v)| Dual { value: x, tangent: v }).collect();
            let hyper: Vec<HyperDual<f64>> = x
                .iter()
                .zip(&u)
                .zip(&v)
                .map(|((&x, &u), &v)| HyperDual { value: x, first: u, second: v, cross: 0.0 })
                .collect();
            let (first, second) = (self.run(&dual).tangent, self.run(&hyper).cross);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let gradient = f.gradient(&x).unwrap();
            let product = f.hvp(&x, &v).unwrap();
            let at = f.linearize(&x).unwrap();
            let mut late = vec![0.0; self.n];
            at.hvp(&v, &mut late).unwrap();
            let holds = close(f.value(&x).unwrap(), value, scale)
                && close(dot(&gradient, &v), first, scale)
                && close(f.jvp(&x, &v).unwrap().sum(), first, scale)
                && close(dot(&product, &u), second, scale)
                && close(dot(&late, &u), second, scale)
                // Programs of high order take long to make.
                && (point == 1 || !self.n.is_multiple_of(5) || self.higher_agrees(&f, &x, [&u, &v], scale));
            if !holds {
                eprintln!(
                    "value {} {value}, slope {} {first}, curvature {} {} {second}\n{}",
                    f.value(&x).unwrap(),
                    dot(&gradient, &v),
                    dot(&product, &u),
                    dot(&late, &u),
                    f.explain(&x).unwrap().graph
                );
                return false;
            }
        }
        true
    }
}

impl Nest {
    /// Series, gradients of coefficients, products of several directions, cotangents and single precision.
    fn higher_agrees(&self, f: &Function<'_, [Var]>, x: &Vec<f64>, [u, v]: [&Vec<f64>; 2], scale: f64) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-8 * (1.0 + scale + b.abs());
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let line: Vec<Taylor<f64, 4>> = x.iter().zip(v).map(|(&x, &v)| Taylor::new(x, [v, 0.0, 0.0, 0.0])).collect();
        let series = self.run(&line);
        let along = |u: &[f64]| -> f64 {
            let mixed = |i: usize| HyperDual { value: x[i], first: u[i], second: v[i], cross: 0.0 };
            self.run(&(0..x.len()).map(mixed).collect::<Vec<_>>()).cross
        };
        let taylor = f.taylor(x, v, 4).unwrap();
        let gradients = f.taylor_gradients(x, v, 1).unwrap();
        let products = f.hvps(x, &[u.clone(), v.clone()]).unwrap();
        let pulled = f.vjp(x, &ndarray::arr0(-1.5).into_dyn()).unwrap();
        let holds = (0..=4).all(|k| close(taylor[k][[]], *series.coefficient(k)))
            && close(dot(&gradients[0], v), *series.coefficient(1))
            && close(dot(&gradients[1], u), along(u))
            && close(dot(&products[0], v), along(u))
            && close(dot(&products[1], v), along(v))
            && close(dot(&pulled, v), -1.5 * *series.coefficient(1));
        if !holds {
            eprintln!("series {taylor:?} {series:?}, gradients {gradients:?}, products {products:?}, {pulled:?}");
        }
        holds && self.single_agrees(f, x, v, scale)
    }

    /// In single precision, where no branch may come out otherwise by rounding, and rounding does little to the loop itself.
    fn single_agrees(&self, f: &Function<'_, [Var]>, x: &[f64], v: &[f64], scale: f64) -> bool {
        let narrow = |x: &[f64]| -> Vec<f32> { x.iter().map(|&x| x as f32).collect() };
        let (x, v) = (narrow(x), narrow(v));
        let plain: Vec<Dual<f32>> = x.iter().zip(&v).map(|(&x, &v)| Dual::new(x, v)).collect();
        let exact: Vec<Dual<f64>> = x.iter().zip(&v).map(|(&x, &v)| Dual::new(x.into(), v.into())).collect();
        let (plain, exact) = (self.run(&plain), self.run(&exact));
        let close = |a: f32, b: f64, tolerance: f64| (f64::from(a) - b).abs() <= tolerance * (1.0 + scale + b.abs());
        let branches = self.statements.iter().any(|s| matches!(s, Statement::Branch(..)));
        if branches || !close(plain.value, exact.value, 1e-6) || !close(plain.tangent, exact.tangent, 1e-6) {
            return true;
        }
        let (value, gradient) = f.value_and_gradient(&x).unwrap();
        let slope: f64 = gradient.iter().zip(&v).map(|(&g, &v)| f64::from(g) * f64::from(v)).sum();
        let tangent = f.jvp(&x, &v).unwrap().sum();
        let holds = close(value, exact.value, 1e-4)
            && close(tangent, exact.tangent, 1e-4)
            && close(slope as f32, exact.tangent, 1e-4);
        if !holds {
            eprintln!("in single precision {value} {slope} {tangent}, {exact:?}");
        }
        holds
    }
}

#[test]
fn random_loop_nests_agree_in_four_ways() {
    let law = |nest: Nest| {
        let (x, v) = (direction(nest.n, 0), direction(nest.n, 8));
        let found = ways::ways(|x| nest.run(x), &x, &v);
        // Sums of some thousand entries in another order, and functions of them.
        let (off, which) = ways::difference(&found);
        if off > 1e-9 {
            eprintln!("{off:.1e}, {which}");
        }
        off <= 1e-9
    };
    let tests = std::env::var("NESTS").map_or(100, |n| n.parse().unwrap());
    QuickCheck::new().tests(tests).quickcheck(law as fn(Nest) -> bool);
}

#[test]
fn random_loop_nests_agree_with_number_types() {
    static ROLLED: AtomicUsize = AtomicUsize::new(0);
    let law = |nest: Nest| {
        let f = Function::new(|x: &[Var]| nest.run(x));
        let rolled = f.explain(&direction(nest.n, 0)).unwrap().rolling.is_some();
        ROLLED.fetch_add(usize::from(rolled), Ordering::Relaxed);
        nest.agrees()
    };
    let tests = std::env::var("NESTS").map_or(1000, |n| n.parse().unwrap());
    QuickCheck::new().tests(tests).quickcheck(law as fn(Nest) -> bool);
    println!("{} of {tests} were rolled", ROLLED.load(Ordering::Relaxed));
    assert!(ROLLED.load(Ordering::Relaxed) as u64 > tests / 3);
}

/// Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)².
fn rosenbrock<S: Real + Copy>(x: &[S]) -> S {
    testkit::workloads::rosenbrock(x)
}

#[test]
fn a_chain_becomes_a_handful_of_arrays() {
    let f = Function::new(|x: &[Var]| rosenbrock(x));
    let graph = f.explain(&vec![0.5; 1000]).unwrap().graph;
    assert!(graph.len() < 40, "{graph}");
}

#[test]
fn a_product_of_many_factors_becomes_a_handful_of_arrays() {
    let f = Function::new(|x: &[Var]| x.iter().map(|&x| x.square() + 1.0).product::<Var>().ln());
    let x = direction(1001, 4);
    let explanation = f.explain(&x).unwrap();
    assert!(explanation.rolling.is_some() && explanation.graph.len() < 80, "{}", explanation.graph);
    f.prepare(&x).unwrap();
    let gradient = f.gradient(&x).unwrap();
    // ln Π (1 + x²) has the slopes 2x/(1 + x²).
    gradient.iter().zip(&x).for_each(|(g, x)| assert!((g - 2.0 * x / (1.0 + x * x)).abs() < 1e-13, "{g} {x}"));
}

/// Π (x + i)/i: one factor after the other stays small, but neither 200! nor the product of the x + i is a number.
#[test]
fn factors_of_several_classes_are_multiplied_in_order() {
    let f =
        Function::new(|x: &Var| (1..=200).fold(Var::from(1.0), |p, i| p * (*x + f64::from(i)) * (1.0 / f64::from(i))));
    let swept: f64 = f.value(&2.5).unwrap();
    f.prepare(&2.5).unwrap();
    let (value, slope): (f64, f64) = (f.value(&2.5).unwrap(), f.gradient(&2.5).unwrap());
    let expected: f64 = (1..=200).map(|i| 1.0 / (2.5 + f64::from(i))).sum();
    assert!((value - swept).abs() <= 1e-13 * swept, "{value} {swept}");
    assert!((slope / value - expected).abs() <= 1e-13 * expected, "{slope} {value}");
}

#[test]
fn a_factor_of_zero_leaves_the_slope_of_the_others() {
    let f = Function::new(|x: &[Var]| x.iter().map(|&x| x.sin()).product::<Var>());
    let mut x = vec![1.5; 100];
    x[37] = 0.0;
    f.prepare(&x).unwrap();
    assert!(f.explain(&x).unwrap().rolling.is_some());
    let gradient = f.gradient(&x).unwrap();
    let others = 1.5_f64.sin().powi(99);
    assert!((gradient[37] - others).abs() < 1e-12 && gradient.iter().enumerate().all(|(i, &g)| i == 37 || g == 0.0));
}

/// A chain of pairwise extrema of linear functions of the point: its derivatives are powers of ½.
fn chain<S: Real + Copy>(x: &[S], largest: bool) -> S {
    let pair = |a: S, b: S| if largest { a.max(b) } else { a.min(b) };
    // A number at first, then entries of two classes in turns.
    x.iter().enumerate().fold(S::from_f64(-1.0), |m, (i, &x)| if i % 3 == 2 { pair(x * 2.0, m) } else { pair(m, x) })
}

#[test]
fn chains_of_extrema_are_rolled_with_the_derivatives_of_the_chain() {
    let entries = [-2.0, -1.0, -0.5, -0.0, 0.0, 1.0, 2.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let mut draw = {
        let mut state = 7_u64;
        move |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) % below) as usize
        }
    };
    for largest in [true, false] {
        let swept_anew = || Function::new(move |x: &[Var]| chain(x, largest));
        let mut f = swept_anew();
        let rolled = Function::new(move |x: &[Var]| chain(x, largest));
        let n = 60;
        rolled.prepare(&vec![0.5; n]).unwrap();
        let explanation = rolled.explain(&vec![0.5; n]).unwrap();
        assert!(explanation.rolling.is_some() && explanation.graph.len() < 40, "{}", explanation.graph);
        for case in 0..200 {
            // After some more evaluations it would no longer be swept.
            if case % 20 == 0 {
                f = swept_anew();
            }
            // Few distinct entries tie often; NaN in some points only.
            let kinds = [2, 5, 7, 9, 10][case % 5];
            let x: Vec<f64> = (0..n).map(|_| entries[draw(kinds)]).collect();
            let v: Vec<f64> = (0..n).map(|i| f64::from(i as u32 + 1)).collect();
            let dual: Vec<Dual<f64>> = x.iter().zip(&v).map(|(&x, &v)| Dual::new(x, v)).collect();
            let plain = chain(&dual, largest);
            let (value, gradient) = rolled.value_and_gradient(&x).unwrap();
            let (swept, slopes) = f.value_and_gradient(&x).unwrap();
            assert!(
                value.to_bits() == plain.value.to_bits() || value.is_nan() && plain.value.is_nan(),
                "{value} {x:?}"
            );
            assert!(swept.to_bits() == value.to_bits() || swept.is_nan() && value.is_nan(), "{x:?}");
            assert_eq!(gradient, slopes, "{x:?}");
            let along: f64 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
            assert!((along - plain.tangent).abs() <= 1e-13 * plain.tangent.abs(), "{along} {} {x:?}", plain.tangent);
            let tangent = rolled.jvp(&x, &v).unwrap()[[]];
            assert!((tangent - along).abs() <= 1e-13 * along.abs(), "{tangent} {along} {x:?}");
            assert!(rolled.hvp(&x, &v).unwrap().iter().all(|&h| h == 0.0), "{x:?}");
        }
    }
}

#[test]
fn extrema_in_every_lane_are_one_reduction() {
    // Distances to the farthest of 12 points from each of 40.
    let f = Function::new(|x: &[Var]| {
        let (points, centres) = x.split_at(80);
        points
            .chunks_exact(2)
            .map(|p| {
                let squares = centres.chunks_exact(2).map(|c| (p[0] - c[0]).square() + (p[1] - c[1]).square());
                squares.reduce(|a, b| a.max(b)).unwrap().sqrt()
            })
            .sum::<Var>()
    });
    let mut x = direction(80 + 24, 3);
    // Two centres in one place are always equally far.
    x.copy_within(80..84, 100);
    let graph = f.explain(&x).unwrap().graph;
    assert!(graph.len() < 60, "{graph}");
    let swept = f.gradient(&x).unwrap();
    f.prepare(&x).unwrap();
    f.gradient(&x).unwrap().iter().zip(&swept).for_each(|(a, b)| assert!((a - b).abs() < 1e-13, "{a} {b}"));
}

#[test]
fn scalar_results_are_parts_of_arrays() {
    // Residuals of a fit, two for each of 100 points, and at last a number of another kind.
    let residuals = |x: &[f64], i: usize| ((x[0] * i as f64 + x[1]).sin() - x[2], x[3] * i as f64 - x[4]);
    let f = Function::new(|x: &[Var]| {
        let mut results = Vec::new();
        for i in 0..100 {
            let t = i as f64;
            results.push((x[0] * t + x[1]).sin() - x[2]);
            results.push(x[3] * t - x[4]);
        }
        results.push(x[0].exp());
        results
    });
    let x = vec![0.3, -0.4, 0.5, 0.6, 0.7];
    let swept = (f.evaluate(&x).unwrap(), f.jacobian(&x).unwrap());
    let graph = f.explain(&x).unwrap().graph;
    assert!(graph.len() < 30, "{graph}");
    assert_eq!(graph.outputs().len(), 1, "{graph}");
    assert_eq!(graph.shape(graph.outputs()[0]).to_vec(), [201]);
    f.prepare(&x).unwrap();
    let results = f.evaluate(&x).unwrap();
    assert_eq!(results.len(), 201);
    for (i, pair) in results[..200].chunks_exact(2).enumerate() {
        let (a, b) = residuals(&x, i);
        assert!((pair[0][[]] - a).abs() < 1e-14 && (pair[1][[]] - b).abs() < 1e-14, "{i}");
    }
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-13, "{a} {b}");
    results.iter().zip(&swept.0).for_each(|(a, b)| close(a[[]], b[[]]));
    f.jacobian(&x).unwrap().iter().zip(&swept.1).for_each(|(&a, &b)| close(a, b));
    let v = vec![1.0, 2.0, -1.0, 0.5, 0.25];
    let (pushed, slopes) = (f.jvp(&x, &v).unwrap(), f.taylor(&x, &v, 2).unwrap());
    for (i, row) in swept.1.rows().into_iter().enumerate() {
        let slope = row.iter().zip(&v).map(|(j, v)| j * v).sum::<f64>();
        close(pushed[i][[]], slope);
        close(slopes[1][i][[]], slope);
    }
    let weights: Vec<_> = (0..201).map(|i| ndarray::arr0(0.1 * f64::from(i) - 7.0).into_dyn()).collect();
    for (j, pulled) in f.vjp(&x, &weights).unwrap().into_iter().enumerate() {
        close(pulled / 100.0, (0..201).map(|i| swept.1[[i, j]] * weights[i][[]]).sum::<f64>() / 100.0);
    }
    let at = f.linearize(&x).unwrap();
    let mut late = vec![0.0; 201];
    at.jvp(&v, &mut late).unwrap();
    late.iter().zip(&pushed).for_each(|(&a, b)| close(a, b[[]]));
}

#[test]
fn results_of_one_class_are_that_array() {
    let f = Function::new(|x: &[Var]| (0..99).map(|i| (x[i + 1] - x[i]).tanh()).collect::<Vec<Var>>());
    let graph = f.explain(&direction(100, 1)).unwrap().graph;
    // The point, two pieces of it, their difference and its tanh.
    assert!(graph.len() <= 5, "{graph}");
}

#[test]
fn sums_of_products_become_products_of_matrices() {
    let (rows, inner, samples) = (9, 7, 12);
    let f = Function::new(move |w: &[Var]| {
        let (w, x) = w.split_at(rows * inner);
        let mut sum: Var = num_traits::Zero::zero();
        for s in 0..samples {
            for r in 0..rows {
                let mut z = x[0];
                for k in 0..inner {
                    z += w[r * inner + k] * x[s * inner + k];
                }
                sum += z.tanh();
            }
        }
        sum
    });
    let graph = f.explain(&direction(rows * inner + samples * inner, 3)).unwrap().graph;
    assert!(graph.to_string().contains("matmul"), "{graph}");
}

#[test]
fn a_branch_that_flips_in_one_lane_is_noticed() {
    let g = |x: &[f64]| x.iter().map(|&x| if x > 0.0 { x * x } else { -x }).sum::<f64>();
    let f = Function::new(|x: &[Var]| {
        let mut sum: Var = num_traits::Zero::zero();
        for &x in x {
            sum += if x > 0.0 { x * x } else { -x };
        }
        sum
    });
    let mut x = direction(100, 5);
    f.prepare(&x).unwrap();
    assert!((f.value(&x).unwrap() - g(&x)).abs() < 1e-12);
    for flipped in [3, 50, 99, 3] {
        x[flipped] = -x[flipped];
        assert!((f.value(&x).unwrap() - g(&x)).abs() < 1e-12, "lane {flipped}");
        let slope = f.gradient(&x).unwrap()[flipped];
        assert_eq!(slope, if x[flipped] > 0.0 { 2.0 * x[flipped] } else { -1.0 });
    }
}

#[test]
fn differences_stay_differences() {
    // Terms of 10³ that differ by 10⁻³: sums of each apart would leave no digit in single precision.
    let f = Function::new(|x: &[Var]| {
        let mut sum: Var = num_traits::Zero::zero();
        for &x in x {
            sum += x * 1.000_001 - x;
        }
        sum
    });
    let x = vec![1024.0_f32; 1000];
    f.prepare(&x).unwrap();
    assert!(f.explain(&x).unwrap().rolling.is_some());
    let one = f64::from(1024.0_f32 * 1.000_001_f32 - 1024.0_f32);
    assert!((f64::from(f.value(&x).unwrap()) - 1000.0 * one).abs() < 1e-2 * 1000.0 * one);
}

/// Squares that are added and subtracted in turn: as two sums, each would leave the range of numbers.
#[test]
fn terms_that_cancel_are_summed_side_by_side() {
    let alternating = |x: &[Var]| {
        let mut sum = Var::from(0.0);
        for i in 0..x.len() / 2 {
            sum += x[2 * i].square();
            sum -= x[2 * i + 1].square();
        }
        sum
    };
    let f = Function::new(alternating);
    f.prepare(&vec![1.0; 64]).unwrap();
    assert!(f.explain(&vec![1.0; 64]).unwrap().rolling.is_some());
    let large = vec![1.3e154; 64];
    assert_eq!(f.value(&large).unwrap(), 0.0);
    let gradient = f.gradient(&large).unwrap();
    assert_eq!(&gradient[..2], [2.6e154, -2.6e154]);
    // Two of three are added.
    let g = Function::new(|x: &[Var]| {
        let mut sum = Var::from(0.0);
        x.iter().enumerate().for_each(|(i, x)| if i % 3 == 2 { sum -= x.exp() } else { sum += x.exp() });
        sum
    });
    let x = direction(99, 3);
    g.prepare(&x).unwrap();
    let expected: f64 = x.iter().enumerate().map(|(i, x)| if i % 3 == 2 { -x.exp() } else { x.exp() }).sum();
    assert!((g.value(&x).unwrap() - expected).abs() < 1e-12);
    let slopes = g.gradient(&x).unwrap();
    let product = g.hvp(&x, &vec![1.0; 99]).unwrap();
    for i in 0..99 {
        let slope = if i % 3 == 2 { -x[i].exp() } else { x[i].exp() };
        assert!((slopes[i] - slope).abs() < 1e-14 && (product[i] - slope).abs() < 1e-14, "{i}");
    }
}

/// Products of complex numbers: sums in every lane, with terms of one class that are added and subtracted.
#[test]
fn sums_of_both_signs_in_lanes() {
    let (lanes, terms) = (12, 9);
    let product = |x: &[f64], lane: usize| -> f64 {
        (0..terms)
            .map(|k| {
                let (a, b) = (&x[2 * (lane * terms + k)..], &x[2 * k..]);
                a[0] * b[0] - a[1] * b[1]
            })
            .sum()
    };
    let f = Function::new(|x: &[Var]| {
        let mut total = Var::from(0.0);
        for lane in 0..lanes {
            let mut sum = Var::from(0.0);
            for k in 0..terms {
                let (a, b) = (2 * (lane * terms + k), 2 * k);
                sum += x[a] * x[b];
                sum -= x[a + 1] * x[b + 1];
            }
            total += sum.square();
        }
        total
    });
    let x = direction(2 * lanes * terms, 4);
    let swept = (f.value(&x).unwrap(), f.gradient(&x).unwrap(), f.hvp(&x, &x).unwrap());
    f.prepare(&x).unwrap();
    let expected: f64 = (0..lanes).map(|lane| product(&x, lane).powi(2)).sum();
    assert!((f.value(&x).unwrap() - expected).abs() < 1e-12);
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-11, "{a} {b}"));
    close(&[swept.0], &[expected]);
    close(&f.gradient(&x).unwrap(), &swept.1);
    close(&f.hvp(&x, &x).unwrap(), &swept.2);
    // Signs that differ from lane to lane.
    let g = Function::new(|x: &[Var]| {
        let mut total = Var::from(0.0);
        for lane in 0..lanes {
            let mut sum = Var::from(0.0);
            for k in 0..terms {
                let term = x[lane * terms + k].sin();
                if (k * lane) % 4 == 1 { sum -= term } else { sum += term }
            }
            total += sum.square();
        }
        total
    });
    let swept = (g.value(&x).unwrap(), g.gradient(&x).unwrap());
    g.prepare(&x).unwrap();
    close(&[g.value(&x).unwrap()], &[swept.0]);
    close(&g.gradient(&x).unwrap(), &swept.1);
}

/// What only branches read is not differentiated, though its neighbours are: a slope that is infinite there is nobody's.
#[test]
fn lanes_that_only_branches_read_have_no_slopes() {
    let roots = |x: &[Var]| {
        let mut sum = Var::from(0.0);
        for v in x {
            let root = v.sqrt();
            if root > 0.0 {
                sum += root.sin();
            }
        }
        sum
    };
    let mut x: Vec<f64> = (0..40).map(|i| i as f64 * 0.1).collect();
    x[20] = 0.0;
    let slope = |x: f64| if x > 0.0 { x.sqrt().cos() / (2.0 * x.sqrt()) } else { 0.0 };
    let expected: Vec<f64> = x.iter().map(|&x| slope(x)).collect();
    // All pairs, each with itself too, within a distance; their distances are products and roots.
    let pairs = |x: &[Var]| {
        let mut sum = Var::from(0.0);
        for i in (0..x.len()).step_by(2) {
            for j in (0..x.len()).step_by(2) {
                let (dx, dy) = (x[i] - x[j], x[i + 1] - x[j + 1]);
                let r = (dx * dx + dy * dy).sqrt();
                if r > 1e-12 && r < 2.0 {
                    sum += (-r).exp() / r;
                }
            }
        }
        sum
    };
    let places: Vec<f64> = (0..24).map(|i| (i as f64 * 1.7).sin() * 1.5).collect();
    let v: Vec<f64> = (0..24).map(|i| (i as f64).cos()).collect();
    let (swept, program) = (Function::new(roots), Function::new(roots));
    program.prepare(&x).unwrap();
    for f in [swept, program] {
        let gradient = f.gradient(&x).unwrap();
        assert!(gradient.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14), "{gradient:?}");
        assert!(f.hvp(&x, &vec![1.0; 40]).unwrap().iter().all(|h| h.is_finite()));
    }
    let (swept, program) = (Function::new(pairs), Function::new(pairs));
    program.prepare(&places).unwrap();
    for (a, b) in [
        (swept.gradient(&places).unwrap(), program.gradient(&places).unwrap()),
        (swept.hvp(&places, &v).unwrap(), program.hvp(&places, &v).unwrap()),
    ] {
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-11 * (1.0 + a.abs())), "{a:?} {b:?}");
    }
}
