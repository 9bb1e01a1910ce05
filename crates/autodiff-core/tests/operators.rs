//! The operators of a function, held against each other and against the number types.

use autodiff_core::function::Mode;
use autodiff_core::{Dual, Elementary, Function, HyperDual, Real, Series, Taylor, Traced, Tree, Var, stack};
use ndarray::{Array1, Array2, ArrayD, arr1, arr2, arr3};

fn f<S: Real + Copy>(x: &[S]) -> S {
    (x[0] * x[1]).sin() * x[2].exp() + (x[0] - x[2]).square() / (x[1].square() + 1.0)
}

/// Two results of three variables.
fn pair<S: Real + Copy>(x: &[S]) -> [S; 2] {
    [f(x), x[0] * x[1] * x[2]]
}

const X: [f64; 3] = [0.4, -0.7, 1.1];
const V: [f64; 3] = [0.3, 0.9, -0.2];

fn close(a: f64, b: f64) -> bool {
    // The same function by two exact methods: a few dozen roundings.
    approx::relative_eq!(a, b, epsilon = 1e-13, max_relative = 1e-13)
}

#[test]
fn operators_agree_with_the_number_types() {
    let function = Function::new(f::<Var>);
    let gradient = function.gradient(&X).unwrap();
    let hessian = function.hessian(&X).unwrap();
    let product = function.hvp(&X, &V).unwrap();
    for i in 0..3 {
        let dual: Vec<Dual<f64>> = (0..3).map(|k| Dual::new(X[k], f64::from(u8::from(k == i)))).collect();
        assert!(close(gradient[i], f(&dual).tangent));
        for j in 0..3 {
            let unit = |k, at| f64::from(u8::from(k == at));
            let hyper: Vec<HyperDual<f64>> =
                (0..3).map(|k| HyperDual { value: X[k], first: unit(k, i), second: unit(k, j), cross: 0.0 }).collect();
            assert!(close(hessian[[i, j]], f(&hyper).cross));
        }
        assert!(close(product[i], (0..3).map(|j| hessian[[i, j]] * V[j]).sum()));
    }
    assert!(close(function.laplacian(&X).unwrap(), hessian.diag().sum()));
    let line: Vec<Taylor<f64, 5>> = (0..3).map(|k| Taylor::new(X[k], [V[k], 0.0, 0.0, 0.0, 0.0])).collect();
    let series: Vec<Series<f64>> = (0..3).map(|k| Series::from(vec![X[k], V[k], 0.0, 0.0, 0.0, 0.0])).collect();
    let (line, traced) = (f(&line), function.taylor(&X, &V, 5).unwrap());
    fn g<S: Real>(x: &[S]) -> S {
        (x[0].clone() * &x[1]).sin() * x[2].clone().exp()
            + (x[0].clone() - &x[2]).square() / (x[1].clone().square() + 1.0)
    }
    let series = g(&series);
    for k in 0..=5 {
        assert!(close(traced[k][[]], *line.coefficient(k)), "order {k}");
        assert!(close(traced[k][[]], series.coefficients()[k]), "order {k}");
    }
}

#[test]
fn jacobian_is_made_of_jvps_and_vjps() {
    let function = Function::new(pair::<Var>);
    let jacobian = function.jacobian(&X).unwrap();
    assert_eq!(jacobian.dim(), (2, 3));
    let pushed: [ArrayD<f64>; 2] = function.jvp(&X, &V).unwrap();
    let pulled =
        function.vjp(&X, &[arr1(&[0.5]).remove_axis_to_scalar(), arr1(&[-2.0]).remove_axis_to_scalar()]).unwrap();
    for i in 0..2 {
        assert!(close(pushed[i][[]], (0..3).map(|j| jacobian[[i, j]] * V[j]).sum()));
    }
    for j in 0..3 {
        assert!(close(pulled[j], 0.5 * jacobian[[0, j]] - 2.0 * jacobian[[1, j]]));
    }
    // More results than variables: the other mode, the same matrix.
    let tall = Function::new(|x: &[Var]| [pair(x), pair(x), pair(x)].concat());
    let tall = tall.jacobian(&X).unwrap();
    assert_eq!(tall.dim(), (6, 3));
    for (i, row) in tall.rows().into_iter().enumerate() {
        assert!(row.iter().zip(jacobian.row(i % 2)).all(|(a, b)| close(*a, *b)));
    }
}

