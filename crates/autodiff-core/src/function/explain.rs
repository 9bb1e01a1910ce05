//! [`Explanation`]: what was traced and what the programs consist of; and where a NaN comes from.

use super::Function;
use super::operator::{Form, Mode, Operator};
use super::swept::Kind;
use super::variant::{Places, Point, Results};
use crate::compile::{Rolling, Unrolled};
use crate::error::{Place, Result};
use crate::execute::{Statistics, interpret};
use crate::graph::{Graph, NodeId};
use crate::tree::{Traced, Tree};
use std::borrow::Borrow;
use std::fmt;

/// What a function consists of at a point, for a person to read (`Display`) or a program to inspect.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Traces that are kept.
    pub variants: usize,
    /// The graph of the trace that holds at the point, in arrays if it was rolled; prints as text, or as DOT by
    /// [`Graph::to_dot`].
    pub graph: Graph,
    /// What became of the scalars, if the closure is scalar code that was rolled into arrays.
    pub rolling: Option<Rolling>,
    /// Why it was not, if not.
    pub unrolled: Option<Unrolled>,
    /// Which operators are swept over this trace, how often they were, and after how many times in all a program is made if
    /// nothing else is swept meanwhile; `None` if nothing is swept.
    pub swept: Option<String>,
    /// Program of the value.
    pub value: Statistics,
    /// Program of value and gradient, for a scalar function.
    pub gradient: Option<Statistics>,
    /// Program of value, gradient and Hessian-vector product, split as [`Function::linearize`] runs it, for a scalar function.
    pub linearized: Option<Statistics>,
    /// Program of one Hessian-vector product alone, as [`Function::hvp`] runs it, for a scalar function.
    pub product: Option<Statistics>,
    /// What [`Mode::Auto`] would choose for the linearised product, and why; the programs above are of the default mode.
    pub mode: Option<String>,
    /// The instructions of `linearized`, or of the value if the function is not scalar, a line for each of the first few hundred.
    pub plan: String,
    /// The same with the flow of values, in the DOT language of Graphviz.
    pub plan_dot: String,
}

/// The first operation whose result is not finite although its operands are.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// The operation.
    pub operation: &'static str,
    /// The line of the closure, `None` for an input or constant.
    pub place: Option<Place>,
    /// Node in the trace.
    pub node: usize,
    /// Where in the flattened result the first such number is, and the number.
    pub position: usize,
    /// The number: NaN or an infinity.
    pub number: f64,
}

impl<'f, A: ?Sized, Out: Traced + Send + Sync, B: ?Sized> Function<'f, A, Out, B> {
    /// What was traced at `x`, and what the programs for value, gradient and product consist of.
    ///
    /// It makes these programs, which takes its time. Calls after it give what they would have given without it.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x.iter().map(|&x| x.exp()).sum::<Var>());
    /// let explained = f.explain(&vec![0.5; 100])?;
    /// println!("{explained}");
    /// assert_eq!(explained.value.instructions, 1); // the loop is one fused region
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of every operator.
    pub fn explain<P: Tree>(&self, x: &P) -> Result<Explanation>
    where
        P::Traced: Borrow<A>,
    {
        let ran = self.at(x, &Operator::Value, &[], Results::Nowhere)?;
        if ran.is_swept() {
            ran.variant.uncount(Kind::Value);
        }
        let value = ran.variant.program(&Operator::Value, Form::Whole)?;
        let scalar = matches!(&ran.variant.results[..], [shape] if shape.rank() == 0);
        let program = |operator, form| scalar.then(|| ran.variant.program(&operator, form)).transpose();
        let gradient = program(Operator::Gradient, Form::Whole)?;
        let product = program(Operator::Hvp(Mode::default()), Form::Whole)?;
        let linearised = program(Operator::Point(Mode::default()), Form::Split)?;
        let chosen = program(Operator::Point(Mode::Auto), Form::Split)?;
        let shown = &linearised.as_ref().unwrap_or(&value).program;
        Ok(Explanation {
            plan: shown.to_string(),
            plan_dot: shown.to_dot(),
            variants: self.variant_count(),
            graph: ran.variant.body().graph.clone(),
            rolling: ran.variant.body().rolling.clone().ok(),
            unrolled: ran.variant.body().rolling.clone().err(),
            swept: ran.variant.describe_sweeps(),
            value: value.program.statistics().clone(),
            gradient: gradient.map(|c| c.program.statistics().clone()),
            product: product.map(|c| c.program.statistics().clone()),
            linearized: linearised.map(|c| c.program.statistics().clone()),
            mode: chosen.and_then(|c| c.choice.clone()),
        })
    }

