//! Threads change nothing: every operator gives the same bits in a pool of 1, 2, 3 and 8 threads, and a linearised function
//! serves several threads at once.
//!
//! The network is large enough that its matrix products, its fused regions with their sums, its convolution and the blocks of a
//! Hessian are each cut into parts for threads.

use autodiff_core::{Conv2d, Executable, Function, Padding, Tree, Var, sum_over};
use ndarray::{Array, ArrayD, Dimension, IntoDimension};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use testkit::counter::symmetrics;

/// Numbers of either precision.
trait Number: Executable + Tree<Scalar = Self> {}
impl Number for f32 {}
impl Number for f64 {}

fn array<T: Number, D: Dimension>(stream: u64, shape: impl IntoDimension<Dim = D>, scale: f64) -> ArrayD<T> {
    let numbers: Array<f64, D> = symmetrics(stream, shape);
    numbers.mapv(|x| T::from_f64(scale * x)).into_dyn()
}

/// A convolution beside two dense layers, whose outputs meet in one loss.
fn network() -> Function<'static, [Var], Var, (Var, Var)> {
    let loss = |p: &[Var], (images, rows): &(Var, Var)| {
        let hidden = (rows.matmul(p[1]) + p[2]).tanh();
        // Right after what it sums, so that the sum is taken in the region.
        let energy = (hidden.exp() * hidden).mean();
        let patches = images.conv2d(p[0], Conv2d::default().padding(Padding::Same)).softplus();
        let out = (hidden.matmul(p[3]) * 0.3).prediction();
        (out.sigmoid().ln() * patches.mean()).mean() + energy + patches.square().mean()
    };
    let data = (symmetrics(1, (16, 20, 20, 4)), symmetrics(2, (512, 40)));
    Function::with_data(loss, &data)
}

fn point<T: Number>() -> Vec<ArrayD<T>> {
    vec![array(3, (3, 3, 4, 8), 0.2), array(4, (40, 300), 0.2), array(5, 300, 0.1), array(6, (300, 6), 0.1)]
}

/// Two layers with few parameters and many samples: the dense Hessian has three blocks of directions.
fn narrow() -> Function<'static, [Var], Var, Var> {
    let loss = |p: &[Var], x: &Var| (x.matmul(p[0]).tanh().matmul(p[1])).exp().mean();
    Function::with_data(loss, &symmetrics(7, (1500, 16)))
}

fn narrow_point<T: Number>() -> Vec<ArrayD<T>> {
    vec![array(8, (16, 4), 0.4), array(9, 4, 0.7)]
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads to be had")
}

/// Everything that the operators give.
fn everything<T: Number>(
    f: &Function<'static, [Var], Var, (Var, Var)>,
    narrow: &Function<'static, [Var], Var, Var>,
) -> Vec<(&'static str, Vec<T>)> {
    let x = point::<T>();
    let n = x.to_vec().len();
    let direction = |j: u64| -> Vec<T> { symmetrics(20 + j, n).mapv(T::from_f64).to_vec() };
    let v = x.with_entries(&direction(0));
    let mut found = vec![("value", vec![f.value(&x).unwrap()]), ("gradient", f.gradient(&x).unwrap().to_vec())];
    found.push(("hvp", f.hvp(&x, &v).unwrap().to_vec()));
    let at = f.linearize(&x).unwrap();
    let mut product = vec![T::zero(); n];
    at.hvp(&v.to_vec(), &mut product).unwrap();
    found.push(("linearised hvp", product.clone()));
    at.ggn(&v.to_vec(), &mut product).unwrap();
    found.push(("Gauss–Newton product", product));
    let w = x.with_entries(&direction(1));
    found.push(("hvps", f.hvps(&x, &[v, w]).unwrap().iter().flat_map(Tree::to_vec).collect()));
    let mut products = vec![T::zero(); 2 * n];
    at.hvps(&[direction(0), direction(1)].concat(), &mut products).unwrap();
    found.push(("linearised hvps", products));
    let hessian = narrow.hessian(&narrow_point::<T>()).unwrap();
    found.push(("hessian", hessian.iter().copied().collect()));
    found
}

