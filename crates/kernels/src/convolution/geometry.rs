//! Sizes of a convolution.

/// Sizes of a convolution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Number of images.
    pub images: usize,
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Channels of an image; a multiple of the groups.
    pub channels_in: usize,
    /// Channels of the result; a multiple of the groups.
    pub channels_out: usize,
    /// Height and width of the kernel, at least 1.
    pub kernel: [usize; 2],
    /// Distance of neighbouring patches along each axis, at least 1.
    pub stride: [usize; 2],
    /// Zeros put before and after the image along each axis.
    pub padding: [(usize, usize); 2],
    /// Distance of neighbouring kernel entries along each axis, at least 1.
    pub dilation: [usize; 2],
    /// Number of groups of channels that do not mix, at least 1.
    pub groups: usize,
}

impl Geometry {
    /// Height and width of the result: ⌊(size + padding − span) / stride⌋ + 1, where the kernel spans
    /// dilation · (kernel − 1) + 1 entries; 0 if it spans more than the padded image has.
    ///
    /// ```
    /// # use kernels::convolution::Geometry;
    /// let geometry = Geometry {
    ///     images: 1,
    ///     size: [28, 27],
    ///     channels_in: 1,
    ///     channels_out: 8,
    ///     kernel: [5, 3],
    ///     stride: [2, 2],
    ///     padding: [(2, 2), (0, 0)],
    ///     dilation: [1, 1],
    ///     groups: 1,
    /// };
    /// assert_eq!(geometry.output(), [14, 13]);
    /// ```
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let padded = self.size[axis] + self.padding[axis].0 + self.padding[axis].1;
            let span = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            if span > padded { 0 } else { (padded - span) / self.stride[axis] + 1 }
        })
    }

    /// Entries of the images.
    pub fn image_len(&self) -> usize {
        self.images * self.size[0] * self.size[1] * self.channels_in
    }

    /// Entries of the kernel.
    pub fn kernel_len(&self) -> usize {
        self.columns() * self.channels_out
    }

    /// Entries of the result.
    pub fn output_len(&self) -> usize {
        self.patches() * self.channels_out
    }

    /// Multiplications of one contraction, those with padding included.
    pub fn multiplications(&self) -> usize {
        self.output_len() * self.columns()
    }

    /// Number of patches: places of the kernel over all images.
    pub(super) fn patches(&self) -> usize {
        let [height, width] = self.output();
        self.images * height * width
    }

    /// Entries of a patch within one group.
    pub(super) fn columns(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.channels_in / self.groups)
    }

    pub(super) fn check<T>(&self, x: &[T], w: &[T], y: &[T]) {
        let lengths = (self.image_len(), self.kernel_len(), self.output_len());
        assert_eq!((x.len(), w.len(), y.len()), lengths, "lengths of images, kernel and result of {self:?}");
    }
}
