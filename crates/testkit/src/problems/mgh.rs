//! The 35 problems of Moré, Garbow and Hillstrom: sums of squares, small, and each hard in its own way.
//!
//! Source: Moré, Garbow, Hillstrom, "Testing unconstrained optimization software", ACM Transactions on Mathematical Software 7
//! (1981), pages 17–41: formulas, standard starts and the minima of few digits. Minima of more digits were computed in higher
//! precision and compared with a second implementation; those of 10, 15 and 17 are certified by NIST (MGH10, MGH09, MGH17).

mod fixed;
pub(super) mod scalable;

use super::formula::squares;
use super::{Formula, Minimum, Problem};

/// The problems 1 to 35, each at one size.
pub fn all() -> Vec<Problem> {
    (1..=35).map(problem).collect()
}

/// Problem `number`, at the size that [`all`] has it in.
///
/// # Panics
/// If `number` is not from 1 to 35.
pub fn problem(number: usize) -> Problem {
    let n = match number {
        1..=6 => 2,
        7..=12 => 3,
        13..=16 => 4,
        17 => 5,
        18 | 20 => 6,
        19 => 11,
        22 | 29 => 12,
        30 | 31 => 50,
        35 => 8,
        21..=34 => 10,
        _ => panic!("no problem {number}: there are 1 to 35"),
    };
    sized(number, n)
}

/// The sizes other than those of [`all`] whose minima are listed.
pub fn other_sizes() -> Vec<Problem> {
    let sizes = [(20, 9), (20, 12), (21, 100), (22, 100), (23, 4), (24, 4), (30, 500), (31, 500)];
    let chebyquad = [1, 2, 3, 4, 5, 6, 7, 9, 10].map(|n| (35, n));
    sizes.into_iter().chain(chebyquad).map(|(number, n)| sized(number, n)).collect()
}

/// Problem `number` in `n` variables.
///
/// Problems 32 to 34 have 2n residuals.
///
/// # Panics
/// If there is no such problem, or not in this many variables, or (20, 23, 24, 26, 35) its minimum is not listed there.
pub fn sized(number: usize, n: usize) -> Problem {
    let fixed = number <= 19;
    let (name, start, formula) = entry(number, n);
    assert!(!fixed || start.len() == n, "problem {number} has {} variables", start.len());
    let name = if fixed { name.to_owned() } else { format!("{name} {n}") };
    Problem { name, start, minima: minima(number, n), formula }
}

