/** Iterators of events that end as soon as they are told to, also while they wait for the next event. */

/**
 * `return()` of a generator is heard only where it yields; the next event may never come.
 *
 * @param wake makes the generator end when it waits
 */
export function endingAtOnce<T>(
  generator: AsyncGenerator<T, void, void>,
  wake: () => void,
): AsyncGenerator<T, void, void> {
  const end = generator.return.bind(generator);
  return Object.assign(generator, {
    return(): Promise<IteratorResult<T, void>> {
      wake();
      return end();
    },
  });
}
