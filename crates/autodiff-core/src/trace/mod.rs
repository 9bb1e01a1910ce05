//! Recording: the tape of the current thread, and the sessions that open and close it.
//!
//! Each thread has a stack of tapes; the innermost records. A [`Var`] carries the serial of its tape, so that one that is
//! used on another tape poisons the trace instead of naming some other node. Operators never fail: the first bad
//! operation is kept with its line, everything after it is recorded as nothing, and the end of the session reports it. A closure
//! that asks for a number then, in a branch or by [`Var::value`], is left.

mod guard;
mod literals;
mod numbers;
mod quick;

use crate::error::{Error, Place, Result};
use crate::graph::{Arguments, Graph, NodeId, Operation, Primitive, Scope, Structured, Var};
use crate::real::{Precision, Row};
use crate::shape::Shape;
use crate::tensor::Tensor;
use guard::Left;
use literals::Literals;
use numbers::Numbers;
use std::any::Any;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quick::at_hand;
pub(crate) use quick::{Operand, are_quick, record_quickly, record_select_quickly, record_two_quickly};

thread_local! {
    /// The tape that records. Not dropped with the thread, which no open session outlives: what needs no dropping is at hand
    /// without a look at whether it was dropped.
    static INNERMOST: RefCell<ManuallyDrop<Option<Box<Tape>>>> = const { RefCell::new(ManuallyDrop::new(None)) };
    /// The memory of a graph that is no longer needed, for the next tape.
    static SPARE: RefCell<Option<Graph>> = const { RefCell::new(None) };
}

/// Nodes of the largest graph whose memory is kept: 64 MiB, and as much again if all are constants.
const SPARE_NODES: usize = 1 << 23;

/// Serial numbers of tapes; 0 is no tape.
static SERIAL: AtomicU32 = AtomicU32::new(1);

/// A serial that no tape has and no variable bears.
const NEVER: u32 = u32::MAX;

pub(crate) struct Tape {
    /// The serial while nothing but scalars may come: on a sound tape where all nodes are scalars with a number and nothing else
    /// is noted of them. Else [`NEVER`].
    quick: u32,
    serial: u32,
    graph: Graph,
    poison: Option<Error>,
    numbers: Numbers,
    /// Constants that operators made of plain numbers: no variable names them, so that equal ones may be one node.
    literals: Literals,
    /// A number was read out: the trace holds at this point only.
    point_specific: bool,
    /// Nodes at which the closure is split into model and loss, for Gauss–Newton products.
    predictions: Vec<NodeId>,
    /// Whether there are placeholders that stand for rows.
    has_rows: bool,
    /// The line of every node, where asked for.
    places: Option<Vec<Place>>,
    /// Parts that are to be computed again, so far.
    parts: u32,
    /// The tape around this one.
    outer: Option<Box<Tape>>,
}

/// What a closed session hands over.
#[derive(Debug)]
pub struct Recording {
    /// The graph, with its outputs set; dead nodes still in it.
    pub graph: Graph,
    /// Whether the closure read a number out, so that the graph holds at this point only.
    pub point_specific: bool,
    /// Nodes marked by [`Var::prediction`].
    pub predictions: Vec<NodeId>,
    /// The line of every node, if the session was opened with them.
    pub places: Option<Vec<Place>>,
    /// The number of every node at the point, if all are scalars that have one; of single precision widened, which is exact.
    pub numbers: Option<Vec<f64>>,
}

/// An open tape. Dropping it, also by a panic of the closure, closes the tape and frees what it recorded.
#[derive(Debug)]
pub struct Session {
    serial: u32,
}

impl Session {
    /// Opens a tape on this thread. `precision` is what comparisons are evaluated at while tracing.
    pub fn open(precision: Precision) -> Session {
        let mut serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        while serial == 0 || serial == NEVER {
            serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        }
        let mut tape = Box::new(Tape {
            quick: NEVER,
            serial,
            graph: SPARE.with_borrow_mut(Option::take).unwrap_or_default(),
            poison: None,
            numbers: Numbers::new(precision),
            literals: Literals::NONE,
            point_specific: false,
            predictions: Vec::new(),
            has_rows: false,
            places: None,
            parts: 0,
            outer: None,
        });
        INNERMOST.with_borrow_mut(|innermost| {
            tape.outer = innermost.take();
            innermost.replace(tape);
        });
        Session { serial }
    }

    /// Keeps the line of every node from here on.
    pub fn keep_places(&self) {
        self.tape(|tape| tape.places = Some(Vec::new()));
    }

