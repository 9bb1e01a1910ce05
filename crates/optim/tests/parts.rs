//! Parts of one's own: a direction, a line search, a descent and a radius search from outside, in the loops of the crate.

mod common;

use common::{Asked, Watched, dot, norm, problems, random};
use optim::descent_direction::Outlook;
use optim::line_search::{Found, LineFunction, Ray, SearchEnd};
use optim::quasi_newton::Step;
use optim::{
    DataSum, Descent, Direction, Error, FromParts, GradientDescent, LineDescent, LineSearch, LinearOperator,
    LocalModel, ModelStep, MoreThuente, Objective, ObjectiveError, RadiusSearch, StepEnd, StepRule, Stop, TrustRegion,
    Verdict, minimize,
};
use std::cell::Cell;

/// −g + β d with Fletcher and Reeves' β.
#[derive(Default)]
struct FletcherReeves {
    next: Option<Vec<f64>>,
}

impl Direction<f64> for FletcherReeves {
    fn direction(&mut self, gradient: &[f64], out: &mut [f64]) {
        match &self.next {
            Some(next) => out.copy_from_slice(next),
            None => out.iter_mut().zip(gradient).for_each(|(out, g)| *out = -g),
        }
    }

    fn first_step(&self, outlook: &Outlook<f64>) -> f64 {
        outlook.last.map_or(outlook.unit(), |(alpha, slope)| alpha * slope / outlook.slope)
    }

    fn learn(&mut self, step: &Step<'_, f64>, direction: &[f64]) {
        let beta = dot(step.gradient_to, step.gradient_to) / dot(step.gradient_from, step.gradient_from);
        self.next = Some(step.gradient_to.iter().zip(direction).map(|(g, d)| beta * d - g).collect());
    }

    fn forget(&mut self) {
        self.next = None;
    }

    fn is_steepest(&self) -> bool {
        self.next.is_none()
    }
}

/// Thirds of the first step until the value falls enough, with the searches counted.
struct Thirds<'c> {
    searches: &'c Cell<usize>,
}

impl LineSearch<f64> for Thirds<'_> {
    fn search<P: LineFunction<f64>>(&mut self, phi: &mut P, ray: Ray<f64>) -> Result<Found<f64>, P::Error> {
        self.searches.set(self.searches.get() + 1);
        let mut step = 3.0 * ray.first;
        for samples in 1..100 {
            let value = phi.value(step)?;
            if value <= ray.value + 0.1 * step * ray.slope {
                return Ok(Found { step, value, slope: None, samples, end: SearchEnd::Armijo });
            }
            step /= 3.0;
        }
        Ok(Found { step: 0.0, value: ray.value, slope: None, samples: 99, end: SearchEnd::Samples })
    }

    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn a_direction_and_a_search_of_ones_own_make_a_method() {
    for problem in problems().into_iter().filter(|problem| problem.dimension() == 2) {
        let searches = Cell::new(0);
        let method = LineDescent::new(FletcherReeves::default(), Thirds { searches: &searches }).max_iterations(20_000);
        let report = minimize(&problem, &problem.start).method(method).stop(Stop::gradient(1e-5)).run().unwrap();
        assert!(report.status.is_converged(), "{}: {report}", problem.name);
        assert!(searches.get() >= report.counts.iterations, "{}: {report}", problem.name);
        let found = problem.minima.iter().any(|m| (report.value - m).abs() < 1e-6 * m.max(1.0));
        assert!(found, "{}: {report}", problem.name);
        // Each part also goes with those of the crate.
        let report = LineDescent::new(FletcherReeves::default(), MoreThuente::new().curvature(0.1))
            .gradient_tolerance(1e-5)
            .minimize(&problem, &problem.start)
            .unwrap();
        assert!(report.status.is_converged(), "{}: {report}", problem.name);
    }
}

/// The Cauchy point: the minimum of the model along −g.
#[derive(Default)]
struct Cauchy {
    gradient: Vec<f64>,
    curvature: f64,
}