/// A scalar array out of a vector of one entry.
trait ToScalar {
    fn remove_axis_to_scalar(self) -> ArrayD<f64>;
}

impl ToScalar for Array1<f64> {
    fn remove_axis_to_scalar(self) -> ArrayD<f64> {
        self.into_shape_with_order(ndarray::IxDyn(&[])).expect("one entry")
    }
}

#[test]
fn taylor_gradients_hold_gradient_and_product() {
    let function = Function::new(f::<Var>);
    let gradients = function.taylor_gradients(&X, &V, 3).unwrap();
    for (a, b) in gradients[0].iter().zip(function.gradient(&X).unwrap()) {
        assert!(close(*a, b));
    }
    for (a, b) in gradients[1].iter().zip(function.hvp(&X, &V).unwrap()) {
        assert!(close(*a, b));
    }
    // ∇c₂ = ½ ∇³f[v, v].
    let mut third = [0.0; 3];
    function.linearize(&X).unwrap().third(&V, &V, &mut third).unwrap();
    for (a, b) in gradients[2].iter().zip(third) {
        assert!(close(*a, 0.5 * b));
    }
}

#[test]
fn taylor_series_follows_a_curve() {
    let function = Function::new(f::<Var>);
    let curve = [V, [0.1, -0.2, 0.5], [-0.4, 0.0, 0.3]];
    let traced = function.taylor_series(&X, &curve).unwrap();
    let moving: Vec<Taylor<f64, 3>> =
        (0..3).map(|i| Taylor::new(X[i], [curve[0][i], curve[1][i], curve[2][i]])).collect();
    let expected = f(&moving);
    for (k, c) in traced.iter().enumerate() {
        assert!(close(c[[]], *expected.coefficient(k)));
    }
}

#[test]
fn any_number_of_directions_is_multiplied() {
    let at = Function::new(f::<Var>).linearize(&X).unwrap();
    for k in [0, 1, 7, 64, 87] {
        let directions: Vec<f64> = (0..3 * k).map(|i| (i as f64).cos()).collect();
        let mut products = vec![f64::NAN; 3 * k];
        at.hvps(&directions, &mut products).unwrap();
        for (v, found) in directions.chunks_exact(3).zip(products.chunks_exact(3)) {
            let mut single = [0.0; 3];
            at.hvp(v, &mut single).unwrap();
            assert!(found.iter().zip(single).all(|(&a, b)| close(a, b)), "{k} directions");
        }
    }
}

#[test]
fn all_modes_of_the_product_agree() {
    let function = Function::new(f::<Var>);
    let product = function.hvp(&X, &V).unwrap();
    for mode in [Mode::ForwardOverReverse, Mode::Auto] {
        for (a, b) in function.hvp_by(mode, &X, &V).unwrap().iter().zip(product) {
            assert!(close(*a, b));
        }
    }
    let many = function.hvps(&X, &[V, [1.0, 0.0, 0.0], V]).unwrap();
    let at = function.linearize(&X).unwrap();
    let mut rows = [0.0; 9];
    at.hvps(&[V, [1.0, 0.0, 0.0], V].concat(), &mut rows).unwrap();
    let mut single = [0.0; 3];
    at.hvp(&V, &mut single).unwrap();
    for i in 0..3 {
        assert!(close(many[0][i], product[i]) && close(many[2][i], product[i]));
        assert!(close(rows[i], product[i]) && close(single[i], product[i]));
        assert!(close(rows[3 + i], many[1][i]));
    }
    assert!(function.explain(&X).unwrap().mode.is_some());
}

