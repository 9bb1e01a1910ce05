//! Taylor's method for differential equations: known solutions, invariants, reference values, dense output, errors.

use autodiff_core::ode::{Trajectory, taylor_step};
use autodiff_core::real::Row;
use autodiff_core::{Elementary, Error, Tree, Var, concat, stack};
use ndarray::{Array1, Array2, arr1};
use testkit::motion::{energy, planets, six_bodies};

#[test]
fn series_of_known_solutions() {
    // y′ = y: 1/k!; y′ = t y: even coefficients 1/(2ᵏ k!); y′ = 1 + y²: tan; a constant rate: a straight line.
    let exp = taylor_step(|y: &Var, _: Var| *y, &1.0, 0.0, 20).unwrap();
    let mut factorial = 1.0;
    for (k, c) in exp.iter().enumerate() {
        factorial *= (k + 1) as f64;
        assert!((c * factorial - 1.0).abs() < 1e-15);
    }
    let gauss = taylor_step(|y: &Var, t: Var| *y * t, &1.0, 0.0, 6).unwrap();
    assert_eq!(gauss, [0.0, 0.5, 0.0, 0.125, 0.0, 0.5 / 4.0 / 6.0]);
    let tan = taylor_step(|y: &Var, _: Var| y.square() + 1.0, &0.0, 0.0, 7).unwrap();
    for (found, expected) in tan.iter().zip([1.0, 0.0, 1.0 / 3.0, 0.0, 2.0 / 15.0, 0.0, 17.0 / 315.0]) {
        assert!((found - expected).abs() < 1e-15);
    }
    let line = taylor_step(|_: &Var, _: Var| autodiff_core::constant(&3.0), &1.0, 0.0, 4).unwrap();
    assert_eq!(line, [3.0, 0.0, 0.0, 0.0]);
    // A rate that is a state, and one that bends with time alone.
    let fall = taylor_step(|y: &[Var], t: Var| vec![y[1], t.sin()], &vec![0.0, 1.0], 0.0, 4).unwrap();
    let expected = [[1.0, 0.0], [0.0, 0.5], [1.0 / 6.0, 0.0], [0.0, -1.0 / 24.0]];
    for (found, expected) in fall.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < 1e-16);
    }
}

#[test]
fn van_der_pol_follows_the_reference() {
    // From (2, 0), by `fixtures/van_der_pol.py` with 60 digits.
    let reference = [
        (1.0, [1.508_144_236_975_608_9, -0.780_218_074_629_695]),
        (5.0, [-0.837_077_450_294_765_1, 1.307_088_937_799_671_8]),
        (20.0, [2.008_149_762_174_948_6, -0.042_508_875_273_202_15]),
    ];
    let f = |y: &[Var], _: Var| vec![y[1], (1.0 - y[0].square()) * y[1] - y[0]];
    let mut path = Trajectory::new(f, &vec![2.0, 0.0], 0.0);
    for (time, expected) in reference {
        path.advance_to(time).unwrap();
        assert_eq!(path.time(), time);
        for (found, expected) in path.entries().iter().zip(expected) {
            // The equation contracts towards its cycle, but for the phase: an error grows by a factor of 2.8 at most.
            assert!((found - expected).abs() < 1e-14, "at {time}: {found} against {expected}");
        }
    }
    // And back again.
    path.advance_to(0.0).unwrap();
    let back = path.state();
    // Backwards the equation expands by a factor of some 10⁷ in this time.
    assert!((back[0] - 2.0).abs() < 1e-5 && back[1].abs() < 1e-5, "{back:?}");
    // The same system in arrays.
    let arrays = |y: &Var, _: Var| {
        let (x, v) = (y.slice(0, 0..1), y.slice(0, 1..2));
        concat(&[v, (1.0 - x.square()) * v - x], 0)
    };
    let mut path = Trajectory::new(arrays, &arr1(&[2.0, 0.0]), 0.0);
    path.advance_to(5.0).unwrap();
    assert!((path.entries()[0] - reference[1].1[0]).abs() < 1e-14);
}

#[test]
fn six_bodies_keep_their_energy() {
    let start = planets();
    let mut path = Trajectory::new(six_bodies, &start, 0.0);
    path.advance_to(50.0).unwrap();
    let drift = energy(&path.state()) / energy(&start) - 1.0;
    assert!(drift.abs() < 1e-14, "{drift:e} after {} steps", path.steps());
    assert!(path.steps() < 200, "{}", path.steps());
}

#[test]
fn dense_output_agrees_with_steps_that_end_there() {
    let f = |y: &[Var], t: Var| vec![y[1], -y[0] + (t * 3.0).cos()];
    let start = vec![1.0, 0.0];
    let mut path = Trajectory::new(f, &start, 0.0);
    assert!(path.at(0.0).is_err());
    let step = path.step().unwrap();
    for share in [0.0, 0.3, 0.9, 1.0] {
        let time = step.length * share;
        let mut direct = Trajectory::new(f, &start, 0.0);
        direct.advance_to(time).unwrap();
        for (a, b) in path.at(time).unwrap().iter().zip(direct.entries()) {
            assert!((a - b).abs() < 4e-15, "{a} against {b}");
        }
    }
    assert!(matches!(path.at(step.length * 1.01), Err(Error::Unsupported { .. })));
}

