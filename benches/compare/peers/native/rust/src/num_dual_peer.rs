//! num-dual on the workloads in plain loops: forward mode, gradients and products by blocks of directions in one number.

mod problems;
mod serve;

use crate::problems::{Number, Problem};
use crate::serve::{System, Way, check_of_gradient, check_of_product, run, way};
use nalgebra::{Const, U1};
use num_dual::{Derivative, DualNum, DualSVec64, HyperDualSVec64};

/// Directions in one number: two registers of eight lanes.
const LANES: usize = 16;

/// Entries at most: a gradient is n/16 evaluations, so beyond these a call takes seconds.
const LARGEST: usize = 1500;

type First = DualSVec64<LANES>;
type Second = HyperDualSVec64<LANES, 1>;

macro_rules! number {
    ($T:ty) => {
        impl Number for $T {
            #[inline]
            fn constant(c: f64) -> Self {
                Self::from_re(c)
            }
            #[inline]
            fn exceeds(&self, c: f64) -> bool {
                self.re > c
            }
            #[inline]
            fn sin(self) -> Self {
                DualNum::sin(&self)
            }
            #[inline]
            fn exp(self) -> Self {
                DualNum::exp(&self)
            }
            #[inline]
            fn ln(self) -> Self {
                DualNum::ln(&self)
            }
            #[inline]
            fn tanh(self) -> Self {
                DualNum::tanh(&self)
            }
        }
    };
}
number!(First);
number!(Second);

struct NumDual;

impl System for NumDual {
    const NAME: &'static str = "num-dual";
    const VERSION: &'static str = "0.15.1";

    fn ways(problem: &Problem, op: &str) -> Vec<Box<dyn Way>> {
        if problem.point.len() > LARGEST {
            return Vec::new();
        }
        let (problem, v) = (problem.clone(), problem.direction());
        match op {
            // Nothing is recorded, so that the first gradient costs what any other does.
            "gradient" | "gradient_one_shot" => {
                let check = |(value, gradient): (f64, Vec<f64>)| check_of_gradient(value, &gradient);
                vec![way("DualSVec64<16>, in blocks", move || gradient(&problem), check)]
            }
            "hvp" => {
                let direction = v.clone();
                let check = move |product: Vec<f64>| check_of_product(&direction, &product);
                vec![way("HyperDualSVec64<16, 1>, in blocks", move || product(&problem, &v), check)]
            }
            _ => Vec::new(),
        }
    }
}

/// f and ∇f, sixteen partials at once.
fn gradient(problem: &Problem) -> (f64, Vec<f64>) {
    let mut x: Vec<First> = problem.point.iter().map(|&x| First::from_re(x)).collect();
    let (mut value, mut gradient) = (0.0, vec![0.0; x.len()]);
    for (block, partials) in gradient.chunks_mut(LANES).enumerate() {
        let seeded = block * LANES..block * LANES + partials.len();
        for (lane, i) in seeded.clone().enumerate() {
            x[i].eps = Derivative::derivative_generic(Const, U1, lane);
        }
        let y = problem.at(&x);
        value = y.re;
        partials.copy_from_slice(&y.eps.unwrap_generic(Const::<LANES>, U1).as_slice()[..partials.len()]);
        x[seeded].iter_mut().for_each(|x| x.eps = Derivative::none());
    }
    (value, gradient)
}

/// ∇²f v, sixteen entries at once: the mixed second partials by sixteen unit directions and by v.
fn product(problem: &Problem, v: &[f64]) -> Vec<f64> {
    let along = |(&x, &v): (&f64, &f64)| {
        let mut x = Second::from_re(x);
        x.eps2 = Derivative::some(nalgebra::SMatrix::<f64, 1, 1>::new(v));
        x
    };
    let mut x: Vec<Second> = problem.point.iter().zip(v).map(along).collect();
    let mut product = vec![0.0; x.len()];
    for (block, entries) in product.chunks_mut(LANES).enumerate() {
        let seeded = block * LANES..block * LANES + entries.len();
        for (lane, i) in seeded.clone().enumerate() {
            x[i].eps1 = Derivative::derivative_generic(Const, U1, lane);
        }
        let mixed = problem.at(&x).eps1eps2.unwrap_generic(Const::<LANES>, U1);
        entries.copy_from_slice(&mixed.as_slice()[..entries.len()]);
        x[seeded].iter_mut().for_each(|x| x.eps1 = Derivative::none());
    }
    product
}

fn main() {
    run::<NumDual>();
}