#[test]
fn gauss_newton_of_a_linear_model_is_the_hessian_and_keeps_the_regulariser() {
    let x = arr2(&[[1.0, 2.0], [-0.5, 1.5], [0.3, 0.1]]);
    let y = arr1(&[1.0, 0.0, 2.0]);
    let loss = Function::with_data(
        |w: &Var, (x, y): &(Var, Var)| (x.matmul(*w).prediction() - y).square().mean() + 0.1 * w.square().sum(),
        &(x, y),
    );
    let (w, v) = (arr1(&[0.2, -0.3]), arr1(&[1.0, -2.0]));
    let (a, b) = (loss.ggn_product(&w, &v).unwrap(), loss.hvp(&w, &v).unwrap());
    assert!(a.iter().zip(&b).all(|(a, b)| close(*a, *b)), "{a} {b}");
    // A model with curvature: Jᵀ ∇²ℓ J from its parts, without the second derivative of the model.
    let model = |w: Var| (w * 2.0).sin();
    let curved = Function::new(move |w: &Var| model(*w).prediction().square().sum());
    let product = curved.ggn_product(&w, &v).unwrap();
    for i in 0..2 {
        // The slope of the model by dual numbers.
        let slope = (Dual::variable(w[i]) * 2.0).sin().tangent;
        assert!(close(product[i], slope * 2.0 * slope * v[i]));
    }
}

#[derive(Tree, Clone, Debug, PartialEq)]
struct Layer<L> {
    weight: L,
    bias: Option<L>,
}

#[derive(Tree, Clone, Debug, PartialEq)]
struct Net<L> {
    layers: Vec<Layer<L>>,
    scale: (L, [L; 2]),
    name: String,
}

#[test]
fn structures_come_back_as_they_went_in() {
    let net = Net {
        layers: vec![
            Layer { weight: arr2(&[[1.0, 2.0], [3.0, 4.0]]).into_dyn(), bias: Some(arr1(&[0.1, 0.2]).into_dyn()) },
            Layer { weight: arr2(&[[1.0], [-1.0]]).into_dyn(), bias: None },
        ],
        scale: (arr1(&[2.0]).into_dyn(), [arr1(&[1.0]).into_dyn(), arr1(&[3.0]).into_dyn()]),
        name: "net".into(),
    };
    let f = Function::new(|net: &Net<Var>| {
        let mut h = autodiff_core::constant(&arr1(&[1.0_f64, -1.0]));
        for layer in &net.layers {
            h = h.matmul(layer.weight);
            if let Some(bias) = layer.bias {
                h += bias;
            }
            h = h.tanh();
        }
        (h * net.scale.0 + net.scale.1[0] * net.scale.1[1]).sum()
    });
    let gradient: Net<ArrayD<f64>> = f.gradient(&net).unwrap();
    assert_eq!(gradient.name, "net");
    assert_eq!(gradient.scale.1[0], arr1(&[3.0]).into_dyn());
    assert!(gradient.layers[1].bias.is_none());
    assert_eq!(net.with_entries(&net.to_vec()), net);
    assert!(f.check(&net).unwrap().passed(), "{}", f.check(&net).unwrap());
    assert_eq!(f.flat(&net).dimension(), net.to_vec().len());
    // A closure may return a structure too.
    let doubled = Function::new(|net: &Net<Var>| net.map(&mut |v| v * 2.0));
    let twice = doubled.evaluate(&net).unwrap();
    assert_eq!(twice.layers[0].weight, &net.layers[0].weight * 2.0);
}

#[test]
fn one_function_serves_both_precisions() {
    let f = Function::new(|x: &Var| x.sin().sum());
    let double = f.gradient(&arr1(&[0.5_f64, 1.0])).unwrap();
    let single = f.gradient(&arr1(&[0.5_f32, 1.0])).unwrap();
    assert_eq!(f.variant_count(), 1, "one trace for both");
    for (a, b) in single.iter().zip(&double) {
        assert!((f64::from(*a) - b).abs() < 1e-6); // a few roundings of 6e-8
    }
}

#[test]
fn new_data_of_the_same_shapes_needs_no_new_trace() {
    let f = Function::with_data(|w: &Var, x: &Var| x.matmul(*w).sum(), &Array2::<f64>::ones((2, 3)));
    let w = arr1(&[1.0, 2.0, 3.0]);
    assert_eq!(f.value(&w).unwrap(), 12.0);
    let g = f.with(&(Array2::<f64>::ones((2, 3)) * 2.0));
    assert_eq!((g.value(&w).unwrap(), f.value(&w).unwrap()), (24.0, 12.0));
    assert_eq!(f.variant_count(), 1);
    assert_eq!(f.with(&Array2::<f64>::ones((5, 3))).value(&w).unwrap(), 30.0);
    assert_eq!(f.variant_count(), 2);
}

