//! The two contractions with a kernel as sweeps of small stencils over padded images.
//!
//! A result is a correlation of the images with the kernel. Its transpose with respect to the images is several of them,
//! interleaved: the pixels y with (y + padding) mod stride = r, for one r, are met by those entries i of the kernel with
//! i · dilation ≡ r, which follow each other in steps of stride / g and are dilation / g apart, g = gcd(stride, dilation), read
//! backwards. So both are the same loop, over *places* (stride apart in the source) and *classes* r (next to each other in the
//! target), and no product with a zero between entries is ever formed.

use super::Geometry;
use std::ops::Range;

/// Entries of a padded strip of a source image that are worked on at once: 64 kilobytes of `f32`, so that it stays in a
/// second-level cache. Chosen by that size; no other has been measured.
const STRIP: usize = 1 << 14;

/// Most parts that one contraction is split into for the threads; each has its own working memory.
pub(super) const PARTS: usize = 16;

/// Multiplications that make a part worth handing to another thread: 5 to 15 µs at the speeds of the benchmark. Where
/// threads begin to pay has not been measured on a machine at rest.
pub(super) const PART_WORK: usize = 1 << 18;

/// One axis of a sweep: place v = 0, 1, … reads the source from v · stride − low on, and writes the entries
/// v · scale + origin + r of the target, for the classes r < scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub source: usize,
    pub target: usize,
    pub places: usize,
    pub stride: usize,
    low: isize,
    /// Source entries that a place may read.
    reach: usize,
    pub scale: usize,
    origin: isize,
    kernel: usize,
    dilation: usize,
    transposed: bool,
}

/// The places of one class and the kernel entries they see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    /// Number of kernel entries.
    pub count: usize,
    /// Kernel index of the first and of the distance to the next.
    first: usize,
    step: isize,
    /// Where the first is met in the source, from the start of a place.
    pub offset: usize,
    /// Distance in the source from one to the next.
    pub dilation: usize,
    /// Added to v · scale, the entry of the target.
    pub shift: isize,
}

impl Class {
    /// Kernel index of the `m`th entry.
    pub fn tap(&self, m: usize) -> usize {
        self.first.wrapping_add_signed(self.step * m as isize)
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Axis {
    fn forward(g: &Geometry, axis: usize) -> Axis {
        Axis {
            source: g.size[axis],
            target: g.output()[axis],
            places: g.output()[axis],
            stride: g.stride[axis],
            low: g.padding[axis].0 as isize,
            reach: g.dilation[axis] * (g.kernel[axis] - 1) + 1,
            scale: 1,
            origin: 0,
            kernel: g.kernel[axis],
            dilation: g.dilation[axis],
            transposed: false,
        }
    }

    fn input(g: &Geometry, axis: usize) -> Axis {
        let (low, stride, size) = (g.padding[axis].0, g.stride[axis], g.size[axis]);
        let (start, last) = (low / stride, (g.kernel[axis] - 1) * g.dilation[axis] / stride);
        Axis {
            source: g.output()[axis],
            target: size,
            places: if size == 0 { 0 } else { (size - 1 + low) / stride + 1 - start },
            stride: 1,
            low: last as isize - start as isize,
            reach: last + 1,
            scale: stride,
            origin: (start * stride) as isize - low as isize,
            kernel: g.kernel[axis],
            dilation: g.dilation[axis],
            transposed: true,
        }
    }

    /// Class r < scale.
    pub fn class(&self, r: usize) -> Class {
        let shift = self.origin + r as isize;
        if !self.transposed {
            return Class { count: self.kernel, first: 0, step: 1, offset: 0, dilation: self.dilation, shift };
        }
        let common = gcd(self.scale, self.dilation);
        let step = self.scale / common;
        let dilation = self.dilation / common;
        let first = (0..step.min(self.kernel)).find(|i| i * self.dilation % self.scale == r);
        let Some(first) = first else {
            return Class { count: 0, first: 0, step: 0, offset: 0, dilation, shift };
        };
        let count = (self.kernel - first).div_ceil(step);
        // Entry first + m · step is met m · dilation places further back, so they are read from the last to the first.
        let last = (first * self.dilation - r) / self.scale + (count - 1) * dilation;
        Class {
            count,
            first: first + (count - 1) * step,
            step: -(step as isize),
            offset: self.reach - 1 - last,
            dilation,
            shift,
        }
    }

    /// Those of the places that have an entry of this class in the target.
    pub fn within(&self, class: &Class, places: Range<usize>) -> Range<usize> {
        // 0 ≤ v · scale + shift < target.
        let scale = self.scale as isize;
        let least = |bound: isize| ((bound - class.shift + scale - 1).div_euclid(scale)).max(0) as usize;
        let (start, end) = (places.start.max(least(0)), places.end.min(least(self.target as isize)));
        start..end.max(start)
    }

    /// Entries of the target up to place `v`.
    fn target_start(&self, v: usize) -> usize {
        if v == self.places {
            return self.target;
        }
        (v as isize * self.scale as isize + self.origin).clamp(0, self.target as isize) as usize
    }

    /// Source entries, padding included, that `places` places read.
    pub fn window(&self, places: usize) -> usize {
        if places == 0 { 0 } else { (places - 1) * self.stride + self.reach }
    }

    /// First source entry of place `v`, negative in the padding.
    pub fn start(&self, v: usize) -> isize {
        (v * self.stride) as isize - self.low
    }

    /// Whether no place reads padding.
    fn inside(&self) -> bool {
        self.low <= 0 && self.places > 0 && self.start(0) + self.window(self.places) as isize <= self.source as isize
    }
}

impl<T: crate::Scalar> Strip<'_, T> {
    /// Whether all that so many rows of so many pixels hold is finite.
    #[inline(always)]
    pub fn is_finite(&self, rows: usize, pixels: usize) -> bool {
        let row = |i: usize| &self.entries[self.base + i * self.pitch..][..pixels * self.pixel];
        // 0 · x is 0 for what is finite alone. Without an early end, so that it runs in vectors.
        (0..rows).all(|i| row(i).iter().fold(true, |all, &x| all & (x * T::zero() == T::zero())))
    }
}

/// A sweep over all images, cut into strips of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    pub rows: Axis,
    pub columns: Axis,
    pub images: usize,
    pub groups: usize,
    /// Channels that are summed over within a group.
    pub inner: usize,
    /// Channels of the target within a group.
    pub outer: usize,
    /// Whether images are read where they are, because there is no padding.
    pub in_place: bool,
    /// Places along the rows in a strip.
    strip: usize,
    /// Strips of an image.
    strips: usize,
    /// Parts for the threads.
    pub parts: usize,
}

