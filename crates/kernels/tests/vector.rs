//! The vectorised functions against golden values, against their scalar twins, and at special values, at every level.

use kernels::vector::{Function, Level};

/// Largest error in units in the last place, in double and in single precision; measured ones are in `docs/accuracy.md`.
fn bounds(name: &str) -> (f64, f64) {
    match name {
        "sqrt" | "recip" => (0.5, 0.5),
        "exp" | "exp_m1" | "ln" | "ln_1p" | "sin" | "cos" | "cbrt" | "hypot" | "pow" => (1.3, 1.3),
        "softplus" | "erf" => (1.6, 1.6),
        "tanh" | "sigmoid" | "asin" | "acos" | "atan" | "atan2" | "asinh" | "acosh" | "atanh" => (2.4, 2.4),
        _ => (4.6, 4.6),
    }
}

/// Distance to the value in units in its last place.
fn ulp(result: f64, value: f64) -> f64 {
    ulp_of(result, value, 0.0)
}

/// Distance to value + rest in units in the last place of the value.
fn ulp_of(result: f64, value: f64, rest: f64) -> f64 {
    if (result == value && rest == 0.0) || (result.is_nan() && value.is_nan()) {
        return 0.0;
    }
    let size = value.abs().min(f64::MAX);
    let unit = f64::from_bits(size.to_bits() + 1).min(f64::MAX) - f64::from_bits(size.to_bits().max(1) - 1);
    ((result - value) - rest).abs() / (unit / 2.0)
}

/// Distance of a single to a value in double precision, in units in the last place of a single.
fn ulp_single(result: f32, value: f64) -> f64 {
    if result == value as f32 || (result.is_nan() && value.is_nan()) {
        return 0.0;
    }
    let size = (value.abs() as f32).min(f32::MAX);
    let unit = f64::from(f32::from_bits(size.to_bits() + 1).min(f32::MAX))
        - f64::from(f32::from_bits(size.to_bits().max(1) - 1));
    (f64::from(result) - value).abs() / (unit / 2.0)
}

struct Golden {
    name: &'static str,
    x: f64,
    y: f64,
    value: f64,
    rest: f64,
}

fn golden() -> Vec<Golden> {
    let rows = include_str!("golden/vector.csv").lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |i: usize| fields[i].parse().expect("the file holds numbers");
        Golden { name: fields[0], x: number(1), y: number(2), value: number(3), rest: number(4) }
    });
    rows.collect()
}

fn at(level: Level, name: &str, x: f64, y: f64) -> f64 {
    let mut out = [0.0];
    match Function::<f64, 1>::named(name) {
        Some(f) => f.map_at(level, [&[x]], &mut out),
        None => Function::<f64, 2>::named(name).expect("a function").map_at(level, [&[x], &[y]], &mut out),
    }
    out[0]
}

fn at_single(level: Level, name: &str, x: f32, y: f32) -> f32 {
    let mut out = [0.0];
    match Function::<f32, 1>::named(name) {
        Some(f) => f.map_at(level, [&[x]], &mut out),
        None => Function::<f32, 2>::named(name).expect("a function").map_at(level, [&[x], &[y]], &mut out),
    }
    out[0]
}

#[test]
fn double_precision_matches_golden_values() {
    for level in Level::available() {
        for g in golden() {
            let error = ulp_of(at(level, g.name, g.x, g.y), g.value, g.rest);
            assert!(error <= bounds(g.name).0, "{level:?}: {}({:?}, {:?}) is {error} ulp off", g.name, g.x, g.y);
        }
    }
}

#[test]
fn single_precision_matches_the_scalar_twin_in_double_precision() {
    for level in Level::available() {
        for g in golden() {
            let (x, y) = (g.x as f32, g.y as f32);
            if !x.is_normal() || (x as f64 != g.x && g.name == "atanh" && x.abs() >= 1.0) {
                continue;
            }
            let (wide, other) = (f64::from(x), f64::from(y));
            let value = match Function::<f64, 1>::named(g.name) {
                // The twin loses digits to a cancellation on the left.
                Some(f) if g.name == "atanh" => (f.scalar)([wide.abs()]).copysign(wide),
                Some(f) => (f.scalar)([wide]),
                None => (Function::<f64, 2>::named(g.name).expect("a function").scalar)([wide, other]),
            };
            let error = ulp_single(at_single(level, g.name, x, y), value);
            assert!(error <= bounds(g.name).1, "{level:?}: {}({x:?}, {y:?}) is {error} ulp off", g.name);
        }
    }
}

/// Arguments at which functions are 0, infinite or undefined, or change their formula.
const SPECIAL: [f64; 24] = [
    0.0,
    -0.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    -3.0,
    5e-324,
    -5e-324,
    1e-310,
    f64::MIN_POSITIVE,
    1e-20,
    -1e-20,
    1000.0,
    -1000.0,
    1e22,
    f64::MAX,
    f64::MIN,
];

