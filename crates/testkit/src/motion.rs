//! Motions that differential equations describe: a star with five planets.
//!
//! ```
//! use testkit::motion::{energy, planets, six_bodies};
//! use autodiff_core::ode::Trajectory;
//!
//! let start = planets();
//! let mut path = Trajectory::new(six_bodies, &start, 0.0);
//! path.advance_to(5.0).unwrap();
//! assert!((energy(&path.state()) / energy(&start) - 1.0).abs() < 1e-14);
//! ```

use autodiff_core::{Var, constant};
use ndarray::{Array1, Array2};

/// The star and its planets.
pub const BODIES: usize = 6;

/// Positions and velocities, of shape \[6, 3\] each.
pub type State = (Array2<f64>, Array2<f64>);

/// Of the star 1, of the planets about a thousandth; the constant of gravitation is 1.
pub fn masses() -> Array1<f64> {
    Array1::from_shape_fn(BODIES, |i| if i == 0 { 1.0 } else { 1e-3 * (1.0 + 0.1 * i as f64) })
}

/// The star at rest in the middle, planets on circles about it but for their pull at one another.
pub fn planets() -> State {
    let radius = |i: usize| 1.0 + 0.7 * i as f64;
    let angle = |i: usize| 1.3 * i as f64;
    let x = Array2::from_shape_fn((BODIES, 3), |(i, k)| match (i, k) {
        (0, _) => 0.0,
        (_, 0) => radius(i) * angle(i).cos(),
        (_, 1) => radius(i) * angle(i).sin(),
        _ => 0.01 * i as f64,
    });
    let v = Array2::from_shape_fn((BODIES, 3), |(i, k)| match (i, k) {
        (0, _) | (_, 2) => 0.0,
        (_, 0) => -angle(i).sin() / radius(i).sqrt(),
        _ => angle(i).cos() / radius(i).sqrt(),
    });
    (x, v)
}

/// Rates of positions and velocities: v, and Σⱼ mⱼ (xⱼ − xᵢ)/|xⱼ − xᵢ|³ for body i.
pub fn six_bodies(&(x, v): &(Var, Var), _time: Var) -> (Var, Var) {
    let apart = x.reshape(&[1, BODIES, 3]) - x.reshape(&[BODIES, 1, 3]);
    // A body does not pull at itself: its distance counts as 1, and its difference is 0.
    let same = constant(&Array2::<f64>::eye(BODIES));
    let distance = (apart.square().sum_axes(&[2]) + same).sqrt();
    let pull = constant(&masses()).reshape(&[1, BODIES]) / (distance.square() * distance);
    (v, (apart * pull.reshape(&[BODIES, BODIES, 1])).sum_axes(&[1]))
}

/// Kinetic energy Σ mᵢ|vᵢ|²/2 less Σ mᵢmⱼ/|xⱼ − xᵢ| over pairs, which the motion keeps.
pub fn energy((x, v): &State) -> f64 {
    let m = masses();
    let kinetic: f64 = (0..BODIES).map(|i| 0.5 * m[i] * v.row(i).dot(&v.row(i))).sum();
    let pair = |(i, j): (usize, usize)| {
        let apart = &x.row(i) - &x.row(j);
        m[i] * m[j] / apart.dot(&apart).sqrt()
    };
    kinetic - (0..BODIES).flat_map(|i| (0..i).map(move |j| (i, j))).map(pair).sum::<f64>()
}
