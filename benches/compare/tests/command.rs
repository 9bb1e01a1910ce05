//! The program as it is run: its lines of JSON, and what it says to arguments that make no sense.

use serde_json::Value;
use std::process::{Command, Output};

fn compare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output().expect("the program starts")
}

#[test]
fn small_network_in_json() {
    let out = compare(&["N1s", "--op", "value,gradient,hvp", "--seconds", "0.05", "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours: Vec<&Value> = rows.iter().filter(|row| row["workload"] == "N1s").collect();
    let ops: Vec<&str> = ours.iter().map(|row| row["op"].as_str().unwrap()).collect();
    assert_eq!(ops, ["value", "gradient", "hvp"]);
    for row in ours {
        assert_eq!((&row["peer"], &row["dtype"], &row["form"]), (&"jetgrad".into(), &"f64".into(), &"array".into()));
        assert_eq!(row["threads"], 1);
        let time = |key: &str| row[key].as_f64().unwrap();
        assert!(0.0 < time("p10") && time("p10") <= time("median_s") && time("median_s") <= time("p90"));
        assert!(time("samples") >= 3.0 && time("flops") > 0.0 && time("fraction_of_peak") > 0.0);
        assert!(row["check"].as_object().is_some_and(|check| !check.is_empty()));
    }
    assert!(rows.iter().any(|row| row["op"] == "gemm" && row["gflops"].as_f64().is_some_and(|f| f > 0.0)));
}

#[test]
fn both_precisions_and_forms_run() {
    let single = compare(&["N1s", "--dtype", "f32", "--op", "hvp_linearized,hvps16,ggn", "--seconds", "0"]);
    assert!(single.status.success(), "{}", String::from_utf8_lossy(&single.stderr));
    let scalar = compare(&["S1,S3", "--form", "scalar", "--op", "native,gradient,linearize", "--seconds", "0"]);
    assert!(scalar.status.success(), "{}", String::from_utf8_lossy(&scalar.stderr));
    let table = String::from_utf8(scalar.stdout).unwrap();
    assert!(table.lines().next().is_some_and(|title| title.contains("÷ fastest")), "{table}");
    assert_eq!(table.lines().filter(|line| line.starts_with("S1 ")).count(), 3, "{table}");
}

#[test]
fn recording_stands_beside_the_plain_function() {
    let ops = "native,gradient,gradient_one_shot,hvp,record";
    let out = compare(&["S1,S7", "--form", "scalar", "--op", ops, "--seconds", "0.02", "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names = ["native", "record", "gradient", "gradient_one_shot", "hvp"];
    assert_eq!(rows.iter().map(|row| row["op"].as_str().unwrap()).collect::<Vec<_>>(), [names, names].concat());
    for row in &rows {
        let number = |key: &str| row[key].as_f64().unwrap();
        assert_eq!(row["peer"], if row["op"] == "native" { "native" } else { "jetgrad" });
        assert!((number("per_native") * number("native_s") / number("median_s") - 1.0).abs() < 1e-12, "{row}");
        assert!(row["check"].as_object().is_some_and(|check| !check.is_empty()));
    }
    // One shot computes what a function that is used again does.
    for of_workload in rows.chunks(names.len()) {
        let near = |key: &str, a: usize, b: usize| {
            let [a, b] = [a, b].map(|i| of_workload[i]["check"][key].as_f64().unwrap());
            // The bound of the program's own comparison.
            assert!((a / b - 1.0).abs() < 1e-9, "{key}: {a} and {b}");
        };
        near("loss", 1, 0);
        near("loss", 3, 2);
        near("gradient_norm", 3, 2);
    }
}

#[test]
fn the_table_gives_ratios_to_the_plain_function() {
    let out = compare(&["S6", "--form", "scalar", "--op", "native,record,gradient", "--seconds", "0"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let table = String::from_utf8(out.stdout).unwrap();
    assert!(table.lines().next().is_some_and(|title| title.contains("÷ native")), "{table}");
    let out = compare(&["T3", "--op", "native,record,taylor5", "--seconds", "0"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(String::from_utf8(out.stdout).unwrap().lines().filter(|line| line.starts_with("T3 ")).count(), 3);
    let out = compare(&["S1", "--form", "scalar", "--op", "gradient", "--seconds", "0"]);
    assert!(!String::from_utf8(out.stdout).unwrap().contains("÷ native"));
}

#[test]
fn taylor_coefficients_and_laplacians_run() {
    let out = compare(&["T3a,T3b", "--op", "native,record,gradient_one_shot,taylor10", "--seconds", "0"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let out = compare(&["T1,T2a", "--op", "taylor2,taylor_gradient2,laplacian,laplacian_gradient", "--seconds", "0"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn laplacians_are_the_same_direction_by_direction() {
    let out = compare(&["T2a", "--op", "laplacian,laplacian_per_direction", "--seconds", "0", "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let norms: Vec<f64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["check"]["laplacian_norm"].as_f64().unwrap())
        .collect();
    assert_eq!(norms.len(), 2);
    assert!((norms[0] / norms[1] - 1.0).abs() < 1e-12, "{norms:?}");
}

#[test]
fn steps_of_trajectories_end_where_heyoka_ends() {
    let out = compare(&["T4", "--op", "van_der_pol,van_der_pol_lanes,six_body", "--seconds", "0", "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ops: Vec<&str> = rows.iter().map(|row| row["op"].as_str().unwrap()).collect();
    assert_eq!(ops, ["van_der_pol", "van_der_pol_lanes", "six_body"]);
    // heyoka 7.13.2 at order 20, at times 1, 1 (the first eight oscillators) and 10.
    let states = [
        (1.6520575258663963, -1.2699875537380942),
        (4.449889682215494, 5.361087612575323),
        (7.381493310017356, 14.137803744876729),
    ];
    for (row, (norm, sum)) in rows.iter().zip(states) {
        let found = |key: &str| row["check"][key].as_f64().unwrap();
        assert!((found("state_norm") / norm - 1.0).abs() < 1e-13, "{row}");
        assert!((found("state_sum") / sum - 1.0).abs() < 1e-13, "{row}");
        assert!(row["median_s"].as_f64().is_some_and(|s| s > 0.0));
    }
    let single = compare(&["T4", "--dtype", "f32", "--seconds", "0"]);
    assert_eq!(single.status.code(), Some(2), "{}", String::from_utf8_lossy(&single.stderr));
}

#[test]
fn unknown_names_and_missing_interpreters_are_told() {
    let out = compare(&["N9"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no workload `N9`; there are N1, N1s"));
    let out = compare(&["N1s", "--peers=jax", "--python", "/nowhere/python"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("setup.sh"));
    let out = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(["S1", "--form", "scalar", "--peers=adolc,num-dual"])
        .env("JETGRAD_PEERS", "/nowhere")
        .output()
        .expect("the program starts");
    assert_eq!(out.status.code(), Some(1));
    let message = String::from_utf8_lossy(&out.stderr);
    assert!(message.contains("/nowhere/native/adolc_peer") && message.contains("libadolc-dev"), "{message}");
    assert!(message.contains("none of the other systems can be run"), "{message}");
}
