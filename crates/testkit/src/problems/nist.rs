//! The 27 certified nonlinear fits of NIST's Statistical Reference Datasets, each from two starts.
//!
//! Source: <https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml>; the files are in `data/nist-strd`. Parameters and residual
//! sums of squares are certified to eleven digits. A fit is judged by how many digits of its parameters agree:
//! [`DataSet::digits`].
//!
//! ```
//! use testkit::problems::nist;
//! let misra = nist::data_set("Misra1a").unwrap();
//! assert_eq!(misra.starts[1], [250.0, 0.0005]);
//! let problem = misra.problem(0);
//! assert!((problem.value(&misra.certified) / misra.residual_sum - 1.0).abs() < 1e-9);
//! ```

mod models;

use super::formula::squares;
use super::{Minimum, Problem};
use models::Model;
use std::sync::LazyLock;

/// A data set with its certified answer.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// Its name.
    pub name: &'static str,
    /// The two starting points; the second is nearer to the solution.
    pub starts: [Vec<f64>; 2],
    /// The certified parameters.
    pub certified: Vec<f64>,
    /// The certified residual sum of squares.
    pub residual_sum: f64,
    /// The responses.
    pub y: Vec<f64>,
    /// The predictors of each response.
    pub x: Vec<Vec<f64>>,
    model: Model,
}

macro_rules! files {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../data/nist-strd/", $name, ".dat")))),*]
    };
}

/// Lower, average and higher difficulty, in the order of NIST's page.
static FILES: [(&str, &str); 27] = files![
    "Misra1a", "Chwirut2", "Chwirut1", "Lanczos3", "Gauss1", "Gauss2", "DanWood", "Misra1b", "Kirby2", "Hahn1",
    "Nelson", "MGH17", "Lanczos1", "Lanczos2", "Gauss3", "Misra1c", "Misra1d", "Roszman1", "ENSO", "MGH09", "Thurber",
    "BoxBOD", "Rat42", "MGH10", "Eckerle4", "Rat43", "Bennett5"
];

static DATA_SETS: LazyLock<Vec<DataSet>> = LazyLock::new(|| {
    let read = |&(name, text): &(&'static str, &str)| {
        parsed(name, text).unwrap_or_else(|what| panic!("{name}.dat has no {what}"))
    };
    FILES.iter().map(read).collect()
});

/// All data sets, from NIST's lower level of difficulty to the higher.
pub fn all() -> &'static [DataSet] {
    &DATA_SETS
}

/// The data set of this name.
pub fn data_set(name: &str) -> Option<&'static DataSet> {
    DATA_SETS.iter().find(|set| set.name == name)
}

impl DataSet {
    /// The fit from start number `start`, 0 or 1: the residuals are model minus response.
    ///
    /// # Panics
    /// If `start` is another number.
    pub fn problem(&'static self, start: usize) -> Problem {
        let minimum = Minimum { value: self.residual_sum, digits: 10, at: Some(self.certified.clone()) };
        Problem {
            name: format!("{} {}", self.name, start + 1),
            start: self.starts[start].clone(),
            minima: vec![minimum],
            formula: squares!(|b| self.model.residuals(&self.x, &self.y, b)),
        }
    }

    /// Correct digits of the parameters `b`: the least −log₁₀ |b − certified|/|certified| of all, from 0 to 11.
    ///
    /// This is NIST's measure, the log relative error. Eleven is what is certified.
    pub fn digits(&self, b: &[f64]) -> f64 {
        let digits = |(&b, &c): (&f64, &f64)| -((b - c) / c).abs().log10();
        let least = b.iter().zip(&self.certified).map(digits);
        // A NaN is no correct digit.
        least.fold(11.0_f64, |least, d| if d.is_nan() { 0.0 } else { least.min(d) }).max(0.0)
    }
}

