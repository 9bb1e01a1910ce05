//! Convolution of images with a kernel, in one and two dimensions.
//!
//! A convolution is a trilinear form τ(x, w, y) of images, kernel and result (written out in `kernels::convolution`), and
//! [`Convolution`] is its gradient with respect to one of the three as a function of the other two. The transpose of such a
//! map with respect to one operand is the gradient with respect to that operand, so the type is closed under
//! differentiation of every order.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{all_here, record, refuse};
use kernels::convolution::{Geometry, forward, input, kernel, scratch_len};
use smallvec::SmallVec;
use std::panic::Location;

/// One of the three arrays that a convolution relates, as the one that is computed from the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The result y [n, output height, output width, channels out] from images x and kernel w.
    Forward,
    /// Images x [n, height, width, channels in] from y and w: transposed convolution.
    Input,
    /// A kernel w [kernel height, kernel width, channels in / groups, channels out] from x and y.
    Kernel,
}

impl Role {
    /// The arrays from which this one is computed, in the order of the operands.
    pub fn operands(self) -> [Role; 2] {
        match self {
            Role::Forward => [Role::Input, Role::Kernel],
            Role::Input => [Role::Forward, Role::Kernel],
            Role::Kernel => [Role::Input, Role::Forward],
        }
    }

    /// Shape of this array.
    fn shape(self, g: &Geometry) -> Shape {
        let [height, width] = match self {
            Role::Forward => g.output(),
            Role::Input => g.size,
            Role::Kernel => return Shape::of(&[g.kernel[0], g.kernel[1], g.channels_in / g.groups, g.channels_out]),
        };
        Shape::of(&[g.images, height, width, if self == Role::Input { g.channels_in } else { g.channels_out }])
    }
}

/// Gradient of the trilinear form of a convolution with respect to the array `role`, from the other two
/// ([`Role::operands`]).
///
/// Layout is [n, height, width, channels]; the kernel is not flipped. All sizes that the shapes of some pair of operands
/// leave open are stored.
///
/// An operand may have a leading axis of directions besides; the result then has it too, and each of its entries is computed
/// from those of the operands that have it, and from the others as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// What is computed.
    pub role: Role,
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Distance of neighbouring patches along each axis.
    pub stride: [usize; 2],
    /// Zeros before and after the image along each axis.
    pub padding: [(usize, usize); 2],
    /// Distance of neighbouring kernel entries along each axis.
    pub dilation: [usize; 2],
    /// Number of groups of channels that do not mix.
    pub groups: usize,
}

/// Zeros put around an image, along D axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Padding<const D: usize> {
    /// None: the kernel stays inside the image.
    #[default]
    Valid,
    /// As many as make the result ⌈size / stride⌉ long; an odd one goes to the end, as in TensorFlow.
    Same,
    /// So many before and after, for each axis.
    Explicit([(usize, usize); D]),
}

/// Options of [`Var::conv1d`] (D = 1) and [`Var::conv2d`] (D = 2); by default stride 1, no padding, no dilation, one group.
///
/// ```
/// use autodiff_core::{Conv2d, Padding};
/// let options = Conv2d::default().stride([2, 2]).padding(Padding::Same).groups(4);
/// assert_eq!(options, Conv2d::default().groups(4).padding(Padding::Same).stride([2, 2]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv<const D: usize> {
    stride: [usize; D],
    padding: Padding<D>,
    dilation: [usize; D],
    groups: usize,
}

/// Options of [`Var::conv1d`].
pub type Conv1d = Conv<1>;

/// Options of [`Var::conv2d`].
pub type Conv2d = Conv<2>;

impl<const D: usize> Default for Conv<D> {
    fn default() -> Conv<D> {
        Conv { stride: [1; D], padding: Padding::Valid, dilation: [1; D], groups: 1 }
    }
}

impl<const D: usize> Conv<D> {
    /// With this distance of neighbouring patches along each axis, at least 1.
    pub fn stride(self, stride: [usize; D]) -> Conv<D> {
        Conv { stride, ..self }
    }

    /// With these zeros around the image.
    pub fn padding(self, padding: Padding<D>) -> Conv<D> {
        Conv { padding, ..self }
    }

