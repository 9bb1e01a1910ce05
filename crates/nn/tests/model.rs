//! Shapes, structure and errors of layers and models.

mod common;

use autodiff_core::{Error, Function, Tree, Var};
use common::classifier;
use ndarray::{Array, Array2, Array3, ArrayD, arr1, arr2};
use nn::rand::{SeedableRng, rngs::SmallRng};
use nn::{Activation, Init, Linear, Mlp};

#[test]
fn forward_maps_the_last_axis_of_any_rank() {
    let model = classifier(Activation::Tanh);
    let forward = |model: &Mlp<Var>, x: &Var| model.forward(*x);
    let shape = |result: ArrayD<f64>| result.shape().to_vec();
    let one = Function::with_data(forward, &Array::<f64, _>::zeros(3));
    assert_eq!(shape(one.evaluate(&model).unwrap()), [4]);
    let rows = one.with(&Array2::<f64>::zeros((7, 3)));
    assert_eq!(shape(rows.evaluate(&model).unwrap()), [7, 4]);
    let blocks = one.with(&Array3::<f64>::zeros((2, 7, 3)));
    assert_eq!(shape(blocks.evaluate(&model).unwrap()), [2, 7, 4]);
    let none = one.with(&Array2::<f64>::zeros((0, 3)));
    assert_eq!(shape(none.evaluate(&model).unwrap()), [0, 4]);
}

#[test]
fn forward_is_layers_and_activations_in_turn() {
    let x = arr2(&[[0.3, -1.0, 2.0]]);
    let model = classifier(Activation::Tanh).with_output(Activation::Sin);
    let whole = Function::with_data(|model: &Mlp<Var>, x: &Var| model.forward(*x), &x);
    let mut y = x;
    for (i, layer) in model.layers.iter().enumerate() {
        let weight = layer.weight.clone().into_dimensionality::<ndarray::Ix2>().unwrap();
        let bias = layer.bias.clone().unwrap().into_dimensionality::<ndarray::Ix1>().unwrap();
        y = y.dot(&weight) + &bias;
        y.mapv_inplace(if i < 2 { f64::tanh } else { f64::sin });
    }
    let found = whole.evaluate(&model).unwrap();
    // Sums of five products of size 1 differ in their order by a few ε.
    assert!(found.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-15), "{found} {y}");
}

#[test]
fn a_wrong_width_names_the_product_both_shapes_and_the_callers_line() {
    let f = Function::with_data(|model: &Mlp<Var>, x: &Var| model.forward(*x), &Array2::<f64>::zeros((6, 2)));
    let line = line!() - 1;
    let error = f.evaluate(&classifier(Activation::Tanh)).unwrap_err();
    assert!(matches!(&error, Error::Operation { operation, .. } if operation == "matmul"));
    let text = error.to_string();
    assert!(text.contains("[6, 2] · [3, 5]"), "{text}");
    assert!(text.contains(&format!("tests/model.rs:{line}:")), "{text}");
}

#[test]
fn losses_of_shapes_that_would_broadcast_are_refused_at_the_callers_line() {
    let column = Array2::<f64>::zeros((4, 1));
    let row = arr1(&[0.0; 4]);
    type Loss = fn(Var, Var) -> Var;
    let losses: [(&str, Loss); 5] = [
        ("mse", nn::mse),
        ("huber", |y, t| nn::huber(y, t, 1.0)),
        ("binary_cross_entropy", nn::binary_cross_entropy),
        ("soft_cross_entropy", nn::soft_cross_entropy),
        ("kl_divergence", nn::kl_divergence),
    ];
    for (name, loss) in losses {
        let f = Function::with_data(move |y: &Var, t: &Var| loss(*y, *t), &row);
        let text = f.value(&column).unwrap_err().to_string();
        assert!(text.starts_with(name) && text.contains("[4, 1]") && text.contains("[4]"), "{text}");
    }
    let f = Function::with_data(|y: &Var, t: &Var| nn::mse(*y, *t), &row);
    let line = line!() - 1;
    let text = f.value(&column).unwrap_err().to_string();
    assert!(text.contains(&format!("tests/model.rs:{line}:")), "{text}");
}

