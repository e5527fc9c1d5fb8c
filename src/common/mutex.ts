/** Runs async sections one after another, in order of arrival. A failed section does not stop the next. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve()

  run<T>(section: () => Promise<T> | T): Promise<T> {
    const result = this.#tail.then(section)
    this.#tail = result.catch(() => {})
    return result
  }
}