    /// The first operation that makes a NaN or an infinity out of finite numbers at `x`, with its line; `None` if all
    /// numbers of the trace are finite. Traces and interprets anew: for finding faults, not for production.
    ///
    /// # Errors
    /// Those of every operator.
    pub fn find_non_finite<P: Tree>(&self, x: &P) -> Result<Option<NonFinite>>
    where
        P::Traced: Borrow<A>,
    {
        let (leaves, entries) = (x.leaves(), x.to_vec());
        let point = Point { structure: x, leaves: &leaves, entries: &entries };
        let (recording, _) = self.record(&point, Places::Kept)?;
        let (mut graph, places) = (recording.graph, recording.places.unwrap_or_default());
        let live = graph.live();
        let all: Vec<NodeId> = graph.ids().filter(|id| live[id.index()]).collect();
        graph.set_outputs(graph.ids().collect());
        let mut inputs: Vec<Vec<P::Scalar>> = Vec::new();
        let mut rest = &entries[..];
        for shape in leaves.iter() {
            let (leaf, after) = rest.split_at(shape.size());
            inputs.push(leaf.to_vec());
            rest = after;
        }
        for leaf in &self.data.leaves {
            inputs.push(leaf.entries.iter().map(|&c| crate::real::Elementary::from_f64(c)).collect());
        }
        let inputs: Vec<&[P::Scalar]> = inputs.iter().map(Vec::as_slice).collect();
        let values = interpret(&graph, &inputs)?;
        let number = |x: &P::Scalar| crate::real::Float::to_f64(*x);
        let finite = |id: &NodeId| values[id.index()].iter().all(|x| number(x).is_finite());
        Ok(all.into_iter().find(|id| !finite(id) && graph.arguments(*id).iter().all(&finite)).map(|id| {
            let position = values[id.index()].iter().position(|x| !number(x).is_finite()).unwrap_or(0);
            let recorded = !graph.arguments(id).is_empty();
            NonFinite {
                operation: graph.operation(id).name(),
                place: if recorded { places.get(id.index()).copied() } else { None },
                node: id.index(),
                position,
                number: number(&values[id.index()][position]),
            }
        }))
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} makes {} at entry {} (node %{})", self.operation, self.number, self.position, self.node)?;
        if let Some(place) = self.place {
            write!(f, " at {place}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "traces kept: {}", self.variants)?;
        if let Some(rolling) = &self.rolling {
            writeln!(f, "rolled: {rolling}")?;
        }
        match &self.unrolled {
            // A closure of arrays.
            None | Some(Unrolled::Few { scalars: 0, .. }) => {}
            Some(why) => writeln!(f, "not rolled: {why}")?,
        }
        if let Some(swept) = &self.swept {
            writeln!(f, "swept: {swept}")?;
        }
        let mut line = |name: &str, s: &Statistics| -> fmt::Result {
            writeln!(f, "{name}:")?;
            write!(f, "  {} nodes traced", s.traced)?;
            s.passes.iter().try_for_each(|(pass, nodes)| {
                write!(f, ", {nodes} {}{pass}", if *pass == "live" { "" } else { "after " })
            })?;
            writeln!(f, "; {} computed, {} guards", s.nodes, s.guards)?;
            writeln!(f, "  {} instructions, {} of them regions of {} nodes", s.instructions, s.regions, s.fused)?;
            let [moved, peak, scratch] = [s.moved, s.peak(), s.scratch].map(|entries| 8 * entries);
            writeln!(f, "  {} flops; in double precision {moved} bytes moved", s.flops)?;
            writeln!(
                f,
                "  {} buffers; in double precision {peak} bytes at the peak, {scratch} of them scratch",
                s.buffers
            )?;
            write!(f, " ")?;
            let mut counts: Vec<(&str, usize)> = s.operations.iter().map(|(&name, &n)| (name, n)).collect();
            counts.sort_by_key(|&(name, n)| (std::cmp::Reverse(n), name));
            for (name, n) in counts {
                write!(f, " {n} {name}")?;
            }
            writeln!(f)
        };
        line("value", &self.value)?;
        if let Some(s) = &self.gradient {
            line("value and gradient", s)?;
        }
        if let Some(s) = &self.product {
            line("product", s)?;
        }
        if let Some(s) = &self.linearized {
            line("value, gradient and product", s)?;
            writeln!(f, "  once a point: {} flops, {} bytes kept", s.early_flops, 8 * s.kept)?;
        }
        if let Some(mode) = &self.mode {
            writeln!(f, "fewer operations: {mode}")?;
        }
        write!(f, "{}", self.plan)
    }
}