#[test]
fn single_precision_and_lower_orders_keep_to_their_tolerance() {
    let f = |y: &[Var], _: Var| vec![y[1], -y[0]];
    let mut single = Trajectory::new(f, &vec![1.0_f32, 0.0], 0.0).order(8);
    single.advance_to(6.0).unwrap();
    assert!((single.entries()[0] - 6.0_f32.cos()).abs() < 8.0 * f32::EPSILON);
    let mut coarse = Trajectory::new(f, &vec![1.0, 0.0], 0.0).order(5).tolerance(1e-6);
    coarse.advance_to(6.0).unwrap();
    let error = (coarse.entries()[0] - 6.0_f64.cos()).abs();
    assert!(error < 1e-4 && error > 1e-12 && coarse.steps() > 5, "{error:e} in {} steps", coarse.steps());
}

#[test]
fn polynomials_gaps_and_starts_from_rest_have_their_steps() {
    // Free fall: a step of any length is exact.
    let fall = |y: &[Var], _: Var| vec![y[1], y[1] * 0.0 - 9.81];
    let mut path = Trajectory::new(fall, &vec![0.0, 1.0], 0.0);
    let step = path.step().unwrap();
    assert!(step.allowed.is_infinite() && step.length == 1.0, "{step:?}");
    assert!((path.entries()[0] - (1.0 - 9.81 / 2.0)).abs() < 1e-15);
    // y′ = t² y has every third coefficient only; the last two of order 20 vanish.
    let mut path = Trajectory::new(|y: &Var, t: Var| *y * t.square(), &1.0, 0.0);
    path.advance_to(3.0).unwrap();
    assert!((path.state() / 9.0_f64.exp() - 1.0).abs() < 1e-13, "{}", path.state());
    // A forced oscillator at rest at a time that is not 0: (t − 1) sin(t)/2 + …, by its energy balance at the end.
    let forced = |y: &[Var], t: Var| vec![y[1], -y[0] + t.cos()];
    let mut path = Trajectory::new(forced, &vec![0.0, 0.0], 1.0);
    path.advance_to(4.0).unwrap();
    let exact = |t: f64| (t * t.sin() - t.sin() - 1.0_f64.sin() * (t - 1.0).sin()) / 2.0;
    assert!((path.entries()[0] - exact(4.0)).abs() < 1e-14, "{} {}", path.entries()[0], exact(4.0));
    assert!(path.steps() < 10);
    assert!(taylor_step(forced, &vec![0.0, 0.0], 1.0, 0).unwrap().is_empty());
}

#[test]
fn a_failed_step_leaves_the_last_one() {
    let mut path = Trajectory::new(|y: &Var, _: Var| y.square(), &1.0, 0.0);
    let step = path.step().unwrap();
    let middle = step.length / 2.0;
    let before: f64 = path.at(middle).unwrap();
    // What is not finite from the next step on.
    assert!((before - 1.0 / (1.0 - middle)).abs() < 1e-14);
    let mut failing = Trajectory::new(|y: &Var, t: Var| *y + (0.5 - t).sqrt(), &1.0, 0.0).tolerance(1e-3).order(3);
    while failing.step().is_ok() {}
    let (time, state) = (failing.time(), failing.state());
    assert!(failing.step().is_err());
    assert_eq!((failing.time(), failing.state()), (time, state));
    // Without what the sum of the state carries over from rounding.
    let seen: f64 = failing.at(time).unwrap();
    assert!((seen - state).abs() < 1e-15, "{seen} {state}");
}

#[test]
fn a_branch_that_changes_is_followed() {
    // A rate that is cut off: the closure is traced again on the other side, to which a step leads.
    let f = |y: &Var, _: Var| if *y < 1.0 { *y } else { *y * 0.0 + 1.0 };
    let mut path = Trajectory::new(f, &0.5, 0.0);
    path.advance_to(0.5_f64).unwrap();
    assert!((path.state() - 0.5 * 0.5_f64.exp()).abs() < 1e-15);
    // To where it bends, and on.
    path.advance_to(2.0_f64.ln()).unwrap();
    path.advance_to(2.0).unwrap();
    assert!((path.state() - (3.0 - 2.0_f64.ln())).abs() < 1e-14, "{}", path.state());
}

#[test]
fn what_cannot_go_on_says_so() {
    // The solution 1/(1 − t) ends at t = 1.
    let mut path = Trajectory::new(|y: &Var, _: Var| y.square(), &1.0, 0.0);
    let error = path.advance_to(2.0).unwrap_err().to_string();
    assert!(error.contains("too short") || error.contains("not finite"), "{error}");
    let end: f64 = path.time();
    assert!((end - 1.0).abs() < 1e-3, "{end}");
    let mut path = Trajectory::new(|y: &Var, _: Var| y.ln(), &-1.0, 0.0);
    assert!(path.step().unwrap_err().to_string().contains("not finite"));
    assert!(path.advance_to(f64::NAN).is_err());
    let mut path = Trajectory::new(|y: &[Var], _: Var| stack(&[y[0], y[0]], 0), &vec![1.0, 2.0], 0.0);
    assert!(matches!(path.step(), Err(Error::Structure { .. })));
}

