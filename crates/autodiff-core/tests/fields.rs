//! Differential operators of fields: collapsed sums against sums over directions, dense derivatives and nested derivatives;
//! estimates against what they estimate.

use autodiff_core::{Elementary, Error, Function, Probe, Var, concat, constant};
use ndarray::{Array1, Array2, ArrayD, arr1, arr2};
use rand::{SeedableRng, rngs::SmallRng};

/// Programs of a vector of four that use every class of primitive, and what can be multiplied out.
fn programs() -> Vec<(&'static str, fn(Var) -> Var)> {
    vec![
        ("tanh network", |x| {
            let w = constant(&Array2::from_shape_fn((4, 5), |(i, j)| (i * 5 + j) as f64 / 9.0 - 1.0));
            x.reshape(&[1, 4]).matmul(w).tanh().matmul(w.t()).tanh().sum()
        }),
        ("products", |x| (x.sin() * x.cos() * x.exp()).sum()),
        ("quotient", |x| (x.sum().sin() / (x.square().sum() + 2.0)) * x.at(1)),
        ("division by what varies", |x| (1.0 / (x + 3.0)).sum() + x.at(0) / x.square().sum()),
        ("inverse slopes", |x| (x.square() + 1.0).ln().sum() * x.atan().sum()),
        ("powers", |x| (x.square() + 0.5).powf(1.7).sum() + x.powi(5).sum()),
        ("attention", |x| {
            let a = x.reshape(&[2, 2]);
            a.matmul(a.t()).softmax(1).matmul(a).square().sum()
        }),
        ("solve", |x| {
            let a: Var = x.reshape(&[2, 2]).square() + constant(&arr2(&[[3.0, 0.5], [0.5, 4.0]]));
            a.solve(x.slice(0, 0..2)).sum().sin()
        }),
        ("select", |x| x.less(0.1).select(x.powi(3), x.sin()).sum()),
        ("layout", |x| {
            let y = concat(&[x, x.square()], 0).reshape(&[2, 4]).t();
            (y.sum_axes(&[1]) * x.gather(0, constant(&arr1(&[3.0, 0.0, 1.0, 1.0])))).cumsum(0).sum().exp()
        }),
        ("gelu and friends", |x| (x.cosh() + x.softplus() * x.sigmoid() + x.erf()).mean()),
        ("a difference that cancels", |x| ((x + 1e-3).sin() - x.sin()).square().sum() * 1e6),
        ("linear", |x| x.sum() * 3.0 + 1.0),
        ("constant", |x| x.detach().sum()),
    ]
}

const X: [f64; 4] = [0.3, -0.7, 1.1, 0.4];

#[track_caller]
fn assert_close(what: &str, a: f64, b: f64) {
    // The same number by two exact methods, in sums of up to a hundred terms of the order of one.
    assert!((a - b).abs() <= 1e-11 * b.abs().max(1.0), "{what}: {a:e} against {b:e}");
}

fn only(values: ArrayD<f64>) -> f64 {
    assert_eq!(values.len(), 1);
    values.sum()
}

#[test]
fn a_collapsed_sum_is_the_sum_over_the_directions() {
    let rows = arr2(&[[0.3, -0.2, 1.0, 0.5], [-1.0, 0.4, 0.1, 0.7], [0.2, 0.2, -0.6, 0.9]]);
    for (name, f) in programs() {
        let directions = rows.clone();
        let sum = Function::new(move |x: &Var| f(*x).sum_of_second_derivatives(*x, constant(&directions)));
        let single = Function::new(move |x: &Var| f(*x));
        let each =
            rows.rows().into_iter().map(|v| 2.0 * only(single.taylor(&arr1(&X), &v.to_owned(), 2).unwrap()[2].clone()));
        assert_close(name, sum.value(&arr1(&X)).unwrap(), each.sum());
    }
}