    /// Lends memory for the numbers of scalars, before anything is recorded.
    pub fn lend(&self, numbers: Vec<f64>) {
        self.tape(|tape| tape.numbers.lend(numbers));
    }

    /// Merges equal nodes from here on.
    pub fn share(&self) {
        self.tape(|tape| tape.graph.share());
    }

    /// Declares the next input of the program.
    pub fn input(&self, shape: Shape) -> Var {
        self.tape(|tape| Var { trace: tape.serial, node: tape.graph.input(shape) })
    }

    /// Declares the next input with the numbers it has at the point of tracing, which branches are decided with.
    pub fn input_at(&self, shape: Shape, numbers: Arc<[f64]>) -> Var {
        let var = self.input(shape);
        self.tape(|tape| tape.numbers.set(var.node, numbers));
        var
    }

    /// Declares the next inputs, scalars with these numbers at the point of tracing, and appends them to `inputs`.
    pub fn scalars_at(&self, numbers: impl ExactSizeIterator<Item = f64>, inputs: &mut Vec<Var>) {
        self.tape(|tape| {
            let nodes = tape.graph.scalar_inputs(numbers.len());
            tape.numbers.set_scalars(nodes.start, numbers);
            inputs.extend(nodes.map(|i| Var { trace: tape.serial, node: NodeId::from_index(i) }));
        });
    }

    /// Records a graph on this tape with `inputs` in place of its inputs; returns its outputs.
    ///
    /// # Panics
    /// If number or shapes of the inputs are not those of the graph.
    pub fn inline(&self, graph: &Graph, inputs: &[Var]) -> Vec<Var> {
        self.inline_nodes(graph, inputs, graph.outputs())
    }

    /// [`inline`](Session::inline), returning the variables of chosen nodes instead of the outputs.
    pub fn inline_nodes(&self, graph: &Graph, inputs: &[Var], nodes: &[NodeId]) -> Vec<Var> {
        self.tape(|tape| {
            let mut moved: Vec<NodeId> = Vec::with_capacity(graph.len());
            let outer = tape.graph.enter(None);
            for id in graph.ids() {
                tape.graph.enter(graph.scope(id).or(outer));
                let new = match graph.operation(id) {
                    Operation::Input(i) => {
                        assert_eq!(tape.graph.shape(inputs[i].node), graph.shape(id), "input {i} of an inlined graph");
                        inputs[i].node
                    }
                    _ => {
                        let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
                        tape.graph
                            .copy_node(graph, id, &args)
                            .expect("the node stood in a valid graph with these shapes")
                    }
                };
                moved.push(new);
            }
            tape.graph.enter(outer);
            for guard in graph.guards() {
                tape.graph.add_guard(crate::graph::Guard { node: moved[guard.node.index()], ..*guard });
            }
            nodes.iter().map(|id| Var { trace: tape.serial, node: moved[id.index()] }).collect()
        })
    }

    /// Closes the tape with these outputs.
    ///
    /// # Errors
    /// The first operation that went wrong while recording.
    #[track_caller]
    pub fn close(self, outputs: &[Var]) -> Result<Recording> {
        self.close_at(outputs, Place(Location::caller()))
    }

    /// [`close`](Session::close), with `place` to blame for an output that belongs to another tape.
    ///
    /// # Errors
    /// Those of `close`.
    pub fn close_at(self, outputs: &[Var], place: Place) -> Result<Recording> {
        self.tape(|tape| {
            if let Some(error) = tape.poison.take() {
                return Err(error);
            }
            if outputs.iter().any(|v| v.trace != tape.serial || v.node == NodeId::NOWHERE) {
                return Err(Error::ForeignVariable {
                    operation: "return value of the closure".into(),
                    location: place,
                });
            }
            let mut graph = std::mem::take(&mut tape.graph);
            graph.stop_sharing();
            graph.set_outputs(outputs.iter().map(|v| v.node).collect());
            if tape.has_rows && reads_rows(&graph, &tape.predictions) {
                let message =
                    "a variable of the body, which stands for one row, is used outside of it: return it from the body";
                let operation = "map_rows".into();
                return Err(Error::Operation { operation, message: message.into(), location: place });
            }
            let numbers = tape.numbers.take_scalars(&graph);
            Ok(Recording {
                graph,
                numbers,
                point_specific: tape.point_specific,
                predictions: std::mem::take(&mut tape.predictions),
                places: tape.places.take(),
            })
        })
    }