/// Rates that use every rule: of `n` entries elementwise, or with matrices too.
fn rates(state: &(Var, Var), t: Var, matrices: bool) -> (Var, Var) {
    let (x, y) = *state;
    let smooth = x.sin() * y.cos() + (x * 0.3).exp() / (y.square() + 2.0) + (y + t).tanh() - x.atan();
    let powers = (x.square() + 1.5).powf(-1.5) + (y.square() + 1.0).sqrt().ln() + x.powi(3) * 0.01;
    let choice = x.less(y).select(x * t, y.sin()) + t.square() - 0.2;
    let w = |(i, j): (usize, usize)| ((i * 7 + j * 3) % 11) as f64 / 70.0 - 0.07;
    let n = x.size();
    let mixed = || {
        let w = autodiff_core::constant(&Array2::from_shape_fn((n, n), w));
        w.matmul(x).tanh() + x.reshape(&[7, n / 7]).softmax(1).reshape(&[n])
    };
    (smooth * 0.5, (powers - if matrices { mixed() } else { choice }).sin())
}

/// Rates that are run as a program, for a solve has no recurrence.
fn as_program(s: &(Var, Var), (a, b): (Var, Var)) -> (Var, Var) {
    let first = s.0.reshape(&[s.0.size()]).slice(0, 0..1);
    (a + (first + 4.0).reshape(&[1, 1]).solve(first).sum() * 0.0, b)
}

#[test]
fn every_row_has_the_series_of_its_program() {
    // Alone, in blocks of two widths, and in chunks of which the last is not full.
    for n in [1, 40, 301] {
        for &row in Row::ALL {
            let samples = row.samples();
            let at = |input: usize, i: usize| {
                let [low, high] = samples[input.min(samples.len() - 1)];
                low + (high - low) * (0.3 + 0.4 * ((i * 7 + input * 3) % 11) as f64 / 11.0)
            };
            let state = (Array1::from_shape_fn(n, |i| at(0, i)), Array1::from_shape_fn(n, |i| at(1, i)));
            let rates = |&(x, y): &(Var, Var), t: Var| {
                let z = match row.arity() {
                    1 => row.apply(&[x]),
                    2 => row.apply(&[x, y]),
                    _ => row.apply(&[x.greater(y), x, y]),
                };
                (z * 0.1, z * x - t)
            };
            let series = taylor_step(rates, &state, 0.3, 8).unwrap();
            let program = taylor_step(|s: &(Var, Var), t: Var| as_program(s, rates(s, t)), &state, 0.3, 8).unwrap();
            for (k, (a, b)) in series.iter().zip(&program).enumerate() {
                let scale = b.0.iter().chain(&b.1).fold(0.0_f64, |m, c| m.max(c.abs()));
                for (a, b) in a.0.iter().chain(&a.1).zip(b.0.iter().chain(&b.1)) {
                    // Other orders of summation, and factors 1/q instead of quotients.
                    let near = (a - b).abs() <= 1e-13 * scale.max(1.0);
                    assert!(near, "{}, {n} entries, order {}: {a:e} against {b:e}", row.name(), k + 1);
                }
            }
        }
    }
}

#[test]
fn rates_of_one_node_have_their_series() {
    // The rate is read by its own recurrence, and by nothing else: √y, 1/y, eʸ, ln y.
    for row in [Row::Sqrt, Row::Exp, Row::Ln] {
        let rates = |&(x, y): &(Var, Var), _: Var| (row.apply(&[x]), y.recip());
        let state = (arr1(&[1.5, 0.7]), arr1(&[0.5, 2.0]));
        let series = taylor_step(rates, &state, 0.0, 9).unwrap();
        let program = taylor_step(|s: &(Var, Var), t: Var| as_program(s, rates(s, t)), &state, 0.0, 9).unwrap();
        for (a, b) in series.iter().zip(&program).flat_map(|(a, b)| a.0.iter().chain(&a.1).zip(b.0.iter().chain(&b.1)))
        {
            // The largest coefficient of 1/y from 0.5 is some 10⁶.
            assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{}: {a:e} against {b:e}", row.name());
        }
    }
}

