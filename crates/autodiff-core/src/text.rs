//! Text form of graphs, for tests and bug reports: what is printed parses back to the same graph.
//!
//! ```
//! use autodiff_core::graph::Graph;
//! let text = "\
//! graph {
//!   %0 = input : [2, 3]
//!   %1 = sin %0 : [2, 3]
//!   %2 = sum{axes=[0, 1]} %1 : []
//!   %3 = constant 0.5 : []
//!   %4 = less %2 %3 : []
//!   guard %4 = 1
//!   return %2
//! }
//! ";
//! let graph: Graph = text.parse().unwrap();
//! assert_eq!(graph.to_string(), text);
//! ```
//!
//! A node of a part that is to be computed again says so behind its shape: `in 0`, and `out of 0` if the part returns it.

use crate::error::{Error, Result};
use crate::graph::{Graph, Guard, NodeId, Operation, Scope};
use crate::primitive::from_text;
use crate::real::Row;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::fmt;
use std::str::FromStr;

/// A node inside a marked part.
const IN: &str = "in";
/// A node that a marked part returns.
const OUT_OF: &str = "out of";

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {{")?;
        for id in self.ids() {
            write!(f, "  %{} = ", id.index())?;
            match self.operation(id) {
                Operation::Constant(c) => write!(f, "constant {c:?}")?,
                Operation::Tensor(t) => write!(f, "constant {:?}", t.data())?,
                Operation::Primitive(p) => {
                    f.write_str(p.name())?;
                    let attributes: Vec<String> =
                        p.attributes().iter().map(|(name, list)| format!("{name}={list:?}")).collect();
                    if !attributes.is_empty() {
                        write!(f, "{{{}}}", attributes.join(", "))?;
                    }
                }
                other => f.write_str(other.name())?,
            }
            for arg in self.arguments(id) {
                write!(f, " %{}", arg.index())?;
            }
            write!(f, " : {}", self.shape(id))?;
            if let Some(scope) = self.scope(id) {
                write!(f, " {} {}", if scope.exit { OUT_OF } else { IN }, scope.number)?;
            }
            writeln!(f)?;
        }
        for guard in self.guards() {
            writeln!(f, "  guard %{} = {}", guard.node.index(), u8::from(guard.expected))?;
        }
        let outputs: Vec<String> = self.outputs().iter().map(|id| format!("%{}", id.index())).collect();
        if !outputs.is_empty() {
            writeln!(f, "  return {}", outputs.join(", "))?;
        }
        writeln!(f, "}}")
    }
}

impl FromStr for Graph {
    type Err = Error;

    /// Parses and verifies the text form.
    fn from_str(text: &str) -> Result<Graph> {
        let mut graph = Graph::new();
        let mut outputs = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line == "graph {" || line == "}" {
                continue;
            }
            let parsed = match line.split_once(' ') {
                Some(("guard", rest)) => parse_guard(rest, &mut graph),
                Some(("return", rest)) => {
                    rest.split(',').map(|id| node(id, &graph)).collect::<Result<_, _>>().map(|ids| outputs = ids)
                }
                _ => parse_node(line, &mut graph),
            };
            parsed.map_err(|message| Error::Parse { line: number + 1, message })?;
        }
        graph.enter(None);
        graph.set_outputs(outputs);
        graph.verify()?;
        Ok(graph)
    }
}

fn parse_node(line: &str, graph: &mut Graph) -> Result<(), String> {
    let (target, rest) = line.split_once('=').ok_or("expected `%n = operation … : shape`")?;
    let (body, shape) = rest.rsplit_once(':').ok_or("expected `: shape` at the end")?;
    let (shape, scope) = shape.split_at(shape.find(']').map_or(shape.len(), |end| end + 1));
    graph.enter(parse_scope(scope)?);
    let shape: Shape = numbers::<usize>(shape)?.into_iter().collect();
    let body = body.trim();
    let id = if let Some(literal) = body.strip_prefix("constant ") {
        let data = numbers::<f64>(literal)?;
        if literal.trim_start().starts_with('[') {
            if data.len() != shape.size() {
                return Err(format!("{} entries for a constant of shape {shape}", data.len()));
            }
            graph.tensor(Tensor::new(shape.clone(), data))
        } else {
            graph.constant(*data.first().ok_or("expected a number")?)
        }
    } else {
        let head_end = body.find(" %").unwrap_or(body.len());
        let (head, args) = body.split_at(head_end);
        let args = args.split_whitespace().map(|arg| node(arg, graph)).collect::<Result<Vec<_>, _>>()?;
        let (name, attributes) = match head.split_once('{') {
            Some((name, rest)) => (name.trim(), parse_attributes(rest.trim_end().trim_end_matches('}'))?),
            None => (head.trim(), Vec::new()),
        };
        let get = |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, list)| list.clone());
        match name {
            "input" => graph.input(shape.clone()),
            "hole" => return Err("a placeholder stands in no finished graph".into()),
            _ => match Row::ALL.iter().find(|row| row.name() == name) {
                Some(row) => graph.row(*row, &args)?,
                None => {
                    let primitive = from_text(name, &get).ok_or_else(|| format!("unknown operation `{head}`"))?;
                    graph.primitive(primitive, &args)?
                }
            },
        }
    };
    if target.trim() != format!("%{}", id.index()) {
        return Err(format!("nodes are numbered in order: expected %{}, found {}", id.index(), target.trim()));
    }
    if *graph.shape(id) != shape {
        return Err(format!("the operation gives shape {}, the text says {shape}", graph.shape(id)));
    }
    Ok(())
}

/// What stands behind a shape: nothing, `in n` or `out of n`.
fn parse_scope(text: &str) -> Result<Option<Scope>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let inside = text.strip_prefix(IN).map(|number| (number, false));
    let parsed = inside.or_else(|| text.strip_prefix(OUT_OF).map(|number| (number, true)));
    let parsed = parsed.and_then(|(number, exit)| Some(Scope { number: number.trim().parse().ok()?, exit }));
    parsed.map(Some).ok_or_else(|| format!("expected `{IN} n` or `{OUT_OF} n` behind a shape, found `{text}`"))
}

fn parse_guard(rest: &str, graph: &mut Graph) -> Result<(), String> {
    let (id, expected) = rest.split_once('=').ok_or("expected `guard %n = 0` or `1`")?;
    let expected = match expected.trim() {
        "0" => false,
        "1" => true,
        other => return Err(format!("a guard expects 0 or 1, found {other}")),
    };
    let guard = Guard { node: node(id, graph)?, expected };
    graph.add_guard(guard);
    Ok(())
}

fn node(text: &str, graph: &Graph) -> Result<NodeId, String> {
    let index: usize = text
        .trim()
        .strip_prefix('%')
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| format!("expected %n, found {text}"))?;
    if index < graph.len() {
        Ok(NodeId::from_index(index))
    } else {
        Err(format!("%{index} is not defined before its use"))
    }
}

/// `name=[1, 2], other=[3]`.
fn parse_attributes(text: &str) -> Result<Vec<(String, Vec<i64>)>, String> {
    let mut attributes = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (list, after) = after.split_once(']').ok_or("expected `name=[…]`")?;
        attributes.push((name.trim_matches([',', ' ']).to_string(), numbers(list)?));
        rest = after;
    }
    Ok(attributes)
}

/// `[1, 2]`, also without brackets, of any kind of number.
fn numbers<N: FromStr>(text: &str) -> Result<Vec<N>, String> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_err(|_| format!("expected a number, found `{part}`"))).collect()
}
