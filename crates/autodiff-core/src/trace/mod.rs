//! Recording: the tape of the current thread, and the sessions that open and close it.
//!
//! Each thread has a stack of tapes; the innermost records. A [`Var`] carries the serial of its tape, so that one that is
//! used on another tape poisons the trace instead of naming some other node. Operators never fail: the first bad
//! operation is kept with its line, everything after it is recorded as nothing, and the end of the session reports it.

mod guard;
mod numbers;

use crate::error::{Error, Place, Result};
use crate::graph::{Arguments, Graph, NodeId, Operation, Primitive, Scope, Structured, Var};
use crate::real::{Precision, Row};
use crate::shape::Shape;
use crate::tensor::Tensor;
use numbers::Numbers;
use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

thread_local! {
    static TAPES: RefCell<Vec<Tape>> = const { RefCell::new(Vec::new()) };
    /// The memory of a graph that is no longer needed, for the next tape.
    static SPARE: RefCell<Option<Graph>> = const { RefCell::new(None) };
}

/// Nodes of the largest graph whose memory is kept: 64 MiB.
const SPARE_NODES: usize = 1 << 22;

/// Serial numbers of tapes; 0 is no tape.
static SERIAL: AtomicU32 = AtomicU32::new(1);

/// The node of a variable that was recorded on a poisoned tape, or on none.
const NOWHERE: usize = u32::MAX as usize;

/// Numbers in the text of a closure that are looked for before one is recorded.
const LITERALS: usize = 64;