#[test]
fn rates_that_are_states_have_their_series() {
    type Rates = fn(Var, Var, Var) -> (Var, Var, Var);
    // What follows another state: one, a chain, two of one, each other, one of another shape, and one of time.
    let systems: [(&str, Rates); 6] = [
        ("x′ = v", |x, v, _| (v, -x.sin(), x * v)),
        ("x′ = v, v′ = a", |x, v, a| (v, a, -x.sin() - a)),
        ("x′ = v, y′ = v", |x, v, y| (v, -x.sin() * y, v)),
        ("x′ = v, v′ = x", |x, v, y| (v, x, x * y)),
        ("x′ = v, reshaped", |x, v, y| (v.reshape(&[v.size(), 1]).reshape(&[v.size()]), x.cos() * y, -v)),
        ("x′ = x", |x, v, y| (x, y, -v)),
    ];
    for n in [1, 40, 301] {
        let of = |phase: f64| Array1::from_shape_fn(n, |i| (phase + 0.7 * i as f64).sin());
        let state = (of(0.1), of(0.5), of(0.9));
        for (name, rates) in systems {
            let series = taylor_step(|s: &(Var, Var, Var), _: Var| rates(s.0, s.1, s.2), &state, 0.0, 9).unwrap();
            let program = |s: &(Var, Var, Var), _: Var| {
                let (a, b, c) = rates(s.0, s.1, s.2);
                let (a, b) = as_program(&(s.0, s.1), (a, b));
                (a, b, c)
            };
            let program = taylor_step(program, &state, 0.0, 9).unwrap();
            for (k, (a, b)) in series.iter().zip(&program).enumerate() {
                for (a, b) in a.to_vec().iter().zip(&b.to_vec()) {
                    assert!((a - b).abs() <= 1e-13, "{name}, {n} entries, order {}: {a:e} against {b:e}", k + 1);
                }
            }
        }
    }
}

#[test]
fn a_step_may_be_as_long_as_numbers_reach() {
    let mut far = Trajectory::new(|_: &Var, _| autodiff_core::constant(&1.0), &0.0, 0.0);
    far.advance_to(1e200).unwrap();
    assert_eq!(far.state(), 1e200);
}

#[test]
fn recurrences_and_programs_give_the_same_series() {
    // The last elementwise one runs in chunks, of which one is not full.
    for (n, matrices) in [(70, false), (70, true), (1, false), (301, false)] {
        let state = (Array1::linspace(-1.0, 1.0, n), Array1::linspace(0.5, -0.7, n));
        let series = taylor_step(|s: &(Var, Var), t: Var| rates(s, t, matrices), &state, 0.3, 12).unwrap();
        let of = |s: &(Var, Var), t: Var| as_program(s, rates(s, t, matrices));
        let program = taylor_step(of, &state, 0.3, 12).unwrap();
        for (k, (a, b)) in series.iter().zip(&program).enumerate() {
            let scale = b.0.iter().chain(&b.1).fold(0.0_f64, |m, c| m.max(c.abs()));
            for (a, b) in a.0.iter().chain(&a.1).zip(b.0.iter().chain(&b.1)) {
                // Two orders of summation of some dozens of terms.
                assert!((a - b).abs() <= 1e-13 * scale, "{n} entries, order {}: {a:e} against {b:e}", k + 1);
            }
        }
    }
}

#[test]
fn a_singular_base_of_a_power_is_left_to_the_program() {
    // y′ = y³ + 1 from 0: 1, then 0 up to the power.
    let series = taylor_step(|y: &Var, _: Var| y.pow(autodiff_core::constant(&3.0)) + 1.0, &0.0, 0.0, 5).unwrap();
    assert_eq!(series, [1.0, 0.0, 0.0, 0.25, 0.0]);
}

#[test]
fn a_state_without_entries_has_nothing_but_time() {
    let mut path = Trajectory::new(|y: &Var, _: Var| *y, &Array1::<f64>::zeros(0), 1.0);
    path.advance_to(3.0).unwrap();
    assert_eq!((path.time(), path.state().len()), (3.0, 0));
    assert_eq!(path.series().len(), 20);
    assert_eq!(path.at(path.time()).unwrap().len(), 0);
    let none: Vec<Vec<f64>> = taylor_step(|y: &[Var], _: Var| y.to_vec(), &Vec::new(), 0.0, 3).unwrap();
    assert_eq!(none, vec![Vec::<f64>::new(); 3]);
}

#[test]
fn a_step_ends_where_the_rates_bend() {
    // eᵗ/2 up to 1, straight from there on.
    let f = |y: &Var, _: Var| if *y < 1.0 { *y } else { *y * 0.0 + 1.0 };
    let mut path = Trajectory::new(f, &0.5, 0.0);
    path.advance_to(2.0).unwrap();
    assert!((path.state() - (3.0 - 2.0_f64.ln())).abs() < 1e-14, "{}", path.state());
    // And back.
    path.advance_to(0.0).unwrap();
    assert!((path.state() - 0.5).abs() < 1e-14, "{}", path.state());
    // The same as a mask, of states that get there one after the other.
    let f = |y: &Var, _: Var| y.less(1.0).select(*y, 1.0);
    let start = Array1::linspace(0.3, 0.9, 7);
    let mut path = Trajectory::new(f, &start, 0.0);
    path.advance_to(2.0).unwrap();
    for (y, start) in path.entries().iter().zip(&start) {
        // ln(1/y₀) to 1, then straight.
        assert!((y - (3.0 + start.ln())).abs() < 1e-14, "from {start}: {y}");
    }
}

