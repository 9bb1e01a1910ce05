//! Single numbers: operations on them that follow one another are one instruction, a list of short steps over the arena, for what is
//! around an operation (finding operands, leading to what is to be done) takes longer than the operation.
//!
//! What lies elsewhere than in the arena is copied there before the first step, and results are copied out after the last. A product
//! that is added to something is one step with the sum; both are rounded, as two steps would.

use super::memory::{Memories, NOWHERE, Operand, Space, Target};
use super::program::{Guards, Instruction, Kind, Outcome};
use super::touched::{Place, Touched, read, written};
use crate::graph::Executable;
use crate::real::Row;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// Operations in a row from which on they are one instruction.
const FEW: usize = 3;

/// Operations on single numbers, in order.
#[derive(Debug, Default)]
pub(super) struct Scalars {
    /// What is read elsewhere, and the place of the arena that it is copied to.
    loads: Vec<(Operand, u32)>,
    steps: Vec<Step>,
    /// Places of the arena that are results.
    stores: Vec<(u32, Target)>,
    /// Places from this one on are its own.
    own: u32,
}

/// An operation on numbers of the arena; what it does not read is a place it reads anyway.
#[derive(Clone, Copy, Debug)]
struct Step {
    act: Act,
    to: u32,
    from: [u32; 3],
    /// Where a product goes that is a part of the step.
    product: u32,
}

/// What a step does. Arithmetic is named, so that it is one jump away.
#[derive(Clone, Copy, Debug)]
enum Act {
    Neg,
    Add,
    Sub,
    Mul,
    Div,
    /// a b + c
    MulAdd,
    /// a b − c
    MulSub,
    /// c − a b
    SubMul,
    Copy,
    /// Ends the run unless the number is, or is not, 0.
    Guard(bool),
    Row(Row),
}

impl Act {
    /// What an instruction does, if that is an operation on single numbers.
    fn of(instruction: &Instruction) -> Option<Act> {
        Some(match instruction.kind {
            Kind::Guard(expected) => Act::Guard(expected),
            Kind::Entry => Act::Copy,
            Kind::Row(_) if instruction.out.length != 1 => return None,
            Kind::Row(Row::Neg) => Act::Neg,
            Kind::Row(Row::Add) => Act::Add,
            Kind::Row(Row::Sub) => Act::Sub,
            Kind::Row(Row::Mul) => Act::Mul,
            Kind::Row(Row::Div) => Act::Div,
            Kind::Row(row) => Act::Row(row),
            Kind::Primitive(_) | Kind::Region(_) | Kind::Tiled(_) | Kind::Pair(_) | Kind::Scalars(_) => return None,
        })
    }
}

/// Joins operations on single numbers that follow one another. They get more places at the end of the arena of their phase, whose
/// length is `arena`.
pub(super) fn gather(instructions: Vec<Instruction>, arena: &mut usize) -> Vec<Instruction> {
    let mut done = Vec::with_capacity(instructions.len());
    let mut run: Vec<Instruction> = Vec::new();
    let (first, mut end) = (*arena, *arena);
    let mut close = |run: &mut Vec<Instruction>, done: &mut Vec<Instruction>| match Scalars::new(run, first)
        .filter(|_| run.len() >= FEW)
    {
        Some((scalars, length)) => {
            end = end.max(length);
            run.clear();
            let kind = Kind::Scalars(Box::new(scalars));
            done.push(Instruction { kind, operands: SmallVec::new(), out: NOWHERE });
        }
        None => done.append(run),
    };
    for instruction in instructions {
        if Act::of(&instruction).is_some() {
            run.push(instruction);
        } else {
            close(&mut run, &mut done);
            done.push(instruction);
        }
    }
    close(&mut run, &mut done);
    *arena = end;
    done
}

