//! Derivatives of whole models: certificates, Gauss–Newton against Hessian, precision, penalties.

mod common;

use autodiff_core::{Error, Function, Tree, Var};
use common::{SMOOTH, batch, classifier, dense_ggn, distance, is_definite};
use ndarray::{Array1, Array2, ArrayD};
use nn::rand::{SeedableRng, rngs::SmallRng};
use nn::{Activation, Init, Linear, Mlp, cross_entropy, l1, l2, mse};

fn classify(model: &Mlp<Var>, (x, labels): &(Var, Var)) -> Var {
    cross_entropy(model.forward(*x), *labels)
}

#[test]
fn certificate_of_cross_entropy_passes_for_every_smooth_activation() {
    for activation in SMOOTH {
        let loss = Function::with_data(classify, &batch());
        let certificate = loss.check(&classifier(activation)).unwrap();
        assert!(certificate.passed(), "{activation:?}\n{certificate}");
    }
}

#[test]
fn certificate_of_mean_squares_passes_with_an_activation_at_the_output_and_a_penalty() {
    let (x, _) = batch();
    let y = Array2::from_shape_fn((6, 4), |(i, j)| ((i + 2 * j) as f64).cos());
    let loss = Function::with_data(
        |model: &Mlp<Var>, (x, y): &(Var, Var)| mse(model.forward(*x), *y) + l2(model, 0.3),
        &(x, y),
    );
    let certificate = loss.check(&classifier(Activation::Silu).with_output(Activation::Tanh)).unwrap();
    assert!(certificate.passed(), "{certificate}");
}

#[test]
fn gauss_newton_of_cross_entropy_is_symmetric_and_positive_semidefinite() {
    for activation in [Activation::Tanh, Activation::Gelu, Activation::Relu] {
        let loss = Function::with_data(classify, &batch());
        let ggn = dense_ggn(&loss, &classifier(activation));
        // Products round at about 100 ε relative to the largest entry; so may eigenvalues that are 0.
        assert!(distance(&ggn, &ggn.t().to_owned()) < 1e-13);
        assert!(is_definite(&ggn, 1e-12 * ggn.diag().sum()), "{activation:?}");
        // The Hessian is not: at random weights a network curves both ways.
        let hessian = loss.hessian(&classifier(activation)).unwrap();
        assert!(!is_definite(&hessian, 1e-3 * ggn.diag().sum()), "{activation:?}");
    }
}

#[test]
fn gauss_newton_of_a_linear_model_is_the_hessian() {
    let (x, labels) = batch();
    let y = Array2::from_shape_fn((6, 4), |(i, j)| (i as f64 - j as f64) * 0.5);
    let model = Linear::<ArrayD<f64>>::new(3, 4, Init::LecunNormal, &mut SmallRng::seed_from_u64(2));
    let squares =
        Function::with_data(|model: &Linear<Var>, (x, y): &(Var, Var)| mse(model.forward(*x), *y), &(x.clone(), y));
    // Equal but for rounding, of which a product has a few ε.
    assert!(distance(&dense_ggn(&squares, &model), &squares.hessian(&model).unwrap()) < 1e-14);
    let entropy = Function::with_data(
        |model: &Linear<Var>, (x, labels): &(Var, Var)| cross_entropy(model.forward(*x), *labels),
        &(x, labels),
    );
    assert!(distance(&dense_ggn(&entropy, &model), &entropy.hessian(&model).unwrap()) < 1e-14);
}

#[test]
fn gauss_newton_contains_the_full_hessian_of_a_penalty() {
    let plain = Function::with_data(classify, &batch());
    let penalised =
        Function::with_data(|model: &Mlp<Var>, data: &(Var, Var)| classify(model, data) + l2(model, 0.25), &batch());
    let model = classifier(Activation::Tanh);
    let difference = dense_ggn(&penalised, &model) - dense_ggn(&plain, &model);
    let n = model.leaves().size();
    assert!(distance(&difference, &(0.25 * Array2::<f64>::eye(n))) < 1e-14);
}

#[test]
fn hessian_of_l2_is_the_strength_times_the_identity() {
    let model = classifier(Activation::Tanh);
    let n = model.leaves().size();
    let all = Function::new(|model: &Mlp<Var>| l2(model, 0.7));
    assert_eq!(all.hessian(&model).unwrap(), 0.7 * Array2::<f64>::eye(n));
    // Of the weights alone it has zeros at the biases, which come last in each layer.
    let weights = Function::new(|model: &Mlp<Var>| l2(&model.weights(), 0.7));
    let mut diagonal = Vec::new();
    for layer in &model.layers {
        diagonal.extend(vec![0.7; layer.weight.len()]);
        diagonal.extend(vec![0.0; layer.bias.as_ref().map_or(0, |b| b.len())]);
    }
    assert_eq!(weights.hessian(&model).unwrap(), Array2::from_diag(&Array1::from(diagonal)));
}

#[test]
fn penalties_of_a_structure_without_leaves_are_zero() {
    let f = Function::new(|x: &Var| l1(&Vec::<Var>::new(), 1.0) + l2(&Vec::<Var>::new(), 1.0) + *x);
    assert_eq!(f.value(&2.0).unwrap(), 2.0);
}

#[test]
fn gradient_and_products_have_the_structure_of_the_model() {
    let model = classifier(Activation::Gelu);
    let loss = Function::with_data(classify, &batch());
    let gradient: Mlp<ArrayD<f64>> = loss.gradient(&model).unwrap();
    let product: Mlp<ArrayD<f64>> = loss.hvp(&model, &gradient).unwrap();
    for found in [&gradient, &product] {
        assert_eq!(found.leaves(), model.leaves());
        assert_eq!(found.activation, Activation::Gelu);
        assert_eq!(found.layers[1].weight.shape(), [5, 4]);
    }
    // Rows of softmax − label sum to 0, and the last bias is added to every logit.
    let last = gradient.layers[2].bias.as_ref().unwrap();
    assert!(last.sum().abs() < 1e-15);
}

#[test]
fn a_model_of_single_precision_has_the_derivatives_of_double_up_to_its_rounding() {
    let double = classifier(Activation::Silu);
    let single = Mlp::<ArrayD<f32>>::new(&[3, 5, 4, 4], Activation::Silu, Init::XavierNormal, 11);
    let loss = Function::with_data(classify, &batch());
    let (f64_value, f64_gradient) = loss.value_and_gradient(&double).unwrap();
    let (f32_value, f32_gradient): (f32, Mlp<ArrayD<f32>>) = loss.value_and_gradient(&single).unwrap();
    // Some ten roundings of 6e-8 in a row, of numbers of size 1.
    assert!((f64_value - f64::from(f32_value)).abs() < 2e-6);
    for (d, s) in f64_gradient.to_vec().iter().zip(f32_gradient.to_vec()) {
        assert!((d - f64::from(s)).abs() < 2e-6, "{d} {s}");
    }
    let products =
        (loss.hvp(&double, &f64_gradient).unwrap().to_vec(), loss.hvp(&single, &f32_gradient).unwrap().to_vec());
    for (d, s) in products.0.iter().zip(products.1) {
        assert!((d - f64::from(s)).abs() < 2e-6, "{d} {s}");
    }
}

#[test]
fn gauss_newton_without_a_mark_is_refused() {
    let f = Function::new(|w: &Var| l2(w, 1.0));
    assert!(matches!(f.ggn_product(&1.0, &1.0), Err(Error::Unsupported { .. })));
}
