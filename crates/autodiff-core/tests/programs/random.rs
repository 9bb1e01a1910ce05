//! Choices from a counter: the same for the same seed on every machine.

use testkit::counter;

/// A stream of choices.
pub struct Random {
    stream: u64,
    next: u64,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { stream: seed, next: 0 }
    }

    /// In [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.next += 1;
        counter::uniform(self.stream, self.next)
    }

    /// Below `n`, which is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    pub fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    /// Numbers in [−1, 1).
    pub fn symmetric(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| 2.0 * self.uniform() - 1.0).collect()
    }

    /// Whole numbers below `length`.
    pub fn indices(&mut self, n: usize, length: usize) -> Vec<f64> {
        (0..n).map(|_| self.below(length) as f64).collect()
    }

    /// An order of 0 to n − 1.
    pub fn order(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}
