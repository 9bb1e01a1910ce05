//! Scalable problems: most of them are in the CUTEst collection, under the same name.
//!
//! Sources, where the formulas can be read:
//! * CUTE: Bongartz, Conn, Gould, Toint, "CUTE: Constrained and unconstrained testing environment", ACM Transactions on
//!   Mathematical Software 21 (1995), pages 123–160, and its files of problems;
//! * Toint: "Test problems for partially separable optimization and results for the routine PSPMIN", report 83/4, Facultés
//!   universitaires de Namur (1983);
//! * Lukšan, Matonoha, Vlček: "Modified CUTE problems for sparse unconstrained optimization", report 1081, Academy of Sciences
//!   of the Czech Republic (2010);
//! * Andrei: "An unconstrained optimization test functions collection", Advanced Modeling and Optimization 10 (2008), pages
//!   147–161;
//! * DIXMAAN: Dixon, Maany, "A family of test problems with sparse Hessians for unconstrained optimization", report 206,
//!   Hatfield Polytechnic (1988).
//!
//! Minima that are no closed form were computed by a second implementation, see `tests/fixtures/README.md`.

mod chained;
mod coupled;

use super::formula::{squares, value};
use super::mgh::scalable;
use super::{Formula, Minimum, Problem};
use coupled::Dixmaan;
use serde_json::Value;
use std::sync::LazyLock;

/// The names, each with the number of variables that [`all`] has it in.
pub const SIZES: &[(&str, usize)] = &[
    ("ARWHEAD", 100),
    ("BDQRTIC", 100),
    ("BROYDN7D", 6),
    ("BRYBND", 100),
    ("CHAINWOO", 20),
    ("COSINE", 100),
    ("CRAGGLVY", 100),
    ("CURLY10", 100),
    ("DIXMAANA", 90),
    ("DIXMAANB", 90),
    ("DIXMAANC", 90),
    ("DIXMAAND", 90),
    ("DIXMAANE", 90),
    ("DIXMAANF", 90),
    ("DIXMAANG", 90),
    ("DIXMAANH", 90),
    ("DIXMAANI", 90),
    ("DIXMAANJ", 90),
    ("DIXMAANK", 90),
    ("DIXMAANL", 90),
    ("DIXMAANM", 90),
    ("DIXMAANN", 90),
    ("DIXMAANO", 90),
    ("DIXMAANP", 90),
    ("DIXON3DQ", 100),
    ("DQDRTIC", 100),
    ("DQRTIC", 100),
    ("EDENSCH", 100),
    ("ENGVAL1", 100),
    ("EXTROSNB", 10),
    ("FLETCBV2", 100),
    ("FLETCHCR", 100),
    ("FMINSURF", 121),
    ("FREUROTH", 100),
    ("GENHUMPS", 10),
    ("GENROSE", 100),
    ("HILBERTA", 10),
    ("HILBERTB", 50),
    ("LIARWHD", 100),
    ("MOREBV", 100),
    ("MSQRTBLS", 49),
    ("NCB20B", 50),
    ("NONCVXU2", 20),
    ("NONDIA", 100),
    ("NONDQUAR", 100),
    ("PENALTY1", 100),
    ("PENALTY2", 50),
    ("POWELLSG", 100),
    ("POWER", 100),
    ("SCHMVETT", 100),
    ("SENSORS", 5),
    ("SINQUAD", 50),
    ("SPARSINE", 50),
    ("SPARSQUR", 100),
    ("SROSENBR", 100),
    ("TESTQUAD", 100),
    ("TQUARTIC", 100),
    ("TRIDIA", 100),
    ("VARDIM", 100),
    ("WOODS", 100),
    ("HAGER", 100),
    ("RAYDAN1", 100),
    ("DIAGONAL1", 10),
    ("HIMMELBLAU", 100),
    ("WHITEHOLST", 100),
];

/// All problems, each at the size of [`SIZES`].
pub fn all() -> Vec<Problem> {
    SIZES.iter().map(|&(name, n)| problem(name, n).expect("every name of the table is known")).collect()
}

