//! `compare optim` as it is run: its lines of JSON, its table, and what it says to arguments that make no sense.

use serde_json::Value;
use std::process::{Command, Output};

fn optim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_compare")).arg("optim").args(arguments).output().expect("the program starts")
}

fn lines(out: &Output) -> Vec<Value> {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_default_method_solves_the_small_problems() {
    let rows = lines(&optim(&["mgh,scipy12", "--method", "trust-gltr", "--json"]));
    assert_eq!(rows.len(), 2);
    for (row, suite, problems) in [(&rows[0], "mgh", 35), (&rows[1], "scipy12", 12)] {
        assert_eq!((&row["suite"], &row["method"]), (&suite.into(), &"trust-gltr".into()));
        assert_eq!((&row["problems"], &row["solved"]), (&problems.into(), &problems.into()), "{}", row["unsolved"]);
        for count in ["iterations", "values", "gradients", "products"] {
            assert!(row[count].as_u64().is_some_and(|count| count > problems), "{count} in {row}");
        }
        assert!(row["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
        assert!(row.get("average_lre").is_none());
    }
    // SciPy's best method needs 144 iterations, 156 gradients and 434 products here.
    let count = |key: &str| rows[1][key].as_u64().unwrap();
    assert!(count("iterations") <= 120 && count("gradients") <= 130 && count("products") <= 300, "{}", rows[1]);
}

/// By value and gradient, both within 1e-6 of a listed minimum.
#[test]
fn the_promised_numbers_of_problems_are_solved() {
    let rows = lines(&optim(&["mgh", "--method", "trust-gltr,arc,lbfgs", "--json"]));
    for (row, (method, least)) in rows.iter().zip([("trust-gltr", 35), ("arc", 35), ("lbfgs", 33)]) {
        assert_eq!((&row["method"], &row["problems"]), (&method.into(), &35.into()));
        assert!(row["solved"].as_u64().is_some_and(|solved| solved >= least), "{method}: {}", row["unsolved"]);
    }
    assert_eq!(rows.len(), 3);
}

#[test]
fn certified_fits_are_found_to_ten_digits() {
    let rows = lines(&optim(&["nist", "--method", "levenberg-marquardt", "--json"]));
    assert_eq!((rows.len(), &rows[0]["problems"], &rows[0]["solved"]), (1, &54.into(), &54.into()), "{}", rows[0]);
    assert!(rows[0]["average_lre"].as_f64().is_some_and(|digits| (10.0..=11.0).contains(&digits)), "{}", rows[0]);
}

#[test]
fn the_table_has_a_line_for_each_run_and_the_sums() {
    let out = optim(&["cutest", "--problem", "DIXMAAN", "--method", "trust-gltr,trust-steihaug"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("DIXMAAN")).count(), 2 * 16, "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("cutest ") && line.contains("16/16")).count(), 2, "{text}");
}

#[test]
fn a_run_ends_when_its_time_is_over() {
    let out = optim(&["mgh", "--problem", "Watson", "--method", "trust-gltr", "--limit", "0"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("the time of the run is over") && text.contains("0/1"), "{text}");
}

/// A SciPy that is not there is told at the end, in one line: all other rows have been printed by then.
#[test]
fn the_rows_of_other_crates_need_no_python() {
    let out = optim(&["mgh", "--problem", "Rosenbrock", "--method", "lbfgs", "--peers", "--json", "--python", "/none"]);
    let text = String::from_utf8(out.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let methods: Vec<&str> = rows.iter().filter_map(|row| row["method"].as_str()).collect();
    let all = ["lbfgs", "argmin L-BFGS", "argmin trust region", "basin L-BFGS", "basin trust region"];
    let expected = if cfg!(feature = "rivals") { &all[..] } else { &all[..1] };
    assert_eq!(methods, expected);
    let errors = String::from_utf8(out.stderr).unwrap();
    assert!(errors.lines().last().is_some_and(|line| line.contains("scipy and jax") && line.contains("/none")));
    let missing = errors.contains("built without its feature `rivals`");
    assert_eq!(missing, !cfg!(feature = "rivals"), "{errors}");
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn unknown_names_are_told() {
    let out = optim(&["mgh11"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no suite `mgh11`; there are mgh, mgh10x"));
    let out = optim(&["mgh", "--method", "newton"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no method `newton`"));
}