    /// With this distance of neighbouring kernel entries along each axis, at least 1.
    pub fn dilation(self, dilation: [usize; D]) -> Conv<D> {
        Conv { dilation, ..self }
    }

    /// With the channels in this many groups that do not mix: group g of the output channels sees group g of the input
    /// channels. Must divide both numbers of channels.
    pub fn groups(self, groups: usize) -> Conv<D> {
        Conv { groups, ..self }
    }

    /// The convolution of an image and a kernel of these shapes with D axes, as one in two dimensions.
    fn plan(&self, x: &Shape, w: &Shape) -> Result<Convolution, String> {
        if x.rank() != D + 2 || w.rank() != D + 2 {
            return Err(format!("images and kernel need {} axes each", D + 2));
        }
        let mut plan = Convolution {
            role: Role::Forward,
            size: lift(&x[1..=D], 1),
            kernel: lift(&w[..D], 1),
            stride: lift(&self.stride, 1),
            padding: [(0, 0); 2],
            dilation: lift(&self.dilation, 1),
            groups: self.groups,
        };
        match self.padding {
            Padding::Valid => {}
            Padding::Explicit(padding) => plan.padding = lift(&padding, (0, 0)),
            Padding::Same => {
                plan.padding = [0, 1].map(|axis| {
                    // Zero sizes and strides are refused later; here they must only not divide by 0.
                    let (stride, span) = (plan.stride[axis].max(1), plan.span()[axis]);
                    let last = plan.size[axis].div_ceil(stride).saturating_sub(1) * stride;
                    let zeros = (last + span).saturating_sub(plan.size[axis]);
                    (zeros / 2, zeros - zeros / 2)
                })
            }
        }
        Ok(plan)
    }
}

/// A list with one or two entries as that of two axes, the first of which gets `fill` if it is missing.
fn lift<T: Copy>(list: &[T], fill: T) -> [T; 2] {
    match *list {
        [width] => [fill, width],
        [height, width] => [height, width],
        _ => unreachable!("convolutions have one or two axes"),
    }
}

impl Var {
    /// Convolution of the images `self` with a kernel, without flipping it.
    ///
    /// `self` is [n, height, width, channels in], `kernel` is [kernel height, kernel width, channels in / groups, channels
    /// out], the result [n, output height, output width, channels out], where each output length is ⌊(size + padding − span)
    /// / stride⌋ + 1 and the kernel spans dilation · (kernel − 1) + 1. Costs twice the size of the result times kernel
    /// height × kernel width × channels in / groups operations, and the same for each derivative by an operand.
    ///
    /// The trace is refused, with this line, if a rank is not 4, if the groups do not divide the channels or the kernel has
    /// others than the images, if it spans more than the padded image, or if a stride, dilation, kernel size or the number
    /// of groups is 0.
    ///
    /// ```
    /// use autodiff_core::{Conv2d, Function, Var};
    /// use ndarray::{Array2, arr2};
    /// // How many patches of 2 × 2 a pixel is in: the gradient of the sum over all patches.
    /// let f = Function::with_data(
    ///     |x: &Var, w: &Var| x.reshape(&[1, 3, 3, 1]).conv2d(w.reshape(&[2, 2, 1, 1]), Conv2d::default()).sum(),
    ///     &Array2::<f64>::ones((2, 2)),
    /// );
    /// let counts = f.gradient(&Array2::<f64>::zeros((3, 3))).unwrap();
    /// assert_eq!(counts, arr2(&[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]));
    /// ```
    #[track_caller]
    pub fn conv2d(self, kernel: Var, options: Conv2d) -> Var {
        self.convolve("conv2d", kernel, options)
    }

