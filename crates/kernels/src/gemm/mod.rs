//! Products of dense row-major matrices.
//!
//! A [`Product`] is a shape; it says how much scratch it needs and computes products of that shape. No product allocates.
//!
//! * Products with a vector, and outer products, read or write every entry of the matrix once, at the speed of the memory.
//! * All others are cut into tiles that stay in registers. Far or transposed operands are first copied into the scratch;
//!   small ones are read where they are.
//!
//! The kernels exist for AVX-512, AVX2, NEON and plain Rust; the best one is chosen when the program runs. The laws:
//!
//! * The result depends on the shape and on the instruction set, and on nothing else: to the last bit it is the same however
//!   many threads share the work, and whether the right operand was packed before ([`Product::pack_b`]).
//! * Every entry is summed in blocks of at most 256 terms ([`dot`] and its kind: in interleaved partial sums), in the order of
//!   the inner axis. No zero is skipped, so NaN and infinity propagate as in the definition.
//!
//! With the feature `blas`, products from 2²⁷ multiplications on (or what `blas_from` says) whose axes are all 2 or longer go to
//! `cblas_sgemm` or `cblas_dgemm` of the library that the program links, such as by a dependency on `openblas-src`, `blis-src` or
//! `intel-mkl-src` and `use openblas_src as _;`. For these products the laws are the library's:
//!
//! * The bits may depend on the number of its threads, which it chooses itself (`OPENBLAS_NUM_THREADS` and the like; also for
//!   [`Product::run`]), on the machine, and with some libraries on addresses.
//! * A product with a [packed](Product::pack_b) operand is still ours, so its bits differ from those of the plain one.
//! * The order of sums is unknown, and a library may skip zeros, so that 0 · ∞ is lost.
//!
//! ```
//! use kernels::gemm::{Product, Update};
//! // [1 2; 3 4] · [5; 6] = [17; 39], and with the first matrix transposed [23; 34].
//! let (a, b, mut out) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0], [0.0; 2]);
//! let product = Product::new(2, 1, 2);
//! let mut scratch = vec![0.0; product.scratch::<f64>()];
//! product.run(Update::Replace, &a, &b, &mut out, &mut scratch);
//! assert_eq!(out, [17.0, 39.0]);
//! product.trans_a(true).run(Update::Replace, &a, &b, &mut out, &mut scratch);
//! assert_eq!(out, [23.0, 34.0]);
//! ```

#[cfg(feature = "blas")]
pub(crate) mod blas;
mod blocked;
mod engine;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pack;
mod path;
mod simd;
mod swapped;
#[cfg(test)]
mod tests;
mod tile;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::Scalar;
#[cfg(feature = "blas")]
pub use blas::blas_from;
pub use engine::Engine;
pub(crate) use engine::{engines_f32, engines_f64};

/// What becomes of the numbers that the result held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// out = a · b; the old numbers are not read.
    Replace,
    /// out += a · b.
    Add,
    /// out −= a · b.
    Subtract,
}

/// Shape of a product op(a) · op(b) of an m × k and a k × n matrix, where op transposes or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    m: usize,
    n: usize,
    k: usize,
    trans_a: bool,
    trans_b: bool,
    /// Distances of the rows of a, b and the result, where they are not those of contiguous matrices.
    rows: Option<[usize; 3]>,
}

impl Product {
    /// Product of an m × k and a k × n matrix, both row-major, contiguous and not transposed.
    pub fn new(m: usize, n: usize, k: usize) -> Product {
        Product { m, n, k, trans_a: false, trans_b: false, rows: None }
    }

    /// The same for `a` stored transposed, as k × m entries, if `trans_a`, else as m × k.
    pub fn trans_a(self, trans_a: bool) -> Product {
        Product { trans_a, ..self }
    }

    /// The same for `b` stored transposed, as n × k entries, if `trans_b`, else as k × n.
    pub fn trans_b(self, trans_b: bool) -> Product {
        Product { trans_b, ..self }
    }

