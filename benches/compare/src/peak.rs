//! The speed of products of square matrices, which bounds what networks can reach.

use crate::check;
use crate::error::Result;
use crate::measure::Sampling;
use crate::ours;
use crate::peer::Peer;
use crate::row::Row;
use crate::subject::{Local, Subject};
use crate::workload::Precision;
use kernels::gemm::{Product, Update};
use testkit::counter::symmetrics;

/// Sizes of the square matrices.
const SIZES: [usize; 4] = [256, 384, 512, 1024];

/// Rows for every size and system; a row's `form` is its size.
///
/// # Errors
/// Those of the peers, or [`Error::Disagreement`](crate::error::Error::Disagreement).
pub fn rows(precision: Precision, threads: usize, peers: &[Peer], sampling: Sampling) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for size in SIZES {
        let mut subjects = vec![match precision {
            Precision::F32 => product::<f32>(size),
            Precision::F64 => product::<f64>(size),
        }];
        for peer in peers {
            subjects.extend(peer.product_of_matrices(size, precision)?);
        }
        let checks = subjects.iter_mut().map(|s| s.check()).collect::<Result<Vec<_>>>()?;
        for (subject, check) in subjects.iter().zip(&checks) {
            let what = format!("gemm n={size} {precision}");
            check::agree(&what, precision, (ours::NAME, &checks[0]), (subject.peer(), check))?;
        }
        let summaries = sampling.in_turns(&mut subjects)?;
        for ((subject, check), summary) in subjects.iter().zip(checks).zip(summaries) {
            rows.push(Row {
                workload: "gemm".into(),
                op: "gemm".into(),
                peer: subject.peer().into(),
                variant: subject.variant().into(),
                threads,
                precision,
                form: format!("n={size}"),
                summary,
                check,
                flops: Some(2.0 * (size as f64).powi(3)),
                native: None,
                peak: None,
            });
        }
    }
    Ok(rows)
}

/// The largest of these rows' operations a second.
pub fn of(rows: &[Row]) -> Option<f64> {
    rows.iter().filter_map(Row::flops_per_second).reduce(f64::max)
}

fn product<T: testkit::workloads::Entry>(size: usize) -> Box<dyn Subject> {
    let operand = |stream| symmetrics(stream, size * size).mapv(T::from_f64).to_vec();
    let (a, b) = (operand(1), operand(2));
    let product = Product::new(size, size, size);
    let mut scratch = vec![T::from_f64(0.0); product.scratch_parallel::<T>(rayon::current_num_threads())];
    Box::new(Local {
        peer: ours::NAME,
        result: vec![T::from_f64(0.0); size * size],
        call: move |c: &mut Vec<T>| {
            product.run_parallel(Update::Replace, &a, &b, c, &mut scratch);
            Ok(())
        },
        digest: |c: &Vec<T>| check::of_array("product", c.iter().map(|x| x.to_f64())),
    })
}
