//! Instructions that run on a block of rows at a time give the bits that they give one after the other, which is how several
//! threads run them, whatever the number of rows.

use autodiff_core::{Executable, Function, Tree, Var};
use ndarray::{Array1, Array2, ArrayD};
use rayon::ThreadPoolBuilder;
use testkit::counter::symmetrics;

/// Numbers of either precision.
trait Number: Executable + Tree<Scalar = Self> {}
impl Number for f32 {}
impl Number for f64 {}

type Loss = fn(&[Var], &(Var, Var)) -> Var;

/// Losses over the rows of a matrix of 200 columns, with shapes of their parameters.
fn losses() -> Vec<(&'static str, Loss, Vec<Vec<usize>>)> {
    vec![
        (
            "logistic regression",
            |p, (x, y)| x.matmul(p[0]).prediction().sigmoid_cross_entropy(*y).mean() + 0.01 * p[0].dot(p[0]),
            vec![vec![200]],
        ),
        (
            "two layers",
            |p, (x, y)| {
                let hidden = (x.matmul(p[0]) + p[1]).tanh();
                (hidden.matmul(p[2]) - *y).square().sum()
            },
            vec![vec![200, 40], vec![40], vec![40]],
        ),
        (
            "softmax over rows",
            |p, (x, y)| {
                let classes = x.matmul(p[0]).log_softmax(-1);
                (classes * y.expand_axis(-1)).mean()
            },
            vec![vec![200, 24]],
        ),
        (
            // A hidden layer of one: the gradient of its weight is an inner product.
            "one between two layers",
            |p, (x, y)| {
                let hidden = (x.matmul(p[0]) + p[1]).tanh();
                (hidden.matmul(p[2]) - y.expand_axis(-1)).square().sum()
            },
            vec![vec![200, 1], vec![1], vec![1, 1]],
        ),
        (
            // Each row of the second product reads all rows of the first.
            "rows with each other",
            |p, (x, y)| {
                let z = x.matmul(p[0]).tanh();
                (z.matmul(z.permute(&[1, 0])) * 0.001).sin().mean() + (z.sum_axes(&[-1]) * *y).mean()
            },
            vec![vec![200, 16]],
        ),
        (
            // What is kept of all rows comes between the products.
            "rows against their mean",
            |p, (x, y)| {
                let z = x.matmul(p[0]);
                let shifted = z - z.mean();
                (shifted.sin() * *y).sum() + x.matmul(p[0] * shifted.square().mean()).square().mean()
            },
            vec![vec![200]],
        ),
    ]
}

fn everything<T: Number>(
    loss: Loss,
    shapes: &[Vec<usize>],
    rows: usize,
    threads: usize,
) -> (Vec<(&'static str, Vec<T>)>, String) {
    let data: (Array2<f64>, Array1<f64>) = (symmetrics(1, (rows, 200)), symmetrics(2, rows));
    let x: Vec<ArrayD<T>> = (3..)
        .zip(shapes)
        .map(|(stream, shape)| symmetrics::<ndarray::IxDyn>(stream, &shape[..]).mapv(|s: f64| T::from_f64(0.2 * s)))
        .collect();
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let f = Function::with_data(loss, &data);
        f.prepare(&x).unwrap();
        let n = x.to_vec().len();
        let v = x.with_entries(&symmetrics(9, n).mapv(T::from_f64).to_vec());
        let mut found = vec![("value", vec![f.value(&x).unwrap()]), ("gradient", f.gradient(&x).unwrap().to_vec())];
        found.push(("product", f.hvp(&x, &v).unwrap().to_vec()));
        let at = f.linearize(&x).unwrap();
        let mut product = vec![T::zero(); n];
        at.hvp(&v.to_vec(), &mut product).unwrap();
        found.push(("linearised product", product.clone()));
        let mut three = vec![T::zero(); 3 * n];
        at.hvps(&v.to_vec().repeat(3), &mut three).unwrap();
        found.push(("three products", three));
        (found, f.explain(&x).unwrap().plan)
    })
}

fn same<T: Number>(rows: usize) {
    for (name, loss, shapes) in losses() {
        let (tiled, plan) = everything::<T>(loss, &shapes, rows, 1);
        let (shared, _) = everything::<T>(loss, &shapes, rows, 3);
        // Sums over all entries are taken by blocks of 256, so rows in other blocks may go through no region that has one.
        let expected = plan.contains(&format!("of {rows} rows: ")) || !rows.is_multiple_of(256);
        assert!(expected, "{name} of {rows} rows:\n{plan}");
        for ((operator, a), (_, b)) in tiled.iter().zip(&shared) {
            assert!(a.iter().all(|x| x.to_f64().is_finite()), "{operator} of {name}: {a:?}");
            let bits = |list: &[T]| -> Vec<u64> { list.iter().map(|x| x.to_f64().to_bits()).collect() };
            assert!(bits(a) == bits(b), "{operator} of {name}, {rows} rows, {:?}:\n{a:?}\n{b:?}\n{plan}", T::PRECISION);
        }
    }
}

#[test]
fn blocks_of_rows_give_the_same_bits_in_double_precision() {
    [1024, 1100, 2560].into_iter().for_each(same::<f64>);
}

#[test]
fn blocks_of_rows_give_the_same_bits_in_single_precision() {
    [1024, 3000].into_iter().for_each(same::<f32>);
}

#[test]
fn few_rows_run_one_instruction_after_the_other() {
    let (_, loss, shapes) = losses().swap_remove(0);
    // 8193 rows are 32 blocks and a single row, which a product multiplies in another way.
    for rows in [500, 8193] {
        let (_, plan) = everything::<f64>(loss, &shapes, rows, 1);
        assert!(!plan.contains("rows: "), "{plan}");
    }
}