#[test]
fn linearisations_work_side_by_side_on_threads() {
    let f = Function::new(|x: &Var| (x.sin() * x.cumsum(0)).sum());
    let points: Vec<Array1<f64>> = (0..4).map(|i| Array1::from_elem(5, 0.1 * f64::from(i))).collect();
    let v = arr1(&[1.0, -1.0, 0.5, 0.2, 0.0]);
    std::thread::scope(|scope| {
        for x in &points {
            let (f, v) = (f.clone(), &v);
            scope.spawn(move || {
                let at = f.linearize(x).unwrap();
                let mut product = vec![0.0; 5];
                for _ in 0..10 {
                    at.hvp(v.as_slice().unwrap(), &mut product).unwrap();
                    assert_eq!(product, f.hvp(x, v).unwrap().to_vec());
                }
            });
        }
    });
}

#[test]
fn vectors_of_arrays_and_views_of_columns_keep_their_order() {
    // A transposed array is not contiguous; its entries still count row by row.
    let a = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reversed_axes();
    let f = Function::new(|x: &Var| (x.slice(0, 0..1) * 10.0).sum() + x.sum());
    assert_eq!(f.gradient(&a).unwrap(), arr2(&[[11.0, 11.0], [1.0, 1.0], [1.0, 1.0]]));
    let b = arr3(&[[[1.0], [2.0]]]);
    assert_eq!(
        Function::new(|x: &[Var]| x[0].sum() * x[1].sum()).gradient(&vec![b.clone(), b]).unwrap()[0][[0, 1, 0]],
        3.0
    );
}

#[test]
fn another_nesting_of_the_same_leaves_is_another_trace() {
    let f = Function::new(|x: &Vec<Vec<Var>>| x[0].iter().sum::<Var>());
    assert_eq!(f.value(&vec![vec![1.0], vec![2.0, 3.0]]).unwrap(), 1.0);
    assert_eq!(f.value(&vec![vec![1.0, 2.0], vec![3.0]]).unwrap(), 3.0);
    let g = Function::with_data(|x: &Var, d: &Vec<Vec<Var>>| x * d[0].len() as f64, &vec![vec![1.0], vec![2.0, 3.0]]);
    assert_eq!(g.value(&1.0).unwrap(), 1.0);
    assert_eq!(g.with(&vec![vec![1.0, 2.0], vec![3.0]]).value(&1.0).unwrap(), 2.0);
    let h = Function::new(|(a, b): &(Option<Var>, Option<Var>)| match (a, b) {
        (Some(a), None) => *a,
        (None, Some(b)) => b * 2.0,
        _ => autodiff_core::constant(&0.0),
    });
    assert_eq!(h.value(&(Some(1.0), None::<f64>)).unwrap(), 1.0);
    assert_eq!(h.value(&(None::<f64>, Some(1.0))).unwrap(), 2.0);
}

#[test]
fn another_setting_is_another_trace() {
    #[derive(Tree, Clone)]
    struct Scaled<L> {
        x: L,
        factor: f64,
    }
    let f = Function::new(|p: &Scaled<Var>| p.x * p.factor);
    assert_eq!(f.gradient(&Scaled { x: 1.0, factor: 2.0 }).unwrap().x, 2.0);
    assert_eq!(f.gradient(&Scaled { x: 1.0, factor: 3.0 }).unwrap().x, 3.0);
    assert_eq!(f.gradient(&Scaled { x: 1.0, factor: 2.0 }).unwrap().x, 2.0);
    assert_eq!(f.variant_count(), 2);
}

#[test]
fn a_derivative_is_with_respect_to_the_node_that_was_meant() {
    // The gradient of sin is a cosine of its own: it does not depend on the user's u, though both are cos x.
    let f = Function::new(|x: &Var| {
        let u = x.cos();
        x.sin().gradient(*x).gradient(u)
    });
    assert_eq!(f.value(&0.5).unwrap(), 0.0);
}

#[test]
fn many_inner_derivatives_cost_what_each_costs() {
    // Each derivative looks at its own few nodes, not at the whole tape: 2000 of them make a tape of some 10 000 nodes.
    let f = Function::new(|x: &Var| (0..2000).fold(*x, |y, _| y.sin().gradient(y)));
    let explanation = f.explain(&0.7).unwrap();
    assert!(explanation.value.nodes <= 2 * 2000, "{} operations", explanation.value.nodes);
}

