//! Medians and percentiles of samples.

/// What is told of the samples of one measurement, in seconds a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle sample.
    pub median: f64,
    /// The 10th percentile.
    pub p10: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// Number of samples.
    pub samples: usize,
}

impl Summary {
    /// The summary of at least one sample.
    pub fn of(samples: &[f64]) -> Summary {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Summary {
            median: percentile(&sorted, 50.0),
            p10: percentile(&sorted, 10.0),
            p90: percentile(&sorted, 90.0),
            samples: sorted.len(),
        }
    }

    /// The summary of the time of one of so many equal parts.
    pub fn part(self, parts: usize) -> Summary {
        let one = 1.0 / parts as f64;
        Summary { median: self.median * one, p10: self.p10 * one, p90: self.p90 * one, ..self }
    }
}

/// The percentile `p` of ascending numbers, linear between neighbours: number i of n stands at 100 i/(n − 1) per cent.
///
/// # Panics
/// If there is no number.
pub fn percentile(ascending: &[f64], p: f64) -> f64 {
    let last = ascending.len().checked_sub(1).expect("a percentile is asked of at least one number");
    let place = p / 100.0 * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let share = place - below as f64;
    ascending[below] + share * (ascending[above] - ascending[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_neighbours() {
        let numbers = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(percentile(&numbers, 0.0), 1.0);
        assert_eq!(percentile(&numbers, 50.0), 3.0);
        assert_eq!(percentile(&numbers, 100.0), 8.0);
        assert_eq!(percentile(&[7.0], 90.0), 7.0);
    }

    #[test]
    fn a_summary_does_not_depend_on_the_order() {
        let summary = Summary::of(&[3.0, 1.0, 2.0, 5.0, 4.0]);
        assert_eq!((summary.median, summary.samples), (3.0, 5));
        assert!((summary.p10 - 1.4).abs() < 1e-15 && (summary.p90 - 4.6).abs() < 1e-15);
    }
}
