//! Line searches on functions of one variable: their conditions on random ones, and what they do where none can hold.

mod common;

use common::random;
use optim::line_search::{Backtracking, Found, HagerZhang, LineSearch, MoreThuente, Ray, SearchEnd};
use std::cell::RefCell;
use std::convert::Infallible;

/// φ(α) = a (α − b)² + Σ cₖ sin(ωₖ α + θₖ): smooth, bounded below, and wavy; NaN beyond a wall, or inside a gap.
struct Random {
    parabola: (f64, f64),
    waves: Vec<[f64; 3]>,
    wall: f64,
    gap: (f64, f64),
}

impl Random {
    fn new(seed: u64) -> Self {
        let r = random(16, seed);
        let waves = (0..4).map(|k| [0.3 * r[3 * k], 4.0 * r[3 * k + 1], 3.0 * r[3 * k + 2]]).collect();
        let b = (2.0 * r[12]).exp();
        let wall = if r[13] > 0.0 { f64::INFINITY } else { b * (1.0 + r[14].abs()) };
        let gap = if r[15] > 0.3 { (0.3 * b, 0.5 * b) } else { (f64::NAN, f64::NAN) };
        Self { parabola: (1.0 + r[14].abs(), b), waves, wall, gap }
    }

    fn at(&self, x: f64) -> (f64, f64) {
        if x >= self.wall || (x > self.gap.0 && x < self.gap.1) {
            return (f64::NAN, f64::NAN);
        }
        let (a, b) = self.parabola;
        let mut sum = (a * (x - b).powi(2), 2.0 * a * (x - b));
        for [c, w, t] in &self.waves {
            sum.0 += c * (w * x + t).sin();
            sum.1 += c * w * (w * x + t).cos();
        }
        sum
    }
}

/// A search, and every sample it took.
fn search(mut rule: impl LineSearch<f64>, phi: &Random, first: f64) -> Option<(Found<f64>, Ray<f64>, Vec<(f64, f64)>)> {
    let (value, slope) = phi.at(0.0);
    if slope >= 0.0 {
        return None;
    }
    let samples = RefCell::new(Vec::new());
    let mut along = |a: f64| {
        samples.borrow_mut().push((a, phi.at(a).0));
        Ok::<_, Infallible>(phi.at(a))
    };
    let ray = Ray::new(value, slope, first);
    let Ok(found) = rule.search(&mut along, ray);
    Some((found, ray, samples.into_inner()))
}

/// What every search keeps, whatever it ends with.
fn keeps_its_best_point(found: &Found<f64>, ray: &Ray<f64>, samples: &[(f64, f64)], slack: f64) {
    assert_eq!(found.samples, samples.len());
    assert!(found.value.is_finite() && found.step.is_finite());
    assert!(found.value <= ray.value + slack);
    assert!(found.step == 0.0 || samples.contains(&(found.step, found.value)));
    if !found.end.is_satisfied() {
        let lowest = samples.iter().map(|s| s.1).filter(|v| v.is_finite()).fold(ray.value, f64::min);
        assert_eq!(found.value, lowest, "{found:?}");
    }
}

#[test]
fn strong_wolfe_holds_on_random_functions() {
    let (mut searches, mut satisfied, mut nan) = (0, 0, 0);
    for seed in 0..3000 {
        let phi = Random::new(seed);
        for first in [1e-6, 0.1, 1.0, 30.0, 1e6] {
            let Some((found, ray, samples)) = search(MoreThuente::new(), &phi, first) else { continue };
            searches += 1;
            nan += usize::from(samples.iter().any(|s| s.1.is_nan()));
            keeps_its_best_point(&found, &ray, &samples, 1e-14 * ray.value.abs());
            if found.end == SearchEnd::Wolfe {
                satisfied += 1;
                // Evaluated anew, apart from the search.
                let (value, slope) = phi.at(found.step);
                assert!(value <= ray.value + 1e-4 * found.step * ray.slope, "{seed}: {found:?}");
                assert!(slope.abs() <= 0.9 * ray.slope.abs(), "{seed}: {found:?}");
            } else {
                // Only a region without values may keep the search from its conditions.
                assert!(phi.wall.is_finite() || phi.gap.0.is_finite(), "{seed}, {first}: {found:?}");
                assert!(found.value < ray.value, "{seed}, {first}: {found:?}");
            }
        }
    }
    assert!(searches > 5000 && nan > 2000, "{searches} searches, {nan} of them with NaN");
    assert!(satisfied * 100 >= searches * 97, "{satisfied} of {searches}");
}

#[test]
fn a_nearly_exact_search_is_nearly_exact() {
    for seed in 0..1000 {
        let phi = Random { wall: f64::INFINITY, gap: (f64::NAN, f64::NAN), ..Random::new(seed) };
        let rule = MoreThuente::new().curvature(1e-3);
        let Some((found, ray, _)) = search(rule, &phi, 1.0) else { continue };
        assert_eq!(found.end, SearchEnd::Wolfe, "{seed}: {found:?}");
        assert!(phi.at(found.step).1.abs() <= 1e-3 * ray.slope.abs());
    }
}