#[test]
fn a_vector_read_entry_by_entry_costs_its_length() {
    let n = 3000;
    let f = Function::new(move |x: &Var| (1..n).map(|i| (x.at(i) - x.at(i - 1).square()).square()).sum::<Var>());
    let x = Array1::from_iter((0..n).map(|i| (0.7 * i as f64).sin()));
    let statistics = f.explain(&x).unwrap().gradient.unwrap();
    assert!(statistics.arena < 60 * n, "{} entries: each of the {n} reads has an array of its own", statistics.arena);
    let g = Function::new(move |x: &[Var]| (1..n).map(|i| (x[i] - x[i - 1].square()).square()).sum::<Var>());
    for (a, b) in f.gradient(&x).unwrap().iter().zip(g.gradient(&x.to_vec()).unwrap()) {
        assert!(close(*a, b));
    }
}

#[test]
fn a_variable_listed_twice_gets_its_whole_derivative_twice() {
    let f = Function::new(|x: &Var| {
        let found = autodiff_core::transform::adjoint(&[(x.square(), autodiff_core::constant(&1.0))], &[*x, *x]);
        found.into_iter().map(|c| c.expect("x² depends on x")).collect::<Vec<Var>>()
    });
    assert_eq!(f.evaluate(&3.0).unwrap().iter().map(|c| c[[]]).collect::<Vec<f64>>(), [6.0, 6.0]);
}

#[test]
fn powers_of_arrays_keep_their_shape() {
    let f = Function::new(|x: &Var| x.powi(0).sum() + x.powf(0.0).sum());
    assert_eq!(f.value(&arr1(&[1.0, 2.0, 3.0])).unwrap(), 6.0);
}

#[test]
fn large_settings_and_empty_lists_are_told_apart() {
    #[derive(Tree, Clone)]
    struct Centred<L> {
        x: L,
        mean: Array1<f64>,
    }
    let f = Function::new(|p: &Centred<Var>| p.x * autodiff_core::constant(&p.mean).sum());
    let mut point = Centred { x: 1.0, mean: Array1::zeros(1000) };
    assert_eq!(f.value(&point).unwrap(), 0.0);
    point.mean[500] = 7.0;
    assert_eq!(f.value(&point).unwrap(), 7.0);
    let none = Vec::<f64>::new();
    let choose = |x: &Var, (a, b): &(Vec<Var>, Vec<Var>)| if a.is_empty() { x * b[0] } else { x * a[0] * 10.0 };
    let g = Function::with_data(choose, &(vec![1.0], none.clone()));
    assert_eq!(g.value(&1.0).unwrap(), 10.0);
    assert_eq!(g.with(&(none, vec![1.0])).value(&1.0).unwrap(), 1.0);
}

#[test]
fn an_index_of_another_path_is_no_error() {
    let f = Function::with_data(
        |x: &Var, i: &Var| {
            let chosen = x.gather(0, *i);
            if *i < 3.0 { chosen } else { x.sum() }
        },
        &1_usize,
    );
    let x = arr1(&[1.0, 2.0, 3.0]);
    assert_eq!(f.value(&x).unwrap(), 2.0);
    // The kept trace gathers at 5 before its guard is met; the closure itself would not use what it gathered.
    assert_eq!(f.with(&5_usize).value(&x).unwrap(), 6.0);
}

#[test]
fn zeros_are_strong_only_where_a_derivative_is_discarded() {
    // The largest entry, by which logsumexp shifts, is chosen by a select, but no derivative passes there.
    let f = Function::new(|x: &Var| (x.sqrt() * 0.0).logsumexp(0));
    assert!(f.gradient(&arr1(&[0.0_f64, 1.0])).unwrap()[0].is_nan());
    let smooth = Function::new(|x: &Var| x.tanh().logsumexp(0));
    let explanation = smooth.explain(&arr1(&[0.0, 1.0])).unwrap();
    assert!(!explanation.gradient.unwrap().operations.contains_key("strong_mul"));
}

#[test]
fn partials_do_not_overflow_before_their_function_does() {
    for size in [1e-170, 1.0, 1e170] {
        let g = Function::new(|x: &[Var]| x[0].atan2(x[1])).gradient(&vec![size, size]).unwrap();
        assert!(close(g[0] * size, 0.5) && close(g[1] * size, -0.5), "{g:?}");
        let h = Function::new(|x: &Var| x.asinh()).gradient(&size).unwrap();
        assert!(close(h * size.hypot(1.0), 1.0), "{h}");
    }
}