/// The result is that of the standard library where that is 0, infinite or not a number, and else not far.
fn same_kind(name: &str, inputs: &[f64], result: f64, twin: f64, limit: f64) {
    let exceptional = twin == 0.0 || !twin.is_finite();
    let same = if exceptional {
        result.to_bits() == twin.to_bits() || (result.is_nan() && twin.is_nan())
    } else {
        (result - twin).abs() <= limit * twin.abs()
    };
    assert!(same, "{name}({inputs:?}) is {result:?}, not {twin:?}");
}

#[test]
fn special_values_are_those_of_the_standard_library() {
    for level in Level::available() {
        for f in Function::<f64, 1>::ALL {
            for x in SPECIAL {
                // The standard library overflows inside its inverse hyperbolic functions.
                if !(x.abs() == f64::MAX && matches!(f.name, "asinh" | "acosh")) {
                    same_kind(f.name, &[x], at(level, f.name, x, 0.0), (f.scalar)([x]), 1e-15);
                }
            }
        }
        for f in Function::<f32, 1>::ALL {
            for x in SPECIAL.map(|x| x as f32) {
                if !(x.abs() == f32::MAX && matches!(f.name, "asinh" | "acosh")) {
                    let (result, twin) = (at_single(level, f.name, x, 0.0), (f.scalar)([x]));
                    same_kind(f.name, &[x.into()], result.into(), twin.into(), 1e-6);
                }
            }
        }
        for f in Function::<f64, 2>::ALL {
            for x in SPECIAL {
                for y in SPECIAL {
                    same_kind(f.name, &[x, y], at(level, f.name, x, y), (f.scalar)([x, y]), 1e-15);
                }
            }
        }
        for f in Function::<f32, 2>::ALL {
            for x in SPECIAL.map(|x| x as f32) {
                for y in SPECIAL.map(|x| x as f32) {
                    let (result, twin) = (at_single(level, f.name, x, y), (f.scalar)([x, y]));
                    same_kind(f.name, &[x.into(), y.into()], result.into(), twin.into(), 1e-6);
                }
            }
        }
    }
}

#[test]
fn huge_angles_are_those_of_the_standard_library() {
    let x: Vec<f64> = (0..40).map(|i| f64::from(i) * 1e5 * 1.7_f64.powi(i)).collect();
    let mut y = vec![0.0; x.len()];
    for name in ["sin", "cos", "tan"] {
        let f = Function::<f64, 1>::named(name).expect("a function");
        f.map([&x], &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            assert!(ulp(y, (f.scalar)([x])) <= 3.0, "{name} {x}");
        }
    }
}

/// Compares every prefix and every suffix of a slice with entries alone, bit by bit.
fn check_position(x: &[f64], level: Level) {
    for f in Function::<f64, 1>::ALL {
        let alone: Vec<u64> = x.iter().map(|&x| at(level, f.name, x, 0.0).to_bits()).collect();
        for start in 0..x.len() {
            for slice in [start..x.len(), 0..start] {
                let mut out = vec![0.0; slice.len()];
                f.map_at(level, [&x[slice.clone()]], &mut out);
                let bits: Vec<u64> = out.iter().map(|y| y.to_bits()).collect();
                let same = |(a, b): (&u64, &u64)| a == b || f64::from_bits(*a).is_nan() && f64::from_bits(*b).is_nan();
                assert!(bits.iter().zip(&alone[slice.clone()]).all(same), "{} over {slice:?}", f.name);
            }
        }
    }
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    for f in Function::<f32, 2>::ALL {
        let alone: Vec<f32> = single.iter().map(|&x| at_single(level, f.name, x, 0.75)).collect();
        for end in 0..single.len() {
            let mut out = vec![0.0; end];
            f.map_at(level, [&single[..end], &vec![0.75; end]], &mut out);
            let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            assert!(out.iter().zip(&alone).all(same), "{} over {end}", f.name);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_position() {
    let x: Vec<f64> = (0..37).map(|i| (f64::from(i) * 0.77).sin() * 1.3_f64.powi(i - 10)).collect();
    for level in Level::available() {
        check_position(&x, level);
    }
}

quickcheck::quickcheck! {
    // Any bit pattern at all, against the twin; asinh, acosh and atanh of the standard library are not accurate enough.
    fn functions_agree_with_their_twins(bits: Vec<u64>) -> bool {
        let x: Vec<f64> = bits.iter().map(|&b| f64::from_bits(b.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
        let near: Vec<f64> = x.iter().map(|x| x.abs().min(1e300).ln() / 64.0).collect();
        let mut y = vec![0.0; x.len()];
        for x in [&x, &near] {
            for f in Function::<f64, 1>::ALL {
                if ["asinh", "acosh", "atanh"].contains(&f.name) {
                    continue;
                }
                f.map([x], &mut y);
                for (&x, &y) in x.iter().zip(&y) {
                    // One ulp more for the twin.
                    assert!(ulp(y, (f.scalar)([x])) <= bounds(f.name).0 + 1.0, "{}({x:?}) is {y:?}", f.name);
                }
            }
        }
        true
    }
}