#[test]
fn wolfe_holds_for_hager_and_zhang_on_random_functions() {
    let (mut searches, mut satisfied) = (0, 0);
    for seed in 0..3000 {
        let phi = Random::new(seed);
        for first in [1e-6, 0.1, 1.0, 30.0, 1e6] {
            let Some((found, ray, samples)) = search(HagerZhang::new(), &phi, first) else { continue };
            searches += 1;
            keeps_its_best_point(&found, &ray, &samples, 1e-6 * ray.value.abs());
            let (value, slope) = phi.at(found.step);
            match found.end {
                SearchEnd::Wolfe => {
                    assert!(value <= ray.value + 0.1 * found.step * ray.slope && slope >= 0.9 * ray.slope);
                }
                SearchEnd::ApproximateWolfe => {
                    assert!(value <= ray.value + 1e-6 * ray.value.abs());
                    assert!(slope >= 0.9 * ray.slope && slope <= -0.8 * ray.slope);
                }
                _ => {
                    assert!(phi.wall.is_finite() || phi.gap.0.is_finite(), "{seed}, {first}: {found:?}");
                    continue;
                }
            }
            satisfied += 1;
        }
    }
    assert!(searches > 5000 && satisfied * 100 >= searches * 97, "{satisfied} of {searches}");
}

#[test]
fn backtracking_decreases_enough() {
    for seed in 0..3000 {
        let phi = Random::new(seed);
        for first in [0.1, 1.0, 1e6] {
            let Some((found, ray, samples)) = search(Backtracking::new(), &phi, first) else { continue };
            keeps_its_best_point(&found, &ray, &samples, 0.0);
            assert_eq!(found.end, SearchEnd::Armijo, "{seed}, {first}: {found:?}");
            assert!(phi.at(found.step).0 <= ray.value + 1e-4 * found.step * ray.slope);
        }
    }
}

/// From 10, 5, 1 the nonmonotone search may rise to what the monotone one may not; forgetting ends that.
#[test]
fn a_nonmonotone_search_descends_from_the_largest_of_its_memory() {
    let mut rule = Backtracking::new().nonmonotone(3);
    // Descends at 0, rises to `value` at 1 and beyond, and is low below 1.
    let mut at = |origin: f64, rise: f64| {
        let mut phi = |a: f64| Ok::<_, Infallible>(if a >= 1.0 { (origin + rise, 1.0) } else { (origin - 0.01, -0.1) });
        let Ok(found) = rule.search(&mut phi, Ray::new(origin, -1.0, 1.0));
        found.step
    };
    assert_eq!(at(10.0, -1.0), 1.0);
    assert_eq!(at(5.0, 4.0), 1.0); // 9 < 10
    assert_eq!(at(1.0, 8.0), 1.0); // 9 < 10: the third of three
    assert!(at(1.0, 8.0) < 1.0); // 10 has left the memory: 9 > 5
    rule.forget();
    let mut phi = |a: f64| Ok::<_, Infallible>(if a >= 1.0 { (2.0, 1.0) } else { (0.5, -0.1) });
    let Ok(found) = rule.search(&mut phi, Ray::new(1.0, -1.0, 1.0));
    assert!(found.step < 1.0);
}

/// Every search on functions no condition can be met on: it ends, with the reason and its best point.
#[test]
fn searches_never_loop_and_never_panic() {
    fn all(phi: impl Fn(f64) -> (f64, f64), ray: Ray<f64>) -> [Found<f64>; 3] {
        let along = || |a: f64| Ok::<_, Infallible>(phi(a));
        let Ok(a) = MoreThuente::new().search(&mut along(), ray);
        let Ok(b) = HagerZhang::new().search(&mut along(), ray);
        let Ok(c) = Backtracking::new().search(&mut along(), ray);
        for found in [a, b, c] {
            assert!(found.samples <= 60, "{found:?}");
        }
        [a, b, c]
    }
    let ray = Ray::new(1.0, -1.0, 1.0);
    for found in all(|_| (f64::NAN, f64::NAN), ray) {
        assert_eq!((found.end, found.step), (SearchEnd::NonFinite, 0.0));
    }
    // A slope that lies: the function rises.
    for found in all(|a| (1.0 + a, -1.0), ray) {
        assert_eq!(found.step, 0.0, "{found:?}");
        assert!(!found.end.is_satisfied());
    }
    // Down for ever.
    let [a, b, c] = all(|a| (1.0 - a, -1.0), ray);
    for found in [a, b] {
        assert!(found.step > 1.0 && found.value < 0.0 && !found.end.is_satisfied(), "{found:?}");
    }
    assert_eq!(c.end, SearchEnd::Armijo);
    for found in all(|a| if a < 1.0 { (1.0 - a, -1.0) } else { (f64::NEG_INFINITY, 0.0) }, ray) {
        assert_eq!(found.end, SearchEnd::Unbounded);
    }
    // Values finite, slopes not: an upper bracket for the searches that look at slopes.
    let [a, b, _] = all(|a| if a > 1e-3 { (0.5, f64::INFINITY) } else { (1.0 - a + a * a, 2.0 * a - 1.0) }, ray);
    for found in [a, b] {
        assert!(found.step <= 1e-3 && found.value < 1.0, "{found:?}");
    }
    // Noise everywhere.
    let noise = |a: f64| {
        let r = random(2, a.to_bits());
        (1.0 + 0.1 * r[0], r[1])
    };
    all(noise, ray);
    for bad in [Ray::new(1.0, 0.0, 1.0), Ray::new(1.0, f64::NAN, 1.0), Ray::new(f64::NAN, -1.0, 1.0)] {
        for found in all(|a| (1.0 - a, -1.0), bad) {
            assert_eq!((found.end, found.step, found.samples), (SearchEnd::NotDescent, 0.0, 0));
        }
    }
}

