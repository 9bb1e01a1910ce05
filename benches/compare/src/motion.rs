//! T4: steps of Taylor's method at order 20 as subjects.
//!
//! A call is one step: the series of the solution, the length that its last coefficients allow, and the state at the end of it.
//! Steps follow one another; after [`STEPS`] of them the trajectory begins anew, which is not timed, and neither is its first step,
//! at which the equations are recorded.

use crate::check::{self, Check};
use crate::error::Result;
use crate::operator::Operator;
use crate::ours::{NAME, Operators};
use crate::subject::{Subject, Turn};
use autodiff_core::ode::Trajectory;
use autodiff_core::{Traced, Tree, Var};
use ndarray::Array1;
use std::hint::black_box;
use std::time::Instant;
use testkit::counter::symmetrics;
use testkit::motion::{planets, six_bodies};

/// Steps from one beginning: later the six bodies may meet.
const STEPS: usize = 1000;
/// Oscillators that step together.
const LANES: usize = 100_000;
/// Oscillators whose state is checked: as many as a peer steps together.
const CHECKED: usize = 8;

/// The initial value problems, in double precision.
pub struct Motion;

impl Operators for Motion {
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        Ok(match op {
            Operator::VanDerPol => {
                let (x, v) = oscillators(1);
                let start = (x[0], v[0]);
                steps(move || Trajectory::new(van_der_pol, &start, 0.0), 1, 1.0)
            }
            Operator::VanDerPolLanes => {
                let start = oscillators(LANES);
                steps(move || Trajectory::new(van_der_pol, &start, 0.0), LANES, 1.0)
            }
            Operator::SixBody => {
                let start = planets();
                steps(move || Trajectory::new(six_bodies, &start, 0.0), 1, 10.0)
            }
            _ => None,
        })
    }
}

/// Van der Pol's oscillator x″ = (1 − x²) x′ − x, of one or of many.
fn van_der_pol(&(x, v): &(Var, Var), _time: Var) -> (Var, Var) {
    (v, (1.0 - x.square()) * v - x)
}

/// Positions 2 S(1) and velocities 2 S(2) of `n` oscillators.
fn oscillators(n: usize) -> (Array1<f64>, Array1<f64>) {
    (2.0 * symmetrics(1, n), 2.0 * symmetrics(2, n))
}

/// A trajectory that is made again and again.
struct Steps<P: Tree, Out, F> {
    make: F,
    path: Option<Trajectory<'static, P, Out>>,
    /// Oscillators that a step is shared between.
    lanes: usize,
    /// When the state is checked.
    end: P::Scalar,
}

fn steps<P, Out, F>(make: F, lanes: usize, end: f64) -> Option<Box<dyn Subject>>
where
    P: Tree<Scalar = f64> + Clone + 'static,
    Out: Traced + Send + Sync + 'static,
    F: Fn() -> Trajectory<'static, P, Out> + 'static,
{
    Some(Box::new(Steps { make, path: None, lanes, end }))
}

impl<P, Out, F> Subject for Steps<P, Out, F>
where
    P: Tree<Scalar = f64> + Clone,
    Out: Traced + Send + Sync,
    F: Fn() -> Trajectory<'static, P, Out>,
{
    fn peer(&self) -> &str {
        NAME
    }

    fn variant(&self) -> &str {
        ""
    }

    fn parts(&self) -> usize {
        self.lanes
    }

    fn check(&mut self) -> Result<Check> {
        let mut path = (self.make)();
        path.advance_to(self.end)?;
        // Positions of all lanes come first, then velocities.
        let checked = CHECKED.min(self.lanes);
        Ok(check::of_array("state", path.entries().chunks(self.lanes).flat_map(|lanes| &lanes[..checked]).copied()))
    }

    fn time(&mut self, turn: Turn) -> Result<Vec<f64>> {
        let mut seconds = Vec::with_capacity(turn.samples as usize);
        for sample in 0..turn.samples {
            let spent = self.path.as_ref().is_none_or(|path| path.steps() + turn.calls as usize > STEPS);
            if spent {
                let mut path = (self.make)();
                path.step()?;
                self.path = Some(path);
            }
            let path = self.path.as_mut().expect("there is one by now");
            if sample == 0 {
                for _ in 0..turn.warm_up {
                    path.step()?;
                }
            }
            let start = Instant::now();
            for _ in 0..turn.calls {
                black_box(path.step()?);
            }
            seconds.push(start.elapsed().as_secs_f64() / f64::from(turn.calls));
        }
        Ok(seconds)
    }
}
