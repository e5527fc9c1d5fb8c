/**
 * Finds the packages that Ottla depends on, when something needs one: by `require` of CommonJS, from where this code stands. A program that bundles Ottla
 * into itself has this code in a file of its own, and finds them where that file stands: they are in no bundle (README, "Installing").
 */
declare const __filename: string | undefined
// The property, not the object: webpack knows no other way to ask.
const ownUrl = import.meta.url as string | undefined
const ownName = typeof __filename === 'string' ? __filename : undefined

let found: NodeJS.Require | undefined

/** `require` as in this file. Made with the first use: a process that needs no package does not pay for it. */
export function packages(): NodeJS.Require { return found ??= process.getBuiltinModule('node:module').createRequire(codeLocation(ownUrl, ownName)) }

/** Bundlers that write CommonJS leave `import.meta` empty; there the name of the file is in scope. What has neither (`node --eval`) stands in the working directory. */
export function codeLocation(url: string | undefined, filename: string | undefined): string {
  return url ?? filename ?? `${process.cwd()}/`
}

/** The deepest cause tells why; loaders of native packages wrap it in advice that is wrong more often than right. */
export function firstCause(error: unknown): string {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  const text = at instanceof Error ? at.message : String(at)
  return text.split('\n', 1)[0]!.slice(0, 200)
}

/** What to say of package `name` when `cause` kept it from loading: it is not there, or it does not run. Binaries are optional dependencies of the packages they belong to. */
export function packageProblem(name: string, cause: unknown): string {
  const isThere = (cause as { code?: unknown } | null)?.code !== 'MODULE_NOT_FOUND'
  const advice = isThere ? 'its binary was left out (`--omit=optional`, an install for another platform), or a flag of Node forbids it'
    : 'install the dependencies again; a program that is bundled leaves ottla out of the bundle, and has it in node_modules beside that'
  return `package ${name} could not be loaded (${firstCause(cause)}): ${advice}`
}
