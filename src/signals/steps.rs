//! Counts the steps of an analysis, so that a test can hold it to linear time on any machine: every loop over the bytes, words,
//! calls or replies of a conversation tells how far it went. Outside tests it is nothing.

/// Adds to the count of this thread.
#[inline(always)]
pub(crate) fn took(steps: usize) {
    #[cfg(test)]
    COUNT.set(COUNT.get() + steps);
    #[cfg(not(test))]
    let _ = steps;
}

/// Passes the items on and counts them.
#[inline(always)]
pub(super) fn counted<I: IntoIterator>(items: I) -> impl Iterator<Item = I::Item> {
    items.into_iter().inspect(|_| took(1))
}

#[cfg(test)]
thread_local! {
    static COUNT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The steps that `work` takes.
#[cfg(test)]
pub(crate) fn of(work: impl FnOnce()) -> usize {
    COUNT.set(0);
    work();
    COUNT.get()
}

#[cfg(test)]
mod tests;
