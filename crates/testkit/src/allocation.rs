//! An allocator that counts, for tests that nothing is allocated, or no more than is said.
//!
//! It counts the whole process, so such a test stands in a file of its own:
//!
//! ```
//! use testkit::allocation::{Counting, allocations};
//! #[global_allocator]
//! static GLOBAL: Counting = Counting;
//! let before = allocations();
//! drop(vec![0]);
//! assert!(allocations() > before);
//! ```

#![allow(unsafe_code, reason = "an allocator is an unsafe trait; this one only forwards to the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counting.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Allocations so far.
pub fn allocations() -> usize {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// Bytes that are allocated and not yet given back.
pub fn bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

/// The most bytes that `run` had allocated at once beside those that were before it.
pub fn peak<R>(run: impl FnOnce() -> R) -> (usize, R) {
    let before = bytes();
    PEAK.store(before, Ordering::Relaxed);
    let result = run();
    (PEAK.load(Ordering::Relaxed) - before, result)
}

fn add(size: usize) {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    let bytes = BYTES.fetch_add(size, Ordering::Relaxed) + size;
    PEAK.fetch_max(bytes, Ordering::Relaxed);
}

// SAFETY: every call is forwarded unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Large blocks are moved by the system without a copy.
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        add(size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(ptr, layout, size) }
    }
}
