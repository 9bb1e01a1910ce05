//! The verifier: says which node breaks which invariant.

use super::{Graph, INPUT, NodeId, Operation, ROWS};
use crate::error::{Error, Result};
use crate::shape::Shape;

impl Graph {
    /// Checks the invariants of the [module](super).
    ///
    /// # Errors
    /// [`Error::Invalid`] with the first node that breaks one. Costs one pass over the graph.
    pub fn verify(&self) -> Result<()> {
        let broken = |id: NodeId, message: String| Error::Invalid { node: id.index(), message };
        for id in self.ids() {
            let args = self.arguments(id);
            if let Some(arg) = args.iter().find(|arg| arg.index() >= id.index()) {
                return Err(broken(id, format!("argument %{} does not precede it", arg.index())));
            }
            let shapes: Vec<&Shape> = args.iter().map(|&a| self.shape(a)).collect();
            let expected = match self.operation(id) {
                Operation::Row(row) => {
                    if args.len() != row.arity() || shapes.iter().any(|s| *s != shapes[0]) {
                        return Err(broken(id, format!("{} does not fit operands of shapes {shapes:?}", row.name())));
                    }
                    if (ROWS..INPUT).contains(&self.nodes.at(id.index()).op)
                        && !matches!(self.operation(args[1]), Operation::Constant(_))
                    {
                        let found = args[1].index();
                        return Err(broken(id, format!("{} by a constant: %{found} is none", row.name())));
                    }
                    shapes[0].clone()
                }
                Operation::Primitive(p) => p.infer(&shapes).map_err(|m| broken(id, format!("{}: {m}", p.name())))?,
                Operation::Constant(_) => Shape::scalar(),
                Operation::Tensor(t) => t.shape().clone(),
                Operation::Input(_) | Operation::Hole => self.shape(id).clone(),
            };
            if expected != *self.shape(id) {
                return Err(broken(id, format!("has shape {}, its operation gives {expected}", self.shape(id))));
            }
        }
        for id in self.outputs.iter().chain(self.guards.iter().map(|g| &g.node)) {
            if id.index() >= self.len() {
                return Err(broken(*id, "an output or guard names a node that does not exist".into()));
            }
        }
        for guard in &self.guards {
            if self.shape(guard.node).rank() != 0 {
                return Err(broken(guard.node, format!("a guard is a scalar, found shape {}", self.shape(guard.node))));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::Row;

    #[test]
    fn arithmetic_by_a_constant_has_one() {
        let mut graph = Graph::new();
        let (x, two) = (graph.input(Shape::scalar()), graph.constant(2.0));
        graph.scalar_row_by(Row::Mul, [x, two]);
        graph.verify().unwrap();
        graph.scalar_row_by(Row::Mul, [two, x]);
        let error = graph.verify().unwrap_err();
        assert!(matches!(error, Error::Invalid { node: 3, .. }), "{error}");
        assert!(error.to_string().contains("by a constant: %0 is none"), "{error}");
    }
}
