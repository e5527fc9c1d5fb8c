/** Functions of the program: what they throw or reject with goes no further than `failed`. */
export function callGuarded(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    handleRejection(call(), failed)
  } catch (error) {
    failed(error)
  }
}

export function handleRejection(given: unknown, failed: (error: unknown) => void = () => {}): void {
  if (typeof given === 'object' && given !== null && 'then' in given) void Promise.resolve(given).then(undefined, failed)
}