/// The problem `name` in `n` variables, if there is one of that name.
///
/// At other sizes than those of [`SIZES`], only minima of closed form are listed.
///
/// # Panics
/// If it does not exist in `n` variables: DIXMAAN has 3m of them, FMINSURF and MSQRTBLS p².
pub fn problem(name: &str, n: usize) -> Option<Problem> {
    let multiple = match name {
        "WOODS" | "POWELLSG" => 4,
        _ if name.starts_with("DIXMAAN") => 3,
        "CRAGGLVY" | "CHAINWOO" | "BROYDN7D" | "SROSENBR" | "HIMMELBLAU" | "WHITEHOLST" | "NONDQUAR" => 2,
        _ => 1,
    };
    assert!(n > 0 && n.is_multiple_of(multiple), "{name} has a multiple of {multiple} variables, not {n}");
    if matches!(name, "FMINSURF" | "MSQRTBLS") {
        assert!(n.isqrt().pow(2) == n, "{name} has a square number of variables, not {n}");
    }
    let (start, formula) = start_and_formula(name, n)?;
    let at_listed_size = SIZES.contains(&(name_of_table(name)?, n));
    let minima = match minimum(name, n) {
        _ if name == "CURLY10" => minima_of_curly(n),
        Some(value) => vec![Minimum::of(value)],
        None if at_listed_size => computed(name),
        None => Vec::new(),
    };
    Some(Problem { name: format!("{name} {n}"), start, minima, formula })
}

fn name_of_table(name: &str) -> Option<&'static str> {
    SIZES.iter().map(|&(known, _)| known).find(|&known| known == name)
}

fn start_and_formula(name: &str, n: usize) -> Option<(Vec<f64>, Formula)> {
    let count = n as f64;
    let each = |entry: &dyn Fn(f64) -> f64| (1..=n).map(|i| entry(i as f64)).collect::<Vec<f64>>();
    let beginning = |first: &[f64], rest: f64| {
        let mut x = vec![rest; n];
        x[..first.len()].copy_from_slice(first);
        x
    };
    let repeated = |block: &[f64]| block.repeat(n / block.len());
    let parabola = |i: f64| i / (count + 1.0) * (i / (count + 1.0) - 1.0);
    Some(match name {
        "ARWHEAD" => (vec![1.0; n], value!(|x| chained::arwhead(x))),
        "BDQRTIC" => (vec![1.0; n], value!(|x| chained::bdqrtic(x))),
        "BROYDN7D" => (vec![1.0; n], value!(|x| chained::broydn7d(x))),
        "BRYBND" => (vec![-1.0; n], squares!(|x| scalable::broyden_banded(x))),
        "CHAINWOO" => {
            let mut start = repeated(&[-2.0, 0.0]);
            start[..4].copy_from_slice(&[-3.0, -1.0, -3.0, -1.0]);
            (start, value!(|x| chained::chainwoo(x)))
        }
        "COSINE" => (vec![1.0; n], value!(|x| chained::cosine(x))),
        "CRAGGLVY" => (beginning(&[1.0], 2.0), value!(|x| chained::cragglvy(x))),
        "CURLY10" => (each(&|i| 1e-4 * i / (count + 1.0)), value!(|x| coupled::curly(x, 10))),
        "DIXON3DQ" => (vec![-1.0; n], value!(|x| chained::dixon3dq(x))),
        "DQDRTIC" => (vec![3.0; n], value!(|x| chained::dqdrtic(x))),
        "DQRTIC" => (vec![2.0; n], value!(|x| coupled::dqrtic(x))),
        "EDENSCH" => (vec![8.0; n], value!(|x| chained::edensch(x))),
        "ENGVAL1" => (vec![2.0; n], value!(|x| chained::engval1(x))),
        "EXTROSNB" => (vec![-1.0; n], value!(|x| chained::extrosnb(x))),
        "FLETCBV2" => (each(&|i| i / (count + 1.0)), value!(|x| chained::fletcbv2(x))),
        "FLETCHCR" => (vec![0.0; n], value!(|x| chained::fletchcr(x))),
        "FMINSURF" => (coupled::fminsurf_start(n), value!(|x| coupled::fminsurf(x))),
        "FREUROTH" => (beginning(&[0.5, -2.0], 0.0), value!(|x| chained::freuroth(x))),
        "GENHUMPS" => (beginning(&[-506.0], 506.2), value!(|x| chained::genhumps(x))),
        "GENROSE" => (each(&|i| i / (count + 1.0)), value!(|x| chained::genrose(x))),
        "HILBERTA" => (vec![-3.0; n], value!(|x| coupled::hilbert(x, 0.0))),
        "HILBERTB" => (vec![-3.0; n], value!(|x| coupled::hilbert(x, 5.0))),
        "LIARWHD" => (vec![4.0; n], value!(|x| chained::liarwhd(x))),
        "MOREBV" => (each(&parabola), squares!(|x| scalable::discrete_boundary_value(x))),
        "MSQRTBLS" => {
            let start = coupled::matrix_root(n).iter().map(|b| 0.2 * b).collect();
            (start, squares!(|x| coupled::msqrtbls(x)))
        }
        "NCB20B" => (vec![0.0; n], value!(|x| chained::ncb20b(x))),
        "NONCVXU2" => (each(&|i| i), value!(|x| coupled::noncvxu2(x))),
        "NONDIA" => (vec![-1.0; n], value!(|x| chained::nondia(x))),
        "NONDQUAR" => (repeated(&[1.0, -1.0]), value!(|x| chained::nondquar(x))),
        "PENALTY1" => (each(&|i| i), squares!(|x| scalable::penalty_1(x))),
        "PENALTY2" => (vec![0.5; n], squares!(|x| scalable::penalty_2(x))),
        "POWELLSG" => (repeated(&[3.0, -1.0, 0.0, 1.0]), squares!(|x| scalable::extended_powell_singular(x))),
        "POWER" => (vec![1.0; n], value!(|x| coupled::power(x))),
        "SCHMVETT" => (vec![0.5; n], value!(|x| chained::schmvett(x))),
        "SENSORS" => (each(&|i| i / count), value!(|x| coupled::sensors(x))),
        "SINQUAD" => (vec![0.1; n], value!(|x| chained::sinquad(x))),
        "SPARSINE" => (vec![0.5; n], value!(|x| coupled::sparsine(x))),
        "SPARSQUR" => (vec![0.5; n], value!(|x| coupled::sparsqur(x))),
        "SROSENBR" => (repeated(&[-1.2, 1.0]), value!(|x| chained::srosenbr(x))),
        "TESTQUAD" => (vec![1.0; n], value!(|x| coupled::testquad(x))),
        "TQUARTIC" => (vec![0.1; n], value!(|x| chained::tquartic(x))),
        "TRIDIA" => (vec![1.0; n], value!(|x| chained::tridia(x))),
        "VARDIM" => (each(&|i| 1.0 - i / count), squares!(|x| scalable::variably_dimensioned(x))),
        "WOODS" => (repeated(&[-3.0, -1.0, -3.0, -1.0]), value!(|x| chained::woods(x))),
        "HAGER" => (vec![1.0; n], value!(|x| coupled::hager(x))),
        "RAYDAN1" => (vec![1.0; n], value!(|x| coupled::raydan_1(x))),
        "DIAGONAL1" => (vec![1.0 / count; n], value!(|x| coupled::diagonal_1(x))),
        "HIMMELBLAU" => (vec![1.0; n], value!(|x| chained::extended_himmelblau(x))),
        "WHITEHOLST" => (repeated(&[-1.2, 1.0]), value!(|x| chained::extended_white_holst(x))),
        _ => {
            let family = Dixmaan::variant(name.strip_prefix("DIXMAAN")?.chars().next()?)?;
            (vec![2.0; n], value!(|x| family.value(x)))
        }
    })
}