#[test]
fn laplacian_weighted_and_diagonal_are_read_off_the_hessian() {
    let weights = Array2::from_shape_fn((4, 4), |(i, j)| ((3 * i + 5 * j) % 7) as f64 - 2.0);
    for (name, f) in programs() {
        let x = arr1(&X);
        let function = Function::new(move |x: &Var| f(*x));
        let hessian = function.hessian(&x).unwrap();
        let trace = hessian.diag().sum();
        assert_close(name, function.laplacian(&x).unwrap(), trace);
        assert_close(name, Function::new(move |x: &Var| f(*x).laplacian(*x)).value(&x).unwrap(), trace);
        let weighted = (&hessian * &weights).sum();
        assert_close(name, function.weighted_second_derivatives(&x, weights.view()).unwrap(), weighted);
        let w = weights.clone();
        let inside = Function::new(move |x: &Var| f(*x).weighted_second_derivatives(*x, constant(&w)));
        assert_close(name, inside.value(&x).unwrap(), weighted);
        let inside = Function::new(move |x: &Var| f(*x).hessian_diagonal(*x)).evaluate(&x).unwrap();
        let diagonal = function.hessian_diagonal(&x).unwrap();
        for i in 0..4 {
            assert_close(name, diagonal[i], hessian[[i, i]]);
            assert_close(name, inside[[i]], hessian[[i, i]]);
        }
    }
}

#[test]
fn long_chains_of_factors_and_sums_take_time_in_proportion() {
    // Looking for factors through all of it would visit 3³⁰ nodes, or recurse 20 000 deep.
    let bushy = Function::new(|x: &Var| {
        let mut y = x.sigmoid();
        for _ in 0..30 {
            y = y + (1.0 - y) * y * 0.1;
        }
        y.sum()
    });
    let x = arr1(&X);
    assert_close("bushy", bushy.laplacian(&x).unwrap(), bushy.hessian(&x).unwrap().diag().sum());
    let deep = Function::new(|x: &Var| (0..20_000).fold(*x, |y, _| y * 1.0001).square().sum());
    assert_close("deep", deep.laplacian(&x).unwrap(), 8.0 * 1.0001_f64.powi(40_000));
}

#[test]
fn biharmonic_and_mixed_derivatives_are_nested_second_derivatives() {
    for (name, f) in programs() {
        let x = arr1(&X);
        let function = Function::new(move |x: &Var| f(*x));
        // The Hessian's trace, differentiated again by dense derivatives.
        let nested = Function::new(move |x: &Var| f(*x).gradient(*x).divergence(*x)).hessian(&x).unwrap().diag().sum();
        let found = function.biharmonic(&x).unwrap();
        // Fourth derivatives reach some hundreds here.
        assert!((found - nested).abs() <= 1e-10 * nested.abs().max(1.0), "{name}: {found:e} against {nested:e}");
        let inside = Function::new(move |x: &Var| f(*x).biharmonic(*x)).value(&x).unwrap();
        assert!((inside - nested).abs() <= 1e-10 * nested.abs().max(1.0), "{name}: {inside:e} against {nested:e}");
        let (u, v) = (arr1(&[1.0, 0.5, -0.3, 0.2]), arr1(&[-0.4, 1.0, 0.6, 0.1]));
        let third = only(function.mixed_derivative(&x, &[u.clone(), v.clone(), u.clone()]).unwrap());
        let linear = function.linearize(&x).unwrap();
        let mut product = Array1::zeros(4);
        linear.third(u.as_slice().unwrap(), v.as_slice().unwrap(), product.as_slice_mut().unwrap()).unwrap();
        assert_close(name, third, product.dot(&u));
    }
}

#[test]
fn operators_per_sample_are_those_of_each_sample() {
    fn field(x: Var) -> Var {
        let w = Array2::from_shape_fn((3, 3), |(i, j)| 0.4 * (i as f64 - j as f64) + 0.3);
        (x.matmul(constant(&w)).tanh() * x).sin()
    }
    let batch = Array2::from_shape_fn((5, 3), |(i, j)| (i as f64 - 1.7) * 0.3 + j as f64 * 0.2);
    let weights = arr2(&[[1.0, 0.3, 0.0], [-0.2, 0.5, 2.0], [0.0, 1.0, 0.1]]);
    type Both = fn(Var, Var, Var) -> [Var; 8];
    let all: [Both; 2] = [
        |y, x, w| {
            let u = y.sum_axes(&[1]);
            [
                y.laplacian_rows(x),
                u.laplacian_rows(x),
                u.weighted_second_derivatives_rows(x, w),
                u.hessian_diagonal_rows(x),
                u.biharmonic_rows(x),
                y.divergence_rows(x),
                y.curl_rows(x),
                u.reshape(&[x.shape()[0], 1]).laplacian_rows(x),
            ]
        },
        // The whole operators, of a batch of one, as rows.
        |y, x, w| {
            let (x, y) = (x, y);
            let u = y.sum();
            let row = |v: Var| v.reshape(&[1]);
            [
                y.laplacian(x),
                row(u.laplacian(x)),
                row(u.weighted_second_derivatives(x, w)),
                u.hessian_diagonal(x),
                row(u.biharmonic(x)),
                row(y.divergence(x)),
                y.curl(x).reshape(&[1, 3]),
                u.laplacian(x).reshape(&[1, 1]),
            ]
        },
    ];
    let [rows, single] = all.map(|operators| {
        let weights = weights.clone();
        Function::new(move |x: &Var| operators(field(*x), *x, constant(&weights)))
    });
    let together = rows.evaluate(&batch).unwrap();
    for (i, row) in batch.rows().into_iter().enumerate() {
        let alone = single.evaluate(&row.to_owned().insert_axis(ndarray::Axis(0))).unwrap();
        for (number, (all, one)) in together.iter().zip(&alone).enumerate() {
            let part = all.index_axis(ndarray::Axis(0), i);
            for (a, b) in part.iter().zip(one.index_axis(ndarray::Axis(0), 0)) {
                assert_close(&format!("operator {number} of sample {i}"), *a, *b);
            }
        }
    }
}

