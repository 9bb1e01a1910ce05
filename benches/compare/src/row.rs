//! [`Row`]: one measurement, and its line of JSON.

use crate::check::Check;
use crate::statistics::Summary;
use crate::workload::Precision;
use serde_json::{Value, json};

/// One operator of one system at one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Name of the workload.
    pub workload: String,
    /// Name of the operator.
    pub op: String,
    /// The system.
    pub peer: String,
    /// The way it took, where it has several.
    pub variant: String,
    /// Cores, and threads of each system.
    pub threads: usize,
    /// Precision of the numbers.
    pub precision: Precision,
    /// `array` or `scalar`.
    pub form: String,
    /// Seconds a call.
    pub summary: Summary,
    /// Numbers of the result.
    pub check: Check,
    /// Operations of matrix products in one call.
    pub flops: Option<f64>,
    /// Seconds a call of the plain function over `f64`, in turns with which this was sampled.
    pub native: Option<f64>,
    /// The largest number of operations a second that products of square matrices reached in the same run.
    pub peak: Option<f64>,
}

impl Row {
    /// Operations of matrix products a second.
    pub fn flops_per_second(&self) -> Option<f64> {
        self.flops.map(|flops| flops / self.summary.median)
    }

    /// The part of the peak that is reached.
    pub fn fraction_of_peak(&self) -> Option<f64> {
        Some(self.flops_per_second()? / self.peak?)
    }

    /// The time over that of the plain function.
    pub fn per_native(&self) -> Option<f64> {
        Some(self.summary.median / self.native?)
    }

    /// The row as an object; times in seconds.
    pub fn json(&self) -> Value {
        let Summary { median, p10, p90, samples } = self.summary;
        json!({
            "workload": self.workload,
            "op": self.op,
            "peer": self.peer,
            "variant": self.variant,
            "threads": self.threads,
            "dtype": self.precision.to_string(),
            "form": self.form,
            "median_s": median,
            "p10": p10,
            "p90": p90,
            "samples": samples,
            "check": self.check,
            "native_s": self.native,
            "per_native": self.per_native(),
            "flops": self.flops,
            "gflops": self.flops_per_second().map(|f| f / 1e9),
            "fraction_of_peak": self.fraction_of_peak(),
        })
    }
}