/// A source strip: entries, where the place (v, 0) of its first row starts, distances of rows and of pixels.
pub(super) struct Strip<'a, T> {
    pub entries: &'a [T],
    pub base: usize,
    pub pitch: usize,
    pub pixel: usize,
}

impl Sweep {
    fn new(g: &Geometry, rows: Axis, columns: Axis, inner: usize, outer: usize) -> Sweep {
        let entries = |places| rows.window(places) * columns.window(columns.places) * inner;
        let most = rows.places.max(1);
        // Halving keeps strips of one height, but for the last.
        let mut strip = most;
        while strip > 1 && entries(strip) > STRIP {
            strip = strip.div_ceil(2);
        }
        let strips = rows.places.div_ceil(strip);
        let parts = (g.multiplications() / PART_WORK).clamp(1, PARTS).min((g.images * strips).max(1));
        let in_place = g.groups == 1 && rows.inside() && columns.inside();
        Sweep { rows, columns, images: g.images, groups: g.groups, inner, outer, in_place, strip, strips, parts }
    }

    /// The sweep that writes the result.
    pub fn forward(g: &Geometry) -> Sweep {
        Sweep::new(g, Axis::forward(g, 0), Axis::forward(g, 1), g.channels_in / g.groups, g.channels_out / g.groups)
    }

    /// The sweep that writes the images.
    pub fn input(g: &Geometry) -> Sweep {
        Sweep::new(g, Axis::input(g, 0), Axis::input(g, 1), g.channels_out / g.groups, g.channels_in / g.groups)
    }

    /// Entries of working memory for one part.
    pub fn region(&self) -> usize {
        if self.in_place {
            0
        } else {
            self.rows.window(self.strip.min(self.rows.places)) * self.columns.window(self.columns.places) * self.inner
        }
    }

    /// Strips over all images; they write to consecutive entries of the target.
    fn units(&self) -> usize {
        self.images * self.strips
    }

    /// The strips of a part.
    pub fn units_of(&self, part: usize) -> Range<usize> {
        let at = |part: usize| part * self.units() / self.parts;
        at(part)..at(part + 1)
    }

    /// Image and rows of places of a strip.
    pub fn unit(&self, unit: usize) -> (usize, Range<usize>) {
        let start = unit % self.strips * self.strip;
        (unit / self.strips, start..(start + self.strip).min(self.rows.places))
    }

    /// Where strip `unit` starts in the target.
    pub fn target_start(&self, unit: usize) -> usize {
        let row = self.columns.target * self.groups * self.outer;
        if self.strips == 0 {
            return 0;
        }
        (unit / self.strips * self.rows.target + self.rows.target_start(unit % self.strips * self.strip)) * row
    }

    /// The source of a strip with one group of channels, read in place or copied to `region` with zeros around it.
    #[inline(always)]
    pub fn source<'a, T: crate::Scalar>(
        &self,
        images: &'a [T],
        image: usize,
        places: &Range<usize>,
        group: usize,
        region: &'a mut [T],
    ) -> Strip<'a, T> {
        let (rows, columns) = (&self.rows, &self.columns);
        let channels = self.groups * self.inner;
        let image_len = rows.source * columns.source * channels;
        let entries = &images[image * image_len..(image + 1) * image_len];
        if self.in_place {
            let pitch = columns.source * channels;
            let base = rows.start(places.start) as usize * pitch + columns.start(0) as usize * channels;
            return Strip { entries, base, pitch, pixel: channels };
        }
        let (height, width) = (rows.window(places.len()), columns.window(columns.places));
        let pitch = width * self.inner;
        let region = &mut region[..height * pitch];
        // Columns of the window that are padding before, image, and padding after.
        let left = columns.start(0);
        let before = (-left).clamp(0, width as isize) as usize;
        let skipped = left.max(0) as usize;
        let shown = columns.source.saturating_sub(skipped).min(width - before);
        for (row, to) in region.chunks_exact_mut(pitch.max(1)).enumerate() {
            let y = rows.start(places.start) + row as isize;
            if y < 0 || y >= rows.source as isize {
                to.fill(T::zero());
                continue;
            }
            let from = &entries[(y as usize * columns.source + skipped) * channels..][..shown * channels];
            let (zeros, to) = to.split_at_mut(before * self.inner);
            let (to, more_zeros) = to.split_at_mut(shown * self.inner);
            zeros.fill(T::zero());
            more_zeros.fill(T::zero());
            if self.groups == 1 {
                to.copy_from_slice(from);
            } else {
                let pixels = from.chunks_exact(channels.max(1));
                for (to, from) in to.chunks_exact_mut(self.inner.max(1)).zip(pixels) {
                    to.copy_from_slice(&from[group * self.inner..][..self.inner]);
                }
            }
        }
        Strip { entries: region, base: 0, pitch, pixel: self.inner }
    }
}