#[test]
fn known_fields_have_their_operators() {
    // Δ|x|⁴ = 4(n + 2)|x|², ΔΔ|x|⁴ = 8 n (n + 2).
    let f = Function::new(|x: &Var| x.square().sum().square());
    let x = arr1(&[1.0, -2.0, 0.5]);
    assert_eq!(f.laplacian(&x).unwrap(), 20.0 * 5.25);
    assert_eq!(f.biharmonic(&x).unwrap(), 120.0);
    let rotation = Function::new(|x: &[Var]| vec![-x[1], x[0], x[2] * x[2]]);
    assert_eq!(rotation.curl(&vec![0.1, 0.2, 0.3]).unwrap(), [0.0, 0.0, 2.0]);
    assert_eq!(rotation.divergence(&vec![0.1, 0.2, 0.25]).unwrap(), 0.5);
    // A gradient field has no curl, and a curl no divergence.
    let potential = |x: Var| (x.at(0) * x.at(1)).sin() * x.at(2).exp();
    let free = Function::new(move |x: &Var| potential(*x).gradient(*x).curl(*x));
    assert!(free.evaluate(&x).unwrap().iter().all(|c| c.abs() < 1e-14));
    let sourceless = Function::new(|x: &Var| (x.square() * x.at(1)).sin().curl(*x).divergence(*x));
    assert!(sourceless.value(&x).unwrap().abs() < 1e-13);
}

/// Second derivatives of a scalar in three variables, by gradients of the entries of its gradient.
fn dense_hessian(y: Var, x: Var) -> [[Var; 3]; 3] {
    let first = y.gradient(x);
    std::array::from_fn(|i| {
        let second = first.at(i).gradient(x);
        std::array::from_fn(|j| second.at(j))
    })
}

fn trace(hessian: [[Var; 3]; 3]) -> Var {
    hessian[0][0] + hessian[1][1] + hessian[2][2]
}

