//! [`Graph`]: a program as data, in static single assignment: every node is one primitive applied to earlier nodes.
//!
//! Invariants (checked by [`Graph::verify`]): arguments precede their node; every node has the shape that its operation
//! infers from the shapes of its arguments; arithmetic by a constant has one; outputs and guards exist; guards are scalars.
//!
//! A node is 8 bytes. Rows of the elementwise table on scalars need nothing more; the numbers of constants, 8 bytes, and nodes of arrays, 16,
//! stand in lists beside, and structured primitives are interned in a table and keep their arguments in a pool. The graph knows no precision: constants are `f64` until it is run.

mod dot;
mod nodes;
mod operation;
mod step;
mod verify;

use crate::real::Row;
use crate::shape::Shape;
use crate::tensor::Tensor;
use hashbrown::HashTable;
use nodes::{Node, Nodes};
use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub(crate) use nodes::SHORT_IDS;
pub use operation::{Attributes, Class, Executable, Fault, Operation, Primitive, Structured};
pub use step::Step;

/// Index of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// No node of any graph: that of a variable that was recorded on a poisoned tape, or on none.
    pub(crate) const NOWHERE: NodeId = NodeId(u32::MAX);

    /// Position in the graph.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The node at a position.
    #[inline]
    pub fn from_index(index: usize) -> NodeId {
        NodeId(u32::try_from(index).expect("a graph has fewer than 2^32 nodes: it would not fit in memory"))
    }
}

/// A value of the closure being traced: a scalar or an array that is the result of one node.
///
/// `Var` is a plain handle: `Copy`, without lifetime, the same for `f32` and `f64`. Arithmetic on it records nodes on the
/// tape of the current thread. A `Var` means something only within the call of the closure that it came from.
#[derive(Clone, Copy, Debug)]
pub struct Var {
    pub(crate) trace: u32,
    pub(crate) node: NodeId,
}

/// Indices of arguments.
pub type Arguments = SmallVec<[NodeId; 3]>;

/// A comparison that the closure branched on, and how it came out while tracing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guard {
    /// Node with the value 1 or 0 of the comparison.
    pub node: NodeId,
    /// Which of the two the trace stands for.
    pub expected: bool,
}

/// A part of a closure that is to be computed again rather than kept, by [`checkpoint`](crate::checkpoint).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which part.
    pub number: u32,
    /// Whether the node is what the part returns, which is kept.
    pub exit: bool,
}

// Operation codes: the rows in table order, arithmetic whose second argument is known to be a constant, then these, then the
// interned primitives.
const ROWS: u32 = Row::ALL.len() as u32;
const SELECT: u32 = Row::Select as u32;
const BY_CONSTANT: [Row; 4] = [Row::Add, Row::Sub, Row::Mul, Row::Div];
const INPUT: u32 = ROWS + BY_CONSTANT.len() as u32;
const CONSTANT: u32 = INPUT + 1;
const TENSOR: u32 = INPUT + 2;
const HOLE: u32 = INPUT + 3;
const PRIMITIVES: u32 = INPUT + 4;

/// The code of a row whose second argument is known to be a constant: one of its own where there is one.
const fn by_constant(row: Row) -> u32 {
    let mut i = 0;
    while i < BY_CONSTANT.len() {
        if BY_CONSTANT[i] as u32 == row as u32 {
            return ROWS + i as u32;
        }
        i += 1;
    }
    row as u32
}

impl Node {
    /// Its row, if it is one.
    #[inline]
    fn row(&self) -> Option<Row> {
        match self.op {
            op if op < ROWS => Some(Row::ALL[op as usize]),
            op if op < INPUT => Some(BY_CONSTANT[(op - ROWS) as usize]),
            _ => None,
        }
    }
}

/// One or two arguments as those of a node.
#[inline(always)]
fn packed<const N: usize>(args: [NodeId; N]) -> [u32; 2] {
    const { assert!(N == 1 || N == 2) };
    [args[0].0, if N == 2 { args[N - 1].0 } else { 0 }]
}

/// The number of the shape of scalars, in every graph.
const SCALAR: u32 = 0;

/// Entries of the largest array: beyond it, even offsets in bytes overflow.
const MAX_SIZE: usize = isize::MAX as usize / 16;