#[test]
fn a_target_of_another_trace_is_named_as_such() {
    let outer = Function::new(|t: &Var| {
        let t = *t;
        let inner = Function::new(move |y: &Var| nn::mse(*y, t));
        assert!(matches!(inner.value(&arr1(&[1.0, 2.0])), Err(Error::ForeignVariable { .. })));
        t.sum()
    });
    assert_eq!(outer.value(&arr1(&[1.0, 2.0])).unwrap(), 3.0);
}

#[test]
fn a_delta_that_is_not_positive_is_refused() {
    for delta in [0.0, -1.0, f64::NAN] {
        let f = Function::new(move |y: &Var| nn::huber(*y, *y, delta));
        let text = f.value(&arr1(&[1.0])).unwrap_err().to_string();
        assert!(text.contains("delta must be positive"), "{text}");
    }
}

#[test]
fn a_label_that_is_no_class_is_an_error_at_run_time() {
    let loss = Function::with_data(|z: &Var, labels: &Var| nn::cross_entropy(*z, *labels), &arr1(&[0_usize, 3]));
    let logits = Array2::<f64>::zeros((2, 3));
    assert!(matches!(loss.value(&logits), Err(Error::Index { length: 3, position: 1, .. })));
    assert!(loss.with(&arr1(&[0_usize, 2])).value(&logits).is_ok());
    let text = loss.with(&arr1(&[0_usize])).value(&logits).unwrap_err().to_string();
    assert!(text.contains("softmax_cross_entropy") && text.contains("[2, 3]") && text.contains("[1]"), "{text}");
}

#[test]
fn a_model_is_its_entries_in_order() {
    let model = classifier(Activation::Gelu);
    let entries = model.to_vec();
    assert_eq!(entries.len(), 3 * 5 + 5 + 5 * 4 + 4 + 4 * 4 + 4);
    assert_eq!(model.with_entries(&entries), model);
    let counted: Vec<f64> = (0..entries.len()).map(|i| i as f64).collect();
    let model = model.with_entries(&counted);
    assert_eq!(model.to_vec(), counted);
    assert_eq!(model.layers[0].weight[[1, 0]], 5.0);
    assert_eq!(model.layers[0].bias.as_ref().unwrap()[[0]], 15.0);
    assert_eq!(model.layers[1].weight[[0, 0]], 20.0);
    assert_eq!(model.activation, Activation::Gelu);
}

#[test]
fn layers_without_bias_and_models_without_layers() {
    let linear = Linear::<ArrayD<f64>>::without_bias(2, 3, Init::Constant(1.0), &mut SmallRng::seed_from_u64(0));
    let f = Function::with_data(|l: &Linear<Var>, x: &Var| l.forward(*x), &arr1(&[1.0, 2.0]));
    assert_eq!(f.evaluate(&linear).unwrap(), arr1(&[3.0, 3.0, 3.0]).into_dyn());
    assert_eq!(linear.leaves().count(), 1);

    let empty = Mlp::<ArrayD<f64>>::new(&[4], Activation::Tanh, Init::HeNormal, 0).with_output(Activation::Relu);
    let f = Function::with_data(|model: &Mlp<Var>, x: &Var| model.forward(*x), &arr1(&[-1.0, 2.0]));
    assert_eq!(f.evaluate(&empty).unwrap(), arr1(&[0.0, 2.0]).into_dyn());
}

#[test]
fn one_seed_gives_one_model_and_another_another() {
    let of = |seed| Mlp::<ArrayD<f64>>::new(&[3, 4, 2], Activation::Tanh, Init::XavierUniform, seed);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    let single = Mlp::<ArrayD<f32>>::new(&[3, 4, 2], Activation::Tanh, Init::XavierUniform, 1);
    let rounded: Vec<f32> = of(1).to_vec().iter().map(|&w| w as f32).collect();
    assert_eq!(single.to_vec(), rounded);
    // Layers of one model differ although their shapes agree.
    let twice = Mlp::<ArrayD<f64>>::new(&[3, 3, 3], Activation::Tanh, Init::HeNormal, 1);
    assert_ne!(twice.layers[0], twice.layers[1]);
}
