//! A replay allocates nothing: values, gradients and products of a function that ran before, into the caller's memory.
//!
//! One test in a file of its own, for the allocator counts the whole process.

use autodiff_core::ode::Trajectory;
use autodiff_core::{Conv2d, Executable, Function, Padding, Tree, Var};
use ndarray::{ArrayD, arr1};
use testkit::allocation::{self, Counting};
use testkit::counter::symmetrics;
use testkit::motion::{planets, six_bodies};

#[global_allocator]
static GLOBAL: Counting = Counting;

fn allocations(mut run: impl FnMut()) -> usize {
    run(); // the first run makes the program and its workspace
    let before = allocation::allocations();
    run();
    run();
    allocation::allocations() - before
}

#[test]
fn replays_do_not_allocate() {
    // In a pool of one thread: waking other threads allocates now and then, which is not ours.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread to be had");
    pool.install(|| {
        small_loss();
        network::<f64>();
        network::<f32>();
        many_arrays();
        scalars::<f64>();
        scalars::<f32>();
        steps();
        rows();
        systems();
    });
}

/// Blocks of rows of a long matrix, and reductions of lines.
fn rows() {
    let loss = |p: &[Var], x: &Var| (x.matmul(p[0]).log_softmax(-1) * p[1]).mean();
    let f = Function::with_data(loss, &symmetrics(31, (1100, 200)));
    let x: Vec<ArrayD<f64>> = vec![symmetrics(32, (200, 12)).into_dyn(), symmetrics(33, 12).into_dyn()];
    f.prepare(&x).unwrap();
    assert!(f.explain(&x).unwrap().plan.contains("of 1100 rows"));
    let (flat, entries) = (f.flat(&x), x.to_vec());
    let mut out = vec![0.0; entries.len()];
    assert_eq!(allocations(|| assert!(flat.value_and_gradient(&entries, &mut out).unwrap().is_finite())), 0);
    assert_eq!(allocations(|| flat.hvp(&entries, &entries, &mut out).unwrap()), 0);
    let at = f.linearize(&x).unwrap();
    assert_eq!(allocations(|| at.hvp(&entries, &mut out).unwrap()), 0);
}

/// Linear systems of several blocks of unknowns, and sums over axes with others between.
fn systems() {
    let n = 70;
    let matrix: ArrayD<f64> = symmetrics(34, (n, n)).into_dyn();
    let loss = |p: &[Var], shift: &Var| {
        let solution = (p[0] + *shift).solve(p[1]);
        (solution.reshape(&[7, 10, 2]).sum_axes(&[0, 2]) + p[2]).square().sum()
    };
    let f = Function::with_data(loss, &ndarray::Array2::<f64>::eye(n).mapv(|x| 20.0 * x));
    let x = vec![matrix, symmetrics(35, (n, 2)).into_dyn(), symmetrics(36, 10).into_dyn()];
    f.prepare(&x).unwrap();
    let (flat, entries) = (f.flat(&x), x.to_vec());
    let mut out = vec![0.0; entries.len()];
    assert_eq!(allocations(|| assert!(flat.value_and_gradient(&entries, &mut out).unwrap().is_finite())), 0);
    assert_eq!(allocations(|| flat.hvp(&entries, &entries, &mut out).unwrap()), 0);
    let at = f.linearize(&x).unwrap();
    assert_eq!(allocations(|| at.hvp(&entries, &mut out).unwrap()), 0);
}

/// Steps of Taylor's method: of scalars, of arrays with sums over axes, and of planes in chunks.
fn steps() {
    let oscillator = |y: &[Var], _: Var| vec![y[1], (1.0 - y[0].square()) * y[1] - y[0].sin()];
    let mut path = Trajectory::new(oscillator, &vec![2.0, 0.0], 0.0);
    assert_eq!(allocations(|| assert!(path.step().is_ok())), 0, "scalars");
    let mut path = Trajectory::new(six_bodies, &planets(), 0.0);
    assert_eq!(allocations(|| assert!(path.step().is_ok())), 0, "arrays");
    let mut path = Trajectory::new(|y: &Var, t: Var| y.sin() + t, &symmetrics(1, 300), 0.0);
    assert_eq!(allocations(|| assert!(path.step().is_ok())), 0, "planes");
}

