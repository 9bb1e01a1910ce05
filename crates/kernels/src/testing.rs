//! What tests take of their cases under Miri, which is some thousand times slower: enough to walk every path through memory.
//! Elsewhere all of them.

/// The cases whose work, in multiplications or entries, Miri does within seconds.
pub fn affordable<C>(cases: impl IntoIterator<Item = C>, work: impl Fn(&C) -> usize) -> impl Iterator<Item = C> {
    cases.into_iter().filter(move |case| !cfg!(miri) || work(case) <= 5000)
}

/// The first of every `step` cases.
pub fn thinned<C>(cases: impl IntoIterator<Item = C>, step: usize) -> impl Iterator<Item = C> {
    cases.into_iter().step_by(if cfg!(miri) { step } else { 1 })
}

/// A bound of random sizes, no more than `few`.
pub fn at_most(many: usize, few: usize) -> usize {
    if cfg!(miri) { few } else { many }
}