    /// The same for parts of wider matrices: `a`, `b` and `out` are the distances from row to row as stored.
    ///
    /// # Panics
    /// [`run`](Product::run) does, if rows overlap.
    ///
    /// ```
    /// use kernels::gemm::{Product, Update};
    /// // The last column of a 2 × 2 matrix times the number 3, into the first column of another.
    /// let mut out = [0.0; 4];
    /// Product::new(2, 1, 1).rows_apart(2, 1, 2).run(Update::Replace, &[1.0, 2.0, 3.0, 4.0][1..], &[3.0], &mut out, &mut []);
    /// assert_eq!(out, [6.0, 0.0, 12.0, 0.0]);
    /// ```
    pub fn rows_apart(self, a: usize, b: usize, out: usize) -> Product {
        Product { rows: Some([a, b, out]), ..self }
    }

    /// Entries of working memory for [`run`](Product::run): none for vectors and most small products, else at most a block of
    /// 256 × 4096 and one of 256 × 224. It depends on the machine and on T.
    pub fn scratch<T: Scalar>(&self) -> usize {
        self.scratch_of(T::engine(), 1)
    }

    /// Entries of working memory with which [`run_parallel`](Product::run_parallel) keeps a pool of so many threads at work, where
    /// the product is large enough for them.
    pub fn scratch_parallel<T: Scalar>(&self, threads: usize) -> usize {
        self.scratch_of(T::engine(), if self.is_divided() { threads } else { 1 })
    }

    /// Whether [`run`](Product::run) leaves the product to the library of the feature `blas`, whose sums are in another order.
    pub fn goes_to_library(&self) -> bool {
        #[cfg(feature = "blas")]
        return self.is_for_blas();
        #[cfg(not(feature = "blas"))]
        false
    }

    /// Replaces or updates `out`, an m × n matrix, by op(a) · op(b).
    ///
    /// `scratch` has at least [`scratch`](Product::scratch) entries, whatever they hold. With k = 0 the product is zero. Costs
    /// 2mnk operations; see `docs/performance.md` for how fast they are.
    ///
    /// # Panics
    /// If the length of a slice is not that of its matrix (of matrices with [rows apart](Product::rows_apart): if one is too
    /// short or its rows overlap), or the scratch is too short.
    ///
    /// ```
    /// use kernels::gemm::{Product, Update};
    /// // x yᵀ for x = (1, 2) and y = (3, 4), twice.
    /// let mut out = [0.0_f32; 4];
    /// Product::new(2, 2, 1).run(Update::Replace, &[1.0, 2.0], &[3.0, 4.0], &mut out, &mut []);
    /// Product::new(2, 2, 1).run(Update::Add, &[1.0, 2.0], &[3.0, 4.0], &mut out, &mut []);
    /// assert_eq!(out, [6.0, 8.0, 12.0, 16.0]);
    /// ```
    pub fn run<T: Scalar>(&self, update: Update, a: &[T], b: &[T], out: &mut [T], scratch: &mut [T]) {
        #[cfg(feature = "blas")]
        if self.run_by_blas(update, a, b, out) {
            return;
        }
        self.run_with(T::engine(), update, a, Right::Plain(b), out, scratch, 1);
    }

    /// As [`run`](Product::run), by the threads of the current rayon pool; the result is the same to the last bit.
    ///
    /// Small products, for which waking a thread takes longer than the product, stay on this thread. `scratch` has at least
    /// [`scratch`](Product::scratch) entries; with those of [`scratch_parallel`](Product::scratch_parallel) all threads
    /// find room to work.
    ///
    /// # Panics
    /// As [`run`](Product::run).
    pub fn run_parallel<T: Scalar>(&self, update: Update, a: &[T], b: &[T], out: &mut [T], scratch: &mut [T]) {
        #[cfg(feature = "blas")]
        if self.run_by_blas(update, a, b, out) {
            return;
        }
        self.run_with(T::engine(), update, a, Right::Plain(b), out, scratch, self.threads());
    }

    /// Entries of the right operand once [packed](Product::pack_b): k · n, with n rounded up to a whole vector.
    pub fn packed_len<T: Scalar>(&self) -> usize {
        self.packed_len_of(T::engine())
    }