fn same_for_any_number_of_threads<T: Number>() {
    let (f, g) = (network(), narrow());
    let plan = f.explain(&point::<T>()).unwrap().plan;
    let summed = |line: &str| line.contains("region of 153600") && line.contains("sum");
    assert!(plan.lines().any(summed), "a region that is cut for threads takes a sum:\n{plan}");
    let expected = pool(1).install(|| everything::<T>(&f, &g));
    assert!(expected.iter().all(|(_, numbers)| numbers.iter().all(|x| x.to_f64().is_finite() && x.to_f64() != 0.0)));
    for threads in [2, 3, 8] {
        let found = pool(threads).install(|| everything::<T>(&f, &g));
        for ((operator, a), (_, b)) in expected.iter().zip(&found) {
            let bits = |list: &[T]| -> Vec<u64> { list.iter().map(|x| x.to_f64().to_bits()).collect() };
            assert!(bits(a) == bits(b), "{operator} on {threads} threads, {:?}", T::PRECISION);
        }
    }
}

/// Products of middle size, in pairs that two threads share.
#[test]
fn products_at_once_are_those_one_after_the_other() {
    let loss = |p: &[Var], x: &Var| x.matmul(p[0]).tanh().matmul(p[1]).tanh().matmul(p[2]).square().mean();
    let f = Function::with_data(loss, &symmetrics(50, (120, 100)));
    let x: Vec<ArrayD<f64>> = vec![array(51, (100, 110), 0.1), array(52, (110, 120), 0.1), array(53, (120, 100), 0.1)];
    f.prepare(&x).unwrap();
    let plan = f.explain(&x).unwrap().plan;
    assert!(plan.contains("at once: matmul"), "{plan}");
    let v = x.with_entries(&symmetrics(54, x.to_vec().len()).to_vec());
    let everything = || {
        let at = f.linearize(&x).unwrap();
        let mut product = vec![0.0; x.to_vec().len()];
        at.hvp(&v.to_vec(), &mut product).unwrap();
        [f.gradient(&x).unwrap().to_vec(), f.hvp(&x, &v).unwrap().to_vec(), product].concat()
    };
    let expected = pool(1).install(everything);
    assert!(expected.iter().all(|x| x.is_finite()));
    for threads in [2, 3, 8] {
        assert!(pool(threads).install(everything) == expected, "{threads} threads");
    }
}

#[test]
fn double_precision_is_the_same_for_any_number_of_threads() {
    same_for_any_number_of_threads::<f64>();
}

#[test]
fn single_precision_is_the_same_for_any_number_of_threads() {
    same_for_any_number_of_threads::<f32>();
}

#[test]
fn a_linearised_function_serves_several_threads_at_once() {
    fn shared<S: Send + Sync>(shared: &S) -> &S {
        shared
    }
    let (f, x) = (narrow(), narrow_point::<f64>());
    let n = x.to_vec().len();
    let directions: Vec<Vec<f64>> = (0..8).map(|j| symmetrics(40 + j, n).to_vec()).collect();
    let product = |at: &dyn Fn(&[f64], &mut [f64]), v: &[f64]| {
        let mut out = vec![f64::NAN; n];
        at(v, &mut out);
        out
    };
    let alone = f.linearize(&x).unwrap();
    let expected: Vec<[Vec<f64>; 3]> = directions
        .iter()
        .map(|v| {
            let hvp = product(&|v, out| alone.hvp(v, out).unwrap(), v);
            let third = product(&|u, out| alone.third(u, v, out).unwrap(), &directions[0]);
            let mut four = vec![0.0; 4 * n];
            alone.hvps(&v.repeat(4), &mut four).unwrap();
            [hvp, third, four]
        })
        .collect();
    // Another one, at which no product ran yet: the threads meet at the preparation too.
    let at = f.linearize(&x).unwrap();
    let at = shared(&at);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (directions, expected) = (&directions, &expected);
            scope.spawn(move || {
                for round in 0..25 {
                    let i = (3 * thread + round) % directions.len();
                    let (mut one, mut four) = (vec![f64::NAN; n], vec![f64::NAN; 4 * n]);
                    at.hvp(&directions[i], &mut one).unwrap();
                    assert_eq!(one, expected[i][0], "thread {thread}, direction {i}");
                    at.third(&directions[0], &directions[i], &mut one).unwrap();
                    assert_eq!(one, expected[i][1], "thread {thread}, third-order product, direction {i}");
                    at.hvps(&directions[i].repeat(4), &mut four).unwrap();
                    assert_eq!(four, expected[i][2], "thread {thread}, directions {i}");
                }
            });
        }
    });
}