/// Sweeps over a loop with a branch: nothing is allocated by a repeated one, and by recording no more than its lists grow.
fn scalars<T: Executable + Tree<Scalar = T, Traced = Var>>() {
    let loss = |x: &[Var]| {
        let mut sum = x[0] * 0.5;
        for pair in x.windows(2) {
            let d = pair[1] - pair[0].square();
            sum += if d < 0.3 { 100.0 * d.square() } else { d.exp().ln_1p() / (d + 1.0) };
        }
        sum
    };
    let point = |n: usize| -> Vec<T> { (0..n).map(|i| T::from_f64((0.7 * i as f64).sin())).collect() };
    let (x, v) = (point(500), vec![T::from_f64(0.5); 500]);
    let mut out = x.clone();
    let f = Function::new(loss);
    let flat = f.flat(&x);
    assert_eq!(allocations(|| assert!(flat.value(&x).unwrap().to_f64().is_finite())), 0, "swept value");
    let gradient = allocations(|| assert!(flat.value_and_gradient(&x, &mut out).unwrap().to_f64().is_finite()));
    assert_eq!(gradient, 0, "swept gradient");
    assert_eq!(allocations(|| flat.hvp(&x, &v, &mut out).unwrap()), 0, "swept product");
    let mut series = Vec::new();
    assert_eq!(allocations(|| flat.series_into(&x, &v, 3, &mut series).unwrap()), 0, "swept coefficients");
    let once = |n: usize| {
        let x = point(n);
        // Counted over two calls.
        allocations(|| drop(Function::new(loss).gradient(&x).unwrap())) / 2
    };
    let (short, long) = (once(1_000), once(16_000));
    // 16 times the nodes: four more doublings of each of a handful of lists.
    assert!(long <= short + 40 && short < 150, "recording allocates {short} times for 1000 entries, {long} for 16000");
}

fn small_loss() {
    let data = (ndarray::Array2::<f64>::from_elem((7, 5), 0.3), arr1(&[0_usize, 2, 1, 0, 2, 1, 1]));
    let loss = Function::with_data(
        |(w, b): &(Var, Var), (x, y): &(Var, Var)| {
            let z = (x.matmul(*w) + b).tanh();
            let branch = if z.sum() > 1e9 { z * 2.0 } else { z };
            branch.softmax_cross_entropy(*y).mean() + 0.01 * w.t().square().sum_axes(&[0]).cumsum(0).sum()
        },
        &data,
    );
    let flat = loss.flat(&(ndarray::Array2::<f64>::from_elem((5, 3), 0.2), arr1(&[0.1, 0.2, 0.3])));
    let n = flat.dimension();
    let (x, v) = (vec![0.1; n], vec![0.5; n]);
    let mut out = vec![0.0; n];
    assert_eq!(allocations(|| assert!(flat.value(&x).unwrap().is_finite())), 0, "value");
    assert_eq!(allocations(|| assert!(flat.value_and_gradient(&x, &mut out).unwrap().is_finite())), 0, "gradient");
    assert_eq!(allocations(|| flat.hvp(&x, &v, &mut out).unwrap()), 0, "hvp");
    let at = flat.linearize(&x).unwrap();
    assert_eq!(allocations(|| at.hvp(&v, &mut out).unwrap()), 0, "linearized hvp");
    assert_eq!(allocations(|| at.third(&v, &v, &mut out).unwrap()), 0, "third-order product");
    let (rows, mut products) = (vec![0.5; 4 * n], vec![0.0; 4 * n]);
    assert_eq!(allocations(|| at.hvps(&rows, &mut products).unwrap()), 0, "four directions");
}

