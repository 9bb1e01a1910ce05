//! A primitive with operands at a point, and the laws it must keep.

use autodiff_core::compile::optimize;
use autodiff_core::execute::{Group, Guards, Interface, Outcome, Phase, Program, Role, interpret};
use autodiff_core::graph::{Executable, Graph};
use autodiff_core::trace::{Session, constant};
use autodiff_core::transform::{Seed, adjoint, batch, jet, tangent, transpose};
use autodiff_core::{Precision, Shape, Var};

/// A function of some arrays at a point. `apply` records it on the current tape.
pub struct Case {
    pub name: String,
    pub shapes: Vec<Shape>,
    pub point: Vec<Vec<f64>>,
    /// Which operands are differentiated by; the others are indices or masks.
    pub differentiable: Vec<bool>,
    /// Whether the function is piecewise constant: all derivatives vanish.
    pub discrete: bool,
    pub apply: Box<dyn Fn(&[Var]) -> Var>,
}

/// Numbers in [0, 1) from a counter.
pub fn uniform(stream: u64, i: usize) -> f64 {
    let mut z = (i as u64 + 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((stream + 1).wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn signed(stream: u64, n: usize) -> Vec<f64> {
    (0..n).map(|i| 2.0 * uniform(stream, i) - 1.0).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

impl Case {
    /// Compares arrays relative to their common size; `scale` is added to it where terms cancel.
    fn close(&self, law: &str, a: &[f64], b: &[f64], tolerance: f64, scale: f64) {
        assert_eq!(a.len(), b.len(), "{}: {law}: lengths", self.name);
        let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let size = norm(a).max(norm(b)).max(scale);
        // NaN must not pass.
        assert!(
            apart <= tolerance * size,
            "{}: {law}: {a:?} and {b:?} differ by {apart:e}, allowed {:e}",
            self.name,
            tolerance * size
        );
    }

    /// The graph of something built from the operands and `extra` further inputs.
    fn graph(&self, extra: &[Shape], build: impl Fn(&[Var], &[Var]) -> Vec<Var>) -> Graph {
        let session = Session::open(Precision::Double);
        let operands: Vec<Var> = self.shapes.iter().map(|s| session.input(s.clone())).collect();
        let more: Vec<Var> = extra.iter().map(|s| session.input(s.clone())).collect();
        let outputs = build(&operands, &more);
        let graph = session.close(&outputs).unwrap_or_else(|e| panic!("{}: {e}", self.name)).graph.without_dead_nodes();
        graph.verify().unwrap_or_else(|e| panic!("{}: {e}\n{graph}", self.name));
        assert!(!graph.to_string().contains("hole"), "{}: a placeholder is left\n{graph}", self.name);
        graph
    }

    /// Numbers of the outputs, by the program and not the interpreter, unless a law says otherwise.
    fn run<T: Executable>(&self, graph: &Graph, inputs: &[&[f64]]) -> Vec<Vec<f64>> {
        let program = Program::new(graph, &Interface::plain(graph));
        let mut workspace = program.workspace::<T>(Phase::Late);
        for (i, numbers) in inputs.iter().enumerate() {
            for (to, &from) in program.held(i, &mut workspace).iter_mut().zip(*numbers) {
                *to = T::from_f64(from);
            }
        }
        assert_eq!(program.run(&mut workspace, &[], &mut [], Guards::Check).unwrap(), Outcome::Done);
        (0..program.output_count())
            .map(|i| program.output(i, Phase::Late, &workspace).iter().map(|x| x.to_f64()).collect())
            .collect()
    }

    fn inputs<'a>(&'a self, extra: &'a [Vec<f64>]) -> Vec<&'a [f64]> {
        self.point.iter().chain(extra).map(Vec::as_slice).collect()
    }

    /// The operands that are differentiated by, with their positions.
    fn active(&self) -> Vec<usize> {
        (0..self.shapes.len()).filter(|&i| self.differentiable[i]).collect()
    }

    fn active_shapes(&self) -> Vec<Shape> {
        self.active().into_iter().map(|i| self.shapes[i].clone()).collect()
    }

    fn directions(&self, stream: u64) -> Vec<Vec<f64>> {
        self.active().into_iter().map(|i| signed(stream + i as u64, self.shapes[i].size())).collect()
    }

    fn value_at(&self, point: &[Vec<f64>]) -> Vec<f64> {
        let graph = self.graph(&[], |x, _| vec![(self.apply)(x)]);
        let inputs: Vec<&[f64]> = point.iter().map(Vec::as_slice).collect();
        self.run::<f64>(&graph, &inputs).remove(0)
    }

    fn moves(&self, x: &[Var], v: &[Var]) -> Vec<(Var, Option<Var>)> {
        self.active().into_iter().zip(v).map(|(i, &v)| (x[i], Some(v))).collect()
    }

    fn tangent_of(&self, x: &[Var], y: Var, v: &[Var]) -> Var {
        tangent(&[y], &self.moves(x, v))[0].unwrap_or_else(|| constant(0.0).broadcast_to(&y.shape()))
    }

    /// A scalar with curvature: ½ ‖y‖² + Σ y, so that linear primitives have one too.
    fn scalar(&self, x: &[Var]) -> Var {
        let y = (self.apply)(x);
        y.square().sum() * 0.5 + y.sum()
    }

    fn gradient_of(&self, x: &[Var], y: Var) -> Vec<Var> {
        let active: Vec<Var> = self.active().into_iter().map(|i| x[i]).collect();
        let found = adjoint(&[(y, constant(1.0))], &active);
        found
            .into_iter()
            .zip(&active)
            .map(|(c, x)| c.unwrap_or_else(|| constant(0.0).broadcast_to(&x.shape())))
            .collect()
    }

    /// Value, and the product of the second derivative with a direction: bit for bit those of the simplified graph. Of the
    /// graph as it is up to rounding: simplifying computes some entries once, as scalars, that vectorised functions would
    /// compute with other last places.
    pub fn program_equals_interpreter(&self) {
        let graph = self.graph(&self.active_shapes(), |x, v| {
            let y = self.scalar(x);
            let products = self.gradient_of(x, self.tangent_of(x, y, v));
            [vec![(self.apply)(x), y], products].concat()
        });
        let v = self.directions(15);
        let inputs = self.inputs(&v);
        let fast = self.run::<f64>(&graph, &inputs);
        let simplified = interpret(&optimize(&graph, Some(graph.inputs().len())).graph, &inputs).unwrap();
        assert_eq!(fast, simplified, "{}: program = interpreter", self.name);
        let slow = interpret(&graph, &inputs).unwrap();
        for (fast, slow) in fast.iter().zip(&slow) {
            // A last place, grown by second derivatives of a dozen compositions.
            let size = slow.iter().fold(1.0, |size: f64, y| size.max(y.abs()));
            let close = fast.iter().zip(slow).all(|(a, b)| a == b || (a - b).abs() <= 1e-11 * size);
            assert!(close, "{}: program {fast:?} = interpreter {slow:?} of the graph as it is", self.name);
        }
    }

    pub fn tangent_is_the_difference_quotient(&self) {
        let graph = self.graph(&self.active_shapes(), |x, v| {
            let y = (self.apply)(x);
            vec![self.tangent_of(x, y, v)]
        });
        let v = self.directions(10);
        let exact = self.run::<f64>(&graph, &self.inputs(&v)).remove(0);
        if self.discrete {
            assert!(exact.iter().all(|&t| t == 0.0), "{}: a piecewise constant has tangent 0", self.name);
            return;
        }
        // Fourth-order differences with step 1e-3: truncation and rounding are both below 1e-10 of smooth functions here.
        let h = 1e-3;
        let moved = |factor: f64| {
            let mut point = self.point.clone();
            for (i, v) in self.active().into_iter().zip(&v) {
                for (x, v) in point[i].iter_mut().zip(v) {
                    *x += factor * h * v;
                }
            }
            self.value_at(&point)
        };
        let (p1, m1, p2, m2) = (moved(1.0), moved(-1.0), moved(2.0), moved(-2.0));
        let quotient: Vec<f64> =
            (0..exact.len()).map(|i| (8.0 * (p1[i] - m1[i]) - (p2[i] - m2[i])) / (12.0 * h)).collect();
        self.close("tangent = difference quotient", &exact, &quotient, 1e-8, 1.0);
    }

    pub fn adjoint_is_the_transpose(&self) {
        let y_shape = self.shape();
        let shapes: Vec<Shape> = self.active_shapes().into_iter().chain([y_shape.clone()]).collect();
        let graph = self.graph(&shapes, |x, more| {
            let (v, c) = more.split_at(more.len() - 1);
            let y = (self.apply)(x);
            let active: Vec<Var> = self.active().into_iter().map(|i| x[i]).collect();
            let pulled = adjoint(&[(y, c[0])], &active);
            let pulled = pulled
                .into_iter()
                .zip(&active)
                .map(|(p, x)| p.unwrap_or_else(|| constant(0.0).broadcast_to(&x.shape())));
            std::iter::once(self.tangent_of(x, y, v)).chain(pulled).collect()
        });
        let (v, c) = (self.directions(20), signed(30, y_shape.size()));
        let extra: Vec<Vec<f64>> = v.iter().cloned().chain([c.clone()]).collect();
        let out = self.run::<f64>(&graph, &self.inputs(&extra));
        let forward = dot(&c, &out[0]);
        let backward: f64 = out[1..].iter().zip(&v).map(|(p, v)| dot(p, v)).sum();
        // Both are sums of the same products in another order.
        self.close("⟨c, J v⟩ = ⟨Jᵀ c, v⟩", &[forward], &[backward], 1e-12, norm(&c) * norm(&out[0]));
    }

    fn shape(&self) -> Shape {
        let graph = self.graph(&[], |x, _| vec![(self.apply)(x)]);
        graph.shape(graph.outputs()[0]).clone()
    }

    pub fn products_agree_and_are_symmetric(&self) {
        let shapes = self.active_shapes();
        let product = |reverse_last: bool| {
            self.graph(&shapes, move |x, v| {
                let y = self.scalar(x);
                if reverse_last {
                    self.gradient_of(x, self.tangent_of(x, y, v))
                } else {
                    let g = self.gradient_of(x, y);
                    g.into_iter().map(|g| self.tangent_of(x, g, v)).collect()
                }
            })
        };
        let (u, v) = (self.directions(40), self.directions(50));
        let reverse = self.run::<f64>(&product(true), &self.inputs(&v)).concat();
        let forward = self.run::<f64>(&product(false), &self.inputs(&v)).concat();
        // Compositions of the same exact rules: only the order of rounding differs.
        self.close("reverse over forward = forward over reverse", &reverse, &forward, 1e-11, 1e-3);
        let other = self.run::<f64>(&product(true), &self.inputs(&u)).concat();
        let (left, right) = (dot(&u.concat(), &reverse), dot(&v.concat(), &other));
        self.close("uᵀ H v = vᵀ H u", &[left], &[right], 1e-11, norm(&reverse) * norm(&u.concat()) + 1e-3);
    }

    pub fn jets_are_nested_tangents(&self) {
        const ORDER: usize = 4;
        let shapes = self.active_shapes();
        let graph = self.graph(&shapes, |x, v| {
            let y = (self.apply)(x);
            let zero = || constant(0.0).broadcast_to(&y.shape());
            let seeds: Vec<Seed> =
                self.moves(x, v).into_iter().map(|(variable, v)| Seed { variable, coefficients: vec![v] }).collect();
            let mut outputs: Vec<Var> = jet(&[y], &seeds, ORDER)[0].iter().map(|c| c.unwrap_or_else(zero)).collect();
            let mut nested = y;
            for _ in 0..ORDER {
                nested = self.tangent_of(x, nested, v);
                outputs.push(nested);
            }
            outputs
        });
        let out = self.run::<f64>(&graph, &self.inputs(&self.directions(60)));
        let mut factorial = 1.0;
        for k in 1..=ORDER {
            factorial *= k as f64;
            let scaled: Vec<f64> = out[k - 1].iter().map(|c| c * factorial).collect();
            // Nested tangents of order 4 sum some hundred products, with cancellation.
            self.close(&format!("{k}! jet = nested tangents"), &scaled, &out[ORDER + k - 1], 1e-9, 1e-2);
        }
    }

    /// Along a curve with three coefficients for each operand, to an order beyond its degree: nested tangents in the time t of the
    /// polynomials, which know nothing of Taylor series.
    pub fn jets_along_curves_are_nested_tangents(&self) {
        const DEGREE: usize = 3;
        const ORDER: usize = 6;
        let active = self.active();
        let shapes: Vec<Shape> = (0..DEGREE).flat_map(|_| self.active_shapes()).chain([Shape::of(&[])]).collect();
        let graph = self.graph(&shapes, |x, more| {
            let (&t, curve) = more.split_last().expect("the time comes last");
            let of = |operand: usize| curve[operand..].iter().step_by(active.len()).copied();
            let y = (self.apply)(x);
            let zero = || constant(0.0).broadcast_to(&y.shape());
            let seeds: Vec<Seed> = active
                .iter()
                .enumerate()
                .map(|(i, &at)| Seed { variable: x[at], coefficients: of(i).map(Some).collect() })
                .collect();
            let mut outputs: Vec<Var> = jet(&[y], &seeds, ORDER)[0].iter().map(|c| c.unwrap_or_else(zero)).collect();
            let mut moved = x.to_vec();
            for (i, &at) in active.iter().enumerate() {
                let higher = of(i).collect::<Vec<_>>().into_iter().rev().reduce(|sum, c| sum * t + c);
                moved[at] = x[at] + higher.expect("three coefficients") * t;
            }
            let mut nested = (self.apply)(&moved);
            for _ in 0..ORDER {
                nested = tangent(&[nested], &[(t, Some(constant(1.0)))])[0].unwrap_or_else(zero);
                outputs.push(nested);
            }
            outputs
        });
        let curve = (0..DEGREE as u64).flat_map(|k| self.directions(500 + 10 * k));
        let out = self.run::<f64>(&graph, &self.inputs(&curve.chain([vec![0.0]]).collect::<Vec<_>>()));
        let mut factorial = 1.0;
        for k in 1..=ORDER {
            factorial *= k as f64;
            let scaled: Vec<f64> = out[k - 1].iter().map(|c| c * factorial).collect();
            // Nested tangents of order 6 sum some thousand products, with cancellation.
            self.close(&format!("{k}! jet along a curve = nested tangents"), &scaled, &out[ORDER + k - 1], 1e-9, 1e-2);
        }
    }

    /// The gradient of a Taylor coefficient, reverse over the jet, along a direction: the same by going forward once more, over the
    /// jet and over nested tangents, which know nothing of Taylor series.
    pub fn gradients_of_coefficients_are_their_slopes(&self) {
        let orders = [(2, 2.0), (3, 6.0)];
        let shapes = self.active_shapes();
        let graph = self.graph(&[shapes.clone(), shapes.clone()].concat(), |x, both| {
            let (v, u) = both.split_at(shapes.len());
            // Of degree 4 in the primitive, so that the gradient of c_3 is not 0 for linear ones.
            let y = (self.apply)(x);
            let y = (y.square() + y).square().sum();
            let seeds: Vec<Seed> =
                self.moves(x, v).into_iter().map(|(variable, v)| Seed { variable, coefficients: vec![v] }).collect();
            let series = jet(&[y], &seeds, 3).remove(0);
            let mut nested = self.tangent_of(x, y, v);
            let mut outputs = Vec::new();
            for (order, factorial) in orders {
                nested = self.tangent_of(x, nested, v);
                let coefficient = series[order - 1].unwrap_or_else(|| constant(0.0));
                outputs.push(self.tangent_of(x, coefficient, u));
                outputs.push(self.tangent_of(x, nested, u) / factorial);
                outputs.extend(self.gradient_of(x, coefficient));
            }
            outputs
        });
        let (v, u) = (self.directions(400), self.directions(410));
        let out = self.run::<f64>(&graph, &self.inputs(&[v, u.clone()].concat()));
        for (found, (order, _)) in out.chunks_exact(2 + shapes.len()).zip(orders) {
            let along: f64 = found[2..].iter().zip(&u).map(|(g, u)| dot(g, u)).sum();
            let size = norm(&found[2..].concat()) * norm(&u.concat());
            // Compositions of the same exact rules; nested tangents sum some hundred products, with cancellation.
            let law = format!("⟨∇c_{order}, u⟩ = the slope of c_{order} along u");
            self.close(&law, &[along], &found[0], 1e-11, size + 1e-3);
            self.close(&format!("{law}, by nested tangents"), &[along], &found[1], 1e-9, size + 1e-2);
        }
    }

    /// All gradients from one sweep back from the last coefficient of the tangent along a series of directions, against the adjoint
    /// of each coefficient.
    pub fn one_sweep_has_the_gradients_of_all_coefficients(&self) {
        const ORDER: usize = 3;
        let shapes = self.active_shapes();
        let n = shapes.len();
        let graph = self.graph(&(0..ORDER + 2).flat_map(|_| shapes.clone()).collect::<Vec<_>>(), |x, more| {
            let (v, moves) = more.split_at(n);
            let y = (self.apply)(x);
            let y = (y.square() + y).square().sum();
            let seeds: Vec<Seed> =
                self.moves(x, v).into_iter().map(|(variable, v)| Seed { variable, coefficients: vec![v] }).collect();
            let series = jet(&[y], &seeds, ORDER).remove(0);
            let each = [Some(y)].into_iter().chain(series).flat_map(|c| match c {
                Some(c) => self.gradient_of(x, c),
                None => shapes.iter().map(|shape| constant(0.0).broadcast_to(shape)).collect(),
            });
            let mut outputs: Vec<Var> = each.collect();
            let slope = self.tangent_of(x, y, &moves[..n]);
            let along = |i: usize| moves[n + i..].iter().step_by(n).map(|&m| Some(m)).collect();
            let moving = (0..n).map(|i| Seed { variable: moves[i], coefficients: along(i) });
            let last = jet(&[slope], &seeds.into_iter().chain(moving).collect::<Vec<_>>(), ORDER)[0][ORDER - 1];
            let cotangents = last.map(|last| transpose(&[(last, constant(1.0))], moves));
            let cotangents = cotangents.unwrap_or_else(|| vec![None; moves.len()]);
            // Of the highest order of the directions is the gradient of the lowest coefficient.
            for chunk in cotangents.chunks(n).rev() {
                let whole = |(c, shape): (&Option<Var>, &Shape)| c.unwrap_or_else(|| constant(0.0).broadcast_to(shape));
                outputs.extend(chunk.iter().zip(&shapes).map(whole));
            }
            outputs
        });
        let numbers: Vec<Vec<f64>> = (0..ORDER as u64 + 2).flat_map(|k| self.directions(600 + 10 * k)).collect();
        let out = self.run::<f64>(&graph, &self.inputs(&numbers));
        let (each, together) = out.split_at(n * (ORDER + 1));
        for (a, b) in each.iter().zip(together) {
            // The same products in another order, some hundred, with cancellation.
            self.close("one sweep = gradients of each coefficient", a, b, 1e-11, 1e-2);
        }
    }

    pub fn batches_are_single_directions(&self) {
        const K: usize = 3;
        let shapes = self.active_shapes();
        let single = self.graph(&shapes, |x, v| {
            let y = self.scalar(x);
            let mut outputs = self.gradient_of(x, self.tangent_of(x, y, v));
            outputs.push(self.tangent_of(x, (self.apply)(x), v));
            outputs
        });
        let rows: Vec<Shape> = shapes.iter().map(|s| s.with_leading(K)).collect();
        let batched = self.graph(&rows, |x, rows| {
            let v: Vec<Var> = rows.iter().map(|r| r.at(0)).collect();
            let y = self.scalar(x);
            let mut outputs = self.gradient_of(x, self.tangent_of(x, y, &v));
            outputs.push(self.tangent_of(x, (self.apply)(x), &v));
            let pairs: Vec<(Var, Var)> = v.iter().copied().zip(rows.iter().copied()).collect();
            batch(&outputs, &pairs, K)
        });
        let directions: Vec<Vec<Vec<f64>>> = (0..K).map(|k| self.directions(70 + 10 * k as u64)).collect();
        let stacked: Vec<Vec<f64>> =
            (0..shapes.len()).map(|i| directions.iter().flat_map(|d| d[i].clone()).collect()).collect();
        let all = self.run::<f64>(&batched, &self.inputs(&stacked));
        for (k, v) in directions.iter().enumerate() {
            for (one, all) in self.run::<f64>(&single, &self.inputs(v)).iter().zip(&all) {
                let part = &all[k * one.len()..(k + 1) * one.len()];
                self.close("batch = single directions", part, one, 1e-12, 1e-3);
            }
        }
        // The primitive itself over batches of its operands, indices and masks too: each alone, and all together.
        for mask in 1..1_usize << self.shapes.len() {
            self.batched_operands(mask, K);
        }
    }

    /// The value with a batch of values for the operands in `mask`.
    fn batched_operands(&self, mask: usize, k: usize) {
        let chosen: Vec<usize> = (0..self.shapes.len()).filter(|i| mask >> i & 1 == 1).collect();
        let rows: Vec<Shape> = chosen.iter().map(|&i| self.shapes[i].with_leading(k)).collect();
        let graph = self.graph(&rows, |x, rows| {
            let y = (self.apply)(x);
            let pairs: Vec<(Var, Var)> = chosen.iter().zip(rows).map(|(&i, &r)| (x[i], r)).collect();
            batch(&[y], &pairs, k)
        });
        // Points near the given one, where the function is smooth too; fixed operands are zeros and ones, also when turned over.
        let moved = |row: usize, i: usize| -> Vec<f64> {
            let near = |(j, x): (usize, &f64)| {
                let u = uniform(90 + row as u64, j);
                if self.differentiable[i] { x * (1.0 + 0.01 * u) } else { (x - u.round()).abs() }
            };
            self.point[i].iter().enumerate().map(near).collect()
        };
        let stacked: Vec<Vec<f64>> = chosen.iter().map(|&i| (0..k).flat_map(|row| moved(row, i)).collect()).collect();
        let all = self.run::<f64>(&graph, &self.inputs(&stacked)).remove(0);
        for row in 0..k {
            let mut point = self.point.clone();
            for &i in &chosen {
                point[i] = moved(row, i);
            }
            let one = self.value_at(&point);
            self.close("batch of operands = each", &all[row * one.len()..(row + 1) * one.len()], &one, 1e-12, 1e-3);
        }
    }

    pub fn fixed_operands_have_no_derivative(&self) {
        for i in (0..self.shapes.len()).filter(|&i| !self.differentiable[i]) {
            let graph = self.graph(&[], |x, _| {
                let y = (self.apply)(x);
                let ones = constant(1.0).broadcast_to(&x[i].shape());
                let zeros = |like: Var| constant(0.0).broadcast_to(&like.shape());
                let tangent = tangent(&[y], &[(x[i], Some(ones))])[0].unwrap_or_else(|| zeros(y));
                let cotangent = adjoint(&[(y.sum(), constant(1.0))], &[x[i]])[0].unwrap_or_else(|| zeros(x[i]));
                vec![tangent, cotangent]
            });
            let found = self.run::<f64>(&graph, &self.inputs(&[])).concat();
            assert!(found.iter().all(|&d| d == 0.0), "{}: derivative by operand {i}: {found:?}", self.name);
        }
    }

    pub fn split_program_equals_whole(&self) {
        let shapes = self.active_shapes();
        let graph = self.graph(&shapes, |x, v| {
            let slope = self.tangent_of(x, self.scalar(x), v);
            [self.gradient_of(x, slope), vec![slope, (self.apply)(x)]].concat()
        });
        // The point held, the directions borrowed, every output a result.
        let groups = vec![
            Group { count: self.shapes.len(), role: Role::Held },
            Group { count: shapes.len(), role: Role::Borrowed },
        ];
        let program = Program::new(&graph, &Interface { groups, late: Some(1), results: 0..graph.outputs().len() });
        let mut kept = program.workspace::<f64>(Phase::Early);
        for (i, numbers) in self.point.iter().enumerate() {
            program.held(i, &mut kept).copy_from_slice(numbers);
        }
        program.run_early(&mut kept, &[], Guards::Check).unwrap();
        let mut workspace = program.workspace::<f64>(Phase::Late);
        // The first direction once more at the end: what is kept must outlive every late run.
        for stream in [300, 310, 300] {
            let v = self.directions(stream);
            let mut found = vec![f64::NAN; program.results()];
            program.run_late(&kept, &mut workspace, &[&v.concat()], &mut found).unwrap();
            let whole = self.run::<f64>(&graph, &self.inputs(&v)).concat();
            assert_eq!(found, whole, "{}: split program = whole", self.name);
        }
    }

    pub fn single_precision_is_close(&self) {
        let graph = self.graph(&self.active_shapes(), |x, v| {
            let y = self.scalar(x);
            let slope = self.tangent_of(x, y, v);
            [vec![(self.apply)(x), slope], self.gradient_of(x, slope)].concat()
        });
        let v = self.directions(80);
        // The point rounded first, so that both precisions see the same numbers.
        let round = |list: &[Vec<f64>]| -> Vec<Vec<f64>> {
            list.iter().map(|l| l.iter().map(|&x| f64::from(x as f32)).collect()).collect()
        };
        let (point, v) = (round(&self.point), round(&v));
        let inputs: Vec<&[f64]> = point.iter().chain(&v).map(Vec::as_slice).collect();
        let (single, double) = (self.run::<f32>(&graph, &inputs), self.run::<f64>(&graph, &inputs));
        for (a, b) in single.iter().zip(&double) {
            // Some ten operations in a row, each within a few times 6e-8, on terms that partly cancel.
            self.close("f32 = f64", a, b, 2e-4, 1.0);
        }
    }

    pub fn text_parses_back(&self) {
        let graph = self.graph(&self.active_shapes(), |x, v| {
            let slope = self.tangent_of(x, self.scalar(x), v);
            self.gradient_of(x, slope)
        });
        let text = graph.to_string();
        let parsed: Graph = text.parse().unwrap_or_else(|e| panic!("{}: {e}\n{text}", self.name));
        assert_eq!(parsed.to_string(), text, "{}: text form", self.name);
        assert!(graph.to_dot().starts_with("digraph"), "{}: DOT", self.name);
    }
}
