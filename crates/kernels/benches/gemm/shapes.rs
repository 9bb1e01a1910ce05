//! The products that are timed.

/// Shapes m × n with inner length k, and which operands are stored transposed.
pub type Shape = (usize, usize, usize, bool, bool);

/// Network 784-256-128-10 with 128 samples: the layers, then their gradients by weights and by inputs.
pub const CLASSIFIER: &[Shape] = &[
    (128, 256, 784, false, false),
    (784, 256, 128, true, false),
    (128, 784, 256, false, true),
    (128, 128, 256, false, false),
    (256, 128, 128, true, false),
    (128, 256, 128, false, true),
    (128, 10, 128, false, false),
    (128, 10, 128, true, false),
    (128, 128, 10, false, true),
];

/// Autoencoder 784-1000-500-250-30 and back with 200 samples: half of the layers, some gradients.
pub const AUTOENCODER: &[Shape] = &[
    (200, 1000, 784, false, false),
    (784, 1000, 200, true, false),
    (200, 784, 1000, false, true),
    (200, 500, 1000, false, false),
    (200, 250, 500, false, false),
    (200, 30, 250, false, false),
    (250, 30, 200, true, false),
    (200, 250, 30, false, true),
];

/// Network 2-32-32-1 with 100 samples.
pub const SMALL: &[Shape] = &[
    (100, 32, 2, false, false),
    (2, 32, 100, true, false),
    (100, 32, 32, false, false),
    (32, 32, 100, true, false),
    (100, 32, 32, false, true),
    (100, 1, 32, false, false),
    (32, 1, 100, true, false),
    (100, 32, 1, false, true),
    (8, 8, 8, false, false),
    (32, 32, 32, false, false),
];

/// Unfolded convolutions, products with a vector, and squares.
pub const OTHERS: &[Shape] = &[
    (12_544, 16, 72, false, false),
    (72, 16, 12_544, true, false),
    (50_176, 8, 9, false, false),
    (10_000, 1, 100, false, false),
    (100, 1, 10_000, true, false),
    (256, 256, 256, false, false),
    (512, 512, 512, false, false),
    (1024, 1024, 1024, false, false),
    (2000, 2000, 2000, false, false),
];

/// As 784×128ᵀ · 128×256, where a marked operand is stored transposed.
pub fn name((m, n, k, trans_a, trans_b): Shape) -> String {
    let mark = |transposed| if transposed { "ᵀ" } else { "" };
    format!("{m}×{k}{} · {k}×{n}{}", mark(trans_a), mark(trans_b))
}
