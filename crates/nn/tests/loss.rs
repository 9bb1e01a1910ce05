//! Losses: scaling, identities between them, extreme arguments; and metrics.

use autodiff_core::{Error, Function, Var};
use ndarray::{Array2, Array3, ArrayD, arr1, arr2, array};
use nn::{accuracy, confusion_matrix};

fn logits() -> Array2<f64> {
    Array2::from_shape_fn((5, 3), |(i, j)| ((i * 3 + j) as f64 * 1.3).sin() * 2.0)
}

/// Largest difference of entries.
fn apart(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |m: f64, d| m.max(d.abs()))
}

#[test]
fn every_loss_is_a_mean_so_a_batch_taken_twice_has_the_same_loss() {
    type Loss = fn(&Var, &Var) -> Var;
    let losses: [Loss; 5] = [
        |y, t| nn::mse(*y, *t),
        |y, t| nn::huber(*y, *t, 0.5),
        |y, t| nn::binary_cross_entropy(*y, *t),
        |y, t| nn::soft_cross_entropy(*y, *t),
        |y, t| nn::kl_divergence(*y, *t),
    ];
    let targets = logits().mapv(f64::exp);
    let targets = &targets / &targets.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    let twice = |m: &Array2<f64>| ndarray::concatenate![ndarray::Axis(0), m.view(), m.view()];
    let y = logits().mapv(|z| 1.0 - z);
    for loss in losses {
        let f = Function::with_data(loss, &targets);
        let (one, two) = (f.value(&y).unwrap(), f.with(&twice(&targets)).value(&twice(&y)).unwrap());
        assert!((one - two).abs() < 1e-14 * one.abs(), "{one} {two}");
    }
    let labels = arr1(&[0_usize, 2, 1, 1, 0]);
    let f = Function::with_data(|z: &Var, labels: &Var| nn::cross_entropy(*z, *labels), &labels);
    let one = f.value(&y).unwrap();
    let doubled = ndarray::concatenate![ndarray::Axis(0), labels.view(), labels.view()];
    assert!((one - f.with(&doubled).value(&twice(&y)).unwrap()).abs() < 1e-14);
}

#[test]
fn cross_entropy_is_the_soft_one_with_one_hot_targets_and_the_divergence_too() {
    let labels = arr1(&[0_usize, 2, 1, 1, 0]);
    let one_hot = Array2::from_shape_fn((5, 3), |(i, j)| f64::from(u8::from(labels[i] == j)));
    let hard = Function::with_data(|z: &Var, labels: &Var| nn::cross_entropy(*z, *labels), &labels);
    let soft = Function::with_data(|z: &Var, t: &Var| nn::soft_cross_entropy(*z, *t), &one_hot);
    let divergence = Function::with_data(|z: &Var, t: &Var| nn::kl_divergence(*z, *t), &one_hot);
    let z = logits();
    let (value, gradient) = hard.value_and_gradient(&z).unwrap();
    for other in [soft, divergence] {
        // The same terms in another order.
        let (v, g) = other.value_and_gradient(&z).unwrap();
        assert!((v - value).abs() < 1e-14 && apart(&g, &gradient) < 1e-15);
        assert!(apart(&other.hvp(&z, &z).unwrap(), &hard.hvp(&z, &z).unwrap()) < 1e-15);
    }
}

#[test]
fn binary_cross_entropy_is_that_of_two_classes_of_which_one_has_logit_zero() {
    let z = arr1(&[-2.0, 0.3, 1.5]);
    let binary = Function::with_data(|z: &Var, t: &Var| nn::binary_cross_entropy(*z, *t), &arr1(&[1.0, 0.0, 1.0]));
    let labels = arr1(&[1_usize, 0, 1]);
    let pairs = Array2::from_shape_fn((3, 2), |(i, j)| j as f64 * z[i]);
    let classes = Function::with_data(|z: &Var, labels: &Var| nn::cross_entropy(*z, *labels), &labels);
    assert!((binary.value(&z).unwrap() - classes.value(&pairs).unwrap()).abs() < 1e-15);
}

