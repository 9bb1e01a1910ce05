//! Running one graph in every way a program can be asked to, against the interpreter.
//!
//! Laws, all to the last bit of the simplified graph's interpretation, at both precisions:
//!
//! * whoever holds the inputs and wherever the outputs go, the program computes the same;
//! * what a workspace held before does not show: not NaN that it was filled with, nor another run;
//! * split anywhere, with late inputs of its own, it computes what the whole computes;
//! * a guard stops a checked run exactly where the interpreted comparison comes out otherwise.

use super::generate::{Domain, Generator, Style, shapes};
use super::random::Random;
use autodiff_core::compile::optimize;
use autodiff_core::execute::{Group, Guards, Interface, Outcome, Phase, Program, Role, Workspace, interpret};
use autodiff_core::graph::{Executable, Graph, Guard, NodeId, Operation};
use autodiff_core::trace::Session;
use autodiff_core::{Precision, Var};
use std::ops::Range;

/// A random program.
pub struct Sample {
    seed: u64,
    graph: Graph,
    /// What the numbers of each input are.
    domains: Vec<Domain>,
}

impl Sample {
    pub fn new(seed: u64, style: Style) -> Sample {
        let session = Session::open(Precision::Double);
        let shapes = shapes(seed, style);
        let operands: Vec<Var> = shapes.iter().map(|s| session.input(s.clone())).collect();
        let mut generator = Generator::new(seed, style, &operands, Some(&session));
        generator.grow();
        let outputs = generator.outputs();
        let domains = shapes.into_iter().map(Domain::Symmetric).chain(generator.inputs.drain(..)).collect();
        let recording = session.close(&outputs).unwrap_or_else(|e| panic!("program {seed}: {e}"));
        let mut graph = recording.graph;
        graph.verify().unwrap_or_else(|e| panic!("program {seed}: {e}\n{graph}"));
        // Scalar comparisons may be guards, of either outcome.
        let mut random = Random::new(seed);
        for id in graph.ids().filter(|&id| is_comparison(&graph, id)).collect::<Vec<_>>() {
            if random.chance(0.5) {
                graph.add_guard(Guard { node: id, expected: random.chance(0.5) });
            }
        }
        Sample { seed, graph, domains }
    }

    fn numbers<T: Executable>(&self, stream: u64) -> Vec<Vec<T>> {
        let mut random = Random::new(stream);
        let mut list = |domain: &Domain| match domain {
            Domain::Symmetric(shape) => random.symmetric(shape.size()),
            Domain::Index(shape, length) => random.indices(shape.size(), *length),
        };
        self.domains.iter().map(|d| list(d).into_iter().map(T::from_f64).collect()).collect()
    }

    /// The same with entries here and there that no arithmetic takes for granted; indices stay.
    fn special_numbers<T: Executable>(&self, stream: u64) -> Vec<Vec<T>> {
        let mut random = Random::new(stream ^ self.seed << 8);
        let mut numbers = self.numbers::<T>(stream);
        for (numbers, domain) in numbers.iter_mut().zip(&self.domains) {
            let entries = numbers.iter_mut().filter(|_| matches!(domain, Domain::Symmetric(_)) && random.chance(0.1));
            entries.for_each(|x| {
                *x = T::from_f64(SPECIAL[(x.to_f64().abs() * SPECIAL.len() as f64) as usize % SPECIAL.len()])
            });
        }
        numbers
    }

    fn fail(&self, law: &str, graph: &Graph, how: &Interface) -> ! {
        panic!("program {}: {law}\n{how:?}\n{}\nsimplified\n{graph}", self.seed, self.graph)
    }

    /// The instructions of its program.
    pub fn plan(&self) -> String {
        Program::new(&self.graph, &Interface::plain(&self.graph)).to_string()
    }

    /// Holds every law.
    pub fn hold(&self) {
        let simplified = optimize(&self.graph, Some(self.graph.inputs().len())).graph;
        let mut random = Random::new(self.seed);
        let whole = self.interface(&mut random, None);
        let groups = whole.groups.len();
        let split = self.interface(&mut random, Some(groups));
        self.unsimplified(&simplified);
        let (program, parts) = (Program::new(&self.graph, &whole), Program::new(&self.graph, &split));
        self.runs::<f64>(&simplified, &program, &whole, &parts, &split);
        self.runs::<f32>(&simplified, &program, &whole, &parts, &split);
    }