struct Tape {
    serial: u32,
    graph: Graph,
    poison: Option<Error>,
    numbers: Numbers,
    /// Constants that operators made of plain numbers, by a hash of the number: no variable names them, so that equal ones
    /// may be one node.
    literals: [(u64, NodeId); LITERALS],
    /// A number was read out: the trace holds at this point only.
    point_specific: bool,
    /// Nodes at which the closure is split into model and loss, for Gauss–Newton products.
    predictions: Vec<NodeId>,
    /// The line of every node, where asked for.
    places: Option<Vec<Place>>,
    /// Parts that are to be computed again, so far.
    parts: u32,
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
        if serial == 0 {
            serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        }
        let tape = Tape {
            serial,
            graph: SPARE.with_borrow_mut(Option::take).unwrap_or_default(),
            poison: None,
            numbers: Numbers::new(precision),
            literals: [(0, NodeId::from_index(NOWHERE)); LITERALS],
            point_specific: false,
            predictions: Vec::new(),
            places: None,
            parts: 0,
        };
        TAPES.with_borrow_mut(|tapes| tapes.push(tape));
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
    pub fn scalars_at(&self, numbers: impl Iterator<Item = f64>, inputs: &mut Vec<Var>) {
        self.tape(|tape| {
            inputs.extend(numbers.map(|number| {
                let node = tape.graph.input(Shape::scalar());
                tape.numbers.set_scalar(node, number);
                Var { trace: tape.serial, node }
            }));
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
            if outputs.iter().any(|v| v.trace != tape.serial || v.node.index() == NOWHERE) {
                return Err(Error::ForeignVariable {
                    operation: "return value of the closure".into(),
                    location: place,
                });
            }
            let mut graph = std::mem::take(&mut tape.graph);
            graph.stop_sharing();
            graph.set_outputs(outputs.iter().map(|v| v.node).collect());
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

    fn tape<R>(&self, act: impl FnOnce(&mut Tape) -> R) -> R {
        TAPES.with_borrow_mut(|tapes| {
            let tape = tapes.iter_mut().rev().find(|t| t.serial == self.serial);
            act(tape.expect("a session's tape is on the stack until the session is dropped"))
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        TAPES.with_borrow_mut(|tapes| tapes.retain(|t| t.serial != self.serial));
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
#[inline]
fn innermost<R>(act: impl FnOnce(&mut Tape) -> R) -> Option<R> {
    // `try_with` is marked for inlining where `with` is not: recording an operation is then one call less. While the thread
    // ends there is no tape.
    TAPES.try_with(|tapes| tapes.borrow_mut().last_mut().map(act)).ok().flatten()
}

impl Tape {
    fn poison(&mut self, error: impl FnOnce() -> Error) -> Var {
        if self.poison.is_none() {
            self.poison = Some(error());
        }
        Var { trace: self.serial, node: NodeId::from_index(NOWHERE) }
    }

    /// Whether all variables live here; if not, the tape is poisoned.
    fn owns(&mut self, operation: &str, vars: &[Var], place: Place) -> bool {
        if self.poison.is_some() {
            return false;
        }
        if vars.iter().any(|v| v.trace != self.serial || v.node.index() == NOWHERE) {
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
            return Var { trace: self.serial, node: NodeId::from_index(NOWHERE) };
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
    /// Records a row on a sound tape, of operands that live here and have one shape: what nearly every operation of a closure
    /// is. `None` if anything else is the case, which [`record`](Tape::record) looks into.
    #[inline(always)]
    fn quick<const N: usize>(&mut self, row: Row, operands: [Var; N]) -> Option<Var> {
        if self.poison.is_some() || self.places.is_some() || operands.iter().any(|v| v.trace != self.serial) {
            return None;
        }
        // Not `map`, which the compiler calls rather than inlines here.
        let mut args = [NodeId::from_index(0); N];
        for i in 0..N {
            args[i] = operands[i].node;
        }
        let node = self.graph.plain_row(row, args)?;
        self.numbers.compute(node, row, args);
        Some(Var { trace: self.serial, node })
    }

    fn constant(&mut self, value: f64) -> Var {
        let node = self.graph.constant(value);
        self.numbers.follow(&self.graph);
        Var { trace: self.serial, node }
    }

    /// A constant that no variable of the closure will name.
    #[inline]
    fn literal(&mut self, value: f64) -> Var {
        let bits = value.to_bits();
        // The leading bits of the product depend on all bits of the number (Fibonacci hashing).
        let slot = (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - LITERALS.ilog2())) as usize;
        let (known, node) = self.literals[slot];
        if known == bits && node.index() != NOWHERE {
            return Var { trace: self.serial, node };
        }
        let var = self.constant(value);
        // Nodes of a part, or of a transform, are its own.
        if !self.graph.is_sharing() && !self.graph.is_within() {
            self.literals[slot] = (bits, var.node);
        }
        var
    }
}

/// The variable of an operation outside any closure: it belongs to no tape and any tape refuses it.
pub(crate) fn stray() -> Var {
    Var { trace: 0, node: NodeId::from_index(NOWHERE) }
}

/// Records an elementwise node of one or two operands if nothing is in the way, as [`record_row`] would. `ROW` is the place of
/// the row in the table: one short function for each, with the value of the row in it.
#[inline]
pub(crate) fn record_quickly<const ROW: usize, const N: usize>(operands: [Var; N]) -> Option<Var> {
    innermost(|tape| tape.quick(const { Row::ALL[ROW] }, operands)).flatten()
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
    innermost(|tape| tape.constant(value)).unwrap_or_else(stray)
}

/// A scalar constant that no variable of the closure will name: equal ones may be the same node.
#[inline]
pub(crate) fn literal(value: f64) -> Var {
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

/// Runs `look` on the graph of the innermost tape; `None` outside a closure or when the tape is poisoned.
pub(crate) fn peek<R>(look: impl FnOnce(&Graph) -> R) -> Option<R> {
    innermost(|tape| tape.poison.is_none().then(|| look(&tape.graph))).flatten()
}

/// Whether all variables live on the innermost tape, which is poisoned if not.
pub(crate) fn all_here(operation: &str, vars: &[Var], place: &'static Location<'static>) -> bool {
    innermost(|tape| tape.owns(operation, vars, Place(place))).unwrap_or(false)
}

/// Runs `act` while new nodes of the innermost tape belong to a part that is to be computed again.
pub(crate) fn within<R>(scope: Option<Scope>, act: impl FnOnce() -> R) -> R {
    let outer = innermost(|tape| tape.graph.enter(scope));
    let result = act();
    if let Some(outer) = outer {
        innermost(|tape| tape.graph.enter(outer));
    }
    result
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
    let result = act();
    if was == Some(false) {
        innermost(|tape| tape.graph.stop_sharing());
    }
    result
}

impl Var {
    /// Lengths of the axes; a scalar has none. Also of a variable that went wrong, whose trace will say so.
    pub fn shape(self) -> Shape {
        innermost(|tape| {
            if self.trace == tape.serial && self.node.index() != NOWHERE {
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
    /// product with its full Hessian.
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