#[test]
fn huber_is_half_the_mean_squares_inside_and_linear_outside() {
    let targets = Array2::<f64>::zeros((5, 3));
    let huber = Function::with_data(|y: &Var, t: &Var| nn::huber(*y, *t, 10.0), &targets);
    let squares = Function::with_data(|y: &Var, t: &Var| 0.5 * nn::mse(*y, *t), &targets);
    let y = logits();
    assert!((huber.value(&y).unwrap() - squares.value(&y).unwrap()).abs() < 1e-15);
    assert!(apart(&huber.hvp(&y, &y).unwrap(), &squares.hvp(&y, &y).unwrap()) < 1e-15);

    let outside = Function::with_data(|y: &Var, t: &Var| nn::huber(*y, *t, 0.5), &0.0);
    assert_eq!(outside.value(&-3.0).unwrap(), 0.5 * (3.0 - 0.25));
    assert_eq!(outside.gradient(&-3.0).unwrap(), -0.5);
    assert_eq!(outside.hvp(&-3.0, &1.0).unwrap(), 0.0);
    assert_eq!(outside.hvp(&0.25, &1.0).unwrap(), 1.0);
}

#[test]
fn entropies_stay_finite_for_logits_of_any_size() {
    let z = arr2(&[[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]]);
    let entropy = Function::with_data(|z: &Var, labels: &Var| nn::cross_entropy(*z, *labels), &arr1(&[1_usize, 0]));
    let value = entropy.value(&z).unwrap();
    assert!((value - 0.5 * (2e4 + 3.0_f64.ln())).abs() < 1e-11); // ε · 2e4 is 4e-12
    assert!(entropy.gradient(&z).unwrap().iter().chain(&entropy.hvp(&z, &z).unwrap()).all(|x| x.is_finite()));

    let binary = Function::with_data(|z: &Var, t: &Var| nn::binary_cross_entropy(*z, *t), &arr1(&[1.0, 0.0]));
    let z = arr1(&[-1e4, 1e4]);
    assert_eq!(binary.value(&z).unwrap(), 1e4);
    assert_eq!(binary.gradient(&z).unwrap(), arr1(&[-0.5, 0.5]));
    assert_eq!(binary.ggn_product(&z, &z).unwrap(), arr1(&[0.0, 0.0]));
}

#[test]
fn labels_may_have_more_axes() {
    let z = Array3::from_shape_fn((2, 2, 3), |(i, j, k)| (i + 2 * j) as f64 * k as f64);
    let labels = array![[0_usize, 1], [2, 0]];
    let loss = Function::with_data(|z: &Var, labels: &Var| nn::cross_entropy(*z, *labels), &labels);
    let flat = loss.with(&arr1(&[0_usize, 1, 2, 0]));
    let rows = z.clone().into_shape_with_order((4, 3)).unwrap();
    assert_eq!(loss.value(&z).unwrap(), flat.value(&rows).unwrap());
    assert_eq!(
        accuracy(&z.into_dyn(), &labels).unwrap(),
        accuracy(&rows.into_dyn(), &labels.flatten().to_owned()).unwrap()
    );
}

#[test]
fn accuracy_counts_right_rows() {
    let logits = arr2(&[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [f64::NAN, 1.0, 0.0], [0.0, f64::NAN, 0.0], [2.0, 2.0, 0.0]]);
    let logits = logits.into_dyn();
    let labels = arr1(&[0_u8, 2, 1, 0, 0]);
    // The rows with NaN are wrong; of equal logits the first is chosen.
    assert_eq!(accuracy(&logits, &labels).unwrap(), 0.6);
    let counts = confusion_matrix(&logits, &labels).unwrap();
    assert_eq!(counts, arr2(&[[2, 0, 0], [0, 0, 0], [0, 0, 1]]));
    assert!(accuracy(&ArrayD::<f32>::zeros(vec![0, 3]), &arr1::<usize>(&[])).unwrap().is_nan());
}

#[test]
fn metrics_name_what_does_not_fit() {
    let logits = Array2::<f64>::zeros((2, 3)).into_dyn();
    let text = accuracy(&logits, &arr1(&[0_usize])).unwrap_err().to_string();
    assert!(text.contains("accuracy: labels") && text.contains("[1]") && text.contains("[2]"), "{text}");
    let error = confusion_matrix(&logits, &arr1(&[0_usize, 3])).unwrap_err();
    assert!(matches!(error, Error::Index { position: 1, length: 3, .. }), "{error}");
    let scalar = ArrayD::<f64>::zeros(vec![]);
    assert!(matches!(accuracy(&scalar, &arr1(&[0_usize])), Err(Error::Structure { argument: "logits", .. })));
}