impl Scalars {
    /// The steps of such instructions, and the length of the arena that they need, whose places from `arena` on are free; `None` if
    /// its places have no short numbers.
    fn new(instructions: &[Instruction], arena: usize) -> Option<(Scalars, usize)> {
        let mut end = u32::try_from(arena).ok()?;
        let mut scalars = Scalars { own: end, ..Scalars::default() };
        let mut copied: FxHashMap<(Space, usize), u32> = FxHashMap::default();
        for instruction in instructions {
            let act = Act::of(instruction)?;
            let mut from = [0; 3];
            for (place, operand) in from.iter_mut().zip(&instruction.operands) {
                *place = match operand.space {
                    Space::Arena => u32::try_from(operand.offset).ok()?,
                    space => *copied.entry((space, operand.offset)).or_insert_with(|| {
                        scalars.loads.push((*operand, end));
                        end = end.saturating_add(1);
                        end - 1
                    }),
                };
            }
            for i in instruction.operands.len()..from.len() {
                from[i] = from[0];
            }
            let to = match (act, instruction.out.space) {
                (Act::Guard(_), _) => from[0],
                (_, Space::Arena) => u32::try_from(instruction.out.offset).ok()?,
                _ => {
                    scalars.stores.push((end, instruction.out));
                    end = end.saturating_add(1);
                    end - 1
                }
            };
            scalars.steps.push(Step { act, to, from, product: to });
        }
        scalars.join_products();
        (end < u32::MAX).then_some((scalars, end as usize))
    }

    /// Makes products and the sums that read them first one step each. What a step reads must not be written in between.
    fn join_products(&mut self) {
        // The step that wrote each place last, and products that nothing has read yet, by place.
        let (mut writer, mut unread): (FxHashMap<u32, usize>, FxHashMap<u32, usize>) = Default::default();
        let mut moved = vec![false; self.steps.len()];
        for j in 0..self.steps.len() {
            let Step { act, to, from: [a, b, _], .. } = self.steps[j];
            let product = |place: u32| {
                let i = *unread.get(&place)?;
                let steady = self.steps[i].from[..2].iter().all(|read| writer.get(read).is_none_or(|&w| w <= i));
                steady.then_some(i)
            };
            let joined = match act {
                _ if a == b => None,
                Act::Add => product(a).map(|i| (Act::MulAdd, i, b)).or_else(|| Some((Act::MulAdd, product(b)?, a))),
                Act::Sub => product(a).map(|i| (Act::MulSub, i, b)).or_else(|| Some((Act::SubMul, product(b)?, a))),
                _ => None,
            };
            self.steps[j].from.iter().for_each(|read| {
                unread.remove(read);
            });
            if let Some((act, i, other)) = joined {
                let Step { to: product, from: [a, b, _], .. } = self.steps[i];
                self.steps[j] = Step { act, to, from: [a, b, other], product };
                moved[i] = true;
                writer.insert(product, j);
            }
            unread.remove(&to);
            if !matches!(act, Act::Guard(_)) {
                writer.insert(to, j);
            }
            if matches!(act, Act::Mul) {
                unread.insert(to, j);
            }
        }
        let mut moved = moved.into_iter();
        self.steps.retain(|_| !moved.next().unwrap_or(false));
    }

    /// Runs all steps.
    pub fn run<T: Executable>(&self, memories: &mut Memories<'_, T>, guards: Guards) -> Outcome {
        for (operand, to) in &self.loads {
            memories.arena[*to as usize] = memories.number(operand);
        }
        let arena = &mut *memories.arena;
        for &Step { act, to, from, product } in &self.steps {
            let [a, b] = [arena[from[0] as usize], arena[from[1] as usize]];
            arena[to as usize] = match act {
                Act::Neg => -a,
                Act::Add => a + b,
                Act::Sub => a - b,
                Act::Mul => a * b,
                Act::Div => a / b,
                Act::MulAdd | Act::MulSub | Act::SubMul => {
                    let (ab, c) = (a * b, arena[from[2] as usize]);
                    arena[product as usize] = ab;
                    match act {
                        Act::MulAdd => ab + c,
                        Act::MulSub => ab - c,
                        _ => c - ab,
                    }
                }
                Act::Copy => a,
                Act::Row(row) => row.value(&[a, b, arena[from[2] as usize]]),
                Act::Guard(expected) if guards == Guards::Check && (a != T::zero()) != expected => {
                    return Outcome::Diverged;
                }
                Act::Guard(_) => continue,
            };
        }
        for (from, to) in &self.stores {
            memories.out[to.offset] = memories.arena[*from as usize];
        }
        Outcome::Done
    }