#[test]
fn operators_are_differentiated_again_by_parameters() {
    // An operator on what a network with some weights makes of x, and the same from gradients of gradients.
    type Operator = fn(Var, Var) -> Var;
    fn entries(m: [[f64; 3]; 3]) -> impl Iterator<Item = (usize, usize, f64)> {
        m.into_iter().enumerate().flat_map(|(i, row)| row.into_iter().enumerate().map(move |(j, w)| (i, j, w)))
    }
    const WEIGHTS: [[f64; 3]; 3] = [[1.0, 0.3, 0.0], [-0.2, 0.5, 2.0], [0.0, 1.0, 0.1]];
    const ROWS: [[f64; 3]; 2] = [[0.3, -0.2, 1.0], [-1.0, 0.4, 0.1]];
    let operators: Vec<(&str, Operator, Operator)> = vec![
        ("laplacian", |u, x| u.sum().laplacian(x), |u, x| trace(dense_hessian(u.sum(), x))),
        (
            "weighted_second_derivatives",
            |u, x| u.sum().weighted_second_derivatives(x, constant(&arr2(&WEIGHTS))),
            |u, x| {
                let h = dense_hessian(u.sum(), x);
                entries(WEIGHTS).map(|(i, j, w)| h[i][j] * w).sum()
            },
        ),
        (
            "sum_of_second_derivatives",
            |u, x| u.sum().sum_of_second_derivatives(x, constant(&arr2(&ROWS))),
            |u, x| {
                let h = dense_hessian(u.sum(), x);
                let along = |v: [f64; 3]| entries([[0.0; 3]; 3]).map(|(i, j, _)| h[i][j] * (v[i] * v[j])).sum::<Var>();
                ROWS.into_iter().map(along).sum()
            },
        ),
        (
            "hessian_diagonal",
            |u, x| u.sum().hessian_diagonal(x).sin().sum(),
            |u, x| {
                let h = dense_hessian(u.sum(), x);
                h[0][0].sin() + h[1][1].sin() + h[2][2].sin()
            },
        ),
        (
            "mixed_derivative",
            |u, x| u.sum().mixed_derivative(x, &ROWS.map(|v| constant(&arr1(&v)))),
            |u, x| {
                let h = dense_hessian(u.sum(), x);
                entries([[0.0; 3]; 3]).map(|(i, j, _)| h[i][j] * (ROWS[0][i] * ROWS[1][j])).sum()
            },
        ),
        ("biharmonic", |u, x| u.sum().biharmonic(x), |u, x| trace(dense_hessian(trace(dense_hessian(u.sum(), x)), x))),
        ("divergence", |u, x| u.divergence(x), |u, x| (0..3).map(|i| u.at(i).gradient(x).at(i)).sum()),
        (
            "curl",
            |u, x| u.curl(x).square().sum(),
            |u, x| {
                let d = |i: usize, j: usize| u.at(j).gradient(x).at(i);
                (d(1, 2) - d(2, 1)).square() + (d(2, 0) - d(0, 2)).square() + (d(0, 1) - d(1, 0)).square()
            },
        ),
    ];
    let x = arr1(&[0.4, -0.8, 0.6]);
    let p = arr1(&[1.3, 0.7, -0.5, 0.2, 0.9, -0.3, 0.4, 0.8, 0.1]);
    let field = |p: Var, x: Var| (x.matmul(p.reshape(&[3, 3])).tanh() * x).sin();
    type Made<'a> = Function<'a, Var, Var, Var>;
    let compare = |name: &str, a: Made<'_>, b: Made<'_>| {
        assert_close(name, a.value(&p).unwrap(), b.value(&p).unwrap());
        let (ga, gb) = (a.gradient(&p).unwrap(), b.gradient(&p).unwrap());
        let (ha, hb) = (a.hessian(&p).unwrap(), b.hessian(&p).unwrap());
        for (a, b) in [(ga.into_dyn(), gb.into_dyn()), (ha.into_dyn(), hb.into_dyn())] {
            // Up to sixth derivatives of the network, which reach some thousands.
            let size = b.iter().fold(1.0_f64, |size, b| size.max(b.abs()));
            for (a, b) in a.iter().zip(&b) {
                assert!((a - b).abs() <= 1e-11 * size, "derivatives of {name}: {a:e} against {b:e}");
            }
        }
    };
    for (name, collapsed, dense) in operators {
        let [a, b] = [collapsed, dense]
            .map(|operator| Function::with_data(move |p: &Var, x: &Var| operator(field(*p, *x), *x), &x));
        compare(name, a, b);
    }
    // Per sample, against the operators of single samples.
    let rows: Vec<(&str, Operator, Operator)> = vec![
        ("laplacian_rows", |u, x| u.laplacian_rows(x).sum(), |u, x| u.sum().laplacian(x)),
        (
            "weighted_second_derivatives_rows",
            |u, x| u.weighted_second_derivatives_rows(x, constant(&arr2(&WEIGHTS))).sum(),
            |u, x| u.sum().weighted_second_derivatives(x, constant(&arr2(&WEIGHTS))),
        ),
        (
            "hessian_diagonal_rows",
            |u, x| u.sum_axes(&[1]).hessian_diagonal_rows(x).sin().sum(),
            |u, x| u.sum().hessian_diagonal(x).sin().sum(),
        ),
        ("biharmonic_rows", |u, x| u.biharmonic_rows(x).sum(), |u, x| u.sum().biharmonic(x)),
        ("divergence_rows", |u, x| u.divergence_rows(x).sin().sum(), |u, x| u.divergence(x).sin()),
        ("curl_rows", |u, x| u.curl_rows(x).square().sum(), |u, x| u.curl(x).square().sum()),
    ];
    let batch = arr2(&[[0.4, -0.8, 0.6], [-0.3, 0.5, 0.9]]);
    for (name, together, single) in rows {
        let a = Function::with_data(move |p: &Var, x: &Var| together(field(*p, *x), *x), &batch);
        let each = move |p: &Var, x: &Var| {
            let sample = |i| {
                let row = x.at(i);
                single(field(*p, row), row)
            };
            sample(0) + sample(1)
        };
        compare(name, a, Function::with_data(each, &batch));
    }
}

