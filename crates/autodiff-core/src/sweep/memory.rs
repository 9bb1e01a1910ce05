//! [`Spare`]: vectors that a thread lends to its sweeps and takes back.

use std::any::Any;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Vectors of one type that rest, at most: a sweep takes four, and a call two for its point and its result.
const RESTING: usize = 7;

/// Bytes of a vector beyond which it is given back to the system rather than kept.
const LARGEST: usize = 1 << 26;

thread_local! {
    /// Resting vectors, a list for each type.
    static POOL: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// An empty vector with the memory of an earlier one of this thread; dropped, it rests for the next.
#[derive(Debug)]
pub struct Spare<R: 'static>(Vec<R>);

impl<R: 'static> Spare<R> {
    /// An empty vector for `capacity` entries: the smallest that rests and has the room, else the largest made larger, else a
    /// new one.
    pub fn with_capacity(capacity: usize) -> Spare<R> {
        let mut vector = resting(|v: &Vec<R>| (v.capacity() < capacity, v.capacity().abs_diff(capacity)));
        vector.reserve(capacity);
        Spare(vector)
    }

    /// The largest vector that rests, for a length that is not known beforehand.
    pub fn largest() -> Spare<R> {
        Spare(resting(|v: &Vec<R>| std::cmp::Reverse(v.capacity())))
    }

    /// The vector, taken out of the pool for good.
    pub fn into_inner(mut self) -> Vec<R> {
        std::mem::take(&mut self.0)
    }
}

/// The resting vector of the lowest rank; a new one if none rests.
fn resting<R: 'static, K: Ord>(rank: impl Fn(&Vec<R>) -> K) -> Vec<R> {
    let found = POOL.try_with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        let list = pool.iter_mut().find_map(|list| list.downcast_mut::<Vec<Vec<R>>>())?;
        let best = (0..list.len()).min_by_key(|&i| rank(&list[i]))?;
        Some(list.swap_remove(best))
    });
    found.ok().flatten().unwrap_or_default()
}

impl<R: 'static> From<Vec<R>> for Spare<R> {
    fn from(vector: Vec<R>) -> Spare<R> {
        Spare(vector)
    }
}

impl<R: 'static> Drop for Spare<R> {
    fn drop(&mut self) {
        let mut vector = std::mem::take(&mut self.0);
        if vector.capacity() == 0 || vector.capacity() * size_of::<R>() > LARGEST {
            return;
        }
        vector.clear();
        // While the thread ends there is no pool any more.
        let _ = POOL.try_with(|pool| {
            let Ok(mut pool) = pool.try_borrow_mut() else { return };
            match pool.iter_mut().find_map(|list| list.downcast_mut::<Vec<Vec<R>>>()) {
                Some(list) if list.len() < RESTING => list.push(vector),
                Some(_) => {}
                None => pool.push(Box::new(vec![vector])),
            }
        });
    }
}

impl<R: 'static> Deref for Spare<R> {
    type Target = Vec<R>;
    fn deref(&self) -> &Vec<R> {
        &self.0
    }
}

impl<R: 'static> DerefMut for Spare<R> {
    fn deref_mut(&mut self) -> &mut Vec<R> {
        &mut self.0
    }
}