/// Name, standard start and residuals.
fn entry(number: usize, n: usize) -> (&'static str, Vec<f64>, Formula) {
    let m = 2 * n;
    let t = |j: usize| (j + 1) as f64 / (n as f64 + 1.0);
    let each = |entry: &dyn Fn(usize) -> f64| (0..n).map(entry).collect::<Vec<f64>>();
    let repeated = |block: &[f64]| {
        assert!(n.is_multiple_of(block.len()), "problem {number} has a multiple of {} variables, not {n}", block.len());
        block.repeat(n / block.len())
    };
    match number {
        1 => ("Rosenbrock", vec![-1.2, 1.0], squares!(|x| fixed::rosenbrock(x))),
        2 => ("Freudenstein-Roth", vec![0.5, -2.0], squares!(|x| fixed::freudenstein_roth(x))),
        3 => ("Powell badly scaled", vec![0.0, 1.0], squares!(|x| fixed::powell_badly_scaled(x))),
        4 => ("Brown badly scaled", vec![1.0, 1.0], squares!(|x| fixed::brown_badly_scaled(x))),
        5 => ("Beale", vec![1.0, 1.0], squares!(|x| fixed::beale(x))),
        6 => ("Jennrich-Sampson", vec![0.3, 0.4], squares!(|x| fixed::jennrich_sampson(x))),
        7 => ("Helical valley", vec![-1.0, 0.0, 0.0], squares!(|x| fixed::helical_valley(x))),
        8 => ("Bard", vec![1.0, 1.0, 1.0], squares!(|x| fixed::bard(x))),
        9 => ("Gaussian", vec![0.4, 1.0, 0.0], squares!(|x| fixed::gaussian(x))),
        10 => ("Meyer", vec![0.02, 4000.0, 250.0], squares!(|x| fixed::meyer(x))),
        11 => ("Gulf", vec![5.0, 2.5, 0.15], squares!(|x| fixed::gulf(x))),
        12 => ("Box 3-D", vec![0.0, 10.0, 20.0], squares!(|x| fixed::box_3d(x))),
        13 => ("Powell singular", vec![3.0, -1.0, 0.0, 1.0], squares!(|x| fixed::powell_singular(x))),
        14 => ("Wood", vec![-3.0, -1.0, -3.0, -1.0], squares!(|x| fixed::wood(x))),
        15 => ("Kowalik-Osborne", vec![0.25, 0.39, 0.415, 0.39], squares!(|x| fixed::kowalik_osborne(x))),
        16 => ("Brown-Dennis", vec![25.0, 5.0, -5.0, -1.0], squares!(|x| fixed::brown_dennis(x))),
        17 => ("Osborne 1", vec![0.5, 1.5, -1.0, 0.01, 0.02], squares!(|x| fixed::osborne_1(x))),
        18 => ("Biggs EXP6", vec![1.0, 2.0, 1.0, 1.0, 1.0, 1.0], squares!(|x| fixed::biggs_exp6(x))),
        19 => {
            let start = vec![1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5];
            ("Osborne 2", start, squares!(|x| fixed::osborne_2(x)))
        }
        20 => ("Watson", vec![0.0; n], squares!(|x| fixed::watson(x))),
        21 => ("Extended Rosenbrock", repeated(&[-1.2, 1.0]), squares!(|x| scalable::extended_rosenbrock(x))),
        22 => {
            let start = repeated(&[3.0, -1.0, 0.0, 1.0]);
            ("Extended Powell singular", start, squares!(|x| scalable::extended_powell_singular(x)))
        }
        23 => ("Penalty I", each(&|j| (j + 1) as f64), squares!(|x| scalable::penalty_1(x))),
        24 => ("Penalty II", vec![0.5; n], squares!(|x| scalable::penalty_2(x))),
        25 => {
            let start = each(&|j| 1.0 - (j + 1) as f64 / n as f64);
            ("Variably dimensioned", start, squares!(|x| scalable::variably_dimensioned(x)))
        }
        26 => ("Trigonometric", vec![1.0 / n as f64; n], squares!(|x| scalable::trigonometric(x))),
        27 => ("Brown almost-linear", vec![0.5; n], squares!(|x| scalable::brown_almost_linear(x))),
        28 => {
            let start = each(&|j| t(j) * (t(j) - 1.0));
            ("Discrete boundary value", start, squares!(|x| scalable::discrete_boundary_value(x)))
        }
        29 => {
            let start = each(&|j| t(j) * (t(j) - 1.0));
            ("Discrete integral equation", start, squares!(|x| scalable::discrete_integral(x)))
        }
        30 => ("Broyden tridiagonal", vec![-1.0; n], squares!(|x| scalable::broyden_tridiagonal(x))),
        31 => ("Broyden banded", vec![-1.0; n], squares!(|x| scalable::broyden_banded(x))),
        32 => ("Linear full rank", vec![1.0; n], squares!(|x| scalable::linear_full_rank(x, m))),
        33 => ("Linear rank 1", vec![1.0; n], squares!(|x| scalable::linear_rank_1(x, m))),
        34 => ("Linear rank 1 with zeros", vec![1.0; n], squares!(|x| scalable::linear_rank_1_with_zeros(x, m))),
        35 => ("Chebyquad", each(&t), squares!(|x| scalable::chebyquad(x))),
        _ => panic!("no problem {number}: there are 1 to 35"),
    }
}

