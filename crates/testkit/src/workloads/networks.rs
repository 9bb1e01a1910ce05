//! Networks: functions of lists of arrays. Each marks the output of its model, for Gauss–Newton products.

use super::{Kind, Network, Problem, dense, dense_parameters, parameters};
use crate::counter::{symmetric, symmetrics, uniforms};
use autodiff_core::{Conv2d, Function, Padding, Var};
use ndarray::{Array1, Array2, Axis};

/// N1: a network 784-256-128-10 with tanh that classifies 128 samples.
///
/// Point: W₁, b₁, W₂, b₂, W₃, b₃. Data: X = U(1) of shape [128, 784]; labels y_b = (7b + 3) mod 10. Loss, for the output z:
/// mean_b (ln Σ_c e^{z_bc} − z_b\[y_b\]).
pub fn classifier() -> Network<(Var, Var)> {
    let loss = |p: &[Var], (x, labels): &(Var, Var)| {
        let z = dense(*x, p, |h, _| h.tanh()).prediction();
        z.softmax_cross_entropy(*labels).mean()
    };
    Problem {
        name: "N1",
        point: dense_parameters(&[784, 256, 128, 10]),
        function: Function::with_data(loss, &(uniforms(1, (128, 784)), labels(128))),
    }
}

/// N1s: a network 2-32-32-1 with tanh that fits 100 samples.
///
/// Point: W₁, b₁, W₂, b₂, W₃, b₃. Data: X = S(1) of shape [100, 2]; targets t_b = sin 3X_b0 + ½ cos 2X_b1. Loss, for the
/// output z of shape [100, 1]: mean_b (z_b − t_b)².
pub fn small_network() -> Network<(Var, Var)> {
    let x = symmetrics(1, (100, 2));
    let t = x.map_axis(Axis(1), |x| (3.0 * x[0]).sin() + 0.5 * (2.0 * x[1]).cos());
    let loss = |p: &[Var], (x, t): &(Var, Var)| {
        let z = dense(*x, p, |h, _| h.tanh()).prediction();
        (z - *t).square().mean()
    };
    Problem {
        name: "N1s",
        point: dense_parameters(&[2, 32, 32, 1]),
        function: Function::with_data(loss, &(x, t.insert_axis(Axis(1)))),
    }
}

/// N2: an autoencoder 784-1000-500-250-30-250-500-1000-784 of 200 samples.
///
/// A sigmoid follows every layer but the fourth, whose 30 outputs are the code, and the last, whose outputs z are logits.
/// Point: W₁, b₁, …, W₈, b₈. Data: X = U(1) of shape [200, 784]. Loss: (1/200) Σ_b Σ_j (softplus(z_bj) − X_bj z_bj).
pub fn autoencoder() -> Network<Var> {
    let loss = |p: &[Var], x: &Var| {
        let z = dense(*x, p, |h, layer| if layer == 3 { h } else { h.sigmoid() }).prediction();
        z.sigmoid_cross_entropy(*x).sum() / 200.0
    };
    Problem {
        name: "N2",
        point: dense_parameters(&[784, 1000, 500, 250, 30, 250, 500, 1000, 784]),
        function: Function::with_data(loss, &uniforms(1, (200, 784))),
    }
}

/// N3: two convolutions and a dense layer that classify 64 images of 28 × 28.
///
/// Images are [n, height, width, channels] and kernels are not flipped. A convolution 3×3 from 1 to 8 channels with a border
/// of one zero, softplus; a convolution 3×3 from 8 to 16 channels with a border of one zero and stride 2, softplus; the
/// result [64, 14, 14, 16] flattened to rows of 3136; a dense layer to 10 logits. Point: K₁, b₁, K₂, b₂, W, b. Data:
/// X = U(1) of shape [64, 28, 28, 1]; labels and loss as in [`classifier`].
pub fn convolutional_network() -> Network<(Var, Var)> {
    let loss = |p: &[Var], (x, labels): &(Var, Var)| {
        let [k1, b1, k2, b2, w, b] = p else { unreachable!("the point has six arrays") };
        let same = Conv2d::default().padding(Padding::Explicit([(1, 1), (1, 1)]));
        let h = (x.conv2d(*k1, same) + b1).softplus();
        let h = (h.conv2d(*k2, same.stride([2, 2])) + b2).softplus();
        let z = (h.reshape(&[64, 3136]).matmul(*w) + b).prediction();
        z.softmax_cross_entropy(*labels).mean()
    };
    let layout: [(Kind, &[usize]); 6] = [
        (Kind::Kernel, &[3, 3, 1, 8]),
        (Kind::Offset, &[8]),
        (Kind::Kernel, &[3, 3, 8, 16]),
        (Kind::Offset, &[16]),
        (Kind::Weight, &[3136, 10]),
        (Kind::Offset, &[10]),
    ];
    Problem {
        name: "N3",
        point: parameters(&layout),
        function: Function::with_data(loss, &(uniforms(1, (64, 28, 28, 1)), labels(64))),
    }
}