impl Descent<f64> for Cauchy {
    fn prepare<A: LinearOperator<f64>>(
        &mut self,
        hessian: &mut A,
        gradient: &[f64],
        _: f64,
        _: f64,
    ) -> Result<usize, ObjectiveError> {
        let mut product = vec![0.0; gradient.len()];
        hessian.apply(gradient, &mut product)?;
        self.gradient = gradient.to_vec();
        self.curvature = dot(gradient, &product);
        Ok(1)
    }

    fn step(&mut self, radius: f64, out: &mut [f64]) -> ModelStep<f64> {
        let (length, square) = (norm(&self.gradient), dot(&self.gradient, &self.gradient));
        let newton = if self.curvature > 0.0 { square / self.curvature } else { f64::INFINITY };
        let alpha = newton.min(radius / length);
        out.iter_mut().zip(&self.gradient).for_each(|(out, g)| *out = -alpha * g);
        let decrease = alpha * square - 0.5 * alpha * alpha * self.curvature;
        let end = if alpha < newton { StepEnd::Boundary } else { StepEnd::Interior };
        ModelStep { norm: alpha * length, decrease, end }
    }
}

#[test]
fn a_descent_of_ones_own_goes_in_a_trust_region() {
    let problem = problems().swap_remove(2);
    let report = TrustRegion::with_descent(Cauchy::default())
        .gradient_tolerance(1e-5)
        .max_iterations(20_000)
        .minimize(&problem, &problem.start)
        .unwrap();
    assert!(report.status.is_converged() && report.value < 1e-8, "{report}");
}

/// A trust region written out by hand around the search and a descent.
#[test]
fn a_radius_search_serves_a_loop_of_ones_own() {
    let problem = problems().swap_remove(0);
    let mut search = RadiusSearch::new(1.0);
    search.set_max_radius(3.0);
    search.set_accept(0.1);
    search.check().unwrap();
    let mut wrong = search;
    wrong.set_max_radius(0.5);
    assert!(wrong.check().unwrap_err().to_string().contains("max_radius"));
    let mut descent = optim::Gltr::new();
    let (mut x, mut step) = (problem.start.clone(), vec![0.0; 2]);
    for _ in 0..100 {
        let mut model = problem.at(&x).unwrap();
        let (value, gradient) = (model.value(), model.gradient().to_vec());
        descent.prepare(&mut model.hessian(), &gradient, search.radius(), 1e-10).unwrap();
        while !search.is_exhausted() {
            let promised = descent.step(search.radius(), &mut step);
            let trial: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x + s).collect();
            let judgement = search.judge(value, problem.value(&trial).unwrap(), &promised);
            if judgement.verdict == Verdict::Accept {
                search.accepted(judgement, &promised);
                assert!(search.radius() <= 3.0);
                x = trial;
                break;
            }
            search.rejected(&promised);
        }
    }
    assert!((x[0] - 1.0).abs() < 1e-8 && (x[1] - 1.0).abs() < 1e-8, "{x:?}");
}

/// Only the rules that multiply prepare points for products.
#[test]
fn steps_that_need_no_products_prepare_none() {
    let rules = [
        (StepRule::Fixed { step: 1e-3 }, false),
        (StepRule::Armijo { initial: 1.0 }, false),
        (StepRule::Curvature { fallback: 1.0 }, true),
        (StepRule::TaylorFlow { step: 1e-3 }, true),
    ];
    for (rule, multiplies) in rules {
        let (prepared, gradients) = (Cell::new(0), Cell::new(0));
        let f = Watched::new(problems().swap_remove(0), |asked, _: &[f64]| {
            match asked {
                Asked::Model => prepared.set(prepared.get() + 1),
                Asked::Gradient => gradients.set(gradients.get() + 1),
                Asked::Value => {}
            }
            Ok(())
        });
        let report = GradientDescent::new(rule).max_iterations(40).minimize(&f, &f.inner.start).unwrap();
        let counts = report.counts;
        assert_eq!(counts.iterations, 40, "{rule:?}: {report}");
        let expected = if multiplies { [counts.gradients, 0, 40] } else { [0, counts.gradients, 0] };
        assert_eq!([prepared.get(), gradients.get(), counts.products], expected, "{rule:?}: {report}");
    }
}