    /// Who has which inputs, and which outputs are results, at random.
    fn interface(&self, random: &mut Random, late: Option<usize>) -> Interface {
        let (inputs, outputs) = (self.graph.inputs().len(), self.graph.outputs().len());
        let mut groups = Vec::new();
        let mut left = inputs;
        while left > 0 {
            let count = random.below(left + 1);
            groups.push(Group { count, role: random.of(&[Role::Borrowed, Role::Held]) });
            left -= count;
        }
        let late = late.map(|_| random.below(groups.len() + 1));
        let start = random.below(outputs + 1);
        Interface { groups, late, results: start..start + random.below(outputs - start + 1) }
    }

    /// Simplifying changes no more than last places.
    fn unsimplified(&self, simplified: &Graph) {
        let numbers = self.numbers::<f64>(11);
        let inputs: Vec<&[f64]> = numbers.iter().map(Vec::as_slice).collect();
        let fast = interpret(simplified, &inputs).unwrap();
        let slow = interpret(&self.graph, &inputs).unwrap();
        for (fast, slow) in fast.iter().zip(&slow) {
            let size = slow.iter().fold(1.0, |size: f64, y| size.max(y.abs()));
            // A last place of numbers up to 10⁴, grown by a factor of up to 30 in each of some compositions.
            let close = fast.iter().zip(slow).all(|(a, b)| a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-6 * size);
            if !close {
                self.fail(&format!("simplified {fast:?} = as it is {slow:?}"), simplified, &Interface::default());
            }
        }
    }

    fn runs<T: Executable>(
        &self,
        simplified: &Graph,
        program: &Program,
        whole: &Interface,
        parts: &Program,
        split: &Interface,
    ) {
        let (a, b) = (self.numbers::<T>(11), self.numbers::<T>(12));
        let mut workspace = program.workspace_of(Phase::Late, nan::<T>());
        for numbers in [&a, &b, &a] {
            self.run_whole(simplified, program, whole, &mut workspace, numbers);
        }
        self.run_whole(simplified, program, whole, &mut workspace, &self.special_numbers(13));
        let late = split.groups[..split.late.expect("split")].iter().map(|g| g.count).sum::<usize>();
        let mixed: Vec<Vec<T>> = a[..late].iter().chain(&b[late..]).cloned().collect();
        let mut kept = parts.workspace_of(Phase::Early, nan::<T>());
        let mut workspace = parts.workspace_of(Phase::Late, nan::<T>());
        // Several late runs over one early run, then the same memory at another point.
        for (numbers, early) in [(&a, true), (&mixed, false), (&a, false), (&b, true)] {
            self.run_split(simplified, parts, split, (&mut kept, &mut workspace), numbers, early);
        }
    }

    fn run_whole<T: Executable>(
        &self,
        simplified: &Graph,
        program: &Program,
        interface: &Interface,
        workspace: &mut Workspace<T>,
        numbers: &[Vec<T>],
    ) {
        let expected = expected(simplified, numbers);
        let borrowed = give(interface, numbers, |held, from| program.held(held, workspace).copy_from_slice(from));
        let inputs: Vec<&[T]> = borrowed.iter().map(Vec::as_slice).collect();
        let mut results = vec![nan::<T>(); program.results()];
        let outcome = program.run(workspace, &inputs, &mut results, Guards::Check).unwrap();
        if outcome != outcome_of(simplified, numbers) {
            self.fail("guards", simplified, interface);
        }
        program.run(workspace, &inputs, &mut results, Guards::Trust).unwrap();
        let found = |i: usize| program.output(i, Phase::Late, workspace).to_vec();
        self.compare("whole", simplified, interface, &expected, &results, found);
    }

    fn run_split<T: Executable>(
        &self,
        simplified: &Graph,
        program: &Program,
        interface: &Interface,
        (kept, workspace): (&mut Workspace<T>, &mut Workspace<T>),
        numbers: &[Vec<T>],
        early: bool,
    ) {
        let expected = expected(simplified, numbers);
        let borrowed = give(interface, numbers, |held, from| program.held(held, kept).copy_from_slice(from));
        let inputs: Vec<&[T]> = borrowed.iter().map(Vec::as_slice).collect();
        if early {
            let groups = &interface.groups[..interface.late.expect("split")];
            let count = groups.iter().filter(|g| g.role == Role::Borrowed).count();
            program.run_early(kept, &inputs[..count], Guards::Trust).unwrap();
        }
        let mut results = vec![nan::<T>(); program.results()];
        program.run_late(kept, workspace, &inputs, &mut results).unwrap();
        let early_output = early_outputs(simplified, interface);
        let found = |i: usize| match early_output[i] {
            true => program.output(i, Phase::Early, kept).to_vec(),
            false => program.output(i, Phase::Late, workspace).to_vec(),
        };
        self.compare("split", simplified, interface, &expected, &results, found);
    }