    /// Closes the tape of a closure that was left by a panic; returns the operation that went wrong before, if there is one, or
    /// for which it was left. Another panic is the closure's own, and goes on.
    pub(crate) fn left_by(self, panic: Box<dyn Any + Send>) -> Error {
        if let Some(error) = self.tape(|tape| tape.poison.take()) {
            return error;
        }
        drop(self);
        match panic.downcast::<Left>() {
            Ok(left) => left.0,
            Err(panic) => resume_unwind(panic),
        }
    }

    fn tape<R>(&self, act: impl FnOnce(&mut Tape) -> R) -> R {
        INNERMOST.with_borrow_mut(|innermost| {
            let mut tape = innermost.as_deref_mut();
            while let Some(other) = tape.take_if(|tape| tape.serial != self.serial) {
                tape = other.outer.as_deref_mut();
            }
            tape.expect("a session's tape is open until the session is dropped").settled(act)
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        INNERMOST.with_borrow_mut(|innermost| {
            let mut link = &mut **innermost;
            while link.as_ref().is_some_and(|tape| tape.serial != self.serial) {
                link = &mut link.as_mut().expect("there is a tape").outer;
            }
            if let Some(tape) = link.take() {
                *link = tape.outer;
            }
        });
    }
}

/// Keeps the memory of a graph for the next tape of this thread.
pub fn recycle(mut graph: Graph) {
    if graph.len() > SPARE_NODES {
        return;
    }
    graph.clear();
    // While the thread ends nothing is kept any more.
    let _ = SPARE.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut() {
            *spare = Some(graph);
        }
    });
}

/// Runs `act` on the innermost tape, if there is one.
fn innermost<R>(act: impl FnOnce(&mut Tape) -> R) -> Option<R> {
    INNERMOST.with_borrow_mut(|innermost| innermost.as_deref_mut().map(|tape| tape.settled(act)))
}

impl Tape {
    fn poison(&mut self, error: impl FnOnce() -> Error) -> Var {
        if self.poison.is_none() {
            self.poison = Some(error());
        }
        Var { trace: self.serial, node: NodeId::NOWHERE }
    }

    /// Whether all variables live here; if not, the tape is poisoned.
    fn owns(&mut self, operation: &str, vars: &[Var], place: Place) -> bool {
        if self.poison.is_some() {
            return false;
        }
        if vars.iter().any(|v| v.trace != self.serial || v.node == NodeId::NOWHERE) {
            self.poison(|| Error::ForeignVariable { operation: operation.into(), location: place });
            return false;
        }
        true
    }

    fn record(
        &mut self,
        operation: &str,
        vars: &[Var],
        place: Place,
        push: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId, String>,
    ) -> Var {
        if !self.owns(operation, vars, place) {
            return Var { trace: self.serial, node: NodeId::NOWHERE };
        }
        let args: Arguments = vars.iter().map(|v| v.node).collect();
        match push(&mut self.graph, &args) {
            Ok(node) => {
                self.numbers.follow(&self.graph);
                if let Some(places) = &mut self.places {
                    places.resize(self.graph.len(), place);
                }
                Var { trace: self.serial, node }
            }
            Err(message) => self.poison(|| Error::Operation { operation: operation.into(), message, location: place }),
        }
    }
}

impl Tape {
    /// Records a row on a sound tape, of operands that live here and have one shape; `None` if anything else is the case, which
    /// [`record`](Tape::record) looks into.
    fn plain<const N: usize>(&mut self, row: Row, operands: [Var; N]) -> Option<Var> {
        if self.poison.is_some() || self.places.is_some() || operands.iter().any(|v| v.trace != self.serial) {
            return None;
        }
        let node = self.graph.plain_row(row, operands.map(|v| v.node))?;
        self.numbers.follow(&self.graph);
        Some(Var { trace: self.serial, node })
    }

    /// Runs `act`, which may change anything.
    fn settled<R>(&mut self, act: impl FnOnce(&mut Tape) -> R) -> R {
        if self.quick != NEVER {
            self.numbers.catch_up(&self.graph);
        }
        // If `act` panics, as the shape rule of a custom primitive may.
        self.quick = NEVER;
        let result = act(self);
        let is_quick = self.poison.is_none()
            && self.places.is_none()
            && !self.graph.is_sharing()
            && !self.graph.is_within()
            && self.numbers.are_complete(&self.graph);
        self.quick = if is_quick { self.serial } else { NEVER };
        result
    }

    fn constant(&mut self, value: f64) -> Var {
        let node = self.graph.constant(value);
        self.numbers.follow(&self.graph);
        Var { trace: self.serial, node }
    }

    /// A constant that no variable of the closure will name.
    fn literal(&mut self, value: f64) -> Var {
        if let Some(node) = self.literals.get(value) {
            return Var { trace: self.serial, node };
        }
        let var = self.constant(value);
        // Nodes of a part, or of a transform, are its own.
        if !self.graph.is_sharing() && !self.graph.is_within() {
            self.literals.put(value, var.node);
        }
        var
    }
}