/// Σ (t·x − y)² over ten samples, and the weights of a batch.
#[test]
fn a_sum_over_data_is_the_sum_of_its_terms() {
    let n = 3;
    let sample = |i: u64| {
        let t = random(n, i + 1);
        let residual = {
            let t = t.clone();
            move |x: &[f64]| dot(&t, x) - i as f64
        };
        let slope = residual.clone();
        let row = t.clone();
        FromParts::new(
            n,
            move |x: &[f64]| residual(x).powi(2),
            move |x: &[f64], g: &mut [f64]| g.iter_mut().zip(&row).for_each(|(g, t)| *g = 2.0 * slope(x) * t),
            move |_: &[f64], v: &[f64], hv: &mut [f64]| {
                let tv = 2.0 * dot(&t, v);
                hv.iter_mut().zip(&t).for_each(|(hv, t)| *hv = tv * t);
            },
        )
    };
    let sum = DataSum::new((0..10).map(sample)).unwrap();
    let (x, v) = (random(n, 50), random(n, 51));
    let everything = |f: &dyn Fn(&mut Vec<f64>)| {
        let mut out = Vec::new();
        f(&mut out);
        out
    };
    /// Value, gradient and a product, each in both of its ways.
    fn all<O: Objective<f64>>(f: &O, x: &[f64], v: &[f64], out: &mut Vec<f64>) {
        let mut model = f.at(x).unwrap();
        let mut part = vec![0.0; x.len()];
        out.push(model.value());
        out.extend_from_slice(model.gradient());
        model.hvp(v, &mut part).unwrap();
        out.extend_from_slice(&part);
        model.hvp_block(v, &mut part).unwrap();
        out.extend_from_slice(&part);
        drop(model);
        out.push(f.value(x).unwrap());
        out.push(f.value_and_gradient(x, &mut part).unwrap());
        out.extend_from_slice(&part);
    }
    let of_terms = |numbers: &[u64], weight: f64| {
        let mut total = Vec::new();
        for &i in numbers {
            let one = everything(&|out| all(&sample(i), &x, &v, out));
            total.resize(one.len(), 0.0);
            total.iter_mut().zip(one).for_each(|(sum, one)| *sum += weight * one);
        }
        total
    };
    let close = |a: Vec<f64>, b: Vec<f64>| {
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs().max(1.0))
    };
    assert!(close(everything(&|out| all(&sum, &x, &v, out)), of_terms(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1.0)));
    // Seven of ten twice and three times; a number may come twice.
    let batch = sum.batch(&[7, 2, 7, 5]).unwrap();
    assert_eq!((sum.len(), batch.len()), (10, 3));
    assert!(close(everything(&|out| all(&batch, &x, &v, out)), of_terms(&[7, 2, 7, 5], 2.5)));
    // The batch has its terms in the order of the sum, 2, 5, 7, each once: 0 is 2, and 2 is 7, which weighs twice.
    let of_batch = batch.batch(&[2, 0]).unwrap();
    let expected = of_terms(&[2, 7, 7], 2.5 * 3.0 / 2.0);
    assert!(close(everything(&|out| all(&of_batch, &x, &v, out)), expected));
    assert_eq!(sum.batch(&[5, 7, 2, 7]).unwrap().value(&x).unwrap().to_bits(), batch.value(&x).unwrap().to_bits());
    assert!(batch.batch(&[3]).is_err());
    // Each term once: the mean of the batches of one is the sum over ten.
    let mean = (0..10).map(|i| sum.batch(&[i]).unwrap().value(&x).unwrap()).sum::<f64>() / 10.0;
    assert!((mean - sum.value(&x).unwrap()).abs() < 1e-11 * mean);
    assert!(sum.batch(&[]).is_err() && sum.batch(&[10]).is_err());
    assert!(DataSum::new(Vec::<FromParts<f64, fn(&[f64]) -> f64, fn(&[f64], &mut [f64])>>::new()).is_err());
    // A quadratic: one Newton step, from products with every sample.
    let report = TrustRegion::new().radius(1e3).minimize(&sum, &x).unwrap();
    assert!(report.status.is_converged() && report.counts.iterations <= 2, "{report}");
}