#[test]
fn a_relay_swings_in_parabolas() {
    // y″ = −sign y from (a, 0): y = a − t²/2 for a quarter of the period 4 √(2a).
    for amplitude in [1.0_f64, 0.37] {
        let f = |y: &[Var], _: Var| vec![y[1], -y[0].sign()];
        let mut path = Trajectory::new(f, &vec![amplitude, 0.0], 0.0);
        let period = 4.0 * (2.0 * amplitude).sqrt();
        path.advance_to(3.0 * period).unwrap();
        let [y, v] = path.entries() else { panic!("two states") };
        assert!((y - amplitude).abs() < 1e-13 && v.abs() < 1e-13, "{y} {v} after {} steps", path.steps());
        path.advance_to(3.0 * period + 0.5).unwrap();
        assert!((path.entries()[0] - (amplitude - 0.125)).abs() < 1e-13);
    }
}

#[test]
fn a_ball_on_a_spring_keeps_its_energy() {
    // Free fall, and a floor that pushes back: long polynomials, and short arcs of a sine.
    let (g, k) = (9.81, 1e4);
    let f = move |y: &[Var], _: Var| vec![y[1], k * (-y[0]).relu() - g];
    let energy = |y: &[f64]| y[1] * y[1] / 2.0 + g * y[0] + k * y[0].min(0.0).powi(2) / 2.0;
    let mut path = Trajectory::new(f, &vec![1.0, 0.0], 0.0);
    let before = energy(path.entries());
    path.advance_to(10.0).unwrap();
    assert!((energy(path.entries()) / before - 1.0).abs() < 1e-12, "{}", energy(path.entries()) / before - 1.0);
    // Each fall from 1, and each contact, half a sine about −g/k and what is beyond it.
    let (fall, speed, omega) = ((2.0 / g).sqrt(), (2.0 * g).sqrt(), k.sqrt());
    let contact = (std::f64::consts::PI + 2.0 * (g / (omega * speed)).atan()) / omega;
    let mut again = Trajectory::new(f, &vec![1.0, 0.0], 0.0);
    again.advance_to(2.0 * fall + contact).unwrap();
    assert!((again.entries()[0] - 1.0).abs() < 1e-13 && again.entries()[1].abs() < 1e-12, "{:?}", again.entries());
}

#[test]
fn rates_may_jump_with_the_time_and_at_the_start() {
    // 0 + 1 + 2 + 3/2
    let mut path = Trajectory::new(|y: &Var, t: Var| t.floor() + *y * 0.0, &0.0, 0.0);
    path.advance_to(3.5).unwrap();
    assert!((path.state() - 4.5).abs() < 1e-14, "{}", path.state());
    // From rest, where the sign is 0: friction 1 against a force 2.
    let mut path = Trajectory::new(|v: &Var, _: Var| 2.0 - v.sign(), &0.0, 0.0);
    path.advance_to(1.0).unwrap();
    assert!((path.state() - 1.0).abs() < 1e-14, "{}", path.state());
}

#[test]
fn a_solution_that_slides_along_a_jump_says_so() {
    // Friction stops it at t = 0.7, and more than holds it there.
    let mut path = Trajectory::new(|v: &Var, _: Var| v.less(0.0).select(1.0, -1.0), &0.7, 0.0);
    let error = path.advance_to(2.0).unwrap_err().to_string();
    assert!(error.contains("slides"), "{error}");
    let (time, speed): (f64, f64) = (path.time(), path.state());
    assert!((time - 0.7).abs() < 1e-13 && speed.abs() < 1e-13, "{speed} at {time}");
}

#[test]
fn a_solution_that_slides_between_unequal_slopes_says_so() {
    for (down, up) in [(0.5, 1.5), (1.5, 0.5), (0.9, 1.1), (2.0, 0.5), (1.0, 3.0)] {
        let mut path = Trajectory::new(move |v: &Var, _: Var| v.less(0.0).select(up, -down), &1.0_f64, 0.0);
        let error = path.advance_to(3.0 / down).unwrap_err().to_string();
        assert!(error.contains("slides"), "{down}, {up}: {error}");
        assert!((path.time() - 1.0 / down).abs() < 1e-8 && path.steps() < 100, "{} at {}", path.state(), path.time());
    }
}

#[test]
fn a_jump_behind_a_tie_is_found() {
    let f = |y: &[Var], t: Var| {
        let larger = y[0].max(y[1]);
        vec![-y[0], -(y[1] * 3.0) / 3.0, larger - y[2], t.less(2.0).select(0.0, 1.0)]
    };
    let mut path = Trajectory::new(f, &vec![1.0, 1.0, 0.0, 0.0], 0.0);
    path.advance_to(5.0).unwrap();
    let entries = path.entries();
    assert!((entries[2] - 5.0 * (-5.0_f64).exp()).abs() < 1e-14 && (entries[3] - 3.0).abs() < 1e-13, "{entries:?}");
}

#[test]
fn states_that_are_equal_but_for_rounding_do_not_slide() {
    // Which of the two is larger is chance, and does not matter.
    let f = |y: &[Var], _: Var| vec![-y[0], -(y[1] * 3.0) / 3.0, y[0].max(y[1]) - y[2]];
    let mut path = Trajectory::new(f, &vec![1.0, 1.0, 0.0], 0.0);
    path.advance_to(5.0).unwrap();
    // z = t e^−t
    assert!((path.entries()[2] - 5.0 * (-5.0_f64).exp()).abs() < 1e-14, "{:?}", path.entries());
    assert!(path.steps() < 300, "{}", path.steps());
}