    /// Writes the right operand to `packed` in the order in which the kernels read it.
    ///
    /// Worth its cost, about that of copying, where `b` is used again. What is packed serves products with equal n, k and
    /// `trans_b`, and any m from 2 on (a single row is multiplied in another way, and has to be packed for), on this machine.
    ///
    /// # Panics
    /// If `b` is not as long as its matrix, or `packed` is shorter than [`packed_len`](Product::packed_len).
    ///
    /// ```
    /// use kernels::gemm::{Product, Update};
    /// let product = Product::new(2, 2, 2);
    /// let mut packed = vec![0.0; product.packed_len::<f64>()];
    /// product.pack_b(&[0.0, 1.0, 1.0, 0.0], &mut packed);
    /// let (mut out, mut scratch) = ([0.0; 4], vec![0.0; product.scratch::<f64>()]);
    /// product.run_packed(Update::Replace, &[1.0, 2.0, 3.0, 4.0], &packed, &mut out, &mut scratch);
    /// assert_eq!(out, [2.0, 1.0, 4.0, 3.0]);
    /// ```
    pub fn pack_b<T: Scalar>(&self, b: &[T], packed: &mut [T]) {
        self.pack_b_with(T::engine(), b, packed);
    }

    /// Whether [`run`](Product::run) copies the right operand into the scratch first, so that one that is used again is better
    /// [packed](Product::pack_b) once.
    pub fn packs_b<T: Scalar>(&self) -> bool {
        self.packs_b_with(T::engine())
    }

    /// As [`run`](Product::run) with a right operand that was [packed](Product::pack_b); the result is the same to the last
    /// bit.
    ///
    /// # Panics
    /// As [`run`](Product::run), and if `packed` is shorter than [`packed_len`](Product::packed_len).
    pub fn run_packed<T: Scalar>(&self, update: Update, a: &[T], packed: &[T], out: &mut [T], scratch: &mut [T]) {
        self.run_with(T::engine(), update, a, Right::Packed(packed), out, scratch, 1);
    }

    /// As [`run_packed`](Product::run_packed), by the threads of the current rayon pool, under the conditions of
    /// [`run_parallel`](Product::run_parallel).
    ///
    /// # Panics
    /// As [`run_packed`](Product::run_packed).
    pub fn run_packed_parallel<T: Scalar>(
        &self,
        update: Update,
        a: &[T],
        packed: &[T],
        out: &mut [T],
        scratch: &mut [T],
    ) {
        self.run_with(T::engine(), update, a, Right::Packed(packed), out, scratch, self.threads());
    }
}

/// Terms of a sum of `k` that a product adds from zero before they join the result: of its blocks of the inner axis all but the
/// last are so long, and all are a product of their own that is [added](Update::Add). Not of inner products of rows, as of a plain
/// matrix with a vector: these are interleaved partial sums over all of k.
///
/// ```
/// use kernels::gemm::{Product, Update, inner_block};
/// let (k, a): (usize, Vec<f64>) = (1100, (0..1100).map(|i| 1.0 / (i as f64 + 1.0)).collect());
/// let (mut whole, mut sum) = ([0.0; 4], [0.0; 4]);
/// Product::new(2, 2, k / 2).run(Update::Replace, &a, &a, &mut whole, &mut vec![0.0; 1 << 16]);
/// let mut done = 0;
/// while done < k / 2 {
///     let some = inner_block(k / 2).min(k / 2 - done);
///     // The same columns of the left matrix, the same rows of the right one.
///     let part = Product::new(2, 2, some).rows_apart(k / 2, 2, 2);
///     part.run(Update::Add, &a[done..], &a[2 * done..], &mut sum, &mut vec![0.0; 1 << 16]);
///     done += some;
/// }
/// assert_eq!(whole, sum);
/// ```
pub fn inner_block(k: usize) -> usize {
    blocked::blocks(k, blocked::K_BLOCK, blocked::K_UNIT).next().map_or(0, |(start, end)| end - start)
}

/// Inner product of two slices of equal length.
///
/// The terms are summed in interleaved partial sums, so the result may differ from that of a loop in the last digits.
///
/// # Panics
/// If the lengths differ.
///
/// ```
/// assert_eq!(kernels::gemm::dot(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 32.0);
/// ```
pub fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    assert_eq!(a.len(), b.len(), "dot: slices of equal length");
    let mut out = T::zero();
    vector::dot(T::engine(), a, b, &mut out);
    out
}

/// The right operand of a product.
#[derive(Clone, Copy)]
enum Right<'a, T> {
    Plain(&'a [T]),
    Packed(&'a [T]),
}
