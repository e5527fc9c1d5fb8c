/** Programs in processes of their own, over a build of the package made for the occasion. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Compiles the package next to node_modules, where it finds its dependencies; the tree's own dist/ is left alone. Returns the address of its entry. */
export function compilePackage(name: string): string {
  const out = join('node_modules', `.${name}`)
  const compiled = spawnSync(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json', '--noCheck', '--outDir', out])
  if (compiled.error !== undefined) throw compiled.error
  return pathToFileURL(join(out, 'index.js')).href
}

export interface Ended { readonly lines: string[]; readonly status: number | null }

/** Runs a module; `onLine` sees each line of its output as it comes. `fileKilobytes`: no file may grow beyond that. */
export function runModule(code: string, options: { onLine?: (line: string, kill: () => void) => void; fileKilobytes?: number } = {}): Promise<Ended> {
  const node = [process.execPath, '--input-type=module', '-e', code]
  const limit = options.fileKilobytes
  const [command, ...args] = limit === undefined ? node : ['sh', '-c', `ulimit -f ${limit * 2}; exec "$@"`, 'sh', ...node]
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', limit === undefined ? 'inherit' : 'ignore'] })
  const lines: string[] = []
  let buffered = ''
  child.stdout.on('data', (chunk: Buffer) => {
    buffered += chunk.toString()
    for (let end = buffered.indexOf('\n'); end >= 0; end = buffered.indexOf('\n')) {
      lines.push(buffered.slice(0, end))
      buffered = buffered.slice(end + 1)
      options.onLine?.(lines[lines.length - 1]!, () => child.kill('SIGKILL'))
    }
  })
  return new Promise((resolve) => child.on('close', (status) => resolve({ lines, status })))
}
