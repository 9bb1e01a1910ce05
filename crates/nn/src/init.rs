//! Initial weights: laws whose spread follows from the shape, drawn from the caller's generator.
//!
//! The numbers are drawn and transformed in double precision and rounded once, so that one seed gives an `f32` and an
//! `f64` model the same weights up to that rounding. Logarithm and cosine are those of `libm`, the same on every machine.
//!
//! Xavier: Glorot, Bengio, AISTATS 2010. He: He, Zhang, Ren, Sun, ICCV 2015. LeCun: LeCun, Bottou, Orr, Müller, "Efficient
//! BackProp", 1998. Orthogonal: Saxe, McClelland, Ganguli, ICLR 2014.

use autodiff_core::Float;
use ndarray::{ArrayD, IxDyn};
use rand::Rng;

/// The law that the entries of a weight are drawn from, independently unless said otherwise, with mean 0.
///
/// Normal laws are not truncated. The fans are those of [`fans`].
///
/// ```
/// use nn::Init;
/// use nn::rand::{SeedableRng, rngs::SmallRng};
/// let weight = Init::XavierUniform.sample::<f64>(&[2, 4], &mut SmallRng::seed_from_u64(7));
/// assert_eq!(weight.shape(), [2, 4]);
/// assert!(weight.iter().all(|w| w.abs() <= 1.0)); // √(6 / (2 + 4)) = 1
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Every entry this number.
    Constant(f64),
    /// Uniform in [−bound, bound).
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Uniform with variance 2 / (fan-in + fan-out): keeps the spread of signals and of gradients through layers of an
    /// odd activation such as tanh.
    XavierUniform,
    /// Normal with variance 2 / (fan-in + fan-out).
    XavierNormal,
    /// Uniform with variance 2 / fan-in: keeps the spread of signals through layers of relu and its kin.
    HeUniform,
    /// Normal with variance 2 / fan-in.
    HeNormal,
    /// Uniform with variance 1 / fan-in: keeps the spread of signals through linear layers.
    LecunUniform,
    /// Normal with variance 1 / fan-in.
    LecunNormal,
    /// This factor times a matrix with orthonormal columns, or rows if they are fewer, uniform over all such; leading axes
    /// are merged into the rows. Costs rows · columns · min(rows, columns) multiplications.
    Orthogonal(f64),
}

/// Number of entries that an output sums over and number of outputs that an input enters, of a weight.
///
/// A matrix `[in, out]` has fans (in, out), a kernel `[height, width, in, out]` that many times height · width. A vector has
/// its length for both; a scalar has 1. For a grouped kernel the fan-out counts all groups, as other libraries do.
///
/// ```
/// assert_eq!(nn::fans(&[3, 4]), (3, 4));
/// assert_eq!(nn::fans(&[5, 5, 3, 8]), (75, 200));
/// ```
pub fn fans(shape: &[usize]) -> (usize, usize) {
    match shape {
        [] => (1, 1),
        [n] => (*n, *n),
        [field @ .., inputs, outputs] => {
            let field: usize = field.iter().product();
            (field * inputs, field * outputs)
        }
    }
}

/// A law at a shape.
enum Law {
    Constant(f64),
    /// Largest size of an entry.
    Uniform(f64),
    /// Standard deviation.
    Normal(f64),
    /// Factor.
    Orthogonal(f64),
}

impl Init {
    /// A weight of this shape, row-major in the order of the draws.
    ///
    /// The same generator in the same state gives the same weight. An axis of length 0 gives an empty array.
    ///
    /// ```
    /// use nn::Init;
    /// use nn::rand::{SeedableRng, rngs::SmallRng};
    /// let draw = |seed| Init::HeNormal.sample::<f32>(&[3, 2], &mut SmallRng::seed_from_u64(seed));
    /// assert_eq!(draw(1), draw(1));
    /// assert_ne!(draw(1), draw(2));
    /// ```
    pub fn sample<T: Float>(self, shape: &[usize], rng: &mut (impl Rng + ?Sized)) -> ArrayD<T> {
        let size = shape.iter().product();
        let numbers: Vec<f64> = match self.law(shape) {
            Law::Constant(c) => vec![c; size],
            Law::Uniform(bound) => (0..size).map(|_| bound * (2.0 * rng.random::<f64>() - 1.0)).collect(),
            Law::Normal(deviation) => (0..size).map(|_| deviation * normal(rng)).collect(),
            Law::Orthogonal(factor) => {
                let columns = shape.last().copied().unwrap_or(1);
                orthonormal(size / columns.max(1), columns, rng).into_iter().map(|q| factor * q).collect()
            }
        };
        let numbers = numbers.into_iter().map(T::from_f64).collect();
        ArrayD::from_shape_vec(IxDyn(shape), numbers).expect("as many numbers as the shape has")
    }

    fn law(self, shape: &[usize]) -> Law {
        let (fan_in, fan_out) = fans(shape);
        let (fan_in, fan_out) = (fan_in as f64, fan_out as f64);
        // A uniform law on [−b, b) has the variance b²/3.
        let uniform = |variance: f64| Law::Uniform((3.0 * variance).sqrt());
        let normal = |variance: f64| Law::Normal(variance.sqrt());
        match self {
            Init::Constant(c) => Law::Constant(c),
            Init::Uniform(bound) => Law::Uniform(bound),
            Init::Normal(deviation) => Law::Normal(deviation),
            Init::XavierUniform => uniform(2.0 / (fan_in + fan_out)),
            Init::XavierNormal => normal(2.0 / (fan_in + fan_out)),
            Init::HeUniform => uniform(2.0 / fan_in),
            Init::HeNormal => normal(2.0 / fan_in),
            Init::LecunUniform => uniform(1.0 / fan_in),
            Init::LecunNormal => normal(1.0 / fan_in),
            Init::Orthogonal(factor) => Law::Orthogonal(factor),
        }
    }
}

/// A standard normal number, by the transform of Box and Muller; its sine half is not used.
fn normal(rng: &mut (impl Rng + ?Sized)) -> f64 {
    // 1 − u is in (0, 1], so the logarithm is finite.
    let radius = (-2.0 * libm::log(1.0 - rng.random::<f64>())).sqrt();
    radius * libm::cos(std::f64::consts::TAU * rng.random::<f64>())
}

/// A `rows` × `columns` matrix, row-major, with orthonormal columns, or rows if they are fewer.
///
/// Gram–Schmidt on normal vectors: QR with a positive diagonal of R, so Q is uniform (Mezzadri, 2007). Each vector is
/// projected twice, which suffices for orthogonality to rounding (Giraud, Langou, Rozložník, 2005).
fn orthonormal(rows: usize, columns: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut q: Vec<f64> = (0..length).map(|_| normal(rng)).collect();
        for previous in basis.iter().chain(&basis) {
            let along = dot(previous, &q);
            q.iter_mut().zip(previous).for_each(|(q, p)| *q -= along * p);
        }
        let norm = dot(&q, &q).sqrt();
        // What is left of a normal vector is this short with a probability below 1e-12: draw another.
        if norm > 1e-12 {
            q.iter_mut().for_each(|q| *q /= norm);
            basis.push(q);
        }
    }
    let at = |i: usize, j: usize| if rows < columns { basis[i][j] } else { basis[j][i] };
    (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).map(|(i, j)| at(i, j)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