#[test]
fn the_sum_along_directions_is_that_of_hessian_products() {
    // Two blocks of directions.
    let f = Function::new(|x: &Var| (x.sin() * x.cumsum(0)).sum().exp());
    let x = Array1::linspace(-0.4, 0.6, 5);
    let directions: Vec<Array1<f64>> =
        (0..40).map(|i| Array1::from_shape_fn(5, |j| ((i * 5 + j) as f64 * 0.7).sin())).collect();
    let expected: f64 = directions.iter().map(|v| f.hvp(&x, v).unwrap().dot(v)).sum();
    assert_close("directions", f.sum_of_second_derivatives(&x, &directions).unwrap(), expected);
    assert_eq!(f.sum_of_second_derivatives(&x, &[]).unwrap(), 0.0);
    let wrong = f.sum_of_second_derivatives(&x, &[arr1(&[1.0])]).unwrap_err().to_string();
    assert!(wrong.contains("sum_of_second_derivatives"), "{wrong}");
}

#[test]
fn estimates_are_unbiased() {
    let f = Function::new(|x: &Var| (x.sin() * x.cumsum(0)).sum() + x.sum().cos() * 3.0);
    let x = Array1::linspace(-1.0, 1.0, 40);
    let (laplacian, biharmonic) = (f.laplacian(&x).unwrap(), f.biharmonic(&x).unwrap());
    for seed in 0..5 {
        let rng = &mut SmallRng::seed_from_u64(seed);
        for (probe, samples) in [(Probe::Rademacher, 400), (Probe::Normal, 400), (Probe::Coordinates, 20)] {
            let found = f.laplacian_estimate(&x, probe, samples, rng).unwrap();
            let off = (found.mean - laplacian).abs() / found.standard_error;
            assert!(off < 4.0 && found.samples == samples, "{probe:?}: {found:?} against {laplacian}");
        }
        let found = f.biharmonic_estimate(&x, 2000, rng).unwrap();
        assert!((found.mean - biharmonic).abs() < 4.0 * found.standard_error, "{found:?} against {biharmonic}");
    }
    // All axes without repetition leave nothing to chance.
    let all = f.laplacian_estimate(&x, Probe::Coordinates, 40, &mut SmallRng::seed_from_u64(0)).unwrap();
    assert_eq!(all.standard_error, 0.0);
    assert_close("all axes", all.mean, laplacian);
}

#[test]
fn estimates_of_weighted_sums_and_of_divergences_are_unbiased() {
    let f = Function::new(|x: &Var| (x.sin() * x.cumsum(0)).sum() + x.sum().cos() * 3.0);
    let field = Function::new(|x: &Var| x.sin() * x.cumsum(0) + x.sum().cos());
    let x = Array1::linspace(-1.0, 1.0, 40);
    // Not symmetric, and more than one block of directions.
    let weights =
        Array2::from_shape_fn((40, 40), |(i, j)| ((i * 7 + j * 3) % 11) as f64 / 11.0 + f64::from(u8::from(i == j)));
    let (weighted, divergence) =
        (f.weighted_second_derivatives(&x, weights.view()).unwrap(), field.divergence(&x).unwrap());
    for seed in 0..5 {
        let rng = &mut SmallRng::seed_from_u64(seed);
        for (probe, samples) in [(Probe::Rademacher, 400), (Probe::Normal, 400), (Probe::Coordinates, 20)] {
            let found = f.weighted_second_derivatives_estimate(&x, weights.view(), probe, samples, rng).unwrap();
            let off = (found.mean - weighted).abs() / found.standard_error;
            assert!(off < 4.0 && found.samples == samples, "{seed}, {probe:?}: {found:?} against {weighted}");
            let found = field.divergence_estimate(&x, probe, samples, rng).unwrap();
            let off = (found.mean - divergence).abs() / found.standard_error;
            assert!(off < 4.0 && found.samples == samples, "{seed}, {probe:?}: {found:?} against {divergence}");
        }
    }
    // All axes without repetition leave nothing to chance.
    let rng = &mut SmallRng::seed_from_u64(0);
    let all = f.weighted_second_derivatives_estimate(&x, weights.view(), Probe::Coordinates, 40, rng).unwrap();
    assert_eq!(all.standard_error, 0.0);
    assert_close("all axes", all.mean, weighted);
    let all = field.divergence_estimate(&x, Probe::Coordinates, 40, rng).unwrap();
    assert_eq!(all.standard_error, 0.0);
    assert_close("all axes", all.mean, divergence);
}

