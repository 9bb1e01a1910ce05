//! Pinning of the process to some cores. Threads and processes made later inherit it.

use crate::error::Result;

/// Restricts this thread, and all that it makes, to the first `threads` of the cores that it may use. Returns how many cores
/// that are, fewer if there are fewer. Elsewhere than on Linux nothing is pinned.
///
/// # Errors
/// That of the system call.
#[cfg(target_os = "linux")]
pub fn pin(threads: usize) -> Result<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let error = |e: rustix::io::Errno| crate::error::Error::Threads(format!("cannot pin to cores: {e}"));
    let allowed = sched_getaffinity(None).map_err(error)?;
    let mut chosen = CpuSet::new();
    let cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).take(threads);
    cores.for_each(|core| chosen.set(core));
    sched_setaffinity(None, &chosen).map_err(error)?;
    Ok(chosen.count() as usize)
}

/// Nothing: this system has no such call.
#[cfg(not(target_os = "linux"))]
pub fn pin(threads: usize) -> Result<usize> {
    Ok(threads)
}