/// The listed minima; see the [module](self) for their sources.
fn minima(number: usize, n: usize) -> Vec<Minimum> {
    let zero_at = |x: &[f64]| vec![Minimum::at(0.0, x)];
    // A value that the paper gives, or a limit of values at infinity.
    let listed = |value: f64, digits: i32| Minimum { value, digits, at: None };
    let m = 2.0 * n as f64;
    match (number, n) {
        (1, _) => zero_at(&[1.0, 1.0]),
        (2, _) => {
            vec![Minimum::at(0.0, [5.0, 4.0]), Minimum::at(48.98425367924001, [11.412779049566126, -0.896805248494221])]
        }
        (3, _) => zero_at(&[1.098159329699759e-5, 9.106146739867318]),
        (4, _) => zero_at(&[1e6, 2e-6]),
        (5, _) => zero_at(&[3.0, 0.5]),
        (6, _) => vec![Minimum::at(124.3621823556148, [0.2578252134586763, 0.25782521386154783])],
        (7, _) => zero_at(&[1.0, 0.0, 0.0]),
        (8, _) => vec![
            Minimum::at(0.008214877306578964, [0.08241055975246431, 1.1330360921191043, 2.343695178556611]),
            // Where x₂ and x₃ are infinite, the sum of the squared differences of the data from their mean.
            Minimum::of(17.42869333333333),
        ],
        (9, _) => vec![Minimum::at(1.1279327696187528e-8, [0.3989561378387565, 1.000019084487804, 0.0])],
        (10, _) => vec![Minimum::at(87.94585517064606, [0.005609636484710374, 6181.346344252907, 345.2236345556847])],
        (11, _) => zero_at(&[50.0, 25.0, 1.5]),
        (12, _) => zero_at(&[1.0, 10.0, 1.0]),
        (13, _) => zero_at(&[0.0; 4]),
        (14, _) => zero_at(&[1.0; 4]),
        (15, _) => {
            let x = [0.19280693429727008, 0.19128233512999335, 0.12305650831338735, 0.13606233357050626];
            vec![Minimum::at(0.000307505603849237, x), listed(1.02734e-3, 7)]
        }
        (16, _) => {
            let x = [-11.594439454880686, 13.20362989113246, -0.40343955965161377, 0.2367787204522141];
            vec![Minimum::at(85822.20162635659, x)]
        }
        (17, _) => {
            let x = [
                0.37541005210455103,
                1.9358469124043034,
                -1.4646871363038132,
                0.012867534639445745,
                0.022122699662947786,
            ];
            vec![Minimum::at(5.464894697482498e-5, x)]
        }
        (18, _) => vec![Minimum::at(0.0, [1.0, 10.0, 1.0, 5.0, 4.0, 3.0]), listed(5.65565e-3, 7)],
        (19, _) => {
            let x = [
                1.3099771545977512,
                0.43155379453235154,
                0.6336616989351795,
                0.5994305347282223,
                0.7541832261340313,
                0.9042885804497917,
                1.3658118349203634,
                4.82369881763622,
                2.3986848661635665,
                4.568874597659214,
                5.675341470592153,
            ];
            vec![Minimum::at(0.04013773629354773, x)]
        }
        (20, 6) => {
            let x = [
                -0.015725086501752285,
                1.0124348692630067,
                -0.23299162484993421,
                1.26043008401387,
                -1.513728918140011,
                0.9929964304079918,
            ];
            vec![Minimum::at(0.0022876700535523742, x)]
        }
        (20, 9) => vec![Minimum::of(1.3997601380946315e-6)],
        (20, 12) => vec![Minimum::of(4.72238110333639e-10)],
        (21 | 25, _) => zero_at(&vec![1.0; n]),
        (22, _) => zero_at(&vec![0.0; n]),
        (23, 4) => vec![Minimum::of(2.249977500899937e-5)],
        (23, 10) => vec![Minimum::of(7.087651467090372e-5)],
        (24, 4) => vec![Minimum::of(9.376293007355442e-6)],
        (24, 10) => vec![Minimum::of(0.0002936605374567459)],
        (26, 10) => {
            let local = TRIGONOMETRIC_10.map(Minimum::of);
            std::iter::once(Minimum::at(0.0, vec![0.0; n])).chain(local).collect()
        }
        (27, _) => {
            let mut far = vec![0.0; n];
            far[n - 1] = n as f64 + 1.0;
            vec![Minimum::at(0.0, vec![1.0; n]), Minimum::at(1.0, far)]
        }
        (28..=31, _) => vec![Minimum::of(0.0)],
        (32, _) => vec![Minimum::at(m - n as f64, vec![-1.0; n])],
        (33, _) => vec![Minimum::of(m * (m - 1.0) / (2.0 * (2.0 * m + 1.0)))],
        (34, _) => vec![Minimum::of((m * m + 3.0 * m - 6.0) / (2.0 * (2.0 * m - 3.0)))],
        (35, 1..=7 | 9) => vec![Minimum::of(0.0)],
        (35, 8) => vec![Minimum::of(0.003516873725677926)],
        (35, 10) => vec![listed(4.7727e-3, 7), Minimum::of(0.006503954800882302)],
        _ => panic!("no minimum of problem {number} in {n} variables is listed"),
    }
}

/// Local minima of problem 26 in ten variables, by Newton's method in the second implementation. The paper's own runs end at
/// the first.
const TRIGONOMETRIC_10: [f64; 3] = [2.795056121876817e-5, 4.2186338879250154e-5, 8.78822521821858e-4];
