//! One closure of scalars computed in four ways: swept, as a program rolled into arrays, as a program of its single scalars, and
//! by the interpreter on transformed graphs.

use autodiff_core::execute::interpret;
use autodiff_core::graph::Graph;
use autodiff_core::trace::Session;
use autodiff_core::transform::{adjoint, tangent};
use autodiff_core::{Function, Precision, Shape, Var, checkpoint};

/// Value, gradient, directional derivative and Hessian-vector product: first what is of lower order.
pub type Results = [Vec<f64>; 4];

/// The four ways by name. The second is rolled if there are enough scalars that repeat.
pub fn ways(
    f: impl Fn(&[Var]) -> Var + Copy + Send + Sync,
    x: &Vec<f64>,
    v: &Vec<f64>,
) -> Vec<(&'static str, Results)> {
    let by = |f: &Function<'_, [Var]>| -> Results {
        let (value, gradient) = f.value_and_gradient(x).unwrap();
        let values = vec![f.value(x).unwrap(), value];
        [values, gradient, vec![f.jvp(x, v).unwrap()[[]]], f.hvp(x, v).unwrap()]
    };
    let (swept, rolled) = (Function::new(f), Function::new(f));
    rolled.prepare(x).unwrap();
    // A part that is to be computed again is not rolled.
    let unrolled = Function::new(|x: &[Var]| checkpoint(|| f(x)));
    unrolled.prepare(x).unwrap();
    let explained = unrolled.explain(x).unwrap();
    assert!(explained.rolling.is_none());
    let of_swept = by(&swept);
    let sweeps = swept.explain(x).unwrap().swept.expect("a closure of scalars");
    let each = ["value 1 of", "tangent 1 of", "gradient 1 of", "product 1 of"];
    assert!(each.iter().all(|one| sweeps.contains(one)), "{sweeps}");
    vec![
        ("swept", of_swept),
        ("rolled", by(&rolled)),
        ("unrolled", by(&unrolled)),
        ("interpreted", interpreted(&explained.graph, x, v)),
    ]
}

/// Every transform on a tape of its own, computed node by node.
fn interpreted(graph: &Graph, x: &[f64], v: &[f64]) -> Results {
    let session = Session::open(Precision::Double);
    let inputs: Vec<Var> = x.iter().map(|_| session.input(Shape::scalar())).collect();
    let direction: Vec<Var> = x.iter().map(|_| session.input(Shape::scalar())).collect();
    let y = session.inline(graph, &inputs)[0];
    let or_zero = |part: Option<Var>| part.unwrap_or_else(|| Var::from(0.0));
    let gradient_of = |y: Var| adjoint(&[(y, Var::from(1.0))], &inputs).into_iter().map(or_zero).collect::<Vec<Var>>();
    let moves: Vec<(Var, Option<Var>)> = inputs.iter().zip(&direction).map(|(&x, &v)| (x, Some(v))).collect();
    let slope = or_zero(tangent(&[y], &moves)[0]);
    let parts = [vec![y, y], gradient_of(y), vec![slope], gradient_of(slope)];
    let recording = session.close(&parts.concat()).unwrap();
    let numbers: Vec<&[f64]> = x.iter().chain(v).map(std::slice::from_ref).collect();
    let mut found = interpret(&recording.graph, &numbers).unwrap().concat().into_iter();
    parts.map(|part| found.by_ref().take(part.len()).collect())
}

/// The two ways that differ the most, and by how much relative to the largest entry of the operator and those of lower order; NaN
/// agrees with NaN.
pub fn difference(ways: &[(&'static str, Results)]) -> (f64, String) {
    let (mut scale, mut worst) = (1.0_f64, (0.0, String::new()));
    for (operator, part) in ["value", "gradient", "slope", "product"].into_iter().zip(0..) {
        let entries = ways.iter().flat_map(|(_, results)| &results[part]).filter(|x| x.is_finite());
        scale = entries.fold(scale, |scale, x| scale.max(x.abs()));
        let first = &ways[0].1[part];
        for (name, found) in ways[1..].iter().map(|(name, results)| (name, &results[part])) {
            assert_eq!(found.len(), first.len());
            for (i, (a, b)) in first.iter().zip(found).enumerate() {
                let off = if a == b || a.is_nan() && b.is_nan() { 0.0 } else { (a - b).abs() / scale };
                if off.is_nan() || off > worst.0 {
                    let off = if off.is_nan() { f64::INFINITY } else { off };
                    worst = (off, format!("{operator}, {}: {a}, {name}: {b}, entry {i}", ways[0].0));
                }
            }
        }
    }
    worst
}