    fn compare<T: Executable>(
        &self,
        way: &str,
        simplified: &Graph,
        interface: &Interface,
        expected: &[Vec<T>],
        results: &[T],
        output: impl Fn(usize) -> Vec<T>,
    ) {
        let mut at = 0;
        for (i, expected) in expected.iter().enumerate() {
            let found = if interface.results.contains(&i) {
                at += expected.len();
                results[at - expected.len()..at].to_vec()
            } else {
                output(i)
            };
            if !same(&found, expected) {
                let law = format!("{way}, {:?}: output {i} is {found:?}, interpreted {expected:?}", T::PRECISION);
                self.fail(&law, simplified, interface);
            }
        }
    }
}

/// Numbers at which functions and shortcuts differ.
const SPECIAL: [f64; 7] = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300, 1e-310];

fn is_comparison(graph: &Graph, id: NodeId) -> bool {
    graph.shape(id).rank() == 0 && matches!(graph.operation(id).name(), "less" | "less_equal" | "equals")
}

fn nan<T: Executable>() -> T {
    T::from_f64(f64::NAN)
}

/// The same bits, or both NaN.
pub fn same<T: Executable>(a: &[T], b: &[T]) -> bool {
    let bits = |x: &T| if x.to_f64().is_nan() { f64::NAN.to_bits() } else { x.to_f64().to_bits() };
    a.len() == b.len() && a.iter().map(bits).eq(b.iter().map(bits))
}

fn expected<T: Executable>(simplified: &Graph, numbers: &[Vec<T>]) -> Vec<Vec<T>> {
    let inputs: Vec<&[T]> = numbers.iter().map(Vec::as_slice).collect();
    interpret(simplified, &inputs).unwrap()
}

fn outcome_of<T: Executable>(simplified: &Graph, numbers: &[Vec<T>]) -> Outcome {
    let mut graph = simplified.clone();
    graph.set_outputs(graph.guards().iter().map(|g| g.node).collect());
    let found = expected(&graph, numbers);
    let holds = graph.guards().iter().zip(found).all(|(g, y)| (y[0] != T::zero()) == g.expected);
    if holds { Outcome::Done } else { Outcome::Diverged }
}

/// The borrowed groups, one slice each; the held inputs go to `hold`.
fn give<T: Executable>(interface: &Interface, numbers: &[Vec<T>], mut hold: impl FnMut(usize, &[T])) -> Vec<Vec<T>> {
    let (mut borrowed, mut held, mut at) = (Vec::new(), 0, 0);
    for group in &interface.groups {
        let members = &numbers[at..at + group.count];
        at += group.count;
        match group.role {
            Role::Borrowed => borrowed.push(members.concat()),
            Role::Held => members.iter().for_each(|m| {
                hold(held, m);
                held += 1;
            }),
        }
    }
    borrowed
}

/// Which outputs of a split program lie in the memory of its early phase.
fn early_outputs(graph: &Graph, interface: &Interface) -> Vec<bool> {
    let late = interface.late.expect("split");
    let mut group_of: Vec<usize> = Vec::new();
    for (number, group) in interface.groups.iter().enumerate() {
        group_of.extend(Range { start: 0, end: group.count }.map(|_| number));
    }
    let mut is_late = vec![false; graph.len()];
    let mut source: Vec<NodeId> = graph.ids().collect();
    for id in graph.ids() {
        is_late[id.index()] = match graph.operation(id) {
            Operation::Input(i) => group_of[i] >= late,
            _ => graph.arguments(id).iter().any(|a| is_late[a.index()]),
        };
        if graph.operation(id).name() == "reshape" {
            source[id.index()] = source[graph.arguments(id)[0].index()];
        }
    }
    let early = |id: &NodeId| match graph.operation(source[id.index()]) {
        // What is held stays where it is, also a late input.
        Operation::Input(i) if interface.groups[group_of[i]].role == Role::Held => true,
        _ => !is_late[id.index()],
    };
    graph.outputs().iter().map(early).collect()
}