#[test]
fn jumps_in_single_precision_end_steps() {
    let f = |y: &[Var], _: Var| vec![y[1], -y[0].sign()];
    let mut path = Trajectory::new(f, &vec![1.0_f32, 0.0], 0.0).order(8);
    path.advance_to(4.0 * 2.0_f32.sqrt()).unwrap();
    assert!((path.entries()[0] - 1.0).abs() < 32.0 * f32::EPSILON, "{:?}", path.entries());
}

#[test]
fn arithmetic_of_the_time_alone_keeps_the_series_of_large_states() {
    for n in [128, 129, 300] {
        let state = Array1::linspace(-1.0, 1.0, n);
        let rates = |y: &Var, t: Var| y.sin() * (t * t).sin() + (t * 3.0).exp() / (t.square() + 1.0) - t.sqrt() * *y;
        let series = taylor_step(rates, &state, 0.3, 10).unwrap();
        let program = |s: &(Var, Var), t: Var| as_program(s, (rates(&s.0, t), s.1 * 0.0));
        let program = taylor_step(program, &(state, Array1::zeros(1)), 0.3, 10).unwrap();
        for (k, (a, (b, _))) in series.iter().zip(&program).enumerate() {
            let scale = b.iter().fold(0.0_f64, |m, c| m.max(c.abs()));
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() <= 1e-13 * scale, "{n} entries, order {}: {a:e} against {b:e}", k + 1);
            }
        }
    }
}

#[test]
fn a_power_that_vanishes_is_not_left_out() {
    // At 1e-140 y^2.5 is 0 in double precision, and with it all that recurrences make of it, as if y′ were 1 for good.
    // The root of ∫₀^y ds/(1 + s^2.5) = 1: mpmath 1.4.1 with 30 digits, `quad` and `findroot`.
    let reference = 1.503_648_922_618_954_2;
    let follow = |start: f64, order: usize, tolerance: f64| {
        let mut path =
            Trajectory::new(|y: &Var, _: Var| y.powf(2.5) + 1.0, &start, 0.0).order(order).tolerance(tolerance);
        path.advance_to(1.0).map(|()| path.state())
    };
    // From 0 the solution has no series beyond order 3: steps begin tiny and double.
    for (start, order, tolerance) in [(1e-140, 4, 1e-8), (1e-10, 20, 1e-15)] {
        let end = follow(start, order, tolerance).unwrap();
        assert!((end / reference - 1.0).abs() < 10.0 * tolerance.max(start), "{end} from {start:e}");
    }
    // Of order 20 its coefficients at 1e-140 are beyond the numbers.
    let error = follow(1e-140, 20, 1e-15).unwrap_err().to_string();
    assert!(error.contains("the series at time 0 is not finite"), "{error}");
}

/// Coefficients that underflow are no zeros of a polynomial: slow rates in single precision, and decays until nothing is left.
#[test]
fn coefficients_that_underflow_do_not_end_the_series() {
    let mut decay = Trajectory::new(|y: &Var, _: Var| *y * -1e-4, &1.0_f32, 0.0);
    decay.advance_to(1e4).unwrap();
    assert!((decay.state() - (-1.0_f32).exp()).abs() < 1e-6, "{}", decay.state());
    decay.advance_to(2e5).unwrap();
    assert!((decay.state() / (-20.0_f32).exp() - 1.0).abs() < 1e-4, "{}", decay.state());
    for w in [3e-4_f32, 1e-4] {
        let turn = move |y: &[Var], _: Var| vec![y[1] * f64::from(w), y[0] * -f64::from(w)];
        let mut turn = Trajectory::new(turn, &vec![1.0_f32, 0.0], 0.0);
        turn.advance_to(6.0 / w).unwrap();
        assert!((turn.entries()[0] - 6.0_f32.cos()).abs() < 1e-5, "{:?}", turn.entries());
    }
    for end in [1e3, 1e4, 1e5] {
        let mut decay = Trajectory::new(|y: &Var, _: Var| -*y, &1.0_f32, 0.0);
        decay.advance_to(end).unwrap();
        assert!(decay.state().abs() < 1e-36, "{} at {end}", decay.state());
        let mut decay = Trajectory::new(|y: &Var, _: Var| -y.sin(), &1.0_f64, 0.0);
        decay.advance_to(f64::from(end)).unwrap();
        assert!(decay.state().abs() < 1e-300, "{} at {end}", decay.state());
    }
}