#[test]
fn a_stack_of_many_scalars_is_linear() {
    let n = 20_000;
    let f = Function::new(|x: &[Var]| stack(x, 0).square().sum());
    let x: Vec<f64> = (0..n).map(f64::from).collect();
    assert_eq!(f.gradient(&x).unwrap()[77], 154.0);
}

#[test]
fn threads_that_trace_at_once_keep_one_trace() {
    let f = Function::new(|x: &[Var]| if x[0] > 0.0 { x[0].sin() } else { x[0] });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| f.gradient(&[1.0]).unwrap());
        }
    });
    assert_eq!(f.variant_count(), 1);
}

#[test]
fn boxes_are_inner_nodes() {
    #[derive(Tree, Clone)]
    struct Wrapped<L> {
        inner: Box<L>,
    }
    let f = Function::new(|p: &Wrapped<Var>| p.inner.square());
    assert_eq!(*f.gradient(&Wrapped { inner: Box::new(3.0) }).unwrap().inner, 6.0);
}

#[test]
fn dense_matrices_are_the_same_bits_for_any_number_of_threads() {
    let f = Function::new(|x: &Var| (x.sin() * x.cumsum(0)).square().sum());
    let x = Array1::from_iter((0..100).map(|i| (0.3 * f64::from(i)).sin()));
    let by = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (f.hessian(&x).unwrap(), f.laplacian(&x).unwrap()))
    };
    let one = by(1);
    for threads in [2, 3, 8] {
        assert_eq!(by(threads), one);
    }
}

#[test]
fn functions_and_linearisations_move_and_are_shared_between_threads() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let f = shared(Function::new(|x: &[Var]| x[0].square()));
    let flat = shared(f.flat(&vec![1.0]));
    assert_eq!(shared(flat.linearize(&[3.0]).unwrap()).gradient().unwrap(), [6.0]);
}

/// Values and gradients that are entries of the point itself: nothing is computed, and they are there all the same.
#[test]
fn a_linearised_function_shows_what_is_the_point_itself() {
    let product = Function::new(|(a, b): &(Var, Var)| a * b);
    let at = product.linearize(&(2.0, 3.0)).unwrap();
    assert_eq!(at.gradient().unwrap(), (3.0, 2.0));
    assert_eq!(at.value().unwrap(), 6.0);
    let mut out = [0.0; 2];
    at.hvp(&[1.0, 10.0], &mut out).unwrap();
    assert_eq!(out, [10.0, 1.0]);
    assert_eq!(Function::new(|x: &Var| *x).linearize(&2.0).unwrap().value().unwrap(), 2.0);
}

#[test]
fn predictions_that_are_the_point_or_equal_count_once() {
    let f = Function::new(|x: &Var| x.prediction().square().sum());
    assert_eq!(f.ggn_product(&arr1(&[1.0, 2.0]), &arr1(&[1.0, -1.0])).unwrap(), arr1(&[2.0, -2.0]));
    let g = Function::new(|x: &Var| {
        let (a, b) = ((x * 3.0).prediction(), (x * 3.0).prediction());
        (a.square() + b.square()).sum()
    });
    assert_eq!(g.ggn_product(&arr1(&[1.0]), &arr1(&[1.0])).unwrap(), arr1(&[36.0]));
}

#[test]
fn a_product_added_to_a_sum_does_not_overwrite_results() {
    let f = Function::new(|(x, w): &(Var, Var)| {
        let c = x.slice(0, ..4).reshape(&[4, 1]);
        x.sin().sum().reshape(&[1, 1]) + w.matmul(c)
    });
    let x = (Array1::from_shape_fn(64, |i| 0.1 * i as f64), Array2::from_elem((1, 4), 0.5));
    let v = (Array1::from_elem(64, 1.0), Array2::from_elem((1, 4), 2.0));
    let slope: f64 = x.0.iter().map(|x| x.cos()).sum::<f64>() + 2.0 * (0.0 + 0.1 + 0.2 + 0.3) + 4.0 * 0.5;
    for _ in 0..3 {
        assert!(close(f.jvp(&x, &v).unwrap().sum(), slope));
    }
}
