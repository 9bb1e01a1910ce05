//! What rolling leaves alone, and why; and loops with marked predictions, which it does not.

use autodiff_core::compile::Unrolled;
use autodiff_core::{Function, Var, checkpoint};
use testkit::counter::direction;

#[test]
fn gauss_newton_products_know_their_predictions_in_loops() {
    let (inputs, samples) = (9, 16);
    let at = move |s: usize, k: usize| (0.7 * (s * inputs + k) as f64).sin();
    let misfits = move |w: &[Var], mark: bool| {
        let mut sum: Var = num_traits::Zero::zero();
        for s in 0..samples {
            let mut z = w[0] * 0.0;
            for k in 0..inputs {
                z += w[k] * at(s, k);
            }
            let z = z.sin();
            let z = if mark { z.prediction() } else { z };
            sum += (z - 0.3).square();
        }
        sum
    };
    let f = Function::new(move |w: &[Var]| misfits(w, true));
    let (w, v) = (direction(inputs, 1), direction(inputs, 2));
    let explained = f.explain(&w).unwrap();
    assert!(explained.rolling.is_some() && explained.graph.len() < 60, "{}", explained.graph);
    let product = f.ggn_product(&w, &v).unwrap();
    // 2 Σ zₛ′ zₛ′ᵀ v with the slopes of the single predictions.
    let mut expected = vec![0.0; inputs];
    for s in 0..samples {
        let slope: f64 = (0..inputs).map(|k| w[k] * at(s, k)).sum::<f64>().cos();
        let along: f64 = (0..inputs).map(|k| v[k] * at(s, k)).sum();
        (0..inputs).for_each(|k| expected[k] += 2.0 * slope * slope * along * at(s, k));
    }
    product.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-11, "{a} {b}"));
}

/// Marks of two kinds and in another order than the loop's, one twice, with a branch and a term that bypasses them.
#[test]
fn marks_of_several_kinds_are_one_array() {
    let n = 24;
    let loss = move |x: &[Var], mark: bool| {
        let on = |z: Var| if mark { z.prediction() } else { z };
        let squares: Vec<Var> = x.iter().rev().map(|x| on(x.square() * 0.5 + 0.1 * *x)).collect();
        let sines: Vec<Var> = (0..n).map(|i| on((x[i] * x[(i + 3) % n]).sin())).collect();
        on(sines[2]);
        let mut sum = x.iter().map(|x| (*x * 0.3).exp()).sum::<Var>();
        for i in 0..n {
            let d = squares[i] - sines[(5 * i) % n];
            sum += if d > 0.2 { d.square() } else { d.square().square() - 0.3 * d };
        }
        sum
    };
    let (marked, plain) =
        (Function::new(move |x: &[Var]| loss(x, true)), Function::new(move |x: &[Var]| loss(x, false)));
    let (x, v) = (direction(n, 1), direction(n, 2));
    let explained = marked.explain(&x).unwrap();
    assert!(explained.rolling.is_some(), "{:?}", explained.unrolled);
    let close = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} {b}"));
    };
    marked.prepare(&x).unwrap();
    close(&marked.gradient(&x).unwrap(), &plain.gradient(&x).unwrap());
    close(&marked.hvp(&x, &v).unwrap(), &plain.hvp(&x, &v).unwrap());
    // Of all x ↦ (z, e^0.3x) the terms by z without the curvature of z, and the others with theirs.
    let number = |x: &[f64]| -> (Vec<f64>, Vec<f64>) {
        let squares = x.iter().rev().map(|x| x * x * 0.5 + 0.1 * x).collect();
        (squares, (0..n).map(|i| (x[i] * x[(i + 3) % n]).sin()).collect())
    };
    let (squares, sines) = number(&x);
    let mut expected: Vec<f64> = x.iter().zip(&v).map(|(x, v)| 0.09 * (x * 0.3).exp() * v).collect();
    for i in 0..n {
        let k = (5 * i) % n;
        let d = squares[i] - sines[k];
        let curvature = if d > 0.2 { 2.0 } else { 12.0 * d * d };
        let (a, b, c) = (n - 1 - i, k, (k + 3) % n);
        let cosine = (x[b] * x[c]).cos();
        let slopes = [(a, x[a] + 0.1), (b, -cosine * x[c]), (c, -cosine * x[b])];
        let along: f64 = slopes.iter().map(|&(j, s)| s * v[j]).sum();
        slopes.iter().for_each(|&(j, s)| expected[j] += curvature * along * s);
    }
    close(&marked.ggn_product(&x, &v).unwrap(), &expected);
}

#[test]
fn an_explanation_tells_why_a_loop_was_not_rolled() {
    let told = |f: Function<'_, [Var]>, n: usize| {
        let explained = f.explain(&direction(n, 1)).unwrap();
        assert!(explained.rolling.is_none());
        (explained.unrolled.clone().expect("not rolled"), explained.to_string())
    };
    let squares = |x: &[Var]| x.iter().map(|x| x.square()).sum::<Var>();
    let (why, text) = told(Function::new(squares), 20);
    assert_eq!(why, Unrolled::Few { scalars: 39, needed: 64 });
    assert!(text.contains("not rolled: 39 scalar operations are fewer than 64"), "{text}");
    let (why, text) = told(Function::new(move |x: &[Var]| checkpoint(|| squares(x)).sin()), 200);
    assert_eq!(why, Unrolled::Checkpoint);
    assert!(text.contains("not rolled: a part is to be computed again (checkpoint)"), "{text}");
    let (why, text) =
        told(Function::new(move |x: &[Var]| squares(x).prediction().sin().prediction() + squares(x)), 200);
    assert_eq!(why, Unrolled::Predictions);
    assert!(text.contains("not rolled: a marked prediction"), "{text}");
    // A loop that carries its value through operations of another kind in every step.
    let mixed = |x: &[Var]| {
        (0..120).fold(x[0], |y, i| match i % 3 {
            0 => y.sin(),
            1 => y.exp(),
            _ => y.tanh() - x[1],
        })
    };
    let (why, text) = told(Function::new(mixed), 2);
    let Unrolled::Scattered(rolling) = why else { panic!("{why:?}") };
    assert_eq!((rolling.scalars, rolling.lanes), (160, 0));
    assert!(text.contains("160 alone: 40 exp, 40 sin, 40 sub, 40 tanh (fewer than 8 alike; 156 rest on"), "{text}");
    // Of what is rolled, what is left over; of arrays, nothing.
    let f = Function::new(move |x: &[Var]| squares(x) * x[0].sin() + x[1].sin());
    let explained = f.explain(&direction(200, 1)).unwrap();
    let alone = explained.rolling.as_ref().expect("a loop").alone.clone();
    assert_eq!(alone, [("sin", 2), ("add", 1), ("mul", 1), ("sum", 1)]);
    assert!(explained.to_string().contains("5 alone: 2 sin, 1 add, 1 mul, 1 sum (fewer than 8 alike)"), "{explained}");
    let arrays = Function::new(|x: &Var| x.square().sum().prediction());
    assert!(!arrays.explain(&ndarray::arr1(&[1.0, 2.0])).unwrap().to_string().contains("not rolled"));
}
