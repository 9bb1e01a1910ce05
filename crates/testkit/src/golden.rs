//! Reference numbers of the [workloads](crate::workloads), computed by other systems for automatic differentiation.
//!
//! `tests/fixtures/expected.json` holds them and `tests/fixtures/README.md` says where they come from, what each entry means
//! and how far its digits can be trusted: to 1e-13 relative or better, so tests compare to 1e-9 and have slack for a
//! different order of summation.

use serde_json::Value;
use std::sync::LazyLock;

static EXPECTED: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../tests/fixtures/expected.json")).expect("the fixture is valid JSON")
});

/// The number `entry` of `workload`: `number("N1s", "loss")`.
///
/// # Panics
/// If there is no such entry, or it is not one number.
pub fn number(workload: &str, entry: &str) -> f64 {
    at(workload, entry).as_f64().unwrap_or_else(|| panic!("{workload}.{entry} is not one number"))
}

/// The list `entry` of `workload`: `numbers("N1s", "grad_first3")`.
///
/// # Panics
/// If there is no such entry, or it is not a list of numbers.
pub fn numbers(workload: &str, entry: &str) -> Vec<f64> {
    let list = at(workload, entry).as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    list.unwrap_or_else(|| panic!("{workload}.{entry} is not a list of numbers"))
}

fn at(workload: &str, entry: &str) -> &'static Value {
    let found = EXPECTED.get(workload).and_then(|w| w.get(entry));
    found.unwrap_or_else(|| panic!("the fixture has no {workload}.{entry}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_name() {
        assert_eq!(number("N1s", "n_params"), 1185.0);
        assert_eq!(numbers("N1s", "grad_first3").len(), 3);
    }

    #[test]
    #[should_panic(expected = "no N1s.losses")]
    fn a_missing_entry_is_named() {
        number("N1s", "losses");
    }
}