/// The lowest value in closed form, where there is one.
fn minimum(name: &str, n: usize) -> Option<f64> {
    let count = n as f64;
    let sum = |term: fn(f64) -> f64| (1..=n).map(|i| term(i as f64)).sum::<f64>();
    Some(match name {
        "BDQRTIC" | "BROYDN7D" | "CRAGGLVY" | "EDENSCH" | "ENGVAL1" | "FLETCBV2" | "FREUROTH" | "NCB20B"
        | "PENALTY1" | "PENALTY2" | "SENSORS" | "NONCVXU2" => return None,
        "CHAINWOO" | "FMINSURF" | "GENROSE" => 1.0,
        _ if name.starts_with("DIXMAAN") => 1.0,
        "COSINE" => 1.0 - count,
        "SCHMVETT" => -3.0 * (count - 2.0),
        "HAGER" => sum(|i| i.sqrt() * (1.0 - i.sqrt().ln())),
        "RAYDAN1" => sum(|i| i / 10.0),
        "DIAGONAL1" => sum(|i| i * (1.0 - i.ln())),
        _ => 0.0,
    })
}

/// Every sum q of neighbours minimises q⁴ − 20q² − q/10 by itself, at one of two places: at the lower in the first value.
fn minima_of_curly(n: usize) -> Vec<Minimum> {
    // 4q³ = 40q + 1/10, by iterating a contraction.
    let root = |start: f64| (0..80).fold(start, |q, _| (10.0 * q + 0.025).cbrt());
    let value = |q: f64| q * (q * (q * q - 20.0) - 0.1);
    let [low, high] = [3.0, -3.0].map(|start| value(root(start)));
    (0..=n).map(|k| Minimum::of((n - k) as f64 * low + k as f64 * high)).collect()
}

static FIXTURE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/fixtures/cutest.json")).expect("the fixture is valid JSON")
});

/// The minima that the second implementation found from the standard start.
fn computed(name: &str) -> Vec<Minimum> {
    let list = FIXTURE[name]["minima"].as_array();
    list.into_iter().flatten().filter_map(Value::as_f64).map(Minimum::of).collect()
}