/// (1 − t/2)² solves y′ = −√y until it is empty; t³¹/31 and t⁶/6 begin above the order.
#[test]
fn a_polynomial_is_followed_as_long_as_it_solves_the_equation() {
    let mut tank = Trajectory::new(|y: &Var, _: Var| -y.sqrt(), &1.0_f64, 0.0);
    tank.advance_to(1.5).unwrap();
    assert!((tank.state() - 0.0625).abs() < 1e-15 && tank.steps() <= 4, "{tank:?} {}", tank.state());
    let found = tank.advance_to(3.0).unwrap_err().to_string();
    assert!(found.contains("too short") && (tank.time() - 2.0).abs() < 0.01, "{found} at {}", tank.time());
    assert!(tank.state().abs() < 1e-20, "{}", tank.state());
    let mut late = Trajectory::new(|_: &Var, t: Var| t.powi(30), &0.0, 0.0);
    late.advance_to(2.0).unwrap();
    assert!((late.state() * 31.0 / 2.0_f64.powi(31) - 1.0).abs() < 1e-12, "{}", late.state());
    assert!(late.steps() < 1000, "{late:?}");
    let mut late = Trajectory::new(|_: &Var, t: Var| t.powi(5), &0.0, 0.0).order(5).tolerance(1e-9);
    late.advance_to(1.0).unwrap();
    assert!((late.state() - 1.0 / 6.0).abs() < 1e-6, "{}", late.state());
    // What is a polynomial takes one step.
    let mut fall = Trajectory::new(|y: &[Var], _: Var| vec![y[1], Var::from(-9.81)], &vec![100.0, 3.0], 0.0);
    fall.advance_to(4.0).unwrap();
    assert!((fall.entries()[0] - (112.0 - 9.81 * 8.0)).abs() < 1e-13 && fall.steps() == 1, "{fall:?}");
}

#[test]
fn a_slide_along_a_small_jump_beside_a_large_rate_is_an_error() {
    for (rate, jump) in [(1e4, 1.0), (1.0, 1.0), (1.0, 1e-4)] {
        let slide = move |y: &[Var], _: Var| vec![Var::from(rate), y[1].greater(0.0).select(-jump, jump)];
        let mut slide = Trajectory::new(slide, &vec![0.0, jump], 0.0);
        let found = slide.advance_to(1e4).unwrap_err().to_string();
        assert!(found.contains("slides along the jump"), "{found}");
    }
}

#[test]
fn a_time_that_is_no_number_is_an_error() {
    let mut path = Trajectory::new(|y: &Var, _: Var| y.sin(), &1.0, f64::NAN);
    assert!(path.advance_to(1.0).unwrap_err().to_string().contains("NaN"));
    assert!(path.step().is_err());
}

/// What rounding leaves of the rates does not shorten the steps of a polynomial.
#[test]
fn rates_that_cancel_leave_polynomials_their_steps() {
    let mut line = Trajectory::new(|_: &Var, t: Var| t - 1000.1, &0.0, 1000.1);
    line.advance_to(1000.7).unwrap();
    assert!((line.state() - 0.18).abs() < 1e-12 && line.steps() <= 2, "{line:?} {}", line.state());
    let mut line = Trajectory::new(|_: &Var, t: Var| (t + 1e8) - 1e8, &0.0, 0.0);
    line.advance_to(0.7).unwrap();
    assert!((line.state() - 0.245).abs() < 1e-7 && line.steps() <= 2, "{line:?} {}", line.state());
    let frame = |y: &[Var], _: Var| vec![(y[1] + 1e6) - 1e6, Var::from(-9.81)];
    let mut fall = Trajectory::new(frame, &vec![0.0, 3.0], 0.0);
    fall.advance_to(0.1).unwrap();
    assert!((fall.entries()[0] - (0.3 - 9.81 * 0.005)).abs() < 1e-9 && fall.steps() <= 2, "{fall:?}");
    let gain = |y: &[Var], _: Var| vec![(y[1] - 1.0) * 1e6, Var::from(1e-3)];
    let mut gain = Trajectory::new(gain, &vec![0.0, 1.0], 0.0);
    gain.advance_to(1.0).unwrap();
    assert!((gain.entries()[0] - 500.0).abs() < 1e-6 && gain.steps() <= 3, "{gain:?} {:?}", gain.entries());
}

/// Late, or in single precision, a rounding of the time is long: rates that jump again and again do not slide for that.
#[test]
fn jumps_that_follow_each_other_are_no_slide() {
    let mut stairs = Trajectory::new(|_: &[Var], t: Var| vec![t.floor()], &vec![0.0_f32], 0.0);
    stairs.advance_to(60.0).unwrap();
    assert!((stairs.state()[0] - 1770.0).abs() < 0.1, "{}", stairs.state()[0]);
    let mut pendulum = Trajectory::new(|y: &[Var], _: Var| vec![y[1], -y[0].sign()], &vec![0.5_f32, 0.0], 0.0);
    // From rest at ½ it takes a time of 1 to the middle, and 4 for a period.
    pendulum.advance_to(80.0).unwrap();
    assert!((pendulum.state()[0] - 0.5).abs() < 1e-3, "{:?}", pendulum.state());
    let start = 1.7e9;
    let mut late = Trajectory::new(
        |_: &[Var], t: Var| {
            let half = (t * 5.0).floor() * 2.0;
            vec![(t * 10.0).floor() - half]
        },
        &vec![0.0],
        start,
    );
    late.advance_to(start + 5.0).unwrap();
    assert!((late.state()[0] - 2.5).abs() < 1e-4, "{}", late.state()[0]);
}