/// A convolution, and five dense layers whose products are large enough to be packed; the point has more arrays than a short
/// list of operands holds.
fn network<T: Executable + Tree<Scalar = T>>() {
    let loss = |p: &[Var], (images, rows): &(Var, Var)| {
        let patches = images.conv2d(p[0], Conv2d::default().padding(Padding::Same)).softplus();
        let layers = p[1..].chunks_exact(2).fold(*rows, |h, wb| (h.matmul(wb[0]) + wb[1]).tanh());
        let z = layers.prediction();
        (z - patches.mean()).square().mean() + 1e-3 * p[1].square().sum()
    };
    let data = (symmetrics(1, (4, 9, 9, 3)), symmetrics(2, (64, 70)));
    let array = |j: u64, shape: &[usize]| -> ArrayD<T> { symmetrics(j, shape).mapv(|x| T::from_f64(0.2 * x)) };
    let mut point = vec![array(3, &[3, 3, 3, 4])];
    for (j, (rows, columns)) in (4..).zip([(70, 65), (65, 40), (40, 65), (65, 30), (30, 20)]) {
        point.extend([array(j, &[rows, columns]), array(j, &[columns])]);
    }
    let f = Function::with_data(loss, &data);
    let flat = f.flat(&point);
    let (x, n) = (point.to_vec(), flat.dimension());
    let v: Vec<T> = symmetrics(9, n).mapv(T::from_f64).to_vec();
    let (mut out, mut one) = (vec![T::zero(); n], [T::zero()]);
    let none = |what: &str, run: &mut dyn FnMut()| {
        assert_eq!(allocations(run), 0, "{what} of a network, {:?}", T::PRECISION);
    };
    none("value", &mut || assert!(flat.value(&x).unwrap().to_f64().is_finite()));
    none("gradient", &mut || assert!(flat.value_and_gradient(&x, &mut out).unwrap().to_f64().is_finite()));
    none("hvp", &mut || flat.hvp(&x, &v, &mut out).unwrap());
    let mut series = Vec::new();
    none("Taylor coefficients", &mut || flat.series_into(&x, &v, 3, &mut series).unwrap());
    let at = flat.linearize(&x).unwrap();
    none("linearized hvp", &mut || at.hvp(&v, &mut out).unwrap());
    none("jvp", &mut || at.jvp(&v, &mut one).unwrap());
    none("vjp", &mut || at.vjp(&[T::one()], &mut out).unwrap());
    none("Gauss–Newton product", &mut || at.ggn(&v, &mut out).unwrap());
    none("third-order product", &mut || at.third(&v, &v, &mut out).unwrap());
    // Large products run one after the other; those of fewer samples together, below.
    let (rows, mut products) = (v.repeat(3), vec![T::zero(); 3 * n]);
    none("three directions", &mut || at.hvps(&rows, &mut products).unwrap());
}

/// Elementwise work on many arrays at once: more of them than the short lists of a region hold, and a batch of directions joined
/// from as many parts.
fn many_arrays() {
    let f = Function::new(|p: &[Var]| {
        let all: Vec<Var> = p.iter().map(|x| x.sin()).collect();
        let mixed = all.iter().skip(1).fold(all[0], |y, x| y * 0.5 + *x);
        (0..p.len()).map(|i| (mixed * p[i]).square().sum() + all[i].mean()).sum::<Var>()
    });
    let point = vec![ArrayD::<f64>::from_elem(vec![40], 0.3); 300];
    let flat = f.flat(&point);
    let n = flat.dimension();
    let (x, v) = (vec![0.1; n], vec![0.5; n]);
    let mut out = vec![0.0; n];
    assert_eq!(allocations(|| assert!(flat.value(&x).unwrap().is_finite())), 0, "value of many arrays");
    let gradient = allocations(|| assert!(flat.value_and_gradient(&x, &mut out).unwrap().is_finite()));
    assert_eq!(gradient, 0, "gradient of many arrays");
    assert_eq!(allocations(|| flat.hvp(&x, &v, &mut out).unwrap()), 0, "hvp of many arrays");
    let at = flat.linearize(&x).unwrap();
    let (rows, mut products) = (v.repeat(4), vec![0.0; 4 * n]);
    assert_eq!(allocations(|| at.hvps(&rows, &mut products).unwrap()), 0, "four directions of many arrays");
}