    /// Convolution of the sequences `self` with a kernel, without flipping it: [`conv2d`](Var::conv2d) with one axis.
    ///
    /// `self` is [n, length, channels in], `kernel` is [kernel length, channels in / groups, channels out], the result [n,
    /// output length, channels out]. Cost and refusals are those of [`conv2d`](Var::conv2d).
    ///
    /// ```
    /// use autodiff_core::{Conv1d, Function, Var};
    /// use ndarray::arr1;
    /// // D takes second differences; the gradient of ½ |D x|² is Dᵀ D x.
    /// let f = Function::with_data(
    ///     |x: &Var, w: &Var| {
    ///         let d = x.reshape(&[1, 4, 1]).conv1d(w.reshape(&[3, 1, 1]), Conv1d::default());
    ///         0.5 * d.dot(d)
    ///     },
    ///     &arr1(&[1.0, -2.0, 1.0]),
    /// );
    /// assert_eq!(f.gradient(&arr1(&[0.0, 1.0, 4.0, 9.0])).unwrap(), arr1(&[2.0, -2.0, -2.0, 2.0]));
    /// ```
    #[track_caller]
    pub fn conv1d(self, kernel: Var, options: Conv1d) -> Var {
        self.convolve("conv1d", kernel, options)
    }

    #[track_caller]
    fn convolve<const D: usize>(self, name: &'static str, kernel: Var, options: Conv<D>) -> Var {
        let place = Location::caller();
        if !all_here(name, &[self, kernel], place) {
            return refuse(name, "the trace is refused already".into(), place);
        }
        let (x, w) = (self.shape(), kernel.shape());
        // Missing axes have length 1: after the images' first, before the kernel's first.
        let flat = vec![1; 2 - D];
        let planned = options.plan(&x, &w).and_then(|primitive| {
            let x = [&x[..1], &flat, &x[1..]].concat();
            let w = [&flat, &w[..]].concat();
            let y = primitive.infer(&[&Shape::of(&x), &Shape::of(&w)])?;
            Ok((primitive, x, w, y))
        });
        match planned {
            Ok((primitive, x, w, y)) => {
                let result = record(primitive, &[self.reshape(&x), kernel.reshape(&w)], place);
                result.reshape(&[&y[..1], &y[3 - D..]].concat())
            }
            Err(message) => refuse(name, format!("{message} (images {x}, kernel {w}, {options:?})"), place),
        }
    }
}

impl Convolution {
    /// Entries of the padded image that the kernel spans along each axis.
    fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.dilation[axis] * self.kernel[axis].saturating_sub(1) + 1)
    }

    /// All sizes, from the shapes of the operands.
    fn geometry(&self, operands: &[&Shape]) -> Result<Geometry, String> {
        let [a, b] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        if a.rank() != 4 || b.rank() != 4 {
            return Err(format!("expected operands with 4 axes, found {a} and {b}"));
        }
        let sizes = [
            ("stride", self.stride),
            ("dilation", self.dilation),
            ("kernel size", self.kernel),
            ("groups", [self.groups; 2]),
        ];
        if let Some((what, _)) = sizes.iter().find(|(_, size)| size.contains(&0)) {
            return Err(format!("{what} must be at least 1, found 0"));
        }
        let (channels_in, channels_out) = match self.role {
            Role::Forward | Role::Kernel => (a[3], b[3]),
            Role::Input => (b[2] * self.groups, b[3]),
        };
        if !channels_in.is_multiple_of(self.groups) || !channels_out.is_multiple_of(self.groups) {
            return Err(format!("{} groups do not divide {channels_in} channels in and {channels_out} out", self.groups));
        }
        let padded = [0, 1].map(|axis| self.size[axis] + self.padding[axis].0 + self.padding[axis].1);
        let span = self.span();
        if span[0] > padded[0] || span[1] > padded[1] {
            return Err(format!("the kernel spans {span:?} entries of a padded image of {padded:?}"));
        }
        let geometry = Geometry {
            images: a[0],
            size: self.size,
            channels_in,
            channels_out,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        };
        for (role, found) in self.role.operands().into_iter().zip(operands) {
            let expected = role.shape(&geometry);
            if **found != expected {
                let what = match role {
                    Role::Forward => "a result",
                    Role::Input => "images",
                    Role::Kernel => "a kernel",
                };
                return Err(format!("expected {what} of shape {expected} (groups: {}), found {found}", self.groups));
            }
        }
        Ok(geometry)
    }

    /// The sizes for one direction, and the number of directions.
    fn known_geometry(&self, operands: &[&Shape]) -> (Geometry, Option<usize>) {
        let known = Convolution::directions(operands).and_then(|([a, b], k)| Ok((self.geometry(&[&a, &b])?, k)));
        known.expect("the shape rule accepted these operands")
    }

    /// The operands without their leading axis of directions, and how many directions there are if any operand has them.
    fn directions(operands: &[&Shape]) -> Result<([Shape; 2], Option<usize>), String> {
        let [a, b] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        let leading = |shape: &Shape| (shape.rank() == 5).then(|| shape[0]);
        let count = match (leading(a), leading(b)) {
            (Some(k), Some(l)) if k != l => return Err(format!("leading axes differ: {a} and {b}")),
            (k, l) => k.or(l),
        };
        let plain = |shape: &Shape| if shape.rank() == 5 { Shape::of(&shape[1..]) } else { shape.clone() };
        Ok(([plain(a), plain(b)], count))
    }

    /// Images or results with the leading axis of directions as further images.
    fn more_images(v: Var) -> Var {
        let shape = v.shape();
        v.reshape(&[shape[0] * shape[1], shape[2], shape[3], shape[4]])
    }

    /// An array that gets a leading axis of k directions, next to operands that have one of `inner` already: with both as
    /// one. Copies only where one of the two is missing.
    fn both(v: Var, has_outer: bool, k: usize, inner: usize) -> Var {
        let shape = v.shape();
        let axes = &shape[shape.rank() - 4..];
        let wide = [&[k, inner], axes].concat();
        let flat = [&[k * inner], axes].concat();
        match (has_outer, shape.rank() - usize::from(has_outer) == 5) {
            (true, true) => v.reshape(&flat),
            (true, false) => v.reshape(&[&[k, 1], axes].concat()).broadcast_to(&wide).reshape(&flat),
            (false, true) => v.broadcast_to(&wide).reshape(&flat),
            (false, false) => v,
        }
    }
}