#[test]
fn first_products_at_a_point_may_be_asked_for_by_the_threads_of_a_pool() {
    // A thread that waits for its part of what depends on the point alone takes other work meanwhile: here another product.
    let f = Function::new(|x: &Var| (x.sin() * x.exp()).square().sum());
    let n = 1 << 18;
    let x: Vec<f64> = symmetrics(60, n).to_vec();
    let x = ndarray::Array1::from(x);
    f.prepare(&x).unwrap();
    let (done, all_done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let (f, x) = (&f, &x);
        scope.spawn(move || {
            let product = |at: &dyn Fn(&[f64], &mut [f64])| {
                let mut out = vec![f64::NAN; n];
                at(x.as_slice().unwrap(), &mut out);
                out
            };
            let alone = f.linearize(x).unwrap();
            let expected = product(&|v, out| alone.hvp(v, out).unwrap());
            for threads in [3, 8] {
                for _ in 0..10 {
                    let at = f.linearize(x).unwrap();
                    let same = |_| product(&|v, out| at.hvp(v, out).unwrap()) == expected;
                    assert!(pool(threads).install(|| (0..8).into_par_iter().all(same)), "{threads} threads");
                }
            }
            done.send(()).unwrap();
        });
        let waited = all_done.recv_timeout(std::time::Duration::from_secs(120));
        if waited == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            eprintln!("products at a point wait for each other for ever");
            std::process::abort();
        }
    });
}

/// A loss per sample in scalar code and arrays, summed over rows that an index chooses.
fn per_sample() -> Function<'static, [Var], Var, (Var, Var, Var)> {
    let loss = |p: &[Var], (x, y, chosen): &(Var, Var, Var)| {
        let (x, y) = (x.gather(0, *chosen), y.gather(0, *chosen));
        sum_over(&[x, y], |row| {
            let hidden = (p[0].matmul(row[0]) + p[1]).tanh();
            let mut z = p[2].at(0) * 0.5;
            for k in 0..4 {
                z += hidden.at(k) * p[2].at(k);
            }
            (z.prediction() - row[1]).square()
        })
    };
    // Not in order, and some twice.
    let chosen = ndarray::Array1::from_shape_fn(9000, |i| (i * 7919) % 10_000);
    Function::with_data(loss, &(symmetrics(70, (10_000, 12)), symmetrics(71, 10_000), chosen))
}

#[test]
fn a_sum_over_rows_is_the_same_for_any_number_of_threads() {
    let f = per_sample();
    let x: Vec<ArrayD<f64>> = vec![array(72, (4, 12), 0.4), array(73, 4, 0.3), array(74, 4, 0.8)];
    let n = x.to_vec().len();
    let v = x.with_entries(&symmetrics(75, n).to_vec());
    let everything = || {
        let at = f.linearize(&x).unwrap();
        let mut products = vec![0.0; 2 * n];
        let (hessian, ggn) = products.split_at_mut(n);
        at.hvp(&v.to_vec(), hessian).unwrap();
        at.ggn(&v.to_vec(), ggn).unwrap();
        [vec![f.value(&x).unwrap()], f.gradient(&x).unwrap().to_vec(), f.hvp(&x, &v).unwrap().to_vec(), products]
            .concat()
    };
    let expected = pool(1).install(everything);
    assert!(expected.iter().all(|x| x.is_finite() && *x != 0.0));
    for threads in [2, 3, 8] {
        assert!(pool(threads).install(everything) == expected, "{threads} threads");
    }
}