/// The variable of an operation outside any closure: it belongs to no tape and any tape refuses it.
pub(crate) fn stray() -> Var {
    Var { trace: 0, node: NodeId::NOWHERE }
}

/// Records an elementwise node of what is not [quick](Tape::quick): of arrays of one shape, in single precision, or where memory must grow.
pub(crate) fn record_plainly<const N: usize>(row: Row, operands: [Var; N]) -> Option<Var> {
    innermost(|tape| tape.plain(row, operands)).flatten()
}

/// Records an elementwise node; the operands have equal shapes.
pub fn record_row(row: Row, operands: &[Var], place: &'static Location<'static>) -> Var {
    innermost(|tape| tape.record(row.name(), operands, Place(place), |graph, args| graph.row(row, args)))
        .unwrap_or_else(stray)
}

/// Records a structured primitive.
pub fn record<P: Structured>(primitive: P, operands: &[Var], place: &'static Location<'static>) -> Var {
    record_shared(Arc::new(primitive), operands, place)
}

/// Records a structured primitive that is already shared.
pub fn record_shared(primitive: Arc<dyn Primitive>, operands: &[Var], place: &'static Location<'static>) -> Var {
    let name = primitive.name();
    innermost(|tape| tape.record(name, operands, Place(place), |graph, args| graph.primitive(primitive, args)))
        .unwrap_or_else(stray)
}

/// Poisons the trace: `operation` was asked something that does not fit. Returns a variable to go on with.
pub fn refuse(operation: &str, message: String, place: &'static Location<'static>) -> Var {
    innermost(|tape| tape.poison(|| Error::Operation { operation: operation.into(), message, location: Place(place) }))
        .unwrap_or_else(stray)
}

/// A scalar constant.
pub fn constant(value: f64) -> Var {
    let quickly = at_hand(|tape| {
        if tape.quick == NEVER {
            return None;
        }
        Some(Var { node: tape.quick_constant(value)?, trace: tape.quick })
    });
    if let Some(var) = quickly {
        return var;
    }
    innermost(|tape| tape.constant(value)).unwrap_or_else(stray)
}

/// A scalar constant that no variable of the closure will name: equal ones may be the same node.
pub(crate) fn literal(value: f64) -> Var {
    if let Some(var) = at_hand(|tape| tape.quick_literal(value)) {
        return var;
    }
    innermost(|tape| tape.literal(value)).unwrap_or_else(stray)
}

/// A constant array.
pub fn tensor(tensor: Tensor) -> Var {
    innermost(|tape| Var { trace: tape.serial, node: tape.graph.tensor(tensor) }).unwrap_or_else(stray)
}

/// A placeholder that transforms differentiate by.
pub(crate) fn hole(shape: Shape) -> Var {
    innermost(|tape| {
        let node = tape.graph.hole(shape);
        tape.numbers.follow(&tape.graph);
        Var { trace: tape.serial, node }
    })
    .unwrap_or_else(stray)
}

/// A placeholder that stands for one row of an array, of this shape.
pub(crate) fn row(shape: Shape) -> Var {
    innermost(|tape| tape.has_rows = true);
    hole(shape)
}

/// Whether a placeholder for a row is left in what a closure returns or marks.
fn reads_rows(graph: &Graph, predictions: &[NodeId]) -> bool {
    let mut live = graph.live();
    predictions.iter().for_each(|id| live[id.index()] = true);
    graph.ids().rev().any(|id| {
        if live[id.index()] {
            graph.arguments(id).iter().for_each(|a| live[a.index()] = true);
        }
        live[id.index()] && matches!(graph.operation(id), Operation::Hole)
    })
}

/// Runs `act`; returns also what it marked by [`Var::prediction`]. The marks are taken back, also by a panic.
pub(crate) fn with_marks<R>(act: impl FnOnce() -> R) -> (R, Vec<Var>) {
    let before = innermost(|tape| tape.predictions.len()).unwrap_or(0);
    let taken_back = Restored(Some(move |tape: &mut Tape| tape.predictions.truncate(before)));
    let result = act();
    let marked = innermost(|tape| {
        let serial = tape.serial;
        tape.predictions[before..].iter().map(|&node| Var { trace: serial, node }).collect()
    });
    drop(taken_back);
    (result, marked.unwrap_or_default())
}