/// N4: a transformer block on 8 sequences of 32 vectors of 64 entries, 4 heads of 16, without mask.
///
/// x = X + attention(norm(X; g₁, b₁)), out = x + gelu(norm(x; g₂, b₂) W₁ + c₁) W₂ + c₂, where
/// * norm(x; g, b) = (x − mean)/√(variance + 1e-5) · g + b along the last axis, the variance divided by 64;
/// * attention(h) = o W_o + b_o with q, k, v = h W_q + b_q, …, head i being columns 16i to 16i + 15 of each, and the same
///   columns of o being softmax(q kᵀ/√16) v;
/// * gelu(x) = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
///
/// Point: g₁, b₁, W_q, b_q, W_k, b_k, W_v, b_v, W_o, b_o, g₂, b₂, W₁ [64, 256], c₁, W₂ [256, 64], c₂. Data: X = S(1) and
/// t = S(3), of shape [8, 32, 64]. Loss: the mean of (out − t)² over all entries.
pub fn transformer_block() -> Network<(Var, Var)> {
    let loss = |p: &[Var], (x, t): &(Var, Var)| {
        let [g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2] = p else {
            unreachable!("the point has sixteen arrays")
        };
        let h = norm(*x, *g1, *b1);
        let heads = |w: &Var, b: &Var| {
            let all = h.matmul(*w) + b;
            all.reshape(&[8, 32, 4, 16]).permute(&[0, 2, 1, 3])
        };
        let (q, k, v) = (heads(wq, bq), heads(wk, bk), heads(wv, bv));
        let weights = (q.matmul(k.t()) / 4.0).softmax(-1);
        let o = weights.matmul(v).permute(&[0, 2, 1, 3]);
        let x = x + o.reshape(&[8, 32, 64]).matmul(*wo) + bo;
        let h = gelu(norm(x, *g2, *b2).matmul(*w1) + c1);
        let out = (x + h.matmul(*w2) + c2).prediction();
        (out - t).square().mean()
    };
    let mut layout: Vec<(Kind, &[usize])> = vec![(Kind::Gain, &[64]), (Kind::Offset, &[64])];
    for _ in 0..4 {
        layout.extend([(Kind::Weight, &[64, 64][..]), (Kind::Offset, &[64])]);
    }
    layout.extend([
        (Kind::Gain, &[64][..]),
        (Kind::Offset, &[64]),
        (Kind::Weight, &[64, 256]),
        (Kind::Offset, &[256]),
        (Kind::Weight, &[256, 64]),
        (Kind::Offset, &[64]),
    ]);
    Problem {
        name: "N4",
        point: parameters(&layout),
        function: Function::with_data(loss, &(symmetrics(1, (8, 32, 64)), symmetrics(3, (8, 32, 64)))),
    }
}

/// N5: logistic regression on 10 000 samples of 100 features, with a ridge.
///
/// Point: w of shape \[100\], 0.1 S(2). Data: X = S(1) of shape [10000, 100]; y_b = 1 if (X w*)_b + 2 S(6, b) > 0 for
/// w* = S(5), else 0. Loss, for z = X w: mean_b (softplus(z_b) − y_b z_b) + 0.0005 ‖w‖².
pub fn logistic_regression() -> Network<(Var, Var)> {
    let x: Array2<f64> = symmetrics(1, (10_000, 100));
    let mut y = x.dot(&symmetrics(5, 100));
    for (b, y) in (0..).zip(&mut y) {
        *y = if *y + 2.0 * symmetric(6, b) > 0.0 { 1.0 } else { 0.0 };
    }
    let loss = |p: &[Var], (x, y): &(Var, Var)| {
        let w = p[0];
        x.matmul(w).prediction().sigmoid_cross_entropy(*y).mean() + 0.0005 * w.dot(w)
    };
    Problem {
        name: "N5",
        point: vec![symmetrics(2, 100).mapv(|s| 0.1 * s).into_dyn()],
        function: Function::with_data(loss, &(x, y)),
    }
}

/// Labels y_b = (7b + 3) mod 10.
fn labels(count: usize) -> Array1<usize> {
    (0..count).map(|b| (7 * b + 3) % 10).collect()
}

/// Normalisation along the last axis, then gain and offset.
fn norm(x: Var, gain: Var, offset: Var) -> Var {
    let centred = x - x.mean_axes(&[-1]).expand_axis(-1);
    let deviation = (centred.square().mean_axes(&[-1]) + 1e-5).sqrt();
    centred / deviation.expand_axis(-1) * gain + offset
}

fn gelu(x: Var) -> Var {
    let root = (2.0 / std::f64::consts::PI).sqrt();
    0.5 * x * (1.0 + (root * (x + 0.044715 * x.powi(3))).tanh())
}