/// What a file says, or what is not found in it.
fn parsed(name: &'static str, text: &str) -> Result<DataSet, &'static str> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut table: Vec<Vec<f64>> = Vec::new();
    for line in &lines {
        let is_parameter = line.starts_with('b') && line[1..].starts_with(|c: char| c.is_ascii_digit());
        if let Some((_, row)) = line.split_once('=').filter(|_| is_parameter) {
            table.extend(numbers(row).filter(|row| row.len() == 4));
        }
    }
    if table.is_empty() {
        return Err("table of parameters");
    }
    let column = |j: usize| table.iter().map(|row| row[j]).collect::<Vec<f64>>();
    let residual_sum = lines.iter().find_map(|line| line.strip_prefix("Residual Sum of Squares:")).and_then(numbers);
    let heading = lines.iter().rposition(|line| line.starts_with("Data:")).ok_or("heading of the data")?;
    let rows: Option<Vec<Vec<f64>>> =
        lines[heading + 1..].iter().filter(|l| !l.is_empty()).map(|l| numbers(l)).collect();
    let rows = rows.filter(|rows| rows.iter().all(|row| row.len() >= 2)).ok_or("rows of numbers")?;
    Ok(DataSet {
        name,
        starts: [column(0), column(1)],
        certified: column(2),
        residual_sum: residual_sum.and_then(|list| list.first().copied()).ok_or("residual sum of squares")?,
        y: rows.iter().map(|row| row[0]).collect(),
        x: rows.iter().map(|row| row[1..].to_vec()).collect(),
        model: Model::of(name).ok_or("known model")?,
    })
}

/// The numbers of a line, if it has nothing else.
fn numbers(line: &str) -> Option<Vec<f64>> {
    line.split_whitespace().map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_as_many_observations_as_they_say() {
        for ((name, text), set) in FILES.iter().zip(all()) {
            let counted = text.lines().find_map(|l| l.strip_prefix("Number of Observations:"));
            let expected: usize = counted.and_then(|count| count.trim().parse().ok()).unwrap();
            assert_eq!(set.y.len(), expected, "{name}");
        }
    }

    #[test]
    fn certified_parameters_have_the_certified_sum_of_squares() {
        for set in all() {
            let (found, expected) = (set.problem(0).value(&set.certified), set.residual_sum);
            // The data of Lanczos1 and Lanczos2 are generated: at parameters of eleven digits little is left of 1e-25 and 2e-11.
            let rounding = match set.name {
                "Lanczos1" => 1e-19,
                "Lanczos2" => 1e-19,
                _ => 1e-9 * expected,
            };
            assert!((found - expected).abs() <= rounding, "{}: {found:e}, certified {expected:e}", set.name);
            assert!(set.digits(&set.certified) == 11.0);
        }
    }

    #[test]
    fn certified_parameters_are_stationary() {
        for set in all() {
            let problem = set.problem(0);
            let b = &set.certified;
            let (gradient, hessian) = (problem.function().gradient(b).unwrap(), problem.function().hessian(b).unwrap());
            for (j, (g, row)) in gradient.iter().zip(hessian.rows()).enumerate() {
                // What parameters that are wrong by 5 units of the eleventh digit do to the gradient.
                let bound = 5e-10 * row.iter().zip(b).map(|(h, b)| (h * b).abs()).sum::<f64>();
                assert!(g.abs() <= bound, "{} b{}: {g:e} over {bound:e}", set.name, j + 1);
            }
        }
    }

    #[test]
    fn digits_are_counted_by_the_worst_parameter() {
        let set = data_set("BoxBOD").unwrap();
        let c = &set.certified;
        assert!((set.digits(&[c[0] * (1.0 + 1e-5), c[1] * (1.0 + 1e-7)]) - 5.0).abs() < 1e-6);
        assert_eq!(set.digits(&[c[0], f64::NAN]), 0.0);
        assert_eq!(set.digits(&[-c[0], c[1]]), 0.0);
    }

    #[test]
    fn what_a_file_lacks_is_told() {
        assert_eq!(parsed("Misra1a", "").unwrap_err(), "table of parameters");
        let (_, text) = FILES[0];
        assert_eq!(parsed("Misra1a", &text.replace("Residual Sum", "Sum")).unwrap_err(), "residual sum of squares");
        assert_eq!(parsed("Misra1e", text).unwrap_err(), "known model");
    }
}