/// The state is that of the time that is told, however far that is from 0.
#[test]
fn late_times_cost_no_digits() {
    for start in [0.0, 1e3, 1e6, 1e9, 1e12] {
        let mut path = Trajectory::new(|y: &[Var], _: Var| vec![y[0]], &vec![1.0], start);
        path.advance_to(start + 30.0).unwrap();
        let exact = f64::exp(30.0);
        assert!((path.state()[0] / exact - 1.0).abs() < 2e-15, "{start}: {}", path.state()[0] / exact - 1.0);
        path.step().unwrap();
        let exact = f64::exp(path.time() - start);
        assert!((path.state()[0] / exact - 1.0).abs() < 2e-15, "{start}: {}", path.state()[0] / exact - 1.0);
    }
}

/// Rates whose series ends in zeros where the step begins, and where it would end, are seen between.
#[test]
fn rates_between_two_rests_are_seen() {
    let pi = std::f64::consts::PI;
    let mut pulse = Trajectory::new(|_: &[Var], t: Var| vec![(t * pi).sin().powi(22)], &vec![0.0], 0.0);
    pulse.advance_to(1.0).unwrap();
    // The mean of sin²² is C(22, 11)/2²².
    assert!((pulse.state()[0] - 705_432.0 / f64::from(1 << 22)).abs() < 1e-12, "{}", pulse.state()[0]);
    let mut bell = Trajectory::new(|_: &[Var], t: Var| vec![((t - 5.0).square() * -100.0).exp()], &vec![0.0], 0.0);
    bell.advance_to(10.0).unwrap();
    assert!((bell.state()[0] - (pi / 100.0).sqrt()).abs() < 1e-12, "{}", bell.state()[0]);
}

/// What grows by 1000 in a unit of time has coefficients of order 20 beyond single precision; those of order 10 are within.
#[test]
fn single_precision_has_an_order_of_its_own() {
    let mut decay = Trajectory::new(|y: &[Var], _: Var| vec![-1000.0 * y[0]], &vec![1.0_f32], 0.0);
    decay.advance_to(0.01).unwrap();
    assert!((decay.state()[0] / (-10.0_f32).exp() - 1.0).abs() < 1e-4, "{}", decay.state()[0]);
}

/// Late, places within a step are compared where the time can tell them apart.
#[test]
fn polynomial_rates_are_followed_late() {
    for (start, rest) in [(1e4_f32, 1.0), (100.0, 0.01)] {
        let mut line = Trajectory::new(move |_: &Var, t: Var| t - f64::from(start), &0.0_f32, start);
        line.advance_to(start + rest).unwrap();
        let whole = (start + rest) - start;
        assert!((line.state() / (0.5 * whole * whole) - 1.0).abs() < 1e-5, "{start}: {}", line.state());
    }
    for (start, rest) in [(1.7e9, 1e-4), (1e6, 1e-7), (1e13, 1.0)] {
        let mut line = Trajectory::new(move |_: &Var, t: Var| t - start, &0.0, start);
        line.advance_to(start + rest).unwrap();
        let whole = (start + rest) - start;
        assert!(f64::abs(line.state() / (0.5 * whole * whole) - 1.0) < 1e-14, "{start}: {}", line.state());
    }
    let mut saw = Trajectory::new(|_: &Var, t: Var| t - t.floor(), &0.0_f32, 1e4);
    saw.advance_to(1e4 + 4.0).unwrap();
    assert!((saw.state() - 2.0).abs() < 1e-2, "{}", saw.state());
}

/// Terms that are all below the absolute tolerance bound nothing while they grow.
#[test]
fn an_absolute_tolerance_bounds_the_error_of_a_step() {
    let mut growth = Trajectory::new(|y: &Var, _: Var| *y, &1e-20, 0.0).absolute_tolerance(1e-6);
    let step = growth.step().unwrap();
    assert!(f64::abs(growth.state() - 1e-20 * f64::exp(step.length)) < 1e-6, "{step:?}");
    let mut logistic =
        Trajectory::new(|y: &Var, _: Var| *y * (1.0 - *y), &1e-20, 0.0).tolerance(1e-10).absolute_tolerance(1e-12);
    logistic.advance_to(50.0).unwrap();
    let exact = 1.0 / (1.0 + (1e20 - 1.0) * f64::exp(-50.0));
    // What early steps leave out grows with the solution.
    assert!(f64::abs(logistic.state() - exact) < 1e-3, "{} {exact}", logistic.state());
    // A pole at 1e10.
    let mut pole = Trajectory::new(|y: &Var, _: Var| y.square(), &1e-10, 0.0).absolute_tolerance(1e-6);
    assert!(pole.step().unwrap().length < 1e10);
}

/// A jump at the very end of a way, as is advised, costs no steps.
#[test]
fn rates_that_jump_at_the_end_are_followed_to_it() {
    let mut stairs = Trajectory::new(|_: &Var, t: Var| t.floor(), &0.0, 0.0);
    stairs.advance_to(1.0).unwrap();
    assert!(stairs.state() < 1e-15 && stairs.steps() <= 4, "{} in {}", stairs.state(), stairs.steps());
}