/// The first step from a parabola: where it is taken, where not, and that its sample counts as any other.
#[test]
fn a_quadratic_step_starts_at_the_minimum_of_the_parabola() {
    /// Where φ was asked, and what was found, from φ(0) = 0, φ′(0) = −1 and a first step of 1, of which a tenth is sampled.
    fn search(phi: impl Fn(f64) -> (f64, f64), samples: usize) -> (Vec<f64>, Found<f64>) {
        let mut asked = Vec::new();
        let mut along = |a: f64| {
            asked.push(a);
            Ok::<_, std::convert::Infallible>(phi(a))
        };
        let mut rule = HagerZhang::new().quadratic_step(0.1).max_samples(samples);
        let found = rule.search(&mut along, Ray::new(0.0, -1.0, 1.0)).unwrap();
        assert_eq!(found.samples, asked.len());
        (asked, found)
    }
    // −α + ⅛ α²: the minimum is at 4, and found at once.
    let (asked, found) = search(|a| (-a + 0.125 * a * a, -1.0 + 0.25 * a), 50);
    assert!(asked.len() == 2 && asked[0] == 0.1 && (asked[1] - 4.0).abs() < 1e-12, "{asked:?}");
    assert!(found.end == SearchEnd::Wolfe && found.step == asked[1]);
    // Concave up to 1: no parabola has a minimum there, the first step is that of the ray.
    let (asked, found) = search(|a| (-a - 0.1 * a * a + 0.2 * a.powi(4), -1.0 - 0.2 * a + 0.8 * a.powi(3)), 50);
    assert!(asked[..2] == [0.1, 1.0] && found.end.is_satisfied(), "{asked:?}: {found:?}");
    // Not a number, or infinite, at the sample alone.
    for odd in [f64::NAN, f64::INFINITY] {
        let (asked, found) = search(|a| if a == 0.1 { (odd, odd) } else { (-a + 0.5 * a * a, -1.0 + a) }, 50);
        assert!(asked[..] == [0.1, 1.0] && found.end == SearchEnd::Wolfe, "{asked:?}: {found:?}");
    }
    // −∞ ends the search.
    let (asked, found) = search(|_| (f64::NEG_INFINITY, -1.0), 50);
    assert!(asked[..] == [0.1] && found.end == SearchEnd::Unbounded && found.step == 0.1);
    // Nothing is finite, or all is worse, beyond the sample: it is the best point, and its slope was never asked for.
    for (beyond, slope) in [(f64::NAN, f64::NAN), (7.0, -1.0)] {
        let (_, found) = search(|a| if a <= 0.1 { (-a + a * a, -1.0 + 2.0 * a) } else { (beyond, slope) }, 2);
        assert_eq!((found.step, found.end, found.slope), (0.1, SearchEnd::Samples, None), "{found:?}");
        assert!((found.value + 0.09).abs() < 1e-15, "{found:?}");
    }
}

#[test]
fn the_longest_step_is_kept() {
    for longest in [1e-3, 0.5, 7.0] {
        let mut phi = |a: f64| {
            assert!(a <= longest);
            Ok::<_, Infallible>((-a, -1.0))
        };
        let ray = Ray::new(0.0, -1.0, 1.0).up_to(longest);
        let Ok(a) = MoreThuente::new().search(&mut phi, ray);
        let Ok(b) = HagerZhang::new().search(&mut phi, ray);
        for found in [a, b] {
            assert_eq!((found.step, found.end), (longest, SearchEnd::Longest));
        }
    }
}

#[test]
fn options_without_sense_are_named() {
    let message = |check: Result<(), optim::Error>| check.unwrap_err().to_string();
    assert!(message(MoreThuente::new().curvature(1.0).check()).contains("curvature is 1"));
    assert!(message(MoreThuente::new().sufficient_decrease(0.95).check()).contains("sufficient_decrease is 0.95"));
    assert!(message(HagerZhang::<f64>::new().sufficient_decrease(0.5).check()).contains("sufficient_decrease is 0.5"));
    assert!(message(HagerZhang::new().value_error(f64::NAN).check()).contains("value_error is NaN"));
    assert!(message(Backtracking::<f64>::new().nonmonotone(0).check()).contains("nonmonotone is 0"));
}