#[test]
fn a_divergence_of_many_variables_is_the_trace_of_the_jacobian() {
    // More than two blocks of directions, and a result in two leaves.
    let field = Function::new(|x: &Var| {
        let y = x.sin() * x.cumsum(0) + x.sum().cos();
        (y.slice(0, 0..30), y.slice(0, 30..70))
    });
    let x = Array1::linspace(-1.0, 1.0, 70);
    assert_close("trace", field.divergence(&x).unwrap(), field.jacobian(&x).unwrap().diag().sum());
    let nothing = Function::new(|x: &Var| x.sin());
    assert_eq!(nothing.divergence(&Array1::<f64>::zeros(0)).unwrap(), 0.0);
}

#[test]
fn what_does_not_fit_is_refused_with_its_shapes() {
    let x = arr1(&[1.0, 2.0]);
    let message = |f: fn(Var) -> Var| Function::new(move |x: &Var| f(*x)).evaluate(&x).unwrap_err().to_string();
    let of = [
        (message(|x| x.sum().divergence(x)), "divergence: expected a field of the shape [2]"),
        (message(|x| x.curl(x)), "curl: expected a field in three variables, found 2"),
        (message(|x| x.sum().laplacian_rows(x)), "laplacian_rows: expected x of shape [batch, d]"),
        (message(|x| x.sum().weighted_second_derivatives(x, x)), "expected weights of shape [2, 2], found [2]"),
        (message(|x| x.sum().mixed_derivative(x, &[x, x.sum()])), "mixed_derivative: a direction of shape []"),
        (message(|x| x.hessian_diagonal(x)), "hessian_diagonal: expected a scalar, found shape [2]"),
        (message(|x| x.sum().sum_of_second_derivatives(x, x)), "directions of shape [2] for a variable of shape [2]"),
    ];
    for (found, expected) in of {
        assert!(found.contains(expected) && found.contains("fields.rs"), "{found}");
    }
    let f = Function::new(|x: &Var| x.sum());
    let rng = &mut SmallRng::seed_from_u64(0);
    assert!(matches!(f.laplacian_estimate(&x, Probe::Normal, 1, rng), Err(Error::Unsupported { .. })));
    assert!(matches!(f.laplacian_estimate(&x, Probe::Coordinates, 3, rng), Err(Error::Unsupported { .. })));
    assert!(matches!(f.divergence(&x), Err(Error::Unsupported { .. })));
    assert!(matches!(f.curl(&x), Err(Error::Unsupported { .. })));
    assert!(matches!(f.divergence_estimate(&x, Probe::Normal, 9, rng), Err(Error::Unsupported { .. })));
    let weights = arr2(&[[1.0]]);
    let refused = f.weighted_second_derivatives_estimate(&x, weights.view(), Probe::Normal, 9, rng).unwrap_err();
    assert!(
        refused.to_string().contains("weighted_second_derivatives_estimate: expected weights of shape [2, 2]"),
        "{refused}"
    );
    let vector = Function::new(|x: &Var| *x);
    let refused = vector
        .weighted_second_derivatives_estimate(&x, arr2(&[[1.0, 0.0], [0.0, 1.0]]).view(), Probe::Normal, 9, rng)
        .unwrap_err();
    assert!(refused.to_string().contains("weighted_second_derivatives_estimate"), "{refused}");
    assert!(matches!(f.weighted_second_derivatives(&x, arr2(&[[1.0]]).view()), Err(Error::Unsupported { .. })));
}

/// A sum over no directions is 0, of a scalar function.
#[test]
fn no_directions_ask_for_a_scalar_all_the_same() {
    let none: &[Vec<f64>] = &[];
    let scalar = Function::new(|x: &[Var]| x[0].exp());
    let sum = scalar.sum_of_second_derivatives(&vec![1.0], none).unwrap();
    assert_eq!(sum.to_bits(), 0.0_f64.to_bits());
    let pair = Function::new(|x: &[Var]| vec![x[0], x[0].exp()]);
    let error = pair.sum_of_second_derivatives(&vec![1.0], none).unwrap_err();
    assert!(matches!(error, Error::NotScalar { operator: "sum_of_second_derivatives", .. }), "{error}");
}