/// Runs `look` on the graph of the innermost tape; `None` outside a closure or when the tape is poisoned.
pub(crate) fn peek<R>(look: impl FnOnce(&Graph) -> R) -> Option<R> {
    innermost(|tape| tape.poison.is_none().then(|| look(&tape.graph))).flatten()
}

/// The number that a variable of the innermost tape is, if it is a scalar constant.
pub(crate) fn known_number(var: Var) -> Option<f64> {
    innermost(|tape| {
        let here = tape.poison.is_none() && var.trace == tape.serial && var.node != NodeId::NOWHERE;
        match here.then(|| tape.graph.operation(var.node))? {
            Operation::Constant(c) => Some(c),
            _ => None,
        }
    })
    .flatten()
}

/// Whether all variables live on the innermost tape, which is poisoned if not.
pub(crate) fn all_here(operation: &str, vars: &[Var], place: &'static Location<'static>) -> bool {
    innermost(|tape| tape.owns(operation, vars, Place(place))).unwrap_or(false)
}

/// Runs `act` while new nodes of the innermost tape belong to a part that is to be computed again.
pub(crate) fn within<R>(scope: Option<Scope>, act: impl FnOnce() -> R) -> R {
    let outer = innermost(|tape| tape.graph.enter(scope));
    let _restored = Restored(outer.map(|outer| {
        move |tape: &mut Tape| {
            tape.graph.enter(outer);
        }
    }));
    act()
}

/// The number of a new part of the innermost tape that is to be computed again.
pub(crate) fn new_part() -> u32 {
    innermost(|tape| {
        tape.parts += 1;
        tape.parts
    })
    .unwrap_or(0)
}

/// Marks what a part returns.
pub(crate) fn mark_exits(vars: &[Var]) {
    innermost(|tape| vars.iter().filter(|v| v.trace == tape.serial).for_each(|v| tape.graph.mark_exit(v.node)));
}

/// Runs `act` while equal nodes of the innermost tape are merged.
pub(crate) fn sharing<R>(act: impl FnOnce() -> R) -> R {
    let was = innermost(|tape| {
        let was = tape.graph.is_sharing();
        tape.graph.share();
        was
    });
    let _restored = Restored((was == Some(false)).then_some(|tape: &mut Tape| tape.graph.stop_sharing()));
    act()
}

/// Puts a state of the innermost tape back when it is dropped, also by a panic: the closure that is traced may catch one and
/// go on recording.
struct Restored<F: FnOnce(&mut Tape)>(Option<F>);

impl<F: FnOnce(&mut Tape)> Drop for Restored<F> {
    fn drop(&mut self) {
        if let Some(put_back) = self.0.take() {
            innermost(put_back);
        }
    }
}

impl Var {
    /// Lengths of the axes; a scalar has none. Also of a variable that went wrong, whose trace will say so.
    pub fn shape(self) -> Shape {
        innermost(|tape| {
            if self.trace == tape.serial && self.node != NodeId::NOWHERE {
                tape.graph.shape(self.node).clone()
            } else {
                Shape::scalar()
            }
        })
        .unwrap_or_default()
    }

    /// Number of axes.
    pub fn rank(self) -> usize {
        self.shape().rank()
    }

    /// Number of entries.
    pub fn size(self) -> usize {
        self.shape().size()
    }

    /// Marks the output of a model, where f = loss ∘ model is split for Gauss–Newton products. Returns itself.
    ///
    /// The losses of the `nn` crate mark their predictions. What bypasses the mark, such as a regulariser, enters the
    /// product with its full Hessian. In the body of [`map_rows`](crate::map_rows) or [`sum_over`](crate::sum_over) it marks the
    /// output for every row. Loops of scalars with marked scalars are rolled into arrays like others, unless a mark is an entry of the
    /// point or rests on another one.
    #[track_caller]
    pub fn prediction(self) -> Var {
        let place = Place(Location::caller());
        innermost(|tape| {
            if tape.owns("prediction", &[self], place) {
                tape.predictions.push(self.node);
            }
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_caught_panic_leaves_parts_and_sharing() {
        let session = Session::open(Precision::Double);
        let x = session.input(Shape::scalar());
        let part = Scope { number: 1, exit: false };
        let caught = catch_unwind(AssertUnwindSafe(|| {
            within(Some(part), || {
                sharing(|| {
                    let _ = x + x;
                    panic!("in a part")
                })
            })
        }));
        assert!(caught.is_err());
        // Nodes from here on are their own, and belong to no part.
        let (a, b) = (x.sin(), x.sin());
        assert_ne!(a.node, b.node);
        let recording = session.close(&[a, b]).unwrap();
        assert_eq!(recording.graph.scope(a.node), None);
    }
}