impl Structured for Convolution {
    const NAME: &'static str = "convolution";
    const CLASS: Class = Class::Bilinear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let ([a, b], directions) = Convolution::directions(operands)?;
        let shape = self.role.shape(&self.geometry(&[&a, &b])?);
        Ok(directions.map_or_else(|| shape.clone(), |k| shape.with_leading(k)))
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        let (a, b) = (&operands[0], &operands[1]);
        let (geometry, directions) = self.known_geometry(&[a.shape, b.shape]);
        let each = |shape: &Shape| shape.size() / if shape.rank() == 5 { shape[0].max(1) } else { 1 };
        let (a_len, b_len, out_len) =
            (each(a.shape), each(b.shape), out.len() / directions.unwrap_or(1).max(1));
        for k in 0..directions.unwrap_or(1) {
            let part = |v: &View<'_, T>, length: usize| if v.shape.rank() == 5 { k * length } else { 0 };
            let (a, b) = (&a.data[part(a, a_len)..][..a_len], &b.data[part(b, b_len)..][..b_len]);
            let out = &mut out[k * out_len..(k + 1) * out_len];
            match self.role {
                Role::Forward => forward(&geometry, a, b, out, scratch),
                Role::Input => input(&geometry, a, b, out, scratch),
                Role::Kernel => kernel(&geometry, a, b, out, scratch),
            }
        }
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], threads: usize) -> usize {
        let geometry = self.known_geometry(operands).0;
        scratch_len::<f32>(&geometry, threads).max(scratch_len::<f64>(&geometry, threads))
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        let (geometry, directions) = self.known_geometry(operands);
        2 * (geometry.multiplications() * directions.unwrap_or(1)) as u64
    }

    fn attributes(&self) -> Attributes {
        let list = |pair: [usize; 2]| pair.map(|n| n as i64).to_vec();
        let [(top, bottom), (left, right)] = self.padding;
        vec![
            ("role", vec![self.role as i64]),
            ("size", list(self.size)),
            ("kernel", list(self.kernel)),
            ("stride", list(self.stride)),
            ("padding", [list([top, bottom]), list([left, right])].concat()),
            ("dilation", list(self.dilation)),
            ("groups", vec![self.groups as i64]),
        ]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        let list = |name: &str| super::indices::<SmallVec<[usize; 4]>>(&get(name)?);
        let pair = |name: &str| <[usize; 2]>::try_from(list(name)?.as_slice()).ok();
        let [top, bottom, left, right] = <[usize; 4]>::try_from(list("padding")?.as_slice()).ok()?;
        Some(Convolution {
            role: *[Role::Forward, Role::Input, Role::Kernel].get(super::index(&get("role")?)?)?,
            size: pair("size")?,
            kernel: pair("kernel")?,
            stride: pair("stride")?,
            padding: [(top, bottom), (left, right)],
            dilation: pair("dilation")?,
            groups: super::index(&get("groups")?)?,
        })
    }

    // ⟨c, ∂τ/∂r (p, q)⟩ = τ with r = c, so its gradient by p is ∂τ/∂p (r = c, q).
    fn transpose(&self, operand: usize, c: Var, operands: &[Var]) -> Var {
        let role = self.role.operands()[operand];
        let given = role.operands().map(|r| if r == self.role { c } else { operands[1 - operand] });
        let apply = |given: &[Var]| record(Convolution { role, ..self.clone() }, given, Location::caller());
        if c.rank() == operands[operand].rank() {
            return apply(&given);
        }
        // The operand was the same in all directions, so its cotangent is a sum over them: for a kernel, over more images.
        if role == Role::Kernel {
            return apply(&given.map(Convolution::more_images));
        }
        apply(&given).sum_axes(&[0])
    }

    // Where the kernel has no directions they are further images. Elsewhere the operands keep a leading axis: in no layout of
    // channels or groups do all directions of one convolution stand as its neighbours need them, so that operands and result
    // would be copied from one order of axes to another and back.
    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        let own = |i: usize| operands[i].rank() - usize::from(batched[i]);
        let Some(inner) = (0..2).find(|i| own(*i) == 5) else {
            if self.role == Role::Kernel || batched[1] {
                return Some(record(self.clone(), operands, Location::caller()));
            }
            let wide = record(self.clone(), &[Convolution::more_images(operands[0]), operands[1]], Location::caller());
            let shape = wide.shape();
            let images = operands[0].shape()[1];
            return Some(wide.reshape(&[k, images, shape[1], shape[2], shape[3]]));
        };
        let inner = operands[inner].shape()[usize::from(batched[inner])];
        let flat = [0, 1].map(|i| Convolution::both(operands[i], batched[i], k, inner));
        let result = record(self.clone(), &flat, Location::caller());
        Some(result.reshape(&[&[k, inner], &result.shape()[1..]].concat()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let plain = Geometry {
            images: 2,
            size: [3, 4],
            channels_in: 2,
            channels_out: 3,
            kernel: [2, 2],
            stride: [1, 1],
            padding: [(0, 0); 2],
            dilation: [1, 1],
            groups: 1,
        };
        let geometries = [
            plain.clone(),
            Geometry { size: [5, 4], stride: [2, 3], padding: [(1, 0), (0, 2)], ..plain.clone() },
            Geometry { size: [4, 5], dilation: [2, 3], padding: [(1, 1), (0, 1)], channels_out: 1, ..plain.clone() },
            Geometry { channels_in: 4, channels_out: 6, groups: 2, images: 1, ..plain.clone() },
            Geometry { size: [1, 6], kernel: [1, 3], stride: [1, 2], channels_in: 2, channels_out: 2, groups: 2, ..plain },
        ];
        let batched = geometries[3].clone();
        let mut all = Vec::new();
        for g in geometries {
            for role in [Role::Forward, Role::Input, Role::Kernel] {
                let primitive = Convolution {
                    role,
                    size: g.size,
                    kernel: g.kernel,
                    stride: g.stride,
                    padding: g.padding,
                    dilation: g.dilation,
                    groups: g.groups,
                };
                let shapes = role.operands().map(|operand| operand.shape(&g));
                if g == batched {
                    for (i, j) in [(true, false), (false, true), (true, true)] {
                        let wide = |shape: &Shape, has: bool| if has { shape.with_leading(2) } else { shape.clone() };
                        all.push((primitive.clone(), vec![wide(&shapes[0], i), wide(&shapes[1], j)]));
                    }
                }
                all.push((primitive, shapes.to_vec()));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::Precision;
    use crate::trace::Session;

    /// Shape of what `convolve` returns for operands of these shapes, or the error.
    fn shape_of(x: &[usize], w: &[usize], convolve: impl Fn(Var, Var) -> Var) -> Result<Vec<usize>, String> {
        let session = Session::open(Precision::Double);
        let result = convolve(session.input(Shape::of(x)), session.input(Shape::of(w)));
        let shape = result.shape();
        session.close(&[result]).map(|_| shape.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn same_padding_gives_the_size_over_the_stride_rounded_up() {
        for size in 0..6_usize.pow(4) {
            let [length, kernel, stride, dilation] = [1, 6, 36, 216].map(|place| 1 + size / place % 6);
            let options = Conv1d::default().padding(Padding::Same).stride([stride]).dilation([dilation]);
            let found = shape_of(&[2, length, 3], &[kernel, 3, 5], |x, w| x.conv1d(w, options));
            assert_eq!(found, Ok(vec![2, length.div_ceil(stride), 5]), "kernel {kernel} on {length}, {options:?}");
        }
    }

    #[test]
    fn one_axis_is_the_second_of_two() {
        let options = Conv1d::default().stride([2]).padding(Padding::Explicit([(2, 0)])).dilation([2]).groups(2);
        let flat = Conv2d::default().stride([1, 2]).padding(Padding::Explicit([(0, 0), (2, 0)])).dilation([1, 2]).groups(2);
        let session = Session::open(Precision::Double);
        let (x, w) = (session.input(Shape::of(&[2, 7, 4])), session.input(Shape::of(&[2, 2, 6])));
        let one = x.conv1d(w, options);
        let two = x.reshape(&[2, 1, 7, 4]).conv2d(w.reshape(&[1, 2, 2, 6]), flat);
        assert_eq!(one.shape().to_vec(), [2, 4, 6]);
        assert_eq!(two.shape().to_vec(), [2, 1, 4, 6]);
        let graph = session.close(&[one, two]).unwrap().graph;
        let numbers = |n: usize| (0..n).map(|i| (i * i % 7) as f64 - 3.0).collect::<Vec<_>>();
        let values = crate::execute::interpret(&graph, &[&numbers(56), &numbers(24)]).unwrap();
        assert_eq!(values[0], values[1]);
        assert!(values[0].iter().any(|&v| v != 0.0));
    }

    #[test]
    fn refusals_say_what_does_not_fit() {
        let image = &[1, 8, 8, 4][..];
        let plain = Conv2d::default();
        let cases = [
            (&[8, 8, 4][..], &[3, 3, 4, 2][..], plain, "images and kernel need 4 axes each (images [8, 8, 4], kernel"),
            (image, &[3, 3, 5, 2], plain, "expected a kernel of shape [3, 3, 4, 2] (groups: 1), found [3, 3, 5, 2]"),
            (image, &[3, 3, 2, 3], plain.groups(2), "2 groups do not divide 4 channels in and 3 out"),
            (image, &[3, 3, 2, 4], plain.groups(0), "groups must be at least 1"),
            (image, &[9, 3, 4, 2], plain, "the kernel spans [9, 3] entries of a padded image of [8, 8]"),
            (image, &[3, 3, 4, 2], plain.dilation([1, 4]), "the kernel spans [3, 9] entries of a padded image of [8, 8]"),
            (image, &[3, 3, 4, 2], plain.stride([0, 1]), "stride must be at least 1"),
            (image, &[3, 3, 4, 2], plain.padding(Padding::Same).stride([0, 1]), "stride must be at least 1"),
            (image, &[3, 0, 4, 2], plain.padding(Padding::Same), "kernel size must be at least 1"),
        ];
        for (x, w, options, expected) in cases {
            let message = shape_of(x, w, |x, w| x.conv2d(w, options)).unwrap_err();
            assert!(message.starts_with("conv2d: ") && message.contains(expected), "{message}");
            assert!(message.contains(file!()), "{message} names the line of the call");
        }
    }
}