    /// How many operations it is; a product with a sum is two.
    pub fn len(&self) -> usize {
        let two = self.steps.iter().filter(|step| matches!(step.act, Act::MulAdd | Act::MulSub | Act::SubMul));
        self.steps.len() + two.count()
    }

    /// What it reads before it writes it, and what it writes, but for places of its own.
    pub fn touched(&self) -> Touched {
        let place = |at: u32| -> Place { (Space::Arena, at as usize..at as usize + 1) };
        let mut touched = Touched::default();
        touched.reads.extend(self.loads.iter().map(|(operand, _)| read(operand)));
        touched.writes.extend(self.stores.iter().map(|(_, to)| written(to)));
        let mut known: FxHashSet<u32> = FxHashSet::default();
        for step in &self.steps {
            touched.reads.extend(step.from.into_iter().filter(|&at| at < self.own && known.insert(at)).map(place));
            if !matches!(step.act, Act::Guard(_)) {
                for at in [step.product, step.to] {
                    known.insert(at);
                    touched.writes.extend((at < self.own).then(|| place(at)));
                }
            }
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::{Interface, Program};
    use super::*;
    use crate::graph::Graph;

    /// What the steps of the only block of a program do.
    fn steps(text: &str) -> String {
        let graph: Graph = text.parse().expect("the test's own text");
        let program = Program::new(&graph, &Interface::plain(&graph));
        let blocks = program.instructions.iter().filter_map(|instruction| match &instruction.kind {
            Kind::Scalars(scalars) => Some(&scalars.steps),
            _ => None,
        });
        let names: Vec<String> = blocks.flatten().map(|step| format!("{:?}", step.act)).collect();
        names.join(" ")
    }

    const INPUTS: &str = "%0 = input : []\n%1 = input : []\n%2 = input : []\n";

    #[test]
    fn a_product_and_the_sum_that_reads_it_are_one_step() {
        let body = "%3 = mul %0 %1 : []\n%4 = sin %2 : []\n%5 = sub %4 %3 : []\n%6 = exp %5 : []\nreturn %6";
        assert_eq!(steps(&format!("{INPUTS}{body}")), "Row(Sin) SubMul Row(Exp)");
    }

    #[test]
    fn a_product_that_something_else_reads_first_stays() {
        let body = "%3 = mul %0 %1 : []\n%4 = sin %3 : []\n%5 = add %4 %3 : []\n%6 = exp %5 : []\nreturn %6";
        assert_eq!(steps(&format!("{INPUTS}{body}")), "Mul Row(Sin) Add Row(Exp)");
    }

    #[test]
    fn a_product_whose_factor_is_written_over_before_the_sum_stays() {
        let step = |act, to, from| Step { act, to, from, product: to };
        let before = vec![step(Act::Mul, 3, [0, 1, 0]), step(Act::Neg, 1, [2, 2, 2]), step(Act::Add, 4, [3, 2, 3])];
        let mut scalars = Scalars { steps: before, ..Scalars::default() };
        scalars.join_products();
        assert_eq!(scalars.steps.len(), 3);
        // A factor that the product itself is written over is no hindrance.
        let before = vec![step(Act::Mul, 1, [0, 1, 0]), step(Act::Neg, 4, [2, 2, 2]), step(Act::Add, 1, [4, 1, 4])];
        let mut scalars = Scalars { steps: before, ..Scalars::default() };
        scalars.join_products();
        assert_eq!(scalars.steps.len(), 2);
    }
}