/// A program in static single assignment form; see the [module](self) for its invariants.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Nodes,
    pool: Vec<NodeId>,
    shapes: Vec<Shape>,
    shape_ids: FxHashMap<Shape, u32>,
    tensors: Vec<Tensor>,
    primitives: Vec<Arc<dyn Primitive>>,
    primitive_ids: FxHashMap<u64, SmallVec<[u32; 1]>>,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
    guards: Vec<Guard>,
    shared: Option<HashTable<u32>>,
    /// Nodes of parts that are to be computed again.
    scopes: FxHashMap<NodeId, Scope>,
    /// The part that new nodes belong to.
    scope: Option<Scope>,
}

impl Default for Graph {
    fn default() -> Graph {
        Graph::new()
    }
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph {
            nodes: Nodes::default(),
            pool: Vec::new(),
            shapes: vec![Shape::scalar()],
            shape_ids: FxHashMap::default(),
            tensors: Vec::new(),
            primitives: Vec::new(),
            primitive_ids: FxHashMap::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            guards: Vec::new(),
            shared: None,
            scopes: FxHashMap::default(),
            scope: None,
        }
    }

    /// Makes the graph empty; it keeps the memory of its nodes.
    pub fn clear(&mut self) {
        let Graph { mut nodes, mut inputs, mut guards, .. } = std::mem::take(self);
        nodes.clear();
        inputs.clear();
        guards.clear();
        *self = Graph { nodes, inputs, guards, ..Graph::new() };
    }

    /// Number of nodes, dead ones included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 0
    }

    /// All nodes, in order of evaluation.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId::from_index)
    }

    /// What a node computes.
    #[inline]
    pub fn operation(&self, id: NodeId) -> Operation<'_> {
        let node = self.nodes.at(id.index());
        if let Some(row) = node.row() {
            return Operation::Row(row);
        }
        match node.op {
            INPUT => Operation::Input(node.args[0] as usize),
            CONSTANT => Operation::Constant(node.value().expect("it is a constant")),
            TENSOR => Operation::Tensor(&self.tensors[node.args[0] as usize]),
            HOLE => Operation::Hole,
            op => Operation::Primitive(&self.primitives[(op - PRIMITIVES) as usize]),
        }
    }

    /// Arguments of a node.
    #[inline]
    pub fn arguments(&self, id: NodeId) -> Arguments {
        let node = self.nodes.at(id.index());
        match node.row() {
            Some(row) => match row.arity() {
                1 => SmallVec::from_slice(&[NodeId(node.args[0])]),
                2 => SmallVec::from_slice(&[NodeId(node.args[0]), NodeId(node.args[1])]),
                _ => self.pooled(&node),
            },
            None if node.op < PRIMITIVES => Arguments::new(),
            None => self.pooled(&node),
        }
    }

    fn pooled(&self, node: &Node) -> Arguments {
        SmallVec::from_slice(&self.pool[node.args[0] as usize..][..node.args[1] as usize])
    }

    /// Shape of a node's value.
    #[inline]
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.shapes[self.nodes.shape(id.index()) as usize]
    }

    /// The input nodes, by number of the input.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The output nodes.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// Replaces the outputs.
    pub fn set_outputs(&mut self, outputs: Vec<NodeId>) {
        self.outputs = outputs;
    }

    /// The comparisons that must come out as recorded for the graph to stand for its closure.
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// Adds a guard, unless it is there.
    pub fn add_guard(&mut self, guard: Guard) {
        // A loop on one condition repeats its last guard; others are rarely equal, and a repeated guard does no harm.
        if self.guards.last() != Some(&guard) {
            self.guards.push(guard);
        }
    }

    /// Adds a guard of a node that was just recorded, of which there is none.
    #[inline(always)]
    pub(crate) fn add_new_guard(&mut self, guard: Guard) {
        debug_assert!(
            self.guards.last().is_none_or(|last| last.node < guard.node),
            "the guards before are of nodes before"
        );
        self.guards.push(guard);
    }

    /// Leaves the guards that are chosen.
    pub(crate) fn retain_guards(&mut self, keep: impl Fn(&Guard) -> bool) {
        self.guards.retain(keep);
    }

    /// From here on, a node equal to one recorded from here on (same operation, same arguments) is not recorded again.
    ///
    /// Earlier nodes are left alone: a derivative is with respect to a node, and a node that a transform makes is never
    /// taken for one that the user made. A product of the same factors the other way round is equal, and −(−x) is x
    /// if −x was recorded from here on.
    pub fn share(&mut self) {
        if self.shared.is_none() {
            self.shared = Some(HashTable::new());
        }
    }

    /// Ends [`share`](Graph::share).
    pub fn stop_sharing(&mut self) {
        self.shared = None;
    }

    /// Whether equal nodes are shared at present.
    #[inline]
    pub fn is_sharing(&self) -> bool {
        self.shared.is_some()
    }

    /// The part that new nodes belong to from here on; returns the one so far.
    pub fn enter(&mut self, scope: Option<Scope>) -> Option<Scope> {
        std::mem::replace(&mut self.scope, scope)
    }

    /// Whether new nodes belong to a part that is to be computed again.
    #[inline]
    pub fn is_within(&self) -> bool {
        self.scope.is_some()
    }

    /// The part that a node belongs to.
    pub fn scope(&self, id: NodeId) -> Option<Scope> {
        if self.scopes.is_empty() { None } else { self.scopes.get(&id).copied() }
    }

    /// Whether any node belongs to a part that is to be computed again.
    pub fn is_marked(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// Marks a node as what its part returns.
    pub fn mark_exit(&mut self, id: NodeId) {
        if let Some(scope) = self.scopes.get_mut(&id) {
            scope.exit = true;
        }
    }

    /// Hash of what a node computes, by operation and arguments.
    fn hash_of(&self, node: &Node) -> u64 {
        let mut hasher = FxHasher::default();
        (node.op, node.shape).hash(&mut hasher);
        match self.pool_of(node) {
            Some(args) => args.hash(&mut hasher),
            None => node.args.hash(&mut hasher),
        }
        hasher.finish()
    }

    /// Whether a node was recorded since equal ones are shared.
    fn is_shared(&self, id: NodeId) -> bool {
        let hash = || self.hash_of(&self.nodes.at(id.index()));
        self.shared.as_ref().is_some_and(|shared| shared.find(hash(), |&i| i == id.0).is_some())
    }

    /// Whether two nodes compute the same from the same arguments.
    fn same(&self, a: &Node, b: &Node) -> bool {
        a.op == b.op
            && a.shape == b.shape
            && (a.args == b.args || (self.pool_of(a).is_some() && self.pool_of(a) == self.pool_of(b)))
    }

    /// The arguments that a node keeps in the pool, if it does.
    fn pool_of(&self, node: &Node) -> Option<&[NodeId]> {
        let pooled = node.op >= PRIMITIVES || node.op == SELECT;
        pooled.then(|| &self.pool[node.args[0] as usize..][..node.args[1] as usize])
    }

    fn shape_id(&mut self, shape: Shape) -> u32 {
        if shape.rank() == 0 {
            return SCALAR;
        }
        if let Some(&id) = self.shape_ids.get(&shape) {
            return id;
        }
        let id = self.shapes.len() as u32;
        self.shapes.push(shape.clone());
        self.shape_ids.insert(shape, id);
        id
    }

    fn append(&mut self, node: Node) -> NodeId {
        let id = NodeId::from_index(self.nodes.len());
        if let Some(mut shared) = self.shared.take() {
            let hash = self.hash_of(&node);
            let mut found = shared.find(hash, |&i| self.same(&self.nodes.at(i as usize), &node)).copied();
            if found.is_none() && node.op == Row::Mul as u32 {
                let swapped = Node { args: [node.args[1], node.args[0]], ..node };
                let known = shared.find(self.hash_of(&swapped), |&i| self.same(&self.nodes.at(i as usize), &swapped));
                found = known.copied();
            }
            if found.is_none() {
                shared.insert_unique(hash, id.0, |&i| self.hash_of(&self.nodes.at(i as usize)));
            }
            self.shared = Some(shared);
            if let Some(found) = found {
                return NodeId(found);
            }
        }
        self.nodes.push(node);
        if let Some(scope) = self.scope {
            self.scopes.insert(id, scope);
        }
        id
    }

    /// Adds an input of the program.
    pub fn input(&mut self, shape: Shape) -> NodeId {
        let shape = self.shape_id(shape);
        let id = NodeId::from_index(self.nodes.len());
        self.nodes.push(Node { op: INPUT, shape, args: [self.inputs.len() as u32, 0] });
        self.inputs.push(id);
        id
    }

    /// Adds a placeholder, which transforms differentiate by and which no finished program contains.
    pub fn hole(&mut self, shape: Shape) -> NodeId {
        let shape = self.shape_id(shape);
        let id = NodeId::from_index(self.nodes.len());
        self.nodes.push(Node { op: HOLE, shape, args: [0, 0] });
        id
    }

    /// Adds a scalar constant.
    pub fn constant(&mut self, value: f64) -> NodeId {
        self.append(Node::constant(value))
    }

    /// Adds a constant array.
    pub fn tensor(&mut self, tensor: Tensor) -> NodeId {
        let shape = self.shape_id(tensor.shape().clone());
        self.tensors.push(tensor);
        self.append(Node { op: TENSOR, shape, args: [self.tensors.len() as u32 - 1, 0] })
    }

    /// Adds an elementwise node; its arguments must all have the same shape.
    ///
    /// # Errors
    /// What does not fit.
    pub fn row(&mut self, row: Row, args: &[NodeId]) -> Result<NodeId, String> {
        if args.len() != row.arity() {
            return Err(format!("expected {} operands, found {}", row.arity(), args.len()));
        }
        let shape = self.nodes.shape(args[0].index());
        for id in &args[1..] {
            if self.nodes.shape(id.index()) != shape {
                return Err(format!("shapes differ: {} and {}", self.shape(args[0]), self.shape(*id)));
            }
        }
        if row == Row::Neg && self.nodes.at(args[0].index()).op == Row::Neg as u32 && self.is_shared(args[0]) {
            return Ok(NodeId(self.nodes.at(args[0].index()).args[0]));
        }
        let packed = match args {
            [a] => [a.0, 0],
            [a, b] => [a.0, b.0],
            _ => self.pack(args),
        };
        Ok(self.append(Node { op: row as u32, shape, args: packed }))
    }

    /// The position of the next node, if there is memory for it.
    #[inline(always)]
    pub(crate) fn room(&self) -> Option<usize> {
        let next = self.nodes.len();
        self.nodes.has_room().then_some(next)
    }

    /// [`row`](Graph::row) of one or two arguments that fit, without a look at anything else: `None`, and nothing is added,
    /// if they do not, if equal nodes are shared or if the node would belong to a part.
    pub(crate) fn plain_row<const N: usize>(&mut self, row: Row, args: [NodeId; N]) -> Option<NodeId> {
        if self.shared.is_some() || self.scope.is_some() {
            return None;
        }
        if args.iter().any(|arg| arg.index() >= self.nodes.len()) {
            return None;
        }
        let shape = self.nodes.shape(args[0].index());
        if N == 2 && self.nodes.shape(args[N - 1].index()) != shape {
            return None;
        }
        let id = NodeId::from_index(self.nodes.len());
        self.nodes.push(Node { op: row as u32, shape, args: packed(args) });
        Some(id)
    }

    /// [`plain_row`](Graph::plain_row) where all of that is known, of scalars, and that there are no more than [`SHORT_IDS`] nodes.
    #[inline(always)]
    pub(crate) fn scalar_row<const N: usize>(&mut self, row: Row, args: [NodeId; N]) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push_short(row as u32, packed(args));
        id
    }

    /// [`scalar_row`](Graph::scalar_row) of a node and of one that is a constant, which a sweep need not find out.
    #[inline(always)]
    pub(crate) fn scalar_row_by(&mut self, row: Row, args: [NodeId; 2]) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push_short(by_constant(row), args.map(|arg| arg.0));
        id
    }

    /// [`scalar_row`](Graph::scalar_row) of a `select`, whose arguments stand in the pool; `None`, and nothing is added, if their place
    /// there has no short number.
    #[inline]
    pub(crate) fn scalar_select(&mut self, args: [NodeId; 3]) -> Option<NodeId> {
        if self.pool.len() >= SHORT_IDS {
            return None;
        }
        let id = NodeId(self.nodes.len() as u32);
        let place = self.pack(&args);
        self.nodes.push_short(SELECT, place);
        Some(id)
    }

    /// [`constant`](Graph::constant) where the same is known.
    #[inline(always)]
    pub(crate) fn scalar_constant(&mut self, value: f64) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push_constant(value);
        id
    }

    /// Keeps scalars as those beyond the nodes that have short numbers.
    #[cfg(test)]
    pub(crate) fn list_all(&mut self) {
        self.nodes.list_all();
    }

    /// Adds so many scalar inputs.
    pub(crate) fn scalar_inputs(&mut self, count: usize) -> std::ops::Range<usize> {
        let (first, number) = (self.nodes.len(), self.inputs.len() as u32);
        let end = NodeId::from_index(first + count).index();
        self.nodes.push_inputs(number..number + count as u32);
        self.inputs.extend((first as u32..end as u32).map(NodeId));
        first..end
    }

    /// Adds a node of a structured primitive.
    ///
    /// # Errors
    /// What does not fit.
    pub fn primitive(&mut self, primitive: Arc<dyn Primitive>, args: &[NodeId]) -> Result<NodeId, String> {
        let shape = {
            let shapes: SmallVec<[&Shape; 4]> = args.iter().map(|&id| self.shape(id)).collect();
            primitive.infer(&shapes)?
        };
        if shape.size() > MAX_SIZE {
            return Err(format!("a result of shape {shape} has more entries than memory can hold"));
        }
        let shape = self.shape_id(shape);
        let op = self.intern(primitive);
        let args = self.pack(args);
        Ok(self.append(Node { op, shape, args }))
    }

    fn pack(&mut self, args: &[NodeId]) -> [u32; 2] {
        let start = self.pool.len() as u32;
        self.pool.extend_from_slice(args);
        [start, args.len() as u32]
    }

    fn intern(&mut self, primitive: Arc<dyn Primitive>) -> u32 {
        let ids = self.primitive_ids.entry(primitive.fingerprint()).or_default();
        for &id in ids.iter() {
            if self.primitives[id as usize].equals(&*primitive) {
                return PRIMITIVES + id;
            }
        }
        let id = self.primitives.len() as u32;
        ids.push(id);
        self.primitives.push(primitive);
        PRIMITIVES + id
    }

    /// Adds the node `id` of `source` with other arguments.
    ///
    /// # Errors
    /// What does not fit. Inputs and holes are declared, not copied: they are an error too.
    pub fn copy_node(&mut self, source: &Graph, id: NodeId, args: &[NodeId]) -> Result<NodeId, String> {
        match source.operation(id) {
            Operation::Constant(c) => Ok(self.constant(c)),
            Operation::Tensor(t) => Ok(self.tensor(t.clone())),
            Operation::Row(row) => self.row(row, args),
            Operation::Primitive(p) => self.primitive(p.clone(), args),
            Operation::Input(_) | Operation::Hole => Err("inputs are declared, not copied".into()),
        }
    }

    /// Adds the node `id` of `source` with other arguments of the same shapes; inputs and holes are declared anew.
    ///
    /// # Panics
    /// If the arguments do not have the shapes that they have there.
    pub(crate) fn carry(&mut self, source: &Graph, id: NodeId, args: &[NodeId]) -> NodeId {
        match source.operation(id) {
            Operation::Input(_) => self.input(source.shape(id).clone()),
            Operation::Hole => self.hole(source.shape(id).clone()),
            _ => self.copy_node(source, id, args).expect("the node stood in a valid graph with these shapes"),
        }
    }

    /// Gives a graph made from `source` its outputs and guards, where node i of that is `moved[i]` here.
    pub(crate) fn end_as(&mut self, source: &Graph, moved: &[NodeId]) {
        self.enter(None);
        self.outputs = source.outputs.iter().map(|id| moved[id.index()]).collect();
        for guard in &source.guards {
            self.add_guard(Guard { node: moved[guard.node.index()], ..*guard });
        }
    }

    /// Which nodes the outputs and guards need.
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        for id in self.outputs.iter().chain(self.guards.iter().map(|g| &g.node)) {
            live[id.index()] = true;
        }
        for id in self.ids().rev() {
            if live[id.index()] {
                for arg in self.arguments(id) {
                    live[arg.index()] = true;
                }
            }
        }
        live
    }

    /// The same program without the nodes that nothing needs; all inputs stay, first and in order.
    pub fn without_dead_nodes(&self) -> Graph {
        let live = self.live();
        let mut graph = Graph::new();
        let mut moved = vec![NodeId(0); self.nodes.len()];
        for &id in &self.inputs {
            moved[id.index()] = graph.input(self.shape(id).clone());
        }
        for id in self.ids() {
            if live[id.index()] && !matches!(self.operation(id), Operation::Input(_)) {
                let args: Arguments = self.arguments(id).iter().map(|a| moved[a.index()]).collect();
                graph.enter(self.scope(id));
                moved[id.index()] = graph.carry(self, id, &args);
            }
        }
        graph.end_as(self, &moved);
        graph
    }
}
